#include "core/text/xml_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

enum { MAX_ATTRIBUTES = 128 }; /* of one element; libxml2 compares each with each */

struct open_tag {
    struct ml_str name;
    struct ml_xml_place begin;
};

struct scanner {
    struct ml_str text;
    size_t at;
    struct ml_xml_place place;
    struct open_tag open[ML_XML_MAX_DEPTH];
    size_t depth;
    size_t nodes;
    struct ml_xml_tags *tags;
    struct ml_xml_error *error;
};

int ml_xml_refuse(struct ml_xml_error *error, int code, struct ml_xml_place at, const char *format,
                  ...)
{
    va_list args;

    error->line = at.line;
    error->column = at.column;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

void ml_xml_tags_fini(struct ml_xml_tags *tags)
{
    ml_free(tags->tag);
    ml_free(tags->attributes);
    *tags = (struct ml_xml_tags){0};
}

static char peek(const struct scanner *s)
{
    return s->at < s->text.n ? s->text.p[s->at] : '\0';
}

static void skip(struct scanner *s, size_t n)
{
    for (; n > 0 && s->at < s->text.n; n--, s->at++)
        ml_xml_step(&s->place, s->text.p[s->at],
                    s->at + 1 < s->text.n ? s->text.p[s->at + 1] : '\0');
}

static bool looking_at(const struct scanner *s, const char *what)
{
    struct ml_str rest = {s->text.p + s->at, s->text.n - s->at};

    return ml_str_starts(rest, ml_str(what));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct scanner *s)
{
    while (is_blank(peek(s)))
        skip(s, 1);
}

static bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (unsigned char)c >= 0x80;
}

