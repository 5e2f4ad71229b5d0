/* What others need of moonline.core.house's rooms. */
#ifndef ML_BINDINGS_ROOMS_H
#define ML_BINDINGS_ROOMS_H

#include <lua.h>

#include "core/media/media.h"

int ml_house_rooms(lua_State *L); /* house.rooms(media) */

/* The mixer of the room with that sid, by the Rooms handle at index; NULL: there is no such room.
 */
struct ml_mixer *ml_lua_room_mixer(lua_State *L, int index, const char *sid);
/* The stream of one in that room; NULL: none. */
struct ml_stream *ml_lua_room_stream(lua_State *L, int index, const char *sid, const char *call);

#endif
