/* The Leg handle of moonline.core.sip: a line of the house. */
#include <math.h>
#include <string.h>

#include "bindings/lists.h"
#include "bindings/sip.h"
#include "core/base/mem.h"

static void leg_close(void *object)
{
    struct ml_lua_leg *leg = object;
    static const struct ml_line_handlers nobody = {0};
    lua_State *L = leg->sink.state->L;

    ml_line_watch(leg->line, &nobody, NULL);
    ml_line_unref(leg->line);
    luaL_unref(L, LUA_REGISTRYINDEX, leg->self);
    ml_sink_fini(&leg->sink);
    ml_free(leg);
}

/* A leg that moves takes its events along and keeps itself alive in the new state. */
static void leg_moved(void *object, struct ml_state *to, lua_State *L, int index)
{
    struct ml_lua_leg *leg = object;

    luaL_unref(leg->sink.state->L, LUA_REGISTRYINDEX, leg->self);
    ml_sink_move(&leg->sink, to);
    lua_pushvalue(L, index);
    leg->self = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int leg_events(lua_State *L);
static int leg_info(lua_State *L);
static int leg_state(lua_State *L);
static int leg_ring(lua_State *L);
static int leg_answer(lua_State *L);
static int leg_reject(lua_State *L);
static int leg_hangup(lua_State *L);
static int leg_play(lua_State *L);
static int leg_stop(lua_State *L);
static int leg_bridge(lua_State *L);
static int leg_unbridge(lua_State *L);
static int leg_echo(lua_State *L);
static int leg_info_digit(lua_State *L);
static int leg_hold(lua_State *L);
static int leg_refer(lua_State *L);
static int leg_stats(lua_State *L);

static const luaL_Reg methods[] = {{"events", leg_events},
                                   {"info", leg_info},
                                   {"state", leg_state},
                                   {"ring", leg_ring},
                                   {"answer", leg_answer},
                                   {"reject", leg_reject},
                                   {"hangup", leg_hangup},
                                   {"play", leg_play},
                                   {"stop", leg_stop},
                                   {"bridge", leg_bridge},
                                   {"unbridge", leg_unbridge},
                                   {"echo", leg_echo},
                                   {"info_digit", leg_info_digit},
                                   {"hold", leg_hold},
                                   {"refer", leg_refer},
                                   {"stats", leg_stats},
                                   {NULL, NULL}};
const struct ml_class ml_leg_class = {
    .name = "leg", .methods = methods, .close = leg_close, .moved = leg_moved};

/* ---- events ---- */

/* Events say which leg they are of, so that several legs can share a mailbox. One that waits for
 * its mailbox does not: it may go to another state, where this handle means nothing. */
static lua_State *leg_event(struct ml_lua_leg *leg, const char *kind)
{
    lua_State *L = ml_sink_event(&leg->sink, kind);

    if (leg->self != LUA_NOREF && leg->sink.box != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, leg->self);
        lua_setfield(L, -2, "leg");
    }
    return L;
}

static const char *kind_of(enum ml_leg_event_kind kind)
{
    switch (kind) {
    case ML_LEG_SENT:
        return "sent";
    case ML_LEG_RINGING:
        return "ringing";
    case ML_LEG_ANSWERED:
        return "answered";
    case ML_LEG_CONFIRMED:
        return "confirmed";
    case ML_LEG_FAILED:
        return "failed";
    case ML_LEG_CANCELED:
        return "canceled";
    case ML_LEG_ENDED:
        return "ended";
    case ML_LEG_REFER:
        return "refer";
    case ML_LEG_INFO:
        return "digit";
    case ML_LEG_TRANSFER:
        return "transfer";
    }
    return "unknown";
}

static void set_digit(lua_State *L, char digit, int duration_ms)
{
    lua_pushlstring(L, &digit, 1);
    lua_setfield(L, -2, "digit");
    ml_set_number(L, "duration", duration_ms / 1e3);
}

static void set_progress(lua_State *L, const struct ml_leg_event *event)
{
    ml_set_integer(L, "progress", event->progress);
    ml_set_boolean(L, "final", event->final);
}

static void on_leg(const struct ml_leg_event *event, void *user)
{
    struct ml_lua_leg *leg = user;
    lua_State *L = leg_event(leg, kind_of(event->kind));
    bool over = event->kind == ML_LEG_FAILED || event->kind == ML_LEG_CANCELED ||
                event->kind == ML_LEG_ENDED;

    ml_set_integer(L, "code", event->code);
    ml_set_text(L, "phrase", event->phrase);
    if (event->early)
        ml_set_boolean(L, "early", true);
    if (event->cause != ML_CAUSE_NONE)
        ml_set_text(L, "cause", ml_leg_cause_name(event->cause));
    ml_set_text(L, "text", event->text);
    if (event->kind == ML_LEG_INFO)
        set_digit(L, event->digit, event->duration_ms);
    else if (event->kind == ML_LEG_REFER)
        set_progress(L, event);
    else
        ml_set_text(L, "headers", event->headers);
    ml_sink_post(&leg->sink, L);
    if (over) {
        luaL_unref(leg->sink.state->L, LUA_REGISTRYINDEX, leg->self);
        leg->self = LUA_NOREF;
    }
}

