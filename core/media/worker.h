/* A media thread: its epoll, its ticks, its inbox. With threads = 0 the same without a thread: the
 * control loop watches the epoll descriptor and a timer makes the ticks. What a worker owns
 * (streams, recorders) nobody else touches; ownership goes over by messages only. */
#ifndef ML_MEDIA_WORKER_H
#define ML_MEDIA_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/queue.h"
#include "core/media/dtmf.h"
#include "core/media/media.h"

struct ml_player;
struct ml_inband;

struct ml_worker;

/* Something of a worker that has to run at a time. fn moves due on, or sets it to 0: no more. It
 * may start other tickers and stop no other. */
struct ml_ticker {
    struct ml_link link;
    int64_t due; /* ml_clock_us */
    void (*fn)(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now);
};

enum { ML_TICK_US = 5000, ML_PACKET_MAX = 2048, ML_PACKET_ROOM = 64 };

/* What a worker and its streams share with nobody. */
struct ml_worker {
    struct ml_media *media;
    int epoll, wake;
    struct ml_queue inbox;
    struct ml_list deferred; /* messages about streams that are still on their way here */
    struct ml_list streams, tickers;
    int64_t next;               /* when the earliest ticker is due; INT64_MAX: none */
    int64_t now;                /* ml_clock_us of this round */
    struct ml_packets *packets; /* where they are kept; NULL: nowhere */
    struct ml_ticker house;
    bool quit;
    uint8_t packet[ML_PACKET_ROOM + ML_PACKET_MAX];
    /* control thread */
    bool threaded;
    pthread_t thread;
    int load; /* streams */
    struct ml_io *io;
    struct ml_timer *timer;
    struct ml_flush flush; /* wakes the thread once for all that a turn sent */
    struct ml_timer *lazy; /* wakes it for what could wait, unless something else did before */
    bool lazy_set;
};

enum ml_message_kind {
    ML_MESSAGE_ATTACH,
    ML_MESSAGE_DETACH,
    ML_MESSAGE_TARGET,
    ML_MESSAGE_PLAY,
    ML_MESSAGE_STOP,
    ML_MESSAGE_PRESS,
    ML_MESSAGE_BRIDGE,
    ML_MESSAGE_UNBRIDGE,
    ML_MESSAGE_RECORD,
    ML_MESSAGE_JOIN,
    ML_MESSAGE_PAUSE,
    ML_MESSAGE_FINISH,
    ML_MESSAGE_RELEASE,
    ML_MESSAGE_SIT,   /* in a room */
    ML_MESSAGE_STAND, /* ... not any more */
    ML_MESSAGE_MIX,   /* a player for the room; without one: stop */
    ML_MESSAGE_EMPTY, /* the room ends */
    ML_MESSAGE_FORK,
    ML_MESSAGE_UNFORK,
    ML_MESSAGE_FORK_SAYS, /* audio waits in it */
    ML_MESSAGE_LEAVE,     /* stop here ... */
    ML_MESSAGE_ENTER,     /* ... start there */
    ML_MESSAGE_QUIT
};

/* The worker that has a thing; NULL: none, it moves. */
typedef _Atomic(struct ml_worker *) ml_owner;

enum ml_mover_kind { ML_MOVER_STREAM, ML_MOVER_RECORDER, ML_MOVER_MIXER };

struct ml_mover {
    enum ml_mover_kind kind;
    void *thing;
    ml_owner *owner;
};

/* What moves from worker to worker at once: all that is bridged, mixed or recorded together. */
struct ml_party {
    int count;
    struct ml_mover *mover;
};

struct ml_message {
    struct ml_node node;
    struct ml_link link;
    enum ml_message_kind kind;
    struct ml_stream *stream, *other;
    struct ml_recorder *recorder;
    struct ml_mixer *mixer;
    struct ml_chair *chair; /* SIT: memory for one who is new */
    struct ml_seat seat;
    struct ml_fork *fork;
    struct ml_player *player;
    struct ml_inband *inband;
    struct ml_stream_target target;
    struct ml_party *party;
    struct ml_worker *to;
    bool on, skip;
    char key;
    int ms;
};

int ml_worker_new(struct ml_media *media, bool threaded, struct ml_worker **workerp);
/* Does what is in the inbox, ends. The thread is gone afterwards, the memory not. */
void ml_worker_end(struct ml_worker *worker);
void ml_worker_free(struct ml_worker *worker);

/* A zeroed message; ml_worker_send takes it. Control thread. */
struct ml_message *ml_message_new(enum ml_message_kind kind, struct ml_stream *stream);
void ml_worker_send(struct ml_worker *worker, struct ml_message *message);

/* The worker's own thread from here. */
void ml_worker_tick(struct ml_worker *worker, struct ml_ticker *ticker, int64_t due);
void ml_worker_untick(struct ml_ticker *ticker);
/* The next round time for something that begins now. */
int64_t ml_worker_grid(const struct ml_worker *worker);
/* Something was sent or received: the once-a-second round is wanted. */
void ml_worker_busy(struct ml_worker *worker);

#endif
