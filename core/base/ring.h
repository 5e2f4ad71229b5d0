/* A bounded ring of equal elements between two threads: one writes, one reads, no lock, no
 * allocation. Owner: whoever made it; both sides must have let go before it is freed. */
#ifndef ML_BASE_RING_H
#define ML_BASE_RING_H

#include <stddef.h>

struct ml_ring;

/* count is rounded up to a power of two. */
struct ml_ring *ml_ring_new(size_t element, size_t count);
void ml_ring_free(struct ml_ring *ring);

/* The writing thread. Takes as many as fit and returns how many. */
size_t ml_ring_write(struct ml_ring *ring, const void *elements, size_t n);
size_t ml_ring_room(const struct ml_ring *ring);

/* The reading thread. Gives as many as there are, at most n. */
size_t ml_ring_read(struct ml_ring *ring, void *elements, size_t n);
/* Any of the two. */
size_t ml_ring_used(const struct ml_ring *ring);

#endif
