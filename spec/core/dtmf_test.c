#include "phone.h"

#include "core/media/inband.h"

static struct ml_event_rx rx;
static struct ml_press ended[2];
static bool over;

static enum ml_event_step packet(uint32_t timestamp, int code, int duration, bool end,
                                 int64_t now_ms)
{
    struct ml_event event = {.code = (uint8_t)code, .end = end, .duration = (uint16_t)duration};

    return ml_event_packet(&rx, timestamp, &event, now_ms * 1000, ended, &over);
}

static int setup(void **state)
{
    (void)state;
    memset(&rx, 0, sizeof rx);
    return 0;
}

static void test_payload(void **state)
{
    struct ml_event event, in = {.code = 11, .end = true, .volume = 10, .duration = 0x1234};
    uint8_t bytes[4];

    (void)state;
    ml_event_build(bytes, &in);
    assert_memory_equal(bytes, "\x0b\x8a\x12\x34", 4);
    assert_true(ml_event_parse(bytes, 4, &event));
    assert_int_equal(event.duration, 0x1234);
    assert_false(ml_event_parse(bytes, 3, &event));
    bytes[0] = 16;
    assert_false(ml_event_parse(bytes, 4, &event));
    bytes[0] = 255;
    assert_false(ml_event_parse(bytes, 4, &event));
    for (uint8_t i = 0; i < 16; i++)
        assert_int_equal(ml_event_code(ml_event_key(i)), i);
    assert_int_equal(ml_event_code('d'), 15);
    assert_int_equal(ml_event_code('x'), -1);
    assert_int_equal(ml_event_code(0), -1);
}

static void test_one_press_whatever_is_repeated(void **state)
{
    int presses = 0;

    (void)state;
    for (int i = 1; i <= 5; i++)
        presses += packet(1000, 5, 160 * i, false, 20 * i) == ML_EVENT_ENDED;
    for (int i = 0; i < 3; i++)
        presses += packet(1000, 5, 800, true, 120) == ML_EVENT_ENDED;
    presses += packet(1000, 5, 640, false, 120) == ML_EVENT_ENDED; /* late */
    presses += packet(200, 7, 640, true, 120) == ML_EVENT_ENDED;   /* from long before */
    assert_int_equal(presses, 1);
    assert_int_equal(ended[0].key, '5');
    assert_int_equal(ended[0].ms, 100);
    assert_int_equal(packet(3000, 5, 800, true, 400), ML_EVENT_WHOLE);
}

static void test_MED5_lost_ends(void **state)
{
    struct ml_press press;

    (void)state;
    packet(1000, 1, 160, false, 20);
    packet(1000, 1, 480, false, 60);
    assert_int_equal(packet(3000, 2, 160, false, 250), ML_EVENT_BEGUN);
    assert_true(over);
    assert_int_equal(ended[1].key, '1');
    assert_int_equal(ended[1].ms, 60);
    assert_false(ml_event_late(&rx, 300 * 1000, &press));
    assert_true(ml_event_late(&rx, ml_event_deadline(&rx), &press));
    assert_int_equal(press.key, '2');
    assert_int_equal(packet(3000, 2, 800, true, 500), ML_EVENT_NOTHING);
    assert_int_equal(ml_event_deadline(&rx), 0);
}

static void test_MED5_segments_of_a_long_press_are_one(void **state)
{
    (void)state;
    packet(1000, 9, 0xffff, false, 8000);
    assert_int_equal(packet(1000 + 0xffff, 9, 160, false, 8020), ML_EVENT_GOES_ON);
    assert_false(over);
    assert_int_equal(packet(1000 + 0xffff, 9, 8000, true, 9000), ML_EVENT_ENDED);
    assert_int_equal(ended[0].ms, (0xffff + 8000) / 8);
}

static void test_MED5_no_more_than_fifty_a_second(void **state)
{
    int presses = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        presses += packet((uint32_t)(1000 + i * 10), i % 16, 5, true, 5000 + i) == ML_EVENT_WHOLE;
    assert_in_range(presses, 40, 50);
}

static void test_sent_press_is_heard_as_one(void **state)
{
    struct ml_key key;
    struct ml_event event;
    int presses = 0, packets = 0, ends = 0;
    bool first;

    (void)state;
    ml_key_press(&key, 'b', true, 5000);
    for (int ms = 0; key.key; ms += 20) {
        if (ml_key_frame(&key, 160, &event, &first, NULL) != ML_KEY_EVENT)
            continue;
        assert_int_equal(first, packets == 0);
        packets++;
        ends += event.end;
        switch (ml_event_packet(&rx, key.timestamp, &event, ms * 1000, ended, &over)) {
        case ML_EVENT_ENDED:
        case ML_EVENT_WHOLE:
            presses++;
            break;
        default:
            break;
        }
        assert_true(ms < 300);
    }
    assert_int_equal(presses, 1);
    assert_int_equal(ends, 3);
    assert_int_equal(packets, 7);
    assert_int_equal(ended[0].key, 'B');
    assert_int_equal(ended[0].ms, 100);
}

static char heard[64];
static int heard_ms;

static void on_inband(char key, int ms, void *user)
{
    (void)user;
    if (key)
        strncat(heard, &key, 1);
    else
        heard_ms = ms;
}

static void test_made_tones_are_detected(void **state)
{
    static const char keys[] = "1234567890*#ABCD";
    struct ml_inband *inband = ml_inband_new(on_inband, NULL);
    int16_t samples[160];

    (void)state;
    for (const char *p = keys; *p; p++) {
        struct ml_key key;

        ml_key_press(&key, *p, false, 0);
        while (key.key) {
            assert_int_equal(ml_key_frame(&key, 160, NULL, NULL, samples), ML_KEY_AUDIO);
            ml_inband_hear(inband, samples, 160);
        }
        assert_in_range(heard_ms, 60, 120);
    }
    assert_string_equal(heard, keys);
    ml_inband_free(inband);
    assert_int_equal(ml_mem_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_payload, setup),
        cmocka_unit_test_setup(test_one_press_whatever_is_repeated, setup),
        cmocka_unit_test_setup(test_MED5_lost_ends, setup),
        cmocka_unit_test_setup(test_MED5_segments_of_a_long_press_are_one, setup),
        cmocka_unit_test_setup(test_MED5_no_more_than_fifty_a_second, setup),
        cmocka_unit_test_setup(test_sent_press_is_heard_as_one, setup),
        cmocka_unit_test_setup(test_made_tones_are_detected, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
