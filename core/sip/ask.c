#include "core/sip/ask.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/sip/credentials.h"
#include "core/sip/headers.h"
#include "core/sip/leg_priv.h"
#include "core/sip/targets.h"
#include "core/sip/tls_priv.h"

enum {
    SILENCE_MS = 4000,  /* then the next target, as for an INVITE (S5) */
    TIMEOUT_MS = 32000, /* timer F (RFC 3261 17.1.2.2): nta does not tell of it */
};

struct ml_ask {
    struct ml_link link;    /* in agent->asks */
    struct ml_agent *agent; /* NULL once it is gone */
    ml_ask_fn *fn;
    void *user;
    char *uri, *aor, *flow, *bind, *advertise, **hops;
    size_t hop_count;
    struct ml_credentials credentials;
    char call_id[33], tag[17];
    uint32_t cseq;

    /* the request under way */
    char *method, *contact_user, *contact;
    int expires;
    struct ml_header *headers;
    size_t header_count;
    struct ml_targets *targets;
    size_t index;
    const struct ml_transport *transport;
    struct ml_tls_watch *tls;
    nta_outgoing_t *orq;
    struct ml_timer *silence; /* also what makes the first try, over a flow */
};

static void try_target(struct ml_ask *ask);

/* ---- the end of a request ---- */

static void let_go(struct ml_ask *ask)
{
    if (ask->orq)
        nta_outgoing_destroy(ask->orq);
    ask->orq = NULL;
    ml_tls_forget(ask->tls);
    ask->tls = NULL;
}

static void finish(struct ml_ask *ask, struct ml_ask_result *result)
{
    const char *hosts[ML_TARGETS_MAX];
    char peer[96] = "", where[96];

    result->hosts = hosts;
    for (size_t i = 0; ask->targets && i < ml_targets_count(ask->targets); i++)
        hosts[result->host_count++] = ml_targets_place(ask->targets, i)->host;
    if (ask->targets && ask->index < ml_targets_count(ask->targets)) {
        const struct ml_sip_place *place = ml_targets_place(ask->targets, ask->index);

        ml_place_print(place, where, sizeof where);
        snprintf(peer, sizeof peer, "%.3s:%.90s", place->kind, where);
        result->peer = peer;
    }
    result->contact = ask->contact;
    ml_timer_stop(ask->silence);
    let_go(ask);
    ask->fn(ask, result, ask->user);
}

static void fail(struct ml_ask *ask, enum ml_leg_cause cause, const char *text)
{
    struct ml_ask_result result = {.cause = cause, .text = text};

    finish(ask, &result);
}

/* The next target; false when there is none. */
static bool try_next(struct ml_ask *ask)
{
    if (ask->index + 1 >= ml_targets_count(ask->targets))
        return false;
    ask->index++;
    let_go(ask);
    try_target(ask);
    return true;
}

static void on_silence(void *user)
{
    struct ml_ask *ask = user;

    if (!ask->orq)
        try_target(ask);
    else if (!try_next(ask))
        fail(ask, ML_CAUSE_TIMEOUT, "no response at all");
}

static void on_tls_failure(const char *text, void *user)
{
    struct ml_ask *ask = user;

    if (!try_next(ask))
        fail(ask, ML_CAUSE_TLS, text);
}

/* ---- sending ---- */

static void send_request(struct ml_ask *ask);

static void tell(struct ml_ask *ask, const sip_t *sip)
{
    struct ml_ask_result result = {.code = sip->sip_status->st_status,
                                   .phrase = sip->sip_status->st_phrase};
    msg_t *msg = nta_outgoing_getresponse(ask->orq);
    char *headers = msg ? ml_headers_lines(sip, msg) : NULL;

    result.headers = headers;
    if (result.code >= 300)
        result.cause = ML_CAUSE_RESPONSE;
    else
        ml_credentials_accepted(&ask->credentials);
    finish(ask, &result); /* ask may be gone */
    ml_free(headers);
    msg_destroy(msg);
}

static int on_response(struct ml_leg *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct ml_ask *ask = (struct ml_ask *)(void *)magic;
    int code = nta_outgoing_status(orq);

    if (orq != ask->orq || !sip || code < 200) {
        if (orq == ask->orq && code >= 100 && code < 200)
            ml_timer_set(ask->silence, TIMEOUT_MS);
        return 0;
    }
    if (nta_sip_is_internal(sip)) {
        if (!try_next(ask))
            fail(ask, ML_CAUSE_NETWORK, "the target cannot be reached");
    } else if (ml_credentials_take(&ask->credentials, sip)) {
        nta_outgoing_destroy(ask->orq);
        ask->orq = NULL;
        send_request(ask);
    } else if (code != 503 || !try_next(ask)) {
        tell(ask, sip);
    }
    return 0;
}

