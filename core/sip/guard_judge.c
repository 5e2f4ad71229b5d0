/* What may go on to sofia, and what it is told otherwise. Each check either blames the message or
 * leaves it to the next; the first blame counts. */
#include "core/sip/guard_judge.h"

#include <stdio.h>
#include <string.h>

enum {
    CSEQ_MAX = 2147483647, /* RFC 3261 8.1.1.5 */
    HOPS_MAX = 255,
    STATUS_MIN = 100,
    STATUS_MAX = 699
};

#define BRANCH_COOKIE "z9hG4bK"

static int registrars;

void ml_guard_registrar(bool more)
{
    registrars += more ? 1 : -1;
}

/* What is known of the message while it is judged. */
struct look {
    struct ml_guard_message *message;
    struct ml_guard_verdict *verdict;
    bool stream, request;
    struct ml_str method, target; /* request; method: of CSeq in a response */
    uint64_t status;
    struct ml_guard_address from, to;
    struct ml_str to_tag;
    bool opens_or_targets; /* forms a dialog or renews its target: Contact counts */
};

/* Returns false, so that a check can end with it. */
static bool blame(struct look *look, enum ml_guard_reason reason, int code, const char *phrase)
{
    look->verdict->action = look->request ? ML_GUARD_ANSWER : ML_GUARD_DROP;
    look->verdict->reason = reason;
    look->verdict->code = code;
    look->verdict->phrase = phrase;
    return false;
}

static bool is(struct ml_str text, const char *word)
{
    return ml_str_eq(text, ml_str(word));
}

/* ---- start line ---- */

static bool is_known(struct ml_str method)
{
    static const char *const known[] = {"INVITE",    "ACK",     "CANCEL", "BYE",    "OPTIONS",
                                        "INFO",      "UPDATE",  "PRACK",  "REFER",  "REGISTER",
                                        "SUBSCRIBE", "PUBLISH", "NOTIFY", "MESSAGE"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is(method, known[i]))
            return true;
    return false;
}

static bool is_ours(struct ml_str method)
{
    struct ml_str rest = ML_STR(ML_GUARD_ALLOW), one;

    while (ml_guard_next_value(&rest, &one))
        if (ml_str_eq(one, method))
            return true;
    return false;
}

/* A version of SIP: digits, dot, digits. */
static bool is_version(struct ml_str text)
{
    struct ml_str major;
    uint64_t number;

    if (text.n < 4 || !ml_str_ieq((struct ml_str){text.p, 4}, ML_STR("SIP/")))
        return false;
    text = (struct ml_str){text.p + 4, text.n - 4};
    ml_str_cut(&text, '.', &major);
    return text.p && ml_str_uint(major, UINT32_MAX, &number) == 0 &&
           ml_str_uint(text, UINT32_MAX, &number) == 0;
}

static bool is_ours_version(struct ml_str text)
{
    return ml_str_ieq(text, ML_STR("SIP/2.0"));
}

static bool read_request_line(struct look *look)
{
    struct ml_str rest = look->message->start, version = {NULL, 0};

    ml_str_cut(&rest, ' ', &look->method);
    ml_str_cut(&rest, ' ', &look->target);
    ml_str_cut(&rest, ' ', &version);
    if (!look->target.p || !version.p || rest.p || !ml_guard_is_token(look->method) ||
        look->target.n == 0 || !is_version(version))
        return blame(look, ML_GUARD_START_LINE, 400, "Bad Request Line");
    if (!is_ours_version(version))
        return blame(look, ML_GUARD_VERSION, 505, "Version Not Supported");
    return true;
}

static bool read_status_line(struct look *look)
{
    struct ml_str rest = look->message->start, version, status = {NULL, 0};

    ml_str_cut(&rest, ' ', &version);
    ml_str_cut(&rest, ' ', &status);
    if (!is_ours_version(version))
        return blame(look, ML_GUARD_VERSION, 0, NULL);
    if (!status.p || status.n != 3 || ml_str_uint(status, STATUS_MAX, &look->status) != 0 ||
        look->status < STATUS_MIN)
        return blame(look, ML_GUARD_START_LINE, 0, NULL);
    return true;
}

