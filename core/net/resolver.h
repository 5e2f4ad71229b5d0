/* Names to addresses on the loop, by c-ares: the hosts file, then DNS. Owner: the program. Loop
 * thread. */
#ifndef ML_NET_RESOLVER_H
#define ML_NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/loop.h"

struct ml_resolver;
struct ml_query;

struct ml_resolver_options {
    const char *const *resolve; /* pairs: host, "address[:port]" - answers instead of DNS */
    size_t resolve_count;       /* pairs */
    const char *servers;        /* "127.0.0.1:5353,...", or NULL for the system's */
    int try_ms; /* wait for the first answer; 0: 2000. Asked twice, the second time twice as long */
};

struct ml_host {
    char address[46]; /* numeric IPv4 or IPv6, no brackets */
    uint16_t port;    /* from SRV or the resolve table; 0: none said */
    uint16_t priority, weight;
};

/* status 0: hosts (at least one), in the order to try. Otherwise ML_ENOTFOUND or ML_ETIMEOUT. */
typedef void ml_resolved_fn(int status, const struct ml_host *hosts, size_t count, void *user);

int ml_resolver_new(struct ml_loop *loop, const struct ml_resolver_options *options,
                    struct ml_resolver **resolverp, struct ml_fault *fault);
void ml_resolver_free(struct ml_resolver *resolver);
/* A and AAAA (RFC 6724 order). A numeric address or an entry of the table is answered too, in the
 * next turn. */
struct ml_query *ml_resolve_host(struct ml_resolver *resolver, const char *name,
                                 ml_resolved_fn *done, void *user);
/* Is the name a numeric address or in the resolve table: is it answered without asking DNS? */
bool ml_resolver_knows(const struct ml_resolver *resolver, const char *name);
/* RFC 2782: name like "_sip._udp.example.com"; each target resolved, ordered by priority and
 * weight. Not found, without asking anybody, when the table has an entry for example.com. */
struct ml_query *ml_resolve_srv(struct ml_resolver *resolver, const char *name,
                                ml_resolved_fn *done, void *user);
/* done is not called any more. */
void ml_query_cancel(struct ml_query *query);

#endif
