/* SRV records of a DNS answer, in the order to try (RFC 2782). Part of the resolver: nobody else
 * includes this. Loop thread. */
#ifndef ML_NET_SRV_H
#define ML_NET_SRV_H

#include <stddef.h>
#include <stdint.h>

struct ml_srv {
    char *name; /* owned */
    uint16_t port, priority, weight;
};

/* How many targets the answer has, at most `most`; 0 also for bytes that are no such answer. */
size_t ml_srv_read(const unsigned char *bytes, int n, struct ml_srv *targets, size_t most);
/* Frees their names. */
void ml_srv_free(struct ml_srv *targets, size_t count);

#endif
