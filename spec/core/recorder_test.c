#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <sndfile.h>

#include "core/media/recorder_priv.h"

static char folder[] = "/tmp/recorder_test.XXXXXX", path[80];
static struct ml_recording last;
static char last_text[200];
static int recorded, voices;
static int16_t *channel[2];
static sf_count_t frames;
static int channels;

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/r.wav", folder);
    for (int i = 0; i < 2; i++)
        channel[i] = calloc(8000 * 60, sizeof(int16_t));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    free(channel[0]);
    free(channel[1]);
    unlink(path);
    return rmdir(folder);
}

static void on_recorded(const struct ml_recording *recording, void *user)
{
    (void)user;
    recorded++;
    last = *recording;
    snprintf(last_text, sizeof last_text, "%s", recording->text ? recording->text : "");
}

static void on_voice(void *user)
{
    (void)user;
    voices++;
}

static struct ml_recorder *record(struct ml_recorder_options options)
{
    struct ml_recorder *recorder;
    struct ml_fault fault;

    recorded = voices = 0;
    if (!options.path)
        options.path = path;
    options.left = a.stream;
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault), 0);
    return recorder;
}

static void finish(struct ml_recorder *recorder, enum ml_record_end end)
{
    if (recorder)
        ml_recorder_stop(recorder);
    run_ms(loop, 500);
    assert_int_equal(recorded, 1);
    assert_int_equal(last.end, end);
}

static void read_file(void)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    int16_t frame[2] = {0};

    assert_non_null(file);
    assert_int_equal(info.samplerate, 8000);
    assert_int_equal(info.format, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    channels = info.channels;
    for (frames = 0; frames < 8000 * 60 && sf_readf_short(file, frame, 1) == 1; frames++) {
        channel[0][frames] = frame[0];
        channel[1][frames] = frame[1];
    }
    assert_int_equal(frames, info.frames);
    sf_close(file);
}

static bool has(int which, int from_ms, int ms, int hz)
{
    return tone_in(channel[which] + from_ms * 8, (size_t)ms * 8, hz) > 7500;
}

static bool is_silent(int which, int from_ms, int ms)
{
    return energy_of(channel[which] + from_ms * 8, (size_t)ms * 8) < 10;
}

static void test_S8_dual_has_each_voice_in_its_channel_on_one_timeline(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMA, true);
    ml_bridge(a.stream, b.stream);
    recorder = record((struct ml_recorder_options){.dual = true, .right = b.stream});
    run_ms(loop, 500);
    phone_talk(&a.phone, 1000, 1000);
    run_ms(loop, 2000);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 3000);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_int_equal(channels, 2);
    assert_int_equal(last.channels, 2);
    assert_in_range(frames, 5500 * 8 - 80, 5500 * 8 + 80); /* as long as the talk */
    assert_in_range(last.duration_ms, 5490, 5510);
    assert_false(last.absent);
    assert_true(is_silent(0, 0, 490) && has(0, 510, 980, 1000) && is_silent(0, 1520, 3900));
    assert_true(is_silent(1, 0, 2490) && has(1, 2510, 980, 600) && is_silent(1, 3520, 1900));
}

static void test_S8_mono_has_both_voices_and_the_second_may_join_later(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.dual = false});
    phone_talk(&b.phone, 600, 1000); /* not yet of it */
    phone_talk(&a.phone, 1000, 3000);
    run_ms(loop, 1500);
    ml_recorder_join(recorder, b.stream);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 1500);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_int_equal(channels, 1);
    assert_in_range(frames, 24000 - 80, 24000 + 80);
    assert_true(has(0, 20, 2900, 1000));
    assert_true(tone_in(channel[0], 1480 * 8, 600) < 50);
    assert_true(has(0, 1520, 960, 600));
}

/* The first second: a tone of 800 Hz at the level of prompts. */
static bool has_prompt(int which)
{
    return tone_in(channel[which] + 160, 7680, 800) > 3000;
}

static void test_what_it_hears_is_prompts_and_the_peer(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMA, true);
    recorder = record((struct ml_recorder_options){.dual = true, .hears = true});
    play(&a, ML_SOURCE_TONE, "800", 1000, 0, 1);
    run_ms(loop, 2000);
    ml_bridge(a.stream, b.stream);
    phone_talk(&a.phone, 1000, 500);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 2000);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_true(has_prompt(1) && is_silent(1, 1040, 900) && has(1, 2060, 900, 600));
    assert_true(is_silent(0, 0, 1990) && has(0, 2060, 400, 1000) && is_silent(0, 2600, 1000));
}

static void test_only_what_it_hears(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMA, true);
    recorder = record((struct ml_recorder_options){.hears = true, .unsaid = true});
    play(&a, ML_SOURCE_TONE, "800", 1000, 0, 1);
    phone_talk(&a.phone, 1000, 2000);
    run_ms(loop, 2500);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_int_equal(channels, 1);
    assert_true(has_prompt(0) && is_silent(0, 1040, 1300));
}

