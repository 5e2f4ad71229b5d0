/* Events of rooms: to members, and to the host of each; and the handles of both. */
#include "bindings/rooms.h"

#include "core/base/mem.h"

/* The beginning of an event for the host; NULL: there is nobody to tell. */
static lua_State *host_event(struct ml_room *room, const char *what, const char *call)
{
    struct ml_lua_host *host = ml_room_user(room);
    lua_State *L;

    if (!host || host->sink.state->closing)
        return NULL;
    L = ml_sink_event(&host->sink, "room");
    ml_set_text(L, "what", what);
    ml_set_text(L, "room", ml_room_sid(room));
    ml_set_text(L, "call", call);
    return L;
}

static void post_to_host(struct ml_room *room, lua_State *L)
{
    ml_sink_post(&((struct ml_lua_host *)ml_room_user(room))->sink, L);
}

void ml_push_fields(lua_State *L, const struct ml_fields *fields)
{
    lua_createtable(L, 0, (int)fields->count);
    for (size_t i = 0; i < fields->count; i++)
        ml_set_text(L, fields->pairs[2 * i], fields->pairs[2 * i + 1]);
}

void ml_room_tell_host(struct ml_member *member, const char *what)
{
    struct ml_room *room = ml_member_room(member);
    lua_State *L = host_event(room, what, ml_member_call(member));

    if (!L)
        return;
    ml_push_fields(L, ml_member_fields(member));
    lua_setfield(L, -2, "fields");
    post_to_host(room, L);
}

static void on_played(struct ml_room *room, uint32_t op, enum ml_play_end end, const char *text)
{
    static const char *const ends[] = {"done", "stopped", "failed"};
    lua_State *L = host_event(room, "played", NULL);

    if (!L)
        return;
    ml_set_integer(L, "op", op);
    ml_set_text(L, "why", ends[end]);
    ml_set_text(L, "text", text);
    post_to_host(room, L);
}

static void on_speech(struct ml_room *room, struct ml_member *member, bool speaks)
{
    lua_State *L = host_event(room, "speech", ml_member_call(member));

    if (!L)
        return;
    ml_set_boolean(L, "speaks", speaks);
    post_to_host(room, L);
}

static void on_gone(struct ml_room *room)
{
    struct ml_lua_host *host = ml_room_user(room);

    if (host)
        host->room = NULL;
}

/* ---- members and hosts ---- */

static void member_close(void *object)
{
    struct ml_lua_member *member = object;

    ml_room_tell_host(member->member, "leave");
    ml_member_leave(member->member);
    ml_sink_fini(&member->sink);
    ml_lua_rooms_close(member->shared);
    ml_free(member);
}

static void host_close(void *object)
{
    struct ml_lua_host *host = object;

    if (host->room)
        ml_room_set_user(host->room, NULL);
    ml_sink_fini(&host->sink);
    ml_lua_rooms_close(host->shared);
    ml_free(host);
}

static const luaL_Reg no_methods[] = {{NULL, NULL}};
const struct ml_class ml_member_class = {
    .name = "member", .methods = no_methods, .close = member_close};
const struct ml_class ml_host_class = {.name = "host", .methods = no_methods, .close = host_close};

int ml_room_post(lua_State *L, int index, struct ml_sink *sink, const struct ml_room *room)
{
    lua_State *to = sink->state->L;

    if (sink->state->closing)
        return 0;
    luaL_checkstack(to, 8, "event");
    ml_state_copy(L, index, to);
    ml_set_text(to, "kind", "room");
    ml_set_text(to, "room", ml_room_sid(room));
    ml_sink_post(sink, to);
    return 1;
}

const struct ml_rooms_handlers ml_room_handlers = {on_played, on_speech, on_gone};
