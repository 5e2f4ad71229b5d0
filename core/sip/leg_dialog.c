/* Inside the dialog: requests from the peer, and ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/sip/headers.h"
#include "core/sip/leg_priv.h"

enum {
    BYE_WAIT_MS = 1000, /* then the leg is over, whether the BYE was answered or not */
    DIGIT_MS_DEFAULT = 160
};

struct ml_str ml_leg_body(const sip_t *sip)
{
    struct ml_str body = {NULL, 0};

    if (sip && sip->sip_payload && sip->sip_payload->pl_data)
        body = (struct ml_str){sip->sip_payload->pl_data, sip->sip_payload->pl_len};
    return body;
}

/* ---- offer and answer ---- */

int ml_leg_take_body(struct ml_leg *leg, const sip_t *sip)
{
    struct ml_str body = ml_leg_body(sip);
    int status;

    if (!leg->description)
        return 488;
    if (body.n == 0) /* a late offer: ours goes into the response */
        return leg->offer == ML_OFFER_SENT ? 488 : 0;
    if (leg->offer == ML_OFFER_SENT) {
        status = leg->description->take_answer(leg->description_user, body);
        if (status == 0)
            leg->offer = ML_OFFER_DONE;
        return status == 0 ? 0 : 488;
    }
    ml_free(leg->answer);
    leg->answer = NULL;
    status = leg->description->take_offer(leg->description_user, body, &leg->answer);
    if (status == 0)
        leg->offer = ML_OFFER_RECEIVED;
    if (status == ML_ELIMIT || status == ML_ENET) /* no port for it */
        return 503;
    return status == 0 ? 0 : status == ML_EPARSE ? 400 : 488;
}

char *ml_leg_give_body(struct ml_leg *leg)
{
    char *sdp = NULL;

    if (leg->offer == ML_OFFER_RECEIVED) {
        sdp = leg->answer;
        leg->answer = NULL;
        leg->offer = ML_OFFER_DONE;
    } else if (leg->offer == ML_OFFER_NONE && leg->description &&
               leg->description->make_offer(leg->description_user, &sdp) == 0) {
        leg->offer = ML_OFFER_SENT;
    }
    return sdp;
}

/* ---- the peer's requests ---- */

static void end(struct ml_leg *leg, enum ml_leg_cause cause, const sip_t *sip, msg_t *msg,
                const char *text)
{
    if (leg->state == ML_LEG_OVER)
        return;
    ml_leg_tell_message(leg, ML_LEG_ENDED, cause, sip, msg, text);
    ml_leg_enter(leg, ML_LEG_OVER);
}

static int on_bye(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    msg_t *msg = nta_incoming_getrequest(irq);

    nta_incoming_treply(irq, SIP_200_OK, SIPTAG_SERVER_STR(leg->agent->user_agent), TAG_END());
    nta_incoming_destroy(irq);
    if (leg->state == ML_LEG_INCOMING)
        ml_leg_canceled(leg);
    else if (leg->state != ML_LEG_LEAVING) /* BYE crosses BYE: ours told it already, or will */
        end(leg, ML_CAUSE_PEER, sip, msg, NULL);
    else
        end(leg, ML_CAUSE_LOCAL, sip, msg, NULL);
    msg_destroy(msg);
    return 0;
}

static int refuse(nta_incoming_t *irq, int code)
{
    if (code == 491 || code == 500) {
        char seconds[16];

        snprintf(seconds, sizeof seconds, "%u", ml_random_below(10));
        nta_incoming_treply(irq, code, NULL, TAG_IF(code == 500, SIPTAG_RETRY_AFTER_STR(seconds)),
                            TAG_END());
    } else {
        nta_incoming_treply(irq, code, NULL, TAG_END());
    }
    nta_incoming_destroy(irq);
    return 0;
}

/* An offer of the peer is open, or one of ours: RFC 3261 14.2, RFC 3311 5.2. */
static int in_the_way(const struct ml_leg *leg)
{
    if (leg->invite_out && leg->reinviting)
        return 491;
    if (leg->offer == ML_OFFER_SENT)
        return 491;
    if (leg->invite_in && !leg->confirmed)
        return 500;
    return 0;
}

static int on_reinvite_ack(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    if (leg->state == ML_LEG_OVER || irq != leg->invite_in)
        return 0;
    if (sip && sip->sip_request->rq_method == sip_method_ack) {
        leg->confirmed = true;
        if (leg->offer == ML_OFFER_SENT)
            ml_leg_take_body(leg, sip);
        leg->offer = ML_OFFER_DONE;
    }
    if (sip)
        return 0;
    if (!leg->confirmed) {
        ml_leg_send_bye(leg, NULL, 0);
        end(leg, ML_CAUSE_NO_ACK, NULL, NULL, "the 200 to a re-INVITE was never acknowledged");
    }
    return 0;
}

