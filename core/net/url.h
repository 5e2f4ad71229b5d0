/* Pieces of URLs. Any thread. */
#ifndef ML_NET_URL_H
#define ML_NET_URL_H

#include "core/base/str.h"

/* Adds text percent-encoded: letters, digits and -_.~ stay (RFC 3986 2.3). */
void ml_url_escape(struct ml_buf *out, struct ml_str text);

#endif
