#include "core/sip/register.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/sip/agent_priv.h"
#include "core/sip/guard_judge.h"
#include "core/sip/leg_priv.h"
#include "core/sip/targets.h"

enum {
    URI_MAX = 512,           /* bytes of a contact that is kept */
    EXPIRES_MAX = 0x7fffffff /* what is read; the registrar has its own limit */
};

bool ml_sip_uri_same(const char *a, const char *b)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    url_t *one = url_hdup(home, URL_STRING_MAKE(a)->us_url);
    url_t *other = url_hdup(home, URL_STRING_MAKE(b)->us_url);
    bool same = one && other && url_cmp_all(one, other) == 0;

    su_home_deinit(home);
    return same;
}

static int seconds(const char *text)
{
    uint64_t value;

    return ml_str_uint(ml_str_trim(ml_str(text)), EXPIRES_MAX, &value) == 0 ? (int)value : -1;
}

/* The value of a parameter of a Contact, NULL when it has none. */
static const char *parameter(const sip_contact_t *contact, const char *name)
{
    return msg_header_find_param(contact->m_common, name);
}

static void read_contact(su_home_t *home, const sip_contact_t *contact, int otherwise,
                         struct ml_register_contact *read)
{
    const char *instance = parameter(contact, "+sip.instance=");
    const char *number = parameter(contact, "reg-id=");

    read->uri = url_as_string(home, contact->m_url);
    read->expires = contact->m_expires ? seconds(contact->m_expires) : otherwise;
    if (instance && strlen(instance) < URI_MAX)
        read->instance = su_sprintf(home, "%s %s", instance, number ? number : "");
}

/* Reads what is asked for: 0, or the code to refuse with. */
static int read_request(su_home_t *home, const sip_t *sip, struct ml_register *request,
                        struct ml_register_contact *contacts)
{
    int otherwise = -1;

    if (sip->sip_expires)
        otherwise = sip->sip_expires->ex_delta > EXPIRES_MAX ? EXPIRES_MAX
                                                             : (int)sip->sip_expires->ex_delta;
    for (const sip_contact_t *contact = sip->sip_contact; contact; contact = contact->m_next) {
        if (contact->m_url->url_type == url_any) {
            if (sip->sip_contact->m_next || otherwise != 0)
                return 400; /* RFC 3261 10.3: alone, and with Expires: 0 */
            request->all = true;
            return 0;
        }
        if (request->count == ML_GUARD_MAX_CONTACTS)
            return 400;
        read_contact(home, contact, otherwise, &contacts[request->count]);
        if (!contacts[request->count].uri || strlen(contacts[request->count].uri) > URI_MAX)
            return 400;
        request->count++;
    }
    request->contacts = contacts;
    return 0;
}

static void reply(struct ml_agent *agent, nta_incoming_t *irq,
                  const struct ml_register_answer *answer)
{
    char least[40];

    snprintf(least, sizeof least, "Min-Expires: %d", answer->min_expires);
    nta_incoming_treply(irq, answer->code, NULL,
                        TAG_IF(answer->contacts, SIPTAG_CONTACT_STR(answer->contacts)),
                        TAG_IF(answer->min_expires, SIPTAG_HEADER_STR(least)),
                        SIPTAG_SERVER_STR(agent->user_agent), TAG_END());
}

/* To is the address of record; nobody registers for another (RFC 3261 10.3, step 4). */
static bool is_own(const sip_t *sip, const char *user)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    const char *name = sip->sip_to->a_url->url_user;
    char *plain = name ? su_alloc(home, (isize_t)strlen(name) + 1) : NULL;
    bool own;

    if (plain)
        url_unescape(plain, name);
    own = plain && strcmp(plain, user) == 0;
    su_home_deinit(home);
    return own;
}

void ml_register_incoming(struct ml_agent *agent, nta_incoming_t *irq, const sip_t *sip,
                          const struct ml_sip_place *source, const struct ml_transport *transport)
{
    struct ml_register_contact contacts[ML_GUARD_MAX_CONTACTS] = {{0}};
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *user = ml_access_prove(agent, irq, sip, source), flow[200], where[96], from[128];
    struct ml_register_answer answer = {0};
    struct ml_register request = {
        .user = user,
        .call_id = sip->sip_call_id->i_id,
        .cseq = sip->sip_cseq->cs_seq,
        .flow = flow,
        .source = from,
        .user_agent = sip->sip_user_agent ? sip->sip_user_agent->g_string : "",
    };

    if (!user)
        return; /* challenged, or refused */
    ml_flow_print(transport, source, flow, sizeof flow);
    ml_place_print(source, where, sizeof where);
    snprintf(from, sizeof from, "%s:%s", source->kind, where);
    answer.code = is_own(sip, user) ? read_request(home, sip, &request, contacts) : 403;
    if (answer.code == 0)
        agent->on_register(&request, &answer, agent->register_user);
    reply(agent, irq, &answer);
    ml_free(answer.contacts);
    ml_free(user);
    su_home_deinit(home);
}
