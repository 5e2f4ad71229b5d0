#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/http_server_priv.h"

enum { BLOCK = 16384 }; /* what MHD asks a stream for at once */

enum MHD_Result ml_http_call_queue(struct ml_http_call *call)
{
    enum MHD_Result result =
        MHD_queue_response(call->connection, (unsigned)call->status, call->response);

    call->step = ML_HTTP_SENDING;
    if (!call->upgrade)
        ml_http_connection_sends(ml_http_connection_of(call->connection));
    MHD_destroy_response(call->response);
    call->response = NULL;
    return result;
}

static bool is_header(const char *name, const char *other)
{
    return ml_str_ieq(ml_str(name), ml_str(other));
}

/* Framing is MHD's business. */
static void add_headers(struct MHD_Response *response, const char *const *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = headers[2 * i], *value = headers[2 * i + 1];

        if (is_header(name, "Content-Length") || is_header(name, "Transfer-Encoding"))
            continue;
        if (MHD_add_response_header(response, name, value) != MHD_YES)
            ml_log(ML_LOG_WARNING, NULL, "http server: header %s cannot be sent", name);
    }
}

/* Statuses of HTTP are three digits; MHD would end the program over others. */
static int checked(int status)
{
    return status >= 200 && status <= 599 ? status : 500;
}

static void answer(struct ml_http_call *call, int status, struct MHD_Response *response)
{
    call->status = checked(status);
    call->response = response;
    call->step = ML_HTTP_ANSWERED;
}

void ml_http_call_refuse(struct ml_http_call *call, int status)
{
    static char nothing[] = "";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);

    MHD_add_response_header(response, "Connection", "close");
    call->ended = true;
    answer(call, status, response);
}

static void send_answer(struct ml_http_call *call, int status, struct MHD_Response *response)
{
    call->ended = true;
    answer(call, status, response);
    ml_http_call_resume(call);
}

void ml_http_respond(struct ml_http_call *call, int status, const char *const *headers,
                     size_t header_count, struct ml_str body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.n, (void *)(uintptr_t)(body.n ? body.p : ""), MHD_RESPMEM_MUST_COPY);

    add_headers(response, headers, header_count);
    send_answer(call, status, response);
}

static void respond_plainly(struct ml_http_call *call, int status)
{
    ml_http_respond(call, status, NULL, 0, ML_STR(""));
}

/* ---- files ---- */

enum range { WHOLE, PART, NOT_THERE };

/* One range of bytes (RFC 9110 14.1.2); several at once, and other units, get the whole. */
static enum range read_range(const char *text, uint64_t size, uint64_t *first, uint64_t *last)
{
    struct ml_str rest = ml_str(text), from;
    uint64_t n;

    if (!ml_str_starts(rest, ML_STR("bytes=")) || strchr(text, ','))
        return WHOLE;
    rest = ml_str_trim((struct ml_str){rest.p + 6, rest.n - 6});
    ml_str_cut(&rest, '-', &from);
    if (!rest.p)
        return WHOLE;
    *last = size - 1;
    if (from.n == 0) { /* the last n bytes */
        if (ml_str_uint(rest, UINT64_MAX, &n) != ML_OK)
            return WHOLE;
        *first = n < size ? size - n : 0;
        return n == 0 || size == 0 ? NOT_THERE : PART;
    }
    if (ml_str_uint(from, UINT64_MAX, first) != ML_OK)
        return WHOLE;
    if (rest.n > 0) {
        if (ml_str_uint(rest, UINT64_MAX, &n) != ML_OK || n < *first)
            return WHOLE;
        if (n < *last)
            *last = n;
    }
    return *first < size ? PART : NOT_THERE;
}

static enum range wanted_range(const struct ml_http_call *call, const char *etag, uint64_t size,
                               uint64_t *first, uint64_t *last)
{
    const char *range = ml_http_call_header(call, "Range");
    const char *condition = ml_http_call_header(call, "If-Range");
    bool readable = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;

    if (!range || !readable || (condition && strcmp(condition, etag) != 0))
        return WHOLE;
    return read_range(range, size, first, last);
}

