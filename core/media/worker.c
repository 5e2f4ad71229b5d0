#include "core/media/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/media/fork_priv.h"
#include "core/media/media_priv.h"
#include "core/media/mixer_priv.h"
#include "core/media/recorder_priv.h"

enum {
    BATCH = 64,
    IDLE_MS = 3600000,
    LAZY_MS = 10 /* half a packet: what is not heard before waits so long for company */
};

/* ---- ticks ---- */

int64_t ml_worker_grid(const struct ml_worker *worker)
{
    return (worker->now + ML_TICK_US - 1) / ML_TICK_US * ML_TICK_US;
}

static void rearm(struct ml_worker *worker)
{
    int64_t wait;

    if (worker->threaded)
        return;
    if (worker->next == INT64_MAX) {
        ml_timer_stop(worker->timer);
        return;
    }
    wait = worker->next - ml_clock_us();
    ml_timer_set(worker->timer, wait > 0 ? (wait + 999) / 1000 : 0);
}

void ml_worker_tick(struct ml_worker *worker, struct ml_ticker *ticker, int64_t due)
{
    if (!ticker->link.next)
        ml_list_append(&worker->tickers, &ticker->link);
    ticker->due = due;
    if (due < worker->next)
        worker->next = due;
}

void ml_worker_untick(struct ml_ticker *ticker)
{
    ml_list_remove(&ticker->link);
    ticker->due = 0;
}

static void run_ticks(struct ml_worker *worker)
{
    if (worker->now < worker->next)
        return;
    worker->next = INT64_MAX;
    ML_LIST_EACH(&worker->tickers, link)
    {
        struct ml_ticker *ticker = ML_CONTAINER(link, struct ml_ticker, link);

        if (ticker->due <= worker->now)
            ticker->fn(ticker, worker, worker->now);
        if (ticker->due == 0)
            ml_list_remove(link);
        else if (ticker->due < worker->next)
            worker->next = ticker->due;
    }
}

void ml_worker_busy(struct ml_worker *worker)
{
    if (worker->house.due == 0)
        ml_worker_tick(worker, &worker->house, worker->now + ML_HOUSE_US);
}

static void tell_lost(struct ml_worker *worker, struct ml_stream *stream)
{
    int timeout = worker->media->rtp_timeout_ms;

    if (timeout == 0 || stream->lost_told || !ml_stream_is_due(stream) ||
        worker->now - stream->heard_us < timeout * INT64_C(1000))
        return;
    stream->lost_told = true;
    ml_media_note(worker->media, ml_note_new(ML_NOTE_LOST, stream));
}

/* Once a second: reports, and who fell silent. In virtual time nobody falls silent, and the round
 * ends when no packets pass: hours of a quiet call are one step. */
static void run_house(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now)
{
    bool virtual = ml_clock_is_virtual(), wanted = !virtual;

    ML_LIST_EACH(&worker->streams, link)
    {
        struct ml_stream *stream = ML_CONTAINER(link, struct ml_stream, link);

        wanted = wanted || stream->stirred;
        stream->stirred = false;
        if (!virtual)
            tell_lost(worker, stream);
        if (now >= stream->report_us) {
            ml_stream_send_report(worker, stream);
            stream->report_us = now + ML_RTCP_US;
        }
    }
    ticker->due = wanted && !ml_list_empty(&worker->streams) ? now + ML_HOUSE_US : 0;
}

/* ---- messages ---- */

enum { NAMED = 4 }; /* fields of a message that name a thing */

static int count_things(const struct ml_message *message)
{
    return NAMED + (message->party ? message->party->count : 0);
}

/* What a message is about, thing by thing: known by its owner. Some may be NULL. */
static ml_owner *thing(const struct ml_message *message, int i)
{
    switch (i) {
    case 0:
        return message->stream ? &message->stream->owner : NULL;
    case 1:
        return message->other ? &message->other->owner : NULL;
    case 2:
        return message->recorder ? &message->recorder->owner : NULL;
    case 3:
        return message->mixer ? &message->mixer->owner : NULL;
    default:
        return message->party->mover[i - NAMED].owner;
    }
}

static bool is_mine(const struct ml_worker *worker, const struct ml_message *message)
{
    if (message->kind == ML_MESSAGE_ATTACH || message->kind == ML_MESSAGE_ENTER)
        return true;
    for (int i = 0; i < count_things(message); i++) {
        bool begins = message->kind == ML_MESSAGE_RECORD && i == 2; /* has no owner yet */
        ml_owner *owner = thing(message, i);

        if (owner && !begins && atomic_load(owner) != worker)
            return false;
    }
    return true;
}

static bool names(const struct ml_message *message, const ml_owner *wanted)
{
    for (int i = 0; i < count_things(message); i++)
        if (thing(message, i) == wanted)
            return true;
    return false;
}

static bool share(const struct ml_message *a, const struct ml_message *b)
{
    for (int i = 0; i < count_things(b); i++) {
        ml_owner *owner = thing(b, i);

        if (owner && names(a, owner))
            return true;
    }
    return false;
}

