/* moonline.core.http: the client. The server is in lua_http_server.c. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bindings/http.h"
#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/net/http_client.h"

enum { HEADER_NAME_MAX = 128 };

struct client {
    struct ml_http_client *client;
    struct ml_list fetches;
    int references;
    uint32_t last_op;
};

struct fetch {
    struct ml_link link; /* in client->fetches */
    struct client *owner;
    struct ml_http_exchange *exchange;
    struct ml_sink sink;
    uint32_t op;
};

static const luaL_Reg jar_methods[] = {{NULL, NULL}};

static void jar_close(void *object)
{
    ml_http_jar_unref(object);
}

static const struct ml_class jar_class = {
    .name = "jar", .methods = jar_methods, .close = jar_close};

static void fetch_free(struct fetch *fetch)
{
    ml_list_remove(&fetch->link);
    ml_sink_fini(&fetch->sink);
    ml_free(fetch);
}

/* Ends the exchanges that one state began, without their events. */
static void cancel_all(struct client *client, const struct ml_state *state)
{
    ML_LIST_EACH(&client->fetches, link)
    {
        struct fetch *fetch = ML_CONTAINER(link, struct fetch, link);

        if (fetch->sink.state != state)
            continue;
        ml_http_cancel(fetch->exchange);
        fetch_free(fetch);
    }
}

static void client_close(void *object)
{
    struct client *client = object;

    if (--client->references > 0)
        return;
    while (!ml_list_empty(&client->fetches))
        cancel_all(client,
                   ML_CONTAINER(ml_list_first(&client->fetches), struct fetch, link)->sink.state);
    ml_http_client_free(client->client);
    ml_free(client);
}

static void client_left(void *object, const struct ml_state *state)
{
    cancel_all(object, state);
}

static void client_share(void *object)
{
    ((struct client *)object)->references++;
}

static int client_fetch(lua_State *L);
static int client_cancel(lua_State *L);
static int client_refuse_own(lua_State *L);
static int client_active(lua_State *L);

static const luaL_Reg client_methods[] = {{"fetch", client_fetch},
                                          {"cancel", client_cancel},
                                          {"refuse_own", client_refuse_own},
                                          {"active", client_active},
                                          {NULL, NULL}};
static const struct ml_class client_class = {.name = "http client",
                                             .methods = client_methods,
                                             .close = client_close,
                                             .share = client_share,
                                             .left = client_left};

struct ml_http_client *ml_lua_http_client_check(lua_State *L, int index)
{
    return ((struct client *)ml_object_check(L, index, &client_class))->client;
}

/* headers: lower-case name -> value, the first of several. */
static void set_headers(lua_State *L, const struct ml_http_response *response)
{
    char name[HEADER_NAME_MAX];

    lua_createtable(L, 0, (int)response->header_count);
    for (size_t i = 0; i < response->header_count; i++) {
        const char *given = response->headers[2 * i];
        size_t n = strlen(given);

        if (n > sizeof name) /* of no use to anybody */
            continue;
        for (size_t k = 0; k < n; k++)
            name[k] = (char)tolower((unsigned char)given[k]);
        lua_pushlstring(L, name, n);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushstring(L, response->headers[2 * i + 1]);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 2);
        }
    }
    lua_setfield(L, -2, "headers");
}

static void piece(struct ml_str bytes, void *user)
{
    struct fetch *fetch = user;
    lua_State *L = ml_sink_event(&fetch->sink, "piece");

    ml_set_integer(L, "op", fetch->op);
    lua_pushlstring(L, bytes.p, bytes.n);
    lua_setfield(L, -2, "bytes");
    ml_sink_post(&fetch->sink, L);
}

static void fetched(const struct ml_http_response *response, void *user)
{
    struct fetch *fetch = user;
    lua_State *L = ml_sink_event(&fetch->sink, "response");

    ml_set_integer(L, "op", fetch->op);
    if (response->failure != ML_HTTP_OK) {
        ml_set_text(L, "failure", ml_http_failure_name(response->failure));
        ml_set_text(L, "text", response->text);
    }
    ml_set_integer(L, "status", response->status);
    set_headers(L, response);
    if (response->failure == ML_HTTP_OK) {
        lua_pushlstring(L, response->body.p ? response->body.p : "", response->body.n);
        lua_setfield(L, -2, "body");
    }
    ml_sink_post(&fetch->sink, L);
    fetch_free(fetch);
}

