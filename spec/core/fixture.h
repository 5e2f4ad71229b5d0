/* An engine in virtual time, streams with handlers that keep what they were told, and phones. */
#ifndef ML_SPEC_FIXTURE_H
#define ML_SPEC_FIXTURE_H

#include "phone.h"

struct side {
    struct phone phone;
    struct ml_stream *stream;
    char digits[256];
    int digit_ms;
    int played; /* how often */
    uint32_t op;
    enum ml_play_end end;
    char text[200];
    int64_t played_ms;
    int lost;
};

static struct ml_loop *loop;
static struct ml_media *media;
static struct side a, b, c;
static long blocks, watchers;

static inline void side_digit(char digit, int ms, void *user)
{
    struct side *side = user;

    strncat(side->digits, &digit, 1);
    side->digit_ms = ms;
}

static inline void side_played(uint32_t op, enum ml_play_end end, const char *text, void *user)
{
    struct side *side = user;

    side->played++;
    side->op = op;
    side->end = end;
    side->played_ms = ml_clock_ms();
    snprintf(side->text, sizeof side->text, "%s", text ? text : "");
}

static inline void side_lost(void *user)
{
    ((struct side *)user)->lost++;
}

static const struct ml_stream_handlers side_handlers = {side_digit, side_played, side_lost};

static inline void side_open(struct side *side)
{
    struct ml_fault fault;

    memset(side, 0, sizeof *side);
    phone_open(&side->phone, loop, "127.0.0.1");
    assert_int_equal(ml_stream_new(media, NULL, &side_handlers, side, &side->stream, &fault), 0);
    phone_call(&side->phone, ml_stream_port(side->stream));
}

static inline void side_meet(struct side *side, enum ml_codec codec, bool events)
{
    struct ml_stream_target target;

    phone_speak_law(&side->phone, codec);
    target = phone_target(&side->phone, events);
    ml_stream_set_target(side->stream, &target);
}

static inline void side_close(struct side *side)
{
    if (side->stream)
        ml_stream_free(side->stream);
    side->stream = NULL;
    phone_close(&side->phone);
}

static inline void play(struct side *side, enum ml_source_kind kind, const char *text, int ms,
                        int loops, uint32_t op)
{
    struct ml_source source = {.kind = kind, .text = text, .ms = ms, .loops = loops};
    struct ml_fault fault = {0};

    assert_int_equal(ml_stream_play(side->stream, &source, op, &fault), 0);
}

static inline int engine_start(int threads, int timeout_ms)
{
    struct ml_media_options options = {
        .threads = threads, .address = "127.0.0.1", .rtp_timeout_ms = timeout_ms};
    struct ml_fault fault;

    blocks = ml_mem_blocks();
    if (ml_loop_new(&loop) != 0)
        return -1;
    watchers = ml_loop_watchers(loop);
    if (ml_media_new(loop, &options, &media, &fault) != 0)
        return -1;
    side_open(&a);
    side_open(&b);
    side_open(&c);
    return 0;
}

static inline int engine_stop(void)
{
    int left;

    side_close(&a);
    side_close(&b);
    side_close(&c);
    left = ml_media_streams(media);
    ml_media_free(media);
    if (left != 0 || ml_loop_watchers(loop) != watchers)
        return -1;
    ml_loop_free(loop);
    if (ml_mem_blocks() != blocks)
        print_error("%ld blocks left\n", ml_mem_blocks() - blocks);
    return ml_mem_blocks() != blocks;
}

static inline __attribute__((unused)) int setup(void **state)
{
    (void)state;
    return engine_start(0, 60000);
}

static inline int teardown(void **state)
{
    (void)state;
    return engine_stop();
}

#endif
