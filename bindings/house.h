/* What the files of moonline.core.house share. */
#ifndef ML_BINDINGS_HOUSE_H
#define ML_BINDINGS_HOUSE_H

#include <lua.h>

/* house.counters() */
int ml_house_counters(lua_State *L);

#endif
