/* The parameters of a digest challenge or of its answer: `Digest name=value, name="value", ...`.
 * Owner: the caller. Any thread. */
#ifndef ML_SIP_AUTH_PARAMS_H
#define ML_SIP_AUTH_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"

enum {
    ML_AUTH_MAX_BYTES = 4096, /* a challenge with all known parameters has some 300 */
    ML_AUTH_MAX_PARAMS = 32
};

struct ml_auth_param {
    struct ml_str name;
    char *value; /* without quotes and escapes */
};

struct ml_auth_params {
    struct ml_auth_param params[ML_AUTH_MAX_PARAMS];
    size_t count;
};

/* text is borrowed until fini. ML_EREFUSED: another scheme than Digest. ML_EPARSE: not of that
 * form, too long, too many, one name twice, or a control character in a value. */
int ml_auth_params_init(struct ml_auth_params *params, struct ml_str text);
void ml_auth_params_fini(struct ml_auth_params *params);
/* NULL when it is not there. */
const char *ml_auth_param(const struct ml_auth_params *params, const char *name);
/* name="value", with a backslash before quotes and backslashes. */
void ml_auth_quote(struct ml_buf *buf, const char *name, const char *value);
/* Can the text be carried in a quoted string: no control characters but the tab? */
bool ml_auth_is_quotable(const char *text);

#endif
