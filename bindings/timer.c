/* Timers of moonline.core.task: an event that is posted into a mailbox when its time has come. */
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "core/base/mem.h"
#include "core/net/loop.h"

struct timer {
    struct ml_timer *timer;
    struct ml_sink sink;
    int event; /* registry reference */
    int self;  /* keeps the handle until it fires: nobody has to hold a timer for it to run */
};

static void timer_free(void *object)
{
    struct timer *timer = object;
    lua_State *L = timer->sink.state->L;

    ml_timer_free(timer->timer);
    luaL_unref(L, LUA_REGISTRYINDEX, timer->event);
    luaL_unref(L, LUA_REGISTRYINDEX, timer->self);
    ml_sink_fini(&timer->sink);
    ml_free(timer);
}

static void timer_fired(void *user)
{
    struct timer *timer = user;
    lua_State *L = timer->sink.state->L;

    luaL_unref(L, LUA_REGISTRYINDEX, timer->self);
    timer->self = LUA_NOREF;
    lua_rawgeti(L, LUA_REGISTRYINDEX, timer->event);
    ml_sink_post(&timer->sink, L);
}

static const luaL_Reg timer_methods[] = {{NULL, NULL}};
static const struct ml_class timer_class = {
    .name = "timer", .methods = timer_methods, .close = timer_free};

int ml_timer_start(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    struct timer *timer;

    ml_mailbox_check(L, 2);
    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, 2);
        lua_newtable(L);
        ml_set_text(L, "kind", "timer");
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    ml_object_new(L, &timer_class);
    timer = ml_alloc(sizeof *timer);
    ml_sink_init(&timer->sink, L, 2);
    lua_pushvalue(L, 3);
    timer->event = luaL_ref(L, LUA_REGISTRYINDEX);
    timer->timer = ml_timer_new(ml_state_of(L)->runtime->loop, timer_fired, timer);
    ml_timer_set(timer->timer, (int64_t)(seconds * 1000 + 0.5));
    ml_object_open(L, -1, timer);
    lua_pushvalue(L, -1);
    timer->self = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}
