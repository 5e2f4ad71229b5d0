/* G.711, both laws: to samples and back, and from one law to the other. Any thread. */
#ifndef ML_MEDIA_CODEC_H
#define ML_MEDIA_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "core/media/media.h"

enum { ML_RATE = 8000, ML_SAMPLES_MS = ML_RATE / 1000 };

/* Fills the tables. Once, before threads. */
void ml_codec_init(void);
void ml_codec_decode(enum ml_codec codec, const uint8_t *bytes, size_t n, int16_t *samples);
void ml_codec_encode(enum ml_codec codec, const int16_t *samples, size_t n, uint8_t *bytes);
/* In place. */
void ml_codec_convert(enum ml_codec from, enum ml_codec to, uint8_t *bytes, size_t n);

#endif
