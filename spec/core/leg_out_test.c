/* Legs that we dial: the agent under test, and a bare UDP callee that does it right and wrong.
 * Virtual time. */
#include "sip_help.h"

static struct box box;
static struct wire wire;
static struct side side;
static char *invite; /* the last INVITE that came */

static void begin(void)
{
    box_open(&box);
    wire_open(&wire, box.port);
    invite = NULL;
}

static void end(void)
{
    ml_free(invite);
    if (side.leg)
        side_drop(&side);
    wire_close(&wire);
    box_close(&box);
}

static void take_invite(void)
{
    wire_expect(&wire, "INVITE ");
    ml_free(invite);
    invite = ml_strdup(wire.last);
}

static void dial(void)
{
    char uri[64];

    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    box_dial(&box, &side, uri);
    take_invite();
}

static void reply(const char *status, const char *extra, const char *body)
{
    wire_reply(&wire, invite, status, "b1", extra, body);
}

static void connected(const char *extra)
{
    dial();
    reply("200 OK", extra, SDP_B);
    wire_expect(&wire, "ACK ");
    side_expect(&side, "answered 200");
}

static void rings_answers_and_hangs_up(void **state)
{
    struct ml_leg_info info;

    (void)state;
    begin();
    dial();
    assert_string_equal(side.log, "sent 0\n");
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_CALLING);
    assert_string_equal(body_of(invite), SDP_A);
    assert_string_equal(header_of(invite, "User-Agent"), "moonline");
    assert_string_equal(header_of(invite, "Max-Forwards"), "70");
    assert_non_null(strstr(header_of(invite, "From"), "sip:moon@127.0.0.1"));
    assert_non_null(strstr(header_of(invite, "Via"), "127.0.0.1:"));
    ml_leg_info(side.leg, &info);
    assert_false(info.incoming);
    assert_string_equal(info.call_id, header_of(invite, "Call-ID"));
    assert_int_equal(info.source_port, wire.port);
    reply("100 Trying", NULL, NULL);
    reply("180 Ringing", "X-Ring: 1\r\n", NULL);
    side_expect(&side, "ringing 180\n");
    assert_non_null(strstr(side.headers, "X-Ring: 1"));
    reply("183 Session Progress", NULL, SDP_B);
    side_expect(&side, "ringing 183 early");
    assert_string_equal(side.sdp, SDP_B);
    reply("200 OK", "X-Color: blue\r\n", SDP_B);
    side_expect(&side, "answered 200");
    assert_non_null(strstr(side.headers, "X-Color: blue"));
    wire_expect(&wire, "ACK ");
    assert_int_equal(atoi(header_of(wire.last, "CSeq")), atoi(header_of(invite, "CSeq")));
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&wire, "BYE sip:bob@");
    wire_reply(&wire, wire.last, "200 OK", NULL, "X-Sum: 12\r\n", NULL);
    side_expect(&side, "ended 200 local");
    assert_non_null(strstr(side.headers, "X-Sum: 12"));
    assert_string_equal(side.log, "sent 0\nringing 180\nringing 183 early\nanswered 200\n"
                                  "ended 200 local\n");
    assert_int_equal(ml_agent_legs(box.agent), 0);
    end();
}

static void the_callee_hangs_up(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    wire_callee_request(&wire, invite, "b1", "BYE", 7, "X-Bye: yes\r\n", NULL);
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(&side, "ended 0 peer");
    assert_non_null(strstr(side.headers, "X-Bye: yes"));
    end();
}

static void S13_a_final_response_is_told_with_code_and_headers(void **state)
{
    (void)state;
    begin();
    dial();
    reply("486 Busy Here", "X-Note: away\r\n", NULL);
    wire_expect(&wire, "ACK ");
    side_expect(&side, "failed 486 response");
    assert_non_null(strstr(side.headers, "X-Note: away"));
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_OVER);
    end();
}

