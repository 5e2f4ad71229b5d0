#include "core/media/reader.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/ring.h"
#include "core/media/decoder.h"
#include "core/media/disk.h"

enum {
    AHEAD = 16000,       /* samples of a clip that are decoded ahead: two seconds */
    OWN_AHEAD = 8192,    /* ... of a file that has none */
    HALF = OWN_AHEAD / 2 /* when less is left, it is time for more */
};

_Static_assert((int)HALF >= (int)ML_DECODER_PIECE, "a piece fits where half is free");

/* How the file is read; FAILED: not at all, or no more. */
enum way { OPENING, CLIP, OWN, OWN_ENDED, FAILED };

struct ml_reader {
    struct ml_clips *clips;
    struct ml_job fill, close;
    atomic_bool queued; /* fill is */
    atomic_int way;     /* what it needs is there before it says so */
    char *path, *error;
    struct ml_clip *clip;
    struct ml_ring *ring; /* OWN */
    atomic_size_t at;     /* in the clip */
    /* media thread */
    struct ml_clip_place place;
    bool ended;
    int loops; /* OWN: the disk thread's */
    /* disk thread */
    struct ml_decoder *decoder;
    bool any; /* this round gave a sample */
};

static void enter(struct ml_reader *reader, enum way way)
{
    atomic_store_explicit(&reader->way, way, memory_order_release);
}

static enum way way_of(const struct ml_reader *reader)
{
    return (enum way)atomic_load_explicit(&reader->way, memory_order_acquire);
}

/* ---- disk thread ---- */

static void open_file(struct ml_reader *reader)
{
    struct ml_fault fault = {0};

    if (ml_clip_open(reader->clips, reader->path, &reader->clip, &reader->decoder, &fault) != 0) {
        reader->error = ml_strdup(fault.text);
        enter(reader, FAILED);
    } else if (reader->clip) {
        enter(reader, CLIP);
    } else {
        reader->ring = ml_ring_new(sizeof(int16_t), OWN_AHEAD);
        enter(reader, OWN);
    }
}

static void fail_empty(struct ml_reader *reader)
{
    reader->error = ml_format("%s: no audio in it", reader->path);
    enter(reader, FAILED);
}

static void fill_from_clip(struct ml_reader *reader)
{
    bool whole;

    ml_clip_fill(reader->clip, atomic_load_explicit(&reader->at, memory_order_relaxed) + AHEAD);
    if (ml_clip_ready(reader->clip, &whole) == 0 && whole)
        fail_empty(reader);
}

static void end_of_round(struct ml_reader *reader)
{
    if (!reader->any)
        fail_empty(reader);
    else if ((reader->loops > 0 && --reader->loops == 0) || !ml_decoder_rewind(reader->decoder))
        enter(reader, OWN_ENDED);
    reader->any = false;
}

static void fill_own(struct ml_reader *reader)
{
    int16_t piece[ML_DECODER_PIECE];

    while (way_of(reader) == OWN && ml_ring_room(reader->ring) >= ML_DECODER_PIECE) {
        size_t n = ml_decoder_read(reader->decoder, piece);

        if (n == 0) {
            end_of_round(reader);
            continue;
        }
        reader->any = true;
        ml_ring_write(reader->ring, piece, n);
    }
}

static void run_fill(struct ml_job *job)
{
    struct ml_reader *reader = ML_CONTAINER(job, struct ml_reader, fill);

    atomic_store(&reader->queued, false);
    if (way_of(reader) == OPENING)
        open_file(reader);
    if (way_of(reader) == CLIP)
        fill_from_clip(reader);
    else if (way_of(reader) == OWN)
        fill_own(reader);
}

static void run_close(struct ml_job *job)
{
    struct ml_reader *reader = ML_CONTAINER(job, struct ml_reader, close);

    if (reader->clip)
        ml_clip_unref(reader->clip);
    ml_decoder_free(reader->decoder);
    ml_ring_free(reader->ring);
    ml_free(reader->path);
    ml_free(reader->error);
    ml_free(reader);
}

/* ---- any thread ---- */

static void ask(struct ml_reader *reader)
{
    if (!atomic_exchange(&reader->queued, true))
        ml_disk_push(ml_clips_disk(reader->clips), &reader->fill);
}

struct ml_reader *ml_reader_new(struct ml_clips *clips, const char *path, int loops)
{
    struct ml_reader *reader = ml_alloc(sizeof *reader);

    reader->clips = clips;
    reader->fill.run = run_fill;
    reader->close.run = run_close;
    reader->path = ml_strdup(path);
    reader->loops = loops;
    ask(reader);
    return reader;
}

void ml_reader_free(struct ml_reader *reader)
{
    if (reader)
        ml_disk_push(ml_clips_disk(reader->clips), &reader->close);
}

/* ---- media thread ---- */

/* Samples of the clip that are there; what is decoded should be two seconds ahead of us. */
static size_t look_ahead(struct ml_reader *reader, bool *whole)
{
    size_t ready = ml_clip_ready(reader->clip, whole);

    if (*whole || ready - reader->place.at >= AHEAD / 2)
        return ready;
    atomic_store_explicit(&reader->at, reader->place.at, memory_order_relaxed);
    ask(reader);
    return ml_clip_ready(reader->clip, whole); /* in virtual time it is there at once */
}

static void next_round(struct ml_reader *reader)
{
    if (reader->loops > 0 && --reader->loops == 0)
        reader->ended = true;
    else
        reader->place = (struct ml_clip_place){0};
}

static enum ml_reader_state get_from_clip(struct ml_reader *reader, int16_t *samples, size_t n,
                                          size_t *got)
{
    while (*got < n && !reader->ended) {
        bool whole;
        size_t ready = look_ahead(reader, &whole);

        if (reader->place.at < ready)
            *got += ml_clip_read(reader->clip, &reader->place, samples + *got, n - *got);
        else if (whole && ready > 0)
            next_round(reader);
        else
            break;
    }
    return reader->ended ? ML_READER_ENDED : ML_READER_GOES_ON;
}

static enum ml_reader_state get_own(struct ml_reader *reader, enum way way, int16_t *samples,
                                    size_t n, size_t *got)
{
    *got = ml_ring_read(reader->ring, samples, n);
    if (way == OWN && ml_ring_used(reader->ring) < HALF) {
        ask(reader);
        way = way_of(reader); /* first: all that was written before is there */
        *got += ml_ring_read(reader->ring, samples + *got, n - *got);
    }
    if (way == OWN_ENDED && ml_ring_used(reader->ring) == 0)
        return ML_READER_ENDED;
    return way == FAILED ? ML_READER_FAILED : ML_READER_GOES_ON;
}

enum ml_reader_state ml_reader_get(struct ml_reader *reader, int16_t *samples, size_t n,
                                   size_t *got)
{
    enum way way = way_of(reader);

    *got = 0;
    switch (way) {
    case OPENING:
        return ML_READER_GOES_ON;
    case CLIP:
        return get_from_clip(reader, samples, n, got);
    case OWN:
    case OWN_ENDED:
        return get_own(reader, way, samples, n, got);
    case FAILED:
        break;
    }
    return ML_READER_FAILED;
}

const char *ml_reader_error(const struct ml_reader *reader)
{
    return reader->error;
}
