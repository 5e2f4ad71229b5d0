/* The guard on real sockets, around an agent. Virtual time; CPU time is real. */
#include "sip_help.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <time.h>

#include "core/sip/guard.h"

static struct box box;
static struct wire wire;
static struct ml_guard_stats before;

static void begin(void)
{
    static const char *const listen[] = {"udp:127.0.0.1:0", "tcp:127.0.0.1:0"};
    struct ml_agent_options options = {.listen = listen, .listen_count = 2};

    box_open_with(&box, &options);
    wire_open(&wire, box.port);
    ml_guard_stats(&before);
}

static void end(void)
{
    wire_close(&wire);
    box_close(&box);
    run_for(70000);
}

/* How many since begin() had that end. */
static int counted(enum ml_guard_reason reason)
{
    struct ml_guard_stats now;

    ml_guard_stats(&now);
    return (int)(now.by_reason[reason] - before.by_reason[reason]);
}

static void turn(void)
{
    struct ml_timer *timer = ml_timer_new(loop, stop_loop, NULL);

    ml_timer_set(timer, 0);
    ml_loop_run(loop);
    ml_timer_free(timer);
}

/* A request to the agent with lines more; Call-ID and branch are fresh. */
static const char *request(const char *method, const char *transport, const char *lines)
{
    static char text[70000];
    static int number;

    number++;
    snprintf(text, sizeof text,
             "%s sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:9;rport;branch=z9hG4bKg%d\r\n"
             "From: <sip:a@127.0.0.1>;tag=g\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: guard-%d\r\n"
             "CSeq: 1 %s\r\nContact: <sip:a@127.0.0.1:9>\r\n%s",
             method, transport, number, number, method, lines);
    return text;
}

#define END "Content-Length: 0\r\n\r\n"

static void send_text(const char *text)
{
    wire_raw(&wire, text, strlen(text));
}

static void alive(void)
{
    send_text(request("OPTIONS", "UDP", END));
    assert_non_null(wire_expect_ms(&wire, "SIP/2.0 200", 100));
}

/* ---- datagrams ---- */

static void the_self_test_passes_and_is_not_counted(void **state)
{
    struct ml_guard_stats after;
    struct ml_fault fault;

    (void)state;
    ml_guard_stats(&before);
    assert_int_equal(ml_guard_check(&fault), 0);
    ml_guard_stats(&after);
    assert_memory_equal(&before, &after, sizeof before);
}

static void every_message_is_counted_once(void **state)
{
    struct ml_guard_stats now;
    uint64_t sum = 0;

    (void)state;
    begin();
    alive();
    send_text(request("REGISTER", "UDP", END));
    wire_expect(&wire, "SIP/2.0 405");
    send_text(request("ACK", "UDP", "\r\n"));
    send_text("SIP/2.0 200 OK\r\n\r\n");
    send_text("\r\n\r\n");
    run_for(1000);
    ml_guard_stats(&now);
    for (int i = 0; i < ML_GUARD_REASONS; i++)
        sum += now.by_reason[i];
    assert_int_equal(now.received, sum);
    assert_int_equal(now.received - before.received, 5);
    assert_int_equal(counted(ML_GUARD_PASSED), 2);
    assert_int_equal(counted(ML_GUARD_METHOD), 1);
    assert_int_equal(counted(ML_GUARD_HEADER), 1);
    assert_int_equal(counted(ML_GUARD_KEEPALIVE), 1);
    assert_int_equal(now.answered - before.answered, 1);
    assert_int_equal(now.dropped - before.dropped, 2);
    end();
}

static void a_bad_request_that_is_repeated_gets_the_same_tag(void **state)
{
    const char *text = request("INVITE", "UDP", "Require: magic\r\n" END);
    char tag[64];

    (void)state;
    begin();
    send_text(text);
    wire_expect(&wire, "SIP/2.0 420");
    snprintf(tag, sizeof tag, "%s", tag_of(wire.last, "To"));
    assert_true(strlen(tag) >= 8);
    assert_string_equal(header_of(wire.last, "Unsupported"), "magic");
    send_text(text);
    wire_expect(&wire, "SIP/2.0 420");
    assert_string_equal(tag_of(wire.last, "To"), tag);
    assert_false(box.came);
    end();
}

