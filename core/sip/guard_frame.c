/* Where a message ends, and its lines. */
#include <string.h>

#include "core/sip/guard_judge.h"

static void blame(struct ml_guard_message *message, enum ml_guard_reason fault, const char *why)
{
    if (message->fault == ML_GUARD_PASSED) {
        message->fault = fault;
        message->why = why;
    }
}

static size_t leading_crlf(struct ml_str bytes)
{
    size_t n = 0;

    while (n + 1 < bytes.n && bytes.p[n] == '\r' && bytes.p[n + 1] == '\n')
        n += 2;
    return n;
}

/* Is it neither a control byte nor what may quote one? */
static bool is_plain(char c)
{
    return ((unsigned char)c >= ' ' && c != '\\' && c != 127) || c == '\t';
}

/* The same of eight bytes at once. Tabs are left to the other. */
static bool are_plain(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t all, slash, delete; /* the latter two: zero bytes stand for the character */

    memcpy(&all, bytes, sizeof all);
    slash = all ^ (ones * '\\');
    delete = all ^ (ones * 127);
    return !(
        (((all - ones * ' ') & ~all) | ((slash - ones) & ~slash) | ((delete - ones) & ~delete)) &
        tops);
}

/* Control bytes may only stand as quoted pairs; CR and LF not even so (RFC 3261 25.1). */
static void check_bytes(struct ml_guard_message *message, struct ml_str line)
{
    for (size_t i = 0; i < line.n; i++) {
        while (i + 8 <= line.n && are_plain(line.p + i))
            i += 8;
        if (i == line.n || is_plain(line.p[i]))
            continue;
        if (line.p[i] == '\\' && i + 1 < line.n && line.p[i + 1] != '\r') {
            message->has_nul = message->has_nul || line.p[i + 1] == '\0';
            i++;
        } else if (line.p[i] != '\\') {
            blame(message, ML_GUARD_BYTES, "Control Character in Header");
            return;
        }
    }
}

static bool is_blank_line(struct ml_str line)
{
    return line.n > 0 && ml_str_trim(line).n == 0;
}

/* The name that a compact form stands for; any other as it is. */
static struct ml_str long_form(struct ml_str name)
{
    static const struct {
        char compact;
        const char *name;
    } forms[] = {{'v', "Via"},         {'f', "From"},
                 {'t', "To"},          {'i', "Call-ID"},
                 {'m', "Contact"},     {'l', "Content-Length"},
                 {'k', "Supported"},   {'e', "Content-Encoding"},
                 {'c', "Content-Type"}};

    for (size_t i = 0; name.n == 1 && i < sizeof forms / sizeof *forms; i++)
        if (forms[i].compact == (name.p[0] | 0x20))
            return ml_str(forms[i].name);
    return name;
}

/* Length, first and last letter: enough to tell the names apart that are looked for, and most
 * others from them. Of letters the lower case counts; names are not empty. */
static uint32_t key_of(struct ml_str name)
{
    unsigned first = (unsigned char)name.p[0] | 0x20u;
    unsigned last = (unsigned char)name.p[name.n - 1] | 0x20u;

    return (uint32_t)name.n << 16 | first << 8 | last;
}

/* True: there is a field now that a fold may go on with. */
static bool add_line(struct ml_guard_message *message, struct ml_str line)
{
    struct ml_guard_field *field = message->fields + message->count;
    const char *colon = memchr(line.p, ':', line.n);

    if (message->count == ML_GUARD_MAX_HEADERS) {
        blame(message, ML_GUARD_SIZE, "Too Many Header Fields");
        return false;
    }
    if (!colon) {
        blame(message, ML_GUARD_HEADER, "Header Line Without Colon");
        return false;
    }
    field->name = ml_str_trim((struct ml_str){line.p, (size_t)(colon - line.p)});
    field->value = (struct ml_str){colon + 1, line.n - (size_t)(colon - line.p) - 1};
    if (!ml_guard_is_token(field->name)) {
        blame(message, ML_GUARD_HEADER, "Bad Header Name");
        return false;
    }
    field->key = key_of(long_form(field->name));
    message->count++;
    return true;
}

static void fold_line(struct ml_guard_message *message, struct ml_str line, bool goes_on)
{
    struct ml_guard_field *field = message->fields + message->count - 1;

    if (is_blank_line(line))
        blame(message, ML_GUARD_BYTES, "Blank Line in Header");
    if (!goes_on) {
        blame(message, ML_GUARD_START_LINE, "Folded Start Line");
        return;
    }
    field->value.n = (size_t)(line.p + line.n - field->value.p);
    if (field->value.n > ML_GUARD_MAX_LINE)
        blame(message, ML_GUARD_SIZE, "Header Line Too Long");
}

