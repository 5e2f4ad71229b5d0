#include "fixture.h"

#include <stdlib.h>

#include <sndfile.h>

static char folder[] = "/tmp/player_test.XXXXXX", path[80];

/* A second of a tone as a file of that kind. */
static const char *make_file(const char *name, int format, int rate, int channels, int hz)
{
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file;
    float frame[8];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = sf_open(path, SFM_WRITE, &info);
    if (!file)
        return NULL;
    for (int i = 0; i < rate; i++) {
        for (int k = 0; k < channels; k++)
            frame[k] = (float)(0.25 * sin(2 * M_PI * hz * i / rate));
        sf_writef_float(file, frame, 1);
    }
    sf_close(file);
    return path;
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

static void play_and_check(const char *name, int format, int rate, int channels)
{
    const char *file = make_file(name, format, rate, channels, 1000);
    int64_t begun = ml_clock_ms();

    if (!file)
        skip();
    side_meet(&a, ML_PCMA, true);
    play(&a, ML_SOURCE_FILE, file, 0, 1, 42);
    run_ms(loop, 3000);
    assert_int_equal(a.played, 1);
    assert_int_equal(a.op, 42);
    assert_int_equal(a.end, ML_PLAY_DONE);
    assert_string_equal(a.text, "");
    phone_check_line(&a.phone);
    phone_listen(&a.phone);
    assert_in_range(a.phone.length, 8000, 9200); /* MP3 pads its blocks */
    assert_in_range(a.played_ms - begun, a.phone.length / 8, a.phone.length / 8 + 10);
    assert_in_range((int)tone_in(a.phone.audio + 1600, 4000, 1000), 7800, 8600);
    assert_true(tone_in(a.phone.audio + 1600, 4000, 600) < 100);
}

static void test_wav_8k_mono(void **state)
{
    (void)state;
    play_and_check("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1);
}

static void test_wav_44k_stereo_float(void **state)
{
    (void)state;
    play_and_check("b.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2);
}

static void test_wav_22k_mulaw(void **state)
{
    (void)state;
    play_and_check("c.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 22050, 1);
}

static void test_mp3(void **state)
{
    (void)state;
    play_and_check("d.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2);
}

static void test_loops(void **state)
{
    const char *file = make_file("l.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 1000);

    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_FILE, file, 0, 3, 1);
    run_ms(loop, 5000);
    assert_int_equal(a.end, ML_PLAY_DONE);
    assert_int_equal(a.phone.count, 150);
    play(&a, ML_SOURCE_FILE, file, 0, 0, 2); /* until stopped */
    run_ms(loop, 10000);
    assert_int_equal(a.played, 1);
    ml_stream_stop(a.stream);
    run_ms(loop, 1000);
    assert_int_equal(a.op, 2);
    assert_int_equal(a.end, ML_PLAY_STOPPED);
    assert_in_range(a.phone.count, 650, 651);
    phone_check_line(&a.phone);
}

static void expect_failure(const char *file, const char *word)
{
    int before = a.played;

    play(&a, ML_SOURCE_FILE, file, 0, 1, 9);
    run_ms(loop, 100);
    assert_int_equal(a.played, before + 1);
    assert_int_equal(a.end, ML_PLAY_FAILED);
    assert_non_null(strstr(a.text, word));
    assert_int_equal(a.phone.count, 0);
}

static void test_files_that_cannot_be_played_say_why(void **state)
{
    FILE *file;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    expect_failure("/nowhere/at/all.wav", "No such file");
    expect_failure("/tmp", "not a file");
    expect_failure("/dev/zero", "not a file");
    snprintf(path, sizeof path, "%s/bad.wav", folder);
    file = fopen(path, "w");
    fputs("RIFF\xff\xff\xff\xffWAVEfmt garbage that is no header", file);
    fclose(file);
    expect_failure(path, path);
    file = fopen(path, "w");
    fclose(file);
    expect_failure(path, path);
}

static void test_bad_sources_are_refused_at_once(void **state)
{
    static const struct ml_source bad[] = {
        {.kind = ML_SOURCE_FILE},
        {.kind = ML_SOURCE_TONE, .text = "nonsense"},
        {.kind = ML_SOURCE_TONE, .text = "440", .level = 90},
        {.kind = ML_SOURCE_DIGITS, .text = ""},
        {.kind = ML_SOURCE_DIGITS, .text = "12x4"},
        {.kind = ML_SOURCE_SILENCE, .ms = -1},
    };
    struct ml_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault.text[0] = '\0';
        assert_int_equal(ml_stream_play(a.stream, &bad[i], 1, &fault), ML_EINVAL);
        assert_true(strlen(fault.text) > 5);
    }
    run_ms(loop, 100);
    assert_int_equal(a.played, 0);
}

static void test_tone_with_cadence(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_TONE, ml_tone_of("us", "ringback"), 8000, 0, 1);
    run_ms(loop, 9000);
    assert_int_equal(a.end, ML_PLAY_DONE);
    phone_listen(&a.phone);
    assert_int_equal(a.phone.length, 64000);
    assert_true(tone_in(a.phone.audio, 16000, 440) > 3000);
    assert_true(energy_of(a.phone.audio + 16000, 32000) < 20);
    assert_true(tone_in(a.phone.audio + 48000, 16000, 480) > 3000);
}

static void test_replaced_and_replacing(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_TONE, "800", 1000, 0, 1);
    run_ms(loop, 200);
    play(&a, ML_SOURCE_TONE, "900", 200, 0, 2);
    run_ms(loop, 10);
    assert_int_equal(a.op, 1);
    assert_int_equal(a.end, ML_PLAY_STOPPED);
    run_ms(loop, 500);
    assert_int_equal(a.op, 2);
    assert_int_equal(a.end, ML_PLAY_DONE);
    assert_int_equal(a.played, 2);
    assert_in_range(a.phone.count, 20, 21);
    phone_check_line(&a.phone);
    for (int i = 1; i < a.phone.count; i++) /* without a seam */
        assert_int_equal(a.phone.got[i].rtp.timestamp - a.phone.got[i - 1].rtp.timestamp, 160);
}

static void test_what_is_played_after_silence_begins_at_once(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_SILENCE, NULL, 10000, 0, 1);
    run_ms(loop, 310);
    play(&a, ML_SOURCE_TONE, "800", 100, 0, 2);
    run_ms(loop, 120);
    assert_int_equal(a.phone.count, 5);
    assert_int_equal(a.op, 2);
    assert_int_equal(a.end, ML_PLAY_DONE);
}

static void test_silence_is_nothing_and_takes_its_time(void **state)
{
    int64_t begun = ml_clock_ms();

    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_SILENCE, NULL, 1500, 0, 1);
    run_ms(loop, 3000);
    assert_int_equal(a.phone.count, 0);
    assert_int_equal(a.end, ML_PLAY_DONE);
    assert_in_range(a.played_ms - begun, 1500, 1510);
}

