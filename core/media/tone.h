/* Tones with a cadence: up to four frequencies at once, steps of so many milliseconds that repeat.
 * Phases run on from frame to frame. Value; one thread. */
#ifndef ML_MEDIA_TONE_H
#define ML_MEDIA_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_TONE_STEPS = 8, ML_TONE_VOICES = 4, ML_TONE_LEVEL = -13 };

struct ml_tone_step {
    int hz[ML_TONE_VOICES]; /* 0: none */
    int ms;                 /* 0: for ever */
};

struct ml_tone {
    struct ml_tone_step steps[ML_TONE_STEPS];
    int count, at, level;
    uint32_t left; /* samples of the current step */
    double amplitude, turn[ML_TONE_VOICES], angle[ML_TONE_VOICES];
};

/* "350+440", "440+480/2000,0/4000". level: dBm0 of the whole tone. False: not such a text. */
bool ml_tone_init(struct ml_tone *tone, const char *text, int level);
/* The two frequencies of a key. */
void ml_tone_key(struct ml_tone *tone, char key, int level);
void ml_tone_make(struct ml_tone *tone, int16_t *samples, size_t n);

#endif
