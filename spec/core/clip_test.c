#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/media/clip.h"
#include "core/media/decoder.h"
#include "core/media/disk.h"
#include "core/media/reader.h"

enum { SECOND = 8000, MINUTE = 60 * SECOND };

static char folder[] = "/tmp/clip_test.XXXXXX", path[80];
static struct ml_disk *disk;
static struct ml_clips *clips;
static long blocks;

/* Every sample tells its place, more or less. */
static int16_t sample_at(int64_t i)
{
    return (int16_t)(i % 20011 - 10005);
}

static const char *make_file(const char *name, int64_t samples)
{
    SF_INFO info = {
        .samplerate = SECOND, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    int16_t second[SECOND];
    SNDFILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = sf_open(path, SFM_WRITE, &info);
    for (int64_t i = 0; i < samples; i++) {
        second[i % SECOND] = sample_at(i);
        if (i % SECOND == SECOND - 1 || i == samples - 1)
            sf_writef_short(file, second, i % SECOND + 1);
    }
    sf_close(file);
    return path;
}

static int begin(void **state)
{
    (void)state;
    blocks = ml_mem_blocks();
    clips = ml_disk_new(&disk) == 0 ? ml_clips_new(disk) : NULL;
    return clips ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ml_disk_free(disk);
    ml_clips_free(clips);
    return ml_mem_blocks() != blocks;
}

static struct ml_clip *open_clip(const char *file)
{
    struct ml_decoder *decoder = NULL;
    struct ml_clip *clip = NULL;
    struct ml_fault fault = {0};

    assert_int_equal(ml_clip_open(clips, file, &clip, &decoder, &fault), 0);
    assert_null(decoder);
    assert_non_null(clip);
    return clip;
}

static struct ml_clip *open_whole(const char *file)
{
    struct ml_clip *clip = open_clip(file);

    ml_clip_fill(clip, SIZE_MAX);
    return clip;
}

static void expect_samples(const int16_t *samples, size_t n, int64_t from)
{
    for (size_t i = 0; i < n; i++) /* by way of floats */
        assert_in_range(samples[i] - sample_at(from + (int64_t)i) + 1, 0, 2);
}

/* Reads it to its end in packets, rounds of so many samples: how many there were in all. */
static int64_t read_all(struct ml_reader *reader, int64_t round, int64_t most)
{
    int16_t samples[160];
    int64_t all = 0;
    size_t got;

    while (all < most && ml_reader_get(reader, samples, 160, &got) == ML_READER_GOES_ON) {
        assert_true(got > 0);
        for (size_t i = 0; i < got; i++)
            expect_samples(samples + i, 1, (all + (int64_t)i) % round);
        all += (int64_t)got;
    }
    return all < most ? all + (int64_t)got : all;
}

static void test_one_file_is_decoded_once_as_far_as_somebody_is(void **state)
{
    const char *file = make_file("a.wav", 5 * SECOND);
    struct ml_clip *clip = open_clip(file);
    struct ml_clip_place place = {0}, other = {0};
    int16_t samples[SECOND];
    bool whole;

    (void)state;
    assert_ptr_equal(open_clip(file), clip);
    ml_clip_fill(clip, SECOND);
    assert_in_range(ml_clip_ready(clip, &whole), SECOND, SECOND + ML_DECODER_PIECE);
    assert_false(whole);
    ml_clip_fill(clip, SECOND / 2); /* the other one is not as far */
    assert_int_equal(ml_clip_read(clip, &place, samples, SECOND), SECOND);
    expect_samples(samples, SECOND, 0);
    assert_int_equal(ml_clip_read(clip, &other, samples, 100), 100);
    expect_samples(samples, 100, 0);
    ml_clip_fill(clip, SIZE_MAX);
    assert_int_equal(ml_clip_ready(clip, &whole), 5 * SECOND);
    assert_true(whole);
    assert_int_equal(ml_clip_read(clip, &place, samples, SECOND), SECOND);
    expect_samples(samples, SECOND, SECOND);
    ml_clip_unref(clip);
    ml_clip_unref(clip);
}

static void test_a_file_that_was_changed_has_a_new_clip(void **state)
{
    struct ml_clip *clip = open_whole(make_file("b.wav", SECOND)), *next;
    bool whole;

    (void)state;
    next = open_whole(make_file("b.wav", 2 * SECOND));
    assert_ptr_not_equal(next, clip);
    assert_int_equal(ml_clip_ready(clip, &whole), SECOND);
    assert_int_equal(ml_clip_ready(next, &whole), 2 * SECOND);
    ml_clip_unref(clip);
    ml_clip_unref(next);
}

static void test_it_goes_with_the_last_one_who_plays_it(void **state)
{
    long before = ml_mem_blocks();
    struct ml_clip *clip = open_whole(make_file("c.wav", 3 * SECOND));
    long one = ml_mem_blocks() - before;

    (void)state;
    open_clip(path);
    ml_clip_unref(clip);
    assert_int_equal(ml_mem_blocks(), before + one);
    ml_clip_unref(clip);
    assert_int_equal(ml_mem_blocks(), before);
}

/* Five of nine minutes are more than is kept at the same time. */
static void test_what_is_too_much_for_memory_is_read_by_each_alone(void **state)
{
    struct ml_clip *kept[4], *none = NULL;
    struct ml_decoder *decoder = NULL;
    struct ml_fault fault = {0};
    struct ml_reader *reader;
    char name[8];

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%d.wav", i);
        kept[i] = open_clip(make_file(name, 9 * MINUTE));
    }
    make_file("4.wav", 9 * MINUTE);
    assert_int_equal(ml_clip_open(clips, path, &none, &decoder, &fault), 0);
    assert_null(none);
    assert_int_equal(ml_decoder_length(decoder), 9 * MINUTE);
    ml_decoder_free(decoder);
    reader = ml_reader_new(clips, path, 1);
    assert_int_equal(read_all(reader, 9 * MINUTE, INT64_MAX), 9 * MINUTE);
    ml_reader_free(reader);
    for (int i = 0; i < 4; i++)
        ml_clip_unref(kept[i]);
    ml_clip_unref(open_clip(path)); /* now there is room */
}

