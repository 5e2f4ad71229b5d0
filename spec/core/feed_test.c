/* A media stream against a server that does not read, and one that sends too much. */
#include "fixture.h"

#include <stdlib.h>

#include "core/house/feed.h"
#include "core/net/ws_frame.h"

/* A WebSocket server of one connection that upgrades by hand and then does as it is told. */
struct agent {
    int listener, fd;
    struct ml_io *io;
    struct ml_buf got; /* since the upgrade */
    bool upgraded, reads;
};

static struct agent agent;
static struct ml_http_client *client;
static struct ml_feed *feed;
static bool opened, closed;
static int problems[3];

static void upgrade(void)
{
    char accept[ML_WS_ACCEPT_BYTES], answer[256];
    char *key = strstr(agent.got.p, "Sec-WebSocket-Key: ") + 19;
    int n;

    ml_ws_frame_accept((struct ml_str){key, 24}, accept);
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    assert_int_equal(send(agent.fd, answer, (size_t)n, MSG_NOSIGNAL), n);
    agent.upgraded = true;
    agent.got.n = 0;
    if (!agent.reads)
        ml_io_set(agent.io, 0);
}

static void on_bytes(int fd, int events, void *user)
{
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

    (void)events;
    (void)user;
    if (n <= 0) {
        ml_io_set(agent.io, 0);
        return;
    }
    ml_buf_add(&agent.got, bytes, (size_t)n);
    if (!agent.upgraded && strstr(agent.got.p, "\r\n\r\n"))
        upgrade();
}

