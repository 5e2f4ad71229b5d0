/* moonline.core.http: the server and its requests. */
#include <string.h>

#include "bindings/http.h"
#include "bindings/lists.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "core/base/mem.h"
#include "core/net/http_server.h"

struct server {
    struct ml_link link; /* in servers */
    char *address;
    struct ml_http_server *server;
    struct ml_sink sink;
    struct ml_list requests;
};

static struct ml_list servers; /* of all states; zero before the first */

/* One request. Lives until its handle is closed; call is NULL once answered or gone. */
struct request {
    struct ml_link link; /* in server->requests while call is set */
    struct ml_http_call *call;
    const struct ml_http_call_info *info;
    bool begun;
};

static int request_info(lua_State *L);
static int request_respond(lua_State *L);
static int request_file(lua_State *L);
static int request_begin(lua_State *L);
static int request_write(lua_State *L);
static int request_queued(lua_State *L);
static int request_finish(lua_State *L);
static int request_drop(lua_State *L);
static int request_upgrade(lua_State *L);
static int request_strike(lua_State *L);
static int request_locked(lua_State *L);

static const luaL_Reg request_methods[] = {
    {"info", request_info},     {"respond", request_respond}, {"file", request_file},
    {"begin", request_begin},   {"write", request_write},     {"queued", request_queued},
    {"finish", request_finish}, {"drop", request_drop},       {"upgrade", request_upgrade},
    {"strike", request_strike}, {"locked", request_locked},   {NULL, NULL}};

static void answered(struct request *request)
{
    ml_list_remove(&request->link);
    request->call = NULL;
    request->info = NULL;
}

static void request_close(void *object)
{
    struct request *request = object;
    struct ml_http_call *call = request->call;

    answered(request);
    if (call && request->begun)
        ml_http_respond_drop(call);
    else if (call)
        ml_http_respond(call, 500, NULL, 0, ML_STR("the request was not answered\n"));
    ml_free(request);
}

static void request_moved(void *object, struct ml_state *to, lua_State *L, int index)
{
    (void)object;
    (void)to;
    (void)L;
    (void)index;
}

static const struct ml_class request_class = {.name = "http request",
                                              .methods = request_methods,
                                              .close = request_close,
                                              .moved = request_moved};

/* NULL, and nil, "closed" pushed, when the client is gone. */
static struct request *open_request(lua_State *L)
{
    struct request *request = ml_object_check(L, 1, &request_class);

    if (request->call)
        return request;
    lua_pushnil(L);
    lua_pushliteral(L, "closed");
    return NULL;
}

static int request_info(lua_State *L)
{
    struct request *request = open_request(L);
    const struct ml_http_call_info *info;

    if (!request)
        return 2;
    info = request->info;
    lua_newtable(L);
    ml_set_text(L, "method", info->method);
    ml_set_text(L, "path", info->path);
    ml_set_text(L, "target", info->target);
    ml_set_text(L, "query", info->query);
    ml_set_text(L, "peer", info->peer);
    ml_set_pairs(L, info->headers, info->header_count);
    lua_pushlstring(L, info->body.p ? info->body.p : "", info->body.n);
    lua_setfield(L, -2, "body");
    return 1;
}

/* Headers at index as name, value, name, value in Lua memory. Pushes values. */
static const char *const *flat_headers(lua_State *L, int index, size_t *count)
{
    const struct ml_header *headers = ml_list_headers(L, index, count);
    const char **flat = lua_newuserdatauv(L, (2 * *count + 1) * sizeof *flat, 0);

    for (size_t i = 0; i < *count; i++) {
        flat[2 * i] = headers[i].name;
        flat[2 * i + 1] = headers[i].value;
    }
    return flat;
}

