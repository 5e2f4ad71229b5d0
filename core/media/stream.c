#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/str.h"
#include "core/media/fork_priv.h"
#include "core/media/media_priv.h"

enum { PTIME_MIN = 10, PTIME_MAX = 60 };

/* ---- control ---- */

int ml_stream_new(struct ml_media *media, const char *bind,
                  const struct ml_stream_handlers *handlers, void *user, struct ml_stream **streamp,
                  struct ml_fault *fault)
{
    struct ml_stream *stream = ml_alloc(sizeof *stream);
    int status;

    ml_str_copy(stream->address, sizeof stream->address, ml_str(bind ? bind : media->address));
    if (!ml_endpoint_set(&stream->local, stream->address, 0))
        status = ml_fail(fault, ML_EINVAL, "\"%.60s\" is not an address to bind RTP to", bind);
    else
        status = ml_ports_take(media->ports, &stream->local, &stream->pair, fault);
    if (status != 0) {
        ml_free(stream);
        return status;
    }
    ml_endpoint_set_port(&stream->local, stream->pair.port);
    stream->media = media;
    stream->handlers = handlers;
    stream->user = user;
    stream->home = ml_media_lightest(media);
    stream->home->load++;
    ml_random_hex(stream->cname, 8);
    ml_timeline_init(&stream->line, ml_clock_us());
    stream->ssrc = stream->line.ssrc;
    stream->target = (struct ml_stream_target){
        .ptime = ML_PTIME, .event_send_type = -1, .event_receive_type = -1};
    stream->speak.fn = ml_stream_speak;
    stream->key_end.fn = ml_stream_key_end;
    ml_list_append(&media->streams, &stream->all);
    media->open++;
    ml_worker_send(stream->home, ml_message_new(ML_MESSAGE_ATTACH, stream));
    *streamp = stream;
    return ML_OK;
}

void ml_stream_free(struct ml_stream *stream)
{
    if (!stream || stream->closed)
        return;
    stream->closed = true;
    stream->media->open--;
    if (stream->mate)
        stream->mate->mate = NULL;
    stream->mate = NULL;
    stream->room = NULL;
    ml_recorder_forget(stream->media, stream, NULL);
    ml_fork_forget(stream->media, stream);
    ml_worker_send(stream->home, ml_message_new(ML_MESSAGE_DETACH, stream));
}

void ml_stream_destroy(struct ml_stream *stream)
{
    ml_list_remove(&stream->all);
    stream->home->load--;
    if (atomic_load_explicit(&stream->received, memory_order_relaxed) == 0 &&
        atomic_load_explicit(&stream->sent, memory_order_relaxed) == 0)
        ml_ports_give_unused(stream->media->ports, &stream->pair);
    else
        ml_ports_give(stream->media->ports, &stream->pair);
    ml_player_free(stream->player);
    ml_inband_free(stream->inband);
    ml_free(stream);
}

uint16_t ml_stream_port(const struct ml_stream *stream)
{
    return stream->pair.port;
}

const char *ml_stream_address(const struct ml_stream *stream)
{
    return stream->address;
}

/* In-band keys are heard only where no telephone-event was agreed on. */
void ml_stream_set_target(struct ml_stream *stream, const struct ml_stream_target *target)
{
    struct ml_message *message = ml_message_new(ML_MESSAGE_TARGET, stream);

    message->target = *target;
    message->target.address[sizeof message->target.address - 1] = '\0';
    if (message->target.ptime < PTIME_MIN || message->target.ptime > PTIME_MAX)
        message->target.ptime = ML_PTIME;
    if (target->event_receive_type < 0 && !stream->has_inband) {
        stream->has_inband = true;
        message->inband = ml_inband_new(ml_stream_inband, stream);
    }
    ml_worker_send(stream->home, message);
}

void ml_stream_stats(struct ml_stream *stream, struct ml_stream_stats *stats)
{
    stats->sent = atomic_load_explicit(&stream->sent, memory_order_relaxed);
    stats->received = atomic_load_explicit(&stream->received, memory_order_relaxed);
    stats->dropped = atomic_load_explicit(&stream->dropped, memory_order_relaxed);
    stats->lost = atomic_load_explicit(&stream->lost, memory_order_relaxed);
    stats->jitter_us =
        (int)(atomic_load_explicit(&stream->jitter, memory_order_relaxed) * 125u); /* a sample */
    stats->gap_us = (int)atomic_exchange_explicit(&stream->gap_us, 0, memory_order_relaxed);
    stats->ssrc = stream->ssrc;
    stats->peer_ssrc = atomic_load_explicit(&stream->peer_ssrc, memory_order_relaxed);
    stats->sources = atomic_load_explicit(&stream->sources, memory_order_relaxed);
    stats->octets_sent = (int)atomic_load_explicit(&stream->octets, memory_order_relaxed);
}

