#include "core/media/inband.h"

#include <spandsp.h>

#include "core/base/mem.h"

struct ml_inband {
    dtmf_rx_state_t *rx;
    ml_inband_fn *fn;
    void *user;
    int64_t heard, begun; /* samples */
};

static void on_change(void *user, int code, int level, int delay)
{
    struct ml_inband *inband = user;

    (void)level;
    (void)delay;
    if (code)
        inband->begun = inband->heard;
    inband->fn((char)code, (int)((inband->heard - inband->begun) / 8), inband->user);
}

struct ml_inband *ml_inband_new(ml_inband_fn *fn, void *user)
{
    struct ml_inband *inband = ml_alloc(sizeof *inband);

    inband->fn = fn;
    inband->user = user;
    inband->rx = dtmf_rx_init(NULL, NULL, NULL);
    dtmf_rx_set_realtime_callback(inband->rx, on_change, inband);
    return inband;
}

void ml_inband_free(struct ml_inband *inband)
{
    if (!inband)
        return;
    dtmf_rx_free(inband->rx);
    ml_free(inband);
}

void ml_inband_hear(struct ml_inband *inband, const int16_t *samples, size_t n)
{
    inband->heard += (int64_t)n;
    dtmf_rx(inband->rx, samples, (int)n);
}
