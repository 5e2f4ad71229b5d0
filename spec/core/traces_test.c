/* Traces of calls: whose messages they are, what stays when there are many, what is masked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/house/traces.h"

static char seen[8192]; /* first lines, one after another */
static size_t dropped;

static void on_item(const struct ml_trace_item *item, void *user)
{
    size_t n = strlen(seen);
    const char *end = memchr(item->text.p, '\r', item->text.n);
    int first = (int)(end ? (size_t)(end - item->text.p) : item->text.n);

    (void)user;
    snprintf(seen + n, sizeof seen - n, "%s:%.*s\n", item->sid, first > 40 ? 40 : first,
             item->text.p);
}

static const char *read_all(struct ml_traces *traces, const char *sid)
{
    seen[0] = '\0';
    return ml_traces_read(traces, sid, on_item, NULL, &dropped) ? seen : NULL;
}

static void message(struct ml_traces *traces, const char *first, const char *call_id)
{
    char text[512];
    struct ml_agent_trace one = {true, "udp", "192.0.2.1:5060", "192.0.2.2:5060", {text, 0}};

    one.message.n = (size_t)snprintf(text, sizeof text,
                                     "%s\r\nVia: x\r\ncontact: <sip:a>\r\nCall-ID : %s\r\n\r\n",
                                     first, call_id);
    ml_traces_message(traces, &one);
}

static void tell(struct ml_traces *traces, const char *sid, const char *json)
{
    ml_traces_tell(traces, sid, ml_str(json));
}

