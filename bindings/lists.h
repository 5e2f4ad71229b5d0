/* Lists of texts between Lua tables and core's arrays. The arrays lie in Lua memory (userdata left
 * on the stack), so a raise frees them. Loop thread. */
#ifndef ML_BINDINGS_LISTS_H
#define ML_BINDINGS_LISTS_H

#include <lua.h>
#include <stddef.h>

#include "core/sip/leg.h"

/* Field `name` of the table at index: a list of texts. Pushes one value; NULL, 0 when not given. */
const char *const *ml_list_texts(lua_State *L, int index, const char *name, size_t *count);
/* A table text -> text as pairs: key, value, ... count is the number of pairs. Pushes one value. */
const char *const *ml_list_pairs(lua_State *L, int index, const char *name, size_t *count);
/* The list of { name, value } at index (nil: none). Pushes one value. */
const struct ml_header *ml_list_headers(lua_State *L, int index, size_t *count);
/* Sets field "headers" of the table on top from name, value, name, value ... */
void ml_set_pairs(lua_State *L, const char *const *pairs, size_t count);

#endif
