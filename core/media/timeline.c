#include "core/media/timeline.h"

#include "core/base/random.h"

enum {
    RATE_MS = 8,
    SEQ_JUMP = 256,  /* packets; a source that jumps further began anew */
    TIME_JUMP = 8000 /* samples its clock may differ from ours between two packets */
};

void ml_timeline_init(struct ml_timeline *line, int64_t now_us)
{
    *line = (struct ml_timeline){.zero_us = now_us};
    ml_random(&line->ssrc, sizeof line->ssrc);
    ml_random(&line->base, sizeof line->base);
    ml_random(&line->next, sizeof line->next);
    line->end = line->base;
}

void ml_timeline_break(struct ml_timeline *line)
{
    line->speaker = ML_SPEAKER_NONE;
}

uint32_t ml_timeline_at(const struct ml_timeline *line, int64_t us)
{
    uint32_t now = line->base + (uint32_t)((us - line->zero_us) * RATE_MS / 1000);

    return ml_rtp_time_ahead(now, line->end) > 0 ? now : line->end;
}

void ml_timeline_own(struct ml_timeline *line, int64_t us, uint32_t samples, struct ml_rtp *out)
{
    out->ssrc = line->ssrc;
    out->seq = line->next++;
    out->timestamp = ml_timeline_at(line, us);
    out->marker = line->speaker != ML_SPEAKER_OWN || out->timestamp != line->end;
    line->speaker = ML_SPEAKER_OWN;
    line->end = out->timestamp + samples;
}

void ml_timeline_event(struct ml_timeline *line, uint32_t timestamp, uint32_t samples, bool first,
                       struct ml_rtp *out)
{
    out->ssrc = line->ssrc;
    out->seq = line->next++;
    out->timestamp = timestamp;
    out->marker = first;
    line->speaker = ML_SPEAKER_OWN;
    line->end = timestamp + samples;
}

static bool is_new(const struct ml_timeline *line, int64_t us, bool event, const struct ml_rtp *in)
{
    int seq = ml_rtp_seq_ahead(in->seq, line->seq_last);
    int64_t drift;

    if (line->speaker != ML_SPEAKER_RELAY || line->relayed_ssrc != in->ssrc || seq > SEQ_JUMP ||
        seq < -SEQ_JUMP)
        return true;
    if (event)
        return false;
    drift =
        ml_rtp_time_ahead(in->timestamp, line->time_last) - (us - line->last_us) * RATE_MS / 1000;
    return drift > TIME_JUMP || drift < -TIME_JUMP;
}

bool ml_timeline_relay(struct ml_timeline *line, int64_t us, uint32_t samples, bool event,
                       struct ml_rtp *packet)
{
    bool fresh = is_new(line, us, event, packet);
    uint16_t seq;

    if (fresh) {
        line->speaker = ML_SPEAKER_RELAY;
        line->relayed_ssrc = packet->ssrc;
        line->seq_floor = line->next;
        line->seq_shift = (uint16_t)(line->next - packet->seq);
        line->seq_last = packet->seq;
        line->time_shift = ml_timeline_at(line, us) - packet->timestamp;
    }
    if (fresh || !event) {
        line->time_last = packet->timestamp;
        line->last_us = us;
    }
    seq = (uint16_t)(packet->seq + line->seq_shift);
    if (ml_rtp_seq_ahead(seq, line->seq_floor) < 0)
        return false;
    if (ml_rtp_seq_ahead(packet->seq, line->seq_last) > 0)
        line->seq_last = packet->seq;
    packet->marker = packet->marker || fresh;
    packet->seq = seq;
    packet->timestamp += line->time_shift;
    packet->ssrc = line->ssrc;
    if (ml_rtp_seq_ahead(seq, line->next) >= 0)
        line->next = (uint16_t)(seq + 1);
    if (ml_rtp_time_ahead(packet->timestamp + samples, line->end) > 0)
        line->end = packet->timestamp + samples;
    return true;
}