static void SIP_19_a_datagram_of_64_kb_is_413(void **state)
{
    char *text = malloc(65508);
    int n;

    (void)state;
    begin();
    memset(text, 'x', 65507);
    n = snprintf(
        text, 65507, "%s",
        request("INVITE", "UDP", "Content-Type: application/sdp\r\nContent-Length: 60000\r\n\r\n"));
    text[n] = 'x';
    wire_raw(&wire, text, 65507);
    wire_expect(&wire, "SIP/2.0 413");
    assert_int_equal(counted(ML_GUARD_SIZE), 1);
    alive();
    free(text);
    end();
}

static void SIP_20_stun_sigcomp_and_keep_alives_get_nothing(void **state)
{
    /* Attributes that go past their end, of no length, and of too many bytes: what CVE-2022-31003,
     * CVE-2023-22741 and CVE-2023-32307 are about. */
    static const struct {
        const char *bytes;
        size_t n;
    } packets[] = {
        {"\0\1\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20},
        {"\0\1\0\x08\x21\x12\xa4\x42"
         "abcdefghijkl\0\1\xff\xff\0\1\0\0",
         28},
        {"\1\1\0\x08\x21\x12\xa4\x42"
         "abcdefghijkl\0\1\0\0\0\x20\0\1",
         28},
        {"\1\x11\0\x04\x21\x12\xa4\x42"
         "abcdefghijkl\0\x09\0\0",
         24},
        {"\0\1\xff\xff", 4},
        {"\0\1", 2},
        {"\xf8\1\2\3", 4},
        {"\xff\xff", 2},
        {"\r\n", 2},
        {"\r\n\r\n", 4},
        {"\0\0\0\0", 4},
        {"\0", 1},
        {"", 0},
    };

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        wire_raw(&wire, packets[i].bytes, packets[i].n);
    for (int i = 0; i < 1000; i++) {
        wire_raw(&wire, "\r\n\r\n", 4);
        turn();
    }
    assert_null(wire_expect_ms(&wire, "", 5000));
    assert_int_equal(counted(ML_GUARD_STUN), 8);
    assert_in_range(counted(ML_GUARD_KEEPALIVE), 1002, 1003);
    alive();
    end();
}

static void answers_go_back_the_way_the_question_came(void **state)
{
    static const char *const vias[] = {"UDP 127.0.0.1:9;maddr=127.0.0.9;rport",
                                       "TCP 127.0.0.1:9;rport", "TLS 127.0.0.1:9;rport",
                                       "XXX 127.0.0.1:9;rport"};
    char text[500];

    (void)state;
    begin();
    for (int i = 0; i < 4; i++)
        for (int bad = 0; bad < 2; bad++) {
            snprintf(text, sizeof text,
                     "OPTIONS sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s;branch=z9hG4bKw%d%d\r\n"
                     "From: <sip:a@127.0.0.1>;tag=w\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: w%d%d\r\n"
                     "CSeq: 1 OPTIONS\r\n%s" END,
                     vias[i], i, bad, i, bad, bad ? "Require: x\r\n" : "");
            send_text(text);
            assert_non_null(wire_expect_ms(&wire, bad ? "SIP/2.0 420" : "SIP/2.0 200", 100));
        }
    end();
}

static void an_ipv6_listener_has_its_guard(void **state)
{
    static const char *const listen[] = {"udp:[::1]:0"};
    struct ml_agent_options options = {.listen = listen, .listen_count = 1};
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const char *text = request("OPTIONS", "UDP", "Content-Length: x\r\n\r\n");
    char answer[2000];
    ssize_t n = -1;

    (void)state;
    box_open_with(&box, &options);
    at.sin6_port = htons(box.port);
    assert_int_equal(connect(fd, (void *)&at, sizeof at), 0);
    assert_true(send(fd, text, strlen(text), 0) > 0);
    for (int i = 0; i < 50 && n < 0; i++) {
        run_for(10);
        n = recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT);
    }
    assert_true(n > 0);
    answer[n] = '\0';
    assert_memory_equal(answer, "SIP/2.0 400 ", 12);
    assert_non_null(strstr(answer, ";received=::1\r\n"));
    close(fd);
    box_close(&box);
    run_for(70000);
}

