#include "core/media/packets.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"

enum { PACKETS_MAX = 100000 }; /* some eight minutes of two legs, both ways: 20 MB */

struct ml_packets {
    FILE *file;
    long count;
};

int ml_packets_new(const char *path, struct ml_packets **packetsp)
{
    FILE *file = fopen(path, "wbe");
    struct ml_packets *packets;

    if (!file)
        return ML_EIO;
    packets = ml_alloc(sizeof *packets);
    packets->file = file;
    *packetsp = packets;
    return ML_OK;
}

void ml_packets_free(struct ml_packets *packets)
{
    if (!packets)
        return;
    fclose(packets->file);
    ml_free(packets);
}

static void put(uint8_t *to, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

void ml_packets_add(struct ml_packets *packets, uint16_t from, uint16_t to, const uint8_t *bytes,
                    size_t n)
{
    uint8_t head[14];

    if (packets->count >= PACKETS_MAX || n > UINT16_MAX)
        return;
    put(head, (uint64_t)ml_clock_us(), 8);
    put(head + 8, from, 2);
    put(head + 10, to, 2);
    put(head + 12, n, 2);
    /* What a full disk leaves out is left out: the call is not the worse for it. */
    if (fwrite(head, sizeof head, 1, packets->file) != 1 || fwrite(bytes, 1, n, packets->file) != n)
        packets->count = PACKETS_MAX;
    packets->count++;
}
