/* The agent around its legs: who may call in, what needs no leg, transports and addresses.
 * Virtual time. */
#include "sip_help.h"

#include "core/sip/agent_priv.h"
#include "core/sip/auth.h"

static struct box box, other;
static struct wire wire;
static struct side side;

static const struct ml_agent_user users[] = {{"alice", "secret"}, {"bob", "x"}};
static const char *const nobody[] = {"10.0.0.0/8"};

static void begin_with(struct ml_agent_options *options)
{
    box_open_with(&box, options);
    wire_open(&wire, box.port);
    side = (struct side){0};
}

static void begin(void)
{
    struct ml_agent_options options = {0};

    begin_with(&options);
}

static void end(void)
{
    if (side.leg)
        side_drop(&side);
    wire_close(&wire);
    box_close(&box);
    run_for(70000);
}

/* ---- who may call in ---- */

static void networks_hold_their_addresses(void **state)
{
    static const struct {
        const char *cidr, *host;
        bool inside;
    } cases[] = {
        {"127.0.0.0/8", "127.0.0.1", true},
        {"127.0.0.0/8", "128.0.0.1", false},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.0/32", "10.0.0.1", false},
        {"192.168.0.0/23", "192.168.1.255", true},
        {"192.168.0.0/23", "192.168.2.0", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "8.8.8.8", true}, /* as ::ffff:8.8.8.8 */
        {"::1", "::1", true},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"10.0.0.0/33", "10.0.0.0", false},
        {"10.0.0.0/129", "10.0.0.0", false},
        {"10.0.0.0/", "10.0.0.0", false},
        {"10.0.0.0/-1", "10.0.0.0", false},
        {"10.0.0.0/8x", "10.0.0.0", false},
        {"10.0.0.0/8/8", "10.0.0.0", false},
        {"/8", "10.0.0.0", false},
        {"", "10.0.0.0", false},
        {"localhost", "127.0.0.1", false},
        {"127.0.0.0/8", "localhost", false},
        {"127.0.0.0/8", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ml_cidr_match(cases[i].cidr, cases[i].host) != cases[i].inside)
            fail_msg("%s, %s", cases[i].cidr, cases[i].host);
}

static void strangers_get_403_and_only_twenty_of_them_a_second(void **state)
{
    struct ml_agent_options options = {.access.allow = nobody, .access.allow_count = 1};
    int refused;

    (void)state;
    begin_with(&options);
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 403");
    run_for(2000);
    for (int i = 0; i < 40; i++) {
        snprintf(wire.call_id, sizeof wire.call_id, "many-%d", i);
        wire_invite(&wire, NULL, SDP_B);
    }
    refused = wire_count(&wire, "SIP/2.0 403", 300);
    assert_in_range(refused, 20, 40); /* of two seconds at the most */
    assert_false(box.came);
    end();
}

/* Waits for the 401 to the INVITE just sent, and acknowledges it. */
static void challenged(int cseq)
{
    char uri[64];

    wire_expect(&wire, "SIP/2.0 401");
    assert_int_equal(atoi(header_of(wire.last, "CSeq")), cseq);
    wire_take_tag(&wire);
    snprintf(uri, sizeof uri, "sip:moon@127.0.0.1:%u", wire.to);
    wire_request_to(&wire, uri, "ACK", cseq, wire.branch, NULL, NULL);
    wire.to_tag[0] = '\0';
}

/* Answers the challenge of the last message. */
static void invite_again(const char *name, const char *password, int cseq)
{
    char *value = NULL, *line;

    assert_int_equal(ml_auth_answer(header_of(wire.last, "WWW-Authenticate"), 1, "INVITE",
                                    "sip:moon@127.0.0.1", ml_str(""), name, password, &value),
                     0);
    line = ml_format("Authorization: %s\r\n", value);
    wire.cseq = cseq;
    wire_invite(&wire, line, SDP_B);
    ml_free(line);
    ml_free(value);
}

static void users_prove_who_they_are(void **state)
{
    struct ml_agent_options options = {.access.allow = nobody,
                                       .access.allow_count = 1,
                                       .access.users = users,
                                       .access.user_count = 2};
    struct ml_leg_info info;
    const char *first;

    (void)state;
    begin_with(&options);
    wire_invite(&wire, NULL, SDP_B);
    challenged(1);
    first = strstr(wire.last, "WWW-Authenticate:");
    assert_non_null(strstr(first, "SHA-256"));
    assert_true(strstr(first, "SHA-256") > strstr(first, "algorithm=MD5")); /* MD5 first */
    assert_false(box.came);
    invite_again("alice", "secret", 2);
    ml_leg_info(box_call(&box)->leg, &info);
    assert_string_equal(info.username, "alice");
    end();
}

