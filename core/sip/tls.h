/* TLS as sofia does not do it: the peer's name in the handshake (SNI) and in the certificate check,
 * and a failure told at once. Works on the connections announced here, no others. Loop thread. */
#ifndef ML_SIP_TLS_H
#define ML_SIP_TLS_H

#include <stdint.h>

#include "core/net/loop.h"
#include "core/sip/agent.h"

struct ml_tls_watch;

/* text: why the handshake with that peer failed ("certificate is for another name", ...). Called once,
 * in a later turn; the watch is gone then. */
typedef void ml_tls_failed_fn(const char *text, void *user);

/* The next connection to that address and port is meant for the host `name` (a DNS name, or the
 * address itself). options: trust, or no_verify; borrowed until forgotten. */
struct ml_tls_watch *ml_tls_expect(struct ml_loop *loop, const char *address, uint16_t port,
                                   const char *name, const struct ml_agent_tls *options,
                                   ml_tls_failed_fn *fn, void *user);
void ml_tls_forget(struct ml_tls_watch *watch);

#endif
