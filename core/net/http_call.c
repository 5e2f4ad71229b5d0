#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/http_server_priv.h"

enum {
    KEEP_ALIVE_MS = 30000, /* until the next request of a connection is whole */
    DISCARD = 16           /* times max_body, that are read to be able to answer 413 */
};

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void on_readable(int fd, int events, void *user)
{
    struct ml_http_call *call = user;
    struct pollfd state = {.fd = fd, .events = POLLRDHUP};
    bool tell = call->delivered && !call->ended;

    (void)events;
    if (poll(&state, 1, 0) <= 0) { /* the next request already: it has to wait */
        ml_io_set(call->watch, 0);
        return;
    }
    call->dropped = call->ended = true;
    ml_list_remove(&call->arrived);
    ml_http_call_resume(call);
    if (tell)
        call->server->handlers.gone(call, call->server->user);
}

void ml_http_call_suspend(struct ml_http_call *call)
{
    call->suspended = true;
    MHD_suspend_connection(call->connection);
    call->watch =
        ml_io_new(call->server->loop, socket_of(call->connection), ML_READ, on_readable, call);
}

void ml_http_call_resume(struct ml_http_call *call)
{
    if (!call->suspended)
        return;
    call->suspended = false;
    ml_io_free(call->watch);
    call->watch = NULL;
    MHD_resume_connection(call->connection);
    call->server->resumed = true;
    ml_timer_set(call->server->timer, 0);
}

/* Its address without the port. */
static const char *source_of(const struct ml_http_call *call, char source[static ML_STRIKE_BYTES])
{
    const char *colon = strrchr(call->peer, ':');

    snprintf(source, ML_STRIKE_BYTES, "%.*s", colon ? (int)(colon - call->peer) : 0, call->peer);
    return source;
}

void ml_http_call_strike(struct ml_http_call *call)
{
    struct ml_strikes *strikes = &call->server->strikes;
    char source[ML_STRIKE_BYTES];

    if (ml_strikes_add(strikes, source_of(call, source)))
        ml_log(ML_LOG_WARNING, NULL, "http: %s gave %d wrong credentials: locked out for a minute",
               source, strikes->most);
}

int ml_http_call_locked(struct ml_http_call *call)
{
    char source[ML_STRIKE_BYTES];

    return (int)((ml_strikes_left(&call->server->strikes, source_of(call, source)) + 999) / 1000);
}

