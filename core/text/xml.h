/* XML to a read-only tree with line and column, by libxml2 locked down: no network, no DOCTYPE at
 * all, no entities beyond the five and character references, caps on size, depth and nodes.
 * Owner: the caller of ml_xml_parse. Any thread. */
#ifndef ML_TEXT_XML_H
#define ML_TEXT_XML_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"

enum {
    ML_XML_MAX_BYTES = 1 << 20, /* a document above 1 MB is not TwiML */
    ML_XML_MAX_DEPTH = 32,
    ML_XML_MAX_NODES = 20000
};

struct ml_xml_attribute {
    const char *name, *value;
    int line, column; /* of the name, from 1, columns in characters */
};

enum ml_xml_kind { ML_XML_ELEMENT, ML_XML_TEXT };

struct ml_xml_node {
    enum ml_xml_kind kind;
    const char *name; /* with its prefix as written; NULL for text */
    const char *text; /* of a text node; NULL for an element. CDATA and what stands around comments
                         is one text; text of blanks alone is there, too */
    int line, column; /* of '<', or of the first character */
    const struct ml_xml_attribute *attributes; /* as written, without xmlns declarations */
    size_t attribute_count;
    const struct ml_xml_node *const *children;
    size_t child_count;
};

struct ml_xml; /* the document */

struct ml_xml_error {
    int line, column;
    char text[256]; /* what is wrong and how to mend it */
};

/* UTF-8, UTF-16, ISO-8859-1 and windows-1252. ML_EPARSE: not XML; ML_EREFUSED: a DOCTYPE;
 * ML_ELIMIT: a cap. error (may be NULL) is filled on failure. */
int ml_xml_parse(struct ml_str bytes, struct ml_xml **xmlp, struct ml_xml_error *error);
const struct ml_xml_node *ml_xml_root(const struct ml_xml *xml);
void ml_xml_free(struct ml_xml *xml);

#endif
