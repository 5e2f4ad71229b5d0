/* The budget of a run: what Lua code of a generation may take between two waits, as CPU time of the
 * loop's thread and as growth of its heap. Whoever takes more is stopped by a breach: an unwind
 * that no pcall holds. There is no hook until then: a timer that counts CPU time signals the
 * thread, and the handler sets a hook on the coroutine that runs now. Loop thread only. */
#ifndef ML_BINDINGS_BUDGET_H
#define ML_BINDINGS_BUDGET_H

#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_state;

struct ml_limits {
    int64_t cpu_us; /* 0: no limits at all */
    size_t growth;  /* bytes */
    size_t total;   /* bytes of all heaps together */
};

/* A run: one resume of a task, or the top level of a file while a generation is loaded. */
struct ml_run {
    volatile unsigned id;
    struct ml_state *volatile state; /* whose limits hold; NULL: none */
    lua_State *volatile coroutine;   /* that runs now */
    volatile int64_t allowance_us;
    size_t heap;      /* of the state when it began */
    size_t heap_most; /* that the state may have */
    int renewals;
    volatile int ticks; /* of the timer that met it */
};

/* Not 0: the run has taken too much. Loops in C look at it and call ml_budget_raise. */
extern volatile sig_atomic_t ml_budget_spent;

/* A run of L begins; *outer keeps the one that is under way. */
void ml_budget_enter(struct ml_run *outer, struct ml_state *state, lua_State *L);
void ml_budget_leave(const struct ml_run *outer);

/* CPU time of the run that ends now, measured by chance: right over many runs. */
int64_t ml_budget_used_us(void);

/* Limits of a state from its next run on. */
void ml_budget_limit(struct ml_state *state, const struct ml_limits *limits);

/* Another coroutine runs from now on: which one did. */
lua_State *ml_budget_switch(lua_State *to);

/* Raises the breach in L. After one the handlers that close things have half of the time again,
 * each time less; past twice the time nothing runs any more. */
int ml_budget_raise(lua_State *L);
/* A protected call has caught an error (on top; its status): raises when that is not to be held, an
 * unwind, a breach, or the end of memory. Errors of handlers that run after a breach do not hide
 * it. */
void ml_budget_settle(lua_State *L, int status);
/* Was it a breach? Pushes its message then. */
bool ml_budget_is_breach(lua_State *L, int status);
/* A breach was caught by who may catch it: a whole budget anew. always: also when that has happened
 * several times in this run. false: not any more. */
bool ml_budget_renew(lua_State *L, bool always);

/* lua_Alloc for a state (ud). Small blocks are always given, so that code outside of any pcall is
 * safe; past the limit large ones are refused, and the coroutine that runs is stopped. */
void *ml_budget_allocate(void *ud, void *block, size_t old, size_t size);

#endif
