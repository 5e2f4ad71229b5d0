/* What the files of the judge share: guard_judge.c (the start line, what every message has, the
 * whole) and guard_asks.c (what it asks for). Nobody else includes this. Any thread. */
#ifndef ML_SIP_GUARD_LOOK_H
#define ML_SIP_GUARD_LOOK_H

#include "core/sip/guard_judge.h"

/* What is known of the message while it is judged. */
struct ml_guard_look {
    struct ml_guard_message *message;
    struct ml_guard_verdict *verdict;
    bool stream, request;
    struct ml_str method, target; /* request; method: of CSeq in a response */
    uint64_t status;
    struct ml_guard_address from, to;
    struct ml_str to_tag;
    bool opens_or_targets; /* forms a dialog or renews its target: Contact counts */
};

/* Returns false, so that a check can end with it. */
bool ml_guard_blame(struct ml_guard_look *look, enum ml_guard_reason reason, int code,
                    const char *phrase);
bool ml_guard_is(struct ml_str text, const char *word);
/* Is it a method of an RFC? */
bool ml_guard_knows(struct ml_str method);
/* Of a request whose headers were read: false when it asks for what we cannot do. */
bool ml_guard_can_do(struct ml_guard_look *look);
/* Routes and Contact, of a response too. */
bool ml_guard_read_addresses(struct ml_guard_look *look);

#endif
