/* The Rooms handle of moonline.core.house: rooms that calls of all states share. What one state has
 * to say to a member or to the host of a room goes into that one's mailbox, copied. */
#include <string.h>

#include "bindings/modules.h"
#include "bindings/rooms.h"
#include "bindings/sink.h"
#include "bindings/sip.h"
#include "core/base/mem.h"
#include "core/house/rooms.h"

void ml_lua_rooms_close(void *object)
{
    struct ml_lua_rooms *shared = object;

    if (--shared->references > 0)
        return;
    ml_rooms_free(shared->rooms);
    ml_lua_media_drop(shared->media);
    ml_free(shared);
}

static void rooms_share(void *object)
{
    ((struct ml_lua_rooms *)object)->references++;
}

/* ---- the handle ---- */

static int rooms_open(lua_State *L);
static int rooms_find(lua_State *L);
static int rooms_list(lua_State *L);
static int rooms_get(lua_State *L);
static int rooms_set(lua_State *L);
static int rooms_rename(lua_State *L);
static int rooms_shut(lua_State *L);
static int rooms_host(lua_State *L);
static int rooms_enter(lua_State *L);
static int rooms_members(lua_State *L);
static int rooms_member(lua_State *L);
static int rooms_change(lua_State *L);
static int rooms_first(lua_State *L);
static int rooms_position(lua_State *L);
static int rooms_post(lua_State *L);
static int rooms_seat(lua_State *L);
static int rooms_play(lua_State *L);
static int rooms_bridge(lua_State *L);

static const luaL_Reg methods[] = {{"open", rooms_open},
                                   {"find", rooms_find},
                                   {"list", rooms_list},
                                   {"get", rooms_get},
                                   {"set", rooms_set},
                                   {"shut", rooms_shut},
                                   {"host", rooms_host},
                                   {"enter", rooms_enter},
                                   {"members", rooms_members},
                                   {"member", rooms_member},
                                   {"change", rooms_change},
                                   {"first", rooms_first},
                                   {"position", rooms_position},
                                   {"post", rooms_post},
                                   {"seat", rooms_seat},
                                   {"play", rooms_play},
                                   {"bridge", rooms_bridge},
                                   {"rename", rooms_rename},
                                   {NULL, NULL}};
static const struct ml_class rooms_class = {
    .name = "rooms", .methods = methods, .close = ml_lua_rooms_close, .share = rooms_share};

static struct ml_lua_rooms *check(lua_State *L)
{
    return ml_object_check(L, 1, &rooms_class);
}

/* The room whose sid is the second argument; NULL: there is none any more. */
static struct ml_room *room_at(lua_State *L)
{
    return ml_rooms_get(check(L)->rooms, luaL_checkstring(L, 2));
}

/* ... and its member, the third. */
static struct ml_member *member_at(lua_State *L)
{
    struct ml_room *room = room_at(L);

    return room ? ml_room_member(room, luaL_checkstring(L, 3)) : NULL;
}

struct ml_mixer *ml_lua_room_mixer(lua_State *L, int rooms, const char *sid)
{
    struct ml_lua_rooms *shared = ml_object_check(L, rooms, &rooms_class);
    struct ml_room *room = ml_rooms_get(shared->rooms, sid);

    return room ? ml_room_mixer(room) : NULL;
}

struct ml_stream *ml_lua_room_stream(lua_State *L, int rooms, const char *sid, const char *call)
{
    struct ml_lua_rooms *shared = ml_object_check(L, rooms, &rooms_class);
    struct ml_room *room = ml_rooms_get(shared->rooms, sid);
    struct ml_member *member = room ? ml_room_member(room, call) : NULL;

    return member ? ml_member_stream(member) : NULL;
}

/* true, or nil and why. */
static int result(lua_State *L, int status, const char *text)
{
    if (status != 0)
        return ml_push_failure(L, status, text);
    lua_pushboolean(L, true);
    return 1;
}

static int no_such(lua_State *L, const char *what)
{
    return ml_push_failure(L, ML_ESTATE, what);
}

static int rooms_open(lua_State *L)
{
    struct ml_lua_rooms *shared = check(L);
    const char *kind = luaL_checkstring(L, 2), *name = luaL_checkstring(L, 3);
    const char *prefix = luaL_checkstring(L, 4); /* or the sid */
    struct ml_room *room = ml_rooms_find(shared->rooms, kind, name);
    bool is_new = room == NULL;

    luaL_argcheck(L, strlen(prefix) == 2 || strlen(prefix) == 34, 4,
                  "two letters, or a sid, expected");
    if (is_new)
        room = ml_room_open(shared->rooms, kind, name, prefix, lua_toboolean(L, 5));
    lua_pushstring(L, ml_room_sid(room));
    lua_pushboolean(L, is_new);
    return 2;
}

