/* Session descriptions for one audio stream: strict where a mistake would hurt, lenient where
 * RFC 4475 is. sofia's parser is never used (it can be made to allocate without end). Any thread.
 */
#ifndef ML_SIP_SDP_H
#define ML_SIP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"

enum { ML_SDP_MAX_CODECS = 32, ML_SDP_MAX_MEDIA = 8 };

enum ml_sdp_direction { ML_SDP_SENDRECV, ML_SDP_SENDONLY, ML_SDP_RECVONLY, ML_SDP_INACTIVE };

struct ml_sdp_codec {
    char name[16]; /* "PCMU", "telephone-event"; static types get their names */
    int type;      /* payload type 0..127 */
    int rate, channels;
    char fmtp[64];
};

struct ml_sdp {
    char origin[96];    /* the o= line's value, for versions */
    char address[46];   /* numeric; "" when the c= line says 0.0.0.0 or :: */
    bool hold_address;  /* that: hold in the manner of RFC 2543 */
    uint16_t port;      /* 0: the stream was refused */
    uint16_t rtcp_port; /* a=rtcp, else port + 1 */
    bool rtcp_mux;
    enum ml_sdp_direction direction;
    int ptime;                                     /* ms, 20 when not said */
    struct ml_sdp_codec codecs[ML_SDP_MAX_CODECS]; /* in order of preference */
    size_t codec_count;
    int media_index; /* which m= line is the audio one we use; the others are refused in an answer
                      */
    char other_media[ML_SDP_MAX_MEDIA][64]; /* "video RTP/AVP 31": what an answer must repeat with
                                               port 0, at their indexes */
    size_t media_count;
};

/* ML_EPARSE: not SDP. ML_EREFUSED: SDP without an m= line we can use (SAVP, T.38, no audio), or
 * with an address or port media must never go to (multicast, broadcast, link-local, port below
 * 1024). */
int ml_sdp_parse(struct ml_str text, struct ml_sdp *sdp, struct ml_fault *fault);
/* May our media, which has this address and port, go where sdp says? ML_EREFUSED: the loopback of
 * this machine while we are not on it, or our own port. */
int ml_sdp_check_target(const struct ml_sdp *sdp, const char *address, uint16_t port,
                        struct ml_fault *fault);
/* Text of an offer or an answer. session_id and version make up o=. */
char *ml_sdp_print(const struct ml_sdp *sdp, uint64_t session_id, uint64_t version);
const struct ml_sdp_codec *ml_sdp_codec(const struct ml_sdp *sdp, const char *name, int rate);
/* What we may send when the peer says direction (sendonly there: we receive only). */
enum ml_sdp_direction ml_sdp_mirror(enum ml_sdp_direction direction);

#endif
