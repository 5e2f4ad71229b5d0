#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/su_wait.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/net/loop.h"

static struct ml_loop *loop;
static long blocks;
static char trace[64];

static int setup(void **state)
{
    (void)state;
    blocks = ml_mem_blocks();
    trace[0] = '\0';
    return ml_loop_new(&loop);
}

static int teardown(void **state)
{
    long watchers = ml_loop_watchers(loop);

    (void)state;
    ml_loop_free(loop);
    return watchers != 0 || ml_mem_blocks() != blocks;
}

static void note(const char *letter)
{
    strncat(trace, letter, sizeof trace - strlen(trace) - 1);
}

static void stop(void *user)
{
    (void)user;
    ml_loop_stop(loop);
}

static void on_a(void *user)
{
    (void)user;
    note("a");
}

static void on_b(void *user)
{
    (void)user;
    note("b");
}

static void test_timers_fire_in_order(void **state)
{
    struct ml_timer *a = ml_timer_new(loop, on_a, NULL), *b = ml_timer_new(loop, on_b, NULL);
    struct ml_timer *end = ml_timer_new(loop, stop, NULL);
    int64_t begun = ml_clock_ms();

    (void)state;
    ml_timer_set(a, 10);
    ml_timer_set(b, 5);
    ml_timer_set(end, 30);
    ml_timer_set(a, 20); /* moved */
    ml_loop_run(loop);
    assert_string_equal(trace, "ba");
    assert_true(ml_clock_ms() - begun >= 30);
    ml_timer_set(a, 0);
    ml_timer_stop(a);
    ml_timer_set(end, -5);
    ml_loop_run(loop);
    assert_string_equal(trace, "ba");
    ml_timer_free(a);
    ml_timer_free(b);
    ml_timer_free(end);
    ml_timer_free(NULL);
}

static void free_itself(void *user)
{
    struct ml_timer **timer = user;

    ml_timer_free(*timer);
    *timer = NULL;
    ml_loop_stop(loop);
}

static void test_a_timer_may_free_itself(void **state)
{
    static struct ml_timer *timer;

    (void)state;
    timer = ml_timer_new(loop, free_itself, &timer);
    ml_timer_set(timer, 1);
    ml_loop_run(loop);
    assert_null(timer);
}

static void test_a_slow_callback_does_not_shorten_a_timer(void **state)
{
    struct ml_timer *end = ml_timer_new(loop, stop, NULL);
    int64_t begun = ml_clock_ms();

    (void)state;
    while (ml_clock_ms() < begun + 20)
        ;
    begun = ml_clock_ms();
    ml_timer_set(end, 15);
    ml_loop_run(loop);
    assert_true(ml_clock_ms() - begun >= 15);
    ml_timer_free(end);
}

/* Every turn takes 10 ms, again and again. */
static void be_busy(void *user)
{
    int64_t until = ml_clock_us() + 10000;

    while (ml_clock_us() < until)
        ;
    ml_timer_set(*(struct ml_timer **)user, 0);
}

static void run_for(int64_t ms)
{
    struct ml_timer *end = ml_timer_new(loop, stop, NULL);

    ml_timer_set(end, ms);
    ml_loop_run(loop);
    ml_timer_free(end);
}

static void test_a_loop_lags_when_it_is_always_busy(void **state)
{
    static struct ml_timer *work;

    (void)state;
    run_for(50);
    assert_in_range(ml_loop_lag_us(loop), 0, 2000);
    work = ml_timer_new(loop, be_busy, &work);
    ml_timer_set(work, 0);
    run_for(15); /* one long turn hardly counts */
    assert_in_range(ml_loop_lag_us(loop), 0, 3000);
    run_for(900);
    assert_in_range(ml_loop_lag_us(loop), 5000, 200000);
    ml_timer_free(work);
    run_for(1500);
    assert_in_range(ml_loop_lag_us(loop), 0, 4000);
}

static void on_io(int fd, int events, void *user)
{
    char byte;

    (void)user;
    if (events & ML_WRITE)
        note("w");
    if (events & ML_READ) {
        note("r");
        assert_int_equal(read(fd, &byte, 1), 1);
    }
    ml_loop_stop(loop);
}

