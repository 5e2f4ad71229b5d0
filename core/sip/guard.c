/* What the guard tells about itself, and its beginning and end. */
#include "core/sip/guard.h"

#include <netinet/in.h>
#include <string.h>

#include <sofia-sip/msg_addr.h>

#include "core/base/log.h"
#include "core/sip/guard_priv.h"

static struct ml_guard_stats stats;
static ml_guard_seen_fn *watch;
static void *watch_user;
static bool hushed;
static struct ml_loop *serving;
static int users;

const char *ml_guard_reason_name(enum ml_guard_reason reason)
{
    switch (reason) {
    case ML_GUARD_PASSED:
        return "passed";
    case ML_GUARD_KEEPALIVE:
        return "keep-alive";
    case ML_GUARD_STUN:
        return "stun";
    case ML_GUARD_SIZE:
        return "size";
    case ML_GUARD_FRAMING:
        return "framing";
    case ML_GUARD_BYTES:
        return "bytes";
    case ML_GUARD_START_LINE:
        return "start-line";
    case ML_GUARD_VERSION:
        return "version";
    case ML_GUARD_METHOD:
        return "method";
    case ML_GUARD_SCHEME:
        return "scheme";
    case ML_GUARD_HEADER:
        return "header";
    case ML_GUARD_CSEQ:
        return "cseq";
    case ML_GUARD_BODY:
        return "body";
    case ML_GUARD_EXTENSION:
        return "extension";
    case ML_GUARD_CONTACT:
        return "contact";
    case ML_GUARD_RESPONSE:
        return "response";
    case ML_GUARD_SLOW:
        return "slow";
    case ML_GUARD_FLOOD:
        return "flood";
    case ML_GUARD_REASONS:
        break;
    }
    return "unknown";
}

void ml_guard_stats(struct ml_guard_stats *copy)
{
    *copy = stats;
}

void ml_guard_count(enum ml_guard_reason reason, enum ml_guard_action action)
{
    if (hushed)
        return;
    stats.received++;
    stats.by_reason[reason]++;
    stats.answered += action == ML_GUARD_ANSWER;
    stats.dropped += action == ML_GUARD_DROP;
}

/* ---- the watch ---- */

void ml_guard_watch(ml_guard_seen_fn *fn, void *user)
{
    watch = fn;
    watch_user = user;
}

bool ml_guard_is_watched(void)
{
    return watch && !hushed;
}

void ml_guard_hush(bool on)
{
    hushed = on;
}

enum { PLACE = 96 };

/* What is seen is written for each message: snprintf would be half of its price. The end of the
 * text. */
static char *put_number(char *to, unsigned number)
{
    char digits[10];
    int n = 0;

    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0 && n < 10);
    while (n > 0)
        *to++ = digits[--n];
    *to = '\0';
    return to;
}

static void put_ipv4(char *to, const unsigned char *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        if (bytes[i] >= 100)
            *to++ = (char)('0' + bytes[i] / 100);
        if (bytes[i] >= 10)
            *to++ = (char)('0' + bytes[i] / 10 % 10);
        *to++ = (char)('0' + bytes[i] % 10);
    }
    *to = '\0';
}

void ml_guard_host(const su_sockaddr_t *address, char *text, size_t size)
{
    text[0] = '\0';
    if (address->su_family == AF_INET && size >= INET_ADDRSTRLEN)
        put_ipv4(text, SU_ADDR(address));
    else
        su_inet_ntop(address->su_family, SU_ADDR(address), text, (socklen_t)size);
}

/* "127.0.0.1:5060", "[::1]:5060" */
static void put_place(char *to, const char *host, const char *port)
{
    size_t h = strlen(host), p = strlen(port);
    bool bare = host[0] != '[' && memchr(host, ':', h) != NULL;

    if (h + p + 4 > PLACE)
        h = PLACE - 4 - p;
    if (bare)
        *to++ = '[';
    memcpy(to, host, h);
    to += h;
    if (bare)
        *to++ = ']';
    *to++ = ':';
    memcpy(to, port, p + 1);
}

void ml_guard_show(bool sent, enum ml_guard_reason reason, tport_t *tport, msg_t *msg,
                   struct ml_str message)
{
    const tp_name_t *name = tport_name(tport_parent(tport));
    const su_sockaddr_t *peer = msg_addr(msg);
    char local[PLACE], remote[PLACE], host[64], port[8], kind[8];
    struct ml_guard_seen seen = {.sent = sent,
                                 .reason = reason,
                                 .ident = name->tpn_ident,
                                 .transport = kind,
                                 .local = local,
                                 .remote = remote,
                                 .message = message};
    size_t n = 0;

    if (!ml_guard_is_watched())
        return;
    for (; name->tpn_proto[n] && n + 1 < sizeof kind; n++)
        kind[n] = (char)(name->tpn_proto[n] | 0x20);
    kind[n] = '\0';
    put_place(local, name->tpn_host, name->tpn_port);
    ml_guard_host(peer, host, sizeof host);
    put_number(port, ntohs(peer->su_port));
    put_place(remote, host, port);
    watch(&seen, watch_user);
}

void ml_guard_show_sent(tport_t *tport, msg_t *msg)
{
    enum { PIECES = 400 }; /* sofia makes one of each header at most */
    msg_iovec_t pieces[PIECES];
    isize_t n = msg_iovec(msg, pieces, PIECES);
    struct ml_buf text = {0};
    size_t total = 0;

    for (isize_t i = 0; i < n && i < PIECES; i++)
        total += pieces[i].mv_len;
    ml_buf_room(&text, total);
    for (isize_t i = 0; i < n && i < PIECES; i++)
        ml_buf_add(&text, pieces[i].mv_base, pieces[i].mv_len);
    if (text.n > 2) /* no keep-alive */
        ml_guard_show(true, ML_GUARD_PASSED, tport, msg, (struct ml_str){text.p, text.n});
    ml_buf_fini(&text);
}

/* ---- beginning and end ---- */

int ml_guard_open(struct ml_loop *loop, struct ml_fault *fault)
{
    static bool checked;

    if (!checked) {
        int status = ml_guard_check(fault);

        if (status != 0)
            return status;
        checked = true;
    }
    if (users == 0 || serving != loop) {
        serving = loop;
        users = 0;
        ml_guard_waits_open(loop);
    }
    users++;
    return ML_OK;
}

void ml_guard_close(void)
{
    if (--users > 0)
        return;
    ml_guard_waits_close();
    ml_guard_accept_close();
    serving = NULL;
}
