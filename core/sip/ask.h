/* Requests outside any dialog to one peer, one at a time: REGISTER and its refreshes, OPTIONS.
 * Finds the places, goes to the next after 4 s of silence, a 503 or a network failure, and answers
 * digest challenges. One Call-ID with rising CSeq for its whole life (RFC 3261 10.2.4). Owner:
 * whoever asks; when the agent is gone it does nothing any more. Loop thread. */
#ifndef ML_SIP_ASK_H
#define ML_SIP_ASK_H

#include "core/sip/agent.h"

struct ml_ask;

struct ml_ask_options {
    const char *uri; /* Request-URI, and where it is sent unless hops or flow say otherwise */
    const char *aor; /* URI of From and To; NULL: From is our own address, To is `uri` */
    const char *const *hops; /* URIs it is sent to, tried in order */
    size_t hop_count;
    const char *flow;                /* of a registration: back over that */
    const char *username, *password; /* answer to 401 and 407, or NULL */
    const char *bind, *advertise;    /* as in ml_leg_dial */
};

struct ml_ask_request {
    const char *method;              /* REGISTER or OPTIONS; NULL: only looks where it would go */
    const char *contact_user;        /* a Contact with that user part is sent; NULL: none */
    int expires;                     /* of that Contact, seconds; < 0: not said */
    const struct ml_header *headers; /* names were checked by the caller */
    size_t header_count;
};

struct ml_ask_result {
    int code; /* final response; 0: none came */
    const char *phrase;
    enum ml_leg_cause cause;  /* RESPONSE, TIMEOUT, DNS, NETWORK, TLS; NONE for a 2xx */
    const char *text;         /* a sentence about the cause, or NULL */
    const char *headers;      /* lines of the response, or NULL */
    const char *peer;         /* "udp:10.0.0.9:5060": whom it was sent to last; NULL: nobody */
    const char *contact;      /* URI of the Contact that was sent, or NULL */
    const char *const *hosts; /* numeric addresses that `uri` or the hops lead to */
    size_t host_count;
};

/* Once for each request, never from within ml_ask_send. The handler may free the ask or send again.
 */
typedef void ml_ask_fn(struct ml_ask *ask, const struct ml_ask_result *result, void *user);

struct ml_ask *ml_ask_new(struct ml_agent *agent, const struct ml_ask_options *options,
                          ml_ask_fn *fn, void *user);
/* Lets go of a request that is under way. */
void ml_ask_free(struct ml_ask *ask);
/* One that is still under way is given up, and not told. */
int ml_ask_send(struct ml_ask *ask, const struct ml_ask_request *request, struct ml_fault *fault);

#endif