static void read_length(struct ml_guard_message *message)
{
    const struct ml_guard_field *field;
    size_t at = 0, count = 0;

    while ((field = ml_guard_field(message, "Content-Length", &at))) {
        if (ml_str_uint(field->value, UINT32_MAX, &message->length) != 0)
            blame(message, ML_GUARD_FRAMING, "Bad Content-Length");
        else
            message->has_length = true;
        if (++count > 1)
            blame(message, ML_GUARD_FRAMING, "More Than One Content-Length");
    }
}

void ml_guard_cut(struct ml_str bytes, struct ml_guard_message *message)
{
    size_t begin = leading_crlf(bytes), at = begin;
    bool in_field = false;

    memset(message, 0, offsetof(struct ml_guard_message, fields));
    memset(&message->count, 0, sizeof *message - offsetof(struct ml_guard_message, count));
    while (at < bytes.n && message->head == 0) {
        const char *end = memchr(bytes.p + at, '\n', bytes.n - at);
        struct ml_str line = {bytes.p + at, end ? (size_t)(end - bytes.p) - at : bytes.n - at};

        at += line.n + 1;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        else if (end)
            blame(message, ML_GUARD_BYTES, "Line Without CRLF");
        if (line.n > ML_GUARD_MAX_LINE)
            blame(message, ML_GUARD_SIZE, "Line Too Long");
        check_bytes(message, line);
        if (line.p == bytes.p + begin)
            message->start = line;
        else if (line.n == 0 && end)
            message->head = at;
        else if (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
            fold_line(message, line, in_field);
        else if (line.n > 0)
            in_field = add_line(message, line);
    }
    for (size_t i = 0; i < message->count; i++)
        message->fields[i].value = ml_str_trim(message->fields[i].value);
    read_length(message);
    if (message->head == 0) {
        blame(message, ML_GUARD_FRAMING, "No Empty Line After Header");
        return;
    }
    message->body = (struct ml_str){bytes.p + message->head, bytes.n - message->head};
    if (message->has_length && message->length < message->body.n)
        message->body.n = (size_t)message->length;
}

/* Is the header block all there? False: not yet, or (*broken) it will never be. */
static bool has_head(struct ml_str bytes, size_t begin, bool *broken)
{
    size_t at = begin;

    *broken = true;
    while (at < bytes.n) {
        const char *end = memchr(bytes.p + at, '\n', bytes.n - at);
        size_t n = end ? (size_t)(end - bytes.p) - at : bytes.n - at;

        if (n > ML_GUARD_MAX_LINE + 1 || at - begin + n > ML_GUARD_MAX_MESSAGE)
            return false;
        if (!end)
            break;
        if (n == 0 || bytes.p[at + n - 1] != '\r')
            return false;
        if (n == 1)
            return true;
        at += n + 1;
    }
    *broken = false;
    return false;
}

enum ml_guard_frame ml_guard_frame(struct ml_str bytes, size_t *length)
{
    size_t begin = leading_crlf(bytes);
    struct ml_guard_message message;
    bool broken;

    *length = bytes.n + 1;
    if (begin == bytes.n && begin > 0) {
        *length = begin;
        return ML_GUARD_WHOLE;
    }
    if (!has_head(bytes, begin, &broken))
        return broken ? ML_GUARD_BROKEN : ML_GUARD_MORE;
    ml_guard_cut(bytes, &message);
    if (!message.has_length || message.fault == ML_GUARD_FRAMING ||
        message.fault == ML_GUARD_SIZE || message.fault == ML_GUARD_BYTES)
        return ML_GUARD_BROKEN;
    if (message.head - begin + message.length > ML_GUARD_MAX_MESSAGE)
        return ML_GUARD_BROKEN;
    *length = message.head + (size_t)message.length;
    return *length <= bytes.n ? ML_GUARD_WHOLE : ML_GUARD_MORE;
}

const struct ml_guard_field *ml_guard_field(const struct ml_guard_message *message,
                                            const char *name, size_t *at)
{
    struct ml_str wanted = ml_str(name);
    uint32_t key = key_of(wanted);

    while (*at < message->count) {
        const struct ml_guard_field *field = message->fields + (*at)++;

        if (field->key == key && (field->name.n == 1 || ml_str_ieq(field->name, wanted)))
            return field;
    }
    return NULL;
}
