#include "core/media/ports.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"

enum { EXPEDITED = 0xb8, ANY_TRIES = 64 }; /* DSCP EF, RFC 3246 */

struct slot {
    bool taken;
    int64_t free_at; /* ml_clock_ms */
};

struct ml_ports {
    uint16_t min;
    int count; /* pairs; 0: any ports of the system */
    struct slot slots[];
};

int ml_ports_new(uint16_t min, uint16_t max, struct ml_ports **portsp, struct ml_fault *fault)
{
    int first = min + (min & 1), count = 0;

    if (min > 0) {
        count = ((int)max - first + 1) / 2;
        if (max < min || count < 1)
            return ml_fail(fault, ML_EINVAL,
                           "rtp.ports: no even port with the next between %d and %d", min, max);
    }
    *portsp = ml_alloc(sizeof **portsp + (size_t)count * sizeof(struct slot));
    (*portsp)->min = (uint16_t)first;
    (*portsp)->count = count;
    return ML_OK;
}

void ml_ports_free(struct ml_ports *ports)
{
    ml_free(ports);
}

static int open_one(const struct ml_endpoint *address, uint16_t port)
{
    struct ml_endpoint bound = *address;
    int family = address->a.any.sa_family, class = EXPEDITED, on = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (family == AF_INET) {
        setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class);
    } else {
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    ml_endpoint_set_port(&bound, port);
    if (bind(fd, &bound.a.any, bound.length) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct ml_endpoint bound = {.length = sizeof bound.a};

    if (getsockname(fd, &bound.a.any, &bound.length) != 0)
        return 0;
    return ml_endpoint_port(&bound);
}

/* port 0: any; false also when the system chose an odd one. */
static bool open_pair(const struct ml_endpoint *address, uint16_t port, struct ml_port_pair *pair)
{
    int rtp = open_one(address, port), rtcp;

    if (rtp < 0)
        return false;
    if (port == 0)
        port = port_of(rtp);
    rtcp = port & 1 || port == 0 ? -1 : open_one(address, (uint16_t)(port + 1));
    if (rtcp < 0) {
        int error = errno;

        close(rtp);
        errno = error;
        return false;
    }
    *pair = (struct ml_port_pair){rtp, rtcp, port};
    return true;
}

static int take_any(const struct ml_endpoint *address, struct ml_port_pair *pair,
                    struct ml_fault *fault)
{
    for (int i = 0; i < ANY_TRIES; i++) {
        errno = 0;
        if (open_pair(address, 0, pair))
            return ML_OK;
        if (errno != 0 && errno != EADDRINUSE)
            break;
    }
    return ml_fail(fault, ML_ENET, "no pair of UDP ports: %s",
                   strerror(errno ? errno : EADDRINUSE));
}

int ml_ports_take(struct ml_ports *ports, const struct ml_endpoint *address,
                  struct ml_port_pair *pair, struct ml_fault *fault)
{
    int64_t now = ml_clock_ms();
    int start;

    if (ports->count == 0)
        return take_any(address, pair, fault);
    start = (int)ml_random_below((uint32_t)ports->count);
    for (int i = 0; i < ports->count; i++) {
        int at = (start + i) % ports->count;
        struct slot *slot = &ports->slots[at];

        if (slot->taken || slot->free_at > now)
            continue;
        errno = 0;
        if (open_pair(address, (uint16_t)(ports->min + 2 * at), pair)) {
            slot->taken = true;
            return ML_OK;
        }
        if (errno != EADDRINUSE)
            return ml_fail(fault, ML_ENET, "RTP port %d: %s", ports->min + 2 * at, strerror(errno));
    }
    return ml_fail(fault, ML_ELIMIT, "all RTP ports from %d to %d are in use or rest for 30 s",
                   ports->min, ports->min + 2 * ports->count - 1);
}

void ml_ports_close(struct ml_port_pair *pair)
{
    if (pair->rtp >= 0) {
        close(pair->rtp);
        close(pair->rtcp);
    }
    pair->rtp = pair->rtcp = -1;
}

static void give(struct ml_ports *ports, struct ml_port_pair *pair, int64_t free_at)
{
    int at = (pair->port - ports->min) / 2;

    ml_ports_close(pair);
    if (ports->count == 0 || at >= ports->count)
        return;
    ports->slots[at].taken = false;
    ports->slots[at].free_at = free_at;
}

void ml_ports_give(struct ml_ports *ports, struct ml_port_pair *pair)
{
    give(ports, pair, ml_clock_ms() + ML_PORT_REST_MS);
}

void ml_ports_give_unused(struct ml_ports *ports, struct ml_port_pair *pair)
{
    give(ports, pair, 0);
}