/* ---- streams ---- */

static struct peer peer;

static void peer_begin(void)
{
    begin();
    peer_connect(&peer, port_of(ml_agent_address(box.agent, 1)));
}

static void peer_end(void)
{
    peer_close(&peer);
    end();
}

static int answers(const char *text)
{
    int count = 0;

    for (const char *at = peer.got.p; at && (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void good_and_bad_messages_share_a_stream(void **state)
{
    struct ml_buf all = {0};

    (void)state;
    peer_begin();
    ml_buf_str(&all, request("OPTIONS", "TCP", END));
    ml_buf_str(&all, request("OPTIONS", "TCP", "Require: x\r\n" END));
    ml_buf_str(&all, "\r\n\r\n");
    ml_buf_str(&all, request("MESSAGE", "TCP",
                             "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\n\r\n\r\n"));
    ml_buf_str(&all, "SIP/2.0 200 OK\r\n" END);
    ml_buf_str(&all, request("OPTIONS", "TCP", END));
    peer_send(&peer, all.p);
    run_for(1000);
    assert_int_equal(answers("SIP/2.0 200 OK"), 2);
    assert_int_equal(answers("SIP/2.0 420 "), 1);
    assert_int_equal(answers("SIP/2.0 405 "), 1);
    assert_int_equal(answers("\r\n\r\n"), 4);
    assert_false(peer.closed);
    assert_int_equal(counted(ML_GUARD_PASSED), 2);
    ml_buf_fini(&all);
    peer_end();
}

static void many_messages_at_once_all_get_through(void **state)
{
    struct ml_buf all = {0};
    size_t sent = 0;

    (void)state;
    peer_begin();
    for (int i = 0; i < 300; i++)
        ml_buf_str(&all, request("BYE", "TCP", END));
    assert_true(all.n > 2 * 32768);
    while (sent < all.n) {
        ssize_t n = send(peer.fd, all.p + sent, all.n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        assert_true(n > 0);
        sent += (size_t)n;
    }
    run_for(2000);
    assert_int_equal(answers("SIP/2.0 481 "), 300);
    assert_false(peer.closed);
    ml_buf_fini(&all);
    peer_end();
}

static void a_message_of_32_kb_comes_by_stream(void **state)
{
    struct ml_buf text = {0};
    size_t body;

    (void)state;
    peer_begin();
    ml_buf_str(&text, request("OPTIONS", "TCP", "Content-Length: 32000\r\n\r\n"));
    for (body = 0; body < 32000; body += 8)
        ml_buf_str(&text, "12345678");
    ml_buf_str(&text, request("OPTIONS", "TCP", END));
    for (size_t at = 0; at < text.n; at += 5000) {
        size_t n = text.n - at < 5000 ? text.n - at : 5000;

        assert_int_equal(send(peer.fd, text.p + at, n, MSG_NOSIGNAL), n);
        run_for(10);
    }
    run_for(1000);
    assert_int_equal(answers("SIP/2.0 200 OK"), 2);
    ml_buf_fini(&text);
    peer_end();
}

static void a_double_crlf_is_answered_by_one(void **state)
{
    (void)state;
    peer_begin();
    peer_send(&peer, "\r\n\r\n");
    run_for(1000);
    assert_string_equal(peer.got.p, "\r\n");
    peer_send(&peer, request("OPTIONS", "TCP", END));
    peer_expect(&peer, "SIP/2.0 200 OK");
    peer_end();
}

static void a_broken_stream_is_told_and_closed(void **state)
{
    static const struct {
        const char *lines, *wanted;
    } cases[] = {
        {"\r\n", "SIP/2.0 400 Missing Content-Length"},
        {"Content-Length: -5\r\n\r\n", "SIP/2.0 400 Bad Content-Length"},
        {"Content-Length: 2000000\r\n\r\n", "SIP/2.0 413 "},
        {"X-A: 1\nX-B: 2\r\n" END, "SIP/2.0 400 Line Without CRLF"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        peer_begin();
        peer_send(&peer, request("OPTIONS", "TCP", cases[i].lines));
        peer_expect(&peer, cases[i].wanted);
        peer_expect_close(&peer);
        alive();
        peer_end();
    }
}

static void what_cannot_be_answered_is_closed(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "hello\n",
                                        "\x16\x03\x01\n", "SIP/2.0 200 OK\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        peer_begin();
        peer_send(&peer, texts[i]);
        peer_expect_close(&peer);
        assert_null(peer.got.p);
        alive();
        peer_end();
    }
}

static void SIP_19_a_header_without_end_is_413(void **state)
{
    (void)state;
    peer_begin();
    peer_send(&peer, request("OPTIONS", "TCP", ""));
    for (int i = 0; i < 40 && !peer.closed; i++) {
        char line[1100];

        snprintf(line, sizeof line, "X-A: %01000d\r\n", 0);
        peer_send(&peer, line);
        run_for(10);
    }
    peer_expect(&peer, "SIP/2.0 413 ");
    peer_expect_close(&peer);
    assert_int_equal(counted(ML_GUARD_SIZE), 1);
    peer_end();
}

static void a_body_that_does_not_come_is_408_after_five_seconds(void **state)
{
    int64_t begun;

    (void)state;
    peer_begin();
    begun = ml_clock_ms();
    peer_send(&peer, request("OPTIONS", "TCP", "Content-Length: 100\r\n\r\nabc"));
    peer_expect(&peer, "SIP/2.0 408 ");
    peer_expect_close(&peer);
    assert_in_range(ml_clock_ms() - begun, 4900, 5200);
    assert_int_equal(counted(ML_GUARD_SLOW), 1);
    alive();
    peer_end();
}

static void a_stream_that_dribbles_is_closed_after_five_seconds(void **state)
{
    int64_t begun;

    (void)state;
    peer_begin();
    begun = ml_clock_ms();
    for (int i = 0; i < 100 && !peer.closed; i++) {
        peer_send(&peer, "I");
        run_for(100);
    }
    peer_expect_close(&peer);
    assert_in_range(ml_clock_ms() - begun, 4900, 5300);
    assert_null(peer.got.p);
    alive();
    peer_end();
}

static void slow_but_in_time_is_good(void **state)
{
    const char *text = request("OPTIONS", "TCP", END);

    (void)state;
    peer_begin();
    for (size_t i = 0; text[i]; i++) {
        char byte[2] = {text[i], '\0'};

        peer_send(&peer, byte);
        run_for(15);
    }
    peer_expect(&peer, "SIP/2.0 200 OK");
    run_for(10000);
    assert_false(peer.closed);
    peer_end();
}

static void SIP_11_a_stream_that_ends_in_a_message_leaves_nothing(void **state)
{
    struct linger linger = {1, 0};

    (void)state;
    peer_begin();
    peer_send(&peer, request("INVITE", "TCP", "Content-Length: 10\r\n\r\nabc"));
    run_for(100);
    shutdown(peer.fd, SHUT_WR);
    peer_expect_close(&peer);
    assert_int_equal(counted(ML_GUARD_FRAMING), 1);
    peer_close(&peer);
    peer_connect(&peer, port_of(ml_agent_address(box.agent, 1)));
    peer_send(&peer, request("INVITE", "TCP", "Content-Le"));
    run_for(100);
    setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    peer_end();
    assert_int_equal(counted(ML_GUARD_FRAMING), 2);
}

static void a_thousand_half_messages_do_not_keep_others_out(void **state)
{
    enum { COUNT = 700 };
    static int fds[COUNT];
    struct sockaddr_in to = {.sin_family = AF_INET};

    (void)state;
    peer_begin();
    ml_guard_connections(0, COUNT + 1);
    to.sin_port = htons(port_of(ml_agent_address(box.agent, 1)));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (void *)&to, sizeof to), 0);
        assert_int_equal(send(fds[i], "INVITE", 6, 0), 6);
        run_for(1);
    }
    assert_in_range(counted(ML_GUARD_SLOW), COUNT - 512 - 1, COUNT - 512 + 1);
    peer_send(&peer, request("OPTIONS", "TCP", END));
    peer_expect(&peer, "SIP/2.0 200 OK");
    run_for(6000);
    assert_int_equal(counted(ML_GUARD_SLOW), COUNT);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    peer_end();
    ml_guard_connections(0, 0);
}

/* ---- connections ---- */

enum { CROWD = 8 };

static struct peer crowd[CROWD];

/* Connects them from 127.0.0.<host>. */
static void come(int first, int last, int host)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};

    from.sin_addr.s_addr = htonl(0x7f000000u + (unsigned)host);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port_of(ml_agent_address(box.agent, 1)));
    for (int i = first; i <= last; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (void *)&from, sizeof from), 0);
        assert_int_equal(connect(fd, (void *)&to, sizeof to), 0);
        peer_open(&crowd[i], fd);
    }
}

