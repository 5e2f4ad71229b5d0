#include "bindings/task.h"

#include <string.h>

#include "bindings/modules.h"
#include "bindings/sink.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { ROUNDS = 8 }; /* of resuming in one turn of the loop */

static const char *const NAME = "moonline.Task";

/* User values of a task. */
enum { WATCHERS = 1, RESULT = 2, TITLE = 3 };

static struct ml_task *check(lua_State *L, int index)
{
    return ml_udata_check(L, index, NAME);
}

static int traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);

    if (ml_is_unwind(L, 1))
        return 1;
    if (!message && luaL_callmeta(L, 1, "__tostring"))
        message = lua_tostring(L, -1);
    if (!message)
        return 1;
    luaL_traceback(L, L, message, 1);
    return 1;
}

/* Pushes the task's userdata onto L (a thread of its state). */
static void push_self(lua_State *L, struct ml_task *task)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->self);
}

static const char *title(lua_State *L, struct ml_task *task)
{
    const char *name;

    push_self(L, task);
    lua_getiuservalue(L, -1, TITLE);
    name = lua_tostring(L, -1);
    lua_pop(L, 2); /* the userdata keeps the text alive */
    return name ? name : "task";
}

/* Stores { ok, values | error, unwound } from the body's results: status, and at `first` and above.
 */
static void keep_result(lua_State *L, struct ml_task *task, bool ok, int first)
{
    int n = lua_gettop(L) - first + 1;
    bool unwound = !ok && ml_is_unwind(L, first);

    task->end = ok ? "done" : unwound ? "unwound" : "failed";
    push_self(L, task);
    lua_newtable(L);
    ml_set_boolean(L, "ok", ok);
    if (ok) {
        lua_createtable(L, n, 1);
        ml_set_integer(L, "n", n);
        for (int i = 0; i < n; i++) {
            lua_pushvalue(L, first + i);
            lua_rawseti(L, -2, i + 1);
        }
        lua_setfield(L, -2, "values");
    } else {
        ml_set_boolean(L, "unwound", unwound);
        if (unwound)
            ml_unwind_value(L, first);
        else
            lua_pushvalue(L, first);
        lua_setfield(L, -2, "error");
    }
    lua_setiuservalue(L, -2, RESULT);
    lua_pop(L, 1);
}

static int finish_body(lua_State *L, int status, lua_KContext context)
{
    struct ml_task *task = (struct ml_task *)context;
    bool ok = status == LUA_OK || status == LUA_YIELD;

    if (!ok && ml_budget_is_breach(L, status)) {
        lua_replace(L, 2);
        lua_settop(L, 2);
        ml_budget_renew(L, true);
    }
    keep_result(L, task, ok, 2); /* index 1 is the message handler */
    return 0;
}

/* The body: handler, fn, args... */
static int body(lua_State *L)
{
    struct ml_task *task = ml_state_of(L)->runtime->current;
    int status;

    if (task->cancel) {
        task->cancel = false;
        task->end = "unwound";
        return 0;
    }
    status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, (lua_KContext)task, finish_body);
    return finish_body(L, status, (lua_KContext)task);
}

/* One whose state is closed while it waits. */
static int task_gc(lua_State *L)
{
    struct ml_task *task = check(L, 1);

    ml_timer_free(task->timer);
    task->timer = NULL;
    ml_await_unshare(task);
    return 0;
}

/* The main task is there before the module is loaded. */
static void push_metatable(lua_State *L)
{
    if (!ml_udata_new_metatable(L, NAME))
        return;
    lua_pushcfunction(L, task_gc);
    lua_setfield(L, -2, "__gc");
}

struct ml_task *ml_task_spawn(lua_State *L, int n)
{
    struct ml_state *state = ml_state_of(L);
    int function = lua_gettop(L) - n;
    struct ml_task *task = lua_newuserdatauv(L, sizeof *task, 3);

    memset(task, 0, sizeof *task);
    push_metatable(L);
    lua_setmetatable(L, -2);
    task->state = state;
    ml_await_share(task, state->runtime->current);
    task->co = lua_newthread(L);
    ml_coroutine_keep(L, task->co);
    task->thread = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    task->self = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_insert(L, function); /* the handle below the function */
    lua_pushcfunction(task->co, body);
    lua_pushcfunction(task->co, traceback);
    lua_xmove(L, task->co, n + 1);
    task->arguments = n + 2;
    state->tasks++;
    state->runtime->tasks++;
    task->status = ML_TASK_WAITING;
    ml_task_wake(task, ML_WAKE_EVENT);
    return task;
}

