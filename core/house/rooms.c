#include "core/house/rooms.h"

#include <stdio.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/random.h"

/* What a program that makes a queue for each call leaves behind stays bounded. */
enum { LASTING_MAX = 10000 };

struct ml_rooms {
    struct ml_media *media;
    const struct ml_rooms_handlers *handlers;
    struct ml_list rooms;
    size_t lasting;
};

struct ml_room {
    struct ml_link link;
    struct ml_rooms *rooms;
    char sid[35];
    char *kind, *name;
    bool lasting, closed;
    struct ml_list members;
    size_t count;
    struct ml_fields fields;
    struct ml_mixer *mixer;
    uint32_t last_op;
    void *user;
};

struct ml_member {
    struct ml_link link;
    struct ml_room *room;
    char *call;
    struct ml_line *line;
    struct ml_fields fields;
    void *user;
};

/* ---- rooms ---- */

int ml_rooms_new(struct ml_media *media, const struct ml_rooms_handlers *handlers,
                 struct ml_rooms **roomsp)
{
    struct ml_rooms *rooms = ml_alloc(sizeof *rooms);

    rooms->media = media;
    rooms->handlers = handlers;
    ml_list_init(&rooms->rooms);
    *roomsp = rooms;
    return ML_OK;
}

static void free_room(struct ml_room *room)
{
    ml_list_remove(&room->link);
    room->rooms->lasting -= room->lasting;
    ml_mixer_free(room->mixer);
    room->rooms->handlers->gone(room);
    ml_fields_fini(&room->fields);
    ml_free(room->kind);
    ml_free(room->name);
    ml_free(room);
}

void ml_rooms_free(struct ml_rooms *rooms)
{
    ML_LIST_EACH(&rooms->rooms, link)
    {
        free_room(ML_CONTAINER(link, struct ml_room, link));
    }
    ml_free(rooms);
}

struct ml_room *ml_rooms_find(const struct ml_rooms *rooms, const char *kind, const char *name)
{
    ML_LIST_EACH(&rooms->rooms, link)
    {
        struct ml_room *room = ML_CONTAINER(link, struct ml_room, link);

        if (!room->closed && strcmp(room->name, name) == 0 && strcmp(room->kind, kind) == 0)
            return room;
    }
    return NULL;
}

struct ml_room *ml_rooms_get(const struct ml_rooms *rooms, const char *sid)
{
    ML_LIST_EACH(&rooms->rooms, link)
    {
        struct ml_room *room = ML_CONTAINER(link, struct ml_room, link);

        if (strcmp(room->sid, sid) == 0)
            return room;
    }
    return NULL;
}

struct ml_room *ml_rooms_next(const struct ml_rooms *rooms, const struct ml_room *room)
{
    struct ml_link *next = room ? room->link.next : rooms->rooms.head.next;

    return next == &rooms->rooms.head ? NULL : ML_CONTAINER(next, struct ml_room, link);
}

static void forget_oldest(struct ml_rooms *rooms)
{
    ML_LIST_EACH(&rooms->rooms, link)
    {
        struct ml_room *room = ML_CONTAINER(link, struct ml_room, link);

        if (room->lasting && room->count == 0) {
            free_room(room);
            return;
        }
    }
}

struct ml_room *ml_room_open(struct ml_rooms *rooms, const char *kind, const char *name,
                             const char *sid, bool lasting)
{
    struct ml_room *room = ml_alloc(sizeof *room);
    char digits[33] = "";

    if (strlen(sid) == 2)
        ml_random_hex(digits, 16);
    snprintf(room->sid, sizeof room->sid, "%.34s%s", sid, digits);
    room->rooms = rooms;
    room->kind = ml_strdup(kind);
    room->name = ml_strdup(name);
    room->lasting = lasting;
    ml_list_init(&room->members);
    if (lasting && rooms->lasting++ >= LASTING_MAX)
        forget_oldest(rooms);
    ml_list_append(&rooms->rooms, &room->link);
    return room;
}

void ml_room_rename(struct ml_room *room, const char *name)
{
    ml_free(room->name);
    room->name = ml_strdup(name);
}

void ml_room_close(struct ml_room *room)
{
    room->closed = true;
    if (room->count == 0)
        free_room(room);
}

const char *ml_room_sid(const struct ml_room *room)
{
    return room->sid;
}

