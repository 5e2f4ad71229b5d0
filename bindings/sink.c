#include "bindings/sink.h"

#include "bindings/task.h"

enum { PENDING_MAX = 64 }; /* more than a leg can tell before somebody listens */

void ml_sink_init(struct ml_sink *sink, lua_State *L, int box)
{
    sink->state = ml_state_of(L);
    sink->box = sink->pending = LUA_NOREF;
    if (box && !lua_isnoneornil(L, box))
        ml_sink_attach(sink, L, box);
}

void ml_sink_fini(struct ml_sink *sink)
{
    lua_State *L = sink->state->L;

    luaL_unref(L, LUA_REGISTRYINDEX, sink->box);
    luaL_unref(L, LUA_REGISTRYINDEX, sink->pending);
    sink->box = sink->pending = LUA_NOREF;
}

/* Posts the waiting events into the mailbox at index. */
static void flush(struct ml_sink *sink, lua_State *L, int index)
{
    int list;

    if (sink->pending == LUA_NOREF)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, sink->pending);
    list = lua_gettop(L);
    for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++)
        ml_mailbox_post(L, index);
    lua_settop(L, list - 1);
    luaL_unref(L, LUA_REGISTRYINDEX, sink->pending);
    sink->pending = LUA_NOREF;
}

void ml_sink_attach(struct ml_sink *sink, lua_State *L, int index)
{
    luaL_unref(L, LUA_REGISTRYINDEX, sink->box);
    sink->box = LUA_NOREF;
    if (lua_isnoneornil(L, index))
        return;
    index = lua_absindex(L, index);
    ml_mailbox_check(L, index);
    lua_pushvalue(L, index);
    sink->box = luaL_ref(L, LUA_REGISTRYINDEX);
    flush(sink, L, index);
}

lua_State *ml_sink_event(struct ml_sink *sink, const char *kind)
{
    lua_State *L = sink->state->L;

    luaL_checkstack(L, 16, "event");
    lua_createtable(L, 0, 8); /* what most events have */
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    return L;
}

void ml_sink_post(struct ml_sink *sink, lua_State *L)
{
    int event = lua_gettop(L);
    lua_Integer n;

    if (sink->box != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, sink->box);
        lua_insert(L, event);
        ml_mailbox_post(L, event);
        lua_settop(L, event - 1);
        return;
    }
    if (sink->pending == LUA_NOREF) {
        lua_newtable(L);
        sink->pending = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, sink->pending);
    n = (lua_Integer)lua_rawlen(L, -1);
    if (n < PENDING_MAX) {
        lua_pushvalue(L, event);
        lua_rawseti(L, -2, n + 1);
    }
    lua_settop(L, event - 1);
}

void ml_sink_move(struct ml_sink *sink, struct ml_state *to)
{
    lua_State *from = sink->state->L;
    int pending = LUA_NOREF;

    if (sink->pending != LUA_NOREF) {
        lua_rawgeti(from, LUA_REGISTRYINDEX, sink->pending);
        ml_state_copy(from, -1, to->L);
        lua_pop(from, 1);
        pending = luaL_ref(to->L, LUA_REGISTRYINDEX);
    }
    ml_sink_fini(sink);
    sink->state = to;
    sink->pending = pending;
}
