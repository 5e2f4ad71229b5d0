/* An answer to an INVITE that we gave up: cancelled, never finally answered, and after the 64*T1
 * that sofia remembers it, there is a 200 after all. The other side must not be left talking to
 * nobody. */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sip/leg_priv.h"

enum { REMEMBERED_MS = 180000 };

void ml_agent_remember(struct ml_agent *agent, const struct ml_leg *leg)
{
    struct ml_abandoned *one =
        &agent->abandoned[agent->abandoned_next++ % (sizeof agent->abandoned / sizeof *one)];

    snprintf(one->call_id, sizeof one->call_id, "%s", leg->call_id);
    one->peer = leg->peer;
    one->transport = leg->transport;
    one->until = ml_clock_ms() + REMEMBERED_MS;
}

static const struct ml_abandoned *find(const struct ml_agent *agent, const char *call_id)
{
    for (size_t i = 0; i < sizeof agent->abandoned / sizeof *agent->abandoned; i++) {
        const struct ml_abandoned *one = &agent->abandoned[i];

        if (one->until > ml_clock_ms() && strcmp(one->call_id, call_id) == 0)
            return one;
    }
    return NULL;
}

/* ACK and BYE to where the INVITE went. */
static void end(struct ml_agent *agent, const struct ml_abandoned *one, const sip_t *sip)
{
    nta_leg_t *dialog = nta_leg_tcreate(agent->nta, NULL, NULL, SIPTAG_CALL_ID(sip->sip_call_id),
                                        SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to),
                                        NTATAG_NO_DIALOG(0), SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
    const char *ident = one->transport->ident;
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char where[96], route[160];
    nta_outgoing_t *ack, *bye;

    if (!dialog)
        return;
    ml_place_print(&one->peer, where, sizeof where);
    snprintf(route, sizeof route, "sip:%s;transport=%s", where, one->peer.kind);
    nta_leg_client_route(dialog, sip->sip_record_route, sip->sip_contact);
    ack = nta_outgoing_tcreate(
        dialog, NULL, NULL, URL_STRING_MAKE(route), SIP_METHOD_ACK, NULL, TPTAG_IDENT(ident),
        NTATAG_ACK_BRANCH(sip->sip_via->v_branch),
        SIPTAG_CSEQ(sip_cseq_create(home, sip->sip_cseq->cs_seq, SIP_METHOD_ACK)), TAG_END());
    bye = nta_outgoing_tcreate(dialog, NULL, NULL, URL_STRING_MAKE(route), SIP_METHOD_BYE, NULL,
                               TPTAG_IDENT(ident), TAG_END());
    if (ack)
        nta_outgoing_destroy(ack);
    if (bye)
        nta_outgoing_destroy(bye);
    nta_leg_destroy(dialog);
    su_home_deinit(home);
}

void ml_agent_stray(struct ml_agent *agent, const sip_t *sip)
{
    const struct ml_abandoned *one;

    if (!sip || !sip->sip_status || sip->sip_status->st_status / 100 != 2 || !sip->sip_cseq ||
        sip->sip_cseq->cs_method != sip_method_invite || !sip->sip_to->a_tag || !sip->sip_via ||
        !sip->sip_contact || agent->closing)
        return;
    one = find(agent, sip->sip_call_id->i_id);
    if (one)
        end(agent, one, sip);
}
