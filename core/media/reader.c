#include "core/media/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sndfile.h>
#include <speex/speex_resampler.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/ring.h"

enum {
    RATE = 8000,
    RATE_MIN = 1000, /* so that one chunk grows eightfold at most */
    RATE_MAX = 384000,
    CHANNELS_MAX = 16,
    CHUNK = 512,                /* frames of the file decoded at once */
    CHUNK_OUT = CHUNK * 8 + 64, /* ... and what that can become */
    AHEAD = 16384,              /* samples: two seconds */
    QUALITY = 5                 /* of the resampler, 0-10 */
};

struct ml_reader {
    struct ml_disk *disk;
    struct ml_job fill, close;
    struct ml_ring *ring;
    atomic_bool queued; /* fill is */
    atomic_int state;
    char error[200]; /* written before state becomes FAILED */
    /* disk thread */
    char *path;
    int loops;
    bool opened;
    SNDFILE *file;
    SF_INFO info;
    SpeexResamplerState *resampler;
    bool any; /* this round gave a frame */
    float *in, *mono, *out;
};

static void fail(struct ml_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct ml_reader *reader, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(reader->error, sizeof reader->error, format, args);
    va_end(args);
    atomic_store_explicit(&reader->state, ML_READER_FAILED, memory_order_release);
}

static int open_regular(struct ml_reader *reader)
{
    struct stat st;
    int fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        fail(reader, "%s: %s", reader->path, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        fail(reader, "%s: not a file", reader->path);
        close(fd);
        return -1;
    }
    return fd;
}

static bool open_file(struct ml_reader *reader)
{
    int fd = open_regular(reader), error = 0;

    reader->opened = true;
    if (fd < 0)
        return false;
    reader->file = sf_open_fd(fd, SFM_READ, &reader->info, SF_TRUE);
    if (!reader->file) {
        fail(reader, "%s: %s", reader->path, sf_strerror(NULL));
        return false;
    }
    if (reader->info.samplerate < RATE_MIN || reader->info.samplerate > RATE_MAX ||
        reader->info.channels < 1 || reader->info.channels > CHANNELS_MAX) {
        fail(reader, "%s: %d channels at %d Hz are not playable", reader->path,
             reader->info.channels, reader->info.samplerate);
        return false;
    }
    if (reader->info.samplerate != RATE) {
        reader->resampler =
            speex_resampler_init(1, (spx_uint32_t)reader->info.samplerate, RATE, QUALITY, &error);
        if (!reader->resampler) {
            fail(reader, "%s: %s", reader->path, speex_resampler_strerror(error));
            return false;
        }
        speex_resampler_skip_zeros(reader->resampler);
    }
    reader->in = ml_alloc(CHUNK * (size_t)reader->info.channels * sizeof *reader->in);
    reader->mono = ml_alloc(CHUNK * sizeof *reader->mono);
    reader->out = ml_alloc(CHUNK_OUT * sizeof *reader->out);
    return true;
}

static void put(struct ml_reader *reader, const float *samples, size_t n)
{
    int16_t block[256];

    for (size_t done = 0; done < n;) {
        size_t part = n - done < 256 ? n - done : 256;

        for (size_t i = 0; i < part; i++) {
            float x = samples[done + i] * 32767.0f;

            block[i] = (int16_t)(!(x > -32768.0f) ? -32768 : x > 32767.0f ? 32767 : lrintf(x));
        }
        ml_ring_write(reader->ring, block, part);
        done += part;
    }
}

static void resample_and_put(struct ml_reader *reader, size_t n)
{
    spx_uint32_t in = (spx_uint32_t)n, out = CHUNK_OUT;

    if (!reader->resampler) {
        put(reader, reader->mono, n);
        return;
    }
    speex_resampler_process_float(reader->resampler, 0, reader->mono, &in, reader->out, &out);
    put(reader, reader->out, out);
}

static void mix_down(struct ml_reader *reader, size_t frames)
{
    int channels = reader->info.channels;

    for (size_t i = 0; i < frames; i++) {
        float sum = 0;

        for (int c = 0; c < channels; c++)
            sum += reader->in[i * (size_t)channels + (size_t)c];
        reader->mono[i] = sum / (float)channels;
    }
}

