/* What the files of moonline.core.house share. */
#ifndef ML_BINDINGS_HOUSE_H
#define ML_BINDINGS_HOUSE_H

#include <lua.h>

/* house.counters() */
int ml_house_counters(lua_State *L);
/* house.traces(options) */
int ml_house_traces(lua_State *L);

/* The traces of the handle at index, held until they are dropped. NULL for nil. */
struct ml_shared_traces;
struct ml_shared_traces *ml_lua_traces_take(lua_State *L, int index);
void ml_lua_traces_drop(struct ml_shared_traces *shared);
/* NULL: of nothing. */
struct ml_traces *ml_lua_traces(const struct ml_shared_traces *shared);

#endif
