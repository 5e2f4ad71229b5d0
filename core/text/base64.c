#include "core/text/base64.h"

#include "core/base/error.h"

enum { AT_ONCE = 64 }; /* groups */

void ml_base64_encode(struct ml_buf *out, const uint8_t *bytes, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char block[4 * AT_ONCE];
    size_t filled = 0;

    for (; n > 0; bytes += 3, n = n > 3 ? n - 3 : 0) {
        uint32_t group = (uint32_t)bytes[0] << 16 | (n > 1 ? (uint32_t)bytes[1] << 8 : 0) |
                         (n > 2 ? bytes[2] : 0);

        for (int i = 0; i < 4; i++)
            block[filled + (size_t)i] = letters[group >> (18 - 6 * i) & 63];
        if (n < 3)
            block[filled + 3] = '=';
        if (n < 2)
            block[filled + 2] = '=';
        filled += 4;
        if (filled == sizeof block) {
            ml_buf_add(out, block, filled);
            filled = 0;
        }
    }
    ml_buf_add(out, block, filled);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four letters, of which the last `padding` are '='. */
static bool decode_group(const char *p, int padding, uint8_t bytes[3])
{
    uint32_t group = 0;

    for (int i = 0; i < 4; i++) {
        int value = i >= 4 - padding ? 0 : value_of(p[i]);

        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    for (int i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(group >> (16 - 8 * i));
    return true;
}

int ml_base64_decode(struct ml_buf *out, struct ml_str text)
{
    size_t before = out->n, filled = 0;
    uint8_t block[3 * AT_ONCE];

    if (text.n % 4 != 0)
        return ML_EPARSE;
    for (size_t at = 0; at < text.n; at += 4) {
        const char *p = text.p + at;
        bool last = at + 4 == text.n;
        int padding = !last || p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;

        if (!decode_group(p, padding, block + filled)) {
            out->n = before;
            return ML_EPARSE;
        }
        filled += (size_t)(3 - padding);
        if (filled == sizeof block) {
            ml_buf_add(out, block, filled);
            filled = 0;
        }
    }
    ml_buf_add(out, block, filled);
    return ML_OK;
}
