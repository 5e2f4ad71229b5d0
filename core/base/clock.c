#undef _FORTIFY_SOURCE /* functions of libc are defined here, which its inline checks would hide   \
                        */
#include "core/base/clock.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock_priv.h"

#define NS INT64_C(1000000000)

enum { READS_MAX = 100000 };

static const int64_t first_wall_ns = INT64_C(1767225600) * NS; /* 2026-01-01T00:00:00Z */
static const int64_t first_monotonic_ns = INT64_C(1000) * NS;  /* as of a machine just started */

static atomic_bool is_virtual;
static _Thread_local bool jumps_here;
static _Atomic int64_t passed_ns; /* virtual time since ml_clock_virtual */
static atomic_int reads;          /* of the clock since it last moved */

typedef int gettime_fn(clockid_t id, struct timespec *ts);
static gettime_fn *libc_gettime; /* through the vdso: no system call */

__attribute__((constructor(101))) static void find_libc(void)
{
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");

    memcpy(&libc_gettime, &symbol, sizeof symbol);
}

static int real_gettime(clockid_t id, struct timespec *ts)
{
    return libc_gettime ? libc_gettime(id, ts) : (int)syscall(SYS_clock_gettime, id, ts);
}

static void split(int64_t ns, struct timespec *ts)
{
    ts->tv_sec = (time_t)(ns / NS);
    ts->tv_nsec = (long)(ns % NS);
}

/* Whoever reads the clock this often without waiting waits for it to pass: a library that compares
 * with "<" where time stands still would spin for ever. */
static void creep(void)
{
    if (++reads < READS_MAX)
        return;
    reads = 0;
    passed_ns += 1000000;
}

static int virtual_gettime(clockid_t id, struct timespec *ts)
{
    creep();
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        split(first_wall_ns + passed_ns, ts);
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        split(first_monotonic_ns + passed_ns, ts);
        return 0;
    default:
        return real_gettime(id, ts);
    }
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    return is_virtual ? virtual_gettime(id, ts) : real_gettime(id, ts);
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result)
{
    struct timespec ts;

    clock_gettime(is_virtual ? CLOCK_REALTIME : CLOCK_REALTIME_COARSE, &ts);
    if (result)
        *result = ts.tv_sec;
    return ts.tv_sec;
}

int timespec_get(struct timespec *ts, int base)
{
    if (base != TIME_UTC)
        return 0;
    clock_gettime(CLOCK_REALTIME, ts);
    return base;
}

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

int64_t ml_clock_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t ml_clock_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t ml_clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

void ml_clock_virtual(void)
{
    jumps_here = true;
    is_virtual = true;
}

bool ml_clock_is_virtual(void)
{
    return is_virtual;
}

bool ml_clock_jumps_here(void)
{
    return jumps_here;
}

void ml_clock_advance(int64_t ms)
{
    reads = 0;
    passed_ns += ms * 1000000;
}

int64_t ml_clock_real_ns(void)
{
    struct timespec ts;

    real_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}
