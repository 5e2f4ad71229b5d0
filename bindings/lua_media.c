/* moonline.core.media: the engine and its recorders. */
#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/rooms.h"
#include "bindings/sip.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/media/media.h"
#include "core/media/wav.h"

/* ---- the engine ---- */

struct media {
    struct ml_media *media;
    struct ml_list compressions;
    int references;
};

/* A file being made, for a mailbox. */
struct compression {
    struct ml_link link; /* in media->compressions */
    struct ml_compression *core;
    struct ml_sink sink;
    lua_Integer op;
};

static void compression_free(struct compression *one)
{
    ml_list_remove(&one->link);
    ml_sink_fini(&one->sink);
    ml_free(one);
}

static void media_close(void *object)
{
    struct media *media = object;

    if (--media->references > 0)
        return;
    ml_media_free(media->media);
    ML_LIST_EACH(&media->compressions, link)
    compression_free(ML_CONTAINER(link, struct compression, link));
    ml_free(media);
}

static void media_left(void *object, const struct ml_state *state)
{
    struct media *media = object;

    ML_LIST_EACH(&media->compressions, link)
    {
        struct compression *one = ML_CONTAINER(link, struct compression, link);

        if (one->sink.state != state)
            continue;
        ml_compress_forget(one->core);
        compression_free(one);
    }
}

static void media_share(void *object)
{
    ((struct media *)object)->references++;
}

static int media_streams(lua_State *L);
static int media_keep_packets(lua_State *L);
static int media_record(lua_State *L);
static int media_compress(lua_State *L);

static const luaL_Reg media_methods[] = {{"streams", media_streams},
                                         {"keep_packets", media_keep_packets},
                                         {"record", media_record},
                                         {"compress", media_compress},
                                         {NULL, NULL}};
static const struct ml_class media_class = {.name = "media",
                                            .methods = media_methods,
                                            .close = media_close,
                                            .share = media_share,
                                            .left = media_left};

struct ml_media *ml_lua_media_check(lua_State *L, int index)
{
    return ((struct media *)ml_object_check(L, index, &media_class))->media;
}

void *ml_lua_media_keep(lua_State *L, int index)
{
    struct media *media = ml_object_check(L, index, &media_class);

    media->references++;
    return media;
}

void ml_lua_media_drop(void *kept)
{
    media_close(kept);
}

