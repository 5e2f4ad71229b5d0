/* Plain values under names: what the house keeps of a call, a room, a member. In the order in which
 * they were first set. Owned by whoever holds the struct, zeroed at first. Loop thread. */
#ifndef ML_HOUSE_FIELDS_H
#define ML_HOUSE_FIELDS_H

#include <stddef.h>

struct ml_fields {
    const char **pairs; /* name, value, name, value ... */
    size_t count, size;
};

/* value NULL: removed. Both are copied. */
void ml_fields_set(struct ml_fields *fields, const char *name, const char *value);
/* NULL: there is none of that name. */
const char *ml_fields_get(const struct ml_fields *fields, const char *name);
void ml_fields_fini(struct ml_fields *fields);

#endif
