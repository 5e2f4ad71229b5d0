/* What http_server.c (listener, connections), http_call.c (one request), http_response.c (its
 * answer) and websocket_server.c share. Nobody else includes this. Loop thread. */
#ifndef ML_NET_HTTP_SERVER_PRIV_H
#define ML_NET_HTTP_SERVER_PRIV_H

#include <stdbool.h>

#include <microhttpd.h>

#include "core/base/list.h"
#include "core/base/strikes.h"
#include "core/net/http_server.h"

struct ml_http_upgrade;

struct ml_http_server {
    struct ml_link link; /* in the list of all servers of this process */
    struct ml_loop *loop;
    struct MHD_Daemon *daemon;
    struct ml_io *io;
    struct ml_timer *timer;
    struct ml_list calls;   /* all that live */
    struct ml_list arrived; /* whole requests not yet given to the handler */
    struct ml_http_server_handlers handlers;
    void *user;
    char *certificate, *key;
    struct ml_strikes strikes; /* wrong credentials by address */
    size_t max_body;
    int header_timeout;
    uint16_t port;
    bool resumed;      /* a connection, since MHD ran last */
    bool busy, doomed; /* freed from within a handler: the end of the work frees it */
};

/* One TCP connection; it may carry many requests. */
struct ml_http_connection {
    struct ml_http_server *server;
    struct ml_timer *timer; /* cuts it when a request is not whole in time, an answer not taken */
    int fd;
    bool sends;
    uint64_t taken; /* bytes the client had when the timer was set */
};

enum ml_http_step {
    ML_HTTP_READING,  /* the body is on its way */
    ML_HTTP_ARRIVED,  /* suspended, waits for its turn or for the handler's answer */
    ML_HTTP_ANSWERED, /* response made, to be queued */
    ML_HTTP_SENDING   /* queued */
};

struct ml_http_call {
    struct ml_link link, arrived;
    struct ml_http_server *server;
    struct MHD_Connection *connection;
    enum ml_http_step step;
    bool suspended, delivered, dropped;
    bool ended;  /* nobody outside may touch it any more */
    int refusal; /* status that is sent without asking the handler, or 0 */
    char *method, *target, *path;
    char peer[64];
    const char **headers;
    size_t header_count;
    struct ml_buf body;
    struct ml_http_call_info info;
    struct ml_io *watch; /* sees the client leave while the connection is suspended */
    struct MHD_Response *response;
    int status;
    bool streams, stream_over, has_length; /* respond_begin ... */
    struct ml_buf stream;
    size_t stream_at, stream_left;
    struct ml_http_upgrade *upgrade; /* it became a WebSocket */
};

/* What MHD calls: for the request line (the first sign of a request), instead of decoding the
 * path, for headers and body, and when all is over. */
void *ml_http_call_begin(void *user, const char *target, struct MHD_Connection *connection);
size_t ml_http_call_unescape(void *user, struct MHD_Connection *connection, char *text);
enum MHD_Result ml_http_call_on_request(void *user, struct MHD_Connection *connection,
                                        const char *url, const char *method, const char *version,
                                        const char *bytes, size_t *n, void **context);
void ml_http_call_on_completed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_RequestTerminationCode code);

/* An answer begins: the client has to take it. http_server.c. */
void ml_http_connection_sends(struct ml_http_connection *c);
struct ml_http_connection *ml_http_connection_of(struct MHD_Connection *connection);

/* Sees the client leave and stops MHD from asking; and back. */
void ml_http_call_suspend(struct ml_http_call *call);
void ml_http_call_resume(struct ml_http_call *call);
/* Value of a request header, or NULL. */
const char *ml_http_call_header(const struct ml_http_call *call, const char *name);
/* Gives a made response to MHD. */
enum MHD_Result ml_http_call_queue(struct ml_http_call *call);
/* MHD lets go of the request, or the server ends. websocket_server.c. */
void ml_http_upgrade_lost(struct ml_http_upgrade *upgrade);
/* Makes the response to a request that the handler does not see. */
void ml_http_call_refuse(struct ml_http_call *call, int status);

#endif