static void S13_a_redirect_is_told_with_its_contact(void **state)
{
    (void)state;
    begin();
    dial();
    reply("302 Moved Temporarily", "Contact: <sip:carol@127.0.0.1:9>\r\n", NULL);
    wire_expect(&wire, "ACK ");
    side_expect(&side, "failed 302 response");
    assert_non_null(strstr(side.headers, "Contact: <sip:carol@127.0.0.1:9>"));
    end();
}

static void S13_no_response_at_all_is_a_timeout(void **state)
{
    int64_t begun;

    (void)state;
    begin();
    begun = ml_clock_ms();
    dial();
    side_expect(&side, "failed 0 timeout");
    assert_in_range(ml_clock_ms() - begun, 31000, 34000);
    end();
}

static void S13_a_refused_port_fails_at_once(void **state)
{
    char uri[64];
    int64_t begun = ml_clock_ms();
    int fd;

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    fd = wire.fd;
    ml_io_free(wire.io);
    close(fd);
    box_dial(&box, &side, uri);
    side_expect(&side, "failed 0 network");
    assert_in_range(ml_clock_ms() - begun, 0, 1000);
    wire_open(&wire, box.port);
    end();
}

static void S13_a_refused_connection_fails_at_once(void **state)
{
    (void)state;
    begin();
    box_dial(&box, &side, "sip:bob@127.0.0.1:1;transport=tcp");
    side_expect(&side, "failed 0 network");
    end();
}

static void S13_a_name_that_leads_nowhere_is_dns(void **state)
{
    (void)state;
    begin();
    box_dial(&box, &side, "sip:bob@nowhere.invalid:5060");
    assert_string_equal(side.log, "");
    side_expect(&side, "failed 0 dns");
    assert_null(strstr(side.log, "sent"));
    end();
}

static void bad_uris_are_refused(void **state)
{
    static const char *const bad[] = {"", "tel:+123", "sip:", "sip:bob@", "http://x/", "sip:a@b c"};

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ml_leg_dial dial = {.uri = bad[i]};

        assert_int_equal(box_dial_with(&box, &side, &dial), ML_EINVAL);
        assert_null(side.leg);
    }
    assert_int_equal(ml_agent_legs(box.agent), 0);
    end();
}

static void S5_the_request_uri_goes_out_as_it_came(void **state)
{
    char uri[160], line[200];

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob+1@%s;transport=udp;x=y%%20z", wire.local);
    box_dial(&box, &side, uri);
    take_invite();
    snprintf(line, sizeof line, "INVITE %s SIP/2.0\r\n", uri);
    assert_int_equal(strncmp(invite, line, strlen(line)), 0);
    assert_null(strstr(header_of(invite, "To"), "transport"));
    end();
}

static void S5_a_large_invite_stays_on_udp(void **state)
{
    char value[2000], uri[64];
    struct ml_header header = {"X-Big", value};
    struct ml_leg_dial dial = {.uri = uri, .headers = &header, .header_count = 1};

    (void)state;
    begin();
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_true(strlen(invite) > 2000);
    assert_non_null(strstr(header_of(invite, "Via"), "UDP"));
    end();
}

static void S2_headers_and_names_go_out_as_given(void **state)
{
    static const struct ml_header headers[] = {{"X-Twilio-CallSid", "CA1"},
                                               {"User-to-User", "56;encoding=hex"},
                                               {"Remote-Party-ID", "\"A\" <sip:a@b>;party=calling"},
                                               {"x-lower", "a, b; c=\"d\""}};
    char uri[64];
    struct ml_leg_dial dial = {.uri = uri,
                               .from_user = "a b@c",
                               .from_display = "Say \"hi\" \\ there",
                               .headers = headers,
                               .header_count = 4};

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_string_equal(header_of(invite, "X-Twilio-CallSid"), "CA1");
    assert_string_equal(header_of(invite, "User-to-User"), "56;encoding=hex");
    assert_string_equal(header_of(invite, "Remote-Party-ID"), "\"A\" <sip:a@b>;party=calling");
    assert_non_null(strstr(invite, "\r\nx-lower: a, b; c=\"d\"\r\n"));
    assert_non_null(
        strstr(header_of(invite, "From"), "\"Say \\\"hi\\\" \\\\ there\" <sip:a%20b%40c@"));
    end();
}

