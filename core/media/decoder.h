/* Decodes an audio file to 8 kHz mono samples, piece by piece. What it needs between two pieces is
 * little: buffers are on the stack. Owner: whoever opened it. One thread, that may wait for the
 * disk. */
#ifndef ML_MEDIA_DECODER_H
#define ML_MEDIA_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct ml_decoder;

enum { ML_DECODER_PIECE = 2560 }; /* samples: the most that one piece has */

/* A descriptor of the regular file at path, or below 0 with why in fault. */
int ml_decoder_open_file(const char *path, struct ml_fault *fault);
/* Takes fd, also when it fails. path is for messages. */
int ml_decoder_new(int fd, const char *path, struct ml_decoder **decoderp, struct ml_fault *fault);
void ml_decoder_free(struct ml_decoder *decoder);
/* Samples of the whole, as far as the file says; INT64_MAX when it does not. */
int64_t ml_decoder_length(const struct ml_decoder *decoder);
/* The next piece: how many samples; 0: this was the last one. */
size_t ml_decoder_read(struct ml_decoder *decoder, int16_t samples[ML_DECODER_PIECE]);
/* From the beginning again. False: that cannot be done. */
bool ml_decoder_rewind(struct ml_decoder *decoder);

#endif
