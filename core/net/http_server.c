#include "core/net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/http_server_priv.h"

enum {
    MAX_BODY = 65536,
    HEADER_MS = 10000,
    MAX_CONNECTIONS = 1000,
    BACKLOG = 256,
    SILENT_S = 60,  /* a client that does not read its response */
    SLOWEST = 5000, /* bytes of an answer that it takes within header_timeout */
    STRIKES = 20,   /* wrong credentials of one address within */
    STRIKES_MS = 60000,
    MEMORY = 32768, /* request line and headers of one connection */
};

static struct ml_list servers = {{&servers.head, &servers.head}};

bool ml_http_server_is_answering(const struct ml_http_server *server)
{
    ML_LIST_EACH(&server->calls, link)
    {
        if (ML_CONTAINER(link, struct ml_http_call, link)->step >= ML_HTTP_ANSWERED)
            return true;
    }
    return false;
}

bool ml_http_server_has_port(uint16_t port)
{
    ML_LIST_EACH(&servers, link)
    {
        if (ML_CONTAINER(link, struct ml_http_server, link)->port == port)
            return true;
    }
    return false;
}

/* ---- connections ---- */

/* Bytes that the client has for certain. */
static uint64_t taken(const struct ml_http_connection *c)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

static void await_taking(struct ml_http_connection *c)
{
    c->taken = taken(c);
    ml_timer_set(c->timer, c->server->header_timeout);
}

/* MHD reads the end of the stream and closes. An answer that has no more to say for now is not
 * waited for. */
static void on_too_slow(void *user)
{
    static const struct linger reset = {.l_onoff = 1};
    struct ml_http_connection *c = user;
    int waiting = 0;

    if (c->sends &&
        (ioctl(c->fd, SIOCOUTQ, &waiting) != 0 || waiting == 0 || taken(c) - c->taken >= SLOWEST)) {
        await_taking(c);
        return;
    }
    if (c->sends) /* the kernel shall not keep what nobody takes */
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(c->fd, SHUT_RDWR);
}

void ml_http_connection_sends(struct ml_http_connection *c)
{
    c->sends = true;
    await_taking(c);
}

struct ml_http_connection *ml_http_connection_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ml_http_server *server = user;
    struct ml_http_connection *c = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = ml_alloc(sizeof *c);
        c->server = server;
        c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->timer = ml_timer_new(server->loop, on_too_slow, c);
        ml_timer_set(c->timer, server->header_timeout);
        *context = c;
    } else if (c) {
        ml_timer_free(c->timer);
        ml_free(c);
        *context = NULL;
    }
}

__attribute__((format(printf, 2, 0))) static void on_log(void *user, const char *format,
                                                         va_list args)
{
    char line[256];

    (void)user;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\r\n")] = '\0';
    ml_log(ML_LOG_DEBUG, NULL, "http server: %s", line);
}

/* ---- the server ---- */

static void deliver(struct ml_http_server *server)
{
    struct ml_link *link;

    while (!server->doomed && (link = ml_list_first(&server->arrived)) != NULL) {
        struct ml_http_call *call = ML_CONTAINER(link, struct ml_http_call, arrived);

        ml_list_remove(link);
        call->delivered = true;
        call->info.method = call->method;
        call->info.path = call->path;
        call->info.target = call->target;
        call->info.peer = call->peer;
        call->info.headers = call->headers;
        call->info.header_count = call->header_count;
        call->info.body = (struct ml_str){call->body.p ? call->body.p : "", call->body.n};
        server->handlers.request(call, &call->info, server->user);
    }
}

static void run(void *user)
{
    struct ml_http_server *server = user;
    MHD_UNSIGNED_LONG_LONG ms;

    server->busy = true;
    server->resumed = false;
    MHD_run(server->daemon);
    deliver(server);
    if (server->resumed && !server->doomed) { /* answered at once, which is the rule */
        server->resumed = false;
        MHD_run(server->daemon);
    }
    server->busy = false;
    if (server->doomed)
        ml_http_server_free(server);
    else if (server->resumed || !ml_list_empty(&server->arrived))
        ml_timer_set(server->timer, 0);
    else if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
        ml_timer_set(server->timer, (int64_t)ms);
    else
        ml_timer_stop(server->timer);
}

static void on_io(int fd, int events, void *user)
{
    (void)fd;
    (void)events;
    run(user);
}

static int read_file(const char *path, char **textp, struct ml_fault *fault)
{
    enum { MAX_PEM = 1 << 20 };
    FILE *file = fopen(path, "rbe");
    struct ml_buf text = {0};
    char bytes[4096];
    size_t n;

    if (!file)
        return ml_fail(fault, ML_EIO, "%.150s cannot be read", path);
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0 && text.n < MAX_PEM)
        ml_buf_add(&text, bytes, n);
    fclose(file);
    *textp = ml_buf_take(&text);
    return ML_OK;
}

static int bind_to(int fd, const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return bind(fd, (void *)&v4, sizeof v4);
    inet_pton(AF_INET6, address, &v6.sin6_addr);
    return bind(fd, (void *)&v6, sizeof v6);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;

    if (getsockname(fd, (void *)&address, &length) != 0)
        return 0;
    return ntohs(address.sin6_port); /* lies where the port of an IPv4 address lies */
}

