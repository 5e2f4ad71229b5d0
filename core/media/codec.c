#include "core/media/codec.h"

#include <pthread.h>

#include <spandsp.h>

static int16_t linear[2][256];
static uint8_t other_law[2][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (int i = 0; i < 256; i++) {
        linear[ML_PCMU][i] = ulaw_to_linear((uint8_t)i);
        linear[ML_PCMA][i] = alaw_to_linear((uint8_t)i);
        other_law[ML_PCMU][i] = ulaw_to_alaw((uint8_t)i);
        other_law[ML_PCMA][i] = alaw_to_ulaw((uint8_t)i);
    }
}

void ml_codec_init(void)
{
    pthread_once(&once, fill);
}

void ml_codec_decode(enum ml_codec codec, const uint8_t *bytes, size_t n, int16_t *samples)
{
    for (size_t i = 0; i < n; i++)
        samples[i] = linear[codec][bytes[i]];
}

void ml_codec_encode(enum ml_codec codec, const int16_t *samples, size_t n, uint8_t *bytes)
{
    if (codec == ML_PCMU) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = linear_to_ulaw(samples[i]);
    } else {
        for (size_t i = 0; i < n; i++)
            bytes[i] = linear_to_alaw(samples[i]);
    }
}

void ml_codec_convert(enum ml_codec from, enum ml_codec to, uint8_t *bytes, size_t n)
{
    if (from == to)
        return;
    for (size_t i = 0; i < n; i++)
        bytes[i] = other_law[from][bytes[i]];
}
