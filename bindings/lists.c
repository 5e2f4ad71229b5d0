#include "bindings/lists.h"

#include <lauxlib.h>

#include "bindings/state.h"

/* A text of the list, kept alive by the list itself. */
static const char *text_at(lua_State *L, int index, const char *what)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: a list of strings expected, got a %s", what, luaL_typename(L, index));
    return lua_tostring(L, index);
}

const char *const *ml_list_texts(lua_State *L, int index, const char *name, size_t *count)
{
    const char **texts;
    int list;

    *count = 0;
    index = lua_absindex(L, index);
    if (ml_field(L, index, name) == LUA_TNIL)
        return NULL;
    list = lua_gettop(L);
    if (!lua_istable(L, list))
        luaL_error(L, "%s: a list of strings expected, got a %s", name, luaL_typename(L, list));
    *count = (size_t)lua_rawlen(L, list);
    texts = lua_newuserdatauv(L, (*count + 1) * sizeof *texts, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        texts[i] = text_at(L, -1, name);
        lua_pop(L, 1);
    }
    texts[*count] = NULL;
    lua_remove(L, list); /* the table at index still holds it */
    return texts;
}

const char *const *ml_list_pairs(lua_State *L, int index, const char *name, size_t *count)
{
    const char **pairs;
    size_t n = 0;
    int table;

    *count = 0;
    index = lua_absindex(L, index);
    if (ml_field(L, index, name) == LUA_TNIL)
        return NULL;
    table = lua_gettop(L);
    if (!lua_istable(L, table))
        luaL_error(L, "%s: a table of strings expected, got a %s", name, luaL_typename(L, table));
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        n++;
    pairs = lua_newuserdatauv(L, (2 * n + 1) * sizeof *pairs, 0);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        pairs[2 * *count] = text_at(L, -2, name);
        pairs[2 * *count + 1] = text_at(L, -1, name);
        ++*count;
    }
    lua_remove(L, table);
    return pairs;
}

const struct ml_header *ml_list_headers(lua_State *L, int index, size_t *count)
{
    struct ml_header *headers;

    *count = 0;
    if (lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return NULL;
    }
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    *count = (size_t)lua_rawlen(L, index);
    headers = lua_newuserdatauv(L, (*count + 1) * sizeof *headers, 0);
    for (size_t i = 0; i < *count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TTABLE)
            luaL_error(L, "headers: a list of { name, value } expected");
        lua_rawgeti(L, -1, 1);
        headers[i].name = text_at(L, -1, "headers");
        lua_rawgeti(L, -2, 2);
        headers[i].value = text_at(L, -1, "headers");
        lua_pop(L, 3);
    }
    return headers;
}

static void push_pair(lua_State *L, const char *name, const char *value, size_t i)
{
    lua_createtable(L, 2, 0);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
}

void ml_set_pairs(lua_State *L, const char *const *pairs, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++)
        push_pair(L, pairs[2 * i], pairs[2 * i + 1], i);
    lua_setfield(L, -2, "headers");
}
