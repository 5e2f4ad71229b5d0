/* REFER in the dialog and what the peer tells of it (RFC 3515): the subscription that comes with
 * it, one at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/sip/leg_priv.h"

struct ml_refer {
    char *target;
    nta_outgoing_t *orq; /* awaits its answer */
    uint32_t cseq;
    int code, progress; /* of the answer; of the last NOTIFY; 0: none yet */
    struct ml_timer *timer;
};

void ml_refer_free(struct ml_leg *leg)
{
    struct ml_refer *refer = leg->refer;

    if (!refer)
        return;
    leg->refer = NULL;
    if (refer->orq)
        nta_outgoing_destroy(refer->orq);
    ml_timer_free(refer->timer);
    ml_free(refer->target);
    ml_free(refer);
}

/* Whom we call is the application's to say: RFC 3515 section 2.4.2 lets one decline. */
int ml_refer_received(struct ml_leg *leg, const sip_t *sip)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    const sip_refer_to_t *target = sip->sip_refer_to;
    struct ml_leg_event event = {.kind = ML_LEG_TRANSFER, .code = 603};

    event.text = target ? url_as_string(home, target->r_url) : "";
    ml_leg_tell(leg, &event);
    su_home_deinit(home);
    return 603;
}

static void tell(struct ml_leg *leg, bool final, const char *text)
{
    struct ml_leg_event event = {.kind = ML_LEG_REFER,
                                 .code = leg->refer->code,
                                 .progress = leg->refer->progress,
                                 .final = final,
                                 .text = text};

    ml_leg_tell(leg, &event);
    if (final)
        ml_refer_free(leg);
}

static void late(void *user)
{
    tell(user, true, "the peer did not tell in time how the transfer ended");
}

static int on_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip);

static int send_refer(struct ml_leg *leg)
{
    struct ml_refer *refer = leg->refer;
    const char *own = leg->incoming ? leg->to_uri : leg->from_uri;
    char *to = ml_format("<%s>", refer->target), *by = ml_format("<%s>", own ? own : "");
    char target[160];

    refer->orq = ml_leg_send(leg, on_response, ml_leg_target(leg, target, sizeof target),
                             SIP_METHOD_REFER, NULL, SIPTAG_CONTACT(leg->contact),
                             SIPTAG_REFER_TO_STR(to), TAG_IF(own, SIPTAG_REFERRED_BY_STR(by)),
                             SIPTAG_ALLOW_STR(ML_SIP_ALLOW ", NOTIFY"),
                             SIPTAG_USER_AGENT_STR(leg->agent->user_agent), TAG_END());
    ml_free(to);
    ml_free(by);
    if (!refer->orq)
        return ML_ENET;
    refer->cseq = nta_outgoing_cseq(refer->orq);
    return ML_OK;
}

static int on_response(struct ml_leg *leg, nta_outgoing_t *orq, const sip_t *sip)
{
    int code = nta_outgoing_status(orq);
    struct ml_refer *refer = leg->refer;

    if (leg->state == ML_LEG_OVER || code < 200 || !refer || orq != refer->orq)
        return 0;
    nta_outgoing_destroy(orq);
    refer->orq = NULL;
    if (ml_credentials_take(&leg->credentials, sip) && send_refer(leg) == 0)
        return 0;
    if (code < 300)
        ml_credentials_accepted(&leg->credentials);
    refer->code = code;
    tell(leg, code >= 300, NULL);
    ml_leg_check_gone(leg, code, sip);
    return 0;
}

int ml_leg_refer(struct ml_leg *leg, const char *target, int wait_ms)
{
    int status;

    if (leg->state != ML_LEG_UP)
        return ML_ESTATE;
    if (strpbrk(target, "<>\" \t\r\n") || wait_ms <= 0)
        return ML_EINVAL;
    ml_refer_free(leg);
    leg->refer = ml_alloc(sizeof *leg->refer);
    leg->refer->target = ml_strdup(target);
    leg->refer->timer = ml_timer_new(leg->agent->loop, late, leg);
    ml_timer_set(leg->refer->timer, wait_ms);
    status = send_refer(leg);
    if (status != 0)
        ml_refer_free(leg);
    return status;
}

/* The status of "SIP/2.0 180 Ringing", a message/sipfrag; 0: there is none. */
static int status_of(struct ml_str fragment)
{
    struct ml_str version, code;
    uint64_t number;

    if (!ml_str_cut(&fragment, ' ', &version) || !fragment.p ||
        !ml_str_ieq(version, ML_STR("SIP/2.0")) || fragment.n < 3)
        return 0;
    code = (struct ml_str){fragment.p, 3};
    return ml_str_uint(code, 699, &number) == 0 && number >= 100 ? (int)number : 0;
}

/* Of this REFER? The id, where there is one, is its CSeq (RFC 3515 2.4.6). */
static bool is_about(const struct ml_refer *refer, const sip_event_t *event)
{
    return refer && (!event->o_id || strtoul(event->o_id, NULL, 10) == refer->cseq);
}

int ml_refer_notified(struct ml_leg *leg, const sip_t *sip)
{
    const sip_subscription_state_t *state = sip->sip_subscription_state;
    struct ml_refer *refer = leg->refer;
    int progress = status_of(ml_leg_body(sip));

    if (!sip->sip_event || !su_casematch(sip->sip_event->o_type, "refer"))
        return 489;
    if (!is_about(refer, sip->sip_event))
        return 481;
    if (progress)
        refer->progress = progress;
    if (!refer->code) /* it overtook the answer, and is one */
        refer->code = 202;
    tell(leg, progress >= 200 || (state && su_casematch(state->ss_substate, "terminated")), NULL);
    return 200;
}
