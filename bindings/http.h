/* Shared by the parts of moonline.core.http: client, server, forms. */
#ifndef ML_BINDINGS_HTTP_H
#define ML_BINDINGS_HTTP_H

#include <lua.h>

#include "bindings/task.h"

int ml_http_open_server(lua_State *L); /* http.server(options) */
int ml_http_escape(lua_State *L);      /* http.escape(text) */
int ml_http_form(lua_State *L);        /* http.form(list) */
int ml_http_signed_form(lua_State *L); /* http.signed_form(list) */

#endif
