/* Files that play, decoded once for all who play them: a clip is the audio of one file, which grows
 * on the disk thread ahead of whoever is furthest in it, and which media threads read without a
 * lock. It lives as long as somebody plays it. Owner: the engine; each player holds a reference. */
#ifndef ML_MEDIA_CLIP_H
#define ML_MEDIA_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct ml_clips;
struct ml_clip;
struct ml_decoder;
struct ml_disk;

struct ml_clips *ml_clips_new(struct ml_disk *disk);
/* The disk thread has ended, and all clips were let go of. */
void ml_clips_free(struct ml_clips *clips);
struct ml_disk *ml_clips_disk(const struct ml_clips *clips);

/* ---- the disk thread ---- */

/* The clip of a file; or, where it is too long to be kept in memory, a decoder of one's own. */
int ml_clip_open(struct ml_clips *clips, const char *path, struct ml_clip **clipp,
                 struct ml_decoder **decoderp, struct ml_fault *fault);
void ml_clip_unref(struct ml_clip *clip);
/* Decodes until so many samples are there, or all. */
void ml_clip_fill(struct ml_clip *clip, size_t samples);

/* ---- whoever holds a reference ---- */

/* Where one is in a clip; zeroed: at its beginning. */
struct ml_clip_place {
    size_t at; /* samples */
    const void *block;
};

/* Samples that are there. *whole: and no more will come. */
size_t ml_clip_ready(const struct ml_clip *clip, bool *whole);
/* Copies at most n of those that are there, and moves on. */
size_t ml_clip_read(const struct ml_clip *clip, struct ml_clip_place *place, int16_t *samples,
                    size_t n);

#endif
