/* Rooms: what each hears, by its samples. */
#include "fixture.h"

#include <stdlib.h>

enum { MOST = 6 };

static struct side sides[MOST];
static struct ml_mixer *room;
static int played, speech_on, speech_off, recorded;
static enum ml_play_end played_end;
static struct ml_stream *speaker;
static struct ml_recording last;

static const double tones[MOST] = {500, 900, 1300, 1700, 2100, 2500};

static void on_played(uint32_t op, enum ml_play_end end, const char *text, void *user)
{
    (void)user;
    (void)text;
    assert_int_equal(op, 7);
    played++;
    played_end = end;
}

static void on_speech(struct ml_stream *stream, bool speaks, void *user)
{
    (void)user;
    speaker = stream;
    *(speaks ? &speech_on : &speech_off) += 1;
}

static void on_recorded(const struct ml_recording *recording, void *user)
{
    (void)user;
    recorded++;
    last = *recording;
}

static const struct ml_mixer_handlers handlers = {on_played, on_speech};

static int open_room(void **state)
{
    if (setup(state) != 0)
        return -1;
    played = speech_on = speech_off = recorded = 0;
    for (int i = 0; i < MOST; i++)
        side_open(&sides[i]);
    return ml_mixer_new(media, &handlers, NULL, &room);
}

static int close_room(void **state)
{
    for (int i = 0; i < MOST; i++)
        side_close(&sides[i]);
    ml_mixer_free(room);
    run_ms(loop, 100);
    return teardown(state);
}

static const struct ml_seat full = {.speaks = true, .hears = true};

static void sit(int i, struct ml_seat seat)
{
    assert_int_equal(ml_mixer_join(room, sides[i].stream, &seat), 0);
}

static void fill(int count)
{
    for (int i = 0; i < count; i++) {
        side_meet(&sides[i], i % 2 ? ML_PCMA : ML_PCMU, true);
        sit(i, full);
    }
}

static void forget(void)
{
    for (int i = 0; i < MOST; i++)
        sides[i].phone.count = 0;
}

/* Those of the mask say their tones; then what was heard lies ready. */
static void talk(unsigned mask, int ms)
{
    forget();
    for (int i = 0; i < MOST; i++)
        if (mask & 1u << i)
            phone_talk(&sides[i].phone, (int)tones[i], ms);
    run_ms(loop, ms + 500);
    for (int i = 0; i < MOST; i++) {
        phone_check_line(&sides[i].phone);
        phone_listen(&sides[i].phone);
        if (mask & 1u << i)
            continue;
        phone_quiet(&sides[i].phone, ms); /* its clock goes on */
    }
}

/* One hears these tones at full strength and none of the others. */
static void check_hears(int i, unsigned mask)
{
    struct phone *phone = &sides[i].phone;

    if (!mask) {
        assert_true(energy_of(phone->audio, phone->length) < 20);
        return;
    }
    assert_true(phone->length >= 4800);
    for (int k = 0; k < MOST; k++) {
        double heard = tone_in(phone->audio + 400, 4000, tones[k]);

        if (mask & 1u << k)
            assert_in_range((int)heard, 7500, 8500);
        else
            assert_in_range((int)heard, 0, 150);
    }
}

static void test_each_hears_the_others_and_not_itself(void **state)
{
    (void)state;
    fill(3);
    talk(7, 1000);
    check_hears(0, 6);
    check_hears(1, 5);
    check_hears(2, 3);
    check_hears(3, 0);
}

static void test_the_sum_is_cut_off_and_never_wraps(void **state)
{
    (void)state;
    fill(MOST);
    forget();
    for (int i = 0; i < 5; i++)
        phone_talk(&sides[i].phone, 400, 1000); /* in step: 5 times 8000 */
    run_ms(loop, 1200);
    phone_listen(&sides[5].phone);
    for (size_t i = 1; i < 6400; i++) /* a wrap is a jump from one end to the other */
        assert_true(abs(sides[5].phone.audio[i] - sides[5].phone.audio[i - 1]) < 24000);
    assert_true(tone_in(sides[5].phone.audio + 400, 4000, 400) > 33000);
    phone_listen(&sides[0].phone); /* its own part is taken off before: 4 times 8000 */
    assert_in_range((int)tone_in(sides[0].phone.audio + 400, 4000, 400), 31000, 32800);
}

static void test_who_is_muted_is_not_heard_and_hears(void **state)
{
    (void)state;
    fill(3);
    sit(1, (struct ml_seat){.hears = true});
    talk(7, 1000);
    check_hears(0, 4);
    check_hears(1, 5);
    check_hears(2, 1);
    sit(1, full);
    talk(7, 1000);
    check_hears(0, 6);
}

