/* Transports: what the agent listens on and sends from. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include <sofia-sip/tport.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/net/local.h"
#include "core/sip/agent_priv.h"
#include "core/sip/tls_priv.h"

/* sofia looks for certificates in a folder and, without one, in the user's home. Ours are in place
 * before it looks. */
#define NO_FOLDER "/dev/null"

bool ml_host_is_ipv6(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET6, host, &address) == 1;
}

bool ml_host_is_numeric(const char *host)
{
    struct in_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || ml_host_is_ipv6(host);
}

int ml_place_parse(const char *text, struct ml_sip_place *place, struct ml_fault *fault)
{
    const char *colon = strchr(text, ':'), *last = strrchr(text, ':');
    struct ml_str host;
    uint64_t port;

    if (!colon || last == colon || colon - text != 3 ||
        (strncmp(text, "udp", 3) && strncmp(text, "tcp", 3) && strncmp(text, "tls", 3)))
        return ml_fail(fault, ML_EINVAL,
                       "%s: udp:, tcp: or tls:, an address and a port expected, "
                       "like udp:127.0.0.1:5060",
                       text);
    host = (struct ml_str){colon + 1, (size_t)(last - colon - 1)};
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct ml_str){host.p + 1, host.n - 2};
    if (host.n >= sizeof place->host || ml_str_uint(ml_str(last + 1), 65535, &port) != 0)
        return ml_fail(fault, ML_EINVAL, "%s: a port from 0 to 65535 expected", text);
    snprintf(place->kind, sizeof place->kind, "%.3s", text);
    snprintf(place->host, sizeof place->host, "%.*s", (int)host.n, host.p);
    place->port = (uint16_t)port;
    if (!ml_host_is_numeric(place->host))
        return ml_fail(fault, ML_EINVAL, "%s: a numeric IPv4 or IPv6 address expected", text);
    return ML_OK;
}

void ml_place_print(const struct ml_sip_place *place, char *text, size_t size)
{
    snprintf(text, size, ml_host_is_ipv6(place->host) ? "[%s]:%u" : "%s:%u", place->host,
             place->port);
}

void ml_place_of(const su_sockaddr_t *address, struct ml_sip_place *place)
{
    su_inet_ntop(address->su_family, SU_ADDR(address), place->host, sizeof place->host);
    place->port = ntohs(address->su_port);
}

/* The port the kernel gave to the transport with that ident. */
static uint16_t real_port(struct ml_agent *agent, const char *ident)
{
    for (tport_t *tport = tport_primaries(nta_agent_tports(agent->nta)); tport;
         tport = tport_next(tport)) {
        const tp_name_t *name = tport_name(tport);
        const char *its = tport_magic(tport) ? name->tpn_ident : name->tpn_ident;
        uint64_t port;

        if (its && strcmp(its, ident) == 0 &&
            ml_str_uint(ml_str(name->tpn_port), 65535, &port) == 0)
            return (uint16_t)port;
    }
    return 0;
}

static int bind_in_sofia(struct ml_agent *agent, const struct ml_transport *transport)
{
    const struct ml_sip_place *place = &transport->place;
    bool tls = strcmp(place->kind, "tls") == 0, ipv6 = ml_host_is_ipv6(place->host);
    char url[160], port[8] = "*";
    int status;

    if (place->port)
        snprintf(port, sizeof port, "%u", place->port);
    snprintf(url, sizeof url, "%s:%s%s%s:%s;transport=%s", tls ? "sips" : "sip", ipv6 ? "[" : "",
             place->host, ipv6 ? "]" : "", port, place->kind);
    if (tls)
        ml_tls_context_begin(agent);
    status = nta_agent_add_tport(agent->nta, URL_STRING_MAKE(url), TPTAG_IDENT(transport->ident),
                                 TPTAG_STUN_SERVER(0), TPTAG_IDLE(60000), TPTAG_TIMEOUT(10000),
                                 TPTAG_REUSE(1), TPTAG_PONG2PING(1), TPTAG_QUEUESIZE(1000),
                                 TAG_IF(tls, TPTAG_CERTIFICATE(NO_FOLDER)),
                                 TPTAG_TLS_VERIFY_POLICY(0), TAG_END());
    if (tls && !ml_tls_context_end())
        status = -1; /* then nothing would be verified */
    return status;
}

int ml_transport_add(struct ml_agent *agent, const struct ml_sip_place *place, bool listener,
                     struct ml_transport **transportp, struct ml_fault *fault)
{
    struct ml_transport *transport = ml_alloc(sizeof *transport);
    static unsigned long number;
    char where[80];
    int status = ML_OK;

    if (strcmp(place->kind, "tls") == 0)
        status = ml_tls_check(&agent->tls, listener, fault);
    if (status != ML_OK) {
        ml_free(transport);
        return status;
    }
    transport->place = *place;
    transport->listener = listener;
    snprintf(transport->ident, sizeof transport->ident, "%s-%lu", place->kind, ++number);
    ml_place_print(place, where, sizeof where);
    if (bind_in_sofia(agent, transport) != 0) {
        ml_free(transport);
        return ml_fail(fault, ML_ENET,
                       "cannot listen on %s:%s: is it in use, is it an address of this machine?",
                       place->kind, where);
    }
    transport->place.port = real_port(agent, transport->ident);
    ml_place_print(&transport->place, where, sizeof where);
    snprintf(transport->address, sizeof transport->address, "%s:%s", place->kind, where);
    ml_list_append(&agent->transports, &transport->link);
    if (transportp)
        *transportp = transport;
    return ML_OK;
}

/* One transport for each address of the machine: a response, a Contact or an SDP cannot say "all".
 */
