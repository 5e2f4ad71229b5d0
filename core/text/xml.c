#include "core/text/xml.h"

#include <pthread.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "core/base/mem.h"
#include "core/text/xml_priv.h"

enum { BLOCK = 4096 };

/* Everything of a document lies in these and goes with it. */
struct block {
    struct block *next;
    size_t used, size;
    max_align_t bytes[];
};

struct node {
    struct ml_xml_node shown; /* first, so that a node is one of these */
    struct node *parent, *first, *last, *next;
    bool is_empty_tag;
};

struct ml_xml {
    struct block *blocks;
    struct node *root;
};

struct build {
    struct ml_xml *xml;
    struct ml_str source;
    struct ml_xml_tags tags;
    size_t next_tag;
    struct node *open;
    struct ml_buf text; /* characters since the last tag */
    struct ml_xml_place text_place;
    xmlParserCtxtPtr parser;
    struct ml_xml_error *error;
    int code;
};

static void *arena(struct ml_xml *xml, size_t n)
{
    size_t need = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct block *block = xml->blocks;
    void *room;

    if (!block || block->size - block->used < need) {
        size_t size = need > BLOCK ? need : BLOCK;

        block = ml_alloc(sizeof *block + size);
        block->size = size;
        block->next = xml->blocks;
        xml->blocks = block;
    }
    room = (char *)block->bytes + block->used;
    block->used += need;
    return room;
}

static const char *keep(struct ml_xml *xml, const char *text, size_t n)
{
    char *copy = arena(xml, n + 1);

    memcpy(copy, text, n);
    return copy;
}

static struct node *add_node(struct build *b, enum ml_xml_kind kind, struct ml_xml_place place)
{
    struct node *node = arena(b->xml, sizeof *node);

    node->shown.kind = kind;
    node->shown.line = place.line;
    node->shown.column = place.column;
    node->parent = b->open;
    if (!b->open) {
        b->xml->root = node;
    } else {
        if (b->open->last)
            b->open->last->next = node;
        else
            b->open->first = node;
        b->open->last = node;
        b->open->shown.child_count++;
    }
    return node;
}

static void flush_text(struct build *b)
{
    struct node *node;

    if (b->text.n == 0 || !b->open)
        return;
    node = add_node(b, ML_XML_TEXT, b->text_place);
    node->shown.text = keep(b->xml, b->text.p, b->text.n);
    b->text.n = 0;
}

/* libxml2 gives '&' as "&#38;" in values, as it does for its own trees; nothing else stays escaped.
 */
static const char *keep_value(struct ml_xml *xml, const char *value, const char *end)
{
    static const char ampersand[] = "&#38;";
    char *copy = arena(xml, (size_t)(end - value) + 1);
    size_t n = 0;

    while (value < end) {
        copy[n++] = *value;
        value += end - value >= 5 && memcmp(value, ampersand, 5) == 0 ? 5 : 1;
    }
    return copy;
}

/* Each of libxml2's attributes is five pointers, the last two the value's begin and end. */
static void add_attributes(struct build *b, struct node *node, const struct ml_xml_tag *tag,
                           const xmlChar **five, size_t count)
{
    const struct ml_xml_name *name = b->tags.attributes + tag->first_attribute;
    struct ml_xml_attribute *list = arena(b->xml, count * sizeof *list);
    size_t n = 0;

    for (size_t i = 0; i < tag->attribute_count && n < count; i++) {
        if (name[i].is_namespace)
            continue;
        list[n].name = keep(b->xml, name[i].text.p, name[i].text.n);
        list[n].value =
            keep_value(b->xml, (const char *)five[5 * n + 3], (const char *)five[5 * n + 4]);
        list[n].line = name[i].place.line;
        list[n].column = name[i].place.column;
        n++;
    }
    node->shown.attributes = list;
    node->shown.attribute_count = n;
}

static const struct ml_xml_tag *take_tag(struct build *b, bool is_end)
{
    const struct ml_xml_tag *tag = NULL;

    if (b->next_tag < b->tags.count && b->tags.tag[b->next_tag].is_end == is_end) {
        tag = &b->tags.tag[b->next_tag++];
        b->text_place = tag->after;
    } else {
        b->code = ml_xml_refuse(b->error, ML_EPARSE, b->text_place, "the tags cannot be read");
        xmlStopParser(b->parser);
    }
    return tag;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **namespace, int attributes, int defaulted,
                     const xmlChar **attribute)
{
    struct build *b = user;
    const struct ml_xml_tag *tag;
    struct node *node;

    (void)name, (void)prefix, (void)uri, (void)namespaces, (void)namespace, (void)defaulted;
    flush_text(b);
    tag = take_tag(b, false);
    if (!tag)
        return;
    node = add_node(b, ML_XML_ELEMENT, tag->begin);
    node->shown.name = keep(b->xml, tag->name.p, tag->name.n);
    node->is_empty_tag = tag->is_empty;
    add_attributes(b, node, tag, attribute, (size_t)attributes);
    b->open = node;
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct build *b = user;
    struct node *node = b->open;
    const struct ml_xml_node **children;
    size_t i = 0;

    (void)name, (void)prefix, (void)uri;
    if (!node)
        return;
    flush_text(b);
    if (!node->is_empty_tag && !take_tag(b, true))
        return;
    children = arena(b->xml, node->shown.child_count * sizeof *children);
    for (struct node *child = node->first; child; child = child->next)
        children[i++] = &child->shown;
    node->shown.children = children;
    b->open = node->parent;
}

static void on_text(void *user, const xmlChar *text, int n)
{
    struct build *b = user;

    if (b->open && n > 0)
        ml_buf_add(&b->text, text, (size_t)n);
}

