#include "core/net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ev.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/net/loop_priv.h"

struct posted {
    struct ml_link link;
    ml_loop_fn *fn;
    void *user;
};

enum {
    ROUNDS = 4,     /* in the end of a turn */
    LAG_US = 500000 /* what is remembered of the lag, about */
};

struct ml_loop {
    struct ev_loop *ev;
    ev_check begin; /* before the callbacks of a turn */
    ev_prepare end; /* after them, before the next wait */
    ev_idle again;  /* active: the next wait does not block */
    ev_io wake;
    pthread_mutex_t lock;
    struct ml_list posted; /* under lock, as is woken */
    struct ml_list flushes;
    bool woken;
    pthread_t thread;  /* that runs it */
    int64_t turn_us;   /* when it began */
    int64_t passed_us; /* when it, or the wait after it, began */
    double lag_us;     /* at that time */
    bool waiting;
    ml_loop_turn_fn *turn;
    void *turn_user;
    struct ml_sofia *sofia;
    long watchers;
};

struct ml_timer {
    struct ml_loop *loop;
    ev_timer ev;
    ml_loop_fn *fn;
    void *user;
};

struct ml_io {
    struct ml_loop *loop;
    ev_io ev;
    ml_io_fn *fn;
    void *user;
};

struct ml_signal {
    struct ml_loop *loop;
    ev_signal ev;
    ml_loop_fn *fn;
    void *user;
};

/* Moves the lag to what it is after so long a time in which things waited that long. */
static double lag_after(double lag, double us, double waited)
{
    return lag + (waited - lag) * us / (us + LAG_US);
}

static double lag_at(const struct ml_loop *loop, int64_t now)
{
    double us = (double)(now - loop->passed_us);

    return lag_after(loop->lag_us, us, loop->waiting ? 0 : us);
}

/* A turn begins, or the wait after it. */
static void pass(struct ml_loop *loop, bool waiting)
{
    int64_t now = ml_clock_us();

    loop->lag_us = lag_at(loop, now);
    loop->waiting = waiting;
    if (!waiting)
        loop->turn_us = now;
    loop->passed_us = now;
}

int64_t ml_loop_lag_us(const struct ml_loop *loop)
{
    return (int64_t)lag_at(loop, ml_clock_us());
}

static void run_posted(struct ml_loop *loop)
{
    struct ml_list due;
    struct ml_link *link;

    ml_list_init(&due);
    pthread_mutex_lock(&loop->lock);
    loop->woken = false;
    while ((link = ml_list_first(&loop->posted)) != NULL) {
        ml_list_remove(link);
        ml_list_append(&due, link);
    }
    pthread_mutex_unlock(&loop->lock);
    while ((link = ml_list_first(&due)) != NULL) {
        struct posted p = *ML_CONTAINER(link, struct posted, link);

        ml_list_remove(link);
        ml_free(ML_CONTAINER(link, struct posted, link));
        p.fn(p.user);
    }
}

/* Those that are asked for by now. False: there were none. */
static bool run_flushes(struct ml_loop *loop)
{
    struct ml_list due;
    struct ml_link *link;

    ml_list_init(&due);
    while ((link = ml_list_first(&loop->flushes)) != NULL) {
        ml_list_remove(link);
        ml_list_append(&due, link);
    }
    if (ml_list_empty(&due))
        return false;
    while ((link = ml_list_first(&due)) != NULL) {
        struct ml_flush *flush = ML_CONTAINER(link, struct ml_flush, link);

        ml_list_remove(link);
        flush->fn(flush->user);
    }
    return true;
}

void ml_loop_flush(struct ml_loop *loop, struct ml_flush *flush)
{
    if (!flush->link.next)
        ml_list_append(&loop->flushes, &flush->link);
}

static bool has_posted(struct ml_loop *loop)
{
    bool has;

    pthread_mutex_lock(&loop->lock);
    has = !ml_list_empty(&loop->posted);
    pthread_mutex_unlock(&loop->lock);
    return has;
}

static void on_begin(struct ev_loop *ev, ev_check *check, int events)
{
    struct ml_loop *loop = check->data;

    (void)ev;
    (void)events;
    pass(loop, false);
    run_posted(loop);
}

