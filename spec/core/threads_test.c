/* Media threads in real time: what moves from one to another, and what falls silent. */
#include "fixture.h"

#include <stdlib.h>

static char path[] = "/tmp/threads_test.XXXXXX";
static int recorded;
static struct ml_recording last;

static int setup_two(void **state)
{
    (void)state;
    return engine_start(2, 400);
}

static int setup_none(void **state)
{
    (void)state;
    return engine_start(0, 400);
}

static void on_recorded(const struct ml_recording *recording, void *user)
{
    (void)user;
    recorded++;
    last = *recording;
}

/* Turns of the loop until the condition holds, five seconds at most. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t end = ml_clock_ms() + 5000;                                                        \
                                                                                                   \
        while (!(condition) && ml_clock_ms() < end)                                                \
            run_ms(loop, 5);                                                                       \
        assert_true(condition);                                                                    \
    } while (0)

/* a, b and c lie on two workers in turn; each bridge below has to move somebody. */
static void test_bridges_move_streams_between_threads(void **state)
{
    struct side *sides[] = {&a, &b, &c};

    (void)state;
    for (int i = 0; i < 3; i++)
        side_meet(sides[i], i == 1 ? ML_PCMA : ML_PCMU, true);
    for (int round = 0; round < 12; round++) {
        struct side *one = sides[round % 3], *two = sides[(round + 1) % 3];
        int heard = one->phone.count, heard_too = two->phone.count;
        char digit[2] = {(char)('0' + round % 10), '\0'};

        assert_int_equal(ml_bridge(one->stream, two->stream), 0);
        phone_talk(&one->phone, 1000, 120);
        phone_talk(&two->phone, 600, 120);
        WAIT_FOR(one->phone.count >= heard + 3 && two->phone.count >= heard_too + 3);
        one->digits[0] = '\0';
        phone_press(&one->phone, (uint8_t)(round % 10), 3);
        WAIT_FOR(one->digits[0]);
        assert_string_equal(one->digits, digit);
    }
    for (int i = 0; i < 3; i++)
        phone_check_line(&sides[i]->phone);
}

/* Rooms live on one thread each: who joins moves there, with what it is bridged to or recorded
 * with. */
static void test_rooms_gather_streams_on_their_threads(void **state)
{
    static const struct ml_mixer_handlers nobody = {0};
    static const struct ml_seat seat = {.speaks = true, .hears = true};
    struct side *sides[] = {&a, &b, &c};
    struct ml_mixer *rooms[2];
    int heard;

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(ml_mixer_new(media, &nobody, NULL, &rooms[i]), 0);
    for (int i = 0; i < 3; i++)
        side_meet(sides[i], i == 1 ? ML_PCMA : ML_PCMU, true);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 3; i++)
            ml_mixer_join(rooms[(round + i) % 2], sides[i]->stream, &seat);
        if (round % 5 == 0)
            ml_bridge(sides[round % 3]->stream, sides[(round + 1) % 3]->stream);
        phone_talk(&sides[round % 3]->phone, 500, 60);
        run_ms(loop, 5);
    }
    ml_mixer_free(rooms[1]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ml_mixer_join(rooms[0], sides[i]->stream, &seat), 0);
    heard = c.phone.count;
    phone_talk(&a.phone, 500, 2000);
    WAIT_FOR(c.phone.count >= heard + 10);
    ml_mixer_free(rooms[0]);
    for (int i = 0; i < 3; i++)
        phone_check_line(&sides[i]->phone);
}

static void test_moving_at_once_again_and_again_loses_no_order(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    side_meet(&c, ML_PCMU, true);
    for (int i = 0; i < 300; i++) {
        ml_bridge(a.stream, b.stream);
        ml_bridge(c.stream, a.stream);
        play(&a, ML_SOURCE_TONE, "800", 0, 0, (uint32_t)i);
        ml_bridge(b.stream, c.stream);
        if (i % 3 == 0)
            ml_unbridge(c.stream);
    }
    ml_stream_stop(a.stream);
    WAIT_FOR(a.played == 300);
    assert_int_equal(a.op, 299);
    ml_bridge(b.stream, c.stream);
    phone_talk(&b.phone, 1000, 120);
    WAIT_FOR(c.phone.count >= 3);
}

