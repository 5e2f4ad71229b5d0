/* Every message of spec/torture on the wire: by UDP from the port its Via names, by TCP byte by
 * byte, by TLS. After each one the agent answers OPTIONS and takes a call, and nothing is left.
 * Virtual time. */
#include "sip_help.h"

#include "cert_help.h"
#include "torture.h"

#include "core/sip/guard_judge.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>

enum { KINDS = 3, FILES = 3, PATIENCE_MS = 20000 };
enum kind { BY_UDP, BY_TCP, BY_TLS };

struct trial {
    const struct torture *message;
    enum kind kind;
    char title[160];
};

static const char *const kinds[KINDS] = {"udp", "tcp", "tls"};
static const char *const file_names[FILES] = {"rfc4475.txt", "ipv6.txt", "own.txt"};
static struct torture_file files[FILES];
static struct trial trials[KINDS * FILES * TORTURE_MAX];
static struct CMUnitTest tests[KINDS * FILES * TORTURE_MAX + 3];
static struct cert certificate;
static struct box box;
static struct ml_buf got; /* all that came back */

static void begin(void)
{
    static const char *const listen[] = {"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"};
    struct ml_agent_options options = {
        .listen = listen,
        .listen_count = KINDS,
        .tls = {.certificate_file = certificate.file, .key_file = certificate.key_file}};

    box_open_with(&box, &options);
    ml_buf_fini(&got);
}

static void end(void)
{
    ml_buf_fini(&got);
    box_close(&box);
    run_for(70000);
}

/* ---- who sends ---- */

/* An address of loopback that no other program of this machine is likely to use. */
static void own_address(char *text, size_t size)
{
    int pid = getpid();

    snprintf(text, size, "127.%d.%d.%d", 64 + (pid >> 14 & 31), pid >> 7 & 127, 1 + (pid & 127));
}

static uint16_t via_port(const struct torture *message)
{
    static struct ml_guard_message cut;
    const struct ml_guard_field *field;
    struct ml_guard_via via;
    struct ml_str rest, value;
    uint64_t port = 5060;
    size_t at = 0;

    ml_guard_cut((struct ml_str){message->bytes.p, message->bytes.n}, &cut);
    field = ml_guard_field(&cut, "Via", &at);
    rest = field ? field->value : (struct ml_str){"", 0};
    ml_guard_next_value(&rest, &value);
    if (ml_guard_parse_via(value, &via) && ml_str_uint(via.port, 65535, &port) != 0)
        port = ml_str_ieq(via.transport, ML_STR("TLS")) ? 5061 : 5060;
    return (uint16_t)port;
}

static void socket_address(struct sockaddr_in *at, const char *host, uint16_t port)
{
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &at->sin_addr);
}

struct sender {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    bool closed;
};

static void turn(void)
{
    struct ml_timer *timer = ml_timer_new(loop, stop_loop, NULL);

    ml_timer_set(timer, 0);
    ml_loop_run(loop);
    ml_timer_free(timer);
}

