/* The judge of the guard, bytes in and verdict out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "torture.h"

#include "core/sip/guard_judge.h"

static struct ml_guard_message message;
static struct ml_guard_verdict verdict;

#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc\r\n"
#define PARTIES "From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: c1\r\n"
#define CONTACT "Contact: <sip:a@192.0.2.1>\r\n"
#define REST VIA PARTIES "CSeq: 1 INVITE\r\n" CONTACT
#define INVITE "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" REST
#define OPTIONS "OPTIONS sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 OPTIONS\r\n"
#define OK_RESPONSE "SIP/2.0 200 OK\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n"
#define FROM "From: <sip:a@192.0.2.1>;tag=1\r\n"
#define TO "To: <sip:b@192.0.2.2>\r\n"
#define CALL "Call-ID: c1\r\n"
#define CSEQ "CSeq: 1 INVITE\r\n"
#define TO_TAG "To: <sip:b@192.0.2.2>;tag=2\r\n"
#define END "Content-Length: 0\r\n\r\n"

/* "pass", "drop reason" or "400 reason". */
static const char *say(void)
{
    static char text[64];
    const char *reason = ml_guard_reason_name(verdict.reason);

    if (verdict.action == ML_GUARD_PASS)
        return "pass";
    if (verdict.action == ML_GUARD_DROP)
        snprintf(text, sizeof text, "drop %s", reason);
    else
        snprintf(text, sizeof text, "%d %s", verdict.code, reason);
    return text;
}

static const char *judge_bytes(const char *bytes, size_t n, bool stream)
{
    ml_guard_judge((struct ml_str){bytes, n}, stream, false, &message, &verdict);
    return say();
}

static const char *judge(const char *text)
{
    return judge_bytes(text, strlen(text), false);
}

struct row {
    const char *text, *wanted;
};

#define CHECK_ROWS(rows)                                                                           \
    for (size_t row = 0; row < sizeof(rows) / sizeof *(rows); row++) {                             \
        const char *said = judge((rows)[row].text);                                                \
        if (strcmp(said, (rows)[row].wanted) != 0)                                                 \
            fail_msg("wanted \"%s\", got \"%s\" for\n%s", (rows)[row].wanted, said,                \
                     (rows)[row].text);                                                            \
    }

/* ---- the tables of spec/torture ---- */

/* What the judge must say when that comes back in the end. */
static const char *verdict_for(const char *wanted)
{
    static char text[8];

    if (strncmp(wanted, "none", 4) == 0) /* sofia may see it and find nobody who asked */
        return verdict.action == ML_GUARD_PASS ? "pass" : "drop";
    if (strncmp(wanted, "call", 4) == 0 || strncmp(wanted, "200", 3) == 0 ||
        strncmp(wanted, "481", 3) == 0)
        return "pass";
    snprintf(text, sizeof text, "%.3s", wanted);
    return text;
}

static void check_file(const char *name)
{
    struct torture_file file = {.count = 0};

    torture_read(&file, name);
    assert_true(file.count > 0);
    for (size_t i = 0; i < file.count; i++) {
        struct torture *one = file.messages + i;
        const char *said = judge_bytes(one->bytes.p, one->bytes.n, false);
        const char *wanted = verdict_for(one->wanted[0]);

        if (strncmp(said, wanted, strlen(wanted)) != 0)
            fail_msg("%s: wanted \"%s\", got \"%s\" (%s)", one->name, wanted, said,
                     verdict.phrase ? verdict.phrase : "");
    }
    torture_free(&file);
}

static void the_judge_follows_the_table_of_rfc_4475(void **state)
{
    (void)state;
    check_file("rfc4475.txt");
}

static void the_judge_follows_the_table_of_ipv6_messages(void **state)
{
    (void)state;
    check_file("ipv6.txt");
}

static void the_judge_follows_the_table_of_our_own(void **state)
{
    (void)state;
    check_file("own.txt");
}

/* ---- start lines ---- */

