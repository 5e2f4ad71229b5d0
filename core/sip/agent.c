/* The agent: sofia's nta with its transports, and what comes in outside any dialog. */
#include "core/sip/agent.h"

#include <stdio.h>
#include <string.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/tport.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/agent_priv.h"
#include "core/sip/guard.h"
#include "core/sip/leg_priv.h"

enum {
    MESSAGE_MAX = 32768, /* the worst 32 KB message costs 33 ms, 64 KB 87 ms */
    UDP_MTU = 65535,     /* never TCP because of size: the URI says which transport */
    GUESSES = 20,        /* wrong passwords of one address within */
    GUESSES_MS = 60000
};

static void copy_options(struct ml_agent *agent, const struct ml_agent_options *options)
{
    agent->resolver = options->resolver;
    agent->advertise = ml_strdup(options->advertise);
    agent->user_agent = ml_strdup(options->user_agent ? options->user_agent : "moonline");
    su_home_init(agent->home);
    agent->allow = sip_allow_make(agent->home, ML_SIP_ALLOW);
    agent->supported = sip_supported_make(agent->home, ML_SIP_SUPPORTED);
    agent->session_expires = options->session_expires;
    ml_access_init(&agent->access, &options->access);
    agent->tls.certificate_file = ml_strdup(options->tls.certificate_file);
    agent->tls.key_file = ml_strdup(options->tls.key_file);
    agent->tls.ca_file = ml_strdup(options->tls.ca_file);
    agent->tls.no_verify = options->tls.no_verify;
}

static void agent_free(struct ml_agent *agent)
{
    ML_LIST_EACH(&agent->transports, link)
    ml_free(ML_CONTAINER(link, struct ml_transport, link));
    ml_access_fini(&agent->access);
    ml_free((char *)(uintptr_t)agent->tls.certificate_file);
    ml_free((char *)(uintptr_t)agent->tls.key_file);
    ml_free((char *)(uintptr_t)agent->tls.ca_file);
    ml_free(agent->advertise);
    ml_free(agent->user_agent);
    su_home_deinit(agent->home);
    ml_free(agent);
}

/* ---- requests outside any dialog ---- */

static const char *allowed(const struct ml_agent *agent)
{
    return agent->is_registrar ? ML_SIP_ALLOW ", REGISTER" : ML_SIP_ALLOW;
}

static int answer_options(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip)
{
    int retry_after = 0;
    int code = agent->handlers.admit ? agent->handlers.admit(sip->sip_request->rq_method_name,
                                                             &retry_after, agent->user)
                                     : 0;
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%d", retry_after);
    nta_incoming_treply(irq, code ? code : 200, NULL, SIPTAG_ALLOW_STR(allowed(agent)),
                        SIPTAG_ACCEPT_STR("application/sdp"),
                        SIPTAG_SUPPORTED_STR(ML_SIP_SUPPORTED),
                        SIPTAG_SERVER_STR(agent->user_agent),
                        TAG_IF(retry_after > 0, SIPTAG_RETRY_AFTER_STR(seconds)), TAG_END());
    return 0;
}

/* Asks policy whether a call may come; true when it was refused. What no policy has to decide
 * (Contact, Require, the body) the guard has refused before. */
