/* Legs that somebody calls: the agent under test, and a bare UDP caller that does it right and
 * wrong. Virtual time. */
#include "sip_help.h"

static struct box box;
static struct wire wire;

static void begin(void)
{
    box_open(&box);
    wire_open(&wire, box.port);
}

static void end(void)
{
    wire_close(&wire);
    box_close(&box);
    run_for(70000);
}

/* INVITE with an offer, up to the point where the program has the leg. */
static struct side *called(const char *extra, const char *body)
{
    wire_invite(&wire, extra, body);
    return box_call(&box);
}

static struct side *answered(const char *extra, const char *body)
{
    struct side *side = called(extra, body);

    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), 0);
    wire_expect(&wire, "SIP/2.0 200");
    wire_take_tag(&wire);
    return side;
}

static struct side *connected(const char *extra)
{
    struct side *side = answered(extra, SDP_B);

    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    return side;
}

static void answers_confirms_and_takes_the_bye(void **state)
{
    struct side *side;
    struct ml_leg_info info;

    (void)state;
    begin();
    side = called("X-Color: blue\r\n", SDP_B);
    wire_expect(&wire, "SIP/2.0 100");
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_INCOMING);
    assert_int_equal(ml_agent_legs(box.agent), 1);
    ml_leg_info(side->leg, &info);
    assert_true(info.incoming);
    assert_string_equal(info.call_id, wire.call_id);
    assert_string_equal(info.from_display, "Alice");
    assert_string_equal(info.to_uri, "sip:moon@127.0.0.1");
    assert_string_equal(info.transport, "udp");
    assert_string_equal(info.source_address, "127.0.0.1");
    assert_int_equal(info.source_port, wire.port);
    assert_string_equal(info.local_address, "127.0.0.1");
    assert_int_equal(ml_leg_ring(side->leg, false), 0);
    wire_expect(&wire, "SIP/2.0 180");
    assert_string_equal(body_of(wire.last), "");
    assert_int_equal(ml_leg_ring(side->leg, true), 0);
    wire_expect(&wire, "SIP/2.0 183");
    assert_string_equal(body_of(wire.last), SDP_A);
    assert_int_equal(ml_leg_answer(side->leg, &(struct ml_header){"X-Hat", "red"}, 1), 0);
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), SDP_A);
    assert_string_equal(header_of(wire.last, "X-Hat"), "red");
    assert_string_equal(header_of(wire.last, "Server"), "moonline");
    assert_non_null(strstr(header_of(wire.last, "Contact"), "127.0.0.1:"));
    assert_non_null(strstr(header_of(wire.last, "Allow"), "INVITE"));
    assert_int_equal(side->taken_offers, 1);
    assert_string_equal(side->sdp, SDP_B);
    wire_take_tag(&wire);
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_UP);
    wire_request(&wire, "BYE", 2, "X-Why: tired\r\n", NULL);
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "ended 0 peer");
    assert_non_null(strstr(side->headers, "X-Why: tired"));
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_OVER);
    assert_int_equal(ml_agent_legs(box.agent), 0);
    end();
}

static void a_leg_nobody_wants_gets_480(void **state)
{
    (void)state;
    begin();
    box.ignore = true;
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 480");
    end();
}

static void the_last_reference_of_a_ringing_leg_is_480(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called(NULL, SDP_B);
    side_drop(side);
    wire_expect(&wire, "SIP/2.0 480");
    end();
}

static void the_last_reference_of_a_talking_leg_is_bye(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    side_drop(side);
    wire_expect(&wire, "BYE ");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    end();
}

static void rejects_with_headers(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called(NULL, SDP_B);
    assert_int_equal(ml_leg_reject(side->leg, 486, NULL, &(struct ml_header){"X-Busy", "very"}, 1),
                     0);
    wire_expect(&wire, "SIP/2.0 486 Busy Here");
    assert_string_equal(header_of(wire.last, "X-Busy"), "very");
    assert_true(tag_of(wire.last, "To")[0] != '\0');
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_OVER);
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), ML_ESTATE);
    end();
}

