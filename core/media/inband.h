/* Keys heard as tones in the audio. Owner: the stream; used by its media thread. */
#ifndef ML_MEDIA_INBAND_H
#define ML_MEDIA_INBAND_H

#include <stddef.h>
#include <stdint.h>

struct ml_inband;

/* key: a tone began; 0: it ended, ms after it began. */
typedef void ml_inband_fn(char key, int ms, void *user);

struct ml_inband *ml_inband_new(ml_inband_fn *fn, void *user);
void ml_inband_free(struct ml_inband *inband);
void ml_inband_hear(struct ml_inband *inband, const int16_t *samples, size_t n);

#endif
