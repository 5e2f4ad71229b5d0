/* The waiting half of virtual time: epoll_wait and poll of the whole process, and the count of
 * datagrams under way on loopback. A datagram that was sent is not always visible to the next
 * epoll_wait(0), so "nothing is ready" alone would let time jump over it. */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/clock_priv.h"
#include "core/base/wire.h"

enum {
    FLIGHT_MS = 20,          /* a datagram not read by then went to a port where nobody reads */
    QUIET_MS = 2,            /* silence after which a TCP exchange is taken for idle */
    HOLD_SLICE_MS = 5,       /* a hold may end in another thread without waking this one */
    HOLD_PATIENCE_MS = 20000 /* a hold this long under which nothing happens is a stuck peer */
};

static atomic_int holds;
static atomic_long in_flight; /* datagrams on loopback sent and not yet read */
static atomic_long on_stream; /* bytes between streams of this process sent and not yet read */
static atomic_bool
    stream_touched; /* something else befell a loopback stream since the last quiet */

void ml_clock_hold(void)
{
    holds++;
}

void ml_clock_release(void)
{
    holds--;
}

/* A real wait of at most ms; the answer of epoll_wait or poll. */
typedef int attempt_fn(void *arg, int ms);

static int wait_while_held(attempt_fn *attempt, void *arg)
{
    int64_t begun = ml_clock_real_ns();

    while (holds > 0) {
        int n = attempt(arg, HOLD_SLICE_MS);

        if (n != 0)
            return n;
        if (ml_clock_real_ns() - begun > HOLD_PATIENCE_MS * INT64_C(1000000))
            return 0;
    }
    return attempt(arg, 0);
}

/* Gives what is under way the real time it needs. 0: nothing came, time may jump. */
static int wait_for_traffic(attempt_fn *attempt, void *arg)
{
    int n = 0;

    if (holds > 0)
        n = wait_while_held(attempt, arg);
    if (n == 0 && in_flight > 0) {
        n = attempt(arg, FLIGHT_MS);
        if (n == 0)
            in_flight = 0;
    }
    if (n == 0 && (on_stream > 0 || stream_touched)) {
        n = attempt(arg, QUIET_MS);
        if (n == 0) {
            stream_touched = false;
            on_stream = 0;
        }
    }
    return n;
}

static int wait_virtually(attempt_fn *attempt, void *arg, int timeout)
{
    int n = attempt(arg, 0);

    if (n != 0 || timeout == 0)
        return n;
    if (timeout < 0)
        return attempt(arg, -1);
    n = wait_for_traffic(attempt, arg);
    if (n == 0)
        ml_clock_advance(timeout);
    return n;
}

static bool jumps(void)
{
    return ml_clock_is_virtual() && ml_clock_jumps_here();
}

struct epoll_args {
    int fd, max;
    struct epoll_event *events;
    const sigset_t *mask;
};

static int attempt_epoll(void *arg, int ms)
{
    struct epoll_args *a = arg;

    return (int)syscall(SYS_epoll_pwait, a->fd, a->events, a->max, ms, a->mask, _NSIG / 8);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
    struct epoll_args args = {fd, max, events, mask};

    return jumps() ? wait_virtually(attempt_epoll, &args, timeout) : attempt_epoll(&args, timeout);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    return epoll_pwait(fd, events, max, timeout, NULL);
}

struct poll_args {
    struct pollfd *fds;
    nfds_t count;
};

static int attempt_poll(void *arg, int ms)
{
    struct poll_args *a = arg;
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

    return (int)syscall(SYS_ppoll, a->fds, a->count, ms < 0 ? NULL : &ts, NULL, 0);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct poll_args args = {fds, count};

    return jumps() ? wait_virtually(attempt_poll, &args, timeout) : attempt_poll(&args, timeout);
}

/* The names that libraries built with fortification call instead. */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *restrict bytes, size_t n, size_t size, int flags,
                       struct sockaddr *restrict from, socklen_t *restrict length);

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    if (size / sizeof *fds < count)
        __builtin_trap();
    return poll(fds, count, timeout);
}

