/* What was said and done in the last calls, to look at afterwards: SIP messages as they passed, and
 * what policy tells, in bytes of its own. A ring of traces, each of a bounded size: of a call that
 * says more, the beginning and the newest are kept. A call that is placed for another one is part
 * of its trace. Owner: the program. Loop thread. */
#ifndef ML_HOUSE_TRACES_H
#define ML_HOUSE_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"
#include "core/sip/agent.h"

struct ml_traces;

/* Of so many calls, with at most that many bytes each (4,096 at least). */
struct ml_traces *ml_traces_new(size_t calls, size_t bytes);
void ml_traces_free(struct ml_traces *traces);

/* A call begins. parent NULL, or one that is not known: it has a trace of its own, and the oldest
 * one goes when there are too many, those of ended calls first. */
void ml_traces_open(struct ml_traces *traces, const char *sid, const char *parent);
/* The messages with that Call-ID are the call's, those that were seen just before too. */
void ml_traces_dialog(struct ml_traces *traces, const char *sid, const char *call_id);
/* The call is over. What still comes is kept, for as long as its trace is. */
void ml_traces_end(struct ml_traces *traces, const char *sid);

void ml_traces_message(struct ml_traces *traces, const struct ml_agent_trace *message);
/* Something about the call, kept whole or not at all; dropped when there is no such call. */
void ml_traces_tell(struct ml_traces *traces, const char *sid, struct ml_str told);

struct ml_trace_item {
    int64_t us;      /* of ml_clock_us */
    const char *sid; /* whose it is */
    bool is_message; /* else text is what was told */
    bool sent;
    const char *transport, *local, *remote;
    struct ml_str text; /* of a message: secrets masked (ml_trace_mask) */
};
typedef void ml_trace_visit_fn(const struct ml_trace_item *item, void *user);

/* The trace that the call is part of, in the order in which it came to be. False: there is none.
 * dropped: how many items the limit has cost it, after the beginning. */
bool ml_traces_read(struct ml_traces *traces, const char *sid, ml_trace_visit_fn *visit, void *user,
                    size_t *dropped);
/* Bytes that all of them take. */
size_t ml_traces_bytes(const struct ml_traces *traces);

/* Overwrites the credentials of a SIP message with asterisks: of Digest the response, of anything
 * else all. */
void ml_trace_mask(char *message, size_t n);

#endif