static void nobody_is_anonymous(void **state)
{
    char uri[64];
    struct ml_leg_dial dial = {.uri = uri};

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_non_null(strcasestr(header_of(invite, "From"), "anonymous"));
    end();
}

static void S7_credentials_go_to_who_asks_and_refused_twice_is_failed(void **state)
{
    char uri[64];
    struct ml_header header = {"X-Kept", "yes"};
    struct ml_leg_dial dial = {.uri = uri,
                               .from_user = "moon",
                               .headers = &header,
                               .header_count = 1,
                               .username = "kate",
                               .password = "secret"};
    int cseq;

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_string_equal(header_of(invite, "Authorization"), "");
    cseq = atoi(header_of(invite, "CSeq"));
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5\r\n", NULL);
    wire_expect(&wire, "ACK ");
    take_invite();
    assert_int_equal(atoi(header_of(invite, "CSeq")), cseq + 1);
    assert_int_equal(strncmp(header_of(invite, "Authorization"), "Digest ", 7), 0);
    assert_string_equal(header_of(invite, "X-Kept"), "yes");
    assert_string_equal(body_of(invite), SDP_A);
    assert_int_equal(side.offers, 1); /* the same description again */
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", algorithm=MD5\r\n", NULL);
    side_expect(&side, "failed 401 response");
    assert_null(strstr(strstr(side.log, "sent") + 1, "sent"));
    end();
}

static void S7_proxy_and_callee_may_both_ask(void **state)
{
    char uri[64];
    struct ml_leg_dial dial = {
        .uri = uri, .from_user = "moon", .username = "kate", .password = "secret"};

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    reply("407 Proxy Authentication Required",
          "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n1\", algorithm=MD5\r\n", NULL);
    take_invite();
    assert_true(header_of(invite, "Proxy-Authorization")[0] != '\0');
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5\r\n", NULL);
    take_invite();
    assert_true(header_of(invite, "Proxy-Authorization")[0] != '\0');
    assert_true(header_of(invite, "Authorization")[0] != '\0');
    reply("200 OK", NULL, SDP_B);
    side_expect(&side, "answered 200");
    end();
}

static void dial_as_kate(void)
{
    char uri[64];
    struct ml_leg_dial dial = {
        .uri = uri, .from_user = "moon", .username = "kate", .password = "secret"};

    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
}

static void S7_the_strongest_challenge_is_answered(void **state)
{
    (void)state;
    begin();
    dial_as_kate();
    reply("401 Unauthorized",
          "WWW-Authenticate: Basic realm=\"b\"\r\n"
          "WWW-Authenticate: Digest realm=\"SHA-256\", nonce=\"weak\", algorithm=MD5\r\n"
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"odd\", algorithm=SHA-512-256\r\n"
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"strong\", algorithm=SHA-256\r\n",
          NULL);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Authorization"), "nonce=\"strong\""));
    assert_non_null(strstr(header_of(invite, "Authorization"), "algorithm=SHA-256"));
    end();
}

static void S7_a_challenge_we_cannot_answer_is_failed(void **state)
{
    (void)state;
    begin();
    dial_as_kate();
    reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=X\r\n",
          NULL);
    side_expect(&side, "failed 401 response");
    end();
}

static void S7_an_old_nonce_is_no_refusal(void **state)
{
    (void)state;
    begin();
    dial_as_kate();
    reply("407 Proxy Authentication Required",
          "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n1\"\r\n", NULL);
    take_invite();
    reply("407 Proxy Authentication Required",
          "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n2\", stale=true\r\n", NULL);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Proxy-Authorization"), "nonce=\"n2\""));
    reply("407 Proxy Authentication Required",
          "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n3\", stale=true\r\n", NULL);
    side_expect(&side, "failed 407 response"); /* nor is it a game without end */
    end();
}

