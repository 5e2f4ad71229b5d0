#include "core/text/xml_priv.h"

#include <string.h>

#include "core/base/mem.h"

enum coding { UTF8, UTF16LE, UTF16BE, LATIN1, WINDOWS1252 };

/* 0x80 to 0x9f of windows-1252; 0 where nothing is assigned. */
static const unsigned short windows[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static const struct {
    const char *name;
    enum coding coding;
} codings[] = {{"utf-8", UTF8},        {"utf8", UTF8},      {"us-ascii", UTF8},
               {"ascii", UTF8},        {"utf-16", UTF8},    {"iso-8859-1", LATIN1},
               {"latin1", LATIN1},     {"latin-1", LATIN1}, {"windows-1252", WINDOWS1252},
               {"cp1252", WINDOWS1252}};

struct reader {
    const unsigned char *p;
    size_t n, at;
    enum coding coding;
};

void ml_xml_step(struct ml_xml_place *place, char byte, char next)
{
    if (byte == '\n' || (byte == '\r' && next != '\n')) {
        place->line++;
        place->column = 1;
    } else if (byte != '\r' && ((unsigned char)next & 0xc0) != 0x80) {
        place->column++;
    }
}

struct ml_xml_place ml_xml_place_of(struct ml_str text, size_t offset)
{
    struct ml_xml_place place = {1, 1};

    for (size_t i = 0; i < offset && i < text.n; i++)
        ml_xml_step(&place, text.p[i], i + 1 < text.n ? text.p[i + 1] : '\0');
    return place;
}

/* The value of encoding="..." in the XML declaration, or the empty text. */
static struct ml_str declared(struct ml_str bytes)
{
    const char *end, *p;
    struct ml_str rest, name;
    char quote;

    if (!ml_str_starts(bytes, ML_STR("<?xml")))
        return ML_STR("");
    end = memmem(bytes.p, bytes.n, "?>", 2);
    p = end ? memmem(bytes.p, (size_t)(end - bytes.p), "encoding", 8) : NULL;
    if (!p)
        return ML_STR("");
    p += 8;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == '='))
        p++;
    quote = *p;
    if (quote != '"' && quote != '\'')
        return ML_STR("");
    rest = (struct ml_str){p + 1, (size_t)(end - p - 1)};
    return ml_str_cut(&rest, quote, &name) ? name : ML_STR("");
}

static int by_declaration(struct ml_str bytes, enum coding *coding, struct ml_xml_error *error)
{
    struct ml_str name = declared(bytes);

    *coding = UTF8;
    if (name.n == 0)
        return ML_OK;
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        if (ml_str_ieq(name, ml_str(codings[i].name))) {
            *coding = codings[i].coding;
            return ML_OK;
        }
    }
    return ml_xml_refuse(error, ML_EPARSE, (struct ml_xml_place){1, 1},
                         "encoding \"%.*s\" is not known here: save the document as UTF-8",
                         name.n > 40 ? 40 : (int)name.n, name.p);
}

static int find_coding(struct ml_str bytes, struct reader *r, struct ml_xml_error *error)
{
    const unsigned char *p = r->p;

    if (r->n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        r->at = 3;
        bytes = (struct ml_str){bytes.p + 3, bytes.n - 3};
    } else if (r->n >= 4 &&
               (memcmp(p, "\0\0\xfe\xff", 4) == 0 || memcmp(p, "\xff\xfe\0\0", 4) == 0)) {
        return ml_xml_refuse(error, ML_EPARSE, (struct ml_xml_place){1, 1},
                             "UTF-32 is not known here: save the document as UTF-8");
    } else if (r->n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) {
        r->coding = p[0] == 0xff ? UTF16LE : UTF16BE;
        r->at = 2;
        return ML_OK;
    } else if (r->n >= 2 && (p[0] == 0) != (p[1] == 0) && (p[0] == '<' || p[1] == '<')) {
        r->coding = p[1] == 0 ? UTF16LE : UTF16BE;
        return ML_OK;
    }
    return by_declaration(bytes, &r->coding, error);
}

