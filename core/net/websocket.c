#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/net/websocket_priv.h"

enum {
    MAX_MESSAGE = 1 << 20,
    PING_MS = 30000,
    CLOSE_MS = 2000,      /* that the peer has for its close frame */
    READ_AT_ONCE = 16384, /* then others have their turn */
    NO_CODE = 1005        /* of a close frame without one (RFC 6455 7.1.5) */
};

struct ml_websocket *ml_websocket_new(struct ml_loop *loop,
                                      const struct ml_websocket_handlers *handlers, void *user)
{
    struct ml_websocket *websocket = ml_alloc(sizeof *websocket);

    websocket->loop = loop;
    websocket->handlers = handlers;
    websocket->user = user;
    websocket->max_message = MAX_MESSAGE;
    websocket->ping_ms = PING_MS;
    return websocket;
}

static void let_go(struct ml_websocket *websocket)
{
    ml_io_free(websocket->io);
    websocket->io = NULL;
    if (websocket->wire)
        websocket->wire->close(websocket->wire_user);
    websocket->wire = NULL;
    if (websocket->timer)
        ml_timer_stop(websocket->timer);
    ml_buf_fini(&websocket->in);
    ml_buf_fini(&websocket->out);
    ml_buf_fini(&websocket->message);
    websocket->out_at = 0;
}

void ml_websocket_free(struct ml_websocket *websocket)
{
    static const struct ml_websocket_handlers nobody = {0};

    if (!websocket)
        return;
    websocket->handlers = &nobody;
    websocket->doomed = true;
    if (websocket->busy)
        return;
    let_go(websocket);
    ml_timer_free(websocket->timer);
    ml_free(websocket);
}

/* A handler was called last; it may have freed the connection. */
static void done(struct ml_websocket *websocket)
{
    websocket->busy = false;
    if (websocket->doomed)
        ml_websocket_free(websocket);
}

void ml_websocket_end(struct ml_websocket *websocket, const struct ml_websocket_end *end)
{
    bool outermost = !websocket->busy;

    if (websocket->state == ML_WS_OVER)
        return;
    websocket->state = ML_WS_OVER;
    websocket->busy = true;
    let_go(websocket);
    if (websocket->handlers->closed)
        websocket->handlers->closed(end, websocket->user);
    if (outermost)
        done(websocket);
}

void ml_websocket_lost(struct ml_websocket *websocket, const char *text)
{
    struct ml_websocket_end end = {.why = ML_WS_LOST, .text = text};

    ml_websocket_end(websocket, &end);
}

/* ---- writing ---- */

static void watch(struct ml_websocket *websocket)
{
    if (websocket->io)
        ml_io_set(websocket->io,
                  (websocket->held ? 0 : ML_READ) | (websocket->out.n > 0 ? ML_WRITE : 0));
}

/* False when the stream is over. */
static bool flush(struct ml_websocket *websocket)
{
    struct ml_buf *out = &websocket->out;

    if (!websocket->io) /* the stream is still to come */
        return true;
    while (websocket->out_at < out->n) {
        ssize_t n = websocket->wire->write(websocket->wire_user, out->p + websocket->out_at,
                                           out->n - websocket->out_at);

        if (n < 0)
            return false;
        if (n == 0)
            break;
        websocket->out_at += (size_t)n;
    }
    if (websocket->out_at == out->n) {
        out->n = websocket->out_at = 0;
    } else if (websocket->out_at > out->n / 2) {
        memmove(out->p, out->p + websocket->out_at, out->n - websocket->out_at);
        out->n -= websocket->out_at;
        websocket->out_at = 0;
    }
    watch(websocket);
    return true;
}

/* A stream that is over is noticed by the next read, not from within a send. */
void ml_websocket_write(struct ml_websocket *websocket, const void *bytes, size_t n)
{
    ml_buf_add(&websocket->out, bytes, n);
    if (websocket->out.n == n)
        flush(websocket);
}

static void send_frame(struct ml_websocket *websocket, enum ml_ws_op op, struct ml_str payload)
{
    struct ml_ws_frame frame = {
        .op = op, .final = true, .masked = websocket->client, .length = payload.n};
    uint8_t header[ML_WS_HEADER_MAX];
    struct ml_buf *out = &websocket->out;
    bool idle = out->n == 0;
    size_t size;

    if (frame.masked)
        ml_random(frame.mask, sizeof frame.mask);
    size = ml_ws_frame_write(header, &frame);
    ml_buf_add(out, header, size);
    ml_buf_add(out, payload.p, payload.n);
    if (frame.masked)
        ml_ws_frame_mask((uint8_t *)out->p + out->n - payload.n, payload.n, frame.mask);
    if (idle)
        flush(websocket);
}

void ml_websocket_send(struct ml_websocket *websocket, bool text, struct ml_str message)
{
    if (websocket->state == ML_WS_OPEN)
        send_frame(websocket, text ? ML_WS_TEXT : ML_WS_BINARY, message);
}

size_t ml_websocket_queued(const struct ml_websocket *websocket)
{
    return websocket->out.n - websocket->out_at;
}