void ml_task_wake(struct ml_task *task, enum ml_wake why)
{
    if (task->status != ML_TASK_WAITING || task->state->closing)
        return;
    if (task->timer)
        ml_timer_stop(task->timer);
    if (task->box && why != ML_WAKE_EVENT)
        ml_mailbox_leave(task->box);
    task->status = ML_TASK_READY;
    task->wake = why;
    ml_list_append(&task->state->runtime->ready, &task->ready);
}

/* Resumes those that are ready by now. */
static void resume_ready(struct ml_runtime *runtime)
{
    struct ml_list now;
    struct ml_link *link;

    ml_list_init(&now);
    now.head = runtime->ready.head;
    now.head.next->prev = now.head.prev->next = &now.head;
    ml_list_init(&runtime->ready);
    runtime->round = &now;
    while (!runtime->exiting && (link = ml_list_first(&now))) {
        ml_list_remove(link);
        ml_await_resume(ML_CONTAINER(link, struct ml_task, ready));
    }
    while ((link = ml_list_first(&now)))
        ml_list_remove(link);
    runtime->round = NULL;
}

static void forget(struct ml_list *list, const struct ml_state *state)
{
    ML_LIST_EACH(list, link)
    {
        if (ML_CONTAINER(link, struct ml_task, ready)->state == state)
            ml_list_remove(link);
    }
}

void ml_task_forget(struct ml_state *state)
{
    forget(&state->runtime->ready, state);
    if (state->runtime->round)
        forget(state->runtime->round, state);
    state->runtime->tasks -= state->tasks;
    state->tasks = 0;
}

/* What tasks make ready is resumed in the same turn, too, but the I/O never waits for long. */
bool ml_task_turn(void *user)
{
    struct ml_runtime *runtime = user;

    for (int i = 0; i < ROUNDS && !runtime->exiting && !ml_list_empty(&runtime->ready); i++)
        resume_ready(runtime);
    return !ml_list_empty(&runtime->ready);
}

struct ml_task *ml_task_here(lua_State *L, const char *what)
{
    struct ml_task *task = ml_state_of(L)->runtime->current;

    if (!task || task->co != L)
        luaL_error(L, "%s: not inside a task", what);
    if (!lua_isyieldable(L))
        luaL_error(L, "%s: not inside a callback of a C function", what);
    return task;
}

/* Posts the "task" event of an ended task (userdata at index `self`) into the box on top; pops it.
 */
static void tell(lua_State *L, int self)
{
    int box = lua_gettop(L);

    lua_createtable(L, 0, 6);
    ml_set_text(L, "kind", "task");
    lua_pushvalue(L, self);
    lua_setfield(L, -2, "task");
    if (lua_getiuservalue(L, self, RESULT) == LUA_TTABLE) {
        static const char *const fields[] = {"ok", "values", "error", "unwound", NULL};

        for (const char *const *field = fields; *field; field++) {
            lua_getfield(L, -1, *field);
            lua_setfield(L, box + 1, *field);
        }
    } else {
        lua_pushboolean(L, false);
        lua_setfield(L, box + 1, "ok");
        lua_pushboolean(L, true);
        lua_setfield(L, box + 1, "unwound");
    }
    lua_settop(L, box + 1);
    ml_mailbox_post(L, box);
    lua_settop(L, box - 1);
}

void ml_task_lost(struct ml_task *task, const char *why)
{
    ml_log(ML_LOG_ERROR, NULL, "a task died: %s", why ? why : "no reason given");
    task->end = "failed";
}

static void report(lua_State *L, struct ml_task *task, int self)
{
    if (strcmp(task->end, "failed") != 0)
        return;
    if (lua_getiuservalue(L, self, RESULT) == LUA_TTABLE)
        lua_getfield(L, -1, "error");
    ml_log(ML_LOG_ERROR, NULL, "%s: %s", title(L, task), luaL_tolstring(L, -1, NULL));
}

