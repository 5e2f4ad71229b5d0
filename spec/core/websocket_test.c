/* WebSocket: frames as bytes, client against server, and against peers that break every rule. */
#include "spec/core/net_help.h"

#include "core/net/websocket.h"
#include "core/net/ws_frame.h"

/* One end of a connection and what it was told. */
struct end {
    struct ml_websocket *websocket;
    struct ml_buf got; /* messages, each followed by '|' */
    int messages;
    bool opened, heard, over, echoes, frees;
    struct ml_websocket_end why;
    char text[200];
};

static struct ml_http_client *client;
static struct ml_http_server *server;
static struct end ours, theirs;
static bool asked;

static void on_opened(void *user)
{
    ((struct end *)user)->opened = true;
}

static void on_message(bool text, struct ml_str message, void *user)
{
    struct end *end = user;

    ml_buf_add(&end->got, message.p, message.n);
    ml_buf_add(&end->got, "|", 1);
    end->messages++;
    end->heard = true;
    if (end->echoes)
        ml_websocket_send(end->websocket, text, message);
    if (end->frees) {
        ml_websocket_free(end->websocket);
        end->websocket = NULL;
    }
}

static void on_closed(const struct ml_websocket_end *why, void *user)
{
    struct end *end = user;

    end->why = *why;
    snprintf(end->text, sizeof end->text, "%s", why->text);
    end->over = true;
}

static const struct ml_websocket_handlers handlers = {on_opened, on_message, NULL, on_closed};

static void on_request(struct ml_http_call *call, const struct ml_http_call_info *info, void *user)
{
    (void)user;
    asked = true;
    if (strcmp(info->path, "/none") == 0)
        ml_http_respond(call, 404, NULL, 0, ML_STR("no such page"));
    else if (strcmp(info->path, "/moved") == 0)
        ml_http_respond(call, 302, (const char *const[]){"Location", "/ws"}, 1, ML_STR(""));
    else if (ml_websocket_accept(call, &handlers, &theirs, &theirs.websocket) != ML_OK)
        ml_http_respond(call, 400, NULL, 0, ML_STR("not a WebSocket"));
}

static void on_gone(struct ml_http_call *call, void *user)
{
    (void)call;
    (void)user;
}

static void open_server(void)
{
    static const struct ml_http_server_handlers on = {on_request, on_gone};
    struct ml_http_server_options options = {.address = "127.0.0.1"};

    ours = (struct end){0};
    theirs = (struct end){.echoes = true};
    asked = false;
    assert_int_equal(ml_http_server_new(loop, &options, &on, NULL, &server, NULL), ML_OK);
    assert_int_equal(ml_http_client_new(loop, NULL, &client, NULL), ML_OK);
}

static void connect_with(struct ml_websocket_options options, uint16_t port, const char *path)
{
    char url[200];

    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", port, path);
    options.url = url;
    assert_int_equal(ml_websocket_connect(client, &options, &handlers, &ours, &ours.websocket),
                     ML_OK);
}

static void connect_to(uint16_t port, const char *path)
{
    connect_with((struct ml_websocket_options){0}, port, path);
}

static void open_both(void)
{
    open_server();
    connect_to(ml_http_server_port(server), "/ws");
    wait_for(&ours.opened);
}

static void close_all(void)
{
    ml_websocket_free(ours.websocket);
    ml_websocket_free(theirs.websocket);
    ml_http_client_free(client);
    ml_http_server_free(server);
    ml_buf_fini(&ours.got);
    ml_buf_fini(&theirs.got);
}

/* ---- frames ---- */

static int read_frame(const char *bytes, size_t n, struct ml_ws_frame *frame)
{
    return ml_ws_frame_read((const uint8_t *)bytes, n, frame);
}

