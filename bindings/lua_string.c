/* What Lua's string library does by patterns, and rep, so that none of it outlasts the budget. The
 * rest of the library takes time by the length of its texts, which the heap's limit bounds. */
#include <ctype.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <string.h>

#include "bindings/budget.h"
#include "bindings/modules.h"
#include "bindings/pattern.h"

/* Index of the first character that `init` means, from 0. */
static size_t first_index(lua_Integer init, size_t length)
{
    if (init > 0)
        return (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)length)
        return 0;
    return length + (size_t)init;
}

static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] && strchr("^$*+?.([%-", text[i]))
            return false;
    }
    return true;
}

static int find_plain(lua_State *L, const char *s, size_t length, size_t init)
{
    size_t size;
    const char *text = lua_tolstring(L, 2, &size);
    const char *at = size ? memmem(s + init, length - init, text, size) : s + init;

    if (!at)
        return 0;
    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, at - s + (lua_Integer)size);
    return 2;
}

static int search(lua_State *L, const char *s, size_t length, size_t init, bool find)
{
    struct ml_pattern m;
    size_t size;
    const char *text = lua_tolstring(L, 2, &size);
    bool anchored = *text == '^' && size > 0;

    ml_pattern_init(&m, L, s, length, text, size);
    for (const char *at = s + init; at <= m.subject_end; at++) {
        const char *end;

        ml_pattern_restart(&m);
        end = ml_pattern_match(&m, at, text + anchored);
        if (end && find) {
            lua_pushinteger(L, at - s + 1);
            lua_pushinteger(L, end - s);
            return ml_pattern_push_all(&m, at, end, false) + 2;
        }
        if (end)
            return ml_pattern_push_all(&m, at, end, true);
        if (anchored)
            break;
    }
    return 0;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t length, size;
    const char *s = luaL_checklstring(L, 1, &length);
    const char *text = luaL_checklstring(L, 2, &size);
    size_t init = first_index(luaL_optinteger(L, 3, 1), length);
    int results = 0;

    if (init <= length && find && (lua_toboolean(L, 4) || is_plain(text, size)))
        results = find_plain(L, s, length, init);
    else if (init <= length)
        results = search(L, s, length, init, find);
    if (results)
        return results;
    lua_pushnil(L);
    return 1;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

/* In a userdata whose user values are the two texts. */
struct walk {
    const char *at;   /* where the next match is looked for */
    const char *last; /* end of the match before: an empty one there does not count */
    const char *text;
    struct ml_pattern m;
};

static int walk_on(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, lua_upvalueindex(3));

    walk->m.L = L;
    for (; walk->at <= walk->m.subject_end; walk->at++) {
        const char *from = walk->at, *end;

        ml_pattern_restart(&walk->m);
        end = ml_pattern_match(&walk->m, from, walk->text);
        if (end && end != walk->last) {
            walk->at = walk->last = end;
            return ml_pattern_push_all(&walk->m, from, end, true);
        }
    }
    return 0;
}

static int string_gmatch(lua_State *L)
{
    size_t length, size;
    const char *s = luaL_checklstring(L, 1, &length);
    const char *text = luaL_checklstring(L, 2, &size);
    size_t init = first_index(luaL_optinteger(L, 3, 1), length);
    struct walk *walk;

    lua_settop(L, 2);
    walk = lua_newuserdatauv(L, sizeof *walk, 0);
    ml_pattern_init(&walk->m, L, s, length, text, size);
    walk->at = s + (init > length ? length + 1 : init);
    walk->last = NULL;
    walk->text = text;
    lua_pushcclosure(L, walk_on, 3);
    return 1;
}

/* ---- gsub ---- */

/* A replacement text with its %0 to %9 and %%. */
static void add_text(struct ml_pattern *m, luaL_Buffer *out, const char *from, const char *to)
{
    size_t size;
    const char *p = lua_tolstring(m->L, 3, &size);
    const char *end = p + size;

    for (const char *mark; (mark = memchr(p, '%', (size_t)(end - p))) != NULL; p = mark + 2) {
        luaL_addlstring(out, p, (size_t)(mark - p));
        if (mark[1] == '%') {
            luaL_addchar(out, '%');
        } else if (mark[1] == '0') {
            luaL_addlstring(out, from, (size_t)(to - from));
        } else if (isdigit((unsigned char)mark[1])) {
            ml_pattern_push(m, mark[1] - '1', from, to);
            luaL_addvalue(out);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(out, p, (size_t)(end - p));
}

/* What replaces the match from..to. False: the match stays. */
static bool add_replacement(struct ml_pattern *m, luaL_Buffer *out, const char *from,
                            const char *to)
{
    lua_State *L = m->L;
    int type = lua_type(L, 3);

    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, ml_pattern_push_all(m, from, to, true), 1);
    } else if (type == LUA_TTABLE) {
        ml_pattern_push(m, 0, from, to);
        lua_gettable(L, 3);
    } else {
        add_text(m, out, from, to);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, from, (size_t)(to - from));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

static int string_gsub(lua_State *L)
{
    size_t length, size;
    const char *at = luaL_checklstring(L, 1, &length), *last = NULL;
    const char *text = luaL_checklstring(L, 2, &size);
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
    bool anchored = *text == '^' && size > 0, changed = false;
    struct ml_pattern m;
    luaL_Buffer out;

    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE ||
                         type == LUA_TFUNCTION,
                     3, "string/function/table");
    ml_pattern_init(&m, L, at, length, text, size);
    luaL_buffinit(L, &out);
    while (count < most) {
        const char *end;

        ml_pattern_restart(&m);
        end = ml_pattern_match(&m, at, text + anchored);
        if (end && end != last) {
            count++;
            changed = add_replacement(&m, &out, at, end) || changed;
            at = last = end;
        } else if (at < m.subject_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    if (changed) {
        luaL_addlstring(&out, at, (size_t)(m.subject_end - at));
        luaL_pushresult(&out);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

/* ---- rep ---- */

static int string_rep(lua_State *L)
{
    size_t length, between, total, filled;
    const char *s = luaL_checklstring(L, 1, &length);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &between);
    luaL_Buffer out;
    char *to;

    if (n <= 0 || length + between == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if ((uint64_t)n > (SIZE_MAX >> 1) / (length + between))
        return luaL_error(L, "resulting string too large");
    total = (size_t)n * length + (size_t)(n - 1) * between;
    to = luaL_buffinitsize(L, &out, total);
    memcpy(to, s, length);
    filled = length;
    if (n > 1) {
        memcpy(to + length, separator, between);
        filled += between;
    }
    for (size_t more; filled < total; filled += more) {
        more = filled < total - filled ? filled : total - filled;
        memcpy(to + filled, to, more);
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

void ml_string_install(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", string_find},     {"match", string_match},
                                         {"gmatch", string_gmatch}, {"gsub", string_gsub},
                                         {"rep", string_rep},       {NULL, NULL}};

    luaL_setfuncs(L, functions, 0);
}
