/* A leg as UAC: we dial. Finds the targets, sends the INVITE, reads what comes back. */
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/sip/headers.h"
#include "core/sip/leg_priv.h"
#include "core/sip/targets.h"
#include "core/sip/tls_priv.h"

enum {
    SILENCE_MS = 4000, /* then the next target (S5) */
    SESSION_MAX = 86400
};

struct ml_route {
    struct ml_targets *targets;
    size_t index;
    struct ml_timer *silence;
    char *offer;                 /* the same in every INVITE */
    char *bind;                  /* egress profile */
    int session_expires, min_se; /* asked for; the second by a 422 */
    bool answered_early;         /* a provisional response brought an answer we can use */
};

void ml_leg_route_free(struct ml_leg *leg)
{
    struct ml_route *route = leg->route;

    if (!route)
        return;
    leg->route = NULL;
    ml_targets_free(route->targets);
    ml_timer_free(route->silence);
    ml_free(route->offer);
    ml_free(route->bind);
    ml_free(route);
}

static void fail(struct ml_leg *leg, enum ml_leg_cause cause, const char *text)
{
    struct ml_leg_event event = {.kind = ML_LEG_FAILED, .cause = cause, .text = text};

    if (leg->state == ML_LEG_OVER)
        return;
    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

/* ---- sending ---- */

static int on_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip);
static void try_target(struct ml_leg *leg);

/* The next target of the list; false when there is none. */
static bool try_next(struct ml_leg *leg)
{
    struct ml_route *route = leg->route;

    if (!route || route->index + 1 >= ml_targets_count(route->targets) || leg->cancel_wanted)
        return false;
    route->index++;
    if (leg->invite_out)
        nta_outgoing_destroy(leg->invite_out);
    leg->invite_out = NULL;
    try_target(leg);
    return true;
}

static void on_silence(void *user)
{
    struct ml_leg *leg = user;

    if (leg->provisional == 0 && leg->state == ML_LEG_CALLING)
        try_next(leg);
}

static void on_tls_failure(const char *text, void *user)
{
    struct ml_leg *leg = user;

    if (leg->state == ML_LEG_UP || leg->state == ML_LEG_OVER || try_next(leg))
        return; /* in a call the request that failed says so */
    fail(leg, ML_CAUSE_TLS, text);
}

static void send_invite(struct ml_leg *leg)
{
    struct ml_route *route = leg->route;
    const struct ml_sip_place *to = &leg->peer;
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *extra = ml_header_lines(home, leg->extra, leg->extra_count);
    char where[96], url[160], seconds[16], least[16];

    ml_place_print(to, where, sizeof where);
    snprintf(url, sizeof url, "sip:%s;transport=%s", where, to->kind);
    snprintf(seconds, sizeof seconds, "%d", route->session_expires);
    snprintf(least, sizeof least, "%d", route->min_se);
    leg->invite_out = ml_leg_send(
        leg, on_response, URL_STRING_MAKE(url), SIP_METHOD_INVITE, URL_STRING_MAKE(leg->uri),
        SIPTAG_CONTACT(leg->contact), SIPTAG_ALLOW_STR(ML_SIP_ALLOW), SIPTAG_SUPPORTED_STR("timer"),
        SIPTAG_USER_AGENT_STR(leg->agent->user_agent),
        TAG_IF(leg->proxy, SIPTAG_ROUTE_STR(leg->proxy)),
        TAG_IF(route->session_expires, SIPTAG_SESSION_EXPIRES_STR(seconds)),
        TAG_IF(route->min_se, SIPTAG_MIN_SE_STR(least)), TAG_IF(extra, SIPTAG_HEADER_STR(extra)),
        SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(route->offer), TAG_END());
    su_home_deinit(home);
    if (!leg->invite_out) {
        fail(leg, ML_CAUSE_NETWORK, "the INVITE could not be sent");
        return;
    }
    leg->offer = ML_OFFER_SENT;
    if (!leg->sent_told) {
        struct ml_leg_event event = {.kind = ML_LEG_SENT};

        leg->sent_told = true;
        ml_leg_tell(leg, &event);
    }
    if (route->index + 1 < ml_targets_count(route->targets))
        ml_timer_set(route->silence, SILENCE_MS);
}

