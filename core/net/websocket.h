/* WebSocket connections (RFC 6455, no extensions), as a client by the HTTP client's rules or as an
 * upgraded request of the HTTP server. Nothing here blocks and nothing grows without bound: who
 * sends asks ml_websocket_queued first. Owner: who opened it. Loop thread. */
#ifndef ML_NET_WEBSOCKET_H
#define ML_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"
#include "core/net/http_client.h"
#include "core/net/http_server.h"

struct ml_websocket;

enum ml_ws_why {
    ML_WS_CLOSED,    /* the peer closed it, or answered our close: code and text are its own */
    ML_WS_CONNECT,   /* no connection: failure tells which way */
    ML_WS_STATUS,    /* the upgrade was answered by another status than 101 */
    ML_WS_HANDSHAKE, /* 101, but not of a WebSocket server; or no answer in time */
    ML_WS_LOST,      /* the connection broke without a close frame */
    ML_WS_PROTOCOL,  /* the peer broke the protocol; it was told so with code */
    ML_WS_SILENT     /* nothing came, not even an answer to our pings */
};

struct ml_websocket_end {
    enum ml_ws_why why;
    enum ml_http_failure failure; /* ML_WS_CONNECT */
    int status;                   /* ML_WS_STATUS */
    int code;                     /* of the close frame, 1005 when it had none */
    const char *text;             /* a sentence or the peer's reason, never NULL */
};

struct ml_websocket_handlers {
    void (*opened)(void *user);
    /* A whole message, borrowed. A text is valid UTF-8. */
    void (*message)(bool text, struct ml_str message, void *user);
    /* All that was sent has gone to the kernel. */
    void (*drained)(void *user);
    /* Once and last. The handle stays until ml_websocket_free, which may be called from here. */
    void (*closed)(const struct ml_websocket_end *end, void *user);
};

struct ml_websocket_options {
    const char *url;            /* ws:// or wss:// */
    const char *const *headers; /* "Name: value", sent with the upgrade */
    size_t header_count;
    int connect_timeout_ms; /* 0: 5000; the answer to the upgrade may take as long again */
    size_t max_message;     /* 0: 1 MB; above: the peer is told 1009 */
    int ping_ms;            /* 0: 30000; twice as long without any bytes is the end */
};

/* Everything is copied. Handlers are called later, never from within. ML_EINVAL: a bad header. */
int ml_websocket_connect(struct ml_http_client *client, const struct ml_websocket_options *options,
                         const struct ml_websocket_handlers *handlers, void *user,
                         struct ml_websocket **websocketp);
/* Does the request ask for an upgrade that ml_websocket_accept would make? */
bool ml_websocket_is_asked(const struct ml_http_call_info *info);
/* Answers the call with 101; it is ended. Else the call stays: ML_EINVAL, it does not ask for a
 * WebSocket; ML_EREFUSED, the server has a certificate: put a proxy before it that has, instead. No
 * `opened` follows: it is open. */
int ml_websocket_accept(struct ml_http_call *call, const struct ml_websocket_handlers *handlers,
                        void *user, struct ml_websocket **websocketp);
/* Queues a message. Nothing before it is open or after it is closed. */
void ml_websocket_send(struct ml_websocket *websocket, bool text, struct ml_str message);
/* Held: no message is told and nothing is read, so that the peer has to wait, too. When let go,
 * what was read before is told from within. */
void ml_websocket_hold(struct ml_websocket *websocket, bool held);
/* Bytes that the kernel has not taken yet. */
size_t ml_websocket_queued(const struct ml_websocket *websocket);
/* After what is queued: a close frame; then the peer has 2 s to answer. closed follows. */
void ml_websocket_close(struct ml_websocket *websocket, int code, const char *reason);
/* At once, without a close frame if none was sent. No handler is called any more. */
void ml_websocket_free(struct ml_websocket *websocket);

#endif
