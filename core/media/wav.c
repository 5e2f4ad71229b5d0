#include "core/media/wav.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { RATE = 8000, CUT_BYTES = 65536 };

static uint8_t *put(uint8_t *p, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    memcpy(p, text, 4);
    return p + 4;
}

void ml_wav_header(uint8_t header[ML_WAV_HEADER], int channels, uint64_t frames)
{
    uint32_t frame = 2 * (uint32_t)channels;
    uint64_t most = (UINT32_MAX - ML_WAV_HEADER) / frame;
    uint32_t bytes = (uint32_t)(frames < most ? frames : most) * frame;
    uint8_t *p = put_text(header, "RIFF");

    p = put_text(put(p, bytes + ML_WAV_HEADER - 8, 4), "WAVE");
    p = put(put_text(p, "fmt "), 16, 4);
    p = put(put(p, 1, 2), (uint32_t)channels, 2);
    p = put(put(p, RATE, 4), RATE * frame, 4);
    p = put(put(p, frame, 2), 16, 2);
    put(put_text(p, "data"), bytes, 4);
}

static int write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
    const uint8_t *p = bytes;

    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : ENOSPC;
        p += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int failed(struct ml_fault *fault, const char *what, int error)
{
    return ml_fail(fault, ML_EIO, "recording: %s: %s", what, strerror(error));
}

int ml_wav_patch(struct ml_wav *wav, struct ml_fault *fault)
{
    uint8_t header[ML_WAV_HEADER];
    int error;

    ml_wav_header(header, wav->channels, wav->frames);
    error = write_at(wav->fd, header, sizeof header, 0);
    return error ? failed(fault, "write", error) : ML_OK;
}

int ml_wav_create(struct ml_wav *wav, const char *path, int channels, struct ml_fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    int status;

    wav->fd = -1;
    if (fd < 0)
        return failed(fault, path, errno);
    *wav = (struct ml_wav){.fd = fd, .channels = channels};
    status = ml_wav_patch(wav, fault);
    if (status != 0)
        ml_wav_close(wav);
    return status;
}

int ml_wav_append(struct ml_wav *wav, const int16_t *samples, size_t frames, struct ml_fault *fault)
{
    size_t count = frames * (size_t)wav->channels;
    uint64_t at = ML_WAV_HEADER + wav->frames * 2 * (uint64_t)wav->channels;
    int16_t little[512];
    int error = 0;

    for (size_t done = 0; done < count && !error;) {
        size_t n = count - done < 512 ? count - done : 512;

        for (size_t i = 0; i < n; i++)
            little[i] = (int16_t)htole16((uint16_t)samples[done + i]);
        error = write_at(wav->fd, little, 2 * n, at + 2 * done);
        done += n;
    }
    if (error)
        return failed(fault, "write", error);
    wav->frames += frames;
    return ML_OK;
}

static int copy(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t n)
{
    char *bytes = ml_alloc(CUT_BYTES);
    int error = 0;

    while (n > 0 && !error) {
        ssize_t got = pread(from, bytes, n < CUT_BYTES ? n : CUT_BYTES, (off_t)from_at);

        if (got < 0 && errno == EINTR)
            continue;
        error = got < 0 ? errno : got == 0 ? EIO : write_at(to, bytes, (size_t)got, to_at);
        if (error)
            break;
        n -= (uint64_t)got;
        from_at += (uint64_t)got;
        to_at += (uint64_t)got;
    }
    ml_free(bytes);
    return error;
}

static int replace(struct ml_wav *wav, const char *path, uint64_t from, uint64_t to,
                   struct ml_fault *fault)
{
    char *name = ml_format("%s.part", path);
    uint64_t frame = 2 * (uint64_t)wav->channels;
    struct ml_wav part;
    int error, status = ml_wav_create(&part, name, wav->channels, fault);

    if (status != 0)
        goto done;
    error =
        copy(wav->fd, ML_WAV_HEADER + from * frame, part.fd, ML_WAV_HEADER, (to - from) * frame);
    part.frames = to - from;
    status = error ? failed(fault, name, error) : ml_wav_patch(&part, fault);
    if (status == 0 && rename(name, path) != 0)
        status = failed(fault, path, errno);
    if (status == 0) {
        ml_wav_close(wav);
        *wav = part;
    } else {
        ml_wav_close(&part);
        unlink(name);
    }
done:
    ml_free(name);
    return status;
}

int ml_wav_cut(struct ml_wav *wav, const char *path, uint64_t from, uint64_t to,
               struct ml_fault *fault)
{
    if (to > wav->frames)
        to = wav->frames;
    if (from > to)
        from = to;
    if (from > 0)
        return replace(wav, path, from, to, fault);
    wav->frames = to;
    if (ftruncate(wav->fd, (off_t)(ML_WAV_HEADER + to * 2 * (uint64_t)wav->channels)) != 0)
        return failed(fault, path, errno);
    return ml_wav_patch(wav, fault);
}

void ml_wav_close(struct ml_wav *wav)
{
    if (wav->fd >= 0)
        close(wav->fd);
    wav->fd = -1;
}

/* The channels of a header of ours; 0: it is none. */
static int channels_of(const uint8_t header[ML_WAV_HEADER])
{
    uint8_t ours[ML_WAV_HEADER];

    for (int channels = 1; channels <= 2; channels++) {
        ml_wav_header(ours, channels, 0);
        if (memcmp(header, ours, 4) == 0 && memcmp(header + 8, ours + 8, 32) == 0)
            return channels;
    }
    return 0;
}

int ml_wav_repair(const char *path, struct ml_wav *wav, struct ml_fault *fault)
{
    uint8_t header[ML_WAV_HEADER];
    struct stat info;
    int status;

    *wav = (struct ml_wav){.fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (wav->fd < 0 || fstat(wav->fd, &info) != 0) {
        status = failed(fault, path, errno);
        goto done;
    }
    if (pread(wav->fd, header, sizeof header, 0) == (ssize_t)sizeof header)
        wav->channels = channels_of(header);
    if (wav->channels == 0) {
        status = ml_fail(fault, ML_EIO, "%s: not a recording of ours", path);
        goto done;
    }
    wav->frames = (uint64_t)(info.st_size - ML_WAV_HEADER) / (2 * (uint64_t)wav->channels);
    if (ftruncate(wav->fd, (off_t)(ML_WAV_HEADER + wav->frames * 2 * (uint64_t)wav->channels)) != 0)
        status = failed(fault, path, errno);
    else
        status = ml_wav_patch(wav, fault);
done:
    ml_wav_close(wav);
    return status;
}
