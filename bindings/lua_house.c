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

/* The calls that are live, in whatever state, and who else is told of them. */
struct shared_calls {
    struct ml_list listeners; /* oldest first */
    lua_Integer count;        /* live calls */
    int references;
};

/* A live call: takes what other states have to say to its task. */
struct listener {
    struct ml_link link;
    struct shared_calls *shared; /* counted */
    struct ml_sink sink;
    bool beside; /* no call: only told of */
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
    listener->shared->count -= !listener->beside;
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

static int calls_has(lua_State *L);
static int calls_count(lua_State *L);
static int calls_list(lua_State *L);
static int calls_listen(lua_State *L);
static int calls_tell(lua_State *L);

static const luaL_Reg calls_methods[] = {{"has", calls_has},   {"count", calls_count},
                                         {"list", calls_list}, {"listen", calls_listen},
                                         {"tell", calls_tell}, {NULL, NULL}};
static const struct ml_class calls_class = {
    .name = "calls", .methods = calls_methods, .close = calls_close, .share = calls_share};

static struct shared_calls *check(lua_State *L)
{
    return ml_object_check(L, 1, &calls_class);
}

/* NULL: nobody. */
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

static int calls_has(lua_State *L)
{
    const struct listener *listener = find(check(L), luaL_checkstring(L, 2));

    lua_pushboolean(L, listener && !listener->beside);
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

        if (listener->beside)
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
    bool beside = lua_toboolean(L, 4);
    struct listener *listener;

    luaL_argcheck(L, length < sizeof listener->sid, 2, "a sid has 34 characters");
    luaL_argcheck(L, !lua_isnoneornil(L, 3), 3, "mailbox expected");
    ml_mailbox_check(L, 3);
    ml_object_new(L, &listener_class);
    listener = ml_alloc(sizeof *listener);
    memcpy(listener->sid, sid, length + 1);
    listener->shared = shared;
    listener->beside = beside;
    shared->references++;
    ml_sink_init(&listener->sink, L, 3);
    ml_list_append(&shared->listeners, &listener->link);
    shared->count += !beside;
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
