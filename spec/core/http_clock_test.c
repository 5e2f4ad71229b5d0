/* Our HTTP client against our HTTP server in virtual time. */
#include "spec/core/net_help.h"

#include "core/base/clock_priv.h"
#include "core/net/child.h"
#include "core/net/http_client.h"
#include "core/net/http_server.h"

static struct ml_http_client *client;
static struct ml_http_server *server;
static struct ml_http_call *held;
static struct ml_timer *later;
static int64_t delay;
static bool done;
static enum ml_http_failure failure;

static void respond(void *user)
{
    (void)user;
    ml_http_respond(held, 200, NULL, 0, ML_STR("hello"));
}

static void on_request(struct ml_http_call *call, const struct ml_http_call_info *info, void *user)
{
    (void)info;
    (void)user;
    held = call;
    if (delay)
        ml_timer_set(later, delay);
    else
        respond(NULL);
}

static void on_gone(struct ml_http_call *call, void *user)
{
    (void)call;
    (void)user;
    ml_timer_stop(later);
}

static void open_both(void)
{
    static const struct ml_http_server_handlers handlers = {on_request, on_gone};
    struct ml_http_server_options options = {.address = "127.0.0.1"};

    later = ml_timer_new(loop, respond, NULL);
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &server, NULL), ML_OK);
    assert_int_equal(ml_http_client_new(loop, NULL, &client, NULL), ML_OK);
}

static void close_both(void)
{
    ml_http_client_free(client);
    ml_http_server_free(server);
    ml_timer_free(later);
}

static void on_done(const struct ml_http_response *response, void *user)
{
    (void)user;
    done = true;
    failure = response->failure;
}

static int64_t fetch(uint16_t port, int timeout_ms)
{
    char url[64];
    struct ml_http_request request = {.method = "GET", .url = url, .timeout_ms = timeout_ms};
    struct ml_timer *limit = ml_timer_new(loop, stop_loop, NULL);
    int64_t begun = ml_clock_ms();

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    done = false;
    assert_int_equal(ml_http_fetch(client, &request, on_done, NULL, NULL), ML_OK);
    ml_timer_set(limit, 3600 * 1000);
    awaited = &done;
    ml_loop_on_turn(loop, stop_when_true, NULL);
    ml_loop_run(loop);
    ml_loop_on_turn(loop, NULL, NULL);
    ml_timer_free(limit);
    assert_true(done);
    return ml_clock_ms() - begun;
}

static void test_an_exchange_takes_no_virtual_time(void **state)
{
    (void)state;
    open_both();
    delay = 0;
    for (int i = 0; i < 300; i++) {
        int64_t took = fetch(ml_http_server_port(server), 0);

        assert_int_equal(failure, ML_HTTP_OK);
        if (took > 5)
            fail_msg("exchange %d took %d ms", i, (int)took);
    }
    close_both();
}

static void test_a_slow_answer_takes_its_time(void **state)
{
    int64_t real = ml_clock_real_ns(), took;

    (void)state;
    open_both();
    delay = 60 * 1000;
    took = fetch(ml_http_server_port(server), 100 * 1000);
    assert_int_equal(failure, ML_HTTP_OK);
    assert_true(took >= delay && took < delay + 10);
    took = fetch(ml_http_server_port(server), 0);
    assert_int_equal(failure, ML_HTTP_TIME);
    assert_true(took >= 15000 && took < 15010);
    assert_true(ml_clock_real_ns() - real < INT64_C(3000000000));
    close_both();
}

static void on_child(const struct ml_child_result *result, void *user)
{
    (void)user;
    done = !result->timed_out && result->status == 0;
    ml_loop_stop(loop);
}

/* The clock cannot see what another process does: it stands still meanwhile. */
static void test_time_stands_still_for_a_child(void **state)
{
    const char *argv[] = {"sleep", "0.1", NULL};
    struct ml_child_options options = {.argv = argv, .timeout_ms = 50};
    int64_t begun = ml_clock_ms();

    (void)state;
    done = false;
    assert_int_equal(ml_child_spawn(loop, &options, on_child, NULL, NULL, NULL), ML_OK);
    ml_loop_run(loop);
    assert_true(done);
    assert_int_equal(ml_clock_ms(), begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_exchange_takes_no_virtual_time),
        TEST(test_a_slow_answer_takes_its_time),
        TEST(test_time_stands_still_for_a_child),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
