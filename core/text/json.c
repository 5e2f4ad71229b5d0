#include "core/text/json.h"

#include <string.h>

#include "core/base/error.h"

enum { DEEPEST = 32 };

/* What is still to be read. A reader moves on past what it takes; false: that is not there. */
struct rest {
    const char *p, *end;
};

static void skip_space(struct rest *rest)
{
    while (rest->p < rest->end && strchr(" \t\r\n", *rest->p) && *rest->p)
        rest->p++;
}

static bool take(struct rest *rest, char c)
{
    if (rest->p == rest->end || *rest->p != c)
        return false;
    rest->p++;
    return true;
}

static bool take_word(struct rest *rest, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(rest->end - rest->p) < n || memcmp(rest->p, word, n) != 0)
        return false;
    rest->p += n;
    return true;
}

static size_t take_digits(struct rest *rest)
{
    const char *begin = rest->p;

    while (rest->p < rest->end && *rest->p >= '0' && *rest->p <= '9')
        rest->p++;
    return (size_t)(rest->p - begin);
}

static bool take_number(struct rest *rest)
{
    take(rest, '-');
    if (!take(rest, '0') && take_digits(rest) == 0)
        return false;
    if (take(rest, '.') && take_digits(rest) == 0)
        return false;
    if (take(rest, 'e') || take(rest, 'E')) {
        if (!take(rest, '+'))
            take(rest, '-');
        return take_digits(rest) > 0;
    }
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits: 0 to 65535, or -1. */
static int take_unit(struct rest *rest)
{
    int unit = 0;

    if (rest->end - rest->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex(*rest->p++);

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool take_text(struct rest *rest)
{
    if (!take(rest, '"'))
        return false;
    while (rest->p < rest->end) {
        unsigned char c = (unsigned char)*rest->p++;

        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (rest->p == rest->end || !*rest->p || !strchr("\"\\/bfnrtu", *rest->p))
            return false;
        if (*rest->p++ == 'u' && take_unit(rest) < 0)
            return false;
    }
    return false;
}

static bool take_value(struct rest *rest, int depth);

/* Members or elements up to the closing bracket. */
static bool take_list(struct rest *rest, int depth, bool object)
{
    char close = object ? '}' : ']';

    skip_space(rest);
    if (take(rest, close))
        return true;
    do {
        skip_space(rest);
        if (object) {
            if (!take_text(rest))
                return false;
            skip_space(rest);
            if (!take(rest, ':'))
                return false;
        }
        if (!take_value(rest, depth))
            return false;
    } while (take(rest, ','));
    return take(rest, close);
}

static bool take_value(struct rest *rest, int depth)
{
    bool ok;

    skip_space(rest);
    if (depth > DEEPEST || rest->p == rest->end)
        return false;
    if (*rest->p == '"')
        ok = take_text(rest);
    else if (take(rest, '{'))
        ok = take_list(rest, depth + 1, true);
    else if (take(rest, '['))
        ok = take_list(rest, depth + 1, false);
    else
        ok = take_word(rest, "true") || take_word(rest, "false") || take_word(rest, "null") ||
             take_number(rest);
    skip_space(rest);
    return ok;
}

bool ml_json_is_valid(struct ml_str text)
{
    struct rest rest = {text.p, text.p + text.n};

    return take_value(&rest, 0) && rest.p == rest.end;
}

bool ml_json_member(struct ml_str object, const char *name, struct ml_str *value)
{
    struct rest rest = {object.p, object.p + object.n};
    size_t n = strlen(name);

    skip_space(&rest);
    if (!take(&rest, '{'))
        return false;
    do {
        const char *key, *begin;
        bool found;

        skip_space(&rest);
        key = rest.p;
        if (!take_text(&rest))
            return false;
        found = (size_t)(rest.p - key) == n + 2 && memcmp(key + 1, name, n) == 0;
        skip_space(&rest);
        take(&rest, ':');
        skip_space(&rest);
        begin = rest.p;
        if (!take_value(&rest, 0))
            return false;
        if (found) {
            *value = ml_str_trim((struct ml_str){begin, (size_t)(rest.p - begin)});
            return true;
        }
    } while (take(&rest, ','));
    return false;
}

static void add_utf8(struct ml_buf *out, unsigned code)
{
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (n == 1) {
        bytes[0] = (char)code;
    } else {
        for (size_t i = n - 1; i > 0; i--, code >>= 6)
            bytes[i] = (char)(0x80 | (code & 63));
        bytes[0] = (char)((0xf00u >> n & 0xff) | code);
    }
    ml_buf_add(out, bytes, n);
}

static bool add_escaped(struct ml_buf *out, struct rest *rest)
{
    static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
    char c = *rest->p++;
    const char *name = strchr(names, c);
    int unit, low;

    if (c != 'u') {
        ml_buf_add(out, name ? &meant[name - names] : &c, 1);
        return true;
    }
    unit = take_unit(rest);
    if (unit < 0xd800 || unit > 0xdfff) {
        add_utf8(out, (unsigned)unit);
        return true;
    }
    if (unit > 0xdbff || !take_word(rest, "\\u") || (low = take_unit(rest)) < 0xdc00 ||
        low > 0xdfff)
        return false;
    add_utf8(out, 0x10000u + (((unsigned)unit & 0x3ff) << 10 | ((unsigned)low & 0x3ff)));
    return true;
}

int ml_json_text(struct ml_buf *out, struct ml_str value)
{
    struct rest rest = {value.p, value.p + value.n};
    size_t before = out->n;

    if (!take_text(&rest) || rest.p != rest.end)
        return ML_EPARSE;
    rest = (struct rest){value.p + 1, value.p + value.n - 1};
    while (rest.p < rest.end) {
        const char *escape = memchr(rest.p, '\\', (size_t)(rest.end - rest.p));
        const char *until = escape ? escape : rest.end;

        ml_buf_add(out, rest.p, (size_t)(until - rest.p));
        rest.p = until;
        if (escape) {
            rest.p++;
            if (!add_escaped(out, &rest)) {
                out->n = before;
                return ML_EPARSE;
            }
        }
    }
    return ML_OK;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

/* Does one of eight bytes equal c? */
static uint64_t has(uint64_t eight, unsigned char c)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t zero = eight ^ (ones * c);

    return (zero - ones) & ~zero & (ones << 7);
}

/* Are all of eight bytes plain? Those above 0x7f are. */
static bool are_plain(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight, below;

    memcpy(&eight, p, sizeof eight);
    below = (eight - ones * 0x20) & ~eight & (ones << 7);
    return !(below | has(eight, '"') | has(eight, '\\') | has(eight, 0x7f));
}

/* Bytes at the beginning that go in as they are. */
static size_t plain_span(struct ml_str text)
{
    size_t n = 0;

    while (n + 8 <= text.n && are_plain(text.p + n))
        n += 8;
    while (n < text.n && is_plain(text.p[n]))
        n++;
    return n;
}

void ml_json_quote(struct ml_buf *out, struct ml_str text)
{
    size_t n = plain_span(text);
    char *to = ml_buf_room(out, text.n + 2);

    to[0] = '"';
    memcpy(to + 1, text.p, n);
    if (n == text.n) { /* nearly all are */
        memcpy(to + 1 + n, "\"", 2);
        out->n += n + 2;
        return;
    }
    out->n += n + 1;
    while (n < text.n) {
        char c = text.p[n++];
        size_t more = plain_span((struct ml_str){text.p + n, text.n - n});

        if (c == '"' || c == '\\')
            ml_buf_add(out, c == '"' ? "\\\"" : "\\\\", 2);
        else
            ml_buf_printf(out, "\\u%04x", (unsigned char)c);
        ml_buf_add(out, text.p + n, more);
        n += more;
    }
    ml_buf_add(out, "\"", 1);
}
