/* The house's table of calls: sid -> what everybody may know of it (policy of every generation,
 * /health, REST). Plain values, keyed by sid. Owner: the program. Loop thread. */
#ifndef ML_HOUSE_CALLS_H
#define ML_HOUSE_CALLS_H

#include <stddef.h>

#include "core/base/error.h"

struct ml_calls;

int ml_calls_new(struct ml_calls **callsp);
void ml_calls_free(struct ml_calls *calls);
/* Sets fields of a call's record (made when new): name, value pairs; a NULL value removes a field.
 */
void ml_calls_set(struct ml_calls *calls, const char *sid, const char *const *pairs, size_t count);
/* NULL: no such call or field. */
const char *ml_calls_get(const struct ml_calls *calls, const char *sid, const char *field);
void ml_calls_remove(struct ml_calls *calls, const char *sid);
size_t ml_calls_count(const struct ml_calls *calls);

/* visit returns 0 to go on. Order: oldest first. */
typedef int ml_calls_visit_fn(const char *sid, const char *const *pairs, size_t count, void *user);
void ml_calls_each(const struct ml_calls *calls, ml_calls_visit_fn *visit, void *user);

#endif
