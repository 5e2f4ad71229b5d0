/* Tells a voice from the noise of a line by its level: each 20 ms against the quietest that was
 * lately heard. Holds no memory of its own; any one thread. */
#ifndef ML_MEDIA_VOICE_H
#define ML_MEDIA_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_VOICE_BLOCK = 160 }; /* samples judged at once */

struct ml_voice {
    bool speaks;   /* somebody does, as of the last whole block */
    double floor;  /* root mean square of the noise */
    double sum;    /* of squares, of a block that is not whole yet */
    int count;     /* samples in it */
    int learned;   /* blocks with a sound that the floor was learned from */
    unsigned loud; /* the last blocks, one bit each: louder than the noise */
};

void ml_voice_init(struct ml_voice *voice);
/* Samples of 16 bit at 8 kHz, in any number; the answer is in speaks. */
void ml_voice_hear(struct ml_voice *voice, const int16_t *samples, size_t count);

#endif
