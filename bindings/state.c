#include "bindings/state.h"

#include <lualib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/task.h"
#include "core/base/error.h"
#include "core/base/mem.h"

/* Collections by growth of the heap in percent: of what is young, and of all. A call makes little
 * that lives long; the second must stay well above the first, or every collection is one of all. At
 * 50 percent a call cost 8 % more misses of the cache, at 200 held calls were larger. */
enum { GC_MINOR = 50, GC_MAJOR = 300 };
/* ... and of all, after a collection of all that found little, as many waiting calls make it. Lua
 * would wait until the heap has doubled. */
enum { GC_PAUSE = 140 };
enum { COPY_DEPTH = 32 }; /* tables nested deeper are no plain values but a graph */

static const luaL_Reg modules[] = {{"moonline.core.task", ml_open_task},
                                   {"moonline.core.sip", ml_open_sip},
                                   {"moonline.core.media", ml_open_media},
                                   {"moonline.core.http", ml_open_http},
                                   {"moonline.core.xml", ml_open_xml},
                                   {"moonline.core.crypto", ml_open_crypto},
                                   {"moonline.core.generation", ml_open_generation},
                                   {"moonline.core.house", ml_open_house},
                                   {"moonline.core.store", ml_open_store},
                                   {"moonline.core.sys", ml_open_sys},
                                   {"moonline.core.log", ml_open_log},
                                   {"moonline.core.udp", ml_open_udp},
                                   {"moonline.core.wire", ml_open_wire},
                                   {"moonline.core.guard", ml_open_guard},
                                   {NULL, NULL}};

/* True when <dir>/lua/moonline/init.lua is there; then dir becomes <dir>/lua. */
static bool holds_sources(char *dir, size_t size, const char *middle)
{
    char path[4200];

    snprintf(path, sizeof path, "%s%s/lua/moonline/init.lua", dir, middle);
    if (access(path, R_OK) != 0)
        return false;
    path[strlen(path) - strlen("/moonline/init.lua")] = '\0';
    snprintf(dir, size, "%s", path);
    return true;
}

/* Beside the program in a source tree (build/, build/asan/), or installed under <prefix>/share. */
const char *ml_state_lua_dir(void)
{
    static char found[4096];
    char dir[4096];
    ssize_t n;

    if (found[0])
        return found;
    n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    dir[n > 0 ? n : 0] = '\0';
    for (char *slash; (slash = strrchr(dir, '/')) != NULL;) {
        *slash = '\0';
        if (holds_sources(dir, sizeof dir, "") || holds_sources(dir, sizeof dir, "/share/moonline"))
            break;
    }
    snprintf(found, sizeof found, "%s", dir[0] ? dir : ".");
    return found;
}

void ml_state_look_in(struct ml_state *state, const char *dir)
{
    lua_State *L = state->L;

    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", dir, dir, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

static void set_paths(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L,
                    "%s/?.lua;%s/?/init.lua;/usr/share/lua/5.4/?.lua;"
                    "/usr/share/lua/5.4/?/init.lua",
                    ml_state_lua_dir(), ml_state_lua_dir());
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "preload");
    for (const luaL_Reg *module = modules; module->name; module++) {
        lua_pushcfunction(L, module->func);
        lua_setfield(L, -2, module->name);
    }
    lua_pop(L, 2);
}

/* A generation runs what others wrote: its libraries keep to the budget, and nobody gets at what
 * all texts share. */
static void install_limited(lua_State *L)
{
    lua_getglobal(L, "string");
    ml_string_install(L);
    lua_getglobal(L, "table");
    ml_table_install(L);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushliteral(L, "string");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 4);
}

/* An error where no pcall stands: a fault of the bindings. */
static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);

    fprintf(stderr, "moonline: an error outside of any protected call: %s\n",
            message ? message : luaL_typename(L, -1));
    return 0;
}

struct ml_state *ml_state_new(struct ml_runtime *runtime, int number)
{
    struct ml_state *state = ml_alloc(sizeof *state);
    lua_State *L;

    state->runtime = runtime;
    ml_list_init(&state->handles);
    state->number = number;
    state->heap_most = SIZE_MAX;
    L = lua_newstate(ml_budget_allocate, state);
    if (!L)
        abort();
    lua_atpanic(L, panic);
    state->L = L;
    *(struct ml_state **)lua_getextraspace(L) = state;
    luaL_openlibs(L);
    lua_gc(L, LUA_GCGEN, GC_MINOR, GC_MAJOR);
    lua_gc(L, LUA_GCSETPAUSE, GC_PAUSE);
    ml_unwind_install(L);
    if (number > 0)
        install_limited(L);
    set_paths(L);
    return state;
}

void ml_state_free(struct ml_state *state)
{
    state->closing = true;
    ml_task_forget(state);
    ml_object_close_all(state);
    lua_close(state->L);
    ml_object_free_all(state);
    ml_free(state);
}

struct ml_state *ml_state_of(lua_State *L)
{
    return *(struct ml_state **)lua_getextraspace(L);
}

/* A copy that is under way. */
struct copying {
    lua_State *from, *to;
    int top; /* of `to`, which an error leaves as it was */
};

static int refuse(const struct copying *copying, const char *format, ...)
{
    va_list arguments;

    lua_settop(copying->to, copying->top);
    va_start(arguments, format);
    luaL_where(copying->from, 1);
    lua_pushvfstring(copying->from, format, arguments);
    va_end(arguments);
    lua_concat(copying->from, 2);
    return lua_error(copying->from);
}