static int listen_everywhere(struct ml_agent *agent, const struct ml_sip_place *given,
                             struct ml_fault *fault)
{
    int family = ml_host_is_ipv6(given->host) ? AF_INET6 : AF_INET, status = ML_OK;
    struct ml_sip_place place = *given;
    struct ml_transport *first = NULL, *next;
    struct ifaddrs *all = NULL;
    char where[80];

    if (getifaddrs(&all) != 0)
        return ml_fail(fault, ML_ENET, "the addresses of this machine cannot be read");
    for (const struct ifaddrs *one = all; one && status == 0; one = one->ifa_next) {
        const su_sockaddr_t *address = (const void *)one->ifa_addr;

        if (!address || address->su_family != family ||
            (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->su_sin6.sin6_addr)))
            continue;
        su_inet_ntop(family, SU_ADDR(address), place.host, sizeof place.host);
        status = ml_transport_add(agent, &place, true, &next, fault);
        if (status != 0)
            break;
        next->address[0] = '\0';
        first = first ? first : next;
        place.port = first->place.port;
    }
    freeifaddrs(all);
    if (status != 0 || !first)
        return status ? status : ml_fail(fault, ML_ENET, "no address to listen on");
    place = *given;
    place.port = first->place.port;
    ml_place_print(&place, where, sizeof where);
    snprintf(first->address, sizeof first->address, "%s:%s", place.kind, where);
    return ML_OK;
}

int ml_transport_listen(struct ml_agent *agent, const struct ml_sip_place *place,
                        struct ml_fault *fault)
{
    if (ml_address_is_any(place->host))
        return listen_everywhere(agent, place, fault);
    return ml_transport_add(agent, place, true, NULL, fault);
}

static struct ml_transport *find(struct ml_agent *agent, const char *kind, const char *host,
                                 bool ipv6)
{
    ML_LIST_EACH(&agent->transports, link)
    {
        struct ml_transport *transport = ML_CONTAINER(link, struct ml_transport, link);

        if (strcmp(transport->place.kind, kind) == 0 &&
            ml_host_is_ipv6(transport->place.host) == ipv6 &&
            (host ? strcmp(transport->place.host, host) == 0 : transport->listener))
            return transport;
    }
    return NULL;
}

/* Is there a choice between transports of that kind? */
static bool are_several(struct ml_agent *agent, const char *kind, bool ipv6)
{
    int count = 0;

    ML_LIST_EACH(&agent->transports, link)
    {
        const struct ml_sip_place *place = &ML_CONTAINER(link, struct ml_transport, link)->place;

        count += strcmp(place->kind, kind) == 0 && ml_host_is_ipv6(place->host) == ipv6;
    }
    return count > 1;
}

struct ml_transport *ml_transport_for(struct ml_agent *agent, const struct ml_sip_place *to,
                                      const char *bind)
{
    bool ipv6 = ml_host_is_ipv6(to->host);
    char local[ML_LOCAL_BYTES];
    struct ml_transport *transport = NULL;
    struct ml_sip_place place = {0};
    struct ml_transport *any = find(agent, "udp", NULL, ipv6),
                        *same = find(agent, to->kind, NULL, ipv6);
    struct ml_fault fault;

    /* the listener that the route leads over */
    if (!bind && are_several(agent, to->kind, ipv6) && ml_local_address(to->host, local))
        transport = find(agent, to->kind, local, ipv6);
    if (!transport)
        transport = find(agent, to->kind, bind, ipv6);
    if (transport)
        return transport;
    if (!any)
        any = find(agent, "tcp", NULL, ipv6);
    if (!any)
        any = find(agent, "tls", NULL, ipv6);
    if (!bind && !any)
        return NULL;
    if (!bind)
        transport = find(agent, to->kind, any->place.host, ipv6); /* made for a call before */
    if (transport)
        return transport;
    memcpy(place.kind, to->kind, sizeof place.kind);
    snprintf(place.host, sizeof place.host, "%s", bind ? bind : any->place.host);
    place.port = same ? same->place.port : 0;
    if (ml_transport_add(agent, &place, false, &transport, &fault) != 0) {
        place.port = 0;
        if (ml_transport_add(agent, &place, false, &transport, &fault) != 0) {
            ml_log(ML_LOG_ERROR, NULL, "%s", fault.text);
            return NULL;
        }
    }
    return transport;
}

struct ml_transport *ml_transport_by_ident(const struct ml_agent *agent, const char *ident)
{
    ML_LIST_EACH(&agent->transports, link)
    {
        struct ml_transport *transport = ML_CONTAINER(link, struct ml_transport, link);

        if (ident && strcmp(transport->ident, ident) == 0)
            return transport;
    }
    return NULL;
}

uint16_t ml_transport_seen_as(const struct ml_transport *transport, const char *advertise,
                              char *host, size_t size)
{
    const char *whole = advertise ? advertise : transport->place.host, *colon = NULL;
    int n = (int)strlen(whole);
    uint64_t port = transport->place.port;
    bool bare = ml_host_is_ipv6(whole);

    if (!bare && (colon = strrchr(whole, ':')) != NULL &&
        ml_str_uint(ml_str(colon + 1), 65535, &port) == 0)
        n = (int)(colon - whole);
    snprintf(host, size, bare ? "[%.*s]" : "%.*s", n, whole);
    return (uint16_t)port;
}

sip_contact_t *ml_transport_contact(su_home_t *home, const struct ml_transport *transport,
                                    const char *advertise)
{
    char host[ML_SEEN_BYTES];
    uint16_t port = ml_transport_seen_as(transport, advertise, host, sizeof host);

    if (strcmp(transport->place.kind, "udp") == 0)
        return sip_contact_format(home, "<sip:%s:%u>", host, port);
    return sip_contact_format(home, "<sip:%s:%u;transport=%s>", host, port, transport->place.kind);
}
