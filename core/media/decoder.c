#include "core/media/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sndfile.h>
#include <speex/speex_resampler.h>

#include "core/base/mem.h"

enum {
    RATE = 8000,
    RATE_MIN = 1000, /* so that frames grow eightfold at most */
    RATE_MAX = 384000,
    CHANNELS_MAX = 16,
    FRAMES = 256, /* of the file, decoded at once */
    QUALITY = 5   /* of the resampler, 0-10 */
};

_Static_assert((int)ML_DECODER_PIECE >= FRAMES * (RATE / RATE_MIN),
               "a piece holds what frames become");

struct ml_decoder {
    SNDFILE *file;
    SF_INFO info;
    SpeexResamplerState *resampler; /* NULL: the file has our rate */
    int rest; /* frames of silence that bring out what the resampler holds back; -1: not yet */
};

int ml_decoder_open_file(const char *path, struct ml_fault *fault)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return ml_fail(fault, ML_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return ml_fail(fault, ML_EIO, "%s: not a file", path);
    }
    return fd;
}

static int open_resampler(struct ml_decoder *decoder, const char *path, struct ml_fault *fault)
{
    spx_uint32_t rate = (spx_uint32_t)decoder->info.samplerate;
    int error = 0;

    if (rate == RATE)
        return ML_OK;
    decoder->resampler = speex_resampler_init(1, rate, RATE, QUALITY, &error);
    if (!decoder->resampler)
        return ml_fail(fault, ML_EIO, "%s: %s", path, speex_resampler_strerror(error));
    speex_resampler_skip_zeros(decoder->resampler);
    return ML_OK;
}

int ml_decoder_new(int fd, const char *path, struct ml_decoder **decoderp, struct ml_fault *fault)
{
    struct ml_decoder *decoder = ml_alloc(sizeof *decoder);
    const SF_INFO *info = &decoder->info;
    int status;

    decoder->rest = -1;
    decoder->file = sf_open_fd(fd, SFM_READ, &decoder->info, SF_TRUE);
    if (!decoder->file)
        status = ml_fail(fault, ML_EPARSE, "%s: %s", path, sf_strerror(NULL));
    else if (info->samplerate < RATE_MIN || info->samplerate > RATE_MAX || info->channels < 1 ||
             info->channels > CHANNELS_MAX)
        status = ml_fail(fault, ML_EPARSE, "%s: %d channels at %d Hz are not playable", path,
                         info->channels, info->samplerate);
    else
        status = open_resampler(decoder, path, fault);
    if (status != 0) {
        ml_decoder_free(decoder);
        return status;
    }
    *decoderp = decoder;
    return ML_OK;
}

void ml_decoder_free(struct ml_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->file)
        sf_close(decoder->file);
    if (decoder->resampler)
        speex_resampler_destroy(decoder->resampler);
    ml_free(decoder);
}

int64_t ml_decoder_length(const struct ml_decoder *decoder)
{
    sf_count_t frames = decoder->info.frames;

    if (frames < 0 || frames > INT64_MAX / RATE)
        return INT64_MAX;
    return frames * RATE / decoder->info.samplerate;
}

static size_t mix_down(struct ml_decoder *decoder, float *mono)
{
    int channels = decoder->info.channels;
    float frames[FRAMES * CHANNELS_MAX];
    sf_count_t n = sf_readf_float(decoder->file, frames, FRAMES);

    for (sf_count_t i = 0; i < n; i++) {
        float sum = 0;

        for (int c = 0; c < channels; c++)
            sum += frames[i * channels + c];
        mono[i] = sum / (float)channels;
    }
    return n > 0 ? (size_t)n : 0;
}

static void to_pcm(const float *samples, size_t n, int16_t *pcm)
{
    for (size_t i = 0; i < n; i++) {
        float x = samples[i] * 32767.0f;

        pcm[i] = (int16_t)(!(x > -32768.0f) ? -32768 : x > 32767.0f ? 32767 : lrintf(x));
    }
}

static size_t resample(struct ml_decoder *decoder, const float *mono, size_t n, int16_t *pcm)
{
    float out[ML_DECODER_PIECE];
    spx_uint32_t taken = (spx_uint32_t)n, made = ML_DECODER_PIECE;

    speex_resampler_process_float(decoder->resampler, 0, mono, &taken, out, &made);
    to_pcm(out, made, pcm);
    return made;
}

/* What the resampler still holds back comes out when it is fed as much silence. */
static size_t read_rest(struct ml_decoder *decoder, int16_t *pcm)
{
    static const float silence[FRAMES];

    if (decoder->rest < 0)
        decoder->rest = speex_resampler_get_input_latency(decoder->resampler);
    for (size_t made = 0; decoder->rest > 0;) {
        int n = decoder->rest < FRAMES ? decoder->rest : FRAMES;

        decoder->rest -= n;
        made = resample(decoder, silence, (size_t)n, pcm);
        if (made > 0)
            return made;
    }
    return 0;
}

size_t ml_decoder_read(struct ml_decoder *decoder, int16_t samples[ML_DECODER_PIECE])
{
    float mono[FRAMES];
    size_t n, made;

    while (decoder->rest < 0 && (n = mix_down(decoder, mono)) > 0) {
        if (!decoder->resampler) {
            to_pcm(mono, n, samples);
            return n;
        }
        made = resample(decoder, mono, n, samples);
        if (made > 0) /* of few frames at a high rate nothing may become */
            return made;
    }
    return decoder->resampler ? read_rest(decoder, samples) : 0;
}

bool ml_decoder_rewind(struct ml_decoder *decoder)
{
    decoder->rest = -1;
    if (decoder->resampler) {
        speex_resampler_reset_mem(decoder->resampler);
        speex_resampler_skip_zeros(decoder->resampler);
    }
    return sf_seek(decoder->file, 0, SEEK_SET) == 0;
}