static int listen_on(const char *address, uint16_t port, int *fdp, struct ml_fault *fault)
{
    unsigned char bytes[16];
    int one = 1, family, fd;

    if (!address ||
        (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1))
        return ml_fail(fault, ML_EINVAL, "\"%.80s\" is not an address to listen on",
                       address ? address : "");
    family = strchr(address, ':') ? AF_INET6 : AF_INET;
    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ml_fail(fault, ML_ENET, "no socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind_to(fd, address, port) != 0 || listen(fd, BACKLOG) != 0) {
        int code = ml_fail(fault, ML_ENET, "cannot listen on %s port %u: %s", address, port,
                           strerror(errno));

        close(fd);
        return code;
    }
    *fdp = fd;
    return ML_OK;
}

/* Connections that wait in it are lost by neither. */
static int share_socket(const struct ml_http_server *other, int *fdp, struct ml_fault *fault)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(other->daemon, MHD_DAEMON_INFO_LISTEN_FD);

    *fdp = fcntl(info->listen_fd, F_DUPFD_CLOEXEC, 0);
    return *fdp >= 0 ? ML_OK : ml_fail(fault, ML_ENET, "no socket: %s", strerror(errno));
}

static int read_credentials(struct ml_http_server *server,
                            const struct ml_http_server_options *options, struct ml_fault *fault)
{
    int code;

    if (!options->certificate_file && !options->key_file)
        return ML_OK;
    if (!options->certificate_file || !options->key_file)
        return ml_fail(fault, ML_EINVAL, "TLS needs both a certificate file and a key file");
    code = read_file(options->certificate_file, &server->certificate, fault);
    return code == ML_OK ? read_file(options->key_file, &server->key, fault) : code;
}

static int start_daemon(struct ml_http_server *server, const struct ml_http_server_options *options,
                        int fd)
{
    static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    int most = options->max_connections ? options->max_connections : MAX_CONNECTIONS;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                     MHD_USE_ERROR_LOG | (server->certificate ? (unsigned)MHD_USE_TLS : 0u);

    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, ml_http_call_on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log,
        NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)most,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)options->max_per_source,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
        ml_http_call_begin, server, MHD_OPTION_UNESCAPE_CALLBACK, ml_http_call_unescape, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, ml_http_call_on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY,
        server->certificate ? tls : none, MHD_OPTION_END);
    return server->daemon ? ML_OK : ML_EIO;
}

static int open_server(struct ml_http_server *server, const struct ml_http_server_options *options,
                       struct ml_fault *fault)
{
    int fd = -1, code = read_credentials(server, options, fault);

    if (code == ML_OK && options->beside)
        code = share_socket(options->beside, &fd, fault);
    else if (code == ML_OK)
        code = listen_on(options->address, options->port, &fd, fault);
    if (code != ML_OK)
        return code;
    server->port = port_of(fd);
    if (start_daemon(server, options, fd) == ML_OK)
        return ML_OK;
    if (port_of(fd) == server->port) /* some of MHD's failures close it, others leave it open */
        close(fd);
    if (server->certificate)
        return ml_fail(fault, ML_ETLS, "certificate %.80s and key %.80s cannot be used together",
                       options->certificate_file, options->key_file);
    return ml_fail(fault, ML_EIO, "the HTTP server cannot start");
}

int ml_http_server_new(struct ml_loop *loop, const struct ml_http_server_options *options,
                       const struct ml_http_server_handlers *handlers, void *user,
                       struct ml_http_server **serverp, struct ml_fault *fault)
{
    struct ml_http_server *server = ml_alloc(sizeof *server);
    int code;

    server->loop = loop;
    server->handlers = *handlers;
    server->user = user;
    server->max_body = options->max_body ? options->max_body : MAX_BODY;
    server->header_timeout = options->header_timeout_ms ? options->header_timeout_ms : HEADER_MS;
    ml_strikes_init(&server->strikes, STRIKES, STRIKES_MS);
    ml_list_init(&server->calls);
    ml_list_init(&server->arrived);
    code = open_server(server, options, fault);
    if (code != ML_OK) {
        ml_http_server_free(server);
        return code;
    }
    server->timer = ml_timer_new(loop, run, server);
    server->io =
        ml_io_new(loop, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                  ML_READ, on_io, server);
    ml_list_append(&servers, &server->link);
    *serverp = server;
    return ML_OK;
}

static void end_calls(struct ml_http_server *server)
{
    ML_LIST_EACH(&server->calls, link)
    {
        struct ml_http_call *call = ML_CONTAINER(link, struct ml_http_call, link);
        bool tell = call->delivered && !call->ended;

        call->dropped = call->ended = true;
        if (call->upgrade)
            ml_http_upgrade_lost(call->upgrade);
        if (tell)
            server->handlers.gone(call, server->user);
        ml_http_call_resume(call); /* a daemon must not be stopped with suspended connections */
    }
}

void ml_http_server_free(struct ml_http_server *server)
{
    if (!server)
        return;
    server->doomed = true;
    if (server->busy)
        return;
    ml_list_remove(&server->link);
    if (server->daemon) {
        end_calls(server);
        MHD_stop_daemon(server->daemon);
    }
    ml_io_free(server->io);
    ml_timer_free(server->timer);
    ml_free(server->certificate);
    ml_free(server->key);
    ml_free(server);
}

uint16_t ml_http_server_port(const struct ml_http_server *server)
{
    return server->port;
}
