/* Who may call in: the allow list, digest for users, refusals at a bounded rate. */
#include <arpa/inet.h>
#include <stdint.h>
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

enum {
    REFUSALS_A_SECOND = 20 /* the rest is dropped: no amplifier for spoofed sources */
};

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

static const char *const *copy_texts(const char *const *texts, size_t count)
{
    const char **copies = ml_alloc((count + 1) * sizeof *copies);

    for (size_t i = 0; i < count; i++)
        copies[i] = ml_strdup(texts[i]);
    return copies;
}

static void free_texts(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ml_free((char *)(uintptr_t)texts[i]);
    ml_free((void *)(uintptr_t)texts);
}

void ml_access_init(struct ml_agent_access *copy, const struct ml_agent_access *access)
{
    struct ml_agent_user *users = ml_alloc((access->user_count + 1) * sizeof *users);

    for (size_t i = 0; i < access->user_count; i++) {
        users[i].name = ml_strdup(access->users[i].name);
        users[i].password = ml_strdup(access->users[i].password);
    }
    copy->allow = copy_texts(access->allow, access->allow_count);
    copy->allow_count = access->allow_count;
    copy->users = users;
    copy->user_count = access->user_count;
    copy->peers = copy_texts(access->peers, 2 * access->peer_count);
    copy->peer_count = access->peer_count;
    copy->digest = copy_texts(access->digest, access->digest_count);
    copy->digest_count = access->digest_count;
}

void ml_access_fini(struct ml_agent_access *access)
{
    for (size_t i = 0; i < access->user_count; i++) {
        ml_free((char *)(uintptr_t)access->users[i].name);
        ml_free((char *)(uintptr_t)access->users[i].password);
    }
    ml_free((void *)(uintptr_t)access->users);
    free_texts(access->allow, access->allow_count);
    free_texts(access->peers, 2 * access->peer_count);
    free_texts(access->digest, access->digest_count);
}

/* ---- refusals ---- */

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

/* Refuses, or says nothing when enough was refused in this second. */
static int refuse(struct ml_agent *agent, nta_incoming_t *irq, const struct ml_sip_place *source,
                  const char *why)
{
    if (!may_refuse(agent)) {
        nta_incoming_destroy(irq);
        return -1;
    }
    ml_log(ML_LOG_INFO, NULL, "%s:%s is refused: %s", source->kind, source->host, why);
    nta_incoming_treply(irq, SIP_403_FORBIDDEN, SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
    return 403;
}

/* ---- passwords ---- */

static const char *password_of(const char *name, void *user)
{
    const struct ml_agent *agent = user;

    for (size_t i = 0; i < agent->access.user_count; i++)
        if (strcmp(agent->access.users[i].name, name) == 0)
            return agent->access.users[i].password;
    return NULL;
}

/* MD5 before SHA-256: who knows both may take the stronger wherever it stands, but many a phone
 * (and sipp) reads the first challenge only, and gives up when it is not MD5; baresip gives up when
 * any is not. */
static void challenge(struct ml_agent *agent, nta_incoming_t *irq, const char *source, bool stale)
{
    static const char *const both[] = {"MD5", "SHA-256"};
    const char *const *names = agent->access.digest_count ? agent->access.digest : both;
    size_t count = agent->access.digest_count ? agent->access.digest_count : 2;
    char *first = ml_auth_challenge(REALM, source, stale, names[0]);
    char *second = count > 1 ? ml_auth_challenge(REALM, source, stale, names[1]) : NULL;

    nta_incoming_treply(irq, SIP_401_UNAUTHORIZED, SIPTAG_WWW_AUTHENTICATE_STR(first),
                        TAG_IF(second, SIPTAG_WWW_AUTHENTICATE_STR(second)),
                        SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
    ml_free(first);
    ml_free(second);
}

char *ml_access_prove(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                      const struct ml_sip_place *source)
{
    enum ml_auth_result best = ML_AUTH_WRONG;
    char name[128];

    if (ml_strikes_left(&agent->guesses, source->host) > 0) {
        refuse(agent, irq, source, "too many wrong passwords in a minute");
        return NULL;
    }
    for (const sip_authorization_t *given = sip->sip_authorization; given; given = given->au_next) {
        su_home_t home[1] = {SU_HOME_INIT(home)};
        char *text = ml_header_text(home, (const sip_header_t *)given);
        enum ml_auth_result result =
            ml_auth_verify(text ? text : "", sip->sip_request->rq_method_name, REALM, source->host,
                           password_of, agent, name, sizeof name);

        su_home_deinit(home);
        if (result == ML_AUTH_OK)
            return ml_strdup(name);
        if (result == ML_AUTH_STALE)
            best = result;
    }
    if (sip->sip_authorization && best == ML_AUTH_WRONG &&
        ml_strikes_add(&agent->guesses, source->host))
        ml_log(ML_LOG_WARNING, NULL, "%s:%s gave %d wrong passwords: not heard for a minute",
               source->kind, source->host, agent->guesses.most);
    challenge(agent, irq, source->host, best == ML_AUTH_STALE);
    return NULL;
}

int ml_access_check(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                    const struct ml_sip_place *source, char **username, char **peer)
{
    const struct ml_agent_access *access = &agent->access;

    *username = *peer = NULL;
    for (size_t i = 0; i < access->peer_count; i++)
        if (ml_cidr_match(access->peers[2 * i], source->host)) {
            *peer = ml_strdup(access->peers[2 * i + 1]);
            return 0;
        }
    for (size_t i = 0; i < access->allow_count; i++)
        if (ml_cidr_match(access->allow[i], source->host))
            return 0;
    if (access->user_count == 0)
        return refuse(agent, irq, source, "not in sip.allow, and there are no sip.users");
    *username = ml_access_prove(agent, irq, sip, source);
    return *username ? 0 : -1;
}
