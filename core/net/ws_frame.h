/* Frames of the WebSocket protocol (RFC 6455 section 5): read from bytes of a peer that is not
 * trusted, written, masked. Pure functions. Any thread. */
#ifndef ML_NET_WS_FRAME_H
#define ML_NET_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

enum ml_ws_op {
    ML_WS_CONTINUATION = 0,
    ML_WS_TEXT = 1,
    ML_WS_BINARY = 2,
    ML_WS_CLOSE = 8,
    ML_WS_PING = 9,
    ML_WS_PONG = 10
};

enum { ML_WS_HEADER_MAX = 14, ML_WS_CONTROL_MAX = 125, ML_WS_ACCEPT_BYTES = 29 };

struct ml_ws_frame {
    enum ml_ws_op op;
    bool final, masked;
    uint8_t mask[4];
    uint64_t length; /* of the payload */
};

/* Reads a header: its size; 0 when it is not whole yet; ML_EPARSE for reserved bits or opcodes, a
 * length that is not the shortest form, a control frame that is long or in pieces. */
int ml_ws_frame_read(const uint8_t *bytes, size_t n, struct ml_ws_frame *frame);
/* Writes a header: its size. */
size_t ml_ws_frame_write(uint8_t header[ML_WS_HEADER_MAX], const struct ml_ws_frame *frame);
/* Masks or unmasks in place; the first byte is that of the frame. */
void ml_ws_frame_mask(uint8_t *bytes, size_t n, const uint8_t mask[4]);
/* Codes that may stand in a close frame (section 7.4). */
bool ml_ws_frame_is_close_code(int code);
/* Is all of it UTF-8 (RFC 3629)? */
bool ml_ws_frame_is_utf8(struct ml_str text);
/* Sec-WebSocket-Accept of a Sec-WebSocket-Key. */
void ml_ws_frame_accept(struct ml_str key, char accept[ML_WS_ACCEPT_BYTES]);

#endif
