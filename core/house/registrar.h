/* The registrar: which phones are logged in, and how to reach each. Keeps what REGISTER asks for
 * (RFC 3261 10.3) together with the flow it came over, keeps that flow open by OPTIONS every 30 s
 * (also through a NAT), and drops a phone that does not answer twice in a row, or whose connection
 * is gone. Owner: whoever owns the agent; freed before it. Loop thread. */
#ifndef ML_HOUSE_REGISTRAR_H
#define ML_HOUSE_REGISTRAR_H

#include "core/net/loop.h"
#include "core/sip/agent.h"

struct ml_registrar;

/* The agent takes REGISTER from now on, for the users of its access list. */
struct ml_registrar *ml_registrar_new(struct ml_loop *loop, struct ml_agent *agent);
/* The phones are forgotten, without a word to them. */
void ml_registrar_free(struct ml_registrar *registrar);

struct ml_registration {
    const char *user, *uri;
    const char *flow;   /* for ml_leg_dial */
    const char *source; /* "udp:192.0.2.7:5060" */
    const char *device; /* User-Agent, "" when it did not say */
    int expires;        /* seconds left */
};

/* visit returns 0 to go on. user NULL: of all users. Borrowed until visit returns. Oldest first. */
typedef int ml_registrar_visit_fn(const struct ml_registration *registration, void *context);
void ml_registrar_each(const struct ml_registrar *registrar, const char *user,
                       ml_registrar_visit_fn *visit, void *context);
/* Forgets the phones of users for which keep says no. */
void ml_registrar_prune(struct ml_registrar *registrar,
                        bool (*keep)(const char *user, void *context), void *context);

#endif
