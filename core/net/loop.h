/* The control loop: libev outside, sofia's su_root as one of its watchers, one thread.
 * Owner: the program. Every function except ml_loop_post belongs to the loop's thread; callbacks
 * run there. Nothing but the loop waits. */
#ifndef ML_NET_LOOP_H
#define ML_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

struct ml_loop;
struct ml_timer;
struct ml_io;
struct ml_signal;

typedef void ml_loop_fn(void *user);
typedef void ml_io_fn(int fd, int events, void *user);

enum { ML_READ = 1, ML_WRITE = 2 };

/* Also makes the process ignore SIGPIPE. */
int ml_loop_new(struct ml_loop **loopp);
void ml_loop_free(struct ml_loop *loop);
/* Runs until ml_loop_stop. */
void ml_loop_run(struct ml_loop *loop);
void ml_loop_stop(struct ml_loop *loop);
/* Milliseconds, monotonic, read at the beginning of the current turn. */
int64_t ml_loop_now(const struct ml_loop *loop);

/* How long what comes in waits until its turn, about, in microseconds: the length of turns,
 * weighted by how much of the last half second they took. One long turn hardly counts, a loop that
 * is always busy does. */
int64_t ml_loop_lag_us(const struct ml_loop *loop);

/* Calls fn in the loop's thread, in order. Any thread. What is not run before ml_loop_free is
 * dropped. */
void ml_loop_post(struct ml_loop *loop, ml_loop_fn *fn, void *user);
/* Takes back what was posted and has not run. False: there is none. */
bool ml_loop_unpost(struct ml_loop *loop, ml_loop_fn *fn, const void *user);
/* fn is called at the end of each turn, after all callbacks of libev, sofia and curl: the place
 * where Lua tasks are resumed. It returns true to be called again without waiting. One function. */
typedef bool ml_loop_turn_fn(void *user);
void ml_loop_on_turn(struct ml_loop *loop, ml_loop_turn_fn *fn, void *user);

/* Something to do once before the loop waits again, however often it is asked for: wake another
 * thread, write what was gathered, begin what must not begin within a callback. Lies in what it
 * belongs to, which takes its link out before it is freed. */
struct ml_flush {
    struct ml_link link;
    ml_loop_fn *fn;
    void *user;
};
void ml_loop_flush(struct ml_loop *loop, struct ml_flush *flush);

/* A timer fires once per ml_timer_set. ms <= 0: in the next turn. Setting again moves it. */
struct ml_timer *ml_timer_new(struct ml_loop *loop, ml_loop_fn *fn, void *user);
void ml_timer_set(struct ml_timer *timer, int64_t ms);
void ml_timer_stop(struct ml_timer *timer);
/* Stops first. NULL is allowed. Allowed inside its own callback. */
void ml_timer_free(struct ml_timer *timer);

/* Watches a descriptor that the caller owns and keeps open until ml_io_free. */
struct ml_io *ml_io_new(struct ml_loop *loop, int fd, int events, ml_io_fn *fn, void *user);
void ml_io_set(struct ml_io *io, int events);
void ml_io_free(struct ml_io *io);

struct ml_signal *ml_signal_new(struct ml_loop *loop, int number, ml_loop_fn *fn, void *user);
void ml_signal_free(struct ml_signal *handle);

/* Timers, descriptors and signals that live now (leak checks). */
long ml_loop_watchers(const struct ml_loop *loop);

/* sofia's root, a su_root_t *, made at the first call. For core/sip only. */
void *ml_loop_sofia(struct ml_loop *loop);

#endif
