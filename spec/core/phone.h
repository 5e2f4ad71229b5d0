/* A phone for media tests: one UDP socket on loopback that says a tone and keeps what it hears. */
#ifndef ML_SPEC_PHONE_H
#define ML_SPEC_PHONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/media/codec.h"
#include "core/media/dtmf.h"
#include "core/media/media.h"
#include "core/media/rtp.h"
#include "core/net/loop.h"

enum { PHONE_PACKETS = 4096, PHONE_AUDIO = 8000 * 60, PHONE_EVENT = 101 };

struct phone_packet {
    int64_t us;
    struct ml_rtp rtp;
    uint8_t payload[480];
};

struct phone {
    struct ml_loop *loop;
    int fd;
    struct ml_io *io;
    struct ml_timer *timer;
    struct sockaddr_in self, to;
    enum ml_codec codec;
    uint8_t type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    int hz, frames; /* still to be said */
    double angle;
    int count;
    struct phone_packet *got;
    int16_t *audio; /* what was heard, by timestamp from the first packet on */
    size_t length;
};

static inline void phone_send_raw(struct phone *phone, const void *bytes, size_t n)
{
    assert_int_equal(
        sendto(phone->fd, bytes, n, 0, (struct sockaddr *)&phone->to, sizeof phone->to), n);
}

static inline void phone_send(struct phone *phone, uint8_t type, bool marker, uint32_t timestamp,
                              const void *payload, size_t n)
{
    uint8_t packet[1500];
    struct ml_rtp rtp = {.marker = marker,
                         .type = type,
                         .seq = phone->seq++,
                         .timestamp = timestamp,
                         .ssrc = phone->ssrc};

    ml_rtp_build(packet, &rtp);
    memcpy(packet + 12, payload, n);
    phone_send_raw(phone, packet, 12 + n);
}

static inline void phone_say_frame(struct phone *phone)
{
    int16_t samples[160];
    uint8_t payload[160];

    for (int i = 0; i < 160; i++, phone->angle += 2 * M_PI * phone->hz / 8000)
        samples[i] = (int16_t)(8000 * sin(phone->angle));
    ml_codec_encode(phone->codec, samples, 160, payload);
    phone_send(phone, phone->type, false, phone->timestamp, payload, 160);
}

static inline void phone_on_timer(void *user)
{
    struct phone *phone = user;

    if (phone->frames == 0)
        return;
    phone->frames--;
    phone_say_frame(phone);
    phone->timestamp += 160;
    ml_timer_set(phone->timer, 20);
}

static inline void phone_on_packet(int fd, int events, void *user)
{
    struct phone *phone = user;
    uint8_t packet[2048];
    ssize_t n;

    (void)events;
    while ((n = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) >= 0) {
        struct phone_packet *got = &phone->got[phone->count];

        assert_true(phone->count < PHONE_PACKETS);
        assert_true(ml_rtp_parse(packet, (size_t)n, &got->rtp));
        got->us = ml_clock_us();
        memcpy(got->payload, packet + got->rtp.offset, got->rtp.length);
        phone->count++;
    }
}

static inline void phone_open(struct phone *phone, struct ml_loop *loop, const char *address)
{
    socklen_t length = sizeof phone->self;

    memset(phone, 0, sizeof *phone);
    phone->loop = loop;
    phone->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    phone->self.sin_family = AF_INET;
    inet_pton(AF_INET, address, &phone->self.sin_addr);
    assert_int_equal(bind(phone->fd, (struct sockaddr *)&phone->self, length), 0);
    assert_int_equal(getsockname(phone->fd, (struct sockaddr *)&phone->self, &length), 0);
    phone->got = ml_alloc(PHONE_PACKETS * sizeof *phone->got);
    phone->audio = ml_alloc(PHONE_AUDIO * sizeof *phone->audio);
    phone->io = ml_io_new(loop, phone->fd, ML_READ, phone_on_packet, phone);
    phone->timer = ml_timer_new(loop, phone_on_timer, phone);
    phone->ssrc = 0x1000u + ntohs(phone->self.sin_port);
    phone->seq = 65500; /* over the wrap */
    phone->timestamp = 0xffffff00u;
    ml_codec_init();
}

static inline void phone_close(struct phone *phone)
{
    ml_io_free(phone->io);
    ml_timer_free(phone->timer);
    ml_free(phone->got);
    ml_free(phone->audio);
    close(phone->fd);
}

