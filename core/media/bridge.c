#include <string.h>

#include "core/media/media_priv.h"

/* ---- control ---- */

static void part(struct ml_stream *stream)
{
    if (stream->mate)
        stream->mate->mate = NULL;
    stream->mate = NULL;
}

int ml_bridge(struct ml_stream *a, struct ml_stream *b)
{
    struct ml_message *message;

    if (a == b || a->closed || b->closed || a->media != b->media)
        return ML_EINVAL;
    if (a->mate == b)
        return ML_OK;
    ml_unbridge(a);
    ml_unbridge(b);
    ml_mixer_leave(a);
    ml_mixer_leave(b);
    ml_media_gather(a->home, b);
    a->mate = b;
    b->mate = a;
    message = ml_message_new(ML_MESSAGE_BRIDGE, a);
    message->other = b;
    ml_worker_send(a->home, message);
    return ML_OK;
}

void ml_unbridge(struct ml_stream *a)
{
    if (!a->mate)
        return;
    part(a);
    ml_worker_send(a->home, ml_message_new(ML_MESSAGE_UNBRIDGE, a));
}

/* ---- worker ---- */

static void silence_chirp(struct ml_stream *stream)
{
    stream->chirp.holding = false;
    stream->chirp_count = 0;
    if (stream->line.speaker == ML_SPEAKER_RELAY)
        ml_timeline_break(&stream->line);
}

void ml_unbridge_now(struct ml_stream *stream)
{
    struct ml_stream *peer = stream->peer;

    if (!peer)
        return;
    stream->peer = peer->peer = NULL;
    silence_chirp(stream);
    silence_chirp(peer);
}

void ml_bridge_now(struct ml_stream *a, struct ml_stream *b)
{
    ml_unbridge_now(a);
    ml_unbridge_now(b);
    a->peer = b;
    b->peer = a;
    a->has_old_key = a->keys.known;
    a->old_key = a->keys.timestamp;
    b->has_old_key = b->keys.known;
    b->old_key = b->keys.timestamp;
}

/* Something else is heard there, or nothing may be. The next packet that gets through begins
 * anew, so that what was held back leaves no gap in the sequence numbers. */
static bool is_deaf(struct ml_stream *to)
{
    if (!ml_stream_is_speaking(to) && ml_stream_can_send(to))
        return false;
    if (to->line.speaker == ML_SPEAKER_RELAY)
        ml_timeline_break(&to->line);
    return true;
}

static void relay(struct ml_worker *worker, struct ml_stream *to, uint8_t *packet,
                  struct ml_rtp *rtp, bool event)
{
    uint32_t samples = event ? 0 : (uint32_t)rtp->length;

    if (ml_timeline_relay(&to->line, worker->now, samples, event, rtp))
        ml_stream_send(worker, to, packet + rtp->offset - ML_RTP_HEADER, rtp, rtp->length);
}

void ml_bridge_audio(struct ml_worker *worker, struct ml_stream *from, uint8_t *packet,
                     struct ml_rtp rtp)
{
    struct ml_stream *to = from->peer;

    if (is_deaf(to))
        return;
    if (from->inband_down && to->target.event_send_type >= 0) {
        ml_timeline_break(&to->line); /* the key goes as an event; not as a tone, too */
        return;
    }
    ml_codec_convert(from->target.codec, to->target.codec, packet + rtp.offset, rtp.length);
    rtp.type = (uint8_t)to->target.send_type;
    relay(worker, to, packet, &rtp, false);
}

static void make_tone(struct ml_worker *worker, struct ml_stream *to, enum ml_event_step step,
                      char key, uint32_t duration)
{
    struct ml_key *chirp = &to->chirp;

    if (step == ML_EVENT_BEGUN || step == ML_EVENT_WHOLE) {
        ml_stream_chirp(worker, to, key);
        return;
    }
    if (chirp->key != key || chirp->as_event)
        return;
    chirp->holding = step == ML_EVENT_GOES_ON;
    if (step == ML_EVENT_ENDED && duration > chirp->on)
        chirp->on = duration;
}

void ml_bridge_event(struct ml_worker *worker, struct ml_stream *from, uint8_t *packet,
                     struct ml_rtp rtp, enum ml_event_step step, char key)
{
    struct ml_stream *to = from->peer;
    const uint8_t *payload = packet + rtp.offset;

    if (to->target.event_send_type < 0) {
        if (!to->player && ml_stream_can_send(to))
            make_tone(worker, to, step, key, (uint32_t)(payload[2] << 8 | payload[3]));
        return;
    }
    if (is_deaf(to))
        return;
    rtp.type = (uint8_t)to->target.event_send_type;
    relay(worker, to, packet, &rtp, true);
}
