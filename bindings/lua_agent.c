/* moonline.core.sip: agents. Legs are in lua_leg.c. */
#include <stdlib.h>
#include <string.h>

#include "bindings/house.h"
#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/sip.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/house/registrar.h"
#include "core/house/traces.h"
#include "core/net/resolver.h"
#include "core/sip/agent.h"

enum {
    RETRY_MIN = 5,
    RETRY_SPREAD = 11
}; /* Retry-After 5..15 s: callers must not return at once */

struct agent {
    struct ml_agent *agent;
    struct ml_registrar *registrar; /* NULL: it is none */
    struct ml_resolver *resolver;
    struct ml_media *media;
    struct ml_sink incoming, trace;
    struct ml_shared_traces *traces; /* messages are kept there; NULL: nowhere */
    int references;
    int media_ref; /* registry reference of the Media handle in the state that opened the agent */
    int code, retry_after;
    int max_calls; /* 0: any number */
    int max_lag;   /* ms; 0: any */
    bool lags;     /* calls are refused for it: the log has it */
    struct ml_loop *loop;
    char *codecs[8];
    size_t codec_count;
    char *advertise_media;
    bool no_telephone_event;
    int event_type;
};

static void agent_close(void *object)
{
    struct agent *agent = object;
    lua_State *L = agent->incoming.state->L;

    if (--agent->references > 0)
        return;
    agent->incoming.state->runtime->listeners--;
    ml_registrar_free(agent->registrar);
    ml_agent_free(agent->agent);
    ml_lua_traces_drop(agent->traces);
    ml_resolver_free(agent->resolver);
    luaL_unref(L, LUA_REGISTRYINDEX, agent->media_ref);
    ml_sink_fini(&agent->incoming);
    ml_sink_fini(&agent->trace);
    for (size_t i = 0; i < agent->codec_count; i++)
        ml_free(agent->codecs[i]);
    ml_free(agent->advertise_media);
    ml_free(agent);
}

static void agent_share(void *object)
{
    ((struct agent *)object)->references++;
}

static int agent_events(lua_State *L);
static int agent_addresses(lua_State *L);
static int agent_admit(lua_State *L);
static int agent_trace(lua_State *L);
static int agent_keep(lua_State *L);
static int agent_dial(lua_State *L);
static int agent_legs(lua_State *L);
static int agent_calls(lua_State *L);
static int agent_hangup(lua_State *L);
static int agent_access(lua_State *L);
static int agent_registered(lua_State *L);
static int agent_ask(lua_State *L);

static const luaL_Reg methods[] = {{"events", agent_events},
                                   {"addresses", agent_addresses},
                                   {"admit", agent_admit},
                                   {"trace", agent_trace},
                                   {"keep", agent_keep},
                                   {"dial", agent_dial},
                                   {"legs", agent_legs},
                                   {"calls", agent_calls},
                                   {"hangup", agent_hangup},
                                   {"access", agent_access},
                                   {"ask", agent_ask},
                                   {"registered", agent_registered},
                                   {NULL, NULL}};
static const struct ml_class agent_class = {
    .name = "agent", .methods = methods, .close = agent_close, .share = agent_share};

static struct agent *check(lua_State *L)
{
    return ml_object_check(L, 1, &agent_class);
}

/* What concerns every call there is the server's to do. */
static struct agent *own(lua_State *L)
{
    return ml_object_own(L, 1, &agent_class);
}

static void line_options(const struct agent *agent, struct ml_line_options *options)
{
    options->media = agent->media;
    options->codecs = agent->codec_count ? (const char *const *)agent->codecs : NULL;
    options->codec_count = agent->codec_count;
    options->advertise = agent->advertise_media;
    options->no_telephone_event = agent->no_telephone_event;
    options->event_type = agent->event_type;
}

static void on_incoming(struct ml_leg *incoming, void *user)
{
    struct agent *agent = user;
    struct ml_line_options options = {0};
    struct ml_fault fault = {0};
    struct ml_line *line = NULL;
    struct ml_lua_leg *leg;
    lua_State *L;

    if (agent->incoming.box == LUA_NOREF)
        return; /* the leg answers 480 by itself */
    line_options(agent, &options);
    L = ml_sink_event(&agent->incoming, "incoming");
    leg = ml_lua_leg_new(L, 0);
    if (ml_line_accept(incoming, &options, &ml_lua_leg_handlers, leg, &line, &fault) != 0) {
        ml_lua_leg_drop(leg);
        lua_pop(L, 2);
        return;
    }
    ml_lua_leg_open(L, leg, line);
    lua_setfield(L, -2, "leg");
    ml_sink_post(&agent->incoming, L);
}

