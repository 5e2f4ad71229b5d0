/* Forks: what a leg says and hears as frames of mu-law, and what is played into it from there. */
#include "fixture.h"

#include "core/media/fork.h"

enum { FRAMES = 2000 };

struct listener {
    struct ml_fork *fork;
    struct ml_fork_frame got[FRAMES];
    size_t count;
    int told;
    bool lazy; /* does not read */
};

static struct listener ear, other;

static void on_ready(void *user)
{
    struct listener *listener = user;

    listener->told++;
    if (!listener->lazy)
        listener->count +=
            ml_fork_read(listener->fork, listener->got + listener->count, FRAMES - listener->count);
}

static const struct ml_fork_handlers handlers = {on_ready};

static void listen_to(struct listener *listener, struct side *side, unsigned tracks)
{
    memset(listener, 0, sizeof *listener);
    assert_int_equal(ml_fork_new(side->stream, tracks, &handlers, listener, &listener->fork), 0);
}

static int16_t samples[8000 * 30];

/* The frames of a track on one line of time; how many samples. */
static size_t lay_out(const struct listener *listener, enum ml_fork_track track)
{
    size_t end = 0;

    memset(samples, 0, sizeof samples);
    for (size_t i = 0; i < listener->count; i++) {
        const struct ml_fork_frame *frame = &listener->got[i];

        if (frame->track != track)
            continue;
        assert_true((size_t)frame->ms * 8 + 160 <= sizeof samples / sizeof *samples);
        ml_codec_decode(ML_PCMU, frame->audio, 160, samples + frame->ms * 8);
        end = frame->ms * 8 + 160;
    }
    return end;
}

static void give_tone(struct listener *listener, int hz, int ms, size_t piece)
{
    static int16_t tone[8000 * 10];
    static uint8_t bytes[8000 * 10];
    size_t n = (size_t)ms * 8;

    for (size_t i = 0; i < n; i++)
        tone[i] = (int16_t)(8000 * sin(2 * M_PI * hz * (double)i / 8000));
    ml_codec_encode(ML_PCMU, tone, n, bytes);
    for (size_t at = 0; at < n; at += piece)
        assert_int_equal(ml_fork_play(listener->fork, bytes + at, piece < n - at ? piece : n - at),
                         0);
}

static void close_ears(void)
{
    ml_fork_free(ear.fork);
    ml_fork_free(other.fork);
    ear.fork = other.fork = NULL;
    run_ms(loop, 50);
}

/* ---- hearing ---- */

static void hear_law(enum ml_codec law)
{
    side_meet(&a, law, true);
    listen_to(&ear, &a, ML_FORK_INBOUND | ML_FORK_OUTBOUND);
    play(&a, ML_SOURCE_TONE, "600", 1000, 0, 1);
    phone_talk(&a.phone, 1000, 1000);
    run_ms(loop, 1200);
    assert_int_equal(lay_out(&ear, ML_FORK_INBOUND), 8000);
    assert_in_range((int)tone_in(samples, 8000, 1000), 7800, 8200);
    assert_true(tone_in(samples, 8000, 600) < 100);
    assert_true(lay_out(&ear, ML_FORK_OUTBOUND) >= 8000);
    assert_in_range((int)tone_in(samples + 160, 7600, 600), 2000, 7000);
    assert_true(tone_in(samples + 160, 7600, 1000) < 100);
    assert_int_equal(ear.count, 100);
    assert_int_equal(ml_fork_dropped(ear.fork), 0);
    close_ears();
}

static void test_both_tracks_in_both_laws(void **state)
{
    (void)state;
    hear_law(ML_PCMU);
    a.phone.count = 0;
    hear_law(ML_PCMA);
}

static void test_one_track_only(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_OUTBOUND);
    phone_talk(&a.phone, 1000, 500);
    run_ms(loop, 600);
    assert_int_equal(ear.count, 0);
    play(&a, ML_SOURCE_TONE, "600", 100, 0, 1);
    run_ms(loop, 200);
    assert_int_equal(ear.count, 5);
    close_ears();
}

static void test_gaps_are_told_by_time(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_INBOUND);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 1000);
    phone_quiet(&a.phone, 900);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 200);
    assert_int_equal(ear.count, 10);
    assert_int_equal(ear.got[4].ms - ear.got[0].ms, 80);
    assert_in_range(ear.got[5].ms - ear.got[4].ms, 900, 940);
    close_ears();
}

