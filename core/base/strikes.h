/* Failures by source (wrong passwords), in a table that does not grow: who fails too often within
 * some time is not heard for as long. Owner: who has it, as a part of its own. One thread. */
#ifndef ML_BASE_STRIKES_H
#define ML_BASE_STRIKES_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_STRIKE_SLOTS = 256, ML_STRIKE_WAYS = 4, ML_STRIKE_BYTES = 48 };

struct ml_strike {
    char source[ML_STRIKE_BYTES];
    int count;
    int64_t since;
};

struct ml_strikes {
    int most;       /* failures; the next is not heard */
    int64_t within; /* ms, from the first of them; and from the last, for who is not heard */
    struct ml_strike slots[ML_STRIKE_SLOTS];
};

void ml_strikes_init(struct ml_strikes *strikes, int most, int64_t within);
/* Milliseconds until the source is heard again; 0: it is heard. */
int64_t ml_strikes_left(struct ml_strikes *strikes, const char *source);
/* One more failure. True: with it the source has had its last. */
bool ml_strikes_add(struct ml_strikes *strikes, const char *source);

#endif