static int socket_option(int fd, int option)
{
    int value = -1, kept = errno;
    socklen_t length = sizeof value;

    if (getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0)
        value = -1;
    errno = kept;
    return value;
}

static bool is_inet(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);

    return domain == AF_INET || domain == AF_INET6;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->ss_family != AF_INET6)
        return false;
    memcpy(&v6, address, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127);
}

/* Ports that sockets of this process had: what goes elsewhere is read by nobody here. */
static atomic_uchar ours[65536], our_streams[65536];

uint16_t ml_port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4; /* the port lies where that of IPv6 does */

    memcpy(&v4, address, sizeof v4);
    return ntohs(v4.sin_port);
}

static void note_port(int fd, atomic_uchar *known)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int kept = errno;

    if (getsockname(fd, (void *)&address, &length) == 0)
        known[ml_port_of(&address)] = 1;
    errno = kept;
}

/* Where it goes; false when that is not loopback. */
static bool goes_to_loopback(int fd, const void *to, socklen_t to_length, uint16_t *port)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int kept = errno;
    bool ok = true;

    if (to && to_length > 0)
        memcpy(&address, to, to_length < sizeof address ? to_length : sizeof address);
    else
        ok = getpeername(fd, (void *)&address, &length) == 0;
    errno = kept;
    *port = ml_port_of(&address);
    return ok && is_loopback(&address);
}

static void note_sent(int fd, ssize_t n, const void *to, socklen_t to_length)
{
    uint16_t port;
    int protocol;

    if (!ml_clock_is_virtual() || n < 0)
        return;
    protocol = socket_option(fd, SO_PROTOCOL); /* of a socket that is none of the Internet: 0 */
    if ((protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) ||
        !goes_to_loopback(fd, to, to_length, &port))
        return;
    if (protocol == IPPROTO_TCP) {
        if (our_streams[port])
            on_stream += n;
        else
            stream_touched = true;
        return;
    }
    note_port(fd, ours);
    if (ours[port])
        in_flight++;
}

static void take_off(atomic_long *count, long n)
{
    *count -= *count < n ? *count : n;
}

static void note_received(int fd, ssize_t n, int flags, int datagrams)
{
    int protocol;

    if (!ml_clock_is_virtual() || n < 0 || (flags & MSG_PEEK))
        return;
    protocol = socket_option(fd, SO_PROTOCOL);
    if (protocol == IPPROTO_UDP)
        take_off(&in_flight, datagrams);
    else if (protocol == IPPROTO_TCP)
        take_off(&on_stream, n > 0 ? n : 1);
}

static ssize_t send_on(int fd, const void *bytes, size_t n, int flags, const void *to,
                       socklen_t length)
{
    ssize_t sent = syscall(SYS_sendto, fd, bytes, n, flags, to, length);

    note_sent(fd, sent, to, length);
    return sent;
}

ssize_t ml_clock_send(int fd, const void *bytes, size_t n, const void *to, socklen_t to_length)
{
    return send_on(fd, bytes, n, 0, to, to_length);
}

/* A socket of streams is on no wire: it is asked for only where datagrams are. */
static bool is_taken(int fd, const struct iovec *parts, size_t count, const void *to,
                     socklen_t length)
{
    return ml_wire_is_open() && socket_option(fd, SO_PROTOCOL) == IPPROTO_UDP &&
           ml_wire_takes(fd, parts, count, to, length);
}

static ssize_t send_to(int fd, const void *bytes, size_t n, int flags, const void *to,
                       socklen_t length)
{
    struct iovec part = {(void *)bytes, n};

    return is_taken(fd, &part, 1, to, length) ? (ssize_t)n
                                              : send_on(fd, bytes, n, flags, to, length);
}

/* The address arguments have the spelling of glibc's header: its unions, not plain pointers. */
ssize_t sendto(int fd, const void *bytes, size_t n, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t length)
{
    return send_to(fd, bytes, n, flags, to.__sockaddr__, length);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    return send_to(fd, bytes, n, flags, NULL, 0);
}

