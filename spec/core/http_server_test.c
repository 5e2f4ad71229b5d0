#include "spec/core/net_help.h"

#include <poll.h>

#include "core/net/http_server.h"

static struct ml_http_server *server;
static struct ml_http_call *held; /* the last request, when nobody answers at once */
static bool requested, was_gone;
static int requests;
static char seen_method[16], seen_path[256], seen_query[256], seen_target[256], seen_peer[64];
static struct ml_buf seen_body, seen_headers;
static const char *file_path; /* answered with this file */
static bool hold;

static void on_request(struct ml_http_call *call, const struct ml_http_call_info *info, void *user)
{
    static const char *const headers[] = {"X-One", "1", "Content-Type", "text/plain"};

    (void)user;
    requested = true;
    requests++;
    snprintf(seen_method, sizeof seen_method, "%s", info->method);
    snprintf(seen_path, sizeof seen_path, "%s", info->path);
    snprintf(seen_query, sizeof seen_query, "%s", info->query);
    snprintf(seen_target, sizeof seen_target, "%s", info->target);
    snprintf(seen_peer, sizeof seen_peer, "%s", info->peer);
    seen_body.n = seen_headers.n = 0;
    ml_buf_add(&seen_body, info->body.p, info->body.n);
    for (size_t i = 0; i < info->header_count; i++)
        ml_buf_printf(&seen_headers, "%s=%s;", info->headers[2 * i], info->headers[2 * i + 1]);
    if (hold)
        held = call;
    else if (file_path)
        ml_http_respond_file(call, file_path, "audio/x-wav");
    else
        ml_http_respond(call, 200, headers, 2, ML_STR("hello"));
}

static void on_gone(struct ml_http_call *call, void *user)
{
    (void)user;
    assert_ptr_equal(call, held);
    held = NULL;
    was_gone = true;
}

static const struct ml_http_server_handlers handlers = {on_request, on_gone};

static void serve(const struct ml_http_server_options *given)
{
    struct ml_http_server_options options = given ? *given : (struct ml_http_server_options){0};
    struct ml_fault fault;

    options.address = "127.0.0.1";
    requested = was_gone = hold = false;
    requests = 0;
    held = NULL;
    file_path = NULL;
    if (ml_http_server_new(loop, &options, &handlers, NULL, &server, &fault) != ML_OK)
        fail_msg("%s", fault.text);
    assert_true(ml_http_server_port(server) > 0);
    assert_true(ml_http_server_has_port(ml_http_server_port(server)));
}

static void end(struct peer *peer)
{
    if (peer)
        peer_close(peer);
    ml_http_server_free(server);
    ml_buf_fini(&seen_body);
    ml_buf_fini(&seen_headers);
}

static void ask(struct peer *peer, const char *text)
{
    peer_connect(peer, ml_http_server_port(server));
    peer_send(peer, text);
}