static void test_messages_seen_before_the_call_is_known_are_claimed_in_order(void **state)
{
    struct ml_traces *traces = ml_traces_new(10, 65536);

    (void)state;
    message(traces, "INVITE", "one");
    message(traces, "OPTIONS", "strange");
    message(traces, "100", "one");
    ml_traces_open(traces, "CA1", NULL);
    tell(traces, "CA1", "{\"kind\":\"call\"}");
    ml_traces_dialog(traces, "CA1", "one");
    message(traces, "180", "one");
    tell(traces, "CA9", "{}");
    assert_string_equal(read_all(traces, "CA1"),
                        "CA1:INVITE\nCA1:100\nCA1:{\"kind\":\"call\"}\nCA1:180\n");
    assert_int_equal(dropped, 0);
    assert_null(read_all(traces, "CA2"));
    assert_null(read_all(traces, "one")); /* a Call-ID is no sid */
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

static void test_a_call_placed_for_another_is_part_of_its_trace(void **state)
{
    struct ml_traces *traces = ml_traces_new(10, 65536);

    (void)state;
    ml_traces_open(traces, "CA1", NULL);
    ml_traces_dialog(traces, "CA1", "one");
    ml_traces_open(traces, "CA2", "CA1");
    ml_traces_dialog(traces, "CA2", "two");
    message(traces, "INVITE", "two");
    ml_traces_dialog(traces, "CA2", "three"); /* a redirection: another dialog of the same call */
    message(traces, "INVITE again", "three");
    message(traces, "BYE", "one");
    assert_string_equal(read_all(traces, "CA1"), "CA2:INVITE\nCA2:INVITE again\nCA1:BYE\n");
    assert_string_equal(read_all(traces, "CA2"), "CA2:INVITE\nCA2:INVITE again\nCA1:BYE\n");
    ml_traces_dialog(traces, "CA1", "two"); /* has an owner */
    assert_string_equal(read_all(traces, "CA1"), "CA2:INVITE\nCA2:INVITE again\nCA1:BYE\n");
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

static void test_ended_calls_make_room_first(void **state)
{
    struct ml_traces *traces = ml_traces_new(3, 65536);

    (void)state;
    ml_traces_open(traces, "CA1", NULL);
    ml_traces_open(traces, "CA2", NULL);
    ml_traces_open(traces, "CA3", NULL);
    ml_traces_end(traces, "CA2");
    ml_traces_open(traces, "CA4", NULL);
    assert_null(read_all(traces, "CA2"));
    assert_non_null(read_all(traces, "CA1"));
    ml_traces_open(traces, "CA5", NULL); /* none has ended: the oldest */
    assert_null(read_all(traces, "CA1"));
    assert_non_null(read_all(traces, "CA3"));
    ml_traces_open(traces, "CA6", "CA3"); /* the end of a called party is not the call's */
    ml_traces_end(traces, "CA6");
    ml_traces_end(traces, "CA5");
    ml_traces_open(traces, "CA7", NULL);
    assert_null(read_all(traces, "CA5"));
    assert_non_null(read_all(traces, "CA3"));
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

static void test_of_a_long_call_the_beginning_and_the_newest_stay(void **state)
{
    struct ml_traces *traces = ml_traces_new(2, 4096);
    char json[64], newest[64];

    (void)state;
    ml_traces_open(traces, "CA1", NULL);
    ml_traces_dialog(traces, "CA1", "one");
    for (int i = 0; i < 1000; i++) {
        snprintf(json, sizeof json, "{\"number\":%d}", i);
        tell(traces, "CA1", json);
        assert_true(ml_traces_bytes(traces) <= 4096 + 256);
    }
    assert_non_null(read_all(traces, "CA1"));
    assert_non_null(strstr(seen, "CA1:{\"number\":0}\nCA1:{\"number\":1}\n"));
    snprintf(newest, sizeof newest, "CA1:{\"number\":998}\nCA1:{\"number\":999}\n");
    assert_string_equal(seen + strlen(seen) - strlen(newest), newest);
    assert_true(dropped > 900);
    for (int i = 0; i < 1000; i++) { /* names are bounded, too */
        snprintf(json, sizeof json, "CB%d", i);
        ml_traces_open(traces, json, "CA1");
        ml_traces_dialog(traces, "CA1", json);
        assert_true(ml_traces_bytes(traces) <= 4096 + 256);
    }
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

static void test_what_is_larger_than_a_trace_is_cut_or_left_out(void **state)
{
    struct ml_traces *traces = ml_traces_new(2, 4096);
    char text[10000];
    struct ml_agent_trace huge = {false, "tcp", "[::1]:5060", "[::2]:5060", {text, sizeof text}};

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "INVITE\r\nCall-ID:one\r\n\r\n", 24);
    ml_traces_message(traces, &huge);
    ml_traces_open(traces, "CA1", NULL);
    ml_traces_dialog(traces, "CA1", "one");
    ml_traces_tell(traces, "CA1", (struct ml_str){text, sizeof text});
    assert_string_equal(read_all(traces, "CA1"), "CA1:INVITE\n");
    assert_int_equal(dropped, 1);
    for (int i = 0; i < 1000; i++) /* of nobody's messages only so many wait */
        ml_traces_message(traces,
                          &(struct ml_agent_trace){false, "udp", "a", "b", {text + 8, 4000}});
    assert_true(ml_traces_bytes(traces) < 300 * 1024);
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

/* Of the header, in each of its forms, and of nothing else. */
static void test_the_call_id_of_a_message_is_found(void **state)
{
    static const char *const with[] = {
        "A\r\nCall-ID: one\r\n\r\n",
        "B\r\nCALL-id\t :one \r\n\r\n",
        "C\r\nVia: i\r\ni:one\r\n\r\n",
        "D\r\nI : one\r\n\r\n",
        "E\r\nCall-Info: x\r\ncseq: 1\r\nca: x\r\nIn: y\r\nc\r\ni\r\nCall-ID:one\r\n\r\n",
        "F\r\nCall-ID: one",
    };
    static const char *const without[] = {
        "G\r\nTo: x\r\n\r\nCall-ID: one\r\n",
        "H\r\nCall-ID one\r\n\r\n",
        "I\r\nCall-ID-2: one\r\n\r\n",
        "Call-ID: one\r\n\r\n",
        "J\n\nCall-ID: one\n",
        "K\r\ni",
        "L\r\n",
        "M",
        "",
    };
    struct ml_traces *traces = ml_traces_new(10, 65536);
    struct ml_agent_trace one = {true, "udp", "192.0.2.1:5060", "192.0.2.2:5060", {NULL, 0}};

    (void)state;
    ml_traces_open(traces, "CA1", NULL);
    ml_traces_dialog(traces, "CA1", "one");
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        one.message = ml_str(without[i]);
        ml_traces_message(traces, &one);
    }
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        char *exact = ml_strdup(with[i]); /* nothing behind it may be read */

        one.message = ml_str(exact);
        ml_traces_message(traces, &one);
        ml_free(exact);
    }
    assert_string_equal(read_all(traces, "CA1"), "CA1:A\nCA1:B\nCA1:C\nCA1:D\nCA1:E\nCA1:F\n");
    ml_traces_free(traces);
    assert_int_equal(ml_mem_blocks(), 0);
}

static void masked(const char *given, const char *wanted)
{
    char text[512];

    snprintf(text, sizeof text, "%s", given);
    ml_trace_mask(text, strlen(text));
    assert_string_equal(text, wanted);
}

static void test_credentials_are_masked(void **state)
{
    (void)state;
    masked("REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"k\",\r\n realm=\"r\", "
           "response=\"0123\"\r\nTo: x\r\n\r\nresponse=\"0123\"",
           "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"k\",\r\n realm=\"r\", "
           "response=******\r\nTo: x\r\n\r\nresponse=\"0123\"");
    masked("INVITE sip:a SIP/2.0\r\nproxy-authorization : Basic a2F0ZQ==\r\nTo: x\r\n\r\n",
           "INVITE sip:a SIP/2.0\r\nproxy-authorization : Basic*********\r\nTo: x\r\n\r\n");
    masked("INVITE sip:a SIP/2.0\r\nAuthorization:Digest\r\n RESPONSE = \"01\"\r\n\r\n",
           "INVITE sip:a SIP/2.0\r\nAuthorization:Digest\r\n RESPONSE =*****\r\n\r\n");
    masked("INVITE sip:a SIP/2.0\r\nAuthorization:", "INVITE sip:a SIP/2.0\r\nAuthorization:");
    masked("INVITE", "INVITE");
    masked("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_seen_before_the_call_is_known_are_claimed_in_order),
        cmocka_unit_test(test_a_call_placed_for_another_is_part_of_its_trace),
        cmocka_unit_test(test_ended_calls_make_room_first),
        cmocka_unit_test(test_of_a_long_call_the_beginning_and_the_newest_stay),
        cmocka_unit_test(test_what_is_larger_than_a_trace_is_cut_or_left_out),
        cmocka_unit_test(test_the_call_id_of_a_message_is_found),
        cmocka_unit_test(test_credentials_are_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
