/* A leg's life: references, state, and the events it tells. */
#include "core/sip/leg.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/headers.h"
#include "core/sip/leg_priv.h"
#include "core/sip/tls.h"

struct told {
    struct ml_link link;
    struct ml_leg_event event;
    char *phrase, *text, *headers; /* what the event points to */
};

const char *ml_leg_state_name(enum ml_leg_state state)
{
    static const char *const names[] = {"calling", "incoming", "up", "leaving", "over"};

    return names[state];
}

const char *ml_leg_cause_name(enum ml_leg_cause cause)
{
    static const char *const names[] = {"none",    "response", "timeout", "dns",
                                        "network", "tls",      "local",   "peer",
                                        "no-ack",  "session",  "gone",    "sdp"};

    return names[cause];
}

struct ml_leg *ml_leg_new(struct ml_agent *agent, bool incoming)
{
    struct ml_leg *leg = ml_alloc(sizeof *leg);

    leg->agent = agent;
    leg->incoming = incoming;
    leg->references = 1; /* the agent's, until it is over */
    leg->state = incoming ? ML_LEG_INCOMING : ML_LEG_CALLING;
    ml_list_init(&leg->events);
    su_home_init(leg->home);
    ml_list_append(&agent->legs, &leg->link);
    agent->live++;
    agent->calls += incoming;
    return leg;
}

static void told_free(struct told *told)
{
    ml_free(told->phrase);
    ml_free(told->text);
    ml_free(told->headers);
    ml_free(told);
}

static void leg_free(struct ml_leg *leg)
{
    ML_LIST_EACH(&leg->events, link)
    told_free(ML_CONTAINER(link, struct told, link));
    ml_free(leg->answer);
    ml_free(leg->advertise);
    ml_free(leg->proxy);
    ml_free(leg->uri);
    ml_free(leg->username);
    ml_free(leg->password);
    ml_free(leg->extra);
    ml_free(leg->remote_uri);
    ml_leg_challenges_free(leg);
    ml_free(leg->bye_headers);
    ml_free(leg->call_id);
    ml_free(leg->from_uri);
    ml_free(leg->from_display);
    ml_free(leg->to_uri);
    ml_free(leg->request_uri);
    ml_free(leg->digest_user);
    ml_free(leg->headers);
    su_home_deinit(leg->home);
    ml_free(leg);
}

struct ml_leg *ml_leg_ref(struct ml_leg *leg)
{
    leg->references++;
    return leg;
}

void ml_leg_unref(struct ml_leg *leg)
{
    if (!leg)
        return;
    if (leg->references == 2 && leg->agent && leg->state != ML_LEG_OVER) {
        leg->references--; /* only the agent's is left: nobody wants it any more */
        leg->fn = NULL;
        leg->description = NULL;
        ml_leg_hangup(leg, NULL, 0);
        return;
    }
    if (--leg->references == 0)
        leg_free(leg);
}

static void let_go_of_sofia(struct ml_leg *leg)
{
    if (leg->invite_in)
        nta_incoming_destroy(leg->invite_in);
    if (leg->invite_out)
        nta_outgoing_destroy(leg->invite_out);
    if (leg->bye)
        nta_outgoing_destroy(leg->bye);
    if (leg->ack)
        nta_outgoing_destroy(leg->ack);
    if (leg->dialog)
        nta_leg_destroy(leg->dialog);
    ml_tls_forget(leg->tls);
    leg->tls = NULL;
    leg->invite_in = NULL;
    leg->invite_out = leg->bye = leg->ack = NULL;
    leg->dialog = NULL;
}

static void released(void *user)
{
    struct ml_leg *leg = user;

    let_go_of_sofia(leg);
    ml_leg_unref(leg);
}

/* An incoming call that is still wanted. */
static bool counts(const struct ml_leg *leg)
{
    return leg->incoming && (leg->state == ML_LEG_INCOMING || leg->state == ML_LEG_UP);
}

