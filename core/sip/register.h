/* REGISTER as the registrar gets it: who proved to be whom, which contacts, and over which flow.
 * The agent asks for the credentials, reads the request and writes the answer; where the bindings
 * are kept is the business of who handles it (core/house/registrar.h). Loop thread. */
#ifndef ML_SIP_REGISTER_H
#define ML_SIP_REGISTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_agent;

struct ml_register_contact {
    const char *uri;
    const char *instance; /* +sip.instance with its reg-id (RFC 5626): the device. NULL: not said */
    int expires;          /* seconds; -1: not said */
};

/* Borrowed until the handler returns. */
struct ml_register {
    const char *user; /* by digest, and the user of To */
    const char *call_id;
    uint32_t cseq;
    const char *flow;   /* for ml_leg_dial and ml_ask_options */
    const char *source; /* "udp:127.0.0.1:5060" */
    const char *user_agent;
    const struct ml_register_contact *contacts;
    size_t count; /* 0 and not `all`: only asks what is registered */
    bool all;     /* Contact: *, all bindings are to be removed */
};

struct ml_register_answer {
    int code;
    char *contacts; /* of a 200: the value of Contact, made with ml_alloc; NULL: none are registered
                     */
    int min_expires; /* of a 423 */
};

typedef void ml_agent_register_fn(const struct ml_register *request,
                                  struct ml_register_answer *answer, void *user);

/* With a handler the agent is a registrar for the users of its access list; NULL: REGISTER gets
 * 405. */
void ml_agent_on_register(struct ml_agent *agent, ml_agent_register_fn *fn, void *user);

/* Are these SIP URIs the same (RFC 3261 19.1.4)? */
bool ml_sip_uri_same(const char *a, const char *b);

#endif
