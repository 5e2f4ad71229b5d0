#include "core/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/error.h"
#include "core/base/mem.h"

struct ml_str ml_str(const char *text)
{
    return (struct ml_str){text ? text : "", text ? strlen(text) : 0};
}

bool ml_str_eq(struct ml_str a, struct ml_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool ml_str_ieq(struct ml_str a, struct ml_str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool ml_str_starts(struct ml_str text, struct ml_str prefix)
{
    return text.n >= prefix.n && ml_str_eq((struct ml_str){text.p, prefix.n}, prefix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct ml_str ml_str_trim(struct ml_str text)
{
    while (text.n > 0 && is_blank(text.p[0])) {
        text.p++;
        text.n--;
    }
    while (text.n > 0 && is_blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

bool ml_str_cut(struct ml_str *rest, char separator, struct ml_str *part)
{
    const char *end;

    if (!rest->p)
        return false;
    end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    if (end) {
        *part = (struct ml_str){rest->p, (size_t)(end - rest->p)};
        *rest = (struct ml_str){end + 1, rest->n - part->n - 1};
    } else {
        *part = *rest;
        *rest = (struct ml_str){NULL, 0};
    }
    return true;
}

int ml_str_uint(struct ml_str text, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.n == 0)
        return ML_EPARSE;
    for (size_t i = 0; i < text.n; i++) {
        uint64_t digit = (uint64_t)(text.p[i] - '0');

        if (text.p[i] < '0' || text.p[i] > '9' || sum > (UINT64_MAX - digit) / 10)
            return ML_EPARSE;
        sum = sum * 10 + digit;
        if (sum > max)
            return ML_EPARSE;
    }
    *value = sum;
    return ML_OK;
}

void ml_str_copy(char *to, size_t size, struct ml_str text)
{
    size_t n = text.n < size ? text.n : size - 1;

    if (n)
        memcpy(to, text.p, n);
    to[n] = '\0';
}

char *ml_str_dup(struct ml_str text)
{
    return ml_strndup(text.p ? text.p : "", text.n);
}

static void reserve(struct ml_buf *buf, size_t more)
{
    size_t size = buf->size ? buf->size : 64;

    while (size < buf->n + more + 1)
        size *= 2;
    if (size != buf->size) {
        buf->p = ml_realloc(buf->p, size);
        buf->size = size;
    }
}

void ml_buf_add(struct ml_buf *buf, const void *bytes, size_t n)
{
    reserve(buf, n);
    if (n)
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    buf->p[buf->n] = '\0';
}

void ml_buf_str(struct ml_buf *buf, const char *text)
{
    ml_buf_add(buf, text, strlen(text));
}

char *ml_buf_room(struct ml_buf *buf, size_t n)
{
    reserve(buf, n);
    return buf->p + buf->n;
}

void ml_buf_uint(struct ml_buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    ml_buf_add(buf, digits + at, sizeof digits - at);
}

void ml_buf_printf(struct ml_buf *buf, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    reserve(buf, (size_t)length);
    va_start(args, format);
    vsnprintf(buf->p + buf->n, (size_t)length + 1, format, args);
    va_end(args);
    buf->n += (size_t)length;
}

void ml_buf_fini(struct ml_buf *buf)
{
    ml_free(buf->p);
    *buf = (struct ml_buf){NULL, 0, 0};
}

char *ml_buf_take(struct ml_buf *buf)
{
    char *text;

    ml_buf_add(buf, "", 0);
    text = ml_realloc(buf->p, buf->n + 1); /* it may be kept for long */
    *buf = (struct ml_buf){NULL, 0, 0};
    return text;
}

uint32_t ml_hash(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}
