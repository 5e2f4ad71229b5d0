/* Shared by moonline.core.sip (lua_agent.c, lua_leg.c) and moonline.core.media. */
#ifndef ML_BINDINGS_SIP_H
#define ML_BINDINGS_SIP_H

#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "core/house/line.h"

extern const struct ml_class ml_leg_class;

struct ml_lua_leg {
    struct ml_line *line;
    struct ml_sink sink;
    int self; /* registry reference: a leg that is not over keeps its handle; LUA_NOREF: over */
    uint32_t last_op;
};

/* Fields of events, into the table on top. */
extern const struct ml_line_handlers ml_lua_leg_handlers;

/* An empty leg whose events go to the mailbox at index (0: none). Pushes its handle, still closed.
 */
struct ml_lua_leg *ml_lua_leg_new(lua_State *L, int box);
/* The line is there: opens the handle on top. */
void ml_lua_leg_open(lua_State *L, struct ml_lua_leg *leg, struct ml_line *line);
/* Undoes ml_lua_leg_new. */
void ml_lua_leg_drop(struct ml_lua_leg *leg);

/* The stream of the leg at index; raises when there is no audio yet. */
struct ml_stream *ml_lua_leg_stream(lua_State *L, int index);

int ml_sip_agent(lua_State *L); /* sip.agent(options) */

/* The media engine behind a Media handle. */
struct ml_media *ml_lua_media_check(lua_State *L, int index);

int ml_sip_headers(lua_State *L); /* sip.headers(lines, ...) */

#endif
