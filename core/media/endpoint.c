#include "core/media/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

bool ml_endpoint_set(struct ml_endpoint *endpoint, const char *address, uint16_t port)
{
    memset(endpoint, 0, sizeof *endpoint);
    if (inet_pton(AF_INET, address, &endpoint->a.v4.sin_addr) == 1) {
        endpoint->a.v4.sin_family = AF_INET;
        endpoint->length = sizeof endpoint->a.v4;
    } else if (inet_pton(AF_INET6, address, &endpoint->a.v6.sin6_addr) == 1) {
        endpoint->a.v6.sin6_family = AF_INET6;
        endpoint->length = sizeof endpoint->a.v6;
    } else {
        memset(endpoint, 0, sizeof *endpoint);
        return false;
    }
    ml_endpoint_set_port(endpoint, port);
    return true;
}

/* The port stands at the same place in both. */
uint16_t ml_endpoint_port(const struct ml_endpoint *endpoint)
{
    return ntohs(endpoint->a.v4.sin_port);
}

void ml_endpoint_set_port(struct ml_endpoint *endpoint, uint16_t port)
{
    endpoint->a.v4.sin_port = htons(port);
}

bool ml_endpoint_same_host(const struct ml_endpoint *a, const struct ml_endpoint *b)
{
    if (a->a.any.sa_family != b->a.any.sa_family || a->length == 0)
        return false;
    if (a->a.any.sa_family == AF_INET)
        return a->a.v4.sin_addr.s_addr == b->a.v4.sin_addr.s_addr;
    return memcmp(&a->a.v6.sin6_addr, &b->a.v6.sin6_addr, sizeof a->a.v6.sin6_addr) == 0;
}

bool ml_endpoint_eq(const struct ml_endpoint *a, const struct ml_endpoint *b)
{
    return a->a.v4.sin_port == b->a.v4.sin_port && ml_endpoint_same_host(a, b);
}

bool ml_endpoint_is_unicast(const struct ml_endpoint *endpoint)
{
    if (endpoint->length == 0)
        return false;
    if (endpoint->a.any.sa_family == AF_INET) {
        uint32_t host = ntohl(endpoint->a.v4.sin_addr.s_addr);

        return host >> 24 != 0 && host >> 28 < 14; /* 0/8, and 224/4 and above */
    }
    return !IN6_IS_ADDR_UNSPECIFIED(&endpoint->a.v6.sin6_addr) &&
           !IN6_IS_ADDR_MULTICAST(&endpoint->a.v6.sin6_addr);
}

bool ml_endpoint_is_private(const struct ml_endpoint *endpoint)
{
    if (endpoint->a.any.sa_family == AF_INET) {
        uint32_t host = ntohl(endpoint->a.v4.sin_addr.s_addr);

        return host >> 24 == 10 || host >> 24 == 127 || host >> 20 == 0xac1 ||
               host >> 16 == 0xc0a8 || host >> 16 == 0xa9fe || host >> 22 == 0x191;
    }
    return IN6_IS_ADDR_LOOPBACK(&endpoint->a.v6.sin6_addr) ||
           IN6_IS_ADDR_LINKLOCAL(&endpoint->a.v6.sin6_addr) ||
           (endpoint->a.v6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
}