static bool refuse_invite(struct ml_agent *agent, nta_incoming_t *irq)
{
    char seconds[16];
    int retry_after = 0;
    int code;

    code = agent->handlers.admit ? agent->handlers.admit("INVITE", &retry_after, agent->user) : 0;
    if (!code)
        return false;
    snprintf(seconds, sizeof seconds, "%d", retry_after);
    nta_incoming_treply(irq, code, NULL, TAG_IF(retry_after > 0, SIPTAG_RETRY_AFTER_STR(seconds)),
                        SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
    return true;
}

/* Where a request came from, and by which of our transports. */
static const struct ml_transport *origin(struct ml_agent *agent, nta_incoming_t *irq,
                                         struct ml_sip_place *source)
{
    msg_t *msg = nta_incoming_getrequest(irq);
    tport_t *tport = nta_incoming_transport(agent->nta, irq, msg);
    const struct ml_transport *transport = NULL;

    memset(source, 0, sizeof *source);
    if (msg)
        ml_place_of((const su_sockaddr_t *)msg_addrinfo(msg)->ai_addr, source);
    if (tport) {
        transport = ml_transport_by_ident(agent, tport_name(tport_parent(tport))->tpn_ident);
        tport_unref(tport);
    }
    if (transport)
        memcpy(source->kind, transport->place.kind, sizeof source->kind);
    msg_destroy(msg);
    return transport;
}

static int not_allowed(const struct ml_agent *agent, nta_incoming_t *irq)
{
    nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR(allowed(agent)),
                        SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
    return 0;
}

static int on_outside(nta_leg_magic_t *magic, nta_leg_t *none, nta_incoming_t *irq,
                      const sip_t *sip)
{
    struct ml_agent *agent = (struct ml_agent *)magic;
    const struct ml_transport *transport;
    struct ml_sip_place source;
    char *username, *peer;

    (void)none;
    switch (sip->sip_request->rq_method) {
    case sip_method_ack:
        return 0;
    case sip_method_options:
        return sip->sip_to->a_tag ? 481 : answer_options(agent, irq, sip);
    case sip_method_bye:
    case sip_method_cancel:
    case sip_method_info:
    case sip_method_update:
    case sip_method_prack:
        return 481;
    case sip_method_register:
        if (!agent->is_registrar || sip->sip_to->a_tag)
            return not_allowed(agent, irq);
        transport = origin(agent, irq, &source);
        if (!transport || agent->closing)
            return 503;
        ml_register_incoming(agent, irq, sip, &source, transport);
        return 0;
    case sip_method_invite:
        break;
    default: /* REFER, NOTIFY: the guard lets no other method through */
        if (sip->sip_to->a_tag)
            return 481;
        return not_allowed(agent, irq);
    }
    if (sip->sip_to->a_tag)
        return 481;
    transport = origin(agent, irq, &source);
    if (!transport || agent->closing)
        return 503;
    if (ml_access_check(agent, irq, sip, &source, &username, &peer) != 0)
        return 0;
    if (refuse_invite(agent, irq)) {
        ml_free(username);
        ml_free(peer);
        return 0;
    }
    return ml_leg_incoming(agent, irq, sip, &source, transport, username, peer);
}

/* Responses to nothing, and the like. */
static int on_stray(nta_agent_magic_t *magic, nta_agent_t *nta, msg_t *msg, sip_t *sip)
{
    (void)nta;
    ml_agent_stray((struct ml_agent *)magic, sip);
    msg_destroy(msg);
    return 0;
}

/* ---- opening and closing ---- */

static int open_nta(struct ml_agent *agent, struct ml_fault *fault)
{
    agent->nta = nta_agent_create(
        ml_loop_sofia(agent->loop), (url_string_t *)-1, on_stray, (nta_agent_magic_t *)agent,
        NTATAG_MAXSIZE(MESSAGE_MAX), NTATAG_UDP_MTU(UDP_MTU), NTATAG_UA(1), NTATAG_CANCEL_487(0),
        NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0), NTATAG_TIMEOUT_408(0), NTATAG_SERVER_RPORT(1),
        NTATAG_CLIENT_RPORT(1), NTATAG_MERGE_482(1), NTATAG_EXTRA_100(0), NTATAG_PASS_100(1),
        NTATAG_PASS_408(1), TAG_END());
    if (!agent->nta)
        return ml_fail(fault, ML_ENET, "the SIP stack did not start");
    agent->outside = nta_leg_tcreate(agent->nta, on_outside, (nta_leg_magic_t *)agent,
                                     NTATAG_NO_DIALOG(1), TAG_END());
    return agent->outside ? ML_OK : ml_fail(fault, ML_ENET, "the SIP stack did not start");
}

int ml_agent_new(struct ml_loop *loop, const struct ml_agent_options *options,
                 const struct ml_agent_handlers *handlers, void *user, struct ml_agent **agentp,
                 struct ml_fault *fault)
{
    struct ml_agent *agent = ml_alloc(sizeof *agent);
    int status;

