/* The Ask handle of moonline.core.sip: requests outside any dialog. */
#include "bindings/lists.h"
#include "bindings/sip.h"
#include "core/base/mem.h"
#include "core/sip/ask.h"

struct ask {
    struct ml_ask *ask;
    struct ml_sink sink;
};

static void ask_close(void *object)
{
    struct ask *ask = object;

    ml_ask_free(ask->ask);
    ml_sink_fini(&ask->sink);
    ml_free(ask);
}

static int ask_send(lua_State *L);

static const luaL_Reg methods[] = {{"send", ask_send}, {NULL, NULL}};
static const struct ml_class ask_class = {.name = "ask", .methods = methods, .close = ask_close};

static void on_result(struct ml_ask *asked, const struct ml_ask_result *result, void *user)
{
    struct ask *ask = user;
    lua_State *L = ml_sink_event(&ask->sink, "response");

    (void)asked;
    ml_set_integer(L, "code", result->code);
    ml_set_text(L, "phrase", result->phrase);
    if (result->cause != ML_CAUSE_NONE)
        ml_set_text(L, "cause", ml_leg_cause_name(result->cause));
    ml_set_text(L, "text", result->text);
    ml_set_text(L, "peer", result->peer);
    ml_set_text(L, "contact", result->contact);
    ml_set_text(L, "headers", result->headers);
    lua_createtable(L, (int)result->host_count, 0);
    for (size_t i = 0; i < result->host_count; i++) {
        lua_pushstring(L, result->hosts[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "hosts");
    ml_sink_post(&ask->sink, L);
}

int ml_lua_ask(lua_State *L, struct ml_agent *agent)
{
    struct ml_ask_options options = {0};
    struct ask *ask;
    int box;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    ml_field(L, 2, "box");
    box = lua_gettop(L);
    options.uri = ml_opt_text(L, 2, "uri", NULL);
    luaL_argcheck(L, options.uri, 2, "uri: string expected");
    options.aor = ml_opt_text(L, 2, "aor", NULL);
    options.flow = ml_opt_text(L, 2, "flow", NULL);
    options.username = ml_opt_text(L, 2, "username", NULL);
    options.password = ml_opt_text(L, 2, "password", NULL);
    options.bind = ml_opt_text(L, 2, "bind", NULL);
    options.advertise = ml_opt_text(L, 2, "advertise", NULL);
    options.hops = ml_list_texts(L, 2, "hops", &options.hop_count);
    ml_object_new(L, &ask_class);
    ask = ml_alloc(sizeof *ask);
    ml_sink_init(&ask->sink, L, box);
    ask->ask = ml_ask_new(agent, &options, on_result, ask);
    ml_object_open(L, -1, ask);
    return 1;
}

static int ask_send(lua_State *L)
{
    struct ask *ask = ml_object_check(L, 1, &ask_class);
    struct ml_ask_request request = {.method = luaL_optstring(L, 2, NULL), .expires = -1};
    struct ml_fault fault = {0};
    int status;

    lua_settop(L, 3);
    if (lua_istable(L, 3)) {
        request.contact_user = ml_opt_text(L, 3, "contact_user", NULL);
        request.expires = (int)ml_opt_integer(L, 3, "expires", -1);
        ml_field(L, 3, "headers");
        request.headers = ml_list_headers(L, -1, &request.header_count);
    }
    status = ml_ask_send(ask->ask, &request, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_pushboolean(L, true);
    return 1;
}
