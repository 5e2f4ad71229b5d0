/* A WAV file made into an MPEG layer III file on the disk thread, a piece at a time, so that
 * recordings get their turn in between. */
#include <string.h>
#include <unistd.h>

#include <sndfile.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/media/media_priv.h"

enum { PIECE = 8000 * 20, PART = 4000 }; /* frames of one turn: 20 ms of CPU; read at once */

struct ml_compression {
    /* control thread */
    struct ml_link all;
    struct ml_media *media;
    ml_compressed_fn *done;
    void *user;
    /* disk thread */
    struct ml_job job;
    char *from, *to;
    SNDFILE *in, *out;
    SF_INFO info;
    struct ml_fault fault;
    int status;
};

static void fail(struct ml_compression *one, const char *path, const char *why)
{
    one->status = ml_fail(&one->fault, ML_EIO, "%.120s: %s", path, why);
}

static void begin(struct ml_compression *one)
{
    SF_INFO info = {.format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III};

    one->in = sf_open(one->from, SFM_READ, &one->info);
    if (!one->in) {
        fail(one, one->from, sf_strerror(NULL));
        return;
    }
    if (one->info.channels > 2) {
        fail(one, one->from, "more than two channels");
        return;
    }
    info.samplerate = one->info.samplerate;
    info.channels = one->info.channels;
    one->out = sf_open(one->to, SFM_WRITE, &info);
    if (!one->out)
        fail(one, one->to, sf_strerror(NULL));
}

static void end(struct ml_compression *one)
{
    if (one->in)
        sf_close(one->in);
    if (one->out && sf_close(one->out) != 0 && one->status == 0)
        fail(one, one->to, "not written to its end");
    one->in = one->out = NULL;
    if (one->status != 0)
        unlink(one->to);
}

/* Is there more? */
static bool piece(struct ml_compression *one)
{
    int16_t samples[PART];
    sf_count_t most = PART / one->info.channels, n = most;

    for (sf_count_t done = 0; done < PIECE && n == most; done += n) {
        n = sf_readf_short(one->in, samples, most);
        if (sf_writef_short(one->out, samples, n) != n) {
            fail(one, one->to, sf_strerror(one->out));
            return false;
        }
    }
    return n == most;
}

static void run(struct ml_job *job)
{
    struct ml_compression *one = ML_CONTAINER(job, struct ml_compression, job);
    struct ml_note *note;

    if (!one->in)
        begin(one);
    while (one->status == 0 && piece(one)) {
        if (ml_clock_is_virtual()) /* there a job runs at once */
            continue;
        ml_disk_push(one->media->disk, &one->job);
        return;
    }
    end(one);
    note = ml_note_new(ML_NOTE_COMPRESSED, NULL);
    note->compression = one;
    ml_media_note(one->media, note);
}

struct ml_compression *ml_compress(struct ml_media *media, const char *from, const char *to,
                                   ml_compressed_fn *done, void *user)
{
    struct ml_compression *one = ml_alloc(sizeof *one);

    one->media = media;
    one->done = done;
    one->user = user;
    one->from = ml_strdup(from);
    one->to = ml_strdup(to);
    one->job.run = run;
    ml_list_append(&media->compressions, &one->all);
    ml_disk_push(media->disk, &one->job);
    return one;
}

void ml_compress_forget(struct ml_compression *one)
{
    one->done = NULL;
}

static void destroy(struct ml_compression *one)
{
    ml_list_remove(&one->all);
    end(one);
    ml_free(one->from);
    ml_free(one->to);
    ml_free(one);
}

void ml_compression_note(struct ml_note *note)
{
    struct ml_compression *one = note->compression;

    if (one->done)
        one->done(one->status, one->status != 0 ? one->fault.text : NULL, one->user);
    destroy(one);
}

void ml_compressions_free(struct ml_media *media)
{
    ML_LIST_EACH(&media->compressions, link)
    {
        destroy(ML_CONTAINER(link, struct ml_compression, all));
    }
}