static int on_reinvite(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    int code = in_the_way(leg);
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *sdp, *session;

    if (leg->state != ML_LEG_UP)
        code = 500;
    if (!code) {
        leg->offer = ML_OFFER_NONE;
        code = ml_leg_take_body(leg, sip);
        if (code)
            leg->offer = ML_OFFER_DONE;
    }
    if (!code && sip->sip_session_expires)
        code = ml_session_offered(leg, sip);
    if (code)
        return refuse(irq, code);
    sdp = ml_leg_give_body(leg);
    session = ml_session_answer(leg, home);
    if (leg->invite_in)
        nta_incoming_destroy(leg->invite_in);
    leg->invite_in = irq;
    leg->confirmed = false;
    nta_leg_server_route(leg->dialog, sip->sip_record_route, sip->sip_contact);
    nta_incoming_bind(irq, on_reinvite_ack, leg);
    nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(leg->contact),
                        SIPTAG_ALLOW_STR(ML_SIP_ALLOW), SIPTAG_SUPPORTED_STR(ML_SIP_SUPPORTED),
                        SIPTAG_SERVER_STR(leg->agent->user_agent),
                        TAG_IF(session, SIPTAG_SESSION_EXPIRES_STR(session)),
                        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    su_home_deinit(home);
    ml_free(sdp);
    ml_session_refreshed(leg);
    return 0;
}

static int on_update(struct ml_leg *leg, nta_incoming_t *irq, const sip_t *sip)
{
    bool with_offer = ml_leg_body(sip).n > 0;
    int code = with_offer ? in_the_way(leg) : 0;
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *sdp = NULL, *session;

    if (with_offer && !code && leg->offer == ML_OFFER_NONE && leg->state != ML_LEG_UP)
        code = 500; /* before the first offer was answered */
    if (with_offer && !code) {
        code = ml_leg_take_body(leg, sip);
        if (!code)
            sdp = ml_leg_give_body(leg);
        else
            leg->offer = ML_OFFER_DONE;
    }
    if (!code && sip->sip_session_expires)
        code = ml_session_offered(leg, sip);
    if (code)
        return refuse(irq, code);
    session = ml_session_answer(leg, home);
    nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(leg->contact),
                        SIPTAG_ALLOW_STR(ML_SIP_ALLOW), SIPTAG_SERVER_STR(leg->agent->user_agent),
                        TAG_IF(session, SIPTAG_SESSION_EXPIRES_STR(session)),
                        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    nta_incoming_destroy(irq);
    su_home_deinit(home);
    ml_free(sdp);
    ml_session_refreshed(leg);
    return 0;
}

/* The value of "name=value" or "name: value" in a body of lines; empty when there is none. */
static struct ml_str line_value(struct ml_str body, const char *name)
{
    struct ml_str line;

    while (ml_str_cut(&body, '\n', &line)) {
        struct ml_str key;

        line = ml_str_trim(line);
        if (ml_str_cut(&line, '=', &key) && line.p && ml_str_ieq(ml_str_trim(key), ml_str(name)))
            return ml_str_trim(line);
    }
    return (struct ml_str){"", 0};
}

/* application/dtmf-relay: Signal=5, Duration=160. application/dtmf: 5. */
static void read_info(struct ml_leg *leg, const sip_t *sip)
{
    struct ml_leg_event event = {.kind = ML_LEG_INFO, .duration_ms = DIGIT_MS_DEFAULT};
    struct ml_str body = ml_leg_body(sip), signal = {"", 0};
    const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : NULL;
    uint64_t duration;

    if (type && su_casematch(type, "application/dtmf-relay")) {
        signal = line_value(body, "Signal");
        if (ml_str_uint(line_value(body, "Duration"), 60000, &duration) == 0)
            event.duration_ms = (int)duration;
    } else if (type && su_casematch(type, "application/dtmf")) {
        signal = ml_str_trim(body);
    }
    if (ml_str_eq(signal, ML_STR("10")))
        signal = ML_STR("*");
    else if (ml_str_eq(signal, ML_STR("11")))
        signal = ML_STR("#");
    if (signal.n != 1 || !strchr("0123456789ABCDabcd*#", signal.p[0]))
        return;
    event.digit = (char)(signal.p[0] >= 'a' && signal.p[0] <= 'd' ? signal.p[0] - 32 : signal.p[0]);
    ml_leg_tell(leg, &event);
}