static void read_request(lua_State *L, struct ml_http_request *request)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    request->method = ml_opt_text(L, 2, "method", "GET");
    request->url = ml_opt_text(L, 2, "url", NULL);
    if (!request->url)
        luaL_error(L, "url: string expected");
    request->headers = ml_list_texts(L, 2, "headers", &request->header_count);
    if (ml_field(L, 2, "body") == LUA_TSTRING)
        request->body.p = lua_tolstring(L, -1, &request->body.n);
    request->connect_timeout_ms = ml_opt_ms(L, 2, "connect_timeout", 0);
    request->read_timeout_ms = ml_opt_ms(L, 2, "read_timeout", 0);
    request->timeout_ms = ml_opt_ms(L, 2, "timeout", 0);
    request->max_body = (size_t)ml_opt_integer(L, 2, "max_body", 0);
    request->save_to = ml_opt_text(L, 2, "save", NULL);
    request->piece = ml_opt_boolean(L, 2, "pieces", false) ? piece : NULL;
    request->no_sni = ml_opt_boolean(L, 2, "no_sni", false);
    ml_field(L, 2, "jar");
    request->jar = ml_object_opt(L, -1, &jar_class);
}

/* A request that cannot even begin is an event too: one way for everything that goes wrong. */
static void refuse(struct fetch *fetch)
{
    struct ml_http_response response = {.failure = ML_HTTP_BAD_URL};

    snprintf(response.text, sizeof response.text, "not an http or https URL with a host");
    fetched(&response, fetch);
}

static int client_fetch(lua_State *L)
{
    struct client *client = ml_object_check(L, 1, &client_class);
    struct ml_http_request request = {0};
    struct fetch *fetch;
    uint32_t op;

    ml_mailbox_check(L, 3);
    read_request(L, &request);
    fetch = ml_alloc(sizeof *fetch);
    fetch->owner = client;
    op = fetch->op = ++client->last_op;
    ml_sink_init(&fetch->sink, L, 3);
    ml_list_append(&client->fetches, &fetch->link);
    if (ml_http_fetch(client->client, &request, fetched, fetch, &fetch->exchange) != 0)
        refuse(fetch);
    lua_pushinteger(L, op);
    return 1;
}

static int client_cancel(lua_State *L)
{
    struct client *client = ml_object_check(L, 1, &client_class);
    lua_Integer op = luaL_checkinteger(L, 2);

    ML_LIST_EACH(&client->fetches, link)
    {
        struct fetch *fetch = ML_CONTAINER(link, struct fetch, link);

        if (fetch->op == op) {
            ml_http_cancel(fetch->exchange);
            fetch_free(fetch);
            break;
        }
    }
    return 0;
}

static int client_refuse_own(lua_State *L)
{
    struct client *client = ml_object_own(L, 1, &client_class);

    ml_http_client_refuse_own(client->client, luaL_checkstring(L, 2),
                              (uint16_t)luaL_checkinteger(L, 3));
    return 0;
}

static int client_active(lua_State *L)
{
    struct client *client = ml_object_check(L, 1, &client_class);

    lua_pushinteger(L, ml_http_client_active(client->client));
    return 1;
}

static int http_client(lua_State *L)
{
    struct ml_http_client_options options = {0};
    struct ml_fault fault = {0};
    struct ml_http_client *core = NULL;
    struct client *client;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.deny = ml_list_texts(L, 1, "deny", &options.deny_count);
    options.allow = ml_list_texts(L, 1, "allow", &options.allow_count);
    options.resolve = ml_list_pairs(L, 1, "resolve", &options.resolve_count);
    options.servers = ml_opt_text(L, 1, "dns", NULL);
    options.ca_file = ml_opt_text(L, 1, "ca", NULL);
    ml_object_new(L, &client_class);
    status = ml_http_client_new(ml_state_of(L)->runtime->loop, &options, &core, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    client = ml_alloc(sizeof *client);
    client->client = core;
    client->references = 1;
    ml_list_init(&client->fetches);
    ml_object_open(L, -1, client);
    return 1;
}

static int http_jar(lua_State *L)
{
    ml_object_new(L, &jar_class);
    ml_object_open(L, -1, ml_http_jar_new());
    return 1;
}

int ml_open_http(lua_State *L)
{
    static const luaL_Reg functions[] = {{"client", http_client},
                                         {"jar", http_jar},
                                         {"server", ml_http_open_server},
                                         {"escape", ml_http_escape},
                                         {"form", ml_http_form},
                                         {"signed_form", ml_http_signed_form},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