static void on_end(struct ev_loop *ev, ev_prepare *prepare, int events)
{
    struct ml_loop *loop = prepare->data;
    bool again;
    int round = 0;

    (void)events;
    if (loop->sofia)
        ml_sofia_step(loop->sofia);
    do { /* what one of them leaves behind is done in this turn, too, but not without end */
        run_posted(loop);
        again = loop->turn && loop->turn(loop->turn_user);
    } while (run_flushes(loop) && ++round < ROUNDS);
    if (loop->sofia)
        ml_sofia_arm(loop->sofia);
    if (again || has_posted(loop) || !ml_list_empty(&loop->flushes))
        ev_idle_start(ev, &loop->again);
    else
        ev_idle_stop(ev, &loop->again);
    pass(loop, true);
}

static void on_again(struct ev_loop *ev, ev_idle *idle, int events)
{
    (void)ev;
    (void)idle;
    (void)events;
}

/* What was posted is run as this turn begins: the wake-up has only to end the wait. */
static void on_wake(struct ev_loop *ev, ev_io *io, int events)
{
    uint64_t count;

    (void)ev;
    (void)events;
    while (read(io->fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

static void start_watchers(struct ml_loop *loop, int fd)
{
    ev_check_init(&loop->begin, on_begin);
    ev_set_priority(&loop->begin, EV_MAXPRI);
    ev_prepare_init(&loop->end, on_end);
    ev_idle_init(&loop->again, on_again);
    ev_io_init(&loop->wake, on_wake, fd, EV_READ);
    loop->begin.data = loop->end.data = loop->again.data = loop->wake.data = loop;
    ev_check_start(loop->ev, &loop->begin);
    ev_prepare_start(loop->ev, &loop->end);
    ev_io_start(loop->ev, &loop->wake);
}

int ml_loop_new(struct ml_loop **loopp)
{
    struct ev_loop *ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    struct ml_loop *loop;
    int fd;

    if (!ev)
        return ML_EIO;
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        ev_loop_destroy(ev);
        return ML_EIO;
    }
    signal(SIGPIPE, SIG_IGN); /* libraries write to sockets that peers have closed */
    loop = ml_alloc(sizeof *loop);
    loop->ev = ev;
    loop->turn_us = loop->passed_us = ml_clock_us();
    ml_list_init(&loop->posted);
    ml_list_init(&loop->flushes);
    pthread_mutex_init(&loop->lock, NULL);
    loop->thread = pthread_self();
    start_watchers(loop, fd);
    *loopp = loop;
    return ML_OK;
}

void ml_loop_free(struct ml_loop *loop)
{
    if (!loop)
        return;
    ml_sofia_free(loop->sofia);
    ML_LIST_EACH(&loop->posted, link)
    {
        ml_free(ML_CONTAINER(link, struct posted, link));
    }
    ev_check_stop(loop->ev, &loop->begin);
    ev_prepare_stop(loop->ev, &loop->end);
    ev_idle_stop(loop->ev, &loop->again);
    ev_io_stop(loop->ev, &loop->wake);
    close(loop->wake.fd);
    ev_loop_destroy(loop->ev);
    pthread_mutex_destroy(&loop->lock);
    ml_free(loop);
}

void ml_loop_run(struct ml_loop *loop)
{
    ev_now_update(loop->ev);
    loop->turn_us = loop->passed_us = ml_clock_us();
    loop->thread = pthread_self();
    ev_run(loop->ev, 0);
}

void ml_loop_stop(struct ml_loop *loop)
{
    ev_break(loop->ev, EVBREAK_ONE);
}

int64_t ml_loop_now(const struct ml_loop *loop)
{
    return loop->turn_us / 1000;
}

void ml_loop_post(struct ml_loop *loop, ml_loop_fn *fn, void *user)
{
    struct posted *p = ml_alloc(sizeof *p);
    uint64_t one = 1;

    p->fn = fn;
    p->user = user;
    pthread_mutex_lock(&loop->lock);
    ml_list_append(&loop->posted, &p->link);
    if (!loop->woken && !pthread_equal(loop->thread, pthread_self()))
        loop->woken = write(loop->wake.fd, &one, sizeof one) == (ssize_t)sizeof one;
    pthread_mutex_unlock(&loop->lock);
}

bool ml_loop_unpost(struct ml_loop *loop, ml_loop_fn *fn, const void *user)
{
    struct posted *found = NULL;

    pthread_mutex_lock(&loop->lock);
    ML_LIST_EACH(&loop->posted, link)
    {
        struct posted *p = ML_CONTAINER(link, struct posted, link);

        if (!found && p->fn == fn && p->user == user)
            found = p;
    }
    if (found)
        ml_list_remove(&found->link);
    pthread_mutex_unlock(&loop->lock);
    ml_free(found);
    return found != NULL;
}

void ml_loop_on_turn(struct ml_loop *loop, ml_loop_turn_fn *fn, void *user)
{
    loop->turn = fn;
    loop->turn_user = user;
}

long ml_loop_watchers(const struct ml_loop *loop)
{
    return loop->watchers;
}

void *ml_loop_sofia(struct ml_loop *loop)
{
    if (!loop->sofia)
        loop->sofia = ml_sofia_new(loop->ev);
    return loop->sofia ? ml_sofia_root(loop->sofia) : NULL;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct ml_timer *t = timer->data;

    (void)ev;
    (void)events;
    t->fn(t->user);
}

struct ml_timer *ml_timer_new(struct ml_loop *loop, ml_loop_fn *fn, void *user)
{
    struct ml_timer *timer = ml_alloc(sizeof *timer);

    timer->loop = loop;
    timer->fn = fn;
    timer->user = user;
    ev_timer_init(&timer->ev, on_timer, 0., 0.);
    timer->ev.data = timer;
    loop->watchers++;
    return timer;
}

/* libev counts from the beginning of the turn and fires when the time is past, not reached. Virtual
 * time jumps from millisecond to millisecond: there a microsecond less lets a timer fire in the
 * very one that it jumps to. */
void ml_timer_set(struct ml_timer *timer, int64_t ms)
{
    struct ml_loop *loop = timer->loop;
    double after = ml_clock_is_virtual() ? -1e-6 : 0.;

    if (ms > 0)
        after += (double)ms / 1e3 + (double)(ml_clock_us() - loop->turn_us) / 1e6;
    ev_timer_stop(loop->ev, &timer->ev);
    ev_timer_set(&timer->ev, after, 0.);
    ev_timer_start(loop->ev, &timer->ev);
}

void ml_timer_stop(struct ml_timer *timer)
{
    ev_timer_stop(timer->loop->ev, &timer->ev);
}

void ml_timer_free(struct ml_timer *timer)
{
    if (!timer)
        return;
    ev_timer_stop(timer->loop->ev, &timer->ev);
    timer->loop->watchers--;
    ml_free(timer);
}

static int to_ev(int events)
{
    return (events & ML_READ ? EV_READ : 0) | (events & ML_WRITE ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
    struct ml_io *i = io->data;

    (void)ev;
    i->fn(io->fd, (events & EV_READ ? ML_READ : 0) | (events & EV_WRITE ? ML_WRITE : 0), i->user);
}

struct ml_io *ml_io_new(struct ml_loop *loop, int fd, int events, ml_io_fn *fn, void *user)
{
    struct ml_io *io = ml_alloc(sizeof *io);

    io->loop = loop;
    io->fn = fn;
    io->user = user;
    ev_io_init(&io->ev, on_io, fd, to_ev(events));
    io->ev.data = io;
    if (events)
        ev_io_start(loop->ev, &io->ev);
    loop->watchers++;
    return io;
}

void ml_io_set(struct ml_io *io, int events)
{
    if (ev_is_active(&io->ev) && (io->ev.events & (EV_READ | EV_WRITE)) == to_ev(events))
        return;
    ev_io_stop(io->loop->ev, &io->ev);
    ev_io_set(&io->ev, io->ev.fd, to_ev(events));
    if (events)
        ev_io_start(io->loop->ev, &io->ev);
}

void ml_io_free(struct ml_io *io)
{
    if (!io)
        return;
    ev_io_stop(io->loop->ev, &io->ev);
    io->loop->watchers--;
    ml_free(io);
}

static void on_signal(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct ml_signal *s = watcher->data;

    (void)ev;
    (void)events;
    s->fn(s->user);
}

struct ml_signal *ml_signal_new(struct ml_loop *loop, int number, ml_loop_fn *fn, void *user)
{
    struct ml_signal *handle = ml_alloc(sizeof *handle);

    handle->loop = loop;
    handle->fn = fn;
    handle->user = user;
    ev_signal_init(&handle->ev, on_signal, number);
    handle->ev.data = handle;
    ev_signal_start(loop->ev, &handle->ev);
    loop->watchers++;
    return handle;
}

void ml_signal_free(struct ml_signal *handle)
{
    if (!handle)
        return;
    ev_signal_stop(handle->loop->ev, &handle->ev);
    handle->loop->watchers--;
    ml_free(handle);
}
