/* Places where calls meet, by name: conferences, queues, and whoever waits for them. A room keeps
 * its members in the order in which they came, plain values of itself and of each, and, where they
 * are to hear each other, a mixer. What it is for is the business of those who enter. Owner: the
 * program; a member is owned by whoever made it enter. Loop thread. */
#ifndef ML_HOUSE_ROOMS_H
#define ML_HOUSE_ROOMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/house/fields.h"
#include "core/house/line.h"

struct ml_rooms;
struct ml_room;
struct ml_member;

/* Called with the user of what it is about. */
struct ml_rooms_handlers {
    /* What ml_room_play began is over. */
    void (*played)(struct ml_room *room, uint32_t op, enum ml_play_end end, const char *text);
    /* A member whose seat is watched began or ended to speak. */
    void (*speech)(struct ml_room *room, struct ml_member *member, bool speaks);
    /* The room is no more: its user is to be freed. */
    void (*gone)(struct ml_room *room);
};

int ml_rooms_new(struct ml_media *media, const struct ml_rooms_handlers *handlers,
                 struct ml_rooms **roomsp);
/* All members must have left. */
void ml_rooms_free(struct ml_rooms *rooms);

/* The room of that kind and name, NULL: there is none. */
struct ml_room *ml_rooms_find(const struct ml_rooms *rooms, const char *kind, const char *name);
struct ml_room *ml_rooms_get(const struct ml_rooms *rooms, const char *sid);
/* Oldest first; next of NULL: the first. */
struct ml_room *ml_rooms_next(const struct ml_rooms *rooms, const struct ml_room *room);

/* A new room of that sid; of two letters ("CF"): with 32 hexadecimal digits more. lasting: it stays
 * when the last member has left; of those that nobody is in, the oldest go when there are more than
 * 10,000.
 */
struct ml_room *ml_room_open(struct ml_rooms *rooms, const char *kind, const char *name,
                             const char *sid, bool lasting);
/* No room of its kind may have that name. */
void ml_room_rename(struct ml_room *room, const char *name);
/* Its name is free again, and it goes with its last member. */
void ml_room_close(struct ml_room *room);
const char *ml_room_sid(const struct ml_room *room);
const char *ml_room_kind(const struct ml_room *room);
const char *ml_room_name(const struct ml_room *room);
size_t ml_room_count(const struct ml_room *room);
struct ml_fields *ml_room_fields(struct ml_room *room);
void ml_room_set_user(struct ml_room *room, void *user);
void *ml_room_user(const struct ml_room *room);

/* Keeps a reference to the line. */
struct ml_member *ml_room_enter(struct ml_room *room, const char *call, struct ml_line *line,
                                void *user);
/* Leaves the mixer, too. A room that is not lasting ends with its last member. */
void ml_member_leave(struct ml_member *member);
struct ml_member *ml_room_member(const struct ml_room *room, const char *call);
/* In the order of entering; next of NULL: the first. */
struct ml_member *ml_room_next(const struct ml_room *room, const struct ml_member *member);
struct ml_room *ml_member_room(const struct ml_member *member);
const char *ml_member_call(const struct ml_member *member);
struct ml_fields *ml_member_fields(struct ml_member *member);
/* NULL: its line has no audio. */
struct ml_stream *ml_member_stream(const struct ml_member *member);
void *ml_member_user(const struct ml_member *member);

/* The member joins the room's mixer (made with the first), or changes its seat there. coached, if
 * any, is another member. ML_ESTATE: the line has no audio. */
int ml_member_seat(struct ml_member *member, const struct ml_seat *seat, struct ml_member *coached);
/* Connects the member with a line. */
int ml_member_bridge(struct ml_member *member, struct ml_line *line);
/* To all in the mixer. op comes back in handlers->played. */
int ml_room_play(struct ml_room *room, const struct ml_source *source, uint32_t *op,
                 struct ml_fault *fault);
/* For a recorder; made when there is none. */
struct ml_mixer *ml_room_mixer(struct ml_room *room);

#endif
