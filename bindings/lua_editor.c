/* moonline.core.sys: the line editor on the terminal. */
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "core/base/mem.h"
#include "core/net/editor.h"

struct editor {
    struct ml_sink sink;
    struct ml_editor *editor;
};

static void editor_close(void *object)
{
    struct editor *editor = object;

    ml_editor_free(editor->editor);
    editor->sink.state->runtime->listeners--;
    ml_sink_fini(&editor->sink);
    ml_free(editor);
}

static int editor_ask(lua_State *L);

static const luaL_Reg methods[] = {{"ask", editor_ask}, {NULL, NULL}};
static const struct ml_class editor_class = {
    .name = "editor", .methods = methods, .close = editor_close};

static int editor_ask(lua_State *L)
{
    struct editor *editor = ml_object_check(L, 1, &editor_class);

    ml_editor_ask(editor->editor, luaL_checkstring(L, 2));
    return 0;
}

static void on_line(struct ml_str line, void *user)
{
    struct editor *editor = user;
    lua_State *L = ml_sink_event(&editor->sink, line.p ? "line" : "end");

    if (line.p) {
        lua_pushlstring(L, line.p, line.n);
        lua_setfield(L, -2, "text");
    }
    ml_sink_post(&editor->sink, L);
}

int ml_sys_editor(lua_State *L)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;
    struct editor *editor;

    ml_mailbox_check(L, 1);
    ml_object_new(L, &editor_class);
    editor = ml_alloc(sizeof *editor);
    if (ml_editor_new(runtime->loop, on_line, editor, &editor->editor) != ML_OK) {
        ml_free(editor);
        lua_pushnil(L);
        return 1;
    }
    ml_sink_init(&editor->sink, L, 1);
    runtime->listeners++;
    ml_object_open(L, -1, editor);
    return 1;
}