static inline uint16_t phone_port(const struct phone *phone)
{
    return ntohs(phone->self.sin_port);
}

/* Packets go to that port of 127.0.0.1. */
static inline void phone_call(struct phone *phone, uint16_t port)
{
    phone->to.sin_family = AF_INET;
    phone->to.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &phone->to.sin_addr);
}

static inline void phone_talk(struct phone *phone, int hz, int ms)
{
    phone->hz = hz;
    phone->frames = ms / 20;
    ml_timer_set(phone->timer, 0);
}

/* Time in which the phone says nothing. */
static inline void phone_quiet(struct phone *phone, int ms)
{
    phone->timestamp += (uint32_t)ms * 8;
}

/* Several packets of one press, as phones send them; ends: how many end packets. */
static inline void phone_press(struct phone *phone, uint8_t code, int ends)
{
    uint32_t timestamp = phone->timestamp;

    for (int i = 0; i < 5 + ends; i++) {
        struct ml_event event = {.code = code,
                                 .end = i >= 5,
                                 .volume = 10,
                                 .duration = (uint16_t)(i < 5 ? (i + 1) * 160 : 800)};
        uint8_t payload[4];

        ml_event_build(payload, &event);
        phone_send(phone, PHONE_EVENT, i == 0, timestamp, payload, 4);
    }
    phone->timestamp += 1600;
}

static inline struct ml_stream_target phone_target(const struct phone *phone, bool events)
{
    struct ml_stream_target target = {.port = phone_port(phone),
                                      .codec = phone->codec,
                                      .send_type = phone->type,
                                      .receive_type = phone->type,
                                      .event_send_type = events ? PHONE_EVENT : -1,
                                      .event_receive_type = events ? PHONE_EVENT : -1,
                                      .ptime = 20,
                                      .send = true,
                                      .receive = true};

    inet_ntop(AF_INET, &phone->self.sin_addr, target.address, sizeof target.address);
    return target;
}

static inline void phone_speak_law(struct phone *phone, enum ml_codec codec)
{
    phone->codec = codec;
    phone->type = codec == ML_PCMA ? 8 : 0;
}

/* Lays what was heard out on one line of time. */
static inline void phone_listen(struct phone *phone)
{
    memset(phone->audio, 0, PHONE_AUDIO * sizeof *phone->audio);
    phone->length = 0;
    for (int i = 0; i < phone->count; i++) {
        const struct phone_packet *got = &phone->got[i];
        size_t at = got->rtp.timestamp - phone->got[0].rtp.timestamp;

        if (got->rtp.type != phone->type)
            continue;
        assert_true(at + got->rtp.length <= PHONE_AUDIO);
        ml_codec_decode(phone->codec, got->payload, got->rtp.length, phone->audio + at);
        if (at + got->rtp.length > phone->length)
            phone->length = at + got->rtp.length;
    }
}

/* Amplitude of one frequency (Goertzel). */
static inline double tone_in(const int16_t *samples, size_t n, double hz)
{
    double w = 2 * cos(2 * M_PI * hz / 8000), a = 0, b = 0;

    for (size_t i = 0; i < n; i++) {
        double c = samples[i] + w * a - b;

        b = a;
        a = c;
    }
    return 2 * sqrt(fabs(a * a + b * b - w * a * b)) / (double)n;
}

static inline double energy_of(const int16_t *samples, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)samples[i] * samples[i];
    return n ? sqrt(sum / (double)n) : 0;
}

/* One source without a gap: same SSRC, next sequence number, time that never runs back. */
static inline void phone_check_line(const struct phone *phone)
{
    for (int i = 1; i < phone->count; i++) {
        const struct ml_rtp *a = &phone->got[i - 1].rtp, *b = &phone->got[i].rtp;

        assert_int_equal(a->ssrc, b->ssrc);
        assert_int_equal((uint16_t)(a->seq + 1), b->seq);
        assert_true(ml_rtp_time_ahead(b->timestamp, a->timestamp) >= 0);
    }
}

static inline void stop_loop(void *user)
{
    ml_loop_stop(user);
}

static inline void run_ms(struct ml_loop *loop, int ms)
{
    struct ml_timer *timer = ml_timer_new(loop, stop_loop, loop);

    ml_timer_set(timer, ms);
    ml_loop_run(loop);
    ml_timer_free(timer);
}

#endif