void ml_leg_enter(struct ml_leg *leg, enum ml_leg_state state)
{
    if (leg->state == state)
        return;
    ml_log(ML_LOG_DEBUG, leg->call_id, "leg %s -> %s", ml_leg_state_name(leg->state),
           ml_leg_state_name(state));
    leg->agent->calls -= counts(leg);
    leg->state = state;
    leg->agent->calls += counts(leg);
    if (state != ML_LEG_OVER)
        return;
    ml_timer_free(leg->bye_timer);
    ml_timer_free(leg->glare_timer);
    ml_timer_free(leg->session_timer);
    leg->bye_timer = leg->glare_timer = leg->session_timer = NULL;
    ml_leg_route_free(leg);
    ml_list_remove(&leg->link);
    leg->agent->live--;
    if (leg->agent->closing)
        released(leg);
    else
        ml_loop_post(leg->agent->loop, released, leg); /* sofia may be in the middle of it */
}

void ml_leg_watch(struct ml_leg *leg, ml_leg_event_fn *fn, void *user)
{
    leg->fn = fn;
    leg->user = user;
}

void ml_leg_describe(struct ml_leg *leg, const struct ml_leg_description *description, void *user)
{
    leg->description = description;
    leg->description_user = user;
}

static void tell_all(void *user)
{
    struct ml_leg *leg = user;
    struct ml_link *link;

    leg->telling = false;
    while ((link = ml_list_first(&leg->events)) != NULL) {
        struct told *told = ML_CONTAINER(link, struct told, link);

        ml_list_remove(link);
        if (leg->fn)
            leg->fn(leg, &told->event, leg->user);
        told_free(told);
    }
    ml_leg_unref(leg);
}

/* headers: taken. */
static void tell(struct ml_leg *leg, const struct ml_leg_event *event, char *headers)
{
    struct told *told = ml_alloc(sizeof *told);

    told->event = *event;
    told->event.phrase = told->phrase = ml_strdup(event->phrase);
    told->event.text = told->text = ml_strdup(event->text);
    told->event.headers = told->headers = headers;
    ml_list_append(&leg->events, &told->link);
    if (!leg->telling && leg->agent && !leg->agent->closing) {
        leg->telling = true;
        ml_loop_post(leg->agent->loop, tell_all, ml_leg_ref(leg));
    }
}

void ml_leg_tell(struct ml_leg *leg, const struct ml_leg_event *event)
{
    tell(leg, event, NULL);
}

void ml_leg_tell_message(struct ml_leg *leg, enum ml_leg_event_kind kind, enum ml_leg_cause cause,
                         const sip_t *sip, msg_t *msg, const char *text)
{
    struct ml_leg_event event = {.kind = kind, .cause = cause, .text = text};
    bool received = sip && msg && !nta_msg_is_internal(msg);

    if (sip && sip->sip_status) {
        event.code = sip->sip_status->st_status;
        event.phrase = sip->sip_status->st_phrase;
        event.early = event.code < 200 && ml_leg_body(sip).n > 0;
    }
    tell(leg, &event, received ? ml_headers_lines(sip, msg) : NULL);
}

void ml_leg_info(const struct ml_leg *leg, struct ml_leg_info *info)
{
    *info = (struct ml_leg_info){
        .incoming = leg->incoming,
        .call_id = leg->call_id,
        .from_uri = leg->from_uri,
        .from_display = leg->from_display,
        .to_uri = leg->to_uri,
        .request_uri = leg->request_uri,
        .transport = leg->peer.kind,
        .source_address = leg->peer.host,
        .source_port = leg->peer.port,
        .local_address = leg->transport ? leg->transport->place.host : NULL,
        .username = leg->digest_user,
        .headers = leg->headers,
    };
}

enum ml_leg_state ml_leg_state(const struct ml_leg *leg)
{
    return leg->state;
}
