/* Shared by the two halves of moonline.core.http. */
#ifndef ML_BINDINGS_HTTP_H
#define ML_BINDINGS_HTTP_H

#include <lua.h>

#include "bindings/task.h"

int ml_http_open_server(lua_State *L); /* http.server(options) */

#endif
