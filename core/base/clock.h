/* Time. Real by default; virtual when ml_clock_virtual() was called before any library started:
 * then clock_gettime, gettimeofday, time, epoll_wait and poll of the whole process (libev, sofia,
 * curl) run on a clock that jumps to the next timer when nothing is ready and nothing is under way.
 * The CPU-time clocks stay real. Any thread. */
#ifndef ML_BASE_CLOCK_H
#define ML_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds, monotonic. The zero is arbitrary. */
int64_t ml_clock_ms(void);
/* Microseconds of the same clock. */
int64_t ml_clock_us(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t ml_clock_wall_ms(void);

/* Switches to virtual time, which begins at 2026-01-01T00:00:00Z. Once, before threads and
 * libraries. Virtual time needs everything that waits to wait in the calling thread. */
void ml_clock_virtual(void);
bool ml_clock_is_virtual(void);

/* Work that the clock cannot see (a child process, a disk job, a resolver thread): while at least
 * one hold is taken, virtual time does not jump. No effect in real time. */
void ml_clock_hold(void);
void ml_clock_release(void);

#endif