static void S7_what_follows_in_the_dialog_has_credentials_too(void **state)
{
    (void)state;
    begin();
    dial_as_kate();
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n", NULL);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Authorization"), "nc=00000001"));
    reply("200 OK", NULL, SDP_B);
    side_expect(&side, "answered 200");
    wire_expect(&wire, "ACK ");
    assert_string_equal(header_of(wire.last, "Authorization"), header_of(invite, "Authorization"));
    assert_int_equal(ml_leg_reoffer(side.leg), 0);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Authorization"), "nc=00000002"));
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true\r\n", NULL);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Authorization"), "nonce=\"n2\""));
    assert_non_null(strstr(header_of(invite, "Authorization"), "nc=00000001"));
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_int_equal(side.taken_answers, 2);
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&wire, "BYE ");
    assert_non_null(strstr(header_of(wire.last, "Authorization"), "nc=00000002"));
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(&side, "ended 200 local");
    end();
}

static void S7_without_credentials_a_challenge_is_failed(void **state)
{
    (void)state;
    begin();
    dial();
    reply("401 Unauthorized",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5\r\n", NULL);
    side_expect(&side, "failed 401 response");
    assert_null(wire_expect_ms(&wire, "INVITE ", 1000));
    end();
}

static void cancel_waits_for_a_provisional_response(void **state)
{
    (void)state;
    begin();
    dial();
    ml_leg_hangup(side.leg, NULL, 0);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_LEAVING);
    assert_null(wire_expect_ms(&wire, "CANCEL ", 400));
    reply("100 Trying", NULL, NULL);
    wire_expect(&wire, "CANCEL ");
    assert_string_equal(header_of(wire.last, "Via"), header_of(invite, "Via"));
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    reply("487 Request Terminated", "X-Gone: yes\r\n", NULL);
    wire_expect(&wire, "ACK ");
    side_expect(&side, "failed 487 local");
    assert_non_null(strstr(side.headers, "X-Gone: yes"));
    end();
}

static void a_cancel_that_nobody_answers_ends_too(void **state)
{
    (void)state;
    begin();
    dial();
    reply("180 Ringing", NULL, NULL);
    side_expect(&side, "ringing 180");
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&wire, "CANCEL ");
    side_expect(&side, "failed 0 local");
    end();
}

static void a_hangup_before_any_response_ends_too(void **state)
{
    (void)state;
    begin();
    dial();
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "failed 0 local");
    end();
}

static void SIP_2_the_200_that_wins_against_our_cancel_is_ended(void **state)
{
    (void)state;
    begin();
    dial();
    reply("180 Ringing", NULL, NULL);
    side_expect(&side, "ringing 180");
    ml_leg_hangup(side.leg, NULL, 0);
    reply("200 OK", NULL, SDP_B); /* before the CANCEL came */
    wire_expect(&wire, "ACK ");
    wire_expect(&wire, "BYE ");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(&side, "ended 200 local");
    assert_null(strstr(side.log, "answered"));
    end();
}

static void a_200_long_after_our_cancel_is_ended_as_well(void **state)
{
    (void)state;
    begin();
    dial();
    reply("180 Ringing", NULL, NULL);
    side_expect(&side, "ringing 180");
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "failed 0 local");
    side_drop(&side);
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    wire_expect(&wire, "BYE ");
    end();
}

static void a_repeated_200_gets_its_ack_again(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    run_for(4000);
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_int_equal(side.taken_answers, 1);
    end();
}

static void a_provisional_response_that_was_overtaken_is_no_second_answer(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    reply("100 Trying", NULL, NULL);
    reply("180 Ringing", NULL, NULL);
    run_for(1000);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    assert_null(strstr(side.log, "ringing"));
    assert_int_equal(side.taken_answers, 1);
    end();
}

