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
    size_t begin = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (is_unreserved(c))
            continue;
        ml_buf_add(out, text.p + begin, i - begin);
        ml_buf_add(out, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
        begin = i + 1;
    }
    ml_buf_add(out, text.p + begin, text.n - begin);
}
