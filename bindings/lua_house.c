/* moonline.core.house: the table of calls; rooms are in lua_rooms.c. */
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
#include "core/house/calls.h"

enum { FIELDS_MAX = 32 }; /* of a call: twice what there are */

struct shared_calls {
    struct ml_calls *calls;
    struct ml_list listeners;
    int references;
};

/* Takes what other states have to say to the task of one call. */
struct listener {
    struct ml_link link;
    struct shared_calls *shared; /* counted */
    struct ml_sink sink;
    char sid[40];
};

static void calls_close(void *object)
{
    struct shared_calls *shared = object;

    if (--shared->references == 0) {
        ml_calls_free(shared->calls);
        ml_free(shared);
    }
}

static void listener_close(void *object)
{
    struct listener *listener = object;

    ml_list_remove(&listener->link);
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

static int calls_set(lua_State *L);
static int calls_get(lua_State *L);
static int calls_remove(lua_State *L);
static int calls_count(lua_State *L);
static int calls_list(lua_State *L);
static int calls_listen(lua_State *L);
static int calls_tell(lua_State *L);

static const luaL_Reg calls_methods[] = {{"set", calls_set},       {"get", calls_get},
                                         {"remove", calls_remove}, {"count", calls_count},
                                         {"list", calls_list},     {"listen", calls_listen},
                                         {"tell", calls_tell},     {NULL, NULL}};
static const struct ml_class calls_class = {
    .name = "calls", .methods = calls_methods, .close = calls_close, .share = calls_share};

static struct ml_calls *check(lua_State *L)
{
    return ((struct shared_calls *)ml_object_check(L, 1, &calls_class))->calls;
}

/* The text of the value on top, which stays on the stack, below the key, unless the table has it.
 */
static const char *text_of(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return NULL;
    luaL_argcheck(L, lua_isnumber(L, -1) || lua_isboolean(L, -1), 3,
                  "fields are texts, numbers, booleans");
    luaL_tolstring(L, -1, NULL);
    lua_insert(L, -3);
    return lua_tostring(L, -3);
}

static int calls_set(lua_State *L)
{
    struct ml_calls *calls = check(L);
    const char *sid = luaL_checkstring(L, 2);
    const char *pairs[2 * FIELDS_MAX];
    size_t count = 0;

    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checkstack(L, FIELDS_MAX + 4, "fields");
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 3, "names of fields are strings");
        luaL_argcheck(L, count < FIELDS_MAX, 3, "too many fields");
        pairs[2 * count] = lua_tostring(L, -2);
        pairs[2 * count++ + 1] = text_of(L);
    }
    ml_calls_set(calls, sid, pairs, count);
    return 0;
}

static int push_record(const char *sid, const char *const *pairs, size_t count, void *user)
{
    lua_State *L = user;

    if (strcmp(sid, lua_tostring(L, 2)) != 0)
        return 0;
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++)
        ml_set_text(L, pairs[2 * i], pairs[2 * i + 1]);
    return 1;
}

static int calls_get(lua_State *L)
{
    struct ml_calls *calls = check(L);
    const char *sid = luaL_checkstring(L, 2);

    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, 2);
        ml_calls_each(calls, push_record, L);
        if (lua_gettop(L) == 2)
            lua_pushnil(L);
    } else {
        lua_pushstring(L, ml_calls_get(calls, sid, luaL_checkstring(L, 3)));
    }
    return 1;
}

static int calls_remove(lua_State *L)
{
    ml_calls_remove(check(L), luaL_checkstring(L, 2));
    return 0;
}

static int calls_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)ml_calls_count(check(L)));
    return 1;
}

static int push_sid(const char *sid, const char *const *pairs, size_t count, void *user)
{
    lua_State *L = user;

    (void)pairs;
    (void)count;
    lua_pushstring(L, sid);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    return 0;
}

static int calls_list(lua_State *L)
{
    struct ml_calls *calls = check(L);

    lua_newtable(L);
    ml_calls_each(calls, push_sid, L);
    return 1;
}

static int calls_listen(lua_State *L)
{
    struct shared_calls *shared = ml_object_check(L, 1, &calls_class);
    size_t length;
    const char *sid = luaL_checklstring(L, 2, &length);
    struct listener *listener;

    luaL_argcheck(L, length < sizeof listener->sid, 2, "a sid has 34 characters");
    luaL_argcheck(L, !lua_isnoneornil(L, 3), 3, "mailbox expected");
    ml_mailbox_check(L, 3);
    ml_object_new(L, &listener_class);
    listener = ml_alloc(sizeof *listener);
    memcpy(listener->sid, sid, length + 1);
    listener->shared = shared;
    shared->references++;
    ml_sink_init(&listener->sink, L, 3);
    ml_list_append(&shared->listeners, &listener->link);
    ml_object_open(L, -1, listener);
    return 1;
}

static int calls_tell(lua_State *L)
{
    struct shared_calls *shared = ml_object_check(L, 1, &calls_class);
    const char *sid = luaL_checkstring(L, 2);
    bool heard = false;

    luaL_checktype(L, 3, LUA_TTABLE);
    ML_LIST_EACH(&shared->listeners, link)
    {
        struct listener *listener = ML_CONTAINER(link, struct listener, link);
        lua_State *to = listener->sink.state->L;

        if (strcmp(listener->sid, sid) != 0)
            continue;
        luaL_checkstack(to, 4, "event");
        ml_state_copy(L, 3, to);
        ml_sink_post(&listener->sink, to);
        heard = true;
    }
    lua_pushboolean(L, heard);
    return 1;
}

static int house_calls(lua_State *L)
{
    struct shared_calls *shared = ml_alloc(sizeof *shared);

    ml_calls_new(&shared->calls);
    ml_list_init(&shared->listeners);
    shared->references = 1;
    ml_object_new(L, &calls_class);
    ml_object_open(L, -1, shared);
    return 1;
}

int ml_open_house(lua_State *L)
{
    static const luaL_Reg functions[] = {{"calls", house_calls},
                                         {"counters", ml_house_counters},
                                         {"rooms", ml_house_rooms},
                                         {"feed", ml_house_feed},
                                         {"traces", ml_house_traces},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
