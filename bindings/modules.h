/* The modules of the binding, one luaopen-like function each: moonline.core.<name>. */
#ifndef ML_BINDINGS_MODULES_H
#define ML_BINDINGS_MODULES_H

#include <lua.h>

int ml_open_task(lua_State *L);
int ml_open_sip(lua_State *L);
int ml_open_media(lua_State *L);
int ml_media_speech(lua_State *L); /* media.speech(options) */
int ml_open_http(lua_State *L);
int ml_open_xml(lua_State *L);
int ml_open_crypto(lua_State *L);
int ml_open_generation(lua_State *L);
/* Frees the states of all generations; when the program ends. */
void ml_generations_end(void);
int ml_open_house(lua_State *L);
int ml_open_store(lua_State *L);
int ml_house_feed(lua_State *L); /* house.feed(options) */
int ml_open_sys(lua_State *L);
int ml_sys_editor(lua_State *L); /* sys.editor(box) */
int ml_open_log(lua_State *L);
int ml_open_udp(lua_State *L);
int ml_open_wire(lua_State *L);
int ml_open_guard(lua_State *L);

/* Into the library table on top: functions that keep to the budget of the run. */
void ml_string_install(lua_State *L);
void ml_table_install(lua_State *L);

#endif
