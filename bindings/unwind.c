/* The unwind: an error value that pcall, xpcall and coroutine.resume of this runtime pass on, so
 * that a hangup, a cancellation or a breach of the budget always reaches the task's end. */
#include "bindings/budget.h"
#include "bindings/task.h"

/* Frames under a protected call. Lua takes time by the depth of the stack for every one that an
 * error passes: from a million of them it would not return in time. */
enum { DEPTH = 4000 };

static const char *const NAME = "moonline.unwind";

static int unwind_tostring(lua_State *L)
{
    if (lua_getiuservalue(L, 1, 1) == LUA_TSTRING)
        return 1;
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "kind");
        if (lua_isstring(L, -1)) {
            lua_pushfstring(L, "unwind: %s", lua_tostring(L, -1));
            return 1;
        }
    }
    lua_pushliteral(L, "unwind");
    return 1;
}

/* Pops a value and pushes an unwind that carries it. */
static void push(lua_State *L, bool breach)
{
    bool *mark = lua_newuserdatauv(L, sizeof *mark, 1);

    *mark = breach;
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    if (ml_udata_new_metatable(L, NAME)) {
        lua_pushcfunction(L, unwind_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushliteral(L, "unwind");
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

int ml_unwind(lua_State *L)
{
    push(L, false);
    return lua_error(L);
}

void ml_unwind_breach(lua_State *L)
{
    push(L, true);
}

bool ml_is_breach(lua_State *L, int index)
{
    const bool *mark = ml_udata_test(L, index, NAME);

    return mark && *mark;
}

bool ml_is_unwind(lua_State *L, int index)
{
    return ml_udata_test(L, index, NAME) != NULL;
}

void ml_unwind_value(lua_State *L, int index)
{
    lua_getiuservalue(L, index, 1);
}

static int finish_pcall(lua_State *L, int status, lua_KContext extra)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        ml_budget_settle(L, status);
        lua_pushboolean(L, false);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)extra;
}

void ml_unwind_check_depth(lua_State *L)
{
    lua_Debug ar;

    if (lua_getstack(L, DEPTH, &ar))
        luaL_error(L, "stack overflow (a protected call below %d others)", DEPTH);
}

static int guarded_pcall(lua_State *L)
{
    int status;

    luaL_checkany(L, 1);
    ml_unwind_check_depth(L);
    lua_pushboolean(L, true);
    lua_insert(L, 1);
    status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
    return finish_pcall(L, status, 0);
}

/* The script's message handler, kept away from unwinds. Upvalue 1: the handler. */
static int guarded_handler(lua_State *L)
{
    if (ml_is_unwind(L, 1))
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int guarded_xpcall(lua_State *L)
{
    int n = lua_gettop(L);
    int status;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    ml_unwind_check_depth(L);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, true); /* first result */
    lua_pushvalue(L, 1);      /* function */
    lua_rotate(L, 3, 2);      /* f, handler, true, f, args... */
    status = lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, finish_pcall);
    return finish_pcall(L, status, 2);
}

/* A task waits by other means. */
static int guarded_yield(lua_State *L)
{
    struct ml_task *task = ml_state_of(L)->runtime->current;

    if (task && task->co == L)
        return luaL_error(L, "coroutine.yield: a task is no coroutine of yours; wait with "
                             "moonline.sleep or a mailbox");
    return lua_yield(L, lua_gettop(L));
}

void ml_unwind_install(lua_State *L)
{
    lua_pushcfunction(L, guarded_pcall);
    lua_setglobal(L, "pcall");
    lua_pushcfunction(L, guarded_xpcall);
    lua_setglobal(L, "xpcall");
    lua_getglobal(L, "coroutine");
    ml_coroutine_install(L);
    lua_pushcfunction(L, guarded_yield);
    lua_setfield(L, -2, "yield");
    lua_pop(L, 1);
}