static void test_who_is_on_hold_hears_only_what_plays_to_it(void **state)
{
    (void)state;
    fill(3);
    sit(1, (struct ml_seat){0});
    play(&sides[1], ML_SOURCE_TONE, "2500", 0, 0, 3);
    talk(7, 1000);
    check_hears(0, 4);
    assert_true(tone_in(sides[1].phone.audio + 400, 4000, 500) < 50);
    assert_true(tone_in(sides[1].phone.audio + 400, 4000, 2500) > 3000);
    ml_stream_stop(sides[1].stream);
    sit(1, full);
    talk(7, 1000);
    check_hears(1, 5);
    phone_check_line(&sides[1].phone);
}

static void test_a_coach_is_heard_by_the_one_it_coaches(void **state)
{
    (void)state;
    fill(4);
    sit(3, (struct ml_seat){.speaks = true, .hears = true, .coached = sides[0].stream});
    talk(15, 1000);
    check_hears(0, 2 | 4 | 8);
    check_hears(1, 1 | 4);
    check_hears(2, 1 | 2);
    check_hears(3, 1 | 2 | 4);
    ml_mixer_leave(sides[0].stream); /* the coached one is gone: the coach is heard by nobody */
    talk(15, 1000);
    check_hears(0, 0);
    check_hears(1, 4);
    check_hears(3, 2 | 4);
}

static void test_what_plays_in_the_room_is_heard_by_all(void **state)
{
    struct ml_source source = {.kind = ML_SOURCE_TONE, .text = "2500", .ms = 1000};
    struct ml_fault fault;

    (void)state;
    fill(2);
    forget();
    assert_int_equal(ml_mixer_play(room, &source, 7, &fault), 0);
    phone_talk(&sides[0].phone, 500, 1000);
    run_ms(loop, 1300);
    assert_int_equal(played, 1);
    assert_int_equal(played_end, ML_PLAY_DONE);
    for (int i = 0; i < 2; i++) {
        phone_listen(&sides[i].phone);
        assert_in_range((int)tone_in(sides[i].phone.audio + 400, 4000, 2500), 4800, 5400);
    }
    assert_true(tone_in(sides[0].phone.audio + 400, 4000, 500) < 60);
    assert_in_range((int)tone_in(sides[1].phone.audio + 400, 4000, 500), 7500, 8500);
    source.ms = 0;
    assert_int_equal(ml_mixer_play(room, &source, 7, &fault), 0);
    run_ms(loop, 100);
    ml_mixer_stop(room);
    run_ms(loop, 100);
    assert_int_equal(played, 2);
    assert_int_equal(played_end, ML_PLAY_STOPPED);
    source.kind = ML_SOURCE_FILE;
    source.text = "/nowhere.wav";
    assert_int_equal(ml_mixer_play(room, &source, 7, &fault), 0);
    run_ms(loop, 100);
    assert_int_equal(played_end, ML_PLAY_FAILED);
}

static void test_keys_are_told_and_not_mixed(void **state)
{
    (void)state;
    fill(2);
    talk(1, 100);
    forget();
    phone_press(&sides[0].phone, 5, 3);
    run_ms(loop, 300);
    assert_string_equal(sides[0].digits, "5");
    for (int i = 0; i < sides[1].phone.count; i++)
        assert_int_not_equal(sides[1].phone.got[i].rtp.type, PHONE_EVENT);
    phone_listen(&sides[1].phone);
    assert_true(energy_of(sides[1].phone.audio, sides[1].phone.length) < 20);
}

static void test_a_room_ends_a_bridge_and_a_bridge_leaves_a_room(void **state)
{
    (void)state;
    fill(2);
    side_meet(&sides[2], ML_PCMU, true);
    assert_int_equal(ml_bridge(sides[0].stream, sides[2].stream), 0);
    talk(7, 1000);
    check_hears(0, 4);
    check_hears(1, 0);
    check_hears(2, 1);
    sit(2, full);
    talk(7, 1000);
    check_hears(0, 0);
    check_hears(1, 4);
    check_hears(2, 2);
}

static void test_going_leaves_the_others_undisturbed(void **state)
{
    (void)state;
    fill(4);
    forget();
    for (int i = 0; i < 3; i++)
        phone_talk(&sides[i].phone, (int)tones[i], 2000);
    run_ms(loop, 700);
    ml_stream_free(sides[2].stream);
    sides[2].stream = NULL;
    ml_mixer_leave(sides[1].stream);
    run_ms(loop, 1600);
    phone_check_line(&sides[3].phone);
    phone_listen(&sides[3].phone);
    assert_in_range((int)tone_in(sides[3].phone.audio + 400, 4000, 1300), 7500, 8500);
    assert_in_range((int)tone_in(sides[3].phone.audio + 8000, 4000, 1300), 0, 100);
    assert_in_range((int)tone_in(sides[3].phone.audio + 8000, 4000, 500), 7500, 8500);
    ml_mixer_free(room); /* with people in it */
    forget();
    phone_talk(&sides[0].phone, 500, 200);
    run_ms(loop, 400);
    assert_int_equal(sides[3].phone.count, 0);
    assert_int_equal(ml_mixer_new(media, &handlers, NULL, &room), 0);
}

