/* An IPv4 or IPv6 address with a port, as sockets want it. Values; any thread. */
#ifndef ML_MEDIA_ENDPOINT_H
#define ML_MEDIA_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct ml_endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t length; /* 0: none */
};

/* From a literal address; false (and none) when it is not one. */
bool ml_endpoint_set(struct ml_endpoint *endpoint, const char *address, uint16_t port);
uint16_t ml_endpoint_port(const struct ml_endpoint *endpoint);
void ml_endpoint_set_port(struct ml_endpoint *endpoint, uint16_t port);
bool ml_endpoint_same_host(const struct ml_endpoint *a, const struct ml_endpoint *b);
bool ml_endpoint_eq(const struct ml_endpoint *a, const struct ml_endpoint *b);
/* One host that can be sent to: not the wildcard, multicast or broadcast. */
bool ml_endpoint_is_unicast(const struct ml_endpoint *endpoint);
/* An address that need not be the one packets come from: private, shared, link-local, loopback
 * (RFC 1918, 6598, 3927, 4193). */
bool ml_endpoint_is_private(const struct ml_endpoint *endpoint);

#endif