static void test_digits_as_events(void **state)
{
    struct ml_event_rx rx = {0};
    struct ml_press ended[2];
    struct ml_event event;
    char keys[20] = "";
    bool over;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_DIGITS, "12w#", 0, 2, 5);
    run_ms(loop, 4000);
    assert_int_equal(a.end, ML_PLAY_DONE);
    phone_check_line(&a.phone);
    for (int i = 0; i < a.phone.count; i++) {
        const struct phone_packet *got = &a.phone.got[i];

        assert_int_equal(got->rtp.type, PHONE_EVENT);
        assert_true(ml_event_parse(got->payload, got->rtp.length, &event));
        if (ml_event_packet(&rx, got->rtp.timestamp, &event, got->us, ended, &over) ==
            ML_EVENT_ENDED)
            strncat(keys, &ended[0].key, 1);
    }
    assert_string_equal(keys, "12#12#");
    assert_int_equal(a.phone.got[14].us - a.phone.got[7].us, 700000); /* with the half second */
    assert_int_equal(a.phone.got[7].us - a.phone.got[0].us, 200000);
}

static void test_digits_as_tones_are_heard_by_a_stream(void **state)
{
    struct ml_stream_target target;

    (void)state;
    side_meet(&a, ML_PCMU, false); /* a and b talk to each other without a phone */
    target = phone_target(&a.phone, false);
    target.port = ml_stream_port(b.stream);
    ml_stream_set_target(a.stream, &target);
    target.port = ml_stream_port(a.stream);
    ml_stream_set_target(b.stream, &target);
    play(&a, ML_SOURCE_DIGITS, "1590*#ABCD", 0, 1, 5);
    run_ms(loop, 4000);
    assert_string_equal(b.digits, "1590*#ABCD");
    assert_string_equal(a.digits, "");
}

static void test_freed_stream_is_never_heard_of_again(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_TONE, "800", 100, 0, 1);
    run_ms(loop, 50);
    phone_press(&a.phone, 1, 3);
    ml_stream_free(a.stream);
    a.stream = NULL;
    run_ms(loop, 1000);
    assert_int_equal(a.played, 0);
    assert_string_equal(a.digits, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wav_8k_mono),
        TEST(test_wav_44k_stereo_float),
        TEST(test_wav_22k_mulaw),
        TEST(test_mp3),
        TEST(test_loops),
        TEST(test_files_that_cannot_be_played_say_why),
        TEST(test_bad_sources_are_refused_at_once),
        TEST(test_tone_with_cadence),
        TEST(test_replaced_and_replacing),
        TEST(test_what_is_played_after_silence_begins_at_once),
        TEST(test_silence_is_nothing_and_takes_its_time),
        TEST(test_digits_as_events),
        TEST(test_digits_as_tones_are_heard_by_a_stream),
        TEST(test_freed_stream_is_never_heard_of_again),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
