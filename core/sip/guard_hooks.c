/* Where the guard stands: functions of libsofia that it calls through the dynamic linker. The ones
 * defined here are found first; each ends in the real one. Only msg_extract belongs to sofia's
 * documented interface, so ml_guard_check tries the others before the program takes calls. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_mclass.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/guard_priv.h"

struct tport_compressor;

/* sofia's own, in no header of it. */
void tport_recv_event(tport_t *self);
void tport_hup_event(tport_t *self);
ssize_t tport_recv_iovec(const tport_t *self, msg_t **msg, msg_iovec_t iovec[], size_t n,
                         int exact);
void tport_deliver(tport_t *self, msg_t *msg, msg_t *next, struct tport_compressor *compressor,
                   su_time_t now);
void tport_sent_message(tport_t *self, msg_t *msg, int error);
void tport_zap_secondary(tport_t *self);
int tport_recv_stun_dgram(const tport_t *self, msg_t **msg, su_sockaddr_t *from, socklen_t length);
int tport_recv_comp_dgram(const tport_t *self, struct tport_compressor *compressor, msg_t **msg,
                          su_sockaddr_t *from, socklen_t length);

enum {
    /* sofia reads all a socket has into one message, and gives up a stream that has more than a
     * message may hold. So it is given less, and room for that after a message that is not whole.
     */
    CHUNK = 16384,
    ROOM = ML_GUARD_MAX_MESSAGE + 2 * CHUNK,
    PONG_AFTER = 4 /* RFC 5626 4.4.1: a double CRLF is answered with one */
};

/* What msg_extract found out about the message that tport_deliver gets next. */
struct gate {
    msg_t *msg; /* goes no further; NULL: all do */
    bool close;
    struct ml_buf answer;
    uint16_t port;
};

static tport_t *current; /* whose bytes are read now */
static struct gate gate;
static struct ml_guard_message message;
/* The message that sofia has now, and its header lines. */
static struct {
    msg_t *msg;
    size_t n;
    char lines[ML_GUARD_MAX_MESSAGE];
} whole;

/* The real ones. */
struct sofia {
    int (*extract)(msg_t *);
    void (*recv_event)(tport_t *);
    void (*hup_event)(tport_t *);
    ssize_t (*recv_iovec)(const tport_t *, msg_t **, msg_iovec_t *, size_t, int);
    void (*deliver)(tport_t *, msg_t *, msg_t *, struct tport_compressor *, su_time_t);
    void (*sent_message)(tport_t *, msg_t *, int);
    void (*zap_secondary)(tport_t *);
};

static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found) {
        ml_log(ML_LOG_ERROR, NULL, "this libsofia-sip-ua has no %s: the guard cannot stand", name);
        abort();
    }
    memcpy(function, &found, sizeof found);
}

static const struct sofia *sofia(void)
{
    static struct sofia real;

    if (!real.zap_secondary) {
        find(&real.extract, "msg_extract");
        find(&real.recv_event, "tport_recv_event");
        find(&real.hup_event, "tport_hup_event");
        find(&real.recv_iovec, "tport_recv_iovec");
        find(&real.deliver, "tport_deliver");
        find(&real.sent_message, "tport_sent_message");
        find(&real.zap_secondary, "tport_zap_secondary");
    }
    return &real;
}

static struct ml_str bytes_of(const msg_t *msg)
{
    return (struct ml_str){msg_buf_committed_data(msg), msg_buf_committed(msg)};
}

/* ---- one whole message ---- */

static void keep_lines(msg_t *msg)
{
    const char *begin = message.start.p + message.start.n + 2;
    const char *end = message.body.p - 2;

    whole.msg = msg;
    whole.n = (size_t)(end - begin);
    memcpy(whole.lines, begin, whole.n);
}

struct ml_str ml_guard_lines(const msg_t *msg)
{
    if (!msg || whole.msg != msg)
        return (struct ml_str){NULL, 0};
    return (struct ml_str){whole.lines, whole.n};
}

/* From here on it goes no further than tport_deliver. */
static void hold(msg_t *msg)
{
    ml_buf_fini(&gate.answer);
    gate = (struct gate){.msg = msg};
}

