/* TLS as sofia does not do it: the peer's name in the handshake (SNI) and in the certificate check,
 * a failure told at once, and no connection used for a name it was not verified for. Works on the
 * connections of agents; those that nobody announced are not made at all. Loop thread. */
#ifndef ML_SIP_TLS_H
#define ML_SIP_TLS_H

#include <stdint.h>

#include "core/net/loop.h"
#include "core/sip/agent.h"

struct ml_tls_watch;

/* text: why the handshake with that peer failed ("its certificate is for another name", ...).
 * Called at most once, in a later turn. The watch is to be forgotten all the same; there too. */
typedef void ml_tls_failed_fn(const char *text, void *user);

/* Requests to that address and port are meant for the host `name` (a DNS name, or the address
 * itself). options: trust, or no_verify; borrowed as long as the agent lives. */
struct ml_tls_watch *ml_tls_expect(struct ml_loop *loop, const char *address, uint16_t port,
                                   const char *name, const struct ml_agent_tls *options,
                                   ml_tls_failed_fn *fn, void *user);
/* NULL is allowed. */
void ml_tls_forget(struct ml_tls_watch *watch);

#endif
