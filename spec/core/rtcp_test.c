#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/media/rtcp.h"

static void test_report_survives_build_and_parse(void **state)
{
    struct ml_rtcp_report in = {.ssrc = 1,
                                .sender = true,
                                .ntp = 0x0102030405060708u,
                                .timestamp = 99,
                                .packets = 5,
                                .octets = 800,
                                .has_block = true,
                                .block = {.ssrc = 2,
                                          .fraction = 3,
                                          .lost = -4,
                                          .highest = 5,
                                          .jitter = 6,
                                          .last_sr = 7,
                                          .since_sr = 8}};
    struct ml_rtcp_report out;
    uint8_t packet[ML_RTCP_MAX];
    size_t n;

    (void)state;
    n = ml_rtcp_build(packet, &in, "0123456789abcdef");
    assert_int_equal(n % 4, 0);
    assert_true(n <= ML_RTCP_MAX);
    assert_true(ml_rtcp_parse(packet, n, 2, &out));
    assert_true(out.sender && out.has_block);
    assert_true(out.ntp == in.ntp);
    assert_int_equal(out.packets, 5);
    assert_int_equal(out.block.lost, -4);
    assert_int_equal(out.block.since_sr, 8);
    assert_true(ml_rtcp_parse(packet, n, 3, &out)); /* a block about somebody else */
    assert_false(out.has_block);
    for (size_t cut = 0; cut < 52; cut++)
        assert_false(ml_rtcp_parse(packet, cut, 2, &out));
}

static void test_MED4_malformed_reports_are_ignored(void **state)
{
    uint8_t packet[4096] = {0};
    struct ml_rtcp_report report;

    (void)state;
    packet[0] = 0x80;
    packet[1] = 200;
    packet[3] = 255; /* longer than the packet */
    assert_false(ml_rtcp_parse(packet, 28, 1, &report));
    packet[0] = 0x9f; /* 31 blocks in no room */
    packet[3] = 6;
    assert_false(ml_rtcp_parse(packet, 28, 1, &report));
    for (size_t i = 0; i + 8 <= sizeof packet; i += 8) { /* a long compound of BYEs */
        packet[i] = 0x81;
        packet[i + 1] = 203;
        packet[i + 3] = 1;
    }
    assert_false(ml_rtcp_parse(packet, sizeof packet, 1, &report));
    memset(packet, 0, 32);
    packet[0] = 0x80; /* SR with NTP 0 */
    packet[1] = 200;
    packet[3] = 6;
    assert_true(ml_rtcp_parse(packet, 28, 1, &report));
    assert_int_equal(report.ntp, 0);
}

static void test_ntp_time(void **state)
{
    (void)state;
    assert_true(ml_rtcp_ntp(0) == (uint64_t)2208988800u << 32);
    assert_true(ml_rtcp_ntp(1500) == ((uint64_t)2208988801u << 32 | 0x80000000u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_survives_build_and_parse),
        cmocka_unit_test(test_MED4_malformed_reports_are_ignored),
        cmocka_unit_test(test_ntp_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
