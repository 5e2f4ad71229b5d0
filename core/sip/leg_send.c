/* How the requests of a leg leave: by which transport, to which address. */
#include <stdio.h>
#include <string.h>

#include <sofia-sip/su_tagarg.h>

#include "core/sip/leg_priv.h"
#include "core/sip/tls_priv.h"

char *ml_header_lines(su_home_t *home, const struct ml_header *headers, size_t count)
{
    char *lines = NULL;

    for (size_t i = 0; i < count; i++)
        lines =
            su_sprintf(home, "%s%s: %s\r\n", lines ? lines : "", headers[i].name, headers[i].value);
    return lines;
}

/* 10/8, 172.16/12, 192.168/16, loopback, link-local: an address that may mean another host there.
 */
static bool is_private(const char *host)
{
    static const char *const nets[] = {"10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16",
                                       "127.0.0.0/8", "169.254.0.0/16", "fc00::/7",
                                       "fe80::/10",   "::1/128",        NULL};

    for (const char *const *net = nets; *net; net++)
        if (ml_cidr_match(*net, host))
            return true;
    return false;
}

void ml_leg_learn_contact(struct ml_leg *leg, const sip_t *sip)
{
    const char *host = sip->sip_contact ? sip->sip_contact->m_url->url_host : NULL;
    char bare[ML_SIP_HOST_BYTES];
    size_t n = host ? strlen(host) : 0;

    if (!host || sip->sip_record_route)
        return;
    snprintf(bare, sizeof bare, "%.*s", (int)(host[0] == '[' && n > 2 ? n - 2 : n),
             host + (host[0] == '[' ? 1 : 0));
    /* A name would have to be resolved, and the peer is known to be where it sent from. */
    leg->contact_private =
        !ml_host_is_numeric(bare) || (is_private(bare) && strcmp(bare, leg->peer.host) != 0);
}

const url_string_t *ml_leg_target(struct ml_leg *leg, char *buffer, size_t size)
{
    char where[96];

    if (!leg->contact_private && strcmp(leg->peer.kind, "udp") == 0)
        return NULL;
    if (!leg->contact_private && leg->incoming == false)
        return NULL;
    ml_place_print(&leg->peer, where, sizeof where);
    snprintf(buffer, size, "sip:%s;transport=%s", where, leg->peer.kind);
    return URL_STRING_MAKE(buffer);
}

nta_outgoing_t *ml_leg_send(struct ml_leg *leg, nta_response_f *callback, const url_string_t *route,
                            sip_method_t method, const char *name, const url_string_t *uri,
                            tag_type_t tag, tag_value_t value, ...)
{
    const char *ident = leg->transport->ident;
    nta_outgoing_t *orq;
    ta_list ta;

    ta_start(ta, tag, value);
    ml_tls_begin(leg->tls, nta_agent_tports(leg->agent->nta), ident);
    orq = nta_outgoing_tcreate(leg->dialog, callback, callback ? leg : NULL, route, method, name,
                               uri, TPTAG_IDENT(ident), ta_tags(ta));
    ml_tls_end(leg->tls, orq);
    ta_end(ta);
    return orq;
}

void ml_leg_send_cancel(struct ml_leg *leg)
{
    nta_outgoing_t *orq;

    ml_tls_begin(leg->tls, nta_agent_tports(leg->agent->nta), leg->transport->ident);
    orq = nta_outgoing_tcancel(leg->invite_out, NULL, NULL, TAG_END());
    ml_tls_end(leg->tls, orq);
}

void ml_leg_send_ack(struct ml_leg *leg, uint32_t cseq, const char *answer)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char target[160];

    if (leg->ack)
        nta_outgoing_destroy(leg->ack);
    leg->ack = ml_leg_send(leg, NULL, ml_leg_target(leg, target, sizeof target), SIP_METHOD_ACK,
                           NULL, SIPTAG_CSEQ(sip_cseq_create(home, cseq, SIP_METHOD_ACK)),
                           TAG_IF(answer, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                           TAG_IF(answer, SIPTAG_PAYLOAD_STR(answer)), TAG_END());
    su_home_deinit(home);
}