static void free_message(struct ml_message *message)
{
    ml_player_free(message->player);
    ml_inband_free(message->inband);
    ml_free(message->chair);
    if (message->party)
        ml_free(message->party->mover);
    ml_free(message->party);
    ml_free(message);
}

static void handle(struct ml_worker *worker, struct ml_message *message)
{
    struct ml_stream *stream = message->stream;

    switch (message->kind) {
    case ML_MESSAGE_ATTACH:
        ml_stream_attach(worker, stream);
        break;
    case ML_MESSAGE_DETACH:
        ml_stream_detach(worker, stream);
        break;
    case ML_MESSAGE_TARGET:
        ml_stream_retarget(worker, stream, message);
        break;
    case ML_MESSAGE_PLAY:
        ml_stream_play_now(worker, stream, message->player);
        message->player = NULL;
        break;
    case ML_MESSAGE_STOP:
        ml_stream_stop_now(stream);
        break;
    case ML_MESSAGE_PRESS:
        ml_stream_press_now(worker, stream, message->key, message->ms);
        break;
    case ML_MESSAGE_BRIDGE:
        ml_bridge_now(stream, message->other);
        break;
    case ML_MESSAGE_UNBRIDGE:
        ml_unbridge_now(stream);
        break;
    case ML_MESSAGE_RECORD:
    case ML_MESSAGE_JOIN:
    case ML_MESSAGE_PAUSE:
    case ML_MESSAGE_FINISH:
    case ML_MESSAGE_RELEASE:
        ml_recorder_message(worker, message);
        break;
    case ML_MESSAGE_SIT:
    case ML_MESSAGE_STAND:
    case ML_MESSAGE_MIX:
    case ML_MESSAGE_EMPTY:
        ml_mixer_message(worker, message);
        break;
    case ML_MESSAGE_FORK:
    case ML_MESSAGE_UNFORK:
    case ML_MESSAGE_FORK_SAYS:
        ml_fork_message(worker, message);
        break;
    case ML_MESSAGE_LEAVE:
        ml_party_leave(message);
        break;
    case ML_MESSAGE_ENTER:
        ml_party_enter(worker, message);
        break;
    case ML_MESSAGE_QUIT:
        worker->quit = true;
        break;
    }
    free_message(message);
}

static bool must_wait(const struct ml_worker *worker, const struct ml_message *message)
{
    if (message->kind == ML_MESSAGE_ENTER || message->kind == ML_MESSAGE_QUIT)
        return false;
    if (!is_mine(worker, message))
        return true;
    ML_LIST_EACH(&worker->deferred, link)
    {
        if (share(ML_CONTAINER(link, struct ml_message, link), message))
            return true;
    }
    return false;
}

/* After something moved in: what waited for it, in order. */
static void retry_deferred(struct ml_worker *worker)
{
    struct ml_list waiting;
    struct ml_link *link;

    ml_list_init(&waiting);
    while ((link = ml_list_first(&worker->deferred)) != NULL) {
        ml_list_remove(link);
        ml_list_append(&waiting, link);
    }
    while ((link = ml_list_first(&waiting)) != NULL) {
        struct ml_message *message = ML_CONTAINER(link, struct ml_message, link);

        ml_list_remove(link);
        if (must_wait(worker, message))
            ml_list_append(&worker->deferred, link);
        else
            handle(worker, message);
    }
}

static void take(struct ml_worker *worker, struct ml_message *message)
{
    bool moved_in = message->kind == ML_MESSAGE_ENTER;

    if (must_wait(worker, message)) {
        ml_list_append(&worker->deferred, &message->link);
        return;
    }
    handle(worker, message);
    if (moved_in)
        retry_deferred(worker);
}