static void SIP_2_cancel_gets_200_and_487(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called(NULL, SDP_B);
    wire_cancel(&wire);
    wire_expect(&wire, "SIP/2.0 200");
    assert_non_null(strstr(header_of(wire.last, "CSeq"), "CANCEL"));
    wire_expect(&wire, "SIP/2.0 487");
    side_expect(side, "canceled");
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_OVER);
    end();
}

static void SIP_2_cancel_after_200_changes_nothing(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = answered(NULL, SDP_B);
    wire_cancel(&wire);
    do
        wire_expect(&wire, "SIP/2.0 ");
    while (!strstr(header_of(wire.last, "CSeq"), "CANCEL"));
    assert_int_equal(strncmp(wire.last, "SIP/2.0 487", 11) != 0, 1);
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    wire_request(&wire, "BYE", 2, NULL, NULL);
    side_expect(side, "ended 0 peer");
    assert_null(strstr(side->log, "canceled"));
    end();
}

static void SIP_3_unmatched_cancel_is_481(void **state)
{
    (void)state;
    begin();
    wire_request(&wire, "CANCEL", 1, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 481");
    end();
}

static void SIP_1_a_lost_ack_repeats_the_200_and_ends_with_bye(void **state)
{
    struct side *side;
    int64_t begun;

    (void)state;
    begin();
    side = answered(NULL, SDP_B);
    begun = ml_clock_ms();
    assert_true(wire_count(&wire, "SIP/2.0 200", 31000) >= 8);
    wire_expect(&wire, "BYE ");
    assert_in_range(ml_clock_ms() - begun, 31000, 34000);
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(side, "ended 0 no-ack");
    end();
}

static void a_hangup_before_the_ack_waits_for_it(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = answered(NULL, SDP_B);
    ml_leg_hangup(side->leg, NULL, 0);
    assert_null(wire_expect_ms(&wire, "BYE ", 400));
    wire_ack(&wire, NULL);
    wire_expect(&wire, "BYE ");
    wire_reply(&wire, wire.last, "200 OK", NULL, "X-End: yes\r\n", NULL);
    side_expect(side, "ended 200 local");
    assert_non_null(strstr(side->headers, "X-End: yes"));
    end();
}

static void a_hangup_whose_ack_never_comes_still_ends_in_a_second(void **state)
{
    struct side *side;
    int64_t begun;

    (void)state;
    begin();
    side = answered(NULL, SDP_B);
    begun = ml_clock_ms();
    ml_leg_hangup(side->leg, NULL, 0);
    side_expect(side, "ended 0 local");
    assert_in_range(ml_clock_ms() - begun, 0, 1100);
    wire_expect(&wire, "BYE ");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    end();
}

static void SIP_4_a_bye_without_answer_ends_after_a_second(void **state)
{
    struct side *side;
    int64_t begun;

    (void)state;
    begin();
    side = connected(NULL);
    begun = ml_clock_ms();
    ml_leg_hangup(side->leg, &(struct ml_header){"X-Bye", "now"}, 1);
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_LEAVING);
    wire_expect(&wire, "BYE ");
    assert_string_equal(header_of(wire.last, "X-Bye"), "now");
    side_expect(side, "ended 0 local");
    assert_in_range(ml_clock_ms() - begun, 900, 1100);
    assert_true(wire_count(&wire, "BYE ", 34000) >= 5); /* it goes on, nobody waits for it */
    end();
}

