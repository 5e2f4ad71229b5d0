#include "core/base/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "core/base/mem.h"

/* Both counters only grow; size_t wraps at a multiple of the power of two. */
struct ml_ring {
    size_t element, mask;
    unsigned char *bytes;
    atomic_size_t written;
    char apart[64]; /* the two sides write to different cache lines */
    atomic_size_t taken;
};

struct ml_ring *ml_ring_new(size_t element, size_t count)
{
    struct ml_ring *ring = ml_alloc(sizeof *ring);
    size_t size = 1;

    while (size < count)
        size *= 2;
    ring->element = element;
    ring->mask = size - 1;
    ring->bytes = ml_alloc(element * size);
    return ring;
}

void ml_ring_free(struct ml_ring *ring)
{
    if (!ring)
        return;
    ml_free(ring->bytes);
    ml_free(ring);
}

size_t ml_ring_used(const struct ml_ring *ring)
{
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);

    return atomic_load_explicit(&ring->written, memory_order_acquire) - taken;
}

size_t ml_ring_room(const struct ml_ring *ring)
{
    return ring->mask + 1 - ml_ring_used(ring);
}

size_t ml_ring_write(struct ml_ring *ring, const void *elements, size_t n)
{
    size_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t room = ml_ring_room(ring);
    size_t begin = at & ring->mask;
    size_t first;

    if (n > room)
        n = room;
    first = n < ring->mask + 1 - begin ? n : ring->mask + 1 - begin;
    memcpy(ring->bytes + begin * ring->element, elements, first * ring->element);
    memcpy(ring->bytes, (const unsigned char *)elements + first * ring->element,
           (n - first) * ring->element);
    atomic_store_explicit(&ring->written, at + n, memory_order_release);
    return n;
}

size_t ml_ring_read(struct ml_ring *ring, void *elements, size_t n)
{
    size_t at = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    size_t used = ml_ring_used(ring);
    size_t begin = at & ring->mask;
    size_t first;

    if (n > used)
        n = used;
    first = n < ring->mask + 1 - begin ? n : ring->mask + 1 - begin;
    memcpy(elements, ring->bytes + begin * ring->element, first * ring->element);
    memcpy((unsigned char *)elements + first * ring->element, ring->bytes,
           (n - first) * ring->element);
    atomic_store_explicit(&ring->taken, at + n, memory_order_release);
    return n;
}
