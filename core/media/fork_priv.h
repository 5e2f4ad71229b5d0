/* A fork over its two threads: fork.c (control), fork_hear.c (worker: packets to frames) and
 * fork_say.c (worker: what waits into packets). */
#ifndef ML_MEDIA_FORK_PRIV_H
#define ML_MEDIA_FORK_PRIV_H

#include "core/base/ring.h"
#include "core/media/fork.h"
#include "core/media/media_priv.h"

enum {
    ML_FORK_FRAMES = 256, /* that may wait for the control thread: over two seconds both ways */
    ML_FORK_DRIFT = 800   /* samples a source's clock may be off before it is placed anew */
};

/* One direction being cut into frames. Worker. */
struct ml_fork_lane {
    bool synced;
    uint32_t timestamp; /* RTP time after the last sample */
    int64_t position;   /* the same in samples since the fork began */
    size_t fill;
    struct ml_fork_frame frame;
};

/* Audio on its way to the worker, and back to be freed. */
struct ml_fork_chunk {
    struct ml_node node;
    size_t n, at;
    uint8_t bytes[];
};

struct ml_fork {
    /* control */
    struct ml_link all;
    struct ml_media *media;
    struct ml_stream *stream; /* NULL once that is freed */
    const struct ml_fork_handlers *handlers;
    void *user;
    bool closed, released;
    /* never changes */
    unsigned tracks;
    /* between the threads */
    struct ml_ring *ring;                              /* frames to control */
    struct ml_queue chunks, spent;                     /* to the worker, and back */
    _Atomic uint64_t given, played, clear_to, tell_at; /* bytes */
    _Atomic uint64_t dropped;
    struct ml_note ready_note;
    atomic_bool noted; /* ready_note is under way */
    /* worker */
    int64_t begun_us;
    struct ml_fork_lane lanes[2];
    struct ml_fork_chunk *current;
    bool waited; /* a frame was held back for more to come */
};

/* control */
void ml_fork_note(struct ml_note *note);
void ml_fork_forget(struct ml_media *media, struct ml_stream *stream);
void ml_fork_destroy(struct ml_fork *fork);

/* worker */
void ml_fork_tell(struct ml_fork *fork);
void ml_fork_message(struct ml_worker *worker, struct ml_message *message);

#endif
