/* Lua values as bytes, for this process only: written often and cheaply, read seldom. Loop thread.
 */
#ifndef ML_PACK_H
#define ML_PACK_H

#include <stdbool.h>

#include <lua.h>

#include "core/base/str.h"

/* Adds a name and the value at index: a text, a number, a boolean, or a table of these that is not
 * too deep. False, and out is as it was: it is something else. */
bool ml_pack_field(struct ml_buf *out, struct ml_str name, lua_State *L, int index);
/* Sets these fields in the table on top of the stack. packed is what ml_pack_field wrote, whole. */
void ml_unpack_fields(lua_State *L, struct ml_str packed);

#endif
