/* The outbox's bookkeeping: callbacks (items) in the order of their calls (chains). outbox_chain.c
 * keeps it, outbox.c works with it. */
#ifndef ML_HOUSE_OUTBOX_PRIV_H
#define ML_HOUSE_OUTBOX_PRIV_H

#include "core/base/list.h"
#include "core/house/outbox.h"

enum { ML_OUTBOX_BUCKETS = 1024 };

enum ml_chain_state {
    ML_CHAIN_WRITING, /* its head is on the way to the disk */
    ML_CHAIN_READY,   /* in outbox->ready */
    ML_CHAIN_READING, /* its head comes back from the disk */
    ML_CHAIN_SENDING,
    ML_CHAIN_WAITING /* for its timer */
};

struct ml_item {
    struct ml_link link; /* in its chain, oldest first */
    struct ml_chain *chain;
    int64_t id;
    double time;                 /* of the push, seconds since 1970 */
    uint64_t writing;            /* the put that is under way */
    bool written, kept;          /* the disk has answered; and it is there */
    char *texts;                 /* of callback; NULL: on disk only */
    struct ml_callback callback; /* call is the chain's */
    struct ml_server *server;
};

/* The callbacks of one call. */
struct ml_chain {
    struct ml_link link;   /* in outbox->chains */
    struct ml_link ready;  /* in outbox->ready */
    struct ml_chain *next; /* in its bucket */
    struct ml_outbox *outbox;
    char *call;
    enum ml_chain_state state;
    struct ml_list items;
    struct ml_timer *timer;
    uint64_t reading;
    struct ml_server *server; /* that sends */
};

struct ml_server {
    struct ml_link link; /* in outbox->servers, newest last */
    ml_outbox_send_fn *send;
    void *user;
};

struct ml_outbox {
    struct ml_loop *loop;
    struct ml_store *store;
    struct ml_list chains, ready, servers;
    struct ml_chain *buckets[ML_OUTBOX_BUCKETS];
    struct ml_flush kick; /* sends as the turn ends, never from within a push */
    int64_t last;         /* number of the newest callback */
    int64_t old;          /* ... of those from before the start */
    uint64_t loading;     /* the list that reads them; 0: all are read */
    size_t under_way, pending, busy;
};

struct ml_chain **ml_chain_find(struct ml_outbox *outbox, const char *call);
/* NULL: it is empty. */
struct ml_item *ml_chain_head(const struct ml_chain *chain);
/* Keeps the counts and the list of what is ready. */
void ml_chain_enter(struct ml_chain *chain, enum ml_chain_state state);
/* With its items. */
void ml_chain_free(struct ml_chain *chain);

/* A new item in its place by number; its chain is made when it is the first. */
struct ml_item *ml_item_add(struct ml_outbox *outbox, const char *call, int64_t id, double time);
void ml_item_keep(struct ml_item *item, const struct ml_callback *callback);
/* Its texts; they are on disk. */
void ml_item_forget(struct ml_item *item);
void ml_item_free(struct ml_item *item);

#endif
