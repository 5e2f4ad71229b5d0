#include "fixture.h"

#include "core/media/ports.h"

static struct ml_endpoint address;

static int find_address(void **state)
{
    (void)state;
    return ml_endpoint_set(&address, "127.0.0.1", 0) ? 0 : -1;
}

/* A range of some pairs that nobody uses now. */
static uint16_t free_range(void)
{
    struct ml_ports *any;
    struct ml_port_pair pair;
    struct ml_fault fault;
    uint16_t port;

    assert_int_equal(ml_ports_new(0, 0, &any, &fault), 0);
    do {
        assert_int_equal(ml_ports_take(any, &address, &pair, &fault), 0);
        port = pair.port;
        ml_ports_give(any, &pair);
    } while (port > 60000);
    ml_ports_free(any);
    return port;
}

static void test_OS7_range_used_up_is_a_fault_with_a_reason(void **state)
{
    struct ml_ports *ports;
    struct ml_port_pair pairs[2], third;
    struct ml_fault fault;
    uint16_t min = free_range();

    (void)state;
    assert_int_equal(ml_ports_new(min, (uint16_t)(min + 3), &ports, &fault), 0);
    assert_int_equal(ml_ports_take(ports, &address, &pairs[0], &fault), 0);
    assert_int_equal(ml_ports_take(ports, &address, &pairs[1], &fault), 0);
    assert_int_equal(pairs[0].port + pairs[1].port, 2 * min + 2);
    assert_int_equal(ml_ports_take(ports, &address, &third, &fault), ML_ELIMIT);
    assert_non_null(strstr(fault.text, "in use"));
    ml_ports_give(ports, &pairs[0]);
    ml_ports_give(ports, &pairs[1]);
    ml_ports_free(ports);
}

static void test_a_freed_pair_rests_thirty_seconds(void **state)
{
    struct ml_ports *ports;
    struct ml_port_pair pair;
    struct ml_fault fault;
    uint16_t min = free_range();

    (void)state;
    assert_int_equal(ml_loop_new(&loop), 0);
    assert_int_equal(ml_ports_new((uint16_t)(min - 1), (uint16_t)(min + 1), &ports, &fault), 0);
    assert_int_equal(ml_ports_take(ports, &address, &pair, &fault), 0);
    assert_int_equal(pair.port, min); /* made even */
    ml_ports_give(ports, &pair);
    assert_int_equal(ml_ports_take(ports, &address, &pair, &fault), ML_ELIMIT);
    run_ms(loop, 29000);
    assert_int_equal(ml_ports_take(ports, &address, &pair, &fault), ML_ELIMIT);
    run_ms(loop, 1500);
    assert_int_equal(ml_ports_take(ports, &address, &pair, &fault), 0);
    ml_ports_give(ports, &pair);
    ml_ports_free(ports);
    ml_loop_free(loop);
}

static void test_ports_that_others_hold_are_passed_over(void **state)
{
    struct ml_ports *ports, *others;
    struct ml_port_pair first, second;
    struct ml_fault fault;
    uint16_t min = free_range();

    (void)state;
    assert_int_equal(ml_ports_new(min, (uint16_t)(min + 1), &others, &fault), 0);
    assert_int_equal(ml_ports_take(others, &address, &first, &fault), 0);
    assert_int_equal(ml_ports_new(min, (uint16_t)(min + 3), &ports, &fault), 0);
    assert_int_equal(ml_ports_take(ports, &address, &second, &fault), 0);
    assert_int_equal(second.port, min + 2);
    ml_ports_give(ports, &second);
    ml_ports_give(others, &first);
    ml_ports_free(ports);
    ml_ports_free(others);
}

static void test_bad_ranges_are_refused(void **state)
{
    struct ml_ports *ports;
    struct ml_fault fault;

    (void)state;
    assert_int_equal(ml_ports_new(5000, 4000, &ports, &fault), ML_EINVAL);
    assert_int_equal(ml_ports_new(5001, 5002, &ports, &fault), ML_EINVAL);
    assert_int_equal(ml_ports_new(65535, 65535, &ports, &fault), ML_EINVAL);
    assert_int_equal(ml_mem_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_OS7_range_used_up_is_a_fault_with_a_reason),
        cmocka_unit_test(test_a_freed_pair_rests_thirty_seconds),
        cmocka_unit_test(test_ports_that_others_hold_are_passed_over),
        cmocka_unit_test(test_bad_ranges_are_refused),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, find_address, NULL);
}