/* Does the loop lag too much for another call? Tells when it begins and when it is over. */
static bool lags(struct agent *agent)
{
    int64_t lag = agent->max_lag ? ml_loop_lag_us(agent->loop) / 1000 : 0;
    bool now = lag > agent->max_lag;

    if (now != agent->lags)
        ml_log(now ? ML_LOG_WARNING : ML_LOG_INFO, NULL,
               now ? "new calls are refused: the loop lags by %lld ms (limits.lag_ms is %d)"
                   : "new calls are taken again: the loop lags by %lld ms (limits.lag_ms is %d)",
               (long long)lag, agent->max_lag);
    agent->lags = now;
    return now;
}

static bool is_too_much(struct agent *agent)
{
    return (agent->max_calls && ml_agent_calls(agent->agent) >= agent->max_calls) || lags(agent);
}

static int on_admit(const char *method, int *retry_after, void *user)
{
    struct agent *agent = user;
    int code = agent->code;

    if (!code && strcmp(method, "INVITE") == 0 && is_too_much(agent))
        code = 503;
    *retry_after = agent->retry_after;
    if (code == 503 && agent->retry_after == 0)
        *retry_after = RETRY_MIN + (int)ml_random_below(RETRY_SPREAD);
    return code;
}

static void on_trace(const struct ml_agent_trace *trace, void *user)
{
    struct agent *agent = user;
    lua_State *L;

    if (agent->traces)
        ml_traces_message(ml_lua_traces(agent->traces), trace);
    if (agent->trace.box == LUA_NOREF)
        return;
    L = ml_sink_event(&agent->trace, "message");
    ml_set_boolean(L, "sent", trace->sent);
    ml_set_text(L, "transport", trace->transport);
    ml_set_text(L, "local_address", trace->local);
    ml_set_text(L, "remote", trace->remote);
    lua_pushlstring(L, trace->message.p, trace->message.n);
    lua_setfield(L, -2, "text");
    ml_sink_post(&agent->trace, L);
}

/* ---- sip.agent(options) ---- */

/* allow, users and peers of the table at index. Pushes values that keep the texts alive. */
static void read_access(lua_State *L, int index, struct ml_agent_access *access)
{
    size_t count;
    const char *const *pairs = ml_list_pairs(L, index, "users", &count);
    struct ml_agent_user *users = lua_newuserdatauv(L, (count + 1) * sizeof *users, 0);

    for (size_t i = 0; i < count; i++)
        users[i] = (struct ml_agent_user){pairs[2 * i], pairs[2 * i + 1]};
    access->users = users;
    access->user_count = count;
    access->allow = ml_list_texts(L, index, "allow", &access->allow_count);
    access->digest = ml_list_texts(L, index, "digest", &access->digest_count);
    access->peers = ml_list_pairs(L, index, "peers", &access->peer_count);
}

static void read_tls(lua_State *L, struct ml_agent_tls *tls)
{
    if (ml_field(L, 1, "tls") == LUA_TTABLE) {
        int table = lua_gettop(L);

        tls->certificate_file = ml_opt_text(L, table, "certificate", NULL);
        tls->key_file = ml_opt_text(L, table, "key", NULL);
        tls->ca_file = ml_opt_text(L, table, "ca", NULL);
        tls->no_verify = !ml_opt_boolean(L, table, "verify", true);
    }
}

