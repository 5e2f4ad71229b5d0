/* What websocket.c (the protocol once it stands), websocket_client.c (getting there) and
 * websocket_server.c (being asked) share. Nobody else includes this. Loop thread. */
#ifndef ML_NET_WEBSOCKET_PRIV_H
#define ML_NET_WEBSOCKET_PRIV_H

#include <sys/types.h>

#include "core/net/websocket.h"
#include "core/net/ws_frame.h"

/* The stream of bytes beneath. read and write: bytes, 0 when it would block, -1 when it is over. */
struct ml_wire {
    ssize_t (*read)(void *wire, void *bytes, size_t n);
    ssize_t (*write)(void *wire, const void *bytes, size_t n);
    void (*close)(void *wire);
};

enum ml_ws_state { ML_WS_CONNECTING, ML_WS_OPEN, ML_WS_CLOSING, ML_WS_OVER };

struct ml_websocket {
    struct ml_loop *loop;
    const struct ml_wire *wire;
    void *wire_user;
    struct ml_io *io;
    struct ml_timer *timer;
    enum ml_ws_state state;
    bool client;
    bool reads_head; /* the answer to our upgrade is still being read */
    bool close_sent;
    bool held;
    bool busy, doomed; /* freed from within a handler: the end of the work frees it */
    size_t max_message;
    int ping_ms;
    int64_t heard_ms;
    struct ml_buf in, out, message;
    size_t out_at;
    enum ml_ws_op message_op; /* ML_WS_CONTINUATION: none has begun */
    const struct ml_websocket_handlers *handlers;
    void *user;
};

struct ml_websocket *ml_websocket_new(struct ml_loop *loop,
                                      const struct ml_websocket_handlers *handlers, void *user);
/* The stream is there. */
void ml_websocket_wire(struct ml_websocket *websocket, const struct ml_wire *wire, void *wire_user,
                       int fd);
/* It is open, though its stream is still to come: what is sent waits. */
void ml_websocket_expect(struct ml_websocket *websocket, const struct ml_wire *wire,
                         void *wire_user);
/* Bytes that came before the stream was ours; and what waits goes out. */
void ml_websocket_take(struct ml_websocket *websocket, const char *bytes, size_t n);
/* It is a WebSocket from now on; what is in `in` belongs to it. */
void ml_websocket_begin(struct ml_websocket *websocket);
/* Queues bytes as they are, and writes what can be written. */
void ml_websocket_write(struct ml_websocket *websocket, const void *bytes, size_t n);
/* Ends it and tells. */
void ml_websocket_end(struct ml_websocket *websocket, const struct ml_websocket_end *end);
/* Bytes have come while reads_head: false when it ended. websocket_client.c. */
bool ml_websocket_head(struct ml_websocket *websocket);
/* The stream broke. */
void ml_websocket_lost(struct ml_websocket *websocket, const char *text);

#endif
