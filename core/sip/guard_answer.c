/* Answers without a transaction (RFC 3261 8.2.7): what must be copied is copied, folds joined. */
#include <stdio.h>
#include <string.h>

#include "core/base/random.h"
#include "core/sip/guard_judge.h"

enum { SIP_PORT = 5060, SIPS_PORT = 5061 };

/* FNV-1a. */
static uint64_t mix(uint64_t hash, struct ml_str text)
{
    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * 1099511628211U;
    return hash;
}

/* The same for a repeated request, and nothing that others could know before. */
static uint64_t tag_of(const struct ml_guard_message *message)
{
    static const char *const names[] = {"Via", "Call-ID", "From", "CSeq"};
    static uint64_t secret;
    uint64_t hash;

    if (!secret)
        ml_random(&secret, sizeof secret);
    hash = secret;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t at = 0;
        const struct ml_guard_field *field = ml_guard_field(message, names[i], &at);

        if (field)
            hash = mix(hash * 31, field->value);
    }
    return hash ^ secret >> 7;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies a value: a fold as one space, control bytes that are no quoted pair as question marks. */
static void add_value(struct ml_buf *text, struct ml_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        bool pair = value.p[i] == '\\' && i + 1 < value.n && !is_blank(value.p[i + 1]);

        if (value.p[i] == '\r' || value.p[i] == '\n') {
            while (i + 1 < value.n && is_blank(value.p[i + 1]))
                i++;
            ml_buf_str(text, " ");
        } else if (pair) {
            ml_buf_add(text, value.p + i++, 2);
        } else {
            bool control = (unsigned char)value.p[i] < ' ' && value.p[i] != '\t';

            ml_buf_add(text, control ? "?" : value.p + i, 1);
        }
    }
}

/* What we saw, for the peer behind a NAT (RFC 3261 18.2.1, RFC 3581). */
static void add_top_via(struct ml_buf *text, struct ml_str value, const char *source,
                        uint16_t source_port, uint16_t *port)
{
    struct ml_str rest = value, top, rport, received;
    struct ml_guard_via via;
    uint64_t number;
    bool usable;

    ml_guard_next_value(&rest, &top);
    usable = ml_guard_parse_via(top, &via) &&
             ml_guard_parameters(via.parameters, "rport", &rport) &&
             ml_guard_parameters(via.parameters, "received", &received);
    *port = source_port;
    if (!usable) {
        add_value(text, value);
        return;
    }
    if (!rport.p) {
        *port = ml_str_ieq(via.transport, ML_STR("TLS")) ? SIPS_PORT : SIP_PORT;
        if (ml_str_uint(via.port, UINT16_MAX, &number) == 0)
            *port = (uint16_t)number;
    }
    if (rport.p && rport.n == 0) {
        size_t n = (size_t)(rport.p - top.p);

        add_value(text, (struct ml_str){top.p, n});
        ml_buf_printf(text, "=%u", source_port);
        add_value(text, (struct ml_str){rport.p, top.n - n});
    } else {
        add_value(text, top);
    }
    if (!received.p && (rport.p || !ml_str_eq(via.host, ml_str(source))))
        ml_buf_printf(text, ";received=%s", source);
    if (rest.p) {
        ml_buf_str(text, ", ");
        add_value(text, ml_str_trim(rest));
    }
}

static void add_field(struct ml_buf *text, const struct ml_guard_message *message, const char *name)
{
    struct ml_guard_address address;
    size_t at = 0;
    const struct ml_guard_field *field = ml_guard_field(message, name, &at);
    struct ml_str tag;

    if (!field)
        return;
    ml_buf_printf(text, "%s: ", name);
    add_value(text, field->value);
    if (strcmp(name, "To") == 0 && ml_guard_parse_address(field->value, &address) &&
        ml_guard_parameters(address.parameters, "tag", &tag) && !tag.p)
        ml_buf_printf(text, ";tag=%016llx", (unsigned long long)tag_of(message));
    ml_buf_str(text, "\r\n");
}

bool ml_guard_answer(const struct ml_guard_message *message, const struct ml_guard_verdict *verdict,
                     const char *source, uint16_t source_port, struct ml_buf *text, uint16_t *port)
{
    const struct ml_guard_field *via;
    size_t at = 0;
    bool first = true;

    while ((via = ml_guard_field(message, "Via", &at))) {
        if (first)
            ml_buf_printf(text, "SIP/2.0 %d %s\r\nVia: ", verdict->code, verdict->phrase);
        else
            ml_buf_str(text, "Via: ");
        if (first)
            add_top_via(text, via->value, source, source_port, port);
        else
            add_value(text, via->value);
        ml_buf_str(text, "\r\n");
        first = false;
    }
    if (first)
        return false;
    add_field(text, message, "From");
    add_field(text, message, "To");
    add_field(text, message, "Call-ID");
    add_field(text, message, "CSeq");
    ml_buf_printf(text, "%sContent-Length: 0\r\n\r\n", verdict->extra);
    return true;
}