static void read_ports(lua_State *L, struct ml_media_options *options)
{
    options->port_min = 20000;
    options->port_max = 29999;
    if (ml_field(L, 1, "ports") == LUA_TTABLE) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        options->port_min = (uint16_t)luaL_checkinteger(L, -2);
        options->port_max = (uint16_t)luaL_checkinteger(L, -1);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static int media_open(lua_State *L)
{
    struct ml_media_options options = {0};
    struct ml_fault fault = {0};
    struct ml_media *core = NULL;
    struct media *media;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.threads = (int)ml_opt_integer(L, 1, "threads", 1);
    options.address = ml_opt_text(L, 1, "address", "127.0.0.1");
    options.rtp_timeout_ms = ml_opt_ms(L, 1, "timeout", 60000);
    read_ports(L, &options);
    ml_object_new(L, &media_class);
    status = ml_media_new(ml_state_of(L)->runtime->loop, &options, &core, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    media = ml_alloc(sizeof *media);
    media->media = core;
    media->references = 1;
    ml_list_init(&media->compressions);
    ml_object_open(L, -1, media);
    return 1;
}

static int media_tone(lua_State *L)
{
    lua_pushstring(L, ml_tone_of(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static int media_streams(lua_State *L)
{
    lua_pushinteger(L, ml_media_streams(ml_lua_media_check(L, 1)));
    return 1;
}

static int media_keep_packets(lua_State *L)
{
    struct ml_media *media = ml_lua_media_check(L, 1);
    int status = ml_media_keep_packets(media, luaL_optstring(L, 2, NULL));

    if (status != ML_OK)
        return ml_push_failure(L, status, NULL);
    lua_pushboolean(L, true);
    return 1;
}

static void compressed(int status, const char *text, void *user)
{
    struct compression *one = user;
    lua_State *L = ml_sink_event(&one->sink, "compressed");

    ml_set_integer(L, "op", one->op);
    ml_set_boolean(L, "ok", status == 0);
    ml_set_text(L, "text", text);
    ml_sink_post(&one->sink, L);
    compression_free(one);
}

static int media_compress(lua_State *L)
{
    static lua_Integer last;
    struct media *media = ml_object_check(L, 1, &media_class);
    const char *from = luaL_checkstring(L, 2), *to = luaL_checkstring(L, 3);
    struct compression *one;

    ml_mailbox_check(L, 4);
    one = ml_alloc(sizeof *one);
    ml_sink_init(&one->sink, L, 4);
    one->op = ++last;
    ml_list_append(&media->compressions, &one->link);
    one->core = ml_compress(media->media, from, to, compressed, one);
    lua_pushinteger(L, one->op);
    return 1;
}

/* ---- recorders ---- */

struct recorder {
    struct ml_recorder *recorder; /* NULL once done */
    void *media;                  /* kept: a recording that is not done needs it */
    struct ml_sink sink;
    int self; /* registry reference until done: a recording ends though nobody holds it */
    bool closed;
};

static void recorder_free(struct recorder *recorder)
{
    ml_sink_fini(&recorder->sink);
    ml_lua_media_drop(recorder->media);
    ml_free(recorder);
}

/* A recorder may be closed before its file is finished: then it lives until done, but not longer
 * than its state. */
static void recorder_close(void *object)
{
    struct recorder *recorder = object;

    if (recorder->recorder && !recorder->sink.state->closing) {
        recorder->closed = true;
        ml_recorder_stop(recorder->recorder);
        return;
    }
    if (recorder->recorder)
        ml_recorder_abandon(recorder->recorder);
    recorder_free(recorder);
}

static int recorder_join(lua_State *L);
static int recorder_pause(lua_State *L);
static int recorder_stop(lua_State *L);

static const luaL_Reg recorder_methods[] = {
    {"join", recorder_join}, {"pause", recorder_pause}, {"stop", recorder_stop}, {NULL, NULL}};
static const struct ml_class recorder_class = {
    .name = "recorder", .methods = recorder_methods, .close = recorder_close};

static void recorded(const struct ml_recording *recording, void *user)
{
    static const char *const ends[] = {"stopped", "max", "silence", "key", "failed"};
    struct recorder *recorder = user;
    lua_State *L = ml_sink_event(&recorder->sink, "recorded");

    ml_set_text(L, "why", ends[recording->end]);
    if (recording->end == ML_RECORD_KEY) {
        lua_pushlstring(L, &recording->key, 1);
        lua_setfield(L, -2, "key");
    }
    ml_set_number(L, "duration", recording->duration_ms / 1e3);
    ml_set_integer(L, "channels", recording->channels);
    ml_set_boolean(L, "absent", recording->absent);
    ml_set_text(L, "text", recording->text);
    lua_rawgeti(L, LUA_REGISTRYINDEX, recorder->self);
    lua_setfield(L, -2, "recorder");
    ml_sink_post(&recorder->sink, L);
    luaL_unref(L, LUA_REGISTRYINDEX, recorder->self);
    recorder->self = LUA_NOREF;
    recorder->recorder = NULL;
    if (recorder->closed)
        recorder_free(recorder);
}

/* rooms, room and member: what is said in a room, in place of legs; or, beside left, a member of
 * it. */
static void read_room(lua_State *L, struct ml_recorder_options *options)
{
    const char *sid = ml_opt_text(L, 2, "room", NULL);
    const char *member = ml_opt_text(L, 2, "member", NULL);

    if (!sid)
        return;
    lua_getfield(L, 2, "rooms");
    if (member)
        options->right = ml_lua_room_stream(L, lua_gettop(L), sid, member);
    else
        options->room = ml_lua_room_mixer(L, lua_gettop(L), sid);
    lua_pop(L, 1);
}

static void voice_begins(void *user)
{
    struct recorder *recorder = user;
    lua_State *L = ml_sink_event(&recorder->sink, "voice");

    lua_rawgeti(L, LUA_REGISTRYINDEX, recorder->self);
    lua_setfield(L, -2, "recorder");
    ml_sink_post(&recorder->sink, L);
}

static int media_record(lua_State *L)
{
    struct ml_recorder_options options = {0};
    struct ml_media *media = ml_lua_media_check(L, 1);
    struct ml_fault fault = {0};
    struct recorder *recorder;
    int status;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    ml_field(L, 2, "box");
    ml_mailbox_check(L, 3);
    options.path = ml_opt_text(L, 2, "path", NULL);
    luaL_argcheck(L, options.path, 2, "path: string expected");
    if (ml_field(L, 2, "left") != LUA_TNIL)
        options.left = ml_lua_leg_stream(L, 4);
    if (ml_field(L, 2, "right") != LUA_TNIL)
        options.right = ml_lua_leg_stream(L, 5);
    options.hears = ml_opt_boolean(L, 2, "hears", false);
    options.unsaid = ml_opt_boolean(L, 2, "unsaid", false);
    read_room(L, &options);
    options.dual = ml_opt_boolean(L, 2, "dual", false);
    options.trim = ml_opt_boolean(L, 2, "trim", false);
    options.max_ms = ml_opt_ms(L, 2, "max", 0);
    options.silence_ms = ml_opt_ms(L, 2, "silence", 0);
    options.finish_keys = ml_opt_text(L, 2, "keys", NULL);
    if (!options.left && !options.room)
        return ml_push_failure(L, ML_ESTATE, "there is no audio yet");
    options.utterance = ml_opt_boolean(L, 2, "utterance", false);
    options.voice = voice_begins;
    ml_object_new(L, &recorder_class);
    recorder = ml_alloc(sizeof *recorder);
    recorder->self = LUA_NOREF;
    ml_sink_init(&recorder->sink, L, 3);
    recorder->media = ml_lua_media_keep(L, 1);
    status = ml_recorder_new(media, &options, recorded, recorder, &recorder->recorder, &fault);
    if (status != 0) {
        recorder_free(recorder);
        return ml_push_failure(L, status, fault.text);
    }
    ml_object_open(L, -1, recorder);
    lua_pushvalue(L, -1);
    recorder->self = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

static struct recorder *check_recorder(lua_State *L)
{
    return ml_object_check(L, 1, &recorder_class);
}

static int recorder_join(lua_State *L)
{
    struct recorder *recorder = check_recorder(L);
    struct ml_stream *stream = ml_lua_leg_stream(L, 2);

    if (!stream)
        return ml_push_failure(L, ML_ESTATE, "the leg has no audio yet");
    if (recorder->recorder)
        ml_recorder_join(recorder->recorder, stream);
    lua_pushboolean(L, true);
    return 1;
}

static int recorder_pause(lua_State *L)
{
    struct recorder *recorder = check_recorder(L);

    if (recorder->recorder)
        ml_recorder_pause(recorder->recorder, lua_toboolean(L, 2), lua_toboolean(L, 3));
    return 0;
}

static int recorder_stop(lua_State *L)
{
    struct recorder *recorder = check_recorder(L);

    if (recorder->recorder)
        ml_recorder_stop(recorder->recorder);
    return 0;
}

/* repair(path): seconds, or nil and why */
static int media_repair(lua_State *L)
{
    struct ml_fault fault = {0};
    struct ml_wav wav;
    int status = ml_wav_repair(luaL_checkstring(L, 1), &wav, &fault);

    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_pushnumber(L, (lua_Number)wav.frames / 8000);
    return 1;
}

int ml_open_media(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", media_open},
                                         {"tone", media_tone},
                                         {"speech", ml_media_speech},
                                         {"repair", media_repair},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