/* Packets of any length: the bytes are the same, cut into frames of 20 ms. */
static void test_other_packet_lengths(void **state)
{
    uint8_t bytes[480];
    uint32_t timestamp = 1000;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_INBOUND);
    phone_send(&a.phone, 0, false, timestamp, bytes, 80);
    phone_send(&a.phone, 0, false, timestamp + 80, bytes + 80, 240);
    phone_send(&a.phone, 0, false, timestamp + 320, bytes + 320, 160);
    phone_send(&a.phone, 0, false, timestamp, bytes, 80); /* late or twice: not again */
    run_ms(loop, 50);
    assert_int_equal(ear.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(ear.got[i].audio, bytes + 160 * i, 160);
    close_ears();
}

static void test_both_sides_of_a_bridge(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMA, true);
    listen_to(&ear, &a, ML_FORK_INBOUND | ML_FORK_OUTBOUND);
    assert_int_equal(ml_bridge(a.stream, b.stream), 0);
    phone_talk(&a.phone, 1000, 500);
    phone_talk(&b.phone, 600, 500);
    run_ms(loop, 700);
    assert_int_equal(lay_out(&ear, ML_FORK_INBOUND), 4000);
    assert_true(tone_in(samples, 4000, 1000) > 7800);
    lay_out(&ear, ML_FORK_OUTBOUND);
    assert_true(tone_in(samples, 3840, 600) > 7000);
    assert_true(tone_in(samples, 3840, 1000) < 100);
    close_ears();
}

static void test_who_does_not_read_loses_and_is_told(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_INBOUND);
    ear.lazy = true;
    phone_talk(&a.phone, 1000, 8000);
    run_ms(loop, 8200);
    assert_int_equal(ml_fork_waiting(ear.fork), 256);
    assert_int_equal(ml_fork_dropped(ear.fork), 400 - 256);
    close_ears();
}

static void test_four_at_most(void **state)
{
    struct ml_fork *forks[ML_FORKS], *more;

    (void)state;
    for (int i = 0; i < ML_FORKS; i++)
        assert_int_equal(ml_fork_new(a.stream, 1, &handlers, &ear, &forks[i]), 0);
    assert_int_equal(ml_fork_new(a.stream, 1, &handlers, &ear, &more), ML_ELIMIT);
    ml_fork_free(forks[1]);
    assert_int_equal(ml_fork_new(a.stream, 1, &handlers, &ear, &forks[1]), 0);
    for (int i = 0; i < ML_FORKS; i++)
        ml_fork_free(forks[i]);
}

/* ---- saying ---- */

static void say_law(enum ml_codec law, size_t piece)
{
    side_meet(&a, law, true);
    a.phone.count = 0;
    listen_to(&ear, &a, 0);
    give_tone(&ear, 700, 1000, piece);
    run_ms(loop, 1300);
    assert_int_equal(a.phone.count, 50);
    phone_check_line(&a.phone);
    phone_listen(&a.phone);
    assert_int_equal(a.phone.length, 8000);
    assert_in_range((int)tone_in(a.phone.audio, 8000, 700), 7800, 8200);
    assert_int_equal(ml_fork_played(ear.fork), 8000);
    close_ears();
}

static void test_what_is_given_is_heard(void **state)
{
    (void)state;
    say_law(ML_PCMU, 8000);
    say_law(ML_PCMA, 160);
    say_law(ML_PCMU, 37); /* pieces of any length */
}

static void test_a_piece_waits_once_for_the_rest(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    give_tone(&ear, 700, 10, 80);
    run_ms(loop, 100);
    assert_int_equal(a.phone.count, 1);
    assert_int_equal(ml_fork_played(ear.fork), 80);
    close_ears();
}

static void test_marks_are_due_when_heard(void **state)
{
    int64_t begun = ml_clock_ms();

    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    give_tone(&ear, 700, 500, 160);
    ml_fork_notify_at(ear.fork, ml_fork_given(ear.fork));
    give_tone(&ear, 700, 500, 160);
    while (ear.told == 0 && ml_clock_ms() - begun < 2000)
        run_ms(loop, 10);
    assert_in_range(ml_clock_ms() - begun, 470, 530);
    ml_fork_notify_at(ear.fork, 10); /* long since */
    run_ms(loop, 10);
    assert_int_equal(ear.told, 2);
    close_ears();
}

static void test_clear_cuts_at_once(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    give_tone(&ear, 700, 5000, 160);
    run_ms(loop, 500);
    ml_fork_clear(ear.fork);
    assert_int_equal(ml_fork_played(ear.fork), ml_fork_given(ear.fork));
    run_ms(loop, 200);
    assert_in_range(a.phone.count, 24, 27);
    a.phone.count = 0;
    give_tone(&ear, 900, 200, 160);
    run_ms(loop, 500);
    phone_listen(&a.phone);
    assert_int_equal(a.phone.count, 10);
    assert_true(tone_in(a.phone.audio, 1600, 900) > 7800);
    close_ears();
}

