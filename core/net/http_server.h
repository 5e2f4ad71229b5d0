/* HTTP server on libmicrohttpd (external epoll). A whole request (limits checked) is handed to the
 * handler, which responds now or later. Owner: the program. Loop thread. */
#ifndef ML_NET_HTTP_SERVER_H
#define ML_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_http_server;
struct ml_http_call; /* one request waiting for its response; owned by the server */

struct ml_http_server_options {
    const char *address;                     /* "127.0.0.1", "::1" */
    uint16_t port;                           /* 0: any free one */
    const char *certificate_file, *key_file; /* PEM; NULL: plain HTTP */
    size_t max_body;                         /* 0: 65536; above: 413 */
    int header_timeout_ms;                   /* 0: 10000; for the whole request, and for each 5000
                                                bytes of the answer: a slower client is cut */
    int max_connections;                     /* 0: 1000 */
    int max_per_source;                      /* of one address; 0: any number */
    /* One on the same address and port whose socket both accept from, until it is freed. */
    const struct ml_http_server *beside;
};

struct ml_http_call_info {
    const char *method, *path;  /* path percent-decoded once, without the query */
    const char *target;         /* as in the request line: raw path and query */
    const char *query;          /* raw, without '?', "" when none */
    const char *peer;           /* "127.0.0.1:53124" */
    const char *const *headers; /* name, value pairs as received */
    size_t header_count;        /* pairs */
    struct ml_str body;
};

struct ml_http_server_handlers {
    /* The call lives until it is answered or gone() was called. info is borrowed until then. */
    void (*request)(struct ml_http_call *call, const struct ml_http_call_info *info, void *user);
    /* The client went away before the answer: the call must not be touched any more. */
    void (*gone)(struct ml_http_call *call, void *user);
};

int ml_http_server_new(struct ml_loop *loop, const struct ml_http_server_options *options,
                       const struct ml_http_server_handlers *handlers, void *user,
                       struct ml_http_server **serverp, struct ml_fault *fault);
/* Closes the listener and every connection; gone() is called for unanswered calls. */
void ml_http_server_free(struct ml_http_server *server);
uint16_t ml_http_server_port(const struct ml_http_server *server);
/* Is an answer on its way that the client does not have in full yet? */
bool ml_http_server_is_answering(const struct ml_http_server *server);
/* A server of this process listens on this port, whatever the address. */
bool ml_http_server_has_port(uint16_t port);

/* Its sender gave wrong credentials: 20 of them within a minute, and it is locked out for one. */
void ml_http_call_strike(struct ml_http_call *call);
/* Seconds for which its sender is locked out, whatever it gives; 0: it is not. */
int ml_http_call_locked(struct ml_http_call *call);
/* headers: name, value pairs. Body copied. Ends the call. HEAD gets the headers only. */
void ml_http_respond(struct ml_http_call *call, int status, const char *const *headers,
                     size_t header_count, struct ml_str body);
/* The bytes of a file with Range support (206, 416); 404 when it cannot be opened. Ends the call.
 */
void ml_http_respond_file(struct ml_http_call *call, const char *path, const char *content_type);
/* Answers piece by piece: streams, and tests of clients. begin sends status and headers (chunked
 * unless a Content-Length header is given), write queues bytes, end finishes, drop resets the
 * connection. */
void ml_http_respond_begin(struct ml_http_call *call, int status, const char *const *headers,
                           size_t header_count);
void ml_http_respond_write(struct ml_http_call *call, struct ml_str bytes);
/* Bytes that were written and not yet handed to the kernel. */
size_t ml_http_respond_queued(const struct ml_http_call *call);
void ml_http_respond_end(struct ml_http_call *call);
void ml_http_respond_drop(struct ml_http_call *call);

#endif
