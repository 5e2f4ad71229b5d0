/* moonline.core.generation: one lua_State per load of the policy. */
#include <string.h>

#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"

struct generation {
    struct ml_link link;    /* in generations, while it has a state */
    struct ml_state *state; /* NULL once freed */
    struct ml_sink sink;    /* to the program's state: what the generation tells */
    int handlers;           /* registry reference in state->L */
    int number;
    bool retired;
    bool freeing; /* posted */
    bool closed;  /* the handle is gone */
    struct ml_timer *patience;
};

enum { PATIENCE_MS = 10000 }; /* for the tasks of one that is closed; then they are cut off */

static int last_number;
static struct ml_list generations; /* of all states; zero before the first */
/* Registry key in a generation's state: light userdata of its struct. */
static const char own_generation;

static void free_state(struct generation *generation)
{
    struct ml_state *state = generation->state;

    ml_list_remove(&generation->link);
    ml_timer_free(generation->patience);
    generation->patience = NULL;
    generation->state = NULL;
    ml_state_free(state);
    ml_mem_trim();
}

/* The program ends: whatever still runs in them is cut off, and no handle stays open. */
void ml_generations_end(void)
{
    struct ml_link *link;

    while (generations.head.next && (link = ml_list_first(&generations)) != NULL) {
        struct generation *generation = ML_CONTAINER(link, struct generation, link);

        free_state(generation);
        if (generation->closed)
            ml_free(generation);
    }
}

static void release(void *user)
{
    struct generation *generation = user;
    lua_State *L;

    if (generation->state) {
        free_state(generation);
        if (generation->closed) {
            ml_sink_fini(&generation->sink);
        } else {
            L = ml_sink_event(&generation->sink, "generation-freed");
            ml_set_integer(L, "generation", generation->number);
            ml_sink_post(&generation->sink, L);
        }
    }
    if (generation->closed)
        ml_free(generation);
}

/* Frees the state when nothing runs in it any more; from the loop, never from inside the state. */
static void free_if_done(struct ml_state *state, void *user)
{
    struct generation *generation = user;

    if (!generation->retired || generation->freeing || state->tasks > 0)
        return;
    generation->freeing = true;
    ml_loop_post(state->runtime->loop, release, generation);
}

static void cut_off(void *user)
{
    struct generation *generation = user;

    if (generation->freeing)
        return;
    ml_log(ML_LOG_WARNING, NULL, "%d tasks of a closed generation are cut off",
           generation->state->tasks);
    generation->freeing = true;
    ml_loop_post(generation->state->runtime->loop, release, generation);
}

static void generation_close(void *object)
{
    struct generation *generation = object;

    generation->closed = true;
    generation->retired = true;
    if (!generation->state) {
        ml_sink_fini(&generation->sink);
        ml_free(generation);
    } else if (generation->sink.state->closing || generation->state->runtime->exiting) {
        free_state(generation);
        ml_free(generation);
    } else {
        free_if_done(generation->state, generation);
        generation->patience = ml_timer_new(generation->state->runtime->loop, cut_off, generation);
        ml_timer_set(generation->patience, PATIENCE_MS);
    }
}

static int generation_deliver(lua_State *L);
static int generation_tasks(lua_State *L);
static int generation_memory(lua_State *L);
static int generation_collect(lua_State *L);
static int generation_number(lua_State *L);
static int generation_retire(lua_State *L);

static const luaL_Reg methods[] = {{"deliver", generation_deliver},
                                   {"tasks", generation_tasks},
                                   {"memory", generation_memory},
                                   {"collect", generation_collect},
                                   {"number", generation_number},
                                   {"retire", generation_retire},
                                   {NULL, NULL}};
static const struct ml_class generation_class = {
    .name = "generation", .methods = methods, .close = generation_close};

static int message_handler(lua_State *L)
{
    if (!lua_isstring(L, 1))
        luaL_tolstring(L, 1, NULL);
    return 1;
}

/* In the new state: entry, env. Leaves the table of handlers. */
static int load_policy(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    luaL_checktype(L, -1, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1))
        return luaL_error(L, "%s: its function must return a table of handlers",
                          lua_tostring(L, 1));
    return 1;
}

