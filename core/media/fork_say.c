/* What control gave a fork to play, and a fork's coming and going. Worker. */
#include <string.h>

#include "core/base/mem.h"
#include "core/media/fork_priv.h"

/* ---- what waits ---- */

static void passed(struct ml_fork *fork, size_t n)
{
    uint64_t played = atomic_load(&fork->played) + n;

    atomic_store(&fork->played, played);
    if (played >= atomic_load(&fork->tell_at)) {
        atomic_store(&fork->tell_at, UINT64_MAX);
        ml_fork_tell(fork);
    }
}

/* The chunk to play from; NULL: nothing waits. What was cleared goes by unheard. */
static struct ml_fork_chunk *current(struct ml_fork *fork)
{
    for (;;) {
        struct ml_fork_chunk *chunk = fork->current;
        uint64_t cleared = atomic_load(&fork->clear_to), played = atomic_load(&fork->played);
        struct ml_node *node;

        if (chunk && cleared > played) {
            size_t left = chunk->n - chunk->at;
            size_t n = cleared - played < left ? (size_t)(cleared - played) : left;

            chunk->at += n;
            passed(fork, n);
        }
        if (chunk && chunk->at < chunk->n)
            return chunk;
        if (chunk)
            ml_queue_push(&fork->spent, &chunk->node);
        node = ml_queue_pop(&fork->chunks);
        fork->current = node ? ML_CONTAINER(node, struct ml_fork_chunk, node) : NULL;
        if (!node)
            return NULL;
    }
}

static size_t take(struct ml_fork *fork, uint8_t *bytes, size_t n)
{
    struct ml_fork_chunk *chunk;
    size_t got = 0;

    while (got < n && (chunk = current(fork)) != NULL) {
        size_t part = chunk->n - chunk->at < n - got ? chunk->n - chunk->at : n - got;

        memcpy(bytes + got, chunk->bytes + chunk->at, part);
        chunk->at += part;
        got += part;
    }
    return got;
}

static struct ml_fork *speaker(const struct ml_stream *stream)
{
    for (int i = 0; i < stream->fork_count; i++)
        if (current(stream->forks[i]))
            return stream->forks[i];
    return NULL;
}

bool ml_fork_speaks(const struct ml_stream *stream)
{
    return stream->fork_count > 0 && speaker(stream) != NULL;
}

/* A piece that does not fill a frame waits one frame for the next; then silence fills it. */
bool ml_fork_frame(struct ml_stream *stream, struct ml_frame *frame)
{
    struct ml_fork *fork = stream->fork_count > 0 ? speaker(stream) : NULL;
    uint8_t bytes[ML_FRAME_MAX];
    size_t got;

    if (!fork)
        return false;
    if (ml_fork_given(fork) - ml_fork_played(fork) < frame->n && !fork->waited) {
        fork->waited = true;
        frame->kind = ML_FRAME_PAUSE;
        return true;
    }
    fork->waited = false;
    got = take(fork, bytes, frame->n);
    ml_codec_decode(ML_PCMU, bytes, got, frame->samples);
    memset(frame->samples + got, 0, (frame->n - got) * sizeof *frame->samples);
    frame->kind = ML_FRAME_AUDIO;
    passed(fork, got);
    return true;
}

/* ---- coming and going ---- */

static void release(struct ml_fork *fork)
{
    struct ml_note *note = ml_note_new(ML_NOTE_FORK_RELEASED, NULL);

    note->fork = fork;
    ml_media_note(fork->media, note);
}

void ml_fork_release_all(struct ml_stream *stream)
{
    for (int i = 0; i < stream->fork_count; i++)
        release(stream->forks[i]);
    stream->fork_count = 0;
}

static void leave(struct ml_stream *stream, struct ml_fork *fork)
{
    for (int i = 0; i < stream->fork_count; i++)
        if (stream->forks[i] == fork) {
            stream->fork_count--;
            memmove(&stream->forks[i], &stream->forks[i + 1],
                    (size_t)(stream->fork_count - i) * sizeof(struct ml_fork *));
            break;
        }
    release(fork);
}

void ml_fork_message(struct ml_worker *worker, struct ml_message *message)
{
    struct ml_stream *stream = message->stream;
    struct ml_fork *fork = message->fork;

    if (message->kind == ML_MESSAGE_UNFORK) {
        leave(stream, fork);
    } else if (message->kind == ML_MESSAGE_FORK) {
        fork->begun_us = worker->now;
        stream->forks[stream->fork_count++] = fork;
    } else {
        ml_stream_begin(worker, stream);
    }
}
