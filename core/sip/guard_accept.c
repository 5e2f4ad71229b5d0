/* Connections that others open to us: counted, in all and by address, and refused beyond that.
 * libsofia calls accept() through the dynamic linker, and finds the one here; with no descriptor
 * left it would call again and again for a connection that stays in the queue. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/sip/guard_priv.h"

enum {
    MOST = 1000,
    PER_SOURCE = 100,
    SLOTS = 256,
    HOST = 64,
    KEPT = 32, /* descriptors that are left for the calls that there are */
    TELL_MS = 10000
};

struct connection {
    struct ml_link link; /* in the slot of its host */
    char host[HOST];
    uint16_t port;
};

static struct ml_list slots[SLOTS]; /* zero before the first */
static int count, most = MOST, per_source = PER_SOURCE;
static int spare = -1; /* a descriptor to be had when there is none */
static int64_t told_at;

typedef int accept_fn(int fd, struct sockaddr *address, socklen_t *length);

void ml_guard_connections(int all, int source)
{
    most = all > 0 ? all : MOST;
    per_source = source > 0 ? source : PER_SOURCE;
}

/* ---- who there is ---- */

static struct ml_list *slot_of(const char *host)
{
    struct ml_list *slot = &slots[ml_hash(host) % SLOTS];

    if (!slot->head.next)
        ml_list_init(slot);
    return slot;
}

static int count_of(const char *host)
{
    int n = 0;

    ML_LIST_EACH(slot_of(host), link)
    n += strcmp(ML_CONTAINER(link, struct connection, link)->host, host) == 0;
    return n;
}

static void add(const char *host, uint16_t port)
{
    struct connection *connection = ml_alloc(sizeof *connection);

    snprintf(connection->host, sizeof connection->host, "%s", host);
    connection->port = port;
    ml_list_append(slot_of(host), &connection->link);
    count++;
}

static void drop(struct connection *connection)
{
    ml_list_remove(&connection->link);
    ml_free(connection);
    count--;
}

void ml_guard_accept_end(const tport_t *tport)
{
    const tp_name_t *name = tport_name(tport);
    char host[HOST];
    uint64_t port;

    if (!name || !name->tpn_host || !name->tpn_port ||
        ml_str_uint(ml_str(name->tpn_port), 65535, &port) != 0)
        return;
    snprintf(host, sizeof host, "%s", name->tpn_host);
    ML_LIST_EACH(slot_of(host), link)
    {
        struct connection *connection = ML_CONTAINER(link, struct connection, link);

        if (connection->port == port && strcmp(connection->host, host) == 0) {
            drop(connection);
            return;
        }
    }
}

void ml_guard_accept_close(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (!slots[i].head.next)
            continue;
        ML_LIST_EACH(&slots[i], link)
        drop(ML_CONTAINER(link, struct connection, link));
    }
    if (spare >= 0)
        close(spare);
    spare = -1;
}

/* ---- a new one ---- */

static accept_fn *real_accept(void)
{
    static accept_fn *real;
    void *found;

    if (!real) {
        found = dlsym(RTLD_NEXT, "accept");
        memcpy(&real, &found, sizeof real);
    }
    return real;
}

static void tell(const char *host, const char *why)
{
    if (told_at && ml_clock_ms() - told_at < TELL_MS)
        return;
    told_at = ml_clock_ms();
    ml_log(ML_LOG_WARNING, NULL, "sip: connections of %s are refused: %s", host, why);
}

/* At once, without waiting for the other side. */
static void reset(int fd)
{
    static const struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* -1 and no error: sofia has nothing to do, and nothing to say. */
static int nothing(void)
{
    errno = 0;
    return -1;
}

/* Takes the connection that waits out of the queue. */
static int shed(int fd)
{
    int one;

    if (spare < 0) {
        errno = EMFILE;
        return -1;
    }
    close(spare);
    one = real_accept()(fd, NULL, NULL);
    if (one >= 0)
        reset(one);
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tell("anybody", "there are no descriptors left");
    return nothing();
}

static bool is_near_limit(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + KEPT >= limit.rlim_cur;
}

static const char *refusal(int fd, const char *host)
{
    if (count >= most)
        return "there are as many as sip.connections allows";
    if (count_of(host) >= per_source)
        return "it has as many as sip.per_source allows";
    return is_near_limit(fd) ? "there are hardly any descriptors left" : NULL;
}

/* The address that sofia asked for is the one of the connection. */
int accept(int fd, __SOCKADDR_ARG where, socklen_t *restrict length)
{
    struct sockaddr *address = where.__sockaddr__;
    const char *why;
    char host[HOST];
    int one;

    if (spare < 0)
        spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    one = real_accept()(fd, address, length);
    if (one < 0)
        return errno == EMFILE || errno == ENFILE ? shed(fd) : -1;
    if (!address)
        return one;
    ml_guard_host((const void *)address, host, sizeof host);
    why = refusal(one, host);
    if (!why) {
        add(host, ntohs(((const su_sockaddr_t *)(const void *)address)->su_port));
        return one;
    }
    tell(host, why);
    reset(one);
    return nothing();
}

bool ml_guard_accept_is_hooked(void)
{
    void (*ours)(void) = (void (*)(void))accept;
    void *found = dlsym(RTLD_DEFAULT, "accept");

    return memcmp(&found, &ours, sizeof found) == 0;
}
