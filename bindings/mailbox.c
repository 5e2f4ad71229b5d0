/* The mailbox: one FIFO of event tables, one waiter. Events lie in a Lua table (a user value); the
 * kinds waited for in two others. */
#include "bindings/task.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"

enum { CAPACITY = 256 }; /* design limit of a call's: past it digits are dropped, oldest first */

/* User values. */
enum { EVENTS = 1, KINDS = 2, ALSO = 3 };

static const char *const NAME = "moonline.Mailbox";

struct ml_mailbox {
    struct ml_task *waiter;
    lua_Integer count, capacity;
    bool warned;
};

static int waited(lua_State *L, int status, lua_KContext context);

struct ml_mailbox *ml_mailbox_check(lua_State *L, int index)
{
    return ml_udata_check(L, index, NAME);
}

int ml_mailbox_new(lua_State *L)
{
    lua_Integer capacity = luaL_optinteger(L, 1, CAPACITY);
    struct ml_mailbox *box = lua_newuserdatauv(L, sizeof *box, 3);

    memset(box, 0, sizeof *box);
    box->capacity = capacity;
    lua_newtable(L);
    lua_setiuservalue(L, -2, EVENTS);
    lua_rawgetp(L, LUA_REGISTRYINDEX, NAME);
    lua_setmetatable(L, -2);
    return 1;
}

void ml_mailbox_leave(struct ml_mailbox *box)
{
    box->waiter = NULL;
}

/* Is the kind on top among those at `kinds`, one text or a list? */
static bool is_among(lua_State *L, int kinds)
{
    bool found = false;

    if (lua_type(L, kinds) != LUA_TTABLE)
        return lua_rawequal(L, -1, kinds);
    for (lua_Integer i = 1; !found && lua_rawgeti(L, kinds, i) != LUA_TNIL; i++) {
        found = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
    }
    if (!found)
        lua_pop(L, 1);
    return found;
}

/* Is the event at `event` of a kind at `kinds` (nil: any is) or at the index behind it? */
static bool is_wanted(lua_State *L, int event, int kinds)
{
    bool wanted;

    if (lua_isnil(L, kinds))
        return true;
    ml_field(L, event, "kind");
    wanted = is_among(L, kinds) || (!lua_isnil(L, kinds + 1) && is_among(L, kinds + 1));
    lua_pop(L, 1);
    return wanted;
}

/* Takes event i out of the list at `events` and leaves it on the stack. */
static void take(lua_State *L, struct ml_mailbox *box, int events, lua_Integer i)
{
    lua_rawgeti(L, events, i);
    for (; i < box->count; i++) {
        lua_rawgeti(L, events, i + 1);
        lua_rawseti(L, events, i);
    }
    lua_pushnil(L);
    lua_rawseti(L, events, box->count--);
}

/* Pushes the oldest wanted event, taken out; false when there is none. kinds: see is_wanted. */
static bool take_wanted(lua_State *L, int self, int kinds)
{
    struct ml_mailbox *box = lua_touserdata(L, self);
    int events;

    lua_getiuservalue(L, self, EVENTS);
    events = lua_gettop(L);
    for (lua_Integer i = 1; i <= box->count; i++) {
        bool wanted;

        lua_rawgeti(L, events, i);
        wanted = is_wanted(L, lua_gettop(L), kinds);
        lua_pop(L, 1);
        if (wanted) {
            take(L, box, events, i);
            lua_remove(L, events);
            return true;
        }
    }
    lua_pop(L, 1);
    return false;
}

static void make_room(lua_State *L, struct ml_mailbox *box, int events)
{
    lua_Integer victim = 1;

    for (lua_Integer i = 1; i <= box->count; i++) {
        bool digit;

        lua_rawgeti(L, events, i);
        ml_field(L, -1, "kind");
        digit = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "digit") == 0;
        lua_pop(L, 2);
        if (digit) {
            victim = i;
            break;
        }
    }
    if (!box->warned)
        ml_log(ML_LOG_WARNING, NULL,
               "a mailbox holds %d events nobody took: the oldest are dropped", (int)box->capacity);
    box->warned = true;
    take(L, box, events, victim);
    lua_pop(L, 1);
}

