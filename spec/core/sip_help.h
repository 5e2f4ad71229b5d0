/* For tests of core/sip: an agent under test with legs that write down what happens to them, and a
 * wire: a bare UDP socket that speaks SIP as the test says, right or wrong. */
#ifndef SIP_HELP_H
#define SIP_HELP_H

#include "net_help.h"

#include "core/net/resolver.h"
#include "core/sip/agent.h"
#include "core/sip/leg.h"

#define SDP_A                                                                                      \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                    \
    "m=audio 40000 RTP/AVP 0\r\n"
#define SDP_B                                                                                      \
    "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                    \
    "m=audio 50000 RTP/AVP 0\r\n"
#define SDP_TYPE "Content-Type: application/sdp\r\n"

/* ---- one leg and what it was told ---- */

struct side {
    struct ml_leg *leg;
    char log[4096];     /* "sent\nringing 180\nanswered 200\n" */
    char headers[4096]; /* of the last event that had some */
    char text[200];     /* of the last event that had one */
    int code;
    const char *until;
    bool seen;
    int offers, taken_offers, taken_answers; /* calls of the description */
    char sdp[1024];                          /* last one taken */
    int verdict;                             /* of take_offer and take_answer */
    bool unref_in_event;
};

static inline void side_watch(struct side *side)
{
    if (side->until && strstr(side->log, side->until))
        side->seen = true;
}

static inline void on_side(struct ml_leg *leg, const struct ml_leg_event *event, void *user)
{
    static const char *const names[] = {"sent",     "ringing", "answered", "confirmed", "failed",
                                        "canceled", "ended",   "refer",    "info",      "transfer"};
    struct side *side = user;
    size_t n = strlen(side->log);

    if (event->kind == ML_LEG_INFO)
        snprintf(side->log + n, sizeof side->log - n, "info %c %d\n", event->digit,
                 event->duration_ms);
    else if (event->kind == ML_LEG_REFER)
        snprintf(side->log + n, sizeof side->log - n, "refer %d %d%s\n", event->code,
                 event->progress, event->final ? " final" : "");
    else if (event->kind == ML_LEG_FAILED || event->kind == ML_LEG_ENDED)
        snprintf(side->log + n, sizeof side->log - n, "%s %d %s\n", names[event->kind], event->code,
                 ml_leg_cause_name(event->cause));
    else
        snprintf(side->log + n, sizeof side->log - n, "%s %d%s\n", names[event->kind], event->code,
                 event->early ? " early" : "");
    side->code = event->code;
    if (event->text)
        snprintf(side->text, sizeof side->text, "%s", event->text);
    if (event->headers)
        snprintf(side->headers, sizeof side->headers, "%s", event->headers);
    side_watch(side);
    if (side->unref_in_event && side->leg == leg) {
        side->leg = NULL;
        ml_leg_unref(leg);
    }
}

/* Waits until text is in the side's log. */
static inline void side_expect(struct side *side, const char *text)
{
    side->until = text;
    side->seen = false;
    side_watch(side);
    if (!side->seen)
        wait_for_ms(&side->seen, 200000);
    if (!side->seen)
        fail_msg("wanted \"%s\", got \"%s\"", text, side->log);
    side->until = NULL;
}

static inline void side_drop(struct side *side)
{
    struct ml_leg *leg = side->leg;

    side->leg = NULL;
    ml_leg_unref(leg);
}

static inline int fake_make_offer(void *user, char **sdp)
{
    struct side *side = user;

    side->offers++;
    *sdp = ml_strdup(SDP_A);
    return 0;
}

static inline int fake_take_offer(void *user, struct ml_str offer, char **answer)
{
    struct side *side = user;

    side->taken_offers++;
    snprintf(side->sdp, sizeof side->sdp, "%.*s", (int)offer.n, offer.p);
    if (side->verdict)
        return side->verdict;
    *answer = ml_strdup(SDP_A);
    return 0;
}

static inline int fake_take_answer(void *user, struct ml_str answer)
{
    struct side *side = user;

    side->taken_answers++;
    snprintf(side->sdp, sizeof side->sdp, "%.*s", (int)answer.n, answer.p);
    return side->verdict;
}

static const struct ml_leg_description fake_description = {fake_make_offer, fake_take_offer,
                                                           fake_take_answer};

/* ---- an agent ---- */

struct box {
    struct ml_agent *agent;
    uint16_t port; /* of the first listener */
    struct side in[8];
    size_t in_count;
    bool ignore; /* takes no reference */
    int admit, retry_after;
    char methods[64];
    bool came;
    struct ml_resolver *resolver;
};