static void read_media(lua_State *L, struct agent *agent)
{
    size_t count;
    const char *const *codecs = ml_list_texts(L, 1, "codecs", &count);

    for (size_t i = 0; i < count && i < sizeof agent->codecs / sizeof *agent->codecs; i++)
        agent->codecs[agent->codec_count++] = ml_strdup(codecs[i]);
    agent->advertise_media = ml_strdup(ml_opt_text(L, 1, "advertise_media", NULL));
    agent->no_telephone_event = ml_opt_boolean(L, 1, "no_telephone_event", false);
    agent->event_type = (int)ml_opt_integer(L, 1, "telephone_event", 0);
    if (agent->event_type < 96 || agent->event_type > 127) /* no dynamic type: the usual one */
        agent->event_type = 0;
    ml_field(L, 1, "media");
    agent->media_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int open_core(lua_State *L, struct agent *agent, const struct ml_agent_options *given,
                     struct ml_fault *fault)
{
    static const struct ml_agent_handlers handlers = {on_incoming, on_admit};
    struct ml_loop *loop = ml_state_of(L)->runtime->loop;
    struct ml_agent_options options = *given;
    struct ml_resolver_options names = {0};
    int status;

    names.resolve = ml_list_pairs(L, 1, "resolve", &names.resolve_count);
    names.servers = ml_opt_text(L, 1, "dns", NULL);
    status = ml_resolver_new(loop, &names, &agent->resolver, fault);
    if (status != 0)
        return status;
    options.resolver = agent->resolver;
    status = ml_agent_new(loop, &options, &handlers, agent, &agent->agent, fault);
    if (status != 0)
        ml_resolver_free(agent->resolver);
    return status;
}

int ml_sip_agent(lua_State *L)
{
    struct ml_agent_options options = {0};
    struct ml_fault fault = {0};
    struct agent *agent;
    struct ml_media *media;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    ml_field(L, 1, "media");
    media = ml_lua_media_check(L, 2);
    options.listen = ml_list_texts(L, 1, "listen", &options.listen_count);
    options.advertise = ml_opt_text(L, 1, "advertise", NULL);
    options.session_expires = (int)ml_opt_integer(L, 1, "session_expires", 0);
    options.user_agent = ml_opt_text(L, 1, "user_agent", "moonline");
    options.max_connections = (int)ml_opt_integer(L, 1, "max_connections", 0);
    options.max_per_source = (int)ml_opt_integer(L, 1, "max_per_source", 0);
    read_tls(L, &options.tls);
    read_access(L, 1, &options.access);
    ml_object_new(L, &agent_class);
    agent = ml_alloc(sizeof *agent);
    agent->references = 1;
    agent->media = media;
    agent->max_calls = (int)ml_opt_integer(L, 1, "max_calls", 0);
    agent->max_lag = (int)ml_opt_integer(L, 1, "max_lag", 0);
    agent->loop = ml_state_of(L)->runtime->loop;
    ml_sink_init(&agent->incoming, L, 0);
    ml_sink_init(&agent->trace, L, 0);
    read_media(L, agent);
    lua_pushvalue(L, -1);
    status = open_core(L, agent, &options, &fault);
    if (status != 0) {
        luaL_unref(L, LUA_REGISTRYINDEX, agent->media_ref);
        for (size_t i = 0; i < agent->codec_count; i++)
            ml_free(agent->codecs[i]);
        ml_free(agent->advertise_media);
        ml_free(agent);
        return ml_push_failure(L, status, fault.text);
    }
    if (ml_opt_boolean(L, 1, "registrar", false))
        agent->registrar = ml_registrar_new(ml_state_of(L)->runtime->loop, agent->agent);
    ml_state_of(L)->runtime->listeners++;
    for (int i = lua_gettop(L); i > 1; i--) { /* the handle lies below the lists */
        void *object;

        if (ml_object_class(L, i, &object) == &agent_class) {
            lua_settop(L, i);
            break;
        }
    }
    ml_object_open(L, -1, agent);
    return 1;
}

static int agent_events(lua_State *L)
{
    struct agent *agent = own(L);

    lua_settop(L, 2);
    ml_sink_attach(&agent->incoming, L, 2);
    return 0;
}

static int agent_addresses(lua_State *L)
{
    struct agent *agent = check(L);
    const char *address;

    lua_newtable(L);
    for (size_t i = 0; (address = ml_agent_address(agent->agent, i)) != NULL; i++) {
        lua_pushstring(L, address);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int agent_admit(lua_State *L)
{
    struct agent *agent = own(L);
    lua_Integer code = luaL_optinteger(L, 2, 0);

    luaL_argcheck(L, code == 0 || (code >= 400 && code <= 699), 2, "400 to 699 or nil");
    agent->code = (int)code;
    agent->retry_after = (int)luaL_optinteger(L, 3, 0);
    return 0;
}

static void watch_messages(struct agent *agent)
{
    bool wanted = agent->traces || agent->trace.box != LUA_NOREF;

    ml_agent_on_trace(agent->agent, wanted ? on_trace : NULL, agent);
}

static int agent_trace(lua_State *L)
{
    struct agent *agent = own(L);

    lua_settop(L, 2);
    ml_sink_attach(&agent->trace, L, 2);
    watch_messages(agent);
    return 0;
}

static int agent_keep(lua_State *L)
{
    struct agent *agent = own(L);
    struct ml_shared_traces *traces = ml_lua_traces_take(L, 2);

    ml_lua_traces_drop(agent->traces);
    agent->traces = traces;
    watch_messages(agent);
    return 0;
}

static int agent_dial(lua_State *L)
{
    struct agent *agent = check(L);
    struct ml_leg_dial dial = {0};
    struct ml_line_options options = {0};
    struct ml_fault fault = {0};
    struct ml_line *line = NULL;
    struct ml_lua_leg *leg;
    int status;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    ml_field(L, 2, "box");
    dial.uri = ml_opt_text(L, 2, "uri", NULL);
    luaL_argcheck(L, dial.uri, 2, "uri: string expected");
    dial.from_user = ml_opt_text(L, 2, "from_user", NULL);
    dial.from_display = ml_opt_text(L, 2, "from_display", NULL);
    dial.from_host = ml_opt_text(L, 2, "from_host", NULL);
    dial.username = ml_opt_text(L, 2, "username", NULL);
    dial.password = ml_opt_text(L, 2, "password", NULL);
    dial.bind = ml_opt_text(L, 2, "bind", NULL);
    dial.proxy = ml_opt_text(L, 2, "proxy", NULL);
    dial.advertise = ml_opt_text(L, 2, "advertise", NULL);
    dial.flow = ml_opt_text(L, 2, "flow", NULL);
    dial.hops = ml_list_texts(L, 2, "hops", &dial.hop_count);
    ml_field(L, 2, "headers");
    dial.headers = ml_list_headers(L, -1, &dial.header_count);
    line_options(agent, &options);
    options.bind = dial.bind;
    options.advertise = ml_opt_text(L, 2, "advertise_media", dial.bind ? NULL : options.advertise);
    leg = ml_lua_leg_new(L, 3);
    status = ml_line_dial(agent->agent, &dial, &options, &ml_lua_leg_handlers, leg, &line, &fault);
    if (status != 0) {
        ml_lua_leg_drop(leg);
        return ml_push_failure(L, status, fault.text);
    }
    ml_lua_leg_open(L, leg, line);
    return 1;
}

static int agent_legs(lua_State *L)
{
    lua_pushinteger(L, ml_agent_legs(check(L)->agent));
    return 1;
}

static int agent_calls(lua_State *L)
{
    lua_pushinteger(L, ml_agent_calls(check(L)->agent));
    return 1;
}

static int agent_hangup(lua_State *L)
{
    ml_agent_hangup(own(L)->agent);
    return 0;
}

static bool is_user(const char *name, void *context)
{
    const struct ml_agent_access *access = context;

    for (size_t i = 0; i < access->user_count; i++)
        if (strcmp(access->users[i].name, name) == 0)
            return true;
    return false;
}

static int agent_access(lua_State *L)
{
    struct agent *agent = check(L);
    struct ml_agent_access access = {0};

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    read_access(L, 2, &access);
    ml_agent_set_access(agent->agent, &access);
    if (agent->registrar)
        ml_registrar_prune(agent->registrar, is_user, &access);
    return 0;
}

static int push_registration(const struct ml_registration *registration, void *context)
{
    lua_State *L = context;

    lua_createtable(L, 0, 6);
    ml_set_text(L, "user", registration->user);
    ml_set_text(L, "uri", registration->uri);
    ml_set_text(L, "flow", registration->flow);
    ml_set_text(L, "source", registration->source);
    ml_set_text(L, "device", registration->device);
    ml_set_integer(L, "expires", registration->expires);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    return 0;
}

static int agent_registered(lua_State *L)
{
    struct agent *agent = check(L);
    const char *user = luaL_optstring(L, 2, NULL);

    lua_newtable(L);
    if (agent->registrar)
        ml_registrar_each(agent->registrar, user, push_registration, L);
    return 1;
}

static int agent_ask(lua_State *L)
{
    return ml_lua_ask(L, check(L)->agent);
}

int ml_open_sip(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"agent", ml_sip_agent}, {"headers", ml_sip_headers}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
