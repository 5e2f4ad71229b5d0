/* Inside of a leg: shared by leg.c, leg_in.c, leg_out.c, leg_dialog.c, session.c. Loop thread. */
#ifndef ML_SIP_LEG_PRIV_H
#define ML_SIP_LEG_PRIV_H

#include "core/sip/agent_priv.h"
#include "core/sip/credentials.h"
#include "core/sip/leg.h"

enum ml_offer_state {
    ML_OFFER_NONE,
    ML_OFFER_SENT,     /* ours awaits its answer */
    ML_OFFER_RECEIVED, /* theirs awaits our answer (the answer text is ready) */
    ML_OFFER_DONE
};

struct ml_route; /* leg_out.c: the targets of a dial, tried in order */
struct ml_refer; /* refer.c: a transfer that the peer was asked for */

struct ml_leg {
    struct ml_link link;    /* in agent->legs while the agent holds its reference */
    struct ml_agent *agent; /* NULL once the agent is gone */
    int references;
    enum ml_leg_state state;
    bool incoming;
    ml_leg_event_fn *fn;
    void *user;
    const struct ml_leg_description *description;
    void *description_user;
    struct ml_list events; /* to be told in the next turn */
    bool telling;

    su_home_t home[1]; /* what the dialog needs for its whole life */
    nta_leg_t *dialog;
    nta_incoming_t *invite_in;  /* UAS: the INVITE; or a re-INVITE waiting for its ACK */
    nta_outgoing_t *invite_out; /* UAC: the INVITE, or our re-INVITE */
    nta_outgoing_t *bye;
    struct ml_refer *refer;
    struct ml_tls_watch *tls; /* UAC over TLS: whom our requests are for */
    const struct ml_transport *transport;
    char *advertise, *proxy;
    struct ml_sip_place peer; /* where the INVITE came from, or went to */
    sip_contact_t *contact;   /* ours */
    enum ml_offer_state offer;
    char *answer;          /* ML_OFFER_RECEIVED: what the next reliable response carries */
    bool contact_private;  /* in-dialog requests go to peer instead */
    bool by_flow;          /* UAC: dialled back to a registered phone: all goes to peer */
    bool reliable;         /* the peer requires 100rel */
    bool confirmed;        /* UAS: ACK seen; UAC: ACK sent */
    bool cancel_wanted;    /* UAC: hung up before the final response */
    bool hangup_after_ack; /* with these: */
    struct ml_header *bye_headers;
    size_t bye_header_count;
    bool reinvite_pending; /* ours waits: glare, or a transaction in the way */
    bool reinviting;       /* invite_out is a re-INVITE */
    struct ml_timer *bye_timer, *glare_timer, *session_timer;
    int session_interval; /* seconds; 0: no session timer */
    bool refresher;       /* it is us */
    bool refreshing;      /* our refresh awaits its answer */
    bool peer_has_update, peer_has_timer;
    uint32_t ack_cseq;
    nta_outgoing_t *ack;

    /* UAC */
    struct ml_route *route;
    char *uri;
    struct ml_credentials credentials; /* none when we are called: nobody gets an answer there */
    char *remote_uri;                  /* the peer's Contact */
    struct ml_header *extra;           /* custom headers, kept for the repeated INVITE */
    size_t extra_count;
    int provisional; /* highest 1xx seen */
    uint32_t rseq;
    bool sent_told;

    /* what ml_leg_info tells */
    char *call_id, *from_uri, *from_display, *to_uri, *request_uri, *digest_user, *trusted;
    char *headers; /* of the INVITE received */
};

struct ml_leg *ml_leg_new(struct ml_agent *agent, bool incoming);
/* Undoes ml_leg_new: nothing was sent, and nobody else knows it. */
void ml_leg_discard(struct ml_leg *leg);
/* State changes, in one place: logs, counts, and on OVER lets go of timers and the agent's
 * reference. */
void ml_leg_enter(struct ml_leg *leg, enum ml_leg_state state);
/* Queues a copy of the event, which has no headers, for the next turn. */
void ml_leg_tell(struct ml_leg *leg, const struct ml_leg_event *event);
/* The same, with code, phrase and headers of a message (NULL: none). */
void ml_leg_tell_message(struct ml_leg *leg, enum ml_leg_event_kind kind, enum ml_leg_cause cause,
                         const sip_t *sip, msg_t *msg, const char *text);