/* ---- headers that every message has ---- */

/* The only field of that name; NULL (and blamed) when there is none or more than one. */
static const struct ml_guard_field *only(struct look *look, const char *name, const char *absent,
                                         const char *twice)
{
    size_t at = 0;
    const struct ml_guard_field *field = ml_guard_field(look->message, name, &at);

    if (!field && absent)
        blame(look, ML_GUARD_HEADER, 400, absent);
    if (field && ml_guard_field(look->message, name, &at)) {
        blame(look, ML_GUARD_HEADER, 400, twice);
        return NULL;
    }
    return field;
}

static bool read_vias(struct look *look)
{
    const struct ml_guard_field *field;
    struct ml_guard_via via;
    struct ml_str branch;
    size_t at = 0, count = 0;

    while ((field = ml_guard_field(look->message, "Via", &at))) {
        struct ml_str rest = field->value, value;

        while (ml_guard_next_value(&rest, &value)) {
            if (++count > ML_GUARD_MAX_VIAS)
                return blame(look, ML_GUARD_SIZE, 413, "Too Many Via");
            if (!ml_guard_parse_via(value, &via) ||
                !ml_guard_parameters(via.parameters, "branch", &branch))
                return blame(look, ML_GUARD_HEADER, 400, "Bad Via");
            /* RFC 4475 3.2.1: the cookie with nothing after it names no transaction. */
            if (branch.p && (branch.n == 0 || ml_str_ieq(branch, ML_STR(BRANCH_COOKIE))))
                return blame(look, ML_GUARD_HEADER, 400, "Bad Branch in Via");
        }
    }
    if (count == 0)
        return blame(look, ML_GUARD_HEADER, 400, "Missing Via");
    /* A UA's response has its own Via and no other (RFC 3261 8.1.3.3), with a branch of ours. */
    if (!look->request && (count > 1 || !branch.p || branch.n < sizeof BRANCH_COOKIE ||
                           !ml_str_starts(branch, ML_STR(BRANCH_COOKIE))))
        return blame(look, ML_GUARD_RESPONSE, 0, NULL);
    return true;
}

static bool read_cseq(struct look *look)
{
    const struct ml_guard_field *field = only(look, "CSeq", "Missing CSeq", "More Than One CSeq");
    struct ml_str method;
    uint64_t number;
    size_t n = 0;

    if (!field)
        return false;
    while (n < field->value.n && field->value.p[n] >= '0' && field->value.p[n] <= '9')
        n++;
    method = ml_str_trim((struct ml_str){field->value.p + n, field->value.n - n});
    if (ml_str_uint((struct ml_str){field->value.p, n}, CSEQ_MAX, &number) != 0 ||
        !ml_guard_is_token(method) || method.n + n == field->value.n)
        return blame(look, ML_GUARD_CSEQ, 400, "Bad CSeq");
    if (look->request && !ml_str_eq(method, look->method))
        return blame(look, ML_GUARD_CSEQ, 400, "CSeq Has Another Method");
    look->method = method;
    return true;
}

static bool read_call_id(struct look *look)
{
    const struct ml_guard_field *field =
        only(look, "Call-ID", "Missing Call-ID", "More Than One Call-ID");

    if (!field)
        return false;
    for (size_t i = 0; i < field->value.n; i++)
        if (field->value.p[i] <= ' ' || field->value.p[i] >= 127)
            return blame(look, ML_GUARD_HEADER, 400, "Bad Call-ID");
    return field->value.n > 0 || blame(look, ML_GUARD_HEADER, 400, "Bad Call-ID");
}

static bool read_party(struct look *look, const struct ml_guard_field *field,
                       struct ml_guard_address *address, struct ml_str *tag, const char *bad)
{
    if (!field)
        return false;
    if (!ml_guard_parse_address(field->value, address) ||
        !ml_guard_parameters(address->parameters, "tag", tag) ||
        (tag->p && !ml_guard_is_token(*tag)))
        return blame(look, ML_GUARD_HEADER, 400, bad);
    return true;
}

