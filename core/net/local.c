#include "core/net/local.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t read_address(const char *text, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->any.sa_family = AF_INET;
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->any.sa_family = AF_INET6;
        return sizeof address->v6;
    }
    return 0;
}

static bool is_v4(const union address *address)
{
    return address->any.sa_family == AF_INET;
}

bool ml_address_is_any(const char *text)
{
    union address address;

    if (read_address(text, &address) == 0)
        return false;
    return is_v4(&address) ? address.v4.sin_addr.s_addr == htonl(INADDR_ANY)
                           : IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr);
}

bool ml_address_is_loopback(const char *text)
{
    union address address;

    if (read_address(text, &address) == 0)
        return false;
    return is_v4(&address) ? ntohl(address.v4.sin_addr.s_addr) >> 24 == 127
                           : IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
}

/* Connecting a UDP socket sends nothing, but chooses the source address. */
bool ml_local_address(const char *peer, char text[ML_LOCAL_BYTES])
{
    union address address;
    socklen_t length = read_address(peer, &address);
    bool found = false;
    int fd;

    if (length == 0)
        return false;
    fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (is_v4(&address))
        address.v4.sin_port = htons(9); /* any will do */
    else
        address.v6.sin6_port = htons(9);
    if (connect(fd, &address.any, length) == 0 && getsockname(fd, &address.any, &length) == 0)
        found = inet_ntop(address.any.sa_family,
                          is_v4(&address) ? (const void *)&address.v4.sin_addr
                                          : (const void *)&address.v6.sin6_addr,
                          text, ML_LOCAL_BYTES) != NULL;
    close(fd);
    return found;
}