/* What the resampler still holds back comes out when it is fed as much silence. */
static void finish(struct ml_reader *reader)
{
    if (reader->resampler) {
        int rest = speex_resampler_get_input_latency(reader->resampler);

        memset(reader->mono, 0, CHUNK * sizeof *reader->mono);
        for (; rest > 0; rest -= CHUNK)
            resample_and_put(reader, (size_t)(rest < CHUNK ? rest : CHUNK));
    }
    atomic_store_explicit(&reader->state, ML_READER_ENDED, memory_order_release);
}

static void end_of_round(struct ml_reader *reader)
{
    if (!reader->any) {
        fail(reader, "%s: no audio in it", reader->path);
        return;
    }
    reader->any = false;
    if ((reader->loops > 0 && --reader->loops == 0) || sf_seek(reader->file, 0, SEEK_SET) != 0)
        finish(reader);
}

static void decode_chunk(struct ml_reader *reader)
{
    sf_count_t n = sf_readf_float(reader->file, reader->in, CHUNK);

    if (n <= 0) {
        end_of_round(reader);
        return;
    }
    reader->any = true;
    mix_down(reader, (size_t)n);
    resample_and_put(reader, (size_t)n);
}

static void run_fill(struct ml_job *job)
{
    struct ml_reader *reader = ML_CONTAINER(job, struct ml_reader, fill);

    atomic_store(&reader->queued, false);
    if (!reader->opened && !open_file(reader))
        return;
    while (atomic_load_explicit(&reader->state, memory_order_relaxed) == ML_READER_GOES_ON &&
           ml_ring_room(reader->ring) >= 2 * CHUNK_OUT)
        decode_chunk(reader);
}

static void run_close(struct ml_job *job)
{
    struct ml_reader *reader = ML_CONTAINER(job, struct ml_reader, close);

    if (reader->file)
        sf_close(reader->file);
    if (reader->resampler)
        speex_resampler_destroy(reader->resampler);
    ml_ring_free(reader->ring);
    ml_free(reader->in);
    ml_free(reader->mono);
    ml_free(reader->out);
    ml_free(reader->path);
    ml_free(reader);
}

static void ask(struct ml_reader *reader)
{
    if (!atomic_exchange(&reader->queued, true))
        ml_disk_push(reader->disk, &reader->fill);
}

struct ml_reader *ml_reader_new(struct ml_disk *disk, const char *path, int loops)
{
    struct ml_reader *reader = ml_alloc(sizeof *reader);

    reader->disk = disk;
    reader->fill.run = run_fill;
    reader->close.run = run_close;
    reader->path = ml_strdup(path);
    reader->loops = loops;
    reader->ring = ml_ring_new(sizeof(int16_t), AHEAD);
    ask(reader);
    return reader;
}

void ml_reader_free(struct ml_reader *reader)
{
    if (reader)
        ml_disk_push(reader->disk, &reader->close);
}

enum ml_reader_state ml_reader_get(struct ml_reader *reader, int16_t *samples, size_t n,
                                   size_t *got)
{
    int state = atomic_load_explicit(&reader->state, memory_order_acquire);

    *got = ml_ring_read(reader->ring, samples, n);
    if (state == ML_READER_GOES_ON && ml_ring_used(reader->ring) < AHEAD / 2) {
        ask(reader);
        if (*got < n) /* in virtual time it is there already */
            *got += ml_ring_read(reader->ring, samples + *got, n - *got);
        state = atomic_load_explicit(&reader->state, memory_order_acquire);
        if (state == ML_READER_ENDED && *got < n)
            *got += ml_ring_read(reader->ring, samples + *got, n - *got);
    }
    if (state == ML_READER_ENDED && ml_ring_used(reader->ring) > 0)
        return ML_READER_GOES_ON;
    return (enum ml_reader_state)state;
}

const char *ml_reader_error(const struct ml_reader *reader)
{
    return reader->error;
}
