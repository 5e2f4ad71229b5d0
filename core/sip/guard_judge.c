/* What may go on to sofia, and what it is told otherwise. Each check either blames the message or
 * leaves it to the next; the first blame counts. */
#include "core/sip/guard_judge.h"

#include <string.h>

#include "core/sip/guard_look.h"

enum {
    CSEQ_MAX = 2147483647, /* RFC 3261 8.1.1.5 */
    HOPS_MAX = 255,
    STATUS_MIN = 100,
    STATUS_MAX = 699
};

#define BRANCH_COOKIE "z9hG4bK"

bool ml_guard_blame(struct ml_guard_look *look, enum ml_guard_reason reason, int code,
                    const char *phrase)
{
    look->verdict->action = look->request ? ML_GUARD_ANSWER : ML_GUARD_DROP;
    look->verdict->reason = reason;
    look->verdict->code = code;
    look->verdict->phrase = phrase;
    return false;
}

bool ml_guard_is(struct ml_str text, const char *word)
{
    return ml_str_eq(text, ml_str(word));
}

/* ---- start line ---- */

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

static bool read_request_line(struct ml_guard_look *look)
{
    struct ml_str rest = look->message->start, version = {NULL, 0};

    ml_str_cut(&rest, ' ', &look->method);
    ml_str_cut(&rest, ' ', &look->target);
    ml_str_cut(&rest, ' ', &version);
    if (!look->target.p || !version.p || rest.p || !ml_guard_is_token(look->method) ||
        look->target.n == 0 || !is_version(version))
        return ml_guard_blame(look, ML_GUARD_START_LINE, 400, "Bad Request Line");
    if (!is_ours_version(version))
        return ml_guard_blame(look, ML_GUARD_VERSION, 505, "Version Not Supported");
    return true;
}

static bool read_status_line(struct ml_guard_look *look)
{
    struct ml_str rest = look->message->start, version, status = {NULL, 0};

    ml_str_cut(&rest, ' ', &version);
    ml_str_cut(&rest, ' ', &status);
    if (!is_ours_version(version))
        return ml_guard_blame(look, ML_GUARD_VERSION, 0, NULL);
    if (!status.p || status.n != 3 || ml_str_uint(status, STATUS_MAX, &look->status) != 0 ||
        look->status < STATUS_MIN)
        return ml_guard_blame(look, ML_GUARD_START_LINE, 0, NULL);
    return true;
}

/* ---- headers that every message has ---- */

/* The only field of that name; NULL (and blamed) when there is none or more than one. */
static const struct ml_guard_field *only(struct ml_guard_look *look, const char *name,
                                         const char *absent, const char *twice)
{
    size_t at = 0;
    const struct ml_guard_field *field = ml_guard_field(look->message, name, &at);

    if (!field && absent)
        ml_guard_blame(look, ML_GUARD_HEADER, 400, absent);
    if (field && ml_guard_field(look->message, name, &at)) {
        ml_guard_blame(look, ML_GUARD_HEADER, 400, twice);
        return NULL;
    }
    return field;
}

static bool read_vias(struct ml_guard_look *look)
{
    const struct ml_guard_field *field;
    struct ml_guard_via via;
    struct ml_str branch;
    size_t at = 0, count = 0;

    while ((field = ml_guard_field(look->message, "Via", &at))) {
        struct ml_str rest = field->value, value;

        while (ml_guard_next_value(&rest, &value)) {
            if (++count > ML_GUARD_MAX_VIAS)
                return ml_guard_blame(look, ML_GUARD_SIZE, 413, "Too Many Via");
            if (!ml_guard_parse_via(value, &via) ||
                !ml_guard_parameters(via.parameters, "branch", &branch))
                return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Via");
            /* RFC 4475 3.2.1: the cookie with nothing after it names no transaction. */
            if (branch.p && (branch.n == 0 || ml_str_ieq(branch, ML_STR(BRANCH_COOKIE))))
                return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Branch in Via");
        }
    }
    if (count == 0)
        return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Missing Via");
    /* A UA's response has its own Via and no other (RFC 3261 8.1.3.3), with a branch of ours. */
    if (!look->request && (count > 1 || !branch.p || branch.n < sizeof BRANCH_COOKIE ||
                           !ml_str_starts(branch, ML_STR(BRANCH_COOKIE))))
        return ml_guard_blame(look, ML_GUARD_RESPONSE, 0, NULL);
    return true;
}

