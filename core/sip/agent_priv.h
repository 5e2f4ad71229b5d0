/* What the files of core/sip share: the agent and its legs, in sofia's types. Loop thread. */
#ifndef ML_SIP_AGENT_PRIV_H
#define ML_SIP_AGENT_PRIV_H

#include <sofia-sip/su_wait.h>

#define NTA_OUTGOING_MAGIC_T struct ml_leg
#define NTA_INCOMING_MAGIC_T struct ml_leg
#define NTA_RELIABLE_MAGIC_T struct ml_leg

#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/tport_tag.h>

#include "core/base/list.h"
#include "core/base/strikes.h"
#include "core/net/loop.h"
#include "core/net/resolver.h"
#include "core/sip/agent.h"
#include "core/sip/register.h"

enum { ML_SIP_HOST_BYTES = 64, ML_SEEN_BYTES = 260 };

/* An address messages come from or go to. */
struct ml_sip_place {
    char kind[4];                 /* "udp", "tcp", "tls" */
    char host[ML_SIP_HOST_BYTES]; /* numeric, without brackets */
    uint16_t port;
};

struct ml_transport {
    struct ml_link link;
    struct ml_sip_place place;
    char ident[96];   /* TPTAG_IDENT: how a source transport is chosen */
    char address[96]; /* "udp:127.0.0.1:5060"; "" for all but one of those that stand for 0.0.0.0 */
    bool listener;    /* named by the options, not made for a region */
};

/* A dialled call that was cancelled and never finally answered. */
struct ml_abandoned {
    char call_id[40];
    struct ml_sip_place peer;
    const struct ml_transport *transport;
    int64_t until;
};

struct ml_agent {
    struct ml_loop *loop;
    nta_agent_t *nta;
    nta_leg_t *outside; /* requests outside any dialog */
    struct ml_agent_handlers handlers;
    void *user;
    struct ml_list transports, legs, asks;
    int live;  /* legs that are not over */
    int calls; /* those of them that came in and are still wanted */
    struct ml_resolver *resolver;
    struct ml_agent_tls tls;
    char *advertise, *user_agent;
    su_home_t home[1];
    sip_allow_t *allow;            /* ML_SIP_ALLOW ... */
    sip_supported_t *supported;    /* ML_SIP_SUPPORTED, read once for the many that are sent */
    struct ml_agent_access access; /* a copy of ours */
    struct ml_strikes guesses;     /* wrong passwords by address */
    ml_agent_register_fn *on_register;
    void *register_user;
    bool is_registrar; /* that handler, and users */
    int session_expires;
    int refusals; /* in the second of refused_at */
    int64_t refused_at;
    struct ml_abandoned abandoned[32];
    size_t abandoned_next;
    struct ml_link traced;
    ml_agent_trace_fn *trace;
    void *trace_user;
    bool closing, guarded;
};

/* ---- transport.c ---- */
/* Parses "udp:127.0.0.1:5060", "tls:[::1]:5061". */
int ml_place_parse(const char *text, struct ml_sip_place *place, struct ml_fault *fault);
/* "127.0.0.1:5060", "[::1]:5060". */
void ml_place_print(const struct ml_sip_place *place, char *text, size_t size);
void ml_place_of(const su_sockaddr_t *address, struct ml_sip_place *place);
bool ml_host_is_ipv6(const char *host);
bool ml_host_is_numeric(const char *host);
/* What the options name: one transport, or for 0.0.0.0 and :: one for each address of the machine.
 */
int ml_transport_listen(struct ml_agent *agent, const struct ml_sip_place *place,
                        struct ml_fault *fault);
int ml_transport_add(struct ml_agent *agent, const struct ml_sip_place *place, bool listener,
                     struct ml_transport **transportp, struct ml_fault *fault);
/* The transport that requests to `to` leave by: bound to `bind` when given (made when there is none
 * yet: the port of the first listener of its kind, or a free one). NULL: there is no way. */
struct ml_transport *ml_transport_for(struct ml_agent *agent, const struct ml_sip_place *to,
                                      const char *bind);
struct ml_transport *ml_transport_by_ident(const struct ml_agent *agent, const char *ident);
/* The host (an IPv6 address in brackets) and the port under which others reach that transport.
 * advertise: host[:port], NULL for its own. */
uint16_t ml_transport_seen_as(const struct ml_transport *transport, const char *advertise,
                              char *host, size_t size);
/* The Via of a transport that is seen under another address; without one sofia makes its own. */
void ml_transport_via(const struct ml_transport *transport, const char *advertise, char *text,
                      size_t size);
/* A Contact for that transport, made in home. */
sip_contact_t *ml_transport_contact(su_home_t *home, const struct ml_transport *transport,
                                    const char *advertise);

/* ---- access.c ---- */
void ml_access_init(struct ml_agent_access *copy, const struct ml_agent_access *access);
void ml_access_fini(struct ml_agent_access *access);
/* May this call be let in? 0, or the answer was given (its code). username: who proved to be, with
 * credentials; peer: whose address it came from. Made with ml_alloc, NULL when not known. */
int ml_access_check(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                    const struct ml_sip_place *source, char **username, char **peer);
/* The user whose credentials a request brings; NULL: the answer was given (challenge, refusal). */
char *ml_access_prove(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                      const struct ml_sip_place *source);
bool ml_cidr_match(const char *cidr, const char *host);

/* ---- leg_in.c ---- */
int ml_leg_incoming(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                    const struct ml_sip_place *source, const struct ml_transport *transport,
                    char *username, char *peer);

/* ---- ask.c ---- */
struct ml_ask;
/* The agent closes: the request under way is let go, and there is no other. */
void ml_ask_abandon(struct ml_ask *ask);
struct ml_ask *ml_ask_of(struct ml_link *link);

/* ---- register.c ---- */
void ml_register_incoming(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                          const struct ml_sip_place *source, const struct ml_transport *transport);

#endif
