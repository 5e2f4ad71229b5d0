/* A file of RTP packets as they passed, for whoever looks at a simulated call afterwards: for each
 * little-endian microseconds (8 bytes, of ml_clock_us), port it came from, port it went to, length
 * (2 each), bytes. The first PACKETS_MAX only. Owner: the engine. The thread of the engine. */
#ifndef ML_MEDIA_PACKETS_H
#define ML_MEDIA_PACKETS_H

#include <stddef.h>
#include <stdint.h>

struct ml_packets;

/* ML_EIO: the file cannot be made. */
int ml_packets_new(const char *path, struct ml_packets **packetsp);
/* NULL is allowed. */
void ml_packets_free(struct ml_packets *packets);
void ml_packets_add(struct ml_packets *packets, uint16_t from, uint16_t to, const uint8_t *bytes,
                    size_t n);

#endif
