/* moonline.core.guard: limits of scripts, and who may catch their breach. */
#include "bindings/budget.h"
#include "bindings/modules.h"
#include "bindings/state.h"
#include "bindings/task.h"

/* limit { resume_ms, resume_mb, memory_mb }: of this state from the next run on. */
static int guard_limit(lua_State *L)
{
    struct ml_limits limits;

    luaL_checktype(L, 1, LUA_TTABLE);
    limits.cpu_us = ml_opt_integer(L, 1, "resume_ms", 0) * 1000;
    limits.growth = (size_t)ml_opt_integer(L, 1, "resume_mb", 0) << 20;
    limits.total = (size_t)ml_opt_integer(L, 1, "memory_mb", 0) << 20;
    luaL_argcheck(L, limits.cpu_us > 0 && limits.growth > 0 && limits.total > 0, 1,
                  "resume_ms, resume_mb and memory_mb, each above 0");
    ml_budget_limit(ml_state_of(L), &limits);
    return 0;
}

static int handler(lua_State *L)
{
    if (!ml_is_unwind(L, 1))
        luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* The stack: handler, true, then what the function gave. always: the root of a call. */
static int finish(lua_State *L, int status, lua_KContext always)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 1;
    if (!ml_budget_is_breach(L, status)) {
        if (ml_is_unwind(L, -1))
            return lua_error(L);
    } else if (!ml_budget_renew(L, always)) {
        ml_budget_settle(L, status);
    }
    lua_pushboolean(L, false);
    lua_insert(L, -2);
    return 2;
}

static int protect(lua_State *L, lua_KContext always)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    ml_unwind_check_depth(L);
    lua_pushcfunction(L, handler);
    lua_pushboolean(L, true);
    lua_rotate(L, 1, 2);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, always, finish), always);
}

/* run(fn, ...): true and its results, or false and the message with its traceback. */
static int guard_run(lua_State *L)
{
    return protect(L, false);
}

/* The same at the root of a call, where a breach is always caught. */
static int guard_root(lua_State *L)
{
    return protect(L, true);
}

/* load(fn, ...): a run of its own, for the top level of a file. Nothing waits in it. */
static int guard_load(lua_State *L)
{
    struct ml_run outer;
    int status, results;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushcfunction(L, handler);
    lua_pushboolean(L, true);
    lua_rotate(L, 1, 2);
    ml_budget_enter(&outer, ml_state_of(L), L);
    status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 1);
    results = status == LUA_OK ? lua_gettop(L) - 1 : 2;
    if (status != LUA_OK) {
        if (!ml_budget_is_breach(L, status) && ml_is_unwind(L, -1))
            lua_pushliteral(L, "ended while it was loaded");
        lua_pushboolean(L, false);
        lua_insert(L, -2);
    }
    lua_sethook(L, NULL, 0, 0);
    ml_budget_leave(&outer);
    return results;
}

/* libraries(): string and table as generations have them. */
static int guard_libraries(lua_State *L)
{
    static const char *const names[] = {"string", "table", NULL};
    static void (*const install[])(lua_State *) = {ml_string_install, ml_table_install};

    lua_newtable(L);
    for (int i = 0; names[i]; i++) {
        lua_newtable(L);
        lua_getglobal(L, names[i]);
        for (lua_pushnil(L); lua_next(L, -2);) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -5);
        }
        lua_pop(L, 1);
        install[i](L);
        lua_setfield(L, -2, names[i]);
    }
    return 1;
}

int ml_open_guard(lua_State *L)
{
    static const luaL_Reg functions[] = {{"limit", guard_limit},         {"run", guard_run},
                                         {"root", guard_root},           {"load", guard_load},
                                         {"libraries", guard_libraries}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
