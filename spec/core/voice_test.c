#include "phone.h"

#include "core/base/random.h"
#include "core/media/voice.h"

static struct ml_voice voice;
static int heard, first; /* ms in which somebody spoke, in all; when he was first heard */

static void begin(void)
{
    ml_voice_init(&voice);
    heard = 0;
    first = -1;
}

/* Noise of that amplitude with a tone on top of it. Packets of a line have 20 ms, blocks of a
 * recorder need not. */
static void hear(int ms, int noise, int hz, double amplitude)
{
    static int now;
    int begun = now;
    int16_t samples[40];

    for (; now < begun + ms * 8; now += 40) {
        for (int i = 0; i < 40; i++) {
            double value = amplitude * sin(2 * 3.14159265358979 * hz * (now + i) / 8000);

            if (noise > 0)
                value += (int)ml_random_below((unsigned)(2 * noise + 1)) - noise;
            samples[i] = (int16_t)value;
        }
        ml_voice_hear(&voice, samples, 40);
        if (voice.speaks) {
            heard += 5;
            if (first < 0)
                first = (now + 40 - begun) / 8;
        }
    }
}

static void test_silence_and_noise_of_a_line_are_nobody(void **state)
{
    static const int noises[] = {0, 3, 20, 100, 300, 600}; /* 600: -40 dB */

    (void)state;
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        begin();
        hear(20000, noises[i], 0, 0);
        assert_int_equal(heard, 0);
    }
}

static void
test_a_voice_is_heard_within_a_tenth_of_a_second_and_no_longer_than_it_lasts(void **state)
{
    static const int noises[] = {0, 20, 300};

    (void)state;
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        begin();
        hear(2000, noises[i], 0, 0);
        hear(1000, noises[i], 400, 4000);
        assert_in_range(first, 40, 100);
        hear(2000, noises[i], 0, 0);
        assert_in_range(heard, 920, 1100);
    }
}

static void test_a_voice_with_the_first_packet_is_heard(void **state)
{
    (void)state;
    begin();
    hear(500, 0, 400, 5000);
    assert_in_range(first, 40, 100);
}

static void test_a_quiet_voice_is_heard_on_a_quiet_line_only(void **state)
{
    (void)state;
    begin();
    hear(1000, 10, 0, 0);
    hear(1000, 10, 400, 300);
    assert_true(heard > 800);
    begin();
    hear(1000, 600, 0, 0);
    hear(1000, 600, 400, 300);
    assert_int_equal(heard, 0);
}

static void test_clicks_are_nobody(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 20; i++) {
        hear(280, 10, 0, 0);
        hear(20, 10, 1000, 20000);
    }
    assert_int_equal(heard, 0);
}

static void test_noise_that_gets_louder_is_learned(void **state)
{
    (void)state;
    begin();
    hear(5000, 20, 0, 0);
    hear(8000, 400, 0, 0);
    assert_true(heard < 6000);
    assert_false(voice.speaks);
    hear(500, 400, 400, 8000);
    assert_true(voice.speaks);
}

static void test_a_minute_of_talk_does_not_become_noise(void **state)
{
    (void)state;
    begin();
    hear(1000, 20, 0, 0);
    for (int i = 0; i < 200; i++) { /* syllables */
        hear(220, 20, 300, 4000);
        hear(80, 20, 0, 0);
    }
    assert_true(heard > 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_and_noise_of_a_line_are_nobody),
        cmocka_unit_test(
            test_a_voice_is_heard_within_a_tenth_of_a_second_and_no_longer_than_it_lasts),
        cmocka_unit_test(test_a_voice_with_the_first_packet_is_heard),
        cmocka_unit_test(test_a_quiet_voice_is_heard_on_a_quiet_line_only),
        cmocka_unit_test(test_clicks_are_nobody),
        cmocka_unit_test(test_noise_that_gets_louder_is_learned),
        cmocka_unit_test(test_a_minute_of_talk_does_not_become_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
