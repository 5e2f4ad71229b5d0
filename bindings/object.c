#include "bindings/object.h"

#include "bindings/state.h"
#include "core/base/mem.h"

/* What an open handle stands for. Not in the userdata: Lua gives up a finalizer that it calls where
 * the stack of C is nearly full, and frees the userdata all the same; what it left open is closed
 * with the state. */
struct open {
    struct ml_link link; /* in state->handles */
    const struct ml_class *class;
    void *object;
};

struct handle {
    const struct ml_class *class;
    struct open *open; /* NULL: closed */
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

/* Every metatable of handles has it as a key, no other has. */
static const char mark;

static struct handle *handle_at(lua_State *L, int index)
{
    struct handle *handle = lua_touserdata(L, index);
    bool ours;

    if (!handle || !lua_getmetatable(L, index))
        return NULL;
    ours = lua_rawgetp(L, -1, &mark) != LUA_TNIL;
    lua_pop(L, 2);
    return ours ? handle : NULL;
}

/* NULL: closed. */
static void *object_of(const struct handle *handle)
{
    return handle->open ? handle->open->object : NULL;
}

/* The handle is closed: what it stood for, to be closed by the caller. */
static void *take(struct handle *handle)
{
    struct open *open = handle->open;
    void *object = open->object;

    handle->open = NULL;
    count(open->class, -1);
    ml_list_remove(&open->link);
    ml_free(open);
    return object;
}

/* __gc, and the end of what the others begin. */
static int handle_end(lua_State *L)
{
    struct handle *handle = handle_at(L, 1);

    luaL_argcheck(L, handle, 1, "a handle expected");
    if (object_of(handle))
        handle->class->close(take(handle));
    return 0;
}

void ml_object_close_all(struct ml_state *state)
{
    struct ml_list closed;
    struct ml_link *link;

    ml_list_init(&closed);
    while ((link = ml_list_last(&state->handles))) {
        struct open *open = ML_CONTAINER(link, struct open, link);
        void *object = open->object;

        ml_list_remove(link);
        ml_list_append(&closed, link); /* the userdata still knows it */
        open->object = NULL;
        count(open->class, -1);
        if (open->class->left)
            open->class->left(object, state);
        open->class->close(object);
    }
    while ((link = ml_list_first(&closed))) {
        ml_list_remove(link);
        ml_list_append(&state->handles, link);
    }
}

void ml_object_free_all(struct ml_state *state)
{
    struct ml_link *link;

    while ((link = ml_list_first(&state->handles))) {
        ml_list_remove(link);
        ml_free(ML_CONTAINER(link, struct open, link));
    }
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
    lua_pushfstring(L, "%s (%s)", handle->class->name, object_of(handle) ? "open" : "closed");
    return 1;
}

static void make_metatable(lua_State *L, const struct ml_class *class)
{
    luaL_newmetatable(L, lua_pushfstring(L, "moonline.%s", class->name));
    lua_remove(L, -2);
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
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, &mark);
}

/* Made with the first handle of its class, then in the registry under the class. */
static void push_metatable(lua_State *L, const struct ml_class *class)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, class) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    make_metatable(L, class);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, class);
}

void ml_object_new(lua_State *L, const struct ml_class *class)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);

    handle->class = class;
    handle->open = NULL;
    handle->guest = false;
    push_metatable(L, class);
    lua_setmetatable(L, -2);
}

void ml_object_open(lua_State *L, int index, void *object)
{
    struct handle *handle = lua_touserdata(L, index);

    handle->open = ml_alloc(sizeof *handle->open);
    handle->open->class = handle->class;
    handle->open->object = object;
    ml_list_append(&ml_state_of(L)->handles, &handle->open->link);
    count(handle->class, 1);
}

void *ml_object_check(lua_State *L, int index, const struct ml_class *class)
{
    struct handle *handle = handle_at(L, index);
    void *object;

    if (!handle || handle->class != class)
        luaL_typeerror(L, index, class->name);
    object = object_of(handle);
    if (!object)
        luaL_error(L, "%s: closed", class->name);
    return object;
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

    *objectp = handle ? object_of(handle) : NULL;
    return handle ? handle->class : NULL;
}

void ml_object_forget(lua_State *L, int index)
{
    struct handle *handle = handle_at(L, index);

    if (handle && object_of(handle))
        take(handle);
}
