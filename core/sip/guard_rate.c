/* Token buckets: one per source, in a table that does not grow, and one for all. What opens no
 * dialog (OPTIONS, everything that is refused) counts; calls do not, their limits are policy. */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/sip/guard_priv.h"

enum {
    SLOTS = 4096, /* sources told apart at one time; 96 KB */
    SOURCE_RATE = 50,
    SOURCE_BURST = 100,
    /* sofia keeps a finished transaction 32 s, 11 KB each: 150 a second are 53 MB. */
    PASSED_RATE = 150,
    PASSED_BURST = 300,
    /* An answer costs no memory; this bounds what spoofed sources make us send. */
    ANSWER_RATE = 500,
    ANSWER_BURST = 1000
};

struct bucket {
    uint64_t source;
    int64_t at;   /* when level was true */
    double level; /* messages that may still come */
};

static struct bucket sources[SLOTS], passed_all, answered_all;
static uint64_t secret;

void ml_guard_rate_reset(void)
{
    memset(sources, 0, sizeof sources);
    memset(&passed_all, 0, sizeof passed_all);
    memset(&answered_all, 0, sizeof answered_all);
}

/* An IPv6 source is its /64: one host has all of it. */
static uint64_t source_of(const su_sockaddr_t *address)
{
    const unsigned char *bytes = SU_ADDR(address);
    size_t n = address->su_family == AF_INET6 ? 8 : 4;
    uint64_t hash;

    if (!secret)
        ml_random(&secret, sizeof secret);
    hash = secret;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static bool take(struct bucket *bucket, int64_t now, double rate, double burst)
{
    bucket->level += (double)(now - bucket->at) * rate / 1000;
    if (bucket->level > burst)
        bucket->level = burst;
    bucket->at = now;
    if (bucket->level < 1)
        return false;
    bucket->level--;
    return true;
}

bool ml_guard_rate(const su_sockaddr_t *source, bool passed)
{
    int64_t now = ml_clock_ms();
    uint64_t hash = source_of(source);
    struct bucket *bucket = sources + hash % SLOTS;

    /* Two sources in one slot: the newcomer begins full, and so does the other when it comes back;
     * the buckets of all bound what that gives away. */
    if (bucket->source != hash)
        *bucket = (struct bucket){.source = hash, .at = now, .level = SOURCE_BURST};
    if (passed_all.at == 0)
        passed_all = (struct bucket){.at = now, .level = PASSED_BURST};
    if (answered_all.at == 0)
        answered_all = (struct bucket){.at = now, .level = ANSWER_BURST};
    if (!take(bucket, now, SOURCE_RATE, SOURCE_BURST))
        return false;
    return passed ? take(&passed_all, now, PASSED_RATE, PASSED_BURST)
                  : take(&answered_all, now, ANSWER_RATE, ANSWER_BURST);
}
