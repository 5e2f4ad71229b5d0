/* moonline.core.house: the live calls; rooms are in lua_rooms.c. */
#include <string.h>

#include "bindings/house.h"
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/rooms.h"
#include "bindings/sink.h"
#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/list.h"
#include "core/base/mem.h"

/* The calls that are live, in whatever state, and who else listens. */
struct shared_calls {
    struct ml_list listeners; /* oldest first */
    lua_Integer count;        /* live calls */
    int references;
};

/* A live call: takes what other states have to say to its task, and shows them what its own knows.
 */
struct listener {
    struct ml_link link;
    struct shared_calls *shared; /* counted */
    struct ml_sink sink;
    int facts; /* registry reference to a table, in the state of the sink */
    char sid[40];
};

static void calls_close(void *object)
{
    struct shared_calls *shared = object;

    if (--shared->references == 0)
        ml_free(shared);
}

static void listener_close(void *object)
{
    struct listener *listener = object;

    ml_list_remove(&listener->link);
    listener->shared->count -= listener->facts != LUA_NOREF;
    luaL_unref(listener->sink.state->L, LUA_REGISTRYINDEX, listener->facts);
    ml_sink_fini(&listener->sink);
    calls_close(listener->shared);
    ml_free(listener);
}

static const luaL_Reg listener_methods[] = {{NULL, NULL}};
static const struct ml_class listener_class = {
    .name = "call listener", .methods = listener_methods, .close = listener_close};

static void calls_share(void *object)
{
    ((struct shared_calls *)object)->references++;
}

static int calls_get(lua_State *L);
static int calls_count(lua_State *L);
static int calls_list(lua_State *L);
static int calls_listen(lua_State *L);
static int calls_tell(lua_State *L);

static const luaL_Reg calls_methods[] = {{"get", calls_get},   {"count", calls_count},
                                         {"list", calls_list}, {"listen", calls_listen},
                                         {"tell", calls_tell}, {NULL, NULL}};
static const struct ml_class calls_class = {
    .name = "calls", .methods = calls_methods, .close = calls_close, .share = calls_share};

static struct shared_calls *check(lua_State *L)
{
    return ml_object_check(L, 1, &calls_class);
}

static struct listener *find(const struct shared_calls *shared, const char *sid)
{
    ML_LIST_EACH(&shared->listeners, link)
    {
        struct listener *listener = ML_CONTAINER(link, struct listener, link);

        if (strcmp(listener->sid, sid) == 0)
            return listener;
    }
    return NULL;
}

/* Pushes the plain value at index of `from`; false, and nothing: it is none. */
static bool push_plain(lua_State *from, int index, lua_State *to)
{
    const char *text;
    size_t n;

    switch (lua_type(from, index)) {
    case LUA_TBOOLEAN:
        lua_pushboolean(to, lua_toboolean(from, index));
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(from, index))
            lua_pushinteger(to, lua_tointeger(from, index));
        else
            lua_pushnumber(to, lua_tonumber(from, index));
        return true;
    case LUA_TSTRING:
        text = lua_tolstring(from, index, &n);
        lua_pushlstring(to, text, n);
        return true;
    default:
        return false;
    }
}

/* The call's own state runs nothing while it is asked, and may have left anything in the table:
 * what is not plain is not shown, and nothing here raises in it. */
static void push_facts(const struct listener *listener, lua_State *L)
{
    lua_State *own = listener->sink.state->L;

    lua_newtable(L);
    if (!lua_checkstack(own, 3))
        return;
    lua_rawgeti(own, LUA_REGISTRYINDEX, listener->facts);
    for (lua_pushnil(own); lua_next(own, -2); lua_pop(own, 1)) {
        if (lua_type(own, -2) != LUA_TSTRING)
            continue;
        push_plain(own, -2, L);
        if (push_plain(own, -1, L))
            lua_rawset(L, -3);
        else
            lua_pop(L, 1);
    }
    lua_pop(own, 1);
}

/* get(sid, field) */
static int calls_get(lua_State *L)
{
    const struct listener *listener = find(check(L), luaL_checkstring(L, 2));

    lua_settop(L, 3);
    if (!listener || listener->facts == LUA_NOREF) {
        lua_pushnil(L);
        return 1;
    }
    push_facts(listener, L);
    if (!lua_isnil(L, 3)) {
        lua_pushvalue(L, 3);
        lua_rawget(L, -2);
    }
    return 1;
}

static int calls_count(lua_State *L)
{
    lua_pushinteger(L, check(L)->count);
    return 1;
}

static int calls_list(lua_State *L)
{
    struct shared_calls *shared = check(L);
    lua_Integer n = 0;

    lua_createtable(L, (int)shared->count, 0);
    ML_LIST_EACH(&shared->listeners, link)
    {
        const struct listener *listener = ML_CONTAINER(link, struct listener, link);

        if (listener->facts == LUA_NOREF)
            continue;
        lua_pushstring(L, listener->sid);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int calls_listen(lua_State *L)
{
    struct shared_calls *shared = check(L);
    size_t length;
    const char *sid = luaL_checklstring(L, 2, &length);
    struct listener *listener;

    luaL_argcheck(L, length < sizeof listener->sid, 2, "a sid has 34 characters");
    luaL_argcheck(L, !lua_isnoneornil(L, 3), 3, "mailbox expected");
    ml_mailbox_check(L, 3);
    luaL_argexpected(L, lua_isnoneornil(L, 4) || lua_istable(L, 4), 4, "table");
    lua_settop(L, 4);
    ml_object_new(L, &listener_class);
    listener = ml_alloc(sizeof *listener);
    memcpy(listener->sid, sid, length + 1);
    listener->shared = shared;
    shared->references++;
    ml_sink_init(&listener->sink, L, 3);
    lua_pushvalue(L, 4);
    listener->facts = lua_isnil(L, -1) ? LUA_NOREF : luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, 5);
    ml_list_append(&shared->listeners, &listener->link);
    shared->count += listener->facts != LUA_NOREF;
    ml_object_open(L, -1, listener);
    return 1;
}

static int calls_tell(lua_State *L)
{
    struct shared_calls *shared = check(L);
    const char *sid = luaL_checkstring(L, 2);
    struct listener *listener;
    lua_State *to;

    luaL_checktype(L, 3, LUA_TTABLE);
    listener = find(shared, sid);
    if (listener) {
        to = listener->sink.state->L;
        luaL_checkstack(to, 4, "event");
        ml_state_copy(L, 3, to);
        ml_sink_post(&listener->sink, to);
    }
    lua_pushboolean(L, listener != NULL);
    return 1;
}

static int house_calls(lua_State *L)
{
    struct shared_calls *shared = ml_alloc(sizeof *shared);

    ml_list_init(&shared->listeners);
    shared->references = 1;
    ml_object_new(L, &calls_class);
    ml_object_open(L, -1, shared);
    return 1;
}

int ml_open_house(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"calls", house_calls},  {"counters", ml_house_counters}, {"rooms", ml_house_rooms},
        {"feed", ml_house_feed}, {"traces", ml_house_traces},     {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
