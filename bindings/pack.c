#include "bindings/pack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <lauxlib.h>

enum {
    DEPTH_MAX = 8, /* deeper tables are left out */
    SHORT_MAX = 255,
    WORD = 8 /* bytes of a number, and of the length of what is LONG */
};

static_assert(sizeof(lua_Integer) == WORD && sizeof(lua_Number) == WORD, "numbers are words");

/* What comes next. A list and a table go on until their END. */
enum tag { NIL, NO, YES, INTEGER, NUMBER, SHORT, LONG, LIST, TABLE, END };

/* ---- writing ---- */

static bool add_value(struct ml_buf *out, lua_State *L, int index, int depth);

/* The bytes end there now; the room for the NUL is there. */
static void add_until(struct ml_buf *out, char *end)
{
    *end = '\0';
    out->n = (size_t)(end - out->p);
}

static void add_tag(struct ml_buf *out, enum tag tag)
{
    char *to = ml_buf_room(out, 1);

    *to++ = (char)tag;
    add_until(out, to);
}

static void add_word(struct ml_buf *out, enum tag tag, const void *word)
{
    char *to = ml_buf_room(out, 1 + WORD);

    *to++ = (char)tag;
    memcpy(to, word, WORD);
    add_until(out, to + WORD);
}

static void add_text(struct ml_buf *out, struct ml_str text)
{
    char *to;

    if (text.n > SHORT_MAX) {
        add_word(out, LONG, &(uint64_t){text.n});
        to = ml_buf_room(out, text.n);
    } else {
        to = ml_buf_room(out, 2 + text.n);
        *to++ = (char)SHORT;
        *to++ = (char)text.n;
    }
    memcpy(to, text.p, text.n);
    add_until(out, to + text.n);
}

static void add_list(struct ml_buf *out, lua_State *L, int index, int depth)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);

    add_tag(out, LIST);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        if (!add_value(out, L, lua_gettop(L), depth))
            add_tag(out, NIL);
        lua_pop(L, 1);
    }
    add_tag(out, END);
}

static bool add_field(struct ml_buf *out, struct ml_str name, lua_State *L, int index, int depth)
{
    size_t before = out->n;

    add_text(out, name);
    if (add_value(out, L, index, depth))
        return true;
    out->n = before;
    return false;
}

static void add_table(struct ml_buf *out, lua_State *L, int index, int depth)
{
    add_tag(out, TABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        struct ml_str name;

        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        name.p = lua_tolstring(L, -2, &name.n);
        add_field(out, name, L, lua_gettop(L), depth);
    }
    add_tag(out, END);
}

static void add_number(struct ml_buf *out, lua_State *L, int index)
{
    lua_Integer integer;
    lua_Number number;

    if (lua_isinteger(L, index)) {
        integer = lua_tointeger(L, index);
        add_word(out, INTEGER, &integer);
        return;
    }
    number = lua_tonumber(L, index);
    if (isfinite(number))
        add_word(out, NUMBER, &number);
    else
        add_tag(out, NIL);
}

static bool add_value(struct ml_buf *out, lua_State *L, int index, int depth)
{
    struct ml_str text;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text.p = lua_tolstring(L, index, &text.n);
        add_text(out, text);
        return true;
    case LUA_TNUMBER:
        add_number(out, L, index);
        return true;
    case LUA_TBOOLEAN:
        add_tag(out, lua_toboolean(L, index) ? YES : NO);
        return true;
    case LUA_TTABLE:
        if (depth == DEPTH_MAX || !lua_checkstack(L, 4))
            return false;
        if (lua_rawlen(L, index) > 0)
            add_list(out, L, index, depth + 1);
        else
            add_table(out, L, index, depth + 1);
        return true;
    default:
        return false;
    }
}

bool ml_pack_field(struct ml_buf *out, struct ml_str name, lua_State *L, int index)
{
    return add_field(out, name, L, index, 1);
}

/* ---- reading ---- */

static void take(struct ml_str *rest, void *to, size_t n)
{
    memcpy(to, rest->p, n);
    rest->p += n;
    rest->n -= n;
}

static void push_text(lua_State *L, struct ml_str *rest, size_t n)
{
    lua_pushlstring(L, rest->p, n);
    rest->p += n;
    rest->n -= n;
}

/* False, and nothing is pushed: END. */
static bool push_value(lua_State *L, struct ml_str *rest)
{
    char tag;
    uint8_t few;
    uint64_t many;
    lua_Integer integer;
    lua_Number number;

    luaL_checkstack(L, 4, "packed values");
    take(rest, &tag, 1);
    switch ((enum tag)tag) {
    case NIL:
        lua_pushnil(L);
        return true;
    case NO:
    case YES:
        lua_pushboolean(L, tag == YES);
        return true;
    case INTEGER:
        take(rest, &integer, WORD);
        lua_pushinteger(L, integer);
        return true;
    case NUMBER:
        take(rest, &number, WORD);
        lua_pushnumber(L, number);
        return true;
    case SHORT:
        take(rest, &few, sizeof few);
        push_text(L, rest, few);
        return true;
    case LONG:
        take(rest, &many, WORD);
        push_text(L, rest, many);
        return true;
    case LIST:
        lua_newtable(L);
        for (lua_Integer i = 1; push_value(L, rest); i++)
            lua_rawseti(L, -2, i);
        return true;
    case TABLE:
        lua_newtable(L);
        while (push_value(L, rest) && push_value(L, rest))
            lua_rawset(L, -3);
        return true;
    case END:
        return false;
    }
    return false;
}

void ml_unpack_fields(lua_State *L, struct ml_str packed)
{
    while (packed.n > 0 && push_value(L, &packed) && push_value(L, &packed))
        lua_rawset(L, -3);
}