static inline void on_incoming(struct ml_leg *leg, void *user)
{
    struct box *box = user;
    struct side *side;

    box->came = true;
    if (box->ignore)
        return;
    assert_true(box->in_count < 8);
    side = &box->in[box->in_count++];
    side->leg = ml_leg_ref(leg);
    ml_leg_watch(leg, on_side, side);
    ml_leg_describe(leg, &fake_description, side);
}

static inline int on_admit(const char *method, int *retry_after, void *user)
{
    struct box *box = user;

    snprintf(box->methods, sizeof box->methods, "%s", method);
    *retry_after = box->retry_after;
    return box->admit;
}

static const struct ml_agent_handlers box_handlers = {on_incoming, on_admit};

static inline uint16_t port_of(const char *address)
{
    return (uint16_t)atoi(strrchr(address, ':') + 1);
}

static inline void box_open_with(struct box *box, struct ml_agent_options *options)
{
    static const char *const listen[] = {"udp:127.0.0.1:0"}, *const allow[] = {"127.0.0.0/8",
                                                                               "::1"};
    struct ml_resolver_options names = {0};
    struct ml_fault fault = {0};

    *box = (struct box){0};
    if (!options->listen)
        options->listen = listen, options->listen_count = 1;
    if (!options->access.allow && !options->access.users)
        options->access.allow = allow, options->access.allow_count = 2;
    if (!options->user_agent)
        options->user_agent = "moonline";
    if (!options->resolver) {
        assert_int_equal(ml_resolver_new(loop, &names, &box->resolver, &fault), 0);
        options->resolver = box->resolver;
    }
    if (ml_agent_new(loop, options, &box_handlers, box, &box->agent, &fault) != 0)
        fail_msg("%s", fault.text);
    box->port = port_of(ml_agent_address(box->agent, 0));
}

static inline void box_open(struct box *box)
{
    struct ml_agent_options options = {0};

    box_open_with(box, &options);
}

static inline void box_close(struct box *box)
{
    ml_agent_free(box->agent);
    ml_resolver_free(box->resolver);
    for (size_t i = 0; i < box->in_count; i++)
        if (box->in[i].leg)
            side_drop(&box->in[i]);
}

static inline struct side *box_call(struct box *box)
{
    if (!box->came)
        wait_for_ms(&box->came, 60000);
    assert_true(box->came);
    box->came = false;
    return &box->in[box->in_count - 1];
}

static inline int box_dial_with(struct box *box, struct side *side, struct ml_leg_dial *dial)
{
    struct ml_fault fault = {0};

    *side = (struct side){0};
    return ml_agent_dial(box->agent, dial, &fake_description, side, on_side, side, &side->leg,
                         &fault);
}

static inline void box_dial(struct box *box, struct side *side, const char *uri)
{
    struct ml_leg_dial dial = {.uri = uri, .from_user = "moon"};

    assert_int_equal(box_dial_with(box, side, &dial), 0);
}

/* ---- the wire ---- */

struct wire {
    int fd;
    uint16_t port, to; /* to: where requests and responses go */
    struct ml_io *io;
    char *queue[256];
    int head, tail;
    bool got;
    char *last; /* the message that wire_expect found */
    char local[48];
    /* as a caller */
    char call_id[64], from_tag[16], to_tag[64], contact[160];
    int cseq, branch;
};

static inline void on_wire(int fd, int events, void *user)
{
    struct wire *wire = user;
    char bytes[65536];
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT, (void *)&from, &length);

    (void)events;
    if (n <= 0)
        return;
    if (!wire->to)
        wire->to = ntohs(((struct sockaddr_in *)(void *)&from)->sin_port);
    assert_true(wire->tail < 256);
    wire->queue[wire->tail++] = ml_strndup(bytes, (size_t)n);
    wire->got = true;
}

static inline void wire_open_at(struct wire *wire, uint16_t to, const char *address)
{
    static int number;
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;

    *wire = (struct wire){.to = to, .cseq = 1};
    wire->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &at.sin_addr);
    assert_int_equal(bind(wire->fd, (void *)&at, sizeof at), 0);
    assert_int_equal(getsockname(wire->fd, (void *)&at, &length), 0);
    wire->port = ntohs(at.sin_port);
    wire->io = ml_io_new(loop, wire->fd, ML_READ, on_wire, wire);
    snprintf(wire->local, sizeof wire->local, "%s:%u", address, wire->port);
    snprintf(wire->call_id, sizeof wire->call_id, "call-%d-%u@wire", ++number, wire->port);
    snprintf(wire->from_tag, sizeof wire->from_tag, "f%d", number);
    snprintf(wire->contact, sizeof wire->contact, "<sip:alice@%s>", wire->local);
}