static void test_frames_are_written_and_read(void **state)
{
    static const uint64_t lengths[] = {0, 1, 125, 126, 65535, 65536, 1u << 20};
    uint8_t bytes[ML_WS_HEADER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int masked = 0; masked < 2; masked++) {
            struct ml_ws_frame out = {.op = ML_WS_BINARY,
                                      .final = true,
                                      .masked = masked,
                                      .mask = {1, 2, 3, 4},
                                      .length = lengths[i]},
                               in = {0};
            size_t n = ml_ws_frame_write(bytes, &out);

            for (size_t part = 0; part < n; part++)
                assert_int_equal(ml_ws_frame_read(bytes, part, &in), 0);
            assert_int_equal(ml_ws_frame_read(bytes, n, &in), n);
            assert_int_equal(in.length, lengths[i]);
            assert_int_equal(in.masked, masked);
            assert_int_equal(in.op, ML_WS_BINARY);
        }
    }
}

static void test_frames_that_are_none(void **state)
{
    struct ml_ws_frame frame;

    (void)state;
    assert_int_equal(read_frame("\xc1\x00", 2, &frame), ML_EPARSE);         /* RSV1 */
    assert_int_equal(read_frame("\x83\x00", 2, &frame), ML_EPARSE);         /* opcode 3 */
    assert_int_equal(read_frame("\x8b\x00", 2, &frame), ML_EPARSE);         /* opcode 11 */
    assert_int_equal(read_frame("\x08\x00", 2, &frame), ML_EPARSE);         /* close in pieces */
    assert_int_equal(read_frame("\x89\x7e\x00\x7e", 4, &frame), ML_EPARSE); /* long ping */
    assert_int_equal(read_frame("\x81\x7e\x00\x05", 4, &frame), ML_EPARSE); /* not the shortest */
    assert_int_equal(read_frame("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 10, &frame), ML_EPARSE);
    assert_int_equal(read_frame("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10, &frame), ML_EPARSE);
}

static void test_utf8_and_close_codes(void **state)
{
    static const char *const bad[] = {"\x80",         "\xc0\xaf",         "\xe0\x80\x80",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
                                      "a\xe2\x82"};

    (void)state;
    assert_true(ml_ws_frame_is_utf8(ML_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ml_ws_frame_is_utf8(ml_str(bad[i])));
    assert_true(ml_ws_frame_is_close_code(1000));
    assert_true(ml_ws_frame_is_close_code(4999));
    assert_false(ml_ws_frame_is_close_code(1005));
    assert_false(ml_ws_frame_is_close_code(1006));
    assert_false(ml_ws_frame_is_close_code(2999));
}

static void test_accept_of_the_rfc(void **state)
{
    char accept[ML_WS_ACCEPT_BYTES];

    (void)state;
    ml_ws_frame_accept(ML_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455 1.3 */
}

/* ---- client and server ---- */

static void test_messages_go_both_ways(void **state)
{
    (void)state;
    open_both();
    ml_websocket_send(ours.websocket, true, ML_STR("one"));
    ml_websocket_send(ours.websocket, true, ML_STR(""));
    ml_websocket_send(ours.websocket, true, ML_STR("three"));
    while (ours.messages < 3) {
        ours.heard = false;
        wait_for(&ours.heard);
    }
    assert_string_equal(ours.got.p, "one||three|");
    assert_string_equal(theirs.got.p, "one||three|");
    ml_websocket_close(ours.websocket, 1000, "enough");
    wait_for(&ours.over);
    wait_for(&theirs.over);
    assert_int_equal(theirs.why.why, ML_WS_CLOSED);
    assert_int_equal(theirs.why.code, 1000);
    assert_string_equal(theirs.text, "enough");
    assert_int_equal(ours.why.why, ML_WS_CLOSED);
    close_all();
}

static void test_a_long_message_is_one_message(void **state)
{
    struct ml_buf text = {0};

    (void)state;
    open_both();
    for (int i = 0; i < 50000; i++)
        ml_buf_add(&text, "0123456789", 10);
    ml_websocket_send(ours.websocket, true, (struct ml_str){text.p, text.n});
    wait_for(&ours.heard);
    assert_int_equal(ours.messages, 1);
    assert_int_equal(ours.got.n, text.n + 1);
    assert_memory_equal(ours.got.p, text.p, text.n);
    ml_buf_fini(&text);
    close_all();
}

static void test_the_server_closes(void **state)
{
    (void)state;
    open_both();
    run_for(20);
    ml_websocket_close(theirs.websocket, 4001, "later");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_CLOSED);
    assert_int_equal(ours.why.code, 4001);
    assert_string_equal(ours.text, "later");
    close_all();
}

static void test_what_is_freed_is_lost_to_the_other(void **state)
{
    (void)state;
    open_both();
    run_for(20);
    ml_websocket_free(theirs.websocket);
    theirs.websocket = NULL;
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_LOST);
    close_all();
}

static void test_freed_from_within_a_message(void **state)
{
    (void)state;
    open_both();
    ours.frees = true;
    ml_websocket_send(ours.websocket, true, ML_STR("a"));
    ml_websocket_send(ours.websocket, true, ML_STR("b"));
    wait_for(&ours.heard);
    wait_for(&theirs.over);
    assert_int_equal(ours.messages, 1);
    close_all();
}

static void test_client_and_server_may_go_first(void **state)
{
    (void)state;
    open_both();
    ml_http_client_free(client);
    client = NULL;
    assert_true(ours.over);
    assert_int_equal(ours.why.failure, ML_HTTP_CANCELED);
    run_for(20);
    close_all();
    open_both();
    ml_http_server_free(server);
    server = NULL;
    assert_true(theirs.over);
    wait_for(&ours.over);
    close_all();
}

static void test_freed_before_it_is_open(void **state)
{
    (void)state;
    open_server();
    connect_to(ml_http_server_port(server), "/ws");
    ml_websocket_free(ours.websocket);
    ours.websocket = NULL;
    run_for(50);
    connect_to(ml_http_server_port(server), "/ws");
    wait_for(&asked);
    ml_websocket_free(theirs.websocket); /* the 101 may not be out yet */
    theirs.websocket = NULL;
    wait_for(&ours.over);
    close_all();
}

/* ---- refused ---- */

static void test_answers_other_than_101(void **state)
{
    (void)state;
    open_server();
    connect_to(ml_http_server_port(server), "/none");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_STATUS);
    assert_int_equal(ours.why.status, 404);
    ml_websocket_free(ours.websocket);
    ours = (struct end){0};
    connect_to(ml_http_server_port(server), "/moved"); /* and nobody follows */
    wait_for(&ours.over);
    assert_int_equal(ours.why.status, 302);
    close_all();
}

static void test_no_upgrade_is_no_websocket(void **state)
{
    struct peer peer;

    (void)state;
    open_server();
    peer_connect(&peer, ml_http_server_port(server));
    peer_send(&peer, "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    peer_expect(&peer, "400 Bad Request");
    peer_close(&peer);
    close_all();
}

static void test_refused_by_the_rules(void **state)
{
    static const char *const nets[] = {"127.0.0.0/8"};
    struct ml_http_client_options options = {.deny = nets, .deny_count = 1};

    (void)state;
    open_server();
    ml_http_client_refuse_own(client, "127.0.0.1", ml_http_server_port(server));
    connect_to(ml_http_server_port(server), "/ws");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_CONNECT);
    assert_int_equal(ours.why.failure, ML_HTTP_DENIED);
    ml_websocket_free(ours.websocket);
    ml_http_client_free(client);
    assert_int_equal(ml_http_client_new(loop, &options, &client, NULL), ML_OK);
    ours = (struct end){0};
    connect_to(ml_http_server_port(server), "/ws");
    wait_for(&ours.over);
    assert_int_equal(ours.why.failure, ML_HTTP_DENIED);
    assert_false(asked);
    close_all();
}

static void test_nobody_listens(void **state)
{
    struct listener listener;

    (void)state;
    open_server();
    listener_open(&listener, NULL, false);
    listener_close(&listener);
    connect_to(listener.port, "/");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_CONNECT);
    assert_int_equal(ours.why.failure, ML_HTTP_CONNECT);
    close_all();
}

/* A peer that answers the upgrade with this, whatever it says. */
static void test_answers_that_are_none(void **state)
{
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 101 Yes\r\n\r\n",
        ("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        "HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"};

    (void)state;
    open_server();
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct listener listener;

        ours = (struct end){0};
        listener_open(&listener, answers[i], false);
        connect_to(listener.port, "/");
        wait_for(&ours.over);
        assert_int_equal(ours.why.why, ML_WS_HANDSHAKE);
        ml_websocket_free(ours.websocket);
        listener_close(&listener);
    }
    ours.websocket = NULL;
    close_all();
}

static void test_no_answer_in_time(void **state)
{
    struct listener listener;

    (void)state;
    open_server();
    listener_open(&listener, NULL, false);
    connect_with((struct ml_websocket_options){.connect_timeout_ms = 100}, listener.port, "/");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_HANDSHAKE);
    listener_close(&listener);
    close_all();
}

/* ---- peers that break the protocol ---- */

/* Upgrades the client by hand, and gives the bytes after the 101. */
static struct peer *upgraded(struct listener *listener, struct ml_websocket_options options)
{
    char accept[ML_WS_ACCEPT_BYTES], answer[256];
    struct peer *peer;
    char *key;

    open_server();
    listener_open(listener, NULL, false);
    connect_with(options, listener->port, "/a?b=c");
    wait_for(&listener->accepted);
    peer = &listener->peers[0];
    peer_expect(peer, "\r\n\r\n");
    assert_int_equal(strncmp(peer->got.p, "GET /a?b=c HTTP/1.1\r\n", 21), 0);
    key = strstr(peer->got.p, "Sec-WebSocket-Key: ") + 19;
    ml_ws_frame_accept((struct ml_str){key, 24}, accept);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
             "connection: keep-alive, Upgrade\r\nsec-websocket-accept: %s\r\n\r\n",
             accept);
    peer_send(peer, answer);
    wait_for(&ours.opened);
    return peer;
}

