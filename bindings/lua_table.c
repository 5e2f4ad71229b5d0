/* The functions of Lua's table library that loop in C as often as their arguments say. */
#include <lauxlib.h>
#include <lua.h>

#include "bindings/budget.h"
#include "bindings/modules.h"

static void check(lua_State *L, int index)
{
    if (!lua_istable(L, index) && luaL_getmetafield(L, index, "__index") == LUA_TNIL)
        luaL_typeerror(L, index, "table");
    lua_settop(L, lua_gettop(L) - (lua_istable(L, index) ? 0 : 1));
}

static void spend(lua_State *L)
{
    if (ml_budget_spent)
        ml_budget_raise(L);
}

/* to[at] = from[i], and so on for count elements, upwards or downwards. */
static void copy(lua_State *L, int from, lua_Integer i, int to, lua_Integer at, lua_Integer count,
                 int step)
{
    for (lua_Integer done = 0; done < count; done++) {
        lua_geti(L, from, i + step * done);
        lua_seti(L, to, at + step * done);
        spend(L);
    }
}

static int table_insert(lua_State *L)
{
    lua_Integer last, position;
    int n = lua_gettop(L);

    check(L, 1);
    last = (lua_Integer)((lua_Unsigned)luaL_len(L, 1) + 1);
    position = last;
    if (n == 3) {
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1u < (lua_Unsigned)last, 2,
                      "position out of bounds");
        copy(L, 1, last - 1, 1, last, last - position, -1);
    } else if (n != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_settop(L, n);
    lua_seti(L, 1, position);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer size, position;

    check(L, 1);
    size = luaL_len(L, 1);
    position = luaL_optinteger(L, 2, size);
    if (position != size)
        luaL_argcheck(L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2,
                      "position out of bounds");
    lua_geti(L, 1, position);
    if (position < size) {
        copy(L, 1, position + 1, 1, position, size - position, 1);
        position = size;
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

/* move(a, first, last, at [, b]) */
static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4), count;
    int to = lua_isnoneornil(L, 5) ? 1 : 5;

    check(L, 1);
    check(L, to);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3,
                      "too many elements to move");
        count = last - first + 1;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        if (at > last || at <= first || (to == 5 && !lua_compare(L, 1, to, LUA_OPEQ)))
            copy(L, 1, first, to, at, count, 1);
        else
            copy(L, 1, last, to, at + (count - 1), count, -1);
    }
    lua_pushvalue(L, to);
    return 1;
}

static int table_concat(lua_State *L)
{
    lua_Integer i, last;
    size_t size;
    const char *separator;
    luaL_Buffer out;

    check(L, 1);
    separator = luaL_optlstring(L, 2, "", &size);
    i = luaL_optinteger(L, 3, 1);
    last = lua_isnoneornil(L, 4) ? luaL_len(L, 1) : luaL_checkinteger(L, 4);
    luaL_buffinit(L, &out);
    while (i <= last) {
        lua_geti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
                              luaL_typename(L, -1), (LUAI_UACINT)i);
        luaL_addvalue(&out);
        if (i++ == last)
            break;
        luaL_addlstring(&out, separator, size);
        spend(L);
    }
    luaL_pushresult(&out);
    return 1;
}

/* The order of a sort that was given none: a function, so that the budget's hook sees it. */
static int less(lua_State *L)
{
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    return 1;
}

/* Upvalue 1: the library's sort. */
static int table_sort(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_pushcfunction(L, less);
        lua_replace(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
}

void ml_table_install(lua_State *L)
{
    static const luaL_Reg functions[] = {{"insert", table_insert},
                                         {"remove", table_remove},
                                         {"move", table_move},
                                         {"concat", table_concat},
                                         {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, table_sort, 1);
    lua_setfield(L, -2, "sort");
}