static bool read_parties(struct look *look)
{
    struct ml_str tag;

    return read_party(look, only(look, "From", "Missing From", "More Than One From"), &look->from,
                      &tag, "Bad From") &&
           read_party(look, only(look, "To", "Missing To", "More Than One To"), &look->to,
                      &look->to_tag, "Bad To");
}

static bool read_hops(struct look *look)
{
    size_t at = 0;
    uint64_t hops;
    const struct ml_guard_field *field = ml_guard_field(look->message, "Max-Forwards", &at);

    if (!field) /* RFC 2543 had none */
        return true;
    if (ml_str_uint(field->value, HOPS_MAX, &hops) != 0)
        return blame(look, ML_GUARD_HEADER, 400, "Bad Max-Forwards");
    if (ml_guard_field(look->message, "Max-Forwards", &at))
        return blame(look, ML_GUARD_HEADER, 400, "More Than One Max-Forwards");
    return true;
}

static bool read_frame(struct look *look)
{
    const struct ml_guard_message *message = look->message;

    if (!message->has_length)
        return !look->stream || blame(look, ML_GUARD_FRAMING, 400, "Missing Content-Length");
    if (message->length > ML_GUARD_MAX_MESSAGE)
        return blame(look, ML_GUARD_SIZE, 413, "Message Too Large");
    if (message->length > message->body.n)
        return blame(look, ML_GUARD_FRAMING, 400, "Content-Length Greater Than Body");
    return true;
}

static bool read_repeats(struct look *look)
{
    const struct ml_guard_message *message = look->message;

    for (size_t i = 0; i + ML_GUARD_MAX_SAME < message->count; i++) {
        size_t same = 0;

        for (size_t j = i; j < message->count; j++)
            same += ml_str_ieq(message->fields[i].name, message->fields[j].name);
        if (same > ML_GUARD_MAX_SAME)
            return blame(look, ML_GUARD_SIZE, 413, "Too Many Lines of One Header");
    }
    return true;
}

/* ---- what a request asks for ---- */

static bool read_method(struct look *look)
{
    /* A dialog declines REFER itself, and knows whether it waits for a NOTIFY. */
    bool of_dialog = is(look->method, "REFER") || is(look->method, "NOTIFY");

    if (is_ours(look->method) || (of_dialog && look->to_tag.p) ||
        (is(look->method, "REGISTER") && registrars > 0))
        return true;
    snprintf(look->verdict->extra, sizeof look->verdict->extra, "Allow: %s\r\n", ML_GUARD_ALLOW);
    if (is_known(look->method))
        return blame(look, ML_GUARD_METHOD, 405, "Method Not Allowed");
    return blame(look, ML_GUARD_METHOD, 501, "Not Implemented");
}

static bool read_target(struct look *look)
{
    struct ml_guard_uri uri;

    if (!ml_guard_parse_uri(look->target, &uri))
        return blame(look, ML_GUARD_START_LINE, 400, "Bad Request-URI");
    if (!uri.is_sip)
        return blame(look, ML_GUARD_SCHEME, 416, "Unsupported URI Scheme");
    if (uri.has_headers)
        return blame(look, ML_GUARD_START_LINE, 400, "Headers in Request-URI");
    return true;
}

/* Lists the tags of Require that we do not know, as many as the answer has room for. */
static bool read_requirements(struct look *look)
{
    static const char begin[] = "Unsupported: ";
    const struct ml_guard_field *field;
    char *extra = look->verdict->extra;
    const size_t room = sizeof look->verdict->extra - 3;
    size_t at = 0, n = 0;

    while ((field = ml_guard_field(look->message, "Require", &at))) {
        struct ml_str rest = field->value, tag;

        while (ml_guard_next_value(&rest, &tag)) {
            if (!ml_guard_is_token(tag))
                return blame(look, ML_GUARD_HEADER, 400, "Bad Require");
            if (ml_str_ieq(tag, ML_STR("100rel")) || ml_str_ieq(tag, ML_STR("timer")))
                continue;
            if (n == 0 || n + 2 + tag.n <= room)
                n += (size_t)snprintf(extra + n, room - n, "%s%.*s", n ? ", " : begin,
                                      tag.n < 200 ? (int)tag.n : 200, tag.p);
        }
    }
    if (n == 0)
        return true;
    memcpy(extra + n, "\r\n", 3);
    return blame(look, ML_GUARD_EXTENSION, 420, "Bad Extension");
}