const char *ml_http_call_header(const struct ml_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* Called with the request line: the first sign of a request. */
void *ml_http_call_begin(void *user, const char *target, struct MHD_Connection *connection)
{
    struct ml_http_server *server = user;
    struct ml_http_call *call = ml_alloc(sizeof *call);

    call->server = server;
    call->connection = connection;
    call->target = ml_strdup(target);
    ml_list_append(&server->calls, &call->link);
    return call;
}

/* The path stays as it came until read_target. */
size_t ml_http_call_unescape(void *user, struct MHD_Connection *connection, char *text)
{
    (void)user;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result count_header(void *user, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct ml_http_call *call = user;

    (void)kind;
    call->headers = ml_realloc(call->headers, 2 * (call->header_count + 1) * sizeof *call->headers);
    call->headers[2 * call->header_count] = name;
    call->headers[2 * call->header_count + 1] = value ? value : "";
    call->header_count++;
    return MHD_YES;
}

static size_t count_of(const struct ml_http_call *call, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < call->header_count; i++)
        n += ml_str_ieq(ml_str(call->headers[2 * i]), ml_str(name));
    return n;
}

/* Two opinions about where a body ends are how requests are smuggled past a proxy (RFC 9112 6.3).
 */
static int judge_framing(const struct ml_http_call *call, size_t max_body)
{
    size_t lengths = count_of(call, "Content-Length");
    const char *length = ml_http_call_header(call, "Content-Length");
    uint64_t n = 0;

    if (lengths > 1 || (lengths == 1 && count_of(call, "Transfer-Encoding") > 0))
        return 400;
    if (length && ml_str_uint(ml_str(length), UINT64_MAX, &n) != ML_OK)
        return 400;
    return n > max_body ? 413 : 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX once, in place. False for a NUL, which no path has. */
static bool decode_path(char *path)
{
    char *to = path;

    for (const char *from = path; *from; from++) {
        int high = *from == '%' ? hex(from[1]) : -1;
        int low = high >= 0 ? hex(from[2]) : -1;

        if (low < 0) {
            *to++ = *from;
            continue;
        }
        if (high == 0 && low == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* Origin form, or absolute form, of which scheme and authority are left out (RFC 9112 3.2). */
static bool read_target(struct ml_http_call *call)
{
    const char *begin = call->target, *slashes = strstr(begin, "://"), *query;

    if (begin[0] != '/' && slashes) {
        begin = slashes + 3 + strcspn(slashes + 3, "/?");
    }
    query = strchr(begin, '?');
    call->path = ml_strndup(begin, query ? (size_t)(query - begin) : strlen(begin));
    call->info.query = query ? query + 1 : "";
    return decode_path(call->path);
}

static void read_peer(struct ml_http_call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "";

    if (info && info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;

        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(call->peer, sizeof call->peer, "%s:%u", text, ntohs(v4->sin_port));
    } else if (info && info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)info->client_addr;

        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(call->peer, sizeof call->peer, "[%s]:%u", text, ntohs(v6->sin6_port));
    }
}

static void read_headers(struct ml_http_call *call, const char *method)
{
    call->method = ml_strdup(method);
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, count_header, call);
    read_peer(call);
    call->refusal = judge_framing(call, call->server->max_body);
    if (!read_target(call))
        call->refusal = 400;
}

static enum MHD_Result take_body(struct ml_http_call *call, const char *bytes, size_t n)
{
    size_t max = call->server->max_body;

    if (call->body.n + n > max) {
        call->refusal = 413;
        if (call->body.n > max * DISCARD)
            return MHD_NO;
        call->body.n += n; /* counted, not kept */
        return MHD_YES;
    }
    ml_buf_add(&call->body, bytes, n);
    return MHD_YES;
}

static void arrive(struct ml_http_call *call)
{
    struct ml_http_connection *c = ml_http_connection_of(call->connection);

    if (c)
        ml_timer_stop(c->timer);
    call->step = ML_HTTP_ARRIVED;
    ml_http_call_suspend(call);
    ml_list_append(&call->server->arrived, &call->arrived);
}

/* MHD calls this with the headers, for each piece of the body, at its end, and after a resume. */
enum MHD_Result ml_http_call_on_request(void *user, struct MHD_Connection *connection,
                                        const char *url, const char *method, const char *version,
                                        const char *bytes, size_t *n, void **context)
{
    struct ml_http_call *call = *context;

    (void)user;
    (void)connection;
    (void)url;
    (void)version;
    if (!call || call->dropped)
        return MHD_NO;
    if (!call->method) {
        read_headers(call, method);
        if (call->refusal == 0)
            return MHD_YES;
        ml_http_call_refuse(call, call->refusal);
        return ml_http_call_queue(call);
    }
    if (*n > 0) {
        size_t piece = *n;

        *n = 0;
        return take_body(call, bytes, piece);
    }
    if (call->step == ML_HTTP_READING && call->refusal != 0)
        ml_http_call_refuse(call, call->refusal);
    if (call->step == ML_HTTP_READING)
        arrive(call);
    else if (call->step == ML_HTTP_ANSWERED)
        return ml_http_call_queue(call);
    return MHD_YES;
}

static void free_call(struct ml_http_call *call)
{
    ml_list_remove(&call->link);
    ml_list_remove(&call->arrived);
    ml_io_free(call->watch);
    if (call->response)
        MHD_destroy_response(call->response);
    ml_buf_fini(&call->body);
    ml_buf_fini(&call->stream);
    ml_free(call->headers);
    ml_free(call->method);
    ml_free(call->target);
    ml_free(call->path);
    ml_free(call);
}

void ml_http_call_on_completed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_RequestTerminationCode code)
{
    struct ml_http_server *server = user;
    struct ml_http_call *call = *context;
    struct ml_http_connection *c = ml_http_connection_of(connection);

    (void)code;
    *context = NULL;
    if (call && call->upgrade)
        ml_http_upgrade_lost(call->upgrade);
    if (c)
        c->sends = false;
    if (c && !server->doomed)
        ml_timer_set(c->timer, KEEP_ALIVE_MS);
    if (!call)
        return;
    if (call->delivered && !call->ended) {
        call->ended = true;
        server->handlers.gone(call, server->user);
    }
    free_call(call);
}
