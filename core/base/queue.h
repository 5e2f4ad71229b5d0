/* A queue of messages into one thread: any thread pushes, one thread pops, no lock. The link lies
 * inside the message; the queue owns nothing. Order of one pusher is kept. */
#ifndef ML_BASE_QUEUE_H
#define ML_BASE_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>

struct ml_node {
    _Atomic(struct ml_node *) next;
};

struct ml_queue {
    _Atomic(struct ml_node *) newest;
    struct ml_node *oldest; /* the popping thread's */
    struct ml_node stub;
};

void ml_queue_init(struct ml_queue *queue);
/* Any thread. Wake the other side after this, never before. */
void ml_queue_push(struct ml_queue *queue, struct ml_node *node);
/* The one reading thread. NULL: empty, or a push is half done (its wake-up is still to come). */
struct ml_node *ml_queue_pop(struct ml_queue *queue);

#endif
