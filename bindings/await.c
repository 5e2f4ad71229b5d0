#include "bindings/task.h"

#include <stdio.h>

#include "core/base/clock.h"

enum { GRACE_MS = 5000 }; /* what the handlers of a cancelled task may wait, in all */

static void timed_out(void *user)
{
    ml_task_wake(user, ML_WAKE_TIMEOUT);
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
    if (timeout_ms >= 0) {
        if (!task->timer)
            task->timer = ml_timer_new(task->state->runtime->loop, timed_out, task);
        ml_timer_set(task->timer, timeout_ms);
    }
    return lua_yieldk(L, 0, context, k);
}

void ml_await_resume(struct ml_task *task)
{
    struct ml_runtime *runtime = task->state->runtime;
    struct ml_run outer;
    int arguments = task->arguments;
    int results;
    int status;

    task->arguments = 0;
    task->status = ML_TASK_RUNNING;
    runtime->current = task;
    ml_budget_enter(&outer, task->state, task->co);
    status = lua_resume(task->co, task->state->L, arguments, &results);
    ml_budget_leave(&outer);
    runtime->current = NULL;
    if (status == LUA_YIELD)
        return;           /* only ml_await yields here: coroutine.yield is kept out of tasks */
    if (status != LUA_OK) /* the body runs under pcall: this is out of memory, or a dead C stack */
        ml_task_lost(task, lua_tostring(task->co, -1));
    ml_task_over(task);
}
