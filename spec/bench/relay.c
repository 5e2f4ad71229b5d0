/* CPU per relayed RTP packet: moonline's media engine against a bare recv/send loop, same traffic,
 * same run; and mixing, in rooms of 3 and of 30 in which all speak. Usage: relay [CALLS [SECONDS]].
 * A second process makes the traffic: both ends of each call send a packet of 20 ms PCMU every 20
 * ms. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/media/media.h"
#include "core/media/rtp.h"
#include "core/net/loop.h"

enum { MAX_ROOMS = 100, MIXED = 120, MAX_LEGS = 4000, WARM_UP_MS = 500, PAYLOAD = 160 };

struct leg {
    int phone, relay; /* sockets; relay only in the bare loop */
    uint16_t phone_port, relay_port;
    struct ml_stream *stream;
};

static struct leg legs[MAX_LEGS];
static struct ml_mixer *rooms[MAX_ROOMS];
static int count, seconds = 4, room_size; /* 0: bridged in pairs */

static int open_socket(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("socket");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void connect_to(int fd, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("connect");
        exit(1);
    }
}

/* ---- the traffic ---- */

static void speak(int leg, uint16_t seq)
{
    uint8_t packet[ML_RTP_HEADER + PAYLOAD] = {0};
    struct ml_rtp rtp = {.seq = seq, .timestamp = seq * 160u, .ssrc = (uint32_t)leg};

    ml_rtp_build(packet, &rtp);
    send(legs[leg].phone, packet, sizeof packet, 0);
    while (recv(legs[leg].phone, packet, sizeof packet, 0) > 0) {
    }
}

