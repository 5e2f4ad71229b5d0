#include "core/net/loop_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ev.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_wait.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

/* Exported by libsofia-sip-ua; its header (su_port.h) is not installed. */
su_duration_t su_timer_next_expires(su_timer_queue_t const *timers, su_time_t now);

struct ml_sofia {
    struct ev_loop *ev;
    su_root_t *root;
    ev_io io;
    ev_timer timer;
    bool due;        /* its descriptor is readable, or a timer of its is over */
    int64_t zero_at; /* when a timer was last due within this millisecond */
};

/* The root is stepped at the end of the turn. */
static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    ((struct ml_sofia *)io->data)->due = true;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    ((struct ml_sofia *)timer->data)->due = true;
}

/* The descriptor that the next open will get. */
static int next_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd;
}

static bool is_epoll(int fd)
{
    struct epoll_event event;

    return fd >= 0 && epoll_wait(fd, &event, 1, 0) >= 0;
}

/* What sofia would print on stderr, in pieces of lines: ours to judge, so for whoever debugs. */
static __attribute__((format(printf, 2, 0))) void log_piece(void *stream, char const *format,
                                                            va_list arguments)
{
    static char line[512];
    static size_t n;
    int added = vsnprintf(line + n, sizeof line - n, format, arguments);

    (void)stream;
    if (added > 0)
        n += (size_t)added < sizeof line - n ? (size_t)added : sizeof line - n - 1;
    if (n == 0 || (line[n - 1] != '\n' && n < sizeof line - 1))
        return;
    while (n > 0 && line[n - 1] == '\n')
        line[--n] = '\0';
    if (n > 0)
        ml_log(ML_LOG_DEBUG, NULL, "sofia-sip: %s", line);
    n = 0;
}

static int start_library(void)
{
    static bool started;

    if (!started && su_init() != 0)
        return -1;
    su_log_redirect(NULL, log_piece, NULL);
    started = true;
    return 0;
}

/* sofia has no getter for the descriptor it waits on, but it opens that one first. */
static su_root_t *make_root(int *fdp)
{
    su_root_t *root;
    int fd;

    if (start_library() != 0)
        return NULL;
    fd = next_descriptor();
    root = su_root_create(NULL);
    if (!root || !is_epoll(fd)) {
        ml_log(ML_LOG_ERROR, NULL, "sofia-sip does not wait on an epoll descriptor");
        if (root)
            su_root_destroy(root);
        return NULL;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    su_root_threading(root, 0);
    *fdp = fd;
    return root;
}

struct ml_sofia *ml_sofia_new(struct ev_loop *ev)
{
    struct ml_sofia *sofia;
    int fd;
    su_root_t *root = make_root(&fd);

    if (!root)
        return NULL;
    sofia = ml_alloc(sizeof *sofia);
    sofia->ev = ev;
    sofia->root = root;
    ev_io_init(&sofia->io, on_readable, fd, EV_READ);
    ev_timer_init(&sofia->timer, on_timer, 0., 0.);
    sofia->io.data = sofia->timer.data = sofia;
    sofia->due = true;
    ev_io_start(ev, &sofia->io);
    return sofia;
}

void ml_sofia_free(struct ml_sofia *sofia)
{
    if (!sofia)
        return;
    ev_io_stop(sofia->ev, &sofia->io);
    ev_timer_stop(sofia->ev, &sofia->timer);
    su_root_destroy(sofia->root);
    ml_free(sofia);
}

void *ml_sofia_root(struct ml_sofia *sofia)
{
    return sofia->root;
}

/* One step a turn. What a step answers tells only that a timer is due within this millisecond, and
 * to go on for that would spin; what is left to read wakes the next turn at once. */
void ml_sofia_step(struct ml_sofia *sofia)
{
    if (!sofia->due)
        return;
    sofia->due = false;
    su_root_step(sofia->root, 0);
}

/* Sofia's milliseconds are cut off: 0 may be a part of one. It is tried at once, and when that did
 * not bring the timer to fire, waiting 1 ms beats spinning (for ever, when time is virtual). */
static double wait_seconds(struct ml_sofia *sofia, su_duration_t ms)
{
    int64_t now = ml_clock_us();
    bool tried = sofia->zero_at == now;

    if (ms > 0)
        return (double)ms / 1e3 - 1e-6;
    sofia->zero_at = now;
    return ml_clock_is_virtual() && !tried ? -1e-6 : 1e-3;
}

void ml_sofia_arm(struct ml_sofia *sofia)
{
    su_timer_queue_t *timers = su_task_timers(su_root_task(sofia->root));
    su_duration_t next = SU_DURATION_MAX;

    ev_timer_stop(sofia->ev, &sofia->timer);
    if (*timers) /* the queue is made by the first timer */
        next = su_timer_next_expires(timers, su_now());
    if (next == SU_DURATION_MAX)
        return;
    ev_now_update(sofia->ev);
    ev_timer_set(&sofia->timer, wait_seconds(sofia, next), 0.);
    ev_timer_start(sofia->ev, &sofia->timer);
}
