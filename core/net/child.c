#include "core/net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

enum {
    MAX_OUTPUT = 1 << 20,
    POLL_MS = 10 /* where the kernel has no pidfd_open */
};

struct stream {
    int fd;
    struct ml_io *io;
    struct ml_buf text;
    size_t max;
};

struct ml_child {
    struct ml_loop *loop;
    pid_t pid; /* and its process group; 0 once it was waited for */
    int pidfd;
    struct ml_io *exit_io;
    struct ml_timer *poll, *limit;
    struct stream output, errors;
    int input_fd;
    struct ml_io *input_io;
    char *input;
    size_t input_size, input_at;
    bool timed_out;
    ml_child_done_fn *done;
    void *user;
};

/* Our ends and the child's ends of its three pipes. */
struct pipes {
    int input[2], output[2], errors[2];
};

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        shut(&p->input[i]);
        shut(&p->output[i]);
        shut(&p->errors[i]);
    }
}

static int open_pipes(struct pipes *p, struct ml_fault *fault)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->input, O_CLOEXEC) == 0 && pipe2(p->output, O_CLOEXEC) == 0 &&
        pipe2(p->errors, O_CLOEXEC) == 0) {
        fcntl(p->input[1], F_SETFL, O_NONBLOCK);
        fcntl(p->output[0], F_SETFL, O_NONBLOCK);
        fcntl(p->errors[0], F_SETFL, O_NONBLOCK);
        return ML_OK;
    }
    close_pipes(p);
    return ml_fail(fault, ML_EIO, "no pipe for a child process: %s", strerror(errno));
}

static void stop_stream(struct stream *s)
{
    ml_io_free(s->io);
    s->io = NULL;
    shut(&s->fd);
}

static void drain(struct stream *s)
{
    char bytes[16384];
    ssize_t n;

    while (s->fd >= 0 && (n = read(s->fd, bytes, sizeof bytes)) != 0) {
        size_t room = s->max - s->text.n;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        ml_buf_add(&s->text, bytes, (size_t)n < room ? (size_t)n : room);
    }
    stop_stream(s);
}

static void on_output(int fd, int events, void *user)
{
    (void)fd;
    (void)events;
    drain(user);
}

static void stop_input(struct ml_child *child)
{
    ml_io_free(child->input_io);
    child->input_io = NULL;
    shut(&child->input_fd);
}

static void on_input(int fd, int events, void *user)
{
    struct ml_child *child = user;
    ssize_t n = write(fd, child->input + child->input_at, child->input_size - child->input_at);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        child->input_at += (size_t)n;
    if (n <= 0 || child->input_at == child->input_size)
        stop_input(child);
}

static void free_child(struct ml_child *child)
{
    ml_clock_release();
    stop_input(child);
    stop_stream(&child->output);
    stop_stream(&child->errors);
    ml_io_free(child->exit_io);
    ml_timer_free(child->poll);
    ml_timer_free(child->limit);
    shut(&child->pidfd);
    ml_buf_fini(&child->output.text);
    ml_buf_fini(&child->errors.text);
    ml_free(child->input);
    ml_free(child);
}

static struct ml_str text_of(const struct stream *s)
{
    return (struct ml_str){s->text.p ? s->text.p : "", s->text.n};
}

static void on_exit_seen(struct ml_child *child, int status)
{
    struct ml_child_result result = {.timed_out = child->timed_out};

    child->pid = 0;
    drain(&child->output);
    drain(&child->errors);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.output = text_of(&child->output);
    result.errors = text_of(&child->errors);
    child->done(&result, child->user);
    free_child(child);
}

/* What it left behind in its process group ends with it, or its pipes would never close. The group
 * cannot be another one's as long as its leader was not waited for. */
static void look(struct ml_child *child)
{
    siginfo_t info = {.si_pid = 0};
    int status;

    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
        if (child->poll)
            ml_timer_set(child->poll, POLL_MS);
        return;
    }
    kill(-child->pid, SIGKILL);
    if (waitpid(child->pid, &status, 0) == child->pid)
        on_exit_seen(child, status);
}