static void on_digit(char digit, int duration_ms, void *user)
{
    struct ml_lua_leg *leg = user;
    lua_State *L = leg_event(leg, "digit");

    set_digit(L, digit, duration_ms);
    ml_sink_post(&leg->sink, L);
}

static void on_played(uint32_t op, enum ml_play_end end, const char *text, void *user)
{
    static const char *const ends[] = {"done", "stopped", "failed"};
    struct ml_lua_leg *leg = user;
    lua_State *L = leg_event(leg, "played");

    ml_set_integer(L, "op", op);
    ml_set_text(L, "why", ends[end]);
    ml_set_text(L, "text", text);
    ml_sink_post(&leg->sink, L);
}

static void on_lost(void *user)
{
    struct ml_lua_leg *leg = user;

    ml_sink_post(&leg->sink, leg_event(leg, "lost"));
}

const struct ml_line_handlers ml_lua_leg_handlers = {on_leg, on_digit, on_played, on_lost};

/* ---- making ---- */

struct ml_lua_leg *ml_lua_leg_new(lua_State *L, int box)
{
    struct ml_lua_leg *leg;

    ml_object_new(L, &ml_leg_class);
    leg = ml_alloc(sizeof *leg);
    leg->self = LUA_NOREF;
    ml_sink_init(&leg->sink, L, box);
    return leg;
}

void ml_lua_leg_open(lua_State *L, struct ml_lua_leg *leg, struct ml_line *line)
{
    leg->line = line;
    ml_object_open(L, -1, leg);
    lua_pushvalue(L, -1);
    leg->self = luaL_ref(L, LUA_REGISTRYINDEX);
}

void ml_lua_leg_drop(struct ml_lua_leg *leg)
{
    ml_sink_fini(&leg->sink);
    ml_free(leg);
}

static struct ml_lua_leg *check(lua_State *L)
{
    return ml_object_check(L, 1, &ml_leg_class);
}

struct ml_stream *ml_lua_leg_stream(lua_State *L, int index)
{
    struct ml_lua_leg *leg = ml_object_check(L, index, &ml_leg_class);

    return ml_line_stream(leg->line);
}

/* true, or nil and why. */
static int result(lua_State *L, int status)
{
    if (status != 0)
        return ml_push_failure(L, status, NULL);
    lua_pushboolean(L, true);
    return 1;
}

/* ---- methods ---- */

static int leg_events(lua_State *L)
{
    struct ml_lua_leg *leg = check(L);

    lua_settop(L, 2);
    ml_sink_attach(&leg->sink, L, 2);
    return 0;
}

static int leg_info(lua_State *L)
{
    struct ml_leg_info info;

    ml_leg_info(ml_line_leg(check(L)->line), &info);
    lua_createtable(L, 0, 12);
    ml_set_boolean(L, "incoming", info.incoming);
    ml_set_text(L, "call_id", info.call_id);
    ml_set_text(L, "from", info.from_uri);
    ml_set_text(L, "from_display", info.from_display);
    ml_set_text(L, "to", info.to_uri);
    ml_set_text(L, "request_uri", info.request_uri);
    ml_set_text(L, "transport", info.transport);
    ml_set_text(L, "source_address", info.source_address);
    ml_set_integer(L, "source_port", info.source_port);
    ml_set_text(L, "local_address", info.local_address);
    ml_set_text(L, "username", info.username);
    ml_set_text(L, "trusted", info.trusted);
    ml_set_text(L, "headers", info.headers);
    return 1;
}

static int leg_state(lua_State *L)
{
    lua_pushstring(L, ml_leg_state_name(ml_leg_state(ml_line_leg(check(L)->line))));
    return 1;
}

static int leg_ring(lua_State *L)
{
    return result(L, ml_leg_ring(ml_line_leg(check(L)->line), lua_toboolean(L, 2)));
}

static int leg_answer(lua_State *L)
{
    struct ml_leg *leg = ml_line_leg(check(L)->line);
    size_t count;
    const struct ml_header *headers = ml_list_headers(L, 2, &count);

    return result(L, ml_leg_answer(leg, headers, count));
}

static int leg_reject(lua_State *L)
{
    struct ml_leg *leg = ml_line_leg(check(L)->line);
    int code = (int)luaL_checkinteger(L, 2);
    size_t count;
    const struct ml_header *headers;

    luaL_argcheck(L, code >= 300 && code <= 699, 2, "300 to 699");
    headers = ml_list_headers(L, 4, &count);
    return result(L, ml_leg_reject(leg, code, luaL_optstring(L, 3, NULL), headers, count));
}

static int leg_hangup(lua_State *L)
{
    struct ml_line *line = check(L)->line;
    size_t count;
    const struct ml_header *headers = ml_list_headers(L, 2, &count);

    ml_line_hangup(line, headers, count);
    return 0;
}