static void send_close(struct ml_websocket *websocket, int code, const char *reason)
{
    char payload[ML_WS_CONTROL_MAX];
    size_t n = strnlen(reason, sizeof payload - 2);

    if (websocket->close_sent)
        return;
    websocket->close_sent = true;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    memcpy(payload + 2, reason, n);
    while (n > 0 && !ml_ws_frame_is_utf8((struct ml_str){payload + 2, n}))
        n--; /* cut within a letter */
    send_frame(websocket, ML_WS_CLOSE, (struct ml_str){payload, code == NO_CODE ? 0 : n + 2});
}

void ml_websocket_close(struct ml_websocket *websocket, int code, const char *reason)
{
    struct ml_websocket_end end = {.why = ML_WS_LOST, .text = "closed before it was open"};

    if (websocket->state == ML_WS_CONNECTING) {
        ml_websocket_end(websocket, &end);
        return;
    }
    if (websocket->state != ML_WS_OPEN)
        return;
    send_close(websocket, code, reason ? reason : "");
    websocket->state = ML_WS_CLOSING;
    ml_timer_set(websocket->timer, CLOSE_MS);
}

/* ---- reading ---- */

/* Tells the peer what it did wrong, and ends. Always false. */
static bool blame(struct ml_websocket *websocket, int code, const char *text)
{
    struct ml_websocket_end end = {.why = ML_WS_PROTOCOL, .code = code, .text = text};

    send_close(websocket, code, text);
    ml_websocket_end(websocket, &end);
    return false;
}

static bool take_close(struct ml_websocket *websocket, const uint8_t *payload, size_t n)
{
    struct ml_str reason = {(const char *)payload + 2, n >= 2 ? n - 2 : 0};
    struct ml_websocket_end end = {.why = ML_WS_CLOSED, .code = NO_CODE};
    char text[ML_WS_CONTROL_MAX + 1];

    if (n >= 2)
        end.code = payload[0] << 8 | payload[1];
    if (n == 1 || (n >= 2 && !ml_ws_frame_is_close_code(end.code)) || !ml_ws_frame_is_utf8(reason))
        return blame(websocket, 1002, "a close frame that is none");
    memcpy(text, reason.p, reason.n);
    text[reason.n] = '\0';
    end.text = text;
    send_close(websocket, end.code, "");
    ml_websocket_end(websocket, &end);
    return false;
}

static bool deliver(struct ml_websocket *websocket, enum ml_ws_op op, struct ml_str message)
{
    if (op == ML_WS_TEXT && !ml_ws_frame_is_utf8(message))
        return blame(websocket, 1007, "a text that is not UTF-8");
    if (websocket->state == ML_WS_OPEN && websocket->handlers->message)
        websocket->handlers->message(op == ML_WS_TEXT, message, websocket->user);
    return websocket->state != ML_WS_OVER && !websocket->doomed;
}

/* A message may come in pieces, with control frames between them (RFC 6455 5.4). */
static bool take_piece(struct ml_websocket *websocket, const struct ml_ws_frame *frame,
                       struct ml_str payload)
{
    bool begun = websocket->message_op != ML_WS_CONTINUATION, going_on;

    if (begun != (frame->op == ML_WS_CONTINUATION))
        return blame(websocket, 1002, "a message within a message");
    if (!begun && frame->final)
        return deliver(websocket, frame->op, payload);
    if (!begun)
        websocket->message_op = frame->op;
    ml_buf_add(&websocket->message, payload.p, payload.n);
    if (websocket->message.n > websocket->max_message)
        return blame(websocket, 1009, "a message that is too long");
    if (!frame->final)
        return true;
    payload =
        (struct ml_str){websocket->message.p ? websocket->message.p : "", websocket->message.n};
    going_on = deliver(websocket, websocket->message_op, payload);
    websocket->message.n = 0;
    websocket->message_op = ML_WS_CONTINUATION;
    return going_on;
}

static bool take_frame(struct ml_websocket *websocket, const struct ml_ws_frame *frame,
                       uint8_t *payload)
{
    struct ml_str bytes = {(const char *)payload, (size_t)frame->length};

    if (frame->masked)
        ml_ws_frame_mask(payload, bytes.n, frame->mask);
    switch (frame->op) {
    case ML_WS_CLOSE:
        return take_close(websocket, payload, bytes.n);
    case ML_WS_PING:
        if (!websocket->close_sent && ml_websocket_queued(websocket) < websocket->max_message)
            send_frame(websocket, ML_WS_PONG, bytes);
        return true;
    case ML_WS_PONG:
        return true;
    case ML_WS_CONTINUATION:
    case ML_WS_TEXT:
    case ML_WS_BINARY:
        break;
    }
    return take_piece(websocket, frame, bytes);
}

