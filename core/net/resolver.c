#include "core/net/resolver.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <ares.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/net/resolver_table.h"
#include "core/net/srv.h"

enum {
    TRY_MS = 2000, /* wait for one answer of one server */
    TRIES = 2,
    MAX_HOSTS = 32,  /* addresses of one answer that anybody would try */
    MAX_TARGETS = 16 /* SRV records of one answer that are looked at */
};

struct ml_resolver {
    struct ml_loop *loop;
    ares_channel channel;
    struct ml_timer *timer;
    struct ml_list sockets, queries;
    struct ml_resolver_table *table;
    bool on_loopback; /* all name servers are */
};

struct socket_watch {
    struct ml_link link;
    struct ml_resolver *resolver;
    struct ml_io *io;
    int fd;
};

struct ml_query {
    struct ml_link link;
    struct ml_resolver *resolver;
    ml_resolved_fn *done; /* NULL: cancelled, only c-ares still knows of it */
    void *user;
    bool in_library, is_localhost;
    struct ml_flush later; /* answers that need no network */
    int status;
    struct ml_host hosts[MAX_HOSTS];
    size_t count;
    struct ml_srv targets[MAX_TARGETS]; /* of an SRV query, in the order to try */
    size_t target_count, next_target;
};

static void arm(struct ml_resolver *r)
{
    struct timeval tv, *next = ares_timeout(r->channel, NULL, &tv);

    if (next)
        ml_timer_set(r->timer, (int64_t)next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
    else
        ml_timer_stop(r->timer);
}

static void on_timer(void *user)
{
    struct ml_resolver *r = user;

    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(r);
}

static void on_socket(int fd, int events, void *user)
{
    struct ml_resolver *r = ((struct socket_watch *)user)->resolver;

    ares_process_fd(r->channel, events & ML_READ ? fd : ARES_SOCKET_BAD,
                    events & ML_WRITE ? fd : ARES_SOCKET_BAD);
    arm(r);
}

static void forget_socket(struct socket_watch *watch)
{
    ml_list_remove(&watch->link);
    ml_io_free(watch->io);
    ml_free(watch);
}

static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct ml_resolver *r = user;
    int events = (readable ? ML_READ : 0) | (writable ? ML_WRITE : 0);
    struct socket_watch *watch = NULL;

    ML_LIST_EACH(&r->sockets, link)
    {
        if (ML_CONTAINER(link, struct socket_watch, link)->fd == fd)
            watch = ML_CONTAINER(link, struct socket_watch, link);
    }
    if (watch && events) {
        ml_io_set(watch->io, events);
    } else if (watch) {
        forget_socket(watch);
    } else if (events) {
        watch = ml_alloc(sizeof *watch);
        watch->resolver = r;
        watch->fd = fd;
        watch->io = ml_io_new(r->loop, fd, events, on_socket, watch);
        ml_list_append(&r->sockets, &watch->link);
    }
}

static void start_library(void)
{
    ares_library_init(ARES_LIB_INIT_ALL);
}

static bool all_on_loopback(const char *servers)
{
    struct ml_str rest = ml_str(servers), one;

    if (!servers)
        return false;
    while (ml_str_cut(&rest, ',', &one))
        if (!ml_str_starts(one, ML_STR("127.")) && !ml_str_starts(one, ML_STR("[::1]")))
            return false;
    return true;
}

static int open_channel(struct ml_resolver *r, const struct ml_resolver_options *options,
                        struct ml_fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static char files_then_dns[] = "fb";
    struct ares_options o = {.timeout = options->try_ms ? options->try_ms : TRY_MS,
                             .tries = TRIES,
                             .lookups = files_then_dns,
                             .sock_state_cb = on_socket_state,
                             .sock_state_cb_data = r};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int code;

    pthread_once(&once, start_library);
    code = ares_init_options(&r->channel, &o, mask);
    if (code != ARES_SUCCESS)
        return ml_fail(fault, ML_EIO, "the resolver cannot start: %s", ares_strerror(code));
    if (options->servers)
        code = ares_set_servers_ports_csv(r->channel, options->servers);
    r->on_loopback = all_on_loopback(options->servers);
    if (code != ARES_SUCCESS)
        return ml_fail(fault, ML_EINVAL, "name servers \"%s\": %s", options->servers,
                       ares_strerror(code));
    return ML_OK;
}

int ml_resolver_new(struct ml_loop *loop, const struct ml_resolver_options *options,
                    struct ml_resolver **resolverp, struct ml_fault *fault)
{
    static const struct ml_resolver_options defaults;
    struct ml_resolver *r = ml_alloc(sizeof *r);
    int code;