static void test_a_request_is_handed_over_whole(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    ask(&peer, "POST /a%20b/%2e%2E?x=%20&y HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\n"
               "Content-Length: 4\r\n\r\nbo");
    run_for(10);
    assert_false(requested);
    peer_send(&peer, "dy");
    peer_expect(&peer, "hello");
    assert_string_equal(seen_method, "POST");
    assert_string_equal(seen_path, "/a b/..");
    assert_string_equal(seen_query, "x=%20&y");
    assert_string_equal(seen_target, "/a%20b/%2e%2E?x=%20&y");
    assert_string_equal(seen_body.p, "body");
    assert_non_null(strstr(seen_headers.p, "Host=h;X-A=1;X-A=2;"));
    assert_memory_equal(seen_peer, "127.0.0.1:", 10);
    assert_non_null(strstr(peer.got.p, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(peer.got.p, "X-One: 1\r\n"));
    assert_non_null(strstr(peer.got.p, "Content-Length: 5\r\n"));
    end(&peer);
}

static void test_connections_are_kept(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    ask(&peer, "GET /one HTTP/1.1\r\nHost: h\r\n\r\nGET /two HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_expect(&peer, "hello");
    run_for(20);
    assert_int_equal(requests, 2);
    assert_string_equal(seen_path, "/two");
    assert_string_equal(seen_query, "");
    peer_send(&peer, "GET http://other/three?q HTTP/1.1\r\nHost: h\r\n\r\n");
    run_for(20);
    assert_string_equal(seen_path, "/three");
    assert_string_equal(seen_query, "q");
    end(&peer);
}

static void test_head_has_no_body(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    ask(&peer, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    peer_expect_close(&peer);
    assert_non_null(strstr(peer.got.p, "Content-Length: 5\r\n"));
    assert_null(strstr(peer.got.p, "hello"));
    end(&peer);
}

static void test_an_answer_may_come_later(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    run_for(30);
    ml_http_respond(held, 204, NULL, 0, ML_STR(""));
    peer_expect(&peer, "204 No Content");
    assert_false(was_gone);
    end(&peer);
}

static void test_a_client_that_leaves_is_told(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    peer_close(&peer);
    wait_for(&was_gone);
    end(NULL);
}

static void test_freeing_with_open_requests(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    end(NULL);
    assert_true(was_gone);
    peer_expect_close(&peer);
    peer_close(&peer);
}

static void free_in_handler(struct ml_http_call *call, const struct ml_http_call_info *info,
                            void *user)
{
    (void)info;
    (void)user;
    ml_http_respond(call, 200, NULL, 0, ML_STR("last"));
    requested = true;
    ml_http_server_free(server);
}

static void test_the_server_may_be_freed_by_its_handler(void **state)
{
    const struct ml_http_server_handlers own = {free_in_handler, on_gone};
    struct ml_http_server_options options = {.address = "127.0.0.1"};
    struct peer peer;

    (void)state;
    assert_int_equal(ml_http_server_new(loop, &options, &own, NULL, &server, NULL), ML_OK);
    requested = false;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    peer_expect_close(&peer);
    peer_close(&peer);
}

static void refused(const char *request, const char *status)
{
    struct peer peer;

    ask(&peer, request);
    peer_expect(&peer, status);
    peer_close(&peer);
}

static void test_bad_requests_do_not_reach_the_handler(void **state)
{
    struct ml_http_server_options options = {.max_body = 10};
    struct ml_buf big = {0};

    (void)state;
    serve(&options);
    refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", " 413 ");
    refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
            " 413 ");
    refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            " 400 ");
    refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            " 400 ");
    refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", " 4");
    refused("GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", " 400 ");
    ml_buf_str(&big, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 4000; i++)
        ml_buf_str(&big, "0123456789");
    ml_buf_str(&big, "\r\n\r\n");
    refused(big.p, " 431 ");
    ml_buf_fini(&big);
    assert_false(requested);
    end(NULL);
}

static void test_a_slow_client_is_cut(void **state)
{
    struct ml_http_server_options options = {.header_timeout_ms = 60};
    struct peer peer;
    int64_t begun = ml_clock_ms();

    (void)state;
    serve(&options);
    ask(&peer, "GET / HTTP/1.1\r\nHost:");
    for (int i = 0; i < 100 && !peer.closed; i++) {
        run_for(20);
        send(peer.fd, "x", 1, MSG_NOSIGNAL); /* never silent, never done */
    }
    assert_true(peer.closed);
    assert_true(ml_clock_ms() - begun < 1500);
    assert_false(requested);
    end(&peer);
}

static void test_a_body_that_stays_out_is_cut(void **state)
{
    struct ml_http_server_options options = {.header_timeout_ms = 50};
    struct peer peer;

    (void)state;
    serve(&options);
    ask(&peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nb");
    peer_expect_close(&peer);
    assert_false(requested);
    end(&peer);
}

/* Asks, and reads so many bytes of the answer each 20 ms, for 1.2 s or until it is cut. */
static void ask_and_read(struct peer *peer, size_t pace)
{
    char bytes[8192];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ml_http_server_port(server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (void *)&to, sizeof to), 0);
    peer_open(peer, fd);
    ml_io_set(peer->io, 0);
    peer_send(peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 60 && !peer->closed; i++) {
        struct pollfd state = {.fd = fd, .events = POLLRDHUP};

        run_for(20);
        peer->closed = poll(&state, 1, 0) > 0 || recv(fd, bytes, pace, MSG_DONTWAIT) == 0;
    }
}

