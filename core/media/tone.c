#include "core/media/tone.h"

#include <math.h>
#include <string.h>

#include "core/base/str.h"

enum { RATE = 8000, MAX_HZ = 3900, MAX_MS = 3600000, LOWEST = -60, HIGHEST = 3 };

/* A sine that just fills 16 bits has 3.14 dBm0 (G.711 section 4), a little less in the A-law. */
static double amplitude_of(int level, int voices)
{
    return 32767.0 * pow(10.0, (level - 3.14) / 20.0) / sqrt(voices);
}

static void enter(struct ml_tone *tone, int at)
{
    const struct ml_tone_step *step = &tone->steps[at];
    int voices = 0;

    tone->at = at;
    tone->left = (uint32_t)step->ms * (RATE / 1000);
    for (int i = 0; i < ML_TONE_VOICES; i++) {
        tone->turn[i] = 2 * M_PI * step->hz[i] / RATE;
        voices += step->hz[i] > 0;
    }
    tone->amplitude = amplitude_of(tone->level, voices ? voices : 1);
}

static bool read_step(struct ml_str text, struct ml_tone_step *step)
{
    struct ml_str voices, voice;
    uint64_t value;
    int count = 0;

    memset(step, 0, sizeof *step);
    if (!ml_str_cut(&text, '/', &voices))
        return false;
    if (text.p) {
        if (ml_str_uint(text, MAX_MS, &value) != 0 || value == 0)
            return false;
        step->ms = (int)value;
    }
    while (ml_str_cut(&voices, '+', &voice)) {
        if (count == ML_TONE_VOICES || ml_str_uint(voice, MAX_HZ, &value) != 0)
            return false;
        step->hz[count++] = (int)value;
    }
    return true;
}

bool ml_tone_init(struct ml_tone *tone, const char *text, int level)
{
    struct ml_str rest = ml_str(text), part;

    memset(tone, 0, sizeof *tone);
    if (level < LOWEST || level > HIGHEST)
        return false;
    while (ml_str_cut(&rest, ',', &part)) {
        if (tone->count == ML_TONE_STEPS || !read_step(part, &tone->steps[tone->count]))
            return false;
        tone->count++;
    }
    tone->level = level;
    enter(tone, 0);
    return true;
}

void ml_tone_key(struct ml_tone *tone, char key, int level)
{
    static const char keys[] = "123A456B789C*0#D";
    static const int rows[] = {697, 770, 852, 941}, columns[] = {1209, 1336, 1477, 1633};
    const char *place = strchr(keys, key);
    int i = place && key ? (int)(place - keys) : 0;

    memset(tone, 0, sizeof *tone);
    tone->count = 1;
    tone->level = level;
    tone->steps[0] = (struct ml_tone_step){.hz = {rows[i / 4], columns[i % 4]}};
    enter(tone, 0);
}

static int16_t one_sample(struct ml_tone *tone)
{
    double sum = 0;

    for (int i = 0; i < ML_TONE_VOICES && tone->turn[i] > 0; i++) {
        sum += sin(tone->angle[i]);
        tone->angle[i] += tone->turn[i];
        if (tone->angle[i] > 2 * M_PI)
            tone->angle[i] -= 2 * M_PI;
    }
    sum *= tone->amplitude;
    return (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : lrint(sum));
}

void ml_tone_make(struct ml_tone *tone, int16_t *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        samples[i] = one_sample(tone);
        if (tone->left > 0 && --tone->left == 0)
            enter(tone, (tone->at + 1) % tone->count);
    }
}
