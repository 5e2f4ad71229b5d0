#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sndfile.h>

#include "core/base/mem.h"
#include "core/media/wav.h"

static char folder[] = "/tmp/wav_test.XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/a.wav", mkdtemp(folder));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return ml_mem_blocks() != 0;
}

static void check(int channels, sf_count_t frames, int16_t first)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    int16_t frame[2] = {0};

    assert_non_null(file);
    assert_int_equal(info.frames, frames);
    assert_int_equal(info.channels, channels);
    assert_int_equal(info.samplerate, 8000);
    assert_int_equal(info.format, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    if (frames > 0)
        assert_int_equal(sf_readf_short(file, frame, 1), 1);
    assert_int_equal(frame[0], first);
    sf_close(file);
}

static void test_file_is_readable_after_every_patch(void **state)
{
    struct ml_fault fault;
    struct ml_wav wav;
    int16_t samples[4000];

    (void)state;
    for (int i = 0; i < 4000; i++)
        samples[i] = (int16_t)(i + 1);
    assert_int_equal(ml_wav_create(&wav, path, 2, &fault), 0);
    check(2, 0, 0);
    assert_int_equal(ml_wav_append(&wav, samples, 1000, &fault), 0);
    assert_int_equal(ml_wav_patch(&wav, &fault), 0);
    check(2, 1000, 1);
    assert_int_equal(ml_wav_append(&wav, samples + 2000, 1000, &fault), 0);
    check(2, 1000, 1); /* not yet told, but no harm */
    assert_int_equal(ml_wav_patch(&wav, &fault), 0);
    check(2, 2000, 1);
    assert_int_equal(ml_wav_cut(&wav, path, 0, 1500, &fault), 0);
    check(2, 1500, 1);
    assert_int_equal(ml_wav_cut(&wav, path, 500, 9999, &fault), 0);
    check(2, 1000, 1001);
    ml_wav_close(&wav);
}

/* A crash between samples and lengths, in the midst of a frame. */
static void test_a_cut_file_is_repaired(void **state)
{
    int16_t samples[2001] = {7};
    struct ml_fault fault;
    struct ml_wav wav;

    (void)state;
    assert_int_equal(ml_wav_create(&wav, path, 2, &fault), 0);
    assert_int_equal(write(wav.fd, samples, sizeof samples), sizeof samples); /* over the header */
    ml_wav_close(&wav);
    assert_int_equal(ml_wav_repair(path, &wav, &fault), ML_EIO);
    assert_non_null(strstr(fault.text, "not a recording"));
    assert_int_equal(ml_wav_create(&wav, path, 2, &fault), 0);
    assert_int_equal(pwrite(wav.fd, samples, sizeof samples, ML_WAV_HEADER), sizeof samples);
    ml_wav_close(&wav);
    assert_int_equal(ml_wav_repair(path, &wav, &fault), 0);
    assert_int_equal(wav.frames, 1000);
    check(2, 1000, 7);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(ml_wav_repair(path, &wav, &fault), ML_EIO);
    assert_int_equal(ml_wav_repair("/nowhere/x.wav", &wav, &fault), ML_EIO);
}

static void test_faults_are_told(void **state)
{
    struct ml_fault fault;
    struct ml_wav wav;

    (void)state;
    assert_int_equal(ml_wav_create(&wav, "/nowhere/x.wav", 1, &fault), ML_EIO);
    assert_non_null(strstr(fault.text, "/nowhere/x.wav"));
    if (access("/dev/full", W_OK) == 0)
        assert_int_equal(ml_wav_create(&wav, "/dev/full", 1, &fault), ML_EIO);
}

static void test_header_of_an_endless_file_is_cut(void **state)
{
    uint8_t header[ML_WAV_HEADER];

    (void)state;
    ml_wav_header(header, 2, UINT64_MAX / 8);
    assert_int_equal(header[43], 0xff);
    assert_int_equal(header[40] % 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_is_readable_after_every_patch),
        cmocka_unit_test(test_a_cut_file_is_repaired),
        cmocka_unit_test(test_faults_are_told),
        cmocka_unit_test(test_header_of_an_endless_file_is_cut),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
