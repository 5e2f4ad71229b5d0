#include "core/media/clip.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/media/decoder.h"

enum {
    BLOCK = 4096,               /* samples */
    SECOND = 8000,              /* samples */
    LONGEST = 10 * 60 * SECOND, /* of one clip: music on hold; 9 MB */
    MOST = 40 * 60 * SECOND     /* of all: 38 MB */
};

struct block {
    struct block *next;
    int16_t samples[BLOCK];
};

struct ml_clip {
    struct ml_clips *clips;
    /* between the threads: what lies before `ready` does not change any more */
    struct block *first;
    atomic_size_t ready;
    atomic_bool whole;
    /* disk thread */
    struct ml_link link;
    struct stat file;
    int references;
    struct block *last;
    struct ml_decoder *decoder; /* NULL once it is whole */
    size_t claimed;             /* samples that are counted for it */
};

struct ml_clips {
    struct ml_disk *disk;
    struct ml_list all;
    size_t claimed; /* samples */
};

struct ml_clips *ml_clips_new(struct ml_disk *disk)
{
    struct ml_clips *clips = ml_alloc(sizeof *clips);

    clips->disk = disk;
    ml_list_init(&clips->all);
    return clips;
}

struct ml_disk *ml_clips_disk(const struct ml_clips *clips)
{
    return clips->disk;
}

static void destroy(struct ml_clip *clip)
{
    clip->clips->claimed -= clip->claimed;
    ml_list_remove(&clip->link);
    ml_decoder_free(clip->decoder);
    for (struct block *block = clip->first, *next; block; block = next) {
        next = block->next;
        ml_free(block);
    }
    ml_free(clip);
}

void ml_clips_free(struct ml_clips *clips)
{
    ml_free(clips);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct ml_clip *find(struct ml_clips *clips, const struct stat *file)
{
    ML_LIST_EACH(&clips->all, link)
    {
        struct ml_clip *clip = ML_CONTAINER(link, struct ml_clip, link);

        if (is_same(&clip->file, file)) {
            clip->references++;
            return clip;
        }
    }
    return NULL;
}

static struct ml_clip *new_clip(struct ml_clips *clips, const struct stat *file,
                                struct ml_decoder *decoder)
{
    struct ml_clip *clip = ml_alloc(sizeof *clip);

    clip->clips = clips;
    clip->file = *file;
    clip->references = 1;
    clip->decoder = decoder;
    clip->claimed = (size_t)ml_decoder_length(decoder);
    clip->first = clip->last = ml_alloc(sizeof *clip->first);
    clips->claimed += clip->claimed;
    ml_list_append(&clips->all, &clip->link);
    return clip;
}

int ml_clip_open(struct ml_clips *clips, const char *path, struct ml_clip **clipp,
                 struct ml_decoder **decoderp, struct ml_fault *fault)
{
    struct ml_decoder *decoder;
    struct stat file;
    int fd = ml_decoder_open_file(path, fault), status;
    int64_t length;

    if (fd < 0)
        return fd;
    memset(&file, 0, sizeof file);
    fstat(fd, &file);
    *clipp = find(clips, &file);
    if (*clipp) {
        close(fd);
        return ML_OK;
    }
    status = ml_decoder_new(fd, path, &decoder, fault);
    if (status != 0)
        return status;
    length = ml_decoder_length(decoder);
    if (length <= LONGEST && clips->claimed + (size_t)length <= MOST)
        *clipp = new_clip(clips, &file, decoder);
    else
        *decoderp = decoder;
    return ML_OK;
}

void ml_clip_unref(struct ml_clip *clip)
{
    if (--clip->references == 0)
        destroy(clip);
}

static void append(struct ml_clip *clip, const int16_t *samples, size_t n)
{
    size_t ready = atomic_load_explicit(&clip->ready, memory_order_relaxed);

    for (size_t done = 0; done < n;) {
        size_t at = ready % BLOCK, part = BLOCK - at < n - done ? BLOCK - at : n - done;

        if (at == 0 && ready > 0)
            clip->last = clip->last->next = ml_alloc(sizeof *clip->last);
        memcpy(clip->last->samples + at, samples + done, part * sizeof *samples);
        ready += part;
        done += part;
    }
    atomic_store_explicit(&clip->ready, ready, memory_order_release);
}

/* All was decoded: what it really takes is known. */
static void finish(struct ml_clip *clip)
{
    size_t ready = atomic_load_explicit(&clip->ready, memory_order_relaxed);

    clip->clips->claimed += ready - clip->claimed;
    clip->claimed = ready;
    ml_decoder_free(clip->decoder);
    clip->decoder = NULL;
    atomic_store_explicit(&clip->whole, true, memory_order_release);
}

/* A file that has more than it said is cut at the bound. */
void ml_clip_fill(struct ml_clip *clip, size_t samples)
{
    int16_t piece[ML_DECODER_PIECE];
    size_t ready;

    while (clip->decoder &&
           (ready = atomic_load_explicit(&clip->ready, memory_order_relaxed)) < samples) {
        size_t n = ready < LONGEST + BLOCK ? ml_decoder_read(clip->decoder, piece) : 0;

        if (n > 0)
            append(clip, piece, n);
        else
            finish(clip);
    }
}

size_t ml_clip_ready(const struct ml_clip *clip, bool *whole)
{
    *whole = atomic_load_explicit(&clip->whole, memory_order_acquire);
    return atomic_load_explicit(&clip->ready, memory_order_acquire);
}

size_t ml_clip_read(const struct ml_clip *clip, struct ml_clip_place *place, int16_t *samples,
                    size_t n)
{
    size_t ready = atomic_load_explicit(&clip->ready, memory_order_acquire), done = 0;

    n = ready - place->at < n ? ready - place->at : n;
    while (done < n) {
        const struct block *block = place->block;
        size_t at = place->at % BLOCK, part = BLOCK - at < n - done ? BLOCK - at : n - done;

        if (place->at == 0)
            block = clip->first;
        else if (at == 0)
            block = block->next;
        memcpy(samples + done, block->samples + at, part * sizeof *samples);
        place->block = block;
        place->at += part;
        done += part;
    }
    return n;
}
