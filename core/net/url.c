#include "core/net/url.h"

#include <stdbool.h>

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void ml_url_escape(struct ml_buf *out, struct ml_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *begin = ml_buf_room(out, 3 * text.n), *at = begin;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (is_unreserved(c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    *at = '\0';
    out->n += (size_t)(at - begin);
}
