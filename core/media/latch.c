#include "core/media/latch.h"

void ml_latch_target(struct ml_latch *latch, const struct ml_endpoint *sdp)
{
    if (sdp->length == 0 || ml_endpoint_eq(&latch->sdp, sdp))
        return;
    *latch = (struct ml_latch){.sdp = *sdp};
}

static bool may_learn(const struct ml_latch *latch, const struct ml_endpoint *from)
{
    return latch->sdp.length > 0 &&
           (ml_endpoint_is_private(&latch->sdp) || ml_endpoint_same_host(&latch->sdp, from));
}

enum ml_latch_verdict ml_latch_packet(struct ml_latch *latch, const struct ml_endpoint *from)
{
    if (latch->locked && ml_endpoint_eq(&latch->source, from))
        return ML_LATCH_TAKE;
    if (latch->sure)
        return ML_LATCH_DROP;
    if (ml_endpoint_eq(&latch->sdp, from)) {
        latch->source = *from;
        latch->locked = latch->sure = true;
        return ML_LATCH_TAKE;
    }
    if (latch->locked || !may_learn(latch, from))
        return ML_LATCH_DROP;
    if (latch->seen > 0 && !ml_endpoint_eq(&latch->source, from)) {
        latch->seen = 0; /* two candidates: neither gets there before the other is quiet */
        return ML_LATCH_DROP;
    }
    latch->source = *from;
    latch->locked = ++latch->seen >= ML_LATCH_PACKETS;
    return latch->locked ? ML_LATCH_TAKE : ML_LATCH_WAIT;
}

const struct ml_endpoint *ml_latch_destination(const struct ml_latch *latch)
{
    return latch->locked ? &latch->source : &latch->sdp;
}