static void test_max_length_is_exact(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    record((struct ml_recorder_options){.max_ms = 1234});
    phone_talk(&a.phone, 1000, 3000);
    run_ms(loop, 3000);
    finish(NULL, ML_RECORD_MAX);
    read_file();
    assert_int_equal(frames, 1234 * 8);
    assert_int_equal(last.duration_ms, 1234);
}

static void test_silence_ends_it(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.silence_ms = 1000});
    phone_talk(&a.phone, 1000, 2000);
    run_ms(loop, 2900);
    assert_int_equal(recorded, 0);
    run_ms(loop, 500);
    finish(NULL, ML_RECORD_SILENCE);
    assert_in_range(last.duration_ms, 3000, 3400);
    recorder = record((struct ml_recorder_options){.silence_ms = 1000, .trim = true});
    (void)recorder;
    run_ms(loop, 1500);
    finish(NULL, ML_RECORD_SILENCE);
    assert_true(last.absent);
    assert_int_equal(last.duration_ms, 0);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_utterance_is_what_was_said_and_no_more(void **state)
{
    struct ml_recorder_options options = {
        .utterance = true, .voice = on_voice, .silence_ms = 1000, .max_ms = 10000};

    (void)state;
    side_meet(&a, ML_PCMU, true);
    record(options);
    run_ms(loop, 5000);
    assert_int_equal(voices, 0);
    phone_talk(&a.phone, 1000, 500);
    run_ms(loop, 900);
    assert_int_equal(voices, 1);
    phone_talk(&a.phone, 600, 500); /* a pause is not the end */
    run_ms(loop, 2000);
    finish(NULL, ML_RECORD_SILENCE);
    assert_int_equal(voices, 1);
    read_file();
    assert_in_range(frames, 8 * 2700, 8 * 3100);
    assert_true(is_silent(0, 0, 200) && has(0, 320, 450, 1000) && has(0, 1220, 450, 600));
    assert_true(is_silent(0, 1800, 700));
}

static void test_utterance_ends_by_length_or_is_empty(void **state)
{
    struct ml_recorder_options options = {
        .utterance = true, .voice = on_voice, .silence_ms = 1000, .max_ms = 2000};
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    record(options);
    run_ms(loop, 3000);
    phone_talk(&a.phone, 1000, 5000);
    run_ms(loop, 2300);
    finish(NULL, ML_RECORD_MAX);
    read_file();
    assert_in_range(frames, 8 * 2000, 8 * 2350);
    run_ms(loop, 5000);
    recorder = record(options);
    run_ms(loop, 3000);
    finish(recorder, ML_RECORD_STOPPED);
    assert_int_equal(voices, 0);
    read_file();
    assert_int_equal(frames, 0);
}

static void test_key_ends_it(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    record((struct ml_recorder_options){.finish_keys = "#*"});
    phone_talk(&a.phone, 1000, 500);
    run_ms(loop, 500);
    phone_press(&a.phone, 5, 3);
    run_ms(loop, 200);
    assert_int_equal(recorded, 0);
    phone_press(&a.phone, 11, 3);
    run_ms(loop, 200);
    finish(NULL, ML_RECORD_KEY);
    assert_int_equal(last.key, '#');
    assert_string_equal(a.digits, "5#");
    assert_in_range(last.duration_ms, 690, 710);
}

static void test_S8_trim_keeps_the_talk_with_a_margin(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.trim = true, .dual = true});
    run_ms(loop, 1500);
    phone_talk(&a.phone, 1000, 1000);
    run_ms(loop, 3000);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_in_range(last.duration_ms, 1180, 1240);
    assert_int_equal(frames / 8, last.duration_ms);
    assert_true(is_silent(0, 0, 80) && has(0, 120, 960, 1000));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_pause_as_silence_and_as_nothing(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.dual = false});
    phone_talk(&a.phone, 1000, 5000);
    run_ms(loop, 1000);
    ml_recorder_pause(recorder, true, false);
    run_ms(loop, 1000);
    ml_recorder_pause(recorder, false, false);
    run_ms(loop, 1000);
    ml_recorder_pause(recorder, true, true);
    run_ms(loop, 1000);
    ml_recorder_pause(recorder, false, false);
    run_ms(loop, 1000);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_in_range(frames, 4000 * 8 - 80, 4000 * 8 + 80);
    assert_true(has(0, 20, 960, 1000) && is_silent(0, 1030, 940) && has(0, 2030, 940, 1000) &&
                has(0, 3030, 940, 1000));
}

