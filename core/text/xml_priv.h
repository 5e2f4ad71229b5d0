/* What the files of xml share: bytes -> checked UTF-8 (xml_decode.c) -> places of all tags
 * (xml_scan.c) -> tree (xml.c). Nobody else includes this. Any thread. */
#ifndef ML_TEXT_XML_PRIV_H
#define ML_TEXT_XML_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"
#include "core/text/xml.h"

struct ml_xml_place {
    int line, column;
};

struct ml_xml_name {
    struct ml_str text; /* with its prefix, in the source */
    struct ml_xml_place place;
    bool is_namespace; /* xmlns or xmlns:...: libxml2 does not count it among the attributes */
};

/* A start tag or an end tag, in the order of the document. */
struct ml_xml_tag {
    struct ml_str name;
    struct ml_xml_place begin; /* of '<' */
    struct ml_xml_place after; /* of the character behind '>' */
    bool is_end, is_empty;
    size_t first_attribute, attribute_count; /* in ml_xml_tags.attributes */
};

struct ml_xml_tags {
    struct ml_xml_tag *tag;
    size_t count, size;
    struct ml_xml_name *attributes;
    size_t attribute_count, attribute_size;
};

/* Fills *error and returns code. */
int ml_xml_refuse(struct ml_xml_error *error, int code, struct ml_xml_place at, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* The place of an offset in UTF-8 text. */
struct ml_xml_place ml_xml_place_of(struct ml_str text, size_t offset);
/* Moves a place over one byte of UTF-8 text; next is the byte after it, or 0. */
void ml_xml_step(struct ml_xml_place *place, char byte, char next);

/* Adds the document to *text as UTF-8 without BOM: only characters that XML 1.0 allows. */
int ml_xml_decode(struct ml_str bytes, struct ml_buf *text, struct ml_xml_error *error);

/* Checks the lexical form, the nesting and the caps of all tags, so that libxml2 sees the same tags
 * as we do and nothing that costs it more than linear time. Refuses DOCTYPE. tags is zeroed. */
int ml_xml_scan(struct ml_str text, struct ml_xml_tags *tags, struct ml_xml_error *error);
void ml_xml_tags_fini(struct ml_xml_tags *tags);

#endif