void ml_mailbox_post(lua_State *L, int index)
{
    struct ml_mailbox *box;
    int event = lua_gettop(L);
    int events;

    index = lua_absindex(L, index);
    box = lua_touserdata(L, index);
    lua_pushliteral(L, "time"); /* raw: nothing stands between the loop and an error here */
    lua_pushnumber(L, (lua_Number)ml_clock_us() / 1e6);
    lua_rawset(L, event);
    lua_getiuservalue(L, index, EVENTS);
    events = lua_gettop(L);
    if (box->count >= box->capacity)
        make_room(L, box, events);
    lua_pushvalue(L, event);
    lua_rawseti(L, events, ++box->count);
    if (box->waiter && box->waiter->status == ML_TASK_WAITING) {
        lua_getiuservalue(L, index, KINDS);
        lua_getiuservalue(L, index, ALSO);
        if (is_wanted(L, event, lua_gettop(L) - 1))
            ml_task_wake(box->waiter, ML_WAKE_EVENT);
    }
    lua_settop(L, event - 1);
}

static void check_kinds(lua_State *L, int index)
{
    int type = lua_type(L, index);

    luaL_argexpected(
        L, type == LUA_TNONE || type == LUA_TNIL || type == LUA_TSTRING || type == LUA_TTABLE,
        index, "kind or list of kinds");
}

static void set_waiter(lua_State *L, struct ml_mailbox *box, struct ml_task *task)
{
    box->waiter = task;
    lua_setiuservalue(L, 1, ALSO);
    lua_setiuservalue(L, 1, KINDS);
}

/* wait(box, kinds, timeout, also) */
static int mailbox_wait(lua_State *L)
{
    struct ml_mailbox *box = ml_mailbox_check(L, 1);
    struct ml_task *task = ml_task_here(L, "mailbox:wait");
    bool limited = !lua_isnoneornil(L, 3);
    lua_Number timeout = luaL_optnumber(L, 3, 0);

    check_kinds(L, 2);
    check_kinds(L, 4);
    luaL_argcheck(L, timeout >= 0, 3, "seconds, 0 or more");
    lua_settop(L, 4);
    lua_remove(L, 3);
    ml_await_check_cancel(L, task);
    if (take_wanted(L, 1, 2))
        return 1;
    if (limited && timeout == 0) {
        lua_pushnil(L);
        lua_pushliteral(L, "timeout");
        return 2;
    }
    if (box->waiter)
        return luaL_error(L, "mailbox:wait: another task waits on this mailbox");
    task->box = box;
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    set_waiter(L, box, task);
    return ml_await(L, task, limited ? (int64_t)(timeout * 1000 + 0.5) : -1, 0, waited);
}

static int waited(lua_State *L, int status, lua_KContext context)
{
    struct ml_mailbox *box = ml_mailbox_check(L, 1);
    struct ml_task *task = ml_task_here(L, "mailbox:wait");

    (void)status;
    (void)context;
    task->box = NULL;
    if (box->waiter == task) { /* not when it was cancelled and another waits by now */
        lua_pushnil(L);
        lua_pushnil(L);
        set_waiter(L, box, NULL);
    }
    if (task->wake != ML_WAKE_EVENT)
        ml_await_check_cancel(L, task);
    if (task->wake == ML_WAKE_EVENT && take_wanted(L, 1, 2))
        return 1;
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
}

static int mailbox_post(lua_State *L)
{
    ml_mailbox_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    ml_field(L, 2, "kind");
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "an event with a kind expected");
    lua_settop(L, 2);
    ml_mailbox_post(L, 1);
    return 0;
}

static int mailbox_drop(lua_State *L)
{
    struct ml_mailbox *box = ml_mailbox_check(L, 1);
    lua_Integer before = box->count;

    luaL_checkstring(L, 2);
    lua_settop(L, 3); /* nothing else: nil */
    while (take_wanted(L, 1, 2))
        lua_pop(L, 1);
    lua_pushinteger(L, before - box->count);
    return 1;
}

static int mailbox_length(lua_State *L)
{
    lua_pushinteger(L, ml_mailbox_check(L, 1)->count);
    return 1;
}

void ml_mailbox_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"wait", mailbox_wait}, {"post", mailbox_post}, {"drop", mailbox_drop}, {NULL, NULL}};

    ml_udata_new_metatable(L, NAME);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, mailbox_length);
    lua_setfield(L, -2, "__len");
    lua_pop(L, 1);
}