static void SIP_5_bye_crosses_bye(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    ml_leg_hangup(side->leg, NULL, 0);
    wire_expect(&wire, "BYE ");
    wire_request(&wire, "BYE", 2, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 ");
    assert_true(strncmp(wire.last, "SIP/2.0 200", 11) == 0 ||
                strncmp(wire.last, "SIP/2.0 481", 11) == 0);
    side_expect(side, "ended");
    assert_ptr_equal(strstr(strstr(side->log, "ended") + 1, "ended"), NULL);
    end();
}

static void SIP_8_a_repeated_invite_is_one_call(void **state)
{
    (void)state;
    begin();
    called(NULL, SDP_B);
    wire_request_to(&wire, "sip:moon@127.0.0.1", "INVITE", 1, wire.branch, NULL, SDP_B);
    run_for(100);
    assert_int_equal(box.in_count, 1);
    end();
}

static void SIP_9_a_merged_invite_is_482(void **state)
{
    (void)state;
    begin();
    called(NULL, SDP_B);
    wire_request(&wire, "INVITE", 1, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 482");
    assert_int_equal(box.in_count, 1);
    end();
}

static void SIP_10_a_lower_cseq_is_500_and_an_unknown_tag_481(void **state)
{
    (void)state;
    begin();
    wire.cseq = 10;
    connected(NULL);
    wire_request(&wire, "OPTIONS", 5, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 500");
    wire_request(&wire, "OPTIONS", 11, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    snprintf(wire.to_tag, sizeof wire.to_tag, "wrong");
    wire_request(&wire, "BYE", 12, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 481");
    end();
}

static void a_refused_offer_is_488_and_a_broken_one_400(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called(NULL, SDP_B);
    side->verdict = ML_EREFUSED;
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), ML_EREFUSED);
    wire_expect(&wire, "SIP/2.0 488");
    wire_close(&wire);
    wire_open(&wire, box.port);
    side = called(NULL, SDP_B);
    side->verdict = ML_EPARSE;
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), ML_EPARSE);
    wire_expect(&wire, "SIP/2.0 400");
    end();
}

static void SIP_8_a_late_offer_is_made_in_the_200(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = answered(NULL, NULL);
    assert_string_equal(body_of(wire.last), SDP_A);
    assert_int_equal(side->offers, 1);
    wire_ack(&wire, SDP_B);
    side_expect(side, "confirmed");
    assert_int_equal(side->taken_answers, 1);
    assert_string_equal(side->sdp, SDP_B);
    end();
}

static void a_late_offer_without_answer_ends_the_leg(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = answered(NULL, NULL);
    wire_ack(&wire, NULL);
    side_expect(side, "ended 0 sdp");
    wire_expect(&wire, "BYE ");
    end();
}

static void ringing_is_reliable_where_the_caller_requires_it(void **state)
{
    struct side *side;
    char extra[80];

    (void)state;
    begin();
    side = called("Require: 100rel\r\n", SDP_B);
    assert_int_equal(ml_leg_ring(side->leg, true), 0);
    wire_expect(&wire, "SIP/2.0 183");
    assert_non_null(strstr(header_of(wire.last, "Require"), "100rel"));
    assert_string_equal(body_of(wire.last), SDP_A);
    snprintf(extra, sizeof extra, "RAck: %s 1 INVITE\r\n", header_of(wire.last, "RSeq"));
    wire_take_tag(&wire);
    assert_non_null(wire_expect_ms(&wire, "SIP/2.0 183", 2000)); /* repeated until PRACK */
    wire_request(&wire, "PRACK", 2, extra, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    assert_non_null(strstr(header_of(wire.last, "CSeq"), "PRACK"));
    assert_null(wire_expect_ms(&wire, "SIP/2.0 183", 10000));
    wire.cseq = 1;
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), 0);
    wire_expect(&wire, "SIP/2.0 200");
    assert_non_null(strstr(header_of(wire.last, "CSeq"), "INVITE"));
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    assert_int_equal(side->taken_offers, 1);
    end();
}

