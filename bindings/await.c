#include "bindings/task.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

enum { GRACE_MS = 5000 }; /* what the handlers of a cancelled task may wait, in all */

/* A task of a script that takes, with all that it spawned, BUSY_US of CPU within PERIOD_MS rests
 * until they are over: those that wait again and again for nothing leave the loop to others. */
enum { BUSY_US = 200000, PERIOD_MS = 1000 };
enum { RESUME_US = 10 }; /* what the loop has to do about one, at least */

static void timed_out(void *user)
{
    struct ml_task *task = user;

    if (!task->resting) {
        ml_task_wake(task, ML_WAKE_TIMEOUT);
        return;
    }
    task->resting = false;
    ml_list_append(&task->state->runtime->ready, &task->ready);
}

static void set_timer(struct ml_task *task, int64_t ms)
{
    if (!task->timer)
        task->timer = ml_timer_new(task->state->runtime->loop, timed_out, task);
    ml_timer_set(task->timer, ms);
}

void ml_await_share(struct ml_task *task, const struct ml_task *parent)
{
    bool inherits = parent && parent->state == task->state && parent->share;

    task->share = inherits ? parent->share : ml_alloc(sizeof *task->share);
    task->share->tasks++;
}

void ml_await_unshare(struct ml_task *task)
{
    if (task->share && --task->share->tasks == 0)
        ml_free(task->share);
    task->share = NULL;
}

static void count_busy(struct ml_share *share, int64_t us)
{
    int64_t time = ml_clock_ms();

    if (time - share->since > PERIOD_MS) {
        share->since = time;
        share->us = 0;
    }
    share->us += us;
}

/* Puts a ready task off when its share is used up. */
static bool rests(struct ml_task *task)
{
    int64_t left;

    if (task->share->us < BUSY_US)
        return false;
    left = task->share->since + PERIOD_MS + 1 - ml_clock_ms();
    if (left <= 0)
        return false;
    task->resting = true;
    set_timer(task, left);
    return true;
}

static int64_t within_grace(const struct ml_task *task, int64_t timeout_ms)
{
    int64_t left;

    if (!task->grace)
        return timeout_ms;
    left = task->grace - ml_clock_ms();
    if (left < 0)
        left = 0;
    return timeout_ms < 0 || timeout_ms > left ? left : timeout_ms;
}

void ml_await_check_cancel(lua_State *L, struct ml_task *task)
{
    bool first = task->cancel;

    if (!first && !(task->grace && ml_clock_ms() >= task->grace))
        return;
    task->cancel = false;
    if (first)
        task->grace = ml_clock_ms() + GRACE_MS;
    lua_rawgetp(L, LUA_REGISTRYINDEX, task); /* the reason */
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        ml_set_text(L, "kind", "cancel");
    }
    ml_unwind(L);
}

int ml_await(lua_State *L, struct ml_task *task, int64_t timeout_ms, lua_KContext context,
             lua_KFunction k)
{
    timeout_ms = within_grace(task, timeout_ms);
    task->wake = ML_WAKE_NONE;
    task->status = ML_TASK_WAITING;
    if (timeout_ms >= 0)
        set_timer(task, timeout_ms);
    return lua_yieldk(L, 0, context, k);
}

void ml_await_resume(struct ml_task *task)
{
    struct ml_runtime *runtime = task->state->runtime;
    struct ml_run outer;
    int arguments = task->arguments;
    int64_t used;
    int results;
    int status;

    if (rests(task))
        return;
    task->arguments = 0;
    task->status = ML_TASK_RUNNING;
    runtime->current = task;
    ml_budget_enter(&outer, task->state, task->co);
    status = lua_resume(task->co, task->state->L, arguments, &results);
    used = ml_budget_used_us();
    ml_budget_leave(&outer);
    if (task->state->limits.cpu_us > 0)
        count_busy(task->share, used + RESUME_US);
    runtime->current = NULL;
    if (status == LUA_YIELD)
        return;           /* only ml_await yields here: coroutine.yield is kept out of tasks */
    if (status != LUA_OK) /* the body runs under pcall: this is out of memory, or a dead C stack */
        ml_task_lost(task, lua_tostring(task->co, -1));
    ml_task_over(task);
}
