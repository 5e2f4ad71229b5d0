/* A text sent as it is through sofia's transports: with their queues, their TLS, their sockets. */
#include <stdio.h>
#include <string.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/tport_tag.h>

#include "core/sip/guard_priv.h"

/* A message of one header whose printed form is the text: nothing of it is parsed or printed. */
static msg_t *message_of(struct ml_str text)
{
    msg_t *msg = msg_create(sip_default_mclass(), 0);
    su_home_t *home = msg_home(msg);
    sip_header_t *header = (sip_header_t *)msg_header_alloc(home, sip_status_class, 0);
    char *copy = su_alloc(home, text.n + 1);

    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    header->sh_status->st_version = sip_version_2_0;
    header->sh_status->st_phrase = "";
    sip_header_insert(msg, sip_object(msg), header);
    msg_serialize(msg, (msg_pub_t *)sip_object(msg));
    header->sh_common->h_data = copy;
    header->sh_common->h_len = text.n;
    return msg;
}

void ml_guard_send(tport_t *tport, msg_t *request, struct ml_str text, uint16_t port, bool close)
{
    msg_t *msg;
    tp_name_t to = *tport_name(tport);
    char host[64], service[8];
    bool stream = tport_is_stream(tport);

    /* On a connection that cannot take it, sofia would open another one. */
    if (stream && !tport_is_clear_to_send(tport)) {
        tport_shutdown(tport, 2);
        return;
    }
    if (!stream) {
        ml_guard_host(msg_addr(request), host, sizeof host);
        snprintf(service, sizeof service, "%u", port);
        to.tpn_canon = to.tpn_host = host;
        to.tpn_port = service;
        to.tpn_comp = NULL;
    }
    msg = message_of(text);
    if (!tport_tsend(tport, msg, &to, TPTAG_CLOSE_AFTER(close), TAG_END()) && close)
        tport_shutdown(tport, 2);
    msg_destroy(msg);
}

void ml_guard_align_via(const tport_t *tport, msg_t *msg)
{
    sip_t *sip = sip_object(msg);

    if (!sip || !sip->sip_request || !sip->sip_via)
        return;
    sip->sip_via->v_protocol = !tport_is_stream(tport) ? sip_transport_udp
                               : tport_has_tls(tport)  ? sip_transport_tls
                                                       : sip_transport_tcp;
    /* Answers go to who asked, not to whom it names. */
    if (sip->sip_via->v_maddr)
        msg_header_remove_param(sip->sip_via->v_common, "maddr");
}
