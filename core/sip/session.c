/* Session timers, RFC 4028: an interval agreed in INVITE, re-INVITE or UPDATE, refreshed at its
 * half by the refresher, ended by the other side when no refresh came. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/sip/leg_priv.h"

static void expired(struct ml_leg *leg)
{
    struct ml_leg_event event = {.kind = ML_LEG_ENDED,
                                 .cause = ML_CAUSE_SESSION,
                                 .text = "the session timer ran out without a refresh"};

    ml_leg_send_bye(leg, NULL, 0);
    ml_leg_tell(leg, &event);
    ml_leg_enter(leg, ML_LEG_OVER);
}

static void send_update(struct ml_leg *leg);

static int on_update_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code = nta_outgoing_status(orq);

    if (code < 200)
        return 0;
    nta_outgoing_destroy(orq);
    if (leg->state != ML_LEG_UP)
        return 0;
    if (code < 300 && sip) {
        ml_credentials_accepted(&leg->credentials);
        ml_session_answered(leg, sip);
    } else if (ml_credentials_take(&leg->credentials, sip))
        send_update(leg);
    else if (code == 481 || code == 408)
        expired(leg);
    return 0;
}

static void send_update(struct ml_leg *leg)
{
    char target[160], session[40];

    snprintf(session, sizeof session, "%d;refresher=uac", leg->session_interval);
    ml_leg_send(leg, on_update_response, ml_leg_target(leg, target, sizeof target),
                SIP_METHOD_UPDATE, NULL, SIPTAG_CONTACT(leg->contact),
                SIPTAG_SUPPORTED_STR("timer"), SIPTAG_SESSION_EXPIRES_STR(session), TAG_END());
}

/* Seconds after a refresh at which a session without another one ends: the interval less min(32 s,
 * a third) (RFC 4028 section 10). */
static int end_of(const struct ml_leg *leg)
{
    int third = leg->session_interval / 3;

    return leg->session_interval - (third < 32 ? third : 32);
}

static void on_timer(void *user)
{
    struct ml_leg *leg = user;

    if (leg->state != ML_LEG_UP)
        return;
    if (!leg->refresher || leg->refreshing) {
        expired(leg);
        return;
    }
    leg->refreshing = true; /* and this is how long its answer may take */
    ml_timer_set(leg->session_timer, (end_of(leg) - leg->session_interval / 2) * INT64_C(1000));
    if (leg->peer_has_update) {
        send_update(leg);
    } else {
        ml_leg_reoffer(leg);
    }
}

void ml_session_refreshed(struct ml_leg *leg)
{
    int64_t seconds = leg->refresher ? leg->session_interval / 2 : end_of(leg);

    leg->refreshing = false;
    if (!leg->session_interval || leg->state != ML_LEG_UP)
        return;
    if (!leg->session_timer)
        leg->session_timer = ml_timer_new(leg->agent->loop, on_timer, leg);
    ml_timer_set(leg->session_timer, seconds * 1000);
}

int ml_session_offered(struct ml_leg *leg, const sip_t *sip)
{
    const sip_session_expires_t *offered = sip->sip_session_expires;
    int own = leg->agent->session_expires;

    leg->peer_has_timer = leg->peer_has_timer || sip_has_feature(sip->sip_supported, "timer");
    if (!offered) {
        /* The peer did not ask; when it can, we ask and refresh ourselves. */
        if (leg->state == ML_LEG_INCOMING && own && leg->peer_has_timer) {
            leg->session_interval = own;
            leg->refresher = true;
        }
        return 0;
    }
    if (offered->x_delta < ML_MIN_SE)
        return leg->peer_has_timer ? 422 : 0;
    leg->session_interval = (int)offered->x_delta;
    if (own && own < leg->session_interval &&
        (!sip->sip_min_se || (int)sip->sip_min_se->min_delta <= own))
        leg->session_interval = own;
    leg->refresher = leg->peer_has_timer && offered->x_refresher
                         ? su_casematch(offered->x_refresher, "uas")
                         : !leg->peer_has_timer;
    return 0;
}

char *ml_session_answer(struct ml_leg *leg, su_home_t *home)
{
    if (!leg->session_interval)
        return NULL;
    return su_sprintf(home, "%d;refresher=%s", leg->session_interval,
                      leg->refresher ? "uas" : "uac");
}

void ml_session_answered(struct ml_leg *leg, const sip_t *sip)
{
    const sip_session_expires_t *agreed = sip->sip_session_expires;

    if (agreed) {
        leg->session_interval = (int)agreed->x_delta;
        leg->refresher = !agreed->x_refresher || su_casematch(agreed->x_refresher, "uac");
    } else { /* RFC 4028 section 7.2: then the session does not expire */
        leg->session_interval = 0;
        if (leg->session_timer)
            ml_timer_stop(leg->session_timer);
    }
    ml_session_refreshed(leg);
}
