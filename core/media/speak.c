/* What a stream sends: packets of its player, keys made for the other side of a bridge. */
#include <string.h>
#include <sys/socket.h>

#include "core/base/mem.h"
#include "core/media/media_priv.h"

enum {
    LATE_US = 100000,
    RETRY_US = 5000,
    FRAME_US = ML_FRAME_MAX * 125,
    REST = ML_RATE /* samples: nothing has to be done for a second of silence */
};

bool ml_stream_can_send(const struct ml_stream *stream)
{
    return stream->reachable && stream->target.send;
}

bool ml_stream_is_speaking(const struct ml_stream *stream)
{
    return stream->player || stream->chirp.key || stream->chirp_count > 0 || ml_fork_speaks(stream);
}

/* To the recorders of what the peer hears. */
static void record(struct ml_worker *worker, struct ml_stream *stream, const struct ml_rtp *rtp,
                   const uint8_t *payload, size_t length)
{
    int16_t samples[ML_FRAME_MAX];
    struct ml_rtp sent = *rtp;

    sent.length = length < ML_FRAME_MAX ? length : ML_FRAME_MAX;
    ml_codec_decode(stream->target.codec, payload, sent.length, samples);
    ml_taps_hear(&stream->heard, worker->now, &sent, samples, false);
}

void ml_stream_send(struct ml_worker *worker, struct ml_stream *stream, uint8_t *packet,
                    const struct ml_rtp *rtp, size_t payload)
{
    const struct ml_endpoint *to = ml_latch_destination(&stream->latch);
    bool is_audio = rtp->type == stream->target.send_type;

    ml_rtp_build(packet, rtp);
    if (stream->fork_count > 0 && is_audio)
        ml_fork_hear(worker, stream, ML_FORK_OUTBOUND, rtp, packet + ML_RTP_HEADER, payload, false);
    if (stream->heard.count > 0 && is_audio)
        record(worker, stream, rtp, packet + ML_RTP_HEADER, payload);
    if (worker->packets)
        ml_packets_add(worker->packets, stream->pair.port, ml_endpoint_port(to), packet,
                       ML_RTP_HEADER + payload);
    sendto(stream->pair.rtp, packet, ML_RTP_HEADER + payload, MSG_NOSIGNAL, &to->a.any, to->length);
    ml_count(&stream->sent, 1);
    ml_count(&stream->octets, payload);
    stream->stirred = true;
    ml_worker_busy(worker);
}

static void send_audio(struct ml_worker *worker, struct ml_stream *stream,
                       const struct ml_frame *frame, int64_t due)
{
    struct ml_rtp rtp = {.type = (uint8_t)stream->target.send_type};

    if (!ml_stream_can_send(stream))
        return;
    ml_timeline_own(&stream->line, due, frame->n, &rtp);
    ml_codec_encode(stream->target.codec, frame->samples, frame->n, worker->packet + ML_RTP_HEADER);
    ml_stream_send(worker, stream, worker->packet, &rtp, frame->n);
}

static void send_event(struct ml_worker *worker, struct ml_stream *stream,
                       const struct ml_frame *frame)
{
    struct ml_rtp rtp = {.type = (uint8_t)stream->target.event_send_type};

    if (!ml_stream_can_send(stream) || stream->target.event_send_type < 0)
        return;
    ml_timeline_event(&stream->line, frame->timestamp, frame->passed, frame->first, &rtp);
    ml_event_build(worker->packet + ML_RTP_HEADER, &frame->event);
    ml_stream_send(worker, stream, worker->packet, &rtp, ML_EVENT_SIZE);
}

static void end_player(struct ml_stream *stream, enum ml_play_end end, const char *text)
{
    struct ml_note *note = ml_note_new(ML_NOTE_PLAYED, stream);

    note->op = ml_player_op(stream->player);
    note->end = end;
    note->text = ml_strdup(text);
    ml_player_free(stream->player);
    stream->player = NULL;
    ml_media_note(stream->media, note);
}

static bool next_chirp(struct ml_stream *stream, uint32_t timestamp)
{
    char key;

    if (stream->chirp_count == 0)
        return false;
    key = stream->chirps[0];
    memmove(stream->chirps, stream->chirps + 1, (size_t)--stream->chirp_count);
    ml_key_press(&stream->chirp, key, stream->target.event_send_type >= 0, timestamp);
    return true;
}

static void next_frame(struct ml_stream *stream, int64_t due, struct ml_frame *frame)
{
    uint32_t timestamp = ml_timeline_at(&stream->line, due);
    int64_t silence = stream->player ? ml_player_silence(stream->player) : 0;

    frame->n = (uint32_t)stream->target.ptime * ML_SAMPLES_MS;
    if (silence > frame->n)
        frame->n = silence > REST ? REST : (uint32_t)silence;
    if (stream->player) {
        ml_player_frame(stream->player, stream->target.event_send_type >= 0, timestamp, frame);
        return;
    }
    if (!stream->chirp.key && !next_chirp(stream, timestamp)) {
        if (!ml_fork_frame(stream, frame))
            frame->kind = ML_FRAME_DONE;
        return;
    }
    ml_player_key_frame(&stream->chirp, frame);
}

/* One frame; returns when the next is due, 0: nothing more to say. */
static int64_t say(struct ml_worker *worker, struct ml_stream *stream, int64_t due)
{
    struct ml_frame frame = {.kind = ML_FRAME_DONE, .text = NULL};

    next_frame(stream, due, &frame);
    switch (frame.kind) {
    case ML_FRAME_AUDIO:
        send_audio(worker, stream, &frame, due);
        break;
    case ML_FRAME_EVENT:
        send_event(worker, stream, &frame);
        break;
    case ML_FRAME_PAUSE:
        break;
    case ML_FRAME_WAIT:
        return worker->now + RETRY_US;
    case ML_FRAME_DONE:
    case ML_FRAME_FAILED:
        if (!stream->player)
            return 0;
        end_player(stream, frame.kind == ML_FRAME_DONE ? ML_PLAY_DONE : ML_PLAY_FAILED, frame.text);
        return stream->chirp_count > 0 || ml_fork_speaks(stream) ? due : 0;
    }
    return due + frame.n * INT64_C(125);
}

void ml_stream_speak(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now)
{
    struct ml_stream *stream = ML_CONTAINER(ticker, struct ml_stream, speak);

    if (now - ticker->due > LATE_US) /* the process slept: no burst of what was missed */
        ticker->due = now;
    while (ticker->due && ticker->due <= now)
        ticker->due = say(worker, stream, ticker->due);
}

/* An ongoing rhythm is kept: what follows joins on without a seam. A long silence is none. */
void ml_stream_begin(struct ml_worker *worker, struct ml_stream *stream)
{
    if (!stream->speak.due || stream->speak.due - worker->now > FRAME_US)
        ml_worker_tick(worker, &stream->speak, ml_worker_grid(worker));
}

void ml_stream_play_now(struct ml_worker *worker, struct ml_stream *stream,
                        struct ml_player *player)
{
    ml_stream_stop_now(stream);
    stream->player = player;
    stream->chirp.key = 0;
    stream->chirp_count = 0;
    ml_stream_begin(worker, stream);
}

void ml_stream_stop_now(struct ml_stream *stream)
{
    if (stream->player)
        end_player(stream, ML_PLAY_STOPPED, NULL);
}

void ml_stream_chirp(struct ml_worker *worker, struct ml_stream *stream, char key)
{
    if (stream->player || stream->chirp_count == ML_CHIRPS)
        return;
    stream->chirps[stream->chirp_count++] = key;
    ml_stream_begin(worker, stream);
}
