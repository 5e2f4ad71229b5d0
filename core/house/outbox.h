/* The outbox: callbacks to the application that must not be lost. Each is on disk (in the store)
 * before it is sent, and stays there until it is delivered: tried again after 1, 2, 4 ... 300
 * seconds, for 24 hours, and at once when the program starts again. Those of one call (or
 * conference, or queue) go in order, one after the other. It outlives calls and generations of
 * policy; who sends is a server that joined: the state that pushed a callback while it is there,
 * else the newest. What waits lies on disk; in memory a waiting callback takes some 100 bytes.
 * Without a store everything is kept in memory only, for as long as the program runs.
 * Owner: whoever made it; the store outlives it. Loop thread. */
#ifndef ML_HOUSE_OUTBOX_H
#define ML_HOUSE_OUTBOX_H

#include "core/house/store.h"

struct ml_outbox;

struct ml_callback {
    const char *call; /* the order is kept among those with the same */
    const char *url, *method;
    const char *params; /* form-encoded */
    const char *what;   /* "status completed": for the log */
    const char *token;  /* I-Twilio-Idempotency-Token, the same each time it is tried */
    int attempts;       /* that failed before; of no matter in a push */
};

/* A server is told to send a callback; it answers with ml_outbox_done, later. user is that of the
 * server. callback is borrowed until this returns. */
typedef void ml_outbox_send_fn(int64_t id, const struct ml_callback *callback, void *user);

/* store may be NULL. Reads what is left from before, which is sent once a server has joined. */
int ml_outbox_new(struct ml_loop *loop, struct ml_store *store, struct ml_outbox **outboxp);
/* What is not delivered stays in the store. NULL is allowed. */
void ml_outbox_free(struct ml_outbox *outbox);

/* The newest server takes what no other is there for. */
void ml_outbox_join(struct ml_outbox *outbox, ml_outbox_send_fn *send, void *user);
/* What it was sending is sent again by another. */
void ml_outbox_leave(struct ml_outbox *outbox, const void *user);

/* user: the server that should send it, NULL for any. Texts are copied. Returns its number. Never
 * calls send from within. */
int64_t ml_outbox_push(struct ml_outbox *outbox, const struct ml_callback *callback, void *user);
/* Is it delivered (2xx)? Else it is tried again later. Unknown numbers are ignored. */
void ml_outbox_done(struct ml_outbox *outbox, const char *call, int64_t id, bool delivered);

/* The callback of that number while it is being sent, until ml_outbox_done; else NULL. */
const struct ml_callback *ml_outbox_sending(struct ml_outbox *outbox, const char *call, int64_t id);

/* Calls whose next callback is being written or sent, or waits for its first try: what the end of
 * the program waits for. */
size_t ml_outbox_busy(const struct ml_outbox *outbox);
/* Callbacks that are not delivered yet. */
size_t ml_outbox_pending(const struct ml_outbox *outbox);

#endif
