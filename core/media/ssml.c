#include "core/media/ssml.h"

#include <ctype.h>
#include <string.h>

static bool is_kept(struct ml_str name)
{
    static const char *const kept[] = {"speak", "p",      "s",     "break", "emphasis", "prosody",
                                       "sub",   "say-as", "voice", "w",     "phoneme",  "lang"};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (ml_str_eq(name, ml_str(kept[i])))
            return true;
    return false;
}

/* The name of the tag that begins at text, without the slash of an end tag. */
static struct ml_str name_of(struct ml_str text)
{
    struct ml_str name = {text.p + 1, 0};

    if (text.n > 1 && *name.p == '/')
        name.p++;
    while (name.p + name.n < text.p + text.n &&
           (isalnum((unsigned char)name.p[name.n]) || name.p[name.n] == '-' ||
            name.p[name.n] == ':' || name.p[name.n] == '_'))
        name.n++;
    return name;
}

/* Of the tag, with its ">"; all that is left when there is none. A ">" in quotes ends none. */
static size_t length_of(struct ml_str text)
{
    char quote = 0;

    for (size_t i = 1; i < text.n; i++) {
        if (quote)
            quote = text.p[i] == quote ? 0 : quote;
        else if (text.p[i] == '"' || text.p[i] == '\'')
            quote = text.p[i];
        else if (text.p[i] == '>')
            return i + 1;
    }
    return text.n;
}

char *ml_ssml_clean(struct ml_str markup)
{
    struct ml_buf out = {NULL, 0, 0};

    while (markup.n > 0) {
        const char *tag = memchr(markup.p, '<', markup.n);
        size_t before = tag ? (size_t)(tag - markup.p) : markup.n, length;

        ml_buf_add(&out, markup.p, before);
        markup = (struct ml_str){markup.p + before, markup.n - before};
        if (markup.n == 0)
            break;
        length = length_of(markup);
        if (is_kept(name_of(markup)) && markup.p[length - 1] == '>')
            ml_buf_add(&out, markup.p, length);
        else
            ml_buf_add(&out, " ", 1);
        markup = (struct ml_str){markup.p + length, markup.n - length};
    }
    return ml_buf_take(&out);
}
