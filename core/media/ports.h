/* Pairs of UDP ports for RTP (even) and RTCP (the next). A pair that was given back rests before
 * it is used again, so that late packets of one call do not reach the next. Control thread. */
#ifndef ML_MEDIA_PORTS_H
#define ML_MEDIA_PORTS_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/media/endpoint.h"

enum { ML_PORT_REST_MS = 30000 };

struct ml_ports;

struct ml_port_pair {
    int rtp, rtcp; /* sockets: non-blocking, bound, not connected */
    uint16_t port;
};

/* min 0: any free ports of the system, without a rest. */
int ml_ports_new(uint16_t min, uint16_t max, struct ml_ports **portsp, struct ml_fault *fault);
void ml_ports_free(struct ml_ports *ports);
int ml_ports_take(struct ml_ports *ports, const struct ml_endpoint *address,
                  struct ml_port_pair *pair, struct ml_fault *fault);
/* Closes the sockets, if ml_ports_close has not. */
void ml_ports_give(struct ml_ports *ports, struct ml_port_pair *pair);
/* The same for a pair over which nothing went: without a rest. */
void ml_ports_give_unused(struct ml_ports *ports, struct ml_port_pair *pair);
/* Any thread: the pair is still taken. */
void ml_ports_close(struct ml_port_pair *pair);

#endif
