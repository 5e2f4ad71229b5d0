#include "core/house/fields.h"

#include <stdint.h>
#include <string.h>

#include "core/base/mem.h"

static void free_text(const char *text)
{
    ml_free((char *)(uintptr_t)text);
}

static size_t find(const struct ml_fields *fields, const char *name)
{
    size_t i = 0;

    while (i < fields->count && strcmp(fields->pairs[2 * i], name) != 0)
        i++;
    return i;
}

static void remove_at(struct ml_fields *fields, size_t i)
{
    free_text(fields->pairs[2 * i]);
    fields->count--;
    memmove(&fields->pairs[2 * i], &fields->pairs[2 * i + 2],
            2 * (fields->count - i) * sizeof *fields->pairs);
}

static void append(struct ml_fields *fields, const char *name, const char *value)
{
    size_t i = fields->count;

    if (i == fields->size) {
        fields->size = fields->size ? 2 * fields->size : 8;
        fields->pairs = ml_realloc(fields->pairs, 2 * fields->size * sizeof *fields->pairs);
    }
    fields->pairs[2 * i] = ml_strdup(name);
    fields->pairs[2 * i + 1] = ml_strdup(value);
    fields->count++;
}

void ml_fields_set(struct ml_fields *fields, const char *name, const char *value)
{
    size_t i = find(fields, name);

    if (i < fields->count) {
        free_text(fields->pairs[2 * i + 1]);
        fields->pairs[2 * i + 1] = ml_strdup(value);
        if (!value)
            remove_at(fields, i);
    } else if (value) {
        append(fields, name, value);
    }
}

const char *ml_fields_get(const struct ml_fields *fields, const char *name)
{
    size_t i = find(fields, name);

    return i < fields->count ? fields->pairs[2 * i + 1] : NULL;
}

void ml_fields_fini(struct ml_fields *fields)
{
    for (size_t i = 0; i < 2 * fields->count; i++)
        free_text(fields->pairs[i]);
    ml_free(fields->pairs);
    *fields = (struct ml_fields){0};
}
