/* Base64 with padding (RFC 4648 section 4). Any thread. */
#ifndef ML_TEXT_BASE64_H
#define ML_TEXT_BASE64_H

#include <stdint.h>

#include "core/base/str.h"

void ml_base64_encode(struct ml_buf *out, const uint8_t *bytes, size_t n);
/* Adds the bytes. ML_EPARSE, and out is as it was, for anything but the strict form: other letters,
 * white space, a wrong length or padding. */
int ml_base64_decode(struct ml_buf *out, struct ml_str text);

#endif
