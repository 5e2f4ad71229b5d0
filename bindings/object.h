/* Handles: userdata that stand for an object of core. Made closed, then opened; every method goes
 * through ml_object_check, which is the only place that asks whether it is open; close, __close and
 * __gc are one function. */
#ifndef ML_BINDINGS_OBJECT_H
#define ML_BINDINGS_OBJECT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct ml_state;

struct ml_class {
    const char *name; /* "leg": in messages, and the metatable's name behind "moonline." */
    const luaL_Reg *methods;
    /* Lets go of the object. */
    void (*close)(void *object);
    /* For a handle that several states may hold: takes one more reference. NULL: not shareable. */
    void (*share)(void *object);
    /* For a handle that may go to another state: the object belongs to `to` from now on. */
    void (*moved)(void *object, struct ml_state *to, lua_State *L, int index);
    /* For a shareable handle: a state that held it ends; what it began there must not come back. */
    void (*left)(void *object, const struct ml_state *state);
};

/* Pushes a closed handle. */
void ml_object_new(lua_State *L, const struct ml_class *class);
/* Opens the handle at index. */
void ml_object_open(lua_State *L, int index, void *object);
/* The object of an open handle; raises "leg expected" or "leg: closed". */
void *ml_object_check(lua_State *L, int index, const struct ml_class *class);
/* The handle at index stands for what another state owns: it cannot be closed by hand here. */
void ml_object_lend(lua_State *L, int index);
/* Like check, for what only the owner may do. */
void *ml_object_own(lua_State *L, int index, const struct ml_class *class);
/* Like check, NULL for nil or nothing. */
void *ml_object_opt(lua_State *L, int index, const struct ml_class *class);
/* Any handle at index: its class and object (NULL when closed). NULL: not a handle. */
const struct ml_class *ml_object_class(lua_State *L, int index, void **objectp);
/* How many handles of each class are open in all states, class by class; false past the last. For
 * leak checks. */
bool ml_object_count(size_t index, const char **name, int *count);
/* Closes all handles of a state that is about to be closed, the last opened first; and, once it is
 * closed, frees what stood for them. */
void ml_object_close_all(struct ml_state *state);
void ml_object_free_all(struct ml_state *state);
/* Marks the handle at index closed without closing the object (it went elsewhere). */
void ml_object_forget(lua_State *L, int index);

#endif
