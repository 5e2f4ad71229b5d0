#include "core/sip/headers.h"

#include <string.h>

#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "core/base/mem.h"

enum { TEXT_MAX = 65536 }; /* twice the largest message */

/* Length of the line at text without its end; *next is past the end. */
static size_t line_length(struct ml_str text, size_t *next)
{
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    size_t n = end ? (size_t)(end - text.p) : text.n;

    *next = end ? n + 1 : n;
    return n > 0 && text.p[n - 1] == '\r' ? n - 1 : n;
}

static struct ml_str skip(struct ml_str text, size_t n)
{
    return (struct ml_str){text.p + n, text.n - n};
}

/* Unfolds in place: the buffer is ours. */
static size_t unfold(char *text, size_t n)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        size_t end = i;

        if (text[end] == '\r' && end + 1 < n)
            end++;
        if (text[end] == '\n' && end + 1 < n && (text[end + 1] == ' ' || text[end + 1] == '\t')) {
            i = end;
            continue;
        }
        text[to++] = text[i];
    }
    return to;
}

struct ml_header *ml_headers_parse(struct ml_str text, size_t *count)
{
    size_t lines = 1, next, n, unfolded;
    struct ml_header *headers;
    struct ml_str rest;
    char *copy;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    headers = ml_alloc(lines * sizeof *headers + text.n + 1);
    copy = (char *)(headers + lines);
    memcpy(copy, text.p, text.n);
    unfolded = unfold(copy, text.n);
    rest = (struct ml_str){copy, unfolded};
    *count = 0;
    line_length(rest, &next);
    for (rest = skip(rest, next); (n = line_length(rest, &next)) > 0; rest = skip(rest, next)) {
        char *line = copy + (rest.p - copy);
        char *colon = memchr(line, ':', n);
        struct ml_str name, value;

        if (!colon)
            continue;
        name = ml_str_trim((struct ml_str){line, (size_t)(colon - line)});
        value = ml_str_trim((struct ml_str){colon + 1, n - (size_t)(colon - line) - 1});
        ((char *)(uintptr_t)name.p)[name.n] = '\0';
        headers[*count].name = name.p;
        headers[*count].value = value.p;
        line[n] = '\0'; /* the CR or LF */
        ((char *)(uintptr_t)value.p)[value.n] = '\0';
        ++*count;
    }
    return headers;
}

/* A copy of the text at *at, which moves behind it. */
static const char *put(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);

    *at += n;
    return copy;
}

struct ml_header *ml_headers_copy(const struct ml_header *headers, size_t count)
{
    size_t bytes = (count + 1) * sizeof *headers;
    struct ml_header *copies;
    char *at;

    for (size_t i = 0; i < count; i++)
        bytes += strlen(headers[i].name) + strlen(headers[i].value) + 2;
    copies = ml_alloc(bytes);
    at = (char *)(copies + count + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i].name = put(&at, headers[i].name);
        copies[i].value = put(&at, headers[i].value);
    }
    return copies;
}

char *ml_header_text(su_home_t *home, const sip_header_t *header)
{
    for (size_t size = 512; size <= TEXT_MAX; size *= 2) {
        char *text = su_alloc(home, size);
        issize_t n = text ? sip_header_field_e(text, size, header, 0) : -1;

        if (n >= 0 && (size_t)n + 2 < size) /* with less room the last word may be missing */
            return text;
    }
    return NULL;
}