/* From and To of the dialog, made once. */
static bool make_dialog(struct ml_leg *leg, const char *from)
{
    char tag[17], id[33];
    const char *to = leg->uri;
    sip_to_t *remote;

    remote = sip_to_create(leg->home, URL_STRING_MAKE(to));
    if (!remote)
        return false;
    remote->a_url->url_params = remote->a_url->url_headers = NULL;
    ml_random_hex(id, 16);
    ml_random_hex(tag, 8);
    leg->call_id = ml_strdup(id);
    leg->dialog = nta_leg_tcreate(leg->agent->nta, ml_leg_on_request, (nta_leg_magic_t *)leg,
                                  SIPTAG_CALL_ID_STR(id), SIPTAG_FROM_STR(from), SIPTAG_TO(remote),
                                  SIPTAG_CSEQ_STR("1 INVITE"), TAG_END());
    if (leg->dialog)
        nta_leg_tag(leg->dialog, tag);
    return leg->dialog != NULL;
}

/* user part and display name as the grammar wants them (RFC 3261 25.1). */
static char *from_header(const struct ml_leg *leg, const char *host)
{
    struct ml_buf text = {0};

    if (leg->from_display && leg->from_display[0]) {
        ml_buf_str(&text, "\"");
        for (const char *c = leg->from_display; *c; c++) {
            if (*c == '"' || *c == '\\')
                ml_buf_str(&text, "\\");
            if ((unsigned char)*c >= 0x20)
                ml_buf_add(&text, c, 1);
        }
        ml_buf_str(&text, "\" ");
    }
    ml_buf_str(&text, "<sip:");
    if (leg->from_uri) { /* holds the user part until the dialog is made */
        for (const char *c = leg->from_uri; *c; c++) {
            if (strchr("-_.!~*'()&=+$,;?/", *c) || (*c >= '0' && *c <= '9') ||
                ((*c | 32) >= 'a' && (*c | 32) <= 'z'))
                ml_buf_add(&text, c, 1);
            else
                ml_buf_printf(&text, "%%%02X", (unsigned char)*c);
        }
        ml_buf_str(&text, "@");
    } else {
        ml_buf_str(&text, "anonymous@");
    }
    ml_buf_printf(&text, "%s>", host);
    return ml_buf_take(&text);
}

static bool begin_dialog(struct ml_leg *leg)
{
    char host[ML_SEEN_BYTES], *from, *start, *end;
    bool made;

    ml_transport_seen_as(leg->transport, leg->advertise, host, sizeof host);
    /* to_uri is the from_host of the dial until the dialog is made. */
    from = from_header(leg, leg->to_uri ? leg->to_uri : host);
    made = make_dialog(leg, from);
    ml_free(leg->from_uri);
    ml_free(leg->to_uri);
    start = strrchr(from, '<');
    end = strrchr(from, '>');
    leg->from_uri = ml_strndup(start + 1, (size_t)(end - start - 1));
    leg->to_uri = ml_strndup(leg->uri, strcspn(leg->uri, ";?"));
    ml_free(from);
    return made;
}

static void try_target(struct ml_leg *leg)
{
    struct ml_route *route = leg->route;

    leg->peer = *ml_targets_place(route->targets, route->index);
    if (!leg->by_flow)
        leg->transport = ml_transport_for(leg->agent, &leg->peer, route->bind);
    if (!leg->transport) {
        fail(leg, ML_CAUSE_NETWORK, "no local address to send from to that target");
        return;
    }
    leg->contact = ml_transport_contact(leg->home, leg->transport, leg->advertise);
    if (!leg->dialog && !begin_dialog(leg)) {
        fail(leg, ML_CAUSE_NETWORK, "the URI cannot be dialled");
        return;
    }
    if (!route->offer && leg->description->make_offer(leg->description_user, &route->offer) != 0) {
        fail(leg, ML_CAUSE_NETWORK, "no port for the audio");
        return;
    }
    ml_tls_forget(leg->tls);
    leg->tls = NULL;
    if (strcmp(leg->peer.kind, "tls") == 0 && !leg->by_flow)
        leg->tls = ml_tls_expect(leg->agent->loop, leg->peer.host, leg->peer.port,
                                 ml_targets_name(route->targets, route->index), &leg->agent->tls,
                                 on_tls_failure, leg);
    send_invite(leg);
}

/* ---- dialling ---- */

static void on_targets(int status, void *user)
{
    struct ml_leg *leg = user;

    if (status == 0)
        try_target(leg);
    else
        fail(leg, ML_CAUSE_DNS, "the name does not resolve");
}

/* A flow has one place, and it is known: told in the next turn all the same. */
static void on_flow(void *user)
{
    struct ml_leg *leg = user;

    if (leg->state == ML_LEG_CALLING)
        try_target(leg);
    ml_leg_unref(leg);
}