int ml_leg_on_request(nta_leg_magic_t *magic, nta_leg_t *dialog, nta_incoming_t *irq,
                      const sip_t *sip)
{
    struct ml_leg *leg = (struct ml_leg *)magic;

    (void)dialog;
    if (leg->state == ML_LEG_OVER)
        return 481;
    switch (sip->sip_request->rq_method) {
    case sip_method_bye:
        return on_bye(leg, irq, sip);
    case sip_method_invite:
        return on_reinvite(leg, irq, sip);
    case sip_method_update:
        return on_update(leg, irq, sip);
    case sip_method_info:
        read_info(leg, sip);
        return 200;
    case sip_method_options:
        nta_incoming_treply(irq, SIP_200_OK, SIPTAG_ALLOW_STR(ML_SIP_ALLOW),
                            SIPTAG_ACCEPT_STR("application/sdp"),
                            SIPTAG_SUPPORTED_STR(ML_SIP_SUPPORTED), TAG_END());
        nta_incoming_destroy(irq);
        return 0;
    case sip_method_notify:
        return ml_refer_notified(leg, sip);
    case sip_method_ack:
        return 0;
    case sip_method_prack:
        return 481;
    default: /* the guard lets no other method through */
        return ml_refer_received(leg, sip);
    }
}

/* ---- our requests ---- */

static int on_bye_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    msg_t *msg;

    if (leg->state == ML_LEG_OVER || nta_outgoing_status(orq) < 200)
        return 0;
    msg = nta_outgoing_getresponse(orq);
    end(leg, ML_CAUSE_LOCAL, sip, msg, NULL);
    msg_destroy(msg);
    return 0;
}

/* The BYE was not answered in time; or the ACK it waits for did not come. */
static void bye_unanswered(void *user)
{
    struct ml_leg *leg = user;

    if (leg->hangup_after_ack)
        ml_leg_bye_after_ack(leg);
    end(leg, ML_CAUSE_LOCAL, NULL, NULL, NULL);
}

static void wait_for_bye(struct ml_leg *leg, int64_t ms)
{
    if (!leg->bye_timer)
        leg->bye_timer = ml_timer_new(leg->agent->loop, bye_unanswered, leg);
    ml_timer_set(leg->bye_timer, ms);
}

void ml_leg_bye_after_ack(struct ml_leg *leg)
{
    leg->hangup_after_ack = false;
    ml_leg_send_bye(leg, leg->bye_headers, leg->bye_header_count);
}

void ml_leg_send_bye(struct ml_leg *leg, const struct ml_header *headers, size_t count)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *extra = ml_header_lines(home, headers, count);
    char target[160];

    if (leg->bye || !leg->dialog)
        return;
    leg->bye = ml_leg_send(leg, on_bye_response, ml_leg_target(leg, target, sizeof target),
                           SIP_METHOD_BYE, NULL, SIPTAG_USER_AGENT_STR(leg->agent->user_agent),
                           TAG_IF(extra, SIPTAG_HEADER_STR(extra)), TAG_END());
    su_home_deinit(home);
    ml_leg_enter(leg, ML_LEG_LEAVING);
    if (!leg->agent->closing)
        wait_for_bye(leg, leg->bye ? BYE_WAIT_MS : 0);
}

void ml_leg_hangup(struct ml_leg *leg, const struct ml_header *headers, size_t count)
{
    switch (leg->state) {
    case ML_LEG_CALLING:
        ml_leg_cancel(leg);
        break;
    case ML_LEG_INCOMING:
        ml_leg_reject(leg, 480, NULL, headers, count);
        break;
    case ML_LEG_UP:
        if (leg->hangup_after_ack)
            break;
        if (leg->incoming && !leg->confirmed && leg->invite_in &&
            nta_incoming_status(leg->invite_in) == 200) {
            leg->hangup_after_ack = true; /* no BYE before the ACK: RFC 3261 15 */
            leg->bye_headers = ml_headers_copy(headers, count);
            leg->bye_header_count = count;
            wait_for_bye(leg, BYE_WAIT_MS);
            break;
        }
        ml_leg_send_bye(leg, headers, count);
        break;
    case ML_LEG_LEAVING:
    case ML_LEG_OVER:
        break;
    }
}

void ml_leg_abandon(struct ml_leg *leg)
{
    leg->fn = NULL;
    ml_leg_ref(leg);
    if (leg->state == ML_LEG_CALLING && leg->invite_out)
        ml_leg_send_cancel(leg);
    else if (leg->state == ML_LEG_INCOMING)
        nta_incoming_treply(leg->invite_in, SIP_480_TEMPORARILY_UNAVAILABLE, TAG_END());
    else if (leg->state == ML_LEG_UP)
        ml_leg_send_bye(leg, NULL, 0);
    ml_leg_enter(leg, ML_LEG_OVER);
    leg->agent = NULL;
    ml_leg_unref(leg);
}

