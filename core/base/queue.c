#include "core/base/queue.h"

void ml_queue_init(struct ml_queue *queue)
{
    atomic_init(&queue->stub.next, NULL);
    atomic_init(&queue->newest, &queue->stub);
    queue->oldest = &queue->stub;
}

void ml_queue_push(struct ml_queue *queue, struct ml_node *node)
{
    struct ml_node *before;

    atomic_store_explicit(&node->next, NULL, memory_order_relaxed);
    before = atomic_exchange_explicit(&queue->newest, node, memory_order_acq_rel);
    atomic_store_explicit(&before->next, node, memory_order_release);
}

/* The stub keeps the list from being empty: a node can be taken only when another stands behind
 * it, so the stub is pushed again behind the last one. */
struct ml_node *ml_queue_pop(struct ml_queue *queue)
{
    struct ml_node *node = queue->oldest;
    struct ml_node *next = atomic_load_explicit(&node->next, memory_order_acquire);

    if (node == &queue->stub) {
        if (!next)
            return NULL;
        queue->oldest = node = next;
        next = atomic_load_explicit(&node->next, memory_order_acquire);
    }
    if (!next) {
        if (node != atomic_load_explicit(&queue->newest, memory_order_acquire))
            return NULL;
        ml_queue_push(queue, &queue->stub);
        next = atomic_load_explicit(&node->next, memory_order_acquire);
        if (!next)
            return NULL;
    }
    queue->oldest = next;
    return node;
}
