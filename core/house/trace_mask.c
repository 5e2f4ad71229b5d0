#include <string.h>

#include "core/house/traces.h"

static const char *const secret[] = {"authorization", "proxy-authorization"};

static bool is_secret(struct ml_str name)
{
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
        if (ml_str_ieq(ml_str_trim(name), ml_str(secret[i])))
            return true;
    }
    return false;
}

/* The end of the header that begins at p: its folded lines belong to it. */
static char *header_end(char *p, char *end)
{
    do {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : end;
    } while (p < end && (*p == ' ' || *p == '\t'));
    return p;
}

static void cover(char *p, char *end)
{
    for (; p < end; p++) {
        if (*p != '\r' && *p != '\n')
            *p = '*';
    }
}

/* A parameter of credentials: response="0123..." */
static void mask_parameter(char *p, char *end)
{
    char *equals = memchr(p, '=', (size_t)(end - p));

    if (equals &&
        ml_str_ieq(ml_str_trim((struct ml_str){p, (size_t)(equals - p)}), ML_STR("response")))
        cover(equals + 1, end);
}

static void mask_value(char *p, char *end)
{
    struct ml_str value = ml_str_trim((struct ml_str){p, (size_t)(end - p)}), scheme;
    struct ml_str rest = value;

    ml_str_cut(&rest, ' ', &scheme);
    p += (size_t)(scheme.p + scheme.n - p);
    if (!ml_str_ieq(ml_str_trim(scheme), ML_STR("Digest"))) {
        cover(p, end);
        return;
    }
    while (p < end) {
        char *comma = memchr(p, ',', (size_t)(end - p));

        mask_parameter(p, comma ? comma : end);
        p = comma ? comma + 1 : end;
    }
}

void ml_trace_mask(char *message, size_t n)
{
    char *end = message + n;
    char *p = memchr(message, '\n', n);

    for (p = p ? p + 1 : end; p < end && *p != '\r' && *p != '\n';) {
        char *next = header_end(p, end), *colon = memchr(p, ':', (size_t)(next - p));

        if (colon && is_secret((struct ml_str){p, (size_t)(colon - p)}))
            mask_value(colon + 1, next);
        p = next;
    }
}
