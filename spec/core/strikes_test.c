#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "core/base/strikes.h"

enum { MOST = 3, WITHIN = 60 };

static struct ml_strikes strikes;

static int setup(void **state)
{
    (void)state;
    ml_strikes_init(&strikes, MOST, WITHIN);
    return 0;
}

static void test_who_fails_too_often_is_not_heard_for_a_time(void **state)
{
    (void)state;
    assert_int_equal(ml_strikes_left(&strikes, "192.0.2.1"), 0);
    assert_false(ml_strikes_add(&strikes, "192.0.2.1"));
    assert_false(ml_strikes_add(&strikes, "192.0.2.1"));
    assert_int_equal(ml_strikes_left(&strikes, "192.0.2.1"), 0);
    assert_true(ml_strikes_add(&strikes, "192.0.2.1"));
    assert_in_range(ml_strikes_left(&strikes, "192.0.2.1"), WITHIN - 20, WITHIN);
    assert_false(ml_strikes_add(&strikes, "192.0.2.1")); /* told once */
    assert_int_equal(ml_strikes_left(&strikes, "192.0.2.2"), 0);
    usleep((WITHIN + 5) * 1000);
    assert_int_equal(ml_strikes_left(&strikes, "192.0.2.1"), 0);
    assert_false(ml_strikes_add(&strikes, "192.0.2.1")); /* from the beginning */
    assert_int_equal(ml_strikes_left(&strikes, "192.0.2.1"), 0);
}

/* Who guesses from many addresses pushes out others like them, not those that are locked out. */
static void test_many_sources_do_not_set_one_free(void **state)
{
    char source[32];

    (void)state;
    for (int i = 0; i < MOST; i++)
        ml_strikes_add(&strikes, "192.0.2.1");
    for (int i = 0; i < 2000; i++) {
        snprintf(source, sizeof source, "198.51.%d.%d", i / 250, i % 250);
        ml_strikes_add(&strikes, source);
    }
    assert_true(ml_strikes_left(&strikes, "192.0.2.1") > 0);
}

static void test_a_source_may_be_of_any_length(void **state)
{
    static const char source[] = "2001:0db8:0000:0000:0000:0000:0000:0001%a-rather-long-interface";

    (void)state;
    for (int i = 0; i < MOST; i++)
        ml_strikes_add(&strikes, source);
    assert_true(ml_strikes_left(&strikes, source) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_fails_too_often_is_not_heard_for_a_time, setup),
        cmocka_unit_test_setup(test_many_sources_do_not_set_one_free, setup),
        cmocka_unit_test_setup(test_a_source_may_be_of_any_length, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