static void who_knows_no_password_is_asked_again(void **state)
{
    struct ml_agent_options options = {.access.allow = nobody,
                                       .access.allow_count = 1,
                                       .access.users = users,
                                       .access.user_count = 2};

    (void)state;
    begin_with(&options);
    wire_invite(&wire, NULL, SDP_B);
    challenged(1);
    invite_again("alice", "guess", 2);
    challenged(2);
    assert_null(strstr(header_of(wire.last, "WWW-Authenticate"), "stale"));
    invite_again("mallory", "secret", 3);
    challenged(3);
    wire_request(&wire, "INVITE", 4, "Authorization: Digest username=\"alice\"\r\n", SDP_B);
    challenged(4);
    assert_false(box.came);
    run_for(310000);
    assert_non_null(strstr(header_of(wire.last, "WWW-Authenticate"), "nonce"));
    invite_again("alice", "secret", 5); /* right, with a nonce that has grown old */
    challenged(5);
    assert_non_null(strstr(header_of(wire.last, "WWW-Authenticate"), "stale=true"));
    invite_again("alice", "secret", 6);
    box_call(&box);
    end();
}

static void SIP_22_what_was_heard_cannot_be_said_again(void **state)
{
    struct ml_agent_options options = {.access.allow = nobody,
                                       .access.allow_count = 1,
                                       .access.users = users,
                                       .access.user_count = 2};
    char *value = NULL, *line;

    (void)state;
    begin_with(&options);
    wire_invite(&wire, NULL, SDP_B);
    challenged(1);
    assert_int_equal(ml_auth_answer(header_of(wire.last, "WWW-Authenticate"), 1, "INVITE",
                                    "sip:moon@127.0.0.1", ml_str(""), "alice", "secret", &value),
                     0);
    line = ml_format("Authorization: %s\r\n", value);
    wire.cseq = 2;
    wire_invite(&wire, line, SDP_B);
    box_call(&box);
    snprintf(wire.call_id, sizeof wire.call_id, "a-thief");
    wire_invite(&wire, line, SDP_B);
    wire_expect(&wire, "SIP/2.0 401");
    assert_int_equal(box.in_count, 1);
    ml_free(line);
    ml_free(value);
    end();
}

/* ---- what needs no leg ---- */