/* The frames that are whole; what is left of the last stays. */
static void take_frames(struct ml_websocket *websocket)
{
    struct ml_buf *in = &websocket->in;
    size_t at = 0;

    while (websocket->state != ML_WS_OVER && !websocket->doomed && !websocket->held) {
        struct ml_ws_frame frame = {0};
        uint8_t *bytes = (uint8_t *)in->p + at;
        int size = ml_ws_frame_read(bytes, in->n - at, &frame);

        if (size < 0 || (size > 0 && frame.masked == websocket->client)) {
            blame(websocket, 1002, "a frame that is none");
            return;
        }
        if (size > 0 && frame.length > websocket->max_message) {
            blame(websocket, 1009, "a message that is too long");
            return;
        }
        if (size == 0 || in->n - at < (size_t)size + frame.length)
            break;
        at += (size_t)size + frame.length;
        if (!take_frame(websocket, &frame, bytes + size))
            return;
    }
    if (at > 0 && websocket->state != ML_WS_OVER) {
        memmove(in->p, in->p + at, in->n - at);
        in->n -= at;
    }
}

/* False when the stream is over. */
static bool read_some(struct ml_websocket *websocket)
{
    char bytes[READ_AT_ONCE];
    ssize_t n = websocket->wire->read(websocket->wire_user, bytes, sizeof bytes);

    if (n > 0) {
        ml_buf_add(&websocket->in, bytes, (size_t)n);
        websocket->heard_ms = ml_clock_ms();
    }
    return n >= 0;
}

static void on_io(int fd, int events, void *user)
{
    struct ml_websocket *websocket = user;
    bool was_full = ml_websocket_queued(websocket) > 0, alive = true;

    (void)fd;
    websocket->busy = true;
    if (events & ML_WRITE)
        alive = flush(websocket);
    if (alive && (events & ML_READ))
        alive = read_some(websocket);
    if (websocket->in.n > 0 && (!websocket->reads_head || ml_websocket_head(websocket)))
        take_frames(websocket);
    if (!alive && websocket->state != ML_WS_OVER)
        ml_websocket_lost(websocket, "the connection broke");
    if (was_full && websocket->state == ML_WS_OPEN && ml_websocket_queued(websocket) == 0 &&
        websocket->handlers->drained)
        websocket->handlers->drained(websocket->user);
    done(websocket);
}

void ml_websocket_hold(struct ml_websocket *websocket, bool held)
{
    if (websocket->held == held)
        return;
    websocket->held = held;
    watch(websocket);
    if (held || websocket->busy || websocket->state == ML_WS_OVER || websocket->in.n == 0)
        return;
    websocket->busy = true;
    take_frames(websocket);
    done(websocket);
}

/* ---- its course ---- */

static void on_open_timer(struct ml_websocket *websocket)
{
    struct ml_websocket_end end = {.why = ML_WS_SILENT, .text = "the peer does not answer pings"};
    int64_t silent = ml_clock_ms() - websocket->heard_ms;

    if (silent >= 2 * websocket->ping_ms && !websocket->held) {
        ml_websocket_end(websocket, &end);
        return;
    }
    if (silent >= websocket->ping_ms)
        send_frame(websocket, ML_WS_PING, (struct ml_str){"", 0});
    ml_timer_set(websocket->timer, websocket->ping_ms);
}

static void on_timer(void *user)
{
    struct ml_websocket *websocket = user;
    struct ml_websocket_end end = {.why = ML_WS_HANDSHAKE,
                                   .text = "the upgrade was not answered in time"};

    switch (websocket->state) {
    case ML_WS_CONNECTING:
        ml_websocket_end(websocket, &end);
        break;
    case ML_WS_OPEN:
        on_open_timer(websocket);
        break;
    case ML_WS_CLOSING:
        ml_websocket_lost(websocket, "the peer did not answer the close frame");
        break;
    case ML_WS_OVER:
        break;
    }
}

void ml_websocket_wire(struct ml_websocket *websocket, const struct ml_wire *wire, void *wire_user,
                       int fd)
{
    websocket->wire = wire;
    websocket->wire_user = wire_user;
    websocket->heard_ms = ml_clock_ms();
    if (!websocket->timer)
        websocket->timer = ml_timer_new(websocket->loop, on_timer, websocket);
    websocket->io = ml_io_new(websocket->loop, fd, ML_READ, on_io, websocket);
}

void ml_websocket_begin(struct ml_websocket *websocket)
{
    websocket->state = ML_WS_OPEN;
    websocket->reads_head = false;
    ml_timer_set(websocket->timer, websocket->ping_ms);
    if (websocket->handlers->opened)
        websocket->handlers->opened(websocket->user);
}

void ml_websocket_expect(struct ml_websocket *websocket, const struct ml_wire *wire,
                         void *wire_user)
{
    websocket->state = ML_WS_OPEN;
    websocket->wire = wire;
    websocket->wire_user = wire_user;
    websocket->heard_ms = ml_clock_ms();
    websocket->timer = ml_timer_new(websocket->loop, on_timer, websocket);
    ml_timer_set(websocket->timer, websocket->ping_ms);
}

void ml_websocket_take(struct ml_websocket *websocket, const char *bytes, size_t n)
{
    websocket->busy = true;
    flush(websocket);
    if (n > 0) {
        ml_buf_add(&websocket->in, bytes, n);
        take_frames(websocket);
    }
    done(websocket);
}
