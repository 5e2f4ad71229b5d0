/* A lua_State of this program and the runtime they all stand on. The program's own state is number
 * 0; each generation of policy has one of its own. Loop thread only. */
#ifndef ML_BINDINGS_STATE_H
#define ML_BINDINGS_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "bindings/budget.h"
#include "core/base/list.h"
#include "core/net/loop.h"

struct ml_task;

struct ml_runtime {
    struct ml_loop *loop;
    struct ml_list ready;    /* tasks to resume at the end of this turn */
    struct ml_list *round;   /* those that are being resumed, NULL else */
    struct ml_task *current; /* the task that runs now */
    int tasks;               /* tasks alive in all states */
    int listeners;           /* open agents, HTTP servers, children: they keep a script running */
    bool exiting;
    int exit_code;
};

struct ml_state {
    struct ml_runtime *runtime;
    lua_State *L;
    int number; /* 0: the program's own */
    int tasks;  /* alive in this state */
    bool closing;
    struct ml_list handles;  /* open ones, in the order they were opened (object.c) */
    struct ml_limits limits; /* of every run in it; none for the program's own */
    size_t heap, heap_most;  /* bytes; what may be allocated now */
    /* Called when the last task of this state has ended. */
    void (*idle)(struct ml_state *state, void *user);
    void *idle_user;
};

/* With the standard libraries, ours (package.preload), and package.path set. */
struct ml_state *ml_state_new(struct ml_runtime *runtime, int number);
/* Looks for modules in that folder before all others. */
void ml_state_look_in(struct ml_state *state, const char *dir);
/* Closes every handle of the state; tasks that are alive are dropped where they are. */
void ml_state_free(struct ml_state *state);
struct ml_state *ml_state_of(lua_State *L);

/* "<dir>/lua" of the sources this program runs; static. */
const char *ml_state_lua_dir(void);

/* Copies the value at index into another state and pushes it there: nil, booleans, numbers, text,
 * tables of these, and handles that can be shared or moved. Raises in `from` for anything else. */
void ml_state_copy(lua_State *from, int index, lua_State *to);

/* luaL_newmetatable, luaL_testudata and luaL_checkudata for a name that is always the same pointer,
 * which is how the registry finds it. */
bool ml_udata_new_metatable(lua_State *L, const char *name);
void *ml_udata_test(lua_State *L, int index, const char *name);
void *ml_udata_check(lua_State *L, int index, const char *name);

/* Sets fields of the table on top of the stack. */
void ml_set_text(lua_State *L, const char *name, const char *value); /* NULL: not set */
void ml_set_integer(lua_State *L, const char *name, lua_Integer value);
void ml_set_number(lua_State *L, const char *name, lua_Number value);
void ml_set_boolean(lua_State *L, const char *name, bool value);

/* Pushes a field of the table at index; its type. Raw: no metamethod runs, and the table itself
 * holds what is borrowed from it. */
int ml_field(lua_State *L, int index, const char *name);
/* Fields of the table at index, for options tables. A wrong type raises "name: string expected". */
const char *ml_opt_text(lua_State *L, int index, const char *name, const char *fallback);
lua_Integer ml_opt_integer(lua_State *L, int index, const char *name, lua_Integer fallback);
/* Seconds as a number, returned in milliseconds. */
int ml_opt_ms(lua_State *L, int index, const char *name, int fallback);
bool ml_opt_boolean(lua_State *L, int index, const char *name, bool fallback);

/* nil, word of the error code, text: how an operation of the world fails. Returns 3. */
int ml_push_failure(lua_State *L, int code, const char *text);

#endif