static void leave(int first, int last)
{
    for (int i = first; i <= last; i++)
        peer_close(&crowd[i]);
    run_for(100);
}

static int closed_of(int first, int last)
{
    int n = 0;

    run_for(100);
    for (int i = first; i <= last; i++)
        n += crowd[i].closed;
    return n;
}

static void connections_are_counted_in_all_and_by_address(void **state)
{
    (void)state;
    begin();
    ml_guard_connections(5, 3);
    come(0, 3, 2);
    assert_int_equal(closed_of(0, 3), 1); /* the fourth of one address */
    come(4, 6, 3);
    assert_int_equal(closed_of(4, 6), 1); /* the sixth of all */
    peer_send(&crowd[5], request("OPTIONS", "TCP", END));
    peer_expect(&crowd[5], "SIP/2.0 200 OK");
    leave(0, 1);
    come(0, 1, 3);
    assert_int_equal(closed_of(0, 1), 1); /* two may come again, of that address one */
    come(7, 7, 4);
    assert_int_equal(closed_of(7, 7), 0);
    leave(0, 7);
    come(0, 2, 2);
    assert_int_equal(closed_of(0, 2), 0); /* nothing is counted that is gone */
    leave(0, 2);
    end();
    ml_guard_connections(0, 0);
}

static double cpu_ms(void);