/* Seconds or milliseconds in the table? The contract says ms for tone and silence lengths. */
void ml_lua_source(lua_State *L, int index, struct ml_source *source)
{
    luaL_checktype(L, index, LUA_TTABLE);
    source->loops = (int)ml_opt_integer(L, index, "loops", 1);
    source->level = (int)ml_opt_integer(L, index, "level", 0);
    source->ms = (int)ml_opt_integer(L, index, "ms", 0);
    if ((source->text = ml_opt_text(L, index, "file", NULL)) != NULL) {
        source->kind = ML_SOURCE_FILE;
    } else if ((source->text = ml_opt_text(L, index, "tone", NULL)) != NULL) {
        source->kind = ML_SOURCE_TONE;
    } else if ((source->text = ml_opt_text(L, index, "digits", NULL)) != NULL) {
        source->kind = ML_SOURCE_DIGITS;
    } else {
        source->kind = ML_SOURCE_SILENCE;
        source->ms = (int)ml_opt_integer(L, index, "silence", -1);
        luaL_argcheck(L, source->ms >= 0, index, "file, tone, digits or silence expected");
    }
}

static int leg_play(lua_State *L)
{
    struct ml_lua_leg *leg = check(L);
    struct ml_stream *stream = ml_line_stream(leg->line);
    struct ml_source source = {0};
    struct ml_fault fault = {0};
    int status;

    ml_lua_source(L, 2, &source);
    if (!stream)
        return ml_push_failure(L, ML_ESTATE, "the leg has no audio yet");
    status = ml_stream_play(stream, &source, ++leg->last_op, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_pushinteger(L, leg->last_op);
    return 1;
}

static int leg_stop(lua_State *L)
{
    struct ml_stream *stream = ml_line_stream(check(L)->line);

    if (stream)
        ml_stream_stop(stream);
    return 0;
}

static int leg_bridge(lua_State *L)
{
    struct ml_stream *a = ml_line_stream(check(L)->line);
    struct ml_stream *b = ml_lua_leg_stream(L, 2);

    luaL_argcheck(L, !lua_rawequal(L, 1, 2), 2, "another leg expected");
    if (!a || !b)
        return ml_push_failure(L, ML_ESTATE, "a leg has no audio yet");
    return result(L, ml_bridge(a, b));
}

static int leg_echo(lua_State *L)
{
    struct ml_stream *stream = ml_line_stream(check(L)->line);

    if (!stream)
        return ml_push_failure(L, ML_ESTATE, "the leg has no audio yet");
    return result(L, ml_bridge(stream, stream));
}

static int leg_unbridge(lua_State *L)
{
    struct ml_stream *stream = ml_line_stream(check(L)->line);

    if (stream)
        ml_unbridge(stream);
    return 0;
}

static int leg_info_digit(lua_State *L)
{
    struct ml_leg *leg = ml_line_leg(check(L)->line);
    size_t n;
    const char *digit = luaL_checklstring(L, 2, &n);
    lua_Number seconds = luaL_optnumber(L, 3, 0.1);

    luaL_argcheck(L, n == 1 && strchr("0123456789ABCD#*", *digit), 2, "one digit expected");
    return result(L, ml_leg_send_digit(leg, *digit, (int)lrint(seconds * 1000)));
}

static int leg_hold(lua_State *L)
{
    static const char *const ways[] = {"none", "sendonly", "inactive", "address", NULL};
    struct ml_lua_leg *leg = check(L);
    int way = lua_isstring(L, 2) ? luaL_checkoption(L, 2, NULL, ways) : lua_toboolean(L, 2);

    return result(L, ml_line_hold(leg->line, (enum ml_hold)way));
}

static int leg_refer(lua_State *L)
{
    struct ml_leg *leg = ml_line_leg(check(L)->line);
    const char *target = luaL_checkstring(L, 2);
    lua_Number seconds = luaL_checknumber(L, 3);

    luaL_argcheck(L, seconds > 0 && seconds <= 86400, 3, "seconds, at most a day");
    return result(L, ml_leg_refer(leg, target, (int)lrint(ceil(seconds * 1000))));
}

static int leg_stats(lua_State *L)
{
    struct ml_stream *stream = ml_line_stream(check(L)->line);
    struct ml_stream_stats stats = {0};

    if (!stream) {
        lua_pushnil(L);
        return 1;
    }
    ml_stream_stats(stream, &stats);
    lua_createtable(L, 0, 9);
    ml_set_integer(L, "sent", (lua_Integer)stats.sent);
    ml_set_integer(L, "received", (lua_Integer)stats.received);
    ml_set_integer(L, "dropped", (lua_Integer)stats.dropped);
    ml_set_integer(L, "lost", (lua_Integer)stats.lost);
    ml_set_number(L, "jitter", stats.jitter_us / 1e6);
    ml_set_number(L, "gap", stats.gap_us / 1e6);
    ml_set_integer(L, "ssrc", stats.ssrc);
    ml_set_integer(L, "peer_ssrc", stats.peer_ssrc);
    ml_set_integer(L, "sources", stats.sources);
    return 1;
}
