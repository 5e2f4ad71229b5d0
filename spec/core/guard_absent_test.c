/* A program that libsofia does not find the guard in: linked with the hook hidden (see
 * spec/CMakeLists.txt). It must not serve. */
#include "sip_help.h"

#include "core/sip/guard.h"

static void a_build_without_the_guard_does_not_serve(void **state)
{
    static const char *const listen[] = {"udp:127.0.0.1:0"};
    struct ml_agent_options options = {.listen = listen, .listen_count = 1};
    struct ml_agent *agent = NULL;
    struct ml_fault fault = {0};
    struct box box = {0};

    (void)state;
    for (int i = 0; i < 2; i++) { /* nor the second time */
        assert_int_equal(ml_agent_new(loop, &options, &box_handlers, &box, &agent, &fault),
                         ML_ESTATE);
        assert_null(agent);
        assert_non_null(strstr(fault.text, "the guard before the SIP parser does not stand"));
        assert_non_null(strstr(fault.text, "msg_extract"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_build_without_the_guard_does_not_serve)};

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