int ml_stream_play(struct ml_stream *stream, const struct ml_source *source, uint32_t op,
                   struct ml_fault *fault)
{
    struct ml_message *message;
    struct ml_player *player;
    int status = ml_player_new(stream->media->clips, source, op, &player, fault);

    if (status != 0)
        return status;
    message = ml_message_new(ML_MESSAGE_PLAY, stream);
    message->player = player;
    ml_worker_send(stream->home, message);
    return ML_OK;
}

void ml_stream_stop(struct ml_stream *stream)
{
    ml_worker_send(stream->home, ml_message_new(ML_MESSAGE_STOP, stream));
}

void ml_stream_press(struct ml_stream *stream, char key, int duration_ms)
{
    struct ml_message *message = ml_message_new(ML_MESSAGE_PRESS, stream);

    message->key = key;
    message->ms = duration_ms;
    ml_worker_send(stream->home, message);
}

/* ---- worker ---- */

static void watch(struct ml_worker *worker, struct ml_stream *stream)
{
    struct epoll_event event = {.events = EPOLLIN};
    uintptr_t tagged = (uintptr_t)stream;

    event.data.ptr = stream;
    epoll_ctl(worker->epoll, EPOLL_CTL_ADD, stream->pair.rtp, &event);
    event.data.ptr = (void *)(tagged | 1);
    epoll_ctl(worker->epoll, EPOLL_CTL_ADD, stream->pair.rtcp, &event);
}

void ml_stream_enter(struct ml_worker *worker, struct ml_stream *stream)
{
    ml_list_append(&worker->streams, &stream->link);
    watch(worker, stream);
    if (stream->speak.due)
        ml_worker_tick(worker, &stream->speak, stream->speak.due);
    if (stream->key_end.due)
        ml_worker_tick(worker, &stream->key_end, stream->key_end.due);
    atomic_store(&stream->owner, worker);
    ml_worker_busy(worker);
}

static void forget(struct ml_stream *stream)
{
    ml_list_remove(&stream->speak.link);
    ml_list_remove(&stream->key_end.link);
    ml_list_remove(&stream->link);
    atomic_store(&stream->owner, NULL);
}

void ml_stream_leave(struct ml_stream *stream)
{
    struct ml_worker *worker = atomic_load(&stream->owner);

    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, stream->pair.rtp, NULL);
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, stream->pair.rtcp, NULL);
    forget(stream);
}

void ml_stream_attach(struct ml_worker *worker, struct ml_stream *stream)
{
    stream->heard_us = worker->now;
    stream->report_us = worker->now + ML_RTCP_US;
    ml_stream_enter(worker, stream);
}

void ml_stream_detach(struct ml_worker *worker, struct ml_stream *stream)
{
    ml_unbridge_now(stream);
    ml_chair_leave(stream);
    ml_taps_clear(&stream->said);
    ml_taps_clear(&stream->heard);
    ml_fork_release_all(stream);
    ml_ports_close(&stream->pair); /* which takes them out of the worker's epoll, too */
    forget(stream);
    ml_player_free(stream->player);
    stream->player = NULL;
    ml_media_note(worker->media, ml_note_new(ML_NOTE_GONE, stream));
}

/* Packets to ourselves would go round for ever. */
static bool is_own(const struct ml_stream *stream, const struct ml_endpoint *to)
{
    return ml_endpoint_port(to) == stream->pair.port &&
           (ml_endpoint_same_host(to, &stream->local) || !ml_endpoint_is_unicast(&stream->local));
}

void ml_stream_retarget(struct ml_worker *worker, struct ml_stream *stream,
                        struct ml_message *message)
{
    const struct ml_stream_target *target = &message->target;
    struct ml_endpoint sdp;
    bool was_due = ml_stream_is_due(stream);

    ml_endpoint_set(&sdp, target->address, target->port);
    stream->reachable = ml_endpoint_is_unicast(&sdp) && target->port > 0 &&
                        sdp.a.any.sa_family == stream->local.a.any.sa_family &&
                        !is_own(stream, &sdp);
    if (stream->reachable)
        ml_latch_target(&stream->latch, &sdp);
    stream->lost_told = false;
    stream->target = *target;
    if (!was_due || !ml_stream_is_due(stream))
        stream->heard_us = worker->now;
    if (message->inband) {
        stream->inband = message->inband;
        message->inband = NULL;
    }
    stream->stirred = true;
    ml_worker_busy(worker);
}
