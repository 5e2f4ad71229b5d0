/* Shared by the parts of moonline.core.http: client, server, forms. */
#ifndef ML_BINDINGS_HTTP_H
#define ML_BINDINGS_HTTP_H

#include <lua.h>

#include "bindings/task.h"

int ml_http_open_server(lua_State *L); /* http.server(options) */
int ml_http_escape(lua_State *L);      /* http.escape(text) */
int ml_http_form(lua_State *L);        /* http.form(list) */
int ml_http_signed_form(lua_State *L); /* http.signed_form(list) */

struct ml_http_client;
struct ml_http_call;

/* The client behind an "http client" handle. */
struct ml_http_client *ml_lua_http_client_check(lua_State *L, int index);
/* Answers the call with an upgrade, and pushes a websocket handle whose events go to the mailbox at
 * index; nil, "invalid" when it does not ask for one. */
int ml_lua_websocket_accept(lua_State *L, struct ml_http_call *call, int box);

struct ml_websocket_end;

/* Fields why, text, and status or code, of how a WebSocket ended into the table on top. */
void ml_lua_websocket_end(lua_State *L, const struct ml_websocket_end *end);

#endif