static void test_recorder_gathers_both_voices_on_one_thread(void **state)
{
    struct ml_recorder_options options = {.path = path, .left = a.stream, .dual = true};
    struct ml_recorder *recorder;
    struct ml_fault fault;

    (void)state;
    recorded = 0;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    side_meet(&c, ML_PCMU, true);
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault), 0);
    phone_talk(&a.phone, 1000, 300);
    phone_talk(&b.phone, 600, 300);
    ml_recorder_join(recorder, b.stream);
    ml_bridge(c.stream, b.stream); /* takes the recorder and a with it */
    run_ms(loop, 300);
    ml_bridge(a.stream, b.stream);
    ml_recorder_stop(recorder);
    WAIT_FOR(recorded == 1);
    assert_int_equal(last.end, ML_RECORD_STOPPED);
    assert_int_equal(last.channels, 2);
    assert_in_range(last.duration_ms, 280, 600);
    assert_true(c.phone.count > 5);
}

static void test_freed_while_everything_runs(void **state)
{
    struct ml_recorder_options options = {.path = path, .left = a.stream, .right = b.stream};
    struct ml_recorder *recorder;
    struct ml_fault fault;

    (void)state;
    recorded = 0;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, false);
    ml_bridge(a.stream, b.stream);
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault), 0);
    play(&a, ML_SOURCE_TONE, "800", 0, 0, 1);
    phone_talk(&a.phone, 1000, 200);
    phone_press(&a.phone, 1, 0);
    run_ms(loop, 50);
    ml_stream_free(a.stream);
    ml_stream_free(b.stream);
    a.stream = b.stream = NULL;
    ml_recorder_stop(recorder);
    WAIT_FOR(recorded == 1);
    assert_int_equal(a.played, 0);
}

static void test_engine_ends_with_everything_under_way(void **state)
{
    struct ml_recorder_options options = {.path = path, .left = a.stream, .right = b.stream};
    struct ml_recorder *recorder;
    struct ml_fault fault;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    ml_bridge(a.stream, b.stream);
    play(&a, ML_SOURCE_FILE, "/dev/null", 0, 0, 1);
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &recorder, &fault), 0);
    ml_bridge(c.stream, a.stream);
}

static void test_MED10_lost_is_told_once_and_not_on_hold(void **state)
{
    struct ml_stream_target target;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    target = phone_target(&b.phone, true);
    target.receive = false;
    ml_stream_set_target(b.stream, &target);
    phone_talk(&a.phone, 1000, 100);
    WAIT_FOR(a.lost == 1);
    assert_int_equal(c.lost, 0); /* nobody there yet */
    target = phone_target(&c.phone, true);
    target.send = false; /* held by the peer, who may be silent */
    ml_stream_set_target(c.stream, &target);
    run_ms(loop, 1200);
    assert_int_equal(a.lost, 1);
    assert_int_equal(b.lost, 0);
    assert_int_equal(c.lost, 0);
}

static void test_file_is_played_in_real_time(void **state)
{
    int64_t begun;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    play(&a, ML_SOURCE_FILE, "/nowhere.wav", 0, 1, 1);
    WAIT_FOR(a.played == 1);
    assert_int_equal(a.end, ML_PLAY_FAILED);
    begun = ml_clock_ms();
    play(&a, ML_SOURCE_TONE, "800", 200, 0, 2);
    WAIT_FOR(a.played == 2);
    assert_int_equal(a.end, ML_PLAY_DONE);
    assert_true(ml_clock_ms() - begun >= 200);
    WAIT_FOR(a.phone.count == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bridges_move_streams_between_threads, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_rooms_gather_streams_on_their_threads, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_moving_at_once_again_and_again_loses_no_order,
                                        setup_two, teardown),
        cmocka_unit_test_setup_teardown(test_recorder_gathers_both_voices_on_one_thread, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_freed_while_everything_runs, setup_two, teardown),
        cmocka_unit_test_setup_teardown(test_engine_ends_with_everything_under_way, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_MED10_lost_is_told_once_and_not_on_hold, setup_none,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_file_is_played_in_real_time, setup_two, teardown),
    };
    int fd = mkstemp(path), failed;

    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