enum { NOT_A_CHARACTER = -1 };

static long read_utf16(struct reader *r)
{
    int low = r->coding == UTF16BE;
    unsigned long unit, second;

    if (r->n - r->at < 2)
        return NOT_A_CHARACTER;
    unit = (unsigned long)r->p[r->at + !low] << 8 | r->p[r->at + low];
    r->at += 2;
    if (unit < 0xd800 || unit > 0xdfff)
        return (long)unit;
    if (unit > 0xdbff || r->n - r->at < 2)
        return NOT_A_CHARACTER;
    second = (unsigned long)r->p[r->at + !low] << 8 | r->p[r->at + low];
    if (second < 0xdc00 || second > 0xdfff)
        return NOT_A_CHARACTER;
    r->at += 2;
    return (long)(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00));
}

static long read_utf8(struct reader *r)
{
    static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = r->p[r->at];
    size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    long code = length == 1 ? first : first & (0xff >> (length + 1));

    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || r->n - r->at < length)
        return NOT_A_CHARACTER;
    for (size_t i = 1; i < length; i++) {
        if ((r->p[r->at + i] & 0xc0) != 0x80)
            return NOT_A_CHARACTER;
        code = code << 6 | (r->p[r->at + i] & 0x3f);
    }
    if (code < least[length] || (code >= 0xd800 && code <= 0xdfff))
        return NOT_A_CHARACTER;
    r->at += length;
    return code;
}

static long read_character(struct reader *r)
{
    unsigned char byte = r->p[r->at];

    switch (r->coding) {
    case UTF8:
        return read_utf8(r);
    case UTF16LE:
    case UTF16BE:
        return read_utf16(r);
    case WINDOWS1252:
        if (byte >= 0x80 && byte < 0xa0) {
            r->at++;
            return windows[byte - 0x80] ? windows[byte - 0x80] : NOT_A_CHARACTER;
        }
        break;
    case LATIN1:
        break;
    }
    r->at++;
    return byte;
}

/* XML 1.0 (fifth edition) 2.2. */
static bool is_allowed(long code)
{
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code < 0xfffe) ||
           (code >= 0x10000 && code <= 0x10ffff);
}

static void add_utf8(struct ml_buf *text, long code)
{
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (n == 1) {
        bytes[0] = (char)code;
    } else {
        for (size_t i = n; i-- > 1; code >>= 6)
            bytes[i] = (char)(0x80 | (code & 0x3f));
        bytes[0] = (char)((0xf0 << (4 - n)) | code);
    }
    ml_buf_add(text, bytes, n);
}

static int refuse_character(const struct reader *r, const struct ml_buf *text, size_t at, long code,
                            struct ml_xml_error *error)
{
    struct ml_str before = {text->p ? text->p : "", text->n};
    struct ml_xml_place place = ml_xml_place_of(before, text->n);

    if (code >= 0)
        return ml_xml_refuse(error, ML_EPARSE, place,
                             "character U+%04lX is not allowed in XML: remove it", code);
    return ml_xml_refuse(error, ML_EPARSE, place,
                         "byte 0x%02X is not valid %s: save the document as UTF-8 or name its "
                         "encoding in <?xml ... ?>",
                         r->p[at], r->coding == UTF8 ? "UTF-8" : "in this encoding");
}

int ml_xml_decode(struct ml_str bytes, struct ml_buf *text, struct ml_xml_error *error)
{
    struct reader r = {(const unsigned char *)bytes.p, bytes.n, 0, UTF8};
    int code = find_coding(bytes, &r, error);

    if (code != ML_OK)
        return code;
    while (r.at < r.n) {
        size_t at = r.at;
        long character = read_character(&r);

        if (!is_allowed(character))
            return refuse_character(&r, text, at, character, error);
        if (r.coding == UTF8)
            ml_buf_add(text, r.p + at, r.at - at);
        else
            add_utf8(text, character);
    }
    ml_buf_add(text, "", 0);
    return ML_OK;
}
