/* How the requests of a leg leave: by which transport, to which address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <sofia-sip/su_tagarg.h>

#include "core/base/mem.h"
#include "core/sip/leg_priv.h"
#include "core/sip/tls_priv.h"

char *ml_header_lines(su_home_t *home, const struct ml_header *headers, size_t count)
{
    struct ml_buf text = {0};
    char *lines;

    for (size_t i = 0; i < count; i++) {
        ml_buf_str(&text, headers[i].name);
        ml_buf_str(&text, ": ");
        ml_buf_str(&text, headers[i].value);
        ml_buf_str(&text, "\r\n");
    }
    lines = text.n ? su_strdup(home, text.p) : NULL;
    ml_buf_fini(&text);
    return lines;
}

/* A loopback, link-local or private address (RFC 1918, RFC 4193), which may mean another host
 * there.
 */
static bool is_private(const char *host)
{
    unsigned char a[16];

    if (inet_pton(AF_INET, host, a) == 1)
        return a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
               (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254);
    if (inet_pton(AF_INET6, host, a) != 1)
        return false;
    return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
           memcmp(a, &in6addr_loopback, sizeof a) == 0;
}

/* Can the leg's requests not go to that host as it is? A name would have to be resolved, and the
 * peer is known to be where it sent from. */
static bool is_elsewhere(const struct ml_leg *leg, const char *host, bool of_proxy)
{
    char bare[ML_SIP_HOST_BYTES];
    size_t n = strlen(host);
    bool brackets = host[0] == '[' && n > 2;

    snprintf(bare, sizeof bare, "%.*s", (int)(brackets ? n - 2 : n), host + (brackets ? 1 : 0));
    if (!ml_host_is_numeric(bare))
        return true;
    return !of_proxy && is_private(bare) && strcmp(bare, leg->peer.host) != 0;
}

void ml_leg_learn_contact(struct ml_leg *leg, const sip_t *sip)
{
    const sip_record_route_t *first = sip->sip_record_route;
    su_home_t home[1] = {SU_HOME_INIT(home)};

    if (!sip->sip_contact || !sip->sip_contact->m_url->url_host)
        return;
    ml_free(leg->remote_uri);
    leg->remote_uri = ml_strdup(url_as_string(home, sip->sip_contact->m_url));
    su_home_deinit(home);
    if (!first) {
        leg->contact_private = is_elsewhere(leg, sip->sip_contact->m_url->url_host, false);
        return;
    }
    while (!leg->incoming && first->r_next) /* the caller's proxy is at the end */
        first = first->r_next;
    leg->contact_private =
        first->r_url->url_host && is_elsewhere(leg, first->r_url->url_host, true);
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

/* The Via of a leg that is seen under another address; else sofia's own. */
static void print_via(const struct ml_leg *leg, char *text, size_t size)
{
    const char *kind = leg->transport->place.kind;
    char host[ML_SEEN_BYTES];
    uint16_t port = ml_transport_seen_as(leg->transport, leg->advertise, host, sizeof host);

    snprintf(text, size, "SIP/2.0/%s %s:%u",
             strcmp(kind, "udp") == 0   ? "UDP"
             : strcmp(kind, "tcp") == 0 ? "TCP"
                                        : "TLS",
             host, port);
}

nta_outgoing_t *ml_leg_send(struct ml_leg *leg, nta_response_f *callback, const url_string_t *route,
                            sip_method_t method, const char *name, const url_string_t *uri,
                            tag_type_t tag, tag_value_t value, ...)
{
    const char *ident = leg->transport->ident, *to = uri ? uri->us_str : leg->remote_uri;
    const char *credentials = NULL;
    const tagi_t *body;
    nta_outgoing_t *orq;
    char via[320];
    ta_list ta;

    ta_start(ta, tag, value);
    if (leg->advertise)
        print_via(leg, via, sizeof via);
    body = tl_find(ta_args(ta), siptag_payload_str);
    if (leg->username && to)
        credentials =
            ml_leg_credentials(leg, name, to, ml_str(body ? (const char *)body->t_value : NULL));
    ml_tls_begin(leg->tls, nta_agent_tports(leg->agent->nta), ident);
    orq = nta_outgoing_tcreate(leg->dialog, callback, callback ? leg : NULL, route, method, name,
                               uri, TPTAG_IDENT(ident), TAG_IF(leg->advertise, SIPTAG_VIA_STR(via)),
                               TAG_IF(leg->advertise, NTATAG_USER_VIA(1)),
                               TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)), ta_tags(ta));
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
