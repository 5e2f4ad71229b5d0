/* A bare B2BUA: our SIP legs with nothing above them. INVITE in, INVITE out, 200, ACK, BYE; no
 * media, no Lua, no HTTP. The floor that a call of `moonline serve` is compared with. Usage: b2bua
 * CALLEE-URI; prints the same ready line as serve. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/net/loop.h"
#include "core/net/resolver.h"
#include "core/sip/agent.h"

static struct ml_agent *agent;
static const char *callee;

struct side {
    struct ml_leg *leg;
    struct side *other;
};

static const char sdp[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

static int make_offer(void *user, char **text)
{
    (void)user;
    *text = ml_strdup(sdp);
    return 0;
}

static int take_offer(void *user, struct ml_str offer, char **answer)
{
    (void)offer;
    return make_offer(user, answer);
}

static int take_answer(void *user, struct ml_str answer)
{
    (void)user;
    (void)answer;
    return 0;
}

static const struct ml_leg_description description = {make_offer, take_offer, take_answer};

static void let_go(struct side *side)
{
    if (side->other)
        side->other->other = NULL;
    ml_leg_watch(side->leg, NULL, NULL);
    ml_leg_unref(side->leg);
    ml_free(side);
}

static void on_event(struct ml_leg *leg, const struct ml_leg_event *event, void *user)
{
    struct side *side = user;

    (void)leg;
    switch (event->kind) {
    case ML_LEG_ANSWERED:
        if (side->other)
            ml_leg_answer(side->other->leg, NULL, 0);
        break;
    case ML_LEG_FAILED:
    case ML_LEG_CANCELED:
    case ML_LEG_ENDED:
        if (side->other)
            ml_leg_hangup(side->other->leg, NULL, 0);
        let_go(side);
        break;
    default:
        break;
    }
}

static void on_incoming(struct ml_leg *leg, void *user)
{
    struct side *in = ml_alloc(sizeof *in), *out = ml_alloc(sizeof *out);
    struct ml_leg_dial dial = {.uri = callee, .from_user = "bench"};
    struct ml_fault fault;

    (void)user;
    in->leg = ml_leg_ref(leg);
    in->other = out;
    out->other = in;
    ml_leg_watch(leg, on_event, in);
    ml_leg_describe(leg, &description, NULL);
    ml_leg_ring(leg, false);
    if (ml_agent_dial(agent, &dial, &description, NULL, on_event, out, &out->leg, &fault) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static const char *const listen[] = {"udp:127.0.0.1:0"};
    static const char *const allow[] = {"127.0.0.0/8"};
    static const struct ml_agent_handlers handlers = {.incoming = on_incoming};
    struct ml_agent_options options = {
        .listen = listen, .listen_count = 1, .access.allow = allow, .access.allow_count = 1};
    struct ml_resolver_options names = {0};
    struct ml_fault fault;
    struct ml_loop *loop;

    if (argc != 2) {
        fprintf(stderr, "usage: b2bua CALLEE-URI\n");
        return 2;
    }
    callee = argv[1];
    if (ml_loop_new(&loop) != 0 || ml_resolver_new(loop, &names, &options.resolver, &fault) != 0 ||
        ml_agent_new(loop, &options, &handlers, NULL, &agent, &fault) != 0) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    printf("ready sip=%s http=off\n", ml_agent_address(agent, 0));
    fflush(stdout);
    ml_loop_run(loop);
    return 0;
}
