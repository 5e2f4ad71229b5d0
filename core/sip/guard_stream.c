/* Streams in the middle of a message: each has some seconds to finish it. */
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/guard_priv.h"

enum {
    FINISH_MS = 5000,
    WAITS_MAX = 512, /* then the oldest has to go: each may hold 48 KB */
    SLOTS = 256
};

static struct ml_list by_time, by_tport[SLOTS];
static struct ml_timer *timer;
static int count;

static struct ml_list *slot_of(const tport_t *tport)
{
    return by_tport + ((uintptr_t)tport >> 6) * 0x9e3779b1U / 7 % SLOTS;
}

static struct ml_guard_wait *oldest(void)
{
    struct ml_link *link = ml_list_first(&by_time);

    return link ? ML_CONTAINER(link, struct ml_guard_wait, by_time) : NULL;
}

void ml_guard_wait_end(struct ml_guard_wait *wait)
{
    ml_list_remove(&wait->by_time);
    ml_list_remove(&wait->by_tport);
    ml_free(wait);
    count--;
}

/* 408 to who has told where to, and the end of the stream. */
static void give_up(struct ml_guard_wait *wait)
{
    static struct ml_guard_message message;
    struct ml_guard_verdict verdict = {.code = 408, .phrase = "Request Timeout"};
    struct ml_str bytes = {msg_buf_committed_data(wait->msg), msg_buf_committed(wait->msg)};
    tport_t *tport = wait->tport;
    const su_sockaddr_t *source = msg_addr(wait->msg);
    struct ml_buf text = {0};
    char host[64];
    uint16_t port;
    bool answer;

    ml_guard_cut(bytes, &message);
    ml_guard_host(source, host, sizeof host);
    answer = message.head > 0 && message.fault == ML_GUARD_PASSED &&
             !ml_str_starts(message.start, ML_STR("SIP/")) &&
             !ml_str_starts(message.start, ML_STR("ACK ")) && ml_guard_rate(source, false) &&
             ml_guard_answer(&message, &verdict, host, ntohs(source->su_port), &text, &port);
    ml_log(ML_LOG_INFO, NULL, "%s: a stream did not finish its SIP message in time", host);
    ml_guard_count(ML_GUARD_SLOW, answer ? ML_GUARD_ANSWER : ML_GUARD_DROP);
    ml_guard_show(false, ML_GUARD_SLOW, tport, wait->msg, bytes);
    ml_guard_wait_end(wait);
    if (answer)
        ml_guard_send(tport, NULL, (struct ml_str){text.p, text.n}, 0, true);
    else
        tport_shutdown(tport, 2);
    ml_buf_fini(&text);
}

static void on_time(void *user)
{
    struct ml_guard_wait *wait;

    (void)user;
    while ((wait = oldest()) && wait->deadline <= ml_clock_ms())
        give_up(wait);
    if (wait)
        ml_timer_set(timer, wait->deadline - ml_clock_ms());
}

void ml_guard_waits_open(struct ml_loop *loop)
{
    ml_list_init(&by_time);
    for (size_t i = 0; i < SLOTS; i++)
        ml_list_init(by_tport + i);
    count = 0;
    timer = ml_timer_new(loop, on_time, NULL);
}

void ml_guard_waits_close(void)
{
    struct ml_guard_wait *wait;

    while ((wait = oldest()))
        ml_guard_wait_end(wait);
    ml_timer_free(timer);
    timer = NULL;
}

struct ml_guard_wait *ml_guard_wait_of(const tport_t *tport)
{
    if (count == 0)
        return NULL;
    ML_LIST_EACH(slot_of(tport), link)
    {
        struct ml_guard_wait *wait = ML_CONTAINER(link, struct ml_guard_wait, by_tport);

        if (wait->tport == tport)
            return wait;
    }
    return NULL;
}

void ml_guard_wait_on(tport_t *tport, msg_t *msg, size_t need)
{
    struct ml_guard_wait *wait = ml_guard_wait_of(tport);

    if (!timer) /* transports nobody opened the guard for */
        return;
    if (!wait) {
        if (count == WAITS_MAX)
            give_up(oldest());
        wait = ml_alloc(sizeof *wait);
        wait->tport = tport;
        wait->deadline = ml_clock_ms() + FINISH_MS;
        if (count++ == 0)
            ml_timer_set(timer, FINISH_MS);
        ml_list_append(&by_time, &wait->by_time);
        ml_list_append(slot_of(tport), &wait->by_tport);
    }
    wait->msg = msg;
    wait->need = need;
}