static void a_second_fork_that_answers_gets_ack_and_bye(void **state)
{
    char *first;

    (void)state;
    begin();
    dial();
    wire_reply(&wire, invite, "180 Ringing", "f1", NULL, NULL);
    wire_reply(&wire, invite, "180 Ringing", "f2", NULL, NULL);
    wire_reply(&wire, invite, "200 OK", "f2", NULL, SDP_B);
    side_expect(&side, "answered 200");
    wire_expect(&wire, "ACK ");
    assert_string_equal(tag_of(wire.last, "To"), "f2");
    wire_reply(&wire, invite, "200 OK", "f1", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_string_equal(tag_of(wire.last, "To"), "f1");
    wire_expect(&wire, "BYE ");
    assert_string_equal(tag_of(wire.last, "To"), "f1");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&wire, "BYE ");
    first = ml_strdup(tag_of(wire.last, "To"));
    assert_string_equal(first, "f2");
    ml_free(first);
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(&side, "ended 200 local");
    end();
}

static void an_answer_we_cannot_use_is_ended(void **state)
{
    (void)state;
    begin();
    dial();
    side.verdict = ML_EREFUSED;
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    wire_expect(&wire, "BYE ");
    side_expect(&side, " sdp");
    assert_null(strstr(side.log, "answered"));
    end();
}

static void an_answer_that_came_early_need_not_come_again(void **state)
{
    (void)state;
    begin();
    dial();
    reply("183 Session Progress", NULL, SDP_B);
    side_expect(&side, "ringing 183 early");
    reply("200 OK", NULL, NULL);
    side_expect(&side, "answered 200");
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    end();
}

static void SIP_7_a_422_is_answered_with_a_longer_session(void **state)
{
    struct ml_agent_options options = {.session_expires = 100};

    (void)state;
    box_open_with(&box, &options);
    wire_open(&wire, box.port);
    invite = NULL;
    dial();
    assert_non_null(strstr(header_of(invite, "Supported"), "timer"));
    assert_string_equal(header_of(invite, "Session-Expires"), "100");
    reply("422 Session Interval Too Small", "Min-SE: 600\r\n", NULL);
    take_invite();
    assert_string_equal(header_of(invite, "Session-Expires"), "600");
    assert_string_equal(header_of(invite, "Min-SE"), "600");
    assert_string_equal(body_of(invite), SDP_A);
    reply("200 OK", "Session-Expires: 600;refresher=uac\r\nAllow: UPDATE, INVITE\r\n", SDP_B);
    side_expect(&side, "answered 200");
    assert_non_null(wire_expect_ms(&wire, "UPDATE ", 301000));
    assert_non_null(strstr(header_of(wire.last, "Session-Expires"), "600"));
    wire_reply(&wire, wire.last, "481 Gone", NULL, NULL, NULL);
    side_expect(&side, "ended");
    end();
}

static void SIP_7_without_session_expires_in_the_200_there_is_no_timer(void **state)
{
    struct ml_agent_options options = {.session_expires = 1800};

    (void)state;
    box_open_with(&box, &options);
    wire_open(&wire, box.port);
    invite = NULL;
    connected(NULL);
    assert_null(wire_expect_ms(&wire, "UPDATE ", 4000000));
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    end();
}

