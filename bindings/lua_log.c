/* moonline.core.log */
#include "bindings/modules.h"
#include "bindings/sink.h"
#include "bindings/state.h"
#include "core/base/log.h"

static const char *const levels[] = {"debug", "info", "warning", "error", NULL};

/* Lines captured for a test: posted to the loop first, since any thread may log. */
static struct ml_sink capture = {NULL, LUA_NOREF, LUA_NOREF};

static int log_setup(lua_State *L)
{
    int level = luaL_checkoption(L, 1, "info", levels);
    static const char *const formats[] = {"text", "json", NULL};

    ml_log_setup((enum ml_log_level)level, luaL_checkoption(L, 2, "text", formats) == 1);
    return 0;
}

static int log_write(lua_State *L)
{
    int level = luaL_checkoption(L, 1, "info", levels);

    ml_log((enum ml_log_level)level, luaL_optstring(L, 2, NULL), "%s", luaL_checkstring(L, 3));
    return 0;
}

struct captured {
    char *line;
};

static void deliver(void *user)
{
    struct captured *captured = user;

    if (capture.state) {
        lua_State *L = ml_sink_event(&capture, "log");

        ml_set_text(L, "line", captured->line);
        ml_sink_post(&capture, L);
    }
    ml_free(captured->line);
    ml_free(captured);
}

static void keep(const char *line, void *user)
{
    struct captured *captured = ml_alloc(sizeof *captured);

    captured->line = ml_strdup(line);
    ml_loop_post(user, deliver, captured);
}

static int log_capture(lua_State *L)
{
    lua_settop(L, 1);
    if (capture.state)
        ml_sink_fini(&capture);
    capture.state = NULL;
    ml_log_to(NULL, NULL);
    if (!lua_isnil(L, 1)) {
        ml_sink_init(&capture, L, 1);
        ml_log_to(keep, ml_state_of(L)->runtime->loop);
    }
    return 0;
}

int ml_open_log(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"setup", log_setup}, {"write", log_write}, {"capture", log_capture}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