static int rooms_find(lua_State *L)
{
    struct ml_room *room =
        ml_rooms_find(check(L)->rooms, luaL_checkstring(L, 2), luaL_checkstring(L, 3));

    lua_pushstring(L, room ? ml_room_sid(room) : NULL);
    return 1;
}

static int rooms_list(lua_State *L)
{
    struct ml_lua_rooms *shared = check(L);
    const char *kind = luaL_checkstring(L, 2);
    lua_Integer n = 0;

    lua_newtable(L);
    for (struct ml_room *room = NULL; (room = ml_rooms_next(shared->rooms, room)) != NULL;) {
        if (strcmp(ml_room_kind(room), kind) != 0)
            continue;
        lua_pushstring(L, ml_room_sid(room));
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int rooms_get(lua_State *L)
{
    struct ml_room *room = room_at(L);

    if (!room) {
        lua_pushnil(L);
    } else if (!lua_isnoneornil(L, 3)) {
        lua_pushstring(L, ml_fields_get(ml_room_fields(room), luaL_checkstring(L, 3)));
    } else {
        ml_push_fields(L, ml_room_fields(room));
        ml_set_text(L, "sid", ml_room_sid(room));
        ml_set_text(L, "kind", ml_room_kind(room));
        ml_set_text(L, "name", ml_room_name(room));
        ml_set_integer(L, "count", (lua_Integer)ml_room_count(room));
    }
    return 1;
}

/* The table at index into fields; false removes one. */
static void set_fields(lua_State *L, int index, struct ml_fields *fields)
{
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 2)) {
        bool removed = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
        const char *value = luaL_tolstring(L, -1, NULL);

        luaL_argcheck(L, lua_type(L, -3) == LUA_TSTRING, index, "names of fields are strings");
        ml_fields_set(fields, lua_tostring(L, -3), removed ? NULL : value);
    }
}

static int rooms_set(lua_State *L)
{
    struct ml_room *room = room_at(L);

    luaL_checktype(L, 3, LUA_TTABLE);
    if (room)
        set_fields(L, 3, ml_room_fields(room));
    lua_pushboolean(L, room != NULL);
    return 1;
}

/* Also of a room that is shut: nobody finds it. */
static int rooms_rename(lua_State *L)
{
    struct ml_room *room = room_at(L);
    const char *name = luaL_checkstring(L, 3);
    bool is_free = room && !ml_rooms_find(check(L)->rooms, ml_room_kind(room), name);

    if (is_free)
        ml_room_rename(room, name);
    lua_pushboolean(L, is_free);
    return 1;
}

static int rooms_shut(lua_State *L)
{
    struct ml_room *room = room_at(L);

    if (room)
        ml_room_close(room);
    return 0;
}

static int rooms_host(lua_State *L)
{
    struct ml_lua_rooms *shared = check(L);
    struct ml_room *room = room_at(L);
    struct ml_lua_host *host;

    ml_mailbox_check(L, 3);
    if (!room)
        return no_such(L, "there is no such room");
    luaL_argcheck(L, !ml_room_user(room), 2, "the room has a host");
    ml_object_new(L, &ml_host_class);
    host = ml_alloc(sizeof *host);
    host->room = room;
    host->shared = shared;
    shared->references++;
    ml_sink_init(&host->sink, L, 3);
    ml_room_set_user(room, host);
    ml_object_open(L, -1, host);
    return 1;
}

static int rooms_enter(lua_State *L)
{
    struct ml_lua_rooms *shared = check(L);
    struct ml_room *room = room_at(L);
    struct ml_lua_leg *leg = ml_object_check(L, 3, &ml_leg_class);
    const char *call = luaL_checkstring(L, 4);
    struct ml_lua_member *member;

    luaL_checktype(L, 5, LUA_TTABLE);
    ml_mailbox_check(L, 6);
    if (!room)
        return no_such(L, "there is no such room");
    luaL_argcheck(L, !ml_room_member(room, call), 4, "the call is in the room already");
    ml_object_new(L, &ml_member_class);
    member = ml_alloc(sizeof *member);
    member->shared = shared;
    shared->references++;
    ml_sink_init(&member->sink, L, 6);
    member->member = ml_room_enter(room, call, leg->line, member);
    ml_object_open(L, -1, member);
    set_fields(L, 5, ml_member_fields(member->member));
    ml_room_tell_host(member->member, "enter");
    return 1;
}

