#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/media/latch.h"
#include "core/media/rtp.h"
#include "core/media/timeline.h"

static void test_header_survives_build_and_parse(void **state)
{
    struct ml_rtp in = {
        .marker = true, .type = 101, .seq = 65535, .timestamp = 0xfedcba98, .ssrc = 0x01020304};
    struct ml_rtp out;
    uint8_t packet[16] = {0};

    (void)state;
    ml_rtp_build(packet, &in);
    assert_true(ml_rtp_parse(packet, sizeof packet, &out));
    assert_true(out.marker);
    assert_int_equal(out.type, 101);
    assert_int_equal(out.seq, 65535);
    assert_int_equal(out.timestamp, 0xfedcba98);
    assert_int_equal(out.ssrc, 0x01020304);
    assert_int_equal(out.offset, 12);
    assert_int_equal(out.length, 4);
}

static void test_MED3_malformed_headers_are_refused(void **state)
{
    uint8_t packet[64] = {0x80};
    struct ml_rtp rtp;

    (void)state;
    for (size_t n = 0; n < 12; n++)
        assert_false(ml_rtp_parse(packet, n, &rtp));
    assert_true(ml_rtp_parse(packet, 12, &rtp));
    assert_int_equal(rtp.length, 0);
    packet[0] = 0x00; /* version 0 */
    assert_false(ml_rtp_parse(packet, sizeof packet, &rtp));
    packet[0] = 0x8f; /* fifteen CSRCs in too few bytes */
    assert_false(ml_rtp_parse(packet, 60, &rtp));
    packet[0] = 0x90; /* an extension longer than the packet */
    packet[15] = 14;
    assert_false(ml_rtp_parse(packet, sizeof packet, &rtp));
    packet[15] = 12;
    assert_true(ml_rtp_parse(packet, sizeof packet, &rtp));
    assert_int_equal(rtp.offset, 64);
    assert_false(ml_rtp_parse(packet, 15, &rtp)); /* its head is cut */
    packet[0] = 0xa0;                             /* padding */
    packet[63] = 255;
    assert_false(ml_rtp_parse(packet, sizeof packet, &rtp));
    packet[63] = 0;
    assert_false(ml_rtp_parse(packet, sizeof packet, &rtp));
    packet[63] = 52;
    assert_true(ml_rtp_parse(packet, sizeof packet, &rtp));
    assert_int_equal(rtp.length, 0);
}

static void test_account_counts_losses_over_the_wrap(void **state)
{
    struct ml_rtp_account account = {0};
    struct ml_rtp rtp = {.seq = 65530, .ssrc = 7};
    int fresh = 0;

    (void)state;
    for (int i = 0; i < 20; i++, rtp.seq++, rtp.timestamp += 160)
        if (i % 5 != 4)
            fresh += ml_rtp_account(&account, &rtp, rtp.timestamp, true);
    assert_int_equal(fresh, 1);
    assert_int_equal(account.received, 16);
    assert_int_equal(ml_rtp_lost(&account), 3); /* the last of them is not known to be missing */
    assert_int_equal(account.jitter16 >> 4, 0);
    rtp.ssrc = 8;
    assert_true(ml_rtp_account(&account, &rtp, 0, true));
    assert_int_equal(ml_rtp_lost(&account), 0);
    rtp.seq = (uint16_t)(rtp.seq + 30000);
    assert_true(ml_rtp_account(&account, &rtp, 0, true));
}

static struct ml_endpoint at(const char *address, uint16_t port)
{
    struct ml_endpoint endpoint;

    assert_true(ml_endpoint_set(&endpoint, address, port));
    return endpoint;
}

static void test_MED1_latch_believes_the_sdp_address_at_once_and_for_good(void **state)
{
    struct ml_endpoint sdp = at("127.0.0.1", 4000), thief = at("127.0.0.9", 4000);
    struct ml_latch latch = {0};

    (void)state;
    ml_latch_target(&latch, &sdp);
    assert_int_equal(ml_latch_packet(&latch, &sdp), ML_LATCH_TAKE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ml_latch_packet(&latch, &thief), ML_LATCH_DROP);
    ml_latch_target(&latch, &sdp); /* a re-INVITE with the same address opens nothing */
    assert_int_equal(ml_latch_packet(&latch, &thief), ML_LATCH_DROP);
    assert_true(ml_endpoint_eq(ml_latch_destination(&latch), &sdp));
}

static void test_MED1_latch_learns_another_source_but_the_sdp_address_takes_over(void **state)
{
    struct ml_endpoint sdp = at("192.168.1.2", 4000), outside = at("203.0.113.9", 1234);
    struct ml_endpoint other = at("203.0.113.10", 1234);
    struct ml_latch latch = {0};

    (void)state;
    ml_latch_target(&latch, &sdp);
    for (int i = 1; i < ML_LATCH_PACKETS; i++)
        assert_int_equal(ml_latch_packet(&latch, &outside), ML_LATCH_WAIT);
    assert_true(ml_endpoint_eq(ml_latch_destination(&latch), &sdp));
    assert_int_equal(ml_latch_packet(&latch, &outside), ML_LATCH_TAKE);
    assert_true(ml_endpoint_eq(ml_latch_destination(&latch), &outside));
    assert_int_equal(ml_latch_packet(&latch, &other), ML_LATCH_DROP);
    assert_int_equal(ml_latch_packet(&latch, &sdp), ML_LATCH_TAKE);
    assert_int_equal(ml_latch_packet(&latch, &outside), ML_LATCH_DROP);
    assert_true(ml_endpoint_eq(ml_latch_destination(&latch), &sdp));
}