/* True: sofia may have it. Else it is held, with the answer that is due. */
static bool settle(msg_t *msg, struct ml_str bytes, struct ml_guard_verdict *verdict)
{
    const su_sockaddr_t *source = msg_addr(msg);
    char host[64];

    if (verdict->limited && (verdict->action != ML_GUARD_DROP) &&
        !ml_guard_rate(source, verdict->action == ML_GUARD_PASS)) {
        verdict->action = ML_GUARD_DROP;
        verdict->reason = ML_GUARD_FLOOD;
    }
    ml_guard_show(false, verdict->reason, current, msg, bytes);
    if (verdict->action == ML_GUARD_PASS) {
        ml_guard_count(verdict->reason, verdict->action);
        keep_lines(msg);
        return true;
    }
    hold(msg);
    if (verdict->action == ML_GUARD_ANSWER) {
        ml_guard_host(source, host, sizeof host);
        if (!ml_guard_answer(&message, verdict, host, ntohs(source->su_port), &gate.answer,
                             &gate.port))
            verdict->action = ML_GUARD_DROP;
    }
    ml_guard_count(verdict->reason, verdict->action);
    return false;
}

static int take_datagram(msg_t *msg)
{
    struct ml_str bytes = bytes_of(msg);
    bool truncated = msg_get_flags(msg, MSG_FLG_TOOLARGE | MSG_FLG_TRUNC) != 0;
    struct ml_guard_verdict verdict;
    int n;

    ml_guard_judge(bytes, false, truncated, &message, &verdict);
    if (!settle(msg, bytes, &verdict))
        return -1;
    n = sofia()->extract(msg);
    ml_guard_align_via(current, msg);
    return n;
}

/* ---- streams ---- */

/* A message of its own for bytes that came with msg. */
static msg_t *message_with(const msg_t *msg, struct ml_str bytes)
{
    msg_t *fresh = msg_create(msg_mclass(msg), (int)msg_get_flags(msg, ~0U));
    void *buffer;

    msg_maxsize(fresh, ROOM);
    msg_addr_copy(fresh, msg);
    buffer = msg_buf_exact(fresh, bytes.n + 1);
    memcpy(buffer, bytes.p, bytes.n);
    msg_recv_commit(fresh, bytes.n, 0);
    return fresh;
}

/* Splits what came into its first message and the rest, for sofia to come back with one after the
 * other; msg itself is empty then. So sofia's idea of where a message ends decides nothing. */
static int split(msg_t *msg, struct ml_str bytes, size_t length)
{
    msg_t *first = message_with(msg, (struct ml_str){bytes.p, length});
    msg_t *rest = message_with(msg, (struct ml_str){bytes.p + length, bytes.n - length});

    msg_set_next(msg, first);
    msg_set_next(first, rest);
    msg_clear_committed(msg);
    hold(msg);
    return 1;
}

/* sofia forgets what follows a message that it cannot read. */
static int extract_whole(msg_t *msg)
{
    int n = sofia()->extract(msg);

    if (n == 0) {
        msg_mark_as_complete(msg, MSG_FLG_ERROR);
        n = -1;
    }
    if (n < 0)
        msg_destroy(msg_next(msg));
    ml_guard_align_via(current, msg);
    return n;
}

static int take_whole(msg_t *msg, struct ml_str bytes)
{
    struct ml_guard_verdict verdict;

    ml_guard_judge(bytes, true, false, &message, &verdict);
    if (settle(msg, bytes, &verdict))
        return extract_whole(msg);
    msg_clear_committed(msg);
    if (verdict.reason == ML_GUARD_KEEPALIVE && bytes.n >= PONG_AFTER) {
        ml_buf_str(&gate.answer, "\r\n");
    }
    return 1;
}

static int take_broken(msg_t *msg, struct ml_str bytes)
{
    struct ml_guard_verdict verdict;

    ml_guard_judge(bytes, true, false, &message, &verdict);
    if (verdict.action == ML_GUARD_PASS) {
        verdict.action = ML_GUARD_DROP;
        verdict.reason = ML_GUARD_FRAMING;
    }
    settle(msg, bytes, &verdict);
    gate.close = true;
    msg_mark_as_complete(msg, MSG_FLG_ERROR);
    return -1;
}

static int take_stream(msg_t *msg)
{
    struct ml_guard_wait *wait = ml_guard_wait_of(current);
    struct ml_str bytes = bytes_of(msg);
    enum ml_guard_frame frame;
    size_t length;

    msg_zap_flags(msg, MSG_FLG_TOOLARGE);
    if (wait && wait->msg == msg && bytes.n < wait->need)
        return 0;
    frame = ml_guard_frame(bytes, &length);
    if (frame == ML_GUARD_MORE) {
        msg_maxsize(msg, ROOM);
        ml_guard_wait_on(current, msg, length);
        return 0;
    }
    if (wait)
        ml_guard_wait_end(wait);
    if (frame == ML_GUARD_BROKEN)
        return take_broken(msg, bytes);
    return length < bytes.n ? split(msg, bytes, length) : take_whole(msg, bytes);
}