/* The Contact header, whose URI is kept. NULL: none. */
static char *make_contact(struct ml_ask *ask)
{
    const char *kind = ask->transport->place.kind;
    char host[ML_SEEN_BYTES], expires[32] = "";
    uint16_t port = ml_transport_seen_as(ask->transport, ask->advertise, host, sizeof host);

    if (!ask->contact_user)
        return NULL;
    ml_free(ask->contact);
    ask->contact =
        ml_format("sip:%s@%s:%u%s%s", ask->contact_user, host, port,
                  strcmp(kind, "udp") ? ";transport=" : "", strcmp(kind, "udp") ? kind : "");
    if (ask->expires >= 0)
        snprintf(expires, sizeof expires, ";expires=%d", ask->expires);
    return ml_format("<%s>%s", ask->contact, expires);
}

/* From, with our tag. */
static char *make_from(const struct ml_ask *ask)
{
    char host[ML_SEEN_BYTES];

    if (ask->aor)
        return ml_format("<%s>;tag=%s", ask->aor, ask->tag);
    ml_transport_seen_as(ask->transport, ask->advertise, host, sizeof host);
    return ml_format("<sip:%s>;tag=%s", host, ask->tag);
}

static void send_request(struct ml_ask *ask)
{
    const struct ml_sip_place *to = ml_targets_place(ask->targets, ask->index);
    sip_method_t method =
        strcmp(ask->method, "REGISTER") == 0 ? sip_method_register : sip_method_options;
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *extra = ml_header_lines(home, ask->headers, ask->header_count);
    char where[96], url[160], via[320], cseq[48];
    char *contact = make_contact(ask), *from = make_from(ask);
    char *remote = ml_format("<%s>", ask->aor ? ask->aor : ask->uri);
    const char *credentials = NULL;

    ml_place_print(to, where, sizeof where);
    snprintf(url, sizeof url, "sip:%s;transport=%s", where, to->kind);
    snprintf(cseq, sizeof cseq, "%u %s", ++ask->cseq, ask->method);
    ml_transport_via(ask->transport, ask->advertise, via, sizeof via);
    if (ask->credentials.username)
        credentials =
            ml_credentials_lines(&ask->credentials, ask->method, ask->uri, (struct ml_str){"", 0});
    ml_tls_begin(ask->tls, nta_agent_tports(ask->agent->nta), ask->transport->ident);
    ask->orq = nta_outgoing_tcreate(
        ask->agent->outside, on_response, (struct ml_leg *)(void *)ask, URL_STRING_MAKE(url),
        method, ask->method, URL_STRING_MAKE(ask->uri), TPTAG_IDENT(ask->transport->ident),
        SIPTAG_FROM_STR(from), SIPTAG_TO_STR(remote), SIPTAG_CALL_ID_STR(ask->call_id),
        SIPTAG_CSEQ_STR(cseq), TAG_IF(contact, SIPTAG_CONTACT_STR(contact)),
        TAG_IF(ask->advertise, SIPTAG_VIA_STR(via)), TAG_IF(ask->advertise, NTATAG_USER_VIA(1)),
        TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)),
        TAG_IF(extra, SIPTAG_HEADER_STR(extra)), SIPTAG_USER_AGENT_STR(ask->agent->user_agent),
        TAG_END());
    ml_tls_end(ask->tls, ask->orq);
    ml_free(contact);
    ml_free(from);
    ml_free(remote);
    su_home_deinit(home);
    if (!ask->orq)
        fail(ask, ML_CAUSE_NETWORK, "the request could not be sent");
    else
        ml_timer_set(ask->silence,
                     ask->index + 1 < ml_targets_count(ask->targets) ? SILENCE_MS : TIMEOUT_MS);
}

static void try_target(struct ml_ask *ask)
{
    const struct ml_sip_place *to = ml_targets_place(ask->targets, ask->index);

    if (!ask->flow)
        ask->transport = ml_transport_for(ask->agent, to, ask->bind);
    if (!ask->transport) {
        fail(ask, ML_CAUSE_NETWORK, "no local address to send from to that target");
        return;
    }
    if (strcmp(to->kind, "tls") == 0 && !ask->flow)
        ask->tls = ml_tls_expect(ask->agent->loop, to->host, to->port,
                                 ml_targets_name(ask->targets, ask->index), &ask->agent->tls,
                                 on_tls_failure, ask);
    send_request(ask);
}

