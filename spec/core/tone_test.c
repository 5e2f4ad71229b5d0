#include "phone.h"

#include "core/media/tone.h"

static int16_t samples[8000 * 10];

static void test_level_and_frequencies(void **state)
{
    struct ml_tone tone;

    (void)state;
    assert_true(ml_tone_init(&tone, "1000", 0));
    ml_tone_make(&tone, samples, 8000);
    assert_in_range((int)tone_in(samples, 8000, 1000), 22700, 23000); /* 3.14 dB under the top */
    assert_true(ml_tone_init(&tone, "350+440", -13));
    ml_tone_make(&tone, samples, 8000);
    assert_in_range((int)tone_in(samples, 8000, 350), 3500, 3700);
    assert_in_range((int)tone_in(samples, 8000, 440), 3500, 3700);
    assert_true(tone_in(samples, 8000, 700) < 10);
}

static void test_cadence_repeats(void **state)
{
    struct ml_tone tone;

    (void)state;
    assert_true(ml_tone_init(&tone, "440+480/2000,0/4000", -13));
    for (size_t i = 0; i < 80000; i += 160)
        ml_tone_make(&tone, samples + i, 160);
    assert_true(tone_in(samples, 16000, 440) > 3000);
    assert_true(energy_of(samples + 16000, 32000) < 1);
    assert_true(tone_in(samples + 48000, 16000, 480) > 3000);
    assert_true(energy_of(samples + 64000, 16000) < 1);
}

static void test_bad_tones_are_refused(void **state)
{
    static const char *const bad[] = {"",           "440+",    "abc",   "440/",
                                      "440/0",      "440/-5",  "99999", "1+2+3+4+5",
                                      "440/1,,0/2", "440/1/2", "440 "};
    struct ml_tone tone;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ml_tone_init(&tone, bad[i], -13));
    assert_false(ml_tone_init(&tone, "440", 10));
    assert_false(ml_tone_init(&tone, "440", -100));
}

static void test_S8_tones_of_all_countries_of_ringTone(void **state)
{
    static const char list[] = "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp "
                               "mx my nl no nz ph pl pt ru se sg th uk us us-old tw ve za";
    struct ml_str rest = ml_str(list), code;
    struct ml_tone tone;
    int count = 0;

    (void)state;
    while (ml_str_cut(&rest, ' ', &code)) {
        char *name = ml_str_dup(code);

        assert_non_null(ml_tone_of(name, "ringback"));
        assert_true(ml_tone_init(&tone, ml_tone_of(name, "ringback"), -13));
        assert_true(ml_tone_init(&tone, ml_tone_of(name, "busy"), -13));
        ml_free(name);
        count++;
    }
    assert_int_equal(count, 40);
    assert_null(ml_tone_of("xx", "busy"));
    assert_null(ml_tone_of("us", "nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_and_frequencies),
        cmocka_unit_test(test_cadence_repeats),
        cmocka_unit_test(test_bad_tones_are_refused),
        cmocka_unit_test(test_S8_tones_of_all_countries_of_ringTone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