static void options_is_answered_outside_any_dialog(void **state)
{
    (void)state;
    begin();
    wire_request(&wire, "OPTIONS", 1, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    assert_non_null(strstr(header_of(wire.last, "Allow"), "INVITE"));
    assert_string_equal(header_of(wire.last, "Accept"), "application/sdp");
    assert_string_equal(box.methods, "OPTIONS");
    box.admit = 503;
    box.retry_after = 7;
    wire_request(&wire, "OPTIONS", 2, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 503");
    assert_string_equal(header_of(wire.last, "Retry-After"), "7");
    end();
}

static void who_is_not_admitted_gets_the_code(void **state)
{
    (void)state;
    begin();
    box.admit = 503;
    box.retry_after = 11;
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 503");
    assert_string_equal(header_of(wire.last, "Retry-After"), "11");
    assert_false(box.came);
    assert_string_equal(box.methods, "INVITE");
    box.admit = 0;
    snprintf(wire.call_id, sizeof wire.call_id, "later");
    wire_invite(&wire, NULL, SDP_B);
    box_call(&box);
    end();
}

static void invites_that_no_policy_has_to_see(void **state)
{
    (void)state;
    begin();
    wire_invite(&wire, "Require: magic\r\n", SDP_B);
    wire_expect(&wire, "SIP/2.0 420");
    assert_string_equal(header_of(wire.last, "Unsupported"), "magic");
    snprintf(wire.call_id, sizeof wire.call_id, "b");
    wire_invite(&wire, "Content-Type: text/plain\r\n", "hello");
    wire_expect(&wire, "SIP/2.0 415");
    assert_string_equal(header_of(wire.last, "Accept"), "application/sdp");
    snprintf(wire.call_id, sizeof wire.call_id, "c");
    snprintf(wire.contact, sizeof wire.contact, "<tel:+15550100>");
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 400");
    assert_false(box.came);
    end();
}

/* ---- transports ---- */

static void refused(const char *listen, const char *text)
{
    struct ml_agent_options options = {.listen = &listen, .listen_count = 1};
    struct ml_agent *agent = NULL;
    struct ml_fault fault = {0};

    assert_int_not_equal(ml_agent_new(loop, &options, &box_handlers, NULL, &agent, &fault), 0);
    if (!strstr(fault.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, fault.text);
}

static void listeners_that_cannot_be(void **state)
{
    char taken[64];

    (void)state;
    refused("", "expected");
    refused("127.0.0.1:5060", "expected");
    refused("ws:127.0.0.1:5060", "udp:, tcp: or tls:");
    refused("udp:127.0.0.1", "expected");
    refused("udp:127.0.0.1:70000", "a port from 0 to 65535");
    refused("udp:127.0.0.1:", "a port from 0 to 65535");
    refused("udp:localhost:5060", "numeric");
    refused("udp:192.0.2.1:5060", "is it an address of this machine");
    begin();
    snprintf(taken, sizeof taken, "udp:127.0.0.1:%u", wire.port);
    refused(taken, "is it in use");
    end();
}

static void call_between(const char *listen, const char *host, const char *kind)
{
    struct ml_agent_options options = {.listen = &listen, .listen_count = 1};
    struct ml_leg_info info;
    struct side *there;
    uint16_t port;
    char uri[96];

    box_open_with(&other, &options);
    snprintf(uri, sizeof uri, "sip:bob@%s:%u;transport=%s", host, other.port, kind);
    box_dial(&box, &side, uri);
    there = box_call(&other);
    ml_leg_info(there->leg, &info);
    assert_string_equal(info.transport, kind);
    port = info.source_port;
    assert_int_equal(ml_leg_answer(there->leg, NULL, 0), 0);
    side_expect(&side, "answered 200");
    side_expect(there, "confirmed");
    assert_int_equal(ml_leg_reoffer(there->leg), 0); /* from the one that was called */
    run_for(100);
    assert_int_equal(side.taken_offers, 1);
    assert_int_equal(ml_leg_reoffer(side.leg), 0);
    run_for(100);
    assert_int_equal(there->taken_offers, 2);
    ml_leg_hangup(there->leg, NULL, 0);
    side_expect(&side, "ended 0 peer");
    side_expect(there, "ended 200 local");
    side_drop(&side);
    box_dial(&box, &side, uri); /* once more, over what is there */
    there = box_call(&other);
    ml_leg_info(there->leg, &info);
    assert_int_equal(info.source_port, port);
    assert_int_equal(ml_leg_reject(there->leg, 486, NULL, NULL, 0), 0);
    side_expect(&side, "failed 486 response");
    box_close(&other);
}

static void a_call_over_ipv6(void **state)
{
    static const char *const listen[] = {"udp:[::1]:0"};
    struct ml_agent_options options = {.listen = listen, .listen_count = 1};

    (void)state;
    begin_with(&options);
    assert_int_equal(strncmp(ml_agent_address(box.agent, 0), "udp:[::1]:", 10), 0);
    call_between("udp:[::1]:0", "[::1]", "udp");
    end();
}

static void a_call_over_tcp(void **state)
{
    (void)state;
    begin(); /* listens on udp only: a way out by tcp is made once */
    call_between("tcp:127.0.0.1:0", "127.0.0.1", "tcp");
    end();
}

static void a_call_over_tcp_and_ipv6(void **state)
{
    static const char *const listen[] = {"tcp:[::1]:0"};
    struct ml_agent_options options = {.listen = listen, .listen_count = 1};

    (void)state;
    begin_with(&options);
    call_between("tcp:[::1]:0", "[::1]", "tcp");
    end();
}

static void there_is_no_way_from_ipv4_to_ipv6(void **state)
{
    (void)state;
    begin();
    box_dial(&box, &side, "sip:bob@[::1]:5060");
    side_expect(&side, "failed 0 network");
    assert_non_null(strstr(side.text, "no local address"));
    end();
}

static void advertised_addresses_are_written_as_they_must(void **state)
{
    static const struct {
        const char *given, *contact;
    } cases[] = {
        {"203.0.113.7", "<sip:203.0.113.7:%u>"},
        {"203.0.113.7:5090", "<sip:203.0.113.7:5090>"},
        {"sip.example.com", "<sip:sip.example.com:%u>"},
        {"sip.example.com:5090", "<sip:sip.example.com:5090>"},
        {"2001:db8::7", "<sip:[2001:db8::7]:%u>"},
        {"[2001:db8::7]", "<sip:[2001:db8::7]:%u>"},
        {"[2001:db8::7]:5090", "<sip:[2001:db8::7]:5090>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ml_agent_options options = {.advertise = cases[i].given};
        char wanted[80];
        const char *percent = strchr(cases[i].contact, '%');

        begin_with(&options);
        snprintf(wanted, sizeof wanted, "%s", cases[i].contact);
        if (percent)
            snprintf(wanted, sizeof wanted, "%.*s%u>", (int)(percent - cases[i].contact),
                     cases[i].contact, box.port);
        wire_invite(&wire, NULL, SDP_B);
        assert_int_equal(ml_leg_answer(box_call(&box)->leg, NULL, 0), 0);
        wire_expect(&wire, "SIP/2.0 200");
        assert_string_equal(header_of(wire.last, "Contact"), wanted);
        wire_take_tag(&wire);
        wire_ack(&wire, NULL);
        side_expect(&box.in[0], "confirmed");
        ml_leg_hangup(box.in[0].leg, NULL, 0);
        wire_expect(&wire, "BYE ");
        *strchr(wanted, '>') = '\0';
        assert_non_null(strstr(header_of(wire.last, "Via"), wanted + strlen("<sip:")));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(networks_hold_their_addresses),
        TEST(strangers_get_403_and_only_twenty_of_them_a_second),
        TEST(users_prove_who_they_are),
        TEST(who_knows_no_password_is_asked_again),
        TEST(SIP_22_what_was_heard_cannot_be_said_again),
        TEST(options_is_answered_outside_any_dialog),
        TEST(who_is_not_admitted_gets_the_code),
        TEST(invites_that_no_policy_has_to_see),
        TEST(listeners_that_cannot_be),
        TEST(a_call_over_ipv6),
        TEST(a_call_over_tcp),
        TEST(a_call_over_tcp_and_ipv6),
        TEST(there_is_no_way_from_ipv4_to_ipv6),
        TEST(advertised_addresses_are_written_as_they_must),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