static void on_targets(int status, void *user)
{
    struct ml_ask *ask = user;

    struct ml_ask_result found = {.code = 0};

    if (status == 0 && ask->method)
        try_target(ask);
    else if (status == 0)
        finish(ask, &found);
    else
        fail(ask, ML_CAUSE_DNS, "the name does not resolve");
}

static int find_targets(struct ml_ask *ask, struct ml_fault *fault)
{
    const char *const *uris = (const char *const *)&ask->uri;
    struct ml_sip_place place = {0};

    if (ask->hop_count)
        uris = (const char *const *)ask->hops;
    if (!ask->flow)
        return ml_targets_find(ask->agent, uris, ask->hop_count ? ask->hop_count : 1, on_targets,
                               ask, &ask->targets, fault);
    ask->transport = ml_flow_read(ask->agent, ask->flow, &place);
    if (!ask->transport)
        return ml_fail(fault, ML_EINVAL, "%s: no flow of this agent", ask->flow);
    ask->targets = ml_targets_at(&place);
    ml_timer_set(ask->silence, 0);
    return ML_OK;
}

static void forget_request(struct ml_ask *ask)
{
    ml_timer_stop(ask->silence);
    let_go(ask);
    ml_targets_free(ask->targets);
    ask->targets = NULL;
    ask->index = 0;
    ml_free(ask->method);
    ml_free(ask->contact_user);
    ml_free(ask->contact);
    ml_free(ask->headers);
    ask->method = ask->contact_user = ask->contact = NULL;
    ask->headers = NULL;
}

int ml_ask_send(struct ml_ask *ask, const struct ml_ask_request *request, struct ml_fault *fault)
{
    if (!ask->agent || ask->agent->closing)
        return ml_fail(fault, ML_ECLOSED, "the agent is closed");
    if (request->method && strcmp(request->method, "REGISTER") != 0 &&
        strcmp(request->method, "OPTIONS") != 0)
        return ml_fail(fault, ML_EINVAL, "%s: REGISTER or OPTIONS expected", request->method);
    forget_request(ask);
    ask->method = ml_strdup(request->method);
    ask->contact_user = ml_strdup(request->contact_user);
    ask->expires = request->expires;
    ask->headers = ml_headers_copy(request->headers, request->header_count);
    ask->header_count = request->header_count;
    return find_targets(ask, fault);
}

/* ---- life ---- */

struct ml_ask *ml_ask_new(struct ml_agent *agent, const struct ml_ask_options *options,
                          ml_ask_fn *fn, void *user)
{
    struct ml_ask *ask = ml_alloc(sizeof *ask);

    ml_list_append(&agent->asks, &ask->link);
    ask->agent = agent;
    ask->fn = fn;
    ask->user = user;
    ask->uri = ml_strdup(options->uri);
    ask->aor = ml_strdup(options->aor);
    ask->flow = ml_strdup(options->flow);
    ask->bind = ml_strdup(options->bind);
    ask->advertise =
        ml_strdup(options->advertise || options->bind ? options->advertise : agent->advertise);
    ask->hops = ml_alloc((options->hop_count + 1) * sizeof *ask->hops);
    for (size_t i = 0; i < options->hop_count; i++)
        ask->hops[ask->hop_count++] = ml_strdup(options->hops[i]);
    ml_credentials_init(&ask->credentials, options->username, options->password);
    ml_random_hex(ask->call_id, 16);
    ml_random_hex(ask->tag, 8);
    ask->silence = ml_timer_new(agent->loop, on_silence, ask);
    return ask;
}

struct ml_ask *ml_ask_of(struct ml_link *link)
{
    return ML_CONTAINER(link, struct ml_ask, link);
}

void ml_ask_abandon(struct ml_ask *ask)
{
    forget_request(ask);
    ml_list_remove(&ask->link);
    ask->agent = NULL;
}

void ml_ask_free(struct ml_ask *ask)
{
    if (!ask)
        return;
    forget_request(ask);
    ml_list_remove(&ask->link);
    ml_timer_free(ask->silence);
    ml_credentials_fini(&ask->credentials);
    for (size_t i = 0; i < ask->hop_count; i++)
        ml_free(ask->hops[i]);
    ml_free(ask->hops);
    ml_free(ask->uri);
    ml_free(ask->aor);
    ml_free(ask->flow);
    ml_free(ask->bind);
    ml_free(ask->advertise);
    ml_free(ask);
}
