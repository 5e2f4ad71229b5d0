/* The SIP endpoint of a process: transports, incoming requests, outgoing legs. Built on sofia's
 * nta. Several agents may live in one process (tests, fake phones). Owner: the program. Loop
 * thread. */
#ifndef ML_SIP_AGENT_H
#define ML_SIP_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/loop.h"
#include "core/net/resolver.h"
#include "core/sip/leg.h"

struct ml_agent;

struct ml_agent_tls {
    const char *certificate_file, *key_file; /* PEM */
    const char *ca_file;                     /* trusted for peers; NULL: the system's */
    bool no_verify;                          /* accept any peer certificate */
};

struct ml_agent_user {
    const char *name, *password;
};

/* Who may call in. */
struct ml_agent_access {
    const char *const *allow; /* CIDR texts: without credentials */
    size_t allow_count;
    const struct ml_agent_user *users; /* digest for everybody else; none: 403 */
    size_t user_count;
    const char *const *peers;  /* pairs: numeric address, name. Known by their address, let in as
                                  those of `allow`, and believed what they say of their callers */
    size_t peer_count;         /* pairs */
    const char *const *digest; /* algorithms asked for, in this order; none: MD5, SHA-256 */
    size_t digest_count;
};

struct ml_agent_options {
    const char *const *listen; /* "udp:127.0.0.1:5060", "tls:[::1]:5061"; port 0: any free one */
    size_t listen_count;
    const char *advertise; /* host[:port] for Via and Contact instead of the local one, or NULL */
    struct ml_agent_tls tls;
    struct ml_agent_access access;
    int session_expires; /* seconds, RFC 4028; 0: no session timer asked for */
    const char *user_agent;
    /* Connections that others may open, in all and by address; of the whole process. 0: as it is */
    int max_connections, max_per_source;
    struct ml_resolver *resolver; /* borrowed */
};

struct ml_agent_handlers {
    /* A new call, allowed to call and with 100 sent. The handler takes a reference if it wants the
     * leg; without one, or without a final response in the end, the leg answers 480. */
    void (*incoming)(struct ml_leg *leg, void *user);
    /* Asked before anything is created: 0 lets it in, else the code to refuse with (503, ...) and
     * retry_after seconds when > 0. NULL: all are let in. Also asked for OPTIONS outside a dialog.
     */
    int (*admit)(const char *method, int *retry_after, void *user);
};

/* A request or response as received (after the guard let it pass) or about to be sent. */
struct ml_agent_trace {
    bool sent;
    const char *transport, *local, *remote; /* "127.0.0.1:5060" */
    struct ml_str message;
};
typedef void ml_agent_trace_fn(const struct ml_agent_trace *trace, void *user);

int ml_agent_new(struct ml_loop *loop, const struct ml_agent_options *options,
                 const struct ml_agent_handlers *handlers, void *user, struct ml_agent **agentp,
                 struct ml_fault *fault);
/* Ends all legs (BYE, CANCEL, 480 without waiting for answers) and closes the transports. */
void ml_agent_free(struct ml_agent *agent);
/* Tells all legs to end (ml_leg_hangup): BYE, CANCEL, 480. Each is told that it ended, also one
 * that was never answered. */
void ml_agent_hangup(struct ml_agent *agent);
/* Who may call in from now on, in place of what held until now. */
void ml_agent_set_access(struct ml_agent *agent, const struct ml_agent_access *access);
/* "udp:127.0.0.1:5060" with the real port; NULL when index is past the last. */
const char *ml_agent_address(const struct ml_agent *agent, size_t index);
/* NULL ends it. */
void ml_agent_on_trace(struct ml_agent *agent, ml_agent_trace_fn *fn, void *user);
/* Legs that are not over. */
int ml_agent_legs(const struct ml_agent *agent);
/* Calls that came in and are still wanted: a leg whose BYE is sent does not count. */
int ml_agent_calls(const struct ml_agent *agent);

struct ml_leg_dial {
    const char *uri; /* sip: or sips:; goes into the Request-URI as it is, without ?headers */
    const char *from_user,
        *from_display;               /* raw; escaped and quoted as needed. user NULL: anonymous */
    const char *from_host;           /* NULL: the egress's own */
    const struct ml_header *headers; /* added to the INVITE; names were checked by the caller */
    size_t header_count;
    const char *username, *password; /* answer to 401 and 407, or NULL */
    const char *bind;                /* local address of the egress profile, NULL: by route */
    const char *proxy;               /* outbound proxy URI, NULL: none */
    const char *const *hops; /* URIs it is sent to, in this order, instead of where `uri` leads */
    size_t hop_count;
    const char *flow;      /* of a registration: back over that, whatever `uri` says. NULL: none */
    const char *advertise; /* for Via and Contact of this leg. NULL: `bind`, else the agent's */
};

/* The description must be ready: make_offer is called when the INVITE is built. Events come later,
 * never from within this call; a name that does not resolve is ML_LEG_FAILED with ML_CAUSE_DNS.
 * The caller owns the reference. */
int ml_agent_dial(struct ml_agent *agent, const struct ml_leg_dial *dial,
                  const struct ml_leg_description *description, void *description_user,
                  ml_leg_event_fn *fn, void *user, struct ml_leg **legp, struct ml_fault *fault);

#endif
