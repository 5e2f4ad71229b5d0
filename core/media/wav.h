/* RIFF WAV, PCM 16 bit, 8 kHz, written so that the file is readable after every append: first the
 * samples, then the lengths in the header. The disk thread. */
#ifndef ML_MEDIA_WAV_H
#define ML_MEDIA_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum { ML_WAV_HEADER = 44 };

/* Frames of all channels; what does not fit into 32 bits of length is cut in the header. */
void ml_wav_header(uint8_t header[ML_WAV_HEADER], int channels, uint64_t frames);

struct ml_wav {
    int fd; /* -1: closed */
    int channels;
    uint64_t frames;
};

/* All return 0 or ML_EIO with a fault. The file is made anew. */
int ml_wav_create(struct ml_wav *wav, const char *path, int channels, struct ml_fault *fault);
int ml_wav_append(struct ml_wav *wav, const int16_t *samples, size_t frames,
                  struct ml_fault *fault);
/* Writes the lengths. */
int ml_wav_patch(struct ml_wav *wav, struct ml_fault *fault);
/* Keeps the frames [from, to) only; in a new file that takes the place of the old. */
int ml_wav_cut(struct ml_wav *wav, const char *path, uint64_t from, uint64_t to,
               struct ml_fault *fault);
void ml_wav_close(struct ml_wav *wav);
/* Makes the header of a file that a crash cut say what is there. Fills channels and frames. ML_EIO
 * also for a file that is none of ours. */
int ml_wav_repair(const char *path, struct ml_wav *wav, struct ml_fault *fault);

#endif
