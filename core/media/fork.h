/* A fork of a stream: its audio both ways as frames of 20 ms of mu-law for somebody on the control
 * thread, and audio from there played into it, in order, with marks. The media thread allocates
 * and locks nothing for it. Owner: who made it; the stream may be freed before. Control thread. */
#ifndef ML_MEDIA_FORK_H
#define ML_MEDIA_FORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/media/media.h"

struct ml_fork;

enum { ML_FORK_BYTES = 160, ML_FORKS = 4 }; /* of a frame: 20 ms; of a stream */

enum ml_fork_track {
    ML_FORK_INBOUND = 1, /* what the peer says */
    ML_FORK_OUTBOUND = 2 /* what is sent to it, whoever speaks */
};

struct ml_fork_frame {
    enum ml_fork_track track;
    uint32_t ms; /* of its first sample, since the fork began */
    uint8_t audio[ML_FORK_BYTES];
};

struct ml_fork_handlers {
    /* There are frames to read, or marks are due. */
    void (*ready)(void *user);
};

/* tracks: a sum of enum ml_fork_track. ML_ELIMIT: the stream has ML_FORKS already. Where no packet
 * comes there is no frame: ms tells the gap. A frame that is not filled by the next packet ends in
 * silence. */
int ml_fork_new(struct ml_stream *stream, unsigned tracks, const struct ml_fork_handlers *handlers,
                void *user, struct ml_fork **forkp);
/* No handler is called any more. */
void ml_fork_free(struct ml_fork *fork);

/* At most n frames, oldest first. */
size_t ml_fork_read(struct ml_fork *fork, struct ml_fork_frame *frames, size_t n);
size_t ml_fork_waiting(const struct ml_fork *fork);
/* Frames there was no room for. */
uint64_t ml_fork_dropped(const struct ml_fork *fork);

/* Plays mu-law bytes after what waits already; under what ml_stream_play plays, over what a bridge
 * brings. ML_ELIMIT: more than five minutes would wait. */
int ml_fork_play(struct ml_fork *fork, const uint8_t *bytes, size_t n);
/* Bytes ever given to ml_fork_play, and how many of them have been played or cleared: what was
 * given before a mark has been heard when the second has reached the first of that time. */
uint64_t ml_fork_given(const struct ml_fork *fork);
uint64_t ml_fork_played(const struct ml_fork *fork);
/* ready is called when that many bytes have been played. */
void ml_fork_notify_at(struct ml_fork *fork, uint64_t bytes);
/* Forgets what waits: given and played are equal from now on. */
void ml_fork_clear(struct ml_fork *fork);

#endif
