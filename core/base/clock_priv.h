/* What clock.c, virtual_clock.c and wire.c share. Nobody else includes this. Any thread. */
#ifndef ML_BASE_CLOCK_PRIV_H
#define ML_BASE_CLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* True in the thread that called ml_clock_virtual, which is the one whose waiting moves time. */
bool ml_clock_jumps_here(void);
void ml_clock_advance(int64_t ms);
/* Nanoseconds of CLOCK_MONOTONIC as the kernel has it, also in virtual time. */
int64_t ml_clock_real_ns(void);
/* sendto, counted as under way, past the wire. */
ssize_t ml_clock_send(int fd, const void *bytes, size_t n, const void *to, socklen_t to_length);
uint16_t ml_port_of(const struct sockaddr_storage *address);

#endif