static void the_callee_holds_us(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    wire_callee_request(&wire, invite, "b1", "INVITE", 5, NULL, SDP_B "a=sendonly\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), SDP_A);
    wire_callee_request(&wire, invite, "b1", "ACK", 5, NULL, NULL);
    run_for(100);
    assert_int_equal(side.taken_offers, 1);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    end();
}

static void we_hold_the_callee(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    assert_int_equal(ml_leg_reoffer(side.leg), 0);
    wire_expect(&wire, "INVITE ");
    assert_string_equal(tag_of(wire.last, "To"), "b1");
    assert_string_equal(body_of(wire.last), SDP_A);
    wire_reply(&wire, wire.last, "200 OK", "b1", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_int_equal(side.taken_answers, 2);
    assert_int_equal(side.offers, 2);
    end();
}

static void SIP_5_our_reinvite_that_meets_a_491_is_sent_again(void **state)
{
    int64_t begun;

    (void)state;
    begin();
    connected(NULL);
    assert_int_equal(ml_leg_reoffer(side.leg), 0);
    wire_expect(&wire, "INVITE ");
    wire_reply(&wire, wire.last, "491 Request Pending", "b1", NULL, NULL);
    wire_expect(&wire, "ACK ");
    begun = ml_clock_ms();
    wire_expect(&wire, "INVITE "); /* we own the Call-ID: 2.1 to 4 s */
    assert_in_range(ml_clock_ms() - begun, 2000, 4100);
    wire_reply(&wire, wire.last, "200 OK", "b1", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    end();
}

static void our_requests_follow_the_recorded_route(void **state)
{
    struct wire proxy;
    char extra[160];

    (void)state;
    begin();
    wire_open(&proxy, box.port);
    snprintf(extra, sizeof extra,
             "Record-Route: <sip:10.1.1.1;lr>\r\nRecord-Route: <sip:%s;lr>\r\n", proxy.local);
    dial();
    reply("200 OK", extra, SDP_B);
    side_expect(&side, "answered 200");
    wire_expect(&proxy, "ACK sip:bob@");
    assert_non_null(strstr(header_of(proxy.last, "Route"), proxy.local));
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&proxy, "BYE sip:bob@");
    wire_reply(&proxy, proxy.last, "200 OK", NULL, NULL, NULL);
    side_expect(&side, "ended 200 local");
    wire_close(&proxy);
    end();
}

static void S6_dials_by_proxy_and_bind(void **state)
{
    struct wire proxy;
    char uri[] = "sip:kate@elsewhere.invalid;transport=udp", route[64];
    struct ml_leg_dial dial = {
        .uri = uri, .from_user = "moon", .proxy = route, .bind = "127.0.0.2"};

    (void)state;
    begin();
    wire_open(&proxy, 0);
    snprintf(route, sizeof route, "sip:%s;lr", proxy.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    wire_expect(&proxy, "INVITE sip:kate@elsewhere.invalid;transport=udp SIP/2.0");
    assert_non_null(strstr(header_of(proxy.last, "Route"), proxy.local));
    assert_non_null(strstr(header_of(proxy.last, "Via"), "127.0.0.2:"));
    assert_non_null(strstr(header_of(proxy.last, "Contact"), "127.0.0.2:"));
    assert_non_null(strstr(header_of(proxy.last, "From"), "@127.0.0.2"));
    wire_close(&proxy);
    end();
}

static void S6_advertises_another_address(void **state)
{
    char uri[64];
    struct ml_leg_dial dial = {.uri = uri, .from_user = "moon", .advertise = "203.0.113.7:5090"};

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Via"), "203.0.113.7:5090"));
    assert_non_null(strstr(header_of(invite, "Contact"), "203.0.113.7:5090"));
    reply("200 OK", NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_non_null(strstr(header_of(wire.last, "Via"), "203.0.113.7:5090"));
    end();
}

static void S6_a_cancel_has_the_advertised_via_as_well(void **state)
{
    char uri[64];
    struct ml_leg_dial dial = {.uri = uri, .from_user = "moon", .advertise = "203.0.113.7"};

    (void)state;
    begin();
    snprintf(uri, sizeof uri, "sip:bob@%s", wire.local);
    assert_int_equal(box_dial_with(&box, &side, &dial), 0);
    take_invite();
    assert_non_null(strstr(header_of(invite, "Via"), "branch=z9hG4bK"));
    assert_non_null(strstr(header_of(invite, "Via"), "rport"));
    reply("180 Ringing", NULL, NULL);
    side_expect(&side, "ringing 180");
    ml_leg_hangup(side.leg, NULL, 0);
    wire_expect(&wire, "CANCEL ");
    assert_string_equal(header_of(wire.last, "Via"), header_of(invite, "Via"));
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    reply("487 Request Terminated", NULL, NULL);
    wire_expect(&wire, "ACK ");
    assert_string_equal(header_of(wire.last, "Via"), header_of(invite, "Via"));
    side_expect(&side, "failed 487 local");
    end();
}

static void a_private_contact_elsewhere_is_reached_at_the_source(void **state)
{
    (void)state;
    begin();
    dial();
    reply("200 OK", "Contact: <sip:bob@192.168.55.1:5060>\r\n", SDP_B);
    side_expect(&side, "answered 200");
    wire_expect(&wire, "ACK sip:bob@192.168.55.1:5060 ");
    end();
}

static void a_200_without_a_usable_contact_does_no_harm(void **state)
{
    (void)state;
    begin();
    dial();
    reply("200 OK", "Contact: <name:John_Smith>\r\n", SDP_B);
    run_for(1000);
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "\n");
    run_for(70000);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_OVER);
    end();
}

static void freeing_the_agent_ends_dialled_legs(void **state)
{
    struct side other;

    (void)state;
    begin();
    connected(NULL);
    other = side;
    ml_leg_watch(other.leg, NULL, NULL);
    dial();
    reply("180 Ringing", NULL, NULL);
    side_expect(&side, "ringing 180");
    ml_agent_free(box.agent);
    box.agent = NULL;
    wire_expect(&wire, "BYE ");
    wire_expect(&wire, "CANCEL ");
    side_drop(&other);
    end();
}

static void freeing_the_agent_while_a_name_is_resolved(void **state)
{
    (void)state;
    begin();
    box_dial(&box, &side, "sip:bob@nowhere.invalid:5060");
    ml_agent_free(box.agent);
    box.agent = NULL;
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rings_answers_and_hangs_up),
        TEST(the_callee_hangs_up),
        TEST(S13_a_final_response_is_told_with_code_and_headers),
        TEST(S13_a_redirect_is_told_with_its_contact),
        TEST(S13_no_response_at_all_is_a_timeout),
        TEST(S13_a_refused_port_fails_at_once),
        TEST(S13_a_refused_connection_fails_at_once),
        TEST(S13_a_name_that_leads_nowhere_is_dns),
        TEST(bad_uris_are_refused),
        TEST(S5_the_request_uri_goes_out_as_it_came),
        TEST(S5_a_large_invite_stays_on_udp),
        TEST(S2_headers_and_names_go_out_as_given),
        TEST(nobody_is_anonymous),
        TEST(S7_credentials_go_to_who_asks_and_refused_twice_is_failed),
        TEST(S7_proxy_and_callee_may_both_ask),
        TEST(S7_the_strongest_challenge_is_answered),
        TEST(S7_a_challenge_we_cannot_answer_is_failed),
        TEST(S7_an_old_nonce_is_no_refusal),
        TEST(S7_what_follows_in_the_dialog_has_credentials_too),
        TEST(S7_without_credentials_a_challenge_is_failed),
        TEST(cancel_waits_for_a_provisional_response),
        TEST(a_cancel_that_nobody_answers_ends_too),
        TEST(a_hangup_before_any_response_ends_too),
        TEST(SIP_2_the_200_that_wins_against_our_cancel_is_ended),
        TEST(a_200_long_after_our_cancel_is_ended_as_well),
        TEST(a_repeated_200_gets_its_ack_again),
        TEST(a_provisional_response_that_was_overtaken_is_no_second_answer),
        TEST(a_second_fork_that_answers_gets_ack_and_bye),
        TEST(an_answer_we_cannot_use_is_ended),
        TEST(an_answer_that_came_early_need_not_come_again),
        TEST(SIP_7_a_422_is_answered_with_a_longer_session),
        TEST(SIP_7_without_session_expires_in_the_200_there_is_no_timer),
        TEST(the_callee_holds_us),
        TEST(we_hold_the_callee),
        TEST(SIP_5_our_reinvite_that_meets_a_491_is_sent_again),
        TEST(our_requests_follow_the_recorded_route),
        TEST(S6_dials_by_proxy_and_bind),
        TEST(S6_advertises_another_address),
        TEST(S6_a_cancel_has_the_advertised_via_as_well),
        TEST(a_private_contact_elsewhere_is_reached_at_the_source),
        TEST(a_200_without_a_usable_contact_does_no_harm),
        TEST(freeing_the_agent_ends_dialled_legs),
        TEST(freeing_the_agent_while_a_name_is_resolved),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
