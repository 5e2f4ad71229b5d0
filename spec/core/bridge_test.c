#include "fixture.h"

static void bridge(enum ml_codec law_a, bool events_a, enum ml_codec law_b, bool events_b)
{
    side_meet(&a, law_a, events_a);
    side_meet(&b, law_b, events_b);
    assert_int_equal(ml_bridge(a.stream, b.stream), 0);
}

static void check_tone(struct side *side, double hz, double other)
{
    phone_check_line(&side->phone);
    phone_listen(&side->phone);
    assert_int_equal(side->phone.length, 8000);
    assert_in_range((int)tone_in(side->phone.audio, 8000, hz), 7800, 8200);
    assert_true(tone_in(side->phone.audio, 8000, other) < 100);
}

static void both_talk(enum ml_codec law_a, enum ml_codec law_b)
{
    bridge(law_a, true, law_b, true);
    phone_talk(&a.phone, 1000, 1000);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 1500);
    assert_int_equal(a.phone.count, 50);
    assert_int_equal(b.phone.count, 50);
    check_tone(&b, 1000, 600);
    check_tone(&a, 600, 1000);
    assert_true(a.phone.got[0].rtp.marker);
    assert_false(a.phone.got[1].rtp.marker);
}

static void test_tone_of_one_end_is_heard_at_the_other(void **state)
{
    (void)state;
    both_talk(ML_PCMU, ML_PCMU);
}

static void test_both_conversions_of_the_law(void **state)
{
    (void)state;
    both_talk(ML_PCMU, ML_PCMA);
}

static void test_payload_types_are_mapped(void **state)
{
    struct ml_stream_target target;

    (void)state;
    bridge(ML_PCMA, true, ML_PCMA, true);
    target = phone_target(&b.phone, true);
    target.send_type = target.receive_type = 97;
    target.event_send_type = target.event_receive_type = 110;
    ml_stream_set_target(b.stream, &target);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 200);
    phone_quiet(&a.phone, 100);
    phone_press(&a.phone, 7, 3);
    run_ms(loop, 200);
    assert_int_equal(b.phone.count, 13);
    for (int i = 0; i < b.phone.count; i++)
        assert_int_equal(b.phone.got[i].rtp.type, i < 5 ? 97 : 110);
    assert_string_equal(a.digits, "7");
    assert_int_equal(a.digit_ms, 100);
    phone_check_line(&b.phone);
    for (int i = 6; i < 13; i++) /* one press: one timestamp */
        assert_int_equal(b.phone.got[i].rtp.timestamp, b.phone.got[5].rtp.timestamp);
    assert_int_equal(b.phone.got[5].rtp.timestamp - b.phone.got[4].rtp.timestamp, 160 + 800);
    assert_true(b.phone.got[5].rtp.marker);
}

static void test_one_timeline_over_prompt_bridge_and_prompt(void **state)
{
    const struct phone *phone = &b.phone;
    int64_t real;
    uint32_t said;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    play(&b, ML_SOURCE_TONE, "800", 300, 0, 1);
    run_ms(loop, 1000); /* 700 ms of silence */
    ml_bridge(a.stream, b.stream);
    phone_talk(&a.phone, 1000, 500);
    run_ms(loop, 600);
    play(&b, ML_SOURCE_TONE, "900", 200, 0, 2);
    phone_talk(&a.phone, 1000, 500); /* the prompt is heard instead of the first part */
    run_ms(loop, 1000);
    ml_unbridge(a.stream);
    phone_talk(&a.phone, 1000, 500); /* to nobody */
    run_ms(loop, 1000);
    play(&b, ML_SOURCE_TONE, "700", 100, 0, 3);
    run_ms(loop, 1000);
    phone_check_line(phone);
    assert_int_equal(phone->count, 15 + 25 + 10 + 15 + 5);
    for (int i = 0; i < phone->count; i++)
        assert_int_equal(phone->got[i].rtp.marker,
                         i == 0 || i == 15 || i == 40 || i == 50 || i == 65);
    for (int i = 1; i < phone->count; i++) { /* within a packet's length of real time */
        real = (phone->got[i].us - phone->got[0].us) * 8 / 1000;
        said = phone->got[i].rtp.timestamp - phone->got[0].rtp.timestamp;
        assert_true(said + 200 > real && said < real + 200);
    }
}

static void test_press_goes_as_a_tone_to_a_side_without_events(void **state)
{
    (void)state;
    bridge(ML_PCMU, true, ML_PCMA, false);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 100);
    phone_press(&a.phone, 5, 3);
    run_ms(loop, 400);
    assert_string_equal(a.digits, "5");
    phone_check_line(&b.phone);
    phone_listen(&b.phone);
    assert_int_equal(b.phone.count, 15);
    assert_true(tone_in(b.phone.audio + 800, 800, 770) > 4000);
    assert_true(tone_in(b.phone.audio + 800, 800, 1336) > 4000);
    assert_true(energy_of(b.phone.audio + 1700, 600) < 20);
}

