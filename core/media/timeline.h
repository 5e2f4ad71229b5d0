/* What a stream sends looks like one source to the peer, whatever speaks: one SSRC, sequence
 * numbers without a gap, timestamps that follow real time, a marker at each change. Packets of our
 * own take the next place; relayed ones keep their distances to each other (what the other side
 * lost shows as lost). Value; the stream's media thread. */
#ifndef ML_MEDIA_TIMELINE_H
#define ML_MEDIA_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/rtp.h"

enum ml_speaker { ML_SPEAKER_NONE, ML_SPEAKER_OWN, ML_SPEAKER_RELAY };

struct ml_timeline {
    uint32_t ssrc;
    uint32_t base; /* timestamp at zero_us */
    int64_t zero_us;
    uint16_t next; /* sequence number */
    uint32_t end;  /* timestamp after the last sample sent */
    enum ml_speaker speaker;
    /* of the relayed source */
    uint32_t relayed_ssrc;
    uint16_t seq_shift, seq_floor, seq_last;
    uint32_t time_shift, time_last;
    int64_t last_us;
};

void ml_timeline_init(struct ml_timeline *line, int64_t now_us);
/* What speaks next is something new. */
void ml_timeline_break(struct ml_timeline *line);
/* Timestamp for something that begins at that time: real time, but never before what was sent. */
uint32_t ml_timeline_at(const struct ml_timeline *line, int64_t us);
/* Fills marker, seq, timestamp and ssrc of our own next audio packet. */
void ml_timeline_own(struct ml_timeline *line, int64_t us, uint32_t samples, struct ml_rtp *out);
/* The same with a timestamp that stays over several packets (telephone-event); samples are those
 * that have passed since. first sets the marker. */
void ml_timeline_event(struct ml_timeline *line, uint32_t timestamp, uint32_t samples, bool first,
                       struct ml_rtp *out);
/* Turns a received header into ours. event: the timestamp does not tell when it was sent. False:
 * it belongs before something sent already; drop it. */
bool ml_timeline_relay(struct ml_timeline *line, int64_t us, uint32_t samples, bool event,
                       struct ml_rtp *packet);

#endif
