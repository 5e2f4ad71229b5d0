#include "core/net/ws_frame.h"

#include <string.h>

#include <openssl/evp.h>

#include "core/base/error.h"

static bool is_op(int op)
{
    return op <= ML_WS_BINARY || (op >= ML_WS_CLOSE && op <= ML_WS_PONG);
}

static uint64_t big_endian(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

int ml_ws_frame_read(const uint8_t *bytes, size_t n, struct ml_ws_frame *frame)
{
    size_t more, size;
    int op;

    if (n < 2)
        return 0;
    op = bytes[0] & 15;
    if ((bytes[0] & 0x70) || !is_op(op))
        return ML_EPARSE;
    frame->op = (enum ml_ws_op)op;
    frame->final = bytes[0] & 0x80;
    frame->masked = bytes[1] & 0x80;
    frame->length = bytes[1] & 0x7f;
    if (op >= ML_WS_CLOSE && (!frame->final || frame->length > ML_WS_CONTROL_MAX))
        return ML_EPARSE;
    more = frame->length == 126 ? 2 : frame->length == 127 ? 8 : 0;
    size = 2 + more + (frame->masked ? 4 : 0);
    if (n < size)
        return 0;
    if (more) {
        frame->length = big_endian(bytes + 2, more);
        if (frame->length < (more == 2 ? 126u : 65536u) || frame->length >> 63)
            return ML_EPARSE;
    }
    if (frame->masked)
        memcpy(frame->mask, bytes + 2 + more, 4);
    return (int)size;
}

size_t ml_ws_frame_write(uint8_t header[ML_WS_HEADER_MAX], const struct ml_ws_frame *frame)
{
    size_t more = frame->length < 126 ? 0 : frame->length < 65536 ? 2 : 8, size = 2 + more;

    header[0] = (uint8_t)((frame->final ? 0x80 : 0) | frame->op);
    header[1] = (uint8_t)(more == 0 ? frame->length : more == 2 ? 126 : 127);
    for (size_t i = 0; i < more; i++)
        header[2 + i] = (uint8_t)(frame->length >> (8 * (more - 1 - i)));
    if (frame->masked) {
        header[1] |= 0x80;
        memcpy(header + size, frame->mask, 4);
        size += 4;
    }
    return size;
}

void ml_ws_frame_mask(uint8_t *bytes, size_t n, const uint8_t mask[4])
{
    for (size_t i = 0; i < n; i++)
        bytes[i] ^= mask[i & 3];
}

bool ml_ws_frame_is_close_code(int code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

/* Bytes of the sequence that begins here, 0: not one. */
static size_t sequence(const uint8_t *p, size_t n)
{
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (size == 0 || size > n || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return size;
}

bool ml_ws_frame_is_utf8(struct ml_str text)
{
    for (size_t at = 0; at < text.n;) {
        size_t size = sequence((const uint8_t *)text.p + at, text.n - at);

        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

void ml_ws_frame_accept(struct ml_str key, char accept[ML_WS_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[20];

    EVP_DigestInit_ex(context, EVP_sha1(), NULL);
    EVP_DigestUpdate(context, key.p, key.n);
    EVP_DigestUpdate(context, guid, sizeof guid - 1);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
}
