/* RTCP reports (RFC 3550 section 6): what we send, and a reader that believes no length. Pure
 * functions. Any thread. */
#ifndef ML_MEDIA_RTCP_H
#define ML_MEDIA_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_RTCP_MAX = 128 }; /* bytes; the longest that ml_rtcp_build makes is shorter */

struct ml_rtcp_block {
    uint32_t ssrc;
    uint8_t fraction; /* lost of 256 since the report before */
    int32_t lost;     /* 24 bits, signed */
    uint32_t highest, jitter, last_sr, since_sr;
};

struct ml_rtcp_report {
    uint32_t ssrc;
    bool sender; /* SR: the next four mean something */
    uint64_t ntp;
    uint32_t timestamp, packets, octets;
    bool has_block;
    struct ml_rtcp_block block;
};

/* A compound packet: SR or RR, then SDES with this CNAME. Returns its length. */
size_t ml_rtcp_build(uint8_t packet[ML_RTCP_MAX], const struct ml_rtcp_report *report,
                     const char *cname);
/* The first SR or RR of a compound packet, with the block about our ssrc if there is one. Other
 * types (BYE, APP, XR ...) are stepped over. False: malformed, or no report in it. */
bool ml_rtcp_parse(const uint8_t *packet, size_t n, uint32_t ssrc, struct ml_rtcp_report *report);

/* NTP timestamp of a wall clock in milliseconds since 1970. */
uint64_t ml_rtcp_ntp(int64_t wall_ms);

#endif