static void pump(struct sender *sender)
{
    char bytes[65536];
    ssize_t n;

    do {
        n = sender->ssl ? SSL_read(sender->ssl, bytes, sizeof bytes)
                        : recv(sender->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            ml_buf_add(&got, bytes, (size_t)n);
    } while (n > 0);
    if (sender->ssl)
        sender->closed = SSL_get_error(sender->ssl, (int)n) != SSL_ERROR_WANT_READ;
    else
        sender->closed = n == 0 || errno != EAGAIN;
}

static void open_tls(struct sender *sender)
{
    int timeout = 10000;

    sender->context = SSL_CTX_new(TLS_client_method());
    sender->ssl = SSL_new(sender->context);
    SSL_set_fd(sender->ssl, sender->fd);
    while (timeout-- > 0) {
        int n = SSL_connect(sender->ssl);

        if (n == 1)
            return;
        assert_int_equal(SSL_get_error(sender->ssl, n), SSL_ERROR_WANT_READ);
        turn();
    }
    fail_msg("no TLS");
}

static void sender_open(struct sender *sender, enum kind kind, uint16_t port)
{
    struct sockaddr_in own, to;
    char host[32];
    int one = 1;

    own_address(host, sizeof host);
    socket_address(&own, host, kind == BY_UDP ? port : 0);
    socket_address(&to, "127.0.0.1", port_of(ml_agent_address(box.agent, kind)));
    *sender = (struct sender){.fd = socket(AF_INET, kind == BY_UDP ? SOCK_DGRAM : SOCK_STREAM, 0)};
    setsockopt(sender->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(sender->fd, (void *)&own, sizeof own), 0);
    assert_int_equal(connect(sender->fd, (void *)&to, sizeof to), 0);
    if (kind == BY_UDP)
        return;
    setsockopt(sender->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(fcntl(sender->fd, F_SETFL, O_NONBLOCK), 0);
    if (kind == BY_TLS)
        open_tls(sender);
}

static void sender_close(struct sender *sender)
{
    if (sender->ssl) {
        SSL_free(sender->ssl);
        SSL_CTX_free(sender->context);
    }
    close(sender->fd);
}

/* piece: how many bytes at once; the agent looks at each piece. */
static void sender_send(struct sender *sender, struct ml_str bytes, size_t piece)
{
    while (bytes.n > 0 && !sender->closed) {
        size_t n = bytes.n < piece ? bytes.n : piece;
        ssize_t sent = sender->ssl ? SSL_write(sender->ssl, bytes.p, (int)n)
                                   : send(sender->fd, bytes.p, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EPIPE)
            return;
        assert_int_equal(sent, n);
        bytes = (struct ml_str){bytes.p + n, bytes.n - n};
        turn();
        turn();
        pump(sender);
    }
}

static bool has(const char *text)
{
    return got.p && memmem(got.p, got.n, text, strlen(text));
}

/* Waits until that came back; false when it does not. */
static bool comes(struct sender *sender, const char *text)
{
    int64_t until = ml_clock_ms() + PATIENCE_MS;

    while (!has(text) && ml_clock_ms() < until) {
        run_for(100);
        pump(sender);
    }
    return has(text);
}

static int count_of(const char *text)
{
    int count = 0;

    for (size_t i = 0; i + strlen(text) <= got.n; i++)
        count += memcmp(got.p + i, text, strlen(text)) == 0;
    return count;
}

/* ---- what must come back ---- */

static void check_nothing(struct sender *sender, bool closed)
{
    run_for(40000);
    pump(sender);
    assert_int_equal(sender->closed, closed);
    if (got.n > 0)
        fail_msg("%.*s", (int)got.n, got.p);
    assert_false(box.came);
}

/* The call comes to the program; its 200 is never acknowledged. reachable: where the BYE goes. */
static void check_call(struct sender *sender, bool reachable)
{
    struct side *side;

    if (!comes(sender, "SIP/2.0 100 "))
        fail_msg("no 100, but: %.*s", (int)got.n, got.p ? got.p : "");
    side = box_call(&box);
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), 0);
    assert_true(comes(sender, "SIP/2.0 200 "));
    side_expect(side, "ended 0 no-ack");
    assert_true(!reachable || comes(sender, "BYE sip"));
    side_drop(side);
}

static void check_answer(struct sender *sender, const char *wanted)
{
    char line[16], header[32] = "", word[32] = "";

    snprintf(line, sizeof line, "SIP/2.0 %.3s ", wanted);
    sscanf(wanted + 3, " %31s", word);
    if (!comes(sender, line))
        fail_msg("no \"%s\", but: %.*s", line, (int)got.n, got.p ? got.p : "");
    snprintf(header, sizeof header, "\r\n%s: ", word);
    if (strcmp(word, "close") == 0) {
        run_for(100);
        pump(sender);
        assert_true(sender->closed);
    } else {
        assert_false(sender->closed && sender->fd);
        assert_true(!word[0] || has(header));
    }
    run_for(40000);
    pump(sender);
    assert_int_equal(count_of("SIP/2.0 ") - count_of("Via: SIP/2.0 "), count_of(line));
    if (strcmp(line, "SIP/2.0 481 ") != 0) /* no answer of a transaction, that wants its ACK */
        assert_int_equal(count_of("\r\n\r\n"), 1);
    assert_false(box.came);
}

static void check_alive(void)
{
    struct wire wire;
    struct side *side;

    box.came = false;
    wire_open(&wire, box.port);
    wire_request(&wire, "OPTIONS", 1, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    snprintf(wire.call_id, sizeof wire.call_id, "alive-%u", wire.port);
    wire.cseq = 2;
    wire_invite(&wire, NULL, SDP_B);
    side = box_call(&box);
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), 0);
    wire_expect(&wire, "SIP/2.0 200");
    wire_take_tag(&wire);
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    wire_request(&wire, "BYE", 3, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "ended 0 peer");
    assert_int_equal(ml_agent_legs(box.agent), 0);
    wire_close(&wire);
}

static void torture(void **state)
{
    const struct trial *trial = *state;
    const struct torture *message = trial->message;
    const char *wanted = message->wanted[trial->kind != BY_UDP];
    struct sender sender;

    begin();
    sender_open(&sender, trial->kind, via_port(message));
    sender_send(&sender, (struct ml_str){message->bytes.p, message->bytes.n},
                trial->kind == BY_TCP ? 1 : 65536);
    if (strncmp(wanted, "none", 4) == 0)
        check_nothing(&sender, strstr(wanted, "close"));
    else if (strcmp(wanted, "call") == 0)
        check_call(&sender, message < files[1].messages);
    else
        check_answer(&sender, wanted);
    check_alive();
    sender_close(&sender);
    end();
}

