#include "fixture.h"

#include "core/media/rtcp.h"

static struct ml_stream_stats stats_of(struct side *side)
{
    struct ml_stream_stats stats;

    ml_stream_stats(side->stream, &stats);
    return stats;
}

static void test_a_stream_with_nothing_to_say_sends_nothing(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 1000);
    run_ms(loop, 10000);
    assert_int_equal(a.phone.count, 0);
    assert_int_equal(stats_of(&a).received, 50);
    assert_int_equal(stats_of(&a).sent, 0);
    assert_int_equal(stats_of(&a).lost, 0);
    assert_int_equal(stats_of(&a).dropped, 0);
    assert_int_equal(a.lost, 0);
}

static void test_ports_are_even_and_on_the_asked_address(void **state)
{
    struct ml_stream *stream;
    struct ml_fault fault;

    (void)state;
    assert_int_equal(ml_stream_port(a.stream) % 2, 0);
    assert_string_equal(ml_stream_address(a.stream), "127.0.0.1");
    assert_int_equal(ml_stream_new(media, "127.0.0.2", &side_handlers, &c, &stream, &fault), 0);
    assert_string_equal(ml_stream_address(stream), "127.0.0.2");
    assert_int_equal(ml_media_streams(media), 4);
    ml_stream_free(stream);
    assert_int_equal(ml_media_streams(media), 3);
    assert_int_equal(ml_stream_new(media, "nonsense", &side_handlers, &c, &stream, &fault),
                     ML_EINVAL);
    assert_int_equal(ml_stream_new(media, "203.0.113.1", &side_handlers, &c, &stream, &fault),
                     ML_ENET);
    assert_true(strlen(fault.text) > 10);
}

static void test_MED1_packets_of_others_are_dropped_and_get_nothing(void **state)
{
    struct phone thief;

    (void)state;
    phone_open(&thief, loop, "127.0.0.9");
    phone_call(&thief, ml_stream_port(a.stream));
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    ml_bridge(a.stream, b.stream);
    phone_talk(&a.phone, 1000, 200);
    run_ms(loop, 300);
    thief.ssrc = a.phone.ssrc; /* MED-2: even with a guessed SSRC */
    phone_talk(&thief, 440, 1000);
    phone_press(&thief, 5, 3);
    phone_talk(&b.phone, 600, 400);
    run_ms(loop, 2000);
    assert_int_equal(b.phone.count, 10);
    assert_int_equal(stats_of(&a).dropped, 58);
    assert_string_equal(a.digits, "");
    assert_int_equal(thief.count, 0);
    assert_int_equal(a.phone.count, 20);
    phone_close(&thief);
}

static void test_MED1_before_the_lock_nothing_of_a_stranger_is_used(void **state)
{
    struct phone thief;

    (void)state;
    phone_open(&thief, loop, "127.0.0.9");
    phone_call(&thief, ml_stream_port(a.stream));
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    ml_bridge(a.stream, b.stream);
    phone_press(&thief, 5, 3); /* keys make nobody believed */
    phone_talk(&thief, 440, 80);
    phone_talk(&a.phone, 1000, 200); /* but the address of the SDP takes it back */
    run_ms(loop, 100);
    phone_press(&thief, 6, 3);
    phone_talk(&b.phone, 600, 400);
    run_ms(loop, 2000);
    assert_string_equal(a.digits, "");
    assert_int_equal(thief.count, 0);
    assert_int_equal(a.phone.count, 20);
    phone_close(&thief);
}

static void test_symmetric_rtp_answers_to_where_packets_come_from(void **state)
{
    struct phone nat;

    (void)state;
    phone_open(&nat, loop, "127.0.0.7");
    phone_call(&nat, ml_stream_port(a.stream));
    side_meet(&a, ML_PCMU, true);
    phone_talk(&nat, 1000, 200);
    run_ms(loop, 300);
    play(&a, ML_SOURCE_TONE, "800", 200, 0, 1);
    run_ms(loop, 500);
    assert_int_equal(nat.count, 10);
    assert_int_equal(a.phone.count, 0);
    assert_int_equal(stats_of(&a).received, 6); /* the first four were only looked at */
    phone_close(&nat);
}

