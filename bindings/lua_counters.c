/* moonline.core.house: counters. */
#include "bindings/house.h"
#include "bindings/object.h"
#include "bindings/state.h"
#include "core/base/mem.h"
#include "core/house/counters.h"

struct shared_counters {
    struct ml_counters *counters;
    int references;
};

static int counters_add(lua_State *L);
static int counters_list(lua_State *L);

static void counters_close(void *object)
{
    struct shared_counters *shared = object;

    if (--shared->references == 0) {
        ml_counters_free(shared->counters);
        ml_free(shared);
    }
}

static void counters_share(void *object)
{
    ((struct shared_counters *)object)->references++;
}

static const luaL_Reg counters_methods[] = {
    {"add", counters_add}, {"list", counters_list}, {NULL, NULL}};
static const struct ml_class counters_class = {.name = "counters",
                                               .methods = counters_methods,
                                               .close = counters_close,
                                               .share = counters_share};

static struct ml_counters *check(lua_State *L)
{
    return ((struct shared_counters *)ml_object_check(L, 1, &counters_class))->counters;
}

static int counters_add(lua_State *L)
{
    ml_counters_add(check(L), luaL_checkstring(L, 2), luaL_optinteger(L, 3, 1));
    return 0;
}

static void push_counter(const char *name, int64_t value, void *user)
{
    lua_State *L = user;

    lua_createtable(L, 2, 0);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1); /* into the list below it */
}

static int counters_list(lua_State *L)
{
    struct ml_counters *counters = check(L);

    lua_newtable(L);
    ml_counters_each(counters, push_counter, L);
    return 1;
}

int ml_house_counters(lua_State *L)
{
    struct shared_counters *shared = ml_alloc(sizeof *shared);

    shared->counters = ml_counters_new();
    shared->references = 1;
    ml_object_new(L, &counters_class);
    ml_object_open(L, -1, shared);
    return 1;
}
