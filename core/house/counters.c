#include "core/house/counters.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"

enum { MOST = 1000, BUCKETS = 256 }; /* a power of two */

struct counter {
    struct counter *next; /* in its bucket */
    char *name;
    int64_t value;
};

struct ml_counters {
    struct counter *buckets[BUCKETS];
    struct counter *list[MOST];
    size_t count;
};

struct ml_counters *ml_counters_new(void)
{
    return ml_alloc(sizeof(struct ml_counters));
}

void ml_counters_free(struct ml_counters *counters)
{
    for (size_t i = 0; i < counters->count; i++) {
        ml_free(counters->list[i]->name);
        ml_free(counters->list[i]);
    }
    ml_free(counters);
}

void ml_counters_add(struct ml_counters *counters, const char *name, int64_t more)
{
    struct counter **at, *counter;

    for (at = &counters->buckets[ml_hash(name) & (BUCKETS - 1)]; *at; at = &(*at)->next) {
        if (strcmp((*at)->name, name) == 0) {
            (*at)->value += more;
            return;
        }
    }
    if (counters->count == MOST)
        return;
    counter = ml_alloc(sizeof *counter);
    counter->name = ml_strdup(name);
    counter->value = more;
    *at = counters->list[counters->count++] = counter;
}

void ml_counters_each(const struct ml_counters *counters, ml_counters_visit_fn *visit, void *user)
{
    for (size_t i = 0; i < counters->count; i++)
        visit(counters->list[i]->name, counters->list[i]->value, user);
}
