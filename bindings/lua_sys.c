/* moonline.core.sys: the process, signals, children, file changes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bindings/lists.h"
#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "bindings/versions.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/str.h"
#include "core/net/child.h"
#include "core/net/local.h"
#include "core/net/watch.h"

/* ---- signals and watches: one closable thing with a sink ---- */

struct watcher {
    struct ml_sink sink;
    struct ml_signal *signal;
    struct ml_watch *watch;
    const char *name;
};

static void watcher_close(void *object)
{
    struct watcher *watcher = object;

    if (watcher->signal)
        ml_signal_free(watcher->signal);
    if (watcher->watch)
        ml_watch_free(watcher->watch);
    ml_sink_fini(&watcher->sink);
    ml_free(watcher);
}

static int watcher_add(lua_State *L);

static const luaL_Reg watcher_methods[] = {{"add", watcher_add}, {NULL, NULL}};
static const struct ml_class watcher_class = {
    .name = "watch", .methods = watcher_methods, .close = watcher_close};

static void signalled(void *user)
{
    struct watcher *watcher = user;
    lua_State *L = ml_sink_event(&watcher->sink, "signal");

    ml_set_text(L, "name", watcher->name);
    ml_sink_post(&watcher->sink, L);
}

static int sys_signal(lua_State *L)
{
    static const char *const names[] = {"TERM", "HUP", "INT", "USR1", NULL};
    static const int numbers[] = {SIGTERM, SIGHUP, SIGINT, SIGUSR1};
    int which = luaL_checkoption(L, 1, NULL, names);
    struct watcher *watcher;

    ml_mailbox_check(L, 2);
    ml_object_new(L, &watcher_class);
    watcher = ml_alloc(sizeof *watcher);
    ml_sink_init(&watcher->sink, L, 2);
    watcher->name = names[which];
    watcher->signal =
        ml_signal_new(ml_state_of(L)->runtime->loop, numbers[which], signalled, watcher);
    ml_object_open(L, -1, watcher);
    return 1;
}

static void changed(const char *path, void *user)
{
    struct watcher *watcher = user;
    lua_State *L = ml_sink_event(&watcher->sink, "changed");

    ml_set_text(L, "path", path);
    ml_sink_post(&watcher->sink, L);
}

static int sys_watch(lua_State *L)
{
    struct ml_fault fault = {0};
    struct watcher *watcher;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    ml_mailbox_check(L, 2);
    ml_object_new(L, &watcher_class);
    watcher = ml_alloc(sizeof *watcher);
    ml_sink_init(&watcher->sink, L, 2);
    ml_object_open(L, -1, watcher);
    status = ml_watch_new(ml_state_of(L)->runtime->loop, changed, watcher, &watcher->watch, &fault);
    for (lua_Integer i = 1; status == 0 && lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
        status = ml_watch_add(watcher->watch, luaL_checkstring(L, -1), &fault);
        lua_pop(L, 1);
    }
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_settop(L, 3);
    return 1;
}

static int watcher_add(lua_State *L)
{
    struct watcher *watcher = ml_object_check(L, 1, &watcher_class);
    const char *path = luaL_checkstring(L, 2);
    struct ml_fault fault = {0};
    int status;

    luaL_argcheck(L, watcher->watch, 1, "a watch of files expected");
    status = ml_watch_add(watcher->watch, path, &fault);
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    lua_pushboolean(L, true);
    return 1;
}

/* ---- the standard input, a line at a time ---- */

struct lines {
    struct ml_sink sink;
    struct ml_io *io; /* NULL once it has ended */
    struct ml_buf text;
};

static void lines_stop(struct lines *lines)
{
    if (!lines->io)
        return;
    ml_io_free(lines->io);
    lines->io = NULL;
    lines->sink.state->runtime->listeners--;
}

static void lines_close(void *object)
{
    struct lines *lines = object;

    lines_stop(lines);
    ml_buf_fini(&lines->text);
    ml_sink_fini(&lines->sink);
    ml_free(lines);
}

static const luaL_Reg lines_methods[] = {{NULL, NULL}};
static const struct ml_class lines_class = {
    .name = "lines", .methods = lines_methods, .close = lines_close};

static void post_line(struct lines *lines, size_t length)
{
    lua_State *L = ml_sink_event(&lines->sink, "line");

    lua_pushlstring(L, lines->text.p ? lines->text.p : "", length);
    lua_setfield(L, -2, "text");
    ml_sink_post(&lines->sink, L);
}