static void test_two_recorders_and_streams_that_leave(void **state)
{
    struct ml_recorder *one = record((struct ml_recorder_options){.dual = true, .right = b.stream});
    struct ml_recorder_options options = {.left = b.stream};
    struct ml_recorder *two;
    struct ml_fault fault;
    char other[90];

    (void)state;
    snprintf(other, sizeof other, "%s.2", path);
    options.path = other;
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &two, &fault), 0);
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 2000);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 1000);
    ml_stream_free(b.stream);
    b.stream = NULL;
    run_ms(loop, 1000);
    ml_recorder_stop(two);
    run_ms(loop, 100);
    assert_int_equal(recorded, 1);
    recorded = 0;
    assert_int_equal(unlink(other), 0);
    finish(one, ML_RECORD_STOPPED);
    read_file();
    assert_true(has(0, 20, 1960, 1000) && has(1, 20, 960, 600) && is_silent(1, 1040, 900));
}

static void test_clock_drift_is_followed(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.dual = false});
    a.phone.hz = 1000;
    for (int i = 0; i < 1000; i++) { /* a phone that needs 21 ms for 20: 5 % slow */
        phone_say_frame(&a.phone);
        a.phone.timestamp += 160;
        run_ms(loop, 21);
    }
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_in_range(frames, 21000 * 8 - 80, 21000 * 8 + 80);
    assert_true(energy_of(channel[0] + 8000 * 18, 8000 * 2) > 4000); /* heard to the end */
}

static void test_OS4_failures_are_told_and_the_call_goes_on(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    ml_bridge(a.stream, b.stream);
    phone_talk(&a.phone, 1000, 3000);
    record((struct ml_recorder_options){.path = "/nowhere/r.wav"});
    run_ms(loop, 500);
    finish(NULL, ML_RECORD_FAILED);
    assert_non_null(strstr(last_text, "No such file"));
    if (access("/dev/full", W_OK) == 0) {
        recorder = record((struct ml_recorder_options){.path = "/dev/full"});
        finish(recorder, ML_RECORD_FAILED);
        assert_non_null(strstr(last_text, "No space"));
    }
    run_ms(loop, 3000);
    assert_int_equal(b.phone.count, 150);
}

/* Nobody empties the ring for ten seconds: what it has no room for is silence of the same length.
 */
static void test_OS4_late_disk_costs_sound_but_no_time(void **state)
{
    struct ml_recorder *recorder;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    recorder = record((struct ml_recorder_options){.dual = false});
    phone_talk(&a.phone, 1000, 20000);
    recorder->queued = true; /* as if the disk had not come to it yet */
    run_ms(loop, 10000);
    recorder->queued = false;
    run_ms(loop, 10000);
    finish(recorder, ML_RECORD_STOPPED);
    read_file();
    assert_in_range(frames, 20000 * 8 - 80, 20000 * 8 + 80);
    assert_true(has(0, 20, 4000, 1000) && is_silent(0, 4200, 5000) && has(0, 11000, 8900, 1000));
}

static void test_misuse_is_refused(void **state)
{
    struct ml_recorder *recorder;
    struct ml_fault fault;
    struct ml_recorder_options options = {.left = a.stream};

    (void)state;
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault),
                     ML_EINVAL);
    options.path = path;
    options.max_ms = -1;
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault),
                     ML_EINVAL);
    options = (struct ml_recorder_options){
        .path = path, .left = a.stream, .utterance = true, .trim = true};
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault),
                     ML_EINVAL);
    options = (struct ml_recorder_options){.path = path};
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault),
                     ML_ESTATE);
}

/* The process dies in the middle: the file is a WAV with all but the last second. */
static void test_OS1_file_of_a_killed_process_is_readable(void **state)
{
    pid_t child;
    int status;

    (void)state;
    child = fork();
    if (child == 0) {
        assert_int_equal(engine_start(0, 0), 0);
        side_meet(&a, ML_PCMU, true);
        record((struct ml_recorder_options){.dual = true});
        phone_talk(&a.phone, 1000, 10000);
        run_ms(loop, 5500);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    read_file();
    assert_int_equal(channels, 2);
    assert_in_range(frames, 4000 * 8, 5500 * 8);
    assert_true(has(0, 20, 3900, 1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_S8_dual_has_each_voice_in_its_channel_on_one_timeline),
        TEST(test_S8_mono_has_both_voices_and_the_second_may_join_later),
        TEST(test_what_it_hears_is_prompts_and_the_peer),
        TEST(test_only_what_it_hears),
        TEST(test_max_length_is_exact),
        TEST(test_silence_ends_it),
        TEST(test_utterance_is_what_was_said_and_no_more),
        TEST(test_utterance_ends_by_length_or_is_empty),
        TEST(test_key_ends_it),
        TEST(test_S8_trim_keeps_the_talk_with_a_margin),
        TEST(test_pause_as_silence_and_as_nothing),
        TEST(test_two_recorders_and_streams_that_leave),
        TEST(test_clock_drift_is_followed),
        TEST(test_OS4_failures_are_told_and_the_call_goes_on),
        TEST(test_OS4_late_disk_costs_sound_but_no_time),
        TEST(test_misuse_is_refused),
        cmocka_unit_test(test_OS1_file_of_a_killed_process_is_readable),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
