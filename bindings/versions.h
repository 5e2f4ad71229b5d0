/* Versions of the program and of the libraries it runs with. */
#ifndef ML_BINDINGS_VERSIONS_H
#define ML_BINDINGS_VERSIONS_H

#include <lua.h>

/* Fields into the table on top. */
void ml_versions_set(lua_State *L);

#endif