static void on_input(int fd, int events, void *user)
{
    struct lines *lines = user;
    char bytes[4096], *end;
    ssize_t n = read(fd, bytes, sizeof bytes);

    (void)events;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0)
        ml_buf_add(&lines->text, bytes, (size_t)n);
    while (lines->text.n > 0 && (end = memchr(lines->text.p, '\n', lines->text.n)) != NULL) {
        size_t length = (size_t)(end - lines->text.p);

        post_line(lines, length);
        memmove(lines->text.p, end + 1, lines->text.n - length - 1);
        lines->text.n -= length + 1;
    }
    if (n > 0)
        return;
    if (lines->text.n > 0)
        post_line(lines, lines->text.n);
    lines_stop(lines);
    ml_sink_post(&lines->sink, ml_sink_event(&lines->sink, "end"));
}

static int sys_lines(lua_State *L)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;
    struct lines *lines;

    ml_mailbox_check(L, 1);
    ml_object_new(L, &lines_class);
    lines = ml_alloc(sizeof *lines);
    ml_sink_init(&lines->sink, L, 1);
    lines->io = ml_io_new(runtime->loop, STDIN_FILENO, ML_READ, on_input, lines);
    runtime->listeners++;
    ml_object_open(L, -1, lines);
    return 1;
}

/* ---- children ---- */

struct child {
    struct ml_child *child; /* NULL once it has exited */
    struct ml_sink sink;
    int self; /* registry reference until it has exited */
};

static void child_gone(struct child *child)
{
    lua_State *L = child->sink.state->L;

    if (child->self == LUA_NOREF)
        return;
    luaL_unref(L, LUA_REGISTRYINDEX, child->self);
    child->self = LUA_NOREF;
    child->sink.state->runtime->listeners--;
}

static void child_close(void *object)
{
    struct child *child = object;

    if (child->child)
        ml_child_free(child->child);
    child_gone(child);
    ml_sink_fini(&child->sink);
    ml_free(child);
}

static int child_pid(lua_State *L);
static int child_kill(lua_State *L);

static const luaL_Reg child_methods[] = {{"pid", child_pid}, {"kill", child_kill}, {NULL, NULL}};
static const struct ml_class child_class = {
    .name = "child", .methods = child_methods, .close = child_close};

static void set_bytes(lua_State *L, const char *name, struct ml_str bytes)
{
    lua_pushlstring(L, bytes.p ? bytes.p : "", bytes.n);
    lua_setfield(L, -2, name);
}

static void exited(const struct ml_child_result *result, void *user)
{
    struct child *child = user;
    lua_State *L = ml_sink_event(&child->sink, "exited");

    child->child = NULL; /* it frees itself */
    ml_set_integer(L, "status", result->status);
    ml_set_boolean(L, "timed_out", result->timed_out);
    set_bytes(L, "output", result->output);
    set_bytes(L, "errors", result->errors);
    lua_rawgeti(L, LUA_REGISTRYINDEX, child->self);
    lua_setfield(L, -2, "child");
    ml_sink_post(&child->sink, L);
    child_gone(child);
}

static int sys_spawn(lua_State *L)
{
    struct ml_child_options options = {0};
    struct ml_fault fault = {0};
    struct child *child;
    size_t count;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    ml_field(L, 2, "box");
    ml_mailbox_check(L, 3);
    lua_newtable(L);
    lua_pushvalue(L, 1);
    lua_setfield(L, 4, "argv");
    options.argv = ml_list_texts(L, 4, "argv", &count);
    luaL_argcheck(L, count > 0, 1, "a program to run expected");
    if (ml_field(L, 2, "input") == LUA_TSTRING)
        options.input.p = lua_tolstring(L, -1, &options.input.n);
    options.stdout_file = ml_opt_text(L, 2, "stdout", NULL);
    options.directory = ml_opt_text(L, 2, "directory", NULL);
    options.timeout_ms = ml_opt_ms(L, 2, "timeout", 0);
    ml_object_new(L, &child_class);
    child = ml_alloc(sizeof *child);
    child->self = LUA_NOREF;
    ml_sink_init(&child->sink, L, 3);
    status = ml_child_spawn(ml_state_of(L)->runtime->loop, &options, exited, child, &child->child,
                            &fault);
    if (status != 0) {
        ml_sink_fini(&child->sink);
        ml_free(child);
        return ml_push_failure(L, status, fault.text);
    }
    ml_object_open(L, -1, child);
    lua_pushvalue(L, -1);
    child->self = luaL_ref(L, LUA_REGISTRYINDEX);
    ml_state_of(L)->runtime->listeners++;
    return 1;
}

