/* RTP headers (RFC 3550 section 5.1) and the account of what was received (appendix A). Pure
 * functions on bytes from outside: nothing here trusts a length. Any thread. */
#ifndef ML_MEDIA_RTP_H
#define ML_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_RTP_HEADER = 12, ML_RTP_COMFORT_NOISE = 13 };

struct ml_rtp {
    bool marker;
    uint8_t type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    size_t offset, length; /* of the payload within the packet, without padding */
};

/* False: not a packet of version 2 whose CSRC list, extension and padding fit into n bytes. */
bool ml_rtp_parse(const uint8_t *packet, size_t n, struct ml_rtp *rtp);
/* Writes 12 bytes: no CSRC, no extension, no padding. */
void ml_rtp_build(uint8_t *header, const struct ml_rtp *rtp);

/* How far a is ahead of b, over the wrap. */
static inline int ml_rtp_seq_ahead(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}

static inline int32_t ml_rtp_time_ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* What came from one SSRC. */
struct ml_rtp_account {
    bool begun;
    uint32_t ssrc;
    uint32_t base, highest; /* sequence numbers, extended by the wraps */
    uint32_t received;
    uint32_t expected_before, received_before; /* at the last report */
    uint32_t transit;
    uint32_t jitter16; /* RFC 3550 A.8, in 1/16 of a timestamp unit */
};

/* arrival: in timestamp units. True when the source is new (first packet, other SSRC, or a jump
 * of the sequence numbers): then what was remembered of its timestamps is worth nothing. */
bool ml_rtp_account(struct ml_rtp_account *account, const struct ml_rtp *rtp, uint32_t arrival,
                    bool timed);
uint32_t ml_rtp_expected(const struct ml_rtp_account *account);
/* Never negative: duplicates do not make up for losses here. */
uint32_t ml_rtp_lost(const struct ml_rtp_account *account);

#endif
