/* Packets, of whatever length and distance, cut into frames of 20 ms. Worker. */
#include <string.h>

#include "core/media/fork_priv.h"

enum { SILENCE = 0xff, BATCH_MAX = 2048 }; /* mu-law */

static void emit(struct ml_fork *fork, struct ml_fork_lane *lane)
{
    if (lane->fill == 0)
        return;
    memset(lane->frame.audio + lane->fill, SILENCE, ML_FORK_BYTES - lane->fill);
    lane->fill = 0;
    if (ml_ring_write(fork->ring, &lane->frame, 1) == 0)
        ml_count(&fork->dropped, 1);
    ml_fork_tell(fork);
}

/* Where a packet of this timestamp belongs; false: before what is there already. */
static bool place(struct ml_fork *fork, struct ml_fork_lane *lane, int64_t now, uint32_t timestamp,
                  bool fresh)
{
    int64_t here = (now - fork->begun_us) * ML_SAMPLES_MS / 1000;
    int32_t ahead = ml_rtp_time_ahead(timestamp, lane->timestamp);
    int64_t position = lane->position + ahead;

    if (!lane->synced || fresh || position > here + ML_FORK_DRIFT ||
        (ahead > 0 && position < here - ML_FORK_DRIFT)) {
        emit(fork, lane);
        lane->synced = true;
        lane->position = here > lane->position ? here : lane->position;
    } else if (ahead < 0) {
        return false;
    } else if (ahead > 0) {
        emit(fork, lane);
        lane->position = position;
    }
    lane->timestamp = timestamp;
    return true;
}

static void fill(struct ml_fork *fork, struct ml_fork_lane *lane, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        size_t part = ML_FORK_BYTES - lane->fill;

        if (part > n)
            part = n;
        if (lane->fill == 0)
            lane->frame.ms = (uint32_t)(lane->position / ML_SAMPLES_MS);
        memcpy(lane->frame.audio + lane->fill, bytes, part);
        lane->fill += part;
        lane->position += (int64_t)part;
        lane->timestamp += (uint32_t)part;
        bytes += part;
        n -= part;
        if (lane->fill == ML_FORK_BYTES)
            emit(fork, lane);
    }
}

void ml_fork_hear(struct ml_worker *worker, struct ml_stream *stream, enum ml_fork_track track,
                  const struct ml_rtp *rtp, const uint8_t *payload, size_t n, bool fresh)
{
    uint8_t converted[BATCH_MAX];

    if (n > sizeof converted)
        return;
    if (stream->target.codec != ML_PCMU) {
        memcpy(converted, payload, n);
        ml_codec_convert(stream->target.codec, ML_PCMU, converted, n);
        payload = converted;
    }
    for (int i = 0; i < stream->fork_count; i++) {
        struct ml_fork *fork = stream->forks[i];
        struct ml_fork_lane *lane = &fork->lanes[track == ML_FORK_OUTBOUND];

        if ((fork->tracks & track) && place(fork, lane, worker->now, rtp->timestamp, fresh))
            fill(fork, lane, payload, n);
    }
}
