/* The disk's side of a recorder. After a fault what still comes is thrown away. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/media/recorder_priv.h"

enum { PART = 512 }; /* frames */

static void check(struct ml_recorder *recorder, int status)
{
    if (status == 0)
        return;
    ml_wav_close(&recorder->wav);
    atomic_store(&recorder->failed, true);
}

void ml_take_open(struct ml_job *job)
{
    struct ml_recorder *recorder = ML_CONTAINER(job, struct ml_recorder, open);

    check(recorder,
          ml_wav_create(&recorder->wav, recorder->path, recorder->channels, &recorder->fault));
}

static void drain(struct ml_recorder *recorder)
{
    int16_t frames[2 * PART];
    size_t n;

    if (!recorder->ring)
        return;
    while ((n = ml_ring_read(recorder->ring, frames, PART)) > 0)
        if (recorder->wav.fd >= 0)
            check(recorder, ml_wav_append(&recorder->wav, frames, n, &recorder->fault));
    if (recorder->wav.fd >= 0)
        check(recorder, ml_wav_patch(&recorder->wav, &recorder->fault));
}

void ml_take_write(struct ml_job *job)
{
    struct ml_recorder *recorder = ML_CONTAINER(job, struct ml_recorder, write);

    atomic_store(&recorder->queued, false);
    drain(recorder);
}

static void append_silence(struct ml_recorder *recorder, int64_t frames)
{
    static const int16_t silence[2 * PART];

    while (frames > 0 && recorder->wav.fd >= 0) {
        size_t n = frames < PART ? (size_t)frames : PART;

        check(recorder, ml_wav_append(&recorder->wav, silence, n, &recorder->fault));
        frames -= (int64_t)n;
    }
    if (recorder->wav.fd >= 0)
        check(recorder, ml_wav_patch(&recorder->wav, &recorder->fault));
}

static void trim(struct ml_recorder *recorder)
{
    int64_t from = recorder->loud_from - ML_TAKE_MARGIN, to = recorder->loud_to + ML_TAKE_MARGIN;

    if (recorder->loud_from < 0) {
        recorder->absent = true;
        recorder->wav.frames = 0;
        unlink(recorder->path);
        return;
    }
    check(recorder, ml_wav_cut(&recorder->wav, recorder->path, (uint64_t)(from > 0 ? from : 0),
                               (uint64_t)to, &recorder->fault));
}

void ml_take_finish(struct ml_job *job)
{
    struct ml_recorder *recorder = ML_CONTAINER(job, struct ml_recorder, finish);
    struct ml_note *note = ml_note_new(ML_NOTE_RECORDED, NULL);

    drain(recorder);
    append_silence(recorder, recorder->missing);
    if (recorder->trim && recorder->wav.fd >= 0)
        trim(recorder);
    recorder->duration_ms = (int)(recorder->wav.frames / ML_SAMPLES_MS);
    ml_wav_close(&recorder->wav);
    if (atomic_load(&recorder->failed))
        recorder->end = ML_RECORD_FAILED;
    note->recorder = recorder;
    ml_media_note(recorder->media, note);
}
