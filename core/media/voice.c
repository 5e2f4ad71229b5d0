#include "core/media/voice.h"

#include <math.h>

/* Levels are root mean squares: 30 is -60 dB of full scale, 400 is -38 dB. */
#define QUIETEST 30.0
#define NOISIEST 400.0 /* what is louder is no noise, however long it lasts */
#define ABOVE 3.5      /* a voice is 11 dB above the noise */
#define RISE 1.0069    /* a block: 3 dB a second, less than a voice's pauses undo */
#define FALL 0.5

enum { LEARNING = 10, WINDOW = 5, BEGINS = 3 }; /* blocks; 3 loud of the last 5: no click */

void ml_voice_init(struct ml_voice *voice)
{
    *voice = (struct ml_voice){.floor = QUIETEST};
}

static double within(double level, double from, double to)
{
    return level < from ? from : level > to ? to : level;
}

/* A line that begins to sound shows its noise first: the floor is there at once. */
static void learn(struct ml_voice *voice, double level)
{
    if (level > 0 && voice->learned < LEARNING) {
        double known = voice->learned > 0 ? voice->floor : NOISIEST;

        voice->learned++;
        voice->floor = within(level < known ? level : known, QUIETEST, NOISIEST);
    } else if (level < voice->floor) {
        voice->floor = within(voice->floor + (level - voice->floor) * FALL, QUIETEST, NOISIEST);
    } else {
        voice->floor = within(voice->floor * RISE, QUIETEST, NOISIEST);
    }
}

static void judge(struct ml_voice *voice, double level)
{
    unsigned window;

    learn(voice, level);
    voice->loud = voice->loud << 1 | (level > ABOVE * voice->floor);
    window = voice->loud & ((1U << WINDOW) - 1);
    voice->speaks = __builtin_popcount(window) >= (voice->speaks ? 1 : BEGINS);
}

void ml_voice_hear(struct ml_voice *voice, const int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        voice->sum += (double)samples[i] * samples[i];
        if (++voice->count < ML_VOICE_BLOCK)
            continue;
        judge(voice, sqrt(voice->sum / ML_VOICE_BLOCK));
        voice->sum = 0;
        voice->count = 0;
    }
}