static void send_bytes(struct peer *peer, const void *bytes, size_t n)
{
    assert_int_equal(send(peer->fd, bytes, n, MSG_NOSIGNAL), n);
}

static void test_pieces_with_a_ping_between(void **state)
{
    struct listener listener;
    struct peer *peer;
    static const char frames[] = "\x01\x02"
                                 "He\x89\x01x\x00\x01l\x80\x02lo\x82\x03\x00\x01\x02";

    (void)state;
    peer = upgraded(&listener, (struct ml_websocket_options){0});
    for (size_t i = 0; i < sizeof frames - 1; i++) { /* and in the smallest steps */
        send_bytes(peer, frames + i, 1);
        run_for(1);
    }
    while (ours.messages < 2) {
        ours.heard = false;
        wait_for(&ours.heard);
    }
    assert_memory_equal(ours.got.p, "Hello|\x00\x01\x02|", 10);
    assert_true(memmem(peer->got.p, peer->got.n, "\x8a\x81", 2) != NULL); /* masked pong */
    listener_close(&listener);
    close_all();
}

static void test_V1_broken_frames_end_it(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        int code;
    } cases[] = {
        {"\xc1\x01x", 3, 1002},        {"\x81\x81\x00\x00\x00\x00x", 7, 1002}, /* masked */
        {"\x80\x01x", 3, 1002},        {"\x01\x01x\x01\x01y", 6, 1002},
        {"\x81\x02\xc3\x28", 4, 1007}, {"\x88\x01x", 3, 1002},
        {"\x88\x02\x03\xed", 4, 1002}, {"\x82\x7f\x00\x00\x00\x00\x10\x00\x00\x00", 10, 1009},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct listener listener;
        struct peer *peer = upgraded(&listener, (struct ml_websocket_options){0});

        send_bytes(peer, cases[i].bytes, cases[i].n);
        wait_for(&ours.over);
        assert_int_equal(ours.why.why, ML_WS_PROTOCOL);
        assert_int_equal(ours.why.code, cases[i].code);
        peer_expect_close(peer);
        assert_non_null(memmem(peer->got.p, peer->got.n, "\x88", 1));
        listener_close(&listener);
        close_all();
    }
}

