/* Whose packets a stream takes. The address of the SDP is believed at its first valid packet.
 * Where that address need not be the one packets come from (it is private, or only the port
 * differs), another source is believed after a few packets in a row, until the address of the
 * SDP speaks up itself. Nothing of a source is used before it is believed. Value; one thread. */
#ifndef ML_MEDIA_LATCH_H
#define ML_MEDIA_LATCH_H

#include <stdbool.h>

#include "core/media/endpoint.h"

enum { ML_LATCH_PACKETS = 5 };

struct ml_latch {
    struct ml_endpoint sdp, source;
    bool locked; /* source is believed */
    bool sure;   /* ... and is the one of the SDP: no other will be */
    int seen;    /* packets of the candidate in source */
};

/* The peer's SDP names this address. Opens the lock when it is another than before; one without
 * a host (hold) changes nothing. */
void ml_latch_target(struct ml_latch *latch, const struct ml_endpoint *sdp);

enum ml_latch_verdict { ML_LATCH_DROP, ML_LATCH_WAIT, ML_LATCH_TAKE };

/* A valid packet came from there. */
enum ml_latch_verdict ml_latch_packet(struct ml_latch *latch, const struct ml_endpoint *from);
/* Where packets go. */
const struct ml_endpoint *ml_latch_destination(const struct ml_latch *latch);

#endif