static void on_exit_io(int fd, int events, void *user)
{
    (void)fd;
    (void)events;
    look(user);
}

static void on_poll(void *user)
{
    look(user);
}

static void on_limit(void *user)
{
    struct ml_child *child = user;

    child->timed_out = true;
    ml_child_kill(child, SIGKILL);
}

static void add_actions(posix_spawn_file_actions_t *actions, const struct pipes *p,
                        const struct ml_child_options *options)
{
    posix_spawn_file_actions_adddup2(actions, p->input[0], 0);
    if (options->stdout_file)
        posix_spawn_file_actions_addopen(actions, 1, options->stdout_file,
                                         O_WRONLY | O_CREAT | O_TRUNC, 0644);
    else
        posix_spawn_file_actions_adddup2(actions, p->output[1], 1);
    posix_spawn_file_actions_adddup2(actions, p->errors[1], 2);
    posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (options->directory)
        posix_spawn_file_actions_addchdir_np(actions, options->directory);
}

static int spawn(const struct pipes *p, const struct ml_child_options *options, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    add_actions(&actions, p, options);
    code = posix_spawnp(pid, options->argv[0], &actions, &attributes,
                        (char *const *)(uintptr_t)options->argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static void watch_stream(struct ml_child *child, struct stream *s, int *fd, size_t max)
{
    s->max = max ? max : MAX_OUTPUT;
    s->fd = *fd;
    *fd = -1;
    s->io = ml_io_new(child->loop, s->fd, ML_READ, on_output, s);
}

static void watch_exit(struct ml_child *child)
{
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pidfd >= 0) {
        child->exit_io = ml_io_new(child->loop, child->pidfd, ML_READ, on_exit_io, child);
        return;
    }
    child->poll = ml_timer_new(child->loop, on_poll, child);
    ml_timer_set(child->poll, POLL_MS);
}

static struct ml_child *adopt(struct ml_loop *loop, pid_t pid, struct pipes *p,
                              const struct ml_child_options *options)
{
    struct ml_child *child = ml_alloc(sizeof *child);

    ml_clock_hold();
    child->loop = loop;
    child->pid = pid;
    watch_stream(child, &child->output, &p->output[0], options->max_output);
    watch_stream(child, &child->errors, &p->errors[0], options->max_output);
    child->input = ml_str_dup(options->input);
    child->input_size = options->input.n;
    child->input_fd = p->input[1];
    p->input[1] = -1;
    if (child->input_size > 0)
        child->input_io = ml_io_new(loop, child->input_fd, ML_WRITE, on_input, child);
    else
        shut(&child->input_fd);
    watch_exit(child);
    if (options->timeout_ms > 0) {
        child->limit = ml_timer_new(loop, on_limit, child);
        ml_timer_set(child->limit, options->timeout_ms);
    }
    return child;
}

int ml_child_spawn(struct ml_loop *loop, const struct ml_child_options *options,
                   ml_child_done_fn *done, void *user, struct ml_child **childp,
                   struct ml_fault *fault)
{
    struct ml_child *child;
    struct pipes p;
    pid_t pid;
    int code;

    if (!options->argv || !options->argv[0])
        return ml_fail(fault, ML_EINVAL, "a child process needs a program");
    code = open_pipes(&p, fault);
    if (code != ML_OK)
        return code;
    code = spawn(&p, options, &pid);
    if (code != 0) {
        close_pipes(&p);
        return ml_fail(fault, ML_EIO, "%.100s cannot be started: %s", options->argv[0],
                       strerror(code));
    }
    child = adopt(loop, pid, &p, options);
    close_pipes(&p);
    child->done = done;
    child->user = user;
    if (childp)
        *childp = child;
    return ML_OK;
}

int ml_child_pid(const struct ml_child *child)
{
    return child->pid;
}

void ml_child_kill(struct ml_child *child, int signal_number)
{
    if (child->pid > 0)
        kill(-child->pid, signal_number);
}

void ml_child_free(struct ml_child *child)
{
    if (!child)
        return;
    ml_child_kill(child, SIGKILL);
    while (child->pid > 0 && waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free_child(child);
}