/* Three packets at once every 60 ms: with 60 ms of jitter evened out nothing is lost. */
static void test_jitter_is_evened_out(void **state)
{
    struct ml_seat seat = full;

    (void)state;
    seat.delay_ms = 60;
    fill(2);
    ml_mixer_leave(sides[0].stream);
    sit(0, seat);
    forget();
    sides[0].phone.hz = 500;
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 3; k++) {
            phone_say_frame(&sides[0].phone);
            sides[0].phone.timestamp += 160;
        }
        run_ms(loop, 60);
    }
    run_ms(loop, 500);
    phone_listen(&sides[1].phone);
    assert_in_range((int)tone_in(sides[1].phone.audio + 800, 8000, 500), 7800, 8200);
}

static void test_the_mix_is_recorded_and_what_one_hears(void **state)
{
    char path[] = "/tmp/mixer_test.XXXXXX";
    struct ml_recorder_options options = {.path = path, .room = room};
    struct ml_recorder_options own = {.path = "/tmp/mixer_test.own", .dual = true, .hears = true};
    struct ml_recorder *all, *one;
    struct ml_fault fault;
    static int16_t samples[2 * 24000];
    FILE *file;

    (void)state;
    close(mkstemp(path));
    fill(3);
    own.left = sides[0].stream;
    assert_int_equal(ml_recorder_new(media, &options, on_recorded, NULL, &all, &fault), 0);
    assert_int_equal(ml_recorder_new(media, &own, on_recorded, NULL, &one, &fault), 0);
    talk(7, 1000);
    ml_recorder_stop(one);
    run_ms(loop, 200);
    assert_int_equal(recorded, 1);
    assert_int_equal(last.channels, 2);
    ml_recorder_stop(all);
    run_ms(loop, 200);
    assert_int_equal(recorded, 2);
    assert_int_equal(last.channels, 1);
    assert_in_range(last.duration_ms, 1650, 1750);
    file = fopen(path, "rb");
    fseek(file, 44, SEEK_SET);
    assert_true(fread(samples, 2, 12000, file) == 12000);
    fclose(file);
    for (int i = 0; i < 3; i++)
        assert_in_range((int)tone_in(samples + 800, 4000, tones[i]), 7500, 8500);
    file = fopen(own.path, "rb");
    fseek(file, 44, SEEK_SET);
    assert_true(fread(samples, 2, 24000, file) == 24000);
    fclose(file);
    for (int i = 0; i < 12000; i++) { /* left to the first half */
        int16_t left = samples[2 * i];

        samples[24000 + i] = samples[2 * i + 1];
        samples[i] = left;
    }
    assert_in_range((int)tone_in(samples + 800, 4000, 500), 7500, 8500);
    assert_true(tone_in(samples + 800, 4000, 900) < 100);
    assert_true(tone_in(samples + 24800, 4000, 500) < 100);
    assert_in_range((int)tone_in(samples + 24800, 4000, 900), 7500, 8500);
    unlink(path);
    unlink(own.path);
}

static void test_speech_is_told_of_those_who_are_watched(void **state)
{
    struct ml_seat seat = full;

    (void)state;
    seat.watched = true;
    fill(2);
    sit(1, seat);
    talk(1, 1000);
    assert_int_equal(speech_on, 0);
    talk(3, 1000);
    assert_int_equal(speech_on, 1);
    assert_ptr_equal(speaker, sides[1].stream);
    talk(1, 1000);
    assert_int_equal(speech_off, 1);
}

static void test_a_quiet_room_costs_nothing(void **state)
{
    (void)state;
    fill(3);
    talk(1, 200);
    forget();
    run_ms(loop, 3600000); /* an hour: one step, not 180,000 */
    assert_int_equal(sides[1].phone.count, 0);
    phone_quiet(&sides[0].phone, 3600000);
    talk(1, 1000);
    check_hears(1, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_hears_the_others_and_not_itself),
        TEST(test_the_sum_is_cut_off_and_never_wraps),
        TEST(test_who_is_muted_is_not_heard_and_hears),
        TEST(test_who_is_on_hold_hears_only_what_plays_to_it),
        TEST(test_a_coach_is_heard_by_the_one_it_coaches),
        TEST(test_what_plays_in_the_room_is_heard_by_all),
        TEST(test_keys_are_told_and_not_mixed),
        TEST(test_a_room_ends_a_bridge_and_a_bridge_leaves_a_room),
        TEST(test_going_leaves_the_others_undisturbed),
        TEST(test_jitter_is_evened_out),
        TEST(test_the_mix_is_recorded_and_what_one_hears),
        TEST(test_speech_is_told_of_those_who_are_watched),
        TEST(test_a_quiet_room_costs_nothing),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