static int request_respond(lua_State *L)
{
    struct request *request = open_request(L);
    int status = (int)luaL_checkinteger(L, 2);
    struct ml_str body = {"", 0};
    const char *const *headers;
    struct ml_http_call *call;
    size_t count;

    if (!request)
        return 2;
    luaL_argcheck(L, status >= 100 && status <= 599, 2, "an HTTP status expected");
    body.p = luaL_optlstring(L, 4, "", &body.n);
    headers = flat_headers(L, 3, &count);
    call = request->call;
    answered(request);
    ml_http_respond(call, status, headers, count, body);
    lua_pushboolean(L, true);
    return 1;
}

static int request_file(lua_State *L)
{
    struct request *request = open_request(L);
    const char *path = luaL_checkstring(L, 2);
    const char *type = luaL_checkstring(L, 3);
    struct ml_http_call *call;

    if (!request)
        return 2;
    call = request->call;
    answered(request);
    ml_http_respond_file(call, path, type);
    lua_pushboolean(L, true);
    return 1;
}

static int request_begin(lua_State *L)
{
    struct request *request = open_request(L);
    int status = (int)luaL_checkinteger(L, 2);
    const char *const *headers;
    size_t count;

    if (!request)
        return 2;
    headers = flat_headers(L, 3, &count);
    request->begun = true;
    ml_http_respond_begin(request->call, status, headers, count);
    lua_pushboolean(L, true);
    return 1;
}

static int request_write(lua_State *L)
{
    struct request *request = open_request(L);
    struct ml_str bytes;

    if (!request)
        return 2;
    bytes.p = luaL_checklstring(L, 2, &bytes.n);
    luaL_argcheck(L, request->begun, 1, "write comes after begin");
    ml_http_respond_write(request->call, bytes);
    lua_pushboolean(L, true);
    return 1;
}

static int request_queued(lua_State *L)
{
    struct request *request = open_request(L);

    if (!request)
        return 2;
    lua_pushinteger(L, (lua_Integer)ml_http_respond_queued(request->call));
    return 1;
}

static int request_finish(lua_State *L)
{
    struct request *request = open_request(L);
    struct ml_http_call *call;

    if (!request)
        return 2;
    luaL_argcheck(L, request->begun, 1, "finish comes after begin");
    call = request->call;
    answered(request);
    ml_http_respond_end(call);
    lua_pushboolean(L, true);
    return 1;
}

static int request_drop(lua_State *L)
{
    struct request *request = open_request(L);
    struct ml_http_call *call;

    if (!request)
        return 2;
    call = request->call;
    answered(request);
    ml_http_respond_drop(call);
    lua_pushboolean(L, true);
    return 1;
}

static int request_upgrade(lua_State *L)
{
    struct request *request = open_request(L);
    struct ml_http_call *call;
    int results;

    if (!request)
        return 2;
    lua_settop(L, 2);
    call = request->call;
    results = ml_lua_websocket_accept(L, call, 2);
    if (results == 1)
        answered(request);
    return results;
}

/* strike(): its sender gave wrong credentials */
static int request_strike(lua_State *L)
{
    struct request *request = open_request(L);

    if (request)
        ml_http_call_strike(request->call);
    return 0;
}

/* locked(): seconds for which its sender is locked out, or nil */
static int request_locked(lua_State *L)
{
    struct request *request = open_request(L);
    int seconds = request ? ml_http_call_locked(request->call) : 0;

    if (seconds == 0)
        return 0;
    lua_pushinteger(L, seconds);
    return 1;
}

/* ---- the server ---- */

static void server_close(void *object)
{
    struct server *server = object;

    ml_list_remove(&server->link);
    ml_http_server_free(server->server);
    server->sink.state->runtime->listeners--;
    ml_sink_fini(&server->sink);
    ml_free(server->address);
    ml_free(server);
}

static int server_events(lua_State *L);
static int server_port(lua_State *L);
static int server_is_answering(lua_State *L);

static const luaL_Reg server_methods[] = {{"events", server_events},
                                          {"port", server_port},
                                          {"is_answering", server_is_answering},
                                          {NULL, NULL}};
