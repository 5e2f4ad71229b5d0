#include "core/base/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>

#include "core/base/clock.h"
#include "core/base/clock_priv.h"
#include "core/base/error.h"
#include "core/base/mem.h"

struct ml_packet {
    struct sockaddr_storage to;
    socklen_t to_length;
    int fd;
    uint64_t cookie; /* of the socket: the descriptor may be another's by now */
    uint16_t from_port, to_port;
    struct ml_buf bytes;
};

static ml_wire_fn *handler;
static void *handler_user;
static bool on_wire[UINT16_MAX + 1];
static unsigned counts[UINT16_MAX + 1];

int ml_wire_open(ml_wire_fn *fn, void *user)
{
    if (handler || !ml_clock_is_virtual())
        return ML_ESTATE;
    memset(on_wire, 0, sizeof on_wire);
    memset(counts, 0, sizeof counts);
    handler = fn;
    handler_user = user;
    return ML_OK;
}

void ml_wire_close(void)
{
    handler = NULL;
}

void ml_wire_add_port(uint16_t port)
{
    on_wire[port] = true;
}

unsigned ml_wire_count(uint16_t port)
{
    return counts[port];
}

static uint16_t own_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    return getsockname(fd, (void *)&address, &length) == 0 ? ml_port_of(&address) : 0;
}

static bool cookie_of(int fd, uint64_t *cookie)
{
    socklen_t length = sizeof *cookie;

    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &length) == 0;
}

static bool destination(int fd, const void *to, socklen_t to_length, struct ml_packet *packet)
{
    packet->to_length = sizeof packet->to;
    if (!to || to_length == 0)
        return getpeername(fd, (void *)&packet->to, &packet->to_length) == 0;
    if (to_length > sizeof packet->to)
        return false;
    memcpy(&packet->to, to, to_length);
    packet->to_length = to_length;
    return true;
}

static bool takes(int fd, const struct iovec *parts, size_t part_count, const void *to,
                  socklen_t to_length)
{
    struct ml_packet packet = {.fd = fd}, *kept;

    if (!destination(fd, to, to_length, &packet))
        return false;
    packet.from_port = own_port(fd);
    packet.to_port = ml_port_of(&packet.to);
    if (!on_wire[packet.from_port] && !on_wire[packet.to_port]) {
        counts[packet.to_port]++;
        return false;
    }
    if (!cookie_of(fd, &packet.cookie))
        return false;
    for (size_t i = 0; i < part_count; i++)
        ml_buf_add(&packet.bytes, parts[i].iov_base, parts[i].iov_len);
    kept = ml_alloc(sizeof *kept);
    *kept = packet;
    handler(kept, handler_user);
    return true;
}

bool ml_wire_is_open(void)
{
    return handler != NULL;
}

bool ml_wire_takes(int fd, const struct iovec *parts, size_t part_count, const void *to,
                   socklen_t to_length)
{
    int kept = errno;
    bool taken = handler && takes(fd, parts, part_count, to, to_length);

    errno = kept;
    return taken;
}

struct ml_str ml_packet_bytes(const struct ml_packet *packet)
{
    return (struct ml_str){packet->bytes.p, packet->bytes.n};
}

uint16_t ml_packet_from(const struct ml_packet *packet)
{
    return packet->from_port;
}

uint16_t ml_packet_to(const struct ml_packet *packet)
{
    return packet->to_port;
}

bool ml_packet_send(const struct ml_packet *packet, struct ml_str bytes)
{
    uint64_t cookie;

    return cookie_of(packet->fd, &cookie) && cookie == packet->cookie &&
           ml_clock_send(packet->fd, bytes.p, bytes.n, &packet->to, packet->to_length) >= 0;
}

void ml_packet_free(struct ml_packet *packet)
{
    ml_buf_fini(&packet->bytes);
    ml_free(packet);
}