const char *ml_room_kind(const struct ml_room *room)
{
    return room->kind;
}

const char *ml_room_name(const struct ml_room *room)
{
    return room->name;
}

size_t ml_room_count(const struct ml_room *room)
{
    return room->count;
}

struct ml_fields *ml_room_fields(struct ml_room *room)
{
    return &room->fields;
}

void ml_room_set_user(struct ml_room *room, void *user)
{
    room->user = user;
}

void *ml_room_user(const struct ml_room *room)
{
    return room->user;
}

/* ---- members ---- */

struct ml_member *ml_room_enter(struct ml_room *room, const char *call, struct ml_line *line,
                                void *user)
{
    struct ml_member *member = ml_alloc(sizeof *member);

    member->room = room;
    member->call = ml_strdup(call);
    member->line = ml_line_ref(line);
    member->user = user;
    ml_list_append(&room->members, &member->link);
    room->count++;
    return member;
}

void ml_member_leave(struct ml_member *member)
{
    struct ml_room *room = member->room;
    struct ml_stream *stream = ml_line_stream(member->line);

    if (room->mixer && stream && ml_mixer_of(stream) == room->mixer)
        ml_mixer_leave(stream);
    ml_list_remove(&member->link);
    ml_line_unref(member->line);
    ml_fields_fini(&member->fields);
    ml_free(member->call);
    ml_free(member);
    if (--room->count == 0 && (room->closed || !room->lasting))
        free_room(room);
}

struct ml_member *ml_room_member(const struct ml_room *room, const char *call)
{
    ML_LIST_EACH(&room->members, link)
    {
        struct ml_member *member = ML_CONTAINER(link, struct ml_member, link);

        if (strcmp(member->call, call) == 0)
            return member;
    }
    return NULL;
}

struct ml_member *ml_room_next(const struct ml_room *room, const struct ml_member *member)
{
    struct ml_link *next = member ? member->link.next : room->members.head.next;

    return next == &room->members.head ? NULL : ML_CONTAINER(next, struct ml_member, link);
}

struct ml_room *ml_member_room(const struct ml_member *member)
{
    return member->room;
}

const char *ml_member_call(const struct ml_member *member)
{
    return member->call;
}

struct ml_fields *ml_member_fields(struct ml_member *member)
{
    return &member->fields;
}

struct ml_stream *ml_member_stream(const struct ml_member *member)
{
    return ml_line_stream(member->line);
}

void *ml_member_user(const struct ml_member *member)
{
    return member->user;
}

/* ---- what is heard ---- */

static void on_played(uint32_t op, enum ml_play_end end, const char *text, void *user)
{
    struct ml_room *room = user;

    room->rooms->handlers->played(room, op, end, text);
}

static void on_speech(struct ml_stream *stream, bool speaks, void *user)
{
    struct ml_room *room = user;

    ML_LIST_EACH(&room->members, link)
    {
        struct ml_member *member = ML_CONTAINER(link, struct ml_member, link);

        if (ml_line_stream(member->line) == stream) {
            room->rooms->handlers->speech(room, member, speaks);
            return;
        }
    }
}

struct ml_mixer *ml_room_mixer(struct ml_room *room)
{
    static const struct ml_mixer_handlers handlers = {on_played, on_speech};

    if (!room->mixer)
        ml_mixer_new(room->rooms->media, &handlers, room, &room->mixer);
    return room->mixer;
}

int ml_member_seat(struct ml_member *member, const struct ml_seat *seat, struct ml_member *coached)
{
    struct ml_stream *stream = ml_line_stream(member->line);
    struct ml_seat own = *seat;

    if (!stream)
        return ML_ESTATE;
    own.coached = coached ? ml_line_stream(coached->line) : NULL;
    return ml_mixer_join(ml_room_mixer(member->room), stream, &own);
}

int ml_member_bridge(struct ml_member *member, struct ml_line *line)
{
    struct ml_stream *a = ml_line_stream(member->line), *b = ml_line_stream(line);

    return a && b ? ml_bridge(a, b) : ML_ESTATE;
}

int ml_room_play(struct ml_room *room, const struct ml_source *source, uint32_t *op,
                 struct ml_fault *fault)
{
    int status = ml_mixer_play(ml_room_mixer(room), source, room->last_op + 1, fault);

    if (status == 0)
        *op = ++room->last_op;
    return status;
}
