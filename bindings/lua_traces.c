/* moonline.core.house: traces of calls. */
#include <math.h>
#include <string.h>

#include "bindings/house.h"
#include "bindings/object.h"
#include "bindings/state.h"
#include "core/base/mem.h"
#include "core/house/traces.h"
#include "core/text/json.h"

enum {
    DEPTH_MAX = 8,     /* of what is told: deeper tables are left out */
    KEPT_MAX = 1 << 16 /* bytes of the buffer that are kept from one event to the next */
};

struct ml_shared_traces {
    struct ml_traces *traces;
    struct ml_buf json; /* of the event that is being told */
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
    ml_buf_fini(&shared->json);
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

/* ---- what is told, as JSON ---- */

static bool add_value(struct ml_buf *out, lua_State *L, int index, int depth);

static void add_list(struct ml_buf *out, lua_State *L, int index, int depth)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);

    for (lua_Integer i = 1; i <= n; i++) {
        ml_buf_add(out, i == 1 ? "[" : ",", 1);
        lua_rawgeti(L, index, i);
        if (!add_value(out, L, lua_gettop(L), depth))
            ml_buf_str(out, "null");
        lua_pop(L, 1);
    }
    ml_buf_add(out, "]", 1);
}

static void add_object(struct ml_buf *out, lua_State *L, int index, int depth)
{
    bool first = true;

    ml_buf_str(out, "{");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        size_t n, before = out->n;
        const char *name;

        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        name = lua_tolstring(L, -2, &n);
        if (!first)
            ml_buf_add(out, ",", 1);
        ml_json_quote(out, (struct ml_str){name, n});
        ml_buf_add(out, ":", 1);
        if (add_value(out, L, lua_gettop(L), depth))
            first = false;
        else
            out->n = before;
    }
    ml_buf_str(out, "}");
}

static void add_integer(struct ml_buf *out, lua_Integer value)
{
    if (value < 0)
        ml_buf_str(out, "-");
    ml_buf_uint(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void add_number(struct ml_buf *out, lua_State *L, int index)
{
    if (lua_isinteger(L, index))
        add_integer(out, lua_tointeger(L, index));
    else if (isfinite(lua_tonumber(L, index)))
        ml_buf_printf(out, "%.14g", lua_tonumber(L, index));
    else
        ml_buf_str(out, "null");
}

/* False: it is nothing that can be written. */
static bool add_value(struct ml_buf *out, lua_State *L, int index, int depth)
{
    size_t n;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &n);
        ml_json_quote(out, (struct ml_str){text, n});
        return true;
    case LUA_TNUMBER:
        add_number(out, L, index);
        return true;
    case LUA_TBOOLEAN:
        ml_buf_str(out, lua_toboolean(L, index) ? "true" : "false");
        return true;
    case LUA_TTABLE:
        if (depth == DEPTH_MAX || !lua_checkstack(L, 4))
            return false;
        if (lua_rawlen(L, index) > 0)
            add_list(out, L, index, depth + 1);
        else
            add_object(out, L, index, depth + 1);
        return true;
    default:
        return false;
    }
}

static int traces_tell(lua_State *L)
{
    struct ml_shared_traces *shared = ml_object_check(L, 1, &traces_class);
    struct ml_buf *json = &shared->json;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    if (ml_field(L, 2, "call") != LUA_TSTRING)
        return 0;
    json->n = 0;
    add_value(json, L, 2, 0);
    ml_traces_tell(shared->traces, lua_tostring(L, 3), (struct ml_str){json->p, json->n});
    if (json->size > KEPT_MAX)
        ml_buf_fini(json);
    return 0;
}

/* ---- reading ---- */

static void push_item(const struct ml_trace_item *item, void *user)
{
    lua_State *L = user;

    lua_createtable(L, 0, 8);
    ml_set_number(L, "time", (lua_Number)item->us / 1e6);
    ml_set_text(L, "call", item->sid);
    if (item->is_message) {
        ml_set_text(L, "kind", "message");
        ml_set_boolean(L, "sent", item->sent);
        ml_set_text(L, "transport", item->transport);
        ml_set_text(L, "local_address", item->local);
        ml_set_text(L, "remote", item->remote);
    }
    lua_pushlstring(L, item->text.p, item->text.n);
    lua_setfield(L, -2, item->is_message ? "text" : "json");
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
