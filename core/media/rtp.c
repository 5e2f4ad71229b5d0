#include "core/media/rtp.h"

enum { SEQ_JUMP = 3000 }; /* packets; RFC 3550 A.1 calls it MAX_DROPOUT */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

bool ml_rtp_parse(const uint8_t *packet, size_t n, struct ml_rtp *rtp)
{
    size_t offset, padding = 0;

    if (n < ML_RTP_HEADER || packet[0] >> 6 != 2)
        return false;
    offset = ML_RTP_HEADER + 4u * (packet[0] & 15);
    if (packet[0] & 0x10) {
        if (n < offset + 4)
            return false;
        offset += 4 + 4u * (size_t)(packet[offset + 2] << 8 | packet[offset + 3]);
    }
    if (offset > n)
        return false;
    if (packet[0] & 0x20) {
        padding = packet[n - 1];
        if (padding == 0 || padding > n - offset)
            return false;
    }
    rtp->marker = packet[1] >> 7;
    rtp->type = packet[1] & 127;
    rtp->seq = (uint16_t)(packet[2] << 8 | packet[3]);
    rtp->timestamp = get32(packet + 4);
    rtp->ssrc = get32(packet + 8);
    rtp->offset = offset;
    rtp->length = n - offset - padding;
    return true;
}

void ml_rtp_build(uint8_t *header, const struct ml_rtp *rtp)
{
    header[0] = 0x80;
    header[1] = (uint8_t)((rtp->marker ? 0x80 : 0) | (rtp->type & 127));
    header[2] = (uint8_t)(rtp->seq >> 8);
    header[3] = (uint8_t)rtp->seq;
    put32(header + 4, rtp->timestamp);
    put32(header + 8, rtp->ssrc);
}

static void begin(struct ml_rtp_account *account, const struct ml_rtp *rtp)
{
    *account = (struct ml_rtp_account){
        .begun = true, .ssrc = rtp->ssrc, .base = rtp->seq, .highest = rtp->seq, .received = 1};
}

/* timed is false for packets whose timestamp does not tell when they were sent (telephone-event,
 * whose timestamp is that of the key press). */
bool ml_rtp_account(struct ml_rtp_account *account, const struct ml_rtp *rtp, uint32_t arrival,
                    bool timed)
{
    uint32_t transit = arrival - rtp->timestamp;
    int ahead = ml_rtp_seq_ahead(rtp->seq, (uint16_t)account->highest);
    bool fresh =
        !account->begun || account->ssrc != rtp->ssrc || ahead > SEQ_JUMP || ahead < -SEQ_JUMP;
    int32_t change;

    if (fresh) {
        begin(account, rtp);
        account->transit = transit;
        return true;
    }
    account->received++;
    if (ahead > 0)
        account->highest += (uint32_t)ahead;
    if (!timed)
        return false;
    change = (int32_t)(transit - account->transit);
    account->transit = transit;
    if (change < 0)
        change = change == INT32_MIN ? INT32_MAX : -change;
    if (change < 8000 * 10) /* more is a jump of the clock, not jitter */
        account->jitter16 += (uint32_t)change - ((account->jitter16 + 8) >> 4);
    return false;
}

uint32_t ml_rtp_expected(const struct ml_rtp_account *account)
{
    return account->begun ? account->highest - account->base + 1 : 0;
}

uint32_t ml_rtp_lost(const struct ml_rtp_account *account)
{
    uint32_t expected = ml_rtp_expected(account);

    return expected > account->received ? expected - account->received : 0;
}