static void a_late_offer_is_made_in_a_reliable_183(void **state)
{
    struct side *side;
    char extra[80];

    (void)state;
    begin();
    side = called("Require: 100rel\r\n", NULL);
    assert_int_equal(ml_leg_ring(side->leg, true), 0);
    wire_expect(&wire, "SIP/2.0 183");
    assert_string_equal(body_of(wire.last), SDP_A);
    snprintf(extra, sizeof extra, "RAck: %s 1 INVITE\r\n", header_of(wire.last, "RSeq"));
    wire_take_tag(&wire);
    wire_request(&wire, "PRACK", 2, extra, SDP_B);
    wire_expect(&wire, "SIP/2.0 200");
    assert_int_equal(side->taken_answers, 1);
    assert_int_equal(ml_leg_answer(side->leg, NULL, 0), 0);
    wire_expect(&wire, "SIP/2.0 200");
    wire_ack(&wire, NULL);
    side_expect(side, "confirmed");
    assert_int_equal(side->offers, 1);
    end();
}

static void a_prack_that_matches_nothing_is_481(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called("Require: 100rel\r\n", SDP_B);
    assert_int_equal(ml_leg_ring(side->leg, true), 0);
    wire_expect(&wire, "SIP/2.0 183");
    wire_take_tag(&wire);
    wire_request(&wire, "PRACK", 2, "RAck: 4711 1 INVITE\r\n", NULL);
    wire_expect(&wire, "SIP/2.0 481");
    end();
}

static void a_reliable_183_that_is_never_acknowledged_ends_the_call(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called("Require: 100rel\r\n", SDP_B);
    assert_int_equal(ml_leg_ring(side->leg, true), 0);
    wire_expect(&wire, "SIP/2.0 5"); /* RFC 3262 section 3: a 5xx after 64*T1 */
    side_expect(side, "canceled");
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_OVER);
    end();
}

static void holds_and_comes_back_by_reinvite(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    wire.cseq = 2;
    wire_invite(&wire, NULL, SDP_B "a=sendonly\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), SDP_A);
    assert_string_equal(side->sdp, SDP_B "a=sendonly\r\n");
    wire_ack(&wire, NULL);
    assert_null(wire_expect_ms(&wire, "SIP/2.0 200", 5000));
    wire.cseq = 3;
    wire_invite(&wire, NULL, NULL); /* offer in our 200, answer in the ACK */
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), SDP_A);
    wire_ack(&wire, SDP_B);
    run_for(100);
    assert_int_equal(side->taken_answers, 1);
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_UP);
    wire.cseq = 4;
    side->verdict = ML_EREFUSED; /* nothing changes then */
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 488");
    wire_ack(&wire, NULL);
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_UP);
    wire_request(&wire, "BYE", 5, NULL, NULL);
    side_expect(side, "ended 0 peer");
    end();
}

static void a_reinvite_of_another_kind_is_415(void **state)
{
    (void)state;
    begin();
    connected(NULL);
    wire.cseq = 2;
    wire_invite(&wire, "Content-Type: text/plain\r\n", "hello");
    wire_expect(&wire, "SIP/2.0 415");
    assert_string_equal(header_of(wire.last, "Accept"), "application/sdp");
    end();
}

static void a_reinvite_ack_that_is_lost_ends_the_leg(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    wire.cseq = 2;
    wire_invite(&wire, NULL, SDP_B);
    wire_expect(&wire, "SIP/2.0 200");
    wire_expect(&wire, "BYE ");
    side_expect(side, "ended 0 no-ack");
    end();
}

static void updates_with_and_without_sdp(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    wire_request(&wire, "UPDATE", 2, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), "");
    wire_request(&wire, "UPDATE", 3, NULL, SDP_B "a=inactive\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(body_of(wire.last), SDP_A);
    assert_string_equal(side->sdp, SDP_B "a=inactive\r\n");
    end();
}