static void test_pieces_without_end_are_too_long(void **state)
{
    struct ml_websocket_options options = {.max_message = 1000};
    struct listener listener;
    struct peer *peer = upgraded(&listener, options);
    char piece[130] = "\x00\x7e\x00\x7e";

    (void)state;
    send_bytes(peer, "\x01\x00", 2);
    for (int i = 0; i < 8; i++)
        send_bytes(peer, piece, sizeof piece);
    wait_for(&ours.over);
    assert_int_equal(ours.why.code, 1009);
    assert_int_equal(ours.messages, 0);
    listener_close(&listener);
    close_all();
}

static void test_silence_is_asked_and_ends(void **state)
{
    struct ml_websocket_options options = {.ping_ms = 50};
    struct listener listener;
    struct peer *peer = upgraded(&listener, options);

    (void)state;
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_SILENT);
    assert_true(memmem(peer->got.p, peer->got.n, "\x89\x80", 2) != NULL);
    listener_close(&listener);
    close_all();
}

/* One that does not read: what we owe it is told, and closing does not wait for it. */
static void test_a_slow_peer_blocks_nobody(void **state)
{
    struct listener listener;
    struct peer *peer = upgraded(&listener, (struct ml_websocket_options){0});
    char bytes[10000] = {0};
    int size = 4096;

    (void)state;
    ml_io_set(peer->io, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    for (int i = 0; i < 2000 && ml_websocket_queued(ours.websocket) < 1000000; i++)
        ml_websocket_send(ours.websocket, false, (struct ml_str){bytes, sizeof bytes});
    assert_true(ml_websocket_queued(ours.websocket) >= 1000000);
    ml_websocket_close(ours.websocket, 1000, "");
    wait_for(&ours.over);
    assert_int_equal(ours.why.why, ML_WS_LOST);
    listener_close(&listener);
    close_all();
}

static void test_held_it_tells_nothing_until_let_go(void **state)
{
    (void)state;
    open_both();
    run_for(20);
    ml_websocket_hold(theirs.websocket, true);
    for (int i = 0; i < 3; i++)
        ml_websocket_send(ours.websocket, true, ML_STR("x"));
    run_for(50);
    assert_int_equal(theirs.messages, 0);
    ml_websocket_hold(theirs.websocket, false);
    wait_for(&ours.heard);
    run_for(20);
    assert_int_equal(theirs.messages, 3);
    close_all();
}

static void test_bad_headers_and_urls(void **state)
{
    static const char *const split[] = {"X-A: b\r\nX-C: d"};
    struct ml_websocket_options options = {
        .url = "ws://127.0.0.1/", .headers = split, .header_count = 1};

    (void)state;
    open_server();
    assert_int_equal(ml_websocket_connect(client, &options, &handlers, &ours, &ours.websocket),
                     ML_EINVAL);
    options.header_count = 0;
    options.url = "http://127.0.0.1/";
    assert_int_equal(ml_websocket_connect(client, &options, &handlers, &ours, &ours.websocket),
                     ML_OK);
    wait_for(&ours.over);
    assert_int_equal(ours.why.failure, ML_HTTP_BAD_URL);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_frames_are_written_and_read),
        TEST(test_frames_that_are_none),
        TEST(test_utf8_and_close_codes),
        TEST(test_accept_of_the_rfc),
        TEST(test_messages_go_both_ways),
        TEST(test_a_long_message_is_one_message),
        TEST(test_the_server_closes),
        TEST(test_what_is_freed_is_lost_to_the_other),
        TEST(test_freed_from_within_a_message),
        TEST(test_client_and_server_may_go_first),
        TEST(test_freed_before_it_is_open),
        TEST(test_answers_other_than_101),
        TEST(test_no_upgrade_is_no_websocket),
        TEST(test_refused_by_the_rules),
        TEST(test_nobody_listens),
        TEST(test_answers_that_are_none),
        TEST(test_no_answer_in_time),
        TEST(test_pieces_with_a_ping_between),
        TEST(test_V1_broken_frames_end_it),
        TEST(test_pieces_without_end_are_too_long),
        TEST(test_silence_is_asked_and_ends),
        TEST(test_a_slow_peer_blocks_nobody),
        TEST(test_held_it_tells_nothing_until_let_go),
        TEST(test_bad_headers_and_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