static int generation_load(lua_State *L)
{
    struct ml_state *host = ml_state_of(L);
    struct generation *generation;
    struct ml_state *state;
    const char *entry, *sources;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    entry = ml_opt_text(L, 1, "entry", "moonline.policy");
    sources = ml_opt_text(L, 1, "lua", NULL);
    luaL_argcheck(L, ml_field(L, 1, "env") == LUA_TTABLE, 1, "env: table expected");
    if (ml_field(L, 1, "box") != LUA_TNIL)
        ml_mailbox_check(L, 3);
    ml_object_new(L, &generation_class);
    state = ml_state_new(host->runtime, last_number + 1);
    generation = ml_alloc(sizeof *generation);
    generation->state = state;
    ml_sink_init(&generation->sink, L, 3);
    if (!generations.head.next)
        ml_list_init(&generations);
    ml_list_append(&generations, &generation->link);
    ml_object_open(L, -1, generation); /* from here on an error leaves nothing behind */
    if (sources)
        ml_state_look_in(state, sources);
    lua_pushcfunction(state->L, message_handler);
    lua_pushcfunction(state->L, load_policy);
    lua_pushstring(state->L, entry);
    ml_state_copy(L, 2, state->L);
    lua_pushinteger(state->L, last_number + 1);
    lua_setfield(state->L, -2, "number");
    lua_pushlightuserdata(state->L, generation);
    lua_rawsetp(state->L, LUA_REGISTRYINDEX, &own_generation);
    if (lua_pcall(state->L, 2, 1, 1) != LUA_OK) {
        lua_pushnil(L);
        lua_pushstring(L, lua_tostring(state->L, -1));
        ml_object_forget(L, -3);
        free_state(generation);
        ml_sink_fini(&generation->sink);
        ml_free(generation);
        return 2;
    }
    generation->handlers = luaL_ref(state->L, LUA_REGISTRYINDEX);
    generation->number = ++last_number;
    lua_settop(state->L, 0);
    state->idle = free_if_done;
    state->idle_user = generation;
    return 1;
}

static int generation_deliver(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);
    const char *name = luaL_checkstring(L, 2);
    int n = lua_gettop(L) - 2;
    lua_State *to;

    if (!generation->state || generation->freeing) {
        lua_pushboolean(L, false);
        return 1;
    }
    to = generation->state->L;
    lua_rawgeti(to, LUA_REGISTRYINDEX, generation->handlers);
    if (lua_getfield(to, -1, name) != LUA_TFUNCTION) {
        lua_settop(to, 0);
        lua_pushboolean(L, false);
        return 1;
    }
    lua_remove(to, -2);
    for (int i = 0; i < n; i++)
        ml_state_copy(L, 3 + i, to);
    ml_task_spawn(to, n);
    lua_settop(to, 0);
    lua_pushboolean(L, true);
    return 1;
}

static int generation_tasks(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);

    lua_pushinteger(L, generation->state ? generation->state->tasks : 0);
    return 1;
}

static int generation_memory(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);
    lua_State *of = generation->state ? generation->state->L : NULL;

    lua_pushinteger(L, of ? (lua_Integer)lua_gc(of, LUA_GCCOUNT) * 1024 + lua_gc(of, LUA_GCCOUNTB)
                          : 0);
    return 1;
}

static int generation_collect(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);

    if (generation->state)
        lua_gc(generation->state->L, LUA_GCCOLLECT);
    return 0;
}

static int generation_number(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);

    lua_pushinteger(L, generation->number);
    return 1;
}

static int generation_retire(lua_State *L)
{
    struct generation *generation = ml_object_check(L, 1, &generation_class);

    generation->retired = true;
    if (generation->state)
        free_if_done(generation->state, generation);
    return 0;
}

static int generation_notify(lua_State *L)
{
    struct generation *generation;
    lua_State *to;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &own_generation);
    generation = lua_touserdata(L, -1);
    if (!generation || generation->closed || generation->sink.box == LUA_NOREF)
        return 0;
    to = generation->sink.state->L;
    ml_state_copy(L, 1, to);
    ml_set_integer(to, "generation", generation->number);
    ml_sink_post(&generation->sink, to);
    return 0;
}

int ml_open_generation(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load", generation_load}, {"notify", generation_notify}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
