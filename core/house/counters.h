/* Counters that outlive calls and generations of policy: name -> how often, since the start.
 * Owner: the program. Loop thread. */
#ifndef ML_HOUSE_COUNTERS_H
#define ML_HOUSE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

struct ml_counters;

struct ml_counters *ml_counters_new(void);
void ml_counters_free(struct ml_counters *counters);
/* Adds to a counter, which begins with 0. Past 1,000 names a new one is left out: a name must not
 * come from outside. */
void ml_counters_add(struct ml_counters *counters, const char *name, int64_t more);

/* In the order in which the names came. */
typedef void ml_counters_visit_fn(const char *name, int64_t value, void *user);
void ml_counters_each(const struct ml_counters *counters, ml_counters_visit_fn *visit, void *user);

#endif