/* Every value of that header is a sip or sips URI with a host; returns how many, or -1. */
static int sip_addresses(struct look *look, const char *name, int most)
{
    const struct ml_guard_field *field;
    struct ml_guard_address address;
    size_t at = 0;
    int count = 0;

    while ((field = ml_guard_field(look->message, name, &at))) {
        struct ml_str rest = field->value, value;

        while (ml_guard_next_value(&rest, &value))
            if (++count > most || !ml_guard_parse_address(value, &address) || !address.uri.is_sip)
                return -1;
    }
    return count;
}

static bool read_routes(struct look *look)
{
    if (sip_addresses(look, "Route", ML_GUARD_MAX_ROUTES) < 0)
        return blame(look, ML_GUARD_CONTACT, 400, "Bad Route");
    if (sip_addresses(look, "Record-Route", ML_GUARD_MAX_ROUTES) < 0)
        return blame(look, ML_GUARD_CONTACT, 400, "Bad Record-Route");
    return true;
}

/* REGISTER: addresses, or a star alone (RFC 3261 10.2.2). */
static bool read_bindings(struct look *look)
{
    size_t at = 0;
    const struct ml_guard_field *first = ml_guard_field(look->message, "Contact", &at);

    if (first && is(ml_str_trim(first->value), "*") &&
        !ml_guard_field(look->message, "Contact", &at))
        return true;
    return sip_addresses(look, "Contact", ML_GUARD_MAX_CONTACTS) >= 0 ||
           blame(look, ML_GUARD_CONTACT, 400, "Contact Must Be SIP URIs");
}

static bool read_contact(struct look *look)
{
    int count;

    if (look->request && is(look->method, "REGISTER"))
        return read_bindings(look);
    if (!look->opens_or_targets)
        return true;
    count = sip_addresses(look, "Contact", 1);
    if (count < 0)
        return blame(look, ML_GUARD_CONTACT, 400, "Contact Must Be One SIP URI");
    /* Before RFC 3261 the target was From. */
    if (count == 0 && look->request && is(look->method, "INVITE") && !look->from.uri.is_sip)
        return blame(look, ML_GUARD_CONTACT, 400, "Missing Contact");
    return true;
}

static bool read_body(struct look *look)
{
    size_t at = 0;
    const struct ml_guard_field *type = ml_guard_field(look->message, "Content-Type", &at);
    const struct ml_guard_field *encoding;
    bool twice = type && ml_guard_field(look->message, "Content-Type", &at);
    struct ml_str word, rest;

    at = 0;
    encoding = ml_guard_field(look->message, "Content-Encoding", &at);
    if (twice)
        return blame(look, ML_GUARD_HEADER, 400, "More Than One Content-Type");
    if (look->message->body.n == 0 ||
        !(is(look->method, "INVITE") || is(look->method, "UPDATE") || is(look->method, "PRACK")))
        return true;
    if (encoding && !ml_str_ieq(encoding->value, ML_STR("identity"))) {
        snprintf(look->verdict->extra, sizeof look->verdict->extra,
                 "Accept-Encoding: identity\r\nAccept: application/sdp\r\n");
        return blame(look, ML_GUARD_BODY, 415, "Unsupported Media Type");
    }
    if (!type)
        return true;
    rest = type->value;
    ml_str_cut(&rest, ';', &word);
    if (ml_str_ieq(ml_str_trim(word), ML_STR("application/sdp")))
        return true;
    snprintf(look->verdict->extra, sizeof look->verdict->extra, "Accept: application/sdp\r\n");
    return blame(look, ML_GUARD_BODY, 415, "Unsupported Media Type");
}

