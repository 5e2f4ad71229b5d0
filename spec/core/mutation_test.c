/* The messages of spec/torture with a few bytes changed, at random but the same each time, to an
 * agent that answers every call and never gets an ACK: what breaks a stack a while later shows as
 * well. MUTATIONS in the environment says how many. Virtual time. */
#include "sip_help.h"

#include "torture.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/sip/guard_priv.h"

enum { FILES = 3, MUTATIONS = 3000, BATCH = 50 };

static struct torture_file files[FILES];

static const struct torture *any_message(void)
{
    const struct torture_file *file = files + ml_random_below(FILES);

    return file->messages + ml_random_below((uint32_t)file->count);
}

/* A call that nobody made before. */
static void fresh_invite(struct ml_buf *bytes, const char *local)
{
    static int number;

    number++;
    ml_buf_printf(bytes,
                  "INVITE sip:b@127.0.0.1 SIP/2.0\r\n"
                  "Via: SIP/2.0/UDP %s;rport;branch=z9hG4bKm%d\r\nMax-Forwards: 70\r\n"
                  "From: \"A\" <sip:a@127.0.0.1>;tag=m%d\r\nTo: <sip:b@127.0.0.1>\r\n"
                  "Call-ID: m%d@a\r\nCSeq: %d INVITE\r\nContact: <sip:a@%s;x=y>;q=1\r\n"
                  "Supported: timer, 100rel\r\nContent-Type: application/sdp\r\n"
                  "Content-Length: %zu\r\n\r\n%s",
                  local, number, number, number, number, local, strlen(SDP_B), SDP_B);
}

static void cut_out(struct ml_buf *bytes, size_t at, size_t n)
{
    n = n < bytes->n - at ? n : bytes->n - at;
    memmove(bytes->p + at, bytes->p + at + n, bytes->n - at - n);
    bytes->n -= n;
}

static void put_in(struct ml_buf *bytes, size_t at, struct ml_str text)
{
    char *rest = ml_strndup(bytes->p + at, bytes->n - at);
    size_t n = bytes->n - at;

    bytes->n = at;
    ml_buf_add(bytes, text.p, text.n);
    ml_buf_add(bytes, rest, n);
    ml_free(rest);
}

static struct ml_str any_word(void)
{
    static const char *const words[] = {"\r\n",
                                        ":",
                                        ";",
                                        ",",
                                        "<",
                                        ">",
                                        "\"",
                                        "\\",
                                        "@",
                                        "%00",
                                        "%",
                                        "[",
                                        "]",
                                        "[::1]",
                                        "sip:",
                                        "sips:",
                                        "tel:",
                                        "name:",
                                        " ",
                                        "\t",
                                        "\r\n ",
                                        "?",
                                        "=",
                                        "*",
                                        "z9hG4bK",
                                        ";tag=",
                                        ";lr",
                                        "4294967296",
                                        "-1",
                                        "SIP/2.0",
                                        "\xc3\xa4",
                                        "\xff",
                                        "Contact: <sip:a@b>\r\n",
                                        "Record-Route: <sip:127.0.0.1;lr>\r\n",
                                        "Require: 100rel\r\n",
                                        "Session-Expires: 90;refresher=uas\r\n",
                                        "Supported: timer, 100rel\r\n",
                                        "RAck: 1 1 INVITE\r\n",
                                        "Replaces: a;to-tag=b;from-tag=c\r\n",
                                        "Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\n"};

    return ml_str(words[ml_random_below(sizeof words / sizeof *words)]);
}

static void mutate(struct ml_buf *bytes)
{
    int changes = 1 + (int)ml_random_below(4);

    while (changes-- > 0 && bytes->n > 8) {
        size_t at = ml_random_below((uint32_t)bytes->n);
        const struct torture *other = any_message();
        size_t from = ml_random_below((uint32_t)other->bytes.n);
        size_t n = 1 + ml_random_below(40);

        switch (ml_random_below(5)) {
        case 0:
            bytes->p[at] = (char)ml_random_below(256);
            break;
        case 1:
            cut_out(bytes, at, n);
            break;
        case 2:
            n = n < other->bytes.n - from ? n : other->bytes.n - from;
            put_in(bytes, at, (struct ml_str){other->bytes.p + from, n});
            break;
        default:
            put_in(bytes, at, any_word());
            break;
        }
    }
}