static int child_pid(lua_State *L)
{
    struct child *child = ml_object_check(L, 1, &child_class);

    lua_pushinteger(L, child->child ? ml_child_pid(child->child) : 0);
    return 1;
}

static int child_kill(lua_State *L)
{
    struct child *child = ml_object_check(L, 1, &child_class);

    if (child->child)
        ml_child_kill(child->child, (int)luaL_optinteger(L, 2, SIGTERM));
    return 0;
}

/* ---- the process ---- */

static int sys_versions(lua_State *L)
{
    lua_newtable(L);
    ml_versions_set(L);
    return 1;
}

static int sys_lua_dir(lua_State *L)
{
    lua_pushstring(L, ml_state_lua_dir());
    return 1;
}

static int sys_is_virtual(lua_State *L)
{
    lua_pushboolean(L, ml_clock_is_virtual());
    return 1;
}

static int sys_seed(lua_State *L)
{
    ml_random_seed((uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

static int sys_exit(lua_State *L)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;

    runtime->exit_code = (int)luaL_checkinteger(L, 1);
    runtime->exiting = true;
    ml_loop_stop(runtime->loop);
    return 0;
}

static int sys_print(lua_State *L)
{
    puts(luaL_checkstring(L, 1));
    fflush(stdout);
    return 0;
}

static int sys_notify(lua_State *L)
{
    sd_notify(0, luaL_checkstring(L, 1));
    return 0;
}

static lua_Integer resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long long total = 0, resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%lld %lld", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static lua_Integer open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    lua_Integer count = 0;

    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* the folder's own */
}

static int sys_usage(lua_State *L)
{
    struct rusage usage;
    struct rlimit limit;

    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &limit);
    lua_newtable(L);
    ml_set_number(L, "cpu",
                  (lua_Number)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      (lua_Number)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    ml_set_integer(L, "memory", resident_bytes());
    ml_set_integer(L, "descriptors", open_descriptors());
    ml_set_integer(L, "most_descriptors", (lua_Integer)limit.rlim_cur);
    ml_set_number(L, "lag", (lua_Number)ml_loop_lag_us(ml_state_of(L)->runtime->loop) / 1e6);
    return 1;
}

static int sys_counts(lua_State *L)
{
    struct ml_runtime *runtime = ml_state_of(L)->runtime;
    const char *name;
    int open;

    lua_newtable(L);
    ml_set_integer(L, "blocks", ml_mem_blocks());
    ml_set_integer(L, "watchers", ml_loop_watchers(runtime->loop));
    ml_set_integer(L, "tasks", runtime->tasks);
    for (size_t i = 0; ml_object_count(i, &name, &open); i++)
        ml_set_integer(L, name, open);
    return 1;
}

static int sys_mkdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char partial[4096];

    snprintf(partial, sizeof partial, "%s", path);
    for (char *slash = partial; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
        *slash = '\0';
        mkdir(partial, 0777);
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, strerror(errno));
        return 2;
    }
    lua_pushboolean(L, true);
    return 1;
}

static int sys_local_address(lua_State *L)
{
    char address[ML_LOCAL_BYTES];

    if (ml_local_address(luaL_checkstring(L, 1), address))
        lua_pushstring(L, address);
    else
        lua_pushnil(L);
    return 1;
}

int ml_open_sys(lua_State *L)
{
    static const luaL_Reg functions[] = {{"versions", sys_versions},
                                         {"lua_dir", sys_lua_dir},
                                         {"is_virtual", sys_is_virtual},
                                         {"seed", sys_seed},
                                         {"signal", sys_signal},
                                         {"watch", sys_watch},
                                         {"spawn", sys_spawn},
                                         {"exit", sys_exit},
                                         {"print", sys_print},
                                         {"lines", sys_lines},
                                         {"editor", ml_sys_editor},
                                         {"notify", sys_notify},
                                         {"usage", sys_usage},
                                         {"counts", sys_counts},
                                         {"mkdir", sys_mkdir},
                                         {"local_address", sys_local_address},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