static void SIP_5_glare_is_491_and_we_try_again(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    assert_int_equal(ml_leg_reoffer(side->leg), 0);
    wire_expect(&wire, "INVITE ");
    wire.cseq = 2;
    {
        char *ours = ml_strdup(wire.last);

        wire_invite(&wire, NULL, SDP_B);
        wire_expect(&wire, "SIP/2.0 491");
        wire_ack(&wire, NULL);
        wire_reply(&wire, ours, "491 Request Pending", NULL, NULL, NULL);
        wire_expect(&wire, "ACK ");
        ml_free(ours);
    }
    wire_expect(&wire, "INVITE "); /* the other side owns the Call-ID: within 2 s */
    assert_int_equal(atoi(header_of(wire.last, "CSeq")) > 0, 1);
    wire_reply(&wire, wire.last, "200 OK", wire.from_tag, NULL, SDP_B);
    wire_expect(&wire, "ACK ");
    assert_int_equal(side->taken_answers, 1);
    end();
}

static void a_refused_reoffer_leaves_the_leg_up(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    assert_int_equal(ml_leg_reoffer(side->leg), 0);
    wire_expect(&wire, "INVITE ");
    wire_reply(&wire, wire.last, "488 Not Acceptable Here", NULL, NULL, NULL);
    wire_expect(&wire, "ACK ");
    run_for(5000);
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_UP);
    assert_int_equal(ml_leg_reoffer(side->leg), 0);
    wire_expect(&wire, "INVITE ");
    wire_reply(&wire, wire.last, "481 Gone", NULL, NULL, NULL);
    side_expect(side, "ended 481 gone");
    end();
}

static void SIP_23_a_challenge_on_an_inbound_call_gets_no_credentials(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    ml_leg_hangup(side->leg, NULL, 0);
    wire_expect(&wire, "BYE ");
    wire_reply(&wire, wire.last, "401 Unauthorized", NULL,
               "WWW-Authenticate: Digest realm=\"x\", nonce=\"1\", algorithm=MD5\r\n", NULL);
    side_expect(side, "ended 401 local");
    assert_null(wire_expect_ms(&wire, "BYE ", 10000));
    end();
}

