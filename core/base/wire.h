/* The wire between sockets of this process, in virtual time: datagrams to and from the ports that
 * are on it are not sent but handed to whoever opened it, to be sent on now, later, twice, changed
 * or not at all. Of all other datagrams to loopback it counts how many went to each port. One at a
 * time; nothing goes over it in real time. Loop thread. */
#ifndef ML_BASE_WIRE_H
#define ML_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/str.h"

/* A datagram that was not sent yet. */
struct ml_packet;

/* The packet is the handler's from now on. Called from within the send: it must send nothing. */
typedef void ml_wire_fn(struct ml_packet *packet, void *user);

/* ML_ESTATE: it is open already, or time is real. */
int ml_wire_open(ml_wire_fn *fn, void *user);
bool ml_wire_is_open(void);
/* Packets that were handed out can still be sent, and must be freed. */
void ml_wire_close(void);
void ml_wire_add_port(uint16_t port);

struct ml_str ml_packet_bytes(const struct ml_packet *packet);
uint16_t ml_packet_from(const struct ml_packet *packet); /* port */
uint16_t ml_packet_to(const struct ml_packet *packet);
/* These bytes in its place, from the socket that it came from: false when that is closed. The
 * packet can be sent again. */
bool ml_packet_send(const struct ml_packet *packet, struct ml_str bytes);
void ml_packet_free(struct ml_packet *packet);

/* Datagrams past it to that port of loopback since it was opened. */
unsigned ml_wire_count(uint16_t port);

/* For virtual_clock.c, before it sends: true when the datagram was taken. to may be NULL. */
bool ml_wire_takes(int fd, const struct iovec *parts, size_t part_count, const void *to,
                   socklen_t to_length);

#endif
