/* house.feed: a leg's audio over a WebSocket. */
#include "bindings/http.h"
#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/sip.h"
#include "core/base/mem.h"
#include "core/house/feed.h"

struct feed {
    struct ml_feed *feed;
    struct ml_sink sink;
};

static int feed_digit(lua_State *L);
static int feed_counts(lua_State *L);
static int feed_stop(lua_State *L);

static void feed_close(void *object)
{
    struct feed *feed = object;

    ml_feed_free(feed->feed);
    ml_sink_fini(&feed->sink);
    ml_free(feed);
}

static const luaL_Reg methods[] = {
    {"digit", feed_digit}, {"counts", feed_counts}, {"stop", feed_stop}, {NULL, NULL}};
static const struct ml_class feed_class = {.name = "feed", .methods = methods, .close = feed_close};

static lua_State *event(struct feed *feed, const char *what)
{
    lua_State *L = ml_sink_event(&feed->sink, "feed");

    ml_set_text(L, "what", what);
    return L;
}

static void on_opened(void *user)
{
    struct feed *feed = user;

    ml_sink_post(&feed->sink, event(feed, "opened"));
}

static void on_problem(enum ml_feed_problem problem, const char *text, void *user)
{
    static const char *const problems[] = {"message", "slow", "full"};
    struct feed *feed = user;
    lua_State *L = event(feed, "problem");

    ml_set_text(L, "problem", problems[problem]);
    ml_set_text(L, "text", text);
    ml_sink_post(&feed->sink, L);
}

static void on_closed(const struct ml_websocket_end *end, void *user)
{
    struct feed *feed = user;
    lua_State *L = event(feed, "closed");

    ml_lua_websocket_end(L, end);
    ml_sink_post(&feed->sink, L);
}

static const char *needed(lua_State *L, const char *name)
{
    const char *text = ml_opt_text(L, 1, name, NULL);

    if (!text)
        luaL_error(L, "%s: string expected", name);
    return text;
}

/* A list of { name, value } as name, value, name, value in Lua memory. Pushes values. */
static const char *const *flat(lua_State *L, const char *name, size_t *count)
{
    const struct ml_header *pairs;
    const char **list;

    ml_field(L, 1, name);
    pairs = ml_list_headers(L, -1, count);
    list = lua_newuserdatauv(L, (2 * *count + 1) * sizeof *list, 0);
    for (size_t i = 0; i < *count; i++) {
        list[2 * i] = pairs[i].name;
        list[2 * i + 1] = pairs[i].value;
    }
    return list;
}

static void read_options(lua_State *L, struct ml_feed_options *options)
{
    static const char *const tracks[] = {"none", "inbound", "outbound", "both", NULL};

    options->url = needed(L, "url");
    options->sid = needed(L, "sid");
    options->call_sid = needed(L, "call_sid");
    options->account_sid = needed(L, "account_sid");
    options->headers = ml_list_texts(L, 1, "headers", &options->header_count);
    options->parameters = flat(L, "parameters", &options->parameter_count);
    options->connect_timeout_ms = ml_opt_ms(L, 1, "timeout", 0);
    options->duplex = ml_opt_boolean(L, 1, "duplex", false);
    ml_field(L, 1, "tracks");
    options->tracks = (unsigned)luaL_checkoption(L, -1, "inbound", tracks);
}

int ml_house_feed(lua_State *L)
{
    static const struct ml_feed_handlers handlers = {on_opened, on_problem, on_closed};
    struct ml_feed_options options = {0};
    struct feed *feed;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    ml_field(L, 1, "box");
    ml_mailbox_check(L, 2);
    ml_field(L, 1, "leg");
    options.stream = ml_lua_leg_stream(L, 3);
    ml_field(L, 1, "client");
    options.client = ml_lua_http_client_check(L, 4);
    read_options(L, &options);
    if (!options.stream)
        return ml_push_failure(L, ML_ESTATE, "the leg has no audio yet");
    ml_object_new(L, &feed_class);
    feed = ml_alloc(sizeof *feed);
    ml_sink_init(&feed->sink, L, 2);
    status = ml_feed_open(&options, &handlers, feed, &feed->feed);
    if (status != 0) {
        ml_sink_fini(&feed->sink);
        ml_free(feed);
        return ml_push_failure(L, status,
                               status == ML_ELIMIT ? "a call has at most four streams" : NULL);
    }
    ml_object_open(L, -1, feed);
    return 1;
}

static struct feed *check(lua_State *L)
{
    return ml_object_check(L, 1, &feed_class);
}

static int feed_digit(lua_State *L)
{
    struct feed *feed = check(L);
    size_t n;
    const char *digit = luaL_checklstring(L, 2, &n);

    luaL_argcheck(L, n == 1, 2, "one digit expected");
    ml_feed_digit(feed->feed, *digit);
    return 0;
}

static int feed_counts(lua_State *L)
{
    struct ml_feed_counts counts;

    ml_feed_counts(check(L)->feed, &counts);
    lua_newtable(L);
    ml_set_integer(L, "sent", (lua_Integer)counts.sent);
    ml_set_integer(L, "dropped", (lua_Integer)counts.dropped);
    ml_set_integer(L, "received", (lua_Integer)counts.received);
    ml_set_integer(L, "ignored", (lua_Integer)counts.ignored);
    return 1;
}

static int feed_stop(lua_State *L)
{
    ml_feed_stop(check(L)->feed);
    return 0;
}
