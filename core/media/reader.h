/* An audio file as 8 kHz mono samples, from its clip, or where it is too long for one decoded on
 * the disk thread ahead of need. Made by the control thread, read by one media thread, which also
 * lets go of it. */
#ifndef ML_MEDIA_READER_H
#define ML_MEDIA_READER_H

#include <stddef.h>
#include <stdint.h>

#include "core/media/clip.h"

struct ml_reader;

enum ml_reader_state { ML_READER_GOES_ON, ML_READER_ENDED, ML_READER_FAILED };

/* loops: how often the file is read; 0: without end. Opening begins at once. */
struct ml_reader *ml_reader_new(struct ml_clips *clips, const char *path, int loops);
/* Closed and freed on the disk thread. */
void ml_reader_free(struct ml_reader *reader);
/* Up to n samples, *got of them. GOES_ON with fewer: the disk is late. ENDED with samples: the
 * last ones. */
enum ml_reader_state ml_reader_get(struct ml_reader *reader, int16_t *samples, size_t n,
                                   size_t *got);
/* Why it failed; valid until ml_reader_free. */
const char *ml_reader_error(const struct ml_reader *reader);

#endif
