/* The program: a Lua interpreter with our loop beneath it. `moonline FILE.lua` runs a script, every
 * other word is a command of moonline.cli. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bindings/modules.h"
#include "bindings/state.h"
#include "bindings/task.h"
#include "core/base/clock.h"
#include "core/base/random.h"

struct program {
    struct ml_runtime runtime;
    struct ml_state *state;
    struct ml_task *main;
    bool is_script;
};

/* Two descriptors a leg and more: take what we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Commands whose time is virtual unless they are told --real-time. */
static bool is_simulation(int argc, char **argv, int command)
{
    static const char *const words[] = {"run", "test", "explore"};
    bool found = false;

    for (size_t k = 0; command < argc && k < sizeof words / sizeof *words; k++)
        found = found || strcmp(argv[command], words[k]) == 0;
    if (!found)
        return false;
    for (int i = command + 1; i < argc; i++) {
        if (strcmp(argv[i], "--real-time") == 0)
            return false;
    }
    return true;
}

/* `--virtual` and `--seed N`, before anything else has started. Returns the arguments eaten. */
static int simulation_options(int argc, char **argv)
{
    int i = 1;
    bool virtual_time = false;
    unsigned long long seed = 1;

    for (; i < argc; i++) {
        if (strcmp(argv[i], "--virtual") == 0)
            virtual_time = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            break;
    }
    if (is_simulation(argc, argv, i)) {
        virtual_time = true;
        for (int k = i + 1; k + 1 < argc; k++) {
            if (strcmp(argv[k], "--seed") == 0)
                seed = strtoull(argv[k + 1], NULL, 10);
        }
    }
    if (virtual_time) {
        ml_clock_virtual();
        ml_random_seed(seed);
    }
    return i - 1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A script goes on while anything of it is alive; a command ends when its function does. */
static bool turn(void *user)
{
    struct program *program = user;
    struct ml_runtime *runtime = &program->runtime;
    bool more = ml_task_turn(runtime);

    if (!runtime->exiting && !more && runtime->tasks == 0 &&
        (!program->is_script || runtime->listeners == 0)) {
        runtime->exiting = true;
        ml_loop_stop(runtime->loop);
    }
    return more;
}

static int os_exit(lua_State *L)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;

    if (lua_isboolean(L, 1))
        runtime->exit_code = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        runtime->exit_code = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
    runtime->exiting = true;
    ml_loop_stop(runtime->loop);
    lua_settop(L, 0);
    lua_pushliteral(L, "exit");
    return ml_unwind(L);
}

static void set_arguments(lua_State *L, int argc, char **argv, int script)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - script);
    }
    lua_setglobal(L, "arg");
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 1);
}

/* Upvalue 1: the script's function, its arguments on the stack. Errors end the program with 1. */
static int main_done(lua_State *L, int status, lua_KContext is_command)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;

    if (status != LUA_OK && status != LUA_YIELD) {
        if (!ml_is_unwind(L, -1)) {
            fprintf(stderr, "moonline: %s\n", luaL_tolstring(L, -1, NULL));
            runtime->exit_code = EXIT_FAILURE;
            runtime->exiting = true;
            ml_loop_stop(runtime->loop);
        }
    } else if (is_command && !runtime->exiting) {
        runtime->exit_code = (int)luaL_optinteger(L, 2, EXIT_SUCCESS);
        runtime->exiting = true;
        ml_loop_stop(runtime->loop);
    }
    return 0;
}

static int traceback(lua_State *L)
{
    if (!ml_is_unwind(L, 1))
        luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static int run_main(lua_State *L)
{
    int is_command = lua_toboolean(L, lua_upvalueindex(2));
    int status;

    lua_pushcfunction(L, traceback);
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 2);
    status = lua_pcallk(L, lua_gettop(L) - 2, 1, 1, is_command, main_done);
    return main_done(L, status, is_command);
}

/* Leaves the function to run on the stack; false and a message otherwise. */
static bool load_script(lua_State *L, const char *path)
{
    return luaL_loadfilex(L, strcmp(path, "-") == 0 ? NULL : path, "t") == LUA_OK;
}

static bool load_command(lua_State *L)
{
    return luaL_loadstring(L, "return require('moonline.cli').main({ ... })") == LUA_OK;
}

static void start(struct program *program, int argc, char **argv, int first)
{
    lua_State *L = program->state->L;
    const char *word = first < argc ? argv[first] : "";
    bool loaded;

    program->is_script = ends_with(word, ".lua") || strcmp(word, "-") == 0;
    set_arguments(L, argc, argv, program->is_script ? first : first - 1);
    loaded = program->is_script ? load_script(L, word) : load_command(L);
    if (!loaded) {
        fprintf(stderr, "moonline: %s\n", lua_tostring(L, -1));
        program->runtime.exit_code = EXIT_FAILURE;
        program->runtime.exiting = true;
        return;
    }
    lua_pushboolean(L, !program->is_script);
    lua_pushcclosure(L, run_main, 2);
    for (int i = program->is_script ? first + 1 : first; i < argc; i++)
        lua_pushstring(L, argv[i]);
    program->main = ml_task_spawn(L, lua_gettop(L) - 1);
    lua_settop(L, 0);
}

int main(int argc, char **argv)
{
    struct program program = {0};
    int skipped = simulation_options(argc, argv);

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its writer */
    setvbuf(stdout, NULL, _IOLBF, 0);
    raise_descriptor_limit();
    ml_list_init(&program.runtime.ready);
    if (ml_loop_new(&program.runtime.loop) != 0) {
        fprintf(stderr, "moonline: the event loop cannot start\n");
        return EXIT_FAILURE;
    }
    ml_loop_on_turn(program.runtime.loop, turn, &program);
    program.state = ml_state_new(&program.runtime, 0);
    start(&program, argc, argv, 1 + skipped);
    if (!program.runtime.exiting)
        ml_loop_run(program.runtime.loop);
    program.runtime.exiting = true;
    ml_generations_end();
    ml_state_free(program.state);
    ml_loop_free(program.runtime.loop);
    return program.runtime.exit_code;
}
