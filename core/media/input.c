/* What a stream receives: checked, from the one source it believes, then to whoever listens. */
#include <string.h>
#include <sys/socket.h>

#include "core/base/mem.h"
#include "core/media/media_priv.h"

enum { INBAND_END = 10 }; /* packets of silence by which the detector knows that a key is up */

static void tell_digit(struct ml_stream *stream, char key, int ms)
{
    struct ml_note *note = ml_note_new(ML_NOTE_DIGIT, stream);

    note->digit = key;
    note->ms = ms;
    ml_media_note(stream->media, note);
}

static void press(struct ml_worker *worker, struct ml_stream *stream, char key, int ms)
{
    tell_digit(stream, key, ms);
    for (int i = stream->said.count - 1; i >= 0; i--) /* down: one that ends takes itself out */
        ml_recorder_key(worker, stream->said.tap[i].recorder, stream->said.tap[i].channel, key);
}

void ml_stream_press_now(struct ml_worker *worker, struct ml_stream *stream, char key, int ms)
{
    if (stream->peer && ml_stream_can_send(stream->peer))
        ml_stream_chirp(worker, stream->peer, key);
    press(worker, stream, key, ms);
}

/* The detector speaks while it hears: same thread, within ml_stream_receive. */
void ml_stream_inband(char key, int ms, void *user)
{
    struct ml_stream *stream = user;
    struct ml_stream *peer = stream->peer;

    if (key) {
        stream->inband_down = true;
        stream->inband_key = key;
        if (peer && peer->target.event_send_type >= 0 && ml_stream_can_send(peer))
            ml_stream_chirp(stream->hearing, peer, key);
        return;
    }
    if (stream->inband_down)
        press(stream->hearing, stream, stream->inband_key, ms);
    stream->inband_down = false;
}

/* A tone that nothing follows, not even silence, is over, too. */
static int64_t inband_deadline(const struct ml_stream *stream)
{
    return stream->inband_down ? stream->inband_us + ML_EVENT_LOST_MS * INT64_C(1000) : 0;
}

static void hear_silence(struct ml_worker *worker, struct ml_stream *stream)
{
    static const int16_t silence[ML_PTIME * ML_SAMPLES_MS];

    stream->hearing = worker;
    for (int i = 0; i < INBAND_END && stream->inband_down; i++)
        ml_inband_hear(stream->inband, silence, sizeof silence / sizeof *silence);
    stream->inband_down = false;
}

static int64_t key_deadline(const struct ml_stream *stream)
{
    int64_t event = ml_event_deadline(&stream->keys), tone = inband_deadline(stream);

    return event && (!tone || event < tone) ? event : tone;
}

void ml_stream_key_end(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now)
{
    struct ml_stream *stream = ML_CONTAINER(ticker, struct ml_stream, key_end);
    struct ml_press over;

    if (ml_event_late(&stream->keys, now, &over)) {
        if (stream->peer)
            stream->peer->chirp.holding = false;
        press(worker, stream, over.key, over.ms);
    }
    if (stream->inband_down && now >= inband_deadline(stream))
        hear_silence(worker, stream);
    ticker->due = key_deadline(stream);
}

static void watch_key(struct ml_worker *worker, struct ml_stream *stream)
{
    int64_t deadline = key_deadline(stream);

    if (deadline && !stream->key_end.due)
        ml_worker_tick(worker, &stream->key_end, deadline);
}

static void take_event(struct ml_worker *worker, struct ml_stream *stream, uint8_t *packet,
                       const struct ml_rtp *rtp)
{
    struct ml_press ended[2];
    struct ml_event event;
    enum ml_event_step step;
    bool over;

    if (!ml_event_parse(packet + rtp->offset, rtp->length, &event)) {
        ml_count(&stream->dropped, 1);
        return;
    }
    step = ml_event_packet(&stream->keys, rtp->timestamp, &event, worker->now, ended, &over);
    if (stream->peer && !(stream->has_old_key && stream->old_key == rtp->timestamp))
        ml_bridge_event(worker, stream, packet, *rtp, step, ml_event_key(event.code));
    if (over)
        press(worker, stream, ended[1].key, ended[1].ms);
    if (step == ML_EVENT_ENDED || step == ML_EVENT_WHOLE)
        press(worker, stream, ended[0].key, ended[0].ms);
    watch_key(worker, stream);
}