static bool continues_name(char c)
{
    return begins_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Empty when there is none. */
static struct ml_str take_name(struct scanner *s)
{
    size_t begin = s->at;

    if (begins_name(peek(s))) {
        while (continues_name(peek(s)))
            skip(s, 1);
    }
    return (struct ml_str){s->text.p + begin, s->at - begin};
}

/* For "%.*s" in an error text, which holds 256 bytes. */
static int shown(struct ml_str name)
{
    return name.n > 60 ? 60 : (int)name.n;
}

static int skip_past(struct scanner *s, size_t opening, const char *end, const char *what)
{
    struct ml_xml_place begin = s->place;
    const char *found;

    skip(s, opening);
    found = memmem(s->text.p + s->at, s->text.n - s->at, end, strlen(end));
    if (!found)
        return ml_xml_refuse(s->error, ML_EPARSE, begin,
                             "the %s that begins here is never closed by %s", what, end);
    skip(s, (size_t)(found - s->text.p) - s->at + strlen(end));
    return ML_OK;
}

static int scan_declaration(struct scanner *s)
{
    if (looking_at(s, "<!--")) {
        int code = skip_past(s, 4, "--", "comment");

        if (code == ML_OK && peek(s) != '>')
            return ml_xml_refuse(s->error, ML_EPARSE, s->place,
                                 "\"--\" inside a comment: only \"-->\" may follow, at its end");
        skip(s, 1);
        return code;
    }
    if (looking_at(s, "<![CDATA["))
        return skip_past(s, 9, "]]>", "CDATA section");
    if (looking_at(s, "<!DOCTYPE") || looking_at(s, "<!doctype"))
        return ml_xml_refuse(s->error, ML_EREFUSED, s->place,
                             "<!DOCTYPE ...> is not accepted: remove it, and write characters in "
                             "place of entities it declares");
    return ml_xml_refuse(s->error, ML_EPARSE, s->place,
                         "\"<!\" begins neither a comment nor a CDATA section here");
}

static void *room_for_one(void *items, size_t count, size_t *size, size_t item)
{
    if (count < *size)
        return items;
    *size = *size ? *size * 2 : 32;
    return ml_realloc(items, *size * item);
}

static void add_attribute(struct ml_xml_tags *tags, struct ml_str name, struct ml_xml_place place)
{
    tags->attributes = room_for_one(tags->attributes, tags->attribute_count, &tags->attribute_size,
                                    sizeof *tags->attributes);
    tags->attributes[tags->attribute_count++] = (struct ml_xml_name){
        name, place, ml_str_eq(name, ML_STR("xmlns")) || ml_str_starts(name, ML_STR("xmlns:"))};
}

static void add_tag(struct ml_xml_tags *tags, struct ml_xml_tag tag)
{
    tags->tag = room_for_one(tags->tag, tags->count, &tags->size, sizeof *tags->tag);
    tags->tag[tags->count++] = tag;
}

static int count_node(struct scanner *s)
{
    if (++s->nodes > ML_XML_MAX_NODES)
        return ml_xml_refuse(s->error, ML_ELIMIT, s->place, "more than %d nodes in one document",
                             ML_XML_MAX_NODES);
    return ML_OK;
}

/* The value with its quotes; name is the attribute's. */
static int scan_value(struct scanner *s, struct ml_str name)
{
    struct ml_xml_place begin = s->place;
    char quote = peek(s);

    if (quote != '"' && quote != '\'')
        return ml_xml_refuse(s->error, ML_EPARSE, begin,
                             "the value of attribute %.*s must stand in quotes", shown(name),
                             name.p);
    skip(s, 1);
    while (s->at < s->text.n && peek(s) != quote) {
        if (peek(s) == '<')
            return ml_xml_refuse(s->error, ML_EPARSE, s->place,
                                 "'<' in the value of attribute %.*s: write &lt;, or close its "
                                 "quote (%c)",
                                 shown(name), name.p, quote);
        skip(s, 1);
    }
    if (s->at == s->text.n)
        return ml_xml_refuse(s->error, ML_EPARSE, begin,
                             "the quote of attribute %.*s is never closed", shown(name), name.p);
    skip(s, 1);
    return ML_OK;
}

static int scan_attribute(struct scanner *s, struct ml_xml_tag *tag)
{
    struct ml_xml_place begin = s->place;
    struct ml_str name = take_name(s);

    if (name.n == 0)
        return ml_xml_refuse(s->error, ML_EPARSE, begin,
                             s->at == s->text.n ? "the document ends inside a tag"
                                                : "expected an attribute, '>' or '/>' here");
    if (++tag->attribute_count > MAX_ATTRIBUTES)
        return ml_xml_refuse(s->error, ML_ELIMIT, begin, "more than %d attributes on one element",
                             MAX_ATTRIBUTES);
    add_attribute(s->tags, name, begin);
    skip_blanks(s);
    if (peek(s) != '=')
        return ml_xml_refuse(s->error, ML_EPARSE, begin,
                             "attribute %.*s has no value: write %.*s=\"...\"", shown(name), name.p,
                             shown(name), name.p);
    skip(s, 1);
    skip_blanks(s);
    return scan_value(s, name);
}

static int scan_attributes(struct scanner *s, struct ml_xml_tag *tag)
{
    for (;;) {
        bool blank = is_blank(peek(s));
        int code;

        skip_blanks(s);
        if (peek(s) == '>' || looking_at(s, "/>"))
            return ML_OK;
        if (!blank && begins_name(peek(s)))
            return ml_xml_refuse(s->error, ML_EPARSE, s->place,
                                 "a blank is missing before this attribute");
        code = scan_attribute(s, tag);
        if (code != ML_OK)
            return code;
    }
}

static int open_element(struct scanner *s, struct ml_str name, struct ml_xml_place begin)
{
    if (s->depth == ML_XML_MAX_DEPTH)
        return ml_xml_refuse(s->error, ML_ELIMIT, begin, "elements are nested more than %d deep",
                             ML_XML_MAX_DEPTH);
    s->open[s->depth++] = (struct open_tag){name, begin};
    return ML_OK;
}

static int scan_start(struct scanner *s)
{
    struct ml_xml_tag tag = {.begin = s->place, .first_attribute = s->tags->attribute_count};
    struct ml_str name;
    int code;

    skip(s, 1);
    name = take_name(s);
    if (name.n == 0)
        return ml_xml_refuse(s->error, ML_EPARSE, tag.begin,
                             "'<' does not begin a tag here: in text write &lt;");
    code = scan_attributes(s, &tag);
    if (code == ML_OK)
        code = count_node(s);
    if (code != ML_OK)
        return code;
    tag.is_empty = peek(s) == '/';
    skip(s, tag.is_empty ? 2 : 1);
    tag.name = name;
    tag.after = s->place;
    add_tag(s->tags, tag);
    return tag.is_empty ? ML_OK : open_element(s, name, tag.begin);
}

static int scan_end(struct scanner *s)
{
    struct ml_xml_tag tag = {.begin = s->place, .is_end = true};
    struct open_tag *top = s->depth > 0 ? &s->open[s->depth - 1] : NULL;
    struct ml_str name;

    skip(s, 2);
    name = take_name(s);
    skip_blanks(s);
    if (name.n == 0 || peek(s) != '>')
        return ml_xml_refuse(s->error, ML_EPARSE, tag.begin, "this end tag is not closed by '>'");
    if (!top)
        return ml_xml_refuse(s->error, ML_EPARSE, tag.begin, "</%.*s> closes nothing", shown(name),
                             name.p);
    if (!ml_str_eq(name, top->name))
        return ml_xml_refuse(s->error, ML_EPARSE, tag.begin,
                             "</%.*s> where </%.*s> was expected: <%.*s> of %d:%d is still open",
                             shown(name), name.p, shown(top->name), top->name.p, shown(top->name),
                             top->name.p, top->begin.line, top->begin.column);
    skip(s, 1);
    s->depth--;
    tag.after = s->place;
    add_tag(s->tags, tag);
    return ML_OK;
}

static int scan_markup(struct scanner *s)
{
    if (looking_at(s, "<!"))
        return scan_declaration(s);
    if (looking_at(s, "<?"))
        return skip_past(s, 2, "?>", "processing instruction");
    if (looking_at(s, "</"))
        return scan_end(s);
    return scan_start(s);
}

static int scan_text(struct scanner *s)
{
    struct ml_str rest = {s->text.p + s->at, s->text.n - s->at};
    const char *next = memchr(rest.p, '<', rest.n);
    const char *end = memmem(rest.p, next ? (size_t)(next - rest.p) : rest.n, "]]>", 3);
    int code = count_node(s);

    if (code == ML_OK && end) {
        skip(s, (size_t)(end - rest.p));
        code = ml_xml_refuse(s->error, ML_EPARSE, s->place, "\"]]>\" in text: write ]]&gt;");
    }
    skip(s, next ? (size_t)(next - rest.p) : rest.n);
    return code;
}

int ml_xml_scan(struct ml_str text, struct ml_xml_tags *tags, struct ml_xml_error *error)
{
    struct scanner s = {.text = text, .place = {1, 1}, .tags = tags, .error = error};

    while (s.at < text.n) {
        int code = peek(&s) == '<' ? scan_markup(&s) : scan_text(&s);

        if (code != ML_OK)
            return code;
    }
    if (s.depth > 0)
        return ml_xml_refuse(error, ML_EPARSE, s.open[s.depth - 1].begin,
                             "<%.*s> is never closed: </%.*s> is missing",
                             shown(s.open[s.depth - 1].name), s.open[s.depth - 1].name.p,
                             shown(s.open[s.depth - 1].name), s.open[s.depth - 1].name.p);
    return ML_OK;
}