static void test_a_prompt_goes_before_and_a_bridge_after(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    give_tone(&ear, 700, 200, 160);
    play(&a, ML_SOURCE_TONE, "1200", 200, 0, 1);
    run_ms(loop, 600);
    assert_int_equal(a.phone.count, 20);
    phone_listen(&a.phone);
    assert_true(tone_in(a.phone.audio, 1600, 700) < 100);
    assert_true(tone_in(a.phone.audio + 1600, 1600, 700) > 7500);
    a.phone.count = 0;
    assert_int_equal(ml_bridge(a.stream, b.stream), 0);
    phone_talk(&b.phone, 1000, 400);
    give_tone(&ear, 700, 200, 160);
    run_ms(loop, 600);
    phone_listen(&a.phone);
    assert_true(tone_in(a.phone.audio, 1600, 1000) < 500);
    assert_true(tone_in(a.phone.audio, 1600, 700) > 7500);
    assert_true(tone_in(a.phone.audio + 1760, 1280, 1000) > 7500);
    close_ears();
}

static void test_more_than_five_minutes_is_refused(void **state)
{
    static uint8_t minute[60 * 8000];

    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ml_fork_play(ear.fork, minute, sizeof minute), 0);
    assert_int_equal(ml_fork_play(ear.fork, minute, 160), ML_ELIMIT);
    ml_fork_clear(ear.fork);
    assert_int_equal(ml_fork_play(ear.fork, minute, 160), 0);
    close_ears();
}

/* ---- ends ---- */

static void test_the_stream_may_go_first(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_INBOUND);
    give_tone(&ear, 700, 500, 160);
    ml_fork_notify_at(ear.fork, 160);
    run_ms(loop, 100);
    ml_stream_free(a.stream);
    a.stream = NULL;
    ml_fork_notify_at(ear.fork, 0);
    assert_int_equal(ml_fork_play(ear.fork, (const uint8_t *)"abc", 3), ML_ECLOSED);
    close_ears();
}

static void test_freed_while_notes_are_under_way(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    listen_to(&ear, &a, 0);
    ml_stream_free(a.stream);
    a.stream = NULL;
    ml_fork_notify_at(ear.fork, 0);
    close_ears();
}

static int setup_threads(void **state)
{
    (void)state;
    return engine_start(2, 60000);
}

static void test_forks_move_with_their_streams(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    listen_to(&ear, &a, ML_FORK_INBOUND);
    listen_to(&other, &b, ML_FORK_INBOUND);
    phone_talk(&a.phone, 1000, 600);
    phone_talk(&b.phone, 600, 600);
    give_tone(&other, 700, 400, 160);
    for (int i = 0; i < 6; i++) {
        run_ms(loop, 100);
        assert_int_equal(ml_bridge(i % 2 ? a.stream : c.stream, b.stream), 0);
    }
    run_ms(loop, 200);
    assert_in_range(ear.count, 29, 30);
    assert_in_range(other.count, 29, 30);
    assert_int_equal(ml_fork_played(other.fork), 3200);
    close_ears();
}

/* ---- echo ---- */

static void test_V2_a_stream_bridged_with_itself_is_an_echo(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMA, true);
    assert_int_equal(ml_bridge(a.stream, a.stream), 0);
    phone_talk(&a.phone, 1000, 500);
    run_ms(loop, 600);
    assert_int_equal(a.phone.count, 25);
    phone_check_line(&a.phone);
    phone_listen(&a.phone);
    assert_true(tone_in(a.phone.audio, 4000, 1000) > 7800);
    ml_unbridge(a.stream);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 200);
    assert_int_equal(a.phone.count, 25);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test_setup_teardown(test_forks_move_with_their_streams, setup_threads,
                                        teardown),
    };
    const struct CMUnitTest tests[] = {
        TEST(test_both_tracks_in_both_laws),
        TEST(test_one_track_only),
        TEST(test_gaps_are_told_by_time),
        TEST(test_other_packet_lengths),
        TEST(test_both_sides_of_a_bridge),
        TEST(test_who_does_not_read_loses_and_is_told),
        TEST(test_four_at_most),
        TEST(test_what_is_given_is_heard),
        TEST(test_a_piece_waits_once_for_the_rest),
        TEST(test_marks_are_due_when_heard),
        TEST(test_clear_cuts_at_once),
        TEST(test_a_prompt_goes_before_and_a_bridge_after),
        TEST(test_more_than_five_minutes_is_refused),
        TEST(test_the_stream_may_go_first),
        TEST(test_freed_while_notes_are_under_way),
        TEST(test_V2_a_stream_bridged_with_itself_is_an_echo),
    };
    int failed = cmocka_run_group_tests(threaded, NULL, NULL);

    ml_clock_virtual();
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