static void test_an_answer_must_be_taken(void **state)
{
    struct ml_http_server_options options = {.header_timeout_ms = 100};
    struct peer slow, steady;
    char *path = ml_strdup("/tmp/ml-http-XXXXXX");
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(ftruncate(fd, 64 << 20), 0);
    serve(&options);
    file_path = path;
    ask_and_read(&steady, 8192); /* 40 KB in the time that asks for 5 */
    assert_false(steady.closed);
    ask_and_read(&slow, 5); /* never silent, and no end to be seen */
    assert_true(slow.closed);
    peer_close(&slow);
    end(&steady);
    close(fd);
    unlink(path);
    ml_free(path);
}

static void test_one_source_does_not_take_all_connections(void **state)
{
    struct ml_http_server_options options = {.max_per_source = 3};
    struct peer peers[4], fresh;

    (void)state;
    serve(&options);
    for (int i = 0; i < 4; i++)
        peer_connect(&peers[i], ml_http_server_port(server));
    peer_expect_close(&peers[3]);
    peer_send(&peers[2], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_expect(&peers[2], "hello");
    for (int i = 0; i < 4; i++)
        peer_close(&peers[i]);
    run_for(20);
    ask(&fresh, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_expect(&fresh, "hello");
    end(&fresh);
}

static void test_wrong_credentials_are_counted_by_address(void **state)
{
    struct peer one, other;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&one, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    for (int i = 0; i < 19; i++)
        ml_http_call_strike(held);
    assert_int_equal(ml_http_call_locked(held), 0);
    ml_http_call_strike(held);
    assert_in_range(ml_http_call_locked(held), 59, 60);
    ml_http_respond(held, 401, NULL, 0, ML_STR(""));
    peer_expect(&one, " 401 ");
    requested = false;
    ask(&other, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); /* another port, the same address */
    wait_for(&requested);
    assert_in_range(ml_http_call_locked(held), 59, 60);
    ml_http_respond(held, 429, NULL, 0, ML_STR(""));
    peer_expect(&other, " 429 ");
    peer_close(&one);
    end(&other);
}

static char *write_file(const char *text)
{
    char *path = ml_strdup("/tmp/ml-http-XXXXXX");
    int fd = mkstemp(path);

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void fetch_range(const char *range, const char *status, const char *content_range,
                        const char *body)
{
    struct peer peer;
    char request[256];

    snprintf(request, sizeof request,
             "GET /f HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s%s%s\r\n",
             range ? "Range: " : "", range ? range : "", range ? "\r\n" : "");
    ask(&peer, request);
    peer_expect_close(&peer);
    if (!strstr(peer.got.p, status) || !strstr(peer.got.p, content_range) ||
        strcmp(strstr(peer.got.p, "\r\n\r\n") + 4, body) != 0)
        fail_msg("%s: got %s", range ? range : "all", peer.got.p);
    peer_close(&peer);
}

static void test_files_and_ranges(void **state)
{
    char *path = write_file("0123456789");

    (void)state;
    serve(NULL);
    file_path = path;
    fetch_range(NULL, " 200 ", "Content-Type: audio/x-wav", "0123456789");
    fetch_range("bytes=2-4", " 206 ", "Content-Range: bytes 2-4/10", "234");
    fetch_range("bytes=7-", " 206 ", "Content-Range: bytes 7-9/10", "789");
    fetch_range("bytes=-3", " 206 ", "Content-Range: bytes 7-9/10", "789");
    fetch_range("bytes=-30", " 206 ", "Content-Range: bytes 0-9/10", "0123456789");
    fetch_range("bytes=5-900", " 206 ", "Content-Range: bytes 5-9/10", "56789");
    fetch_range("bytes=10-", " 416 ", "Content-Range: bytes */10", "");
    fetch_range("bytes=-0", " 416 ", "Content-Range: bytes */10", "");
    fetch_range("bytes=4-2", " 200 ", "", "0123456789");
    fetch_range("bytes=0-0,2-3", " 200 ", "", "0123456789");
    fetch_range("lines=1-2", " 200 ", "", "0123456789");
    fetch_range("bytes=99999999999999999999-", " 200 ", "", "0123456789");
    assert_int_equal(truncate(path, 0), 0);
    fetch_range("bytes=0-", " 416 ", "Content-Range: bytes */0", "");
    fetch_range(NULL, " 200 ", "Content-Length: 0", "");
    unlink(path);
    fetch_range(NULL, " 404 ", "", "");
    file_path = "/tmp";
    fetch_range(NULL, " 404 ", "", "");
    ml_free(path);
    end(NULL);
}

static void test_an_answer_in_pieces(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    ml_http_respond_begin(held, 200, NULL, 0);
    peer_expect(&peer, "Transfer-Encoding: chunked");
    ml_http_respond_write(held, ML_STR("one"));
    peer_expect(&peer, "one");
    run_for(20);
    ml_http_respond_write(held, ML_STR("two"));
    peer_expect(&peer, "two");
    ml_http_respond_end(held);
    peer_expect(&peer, "0\r\n\r\n");
    end(&peer);
}

static void test_an_answer_cut_short(void **state)
{
    static const char *const headers[] = {"Content-Length", "100"};
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    ml_http_respond_begin(held, 200, headers, 1);
    ml_http_respond_write(held, ML_STR("short"));
    ml_http_respond_end(held);
    peer_expect_close(&peer);
    assert_non_null(strstr(peer.got.p, "Content-Length: 100"));
    assert_non_null(strstr(peer.got.p, "short"));
    end(&peer);
}

static void test_dropping(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    ml_http_respond_drop(held);
    peer_expect_close(&peer);
    assert_null(peer.got.p);
    peer_close(&peer);
    requested = false;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    ml_http_respond_begin(held, 200, NULL, 0);
    peer_expect(&peer, "200 OK");
    ml_http_respond_drop(held);
    peer_expect_close(&peer);
    assert_false(was_gone);
    end(&peer);
}

static void test_leaving_in_the_middle_of_a_stream(void **state)
{
    struct peer peer;

    (void)state;
    serve(NULL);
    hold = true;
    ask(&peer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(&requested);
    ml_http_respond_begin(held, 200, NULL, 0);
    peer_expect(&peer, "200 OK");
    peer_close(&peer);
    wait_for(&was_gone);
    end(NULL);
}

static void test_what_cannot_be_opened(void **state)
{
    struct ml_http_server_options options = {.address = "127.0.0.1"};
    struct ml_http_server *second = NULL;
    struct ml_fault fault;
    char *junk = write_file("not a certificate");

    (void)state;
    serve(NULL);
    options.port = ml_http_server_port(server);
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &second, &fault), ML_ENET);
    assert_non_null(strstr(fault.text, "cannot listen on 127.0.0.1 port"));
    options.address = "somewhere";
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &second, &fault),
                     ML_EINVAL);
    options.address = "127.0.0.1";
    options.port = 0;
    options.certificate_file = junk;
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &second, &fault),
                     ML_EINVAL);
    options.key_file = junk;
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &second, &fault), ML_ETLS);
    options.key_file = "/nowhere/key.pem";
    assert_int_equal(ml_http_server_new(loop, &options, &handlers, NULL, &second, &fault), ML_EIO);
    assert_null(second);
    unlink(junk);
    ml_free(junk);
    end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_handed_over_whole),
        TEST(test_connections_are_kept),
        TEST(test_head_has_no_body),
        TEST(test_an_answer_may_come_later),
        TEST(test_a_client_that_leaves_is_told),
        TEST(test_freeing_with_open_requests),
        TEST(test_the_server_may_be_freed_by_its_handler),
        TEST(test_bad_requests_do_not_reach_the_handler),
        TEST(test_a_slow_client_is_cut),
        TEST(test_a_body_that_stays_out_is_cut),
        TEST(test_an_answer_must_be_taken),
        TEST(test_one_source_does_not_take_all_connections),
        TEST(test_wrong_credentials_are_counted_by_address),
        TEST(test_files_and_ranges),
        TEST(test_an_answer_in_pieces),
        TEST(test_an_answer_cut_short),
        TEST(test_dropping),
        TEST(test_leaving_in_the_middle_of_a_stream),
        TEST(test_what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
