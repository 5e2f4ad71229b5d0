/* moonline.core.house: traces of calls. */
#include <string.h>

#include "bindings/house.h"
#include "bindings/object.h"
#include "bindings/pack.h"
#include "bindings/state.h"
#include "core/base/mem.h"
#include "core/house/traces.h"

enum {
    KEPT_MAX = 1 << 16 /* bytes of the buffer that are kept from one event to the next */
};

struct ml_shared_traces {
    struct ml_traces *traces;
    struct ml_buf told; /* the event that is being told */
    int references;
};

static int traces_open(lua_State *L);
static int traces_dialog(lua_State *L);
static int traces_ended(lua_State *L);
static int traces_tell(lua_State *L);
static int traces_read(lua_State *L);
static int traces_bytes(lua_State *L);

static void traces_close(void *object)
{
    ml_lua_traces_drop(object);
}

static void traces_share(void *object)
{
    ((struct ml_shared_traces *)object)->references++;
}

static const luaL_Reg traces_methods[] = {
    {"open", traces_open}, {"dialog", traces_dialog}, {"ended", traces_ended},
    {"tell", traces_tell}, {"read", traces_read},     {"bytes", traces_bytes},
    {NULL, NULL}};
static const struct ml_class traces_class = {
    .name = "traces", .methods = traces_methods, .close = traces_close, .share = traces_share};

static struct ml_traces *check(lua_State *L)
{
    return ml_lua_traces(ml_object_check(L, 1, &traces_class));
}

struct ml_shared_traces *ml_lua_traces_take(lua_State *L, int index)
{
    struct ml_shared_traces *shared = ml_object_opt(L, index, &traces_class);

    if (shared)
        shared->references++;
    return shared;
}

void ml_lua_traces_drop(struct ml_shared_traces *shared)
{
    if (!shared || --shared->references > 0)
        return;
    ml_traces_free(shared->traces);
    ml_buf_fini(&shared->told);
    ml_free(shared);
}

struct ml_traces *ml_lua_traces(const struct ml_shared_traces *shared)
{
    return shared->traces;
}

static int traces_open(lua_State *L)
{
    ml_traces_open(check(L), luaL_checkstring(L, 2), luaL_optstring(L, 3, NULL));
    return 0;
}

static int traces_dialog(lua_State *L)
{
    ml_traces_dialog(check(L), luaL_checkstring(L, 2), luaL_checkstring(L, 3));
    return 0;
}

static int traces_ended(lua_State *L)
{
    ml_traces_end(check(L), luaL_checkstring(L, 2));
    return 0;
}

static bool is(struct ml_str name, struct ml_str wanted)
{
    return name.n == wanted.n && memcmp(name.p, wanted.p, name.n) == 0;
}

/* tell(event, form): the form stands for the parameters it was made of. */
static int traces_tell(lua_State *L)
{
    enum { EVENT = 2, FORM, NAME, VALUE };
    struct ml_shared_traces *shared = ml_object_check(L, 1, &traces_class);
    struct ml_buf *told = &shared->told;
    bool has_form = luaL_optstring(L, FORM, NULL) != NULL;
    const char *sid = NULL;

    luaL_checktype(L, EVENT, LUA_TTABLE);
    lua_settop(L, FORM);
    told->n = 0;
    for (lua_pushnil(L); lua_next(L, EVENT); lua_settop(L, NAME)) {
        struct ml_str name;

        if (lua_type(L, NAME) != LUA_TSTRING)
            continue;
        name.p = lua_tolstring(L, NAME, &name.n);
        if (is(name, ML_STR("call")))
            sid = lua_type(L, VALUE) == LUA_TSTRING ? lua_tostring(L, VALUE) : NULL;
        else if (!has_form || !is(name, ML_STR("params")))
            ml_pack_field(told, name, L, VALUE);
    }
    if (has_form)
        ml_pack_field(told, ML_STR("form"), L, FORM);
    if (sid) /* it is still in the event */
        ml_traces_tell(shared->traces, sid, (struct ml_str){told->p, told->n});
    if (told->size > KEPT_MAX)
        ml_buf_fini(told);
    return 0;
}

/* ---- reading ---- */

static void push_item(const struct ml_trace_item *item, void *user)
{
    lua_State *L = user;

    lua_createtable(L, 0, 8);
    if (!item->is_message)
        ml_unpack_fields(L, item->text);
    ml_set_number(L, "time", (lua_Number)item->us / 1e6);
    ml_set_text(L, "call", item->sid);
    if (item->is_message) {
        ml_set_text(L, "kind", "message");
        ml_set_boolean(L, "sent", item->sent);
        ml_set_text(L, "transport", item->transport);
        ml_set_text(L, "local_address", item->local);
        ml_set_text(L, "remote", item->remote);
        lua_pushlstring(L, item->text.p, item->text.n);
        lua_setfield(L, -2, "text");
    }
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
}

static int traces_read(lua_State *L)
{
    struct ml_traces *traces = check(L);
    const char *sid = luaL_checkstring(L, 2);
    size_t dropped;

    lua_newtable(L);
    if (!ml_traces_read(traces, sid, push_item, L, &dropped))
        return 0;
    lua_pushinteger(L, (lua_Integer)dropped);
    return 2;
}

static int traces_bytes(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)ml_traces_bytes(check(L)));
    return 1;
}

int ml_house_traces(lua_State *L)
{
    struct ml_shared_traces *shared;
    lua_Integer calls, bytes;

    luaL_checktype(L, 1, LUA_TTABLE);
    calls = ml_opt_integer(L, 1, "calls", 0);
    bytes = ml_opt_integer(L, 1, "bytes", 0);
    luaL_argcheck(L, calls > 0 && bytes > 0, 1, "calls and bytes: above 0");
    ml_object_new(L, &traces_class);
    shared = ml_alloc(sizeof *shared);
    shared->traces = ml_traces_new((size_t)calls, (size_t)bytes);
    shared->references = 1;
    ml_object_open(L, -1, shared);
    return 1;
}
