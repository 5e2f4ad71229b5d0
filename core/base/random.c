#include "core/base/random.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool seeded;
static uint64_t state;

/* splitmix64: small, and every seed gives a good sequence. */
static uint64_t next(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void ml_random_seed(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    seeded = true;
    state = seed;
    pthread_mutex_unlock(&lock);
}

/* A system call for each few bytes would cost more than what they are for. */
static unsigned char stock[512];
static size_t stocked;

static void fill(unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(bytes, n, 0);

        if (got <= 0) {
            ml_log(ML_LOG_ERROR, NULL, "the kernel gives no random bytes");
            abort();
        }
        bytes += got;
        n -= (size_t)got;
    }
}

static void from_kernel(unsigned char *bytes, size_t n)
{
    for (size_t part; n > 0; bytes += part, n -= part) {
        if (stocked == 0) {
            fill(stock, sizeof stock);
            stocked = sizeof stock;
        }
        part = n < stocked ? n : stocked;
        stocked -= part;
        memcpy(bytes, stock + stocked, part);
        memset(stock + stocked, 0, part);
    }
}

void ml_random(void *bytes, size_t n)
{
    pthread_mutex_lock(&lock);
    if (seeded) {
        for (size_t i = 0; i < n; i++)
            ((unsigned char *)bytes)[i] = (unsigned char)(next() >> 32);
    } else {
        from_kernel(bytes, n);
    }
    pthread_mutex_unlock(&lock);
}

uint32_t ml_random_below(uint32_t below)
{
    uint64_t value;

    ml_random(&value, sizeof value);
    return (uint32_t)(value % below);
}

void ml_random_hex(char *text, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";

    unsigned char raw[64];

    for (size_t part; bytes > 0; bytes -= part) {
        part = bytes < sizeof raw ? bytes : sizeof raw;
        ml_random(raw, part);
        for (size_t i = 0; i < part; i++) {
            *text++ = digits[raw[i] >> 4];
            *text++ = digits[raw[i] & 15];
        }
    }
    *text = '\0';
}
