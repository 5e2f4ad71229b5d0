/* The wire: datagrams of the ports on it wait, those of others are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/wire.h"

enum { HELD_MAX = 4 };

struct held {
    struct ml_packet *packets[HELD_MAX];
    int count;
};

static void hold(struct ml_packet *packet, void *user)
{
    struct held *held = user;

    assert_true(held->count < HELD_MAX);
    held->packets[held->count++] = packet;
}

static void let_go(struct held *held)
{
    for (int i = 0; i < held->count; i++)
        ml_packet_free(held->packets[i]);
}

struct end {
    int fd;
    struct sockaddr_in address;
    uint16_t port;
};

static struct end open_end(void)
{
    struct end end = {.address = {.sin_family = AF_INET}};
    socklen_t length = sizeof end.address;

    end.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    end.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(end.fd, (void *)&end.address, sizeof end.address), 0);
    assert_int_equal(getsockname(end.fd, (void *)&end.address, &length), 0);
    end.port = ntohs(end.address.sin_port);
    return end;
}

static void send_text(const struct end *from, const struct end *to, const char *text)
{
    size_t n = strlen(text);

    assert_int_equal(sendto(from->fd, text, n, 0, (const void *)&to->address, sizeof to->address),
                     n);
}

static void assert_gets(const struct end *end, const char *text)
{
    char bytes[64];
    ssize_t n = recv(end->fd, bytes, sizeof bytes, 0);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(bytes, text, (size_t)n);
}

static void assert_gets_nothing(const struct end *end)
{
    char byte;

    assert_int_equal(recv(end->fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static void test_holds_and_sends_on(void **state)
{
    long blocks = ml_mem_blocks();
    struct end alice = open_end(), server = open_end();
    struct held held = {0};

    (void)state;
    assert_int_equal(ml_wire_open(hold, &held), 0);
    ml_wire_add_port(alice.port);
    send_text(&alice, &server, "there");
    send_text(&server, &alice, "back");
    assert_int_equal(held.count, 2);
    assert_gets_nothing(&server);
    assert_int_equal(ml_packet_from(held.packets[0]), alice.port);
    assert_int_equal(ml_packet_to(held.packets[0]), server.port);
    assert_true(ml_packet_send(held.packets[0], ml_packet_bytes(held.packets[0])));
    assert_true(ml_packet_send(held.packets[0], ML_STR("changed")));
    assert_gets(&server, "there");
    assert_gets(&server, "changed");
    assert_gets_nothing(&alice);
    let_go(&held);
    ml_wire_close();
    send_text(&alice, &server, "past it");
    assert_gets(&server, "past it");
    close(alice.fd);
    close(server.fd);
    assert_int_equal(ml_mem_blocks(), blocks);
}

static void test_takes_messages_in_parts(void **state)
{
    struct end alice = open_end(), server = open_end();
    struct held held = {0};
    struct iovec parts[] = {{"one ", 4}, {"two", 3}};
    struct msghdr message = {.msg_name = &server.address,
                             .msg_namelen = sizeof server.address,
                             .msg_iov = parts,
                             .msg_iovlen = 2};

    (void)state;
    assert_int_equal(ml_wire_open(hold, &held), 0);
    ml_wire_add_port(server.port);
    assert_int_equal(sendmsg(alice.fd, &message, 0), 7);
    assert_int_equal(held.count, 1);
    assert_true(ml_packet_send(held.packets[0], ml_packet_bytes(held.packets[0])));
    assert_gets(&server, "one two");
    let_go(&held);
    ml_wire_close();
    close(alice.fd);
    close(server.fd);
}

/* A descriptor that another socket has by now is not the sender's. */
static void test_sends_from_no_other_socket(void **state)
{
    struct end alice = open_end(), server = open_end(), other;
    struct held held = {0};

    (void)state;
    assert_int_equal(ml_wire_open(hold, &held), 0);
    ml_wire_add_port(alice.port);
    send_text(&alice, &server, "there");
    close(alice.fd);
    assert_false(ml_packet_send(held.packets[0], ML_STR("x")));
    other = open_end();
    assert_int_equal(other.fd, alice.fd);
    assert_false(ml_packet_send(held.packets[0], ML_STR("x")));
    assert_gets_nothing(&server);
    let_go(&held);
    ml_wire_close();
    close(other.fd);
    close(server.fd);
}

static void test_counts_what_goes_past(void **state)
{
    struct end alice = open_end(), server = open_end();
    struct held held = {0};

    (void)state;
    send_text(&alice, &server, "before");
    assert_int_equal(ml_wire_open(hold, &held), 0);
    assert_int_equal(ml_wire_open(hold, &held), ML_ESTATE);
    send_text(&alice, &server, "one");
    assert_int_equal(connect(alice.fd, (void *)&server.address, sizeof server.address), 0);
    assert_int_equal(send(alice.fd, "two", 3, 0), 3);
    assert_int_equal(held.count, 0);
    assert_int_equal(ml_wire_count(server.port), 2);
    assert_int_equal(ml_wire_count(alice.port), 0);
    ml_wire_close();
    close(alice.fd);
    close(server.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_and_sends_on),
        cmocka_unit_test(test_takes_messages_in_parts),
        cmocka_unit_test(test_sends_from_no_other_socket),
        cmocka_unit_test(test_counts_what_goes_past),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
