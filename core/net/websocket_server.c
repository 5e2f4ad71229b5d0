/* The server's side of the opening handshake (RFC 6455 section 4.2): MHD hands the socket over. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/mem.h"
#include "core/net/http_server_priv.h"
#include "core/net/websocket_priv.h"

/* A WebSocket that was a request. */
struct ml_http_upgrade {
    struct ml_websocket *websocket;
    struct ml_http_server *server;
    struct ml_http_call *call;             /* NULL once MHD has let go of it */
    struct MHD_UpgradeResponseHandle *urh; /* NULL until the 101 is out */
    int fd;
};

/* ---- the wire ---- */

static ssize_t wire_read(void *wire, void *bytes, size_t n)
{
    struct ml_http_upgrade *upgrade = wire;
    ssize_t got = recv(upgrade->fd, bytes, n, 0);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return got == 0 ? -1 : got;
}

static ssize_t wire_write(void *wire, const void *bytes, size_t n)
{
    struct ml_http_upgrade *upgrade = wire;
    ssize_t sent = send(upgrade->fd, bytes, n, MSG_NOSIGNAL);

    return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void wire_close(void *wire)
{
    struct ml_http_upgrade *upgrade = wire;

    if (upgrade->call)
        upgrade->call->upgrade = NULL;
    if (upgrade->urh) {
        MHD_upgrade_action(upgrade->urh, MHD_UPGRADE_ACTION_CLOSE);
        ml_timer_set(upgrade->server->timer, 0);
    }
    ml_free(upgrade);
}

static const struct ml_wire wire = {wire_read, wire_write, wire_close};

static void on_upgrade(void *user, struct MHD_Connection *connection, void *context,
                       const char *extra, size_t n, MHD_socket fd,
                       struct MHD_UpgradeResponseHandle *urh)
{
    struct ml_http_call *call = context;
    struct ml_http_upgrade *upgrade = call ? call->upgrade : NULL;
    int one = 1;

    (void)user;
    (void)connection;
    if (!upgrade) { /* freed before the 101 was out */
        MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
        return;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    upgrade->urh = urh;
    upgrade->fd = fd;
    ml_websocket_wire(upgrade->websocket, &wire, upgrade, fd);
    ml_websocket_take(upgrade->websocket, extra, n);
}

/* ---- the handshake ---- */

static const char *header(const struct ml_http_call_info *info, const char *name)
{
    for (size_t i = 0; i < info->header_count; i++)
        if (ml_str_ieq(ml_str(info->headers[2 * i]), ml_str(name)))
            return info->headers[2 * i + 1];
    return "";
}

bool ml_websocket_is_asked(const struct ml_http_call_info *info)
{
    struct ml_str list = ml_str(header(info, "Connection")), part;
    bool upgrade = false;

    while (ml_str_cut(&list, ',', &part))
        upgrade = upgrade || ml_str_ieq(ml_str_trim(part), ML_STR("upgrade"));
    return upgrade && strcmp(info->method, "GET") == 0 &&
           ml_str_ieq(ml_str(header(info, "Upgrade")), ML_STR("websocket")) &&
           strcmp(header(info, "Sec-WebSocket-Version"), "13") == 0 &&
           strlen(header(info, "Sec-WebSocket-Key")) == 24;
}

static struct MHD_Response *make_response(const struct ml_http_call_info *info)
{
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, NULL);
    char accept[ML_WS_ACCEPT_BYTES];

    ml_ws_frame_accept(ml_str(header(info, "Sec-WebSocket-Key")), accept);
    MHD_add_response_header(response, "Upgrade", "websocket");
    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
    return response;
}

int ml_websocket_accept(struct ml_http_call *call, const struct ml_websocket_handlers *handlers,
                        void *user, struct ml_websocket **websocketp)
{
    struct ml_http_upgrade *upgrade;

    if (!ml_websocket_is_asked(&call->info))
        return ML_EINVAL;
    if (call->server->certificate) /* MHD would pass TLS on four bytes at a time, or not at all */
        return ML_EREFUSED;
    upgrade = ml_alloc(sizeof *upgrade);
    upgrade->server = call->server;
    upgrade->call = call;
    upgrade->websocket = ml_websocket_new(call->server->loop, handlers, user);
    ml_websocket_expect(upgrade->websocket, &wire, upgrade);
    call->upgrade = upgrade;
    call->response = make_response(&call->info);
    call->status = MHD_HTTP_SWITCHING_PROTOCOLS;
    call->step = ML_HTTP_ANSWERED;
    call->ended = true;
    *websocketp = upgrade->websocket;
    ml_http_call_resume(call);
    return ML_OK;
}

void ml_http_upgrade_lost(struct ml_http_upgrade *upgrade)
{
    upgrade->call->upgrade = NULL;
    upgrade->call = NULL;
    if (!upgrade->urh || upgrade->server->doomed)
        ml_websocket_lost(upgrade->websocket, "the connection broke");
}