/* Loose routing whatever was written: a strict router would get our Request-URI as its last Route
 * (RFC 3261 section 16.12). */
static char *route_header(const char *proxy)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *header = NULL;
    url_t *url;

    if (!proxy)
        return NULL;
    if (proxy[0] == '<')
        return ml_strdup(proxy);
    url = url_hdup(home, URL_STRING_MAKE(proxy)->us_url);
    header = ml_format("<%s%s>", proxy, url && url_has_param(url, "lr") ? "" : ";lr");
    su_home_deinit(home);
    return header;
}

/* Begins to look for the places the INVITE goes to: back over a flow, to a proxy, to the hops
 * given, or where the URI leads. */
static int find_targets(struct ml_leg *leg, const struct ml_leg_dial *dial, struct ml_fault *fault)
{
    const char *const *uris = &dial->uri;
    struct ml_sip_place place = {0};
    size_t count = 1;

    if (dial->flow) {
        leg->transport = ml_flow_read(leg->agent, dial->flow, &place);
        if (!leg->transport)
            return ml_fail(fault, ML_EINVAL, "%s: no flow of this agent", dial->flow);
        leg->by_flow = true;
        leg->route->targets = ml_targets_at(&place);
        return ML_OK;
    }
    if (dial->proxy) {
        uris = &dial->proxy;
    } else if (dial->hop_count) {
        uris = dial->hops;
        count = dial->hop_count;
    }
    return ml_targets_find(leg->agent, uris, count, on_targets, leg, &leg->route->targets, fault);
}

int ml_agent_dial(struct ml_agent *agent, const struct ml_leg_dial *dial,
                  const struct ml_leg_description *description, void *description_user,
                  ml_leg_event_fn *fn, void *user, struct ml_leg **legp, struct ml_fault *fault)
{
    struct ml_leg *leg;
    struct ml_route *route;
    int status;

    if (agent->closing)
        return ml_fail(fault, ML_ECLOSED, "the agent is being closed");
    leg = ml_leg_new(agent, false);
    route = leg->route = ml_alloc(sizeof *route);
    status = find_targets(leg, dial, fault);
    if (status != 0) {
        ml_leg_discard(leg);
        return status;
    }
    route->bind = ml_strdup(dial->bind);
    route->session_expires = agent->session_expires;
    route->silence = ml_timer_new(agent->loop, on_silence, leg);
    leg->uri = ml_strdup(dial->uri);
    leg->request_uri = ml_strdup(dial->uri);
    leg->proxy = route_header(dial->proxy);
    leg->advertise = ml_strdup(dial->advertise || dial->bind ? dial->advertise : agent->advertise);
    leg->from_uri = ml_strdup(dial->from_user);
    leg->to_uri = ml_strdup(dial->from_host);
    leg->from_display = ml_strdup(dial->from_display);
    ml_credentials_init(&leg->credentials, dial->username, dial->password);
    leg->extra = ml_headers_copy(dial->headers, dial->header_count);
    leg->extra_count = dial->header_count;
    ml_leg_describe(leg, description, description_user);
    ml_leg_watch(leg, fn, user);
    if (leg->by_flow)
        ml_loop_post(agent->loop, on_flow, ml_leg_ref(leg));
    *legp = ml_leg_ref(leg);
    return ML_OK;
}

/* ---- responses ---- */

static void on_provisional(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    msg_t *msg;

    leg->provisional = sip->sip_status->st_status;
    ml_timer_stop(leg->route->silence);
    if (leg->provisional <= 100 || leg->cancel_wanted)
        return;
    if (ml_leg_body(sip).n > 0 && leg->description &&
        leg->description->take_answer(leg->description_user, ml_leg_body(sip)) == 0)
        leg->route->answered_early = true;
    msg = nta_outgoing_getresponse(orq);
    ml_leg_tell_message(leg, ML_LEG_RINGING, ML_CAUSE_NONE, sip, msg, NULL);
    msg_destroy(msg);
}