/* ---- an agent that answers ---- */

static int calls, over;
static struct side talk; /* the description of all calls */

static void on_call_event(struct ml_leg *leg, const struct ml_leg_event *event, void *user)
{
    (void)user;
    if (event->kind != ML_LEG_ENDED && event->kind != ML_LEG_CANCELED &&
        event->kind != ML_LEG_FAILED)
        return;
    over++;
    ml_leg_unref(leg);
}

static void answer_it(struct ml_leg *leg, void *user)
{
    (void)user;
    calls++;
    ml_leg_ref(leg);
    ml_leg_watch(leg, on_call_event, NULL);
    ml_leg_describe(leg, &fake_description, &talk);
    if (ml_leg_answer(leg, NULL, 0) != 0) {
        over++;
        ml_leg_unref(leg);
    }
}

static const struct ml_agent_handlers handlers = {answer_it, NULL};

static int tcp_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (void *)&to, sizeof to), 0);
    return fd;
}

/* Whatever came back is of no interest. */
static void forget_answers(struct wire *wire)
{
    while (wire_expect_ms(wire, "", 1))
        continue;
}

static void changed_messages_do_no_harm(void **state)
{
    static const char *const listen[] = {"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}, *const allow[] = {
                                                                                    "127.0.0.0/8"};
    struct ml_resolver_options names = {0};
    struct ml_agent_options options = {.listen = listen,
                                       .listen_count = 2,
                                       .access.allow = allow,
                                       .access.allow_count = 1,
                                       .session_expires = 1800};
    struct ml_fault fault;
    struct ml_agent *agent;
    struct wire wire;
    const char *wanted = getenv("MUTATIONS");
    int count = wanted ? atoi(wanted) : MUTATIONS;

    (void)state;
    talk = (struct side){0};
    assert_int_equal(ml_resolver_new(loop, &names, &options.resolver, &fault), 0);
    assert_int_equal(ml_agent_new(loop, &options, &handlers, NULL, &agent, &fault), 0);
    for (int i = 0; i < count; i += BATCH) {
        int fd = tcp_to(port_of(ml_agent_address(agent, 1)));

        wire_open(&wire, port_of(ml_agent_address(agent, 0)));
        for (int j = 0; j < BATCH; j++) {
            const struct torture *message = any_message();
            struct ml_buf bytes = {0};

            if (ml_random_below(2) == 0)
                fresh_invite(&bytes, wire.local);
            else
                ml_buf_add(&bytes, message->bytes.p, message->bytes.n);
            mutate(&bytes);
            if (ml_random_below(4) == 0 && bytes.n < 65000)
                send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
            else if (bytes.n < 65000)
                wire_raw(&wire, bytes.p, bytes.n);
            ml_buf_fini(&bytes);
            ml_guard_rate_reset();
            run_for(1);
            forget_answers(&wire);
        }
        close(fd);
        snprintf(wire.call_id, sizeof wire.call_id, "alive-%d", i);
        wire_request(&wire, "OPTIONS", 1, NULL, NULL);
        wire_expect(&wire, "SIP/2.0 200");
        wire_close(&wire);
        if (i % 1000 < BATCH) /* past timer H and the BYEs */
            run_for(70000);
    }
    run_for(140000);
    assert_in_range(calls, count / 20, count);
    assert_int_equal(over, calls);
    assert_int_equal(ml_agent_legs(agent), 0);
    ml_agent_free(agent);
    ml_resolver_free(options.resolver);
    run_for(70000);
}

int main(void)
{
    static const char *const names[FILES] = {"rfc4475.txt", "ipv6.txt", "own.txt"};
    const struct CMUnitTest tests[] = {TEST(changed_messages_do_no_harm)};
    const char *seed = getenv("SEED");
    int failed;

    ml_clock_virtual();
    ml_random_seed(seed ? (uint64_t)atoll(seed) : 4475);
    ml_log_setup(ML_LOG_ERROR, false);
    for (size_t i = 0; i < FILES; i++)
        torture_read(files + i, names[i]);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < FILES; i++)
        torture_free(files + i);
    return failed;
}