    if (!options)
        options = &defaults;
    r->loop = loop;
    ml_list_init(&r->sockets);
    ml_list_init(&r->queries);
    r->timer = ml_timer_new(loop, on_timer, r);
    code = ml_resolver_table_new(options->resolve, options->resolve_count, &r->table, fault);
    if (code == ML_OK)
        code = open_channel(r, options, fault);
    if (code != ML_OK) {
        ml_resolver_free(r);
        return code;
    }
    *resolverp = r;
    return ML_OK;
}

static void free_query(struct ml_query *query)
{
    ml_list_remove(&query->link);
    ml_list_remove(&query->later.link);
    ml_srv_free(query->targets, query->target_count);
    ml_free(query);
}

void ml_resolver_free(struct ml_resolver *r)
{
    if (!r)
        return;
    ML_LIST_EACH(&r->queries, link)
    {
        ml_query_cancel(ML_CONTAINER(link, struct ml_query, link));
    }
    if (r->channel)
        ares_destroy(r->channel); /* calls back for what is still in there */
    ML_LIST_EACH(&r->sockets, link)
    {
        forget_socket(ML_CONTAINER(link, struct socket_watch, link));
    }
    ml_resolver_table_free(r->table);
    ml_timer_free(r->timer);
    ml_free(r);
}

static void finish(struct ml_query *query, int status)
{
    ml_resolved_fn *done = query->done;
    void *user = query->user;
    struct ml_host hosts[MAX_HOSTS];
    size_t count = status == ML_OK ? query->count : 0;

    memcpy(hosts, query->hosts, count * sizeof *hosts);
    free_query(query);
    if (done)
        done(status, count ? hosts : NULL, count, user);
}

static void on_later(void *user)
{
    struct ml_query *query = user;

    finish(query, query->status);
}

static struct ml_query *new_query(struct ml_resolver *r, ml_resolved_fn *done, void *user)
{
    struct ml_query *query = ml_alloc(sizeof *query);

    query->resolver = r;
    query->done = done;
    query->user = user;
    ml_list_append(&r->queries, &query->link);
    return query;
}

static struct ml_query *answer_later(struct ml_query *query, int status)
{
    query->status = status;
    query->later = (struct ml_flush){.fn = on_later, .user = query};
    ml_loop_flush(query->resolver->loop, &query->later);
    return query;
}

void ml_query_cancel(struct ml_query *query)
{
    if (!query)
        return;
    query->done = NULL;
    if (!query->in_library)
        free_query(query);
}

static int to_status(int code)
{
    return code == ARES_SUCCESS ? ML_OK : code == ARES_ETIMEOUT ? ML_ETIMEOUT : ML_ENOTFOUND;
}

/* A server elsewhere needs real time. One on loopback is in this process or its datagrams are
 * counted: when it is silent, that silence may be virtual. */
static void enter_library(struct ml_query *query)
{
    query->in_library = true;
    if (!query->resolver->on_loopback)
        ml_clock_hold();
}

static void leave_library(struct ml_query *query)
{
    query->in_library = false;
    if (!query->resolver->on_loopback)
        ml_clock_release();
}

static void add_address(struct ml_query *query, const struct sockaddr *address,
                        const struct ml_srv *target)
{
    struct ml_host *host = &query->hosts[query->count];
    const void *bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;

    if (query->count == MAX_HOSTS)
        return;
    if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    else if (address->sa_family != AF_INET)
        return;
    if (!inet_ntop(address->sa_family, bytes, host->address, sizeof host->address))
        return;
    if (target) {
        host->port = target->port;
        host->priority = target->priority;
        host->weight = target->weight;
    }
    query->count++;
}

static void add_all(struct ml_query *query, const struct ares_addrinfo *info,
                    const struct ml_srv *target)
{
    for (const struct ares_addrinfo_node *n = info ? info->nodes : NULL; n; n = n->ai_next)
        add_address(query, n->ai_addr, target);
}

static void ask_address(struct ml_query *query, const char *name, ares_addrinfo_callback callback)
{
    static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
                                                     .ai_socktype = SOCK_STREAM};
    struct ml_resolver *r = query->resolver;

    enter_library(query);
    ares_getaddrinfo(r->channel, name, NULL, &hints, callback, query);
    arm(r);
}