static void respond_descriptor(struct ml_http_call *call, int fd, const struct stat *st,
                               const char *content_type)
{
    uint64_t size = (uint64_t)st->st_size, first = 0, last = size ? size - 1 : 0;
    char etag[64], content_range[80] = "";
    struct MHD_Response *response;
    enum range range;
    int status = 200;

    snprintf(etag, sizeof etag, "\"%llx-%llx%09lx\"", (unsigned long long)size,
             (unsigned long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    range = wanted_range(call, etag, size, &first, &last);
    if (range == NOT_THERE) {
        status = 416;
        close(fd);
        response = MHD_create_response_from_buffer(0, etag, MHD_RESPMEM_MUST_COPY);
        snprintf(content_range, sizeof content_range, "bytes */%llu", (unsigned long long)size);
    } else {
        uint64_t n = range == PART ? last - first + 1 : size;

        response = MHD_create_response_from_fd_at_offset64(n, fd, range == PART ? first : 0);
        MHD_add_response_header(response, "Content-Type", content_type);
        if (range == PART) {
            status = 206;
            snprintf(content_range, sizeof content_range, "bytes %llu-%llu/%llu",
                     (unsigned long long)first, (unsigned long long)last, (unsigned long long)size);
        }
    }
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Accept-Ranges", "bytes");
    if (content_range[0])
        MHD_add_response_header(response, "Content-Range", content_range);
    send_answer(call, status, response);
}

void ml_http_respond_file(struct ml_http_call *call, const char *path, const char *content_type)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        respond_descriptor(call, fd, &st, content_type);
        return;
    }
    if (fd >= 0)
        close(fd);
    respond_plainly(call, 404);
}

/* ---- streams ---- */

static ssize_t read_stream(void *user, uint64_t position, char *bytes, size_t max)
{
    struct ml_http_call *call = user;
    size_t n = call->stream.n - call->stream_at;

    (void)position;
    if (call->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n > 0) {
        n = n < max ? n : max;
        memcpy(bytes, call->stream.p + call->stream_at, n);
        call->stream_at += n;
        call->stream_left -= n < call->stream_left ? n : call->stream_left;
        if (call->stream_at == call->stream.n)
            call->stream.n = call->stream_at = 0;
        return (ssize_t)n;
    }
    if (call->stream_over)
        return call->has_length && call->stream_left > 0 ? MHD_CONTENT_READER_END_WITH_ERROR
                                                         : MHD_CONTENT_READER_END_OF_STREAM;
    if (!call->suspended)
        ml_http_call_suspend(call);
    return 0;
}

void ml_http_respond_begin(struct ml_http_call *call, int status, const char *const *headers,
                           size_t header_count)
{
    uint64_t size = MHD_SIZE_UNKNOWN;
    struct MHD_Response *response;

    for (size_t i = 0; i < header_count; i++) {
        uint64_t n;

        if (is_header(headers[2 * i], "Content-Length") &&
            ml_str_uint(ml_str(headers[2 * i + 1]), INT64_MAX, &n) == ML_OK) {
            size = n;
            call->has_length = true;
            call->stream_left = (size_t)n;
        }
    }
    call->streams = true;
    response = MHD_create_response_from_callback(size, BLOCK, read_stream, call, NULL);
    add_headers(response, headers, header_count);
    answer(call, status, response);
    ml_http_call_resume(call);
}

void ml_http_respond_write(struct ml_http_call *call, struct ml_str bytes)
{
    struct ml_buf *stream = &call->stream;

    if (call->stream_at > stream->n / 2) { /* a reader that never catches up costs what it owes */
        memmove(stream->p, stream->p + call->stream_at, stream->n - call->stream_at);
        stream->n -= call->stream_at;
        call->stream_at = 0;
    }
    ml_buf_add(stream, bytes.p, bytes.n);
    ml_http_call_resume(call);
}

size_t ml_http_respond_queued(const struct ml_http_call *call)
{
    return call->stream.n - call->stream_at;
}

void ml_http_respond_end(struct ml_http_call *call)
{
    call->stream_over = call->ended = true;
    ml_http_call_resume(call);
}

void ml_http_respond_drop(struct ml_http_call *call)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    call->dropped = call->ended = true;
    if (call->suspended)
        ml_http_call_resume(call);
    else
        shutdown(fd, SHUT_RD); /* wakes MHD, which asks for more of the stream and is told */
}
