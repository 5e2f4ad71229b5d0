/* For tests of core/net: a loop per test with leak checks, waiting with a deadline, and a plain TCP
 * peer that sends what it is told and keeps what it gets. */
#ifndef NET_HELP_H
#define NET_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/net/loop.h"

static struct ml_loop *loop;
static long start_blocks;

static inline int loop_setup(void **state)
{
    (void)state;
    start_blocks = ml_mem_blocks();
    return ml_loop_new(&loop);
}

static inline int loop_teardown(void **state)
{
    long watchers = ml_loop_watchers(loop), blocks;

    (void)state;
    ml_loop_free(loop);
    blocks = ml_mem_blocks() - start_blocks;
    if (watchers || blocks)
        fprintf(stderr, "left over: %ld watchers, %ld blocks\n", watchers, blocks);
    return watchers != 0 || blocks != 0;
}

static inline void stop_loop(void *user)
{
    (void)user;
    ml_loop_stop(loop);
}

static const bool *awaited;

static inline bool stop_when_true(void *user)
{
    (void)user;
    if (*awaited)
        ml_loop_stop(loop);
    return false;
}

/* Runs the loop until *flag, at most ms. */
static inline bool wait_for_ms(const bool *flag, int64_t ms)
{
    struct ml_timer *timer = ml_timer_new(loop, stop_loop, NULL);

    awaited = flag;
    ml_timer_set(timer, ms);
    ml_loop_on_turn(loop, stop_when_true, NULL);
    ml_loop_run(loop);
    ml_loop_on_turn(loop, NULL, NULL);
    ml_timer_free(timer);
    return *flag;
}

static inline void wait_for(const bool *flag)
{
    assert_true(wait_for_ms(flag, 10000));
}

/* Lets what is under way happen. */
static inline void run_for(int64_t ms)
{
    static const bool never = false;

    wait_for_ms(&never, ms);
}

struct peer {
    int fd;
    struct ml_io *io;
    struct ml_buf got;
    const char *until; /* sets seen when it came */
    bool seen, closed;
};

static inline void on_peer(int fd, int events, void *user)
{
    struct peer *peer = user;
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        peer->closed = peer->seen = true;
        ml_io_set(peer->io, 0);
        return;
    }
    ml_buf_add(&peer->got, bytes, (size_t)n);
    if (peer->until && strstr(peer->got.p, peer->until))
        peer->seen = true;
}

static inline void peer_open(struct peer *peer, int fd)
{
    *peer = (struct peer){.fd = fd};
    peer->io = ml_io_new(loop, fd, ML_READ, on_peer, peer);
}

static inline void peer_connect(struct peer *peer, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (void *)&to, sizeof to), 0);
    peer_open(peer, fd);
}

static inline void peer_send(struct peer *peer, const char *text)
{
    assert_true(send(peer->fd, text, strlen(text), MSG_NOSIGNAL) >= 0);
}

/* Waits until the text came; what came before and with it is peer->got. */
static inline void peer_expect(struct peer *peer, const char *text)
{
    peer->until = text;
    peer->seen = peer->closed || (peer->got.p && strstr(peer->got.p, text));
    wait_for(&peer->seen);
    if (!peer->got.p || !strstr(peer->got.p, text))
        fail_msg("wanted \"%s\", got \"%s\"", text, peer->got.p ? peer->got.p : "");
}

static inline void peer_expect_close(struct peer *peer)
{
    wait_for(&peer->closed);
}

static inline void peer_close(struct peer *peer)
{
    ml_io_free(peer->io);
    close(peer->fd);
    ml_buf_fini(&peer->got);
}

/* A listener on 127.0.0.1 that accepts one connection after the other into peers. */
struct listener {
    int fd;
    uint16_t port;
    struct ml_io *io;
    struct peer peers[4];
    size_t count;
    bool accepted;
    const char *reply; /* sent at once to each, NULL: nothing */
    bool reply_closes;
};

static inline void on_listener(int fd, int events, void *user)
{
    struct listener *listener = user;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (peer < 0)
        return;
    assert_true(listener->count < 4);
    peer_open(&listener->peers[listener->count], peer);
    if (listener->reply)
        peer_send(&listener->peers[listener->count], listener->reply);
    if (listener->reply_closes)
        shutdown(peer, SHUT_WR);
    listener->count++;
    listener->accepted = true;
}

static inline void listener_open(struct listener *listener, const char *reply, bool closes)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;

    *listener = (struct listener){.reply = reply, .reply_closes = closes};
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener->fd, (void *)&at, sizeof at), 0);
    assert_int_equal(listen(listener->fd, 4), 0);
    assert_int_equal(getsockname(listener->fd, (void *)&at, &length), 0);
    listener->port = ntohs(at.sin_port);
    listener->io = ml_io_new(loop, listener->fd, ML_READ, on_listener, listener);
}

static inline void listener_close(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        peer_close(&listener->peers[i]);
    ml_io_free(listener->io);
    close(listener->fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)

#endif
