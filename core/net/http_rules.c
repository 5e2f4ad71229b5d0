#include "core/net/http_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/str.h"

/* An IPv4 address has length 4, also when it came as ::ffff:a.b.c.d or, for a translator (RFC
 * 6052), as 64:ff9b::a.b.c.d. */
struct address {
    unsigned char bytes[16];
    size_t length;
};

struct network {
    struct address base;
    unsigned bits;
};

struct listener {
    struct address address;
    uint16_t port;
};

struct ml_http_rules {
    struct network *deny, *allow;
    size_t deny_count, allow_count;
    struct listener *own;
    size_t own_count;
};

struct ml_http_rules *ml_http_rules_new(void)
{
    return ml_alloc(sizeof(struct ml_http_rules));
}

void ml_http_rules_free(struct ml_http_rules *rules)
{
    if (!rules)
        return;
    ml_free(rules->deny);
    ml_free(rules->allow);
    ml_free(rules->own);
    ml_free(rules);
}

static void unmap(struct address *a)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const unsigned char translated[12] = {0x00, 0x64, 0xff, 0x9b};

    if (a->length == 16 && (memcmp(a->bytes, mapped, sizeof mapped) == 0 ||
                            memcmp(a->bytes, translated, sizeof translated) == 0)) {
        memmove(a->bytes, a->bytes + 12, 4);
        a->length = 4;
    }
}

static bool read_text(const char *text, struct address *a)
{
    *a = (struct address){.length = 0};
    if (inet_pton(AF_INET, text, a->bytes) == 1)
        a->length = 4;
    else if (inet_pton(AF_INET6, text, a->bytes) == 1)
        a->length = 16;
    return a->length > 0;
}

static bool is_any(const struct address *a)
{
    static const unsigned char zero[16];

    return memcmp(a->bytes, zero, a->length) == 0;
}

static bool read_sockaddr(const struct sockaddr *from, struct address *a, uint16_t *port)
{
    *a = (struct address){.length = 0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, from, sizeof v4);
        memcpy(a->bytes, &v4.sin_addr, 4);
        a->length = 4;
        *port = ntohs(v4.sin_port);
    } else if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, from, sizeof v6);
        memcpy(a->bytes, &v6.sin6_addr, 16);
        a->length = 16;
        *port = ntohs(v6.sin6_port);
    }
    unmap(a);
    if (a->length == 16 && is_any(a)) /* which reaches what 0.0.0.0 does: this machine */
        a->length = 4;
    return a->length > 0;
}

static int read_network(const char *cidr, struct network *network, struct ml_fault *fault)
{
    struct ml_str rest = ml_str(cidr), part;
    char text[INET6_ADDRSTRLEN];
    uint64_t bits;

    ml_str_cut(&rest, '/', &part);
    if (part.n >= sizeof text)
        return ml_fail(fault, ML_EINVAL, "\"%.80s\" is not a network like 10.0.0.0/8", cidr);
    memcpy(text, part.p, part.n);
    text[part.n] = '\0';
    if (!read_text(text, &network->base))
        return ml_fail(fault, ML_EINVAL, "\"%.80s\" is not a network like 10.0.0.0/8", cidr);
    bits = network->base.length * 8;
    if (rest.p && ml_str_uint(rest, bits, &bits) != ML_OK)
        return ml_fail(fault, ML_EINVAL, "\"%.80s\": the number behind the slash is 0 to %u", cidr,
                       (unsigned)(network->base.length * 8));
    network->bits = (unsigned)bits;
    if (network->base.length == 16 && bits >= 96) {
        unmap(&network->base);
        if (network->base.length == 4)
            network->bits -= 96;
    }
    return ML_OK;
}

static int add(struct network **list, size_t *count, const char *cidr, struct ml_fault *fault)
{
    struct network network;
    int code = read_network(cidr, &network, fault);

    if (code != ML_OK)
        return code;
    *list = ml_realloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = network;
    return ML_OK;
}

int ml_http_rules_deny(struct ml_http_rules *rules, const char *cidr, struct ml_fault *fault)
{
    return add(&rules->deny, &rules->deny_count, cidr, fault);
}

int ml_http_rules_allow(struct ml_http_rules *rules, const char *cidr, struct ml_fault *fault)
{
    return add(&rules->allow, &rules->allow_count, cidr, fault);
}

void ml_http_rules_own(struct ml_http_rules *rules, const char *address, uint16_t port)
{
    struct listener listener = {.port = port};

    if (!read_text(address, &listener.address))
        return;
    unmap(&listener.address);
    rules->own = ml_realloc(rules->own, (rules->own_count + 1) * sizeof *rules->own);
    rules->own[rules->own_count++] = listener;
}

static bool covers(const struct network *network, const struct address *a)
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (network->base.length != a->length || memcmp(network->base.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->base.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

static bool any_covers(const struct network *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++) {
        if (covers(&list[i], a))
            return true;
    }
    return false;
}

static bool is_loopback(const struct address *a)
{
    static const unsigned char one[16] = {[15] = 1};

    return a->length == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, 16) == 0;
}

/* An address is this machine's when a socket can be bound to it. */
static bool is_local(const struct address *a)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool four = a->length == 4, ok;
    int fd;

    if (is_loopback(a))
        return true;
    fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    memcpy(four ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, a->bytes, a->length);
    ok = four ? bind(fd, (void *)&v4, sizeof v4) == 0 : bind(fd, (void *)&v6, sizeof v6) == 0;
    close(fd);
    return ok;
}

/* The kernel takes a connection to 0.0.0.0 or :: for one to the local machine. */
static bool reaches(const struct listener *own, const struct address *a, uint16_t port)
{
    if (own->port != port)
        return false;
    if (is_any(&own->address) || is_any(a))
        return is_any(a) || is_local(a);
    return own->address.length == a->length && memcmp(own->address.bytes, a->bytes, a->length) == 0;
}

const char *ml_http_rules_refuse(const struct ml_http_rules *rules, const struct sockaddr *address)
{
    struct address a;
    uint16_t port = 0;

    if (!read_sockaddr(address, &a, &port))
        return "not an IP address";
    for (size_t i = 0; i < rules->own_count; i++) {
        if (reaches(&rules->own[i], &a, port))
            return "a listener of this program itself";
    }
    if (any_covers(rules->allow, rules->allow_count, &a))
        return NULL;
    return any_covers(rules->deny, rules->deny_count, &a) ? "denied by the configuration" : NULL;
}

bool ml_http_rules_is_loopback(const struct sockaddr *address)
{
    struct address a;
    uint16_t port;

    return read_sockaddr(address, &a, &port) && is_loopback(&a);
}