static void make_traffic(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    for (unsigned ms = 0;; ms++) {
        for (int i = (int)(ms % 20); i < count; i += 20)
            speak(i, (uint16_t)(ms / 20));
        at.tv_nsec += 1000000;
        if (at.tv_nsec >= 1000000000) {
            at.tv_nsec -= 1000000000;
            at.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

static pid_t start_traffic(void)
{
    pid_t child = fork();

    if (child == 0)
        make_traffic();
    return child;
}

static void stop_traffic(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static double cpu_us(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static double report(const char *name, double us, double packets)
{
    double each = us / packets;

    printf("%-22s %8.0f packets %7.2f us each  %5.1f %% of a core\n", name, packets, each,
           us / seconds / 1e4);
    return each;
}

/* ---- the bare loop ---- */

static double relay_bare(int epoll, int ms)
{
    int64_t end = ml_clock_ms() + ms;
    double packets = 0;

    while (ml_clock_ms() < end) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, 10);

        for (int i = 0; i < n; i++) {
            uint8_t packet[2048];
            ssize_t size = recv(legs[events[i].data.u32].relay, packet, sizeof packet, 0);

            if (size > 0 && send(legs[events[i].data.u32 ^ 1].relay, packet, (size_t)size, 0) > 0)
                packets++;
        }
    }
    return packets;
}

static double measure_bare(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    double begun, packets;
    pid_t traffic;

    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

        legs[i].phone = open_socket(&legs[i].phone_port);
        legs[i].relay = open_socket(&legs[i].relay_port);
        connect_to(legs[i].phone, legs[i].relay_port);
        connect_to(legs[i].relay, legs[i].phone_port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, legs[i].relay, &event);
    }
    traffic = start_traffic();
    relay_bare(epoll, WARM_UP_MS);
    begun = cpu_us();
    packets = relay_bare(epoll, seconds * 1000);
    begun = cpu_us() - begun;
    stop_traffic(traffic);
    for (int i = 0; i < count; i++) {
        close(legs[i].phone);
        close(legs[i].relay);
    }
    close(epoll);
    return report("bare recv/send loop", begun, packets);
}

/* ---- the engine ---- */

static void stop(void *user)
{
    ml_loop_stop(user);
}

static void run(struct ml_loop *loop, int ms)
{
    struct ml_timer *timer = ml_timer_new(loop, stop, loop);

    ml_timer_set(timer, ms);
    ml_loop_run(loop);
    ml_timer_free(timer);
}

static double packets_sent(void)
{
    struct ml_stream_stats stats;
    double sum = 0;

    for (int i = 0; i < count; i++) {
        ml_stream_stats(legs[i].stream, &stats);
        sum += (double)stats.sent;
    }
    return sum;
}

static void join(struct ml_media *media, int leg)
{
    static const struct ml_mixer_handlers none;
    static const struct ml_seat seat = {.speaks = true, .hears = true};
    struct ml_mixer **room = &rooms[leg / room_size];

    if (leg % room_size == 0)
        ml_mixer_new(media, &none, NULL, room);
    ml_mixer_join(*room, legs[leg].stream, &seat);
}

static void open_legs(struct ml_media *media)
{
    static const struct ml_stream_handlers none;
    struct ml_fault fault;

    for (int i = 0; i < count; i++) {
        struct ml_stream_target target = {.address = "127.0.0.1",
                                          .event_send_type = 101,
                                          .event_receive_type = 101,
                                          .ptime = 20,
                                          .send = true,
                                          .receive = true};

        legs[i].phone = open_socket(&legs[i].phone_port);
        if (ml_stream_new(media, NULL, &none, NULL, &legs[i].stream, &fault) != 0) {
            fprintf(stderr, "%s\n", fault.text);
            exit(1);
        }
        connect_to(legs[i].phone, ml_stream_port(legs[i].stream));
        target.port = legs[i].phone_port;
        ml_stream_set_target(legs[i].stream, &target);
        if (room_size > 0)
            join(media, i);
        else if (i & 1)
            ml_bridge(legs[i - 1].stream, legs[i].stream);
    }
}

static double measure_engine(const char *name, int threads)
{
    struct ml_media_options options = {
        .threads = threads, .address = "127.0.0.1", .rtp_timeout_ms = 60000};
    struct ml_media *media;
    struct ml_loop *loop;
    struct ml_fault fault;
    double begun, packets;
    pid_t traffic;

    if (ml_loop_new(&loop) != 0 || ml_media_new(loop, &options, &media, &fault) != 0)
        exit(1);
    open_legs(media);
    traffic = start_traffic();
    run(loop, WARM_UP_MS);
    begun = cpu_us();
    packets = packets_sent();
    run(loop, seconds * 1000);
    begun = cpu_us() - begun;
    packets = packets_sent() - packets;
    stop_traffic(traffic);
    for (int i = 0; i < count; i++) {
        ml_stream_free(legs[i].stream);
        close(legs[i].phone);
    }
    for (int i = 0; room_size > 0 && i < count / room_size; i++)
        ml_mixer_free(rooms[i]);
    ml_media_free(media);
    ml_loop_free(loop);
    return report(name, begun, packets);
}

static double measure_rooms(int size)
{
    char name[40];

    snprintf(name, sizeof name, "rooms of %d, one thread", size);
    room_size = size;
    count = MIXED;
    return 50 * measure_engine(name, 1);
}

int main(int argc, char **argv)
{
    struct rlimit files = {16384, 16384};
    int calls = argc > 1 ? atoi(argv[1]) : 200;
    double bare, engine, few, many;

    if (argc > 2)
        seconds = atoi(argv[2]);
    if (calls < 1 || 2 * calls > MAX_LEGS || seconds < 1) {
        fprintf(stderr, "usage: relay [CALLS [SECONDS]]\n");
        return 2;
    }
    count = 2 * calls;
    setrlimit(RLIMIT_NOFILE, &files);
    printf("%d bridged calls, %d packets a second\n", calls, count * 50);
    bare = measure_bare();
    engine = measure_engine("engine, one thread", 1);
    printf("ratio %.2f\n", engine / bare);
    few = measure_rooms(3);
    many = measure_rooms(30);
    printf("CPU of a participant-second: %.0f us in rooms of 3, %.0f us in rooms of 30 (aim: the "
           "same)\n",
           few, many);
    return 0;
}