/* A listener whose queue cannot be taken from is readable for ever. */
static void OS_5_without_descriptors_connections_are_closed_and_nothing_spins(void **state)
{
    struct rlimit usual, now;
    double used;

    (void)state;
    begin();
    come(0, 0, 2); /* and the spare descriptor is there */
    run_for(100);
    come(1, 4, 2);
    getrlimit(RLIMIT_NOFILE, &usual);
    now = usual;
    now.rlim_cur = (rlim_t)crowd[4].fd + 1;
    setrlimit(RLIMIT_NOFILE, &now);
    used = cpu_ms();
    assert_int_equal(closed_of(1, 4), 4);
    assert_true(cpu_ms() - used < 50);
    peer_send(&crowd[0], request("OPTIONS", "TCP", END));
    peer_expect(&crowd[0], "SIP/2.0 200 OK");
    setrlimit(RLIMIT_NOFILE, &usual);
    leave(1, 4);
    come(1, 1, 2);
    assert_int_equal(closed_of(1, 1), 0);
    leave(0, 1);
    end();
}

/* ---- rates ---- */

static int flood(struct wire *from, int count, const char *text, const char *answer)
{
    int got = 0;

    for (int i = 0; i < count; i++) {
        wire_raw(from, text, strlen(text));
        turn();
        if (i % 64 == 63)
            got += wire_count(from, answer, 1);
    }
    return got + wire_count(from, answer, 100);
}

