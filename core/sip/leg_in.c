/* A leg as UAS: somebody calls us. */
#include <stdio.h>
#include <string.h>

#include <sofia-sip/msg_addr.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/sip/headers.h"
#include "core/sip/leg_priv.h"

/* sip:user@host[:port], without parameters and headers; NULL for none. */
static char *plain_uri(const url_t *url)
{
    if (!url->url_host)
        return NULL;
    return ml_format("%s:%s%s%s%s%s", url->url_type == url_sips ? "sips" : "sip",
                     url->url_user ? url->url_user : "", url->url_user ? "@" : "", url->url_host,
                     url->url_port ? ":" : "", url->url_port ? url->url_port : "");
}

/* A display name without its quotes. */
static char *plain_display(const char *display)
{
    struct ml_str text = ml_str_trim(ml_str(display));
    char *name;
    size_t to = 0;

    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = (struct ml_str){text.p + 1, text.n - 2};
    name = ml_str_dup(text);
    for (size_t i = 0; i < text.n; i++) {
        if (name[i] == '\\' && i + 1 < text.n)
            i++;
        name[to++] = name[i];
    }
    name[to] = '\0';
    return name;
}

static void remember(struct ml_leg *leg, const sip_t *sip, const msg_t *msg)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};

    leg->call_id = ml_strdup(sip->sip_call_id->i_id);
    leg->from_uri = plain_uri(sip->sip_from->a_url);
    leg->from_display = plain_display(sip->sip_from->a_display);
    leg->to_uri = plain_uri(sip->sip_to->a_url);
    leg->request_uri = ml_strdup(url_as_string(home, sip->sip_request->rq_url));
    leg->headers = ml_headers_lines(sip, msg);
    su_home_deinit(home);
    leg->reliable = sip->sip_require && sip_has_feature(sip->sip_require, "100rel");
    leg->peer_has_timer = sip_has_feature(sip->sip_supported, "timer");
    leg->peer_has_update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
}

