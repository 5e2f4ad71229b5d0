#include "bindings/object.h"

#include "bindings/state.h"

struct handle {
    const struct ml_class *class;
    void *object; /* NULL: closed */
    bool guest;
};

enum { CLASSES = 32 };

static struct {
    const struct ml_class *class;
    int open;
} census[CLASSES];

static void count(const struct ml_class *class, int change)
{
    for (size_t i = 0; i < CLASSES; i++) {
        if (census[i].class && census[i].class != class)
            continue;
        census[i].class = class;
        census[i].open += change;
        return;
    }
}

bool ml_object_count(size_t index, const char **name, int *open)
{
    if (index >= CLASSES || !census[index].class)
        return false;
    *name = census[index].class->name;
    *open = census[index].open;
    return true;
}

/* Registry key under which all metatables of handles are listed: metatable -> true. */
static const char metatables;

static struct handle *handle_at(lua_State *L, int index)
{
    struct handle *handle = lua_touserdata(L, index);
    bool ours;

    if (!handle || lua_islightuserdata(L, index) || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatables);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 2);
        return NULL;
    }
    lua_pushvalue(L, -2);
    lua_rawget(L, -2);
    ours = lua_toboolean(L, -1);
    lua_pop(L, 3);
    return ours ? handle : NULL;
}

/* __gc, and the end of what the others begin. */
static int handle_end(lua_State *L)
{
    struct handle *handle = handle_at(L, 1);
    void *object;

    luaL_argcheck(L, handle, 1, "a handle expected");
    object = handle->object;
    if (!object)
        return 0;
    handle->object = NULL;
    count(handle->class, -1);
    if (ml_state_of(L)->closing && handle->class->left)
        handle->class->left(object, ml_state_of(L));
    handle->class->close(object);
    return 0;
}

static void refuse_guest(lua_State *L, const struct handle *handle)
{
    if (handle && handle->guest)
        luaL_error(L, "%s: it is the server's, not this generation's", handle->class->name);
}

static int handle_close(lua_State *L)
{
    refuse_guest(L, handle_at(L, 1));
    return handle_end(L);
}

static int handle_tostring(lua_State *L)
{
    struct handle *handle = handle_at(L, 1);

    luaL_argcheck(L, handle, 1, "a handle expected");
    lua_pushfstring(L, "%s (%s)", handle->class->name, handle->object ? "open" : "closed");
    return 1;
}

static void push_metatable(lua_State *L, const struct ml_class *class)
{
    const char *name = lua_pushfstring(L, "moonline.%s", class->name);

    if (luaL_newmetatable(L, name)) {
        lua_newtable(L);
        luaL_setfuncs(L, class->methods, 0);
        lua_pushcfunction(L, handle_close);
        lua_setfield(L, -2, "close");
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, handle_close);
        lua_setfield(L, -2, "__close");
        lua_pushcfunction(L, handle_end);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, handle_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushliteral(L, "handle");
        lua_setfield(L, -2, "__metatable");
        if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatables) != LUA_TTABLE) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushvalue(L, -1);
            lua_rawsetp(L, LUA_REGISTRYINDEX, &metatables);
        }
        lua_pushvalue(L, -2);
        lua_pushboolean(L, true);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
}

void ml_object_new(lua_State *L, const struct ml_class *class)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);

    handle->class = class;
    handle->object = NULL;
    handle->guest = false;
    push_metatable(L, class);
    lua_setmetatable(L, -2);
}

void ml_object_open(lua_State *L, int index, void *object)
{
    struct handle *handle = lua_touserdata(L, index);

    handle->object = object;
    count(handle->class, 1);
}

void *ml_object_check(lua_State *L, int index, const struct ml_class *class)
{
    struct handle *handle = handle_at(L, index);

    if (!handle || handle->class != class)
        luaL_typeerror(L, index, class->name);
    if (!handle->object)
        luaL_error(L, "%s: closed", class->name);
    return handle->object;
}

void ml_object_lend(lua_State *L, int index)
{
    struct handle *handle = lua_touserdata(L, index);

    handle->guest = true;
}

void *ml_object_own(lua_State *L, int index, const struct ml_class *class)
{
    void *object = ml_object_check(L, index, class);

    refuse_guest(L, lua_touserdata(L, index));
    return object;
}

void *ml_object_opt(lua_State *L, int index, const struct ml_class *class)
{
    return lua_isnoneornil(L, index) ? NULL : ml_object_check(L, index, class);
}

const struct ml_class *ml_object_class(lua_State *L, int index, void **objectp)
{
    struct handle *handle = handle_at(L, index);

    *objectp = handle ? handle->object : NULL;
    return handle ? handle->class : NULL;
}

void ml_object_forget(lua_State *L, int index)
{
    struct handle *handle = handle_at(L, index);

    if (handle && handle->object) {
        handle->object = NULL;
        count(handle->class, -1);
    }
}
