#include "core/sip/headers.h"

#include <string.h>

#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "core/base/mem.h"
#include "core/sip/guard.h"

enum { TEXT_MAX = 65536 }; /* twice the largest message */

/* Adds lines with the folded ones joined. */
static void add_unfolded(struct ml_buf *text, struct ml_str lines)
{
    while (lines.n > 0) {
        const char *end = memchr(lines.p, '\n', lines.n);
        size_t n = end ? (size_t)(end - lines.p) + 1 : lines.n, kept = n;

        if (n < lines.n && (lines.p[n] == ' ' || lines.p[n] == '\t'))
            kept = n - (n > 1 && lines.p[n - 2] == '\r' ? 2 : 1);
        ml_buf_add(text, lines.p, kept);
        lines = (struct ml_str){lines.p + n, lines.n - n};
    }
}

/* As sofia writes it. */
static void add_written(struct ml_buf *lines, const msg_header_t *header)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    bool unknown = header->sh_class == sip_unknown_class;
    const char *name = unknown ? header->sh_unknown->un_name : header->sh_class->hc_name;
    const char *value =
        unknown ? header->sh_unknown->un_value : ml_header_text(home, (const sip_header_t *)header);

    if (name && value) {
        ml_buf_str(lines, name);
        ml_buf_add(lines, ": ", 2);
        ml_buf_str(lines, value);
        ml_buf_add(lines, "\r\n", 2);
    }
    su_home_deinit(home);
}

char *ml_headers_lines(const sip_t *sip, const msg_t *msg)
{
    const void *first = sip->sip_request ? (const void *)sip->sip_request : sip->sip_status;
    struct ml_str received = ml_guard_lines(msg);
    struct ml_buf lines = {0};

    if (received.p) {
        add_unfolded(&lines, received);
        return ml_buf_take(&lines);
    }
    for (const msg_header_t *header = ((const msg_header_t *)first)->sh_succ;
         header && header->sh_class != sip_separator_class; header = header->sh_succ)
        add_written(&lines, header);
    return ml_buf_take(&lines);
}

bool ml_headers_next(struct ml_str *lines, struct ml_str *name, struct ml_str *value)
{
    struct ml_str line;

    while (lines->n > 0 && ml_str_cut(lines, '\n', &line)) {
        if (!ml_str_cut(&line, ':', name) || !line.p)
            continue;
        *name = ml_str_trim(*name);
        *value = ml_str_trim(line);
        return true;
    }
    return false;
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