/* An INVITE whose Accept leaves out SDP cannot be answered with any. */
static bool read_accept(struct look *look)
{
    const struct ml_guard_field *field;
    size_t at = 0, count = 0;

    if (!is(look->method, "INVITE"))
        return true;
    while ((field = ml_guard_field(look->message, "Accept", &at))) {
        struct ml_str rest = field->value, value, range;

        while (ml_guard_next_value(&rest, &value)) {
            ml_str_cut(&value, ';', &range);
            range = ml_str_trim(range);
            if (ml_str_ieq(range, ML_STR("application/sdp")) ||
                ml_str_ieq(range, ML_STR("application/*")) || is(range, "*/*"))
                return true;
            count += range.n > 0;
        }
    }
    return count == 0 || blame(look, ML_GUARD_BODY, 406, "Not Acceptable");
}

/* ---- the whole ---- */

static bool judge_common(struct look *look)
{
    return read_vias(look) && read_call_id(look) && read_cseq(look) && read_parties(look) &&
           read_hops(look) && read_frame(look) && read_repeats(look);
}

static bool judge_request(struct look *look)
{
    bool changes_nothing;

    if (!read_request_line(look) || !judge_common(look) || !read_method(look) || !read_target(look))
        return false;
    if (look->message->has_nul)
        return blame(look, ML_GUARD_BYTES, 400, "NUL in Header");
    changes_nothing = is(look->method, "ACK") || is(look->method, "CANCEL");
    look->opens_or_targets = is(look->method, "INVITE") || is(look->method, "UPDATE");
    look->verdict->limited =
        is(look->method, "REGISTER") || (is(look->method, "OPTIONS") && !look->to_tag.p);
    return (changes_nothing || read_requirements(look)) && read_routes(look) &&
           read_contact(look) && read_body(look) && read_accept(look);
}

static bool judge_response(struct look *look)
{
    if (!read_status_line(look) || !judge_common(look))
        return false;
    if (look->message->has_nul)
        return blame(look, ML_GUARD_BYTES, 0, NULL);
    if (!is_known(look->method) || is(look->method, "ACK"))
        return blame(look, ML_GUARD_RESPONSE, 0, NULL);
    look->opens_or_targets =
        look->status < 300 && (is(look->method, "INVITE") || is(look->method, "UPDATE"));
    return read_routes(look) && read_contact(look);
}

/* Bytes that are no SIP at all. */
static bool is_other(struct ml_str bytes, enum ml_guard_reason *reason)
{
    size_t blanks = 0;
    unsigned char first;

    while (blanks < bytes.n &&
           (bytes.p[blanks] == '\r' || bytes.p[blanks] == '\n' || bytes.p[blanks] == '\0'))
        blanks++;
    *reason = ML_GUARD_KEEPALIVE;
    if (blanks == bytes.n)
        return true;
    *reason = ML_GUARD_STUN;
    first = (unsigned char)bytes.p[0];
    return first <= 1 || first >= 0xf8;
}

void ml_guard_judge(struct ml_str bytes, bool stream, bool truncated,
                    struct ml_guard_message *message, struct ml_guard_verdict *verdict)
{
    struct look look = {.message = message, .verdict = verdict, .stream = stream};

    memset(verdict, 0, sizeof *verdict);
    ml_guard_cut(bytes, message);
    if (is_other(bytes, &verdict->reason)) {
        verdict->action = ML_GUARD_DROP;
        return;
    }
    verdict->reason = ML_GUARD_PASSED;
    look.request = !(message->start.n >= 4 &&
                     ml_str_ieq((struct ml_str){message->start.p, 4}, ML_STR("SIP/")));
    if (truncated || bytes.n > ML_GUARD_MAX_MESSAGE || message->fault == ML_GUARD_SIZE)
        blame(&look, ML_GUARD_SIZE, 413, "Message Too Large");
    else if (message->fault != ML_GUARD_PASSED)
        blame(&look, message->fault, 400, message->why);
    else if (look.request)
        judge_request(&look);
    else
        judge_response(&look);
    /* Nothing answers an ACK. */
    if (verdict->action == ML_GUARD_ANSWER && ml_str_starts(message->start, ML_STR("ACK ")))
        verdict->action = ML_GUARD_DROP;
    if (verdict->action != ML_GUARD_PASS)
        verdict->limited = true;
}
