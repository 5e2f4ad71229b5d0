/* What clock.c and virtual_clock.c share. Nobody else includes this. Any thread. */
#ifndef ML_BASE_CLOCK_PRIV_H
#define ML_BASE_CLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/* True in the thread that called ml_clock_virtual, which is the one whose waiting moves time. */
bool ml_clock_jumps_here(void);
void ml_clock_advance(int64_t ms);
/* Nanoseconds of CLOCK_MONOTONIC as the kernel has it, also in virtual time. */
int64_t ml_clock_real_ns(void);

#endif
