/* moonline.core.http: the texts that are made of a list of { name, value }. */
#include <stdlib.h>
#include <string.h>

#include "bindings/http.h"
#include "core/net/url.h"

enum { LIST = 1, NUMBERS = 2 }; /* on the stack: what is read, and texts made of its numbers */

struct field {
    struct ml_str name, value; /* LIST or NUMBERS keeps them alive */
};

/* The text at [k] of the pair on top. */
static struct ml_str text_of(lua_State *L, int k)
{
    int type = lua_rawgeti(L, -1, k);
    struct ml_str text;

    luaL_argcheck(L, type == LUA_TSTRING || type == LUA_TNUMBER, LIST,
                  "names and values are text or numbers");
    text.p = lua_tolstring(L, -1, &text.n);
    if (type == LUA_TNUMBER)
        lua_rawseti(L, NUMBERS, luaL_len(L, NUMBERS) + 1);
    else
        lua_pop(L, 1);
    return text;
}

/* Reads the list whole, before anything is made that an error would leave behind. In Lua memory. */
static struct field *read_fields(lua_State *L, size_t *count)
{
    struct field *fields;

    luaL_checktype(L, LIST, LUA_TTABLE);
    lua_settop(L, LIST);
    lua_newtable(L);
    *count = (size_t)lua_rawlen(L, LIST);
    fields = lua_newuserdatauv(L, (*count + 1) * sizeof *fields, 0);
    for (size_t i = 0; i < *count; i++) {
        int type = lua_rawgeti(L, LIST, (lua_Integer)i + 1);

        luaL_argcheck(L, type == LUA_TTABLE, LIST, "a list of { name, value } expected");
        fields[i].name = text_of(L, 1);
        fields[i].value = text_of(L, 2);
        lua_pop(L, 1);
    }
    return fields;
}

static int push_text(lua_State *L, struct ml_buf *text)
{
    lua_pushlstring(L, text->p ? text->p : "", text->n);
    ml_buf_fini(text);
    return 1;
}

int ml_http_escape(lua_State *L)
{
    struct ml_buf text = {0};
    struct ml_str given;

    given.p = luaL_checklstring(L, 1, &given.n);
    ml_url_escape(&text, given);
    return push_text(L, &text);
}

int ml_http_form(lua_State *L)
{
    struct ml_buf text = {0};
    size_t count;
    const struct field *fields = read_fields(L, &count);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            ml_buf_add(&text, "&", 1);
        ml_url_escape(&text, fields[i].name);
        ml_buf_add(&text, "=", 1);
        ml_url_escape(&text, fields[i].value);
    }
    return push_text(L, &text);
}

static int compare_text(struct ml_str a, struct ml_str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare(const void *one, const void *other)
{
    const struct field *a = one, *b = other;
    int order = compare_text(a->name, b->name);

    return order != 0 ? order : compare_text(a->value, b->value);
}

int ml_http_signed_form(lua_State *L)
{
    struct ml_buf text = {0};
    size_t count;
    struct field *fields = read_fields(L, &count);

    qsort(fields, count, sizeof *fields, compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(&fields[i - 1], &fields[i]) == 0)
            continue;
        ml_buf_add(&text, fields[i].name.p, fields[i].name.n);
        ml_buf_add(&text, fields[i].value.p, fields[i].value.n);
    }
    return push_text(L, &text);
}
