/* media.speech of moonline.core.media: texts spoken into files. */
#include "bindings/modules.h"
#include "bindings/sink.h"
#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/media/media.h"

struct speech {
    struct ml_speech *speech;
    struct ml_list utterances;
    int references;
};

struct utterance {
    struct ml_link link; /* in speech->utterances */
    struct ml_sink sink;
    uint32_t op;
};

static void utterance_free(struct utterance *utterance)
{
    ml_list_remove(&utterance->link);
    ml_sink_fini(&utterance->sink);
    ml_free(utterance);
}

static void speech_close(void *object)
{
    struct speech *speech = object;

    if (--speech->references > 0)
        return;
    ml_speech_free(speech->speech);
    ML_LIST_EACH(&speech->utterances, link)
    utterance_free(ML_CONTAINER(link, struct utterance, link));
    ml_free(speech);
}

static void speech_left(void *object, const struct ml_state *state)
{
    struct speech *speech = object;

    ML_LIST_EACH(&speech->utterances, link)
    {
        struct utterance *utterance = ML_CONTAINER(link, struct utterance, link);

        if (utterance->sink.state != state)
            continue;
        ml_speech_cancel(speech->speech, utterance->op);
        utterance_free(utterance);
    }
}

static void speech_share(void *object)
{
    ((struct speech *)object)->references++;
}

static int speech_say(lua_State *L);
static int speech_cancel(lua_State *L);

static const luaL_Reg speech_methods[] = {
    {"say", speech_say}, {"cancel", speech_cancel}, {NULL, NULL}};
static const struct ml_class speech_class = {.name = "speech",
                                             .methods = speech_methods,
                                             .close = speech_close,
                                             .share = speech_share,
                                             .left = speech_left};

int ml_media_speech(lua_State *L)
{
    struct ml_speech_options options = {0};
    struct ml_speech *core = NULL;
    struct ml_fault fault = {0};
    struct speech *speech;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.cache = ml_opt_text(L, 1, "cache", NULL);
    luaL_argcheck(L, options.cache, 1, "cache: string expected");
    options.program = ml_opt_text(L, 1, "program", "espeak-ng");
    options.max_children = (int)ml_opt_integer(L, 1, "children", 0);
    ml_object_new(L, &speech_class);
    status = ml_speech_new(ml_state_of(L)->runtime->loop, &options, &core, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    speech = ml_alloc(sizeof *speech);
    speech->speech = core;
    speech->references = 1;
    ml_list_init(&speech->utterances);
    ml_object_open(L, -1, speech);
    return 1;
}

static void spoken(int status, const char *path, const char *text, void *user)
{
    struct utterance *utterance = user;
    lua_State *L = ml_sink_event(&utterance->sink, "spoken");

    ml_set_integer(L, "op", utterance->op);
    ml_set_text(L, status == 0 ? "path" : "text", status == 0 ? path : text ? text : "failed");
    ml_sink_post(&utterance->sink, L);
    utterance_free(utterance);
}

static int speech_say(lua_State *L)
{
    struct speech *speech = ml_object_check(L, 1, &speech_class);
    const char *text = luaL_checkstring(L, 2);
    const char *language = "en-US", *voice = NULL;
    struct utterance *utterance;
    bool markup = false;

    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        language = ml_opt_text(L, 3, "language", language);
        voice = ml_opt_text(L, 3, "voice", NULL);
        markup = ml_opt_boolean(L, 3, "markup", false);
    }
    ml_mailbox_check(L, 4);
    utterance = ml_alloc(sizeof *utterance);
    ml_sink_init(&utterance->sink, L, 4);
    ml_list_append(&speech->utterances, &utterance->link);
    utterance->op = ml_speech_say(speech->speech, text, markup, language, voice, spoken, utterance);
    lua_pushinteger(L, utterance->op);
    return 1;
}

static int speech_cancel(lua_State *L)
{
    struct speech *speech = ml_object_check(L, 1, &speech_class);
    lua_Integer op = luaL_checkinteger(L, 2);

    ML_LIST_EACH(&speech->utterances, link)
    {
        struct utterance *utterance = ML_CONTAINER(link, struct utterance, link);

        if (utterance->op == op) {
            ml_speech_cancel(speech->speech, utterance->op);
            utterance_free(utterance);
            break;
        }
    }
    return 0;
}
