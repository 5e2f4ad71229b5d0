#include "bindings/budget.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/log.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { TICKS = 5, TICK_MIN_US = 1000 }; /* in the time that a run has: how exact it is kept */
enum { RENEWALS = 3 };                  /* in one run */
enum { LARGE = 256 * 1024 };            /* bytes: a block that may be refused */
enum { SLACK = 4 * 1024 * 1024 };       /* bytes: what the handlers of a stopped run may take */
/* Bytes for a run, also when all heaps are full: a policy can be loaded that asks for less. */
enum { ROOM = 4 * 1024 * 1024 };
enum { LEVELS = 100 }; /* of a stack that is searched for the script's line */

enum breach { NONE, TIME, GROWTH, TOTAL };

volatile sig_atomic_t ml_budget_spent; /* enum breach */

static struct ml_run now;
static unsigned last_id;
static size_t all_heaps;
static bool pending;                     /* a breach is on its way */
static const char last_breach;           /* registry key: the value that was raised */
static char refused_at[LUA_IDSIZE + 32]; /* "file:line: " of a large block that was refused */

/* What the handler knows of the run: the CPU clock when it first met it. */
static volatile unsigned seen_id;
static volatile int64_t seen_us;

static void hook(lua_State *L, lua_Debug *ar);

static void stop(enum breach breach)
{
    ml_budget_spent = breach;
    lua_sethook(now.coroutine, hook, LUA_MASKCALL | LUA_MASKCOUNT, 1);
}

/* ---- time ---- */

static int64_t cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* In the loop's thread, between two instructions of whatever runs there. */
static void tick(int number)
{
    int saved = errno;

    (void)number;
    if (now.state) {
        now.ticks++;
        if (seen_id != now.id) {
            seen_us = cpu_us();
            seen_id = now.id;
        } else if (cpu_us() - seen_us >= now.allowance_us) {
            stop(TIME);
        }
    }
    errno = saved;
}

static int64_t period; /* of the timer, in us; 0: none yet */

int64_t ml_budget_used_us(void)
{
    return now.ticks * period;
}

static void tick_every(int64_t us)
{
    static timer_t timer;
    struct itimerspec when = {{0, us * 1000}, {0, us * 1000}};
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 4};

    if (period && period <= us)
        return;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    sigaction(event.sigev_signo, &action, NULL);
    if (!period && timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        ml_log(ML_LOG_ERROR, NULL, "scripts are not limited: no timer: %s", strerror(errno));
        return;
    }
    period = us;
    timer_settime(timer, 0, &when, NULL);
}

/* ---- memory ---- */

/* The line of the script that runs: of the innermost function that is none of ours. */
static void place(lua_State *L, char *text, size_t size)
{
    const char *ours = ml_state_lua_dir();
    lua_Debug ar;

    text[0] = '\0';
    for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++) {
        bool own;

        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        own = ar.source[0] == '@' && strncmp(ar.source + 1, ours, strlen(ours)) == 0;
        if (!own || !text[0])
            snprintf(text, size, "%s:%d: ", ar.short_src, ar.currentline);
        if (!own)
            return;
    }
}

/* Which limit it is that the run has come to. */
static enum breach too_much(void)
{
    return now.heap_most - now.heap < now.state->limits.growth ? TOTAL : GROWTH;
}

static bool may_grow(struct ml_state *state, size_t more)
{
    if (more >= LARGE) {
        place(now.coroutine, refused_at, sizeof refused_at);
        return false;
    }
    state->heap_most += SLACK;
    stop(too_much());
    return true;
}

void *ml_budget_allocate(void *ud, void *block, size_t old, size_t size)
{
    struct ml_state *state = ud;

    if (!block)
        old = 0;
    if (size > old && state->heap + (size - old) > state->heap_most && !may_grow(state, size - old))
        return NULL;
    if (size == 0) {
        free(block);
        block = NULL;
    } else {
        block = block ? realloc(block, size) : malloc(size);
        if (!block)
            return NULL;
    }
    state->heap += size - old;
    all_heaps += size - old;
    return block;
}

/* What a run may have from here on. */
static void measure(struct ml_state *state)
{
    size_t room = state->limits.growth;

    if (all_heaps + room > state->limits.total)
        room = all_heaps + ROOM < state->limits.total ? state->limits.total - all_heaps : ROOM;
    now.heap = state->heap;
    now.heap_most = state->heap + room;
    state->heap_most = now.heap_most;
}

/* Was it only what nobody holds any more? */
static bool fits_after_collection(lua_State *L)
{
    struct ml_state *state = now.state;

    state->heap_most = SIZE_MAX;
    lua_gc(L, LUA_GCCOLLECT);
    state->heap_most = now.heap_most;
    return state->heap <= now.heap_most;
}

/* ---- runs ---- */