static void info_brings_digits(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    wire_request(&wire, "INFO", 2, "Content-Type: application/dtmf-relay\r\n",
                 "Signal=5\r\nDuration=160\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "info 5 160");
    wire_request(&wire, "INFO", 3, "Content-Type: application/dtmf\r\n", "#");
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "info #");
    wire_request(&wire, "INFO", 4, "Content-Type: application/dtmf-relay\r\n",
                 "Signal= *\r\nDuration= 250\r\n");
    side_expect(side, "info * 250");
    wire_request(&wire, "INFO", 5, "Content-Type: application/media_control+xml\r\n", "<x/>");
    wire_expect(&wire, "SIP/2.0 200");
    wire_request(&wire, "INFO", 6, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    end();
}

static void sends_a_digit_by_info(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    assert_int_equal(ml_leg_send_digit(side->leg, '7', 200), 0);
    wire_expect(&wire, "INFO ");
    assert_string_equal(header_of(wire.last, "Content-Type"), "application/dtmf-relay");
    assert_non_null(strstr(body_of(wire.last), "Signal=7"));
    assert_non_null(strstr(body_of(wire.last), "Duration=200"));
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    end();
}

/* The body is of a type that wire_request does not name: who sent the NOTIFY is believed. */
static void a_transfer_is_followed_to_its_end(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com>", 5000), ML_EINVAL);
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com", 0), ML_EINVAL);
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com", 5000), 0);
    wire_expect(&wire, "REFER ");
    assert_string_equal(header_of(wire.last, "Refer-To"), "<sip:kate@example.com>");
    wire_reply(&wire, wire.last, "202 Accepted", NULL, NULL, NULL);
    side_expect(side, "refer 202 0\n");
    wire_request(&wire, "NOTIFY", 2, "Event: refer\r\nSubscription-State: active;expires=60\r\n",
                 "SIP/2.0 180 Ringing\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "refer 202 180\n");
    wire_request(&wire, "NOTIFY", 3, "Event: refer\r\nSubscription-State: terminated\r\n",
                 "SIP/2.0 200 OK\r\n");
    wire_expect(&wire, "SIP/2.0 200");
    side_expect(side, "refer 202 200 final\n");
    wire_request(&wire, "NOTIFY", 4, "Event: refer\r\nSubscription-State: terminated\r\n",
                 "SIP/2.0 200 OK\r\n");
    wire_expect(&wire, "SIP/2.0 481");
    end();
}

static void a_transfer_that_is_refused_replaced_or_forgotten(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com", 5000), 0);
    wire_expect(&wire, "REFER ");
    wire_reply(&wire, wire.last, "405 Method Not Allowed", NULL, NULL, NULL);
    side_expect(side, "refer 405 0 final\n");
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com", 5000), 0);
    wire_expect(&wire, "REFER sip:");
    assert_int_equal(ml_leg_refer(side->leg, "sip:bob@example.com", 5000), 0);
    while (!strstr(wire.last, "sip:bob@example.com"))
        wire_expect(&wire, "REFER ");
    wire_reply(&wire, wire.last, "202 Accepted", NULL, NULL, NULL);
    side_expect(side, "refer 202 0\n");
    side_expect(side, "refer 202 0 final\n"); /* five seconds later */
    assert_int_equal(ml_leg_refer(side->leg, "sip:kate@example.com", 60000), 0);
    wire_expect(&wire, "REFER ");
    ml_leg_hangup(side->leg, NULL, 0); /* with one under way */
    end();
}

static void other_methods_in_the_dialog(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    wire_request(&wire, "REFER", 2, "Refer-To: <sip:x@127.0.0.1>\r\n", NULL);
    wire_expect(&wire, "SIP/2.0 603");
    side_expect(side, "transfer 603\n");
    assert_string_equal(side->text, "sip:x@127.0.0.1");
    wire_request(&wire, "MESSAGE", 3, "Content-Type: text/plain\r\n", "hi");
    wire_expect(&wire, "SIP/2.0 405");
    assert_non_null(strstr(header_of(wire.last, "Allow"), "INVITE"));
    wire_request(&wire, "OPTIONS", 4, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    assert_string_equal(header_of(wire.last, "Accept"), "application/sdp");
    end();
}

static void a_bye_before_the_answer_ends_the_invite(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = called(NULL, SDP_B);
    ml_leg_ring(side->leg, false);
    wire_expect(&wire, "SIP/2.0 180");
    wire_take_tag(&wire);
    wire_request(&wire, "BYE", 2, NULL, NULL);
    wire_expect(&wire, "SIP/2.0 200");
    wire_expect(&wire, "SIP/2.0 487");
    side_expect(side, "canceled");
    end();
}

static void SIP_7_a_short_session_is_422(void **state)
{
    (void)state;
    begin();
    wire_invite(&wire, "Supported: timer\r\nSession-Expires: 60\r\n", SDP_B);
    wire_expect(&wire, "SIP/2.0 422");
    assert_string_equal(header_of(wire.last, "Min-SE"), "90");
    assert_false(box.came);
    end();
}

static void SIP_7_we_refresh_where_asked_to(void **state)
{
    struct side *side;
    int64_t begun;

    (void)state;
    begin();
    side = answered("Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n"
                    "Session-Expires: 120;refresher=uas\r\n",
                    SDP_B);
    assert_string_equal(header_of(wire.last, "Session-Expires"), "120;refresher=uas");
    assert_non_null(strstr(header_of(wire.last, "Require"), "timer"));
    wire_ack(&wire, NULL);
    begun = ml_clock_ms();
    for (int i = 0; i < 3; i++) {
        wire_expect(&wire, "UPDATE ");
        assert_in_range(ml_clock_ms() - begun, 59000, 61000);
        assert_non_null(strstr(header_of(wire.last, "Session-Expires"), "120"));
        begun = ml_clock_ms();
        wire_reply(&wire, wire.last, "200 OK", wire.from_tag,
                   "Session-Expires: 120;refresher=uac\r\n", NULL);
    }
    assert_int_equal(ml_leg_state(side->leg), ML_LEG_UP);
    wire_expect(&wire, "UPDATE "); /* and nobody answers any more */
    wire_expect(&wire, "BYE ");
    side_expect(side, "ended");
    end();
}

static void SIP_7_we_refresh_by_reinvite_where_there_is_no_update(void **state)
{
    (void)state;
    begin();
    answered(
        "Supported: timer\r\nAllow: INVITE, ACK, BYE\r\nSession-Expires: 120;refresher=uas\r\n",
        SDP_B);
    wire_ack(&wire, NULL);
    wire_expect(&wire, "INVITE ");
    assert_non_null(strstr(header_of(wire.last, "Session-Expires"), "120"));
    wire_reply(&wire, wire.last, "200 OK", wire.from_tag, "Session-Expires: 120;refresher=uac\r\n",
               SDP_B);
    wire_expect(&wire, "ACK ");
    end();
}

static void SIP_7_a_session_nobody_refreshes_ends(void **state)
{
    struct side *side;
    int64_t begun;

    (void)state;
    begin();
    side = answered("Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n", SDP_B);
    assert_string_equal(header_of(wire.last, "Session-Expires"), "90;refresher=uac");
    wire_ack(&wire, NULL);
    begun = ml_clock_ms();
    run_for(45000);
    wire_request(&wire, "UPDATE", 2, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n",
                 NULL);
    wire_expect(&wire, "SIP/2.0 200");
    assert_non_null(strstr(header_of(wire.last, "Session-Expires"), "90"));
    wire_expect(&wire, "BYE "); /* a third before it runs out */
    assert_in_range(ml_clock_ms() - begun, 45000 + 58000, 45000 + 62000);
    side_expect(side, "ended 0 session");
    end();
}

static void requests_go_back_to_the_source_of_a_private_contact(void **state)
{
    struct side *side;

    (void)state;
    begin();
    snprintf(wire.contact, sizeof wire.contact, "<sip:alice@192.168.77.5:5060>");
    side = connected(NULL);
    ml_leg_hangup(side->leg, NULL, 0);
    wire_expect(&wire, "BYE sip:alice@192.168.77.5:5060 ");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(side, "ended 200 local");
    end();
}

static void follows_the_route_set(void **state)
{
    struct wire proxy;
    struct side *side;
    char extra[120];

    (void)state;
    begin();
    wire_open(&proxy, box.port);
    snprintf(extra, sizeof extra,
             "Record-Route: <sip:%s;lr>\r\nRecord-Route: <sip:10.9.9.9;lr>\r\n", proxy.local);
    side = connected(extra);
    ml_leg_hangup(side->leg, NULL, 0);
    wire_expect(&proxy, "BYE ");
    assert_non_null(strstr(proxy.last, "BYE sip:alice@"));
    assert_non_null(strstr(header_of(proxy.last, "Route"), proxy.local));
    wire_reply(&proxy, proxy.last, "200 OK", NULL, NULL, NULL);
    side_expect(side, "ended 200 local");
    wire_close(&proxy);
    end();
}

static void a_target_that_has_a_name_is_resolved(void **state)
{
    static const char *pairs[] = {"alice.example", NULL};
    struct ml_resolver_options names = {.resolve = pairs, .resolve_count = 1};
    struct ml_agent_options options = {0};
    struct ml_fault fault;
    struct side *side;
    char port[8], address[32];

    (void)state;
    wire_open(&wire, 0);
    snprintf(address, sizeof address, "127.0.0.1:%u", wire.port);
    snprintf(port, sizeof port, "%u", wire.port);
    pairs[1] = address;
    assert_int_equal(ml_resolver_new(loop, &names, &options.resolver, &fault), 0);
    box_open_with(&box, &options);
    wire.to = box.port;
    snprintf(wire.contact, sizeof wire.contact, "<sip:alice@alice.example:%s>", port);
    side = connected(NULL);
    ml_leg_hangup(side->leg, NULL, 0);
    wire_expect(&wire, "BYE sip:alice@alice.example:");
    wire_reply(&wire, wire.last, "200 OK", NULL, NULL, NULL);
    side_expect(side, "ended 200 local");
    end();
    ml_resolver_free(options.resolver);
}

static void freeing_the_agent_ends_every_kind_of_leg(void **state)
{
    struct wire ringing;

    (void)state;
    begin();
    wire_open(&ringing, box.port);
    wire_invite(&ringing, NULL, SDP_B);
    box_call(&box);
    connected(NULL);
    ml_agent_free(box.agent);
    box.agent = NULL;
    wire_expect(&wire, "BYE ");
    wire_expect(&ringing, "SIP/2.0 480");
    wire_close(&ringing);
    end();
}

static void the_leg_may_go_in_its_own_event(void **state)
{
    struct side *side;

    (void)state;
    begin();
    side = connected(NULL);
    side->unref_in_event = true;
    wire_request(&wire, "BYE", 2, NULL, NULL);
    side_expect(side, "ended 0 peer");
    assert_null(side->leg);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_confirms_and_takes_the_bye),
        TEST(a_leg_nobody_wants_gets_480),
        TEST(the_last_reference_of_a_ringing_leg_is_480),
        TEST(the_last_reference_of_a_talking_leg_is_bye),
        TEST(rejects_with_headers),
        TEST(SIP_2_cancel_gets_200_and_487),
        TEST(SIP_2_cancel_after_200_changes_nothing),
        TEST(SIP_3_unmatched_cancel_is_481),
        TEST(SIP_1_a_lost_ack_repeats_the_200_and_ends_with_bye),
        TEST(a_hangup_before_the_ack_waits_for_it),
        TEST(a_hangup_whose_ack_never_comes_still_ends_in_a_second),
        TEST(SIP_4_a_bye_without_answer_ends_after_a_second),
        TEST(SIP_5_bye_crosses_bye),
        TEST(SIP_8_a_repeated_invite_is_one_call),
        TEST(SIP_9_a_merged_invite_is_482),
        TEST(SIP_10_a_lower_cseq_is_500_and_an_unknown_tag_481),
        TEST(a_refused_offer_is_488_and_a_broken_one_400),
        TEST(SIP_8_a_late_offer_is_made_in_the_200),
        TEST(a_late_offer_without_answer_ends_the_leg),
        TEST(ringing_is_reliable_where_the_caller_requires_it),
        TEST(a_late_offer_is_made_in_a_reliable_183),
        TEST(a_prack_that_matches_nothing_is_481),
        TEST(a_reliable_183_that_is_never_acknowledged_ends_the_call),
        TEST(holds_and_comes_back_by_reinvite),
        TEST(a_reinvite_of_another_kind_is_415),
        TEST(a_reinvite_ack_that_is_lost_ends_the_leg),
        TEST(updates_with_and_without_sdp),
        TEST(SIP_5_glare_is_491_and_we_try_again),
        TEST(a_refused_reoffer_leaves_the_leg_up),
        TEST(SIP_23_a_challenge_on_an_inbound_call_gets_no_credentials),
        TEST(info_brings_digits),
        TEST(sends_a_digit_by_info),
        TEST(a_transfer_is_followed_to_its_end),
        TEST(a_transfer_that_is_refused_replaced_or_forgotten),
        TEST(other_methods_in_the_dialog),
        TEST(a_bye_before_the_answer_ends_the_invite),
        TEST(SIP_7_a_short_session_is_422),
        TEST(SIP_7_we_refresh_where_asked_to),
        TEST(SIP_7_we_refresh_by_reinvite_where_there_is_no_update),
        TEST(SIP_7_a_session_nobody_refreshes_ends),
        TEST(requests_go_back_to_the_source_of_a_private_contact),
        TEST(follows_the_route_set),
        TEST(a_target_that_has_a_name_is_resolved),
        TEST(freeing_the_agent_ends_every_kind_of_leg),
        TEST(the_leg_may_go_in_its_own_event),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