static bool read_cseq(struct ml_guard_look *look)
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
        return ml_guard_blame(look, ML_GUARD_CSEQ, 400, "Bad CSeq");
    if (look->request && !ml_str_eq(method, look->method))
        return ml_guard_blame(look, ML_GUARD_CSEQ, 400, "CSeq Has Another Method");
    look->method = method;
    return true;
}

static bool read_call_id(struct ml_guard_look *look)
{
    const struct ml_guard_field *field =
        only(look, "Call-ID", "Missing Call-ID", "More Than One Call-ID");

    if (!field)
        return false;
    for (size_t i = 0; i < field->value.n; i++)
        if (field->value.p[i] <= ' ' || field->value.p[i] >= 127)
            return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Call-ID");
    return field->value.n > 0 || ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Call-ID");
}

static bool read_party(struct ml_guard_look *look, const struct ml_guard_field *field,
                       struct ml_guard_address *address, struct ml_str *tag, const char *bad)
{
    if (!field)
        return false;
    if (!ml_guard_parse_address(field->value, address) ||
        !ml_guard_parameters(address->parameters, "tag", tag) ||
        (tag->p && !ml_guard_is_token(*tag)))
        return ml_guard_blame(look, ML_GUARD_HEADER, 400, bad);
    return true;
}

static bool read_parties(struct ml_guard_look *look)
{
    struct ml_str tag;

    return read_party(look, only(look, "From", "Missing From", "More Than One From"), &look->from,
                      &tag, "Bad From") &&
           read_party(look, only(look, "To", "Missing To", "More Than One To"), &look->to,
                      &look->to_tag, "Bad To");
}

static bool read_hops(struct ml_guard_look *look)
{
    size_t at = 0;
    uint64_t hops;
    const struct ml_guard_field *field = ml_guard_field(look->message, "Max-Forwards", &at);

    if (!field) /* RFC 2543 had none */
        return true;
    if (ml_str_uint(field->value, HOPS_MAX, &hops) != 0)
        return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Max-Forwards");
    if (ml_guard_field(look->message, "Max-Forwards", &at))
        return ml_guard_blame(look, ML_GUARD_HEADER, 400, "More Than One Max-Forwards");
    return true;
}

static bool read_frame(struct ml_guard_look *look)
{
    const struct ml_guard_message *message = look->message;

    if (!message->has_length)
        return !look->stream ||
               ml_guard_blame(look, ML_GUARD_FRAMING, 400, "Missing Content-Length");
    if (message->length > ML_GUARD_MAX_MESSAGE)
        return ml_guard_blame(look, ML_GUARD_SIZE, 413, "Message Too Large");
    if (message->length > message->body.n)
        return ml_guard_blame(look, ML_GUARD_FRAMING, 400, "Content-Length Greater Than Body");
    return true;
}

static bool read_repeats(struct ml_guard_look *look)
{
    const struct ml_guard_message *message = look->message;

    for (size_t i = 0; i + ML_GUARD_MAX_SAME < message->count; i++) {
        size_t same = 0;

        for (size_t j = i; j < message->count; j++)
            same += ml_str_ieq(message->fields[i].name, message->fields[j].name);
        if (same > ML_GUARD_MAX_SAME)
            return ml_guard_blame(look, ML_GUARD_SIZE, 413, "Too Many Lines of One Header");
    }
    return true;
}

/* ---- the whole ---- */

static bool judge_common(struct ml_guard_look *look)
{
    return read_vias(look) && read_call_id(look) && read_cseq(look) && read_parties(look) &&
           read_hops(look) && read_frame(look) && read_repeats(look);
}

static bool judge_request(struct ml_guard_look *look)
{
    return read_request_line(look) && judge_common(look) && ml_guard_can_do(look);
}

static bool judge_response(struct ml_guard_look *look)
{
    if (!read_status_line(look) || !judge_common(look))
        return false;
    if (look->message->has_nul)
        return ml_guard_blame(look, ML_GUARD_BYTES, 0, NULL);
    if (!ml_guard_knows(look->method) || ml_guard_is(look->method, "ACK"))
        return ml_guard_blame(look, ML_GUARD_RESPONSE, 0, NULL);
    look->opens_or_targets = look->status < 300 && (ml_guard_is(look->method, "INVITE") ||
                                                    ml_guard_is(look->method, "UPDATE"));
    return ml_guard_read_addresses(look);
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
    struct ml_guard_look look = {.message = message, .verdict = verdict, .stream = stream};

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
        ml_guard_blame(&look, ML_GUARD_SIZE, 413, "Message Too Large");
    else if (message->fault != ML_GUARD_PASSED)
        ml_guard_blame(&look, message->fault, 400, message->why);
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
