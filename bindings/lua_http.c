/* moonline.core.http: the client. The server is in lua_http_server.c. */
#include <stdio.h>

#include "bindings/http.h"
#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/net/http_client.h"
#include "core/net/url.h"

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
    ml_set_pairs(L, response->headers, response->header_count);
    if (response->failure == ML_HTTP_OK) {
        lua_pushlstring(L, response->body.p ? response->body.p : "", response->body.n);
        lua_setfield(L, -2, "body");
    }
    ml_sink_post(&fetch->sink, L);
    fetch_free(fetch);
}

/* Sets "Name: value" texts in Lua memory, from pairs. Pushes one value. */
static const char *const *header_lines(lua_State *L, const struct ml_header *headers, size_t count)
{
    const char **lines = lua_newuserdatauv(L, (count + 1) * sizeof *lines, 1);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lines[i] = lua_pushfstring(L, "%s: %s", headers[i].name, headers[i].value);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setiuservalue(L, -2, 1);
    return lines;
}

static void read_request(lua_State *L, struct ml_http_request *request)
{
    const struct ml_header *headers;

    luaL_checktype(L, 2, LUA_TTABLE);
    request->method = ml_opt_text(L, 2, "method", "GET");
    request->url = ml_opt_text(L, 2, "url", NULL);
    if (!request->url)
        luaL_error(L, "url: string expected");
    ml_field(L, 2, "headers");
    headers = ml_list_headers(L, -1, &request->header_count);
    request->headers = header_lines(L, headers, request->header_count);
    if (ml_field(L, 2, "body") == LUA_TSTRING)
        request->body.p = lua_tolstring(L, -1, &request->body.n);
    request->connect_timeout_ms = ml_opt_ms(L, 2, "connect_timeout", 0);
    request->read_timeout_ms = ml_opt_ms(L, 2, "read_timeout", 0);
    request->timeout_ms = ml_opt_ms(L, 2, "timeout", 0);
    request->max_body = (size_t)ml_opt_integer(L, 2, "max_body", 0);
    request->save_to = ml_opt_text(L, 2, "save", NULL);
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

/* ---- texts ---- */

static void escape_value(lua_State *L, int index, struct ml_buf *out)
{
    struct ml_str text;

    text.p = luaL_tolstring(L, index, &text.n);
    ml_url_escape(out, text);
    lua_pop(L, 1);
}

static int push_text(lua_State *L, struct ml_buf *text)
{
    lua_pushlstring(L, text->p ? text->p : "", text->n);
    ml_buf_fini(text);
    return 1;
}

static int http_escape(lua_State *L)
{
    struct ml_buf text = {0};

    luaL_checkstring(L, 1);
    escape_value(L, 1, &text);
    return push_text(L, &text);
}

/* A list of { name, value }. Read whole before anything is made that an error would leave behind.
 */
static int http_form(lua_State *L)
{
    struct ml_buf text = {0};
    lua_Integer count;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = (lua_Integer)lua_rawlen(L, 1);
    luaL_checkstack(L, 8, "form");
    for (lua_Integer i = 1; i <= count; i++) {
        luaL_argcheck(L, lua_rawgeti(L, 1, i) == LUA_TTABLE, 1,
                      "a list of { name, value } expected");
        for (int k = 1; k <= 2; k++) {
            int type = lua_rawgeti(L, -1, k);

            luaL_argcheck(L, type == LUA_TSTRING || type == LUA_TNUMBER, 1,
                          "names and values are text or numbers");
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if (i > 1)
            ml_buf_add(&text, "&", 1);
        lua_rawgeti(L, -1, 1);
        escape_value(L, -1, &text);
        ml_buf_add(&text, "=", 1);
        lua_rawgeti(L, -2, 2);
        escape_value(L, -1, &text);
        lua_pop(L, 3);
    }
    return push_text(L, &text);
}

int ml_open_http(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"client", http_client}, {"jar", http_jar},   {"server", ml_http_open_server},
        {"escape", http_escape}, {"form", http_form}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