static void test_long_press_is_a_long_tone(void **state)
{
    struct ml_event event = {.code = 1, .volume = 10};
    uint8_t payload[4];

    (void)state;
    bridge(ML_PCMU, true, ML_PCMU, false);
    for (int i = 1; i <= 51; i++) {
        event.duration = (uint16_t)(160 * (i < 50 ? i : 50));
        event.end = i > 50;
        ml_event_build(payload, &event);
        phone_send(&a.phone, PHONE_EVENT, i == 1, a.phone.timestamp, payload, 4);
        run_ms(loop, 20);
    }
    run_ms(loop, 500);
    assert_string_equal(a.digits, "1");
    assert_int_equal(a.digit_ms, 1000);
    phone_listen(&b.phone);
    assert_true(tone_in(b.phone.audio, 7600, 697) > 4000);
    assert_true(energy_of(b.phone.audio + 8400, 400) < 20);
}

static void test_tone_goes_as_an_event_to_a_side_with_events(void **state)
{
    struct ml_key key;
    struct ml_event event;
    int16_t samples[160];
    uint8_t payload[160];
    int events = 0, ends = 0;
    bool first;

    (void)state;
    bridge(ML_PCMU, false, ML_PCMU, true);
    ml_key_press(&key, '9', false, 0);
    while (key.key) {
        ml_key_frame(&key, 160, &event, &first, samples);
        ml_codec_encode(ML_PCMU, samples, 160, payload);
        phone_send(&a.phone, 0, false, a.phone.timestamp, payload, 160);
        a.phone.timestamp += 160;
        run_ms(loop, 20);
    }
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 500);
    assert_string_equal(a.digits, "9");
    assert_in_range(a.digit_ms, 60, 120);
    phone_check_line(&b.phone);
    for (int i = 0; i < b.phone.count; i++) {
        if (b.phone.got[i].rtp.type != PHONE_EVENT)
            continue;
        events++;
        assert_true(ml_event_parse(b.phone.got[i].payload, 4, &event));
        assert_int_equal(event.code, 9);
        ends += event.end;
    }
    assert_int_equal(events, 7);
    assert_int_equal(ends, 3);
    phone_listen(&b.phone);
    assert_true(tone_in(b.phone.audio, b.phone.length, 852) < 1500); /* its beginning only */
}

static void test_MED9_losses_show_and_reordering_is_kept(void **state)
{
    (void)state;
    bridge(ML_PCMU, true, ML_PCMU, true);
    for (int i = 0; i < 50; i++) {
        int place = i % 10 == 3 ? i + 1 : i % 10 == 4 ? i - 1 : i; /* 4 before 3 */

        a.phone.seq = (uint16_t)(65500 + place);
        a.phone.timestamp = (uint32_t)place * 160;
        a.phone.hz = 1000;
        a.phone.angle = place * 160 * 2 * M_PI * 1000 / 8000;
        if (i % 10 != 7) /* lost */
            phone_say_frame(&a.phone);
        run_ms(loop, 20);
    }
    assert_int_equal(b.phone.count, 45);
    assert_int_equal((uint16_t)(b.phone.got[44].rtp.seq - b.phone.got[0].rtp.seq), 49);
    phone_listen(&b.phone);
    assert_in_range((int)tone_in(b.phone.audio, 8000, 1000), 7000, 7400);
}

static void test_bridging_anew_ends_the_old_bridge(void **state)
{
    (void)state;
    side_meet(&c, ML_PCMU, true);
    bridge(ML_PCMU, true, ML_PCMU, true);
    ml_bridge(a.stream, c.stream);
    phone_talk(&a.phone, 1000, 100);
    phone_talk(&b.phone, 500, 100);
    run_ms(loop, 200);
    assert_int_equal(b.phone.count, 0);
    assert_int_equal(a.phone.count, 0);
    assert_int_equal(c.phone.count, 5);
    ml_stream_free(c.stream);
    c.stream = NULL;
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 200);
    assert_int_equal(c.phone.count, 5);
}

static void test_comfort_noise_leaves_no_gap(void **state)
{
    (void)state;
    bridge(ML_PCMU, true, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 100);
    for (int i = 0; i < 5; i++) {
        phone_send(&a.phone, 13, false, a.phone.timestamp, "x", 1);
        phone_quiet(&a.phone, 20);
        run_ms(loop, 20);
    }
    phone_talk(&a.phone, 1000, 100);
    run_ms(loop, 200);
    assert_int_equal(b.phone.count, 10);
    phone_check_line(&b.phone);
    assert_true(b.phone.got[5].rtp.marker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tone_of_one_end_is_heard_at_the_other),
        TEST(test_both_conversions_of_the_law),
        TEST(test_payload_types_are_mapped),
        TEST(test_one_timeline_over_prompt_bridge_and_prompt),
        TEST(test_press_goes_as_a_tone_to_a_side_without_events),
        TEST(test_long_press_is_a_long_tone),
        TEST(test_tone_goes_as_an_event_to_a_side_with_events),
        TEST(test_MED9_losses_show_and_reordering_is_kept),
        TEST(test_bridging_anew_ends_the_old_bridge),
        TEST(test_comfort_noise_leaves_no_gap),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
