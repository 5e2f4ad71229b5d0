/* What a message asks for: its method, its target, its routes and Contact, its extensions, its
 * body. */
#include <stdio.h>
#include <string.h>

#include "core/sip/guard_look.h"

static int registrars;

void ml_guard_registrar(bool more)
{
    registrars += more ? 1 : -1;
}

bool ml_guard_knows(struct ml_str method)
{
    static const char *const known[] = {"INVITE",    "ACK",     "CANCEL", "BYE",    "OPTIONS",
                                        "INFO",      "UPDATE",  "PRACK",  "REFER",  "REGISTER",
                                        "SUBSCRIBE", "PUBLISH", "NOTIFY", "MESSAGE"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ml_guard_is(method, known[i]))
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

static bool read_method(struct ml_guard_look *look)
{
    /* A dialog declines REFER itself, and knows whether it waits for a NOTIFY. */
    bool of_dialog = ml_guard_is(look->method, "REFER") || ml_guard_is(look->method, "NOTIFY");

    if (is_ours(look->method) || (of_dialog && look->to_tag.p) ||
        (ml_guard_is(look->method, "REGISTER") && registrars > 0))
        return true;
    snprintf(look->verdict->extra, sizeof look->verdict->extra, "Allow: %s\r\n", ML_GUARD_ALLOW);
    if (ml_guard_knows(look->method))
        return ml_guard_blame(look, ML_GUARD_METHOD, 405, "Method Not Allowed");
    return ml_guard_blame(look, ML_GUARD_METHOD, 501, "Not Implemented");
}

static bool read_target(struct ml_guard_look *look)
{
    struct ml_guard_uri uri;

    if (!ml_guard_parse_uri(look->target, &uri))
        return ml_guard_blame(look, ML_GUARD_START_LINE, 400, "Bad Request-URI");
    if (!uri.is_sip)
        return ml_guard_blame(look, ML_GUARD_SCHEME, 416, "Unsupported URI Scheme");
    if (uri.has_headers)
        return ml_guard_blame(look, ML_GUARD_START_LINE, 400, "Headers in Request-URI");
    return true;
}

/* Lists the tags of Require that we do not know, as many as the answer has room for. */
static bool read_requirements(struct ml_guard_look *look)
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
                return ml_guard_blame(look, ML_GUARD_HEADER, 400, "Bad Require");
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
    return ml_guard_blame(look, ML_GUARD_EXTENSION, 420, "Bad Extension");
}

/* Every value of that header is a sip or sips URI with a host; returns how many, or -1. */
static int sip_addresses(struct ml_guard_look *look, const char *name, int most)
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

static bool read_routes(struct ml_guard_look *look)
{
    if (sip_addresses(look, "Route", ML_GUARD_MAX_ROUTES) < 0)
        return ml_guard_blame(look, ML_GUARD_CONTACT, 400, "Bad Route");
    if (sip_addresses(look, "Record-Route", ML_GUARD_MAX_ROUTES) < 0)
        return ml_guard_blame(look, ML_GUARD_CONTACT, 400, "Bad Record-Route");
    return true;
}

/* REGISTER: addresses, or a star alone (RFC 3261 10.2.2). */
static bool read_bindings(struct ml_guard_look *look)
{
    size_t at = 0;
    const struct ml_guard_field *first = ml_guard_field(look->message, "Contact", &at);

    if (first && ml_guard_is(ml_str_trim(first->value), "*") &&
        !ml_guard_field(look->message, "Contact", &at))
        return true;
    return sip_addresses(look, "Contact", ML_GUARD_MAX_CONTACTS) >= 0 ||
           ml_guard_blame(look, ML_GUARD_CONTACT, 400, "Contact Must Be SIP URIs");
}

