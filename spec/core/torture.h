/* Reads the files of spec/torture: messages written down as text, each with what must come back. */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"

enum { TORTURE_MAX = 100 };

struct torture {
    char *name, *section, *transport;
    char *wanted[2]; /* by UDP, by a stream */
    struct ml_buf bytes;
};

struct torture_file {
    struct torture messages[TORTURE_MAX];
    size_t count;
};

/* \{sdp ORIGIN CONNECTION} */
static inline void torture_sdp(struct ml_buf *bytes, struct ml_str name)
{
    struct ml_str word, origin;

    ml_str_cut(&name, ' ', &word);
    ml_str_cut(&name, ' ', &origin);
    if (!ml_str_eq(word, ML_STR("sdp")) || !name.p)
        abort();
    ml_buf_printf(bytes,
                  "v=0\r\no=mhandley 29739 7272939 IN IP4 %.*s\r\ns=-\r\nc=IN IP4 %.*s\r\nt=0 0\r\n"
                  "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n",
                  (int)origin.n, origin.p, (int)name.n, name.p);
}

/* \(N*text); \n in the text is a line end */
static inline void torture_repeat(struct ml_buf *bytes, struct ml_str text)
{
    struct ml_str number;
    uint64_t times;

    ml_str_cut(&text, '*', &number);
    if (ml_str_uint(number, 100000, &times) != 0 || !text.p)
        abort();
    while (times-- > 0)
        for (size_t i = 0; i < text.n; i++) {
            bool line_end = text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] == 'n';

            if (line_end)
                ml_buf_str(bytes, "\r\n");
            else
                ml_buf_add(bytes, text.p + i, 1);
            i += line_end;
        }
}

static inline struct ml_str torture_inside(const char *text, char end)
{
    const char *close = strchr(text, end);

    if (!close)
        abort();
    return (struct ml_str){text, (size_t)(close - text)};
}

static inline void torture_line(struct ml_buf *bytes, const char *line)
{
    char hex[3] = "";

    for (; *line; line++) {
        struct ml_str inside = {NULL, 0};

        if (*line != '\\') {
            ml_buf_add(bytes, line, 1);
            continue;
        }
        switch (*++line) {
        case '\0':
            return;
        case 'x':
            memcpy(hex, line + 1, 2);
            ml_buf_add(bytes, (char[]){(char)strtol(hex, NULL, 16)}, 1);
            line += 2;
            break;
        case '(':
            inside = torture_inside(line + 1, ')');
            torture_repeat(bytes, inside);
            break;
        case '{':
            inside = torture_inside(line + 1, '}');
            torture_sdp(bytes, inside);
            break;
        default:
            ml_buf_add(bytes, line, 1);
            break;
        }
        line += inside.p ? inside.n + 1 : 0;
    }
    ml_buf_str(bytes, "\r\n");
}

/* "== name section transport; by UDP[; by a stream]" */
static inline void torture_head(struct torture *message, const char *line)
{
    struct ml_str rest = ml_str(line + 3), words, one;

    ml_str_cut(&rest, ';', &words);
    ml_str_cut(&words, ' ', &one);
    message->name = ml_str_dup(one);
    ml_str_cut(&words, ' ', &one);
    message->section = ml_str_dup(one);
    message->transport = ml_str_dup(words);
    ml_str_cut(&rest, ';', &one);
    message->wanted[0] = ml_str_dup(ml_str_trim(one));
    message->wanted[1] = ml_str_dup(ml_str_trim(rest.p ? rest : one));
}

static inline void torture_read(struct torture_file *file, const char *name)
{
    char path[512], line[4096];
    FILE *stream;

    snprintf(path, sizeof path, "%s/spec/torture/%s", ML_SOURCE_DIR, name);
    stream = fopen(path, "r");
    if (!stream)
        abort();
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "== ", 3) == 0) {
            if (file->count == TORTURE_MAX)
                abort();
            torture_head(&file->messages[file->count++], line);
        } else if (file->count > 0) {
            torture_line(&file->messages[file->count - 1].bytes, line);
        }
    }
    fclose(stream);
}

static inline void torture_free(struct torture_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        struct torture *message = file->messages + i;

        ml_free(message->name);
        ml_free(message->section);
        ml_free(message->transport);
        ml_free(message->wanted[0]);
        ml_free(message->wanted[1]);
        ml_buf_fini(&message->bytes);
    }
}

#endif
