/* The headers of a message: its lines as received, and lists of name and value. Loop thread. */
#ifndef ML_SIP_HEADERS_H
#define ML_SIP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include <sofia-sip/sip.h>

#include "core/base/str.h"
#include "core/sip/leg.h"

/* "Name: value" lines, each ended by CRLF, folded ones joined. Free it with ml_free. As received
 * while msg is delivered; of one that was kept for later, as sofia writes them. */
char *ml_headers_lines(const sip_t *sip, const msg_t *msg);
/* Takes the first header out of such lines; false when none is left. */
bool ml_headers_next(struct ml_str *lines, struct ml_str *name, struct ml_str *value);
/* One block: free it with ml_free. */
struct ml_header *ml_headers_copy(const struct ml_header *headers, size_t count);

/* The value of a parsed header, in memory of home; NULL when it cannot be written. In place of
 * sip_header_as_string, which loses the last word of what is longer than 127 bytes. */
char *ml_header_text(su_home_t *home, const sip_header_t *header);

#endif
