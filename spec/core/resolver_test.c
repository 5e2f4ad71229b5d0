/* Against a name server of our own on 127.0.0.1 that knows a handful of names. */
#include "spec/core/net_help.h"

#include "core/net/resolver.h"

static struct ml_resolver *resolver;
static int server_fd;
static struct ml_io *server_io;
static uint16_t server_port;
static bool done, silent;
static int status, questions;
static struct ml_host hosts[32];
static size_t count;

static void add16(struct ml_buf *b, unsigned value)
{
    unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};

    ml_buf_add(b, bytes, 2);
}

static void add_name(struct ml_buf *b, const char *name)
{
    struct ml_str rest = ml_str(name), label;

    while (ml_str_cut(&rest, '.', &label)) {
        unsigned char n = (unsigned char)label.n;

        ml_buf_add(b, &n, 1);
        ml_buf_add(b, label.p, label.n);
    }
    ml_buf_add(b, "", 1);
}

/* Name (a pointer to the question), type, class, time to live, data. */
static void add_record(struct ml_buf *b, unsigned type, const void *data, size_t n)
{
    add16(b, 0xc00c);
    add16(b, type);
    add16(b, 1);
    add16(b, 0);
    add16(b, 60);
    add16(b, (unsigned)n);
    ml_buf_add(b, data, n);
}

static void add_srv(struct ml_buf *b, unsigned priority, unsigned weight, unsigned port,
                    const char *target)
{
    struct ml_buf data = {0};

    add16(&data, priority);
    add16(&data, weight);
    add16(&data, port);
    add_name(&data, target);
    add_record(b, 33, data.p, data.n);
    ml_buf_fini(&data);
}

static unsigned add_answers(struct ml_buf *b, const char *name, unsigned type)
{
    if (strcmp(name, "one.test") == 0 && type == 1) {
        add_record(b, 1, "\x0a\x00\x00\x01", 4);
        return 1;
    }
    if (strcmp(name, "one.test") == 0 && type == 28) {
        add_record(b, 28, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
        return 1;
    }
    if (strcmp(name, "two.test") == 0 && type == 1) {
        add_record(b, 1, "\x0a\x00\x00\x02", 4);
        add_record(b, 1, "\x0a\x00\x00\x03", 4);
        return 2;
    }
    if (strcmp(name, "_sip._udp.service.test") == 0 && type == 33) {
        add_srv(b, 20, 0, 5062, "two.test");
        add_srv(b, 10, 5, 5061, "10.9.9.9");
        add_srv(b, 30, 0, 5063, "gone.test");
        return 3;
    }
    if (strcmp(name, "_sip._udp.nothing.test") == 0 && type == 33) {
        add_srv(b, 0, 0, 0, "");
        return 1;
    }
    return 0;
}

static void read_name(const unsigned char *p, char *name)
{
    for (; *p; p += *p + 1) {
        strncat(name, (const char *)p + 1, *p);
        if (p[*p + 1])
            strcat(name, ".");
    }
}

static void on_question(int fd, int events, void *user)
{
    unsigned char bytes[512];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (void *)&from, &length);
    struct ml_buf reply = {0};
    char name[256] = "";
    size_t end = 12;
    unsigned answers;

    (void)events;
    (void)user;
    questions++;
    if (n < 17 || silent)
        return;
    read_name(bytes + 12, name);
    while (bytes[end])
        end += bytes[end] + 1u;
    ml_buf_add(&reply, bytes, end + 5);
    answers = add_answers(&reply, name, (unsigned)bytes[end + 1] << 8 | bytes[end + 2]);
    reply.p[2] = (char)0x84;
    reply.p[3] = (char)(answers || strstr(name, "one") || strstr(name, "two") ? 0 : 3);
    memset(reply.p + 6, 0, 6);
    reply.p[7] = (char)answers;
    sendto(fd, reply.p, reply.n, 0, (void *)&from, length);
    ml_buf_fini(&reply);
}

static void open_all(const char *const *table, size_t pairs)
{
    struct ml_resolver_options options = {.resolve = table, .resolve_count = pairs, .try_ms = 300};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    struct ml_fault fault;
    char servers[64];

    server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server_fd, (void *)&at, sizeof at), 0);
    assert_int_equal(getsockname(server_fd, (void *)&at, &length), 0);
    server_port = ntohs(at.sin_port);
    server_io = ml_io_new(loop, server_fd, ML_READ, on_question, NULL);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", server_port);
    options.servers = servers;
    silent = false;
    questions = 0;
    if (ml_resolver_new(loop, &options, &resolver, &fault) != ML_OK)
        fail_msg("%s", fault.text);
}

static void close_all(void)
{
    ml_resolver_free(resolver);
    ml_io_free(server_io);
    close(server_fd);
}

static void on_answer(int code, const struct ml_host *given, size_t n, void *user)
{
    (void)user;
    assert_false(done);
    done = true;
    status = code;
    count = n;
    assert_int_equal(n > 0, code == ML_OK);
    if (n)
        memcpy(hosts, given, n * sizeof *given);
}