static const struct ml_class server_class = {
    .name = "http server", .methods = server_methods, .close = server_close};

static void on_request(struct ml_http_call *call, const struct ml_http_call_info *info, void *user)
{
    struct server *server = user;
    struct request *request;
    lua_State *L;

    if (server->sink.box == LUA_NOREF) {
        ml_http_respond(call, 503, NULL, 0, ML_STR("nobody answers requests here\n"));
        return;
    }
    request = ml_alloc(sizeof *request);
    request->call = call;
    request->info = info;
    ml_list_append(&server->requests, &request->link);
    L = ml_sink_event(&server->sink, "request");
    ml_object_new(L, &request_class);
    ml_object_open(L, -1, request);
    lua_setfield(L, -2, "request");
    ml_sink_post(&server->sink, L);
}

static void on_gone(struct ml_http_call *call, void *user)
{
    struct server *server = user;

    ML_LIST_EACH(&server->requests, link)
    {
        struct request *request = ML_CONTAINER(link, struct request, link);

        if (request->call == call)
            answered(request);
    }
}

static int server_events(lua_State *L)
{
    struct server *server = ml_object_check(L, 1, &server_class);

    lua_settop(L, 2);
    ml_sink_attach(&server->sink, L, 2);
    return 0;
}

static int server_is_answering(lua_State *L)
{
    struct server *server = ml_object_check(L, 1, &server_class);

    lua_pushboolean(L, ml_http_server_is_answering(server->server));
    return 1;
}

static int server_port(lua_State *L)
{
    struct server *server = ml_object_check(L, 1, &server_class);

    lua_pushinteger(L, ml_http_server_port(server->server));
    return 1;
}

/* The server of an older generation on that address and port: a newer one begins while it is there.
 */
static const struct ml_http_server *predecessor(const struct ml_state *state,
                                                const struct ml_http_server_options *options)
{
    ML_LIST_EACH(&servers, link)
    {
        const struct server *other = ML_CONTAINER(link, struct server, link);
        int number = other->sink.state->number;

        if (number > 0 && number < state->number && options->port > 0 &&
            ml_http_server_port(other->server) == options->port &&
            strcmp(other->address, options->address) == 0)
            return other->server;
    }
    return NULL;
}

int ml_http_open_server(lua_State *L)
{
    static const struct ml_http_server_handlers handlers = {on_request, on_gone};
    struct ml_http_server_options options = {0};
    struct ml_runtime *runtime = ml_state_of(L)->runtime;
    struct ml_fault fault = {0};
    struct server *server;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.address = ml_opt_text(L, 1, "address", "127.0.0.1");
    options.port = (uint16_t)ml_opt_integer(L, 1, "port", 0);
    options.certificate_file = ml_opt_text(L, 1, "certificate", NULL);
    options.key_file = ml_opt_text(L, 1, "key", NULL);
    options.max_body = (size_t)ml_opt_integer(L, 1, "max_body", 0);
    options.header_timeout_ms = ml_opt_ms(L, 1, "header_timeout", 0);
    options.max_connections = (int)ml_opt_integer(L, 1, "max_connections", 0);
    options.max_per_source = (int)ml_opt_integer(L, 1, "max_per_source", 0);
    if (!servers.head.next)
        ml_list_init(&servers);
    options.beside = predecessor(ml_state_of(L), &options);
    lua_settop(L, 1);
    ml_object_new(L, &server_class);
    server = ml_alloc(sizeof *server);
    ml_list_init(&server->requests);
    ml_sink_init(&server->sink, L, 0);
    status =
        ml_http_server_new(runtime->loop, &options, &handlers, server, &server->server, &fault);
    if (status != 0) {
        ml_sink_fini(&server->sink);
        ml_free(server);
        return ml_push_failure(L, status, fault.text);
    }
    server->address = ml_strdup(options.address);
    ml_list_append(&servers, &server->link);
    runtime->listeners++;
    ml_object_open(L, -1, server);
    return 1;
}
