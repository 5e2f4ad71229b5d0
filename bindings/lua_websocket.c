/* The websocket handle of moonline.core.http: a request to our server that became one. */
#include "bindings/http.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "core/base/mem.h"
#include "core/net/websocket.h"

/* Messages that may wait in the mailbox, which drops beyond 256: then the client has to wait. */
enum { WAITING_MAX = 64 };

struct websocket {
    struct ml_websocket *websocket; /* NULL once it is over */
    int waiting;
    struct ml_sink sink;
};

static int websocket_send(lua_State *L);
static int websocket_took(lua_State *L);
static int websocket_queued(lua_State *L);
static int websocket_finish(lua_State *L);

static void websocket_close(void *object)
{
    struct websocket *own = object;

    ml_websocket_free(own->websocket);
    ml_sink_fini(&own->sink);
    ml_free(own);
}

static const luaL_Reg methods[] = {{"send", websocket_send},
                                   {"took", websocket_took},
                                   {"queued", websocket_queued},
                                   {"finish", websocket_finish},
                                   {NULL, NULL}};
static const struct ml_class websocket_class = {
    .name = "websocket", .methods = methods, .close = websocket_close};

void ml_lua_websocket_end(lua_State *L, const struct ml_websocket_end *end)
{
    static const char *const words[] = {"closed", "connect",  "status", "handshake",
                                        "lost",   "protocol", "silent"};

    ml_set_text(L, "why", words[end->why]);
    if (end->why == ML_WS_CONNECT)
        ml_set_text(L, "failure", ml_http_failure_name(end->failure));
    if (end->status)
        ml_set_integer(L, "status", end->status);
    if (end->code)
        ml_set_integer(L, "code", end->code);
    ml_set_text(L, "text", end->text);
}

static void on_message(bool text, struct ml_str message, void *user)
{
    struct websocket *own = user;
    lua_State *L = ml_sink_event(&own->sink, "message");

    ml_set_boolean(L, "text", text);
    lua_pushlstring(L, message.p, message.n);
    lua_setfield(L, -2, "message");
    ml_sink_post(&own->sink, L);
    if (++own->waiting >= WAITING_MAX)
        ml_websocket_hold(own->websocket, true);
}

static void on_closed(const struct ml_websocket_end *end, void *user)
{
    struct websocket *own = user;
    lua_State *L = ml_sink_event(&own->sink, "closed");

    ml_lua_websocket_end(L, end);
    ml_sink_post(&own->sink, L);
    ml_websocket_free(own->websocket);
    own->websocket = NULL;
}

int ml_lua_websocket_accept(lua_State *L, struct ml_http_call *call, int box)
{
    static const struct ml_websocket_handlers handlers = {.message = on_message,
                                                          .closed = on_closed};
    struct websocket *own;
    int status;

    ml_mailbox_check(L, box);
    ml_object_new(L, &websocket_class);
    own = ml_alloc(sizeof *own);
    ml_sink_init(&own->sink, L, box);
    status = ml_websocket_accept(call, &handlers, own, &own->websocket);
    if (status != 0) {
        ml_sink_fini(&own->sink);
        ml_free(own);
        return ml_push_failure(L, status,
                               status == ML_EREFUSED
                                   ? "a server with a certificate takes no WebSockets"
                                   : "the request does not ask for a WebSocket");
    }
    ml_object_open(L, -1, own);
    return 1;
}

static struct websocket *check(lua_State *L)
{
    return ml_object_check(L, 1, &websocket_class);
}

static int websocket_send(lua_State *L)
{
    struct websocket *own = check(L);
    struct ml_str message;
    bool binary = lua_toboolean(L, 3);

    message.p = luaL_checklstring(L, 2, &message.n);
    if (!own->websocket)
        return ml_push_failure(L, ML_ECLOSED, "the WebSocket is closed");
    ml_websocket_send(own->websocket, !binary, message);
    lua_pushboolean(L, true);
    return 1;
}

static int websocket_took(lua_State *L)
{
    struct websocket *own = check(L);

    if (own->waiting > 0)
        own->waiting--;
    if (own->websocket && own->waiting <= WAITING_MAX / 2)
        ml_websocket_hold(own->websocket, false);
    return 0;
}

static int websocket_queued(lua_State *L)
{
    struct websocket *own = check(L);

    lua_pushinteger(L, own->websocket ? (lua_Integer)ml_websocket_queued(own->websocket) : 0);
    return 1;
}

static int websocket_finish(lua_State *L)
{
    struct websocket *own = check(L);
    int code = (int)luaL_optinteger(L, 2, 1000);
    const char *reason = luaL_optstring(L, 3, "");

    luaL_argcheck(L, code == 1000 || (code >= 3000 && code <= 4999), 2,
                  "1000, or 3000 to 4999 expected");
    if (own->websocket)
        ml_websocket_close(own->websocket, code, reason);
    return 0;
}
