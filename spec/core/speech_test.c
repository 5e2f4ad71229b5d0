#include "phone.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <sndfile.h>

#include "core/media/ssml.h"

static struct ml_loop *loop;
static struct ml_speech *speech;
static char folder[] = "/tmp/speech_test.XXXXXX", cache[64];
static long blocks, watchers;

struct answer {
    int count, status;
    char path[200], text[200];
};

static struct answer answers[8];

static int setup(void **state)
{
    struct ml_speech_options options = {.cache = cache, .max_children = 2};
    struct ml_fault fault;

    (void)state;
    memset(answers, 0, sizeof answers);
    blocks = ml_mem_blocks();
    if (ml_loop_new(&loop) != 0)
        return -1;
    watchers = ml_loop_watchers(loop);
    return ml_speech_new(loop, &options, &speech, &fault);
}

static int teardown(void **state)
{
    (void)state;
    ml_speech_free(speech);
    if (ml_loop_watchers(loop) != watchers)
        return -1;
    ml_loop_free(loop);
    return ml_mem_blocks() != blocks;
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(cache, sizeof cache, "%s/cache", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void on_spoken(int status, const char *path, const char *text, void *user)
{
    struct answer *answer = user;

    answer->count++;
    answer->status = status;
    snprintf(answer->path, sizeof answer->path, "%s", path ? path : "");
    snprintf(answer->text, sizeof answer->text, "%s", text ? text : "");
}

static uint32_t say(int i, const char *text, const char *language, const char *voice)
{
    return ml_speech_say(speech, text, false, language, voice, on_spoken, &answers[i]);
}

/* In virtual time the clock stands still while children work. */
static void settle(void)
{
    run_ms(loop, 1000);
}

static void check_audio(const struct answer *answer)
{
    SF_INFO info = {0};
    SNDFILE *file;

    assert_int_equal(answer->count, 1);
    assert_string_equal(answer->text, "");
    assert_int_equal(answer->status, 0);
    file = sf_open(answer->path, SFM_READ, &info);
    assert_non_null(file);
    assert_true(info.frames > info.samplerate / 4);
    sf_close(file);
}

static void test_text_becomes_a_file_and_comes_from_the_cache_then(void **state)
{
    struct stat first, second;

    (void)state;
    say(0, "Hello, world.", "en-US", NULL);
    assert_int_equal(answers[0].count, 0); /* never from within */
    settle();
    check_audio(&answers[0]);
    stat(answers[0].path, &first);
    say(1, "Hello, world.", "en-US", NULL);
    assert_int_equal(answers[1].count, 0);
    settle();
    check_audio(&answers[1]);
    assert_string_equal(answers[0].path, answers[1].path);
    stat(answers[1].path, &second);
    assert_true(first.st_ino == second.st_ino && first.st_mtime == second.st_mtime);
}

static void test_voices_and_languages_differ(void **state)
{
    (void)state;
    say(0, "Guten Tag", "de-DE", NULL);
    say(1, "Guten Tag", "de-DE", "woman");
    say(2, "Guten Tag", "de-DE", "man");
    say(3, "Guten Tag", NULL, NULL);
    say(4, "Guten Tag", "de-DE", "man"); /* asked for twice, made once */
    settle();
    for (int i = 0; i < 5; i++)
        check_audio(&answers[i]);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(answers[i].path, answers[k].path);
    assert_string_equal(answers[4].path, answers[2].path);
}

static void test_the_programs_own_voices(void **state)
{
    (void)state;
    say(0, "Guten Tag", "en-US", NULL);
    say(1, "Guten Tag", "en-US", "de+f4");
    say(2, "Guten Tag", "en-US", "xx-voice");
    say(3, "Guten Tag", "en-US", "--help"); /* no name: as if none were given */
    say(4, "Guten Tag", "en-US", "../x");
    settle();
    check_audio(&answers[0]);
    check_audio(&answers[1]);
    assert_string_not_equal(answers[0].path, answers[1].path);
    assert_int_equal(answers[2].status, ML_EIO);
    assert_string_equal(answers[3].path, answers[0].path);
    assert_string_equal(answers[4].path, answers[0].path);
}

static void test_what_looks_like_an_option_is_text(void **state)
{
    (void)state;
    say(0, "--help -w /tmp/x; $(id) `id`", "en-US", NULL);
    say(1, "Still here.", "-w", NULL);
    say(2, "And here.", "en-US; id", NULL);
    settle();
    check_audio(&answers[0]);
    check_audio(&answers[1]);
    check_audio(&answers[2]);
}

static void test_unknown_language_is_told(void **state)
{
    (void)state;
    say(0, "Hello", "xx-XX", NULL);
    settle();
    assert_int_equal(answers[0].count, 1);
    assert_int_equal(answers[0].status, ML_EIO);
    assert_non_null(strstr(answers[0].text, "voice"));
    assert_string_equal(answers[0].path, "");
}

static void test_missing_program_is_told(void **state)
{
    struct ml_speech_options options = {.cache = cache, .program = "no-such-program-at-all"};
    struct ml_speech *other;
    struct ml_fault fault;

    (void)state;
    assert_int_equal(ml_speech_new(loop, &options, &other, &fault), 0);
    ml_speech_say(other, "Not in the cache.", false, NULL, NULL, on_spoken, &answers[0]);
    settle();
    assert_int_equal(answers[0].count, 1);
    assert_true(answers[0].status < 0);
    assert_true(answers[0].text[0]);
    ml_speech_free(other);
    options.cache = "/proc/nowhere/at/all";
    assert_int_equal(ml_speech_new(loop, &options, &other, &fault), ML_EIO);
}

static void test_cancelled_is_not_answered(void **state)
{
    uint32_t numbers[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        numbers[i] = say(i, i % 2 ? "First of these." : "Second of these.", "en-GB", NULL);
    ml_speech_cancel(speech, numbers[0]);
    settle();
    ml_speech_cancel(speech, numbers[1]); /* too late, no harm */
    assert_int_equal(answers[0].count, 0);
    for (int i = 1; i < 4; i++)
        check_audio(&answers[i]);
}

static void free_all(int status, const char *path, const char *text, void *user)
{
    (void)status;
    (void)path;
    (void)text;
    (void)user;
    ml_speech_free(speech);
    speech = NULL;
    ml_loop_stop(loop);
}

static void test_freed_from_within_and_with_work_under_way(void **state)
{
    (void)state;
    say(0, "This is never heard by anybody.", "en-GB", NULL);
    ml_speech_say(speech, "Hello, world.", false, "en-US", NULL, free_all, NULL);
    say(1, "Hello, world.", "en-US", NULL);
    settle();
    assert_null(speech);
    assert_int_equal(answers[1].count, 0);
}

static void expect_clean(const char *markup, const char *clean)
{
    char *text = ml_ssml_clean(ml_str(markup));

    assert_string_equal(text, clean);
    ml_free(text);
}

static void test_markup_loses_what_reads_files(void **state)
{
    (void)state;
    expect_clean("<speak>a <audio src=\"/etc/passwd\">b</audio> c</speak>",
                 "<speak>a  b  c</speak>");
    expect_clean("x<mark name='>'/>y<break time=\"1s\"/>", "x y<break time=\"1s\"/>");
    expect_clean("<AUDIO src='x'/>", " ");
    expect_clean("<!-- c --><!DOCTYPE x><?xml?>t", "   t");
    expect_clean("a <speak", "a  ");
    expect_clean("a < b > c", "a   c");
    expect_clean("", "");
    expect_clean("<", " ");
    expect_clean("<x:audio src='f'>", " ");
}

static void test_markup_is_spoken(void **state)
{
    (void)state;
    ml_speech_say(speech, "<speak>One <break time=\"1s\"/> two</speak>", true, "en-US", NULL,
                  on_spoken, &answers[0]);
    settle();
    check_audio(&answers[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text_becomes_a_file_and_comes_from_the_cache_then),
        TEST(test_voices_and_languages_differ),
        TEST(test_the_programs_own_voices),
        TEST(test_what_looks_like_an_option_is_text),
        TEST(test_unknown_language_is_told),
        TEST(test_missing_program_is_told),
        TEST(test_cancelled_is_not_answered),
        TEST(test_freed_from_within_and_with_work_under_way),
        cmocka_unit_test(test_markup_loses_what_reads_files),
        TEST(test_markup_is_spoken),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
