/* Virtual time: jumps when nothing is under way, and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <sofia-sip/su_wait.h>

#include "core/base/clock.h"
#include "core/base/clock_priv.h"
#include "core/base/mem.h"
#include "core/net/loop.h"

enum { FOUR_HOURS_MS = 4 * 3600 * 1000 };

static int64_t real_ms(void)
{
    return ml_clock_real_ns() / 1000000;
}

static void stop(void *loop)
{
    ml_loop_stop(loop);
}

static void test_begins_in_2026(void **state)
{
    struct timeval tv;

    (void)state;
    assert_true(ml_clock_is_virtual());
    gettimeofday(&tv, NULL);
    assert_int_equal(tv.tv_sec, 1767225600);
    assert_int_equal(time(NULL), 1767225600);
    assert_int_equal(ml_clock_wall_ms(), INT64_C(1767225600000));
}

static void test_stands_still_while_computing(void **state)
{
    int64_t before = ml_clock_us();
    int64_t begun = real_ms();
    struct timespec cpu;

    (void)state;
    while (real_ms() < begun + 3)
        ;
    assert_int_equal(ml_clock_us(), before);
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu), 0);
    assert_true(cpu.tv_sec < 1000);
    assert_true(cpu.tv_nsec > 0);
}

static void test_four_hours_of_libev(void **state)
{
    long blocks = ml_mem_blocks();
    struct ml_loop *loop;
    struct ml_timer *timer;
    int64_t before = ml_clock_ms(), begun = real_ms();

    (void)state;
    assert_int_equal(ml_loop_new(&loop), 0);
    timer = ml_timer_new(loop, stop, loop);
    ml_timer_set(timer, FOUR_HOURS_MS);
    ml_loop_run(loop);
    assert_int_equal(ml_clock_ms() - before, FOUR_HOURS_MS);
    assert_true(real_ms() - begun < 200);
    ml_timer_free(timer);
    assert_int_equal(ml_loop_watchers(loop), 0);
    ml_loop_free(loop);
    assert_int_equal(ml_mem_blocks(), blocks);
}

static void on_sofia_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
    (void)magic;
    (void)timer;
    ml_loop_stop((struct ml_loop *)arg);
}

static void test_four_hours_of_sofia(void **state)
{
    struct ml_loop *loop;
    su_timer_t *timer;
    int64_t before, begun = real_ms();

    (void)state;
    assert_int_equal(ml_loop_new(&loop), 0);
    timer = su_timer_create(su_root_task(ml_loop_sofia(loop)), 0);
    before = ml_clock_ms();
    su_timer_set_interval(timer, on_sofia_timer, (su_timer_arg_t *)loop, FOUR_HOURS_MS);
    ml_loop_run(loop);
    assert_int_equal(ml_clock_ms() - before, FOUR_HOURS_MS);
    assert_true(real_ms() - begun < 200);
    su_timer_destroy(timer);
    ml_loop_free(loop);
}

static int ticks;
static struct ml_timer *ticker;

static void tick(void *user)
{
    if (++ticks == 1000)
        ml_loop_stop(user);
    else
        ml_timer_set(ticker, 20);
}

static void test_a_period_does_not_drift(void **state)
{
    struct ml_loop *loop;
    int64_t before;

    (void)state;
    assert_int_equal(ml_loop_new(&loop), 0);
    ticker = ml_timer_new(loop, tick, loop);
    before = ml_clock_ms();
    ml_timer_set(ticker, 20);
    ml_loop_run(loop);
    assert_int_equal(ml_clock_ms() - before, 20 * 1000);
    ml_timer_free(ticker);
    ml_loop_free(loop);
}

static int udp_socket(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (void *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (void *)address, &length), 0);
    return fd;
}

/* A thousand rounds are sent at once, so that many datagrams are under way together. */
static void test_datagrams_under_way_hold_the_clock(void **state)
{
    enum { DATAGRAMS = 100000 };
    struct sockaddr_in a, b;
    int one = udp_socket(&a), two = udp_socket(&b), ep = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    int64_t before = ml_clock_ms();
    char byte;

    (void)state;
    event.data.fd = one;
    epoll_ctl(ep, EPOLL_CTL_ADD, one, &event);
    event.data.fd = two;
    epoll_ctl(ep, EPOLL_CTL_ADD, two, &event);
    sendto(one, "x", 1, 0, (void *)&b, sizeof b);
    for (int i = 0; i < DATAGRAMS; i++) {
        int n = epoll_wait(ep, &event, 1, 1000);

        assert_int_equal(n, 1);
        recv(event.data.fd, &byte, 1, 0);
        if (event.data.fd == one)
            sendto(one, "x", 1, 0, (void *)&b, sizeof b);
        else
            sendto(two, "x", 1, 0, (void *)&a, sizeof a);
    }
    assert_int_equal(ml_clock_ms(), before);
    close(one);
    close(two);
    close(ep);
}

static void test_lost_datagrams_do_not_stop_time(void **state)
{
    struct sockaddr_in a, b;
    int one = udp_socket(&a), two = udp_socket(&b);
    int64_t before = ml_clock_ms();
    struct pollfd nothing = {.fd = -1};

    (void)state;
    close(two);
    for (int i = 0; i < 5; i++)
        sendto(one, "x", 1, 0, (void *)&b, sizeof b);
    assert_int_equal(poll(&nothing, 1, 60000), 0);
    assert_int_equal(ml_clock_ms() - before, 60000);
    close(one);
}

static void *release_later(void *pipe_end)
{
    struct timespec pause = {0, 30 * 1000000};

    nanosleep(&pause, NULL);
    assert_int_equal(write(*(int *)pipe_end, "x", 1), 1);
    ml_clock_release();
    return NULL;
}

static void test_a_hold_waits_for_real_work(void **state)
{
    int64_t before = ml_clock_ms();
    struct pollfd reader;
    pthread_t thread;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    ml_clock_hold();
    pthread_create(&thread, NULL, release_later, &ends[1]);
    reader = (struct pollfd){.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&reader, 1, 10), 1);
    assert_int_equal(ml_clock_ms(), before);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
}

static void *wait_really(void *took)
{
    struct pollfd nothing = {.fd = -1};
    int64_t begun = real_ms();

    poll(&nothing, 1, 20);
    *(int64_t *)took = real_ms() - begun;
    return NULL;
}

static void test_other_threads_do_not_jump(void **state)
{
    int64_t before = ml_clock_ms(), took = 0;
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, wait_really, &took);
    pthread_join(thread, NULL);
    assert_true(took >= 19);
    assert_int_equal(ml_clock_ms(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_in_2026),
        cmocka_unit_test(test_stands_still_while_computing),
        cmocka_unit_test(test_four_hours_of_libev),
        cmocka_unit_test(test_four_hours_of_sofia),
        cmocka_unit_test(test_a_period_does_not_drift),
        cmocka_unit_test(test_datagrams_under_way_hold_the_clock),
        cmocka_unit_test(test_lost_datagrams_do_not_stop_time),
        cmocka_unit_test(test_a_hold_waits_for_real_work),
        cmocka_unit_test(test_other_threads_do_not_jump),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
