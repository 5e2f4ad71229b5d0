/* Where a request may go: the addresses that SIP URIs lead to, in the order to try (RFC 3263: SRV,
 * then A and AAAA; no NAPTR). Owner: whoever asks. Loop thread. */
#ifndef ML_SIP_TARGETS_H
#define ML_SIP_TARGETS_H

#include "core/sip/agent_priv.h"

struct ml_targets;

enum { ML_TARGETS_MAX = 16 };

/* status 0: there is at least one place. Otherwise ML_ENOTFOUND or ML_ETIMEOUT of the last name.
 * The handler may free the targets. */
typedef void ml_targets_fn(int status, void *user);

/* Reads the URIs and begins to look them up, one after the other; found is called once, in a later
 * turn. ML_EINVAL: one is not a sip or sips URI with a host. */
int ml_targets_find(struct ml_agent *agent, const char *const *uris, size_t count,
                    ml_targets_fn *found, void *user, struct ml_targets **targetsp,
                    struct ml_fault *fault);
/* One place, known already. */
struct ml_targets *ml_targets_at(const struct ml_sip_place *place);
void ml_targets_free(struct ml_targets *targets);
size_t ml_targets_count(const struct ml_targets *targets);
const struct ml_sip_place *ml_targets_place(const struct ml_targets *targets, size_t index);
/* The host of the URI that led there: whom a certificate has to name. */
const char *ml_targets_name(const struct ml_targets *targets, size_t index);

/* A flow: how to get back to who sent a request, also through his NAT (RFC 5626): our transport and
 * his address, over TCP and TLS the connection he made. As text, for ml_leg_dial.flow. */
void ml_flow_print(const struct ml_transport *transport, const struct ml_sip_place *peer,
                   char *text, size_t size);
/* NULL: no flow of this agent. */
const struct ml_transport *ml_flow_read(const struct ml_agent *agent, const char *text,
                                        struct ml_sip_place *peer);

#endif