static void read_inbox(struct ml_worker *worker)
{
    struct ml_node *node;
    uint64_t count;

    if (read(worker->wake, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    while ((node = ml_queue_pop(&worker->inbox)) != NULL)
        take(worker, ML_CONTAINER(node, struct ml_message, node));
}

struct ml_message *ml_message_new(enum ml_message_kind kind, struct ml_stream *stream)
{
    struct ml_message *message = ml_alloc(sizeof *message);

    message->kind = kind;
    message->stream = stream;
    return message;
}

static void wake_up(void *user)
{
    struct ml_worker *worker = user;
    static const uint64_t one = 1;
    ssize_t done;

    if (worker->lazy_set)
        ml_timer_stop(worker->lazy);
    worker->lazy_set = false;
    do
        done = write(worker->wake, &one, sizeof one);
    while (done < 0 && errno == EINTR);
}

/* Streams come, go and are connected some time before or after anybody speaks. Waking the thread
 * for each of it costs more than the work itself. */
static bool is_lazy(enum ml_message_kind kind)
{
    return kind == ML_MESSAGE_ATTACH || kind == ML_MESSAGE_DETACH || kind == ML_MESSAGE_TARGET ||
           kind == ML_MESSAGE_BRIDGE || kind == ML_MESSAGE_UNBRIDGE || kind == ML_MESSAGE_SIT ||
           kind == ML_MESSAGE_STAND;
}

void ml_worker_send(struct ml_worker *worker, struct ml_message *message)
{
    bool lazy = is_lazy(message->kind);

    if (!worker->threaded) {
        worker->now = ml_clock_us();
        take(worker, message);
        rearm(worker);
        return;
    }
    ml_queue_push(&worker->inbox, &message->node);
    if (!lazy)
        ml_loop_flush(worker->media->loop, &worker->flush);
    else if (!worker->lazy_set)
        ml_timer_set(worker->lazy, LAZY_MS);
    worker->lazy_set = worker->lazy_set || lazy;
}

/* ---- the round ---- */

static void one_round(struct ml_worker *worker, int timeout_ms)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(worker->epoll, events, BATCH, timeout_ms);
    bool woken = false;

    worker->now = ml_clock_us();
    for (int i = 0; i < n; i++) {
        uintptr_t tagged = (uintptr_t)events[i].data.ptr;
        struct ml_stream *stream = (struct ml_stream *)(tagged & ~(uintptr_t)1);

        if (!stream)
            woken = true;
        else if (tagged & 1)
            ml_stream_receive_report(worker, stream);
        else
            ml_stream_receive(worker, stream);
    }
    run_ticks(worker);
    if (woken) /* last: a message may end a stream that stands in events */
        read_inbox(worker);
}

static int wait_ms(const struct ml_worker *worker)
{
    int64_t wait;

    if (worker->next == INT64_MAX)
        return IDLE_MS;
    wait = worker->next - ml_clock_us();
    return wait <= 0 ? 0 : wait / 1000 >= IDLE_MS ? IDLE_MS : (int)((wait + 999) / 1000);
}

/* Audio goes before all that can wait, where the system lets us: a nice value, for root or within
 * RLIMIT_NICE. But no packet interrupts who runs: what came meanwhile is done in one round. */
enum { NICE = -11 };

static void *run(void *user)
{
    struct ml_worker *worker = user;

    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    while (!worker->quit)
        one_round(worker, wait_ms(worker));
    return NULL;
}

static void on_ready(int fd, int events, void *user)
{
    (void)fd;
    (void)events;
    one_round(user, 0);
    rearm(user);
}

static void on_timer(void *user)
{
    struct ml_worker *worker = user;

    worker->now = ml_clock_us();
    run_ticks(worker);
    rearm(worker);
}

static int start_thread(struct ml_worker *worker)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return ML_EIO;
    pthread_setname_np(worker->thread, "ml-media");
    return ML_OK;
}

static int start(struct ml_worker *worker)
{
    struct epoll_event event = {.events = EPOLLIN};

    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->epoll < 0 || worker->wake < 0 ||
        epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) != 0)
        return ML_EIO;
    if (worker->threaded) {
        worker->lazy = ml_timer_new(worker->media->loop, wake_up, worker);
        return start_thread(worker);
    }
    worker->timer = ml_timer_new(worker->media->loop, on_timer, worker);
    worker->io = ml_io_new(worker->media->loop, worker->epoll, ML_READ, on_ready, worker);
    return ML_OK;
}

int ml_worker_new(struct ml_media *media, bool threaded, struct ml_worker **workerp)
{
    struct ml_worker *worker = ml_alloc(sizeof *worker);

    worker->media = media;
    worker->threaded = threaded;
    worker->next = INT64_MAX;
    worker->now = ml_clock_us();
    worker->house.fn = run_house;
    worker->epoll = worker->wake = -1;
    worker->flush.fn = wake_up;
    worker->flush.user = worker;
    ml_queue_init(&worker->inbox);
    ml_list_init(&worker->deferred);
    ml_list_init(&worker->streams);
    ml_list_init(&worker->tickers);
    if (start(worker) != 0) {
        ml_worker_free(worker);
        return ML_EIO;
    }
    *workerp = worker;
    return ML_OK;
}

void ml_worker_end(struct ml_worker *worker)
{
    if (!worker->threaded)
        return;
    ml_worker_send(worker, ml_message_new(ML_MESSAGE_QUIT, NULL));
    wake_up(worker);
    pthread_join(worker->thread, NULL);
}

void ml_worker_free(struct ml_worker *worker)
{
    struct ml_node *node;

    if (!worker)
        return;
    while ((node = ml_queue_pop(&worker->inbox)) != NULL)
        free_message(ML_CONTAINER(node, struct ml_message, node));
    ML_LIST_EACH(&worker->deferred, link)
    {
        free_message(ML_CONTAINER(link, struct ml_message, link));
    }
    ml_list_remove(&worker->flush.link);
    ml_io_free(worker->io);
    ml_timer_free(worker->timer);
    ml_timer_free(worker->lazy);
    if (worker->epoll >= 0)
        close(worker->epoll);
    if (worker->wake >= 0)
        close(worker->wake);
    ml_free(worker);
}
