/* Which address of this machine others see. Any thread. */
#ifndef ML_NET_LOCAL_H
#define ML_NET_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

enum { ML_LOCAL_BYTES = 46 };

/* 0.0.0.0 or ::, which stand for every address of the machine and can be told to nobody. */
bool ml_address_is_any(const char *address);
bool ml_address_is_loopback(const char *address);
/* The address that packets to peer (numeric) leave from, by the routing table. False: no route. */
bool ml_local_address(const char *peer, char address[ML_LOCAL_BYTES]);

#endif