static void copy_handle(const struct copying *copying, int index)
{
    lua_State *from = copying->from, *to = copying->to;
    void *object;
    const struct ml_class *class = ml_object_class(from, index, &object);

    if (!class || (!class->share && !class->moved))
        refuse(copying, "a %s cannot go to another state", luaL_typename(from, index));
    if (!object)
        refuse(copying, "%s: closed", class->name);
    ml_object_new(to, class);
    if (class->share) {
        class->share(object);
    } else {
        ml_object_forget(from, index);
    }
    ml_object_open(to, -1, object);
    if (class->share && ml_state_of(to)->number > 0)
        ml_object_lend(to, -1);
    if (class->moved)
        class->moved(object, ml_state_of(to), to, lua_gettop(to));
}

static void copy(const struct copying *copying, int index, int depth)
{
    lua_State *from = copying->from, *to = copying->to;
    size_t n;
    const char *text;

    if (ml_budget_spent) {
        lua_settop(to, copying->top);
        ml_budget_raise(from);
    }
    if (depth > COPY_DEPTH || !lua_checkstack(to, 8) || !lua_checkstack(from, 8))
        refuse(copying, "a table nested deeper than %d levels cannot be copied", COPY_DEPTH);
    switch (lua_type(from, index)) {
    case LUA_TNIL:
        lua_pushnil(to);
        break;
    case LUA_TBOOLEAN:
        lua_pushboolean(to, lua_toboolean(from, index));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(from, index))
            lua_pushinteger(to, lua_tointeger(from, index));
        else
            lua_pushnumber(to, lua_tonumber(from, index));
        break;
    case LUA_TSTRING:
        text = lua_tolstring(from, index, &n);
        lua_pushlstring(to, text, n);
        break;
    case LUA_TTABLE:
        lua_newtable(to);
        lua_pushnil(from);
        while (lua_next(from, index)) {
            int value = lua_gettop(from);

            copy(copying, value - 1, depth + 1);
            copy(copying, value, depth + 1);
            lua_rawset(to, -3);
            lua_pop(from, 1);
        }
        break;
    case LUA_TUSERDATA:
        copy_handle(copying, index);
        break;
    default:
        refuse(copying, "a %s cannot go to another state", luaL_typename(from, index));
    }
}

void ml_state_copy(lua_State *from, int index, lua_State *to)
{
    struct copying copying = {from, to, lua_gettop(to)};

    copy(&copying, lua_absindex(from, index), 0);
}

bool ml_udata_new_metatable(lua_State *L, const char *name)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, name) != LUA_TNIL)
        return false;
    lua_pop(L, 1);
    luaL_newmetatable(L, name);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, name);
    return true;
}

void *ml_udata_test(lua_State *L, int index, const char *name)
{
    void *udata = lua_touserdata(L, index);
    bool is_one;

    if (!udata || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, name);
    is_one = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_one ? udata : NULL;
}

void *ml_udata_check(lua_State *L, int index, const char *name)
{
    void *udata = ml_udata_test(L, index, name);

    if (!udata)
        luaL_typeerror(L, index, name);
    return udata;
}

void ml_set_text(lua_State *L, const char *name, const char *value)
{
    if (!value)
        return;
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

void ml_set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void ml_set_number(lua_State *L, const char *name, lua_Number value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

void ml_set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

int ml_field(lua_State *L, int index, const char *name)
{
    index = lua_absindex(L, index);
    lua_pushstring(L, name);
    return lua_rawget(L, index);
}

static void expected(lua_State *L, const char *name, const char *type)
{
    luaL_error(L, "%s: %s expected, got %s", name, type, luaL_typename(L, -1));
}

/* The text stays valid while the table at index holds it: the value is left to the table. */
const char *ml_opt_text(lua_State *L, int index, const char *name, const char *fallback)
{
    const char *value = fallback;

    if (ml_field(L, index, name) == LUA_TSTRING)
        value = lua_tostring(L, -1);
    else if (!lua_isnil(L, -1))
        expected(L, name, "string");
    lua_pop(L, 1);
    return value;
}

lua_Integer ml_opt_integer(lua_State *L, int index, const char *name, lua_Integer fallback)
{
    lua_Integer value = fallback;
    int is_integer = true;

    if (ml_field(L, index, name) != LUA_TNIL)
        value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        expected(L, name, "integer");
    lua_pop(L, 1);
    return value;
}

int ml_opt_ms(lua_State *L, int index, const char *name, int fallback)
{
    lua_Number value = 0;
    bool given = ml_field(L, index, name) != LUA_TNIL;
    int is_number = true;

    if (given)
        value = lua_tonumberx(L, -1, &is_number);
    if (!is_number || value < 0 || value > 2e6)
        expected(L, name, "seconds");
    lua_pop(L, 1);
    return given ? (int)lrint(value * 1000) : fallback;
}

bool ml_opt_boolean(lua_State *L, int index, const char *name, bool fallback)
{
    bool value = ml_field(L, index, name) == LUA_TNIL ? fallback : lua_toboolean(L, -1);

    lua_pop(L, 1);
    return value;
}

int ml_push_failure(lua_State *L, int code, const char *text)
{
    lua_pushnil(L);
    lua_pushstring(L, ml_strerror(code));
    lua_pushstring(L, text ? text : ml_strerror(code));
    return 3;
}