/* ---- leg_dialog.c ---- */
/* Requests inside the dialog. */
int ml_leg_on_request(nta_leg_magic_t *magic, nta_leg_t *dialog, nta_incoming_t *irq,
                      const sip_t *sip);
void ml_leg_send_bye(struct ml_leg *leg, const struct ml_header *headers, size_t count);
/* The BYE that waited for an ACK. */
void ml_leg_bye_after_ack(struct ml_leg *leg);
/* The SDP of a message, or an empty text. */
struct ml_str ml_leg_body(const sip_t *sip);
/* Reads the offer or answer in sip by the state of the exchange: 0, or a SIP code to refuse with.
 */
int ml_leg_take_body(struct ml_leg *leg, const sip_t *sip);
/* A reliable response or request is about to go: the SDP it must carry, or NULL. Caller frees. */
char *ml_leg_give_body(struct ml_leg *leg);

/* A request of ours inside the dialog got this response: 481 and 408 say that the dialog is no
 * more. */
void ml_leg_check_gone(struct ml_leg *leg, int code, const sip_t *sip);

/* ---- refer.c ---- */
/* A NOTIFY in the dialog: the code to answer with. */
int ml_refer_notified(struct ml_leg *leg, const sip_t *sip);
/* A REFER of the peer in the dialog: the same. */
int ml_refer_received(struct ml_leg *leg, const sip_t *sip);
void ml_refer_free(struct ml_leg *leg);

/* ---- leg_send.c ---- */
/* Sends a request of the dialog by the leg's transport; the rest is as for nta_outgoing_tcreate. */
nta_outgoing_t *ml_leg_send(struct ml_leg *leg, nta_response_f *callback, const url_string_t *route,
                            sip_method_t method, const char *name, const url_string_t *uri,
                            tag_type_t tag, tag_value_t value, ...);
/* CANCEL of invite_out. */
void ml_leg_send_cancel(struct ml_leg *leg);
void ml_leg_send_ack(struct ml_leg *leg, uint32_t cseq, const char *answer);
/* Where an in-dialog request goes when the peer's Contact cannot be reached directly; else NULL. */
const url_string_t *ml_leg_target(struct ml_leg *leg, char *buffer, size_t size);
/* After a dialog-forming message: is its Contact private and not the source? */
void ml_leg_learn_contact(struct ml_leg *leg, const sip_t *sip);
/* Header lines for SIPTAG_HEADER_STR, or NULL. In home. */
char *ml_header_lines(su_home_t *home, const struct ml_header *headers, size_t count);

/* ---- leg_in.c ---- */
/* The caller gave up before our final response: 487. */
void ml_leg_canceled(struct ml_leg *leg);

/* ---- leg_stray.c ---- */
/* The leg was cancelled and got no final response. */
void ml_agent_remember(struct ml_agent *agent, const struct ml_leg *leg);
/* A response without a transaction: one to such a leg is ended. */
void ml_agent_stray(struct ml_agent *agent, const sip_t *sip);

/* ---- leg_out.c ---- */
void ml_leg_route_free(struct ml_leg *leg);
void ml_leg_cancel(struct ml_leg *leg);

/* ---- leg.c ---- */
/* The agent closes: a last BYE, CANCEL or 480 without waiting for answers, and the leg is over. */
void ml_leg_abandon(struct ml_leg *leg);

/* ---- session.c: RFC 4028 ---- */
/* UAS: code 422 when the interval of the INVITE is too small, else 0 with the interval taken. */
int ml_session_offered(struct ml_leg *leg, const sip_t *sip);
/* "1800;refresher=uac" for our 2xx, or NULL. */
char *ml_session_answer(struct ml_leg *leg, su_home_t *home);
/* UAC: what the 2xx said. */
void ml_session_answered(struct ml_leg *leg, const sip_t *sip);
void ml_session_refreshed(struct ml_leg *leg);

enum { ML_MIN_SE = 90 }; /* RFC 4028 section 4 */

#define ML_SIP_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK"
#define ML_SIP_SUPPORTED "100rel, timer"

#endif
