/* A bound UDP socket on the loop: datagrams in and out, as they are. Owner: whoever opened it. Loop
 * thread. */
#ifndef ML_NET_UDP_H
#define ML_NET_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_udp;

/* Borrowed until it returns. address is numeric, without brackets. The handler must not free. */
typedef void ml_udp_fn(struct ml_str bytes, const char *address, uint16_t port, void *user);

/* address is numeric IPv4 or IPv6; port 0: any free one. */
int ml_udp_new(struct ml_loop *loop, const char *address, uint16_t port, ml_udp_fn *fn, void *user,
               struct ml_udp **udpp, struct ml_fault *fault);
void ml_udp_free(struct ml_udp *udp);
uint16_t ml_udp_port(const struct ml_udp *udp);
/* One datagram. ML_EINVAL: no numeric address; ML_ENET: the kernel said no. */
int ml_udp_send(struct ml_udp *udp, const char *address, uint16_t port, struct ml_str bytes);

#endif