void ml_task_over(struct ml_task *task)
{
    struct ml_state *state = task->state;
    lua_State *L = state->L;
    int top = lua_gettop(L), self, watchers;

    task->status = ML_TASK_OVER;
    ml_timer_free(task->timer);
    task->timer = NULL;
    ml_await_unshare(task);
    if (task->box) /* it died where it waited */
        ml_mailbox_leave(task->box);
    push_self(L, task);
    self = lua_gettop(L);
    lua_getiuservalue(L, self, WATCHERS);
    watchers = lua_gettop(L);
    if (lua_istable(L, watchers)) {
        for (lua_Integer i = 1; lua_rawgeti(L, watchers, i) != LUA_TNIL; i++)
            tell(L, self);
    } else {
        report(L, task, self);
    }
    lua_settop(L, top);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
    ml_coroutine_release(L, task->co);
    luaL_unref(L, LUA_REGISTRYINDEX, task->thread);
    luaL_unref(L, LUA_REGISTRYINDEX, task->self);
    task->co = NULL;
    state->runtime->tasks--;
    if (--state->tasks == 0 && state->idle)
        state->idle(state, state->idle_user);
}

static int task_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    ml_task_spawn(L, lua_gettop(L) - 1);
    return 1;
}

static int task_current(lua_State *L)
{
    struct ml_task *task = ml_state_of(L)->runtime->current;

    if (task && task->state == ml_state_of(L))
        push_self(L, task);
    else
        lua_pushnil(L);
    return 1;
}

static int slept(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    ml_await_check_cancel(L, ml_task_here(L, "sleep"));
    return 0;
}

static int task_sleep(lua_State *L)
{
    struct ml_task *task = ml_task_here(L, "sleep");
    lua_Number seconds = luaL_checknumber(L, 1);

    luaL_argcheck(L, seconds >= 0, 1, "seconds, 0 or more");
    ml_await_check_cancel(L, task);
    return ml_await(L, task, (int64_t)(seconds * 1000 + 0.5), 0, slept);
}

static int task_clock(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)ml_clock_us() / 1e6);
    return 1;
}

static int task_time(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)ml_clock_wall_ms() / 1e3);
    return 1;
}

static int task_unwind(lua_State *L)
{
    lua_settop(L, 1);
    return ml_unwind(L);
}

static int finish_catch(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L);
    if (!ml_is_unwind(L, -1) || ml_is_breach(L, -1)) {
        ml_budget_settle(L, status);
        return lua_error(L);
    }
    lua_pushboolean(L, false);
    ml_unwind_value(L, -2);
    return 2;
}

static int task_catch(lua_State *L)
{
    int status;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    ml_unwind_check_depth(L);
    lua_pushboolean(L, true);
    lua_insert(L, 1);
    status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_catch);
    return finish_catch(L, status, 0);
}

static int task_cancel(lua_State *L)
{
    struct ml_task *task = check(L, 1);
    const char *reason = luaL_optstring(L, 2, NULL);

    if (task->status == ML_TASK_OVER)
        return 0;
    lua_newtable(L);
    ml_set_text(L, "kind", "cancel");
    ml_set_text(L, "reason", reason);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
    if (!task->grace)
        task->cancel = true;
    ml_task_wake(task, ML_WAKE_CANCEL);
    return 0;
}

static int task_state(lua_State *L)
{
    static const char *const names[] = {"ready", "waiting", "running"};
    struct ml_task *task = check(L, 1);

    lua_pushstring(L, task->status == ML_TASK_OVER ? task->end : names[task->status]);
    return 1;
}

static int task_watch(lua_State *L)
{
    struct ml_task *task = check(L, 1);

    ml_mailbox_check(L, 2);
    lua_settop(L, 2);
    if (task->status == ML_TASK_OVER) {
        tell(L, 1);
        return 0;
    }
    if (lua_getiuservalue(L, 1, WATCHERS) != LUA_TTABLE) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, WATCHERS);
    }
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    return 0;
}

static int task_name(lua_State *L)
{
    check(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, TITLE);
    return 0;
}

int ml_open_task(lua_State *L)
{
    static const luaL_Reg methods[] = {{"cancel", task_cancel},
                                       {"state", task_state},
                                       {"watch", task_watch},
                                       {"name", task_name},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"spawn", task_spawn},     {"current", task_current},
                                         {"sleep", task_sleep},     {"clock", task_clock},
                                         {"time", task_time},       {"mailbox", ml_mailbox_new},
                                         {"timer", ml_timer_start}, {"unwind", task_unwind},
                                         {"catch", task_catch},     {NULL, NULL}};

    ml_mailbox_open(L);
    push_metatable(L);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