static void test_readers_share_a_clip_and_each_has_its_own_rounds(void **state)
{
    int64_t length = 10 * SECOND + 77;
    const char *file = make_file("d.wav", length);
    struct ml_reader *once = ml_reader_new(clips, file, 1), *twice = ml_reader_new(clips, file, 2),
                     *ever = ml_reader_new(clips, file, 0);
    long before = ml_mem_blocks();

    (void)state;
    assert_int_equal(read_all(twice, length, INT64_MAX), 2 * length);
    assert_int_equal(read_all(once, length, INT64_MAX), length);
    assert_int_equal(read_all(ever, length, 5 * length), 5 * length + 160 - 5 * length % 160);
    assert_in_range(ml_mem_blocks() - before, 1, 20); /* 4096 samples each, once */
    ml_reader_free(once);
    ml_reader_free(twice);
    ml_reader_free(ever);
}

static void test_a_long_file_has_no_clip_but_the_same_rounds(void **state)
{
    int64_t length = 10 * MINUTE + 100;
    const char *file = make_file("long.wav", length);
    struct ml_reader *twice = ml_reader_new(clips, file, 2), *ever = ml_reader_new(clips, file, 0);

    (void)state;
    assert_int_equal(read_all(twice, length, INT64_MAX), 2 * length);
    assert_true(read_all(ever, length, length + SECOND) >= length + SECOND);
    ml_reader_free(twice);
    ml_reader_free(ever);
}

static void test_a_file_without_audio_fails_for_each(void **state)
{
    const char *file = make_file("empty.wav", 0);
    int16_t samples[160];
    size_t got;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ml_reader *reader = ml_reader_new(clips, file, 0);

        ml_reader_get(reader, samples, 160, &got);
        assert_int_equal(ml_reader_get(reader, samples, 160, &got), ML_READER_FAILED);
        assert_int_equal(got, 0);
        assert_non_null(strstr(ml_reader_error(reader), "no audio in it"));
        ml_reader_free(reader);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_file_is_decoded_once_as_far_as_somebody_is),
        TEST(test_a_file_that_was_changed_has_a_new_clip),
        TEST(test_it_goes_with_the_last_one_who_plays_it),
        TEST(test_what_is_too_much_for_memory_is_read_by_each_alone),
        TEST(test_readers_share_a_clip_and_each_has_its_own_rounds),
        TEST(test_a_long_file_has_no_clip_but_the_same_rounds),
        TEST(test_a_file_without_audio_fails_for_each),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
