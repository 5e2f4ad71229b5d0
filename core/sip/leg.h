/* A leg: one INVITE dialog, as UAS (somebody calls us) or as UAC (we dial). Signalling only; what
 * the SDP says is the business of the description that is plugged in (struct ml_leg_description).
 * The leg answers by itself what needs no decision: re-INVITE, UPDATE, PRACK, OPTIONS, INFO,
 * session timers, glare, digest challenges, late and forked 2xx, the ACK. Reference counted; an
 * agent holds a reference while signalling goes on. Loop thread. */
#ifndef ML_SIP_LEG_H
#define ML_SIP_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"

struct ml_agent;
struct ml_leg;

struct ml_header {
    const char *name, *value;
};

enum ml_leg_state {
    ML_LEG_CALLING,  /* UAC: INVITE sent (or its name being resolved), no final response yet */
    ML_LEG_INCOMING, /* UAS: INVITE received, no final response sent yet */
    ML_LEG_UP,       /* 2xx sent or received */
    ML_LEG_LEAVING,  /* CANCEL or BYE sent, its answer awaited */
    ML_LEG_OVER
};

enum ml_leg_event_kind {
    ML_LEG_SENT,      /* UAC: the first INVITE left */
    ML_LEG_RINGING,   /* UAC: an 18x; code, early (it brought SDP), headers. Each one is told. */
    ML_LEG_ANSWERED,  /* UAC: 2xx; code, headers. The ACK is on its way. */
    ML_LEG_CONFIRMED, /* UAS: the ACK for our 2xx came */
    ML_LEG_FAILED,    /* UAC: no dialog came to be; code (0: no response), cause, headers */
    ML_LEG_CANCELED,  /* UAS: the caller gave up before our final response */
    ML_LEG_ENDED,     /* it was up and is over; cause; headers of the peer's BYE, or of the response
                         to ours */
    ML_LEG_REFER,     /* what became of ml_leg_refer: code of the answer to it, progress, final */
    ML_LEG_INFO,      /* INFO with a body we know: body is "digit" and its duration */
    ML_LEG_TRANSFER   /* the peer asked us for a transfer, which was refused; text: its Refer-To */
};

/* Why a leg failed or ended. */
enum ml_leg_cause {
    ML_CAUSE_NONE,
    ML_CAUSE_RESPONSE, /* a final response >= 300 from the peer (code) */
    ML_CAUSE_TIMEOUT,  /* no response at all: timer B */
    ML_CAUSE_DNS,      /* the name leads nowhere */
    ML_CAUSE_NETWORK,  /* refused, unreachable, no transport of that kind */
    ML_CAUSE_TLS,      /* handshake or certificate */
    ML_CAUSE_LOCAL,    /* we hung up or cancelled */
    ML_CAUSE_PEER,     /* BYE from the peer */
    ML_CAUSE_NO_ACK,   /* our 2xx was never acknowledged */
    ML_CAUSE_SESSION,  /* session timer ran out (RFC 4028) */
    ML_CAUSE_GONE,     /* 481 or 408 inside the dialog */
    ML_CAUSE_SDP       /* an answer we cannot use */
};

struct ml_leg_event {
    enum ml_leg_event_kind kind;
    int code;
    const char *phrase;
    bool early;
    enum ml_leg_cause cause;
    const char *text;    /* a sentence about the cause, or NULL */
    const char *headers; /* the lines of the message, see ml_headers_lines; NULL: none */
    int progress;        /* ML_LEG_REFER: status the peer told of its call; 0: none */
    bool final;          /* ML_LEG_REFER: the last one */
    char digit;          /* ML_LEG_INFO */
    int duration_ms;     /* ML_LEG_INFO */
};

/* Borrowed until it returns. The handler may unref the leg. */
typedef void ml_leg_event_fn(struct ml_leg *leg, const struct ml_leg_event *event, void *user);

/* Offer and answer (RFC 3264), called by the leg when the protocol needs them. Texts are made with
 * ml_alloc and become the leg's. Return 0; ML_EREFUSED for a 488; ML_EPARSE for a 400. */
struct ml_leg_description {
    int (*make_offer)(void *user, char **sdp);
    int (*take_offer)(void *user, struct ml_str offer, char **answer);
    int (*take_answer)(void *user, struct ml_str answer);
};

void ml_leg_watch(struct ml_leg *leg, ml_leg_event_fn *fn, void *user);
void ml_leg_describe(struct ml_leg *leg, const struct ml_leg_description *description, void *user);
struct ml_leg *ml_leg_ref(struct ml_leg *leg);
/* The last reference of a leg that is still up hangs it up. */
void ml_leg_unref(struct ml_leg *leg);

/* What is known from the INVITE; all borrowed from the leg. */
struct ml_leg_info {
    bool incoming;
    const char *call_id;
    const char *from_uri, *from_display; /* URI without parameters: sip:user@host[:port] */
    const char *to_uri;                  /* of the To header */
    const char *request_uri;             /* as received or sent, with parameters */
    const char *transport;               /* "udp", "tcp", "tls" */
    const char *source_address;          /* of the INVITE (UAS), or where ours went (UAC) */
    uint16_t source_port;
    const char *local_address; /* on which it arrived or from which it left */
    const char *username;      /* digest user that was checked, or NULL */
    const char *trusted;       /* name of the peer of ml_agent_access it came from, or NULL */
    const char *headers;       /* lines of the INVITE received; NULL for a UAC */
};
void ml_leg_info(const struct ml_leg *leg, struct ml_leg_info *info);
enum ml_leg_state ml_leg_state(const struct ml_leg *leg);
const char *ml_leg_state_name(enum ml_leg_state state);
const char *ml_leg_cause_name(enum ml_leg_cause cause); /* "response", "timeout", "dns", ... */

/* UAS. ring: 180, or 183 with SDP when early (reliably where the peer requires 100rel). Repeatable.
 */
int ml_leg_ring(struct ml_leg *leg, bool early);
int ml_leg_answer(struct ml_leg *leg, const struct ml_header *headers, size_t count);
/* code 300..699. */
int ml_leg_reject(struct ml_leg *leg, int code, const char *phrase, const struct ml_header *headers,
                  size_t count);

/* Ends the leg whatever its state: CANCEL (UAC before the answer; ML_LEG_FAILED follows with the
 * 487, or ANSWERED never and ENDED when the 200 won the race), 480 (UAS before its answer), BYE
 * (ML_LEG_ENDED follows with the answer to it, after at most 1 s). Nothing when it is over. */
void ml_leg_hangup(struct ml_leg *leg, const struct ml_header *headers, size_t count);

/* In the dialog: INFO with application/dtmf-relay; re-INVITE with a fresh offer (hold and tests).
 */
int ml_leg_send_digit(struct ml_leg *leg, char digit, int duration_ms);
int ml_leg_reoffer(struct ml_leg *leg);

/* REFER (RFC 3515): asks the peer to call target, a URI that may have headers, "sip:a@b?X-C=d".
 * ML_LEG_REFER follows for the answer, and for each NOTIFY until one says how that call ended, or
 * wait_ms have passed; none when the leg is over first. One at a time: it ends the one before. */
int ml_leg_refer(struct ml_leg *leg, const char *target, int wait_ms);

#endif