static void on_connection(int fd, int events, void *user)
{
    int small = 4096;

    (void)events;
    (void)user;
    agent.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    setsockopt(agent.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ml_io_free(agent.io);
    agent.io = ml_io_new(loop, agent.fd, ML_READ, on_bytes, NULL);
}

static void on_opened(void *user)
{
    (void)user;
    opened = true;
}

static void on_problem(enum ml_feed_problem problem, const char *text, void *user)
{
    (void)user;
    assert_non_null(text);
    problems[problem]++;
}

static void on_closed(const struct ml_websocket_end *end, void *user)
{
    (void)end;
    (void)user;
    closed = true;
}

static void open_feed(bool reads)
{
    static const struct ml_feed_handlers handlers = {on_opened, on_problem, on_closed};
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct ml_feed_options options = {.sid = "MZ1",
                                      .call_sid = "CA1",
                                      .account_sid = "AC1",
                                      .tracks = ML_FORK_INBOUND,
                                      .duplex = true};
    socklen_t length = sizeof at;
    char url[64];

    agent = (struct agent){.reads = reads};
    opened = closed = false;
    memset(problems, 0, sizeof problems);
    agent.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(agent.listener, (void *)&at, sizeof at), 0);
    assert_int_equal(listen(agent.listener, 1), 0);
    assert_int_equal(getsockname(agent.listener, (void *)&at, &length), 0);
    agent.io = ml_io_new(loop, agent.listener, ML_READ, on_connection, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", ntohs(at.sin_port));
    assert_int_equal(ml_http_client_new(loop, NULL, &client, NULL), 0);
    side_meet(&a, ML_PCMU, true);
    options.stream = a.stream;
    options.client = client;
    options.url = url;
    assert_int_equal(ml_feed_open(&options, &handlers, NULL, &feed), 0);
    for (int i = 0; i < 100 && !opened; i++)
        run_ms(loop, 10);
    assert_true(opened);
}

static void close_feed(void)
{
    ml_feed_free(feed);
    run_ms(loop, 3000);
    ml_http_client_free(client);
    ml_io_free(agent.io);
    close(agent.fd);
    close(agent.listener);
    ml_buf_fini(&agent.got);
    run_ms(loop, 10);
}

/* Unmasked, as a server sends it. */
static void say(const char *text, size_t n)
{
    uint8_t header[ML_WS_HEADER_MAX];
    struct ml_ws_frame frame = {.op = ML_WS_TEXT, .final = true, .length = n};
    size_t size = ml_ws_frame_write(header, &frame);

    assert_int_equal(send(agent.fd, header, size, MSG_NOSIGNAL), size);
    assert_int_equal(send(agent.fd, text, n, MSG_NOSIGNAL), n);
    run_ms(loop, 10);
}

static void test_V2_a_slow_server_loses_the_oldest_audio(void **state)
{
    struct ml_feed_counts counts;

    (void)state;
    open_feed(false); /* which ends after a minute: it answers no ping either */
    phone_talk(&a.phone, 1000, 40000);
    run_ms(loop, 40500);
    ml_feed_counts(feed, &counts);
    assert_true(counts.dropped > 500);
    assert_true(counts.sent > 100);
    assert_int_equal(counts.sent + counts.dropped + 199, 2000); /* a ring nearly full waits */
    assert_int_equal(problems[ML_FEED_SLOW], 1);
    assert_false(closed);
    close_feed();
}

static void test_V2_one_that_reads_loses_nothing(void **state)
{
    struct ml_feed_counts counts;

    (void)state;
    open_feed(true);
    phone_talk(&a.phone, 1000, 10000);
    run_ms(loop, 10500);
    ml_feed_counts(feed, &counts);
    assert_int_equal(counts.sent, 500);
    assert_int_equal(counts.dropped, 0);
    assert_int_equal(problems[ML_FEED_SLOW], 0);
    close_feed();
}

static void test_V2_more_than_five_minutes_ahead_is_left_out(void **state)
{
    static const char before[] =
        "{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"";
    struct ml_feed_counts counts;
    struct ml_buf text = {0};

    (void)state;
    open_feed(true);
    ml_buf_str(&text, before);
    for (int i = 0; i < 40000; i++) /* 15 s */
        ml_buf_str(&text, "////");
    ml_buf_str(&text, "\"}}");
    for (int i = 0; i < 25; i++)
        say(text.p, text.n);
    ml_feed_counts(feed, &counts);
    assert_int_equal(counts.received, 25);
    assert_in_range(counts.ignored, 4, 6);
    assert_int_equal(problems[ML_FEED_FULL], 1);
    assert_int_equal(problems[ML_FEED_MESSAGE], 0);
    ml_buf_fini(&text);
    close_feed();
}

/* Everything an attacker's server may send: an answer to none of it, and no harm. */
static void test_V1_garbage(void **state)
{
    static const char *const words[] = {"{",
                                        "}",
                                        "\"event\"",
                                        ":",
                                        "\"media\"",
                                        ",",
                                        "\"streamSid\":\"MZ1\"",
                                        "\"payload\"",
                                        "\"mark\"",
                                        "{\"name\":\"a\"}",
                                        "\"clear\"",
                                        "[",
                                        "]",
                                        "\"\\u0000\"",
                                        "1e9",
                                        "\"AAAA\""};
    struct ml_feed_counts counts;
    unsigned seed = 7;

    (void)state;
    open_feed(true);
    for (int round = 0; round < 2000; round++) {
        struct ml_buf text = {0};

        for (int i = 0; i < 10; i++)
            ml_buf_str(&text, words[rand_r(&seed) % (sizeof words / sizeof *words)]);
        say(text.p, text.n);
        ml_buf_fini(&text);
    }
    say("{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"x\"}}", 54);
    ml_feed_counts(feed, &counts);
    assert_int_equal(counts.received, 2001);
    assert_int_equal(problems[ML_FEED_MESSAGE], 1);
    assert_false(closed);
    close_feed();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_V2_a_slow_server_loses_the_oldest_audio),
        TEST(test_V2_one_that_reads_loses_nothing),
        TEST(test_V2_more_than_five_minutes_ahead_is_left_out),
        TEST(test_V1_garbage),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
