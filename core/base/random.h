/* Random bytes: the kernel's, or a seeded sequence (simulation: same seed, same run). Any thread.
 */
#ifndef ML_BASE_RANDOM_H
#define ML_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* From now on ml_random gives the sequence of this seed. For simulation and tests only. */
void ml_random_seed(uint64_t seed);
void ml_random(void *bytes, size_t n);
/* 0 .. below-1, without bias that matters; below > 0. */
uint32_t ml_random_below(uint32_t below);
/* 2 * bytes lower-case hex digits and a NUL into text. */
void ml_random_hex(char *text, size_t bytes);

#endif