/* libssl writes to its sockets; to anything else but a stream of loopback this adds nothing. */
ssize_t write(int fd, const void *bytes, size_t n)
{
    ssize_t sent = syscall(SYS_write, fd, bytes, n);

    note_sent(fd, sent, NULL, 0);
    return sent;
}

int bind(int fd, __CONST_SOCKADDR_ARG to, socklen_t length)
{
    int status = (int)syscall(SYS_bind, fd, to.__sockaddr__, length);

    if (ml_clock_is_virtual() && status == 0 && is_inet(fd))
        note_port(fd, socket_option(fd, SO_TYPE) == SOCK_DGRAM ? ours : our_streams);
    return status;
}

/* That a stream begins or ends is under way, too, until the other side has taken notice. */
static void note_stream(int fd, const void *to, socklen_t length)
{
    uint16_t port;

    if (goes_to_loopback(fd, to, length, &port) && our_streams[port])
        on_stream++;
    else
        stream_touched = true;
}

int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t length)
{
    int status = (int)syscall(SYS_connect, fd, to.__sockaddr__, length);

    if (ml_clock_is_virtual() && socket_option(fd, SO_TYPE) == SOCK_STREAM && is_inet(fd)) {
        note_port(fd, our_streams);
        note_stream(fd, to.__sockaddr__, length);
    }
    return status;
}

int accept4(int fd, __SOCKADDR_ARG from, socklen_t *restrict length, int flags)
{
    int accepted = (int)syscall(SYS_accept4, fd, from.__sockaddr__, length, flags);

    if (ml_clock_is_virtual() && accepted >= 0 && is_inet(accepted))
        take_off(&on_stream, 1);
    return accepted;
}

int shutdown(int fd, int how)
{
    if (ml_clock_is_virtual() && how != SHUT_RD && is_inet(fd))
        note_stream(fd, NULL, 0);
    return (int)syscall(SYS_shutdown, fd, how);
}

static size_t size_of(const struct msghdr *message)
{
    size_t n = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        n += message->msg_iov[i].iov_len;
    return n;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent;

    if (is_taken(fd, message->msg_iov, message->msg_iovlen, message->msg_name,
                 message->msg_namelen))
        return (ssize_t)size_of(message);
    sent = syscall(SYS_sendmsg, fd, message, flags);
    note_sent(fd, sent, message->msg_name, message->msg_namelen);
    return sent;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int sent = (int)syscall(SYS_sendmmsg, fd, messages, count, flags);

    for (int i = 0; i < sent; i++)
        note_sent(fd, 0, messages[i].msg_hdr.msg_name, messages[i].msg_hdr.msg_namelen);
    return sent;
}

static ssize_t receive_from(int fd, void *bytes, size_t n, int flags, void *from, socklen_t *length)
{
    ssize_t got = syscall(SYS_recvfrom, fd, bytes, n, flags, from, length);

    note_received(fd, got, flags, 1);
    return got;
}

ssize_t recvfrom(int fd, void *restrict bytes, size_t n, int flags, __SOCKADDR_ARG from,
                 socklen_t *restrict length)
{
    return receive_from(fd, bytes, n, flags, from.__sockaddr__, length);
}

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
    return receive_from(fd, bytes, n, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t got = syscall(SYS_recvmsg, fd, message, flags);

    note_received(fd, got, flags, 1); /* from the error queue, too: one that found no reader */
    return got;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    int got = (int)syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);

    note_received(fd, got, flags, got);
    return got;
}

ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags)
{
    if (n > size)
        __builtin_trap();
    return receive_from(fd, bytes, n, flags, NULL, NULL);
}

ssize_t __recvfrom_chk(int fd, void *restrict bytes, size_t n, size_t size, int flags,
                       struct sockaddr *restrict from, socklen_t *restrict length)
{
    if (n > size)
        __builtin_trap();
    return receive_from(fd, bytes, n, flags, from, length);
}