int msg_extract(msg_t *msg)
{
    if (!current || !msg_buf_committed_data(msg))
        return sofia()->extract(msg);
    return tport_is_stream(current) ? take_stream(msg) : take_datagram(msg);
}

/* ---- the transport around it ---- */

void tport_recv_event(tport_t *self)
{
    tport_t *outer = current;

    current = self;
    sofia()->recv_event(self);
    current = outer;
}

void tport_hup_event(tport_t *self)
{
    tport_t *outer = current;

    current = self;
    sofia()->hup_event(self);
    current = outer;
}

ssize_t tport_recv_iovec(const tport_t *self, msg_t **msg, msg_iovec_t iovec[], size_t n, int exact)
{
    if (!exact && n > CHUNK && tport_is_tcp(self) && !tport_has_tls(self))
        n = CHUNK;
    return sofia()->recv_iovec(self, msg, iovec, n, exact);
}

/* Messages that are held end here; their answers go out by the transport they came by. */
void tport_deliver(tport_t *self, msg_t *msg, msg_t *next, struct tport_compressor *compressor,
                   su_time_t now)
{
    struct ml_guard_wait *wait = ml_guard_wait_of(self);
    tport_t *outer = current;
    struct gate held = gate;

    if (wait && wait->msg == msg) { /* the stream ended in the middle of it */
        ml_guard_show(false, ML_GUARD_FRAMING, self, msg, bytes_of(msg));
        ml_guard_count(ML_GUARD_FRAMING, ML_GUARD_DROP);
        ml_guard_wait_end(wait);
        msg_destroy(msg);
        return;
    }
    if (msg != held.msg) {
        current = NULL; /* what sofia makes of it is its own */
        sofia()->deliver(self, msg, next, compressor, now);
        whole.msg = NULL;
        current = outer;
        return;
    }
    gate = (struct gate){NULL, false, {NULL, 0, 0}, 0};
    if (held.answer.n)
        ml_guard_send(self, msg, (struct ml_str){held.answer.p, held.answer.n}, held.port,
                      held.close);
    else if (held.close)
        tport_shutdown(self, 2);
    ml_buf_fini(&held.answer);
    msg_destroy(msg);
}

void tport_sent_message(tport_t *self, msg_t *msg, int error)
{
    sofia()->sent_message(self, msg, error);
    if (ml_guard_is_watched() && !error)
        ml_guard_show_sent(self, msg);
}

void tport_zap_secondary(tport_t *self)
{
    struct ml_guard_wait *wait = self ? ml_guard_wait_of(self) : NULL;

    if (wait) {
        ml_guard_count(ML_GUARD_FRAMING, ML_GUARD_DROP);
        ml_guard_wait_end(wait);
    }
    if (self)
        ml_guard_accept_end(self);
    sofia()->zap_secondary(self);
}

/* ---- what is no SIP ---- */

static void drop_other(const tport_t *self, msg_t **msg)
{
    struct ml_guard_verdict verdict;
    struct ml_str bytes = bytes_of(*msg);

    ml_guard_judge(bytes, false, false, &message, &verdict);
    ml_guard_show(false, verdict.reason, (tport_t *)(uintptr_t)self, *msg, bytes);
    ml_guard_count(verdict.reason, ML_GUARD_DROP);
    msg_destroy(*msg);
    *msg = NULL;
}

int tport_recv_stun_dgram(const tport_t *self, msg_t **msg, su_sockaddr_t *from, socklen_t length)
{
    (void)from;
    (void)length;
    drop_other(self, msg);
    return 3; /* sofia's word for: read, nothing to parse */
}

int tport_recv_comp_dgram(const tport_t *self, struct tport_compressor *compressor, msg_t **msg,
                          su_sockaddr_t *from, socklen_t length)
{
    (void)compressor;
    return tport_recv_stun_dgram(self, msg, from, length);
}

const char *ml_guard_hooks_missed(void)
{
    static const struct {
        const char *name;
        void (*hook)(void);
    } hooks[] = {
#define HOOK(name) {#name, (void (*)(void))name}
        HOOK(msg_extract),          HOOK(tport_recv_event),
        HOOK(tport_hup_event),      HOOK(tport_recv_iovec),
        HOOK(tport_deliver),        HOOK(tport_sent_message),
        HOOK(tport_zap_secondary),  HOOK(tport_recv_stun_dgram),
        HOOK(tport_recv_comp_dgram)
#undef HOOK
    };

    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        void *found = dlsym(RTLD_DEFAULT, hooks[i].name);

        if (memcmp(&found, &hooks[i].hook, sizeof found) != 0)
            return hooks[i].name;
    }
    return ml_guard_accept_is_hooked() ? NULL : "accept";
}
