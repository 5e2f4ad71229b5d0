/* coroutine.resume, wrap and close: the budget always knows which coroutine runs, and an unwind
 * goes through to whoever resumed. */
#include "bindings/budget.h"
#include "bindings/task.h"

/* Registry key of the coroutines of tasks, light userdata -> true. */
static const char of_tasks;

static void mark(lua_State *L, lua_State *co, bool is)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &of_tasks) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &of_tasks);
    }
    if (is)
        lua_pushboolean(L, true);
    else
        lua_pushnil(L);
    lua_rawsetp(L, -2, co);
    lua_pop(L, 1);
}

void ml_coroutine_keep(lua_State *L, lua_State *co)
{
    mark(L, co, true);
}

void ml_coroutine_release(lua_State *L, lua_State *co)
{
    mark(L, co, false);
}

static lua_State *check(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);
    bool taken;

    luaL_argexpected(L, co, index, "coroutine");
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &of_tasks) != LUA_TTABLE) {
        lua_pop(L, 1);
        return co;
    }
    taken = lua_rawgetp(L, -1, co) != LUA_TNIL;
    lua_pop(L, 2);
    luaL_argcheck(L, !taken, index, "that is a task, no coroutine of yours");
    return co;
}

/* Closes what co holds open, and leaves its error on L's stack if that (or co itself) failed. */
static int reset(lua_State *L, lua_State *co)
{
    lua_State *was = ml_budget_switch(co);
    int status = lua_resetthread(co);

    ml_budget_switch(was);
    if (status != LUA_OK)
        lua_xmove(co, L, 1);
    return status;
}

/* Resumes co with the n values on top. LUA_OK: the results (*count) are on L; else the error is. */
static int resume(lua_State *L, lua_State *co, int n, int *count)
{
    lua_State *was;
    int status;

    if (!lua_checkstack(co, n)) {
        lua_pushliteral(L, "too many arguments to resume");
        return LUA_ERRRUN;
    }
    lua_xmove(L, co, n);
    was = ml_budget_switch(co);
    status = lua_resume(co, L, n, count);
    ml_budget_switch(was);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        if (status == LUA_ERRMEM || ml_is_unwind(L, -1)) {
            reset(L, co);
            lua_pop(L, 1);
        }
        ml_budget_settle(L, status);
        return status;
    }
    if (!lua_checkstack(L, *count + 1)) {
        lua_pop(co, *count);
        lua_pushliteral(L, "too many results to resume");
        return LUA_ERRRUN;
    }
    lua_xmove(co, L, *count);
    if (ml_budget_spent)
        ml_budget_raise(L);
    return LUA_OK;
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = check(L, 1);
    int count = 0;
    bool ok = resume(L, co, lua_gettop(L) - 1, &count) == LUA_OK;

    lua_pushboolean(L, ok);
    lua_insert(L, ok ? -1 - count : -2);
    return ok ? count + 1 : 2;
}

/* Upvalue 1: the coroutine. Its errors are those of the function. */
static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int count = 0;
    int status = resume(L, co, lua_gettop(L), &count);

    if (status == LUA_OK)
        return count;
    if (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD) {
        ml_budget_settle(L, reset(L, co));
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
    lua_State *co;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int coroutine_close(lua_State *L)
{
    lua_State *co = check(L, 1);
    lua_Debug ar;
    int status;

    if (co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)))
        return luaL_error(L, "cannot close a running coroutine");
    status = reset(L, co);
    if (status != LUA_OK)
        ml_budget_settle(L, status);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_OK)
        return 1;
    lua_insert(L, -2);
    return 2;
}

void ml_coroutine_install(lua_State *L)
{
    static const luaL_Reg functions[] = {{"resume", coroutine_resume},
                                         {"wrap", coroutine_wrap},
                                         {"close", coroutine_close},
                                         {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
}