void ml_leg_check_gone(struct ml_leg *leg, int code, const sip_t *sip)
{
    if (leg->state != ML_LEG_UP || (code != 481 && code != 408))
        return;
    ml_leg_send_bye(leg, NULL, 0);
    end(leg, ML_CAUSE_GONE, sip, NULL, "the peer does not know this dialog any more");
}

static int on_info_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code = nta_outgoing_status(orq);

    if (code < 200)
        return 0;
    nta_outgoing_destroy(orq);
    ml_leg_check_gone(leg, code, sip);
    return 0;
}

int ml_leg_send_digit(struct ml_leg *leg, char digit, int duration_ms)
{
    char body[64], target[160];

    if (leg->state != ML_LEG_UP)
        return ML_ESTATE;
    snprintf(body, sizeof body, "Signal=%c\r\nDuration=%d\r\n", digit, duration_ms);
    return ml_leg_send(leg, on_info_response, ml_leg_target(leg, target, sizeof target),
                       SIP_METHOD_INFO, NULL, SIPTAG_CONTENT_TYPE_STR("application/dtmf-relay"),
                       SIPTAG_PAYLOAD_STR(body), TAG_END())
               ? ML_OK
               : ML_ENET;
}

/* ---- our re-INVITE ---- */

static void retry_reoffer(void *user)
{
    struct ml_leg *leg = user;

    if (leg->reinvite_pending && leg->state == ML_LEG_UP)
        ml_leg_reoffer(leg);
}

/* Glare: wait as RFC 3261 14.1 says, the owner of the Call-ID longer. */
static void wait_for_turn(struct ml_leg *leg)
{
    int64_t ms = leg->incoming ? ml_random_below(200) * 10 : 2100 + ml_random_below(190) * 10;

    leg->reinvite_pending = true;
    if (!leg->glare_timer)
        leg->glare_timer = ml_timer_new(leg->agent->loop, retry_reoffer, leg);
    ml_timer_set(leg->glare_timer, ms);
}

static int on_reinvite_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code = nta_outgoing_status(orq);
    bool again;

    if (leg->state == ML_LEG_OVER || orq != leg->invite_out || code < 200)
        return 0;
    leg->reinviting = false;
    leg->offer = ML_OFFER_DONE;
    if (code < 300 && sip) {
        nta_leg_client_route(leg->dialog, NULL, sip->sip_contact);
        ml_leg_send_ack(leg, nta_outgoing_cseq(orq), NULL);
        if (leg->description && ml_leg_body(sip).n > 0)
            leg->description->take_answer(leg->description_user, ml_leg_body(sip));
        ml_credentials_accepted(&leg->credentials);
        ml_session_answered(leg, sip);
    }
    again = ml_credentials_take(&leg->credentials, sip);
    nta_outgoing_destroy(orq);
    leg->invite_out = NULL;
    if (again) {
        ml_leg_reoffer(leg);
    } else if (code == 491) {
        wait_for_turn(leg);
    } else {
        ml_leg_check_gone(leg, code, sip);
    }
    return 0;
}

int ml_leg_reoffer(struct ml_leg *leg)
{
    char target[160];
    char *sdp = NULL;
    char session[32];

    if (leg->state != ML_LEG_UP || !leg->description)
        return ML_ESTATE;
    leg->reinvite_pending = false;
    if (in_the_way(leg)) {
        wait_for_turn(leg);
        return ML_OK;
    }
    if (leg->description->make_offer(leg->description_user, &sdp) != 0)
        return ML_ESTATE;
    if (leg->invite_out)
        nta_outgoing_destroy(leg->invite_out);
    snprintf(session, sizeof session, "%d;refresher=%s", leg->session_interval,
             leg->refresher ? "uac" : "uas");
    leg->offer = ML_OFFER_SENT;
    leg->reinviting = true;
    leg->invite_out = ml_leg_send(
        leg, on_reinvite_response, ml_leg_target(leg, target, sizeof target), SIP_METHOD_INVITE,
        NULL, SIPTAG_CONTACT(leg->contact), SIPTAG_ALLOW_STR(ML_SIP_ALLOW),
        SIPTAG_SUPPORTED_STR("timer"), SIPTAG_USER_AGENT_STR(leg->agent->user_agent),
        TAG_IF(leg->session_interval, SIPTAG_SESSION_EXPIRES_STR(session)),
        SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
    ml_free(sdp);
    return leg->invite_out ? ML_OK : ML_ENET;
}