/* 200 after our CANCEL, or with SDP nobody can use: it is up only to be ended. */
static void end_at_once(struct ml_leg *leg, enum ml_leg_cause cause, const char *text)
{
    struct ml_leg_event event = {.kind = cause == ML_CAUSE_SDP ? ML_LEG_FAILED : ML_LEG_ENDED,
                                 .code = cause == ML_CAUSE_SDP ? 488 : 200,
                                 .cause = cause,
                                 .text = text};

    ml_leg_send_bye(leg, NULL, 0);
    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

static void on_success(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    msg_t *msg = nta_outgoing_getresponse(orq);
    struct ml_str body = ml_leg_body(sip);
    bool usable = false;

    nta_leg_rtag(leg->dialog, sip->sip_to->a_tag);
    nta_leg_client_route(leg->dialog, sip->sip_record_route, sip->sip_contact);
    ml_leg_learn_contact(leg, sip);
    ml_credentials_accepted(&leg->credentials);
    leg->ack_cseq = nta_outgoing_cseq(orq);
    leg->peer_has_update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
    ml_leg_send_ack(leg, leg->ack_cseq, NULL);
    leg->confirmed = true;
    if (body.n == 0)
        usable = leg->route->answered_early; /* the answer need not come twice */
    else if (!leg->cancel_wanted && leg->description)
        usable = leg->description->take_answer(leg->description_user, body) == 0;
    leg->offer = ML_OFFER_DONE;
    if (leg->cancel_wanted) {
        end_at_once(leg, ML_CAUSE_LOCAL, "answered after it was cancelled");
    } else if (!usable) {
        end_at_once(leg, ML_CAUSE_SDP, "answered with a description we cannot use");
    } else {
        ml_leg_enter(leg, ML_LEG_UP);
        ml_session_answered(leg, sip);
        ml_leg_tell_message(leg, ML_LEG_ANSWERED, ML_CAUSE_NONE, sip, msg, NULL);
    }
    msg_destroy(msg);
    if (leg->state != ML_LEG_OVER)
        ml_leg_route_free(leg);
}

/* The same INVITE once more, for a reason. */
static void send_again(struct ml_leg *leg)
{
    nta_outgoing_destroy(leg->invite_out);
    leg->invite_out = NULL;
    leg->provisional = 0;
    send_invite(leg);
}

/* 422: the peer wants a longer session (RFC 4028 section 7.4). Once: a second 422 is a refusal. */
static bool takes_longer_session(struct ml_leg *leg, const sip_t *sip)
{
    struct ml_route *route = leg->route;

    if (!sip->sip_min_se || route->min_se || !route->session_expires ||
        sip->sip_min_se->min_delta > SESSION_MAX)
        return false;
    route->min_se = (int)sip->sip_min_se->min_delta;
    if (route->session_expires < route->min_se)
        route->session_expires = route->min_se;
    return true;
}

static void on_failure(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code = sip->sip_status->st_status;
    msg_t *msg = nta_outgoing_getresponse(orq);

    if (nta_sip_is_internal(sip)) {
        if (leg->cancel_wanted) {
            ml_agent_remember(leg->agent, leg);
            fail(leg, ML_CAUSE_LOCAL, "the INVITE was never answered, nor was the CANCEL");
        } else if (!try_next(leg))
            fail(leg, code == 408 ? ML_CAUSE_TIMEOUT : ML_CAUSE_NETWORK,
                 code == 408 ? "no response at all" : "the target cannot be reached");
    } else if (!leg->cancel_wanted && ((code == 422 && takes_longer_session(leg, sip)) ||
                                       ml_credentials_take(&leg->credentials, sip))) {
        send_again(leg);
    } else if (code != 503 || !try_next(leg)) {
        ml_leg_tell_message(leg, ML_LEG_FAILED,
                            leg->cancel_wanted ? ML_CAUSE_LOCAL : ML_CAUSE_RESPONSE, sip, msg,
                            NULL);
        ml_leg_enter(leg, ML_LEG_OVER);
    }
    msg_destroy(msg);
}

/* Also for a provisional response that the final one has overtaken: the transaction keeps the
 * status of the final one, so the message must be asked. */
static int on_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code;

    if (leg->state == ML_LEG_OVER || leg->confirmed || orq != leg->invite_out || !sip)
        return 0;
    code = sip->sip_status->st_status;
    if (code < 200)
        on_provisional(leg, orq, sip);
    else if (code < 300)
        on_success(leg, orq, sip);
    else
        on_failure(leg, orq, sip);
    return 0;
}

void ml_leg_cancel(struct ml_leg *leg)
{
    leg->cancel_wanted = true;
    if (!leg->invite_out) { /* its name is still being resolved */
        fail(leg, ML_CAUSE_LOCAL, "hung up before the INVITE was sent");
        return;
    }
    ml_leg_enter(leg, ML_LEG_LEAVING);
    ml_leg_send_cancel(leg);
}