static void no_ack(struct ml_leg *leg)
{
    struct ml_leg_event event = {
        .kind = ML_LEG_ENDED, .cause = ML_CAUSE_NO_ACK, .text = "the 200 was never acknowledged"};

    ml_leg_send_bye(leg, NULL, 0);
    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

void ml_leg_canceled(struct ml_leg *leg)
{
    struct ml_leg_event event = {.kind = ML_LEG_CANCELED, .cause = ML_CAUSE_PEER};

    nta_incoming_treply(leg->invite_in, SIP_487_REQUEST_CANCELLED,
                        SIPTAG_SERVER_STR(leg->agent->user_agent), TAG_END());
    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

static void acked(struct ml_leg *leg, const sip_t *sip)
{
    struct ml_leg_event event = {.kind = ML_LEG_CONFIRMED};

    if (leg->confirmed)
        return;
    leg->confirmed = true;
    if (leg->offer == ML_OFFER_SENT && ml_leg_take_body(leg, sip) != 0) {
        struct ml_leg_event bad = {.kind = ML_LEG_ENDED,
                                   .cause = ML_CAUSE_SDP,
                                   .text = "the ACK brought no answer we can use"};

        ml_leg_send_bye(leg, NULL, 0);
        ml_leg_tell(leg, &bad);
        ml_leg_enter(leg, ML_LEG_OVER);
        return;
    }
    ml_leg_tell(leg, &event);
    if (leg->hangup_after_ack)
        ml_leg_bye_after_ack(leg);
}

/* A reliable 18x without its PRACK: sofia refuses the INVITE (RFC 3262 section 3). */
static void no_prack(struct ml_leg *leg)
{
    struct ml_leg_event event = {.kind = ML_LEG_CANCELED,
                                 .cause = ML_CAUSE_NO_ACK,
                                 .text = "the reliable response was never acknowledged"};

    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

/* ACK, CANCEL, or (sip NULL) nothing for 64*T1. */
static int on_ack_or_cancel(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    if (leg->state == ML_LEG_OVER || irq != leg->invite_in)
        return 0;
    if (!sip && leg->state == ML_LEG_INCOMING)
        no_prack(leg);
    else if (!sip && !leg->confirmed)
        no_ack(leg);
    else if (sip && sip->sip_request->rq_method == sip_method_cancel) {
        if (leg->state == ML_LEG_INCOMING)
            ml_leg_canceled(leg);
    } else if (sip && sip->sip_request->rq_method == sip_method_ack)
        acked(leg, sip);
    return 0;
}

static bool make_dialog(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    const sip_contact_t *contact;
    char tag[17];

    leg->dialog = nta_leg_tcreate(leg->agent->nta, ml_leg_on_request, (nta_leg_magic_t *)leg,
                                  SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_to),
                                  SIPTAG_TO(sip->sip_from),
                                  NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (!leg->dialog)
        return false;
    ml_random_hex(tag, 8);
    nta_incoming_tag(irq, nta_leg_tag(leg->dialog, tag));
    /* Before RFC 3261 there need not be a Contact: the target is From then. */
    contact = sip->sip_contact
                  ? sip->sip_contact
                  : sip_contact_create(leg->home, (const url_string_t *)sip->sip_from->a_url, NULL);
    nta_leg_server_route(leg->dialog, sip->sip_record_route, contact);
    leg->invite_in = irq;
    nta_incoming_bind(irq, on_ack_or_cancel, leg);
    return true;
}

/* Nobody took it: the contract of agent.h. */
static void nobody(void *user)
{
    struct ml_leg *leg = user;

    if (leg->state == ML_LEG_INCOMING && leg->references == 2)
        ml_leg_hangup(leg, NULL, 0);
    ml_leg_unref(leg);
}

int ml_leg_incoming(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                    const struct ml_sip_place *source, const struct ml_transport *transport,
                    char *username, char *peer)
{
    struct ml_leg *leg = ml_leg_new(agent, true);
    msg_t *msg = nta_incoming_getrequest(irq);
    int code;

    leg->peer = *source;
    leg->transport = transport;
    leg->digest_user = username;
    leg->trusted = peer;
    leg->advertise = ml_strdup(agent->advertise);
    leg->contact = ml_transport_contact(leg->home, transport, agent->advertise);
    remember(leg, sip, msg);
    msg_destroy(msg);
    ml_leg_learn_contact(leg, sip);
    if (!sip->sip_contact)
        leg->contact_private = true;
    code = ml_session_offered(leg, sip);
    if (code == 422) {
        char minimum[16];

        snprintf(minimum, sizeof minimum, "%d", ML_MIN_SE);
        nta_incoming_treply(irq, SIP_422_SESSION_TIMER_TOO_SMALL, SIPTAG_MIN_SE_STR(minimum),
                            TAG_END());
        ml_leg_enter(leg, ML_LEG_OVER);
        return 0;
    }
    if (!make_dialog(leg, irq, sip)) {
        ml_leg_enter(leg, ML_LEG_OVER);
        return 500;
    }
    nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
    ml_leg_ref(leg);
    agent->handlers.incoming(leg, agent->user);
    ml_loop_post(agent->loop, nobody, leg);
    return 0;
}

/* ---- answering ---- */

/* The offer of the INVITE is read when the first SDP is due: 0, or a code to refuse with. */
static int read_offer(struct ml_leg *leg)
{
    msg_t *msg;
    int code;

    if (leg->offer != ML_OFFER_NONE)
        return 0;
    msg = nta_incoming_getrequest(leg->invite_in);
    code = ml_leg_take_body(leg, sip_object(msg));
    msg_destroy(msg);
    return code;
}

static int refused(struct ml_leg *leg, int code)
{
    ml_leg_reject(leg, code, NULL, NULL, 0);
    return code == 488 ? ML_EREFUSED : code == 503 ? ML_ELIMIT : ML_EPARSE;
}

/* The PRACK for a reliable provisional response, or (sip NULL) none came. */
static int on_prack(struct ml_leg *leg, nta_reliable_t *reliable, nta_incoming_t *prack,
                    const sip_t *sip)
{
    (void)prack;
    if (sip && leg->state != ML_LEG_OVER && leg->offer == ML_OFFER_SENT)
        ml_leg_take_body(leg, sip);
    nta_reliable_destroy(reliable);
    return sip ? 200 : 0;
}

static int provisional(struct ml_leg *leg, int code, const char *phrase, const char *sdp)
{
    if (leg->reliable)
        nta_reliable_treply(leg->invite_in, on_prack, leg, code, phrase,
                            SIPTAG_CONTACT(leg->contact), SIPTAG_ALLOW_STR(ML_SIP_ALLOW),
                            SIPTAG_SERVER_STR(leg->agent->user_agent),
                            TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    else
        nta_incoming_treply(leg->invite_in, code, phrase, SIPTAG_CONTACT(leg->contact),
                            SIPTAG_ALLOW_STR(ML_SIP_ALLOW),
                            SIPTAG_SERVER_STR(leg->agent->user_agent),
                            TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    return ML_OK;
}

int ml_leg_ring(struct ml_leg *leg, bool early)
{
    char *sdp = NULL;
    int code, status;

    if (leg->state != ML_LEG_INCOMING)
        return ML_ESTATE;
    if (!early)
        return provisional(leg, SIP_180_RINGING, NULL);
    code = read_offer(leg);
    if (code)
        return refused(leg, code);
    /* An answer given once stays: an unreliable 183 repeats it in the 200 (RFC 3261 13.2.1). */
    sdp = leg->answer ? ml_strdup(leg->answer) : leg->reliable ? ml_leg_give_body(leg) : NULL;
    status = provisional(leg, SIP_183_SESSION_PROGRESS, sdp);
    ml_free(sdp);
    return status;
}

int ml_leg_answer(struct ml_leg *leg, const struct ml_header *headers, size_t count)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *sdp, *session;
    int code;

    if (leg->state != ML_LEG_INCOMING)
        return ML_ESTATE;
    code = read_offer(leg);
    if (code)
        return refused(leg, code);
    sdp = ml_leg_give_body(leg);
    if (!sdp && leg->offer == ML_OFFER_NONE)
        return refused(leg, 488);
    session = ml_session_answer(leg, home);
    nta_incoming_treply(leg->invite_in, SIP_200_OK, SIPTAG_CONTACT(leg->contact),
                        SIPTAG_ALLOW(leg->agent->allow), SIPTAG_SUPPORTED(leg->agent->supported),
                        SIPTAG_SERVER_STR(leg->agent->user_agent),
                        TAG_IF(session, SIPTAG_SESSION_EXPIRES_STR(session)),
                        TAG_IF(session && leg->peer_has_timer, SIPTAG_REQUIRE_STR("timer")),
                        TAG_IF(count, SIPTAG_HEADER_STR(ml_header_lines(home, headers, count))),
                        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    su_home_deinit(home);
    ml_free(sdp);
    ml_leg_enter(leg, ML_LEG_UP);
    ml_session_refreshed(leg);
    return ML_OK;
}

int ml_leg_reject(struct ml_leg *leg, int code, const char *phrase, const struct ml_header *headers,
                  size_t count)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};

    if (leg->state != ML_LEG_INCOMING)
        return ML_ESTATE;
    nta_incoming_treply(leg->invite_in, code, phrase ? phrase : sip_status_phrase(code),
                        SIPTAG_SERVER_STR(leg->agent->user_agent),
                        TAG_IF(code == 488 || code == 405, SIPTAG_ALLOW_STR(ML_SIP_ALLOW)),
                        TAG_IF(count, SIPTAG_HEADER_STR(ml_header_lines(home, headers, count))),
                        TAG_END());
    su_home_deinit(home);
    ml_leg_enter(leg, ML_LEG_OVER);
    return ML_OK;
}