static void begin(struct ml_state *state, lua_State *L)
{
    bool limited = state->limits.cpu_us > 0;

    ml_budget_spent = NONE;
    pending = false;
    now.state = NULL;
    now.coroutine = L;
    now.id = ++last_id;
    now.allowance_us = state->limits.cpu_us;
    if (!limited)
        return;
    measure(state);
    now.state = state;
}

void ml_budget_enter(struct ml_run *outer, struct ml_state *state, lua_State *L)
{
    *outer = now;
    now.renewals = 0;
    now.ticks = 0;
    begin(state, L);
}

void ml_budget_leave(const struct ml_run *outer)
{
    struct ml_state *state = outer->state;

    if (now.state)
        now.state->heap_most = SIZE_MAX;
    now.state = NULL; /* the handler keeps off what is half copied */
    now.id = outer->id;
    now.coroutine = outer->coroutine;
    now.allowance_us = outer->allowance_us;
    now.heap = outer->heap;
    now.heap_most = outer->heap_most;
    now.renewals = outer->renewals;
    now.ticks = outer->ticks;
    ml_budget_spent = NONE;
    pending = false;
    if (state)
        state->heap_most = now.heap_most;
    now.state = state;
}

void ml_budget_limit(struct ml_state *state, const struct ml_limits *limits)
{
    int64_t us = limits->cpu_us / TICKS;

    state->limits = *limits;
    if (limits->cpu_us > 0)
        tick_every(us < TICK_MIN_US ? TICK_MIN_US : us);
}

lua_State *ml_budget_switch(lua_State *to)
{
    lua_State *from = now.coroutine;

    now.coroutine = to;
    return from;
}

/* ---- the breach ---- */

static void push_message(lua_State *L, enum breach breach, const char *where)
{
    const struct ml_limits *limits = &now.state->limits;

    if (breach == TIME)
        lua_pushfstring(L, "%sstopped after %d ms of CPU without waiting (limits.resume_ms)", where,
                        (int)(limits->cpu_us / 1000));
    else if (breach == TOTAL)
        lua_pushfstring(L, "%sstopped: Lua holds %d MB (limits.memory_mb)", where,
                        (int)(limits->total >> 20));
    else
        lua_pushfstring(L, "%sstopped: more than %d MB taken without waiting (limits.resume_mb)",
                        where, (int)(limits->growth >> 20));
}

static int unwind(lua_State *L, enum breach breach, const char *where)
{
    int64_t limit = now.state->limits.cpu_us;

    if (now.allowance_us < 2 * limit) {
        now.allowance_us += limit / 2;
        ml_budget_spent = NONE;
        lua_sethook(L, NULL, 0, 0);
    }
    now.state->heap_most = now.state->heap + SLACK;
    luaL_checkstack(L, 4, NULL);
    push_message(L, breach, where);
    luaL_traceback(L, L, lua_tostring(L, -1), 0);
    ml_unwind_breach(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &last_breach);
    pending = true;
    return lua_error(L);
}

int ml_budget_raise(lua_State *L)
{
    enum breach breach = (enum breach)ml_budget_spent;
    char where[sizeof refused_at];

    if (!now.state)
        return luaL_error(L, "stopped");
    place(L, where, sizeof where);
    return unwind(L, breach, where);
}

static int out_of_memory(lua_State *L)
{
    if (!now.state)
        return lua_error(L);
    return unwind(L, too_much(), refused_at);
}

void ml_budget_settle(lua_State *L, int status)
{
    if (pending) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &last_breach);
        lua_error(L);
    }
    if (status == LUA_ERRMEM)
        out_of_memory(L);
    if (ml_is_unwind(L, -1))
        lua_error(L);
    if (ml_budget_spent)
        ml_budget_raise(L);
}

bool ml_budget_is_breach(lua_State *L, int status)
{
    if (pending) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &last_breach);
        ml_unwind_value(L, -1);
        lua_remove(L, -2);
    } else if (ml_is_breach(L, -1)) {
        ml_unwind_value(L, -1);
    } else if (now.state && (status == LUA_ERRMEM || ml_budget_spent)) {
        push_message(L, status == LUA_ERRMEM ? too_much() : (enum breach)ml_budget_spent,
                     refused_at);
    } else {
        return false;
    }
    return true;
}

/* One that was set in an earlier run takes itself away. */
static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (!ml_budget_spent || !now.state) {
        lua_sethook(L, NULL, 0, 0);
    } else if (ml_budget_spent != TIME && fits_after_collection(L)) {
        ml_budget_spent = NONE;
        lua_sethook(L, NULL, 0, 0);
    } else {
        ml_budget_raise(L);
    }
}

bool ml_budget_renew(lua_State *L, bool always)
{
    struct ml_state *state = now.state;

    if (!state || (!always && now.renewals >= RENEWALS))
        return false;
    lua_sethook(L, NULL, 0, 0);
    state->heap_most = SIZE_MAX;
    if (state->heap > now.heap + state->limits.growth / 2)
        lua_gc(L, LUA_GCCOLLECT);
    begin(state, L);
    now.renewals++;
    return true;
}
