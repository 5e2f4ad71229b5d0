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

/* A sine as a point that turns: one rotation a sample instead of a call of sin(). */
struct turning {
    double x, y, cosine, sine;
};

static int start(const struct ml_tone *tone, struct turning *points)
{
    int voices = 0;

    while (voices < ML_TONE_VOICES && tone->turn[voices] > 0) {
        points[voices].x = tone->amplitude * cos(tone->angle[voices]);
        points[voices].y = tone->amplitude * sin(tone->angle[voices]);
        points[voices].cosine = cos(tone->turn[voices]);
        points[voices].sine = sin(tone->turn[voices]);
        voices++;
    }
    return voices;
}

/* n samples of one step; angles run on from one to the next. */
static void make_part(struct ml_tone *tone, int16_t *samples, size_t n)
{
    struct turning points[ML_TONE_VOICES];
    int voices = start(tone, points);

    for (size_t i = 0; i < n; i++) {
        double sum = 0;

        for (int v = 0; v < voices; v++) {
            struct turning *p = &points[v];
            double x = p->x * p->cosine - p->y * p->sine;

            sum += p->y;
            p->y = p->y * p->cosine + p->x * p->sine;
            p->x = x;
        }
        samples[i] = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : lrint(sum));
    }
    for (int v = 0; v < voices; v++)
        tone->angle[v] = fmod(tone->angle[v] + (double)n * tone->turn[v], 2 * M_PI);
}

void ml_tone_make(struct ml_tone *tone, int16_t *samples, size_t n)
{
    while (n > 0) {
        size_t part = tone->left > 0 && tone->left < n ? tone->left : n;

        make_part(tone, samples, part);
        samples += part;
        n -= part;
        if (tone->left > 0 && (tone->left -= (uint32_t)part) == 0)
            enter(tone, (tone->at + 1) % tone->count);
    }
}