    agent->loop = loop;
    agent->handlers = *handlers;
    agent->user = user;
    ml_strikes_init(&agent->guesses, GUESSES, GUESSES_MS);
    ml_list_init(&agent->transports);
    ml_list_init(&agent->legs);
    ml_list_init(&agent->asks);
    copy_options(agent, options);
    status = ml_guard_open(loop, fault);
    agent->guarded = status == 0;
    if (options->max_connections || options->max_per_source)
        ml_guard_connections(options->max_connections, options->max_per_source);
    if (status == 0)
        status = open_nta(agent, fault);
    for (size_t i = 0; status == 0 && i < options->listen_count; i++) {
        struct ml_sip_place place = {0};

        status = ml_place_parse(options->listen[i], &place, fault);
        if (status == 0)
            status = ml_transport_listen(agent, &place, fault);
    }
    if (status != 0) {
        ml_agent_free(agent);
        return status;
    }
    *agentp = agent;
    return ML_OK;
}

void ml_agent_free(struct ml_agent *agent)
{
    if (!agent)
        return;
    agent->closing = true;
    ml_agent_on_register(agent, NULL, NULL);
    ML_LIST_EACH(&agent->legs, link)
    ml_leg_abandon(ML_CONTAINER(link, struct ml_leg, link));
    ML_LIST_EACH(&agent->asks, link)
    ml_ask_abandon(ml_ask_of(link));
    if (agent->outside)
        nta_leg_destroy(agent->outside);
    if (agent->nta)
        nta_agent_destroy(agent->nta);
    if (agent->trace)
        ml_agent_on_trace(agent, NULL, NULL);
    if (agent->guarded)
        ml_guard_close();
    agent_free(agent);
}

/* Nobody can register without users: then the guard answers. */
static void settle_registrar(struct ml_agent *agent)
{
    bool is_registrar = agent->on_register && agent->access.user_count > 0;

    if (is_registrar != agent->is_registrar)
        ml_guard_registrar(is_registrar);
    agent->is_registrar = is_registrar;
}

void ml_agent_set_access(struct ml_agent *agent, const struct ml_agent_access *access)
{
    ml_access_fini(&agent->access);
    ml_access_init(&agent->access, access);
    settle_registrar(agent);
}

void ml_agent_on_register(struct ml_agent *agent, ml_agent_register_fn *fn, void *user)
{
    agent->on_register = fn;
    agent->register_user = user;
    settle_registrar(agent);
}

void ml_agent_hangup(struct ml_agent *agent)
{
    struct ml_leg_event refused = {
        .kind = ML_LEG_ENDED, .cause = ML_CAUSE_LOCAL, .text = "hung up before it was answered"};

    ML_LIST_EACH(&agent->legs, link)
    {
        struct ml_leg *leg = ml_leg_ref(ML_CONTAINER(link, struct ml_leg, link));

        if (leg->state == ML_LEG_INCOMING)
            ml_leg_tell(leg, &refused);
        ml_leg_hangup(leg, NULL, 0);
        ml_leg_unref(leg);
    }
}

const char *ml_agent_address(const struct ml_agent *agent, size_t index)
{
    ML_LIST_EACH(&agent->transports, link)
    {
        const struct ml_transport *transport = ML_CONTAINER(link, struct ml_transport, link);

        if (transport->listener && transport->address[0] && index-- == 0)
            return transport->address;
    }
    return NULL;
}

/* ---- trace ---- */

static struct ml_list traced; /* agents with a trace */

/* Everything that passes the edge of the process, whoever's it is. */
static void on_seen(const struct ml_guard_seen *seen, void *user)
{
    struct ml_agent_trace trace = {seen->sent, seen->transport, seen->local, seen->remote,
                                   seen->message};

    (void)user;
    if (seen->reason != ML_GUARD_PASSED)
        return;
    ML_LIST_EACH(&traced, link)
    {
        const struct ml_agent *agent = ML_CONTAINER(link, struct ml_agent, traced);

        if (ml_transport_by_ident(agent, seen->ident))
            agent->trace(&trace, agent->trace_user);
    }
}

void ml_agent_on_trace(struct ml_agent *agent, ml_agent_trace_fn *fn, void *user)
{
    if (!traced.head.next)
        ml_list_init(&traced);
    ml_list_remove(&agent->traced);
    agent->trace = fn;
    agent->trace_user = user;
    if (fn)
        ml_list_append(&traced, &agent->traced);
    ml_guard_watch(ml_list_empty(&traced) ? NULL : on_seen, NULL);
}

int ml_agent_legs(const struct ml_agent *agent)
{
    return agent->live;
}

int ml_agent_calls(const struct ml_agent *agent)
{
    return agent->calls;
}
