/* What the files of the guard share. Nobody else includes this. Loop thread. */
#ifndef ML_SIP_GUARD_PRIV_H
#define ML_SIP_GUARD_PRIV_H

#include <sofia-sip/msg.h>
#include <sofia-sip/su.h>
#include <sofia-sip/tport.h>

#include "core/base/list.h"
#include "core/net/loop.h"
#include "core/sip/guard_judge.h"

/* ---- guard.c ---- */
/* One message more, and what became of it. */
void ml_guard_count(enum ml_guard_reason reason, enum ml_guard_action action);
bool ml_guard_is_watched(void);
void ml_guard_show(bool sent, enum ml_guard_reason reason, tport_t *tport, msg_t *msg,
                   struct ml_str message);
void ml_guard_show_sent(tport_t *tport, msg_t *msg);
/* The self-test is under way: neither counted nor shown. */
void ml_guard_hush(bool on);
/* The numeric host of an address. */
void ml_guard_host(const su_sockaddr_t *address, char *text, size_t size);

/* ---- guard_hooks.c ---- */
/* Are the hooks what the dynamic linker finds? The name of one that is not, or NULL. */
const char *ml_guard_hooks_missed(void);

/* ---- guard_rate.c ---- */
/* May this source have one more message that opens no dialog? passed: sofia will keep it. */
bool ml_guard_rate(const su_sockaddr_t *source, bool passed);
/* For tests of the rate and for the self-test: all buckets are full again. */
void ml_guard_rate_reset(void);

/* ---- guard_accept.c ---- */
/* That connection is over. */
void ml_guard_accept_end(const tport_t *tport);
void ml_guard_accept_close(void);
bool ml_guard_accept_is_hooked(void);

/* ---- guard_send.c ---- */
/* Sends text by tport as it is, to the source of request with that port. close: the stream ends
 * after it. */
void ml_guard_send(tport_t *tport, msg_t *request, struct ml_str text, uint16_t port, bool close);
/* sofia answers nobody whose Via names another transport than the one the request came by, and
 * sends what it answers to a third party that maddr names. After this on the parsed request the
 * answer goes back the way the question came. */
void ml_guard_align_via(const tport_t *tport, msg_t *msg);

/* ---- guard_stream.c: streams that wait for the rest of a message ---- */
struct ml_guard_wait {
    struct ml_link by_time, by_tport;
    tport_t *tport;
    msg_t *msg;  /* sofia's; it holds what is there so far */
    size_t need; /* bytes of msg before it is worth looking again */
    int64_t deadline;
};

void ml_guard_waits_open(struct ml_loop *loop);
void ml_guard_waits_close(void);
struct ml_guard_wait *ml_guard_wait_of(const tport_t *tport);
/* The clock begins with the first byte and does not begin anew. */
void ml_guard_wait_on(tport_t *tport, msg_t *msg, size_t need);
void ml_guard_wait_end(struct ml_guard_wait *wait);

#endif
