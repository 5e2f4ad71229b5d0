#include "core/media/rtcp.h"

#include <string.h>

enum { TYPE_SR = 200, TYPE_RR = 201, TYPE_SDES = 202, SR_INFO = 20, BLOCK = 24, MAX_PARTS = 32 };

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
    return p + 4;
}

static void put_head(uint8_t *packet, int count, int type, const uint8_t *end)
{
    size_t words = (size_t)(end - packet) / 4 - 1;

    packet[0] = (uint8_t)(0x80 | count);
    packet[1] = (uint8_t)type;
    packet[2] = (uint8_t)(words >> 8);
    packet[3] = (uint8_t)words;
}

static uint8_t *put_block(uint8_t *p, const struct ml_rtcp_block *block)
{
    p = put32(p, block->ssrc);
    p = put32(p, (uint32_t)block->fraction << 24 | ((uint32_t)block->lost & 0xffffff));
    p = put32(p, block->highest);
    p = put32(p, block->jitter);
    p = put32(p, block->last_sr);
    return put32(p, block->since_sr);
}

size_t ml_rtcp_build(uint8_t packet[ML_RTCP_MAX], const struct ml_rtcp_report *report,
                     const char *cname)
{
    size_t length = strnlen(cname, 32);
    uint8_t *sdes, *p = put32(packet + 4, report->ssrc);

    if (report->sender) {
        p = put32(p, (uint32_t)(report->ntp >> 32));
        p = put32(p, (uint32_t)report->ntp);
        p = put32(p, report->timestamp);
        p = put32(p, report->packets);
        p = put32(p, report->octets);
    }
    if (report->has_block)
        p = put_block(p, &report->block);
    put_head(packet, report->has_block, report->sender ? TYPE_SR : TYPE_RR, p);
    sdes = p;
    p = put32(p + 4, report->ssrc);
    *p++ = 1; /* CNAME */
    *p++ = (uint8_t)length;
    memcpy(p, cname, length);
    p += length;
    do
        *p++ = 0; /* at least one, then up to the next word */
    while ((p - sdes) % 4);
    put_head(sdes, 1, TYPE_SDES, p);
    return (size_t)(p - packet);
}

static void read_block(const uint8_t *p, struct ml_rtcp_block *block)
{
    uint32_t lost = get32(p + 4) & 0xffffff;

    block->ssrc = get32(p);
    block->fraction = p[4];
    block->lost = lost & 0x800000 ? (int32_t)(lost | 0xff000000) : (int32_t)lost;
    block->highest = get32(p + 8);
    block->jitter = get32(p + 12);
    block->last_sr = get32(p + 16);
    block->since_sr = get32(p + 20);
}

/* One SR or RR of n bytes in all. */
static bool read_report(const uint8_t *p, size_t n, uint32_t ssrc, struct ml_rtcp_report *report)
{
    size_t at = 8;
    int count = p[0] & 31;

    *report = (struct ml_rtcp_report){.sender = p[1] == TYPE_SR};
    if (n < at + (report->sender ? SR_INFO : 0))
        return false;
    report->ssrc = get32(p + 4);
    if (report->sender) {
        report->ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
        report->timestamp = get32(p + 16);
        report->packets = get32(p + 20);
        report->octets = get32(p + 24);
        at += SR_INFO;
    }
    for (int i = 0; i < count; i++, at += BLOCK) {
        if (n < at + BLOCK)
            return false;
        if (get32(p + at) != ssrc || report->has_block)
            continue;
        report->has_block = true;
        read_block(p + at, &report->block);
    }
    return true;
}

bool ml_rtcp_parse(const uint8_t *packet, size_t n, uint32_t ssrc, struct ml_rtcp_report *report)
{
    for (int part = 0; part < MAX_PARTS && n >= 8; part++) {
        size_t length = 4u * ((size_t)(packet[2] << 8 | packet[3]) + 1);

        if (packet[0] >> 6 != 2 || length > n || length < 8)
            return false;
        if (packet[1] == TYPE_SR || packet[1] == TYPE_RR)
            return read_report(packet, length, ssrc, report);
        packet += length;
        n -= length;
    }
    return false;
}

uint64_t ml_rtcp_ntp(int64_t wall_ms)
{
    uint64_t seconds = (uint64_t)(wall_ms / 1000) + 2208988800u; /* 1900 to 1970 */

    return seconds << 32 | ((uint64_t)(wall_ms % 1000) << 32) / 1000;
}
