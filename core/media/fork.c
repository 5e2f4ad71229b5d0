#include "core/media/fork.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/media/fork_priv.h"

enum { WAITING_MAX = 5 * 60 * ML_RATE };

/* ---- notes ---- */

/* Any thread. */
void ml_fork_tell(struct ml_fork *fork)
{
    if (!atomic_exchange(&fork->noted, true))
        ml_media_note(fork->media, &fork->ready_note);
}

void ml_fork_destroy(struct ml_fork *fork)
{
    struct ml_node *node;

    ml_list_remove(&fork->all);
    while ((node = ml_queue_pop(&fork->chunks)) != NULL)
        ml_free(ML_CONTAINER(node, struct ml_fork_chunk, node));
    while ((node = ml_queue_pop(&fork->spent)) != NULL)
        ml_free(ML_CONTAINER(node, struct ml_fork_chunk, node));
    ml_free(fork->current);
    ml_ring_free(fork->ring);
    ml_free(fork);
}

/* Nobody holds it, and none of its notes is under way. */
static void destroy_if_over(struct ml_fork *fork)
{
    if (fork->closed && fork->released && !atomic_load(&fork->noted))
        ml_fork_destroy(fork);
}

/* The handler may free the fork. After RELEASED only this thread tells. */
void ml_fork_note(struct ml_note *note)
{
    struct ml_fork *fork = note->fork;

    if (note->kind == ML_NOTE_FORK_RELEASED) {
        fork->released = true;
        destroy_if_over(fork);
        return;
    }
    atomic_store(&fork->noted, false);
    if (!fork->closed)
        fork->handlers->ready(fork->user);
    else
        destroy_if_over(fork);
}

/* ---- life ---- */

static int forks_of(const struct ml_media *media, const struct ml_stream *stream)
{
    int count = 0;

    ML_LIST_EACH(&media->forks, link)
    {
        const struct ml_fork *fork = ML_CONTAINER(link, struct ml_fork, all);

        count += fork->stream == stream && !fork->closed;
    }
    return count;
}

int ml_fork_new(struct ml_stream *stream, unsigned tracks, const struct ml_fork_handlers *handlers,
                void *user, struct ml_fork **forkp)
{
    struct ml_message *message;
    struct ml_fork *fork;

    if (stream->closed)
        return ML_ECLOSED;
    if (forks_of(stream->media, stream) == ML_FORKS)
        return ML_ELIMIT;
    fork = ml_alloc(sizeof *fork);
    fork->media = stream->media;
    fork->stream = stream;
    fork->handlers = handlers;
    fork->user = user;
    fork->tracks = tracks;
    fork->ring = ml_ring_new(sizeof(struct ml_fork_frame), ML_FORK_FRAMES);
    fork->ready_note.kind = ML_NOTE_FORK;
    fork->ready_note.fork = fork;
    fork->lanes[0].frame.track = ML_FORK_INBOUND;
    fork->lanes[1].frame.track = ML_FORK_OUTBOUND;
    atomic_store(&fork->tell_at, UINT64_MAX);
    ml_queue_init(&fork->chunks);
    ml_queue_init(&fork->spent);
    ml_list_append(&fork->media->forks, &fork->all);
    message = ml_message_new(ML_MESSAGE_FORK, stream);
    message->fork = fork;
    ml_worker_send(stream->home, message);
    *forkp = fork;
    return ML_OK;
}

void ml_fork_free(struct ml_fork *fork)
{
    struct ml_message *message;

    if (!fork || fork->closed)
        return;
    fork->closed = true;
    if (fork->released) {
        destroy_if_over(fork);
    } else if (fork->stream) {
        message = ml_message_new(ML_MESSAGE_UNFORK, fork->stream);
        message->fork = fork;
        ml_worker_send(fork->stream->home, message);
    } /* else the stream's own end lets go of it */
}

void ml_fork_forget(struct ml_media *media, struct ml_stream *stream)
{
    ML_LIST_EACH(&media->forks, link)
    {
        struct ml_fork *fork = ML_CONTAINER(link, struct ml_fork, all);

        if (fork->stream == stream)
            fork->stream = NULL;
    }
}

/* ---- hearing ---- */

size_t ml_fork_read(struct ml_fork *fork, struct ml_fork_frame *frames, size_t n)
{
    return ml_ring_read(fork->ring, frames, n);
}

size_t ml_fork_waiting(const struct ml_fork *fork)
{
    return ml_ring_used(fork->ring);
}

uint64_t ml_fork_dropped(const struct ml_fork *fork)
{
    return atomic_load_explicit(&fork->dropped, memory_order_relaxed);
}

/* ---- saying ---- */

static void free_spent(struct ml_fork *fork)
{
    struct ml_node *node;

    while ((node = ml_queue_pop(&fork->spent)) != NULL)
        ml_free(ML_CONTAINER(node, struct ml_fork_chunk, node));
}

static void kick(struct ml_fork *fork)
{
    struct ml_message *message;

    if (!fork->stream)
        return;
    message = ml_message_new(ML_MESSAGE_FORK_SAYS, fork->stream);
    message->fork = fork;
    ml_worker_send(fork->stream->home, message);
}

int ml_fork_play(struct ml_fork *fork, const uint8_t *bytes, size_t n)
{
    uint64_t waiting = ml_fork_given(fork) - ml_fork_played(fork);
    struct ml_fork_chunk *chunk;

    free_spent(fork);
    if (n == 0)
        return ML_OK;
    if (!fork->stream)
        return ML_ECLOSED;
    if (waiting + n > WAITING_MAX)
        return ML_ELIMIT;
    chunk = ml_alloc(sizeof *chunk + n);
    chunk->n = n;
    memcpy(chunk->bytes, bytes, n);
    ml_count(&fork->given, n);
    ml_queue_push(&fork->chunks, &chunk->node);
    kick(fork);
    return ML_OK;
}

uint64_t ml_fork_given(const struct ml_fork *fork)
{
    return atomic_load_explicit(&fork->given, memory_order_relaxed);
}

uint64_t ml_fork_played(const struct ml_fork *fork)
{
    uint64_t played = atomic_load(&fork->played), cleared = atomic_load(&fork->clear_to);

    return played > cleared ? played : cleared;
}

void ml_fork_notify_at(struct ml_fork *fork, uint64_t bytes)
{
    atomic_store(&fork->tell_at, bytes);
    if (ml_fork_played(fork) >= bytes)
        ml_fork_tell(fork);
}

void ml_fork_clear(struct ml_fork *fork)
{
    atomic_store(&fork->clear_to, ml_fork_given(fork));
}