static int rooms_members(lua_State *L)
{
    struct ml_room *room = room_at(L);
    lua_Integer n = 0;

    lua_newtable(L);
    for (struct ml_member *at = NULL; room && (at = ml_room_next(room, at)) != NULL;) {
        lua_pushstring(L, ml_member_call(at));
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int rooms_member(lua_State *L)
{
    struct ml_member *member = member_at(L);

    if (!member)
        lua_pushnil(L);
    else if (lua_isnoneornil(L, 4))
        ml_push_fields(L, ml_member_fields(member));
    else
        lua_pushstring(L, ml_fields_get(ml_member_fields(member), luaL_checkstring(L, 4)));
    return 1;
}

static int rooms_change(lua_State *L)
{
    struct ml_member *member = member_at(L);

    luaL_checktype(L, 4, LUA_TTABLE);
    if (member)
        set_fields(L, 4, ml_member_fields(member));
    lua_pushboolean(L, member != NULL);
    return 1;
}

static bool lacks(struct ml_member *member, const char *field)
{
    return !ml_fields_get(ml_member_fields(member), field);
}

static int rooms_first(lua_State *L)
{
    struct ml_room *room = room_at(L);
    const char *field = luaL_checkstring(L, 3);
    struct ml_member *at = NULL;

    while (room && (at = ml_room_next(room, at)) != NULL && !lacks(at, field))
        continue;
    lua_pushstring(L, at ? ml_member_call(at) : NULL);
    return 1;
}

static int rooms_position(lua_State *L)
{
    struct ml_room *room = room_at(L);
    const char *call = luaL_checkstring(L, 3), *field = luaL_checkstring(L, 4);
    lua_Integer n = 0, found = 0;

    for (struct ml_member *at = NULL; room && (at = ml_room_next(room, at)) != NULL;) {
        if (!lacks(at, field))
            continue;
        n++;
        if (strcmp(ml_member_call(at), call) == 0)
            found = n;
    }
    lua_pushinteger(L, found);
    lua_pushinteger(L, n);
    return 2;
}

static int rooms_post(lua_State *L)
{
    struct ml_room *room = room_at(L);
    const char *to = luaL_optstring(L, 3, NULL);
    struct ml_lua_host *host = room ? ml_room_user(room) : NULL;
    int told = 0;

    luaL_checktype(L, 4, LUA_TTABLE);
    if (host && to && strcmp(to, "host") == 0)
        told = ml_room_post(L, 4, &host->sink, room);
    for (struct ml_member *at = NULL; room && (at = ml_room_next(room, at)) != NULL;)
        if (!to || strcmp(to, ml_member_call(at)) == 0)
            told += ml_room_post(L, 4, &((struct ml_lua_member *)ml_member_user(at))->sink, room);
    lua_pushinteger(L, told);
    return 1;
}

static int rooms_seat(lua_State *L)
{
    struct ml_member *member = member_at(L), *coached = NULL;
    struct ml_seat seat = {0};
    const char *whom;

    luaL_checktype(L, 4, LUA_TTABLE);
    if (!member)
        return no_such(L, "there is no such member");
    seat.speaks = ml_opt_boolean(L, 4, "speaks", false);
    seat.hears = ml_opt_boolean(L, 4, "hears", false);
    seat.watched = ml_opt_boolean(L, 4, "watched", false);
    seat.delay_ms = (int)ml_opt_integer(L, 4, "delay", 0);
    whom = ml_opt_text(L, 4, "coached", NULL);
    if (whom)
        coached = ml_room_member(ml_member_room(member), whom);
    if (whom && !coached)
        seat.speaks = false; /* nobody is there to hear it */
    return result(L, ml_member_seat(member, &seat, coached), NULL);
}

static int rooms_play(lua_State *L)
{
    struct ml_room *room = room_at(L);
    struct ml_source source = {0};
    struct ml_fault fault = {0};
    uint32_t op;
    int status;

    ml_lua_source(L, 3, &source);
    if (!room)
        return no_such(L, "there is no such room");
    status = ml_room_play(room, &source, &op, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_pushinteger(L, op);
    return 1;
}

static int rooms_bridge(lua_State *L)
{
    struct ml_member *member = member_at(L);
    struct ml_lua_leg *leg = ml_object_check(L, 4, &ml_leg_class);

    if (!member)
        return no_such(L, "there is no such member");
    return result(L, ml_member_bridge(member, leg->line), NULL);
}

int ml_house_rooms(lua_State *L)
{
    struct ml_media *media = ml_lua_media_check(L, 1);
    struct ml_lua_rooms *shared;

    ml_object_new(L, &rooms_class);
    shared = ml_alloc(sizeof *shared);
    ml_rooms_new(media, &ml_room_handlers, &shared->rooms);
    shared->media = ml_lua_media_keep(L, 1);
    shared->references = 1;
    ml_object_open(L, -1, shared);
    return 1;
}
