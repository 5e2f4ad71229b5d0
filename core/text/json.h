/* JSON (RFC 8259) as far as core needs it: checked whole, a member looked up, texts in and out.
 * What comes from outside is checked before anything of it is used. Any thread. */
#ifndef ML_TEXT_JSON_H
#define ML_TEXT_JSON_H

#include "core/base/str.h"

/* Is it one value, nested at most 32 deep? */
bool ml_json_is_valid(struct ml_str text);
/* The raw value of a member of a checked object; the first of several. False: there is none, or it
 * is no object. A name with escapes is not found. */
bool ml_json_member(struct ml_str object, const char *name, struct ml_str *value);
/* Adds what a raw text value says, in UTF-8. ML_EPARSE, and out is as it was: not a text, or one
 * with half a surrogate pair. */
int ml_json_text(struct ml_buf *out, struct ml_str value);
/* Adds a text, quoted; what is no UTF-8 is the caller's business. */
void ml_json_quote(struct ml_buf *out, struct ml_str text);

#endif
