/* Who may call in: the allow list, digest for users, refusals at a bounded rate. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/sip/agent_priv.h"
#include "core/sip/auth.h"
#include "core/sip/headers.h"

#define REALM "moonline"

enum { REFUSALS_A_SECOND = 20 }; /* the rest is dropped: no amplifier for spoofed sources */

/* 16 bytes; IPv4 as IPv4-mapped, so that ::ffff:10.0.0.1 is 10.0.0.1. Returns false for a bad text.
 */
static bool address_bytes(const char *text, unsigned char bytes[16], bool *ipv4)
{
    struct in_addr four;

    *ipv4 = inet_pton(AF_INET, text, &four) == 1;
    if (!*ipv4)
        return inet_pton(AF_INET6, text, bytes) == 1;
    memset(bytes, 0, 10);
    memset(bytes + 10, 0xff, 2);
    memcpy(bytes + 12, &four, 4);
    return true;
}

bool ml_cidr_match(const char *cidr, const char *host)
{
    struct ml_str rest = ml_str(cidr), base;
    unsigned char net[16], address[16];
    char text[64];
    bool net_ipv4, ipv4;
    uint64_t bits;

    ml_str_cut(&rest, '/', &base);
    snprintf(text, sizeof text, "%.*s", base.n < sizeof text ? (int)base.n : 0, base.p);
    if (!address_bytes(text, net, &net_ipv4) || !address_bytes(host, address, &ipv4))
        return false;
    bits = net_ipv4 ? 32 : 128;
    if (rest.p && ml_str_uint(rest, bits, &bits) != 0)
        return false;
    if (net_ipv4)
        bits += 96;
    for (uint64_t i = 0; i < bits; i++) {
        int mask = 0x80 >> (i % 8);

        if ((net[i / 8] & mask) != (address[i / 8] & mask))
            return false;
    }
    return true;
}

/* May one more refusal be sent in this second? */
static bool may_refuse(struct ml_agent *agent)
{
    int64_t second = ml_clock_ms() / 1000;

    if (agent->refused_at != second) {
        agent->refused_at = second;
        agent->refusals = 0;
    }
    return agent->refusals++ < REFUSALS_A_SECOND;
}

static const char *password_of(const char *name, void *user)
{
    const struct ml_agent *agent = user;

    for (size_t i = 0; i < agent->user_count; i++)
        if (strcmp(agent->users[i].name, name) == 0)
            return agent->users[i].password;
    return NULL;
}

static int refuse(struct ml_agent *agent, nta_incoming_t *irq, const struct ml_sip_place *source)
{
    if (!may_refuse(agent)) {
        nta_incoming_destroy(irq);
        return 0;
    }
    ml_log(ML_LOG_INFO, NULL, "%s:%s may not call in: not in sip.allow, and there are no sip.users",
           source->kind, source->host);
    nta_incoming_treply(irq, SIP_403_FORBIDDEN, SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
    return 403;
}

/* MD5 before SHA-256: who knows both may take the stronger wherever it stands, but many a phone
 * (and sipp) reads the first challenge only, and gives up when it is not MD5. */
static int challenge(struct ml_agent *agent, nta_incoming_t *irq, const char *source, bool stale)
{
    char *strong = ml_auth_challenge(REALM, source, stale, "SHA-256");
    char *weak = ml_auth_challenge(REALM, source, stale, "MD5");

    nta_incoming_treply(irq, SIP_401_UNAUTHORIZED, SIPTAG_WWW_AUTHENTICATE_STR(weak),
                        SIPTAG_WWW_AUTHENTICATE_STR(strong), SIPTAG_SERVER_STR(agent->user_agent),
                        TAG_END());
    ml_free(strong);
    ml_free(weak);
    return 401;
}

int ml_access_check(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                    const struct ml_sip_place *source, char **username)
{
    bool stale = false;
    char name[128];

    *username = NULL;
    for (size_t i = 0; i < agent->allow_count; i++)
        if (ml_cidr_match(agent->allow[i], source->host))
            return 0;
    if (agent->user_count == 0)
        return refuse(agent, irq, source) ? 403 : -1;
    for (const sip_authorization_t *given = sip->sip_authorization; given; given = given->au_next) {
        su_home_t home[1] = {SU_HOME_INIT(home)};
        char *text = ml_header_text(home, (const sip_header_t *)given);
        enum ml_auth_result result =
            ml_auth_verify(text ? text : "", sip->sip_request->rq_method_name, REALM, source->host,
                           password_of, agent, name, sizeof name);

        su_home_deinit(home);
        if (result == ML_AUTH_OK) {
            *username = ml_strdup(name);
            return 0;
        }
        stale = stale || result == ML_AUTH_STALE;
    }
    return challenge(agent, irq, source->host, stale);
}
