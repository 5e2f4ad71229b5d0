#include "core/base/strikes.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"

void ml_strikes_init(struct ml_strikes *strikes, int most, int64_t within)
{
    *strikes = (struct ml_strikes){.most = most, .within = within};
}

/* Those among which a source is. */
static struct ml_strike *set_of(struct ml_strikes *strikes, const char *source)
{
    return strikes->slots + ml_hash(source) % (ML_STRIKE_SLOTS / ML_STRIKE_WAYS) * ML_STRIKE_WAYS;
}

static struct ml_strike *find(struct ml_strikes *strikes, const char *source)
{
    struct ml_strike *set = set_of(strikes, source);

    for (int i = 0; i < ML_STRIKE_WAYS; i++)
        if (set[i].count > 0 && ml_clock_ms() - set[i].since < strikes->within &&
            strncmp(set[i].source, source, ML_STRIKE_BYTES - 1) == 0)
            return &set[i];
    return NULL;
}

int64_t ml_strikes_left(struct ml_strikes *strikes, const char *source)
{
    const struct ml_strike *strike = find(strikes, source);

    return strike && strike->count >= strikes->most
               ? strike->since + strikes->within - ml_clock_ms()
               : 0;
}

/* In place of one whose time is over, else of the one that failed least. */
static struct ml_strike *make(struct ml_strikes *strikes, const char *source)
{
    struct ml_strike *set = set_of(strikes, source), *least = set;

    for (int i = 0; i < ML_STRIKE_WAYS; i++) {
        if (ml_clock_ms() - set[i].since >= strikes->within)
            set[i].count = 0;
        if (set[i].count < least->count)
            least = &set[i];
    }
    least->count = 0;
    least->since = ml_clock_ms();
    snprintf(least->source, sizeof least->source, "%s", source);
    return least;
}

bool ml_strikes_add(struct ml_strikes *strikes, const char *source)
{
    struct ml_strike *strike = find(strikes, source);

    if (!strike)
        strike = make(strikes, source);
    if (++strike->count != strikes->most)
        return false;
    strike->since = ml_clock_ms();
    return true;
}