/* The place of the last such character before where the parser stands. */
static struct ml_xml_place place_before(const struct build *b, char character)
{
    const xmlParserInput *input = b->parser->input;
    size_t at = input->consumed + (size_t)(input->cur - input->base);

    if (at > b->source.n)
        at = b->source.n;
    for (size_t i = at; character && i-- > 0;) {
        if (b->source.p[i] == character)
            return ml_xml_place_of(b->source, i);
    }
    return ml_xml_place_of(b->source, at);
}

/* What the scan leaves to libxml2: references, double attributes, what stands around the root. */
static void explain(struct build *b, const xmlError *e)
{
    const char *detail = e->str1 ? e->str1 : "";

    switch (e->code) {
    case XML_ERR_UNDECLARED_ENTITY:
    case XML_WAR_UNDECLARED_ENTITY:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '&'),
                      "&%.60s; is not known: XML has &amp; &lt; &gt; &quot; &apos; and numbers "
                      "like &#160;",
                      detail);
        break;
    case XML_ERR_NAME_REQUIRED:
    case XML_ERR_ENTITYREF_SEMICOL_MISSING:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '&'), "'&' must be written &amp;");
        break;
    case XML_ERR_INVALID_HEX_CHARREF:
    case XML_ERR_INVALID_DEC_CHARREF:
    case XML_ERR_INVALID_CHARREF:
    case XML_ERR_INVALID_CHAR:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '&'),
                      "this reference does not name a character of XML");
        break;
    case XML_ERR_ATTRIBUTE_REDEFINED:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '<'),
                      "attribute %.60s is given twice: keep one", detail);
        break;
    case XML_ERR_DOCUMENT_EMPTY:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '\0'),
                      "no element here: the document must begin with '<'");
        break;
    case XML_ERR_DOCUMENT_END:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '\0'),
                      "something follows the end of the root element: remove it");
        break;
    default:
        ml_xml_refuse(b->error, ML_EPARSE, place_before(b, '\0'), "%.*s",
                      (int)strcspn(e->message ? e->message : "not XML", "\r\n"),
                      e->message ? e->message : "not XML");
        break;
    }
}

/* An undeclared prefix is an error of namespaces, not of XML: names are used as written. */
static void on_error(void *user, xmlErrorPtr e)
{
    struct build *b = user;

    if (b->code != ML_OK || e->domain == XML_FROM_NAMESPACE || e->level < XML_ERR_ERROR)
        return;
    b->code = ML_EPARSE;
    explain(b, e);
}

static void run_parser(struct build *b)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    xmlSAXHandler sax = {.startElementNs = on_start,
                         .endElementNs = on_end,
                         .characters = on_text,
                         .ignorableWhitespace = on_text,
                         .cdataBlock = on_text,
                         .serror = on_error,
                         .initialized = XML_SAX2_MAGIC};

    pthread_once(&once, xmlInitParser);
    b->parser = xmlCreateMemoryParserCtxt(b->source.p, (int)b->source.n);
    if (!b->parser) {
        b->code = ml_xml_refuse(b->error, ML_EPARSE, (struct ml_xml_place){1, 1}, "not XML");
        return;
    }
    *b->parser->sax = sax;
    b->parser->userData = b;
    xmlCtxtUseOptions(b->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    xmlParseDocument(b->parser);
    if (b->code == ML_OK && (!b->parser->wellFormed || !b->xml->root || b->open))
        b->code = ml_xml_refuse(b->error, ML_EPARSE, b->text_place, "not well-formed XML");
    xmlFreeDoc(b->parser->myDoc);
    xmlFreeParserCtxt(b->parser);
}

static int build_tree(struct ml_str text, struct ml_xml **xmlp, struct ml_xml_error *error)
{
    struct build b = {.source = text, .error = error};

    b.code = ml_xml_scan(text, &b.tags, error);
    if (b.code == ML_OK) {
        b.xml = ml_alloc(sizeof *b.xml);
        run_parser(&b);
    }
    ml_xml_tags_fini(&b.tags);
    ml_buf_fini(&b.text);
    if (b.code == ML_OK)
        *xmlp = b.xml;
    else
        ml_xml_free(b.xml);
    return b.code;
}

int ml_xml_parse(struct ml_str bytes, struct ml_xml **xmlp, struct ml_xml_error *error)
{
    struct ml_xml_place top = {1, 1};
    struct ml_xml_error unused;
    struct ml_buf text = {0};
    int code;

    if (!error)
        error = &unused;
    if (bytes.n > ML_XML_MAX_BYTES)
        return ml_xml_refuse(error, ML_ELIMIT, top, "%zu bytes: a document has at most %d", bytes.n,
                             ML_XML_MAX_BYTES);
    if (bytes.n == 0)
        return ml_xml_refuse(error, ML_EPARSE, top, "the document is empty");
    code = ml_xml_decode(bytes, &text, error);
    if (code == ML_OK && ml_str_trim((struct ml_str){text.p, text.n}).n == 0)
        code = ml_xml_refuse(error, ML_EPARSE, top, "the document is empty");
    if (code == ML_OK)
        code = build_tree((struct ml_str){text.p, text.n}, xmlp, error);
    ml_buf_fini(&text);
    return code;
}

const struct ml_xml_node *ml_xml_root(const struct ml_xml *xml)
{
    return &xml->root->shown;
}

void ml_xml_free(struct ml_xml *xml)
{
    if (!xml)
        return;
    while (xml->blocks) {
        struct block *block = xml->blocks;

        xml->blocks = block->next;
        ml_free(block);
    }
    ml_free(xml);
}