static inline void wire_open(struct wire *wire, uint16_t to)
{
    wire_open_at(wire, to, "127.0.0.1");
}

static inline void wire_close(struct wire *wire)
{
    for (int i = wire->head; i < wire->tail; i++)
        ml_free(wire->queue[i]);
    ml_free(wire->last);
    ml_io_free(wire->io);
    close(wire->fd);
}

static inline void wire_raw(struct wire *wire, const char *text, size_t n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(wire->to)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(sendto(wire->fd, text, n, 0, (void *)&to, sizeof to), (ssize_t)n);
}

/* Waits for the next message that begins with text; others are dropped. */
static inline const char *wire_expect_ms(struct wire *wire, const char *text, int64_t ms)
{
    int64_t end = ml_clock_ms() + ms;

    for (;;) {
        while (wire->head < wire->tail) {
            char *message = wire->queue[wire->head++];

            if (strncmp(message, text, strlen(text)) == 0) {
                ml_free(wire->last);
                return wire->last = message;
            }
            ml_free(message);
        }
        wire->head = wire->tail = 0;
        if (ml_clock_ms() >= end)
            return NULL;
        wire->got = false;
        wait_for_ms(&wire->got, end - ml_clock_ms());
    }
}

static inline const char *wire_expect(struct wire *wire, const char *text)
{
    const char *message = wire_expect_ms(wire, text, 200000);

    if (!message)
        fail_msg("nothing like \"%s\" came", text);
    return message;
}

/* How many messages that begin with text come within ms. */
static inline int wire_count(struct wire *wire, const char *text, int64_t ms)
{
    int count = 0;
    int64_t end = ml_clock_ms() + ms;

    while (wire_expect_ms(wire, text, end - ml_clock_ms()))
        count++;
    return count;
}

/* The value of a header (its first line) in one of a few static buffers; "" when there is none. */
static inline const char *header_of(const char *message, const char *name)
{
    static char values[8][1024];
    static int turn;
    char *value = values[turn++ % 8];
    char needle[64];
    const char *at;

    snprintf(needle, sizeof needle, "\r\n%s: ", name);
    value[0] = '\0';
    at = strcasestr(message, needle);
    if (at) {
        at += strlen(needle);
        snprintf(value, 1024, "%.*s", (int)strcspn(at, "\r"), at);
    }
    return value;
}

static inline const char *body_of(const char *message)
{
    const char *at = strstr(message, "\r\n\r\n");

    return at ? at + 4 : "";
}

static inline const char *tag_of(const char *message, const char *name)
{
    const char *at = strstr(header_of(message, name), ";tag=");
    static char tags[4][64];
    static int turn;
    char *tag = tags[turn++ % 4];

    tag[0] = '\0';
    if (at)
        snprintf(tag, 64, "%.*s", (int)strcspn(at + 5, ";\r"), at + 5);
    return tag;
}

/* What stands between < and > of a header. */
static inline const char *uri_of(const char *message, const char *name)
{
    static char uris[4][256];
    static int turn;
    char *uri = uris[turn++ % 4];
    const char *at = strchr(header_of(message, name), '<');

    uri[0] = '\0';
    if (at)
        snprintf(uri, 256, "%.*s", (int)strcspn(at + 1, ">"), at + 1);
    return uri;
}

/* A request as caller: To without a tag unless wire->to_tag is set. extra: whole header lines. */
static inline void wire_request_to(struct wire *wire, const char *uri, const char *method, int cseq,
                                   int branch, const char *extra, const char *body)
{
    struct ml_buf text = {0};

    ml_buf_printf(&text,
                  "%s %s SIP/2.0\r\n"
                  "Via: SIP/2.0/UDP %s;rport;branch=z9hG4bK-%s-%d\r\n"
                  "Max-Forwards: 70\r\n"
                  "From: \"Alice\" <sip:alice@%s>;tag=%s\r\n"
                  "To: <sip:moon@127.0.0.1>%s%s\r\n"
                  "Call-ID: %s\r\nCSeq: %d %s\r\n",
                  method, uri, wire->local, wire->from_tag, branch, wire->local, wire->from_tag,
                  wire->to_tag[0] ? ";tag=" : "", wire->to_tag, wire->call_id, cseq, method);
    if (wire->contact[0] && strcmp(method, "ACK") != 0 && strcmp(method, "BYE") != 0)
        ml_buf_printf(&text, "Contact: %s\r\n", wire->contact);
    ml_buf_printf(&text, "%s%sContent-Length: %zu\r\n\r\n%s", extra ? extra : "",
                  body && !(extra && strstr(extra, "Content-Type")) ? SDP_TYPE : "",
                  body ? strlen(body) : 0, body ? body : "");
    wire_raw(wire, text.p, text.n);
    ml_buf_fini(&text);
}

