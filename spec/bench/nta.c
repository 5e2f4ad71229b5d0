/* The same calls through sofia's nta and nothing else: no loop, guard or leg of ours. What any SIP
 * program on this library costs at least, on this machine. Usage: nta CALLEE-URI; prints the same
 * ready line as serve. */
#include <stdio.h>
#include <stdlib.h>

#include <sofia-sip/nta.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>

/* A call: from the caller (in) to the callee (out). */
struct nta_leg_magic_s {
    nta_leg_t *in, *out;
    nta_incoming_t *invite;
    nta_outgoing_t *asked, *acked, *ended;
};

typedef struct nta_leg_magic_s call;

static const char sdp[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

static nta_agent_t *agent;
static const char *callee;
static char contact[64];

static void release(call *c)
{
    nta_outgoing_destroy(c->asked);
    nta_outgoing_destroy(c->acked);
    nta_outgoing_destroy(c->ended);
    nta_incoming_destroy(c->invite);
    nta_leg_destroy(c->in);
    nta_leg_destroy(c->out);
    free(c);
}

static int on_ended(nta_outgoing_magic_t *user, nta_outgoing_t *orq, const sip_t *sip)
{
    (void)orq;
    if (sip->sip_status->st_status >= 200)
        release((call *)user);
    return 0;
}

static int on_answer(nta_outgoing_magic_t *user, nta_outgoing_t *orq, const sip_t *sip)
{
    call *c = (call *)user;

    if (sip->sip_status->st_status < 200)
        return 0;
    nta_leg_rtag(c->out, sip->sip_to->a_tag);
    nta_leg_client_route(c->out, sip->sip_record_route, sip->sip_contact);
    c->acked = nta_outgoing_tcreate(c->out, NULL, NULL, NULL, SIP_METHOD_ACK, NULL,
                                    SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
    (void)orq;
    nta_incoming_treply(c->invite, SIP_200_OK, SIPTAG_CONTACT_STR(contact),
                        SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp),
                        TAG_END());
    return 0;
}

static int in_dialog(call *c, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    if (sip->sip_request->rq_method != sip_method_bye)
        return 200;
    nta_incoming_treply(irq, SIP_200_OK, TAG_END());
    nta_incoming_destroy(irq);
    c->ended =
        nta_outgoing_tcreate(leg == c->in ? c->out : c->in, on_ended, (nta_outgoing_magic_t *)c,
                             NULL, SIP_METHOD_BYE, NULL, TAG_END());
    return 0;
}

static int on_request(nta_leg_magic_t *none, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    call *c;

    (void)none;
    (void)leg;
    if (sip->sip_request->rq_method != sip_method_invite)
        return 481;
    c = calloc(1, sizeof *c);
    c->invite = irq;
    c->in = nta_leg_tcreate(agent, in_dialog, c, SIPTAG_CALL_ID(sip->sip_call_id),
                            SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from), TAG_END());
    nta_leg_tag(c->in, NULL);
    nta_leg_server_route(c->in, sip->sip_record_route, sip->sip_contact);
    nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
    nta_incoming_treply(irq, SIP_180_RINGING, SIPTAG_CONTACT_STR(contact), TAG_END());
    c->out = nta_leg_tcreate(agent, in_dialog, c, SIPTAG_FROM(sip->sip_from), SIPTAG_TO_STR(callee),
                             TAG_END());
    nta_leg_tag(c->out, NULL);
    c->asked = nta_outgoing_tcreate(
        c->out, on_answer, (nta_outgoing_magic_t *)c, NULL, SIP_METHOD_INVITE,
        URL_STRING_MAKE(callee), SIPTAG_CONTACT_STR(contact),
        SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
    return 0;
}

int main(int argc, char **argv)
{
    su_root_t *root;
    const url_t *url;

    if (argc != 2) {
        fprintf(stderr, "usage: nta CALLEE-URI\n");
        return 2;
    }
    callee = argv[1];
    su_init();
    root = su_root_create(NULL);
    agent = nta_agent_create(root, URL_STRING_MAKE("sip:127.0.0.1:*;transport=udp"), NULL, NULL,
                             NTATAG_UDP_MTU(65535), TPTAG_STUN_SERVER(0), TAG_END());
    if (!agent || !nta_leg_tcreate(agent, on_request, NULL, NTATAG_NO_DIALOG(1), TAG_END())) {
        fprintf(stderr, "nta does not start\n");
        return 1;
    }
    url = nta_agent_contact(agent)->m_url;
    snprintf(contact, sizeof contact, "<sip:%s:%s>", url->url_host, url->url_port);
    printf("ready sip=udp:%s:%s http=off\n", url->url_host, url->url_port);
    fflush(stdout);
    su_root_run(root);
    return 0;
}