/* What needs no network: an entry of the table, or a numeric address with or without brackets. */
static bool answer_here(struct ml_query *query, const char *name, const struct ml_srv *target)
{
    const struct ml_host *entry = ml_resolver_table_find(query->resolver->table, name);
    struct ml_str text = ml_str(name);
    struct ml_host host = {.port = 0};

    if (query->count == MAX_HOSTS)
        return true;
    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = (struct ml_str){text.p + 1, text.n - 2};
    if (entry)
        host = *entry;
    else if (!ml_host_read(text, &host))
        return false;
    if (target) {
        host.port = target->port;
        host.priority = target->priority;
        host.weight = target->weight;
    }
    query->hosts[query->count++] = host;
    return true;
}

/* c-ares may answer from within ares_getaddrinfo (a name of the hosts file); the callers do not
 * expect that, so every answer goes through the loop once more. */
static void on_host(void *user, int code, int timeouts, struct ares_addrinfo *info)
{
    struct ml_query *query = user;

    (void)timeouts;
    leave_library(query);
    if (query->done && code == ARES_SUCCESS)
        add_all(query, info, NULL);
    if (info)
        ares_freeaddrinfo(info);
    if (query->count == 0 &&
        query->is_localhost) { /* RFC 6761 section 6.3, without a hosts file too */
        query->hosts[0] = (struct ml_host){.address = "127.0.0.1"};
        query->hosts[1] = (struct ml_host){.address = "::1"};
        query->count = 2;
    }
    if (query->done)
        answer_later(query, query->count ? ML_OK : code ? to_status(code) : ML_ENOTFOUND);
    else
        free_query(query);
}

struct ml_query *ml_resolve_host(struct ml_resolver *r, const char *name, ml_resolved_fn *done,
                                 void *user)
{
    struct ml_query *query = new_query(r, done, user);

    if (name[0] == '\0' || strlen(name) > 255)
        return answer_later(query, ML_ENOTFOUND);
    if (answer_here(query, name, NULL))
        return answer_later(query, ML_OK);
    query->is_localhost = ml_str_ieq(ml_str(name), ML_STR("localhost"));
    ask_address(query, name, on_host);
    return query;
}

static void next_target(struct ml_query *query);

static void on_target(void *user, int code, int timeouts, struct ares_addrinfo *info)
{
    struct ml_query *query = user;

    (void)timeouts;
    leave_library(query);
    if (query->done && code == ARES_SUCCESS)
        add_all(query, info, &query->targets[query->next_target - 1]);
    if (info)
        ares_freeaddrinfo(info);
    if (query->done)
        next_target(query);
    else
        free_query(query);
}

static void next_target(struct ml_query *query)
{
    while (query->next_target < query->target_count && query->count < MAX_HOSTS) {
        struct ml_srv *target = &query->targets[query->next_target++];

        if (answer_here(query, target->name, target))
            continue;
        ask_address(query, target->name, on_target);
        return;
    }
    answer_later(query, query->count ? ML_OK : ML_ENOTFOUND);
}

static void on_srv(void *user, int code, int timeouts, unsigned char *bytes, int n)
{
    struct ml_query *query = user;

    (void)timeouts;
    leave_library(query);
    if (!query->done) {
        free_query(query);
        return;
    }
    if (code == ARES_SUCCESS)
        query->target_count = ml_srv_read(bytes, n, query->targets, MAX_TARGETS);
    if (query->target_count > 0)
        next_target(query);
    else
        answer_later(query, code ? to_status(code) : ML_ENOTFOUND);
}

/* The host of "_sip._udp.host". */
static const char *host_of_service(const char *name)
{
    while (name[0] == '_' && strchr(name, '.'))
        name = strchr(name, '.') + 1;
    return name;
}

struct ml_query *ml_resolve_srv(struct ml_resolver *r, const char *name, ml_resolved_fn *done,
                                void *user)
{
    struct ml_query *query = new_query(r, done, user);
    struct ml_host numeric;

    if (name[0] == '\0' || strlen(name) > 255 ||
        ml_resolver_table_find(r->table, host_of_service(name)) ||
        ml_host_read(ml_str(host_of_service(name)), &numeric))
        return answer_later(query, ML_ENOTFOUND);
    enter_library(query);
    ares_query(r->channel, name, ns_c_in, ns_t_srv, on_srv, query);
    arm(r);
    return query;
}

bool ml_resolver_knows(const struct ml_resolver *r, const char *name)
{
    struct ml_str text = ml_str(name);
    struct ml_host host;

    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = (struct ml_str){text.p + 1, text.n - 2};
    return ml_resolver_table_find(r->table, name) || ml_host_read(text, &host);
}