static inline void wire_request(struct wire *wire, const char *method, int cseq, const char *extra,
                                const char *body)
{
    char uri[64];

    snprintf(uri, sizeof uri, "sip:moon@127.0.0.1:%u", wire->to);
    wire_request_to(wire, uri, method, cseq, ++wire->branch, extra, body);
}

static inline void wire_invite(struct wire *wire, const char *extra, const char *body)
{
    wire_request(wire, "INVITE", wire->cseq, extra, body);
}

/* Remembers the To tag of the last message. */
static inline void wire_take_tag(struct wire *wire)
{
    snprintf(wire->to_tag, sizeof wire->to_tag, "%s", tag_of(wire->last, "To"));
}

static inline void wire_ack(struct wire *wire, const char *body)
{
    wire_request(wire, "ACK", wire->cseq, NULL, body);
}

/* CANCEL of the request with that branch. */
static inline void wire_cancel(struct wire *wire)
{
    char uri[64];

    snprintf(uri, sizeof uri, "sip:moon@127.0.0.1:%u", wire->to);
    wire_request_to(wire, uri, "CANCEL", wire->cseq, wire->branch, NULL, NULL);
}

/* A response to a request that came. tag: for To when it has none. extra: whole header lines. */
static inline void wire_reply(struct wire *wire, const char *request, const char *status,
                              const char *tag, const char *extra, const char *body)
{
    static const char *const copied[] = {
        "Via: ", "Record-Route: ", "From: ", "Call-ID: ", "CSeq: "};
    struct ml_buf text = {0};
    const char *line = strstr(request, "\r\n") + 2;

    ml_buf_printf(&text, "SIP/2.0 %s\r\n", status);
    for (; strncmp(line, "\r\n", 2) != 0; line = strstr(line, "\r\n") + 2) {
        int n = (int)strcspn(line, "\r");

        for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
            if (strncasecmp(line, copied[i], strlen(copied[i])) == 0)
                ml_buf_printf(&text, "%.*s\r\n", n, line);
        if (strncasecmp(line, "To: ", 4) == 0)
            ml_buf_printf(&text, "%.*s%s%s\r\n", n, line,
                          tag && !strstr(tag_of(request, "To"), tag) ? ";tag=" : "",
                          tag && !strstr(tag_of(request, "To"), tag) ? tag : "");
    }
    if (tag && !(extra && strstr(extra, "Contact:")))
        ml_buf_printf(&text, "Contact: <sip:bob@%s>\r\n", wire->local);
    ml_buf_printf(&text, "%s%sContent-Length: %zu\r\n\r\n%s", extra ? extra : "",
                  body && !(extra && strstr(extra, "Content-Type")) ? SDP_TYPE : "",
                  body ? strlen(body) : 0, body ? body : "");
    wire_raw(wire, text.p, text.n);
    ml_buf_fini(&text);
}

/* In-dialog request of the called wire: invite is the INVITE that it got and answered with tag. */
static inline void wire_callee_request(struct wire *wire, const char *invite, const char *tag,
                                       const char *method, int cseq, const char *extra,
                                       const char *body)
{
    struct ml_buf text = {0};

    ml_buf_printf(&text,
                  "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK-c-%s-%d\r\n"
                  "Max-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
                  "Contact: <sip:bob@%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                  method, uri_of(invite, "Contact"), wire->local, wire->from_tag, ++wire->branch,
                  header_of(invite, "To"), tag, header_of(invite, "From"),
                  header_of(invite, "Call-ID"), cseq, method, wire->local, extra ? extra : "",
                  body && !(extra && strstr(extra, "Content-Type")) ? SDP_TYPE : "",
                  body ? strlen(body) : 0, body ? body : "");
    wire_raw(wire, text.p, text.n);
    ml_buf_fini(&text);
}

#endif