static void SIP_17_a_source_has_its_rate_and_no_more(void **state)
{
    struct wire other;

    (void)state;
    begin();
    wire_open_at(&other, box.port, "127.0.0.5");
    assert_in_range(flood(&wire, 1000, request("REGISTER", "UDP", END), "SIP/2.0 405"), 100, 130);
    assert_in_range(counted(ML_GUARD_FLOOD), 870, 900);
    wire_raw(&other, request("OPTIONS", "UDP", END), strlen(request("OPTIONS", "UDP", END)));
    assert_non_null(wire_expect_ms(&other, "SIP/2.0 200", 100));
    wire_invite(&wire, NULL, SDP_B); /* calls are not counted */
    wire_expect(&wire, "SIP/2.0 100");
    box_call(&box);
    run_for(2000);
    alive(); /* and it comes back */
    wire_close(&other);
    end();
}

static void SIP_17_spoofed_sources_share_one_rate(void **state)
{
    enum { SOURCES = 2000 };
    struct sockaddr_in to = {.sin_family = AF_INET}, at = {.sin_family = AF_INET};
    const char *text;

    (void)state;
    begin();
    to.sin_port = htons(box.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (uint32_t i = 0; i < SOURCES; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        at.sin_addr.s_addr = htonl(0x7f400000 + i * 7 + 1);
        assert_int_equal(bind(fd, (void *)&at, sizeof at), 0);
        text = request("OPTIONS", "UDP", END);
        assert_true(sendto(fd, text, strlen(text), 0, (void *)&to, sizeof to) > 0);
        turn();
        turn();
        close(fd);
    }
    run_for(100);
    assert_in_range(counted(ML_GUARD_PASSED), 300, 400);
    assert_int_equal(counted(ML_GUARD_PASSED) + counted(ML_GUARD_FLOOD), SOURCES);
    end();
}

/* ---- watching ---- */

static char seen_log[8192];
static char last_seen[2000];

static void on_seen(const struct ml_guard_seen *seen, void *user)
{
    size_t n = strlen(seen_log);

    assert_ptr_equal(user, &box);
    assert_non_null(seen->ident);
    snprintf(seen_log + n, sizeof seen_log - n, "%s %s %s %s %s: %.*s\n",
             seen->sent ? "sent" : "got", ml_guard_reason_name(seen->reason), seen->transport,
             seen->local, seen->remote, (int)(seen->message.n < 7 ? seen->message.n : 7),
             seen->message.p);
    snprintf(last_seen, sizeof last_seen, "%.*s", (int)seen->message.n, seen->message.p);
}

static void the_watch_sees_what_comes_and_what_goes(void **state)
{
    char wanted[600], own[32];

    (void)state;
    seen_log[0] = '\0';
    peer_begin();
    snprintf(own, sizeof own, "127.0.0.1:%u", box.port);
    ml_guard_watch(on_seen, &box);
    send_text(request("OPTIONS", "UDP", END));
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(last_seen, wire.last);
    send_text(request("REGISTER", "UDP", END));
    wire_expect(&wire, "SIP/2.0 405");
    assert_string_equal(last_seen, wire.last);
    send_text("\r\n\r\n");
    run_for(100);
    snprintf(wanted, sizeof wanted,
             "got passed udp %s %s: OPTIONS\nsent passed udp %s %s: SIP/2.0\n"
             "got method udp %s %s: REGISTE\nsent passed udp %s %s: SIP/2.0\n"
             "got keep-alive udp %s %s: \r\n\r\n\n",
             own, wire.local, own, wire.local, own, wire.local, own, wire.local, own, wire.local);
    assert_string_equal(seen_log, wanted);
    seen_log[0] = '\0';
    peer_send(&peer, request("OPTIONS", "TCP", END));
    peer_expect(&peer, "SIP/2.0 200 OK");
    assert_string_equal(last_seen, peer.got.p);
    assert_non_null(strstr(seen_log, "got passed tcp 127.0.0.1:"));
    assert_non_null(strstr(seen_log, "sent passed tcp 127.0.0.1:"));
    ml_guard_watch(NULL, NULL);
    seen_log[0] = '\0';
    alive();
    assert_string_equal(seen_log, "");
    peer_end();
}

struct trace_log {
    char text[4000];
    int got, sent;
    char last[3000];
};

static void on_trace(const struct ml_agent_trace *trace, void *user)
{
    struct trace_log *log = user;
    size_t n = strlen(log->text);

    if (trace->sent)
        log->sent++;
    else
        log->got++;
    snprintf(log->text + n, sizeof log->text - n, "%s %s %s %.11s\n", trace->sent ? ">" : "<",
             trace->transport, trace->remote, trace->message.p);
    snprintf(log->last, sizeof log->last, "%.*s", (int)trace->message.n, trace->message.p);
}

static void an_agent_traces_its_own_messages_and_repeated_ones(void **state)
{
    static struct trace_log log, other_log;
    struct box other;
    struct side *side;

    (void)state;
    begin();
    box_open(&other);
    memset(&log, 0, sizeof log);
    memset(&other_log, 0, sizeof other_log);
    ml_agent_on_trace(box.agent, on_trace, &log);
    ml_agent_on_trace(other.agent, on_trace, &other_log);
    send_text(request("REGISTER", "UDP", END)); /* refused before: only the answer */
    wire_expect(&wire, "SIP/2.0 405");
    assert_int_equal(log.got, 0);
    assert_int_equal(log.sent, 1);
    assert_string_equal(log.last, wire.last);
    log = (struct trace_log){.got = 0};
    wire_invite(&wire, NULL, SDP_B);
    side = box_call(&box);
    ml_leg_answer(side->leg, NULL, 0);
    wire_expect(&wire, "SIP/2.0 200");
    assert_int_equal(log.got, 1);
    assert_int_equal(log.sent, 2);
    assert_string_equal(log.last, wire.last);
    assert_non_null(strstr(log.text, "< udp 127.0.0.1:"));
    assert_non_null(strstr(log.text, wire.local));
    wire_take_tag(&wire);
    run_for(5000);
    assert_in_range(log.sent, 5, 7); /* the 200 again and again */
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    assert_int_equal(log.got, 2);
    assert_int_equal(other_log.got + other_log.sent, 0);
    ml_agent_on_trace(box.agent, NULL, NULL);
    log = (struct trace_log){.got = 0};
    alive();
    assert_int_equal(log.got + log.sent, 0);
    box_close(&other); /* with its trace on */
    end();
}

/* ---- what a message may cost ---- */

static double cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* A request of nearly 32 KB: begin, then as many times as there is room `again`, in lines of at
 * most `line` bytes that begin with `name`. */
static char *big_request(const char *method, const char *name, const char *again, size_t line)
{
    struct ml_buf text = {0};
    size_t at_line = 0;
    int lines = 0;

    ml_buf_str(&text, request(method, "UDP", ""));
    while (text.n < 32600 && lines < 62) {
        if (at_line == 0)
            ml_buf_str(&text, name);
        ml_buf_str(&text, again);
        at_line += strlen(again);
        if (at_line + strlen(name) + strlen(again) >= line) {
            ml_buf_str(&text, "x\r\n");
            at_line = 0;
            lines++;
        }
    }
    ml_buf_str(&text, at_line ? "x\r\n" END : END);
    return ml_buf_take(&text);
}

#if defined(__SANITIZE_ADDRESS__)
enum { COST_MS = 500 }; /* each allocation of sofia's is watched */
#else
enum { COST_MS = 20 };
#endif

static void no_message_costs_more_than_20_ms(void **state)
{
    static const struct {
        const char *method, *name, *again;
        size_t line;
    } shapes[] = {
        {"OPTIONS", "X-A: ", "b", 520},
        {"OPTIONS", "X-A: ", "b", 8000},
        {"OPTIONS", "Supported: ", "a,", 8000},
        {"OPTIONS", "Supported: ", "a,", 520},
        {"OPTIONS", "Allow: ", "INVITE,", 8000},
        {"OPTIONS", "Allow: ", "A,", 520},
        {"OPTIONS", "Accept: ", "a/b,", 8000},
        {"OPTIONS", "Accept: ", "a/b;q=1,", 8000},
        {"OPTIONS", "Accept-Language: ", "a,", 8000},
        {"OPTIONS", "Contact: ", "<sip:a@b>,", 8000},
        {"OPTIONS", "Contact: <sip:a@b>", ";a=b", 8000},
        {"OPTIONS", "P-Asserted-Identity: ", "<sip:a@b>,", 8000},
        {"OPTIONS", "Warning: ", "300 a \"b\",", 8000},
        {"OPTIONS", "Authorization: Digest ", "a=b,", 8000},
        {"OPTIONS", "Proxy-Authorization: Digest a=b,c=", "d", 520},
        {"OPTIONS", "User-Agent: ", "a/1 (b) ", 8000},
        {"OPTIONS", "User-Agent: ", "(", 8000},
        {"OPTIONS", "Subject: ", "\"", 8000},
        {"OPTIONS", "Date: ", "1 ", 8000},
        {"OPTIONS", "Alert-Info: ", "<http://a>;b=c,", 8000},
        {"OPTIONS", "Via: SIP/2.0/UDP a", ";b=c", 500},
        {"OPTIONS", "Route: <sip:a@b;lr>", ";a=b", 1000},
        {"OPTIONS", "Content-Type: a/b", ";c=d", 8000},
        {"INVITE", "Record-Route: <sip:a@b;lr>", ";a=b", 1000},
        {"INVITE", "Require: ", "timer,", 8000},
        {"INVITE", "Allow-Events: ", "a,", 8000},
        {"INVITE", "Reason: ", "a;b=c,", 8000},
        {"INVITE", "Event: a", ";b=c", 8000},
        {"INVITE", "History-Info: ", "<sip:a@b>;c=d,", 8000},
    };

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char *text = big_request(shapes[i].method, shapes[i].name, shapes[i].again, shapes[i].line);
        double least = 1e9;

        assert_true(strlen(text) <= 32768);
        for (int j = 0; j < 2; j++) { /* the better of two: the machine has other work */
            double begun = cpu_ms(), used;

            send_text(text);
            run_for(20);
            used = cpu_ms() - begun;
            least = used < least ? used : least;
        }
        if (getenv("SHOW_COST"))
            print_message("%6.2f ms: %s %s%s... (%zu bytes)\n", least, shapes[i].method,
                          shapes[i].name, shapes[i].again, strlen(text));
        if (least > COST_MS)
            fail_msg("%.0f ms: %s %s%s...", least, shapes[i].method, shapes[i].name,
                     shapes[i].again);
        ml_free(text);
        run_for(1000);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_self_test_passes_and_is_not_counted),
        TEST(every_message_is_counted_once),
        TEST(a_bad_request_that_is_repeated_gets_the_same_tag),
        TEST(SIP_19_a_datagram_of_64_kb_is_413),
        TEST(SIP_20_stun_sigcomp_and_keep_alives_get_nothing),
        TEST(answers_go_back_the_way_the_question_came),
        TEST(an_ipv6_listener_has_its_guard),
        TEST(good_and_bad_messages_share_a_stream),
        TEST(many_messages_at_once_all_get_through),
        TEST(a_message_of_32_kb_comes_by_stream),
        TEST(a_double_crlf_is_answered_by_one),
        TEST(a_broken_stream_is_told_and_closed),
        TEST(what_cannot_be_answered_is_closed),
        TEST(SIP_19_a_header_without_end_is_413),
        TEST(a_body_that_does_not_come_is_408_after_five_seconds),
        TEST(a_stream_that_dribbles_is_closed_after_five_seconds),
        TEST(slow_but_in_time_is_good),
        TEST(SIP_11_a_stream_that_ends_in_a_message_leaves_nothing),
        TEST(a_thousand_half_messages_do_not_keep_others_out),
        TEST(connections_are_counted_in_all_and_by_address),
        TEST(OS_5_without_descriptors_connections_are_closed_and_nothing_spins),
        TEST(SIP_17_a_source_has_its_rate_and_no_more),
        TEST(SIP_17_spoofed_sources_share_one_rate),
        TEST(the_watch_sees_what_comes_and_what_goes),
        TEST(an_agent_traces_its_own_messages_and_repeated_ones),
        TEST(no_message_costs_more_than_20_ms),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