static void test_descriptors(void **state)
{
    struct ml_io *io;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    io = ml_io_new(loop, ends[0], ML_READ, on_io, NULL);
    assert_int_equal(write(ends[1], "x", 1), 1);
    ml_loop_run(loop);
    ml_io_set(io, ML_WRITE);
    ml_loop_run(loop);
    ml_io_set(io, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    ml_io_set(io, ML_READ | ML_WRITE);
    ml_loop_run(loop);
    assert_string_equal(trace, "rwwr");
    ml_io_free(io);
    close(ends[0]);
    close(ends[1]);
}

enum { POSTS = 20000 };
static int posts_seen;

static void on_post(void *user)
{
    assert_int_equal((int)(intptr_t)user, posts_seen);
    if (++posts_seen == POSTS)
        ml_loop_stop(loop);
}

static void *post_many(void *user)
{
    (void)user;
    for (int i = 0; i < POSTS; i++)
        ml_loop_post(loop, on_post, (void *)(intptr_t)i);
    return NULL;
}

static void test_posts_from_a_thread_come_in_order(void **state)
{
    pthread_t thread;

    (void)state;
    posts_seen = 0;
    pthread_create(&thread, NULL, post_many, NULL);
    ml_loop_run(loop);
    pthread_join(thread, NULL);
    assert_int_equal(posts_seen, POSTS);
    ml_loop_post(loop, on_post, NULL); /* not run: freed with the loop */
}

static int turns;

static bool on_turn(void *user)
{
    struct ml_timer *far = user;

    note("t");
    ml_timer_set(far, 60000);
    if (++turns == 5)
        ml_loop_stop(loop);
    return turns < 5;
}

static void test_turns_come_after_callbacks_and_again_without_waiting(void **state)
{
    struct ml_timer *far = ml_timer_new(loop, stop, NULL);
    int64_t begun = ml_clock_ms();

    (void)state;
    turns = 0;
    ml_loop_post(loop, on_a, NULL);
    ml_loop_on_turn(loop, on_turn, far);
    ml_loop_run(loop);
    assert_string_equal(trace, "attttt");
    assert_true(ml_clock_ms() - begun < 1000);
    ml_timer_free(far);
}

static void on_su_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
    (void)magic;
    (void)timer;
    (void)arg;
    note("s");
}

static su_timer_t *made_in_turn;

static bool make_sofia_timer(void *user)
{
    su_root_t *root = user;

    if (!made_in_turn) {
        made_in_turn = su_timer_create(su_root_task(root), 0);
        su_timer_set_interval(made_in_turn, on_su_timer, NULL, 10);
    } else if (strchr(trace, 's')) {
        ml_loop_stop(loop); /* the turn after the timer's callback */
    }
    return false;
}

static void test_a_sofia_timer_made_in_a_turn_fires_and_is_followed_by_a_turn(void **state)
{
    su_root_t *root = ml_loop_sofia(loop);
    int64_t begun = ml_clock_ms();

    (void)state;
    assert_non_null(root);
    assert_ptr_equal(root, ml_loop_sofia(loop));
    ml_loop_on_turn(loop, make_sofia_timer, root);
    ml_loop_run(loop);
    assert_string_equal(trace, "s");
    assert_true(ml_clock_ms() - begun < 1000);
    su_timer_destroy(made_in_turn);
}

static int on_su_socket(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
    char byte;

    (void)magic;
    note("s");
    assert_int_equal(recv(su_wait_socket(wait), &byte, 1, 0), 1);
    (void)arg;
    ml_loop_stop(loop);
    return 0;
}

static void test_sofia_sees_its_sockets(void **state)
{
    su_root_t *root = ml_loop_sofia(loop);
    su_wait_t wait;
    int ends[2], index;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(su_wait_create(&wait, ends[0], SU_WAIT_IN), 0);
    index = su_root_register(root, &wait, on_su_socket, NULL, 0);
    assert_true(index > 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    ml_loop_run(loop);
    assert_string_equal(trace, "s");
    su_root_deregister(root, index);
    close(ends[0]);
    close(ends[1]);
}

static void test_signals(void **state)
{
    struct ml_signal *handle = ml_signal_new(loop, SIGUSR1, stop, NULL);

    (void)state;
    kill(getpid(), SIGUSR1);
    ml_loop_run(loop);
    ml_signal_free(handle);
    ml_signal_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timers_fire_in_order),
        TEST(test_a_timer_may_free_itself),
        TEST(test_a_slow_callback_does_not_shorten_a_timer),
        TEST(test_a_loop_lags_when_it_is_always_busy),
        TEST(test_descriptors),
        TEST(test_posts_from_a_thread_come_in_order),
        TEST(test_turns_come_after_callbacks_and_again_without_waiting),
        TEST(test_a_sofia_timer_made_in_a_turn_fires_and_is_followed_by_a_turn),
        TEST(test_sofia_sees_its_sockets),
        TEST(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
