#include "core/sip/targets.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"

enum { HOPS_MAX = 8 }; /* URIs of one list */

/* What one URI says. */
struct hop {
    char kind[4], *host;
    uint16_t port; /* 0: none said */
};

struct ml_targets {
    struct ml_agent *agent;
    struct ml_query *query;
    struct hop hops[HOPS_MAX];
    size_t hop_count, hop; /* the one that is being looked up */
    struct ml_sip_place places[ML_TARGETS_MAX];
    unsigned char hop_of[ML_TARGETS_MAX];
    size_t count;
    ml_targets_fn *found;
    void *user;
};

static void look_up(struct ml_targets *targets);

/* ---- looking up ---- */

static void on_hosts(int status, const struct ml_host *hosts, size_t count, void *user)
{
    struct ml_targets *targets = user;
    const struct hop *hop = &targets->hops[targets->hop];
    uint16_t standard = strcmp(hop->kind, "tls") == 0 ? 5061 : 5060;

    targets->query = NULL;
    for (size_t i = 0; status == 0 && i < count && targets->count < ML_TARGETS_MAX; i++) {
        struct ml_sip_place *place = &targets->places[targets->count];

        targets->hop_of[targets->count++] = (unsigned char)targets->hop;
        memcpy(place->kind, hop->kind, sizeof place->kind);
        snprintf(place->host, sizeof place->host, "%s", hosts[i].address);
        place->port = hop->port ? hop->port : hosts[i].port ? hosts[i].port : standard;
        /* The resolve table may move a service to another port: that is what it is for. */
        if (hosts[i].port && ml_resolver_knows(targets->agent->resolver, hop->host))
            place->port = hosts[i].port;
    }
    if (++targets->hop < targets->hop_count)
        look_up(targets);
    else
        targets->found(targets->count ? ML_OK : status, targets->user);
}

static void on_services(int status, const struct ml_host *hosts, size_t count, void *user)
{
    struct ml_targets *targets = user;

    targets->query = NULL;
    if (status == 0)
        on_hosts(status, hosts, count, targets);
    else
        targets->query = ml_resolve_host(targets->agent->resolver, targets->hops[targets->hop].host,
                                         on_hosts, targets);
}

static void look_up(struct ml_targets *targets)
{
    const struct hop *hop = &targets->hops[targets->hop];
    struct ml_resolver *resolver = targets->agent->resolver;
    char service[300];

    if (hop->port || ml_resolver_knows(resolver, hop->host)) {
        targets->query = ml_resolve_host(resolver, hop->host, on_hosts, targets);
        return;
    }
    snprintf(service, sizeof service, "%s.%s",
             strcmp(hop->kind, "tls") == 0   ? "_sips._tcp"
             : strcmp(hop->kind, "tcp") == 0 ? "_sip._tcp"
                                             : "_sip._udp",
             hop->host);
    targets->query = ml_resolve_srv(resolver, service, on_services, targets);
}

/* ---- reading ---- */

/* What sofia's parser lets pass and a Request-URI must not hold. */
static bool is_plain(const char *uri)
{
    if (!uri[0])
        return false;
    for (; *uri; uri++)
        if ((unsigned char)*uri <= ' ' || (unsigned char)*uri > '~' || strchr("<>\"", *uri))
            return false;
    return true;
}

/* Transport, host and port of a URI. */
static bool read_hop(struct hop *hop, const char *uri)
{
    su_home_t home[1] = {SU_HOME_INIT(home)};
    url_t *url = is_plain(uri) ? url_hdup(home, URL_STRING_MAKE(uri)->us_url) : NULL;
    char transport[8] = "";
    uint64_t port = 0;
    bool good = url && (url->url_type == url_sip || url->url_type == url_sips) && url->url_host &&
                url->url_host[0] && strlen(url->url_host) < 256;

    if (good && url->url_port && url->url_port[0])
        good = ml_str_uint(ml_str(url->url_port), 65535, &port) == 0;
    if (good) {
        size_t n = strlen(url->url_host);
        bool bracketed = url->url_host[0] == '[' && n > 2;

        hop->host = ml_strndup(url->url_host + bracketed, n - 2 * bracketed);
        hop->port = (uint16_t)port;
        if (url->url_params)
            url_param(url->url_params, "transport", transport, sizeof transport);
        if (url->url_type == url_sips || su_casematch(transport, "tls"))
            memcpy(hop->kind, "tls", 4);
        else
            memcpy(hop->kind, su_casematch(transport, "tcp") ? "tcp" : "udp", 4);
    }
    su_home_deinit(home);
    return good;
}

int ml_targets_find(struct ml_agent *agent, const char *const *uris, size_t count,
                    ml_targets_fn *found, void *user, struct ml_targets **targetsp,
                    struct ml_fault *fault)
{
    struct ml_targets *targets = ml_alloc(sizeof *targets);

    assert(count > 0);
    targets->agent = agent;
    targets->found = found;
    targets->user = user;
    for (size_t i = 0; i < count && i < HOPS_MAX; i++) {
        if (!read_hop(&targets->hops[i], uris[i])) {
            ml_targets_free(targets);
            return ml_fail(fault, ML_EINVAL, "%s: a sip or sips URI with a host expected", uris[i]);
        }
        targets->hop_count++;
    }
    look_up(targets);
    *targetsp = targets;
    return ML_OK;
}

struct ml_targets *ml_targets_at(const struct ml_sip_place *place)
{
    struct ml_targets *targets = ml_alloc(sizeof *targets);

    targets->places[targets->count++] = *place;
    targets->hops[0].host = ml_strdup(place->host);
    targets->hop_count = 1;
    return targets;
}

void ml_targets_free(struct ml_targets *targets)
{
    if (!targets)
        return;
    if (targets->query)
        ml_query_cancel(targets->query);
    for (size_t i = 0; i < targets->hop_count; i++)
        ml_free(targets->hops[i].host);
    ml_free(targets);
}

size_t ml_targets_count(const struct ml_targets *targets)
{
    return targets->count;
}

const struct ml_sip_place *ml_targets_place(const struct ml_targets *targets, size_t index)
{
    return &targets->places[index];
}

const char *ml_targets_name(const struct ml_targets *targets, size_t index)
{
    return targets->hops[targets->hop_of[index]].host;
}

/* ---- flows ---- */

void ml_flow_print(const struct ml_transport *transport, const struct ml_sip_place *peer,
                   char *text, size_t size)
{
    char where[96];

    ml_place_print(peer, where, sizeof where);
    snprintf(text, size, "%s %s:%s", transport->ident, peer->kind, where);
}

const struct ml_transport *ml_flow_read(const struct ml_agent *agent, const char *text,
                                        struct ml_sip_place *peer)
{
    struct ml_str rest = ml_str(text), ident;
    char name[96];

    if (!ml_str_cut(&rest, ' ', &ident) || !rest.p || ident.n >= sizeof name ||
        ml_place_parse(rest.p, peer, NULL) != 0)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)ident.n, ident.p);
    return ml_transport_by_ident(agent, name);
}
