/* Rooms of the house as Lua sees them: lua_rooms.c (the handle), room_events.c (members, hosts, and
 * what they are told). */
#ifndef ML_BINDINGS_ROOMS_H
#define ML_BINDINGS_ROOMS_H

#include <lua.h>

#include "bindings/object.h"
#include "bindings/sink.h"
#include "core/house/rooms.h"

struct ml_lua_rooms {
    struct ml_rooms *rooms;
    void *media; /* kept: mixers live in it */
    int references;
};

struct ml_lua_member {
    struct ml_member *member;
    struct ml_lua_rooms *shared; /* counted */
    struct ml_sink sink;
};

/* Who runs a room: gets to know who comes and goes. */
struct ml_lua_host {
    struct ml_room *room;        /* NULL: the room is no more */
    struct ml_lua_rooms *shared; /* counted */
    struct ml_sink sink;
};

/* room_events.c */
extern const struct ml_class ml_member_class, ml_host_class;
extern const struct ml_rooms_handlers ml_room_handlers;
void ml_push_fields(lua_State *L, const struct ml_fields *fields);
void ml_room_tell_host(struct ml_member *member, const char *what);
/* Posts a copy of the event at index; returns how many were told. */
int ml_room_post(lua_State *L, int index, struct ml_sink *sink, const struct ml_room *room);

/* lua_rooms.c */
void ml_lua_rooms_close(void *object);
int ml_house_rooms(lua_State *L); /* house.rooms(media) */

/* The mixer of the room with that sid, by the Rooms handle at index; NULL: there is no such room.
 */
struct ml_mixer *ml_lua_room_mixer(lua_State *L, int index, const char *sid);
/* The stream of one in that room; NULL: none. */
struct ml_stream *ml_lua_room_stream(lua_State *L, int index, const char *sid, const char *call);

#endif
