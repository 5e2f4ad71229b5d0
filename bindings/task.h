/* Tasks (one coroutine each, with structured cancellation), mailboxes, and the unwind value that no
 * script can hold. await.c is the only file that resumes or yields. */
#ifndef ML_BINDINGS_TASK_H
#define ML_BINDINGS_TASK_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "bindings/state.h"
#include "core/base/list.h"

struct ml_mailbox;

enum ml_task_state { ML_TASK_READY, ML_TASK_WAITING, ML_TASK_RUNNING, ML_TASK_OVER };

/* Why a waiting task was made ready. */
enum ml_wake { ML_WAKE_NONE, ML_WAKE_EVENT, ML_WAKE_TIMEOUT, ML_WAKE_CANCEL };

/* CPU time that a task and all that it spawned have taken together. */
struct ml_share {
    int tasks;
    int64_t us;    /* since `since` */
    int64_t since; /* ms */
};

struct ml_task {
    struct ml_link ready; /* in runtime->ready */
    struct ml_state *state;
    lua_State *co;
    int self; /* registry reference of the userdata, while alive */
    int thread;
    enum ml_task_state status;
    enum ml_wake wake;
    int arguments;          /* on co's stack at the first resume */
    struct ml_mailbox *box; /* waited on */
    struct ml_timer *timer; /* of the wait */
    bool cancel;            /* to be raised at the next wait */
    struct ml_share *share;
    bool resting;    /* ready, and not on the ready list yet */
    int64_t grace;   /* after a cancellation: until when its handlers may wait; 0: none */
    const char *end; /* "done", "failed", "unwound" */
};

/* The function below its n arguments on L's stack becomes a task; pushes its handle. */
struct ml_task *ml_task_spawn(lua_State *L, int n);
/* Puts it on the ready list. */
void ml_task_wake(struct ml_task *task, enum ml_wake why);
/* The task that runs in L and may wait now; raises "what: not inside a task". */
struct ml_task *ml_task_here(lua_State *L, const char *what);
/* The coroutine has returned: watchers are told, references let go. lost: why it ended in a way
 * that the body's pcall could not see. */
void ml_task_over(struct ml_task *task);
void ml_task_lost(struct ml_task *task, const char *why);
/* No task of a state that is about to be closed stays on the ready list. */
void ml_task_forget(struct ml_state *state);
/* The loop's turn function: resumes what is ready. */
bool ml_task_turn(void *runtime);

/* ---- await.c ---- */
/* Yields the running task until ml_task_wake; then calls k. timeout_ms < 0: no limit. */
int ml_await(lua_State *L, struct ml_task *task, int64_t timeout_ms, lua_KContext context,
             lua_KFunction k);
void ml_await_resume(struct ml_task *task);
/* The new task belongs to the share of the one that spawns it, if there is one in its state. */
void ml_await_share(struct ml_task *task, const struct ml_task *parent);
void ml_await_unshare(struct ml_task *task);
/* Raises the cancellation if one is due. */
void ml_await_check_cancel(lua_State *L, struct ml_task *task);

/* ---- unwind.c ---- */
/* Pops a value and raises it as an unwind. */
int ml_unwind(lua_State *L);
bool ml_is_unwind(lua_State *L, int index);
/* Pops a message and pushes the unwind of a breach of the budget, which only a task's root and
 * moonline.core.guard hold. */
void ml_unwind_breach(lua_State *L);
bool ml_is_breach(lua_State *L, int index);
/* Raises where the stack is too deep for one more protected call. */
void ml_unwind_check_depth(lua_State *L);
/* Pushes the value an unwind at index carries. */
void ml_unwind_value(lua_State *L, int index);
/* pcall, xpcall and coroutine.resume of this runtime into the globals. */
void ml_unwind_install(lua_State *L);

/* ---- coroutine.c ---- */

/* resume, wrap and close of this runtime into the library table on top. */
void ml_coroutine_install(lua_State *L);
/* The coroutine of a task is nobody else's to resume or close. */
void ml_coroutine_keep(lua_State *L, lua_State *co);
void ml_coroutine_release(lua_State *L, lua_State *co);

/* ---- timer.c ---- */
/* timer(seconds, box, event): its handle. */
int ml_timer_start(lua_State *L);

/* ---- mailbox.c ---- */
void ml_mailbox_open(lua_State *L); /* metatable */
int ml_mailbox_new(lua_State *L);
struct ml_mailbox *ml_mailbox_check(lua_State *L, int index);
/* Takes the event table on top of L's stack into the mailbox at index. */
void ml_mailbox_post(lua_State *L, int index);
/* The waiting task was cancelled or timed out, or ended. */
void ml_mailbox_leave(struct ml_mailbox *box);

#endif
