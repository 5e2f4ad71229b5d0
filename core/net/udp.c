#include "core/net/udp.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/mem.h"

enum {
    DATAGRAM_MAX = 65536, /* more than UDP carries */
    BURST = 16            /* read in one turn; the rest waits for the next */
};

struct ml_udp {
    ml_udp_fn *fn;
    void *user;
    struct ml_io *io;
    int fd;
};

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The length of the address, 0 when the text is none. */
static socklen_t read_place(const char *address, uint16_t port, union place *place)
{
    memset(place, 0, sizeof *place);
    if (inet_pton(AF_INET, address, &place->v4.sin_addr) == 1) {
        place->v4.sin_family = AF_INET;
        place->v4.sin_port = htons(port);
        return sizeof place->v4;
    }
    if (inet_pton(AF_INET6, address, &place->v6.sin6_addr) != 1)
        return 0;
    place->v6.sin6_family = AF_INET6;
    place->v6.sin6_port = htons(port);
    return sizeof place->v6;
}

static void on_readable(int fd, int events, void *user)
{
    static char bytes[DATAGRAM_MAX];
    struct ml_udp *udp = user;

    (void)events;
    for (int i = 0; i < BURST; i++) {
        union place from;
        socklen_t length = sizeof from;
        char address[INET6_ADDRSTRLEN] = "";
        ssize_t n = recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, &from.any, &length);
        bool v4 = from.any.sa_family == AF_INET;

        if (n < 0)
            return;
        inet_ntop(from.any.sa_family,
                  v4 ? (const void *)&from.v4.sin_addr : (const void *)&from.v6.sin6_addr, address,
                  sizeof address);
        udp->fn((struct ml_str){bytes, (size_t)n}, address,
                ntohs(v4 ? from.v4.sin_port : from.v6.sin6_port), udp->user);
    }
}

int ml_udp_new(struct ml_loop *loop, const char *address, uint16_t port, ml_udp_fn *fn, void *user,
               struct ml_udp **udpp, struct ml_fault *fault)
{
    union place place;
    socklen_t length = read_place(address, port, &place);
    struct ml_udp *udp;
    int fd;

    if (length == 0)
        return ml_fail(fault, ML_EINVAL, "%s: a numeric address expected", address);
    fd = socket(place.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, &place.any, length) != 0) {
        if (fd >= 0)
            close(fd);
        return ml_fail(fault, ML_ENET, "cannot bind udp:%s:%u: is it in use, is it ours?", address,
                       port);
    }
    udp = ml_alloc(sizeof *udp);
    udp->fd = fd;
    udp->fn = fn;
    udp->user = user;
    udp->io = ml_io_new(loop, fd, ML_READ, on_readable, udp);
    *udpp = udp;
    return ML_OK;
}

void ml_udp_free(struct ml_udp *udp)
{
    ml_io_free(udp->io);
    close(udp->fd);
    ml_free(udp);
}

uint16_t ml_udp_port(const struct ml_udp *udp)
{
    union place place = {0};
    socklen_t length = sizeof place;

    getsockname(udp->fd, &place.any, &length);
    return ntohs(place.any.sa_family == AF_INET ? place.v4.sin_port : place.v6.sin6_port);
}

int ml_udp_send(struct ml_udp *udp, const char *address, uint16_t port, struct ml_str bytes)
{
    union place place;
    socklen_t length = read_place(address, port, &place);

    if (length == 0)
        return ML_EINVAL;
    if (sendto(udp->fd, bytes.p, bytes.n, 0, &place.any, length) != (ssize_t)bytes.n)
        return ML_ENET;
    return ML_OK;
}