static void test_MED1_new_target_opens_the_lock_again(void **state)
{
    struct ml_stream_target target;
    struct phone moved;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 200);
    run_ms(loop, 300);
    phone_open(&moved, loop, "127.0.0.5");
    phone_call(&moved, ml_stream_port(a.stream));
    target = phone_target(&moved, true);
    ml_stream_set_target(a.stream, &target);
    phone_talk(&moved, 1000, 200);
    phone_talk(&a.phone, 1000, 200);
    play(&a, ML_SOURCE_TONE, "800", 400, 0, 1);
    run_ms(loop, 600);
    assert_int_equal(moved.count, 20);
    assert_int_equal(a.phone.count, 0);
    assert_int_equal(stats_of(&a).received, 20);
    phone_close(&moved);
}

static void test_MED2_new_ssrc_of_the_peer_is_accepted(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 200);
    run_ms(loop, 300);
    a.phone.ssrc += 99;
    a.phone.seq = 7;
    a.phone.timestamp = 12345;
    phone_talk(&a.phone, 1000, 200);
    phone_press(&a.phone, 3, 3);
    run_ms(loop, 300);
    assert_int_equal(stats_of(&a).dropped, 0);
    assert_string_equal(a.digits, "3");
}

static void test_MED3_malformed_packets_are_counted_only(void **state)
{
    static const char *const bad[] = {"", "abc", "\x01", "\x8f\x00\x00\x01"};
    uint8_t big[3000] = {0x80};

    (void)state;
    side_meet(&a, ML_PCMU, true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        phone_send_raw(&a.phone, bad[i], strlen(bad[i]));
    phone_send_raw(&a.phone, big, sizeof big);
    for (int type = 0; type < 128; type++)
        phone_send(&a.phone, (uint8_t)type, false, 0, "audio", 5);
    phone_send(&a.phone, PHONE_EVENT, false, 0, "\xff\x80\x01\x00", 4);
    phone_send(&a.phone, PHONE_EVENT, false, 0, "\x01", 1);
    run_ms(loop, 100);
    /* Left: PCMU, telephone-event, comfort noise. "audi" is no event. */
    assert_int_equal(stats_of(&a).dropped, 5 + 125 + 3);
    assert_string_equal(a.digits, "");
}

static void test_MED4_reports(void **state)
{
    struct ml_stream_target target;
    struct ml_rtcp_report report = {.ssrc = 1};
    uint8_t packet[2048] = {0x9f, 200, 0xff, 0xff};
    ssize_t n;
    struct phone rtcp;

    (void)state;
    phone_open(&rtcp, loop, "127.0.0.1");
    ml_io_set(rtcp.io, 0);
    phone_call(&rtcp, (uint16_t)(ml_stream_port(a.stream) + 1));
    phone_speak_law(&a.phone, ML_PCMU);
    target = phone_target(&a.phone, true);
    target.rtcp_port = phone_port(&rtcp);
    ml_stream_set_target(a.stream, &target);
    play(&a, ML_SOURCE_TONE, "800", 6000, 0, 1);
    phone_talk(&a.phone, 800, 6000);
    phone_send_raw(&rtcp, packet, sizeof packet);
    phone_send_raw(&rtcp, "\x81\xcb\x00\x01\x00\x00\x00\x00", 8); /* BYE */
    run_ms(loop, 6000);
    n = recv(rtcp.fd, packet, sizeof packet, MSG_DONTWAIT);
    assert_true(n > 0);
    assert_true(ml_rtcp_parse(packet, (size_t)n, a.phone.ssrc, &report));
    assert_true(report.sender && report.has_block);
    assert_in_range(report.packets, 245, 255);
    assert_int_equal(report.octets, report.packets * 160);
    assert_int_equal(report.block.lost, 0);
    assert_int_equal(report.ssrc, stats_of(&a).ssrc);
    while (recv(rtcp.fd, packet, sizeof packet, MSG_DONTWAIT) >= 0) {
    }
    run_ms(loop, 60000); /* silence: one last report at most */
    recv(rtcp.fd, packet, sizeof packet, MSG_DONTWAIT);
    assert_true(recv(rtcp.fd, packet, sizeof packet, MSG_DONTWAIT) < 0);
    phone_close(&rtcp);
}

static void test_MED11_nothing_is_sent_to_ourselves_or_to_no_host(void **state)
{
    static const char *const nowhere[] = {"0.0.0.0", "255.255.255.255", "224.0.0.1", "", "::1"};
    struct ml_stream_target target;

    (void)state;
    target = phone_target(&a.phone, true);
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        snprintf(target.address, sizeof target.address, "%s", nowhere[i]);
        ml_stream_set_target(a.stream, &target);
        play(&a, ML_SOURCE_TONE, "800", 100, 0, 1);
        run_ms(loop, 200);
    }
    snprintf(target.address, sizeof target.address, "127.0.0.1");
    target.port = ml_stream_port(a.stream);
    ml_stream_set_target(a.stream, &target);
    play(&a, ML_SOURCE_TONE, "800", 100, 0, 1);
    run_ms(loop, 200);
    assert_int_equal(stats_of(&a).sent, 0);
    assert_int_equal(stats_of(&a).received, 0);
    assert_int_equal(a.played, 6); /* it takes its time all the same */
}

