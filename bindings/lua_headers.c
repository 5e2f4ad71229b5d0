/* moonline.core.sip: the headers of a message, made into a list when somebody asks for them. */
#include "bindings/sip.h"
#include "core/sip/headers.h"

/* Is it named by one of the texts from 2 to `last`, or are there none? */
static bool is_asked_for(lua_State *L, struct ml_str name, int last)
{
    for (int i = 2; i <= last; i++) {
        struct ml_str wanted, begin = name;

        wanted.p = luaL_checklstring(L, i, &wanted.n);
        if (wanted.n > 0 && wanted.p[wanted.n - 1] == '*' && name.n >= --wanted.n)
            begin.n = wanted.n;
        if (ml_str_ieq(begin, wanted))
            return true;
    }
    return last < 2;
}

static void push_text(lua_State *L, struct ml_str text, int place)
{
    lua_pushlstring(L, text.p, text.n);
    lua_rawseti(L, -2, place);
}

int ml_sip_headers(lua_State *L)
{
    int last = lua_gettop(L);
    struct ml_str lines, name, value;

    lines.p = luaL_optlstring(L, 1, "", &lines.n);
    lua_newtable(L);
    for (lua_Integer n = 0; ml_headers_next(&lines, &name, &value);) {
        if (!is_asked_for(L, name, last))
            continue;
        lua_createtable(L, 2, 0);
        push_text(L, name, 1);
        push_text(L, value, 2);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}