static bool read_contact(struct ml_guard_look *look)
{
    int count;

    if (look->request && ml_guard_is(look->method, "REGISTER"))
        return read_bindings(look);
    if (!look->opens_or_targets)
        return true;
    count = sip_addresses(look, "Contact", 1);
    if (count < 0)
        return ml_guard_blame(look, ML_GUARD_CONTACT, 400, "Contact Must Be One SIP URI");
    /* Before RFC 3261 the target was From. */
    if (count == 0 && look->request && ml_guard_is(look->method, "INVITE") &&
        !look->from.uri.is_sip)
        return ml_guard_blame(look, ML_GUARD_CONTACT, 400, "Missing Contact");
    return true;
}

static bool read_body(struct ml_guard_look *look)
{
    size_t at = 0;
    const struct ml_guard_field *type = ml_guard_field(look->message, "Content-Type", &at);
    const struct ml_guard_field *encoding;
    bool twice = type && ml_guard_field(look->message, "Content-Type", &at);
    struct ml_str word, rest;

    at = 0;
    encoding = ml_guard_field(look->message, "Content-Encoding", &at);
    if (twice)
        return ml_guard_blame(look, ML_GUARD_HEADER, 400, "More Than One Content-Type");
    if (look->message->body.n == 0 ||
        !(ml_guard_is(look->method, "INVITE") || ml_guard_is(look->method, "UPDATE") ||
          ml_guard_is(look->method, "PRACK")))
        return true;
    if (encoding && !ml_str_ieq(encoding->value, ML_STR("identity"))) {
        snprintf(look->verdict->extra, sizeof look->verdict->extra,
                 "Accept-Encoding: identity\r\nAccept: application/sdp\r\n");
        return ml_guard_blame(look, ML_GUARD_BODY, 415, "Unsupported Media Type");
    }
    if (!type)
        return true;
    rest = type->value;
    ml_str_cut(&rest, ';', &word);
    if (ml_str_ieq(ml_str_trim(word), ML_STR("application/sdp")))
        return true;
    snprintf(look->verdict->extra, sizeof look->verdict->extra, "Accept: application/sdp\r\n");
    return ml_guard_blame(look, ML_GUARD_BODY, 415, "Unsupported Media Type");
}

/* An INVITE whose Accept leaves out SDP cannot be answered with any. */
static bool read_accept(struct ml_guard_look *look)
{
    const struct ml_guard_field *field;
    size_t at = 0, count = 0;

    if (!ml_guard_is(look->method, "INVITE"))
        return true;
    while ((field = ml_guard_field(look->message, "Accept", &at))) {
        struct ml_str rest = field->value, value, range;

        while (ml_guard_next_value(&rest, &value)) {
            ml_str_cut(&value, ';', &range);
            range = ml_str_trim(range);
            if (ml_str_ieq(range, ML_STR("application/sdp")) ||
                ml_str_ieq(range, ML_STR("application/*")) || ml_guard_is(range, "*/*"))
                return true;
            count += range.n > 0;
        }
    }
    return count == 0 || ml_guard_blame(look, ML_GUARD_BODY, 406, "Not Acceptable");
}

bool ml_guard_read_addresses(struct ml_guard_look *look)
{
    return read_routes(look) && read_contact(look);
}

bool ml_guard_can_do(struct ml_guard_look *look)
{
    bool changes_nothing;

    if (!read_method(look) || !read_target(look))
        return false;
    if (look->message->has_nul)
        return ml_guard_blame(look, ML_GUARD_BYTES, 400, "NUL in Header");
    changes_nothing = ml_guard_is(look->method, "ACK") || ml_guard_is(look->method, "CANCEL");
    look->opens_or_targets =
        ml_guard_is(look->method, "INVITE") || ml_guard_is(look->method, "UPDATE");
    look->verdict->limited = ml_guard_is(look->method, "REGISTER") ||
                             (ml_guard_is(look->method, "OPTIONS") && !look->to_tag.p);
    return (changes_nothing || read_requirements(look)) && ml_guard_read_addresses(look) &&
           read_body(look) && read_accept(look);
}
