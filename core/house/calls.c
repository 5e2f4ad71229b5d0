#include "core/house/calls.h"

#include <stdint.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/house/fields.h"

enum { BUCKETS = 1024 }; /* a power of two; a few calls each at the default limit of 1,000 */

struct record {
    struct ml_link link; /* in calls->records, oldest first */
    struct record *next; /* in its bucket */
    char *sid;
    struct ml_fields fields;
};

struct ml_calls {
    struct ml_list records;
    struct record *buckets[BUCKETS];
    size_t count;
};

static struct record **bucket(struct ml_calls *calls, const char *sid)
{
    return &calls->buckets[ml_hash(sid) & (BUCKETS - 1)];
}

static struct record **find(struct ml_calls *calls, const char *sid)
{
    struct record **at = bucket(calls, sid);

    while (*at && strcmp((*at)->sid, sid) != 0)
        at = &(*at)->next;
    return at;
}

int ml_calls_new(struct ml_calls **callsp)
{
    struct ml_calls *calls = ml_alloc(sizeof *calls);

    ml_list_init(&calls->records);
    *callsp = calls;
    return 0;
}

static void free_record(struct record *record)
{
    ml_list_remove(&record->link);
    ml_fields_fini(&record->fields);
    ml_free(record->sid);
    ml_free(record);
}

void ml_calls_free(struct ml_calls *calls)
{
    ML_LIST_EACH(&calls->records, link)
    free_record(ML_CONTAINER(link, struct record, link));
    ml_free(calls);
}

void ml_calls_set(struct ml_calls *calls, const char *sid, const char *const *pairs, size_t count)
{
    struct record **at = find(calls, sid);

    if (!*at) {
        *at = ml_alloc(sizeof **at);
        (*at)->sid = ml_strdup(sid);
        ml_list_append(&calls->records, &(*at)->link);
        calls->count++;
    }
    for (size_t i = 0; i < count; i++)
        ml_fields_set(&(*at)->fields, pairs[2 * i], pairs[2 * i + 1]);
}

const char *ml_calls_get(const struct ml_calls *calls, const char *sid, const char *name)
{
    const struct record *record = *find((struct ml_calls *)(uintptr_t)calls, sid);

    return record ? ml_fields_get(&record->fields, name) : NULL;
}

void ml_calls_remove(struct ml_calls *calls, const char *sid)
{
    struct record **at = find(calls, sid), *record = *at;

    if (!record)
        return;
    *at = record->next;
    free_record(record);
    calls->count--;
}

size_t ml_calls_count(const struct ml_calls *calls)
{
    return calls->count;
}

void ml_calls_each(const struct ml_calls *calls, ml_calls_visit_fn *visit, void *user)
{
    ML_LIST_EACH(&calls->records, link)
    {
        const struct record *record = ML_CONTAINER(link, struct record, link);

        if (visit(record->sid, (const char *const *)record->fields.pairs, record->fields.count,
                  user) != 0)
            return;
    }
}