static void ask(const char *name)
{
    done = false;
    assert_non_null(ml_resolve_host(resolver, name, on_answer, NULL));
    assert_false(done);
    wait_for(&done);
}

static void ask_srv(const char *name)
{
    done = false;
    assert_non_null(ml_resolve_srv(resolver, name, on_answer, NULL));
    assert_false(done);
    wait_for(&done);
}

static bool has(const char *address)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(hosts[i].address, address) == 0)
            return true;
    }
    return false;
}

static void test_S5_addresses(void **state)
{
    (void)state;
    open_all(NULL, 0);
    ask("one.test");
    assert_int_equal(status, ML_OK);
    assert_int_equal(count, 2);
    assert_true(has("10.0.0.1"));
    assert_true(has("fd00::1"));
    ask("two.test");
    assert_int_equal(count, 2);
    assert_true(has("10.0.0.2") && has("10.0.0.3"));
    assert_int_equal(hosts[0].port, 0);
    ask("nowhere.test");
    assert_int_equal(status, ML_ENOTFOUND);
    ask("localhost");
    assert_true(has("127.0.0.1"));
    close_all();
}

static void test_S5_services(void **state)
{
    (void)state;
    open_all(NULL, 0);
    ask_srv("_sip._udp.service.test");
    assert_int_equal(status, ML_OK);
    assert_int_equal(count, 3);
    assert_string_equal(hosts[0].address, "10.9.9.9");
    assert_int_equal(hosts[0].port, 5061);
    assert_int_equal(hosts[0].priority, 10);
    assert_int_equal(hosts[0].weight, 5);
    assert_int_equal(hosts[1].port, 5062);
    assert_int_equal(hosts[2].port, 5062);
    ask_srv("_sip._udp.nothing.test");
    assert_int_equal(status, ML_ENOTFOUND);
    ask_srv("_sip._tcp.service.test");
    assert_int_equal(status, ML_ENOTFOUND);
    close_all();
}

static void test_what_needs_no_server(void **state)
{
    static const char *const table[] = {"Example.com", "127.0.0.1:8080", "v6.test",
                                        "[::1]:99",    "plain.test",     "fd00::2"};
    char long_name[400];

    (void)state;
    open_all(table, 3);
    ask("example.COM");
    assert_string_equal(hosts[0].address, "127.0.0.1");
    assert_int_equal(hosts[0].port, 8080);
    ask("v6.test");
    assert_string_equal(hosts[0].address, "::1");
    assert_int_equal(hosts[0].port, 99);
    ask("plain.test");
    assert_string_equal(hosts[0].address, "fd00::2");
    ask("10.1.2.3");
    assert_string_equal(hosts[0].address, "10.1.2.3");
    ask("[::1]");
    assert_string_equal(hosts[0].address, "::1");
    ask_srv("_sip._udp.example.com");
    assert_int_equal(status, ML_ENOTFOUND);
    ask("");
    assert_int_equal(status, ML_ENOTFOUND);
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ask(long_name);
    assert_int_equal(status, ML_ENOTFOUND);
    assert_int_equal(questions, 0);
    close_all();
}

static void test_tables_that_are_none(void **state)
{
    static const char *const bad[] = {"1.2.3", "host",   "",        "1.2.3.4:99999",
                                      "[::1",  "[::1]x", "1.2.3.4:"};
    struct ml_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *pair[] = {"name.test", bad[i]};
        struct ml_resolver_options options = {.resolve = pair, .resolve_count = 1};

        assert_int_equal(ml_resolver_new(loop, &options, &resolver, &fault), ML_EINVAL);
        assert_non_null(strstr(fault.text, "name.test"));
    }
}

static void must_not_come(int code, const struct ml_host *given, size_t n, void *user)
{
    (void)code;
    (void)given;
    (void)n;
    (void)user;
    fail_msg("told after the cancel");
}

static void test_cancelling_and_freeing(void **state)
{
    (void)state;
    open_all(NULL, 0);
    ml_query_cancel(ml_resolve_host(resolver, "one.test", must_not_come, NULL));
    ml_query_cancel(ml_resolve_host(resolver, "1.2.3.4", must_not_come, NULL));
    ml_query_cancel(ml_resolve_srv(resolver, "_sip._udp.service.test", must_not_come, NULL));
    run_for(20);
    silent = true;
    ml_resolve_host(resolver, "one.test", must_not_come, NULL);
    ml_resolve_srv(resolver, "_sip._udp.service.test", must_not_come, NULL);
    run_for(5);
    close_all();
}

static void test_a_server_that_is_silent(void **state)
{
    int64_t begun = ml_clock_ms();

    (void)state;
    open_all(NULL, 0);
    silent = true;
    ask("one.test");
    assert_int_equal(status, ML_ETIMEOUT);
    assert_true(ml_clock_ms() - begun < 9000);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_S5_addresses),           TEST(test_S5_services),
        TEST(test_what_needs_no_server),   TEST(test_tables_that_are_none),
        TEST(test_cancelling_and_freeing), TEST(test_a_server_that_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