static bool is_for(const struct torture *message, enum kind kind)
{
    return kind == BY_UDP || strcmp(message->wanted[1], "-") != 0;
}

/* All that leave the stream whole, in one write. */
static void a_stream_of_all_of_them_in_one_write(void **state)
{
    const struct torture_file *file = files;
    struct ml_buf all = {0};
    struct sender sender;
    int answers = 0;

    (void)state;
    begin();
    for (size_t i = 0; i < file->count; i++) {
        const struct torture *message = file->messages + i;

        if (!is_for(message, BY_TCP) || strstr(message->wanted[1], "close") ||
            strstr(message->wanted[1], "call"))
            continue;
        ml_buf_add(&all, message->bytes.p, message->bytes.n);
        answers += strcmp(message->wanted[1], "none") != 0;
    }
    assert_true(answers > 30);
    sender_open(&sender, BY_TCP, 0);
    sender_send(&sender, (struct ml_str){all.p, all.n}, all.n);
    assert_true(comes(&sender, "Call-ID: sdp01."));
    assert_int_equal(count_of("\r\n\r\n"), answers);
    assert_false(sender.closed);
    check_alive();
    sender_close(&sender);
    end();
    ml_buf_fini(&all);
}

/* ---- TLS has its own way of reading ---- */

static void a_double_crlf_by_tls_is_answered_by_one(void **state)
{
    struct sender sender;

    (void)state;
    begin();
    sender_open(&sender, BY_TLS, 0);
    sender_send(&sender, ML_STR("\r\n\r\n"), 4);
    assert_true(comes(&sender, "\r\n"));
    assert_int_equal(got.n, 2);
    check_alive();
    sender_close(&sender);
    end();
}

static void what_follows_a_broken_message_by_tls_is_left_unread(void **state)
{
    static const char broken[] =
        "OPTIONS sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKx\r\nl: x\r\n\r\n";
    char junk[60000];
    struct sender sender;
    int n;

    (void)state;
    memset(junk, 'x', sizeof junk);
    begin();
    sender_open(&sender, BY_TLS, 0);
    n = SSL_write(sender.ssl, broken, sizeof broken - 1);
    assert_int_equal(n, sizeof broken - 1);
    n = SSL_write(sender.ssl, junk, sizeof junk);
    assert_int_equal(n, sizeof junk);
    assert_true(comes(&sender, "SIP/2.0 400 Bad Content-Length"));
    run_for(1000);
    pump(&sender);
    assert_true(sender.closed);
    check_alive();
    sender_close(&sender);
    end();
}

/* ---- the list ---- */

static void list(const struct torture *message, const char *series, enum kind kind, size_t *count)
{
    struct trial *trial = trials + *count;

    trial->message = message;
    trial->kind = kind;
    snprintf(trial->title, sizeof trial->title, "torture %s %s %s by %s: %s", series,
             message->section, message->name, kinds[kind], message->wanted[kind != BY_UDP]);
    tests[*count] = (struct CMUnitTest){trial->title, torture, loop_setup, loop_teardown, trial};
    ++*count;
}

static int make_certificate(void **state)
{
    (void)state;
    certs_open();
    cert_make(&certificate, "torture", "IP:127.0.0.1", 100, NULL);
    return 0;
}

static int remove_certificate(void **state)
{
    (void)state;
    cert_free(&certificate);
    certs_close();
    return 0;
}

int main(void)
{
    static const char *const series[FILES] = {"4475", "5118", "own"};
    const struct CMUnitTest others[] = {
        TEST(a_stream_of_all_of_them_in_one_write),
        TEST(a_double_crlf_by_tls_is_answered_by_one),
        TEST(what_follows_a_broken_message_by_tls_is_left_unread),
    };
    size_t count = 0;
    int failed;

    ml_clock_virtual();
    for (size_t i = 0; i < FILES; i++) {
        torture_read(files + i, file_names[i]);
        for (size_t j = 0; j < files[i].count; j++)
            for (int kind = 0; kind < KINDS; kind++)
                if (is_for(files[i].messages + j, (enum kind)kind))
                    list(files[i].messages + j, series[i], (enum kind)kind, &count);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        tests[count++] = others[i];
    failed = _cmocka_run_group_tests("torture", tests, count, make_certificate, remove_certificate);
    for (size_t i = 0; i < FILES; i++)
        torture_free(files + i);
    return failed;
}