static void take_audio(struct ml_worker *worker, struct ml_stream *stream, uint8_t *packet,
                       const struct ml_rtp *rtp, bool fresh)
{
    bool hearing = stream->inband && stream->target.event_receive_type < 0;
    int16_t samples[ML_PACKET_MAX];

    if (hearing || stream->said.count > 0 || stream->chair)
        ml_codec_decode(stream->target.codec, packet + rtp->offset, rtp->length, samples);
    if (stream->said.count > 0)
        ml_taps_hear(&stream->said, worker->now, rtp, samples, fresh);
    if (stream->chair)
        ml_chair_hear(worker, stream, rtp, samples, fresh);
    if (hearing) {
        stream->hearing = worker;
        stream->inband_us = worker->now;
        ml_inband_hear(stream->inband, samples, rtp->length);
        watch_key(worker, stream);
    }
    if (stream->fork_count > 0)
        ml_fork_hear(worker, stream, ML_FORK_INBOUND, rtp, packet + rtp->offset, rtp->length,
                     fresh);
    if (stream->peer)
        ml_bridge_audio(worker, stream, packet, *rtp);
}

static void keep_gap(struct ml_stream *stream, int64_t us)
{
    if (us > atomic_load_explicit(&stream->gap_us, memory_order_relaxed) &&
        atomic_load_explicit(&stream->received, memory_order_relaxed) > 0)
        atomic_store_explicit(&stream->gap_us, (uint32_t)us, memory_order_relaxed);
}

static void keep_account(struct ml_worker *worker, struct ml_stream *stream,
                         const struct ml_rtp *rtp, bool timed, bool *fresh)
{
    uint32_t arrival = (uint32_t)(worker->now * ML_SAMPLES_MS / 1000);

    *fresh = ml_rtp_account(&stream->account, rtp, arrival, timed);
    if (*fresh) {
        stream->keys.known = false;
        atomic_store_explicit(&stream->peer_ssrc, rtp->ssrc, memory_order_relaxed);
        atomic_fetch_add_explicit(&stream->sources, 1, memory_order_relaxed);
    }
    atomic_store_explicit(&stream->lost, ml_rtp_lost(&stream->account), memory_order_relaxed);
    atomic_store_explicit(&stream->jitter, stream->account.jitter16 >> 4, memory_order_relaxed);
    keep_gap(stream, worker->now - stream->heard_us);
    ml_count(&stream->received, 1);
    stream->heard_us = worker->now;
    stream->stirred = true;
    ml_worker_busy(worker);
}

static void take(struct ml_worker *worker, struct ml_stream *stream, uint8_t *packet, size_t n,
                 const struct ml_endpoint *from)
{
    const struct ml_stream_target *target = &stream->target;
    struct ml_rtp rtp;
    bool audio, event, fresh;

    if (!ml_rtp_parse(packet, n, &rtp))
        goto drop;
    audio = rtp.type == target->receive_type;
    event = target->event_receive_type >= 0 && rtp.type == target->event_receive_type;
    if (!audio && !event && rtp.type != ML_RTP_COMFORT_NOISE)
        goto drop;
    if (!audio && !stream->latch.locked && !ml_endpoint_eq(&stream->latch.sdp, from))
        goto drop; /* a stranger is not learned by keys */
    switch (ml_latch_packet(&stream->latch, from)) {
    case ML_LATCH_DROP:
        goto drop;
    case ML_LATCH_WAIT:
        return;
    case ML_LATCH_TAKE:
        break;
    }
    keep_account(worker, stream, &rtp, audio, &fresh);
    if (!target->receive || rtp.length == 0)
        return;
    if (event)
        take_event(worker, stream, packet, &rtp);
    else if (audio)
        take_audio(worker, stream, packet, &rtp, fresh);
    else if (stream->peer && stream->peer->line.speaker == ML_SPEAKER_RELAY)
        ml_timeline_break(&stream->peer->line); /* comfort noise is not passed on */
    return;
drop:
    ml_count(&stream->dropped, 1);
}

void ml_stream_receive(struct ml_worker *worker, struct ml_stream *stream)
{
    uint8_t *packet = worker->packet + ML_PACKET_ROOM;
    struct ml_endpoint from = {.length = sizeof from.a};
    ssize_t n =
        recvfrom(stream->pair.rtp, packet, ML_PACKET_MAX, MSG_TRUNC, &from.a.any, &from.length);

    if (n < 0)
        return;
    if (worker->packets && n <= ML_PACKET_MAX)
        ml_packets_add(worker->packets, ml_endpoint_port(&from), stream->pair.port, packet,
                       (size_t)n);
    if (n > ML_PACKET_MAX)
        ml_count(&stream->dropped, 1);
    else
        take(worker, stream, packet, (size_t)n, &from);
}