static void start_lines(void **state)
{
    static const struct row rows[] = {
        {INVITE END, "pass"},
        {"\r\n\r\n" INVITE END, "pass"},
        {"INVITE sip:b@192.0.2.2 sip/2.0\r\n" REST END, "pass"},
        {"INVITE sip:b@192.0.2.2 SIP/2.1\r\n" REST END, "505 version"},
        {"INVITE sip:b@192.0.2.2 SIP/02.0\r\n" REST END, "505 version"},
        {"INVITE sip:b@192.0.2.2 HTTP/1.1\r\n" REST END, "400 start-line"},
        {"INVITE sip:b@192.0.2.2\r\n" REST END, "400 start-line"},
        {"INVITE\r\n" REST END, "400 start-line"},
        {"INVITE sip:b@192.0.2.2 SIP/2.0 \r\n" REST END, "400 start-line"},
        {" INVITE sip:b@192.0.2.2 SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE\tsip:b@192.0.2.2 SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE sip:b@192.0.2.2\r\n SIP/2.0\r\n" REST END, "400 start-line"},
        {"INV<ITE sip:b@192.0.2.2 SIP/2.0\r\n" REST END, "400 start-line"},
        {"invite sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 invite\r\n" END, "501 method"},
        {"INVITE tel:+15550100 SIP/2.0\r\n" REST END, "416 scheme"},
        {"INVITE sip:b@192.0.2.2?Subject=x SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE sip:@192.0.2.2 SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE sip:b@ SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE sip: SIP/2.0\r\n" REST END, "400 start-line"},
        {"INVITE * SIP/2.0\r\n" REST END, "400 start-line"},
        {"SIP/3.0 200 OK\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop version"},
        {"SIP/2.0 99 OK\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop start-line"},
        {"SIP/2.0 700 OK\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop start-line"},
        {"SIP/2.0 2000 OK\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop start-line"},
        {"SIP/2.0\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop start-line"},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 start-line"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

#define REGISTER(contact)                                                                          \
    "REGISTER sip:192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 REGISTER\r\n" contact END

/* Only where there is a registrar; its contacts are ones that can be called. */
static void register_passes_to_a_registrar(void **state)
{
    static const char *const good[] = {
        REGISTER(""), REGISTER("Contact: *\r\n"),
        REGISTER("Contact: <sip:a@192.0.2.3>;expires=60\r\n"),
        REGISTER("Contact: <sip:a@b>, <sips:a@c>\r\nContact: sip:d@e\r\n")};
    static const char *const bad[] = {
        REGISTER("Contact: <tel:+1>\r\n"), REGISTER("Contact: <sip:>\r\n"),
        REGISTER("Contact: *\r\nContact: <sip:a@b>\r\n"), REGISTER("Contact: *, <sip:a@b>\r\n"),
        REGISTER("Contact: <sip:1@a>,<sip:2@a>,<sip:3@a>,<sip:4@a>,<sip:5@a>,<sip:6@a>,<sip:7@a>,"
                 "<sip:8@a>,<sip:9@a>,<sip:a@a>,<sip:b@a>,<sip:c@a>,<sip:d@a>,<sip:e@a>,<sip:f@a>,"
                 "<sip:g@a>,<sip:h@a>\r\n")};

    (void)state;
    assert_string_equal(judge(good[0]), "405 method");
    ml_guard_registrar(true);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_string_equal(judge(good[i]), "pass");
        assert_true(verdict.limited);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(judge(bad[i]), "400 contact");
    ml_guard_registrar(false);
    assert_string_equal(judge(good[0]), "405 method");
}

static void methods_that_are_not_ours_are_told_what_is(void **state)
{
    static const char *const refused[] = {"REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH"};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(text, sizeof text,
                 "%s sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 %s\r\n" END, refused[i],
                 refused[i]);
        assert_string_equal(judge(text), "405 method");
        assert_string_equal(verdict.extra, "Allow: " ML_GUARD_ALLOW "\r\n");
        assert_true(verdict.limited);
    }
    assert_string_equal(
        judge("REFER sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 REFER\r\n" END),
        "405 method");
    assert_string_equal(
        judge("REFER sip:b@192.0.2.2 SIP/2.0\r\n" VIA FROM TO_TAG CALL "CSeq: 1 REFER\r\n" END),
        "pass"); /* a dialog declines it itself */
    assert_string_equal(
        judge("NOTIFY sip:b@192.0.2.2 SIP/2.0\r\n" VIA FROM TO_TAG CALL "CSeq: 1 NOTIFY\r\n" END),
        "pass"); /* it may be about a REFER */
    assert_string_equal(
        judge("PING sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 PING\r\n" END), "501 method");
    assert_string_equal(verdict.extra, "Allow: " ML_GUARD_ALLOW "\r\n");
}

static void only_what_opens_no_dialog_is_limited(void **state)
{
    (void)state;
    judge(INVITE END);
    assert_false(verdict.limited);
    judge(OPTIONS END);
    assert_true(verdict.limited);
    judge("OPTIONS sip:b@192.0.2.2 SIP/2.0\r\n" VIA FROM TO_TAG CALL "CSeq: 1 OPTIONS\r\n" END);
    assert_false(verdict.limited);
}

/* ---- headers ---- */

#define WITHOUT(line) "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" line CONTACT END

static void headers_that_must_be_there_once(void **state)
{
    static const struct row rows[] = {
        {WITHOUT(FROM TO CALL CSEQ), "400 header"},
        {WITHOUT(VIA TO CALL CSEQ), "400 header"},
        {WITHOUT(VIA FROM CALL CSEQ), "400 header"},
        {WITHOUT(VIA FROM TO CSEQ), "400 header"},
        {WITHOUT(VIA FROM TO CALL), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ FROM), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ "f: <sip:x@192.0.2.9>\r\n"), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ TO), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ CALL), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ "i: c1\r\n"), "400 header"},
        {WITHOUT(VIA FROM TO CALL CSEQ CSEQ), "400 header"},
        {INVITE "Max-Forwards: 1\r\nMax-Forwards: 1\r\n" END, "400 header"},
        {INVITE "Max-Forwards: 256\r\n" END, "400 header"},
        {INVITE "Max-Forwards: -1\r\n" END, "400 header"},
        {INVITE "Max-Forwards: 0\r\n" END, "pass"},
        {INVITE "Content-Length: 0\r\nl: 0\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 0, 0\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: +0\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 0x0\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: \r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 5\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 99999999999999999999\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 40000\r\n\r\n", "413 size"},
        {INVITE "Content-Type: application/sdp\r\nc: text/plain\r\n" END, "400 header"},
        {INVITE "\r\n", "pass"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void cseq_and_call_id(void **state)
{
    static const struct row rows[] = {
        {WITHOUT(VIA FROM TO CALL "CSeq: 2147483647 INVITE\r\n"), "pass"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 2147483648 INVITE\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: INVITE\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 1INVITE\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 1\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: -1 INVITE\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 1 BYE\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 1 INVITE x\r\n"), "400 cseq"},
        {WITHOUT(VIA FROM TO CALL "CSeq: 1\r\n\tINVITE\r\n"), "pass"},
        {WITHOUT(VIA FROM TO "Call-ID: a b\r\n" CSEQ), "400 header"},
        {WITHOUT(VIA FROM TO "Call-ID: \r\n" CSEQ), "400 header"},
        {WITHOUT(VIA FROM TO "Call-ID: a\xc3\xa4\r\n" CSEQ), "400 header"},
        {WITHOUT(VIA FROM TO "Call-ID: \"<>[]{}\\/?\r\n" CSEQ), "pass"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void SIP_25_headers_are_read_in_one_way_only(void **state)
{
    static const struct row rows[] = {
        {INVITE "X-Trusted : yes\r\n" END, "pass"}, /* and it is X-Trusted, see below */
        {INVITE "X-Trusted\t: yes\r\n" END, "pass"},
        {INVITE "X Trusted: yes\r\n" END, "400 header"},
        {INVITE "X-Trusted\r\n" END, "400 header"},
        {INVITE ": yes\r\n" END, "400 header"},
        {INVITE "X-\"Trusted: yes\r\n" END, "400 header"},
        {INVITE "X-Tr\xc3\xbcsted: yes\r\n" END, "400 header"},
        {INVITE "X-A: 1\nX-B: 2\r\n" END, "400 bytes"},
        {INVITE "X-A: 1\rX-B: 2\r\n" END, "400 bytes"},
        {INVITE "X-A: 1\r\r\nX-B: 2\r\n" END, "400 bytes"},
        {INVITE "X-A: 1\v2\r\n" END, "400 bytes"},
        {INVITE "X-A: 1\x7f\r\n" END, "400 bytes"},
        {INVITE "X-A: \"\\\r\n \"\r\n" END, "pass"},
        {INVITE "X-A: 1\r\n  2\r\n" END, "pass"},
        {INVITE "X-A: 1\r\n \r\nX-B: 2\r\n" END, "400 bytes"},
        {INVITE "X-A: caf\xe9\r\n" END, "pass"},
    };

    (void)state;
    CHECK_ROWS(rows);
    judge(INVITE "X-Trusted : yes\r\n folded\r\n" END);
    assert_true(ml_str_eq(message.fields[6].name, ML_STR("X-Trusted")));
    assert_true(ml_str_eq(message.fields[6].value, ML_STR("yes\r\n folded")));
}

static void a_nul_is_refused_where_a_header_could_end_with_it(void **state)
{
    static const char bare[] = INVITE "X-A: 1\0X-B: 2\r\n" END;
    static const char quoted[] = INVITE "X-A: \"1\\\0\"\r\n" END;
    static const char body[] =
        INVITE "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\n\0\1\2";

    (void)state;
    assert_string_equal(judge_bytes(bare, sizeof bare - 1, false), "400 bytes");
    assert_string_equal(judge_bytes(quoted, sizeof quoted - 1, false), "400 bytes");
    assert_string_equal(judge_bytes(body, sizeof body - 1, false), "pass");
}

static void contacts_that_cannot_be_sent_to_are_refused(void **state)
{
    static const char *const bad[] = {"<name:John_Smith>",
                                      "<sip:>",
                                      "<sip:@>",
                                      "<sip:john@>",
                                      "<sip:john@;lr>",
                                      "<tel:+1555>",
                                      "<http://192.0.2.1/>",
                                      "*",
                                      "<>",
                                      "sip:a@192.0.2.1?x=y",
                                      "<sip:a@192.0.2.1",
                                      "\"a",
                                      "<sip:a@192.0.2.1>, <sip:b@192.0.2.1>",
                                      "<sip:a@[::1>",
                                      "<sip:a@[zz]>",
                                      "<sip:a b@192.0.2.1>",
                                      "<sip:a@192.0.2.1:99999>",
                                      "<sip:a@192.0.2.1:>",
                                      "<sip:a%4@192.0.2.1>",
                                      "<sip:a@192.0.2.1>;;",
                                      "<sips>",
                                      "sip",
                                      ""};
    static const char *const good[] = {"<sip:192.0.2.1>",
                                       "sip:a@192.0.2.1;x=y",
                                       "\"A, B\" <sip:a@192.0.2.1;transport=tcp>;expires=5",
                                       "<sips:a@pbx_1.example.com:5061>",
                                       "<sip:a@[2001:db8::1]:5060;ob>",
                                       "\"J\xc3\xb6rg\" <sip:j@x.org>",
                                       "<sip:%00@192.0.2.1>",
                                       "<sip:a:secret@192.0.2.1;lr?X-A=b>"};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text,
                 "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES CSEQ "Contact: %s\r\n" END,
                 bad[i]);
        if (strcmp(judge(text), "400 contact") != 0)
            fail_msg("%s: %s", bad[i], say());
        snprintf(text, sizeof text, OK_RESPONSE "Contact: %s\r\n" END, bad[i]);
        if (strcmp(judge(text), "drop contact") != 0)
            fail_msg("200 %s: %s", bad[i], say());
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text,
                 "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES CSEQ "Contact: %s\r\n" END,
                 good[i]);
        if (strcmp(judge(text), "pass") != 0)
            fail_msg("%s: %s", good[i], say());
    }
}

static void routes_must_be_sip(void **state)
{
    static const struct row rows[] = {
        {INVITE "Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>\r\n" END, "pass"},
        {INVITE "Record-Route: <sip:192.0.2.7;lr>,<sips:x@[::1]>\r\n" END, "pass"},
        {INVITE "Route: <tel:1>\r\n" END, "400 contact"},
        {INVITE "Route: <sip:192.0.2.7;lr>,\r\n" END, "400 contact"},
        {INVITE "Record-Route: <name:x>\r\n" END, "400 contact"},
        {INVITE "Record-Route:\r\n" END, "400 contact"},
        {OK_RESPONSE CONTACT "Record-Route: <name:x>\r\n" END, "drop contact"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void bodies_we_do_not_take(void **state)
{
#define BODY "Content-Length: 3\r\n\r\nv=0"
    static const struct row rows[] = {
        {INVITE "Content-Type: application/sdp\r\n" BODY, "pass"},
        {INVITE "c: APPLICATION/SDP ; charset=x\r\n" BODY, "pass"},
        {INVITE BODY, "pass"},
        {INVITE "Content-Type: multipart/mixed;boundary=x\r\n" BODY, "415 body"},
        {INVITE "Content-Type: text/plain\r\n" END, "pass"},
        {INVITE "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n" BODY, "415 body"},
        {INVITE "Content-Type: application/sdp\r\ne: identity\r\n" BODY, "pass"},
        {INVITE "Accept: text/plain\r\n" END, "406 body"},
        {INVITE "Accept: text/plain, application/sdp;q=0.1\r\n" END, "pass"},
        {INVITE "Accept: */*\r\n" END, "pass"},
        {INVITE "Accept: \r\n" END, "pass"},
        {OPTIONS "Content-Type: text/plain\r\n" BODY, "pass"},
    };

    (void)state;
    CHECK_ROWS(rows);
    judge(INVITE "Content-Type: text/plain\r\n" BODY);
    assert_string_equal(verdict.extra, "Accept: application/sdp\r\n");
}

static void extensions_we_do_not_know_are_listed(void **state)
{
    char text[8192];
    size_t n;

    (void)state;
    assert_string_equal(judge(INVITE "Require: timer, 100rel\r\n" END), "pass");
    assert_string_equal(judge(INVITE "Proxy-Require: x\r\n" END), "pass");
    assert_string_equal(judge(INVITE "Require: timer, a\r\nRequire: b\r\n" END), "420 extension");
    assert_string_equal(verdict.extra, "Unsupported: a, b\r\n");
    assert_string_equal(judge(INVITE "Require: a b\r\n" END), "400 header");
    n = (size_t)snprintf(text, sizeof text, INVITE "Require: x");
    for (int i = 0; i < 500; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ", longtag%d", i);
    snprintf(text + n, sizeof text - n, "\r\n" END);
    assert_string_equal(judge(text), "420 extension");
    assert_true(strlen(verdict.extra) < sizeof verdict.extra);
    assert_string_equal(verdict.extra + strlen(verdict.extra) - 2, "\r\n");
    assert_string_equal(
        judge("ACK sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 ACK\r\nRequire: x\r\n" END),
        "pass");
}

static void an_ack_is_never_answered(void **state)
{
    static const struct row rows[] = {
        {"ACK sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 ACK\r\n" END, "pass"},
        {"ACK sip:b@192.0.2.2 SIP/2.0\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "drop cseq"},
        {"ACK sip:b@192.0.2.2 SIP/9.0\r\n" VIA PARTIES "CSeq: 1 ACK\r\n" END, "drop version"},
        {"ACK sip:b@192.0.2.2\r\n" VIA PARTIES "CSeq: 1 ACK\r\n" END, "drop start-line"},
        {"ACK sip:b@192.0.2.2 SIP/2.0\r\n" VIA "CSeq: 1 ACK\r\n" END, "drop header"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void responses_nobody_asked_for(void **state)
{
    static const struct row rows[] = {
        {OK_RESPONSE CONTACT END, "pass"},
        {OK_RESPONSE CONTACT VIA END, "drop response"},
        {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=other\r\n" PARTIES
         "CSeq: 1 INVITE\r\n" END,
         "drop response"},
        {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n" PARTIES "CSeq: 1 INVITE\r\n" END,
         "drop response"},
        {"SIP/2.0 200 OK\r\n" VIA PARTIES "CSeq: 1 ACK\r\n" END, "drop response"},
        {"SIP/2.0 200 OK\r\n" VIA PARTIES "CSeq: 1 PING\r\n" END, "drop response"},
        {"SIP/2.0 200 OK\r\n" VIA "CSeq: 1 INVITE\r\n" END, "drop header"},
        {OK_RESPONSE "Content-Length: 1\r\n\r\n", "drop framing"},
        {"SIP/2.0 302 Moved\r\n" VIA PARTIES "CSeq: 1 INVITE\r\nContact: <tel:+1>\r\n" END, "pass"},
        {"SIP/2.0 180\r\n" VIA PARTIES "CSeq: 1 INVITE\r\n" END, "pass"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void what_is_no_sip_is_dropped(void **state)
{
    static const char stun[] = "\0\1\0\0\x21\x12\xa4\x42", sigcomp[] = "\xf8\1\2\3",
                      nuls[] = "\0\0\0\0";

    (void)state;
    assert_string_equal(judge("\r\n"), "drop keep-alive");
    assert_string_equal(judge("\r\n\r\n"), "drop keep-alive");
    assert_string_equal(judge_bytes(nuls, 4, false), "drop keep-alive");
    assert_string_equal(judge_bytes(stun, sizeof stun - 1, false), "drop stun");
    assert_string_equal(judge_bytes(sigcomp, sizeof sigcomp - 1, false), "drop stun");
    assert_string_equal(judge(""), "drop keep-alive");
}

/* ---- limits ---- */

/* An INVITE with count lines more, and padded to n bytes in all when n is not 0. */
static char *long_message(const char *line, int count, size_t n)
{
    struct ml_buf text = {0};

    ml_buf_str(&text, INVITE);
    while (count-- > 0)
        ml_buf_str(&text, line);
    if (n > 0)
        ml_buf_printf(&text, "Content-Type: application/sdp\r\nContent-Length: %5zu\r\n\r\n",
                      n - text.n - 56);
    else
        ml_buf_str(&text, END);
    while (text.n < n)
        ml_buf_add(&text, "x", 1);
    return ml_buf_take(&text);
}

static void check_long(const char *line, int count, size_t n, const char *wanted)
{
    char *text = long_message(line, count, n);

    if (strcmp(judge(text), wanted) != 0)
        fail_msg("%d x %s: %s", count, line, say());
    ml_free(text);
}

static void SIP_19_every_limit_holds_and_what_is_at_it_passes(void **state)
{
    char line[9000];

    (void)state;
    check_long("", 0, ML_GUARD_MAX_MESSAGE, "pass");
    check_long("", 0, ML_GUARD_MAX_MESSAGE + 1, "413 size");
    check_long("A: b\r\nB: b\r\nD: b\r\nG: b\r\n", (ML_GUARD_MAX_HEADERS - 7) / 4, 0, "pass");
    check_long("A: b\r\nB: b\r\nD: b\r\nG: b\r\n", ML_GUARD_MAX_HEADERS / 4, 0, "413 size");
    check_long("Allow: b\r\n", ML_GUARD_MAX_SAME, 0, "pass");
    check_long("Allow: b\r\n", ML_GUARD_MAX_SAME + 1, 0, "413 size");
    check_long("A: b\r\n", 60000 / 6, 0, "413 size");
    check_long(VIA, ML_GUARD_MAX_VIAS - 1, 0, "pass");
    check_long(VIA, ML_GUARD_MAX_VIAS, 0, "413 size");
    check_long("Record-Route: <sip:192.0.2.7;lr>\r\n", ML_GUARD_MAX_ROUTES, 0, "pass");
    check_long("Record-Route: <sip:192.0.2.7;lr>\r\n", ML_GUARD_MAX_ROUTES + 1, 0, "400 contact");
    snprintf(line, sizeof line, "X-A: %0*d\r\n", ML_GUARD_MAX_LINE - 5, 0);
    check_long(line, 1, 0, "pass");
    snprintf(line, sizeof line, "X-A: %0*d\r\n", ML_GUARD_MAX_LINE - 4, 0);
    check_long(line, 1, 0, "413 size");
    snprintf(line, sizeof line, "X-A: %0*d\r\n %0*d\r\n", 4000, 0, 4400, 0);
    check_long(line, 1, 0, "413 size");
    ml_guard_judge(ML_STR(INVITE END), false, true, &message, &verdict);
    assert_string_equal(say(), "413 size");
}

/* ---- streams ---- */

static enum ml_guard_frame frame(const char *text, size_t n, size_t *length)
{
    return ml_guard_frame((struct ml_str){text, n}, length);
}

static void a_stream_waits_for_the_whole_message(void **state)
{
    static const char text[] = "\r\n\r\n" INVITE "Content-Type: application/sdp\r\n" BODY;
    size_t length;

    (void)state;
    for (size_t n = 1; n < sizeof text - 1; n++) {
        if (n == 2 || n == 4)
            continue; /* a keep-alive so far */
        assert_int_equal(frame(text, n, &length), ML_GUARD_MORE);
        assert_true(length > n && length <= sizeof text - 1);
    }
    assert_int_equal(frame(text, sizeof text - 1, &length), ML_GUARD_WHOLE);
    assert_int_equal(length, sizeof text - 1);
    assert_string_equal(judge_bytes(text, sizeof text - 1, true), "pass");
}

static void messages_in_a_row_are_cut_one_by_one(void **state)
{
    static const char text[] = OPTIONS END INVITE "Content-Length: 3\r\n\r\nabc\r\n" OPTIONS END;
    const char *at = text;
    size_t length;
    int count = 0;

    (void)state;
    while (*at) {
        assert_int_equal(frame(at, strlen(at), &length), ML_GUARD_WHOLE);
        assert_string_equal(judge_bytes(at, length, true), "pass");
        at += length;
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(frame("\r\n\r\n", 4, &length), ML_GUARD_WHOLE);
    assert_int_equal(length, 4);
    assert_int_equal(frame("\r", 1, &length), ML_GUARD_MORE);
}

static void a_stream_whose_next_message_cannot_be_found_is_broken(void **state)
{
    static const struct row rows[] = {
        {INVITE "\r\n", "400 framing"},
        {INVITE "Content-Length: x\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 0\r\nl: 0\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 32768\r\n\r\n", "400 framing"},
        {INVITE "Content-Length: 2000000\r\n\r\n", "413 size"},
        {INVITE "X-A: b\nX-C: d\r\n" END, "400 bytes"},
        {INVITE "X-A: b\rX-C: d\r\n" END, "400 bytes"},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 start-line"},
        {"OPTIONS\n\n", "400 bytes"},
    };
    char *text;
    size_t length;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *said = judge_bytes(rows[i].text, strlen(rows[i].text), true);

        if (frame(rows[i].text, strlen(rows[i].text), &length) != ML_GUARD_BROKEN ||
            strcmp(said, rows[i].wanted) != 0)
            fail_msg("wanted \"%s\", got \"%s\" for\n%s", rows[i].wanted, said, rows[i].text);
    }
    text = long_message("A: b\r\n", 6000, 0);
    assert_int_equal(frame(text, 1000, &length), ML_GUARD_MORE);
    assert_int_equal(frame(text, 33000, &length), ML_GUARD_BROKEN);
    ml_free(text);
    text = long_message("xxxxxxxxxx", 900, 0);
    assert_int_equal(frame(text, strlen(text), &length), ML_GUARD_BROKEN);
    ml_free(text);
}

/* ---- answers ---- */

static uint16_t answer_port;

static char *answer(const char *request, size_t n, const char *source, uint16_t port)
{
    struct ml_buf text = {0};

    judge_bytes(request, n, false);
    if (!ml_guard_answer(&message, &verdict, source, port, &text, &answer_port)) {
        ml_buf_fini(&text);
        return NULL;
    }
    assert_int_equal(strlen(text.p), strnlen(text.p, text.n));
    return ml_buf_take(&text);
}

static char *answer_to_via(const char *via)
{
    char text[1024];

    snprintf(text, sizeof text,
             "INVITE sip:b@192.0.2.2 SIP/2.0\r\nVia: %s\r\n" PARTIES "CSeq: 2 BYE\r\n" END, via);
    return answer(text, strlen(text), "192.0.2.77", 4444);
}

static void check_via(const char *via, const char *wanted, uint16_t port)
{
    char *text = answer_to_via(via);

    if (!strstr(text, wanted))
        fail_msg("wanted \"%s\" in\n%s", wanted, text);
    assert_int_equal(answer_port, port);
    ml_free(text);
}

static void answers_go_where_the_via_says(void **state)
{
    (void)state;
    check_via("SIP/2.0/UDP 192.0.2.77:5080;branch=z9hG4bKa",
              "Via: SIP/2.0/UDP 192.0.2.77:5080;branch=z9hG4bKa\r\n", 5080);
    check_via("SIP/2.0/UDP host.example.com;branch=z9hG4bKa",
              "Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKa;received=192.0.2.77\r\n", 5060);
    check_via("SIP/2.0/UDP h;branch=z9hG4bKrport;rport",
              ";branch=z9hG4bKrport;rport=4444;received=192.0.2.77\r\n", 4444);
    check_via("SIP/2.0/UDP h;rport ;branch=z9hG4bKa",
              ";rport=4444 ;branch=z9hG4bKa;received=192.0.2.77\r\n", 4444);
    check_via("SIP/2.0/UDP h;branch=z9hG4bKa, SIP/2.0/TCP next;branch=b",
              ";branch=z9hG4bKa;received=192.0.2.77, SIP/2.0/TCP next;branch=b\r\n", 5060);
    check_via("SIP/2.0/TLS h;branch=z9hG4bKa", "received=192.0.2.77", 5061);
    check_via("SIP/2.0/UDP ;;,", "Via: SIP/2.0/UDP ;;,\r\n", 4444);
    check_via("SIP / 2.0\r\n / UDP\r\n\th:9 ;branch=z9hG4bKa", "Via: SIP / 2.0 / UDP h:9 ;", 9);
}

static void an_answer_copies_what_it_must(void **state)
{
    static const char request[] =
        "INVITE sip:b@192.0.2.2 SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKa\r\n"
        "Via: SIP/2.0/UDP second\r\nf: <sip:a@192.0.2.1>;tag=1\r\nt: \"x\\\0y\"\r\n "
        "<sip:b@192.0.2.2>\r\n"
        "i: c1\r\nCSeq: 2 BYE\r\nX-Other: no\r\n" END;
    static const char to[] = "To: \"x\\\0y\" <sip:b@192.0.2.2>;tag=";
    struct ml_buf first = {0}, second = {0};

    (void)state;
    judge_bytes(request, sizeof request - 1, false);
    assert_true(ml_guard_answer(&message, &verdict, "192.0.2.7", 1, &first, &answer_port));
    assert_true(ml_guard_answer(&message, &verdict, "192.0.2.7", 1, &second, &answer_port));
    assert_memory_equal(first.p, "SIP/2.0 400 CSeq Has Another Method\r\nVia: ", 42);
    assert_non_null(memmem(first.p, first.n, "\r\nVia: SIP/2.0/UDP second\r\n", 27));
    assert_non_null(memmem(first.p, first.n, "\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\n", 33));
    assert_non_null(memmem(first.p, first.n, to, sizeof to - 1));
    assert_non_null(memmem(first.p, first.n, "\r\nCall-ID: c1\r\nCSeq: 2 BYE\r\n", 28));
    assert_null(memmem(first.p, first.n, "X-Other", 7));
    assert_memory_equal(first.p + first.n - 23, "\r\nContent-Length: 0\r\n\r\n", 23);
    assert_int_equal(first.n, second.n); /* the same tag for a repeated request */
    assert_memory_equal(first.p, second.p, first.n);
    ml_buf_fini(&first);
    ml_buf_fini(&second);
}

static void an_answer_smuggles_nothing_in(void **state)
{
    static const char request[] =
        "INVITE sip:b@192.0.2.2 SIP/2.0\r\n" VIA
        "From: a\n X-In: jected\r\nTo: \"open\r\nCall-ID: c\rd\x01\r\n" END;
    char *text = answer(request, sizeof request - 1, "192.0.2.1", 5070);

    (void)state;
    assert_non_null(text);
    for (const char *at = text; (at = strpbrk(at, "\r\n\x01")); at += 2)
        assert_memory_equal(at, "\r\n", 2);
    assert_null(strstr(text, "\nX-In"));
    assert_null(strstr(text, ";tag=")); /* To cannot be read, so it gets nothing */
    ml_free(text);
    assert_null(answer("INVITE x\r\n" PARTIES END, 100, "192.0.2.1", 5070));
}

/* ---- grammar ---- */

static void lists_are_cut_outside_quotes_and_brackets(void **state)
{
    struct ml_str rest = ML_STR(" a , \"b,\\\",\" <c,d>;e , <f>,,\"g, "), value;
    static const char *const wanted[] = {"a", "\"b,\\\",\" <c,d>;e", "<f>", "", "\"g,"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(ml_guard_next_value(&rest, &value));
        assert_true(ml_str_eq(value, ml_str(wanted[i])));
    }
    assert_false(ml_guard_next_value(&rest, &value));
}

static void parts_of_a_uri(void **state)
{
    struct ml_guard_uri uri;

    (void)state;
    assert_true(ml_guard_parse_uri(ML_STR("SIP:a;b=c@[2001:db8::1]:5060;lr?x=y"), &uri));
    assert_true(uri.is_sip && uri.has_headers);
    assert_true(ml_str_eq(uri.user, ML_STR("a;b=c")));
    assert_true(ml_str_eq(uri.host, ML_STR("[2001:db8::1]")));
    assert_true(ml_str_eq(uri.port, ML_STR("5060")));
    assert_true(ml_guard_parse_uri(ML_STR("tel:+1-555"), &uri));
    assert_false(uri.is_sip);
    assert_false(ml_guard_parse_uri(ML_STR("sip:2001:db8::10"), &uri));
    assert_false(ml_guard_parse_uri(ML_STR("sip:a@[2001:db8:::192.0.2.1]"), &uri));
    assert_false(ml_guard_parse_uri(ML_STR("nothing"), &uri));
    assert_false(ml_guard_parse_uri((struct ml_str){"sip:a\0@b", 8}, &uri));
    assert_false(ml_guard_parse_uri((struct ml_str){"", 0}, &uri));
}

static void parameters_of_a_header(void **state)
{
    struct ml_str text = ML_STR(";a=1 ; B\r\n = \"x;y\\\"\";c;d=[::1]"), found;

    (void)state;
    assert_true(ml_guard_parameters(text, "b", &found));
    assert_true(ml_str_eq(found, ML_STR("\"x;y\\\"\"")));
    assert_true(ml_guard_parameters(text, "C", &found));
    assert_true(found.p && found.n == 0);
    assert_true(ml_guard_parameters(text, "e", &found));
    assert_null(found.p);
    assert_false(ml_guard_parameters(ML_STR(";tag=1;tag=2"), "tag", &found));
    assert_false(ml_guard_parameters(ML_STR(";a=;b"), NULL, NULL));
    assert_false(ml_guard_parameters(ML_STR(";;"), NULL, NULL));
    assert_false(ml_guard_parameters(ML_STR("a"), NULL, NULL));
    assert_false(ml_guard_parameters(ML_STR(";a=\"b"), NULL, NULL));
}

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < ML_GUARD_REASONS; i++)
        assert_string_not_equal(ml_guard_reason_name((enum ml_guard_reason)i), "unknown");
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_judge_follows_the_table_of_rfc_4475),
        TEST(the_judge_follows_the_table_of_ipv6_messages),
        TEST(the_judge_follows_the_table_of_our_own),
        TEST(start_lines),
        TEST(register_passes_to_a_registrar),
        TEST(methods_that_are_not_ours_are_told_what_is),
        TEST(only_what_opens_no_dialog_is_limited),
        TEST(headers_that_must_be_there_once),
        TEST(cseq_and_call_id),
        TEST(SIP_25_headers_are_read_in_one_way_only),
        TEST(a_nul_is_refused_where_a_header_could_end_with_it),
        TEST(contacts_that_cannot_be_sent_to_are_refused),
        TEST(routes_must_be_sip),
        TEST(bodies_we_do_not_take),
        TEST(extensions_we_do_not_know_are_listed),
        TEST(an_ack_is_never_answered),
        TEST(responses_nobody_asked_for),
        TEST(what_is_no_sip_is_dropped),
        TEST(SIP_19_every_limit_holds_and_what_is_at_it_passes),
        TEST(a_stream_waits_for_the_whole_message),
        TEST(messages_in_a_row_are_cut_one_by_one),
        TEST(a_stream_whose_next_message_cannot_be_found_is_broken),
        TEST(answers_go_where_the_via_says),
        TEST(an_answer_copies_what_it_must),
        TEST(an_answer_smuggles_nothing_in),
        TEST(lists_are_cut_outside_quotes_and_brackets),
        TEST(parts_of_a_uri),
        TEST(parameters_of_a_header),
        TEST(every_reason_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