static void test_MED1_latch_learns_nothing_for_a_public_address(void **state)
{
    struct ml_endpoint sdp = at("198.51.100.1", 4000), other = at("203.0.113.9", 4000);
    struct ml_endpoint same_host = at("198.51.100.1", 4002);
    struct ml_latch latch = {0};

    (void)state;
    ml_latch_target(&latch, &sdp);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ml_latch_packet(&latch, &other), ML_LATCH_DROP);
    for (int i = 1; i < ML_LATCH_PACKETS; i++)
        assert_int_equal(ml_latch_packet(&latch, &same_host), ML_LATCH_WAIT);
    assert_int_equal(ml_latch_packet(&latch, &same_host), ML_LATCH_TAKE);
}

static void test_timeline_goes_on_from_own_to_relayed_and_back(void **state)
{
    struct ml_timeline line;
    struct ml_rtp own, first, second;
    uint16_t seq;

    (void)state;
    ml_timeline_init(&line, 0);
    ml_timeline_own(&line, 20000, 160, &own);
    seq = own.seq;
    assert_true(own.marker);
    ml_timeline_own(&line, 40000, 160, &second);
    assert_false(second.marker);
    assert_int_equal(second.timestamp - own.timestamp, 160);
    ml_timeline_own(&line, 1040000, 160, &second); /* a pause of a second */
    assert_int_equal(second.timestamp - own.timestamp, 160 * 51);
    assert_int_equal(second.seq, (uint16_t)(seq + 2));
    assert_true(second.marker);
    first = (struct ml_rtp){.seq = 9, .timestamp = 77, .ssrc = 5};
    assert_true(ml_timeline_relay(&line, 1060000, 160, false, &first));
    assert_true(first.marker);
    assert_int_equal(first.seq, (uint16_t)(seq + 3));
    assert_int_equal(first.timestamp - second.timestamp, 160);
    second = (struct ml_rtp){.seq = 11, .timestamp = 77 + 320, .ssrc = 5};
    assert_true(ml_timeline_relay(&line, 1100000, 160, false, &second));
    assert_false(second.marker);
    assert_int_equal(second.seq, (uint16_t)(seq + 5)); /* what the peer lost stays lost */
    assert_int_equal(second.timestamp - first.timestamp, 320);
    second = (struct ml_rtp){.seq = 10, .timestamp = 77 + 160, .ssrc = 5}; /* late */
    assert_true(ml_timeline_relay(&line, 1100000, 160, false, &second));
    assert_int_equal(second.seq, (uint16_t)(seq + 4));
    second = (struct ml_rtp){.seq = 8, .timestamp = 77 - 160, .ssrc = 5}; /* before our time */
    assert_false(ml_timeline_relay(&line, 1100000, 160, false, &second));
    ml_timeline_own(&line, 1120000, 160, &own);
    assert_true(own.marker);
    assert_int_equal(own.seq, (uint16_t)(seq + 6));
    assert_int_equal(own.timestamp - first.timestamp, 480);
}

static void test_timeline_survives_jumps_of_the_relayed_source(void **state)
{
    struct ml_timeline line;
    struct ml_rtp a = {.seq = 9, .timestamp = 77, .ssrc = 5};
    struct ml_rtp b = {.seq = 4000, .timestamp = 0x80000000, .ssrc = 5};
    struct ml_rtp c = {.seq = 4001, .timestamp = 3, .ssrc = 6};

    (void)state;
    ml_timeline_init(&line, 0);
    assert_true(ml_timeline_relay(&line, 20000, 160, false, &a));
    assert_true(ml_timeline_relay(&line, 40000, 160, false, &b));
    assert_true(ml_timeline_relay(&line, 60000, 160, false, &c));
    assert_int_equal(b.seq, (uint16_t)(a.seq + 1));
    assert_int_equal(b.timestamp, a.timestamp + 160);
    assert_int_equal(c.seq, (uint16_t)(a.seq + 2));
    assert_int_equal(c.timestamp, a.timestamp + 320);
    assert_true(b.marker && c.marker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_survives_build_and_parse),
        cmocka_unit_test(test_MED3_malformed_headers_are_refused),
        cmocka_unit_test(test_account_counts_losses_over_the_wrap),
        cmocka_unit_test(test_MED1_latch_believes_the_sdp_address_at_once_and_for_good),
        cmocka_unit_test(test_MED1_latch_learns_another_source_but_the_sdp_address_takes_over),
        cmocka_unit_test(test_MED1_latch_learns_nothing_for_a_public_address),
        cmocka_unit_test(test_timeline_goes_on_from_own_to_relayed_and_back),
        cmocka_unit_test(test_timeline_survives_jumps_of_the_relayed_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
