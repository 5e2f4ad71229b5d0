/* moonline.core.xml */
#include "bindings/modules.h"
#include "bindings/state.h"
#include "core/text/xml.h"

static void push_position(lua_State *L, int line, int column)
{
    ml_set_integer(L, "line", line);
    ml_set_integer(L, "column", column);
}

static void push_node(lua_State *L, const struct ml_xml_node *node)
{
    luaL_checkstack(L, 8, "xml");
    lua_createtable(L, 0, 5);
    push_position(L, node->line, node->column);
    if (node->kind == ML_XML_TEXT) {
        ml_set_text(L, "text", node->text);
        return;
    }
    ml_set_text(L, "name", node->name);
    lua_createtable(L, (int)node->attribute_count, 0);
    for (size_t i = 0; i < node->attribute_count; i++) {
        const struct ml_xml_attribute *attribute = &node->attributes[i];

        lua_createtable(L, 0, 4);
        ml_set_text(L, "name", attribute->name);
        ml_set_text(L, "value", attribute->value);
        push_position(L, attribute->line, attribute->column);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "attributes");
    lua_createtable(L, (int)node->child_count, 0);
    for (size_t i = 0; i < node->child_count; i++) {
        push_node(L, node->children[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "children");
}

static int xml_parse(lua_State *L)
{
    struct ml_str bytes;
    struct ml_xml *xml = NULL;
    struct ml_xml_error error = {0};

    bytes.p = luaL_checklstring(L, 1, &bytes.n);
    if (ml_xml_parse(bytes, &xml, &error) != 0) {
        lua_pushnil(L);
        lua_pushstring(L, error.text);
        lua_pushinteger(L, error.line);
        lua_pushinteger(L, error.column);
        return 4;
    }
    push_node(L, ml_xml_root(xml));
    ml_xml_free(xml);
    return 1;
}

int ml_open_xml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"parse", xml_parse}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
