/* The headers of a message as name and value pairs, names as received. Loop thread. */
#ifndef ML_SIP_HEADERS_H
#define ML_SIP_HEADERS_H

#include <stddef.h>

#include <sofia-sip/sip.h>

#include "core/base/str.h"
#include "core/sip/leg.h"

/* One block: free it with ml_free. Folded lines are joined. text is a whole message. */
struct ml_header *ml_headers_parse(struct ml_str text, size_t *count);
struct ml_header *ml_headers_copy(const struct ml_header *headers, size_t count);

/* The value of a parsed header, in memory of home; NULL when it cannot be written. In place of
 * sip_header_as_string, which loses the last word of what is longer than 127 bytes. */
char *ml_header_text(su_home_t *home, const sip_header_t *header);

#endif
