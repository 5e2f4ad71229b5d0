/* A sink: where a C object's events go in Lua. Holds the mailbox by a registry reference; without
 * one events wait in a list until a mailbox comes. Never resumes a task: posting only wakes it. */
#ifndef ML_BINDINGS_SINK_H
#define ML_BINDINGS_SINK_H

#include <lua.h>

#include "bindings/object.h"
#include "bindings/state.h"
#include "core/base/mem.h"

struct ml_sink {
    struct ml_state *state;
    int box;     /* registry reference of the mailbox, LUA_NOREF: none */
    int pending; /* registry reference of the list of events that wait for one */
};

/* box: index of a mailbox, or 0 for none yet. */
void ml_sink_init(struct ml_sink *sink, lua_State *L, int box);
void ml_sink_fini(struct ml_sink *sink);
/* Events go to the mailbox at index from now on, the waiting ones first; nil: they wait. */
void ml_sink_attach(struct ml_sink *sink, lua_State *L, int index);
/* Pushes a table with `kind` onto the state's stack, which it returns: set fields, then post. */
lua_State *ml_sink_event(struct ml_sink *sink, const char *kind);
/* Takes the event on top of L's stack. */
void ml_sink_post(struct ml_sink *sink, lua_State *L);
/* To another state, waiting events with it; the mailbox is left behind. */
void ml_sink_move(struct ml_sink *sink, struct ml_state *to);

#endif
