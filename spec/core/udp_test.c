/* Two sockets of one process tell each other something. */
#include "spec/core/net_help.h"

#include "core/net/udp.h"

static struct ml_buf heard;
static char from_address[64];
static uint16_t from_port;
static bool came;

static void on_datagram(struct ml_str bytes, const char *address, uint16_t port, void *user)
{
    (void)user;
    ml_buf_add(&heard, bytes.p, bytes.n);
    snprintf(from_address, sizeof from_address, "%s", address);
    from_port = port;
    came = true;
}

static void exchange(const char *address)
{
    struct ml_udp *one = NULL, *two = NULL;

    came = false;
    assert_int_equal(ml_udp_new(loop, address, 0, on_datagram, NULL, &one, NULL), ML_OK);
    assert_int_equal(ml_udp_new(loop, address, 0, on_datagram, NULL, &two, NULL), ML_OK);
    assert_int_not_equal(ml_udp_port(one), 0);
    assert_int_not_equal(ml_udp_port(one), ml_udp_port(two));
    assert_int_equal(ml_udp_send(one, address, ml_udp_port(two), ML_STR("a\0b")), ML_OK);
    wait_for(&came);
    assert_int_equal(heard.n, 3);
    assert_memory_equal(heard.p, "a\0b", 3);
    assert_string_equal(from_address, address);
    assert_int_equal(from_port, ml_udp_port(one));
    ml_buf_fini(&heard);
    ml_udp_free(one);
    ml_udp_free(two);
}

static void test_a_datagram_arrives_as_it_was_sent(void **state)
{
    (void)state;
    exchange("127.0.0.1");
}

static void test_what_is_no_address_is_refused(void **state)
{
    struct ml_fault fault = {0};
    struct ml_udp *udp = NULL, *twin = NULL;

    (void)state;
    assert_int_equal(ml_udp_new(loop, "localhost", 0, on_datagram, NULL, &udp, &fault), ML_EINVAL);
    assert_non_null(strstr(fault.text, "localhost"));
    assert_null(udp);
    assert_int_equal(ml_udp_new(loop, "127.0.0.1", 0, on_datagram, NULL, &udp, &fault), ML_OK);
    assert_int_equal(
        ml_udp_new(loop, "127.0.0.1", ml_udp_port(udp), on_datagram, NULL, &twin, &fault), ML_ENET);
    assert_int_equal(ml_udp_send(udp, "nobody", 9, ML_STR("x")), ML_EINVAL);
    ml_udp_free(udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_datagram_arrives_as_it_was_sent, loop_setup,
                                        loop_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_address_is_refused, loop_setup,
                                        loop_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