static void test_hold_is_silent_both_ways_and_opens_no_lock(void **state)
{
    struct ml_stream_target target;

    (void)state;
    side_meet(&a, ML_PCMU, true);
    side_meet(&b, ML_PCMU, true);
    ml_bridge(a.stream, b.stream);
    phone_talk(&a.phone, 1000, 200);
    phone_talk(&b.phone, 600, 1000);
    run_ms(loop, 210);
    target = phone_target(&a.phone, true);
    target.send = target.receive = false;
    ml_stream_set_target(a.stream, &target);
    phone_talk(&a.phone, 1000, 400);
    run_ms(loop, 400);
    target.send = target.receive = true;
    ml_stream_set_target(a.stream, &target);
    run_ms(loop, 1000);
    assert_in_range(b.phone.count, 10, 11);
    assert_in_range(a.phone.count, 29, 31);
    phone_check_line(&a.phone);
    phone_check_line(&b.phone);
}

static void test_V6_addresses_work(void **state)
{
    struct ml_stream_target target;
    struct ml_stream *stream, *other;
    struct ml_stream_stats stats;
    struct ml_fault fault;

    (void)state;
    if (ml_stream_new(media, "::1", &side_handlers, &c, &stream, &fault) != 0)
        skip();
    assert_int_equal(ml_stream_new(media, "::1", &side_handlers, &c, &other, &fault), 0);
    target = phone_target(&a.phone, true);
    snprintf(target.address, sizeof target.address, "::1");
    target.port = ml_stream_port(other);
    ml_stream_set_target(stream, &target);
    target.port = ml_stream_port(stream);
    ml_stream_set_target(other, &target);
    assert_int_equal(
        ml_stream_play(stream,
                       &(struct ml_source){.kind = ML_SOURCE_TONE, .text = "800", .ms = 200}, 1,
                       &fault),
        0);
    run_ms(loop, 300);
    ml_stream_stats(other, &stats);
    assert_int_equal(stats.received, 10);
    ml_stream_free(stream);
    ml_stream_free(other);
}

static void test_MED10_silence_is_no_timeout_in_virtual_time(void **state)
{
    (void)state;
    side_meet(&a, ML_PCMU, true);
    phone_talk(&a.phone, 1000, 200);
    run_ms(loop, 4 * 3600 * 1000);
    assert_int_equal(a.lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_stream_with_nothing_to_say_sends_nothing),
        TEST(test_ports_are_even_and_on_the_asked_address),
        TEST(test_MED1_packets_of_others_are_dropped_and_get_nothing),
        TEST(test_MED1_before_the_lock_nothing_of_a_stranger_is_used),
        TEST(test_symmetric_rtp_answers_to_where_packets_come_from),
        TEST(test_MED1_new_target_opens_the_lock_again),
        TEST(test_MED2_new_ssrc_of_the_peer_is_accepted),
        TEST(test_MED3_malformed_packets_are_counted_only),
        TEST(test_MED4_reports),
        TEST(test_MED11_nothing_is_sent_to_ourselves_or_to_no_host),
        TEST(test_hold_is_silent_both_ways_and_opens_no_lock),
        TEST(test_V6_addresses_work),
        TEST(test_MED10_silence_is_no_timeout_in_virtual_time),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
