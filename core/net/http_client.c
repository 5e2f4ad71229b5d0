#include "core/net/http_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/net/http_client_priv.h"

struct socket_watch {
    struct ml_link link;
    struct ml_http_client *client;
    struct ml_io *io;
};

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void ml_http_start_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_library);
}

/* The last thing that happens to an exchange: takes it out, then tells. */
static void finish(struct ml_http_exchange *x)
{
    ml_http_done_fn *done = x->done;
    void *user = x->user;
    struct ml_http_response response = {.failure = x->failure};
    long status = 0;

    if (x->in_multi) {
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(x->client->multi, x->easy);
        x->in_multi = false;
    }
    ml_http_exchange_peer(x, ML_PEER_UNKNOWN);
    ml_list_remove(&x->link);
    x->client->active--;
    memcpy(response.text, x->text, sizeof response.text);
    response.status = (int)status;
    response.headers = (const char *const *)x->headers;
    response.header_count = x->header_count;
    if (x->failure == ML_HTTP_OK)
        response.body = (struct ml_str){x->received.p ? x->received.p : "", x->received.n};
    else
        response.body = ML_STR("");
    done(&response, user);
    ml_http_exchange_free(x);
}

/* The connection is the caller's now: no more of the exchange's own times. */
static void hand_over(struct ml_http_exchange *x)
{
    struct ml_http_response response = {.failure = ML_HTTP_OK};

    ml_timer_stop(x->timer);
    x->done(&response, x->user);
}

static void read_results(struct ml_http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct ml_http_exchange *x = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        ml_http_exchange_judge(x, message->data.result);
        if (x->raw && x->failure == ML_HTTP_OK)
            hand_over(x);
        else
            finish(x);
        if (client->doomed)
            return;
    }
}

static void act(struct ml_http_client *client, curl_socket_t fd, int events)
{
    int running;

    client->busy = true;
    curl_multi_socket_action(client->multi, fd, events, &running);
    read_results(client);
    client->busy = false;
    if (client->doomed)
        ml_http_client_free(client);
}

static void on_timer(void *user)
{
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(int fd, int events, void *user)
{
    struct socket_watch *watch = user;

    act(watch->client, fd,
        (events & ML_READ ? CURL_CSELECT_IN : 0) | (events & ML_WRITE ? CURL_CSELECT_OUT : 0));
}

static void forget_socket(struct socket_watch *watch)
{
    ml_list_remove(&watch->link);
    ml_io_free(watch->io);
    ml_free(watch);
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct ml_http_client *client = user;
    struct socket_watch *watch = socket_user;
    int events = (what & CURL_POLL_IN ? ML_READ : 0) | (what & CURL_POLL_OUT ? ML_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            forget_socket(watch);
        curl_multi_assign(client->multi, fd, NULL);
    } else if (watch) {
        ml_io_set(watch->io, events);
    } else {
        watch = ml_alloc(sizeof *watch);
        watch->client = client;
        watch->io = ml_io_new(client->loop, fd, events, on_socket, watch);
        ml_list_append(&client->sockets, &watch->link);
        curl_multi_assign(client->multi, fd, watch);
    }
    return 0;
}

static int on_timer_change(CURLM *multi, long ms, void *user)
{
    struct ml_http_client *client = user;

    (void)multi;
    if (ms < 0)
        ml_timer_stop(client->timer);
    else if (ms == 0) /* never from within curl */
        ml_loop_flush(client->loop, &client->kick);
    else
        ml_timer_set(client->timer, ms);
    return 0;
}

static int read_rules(struct ml_http_client *client, const struct ml_http_client_options *options,
                      struct ml_fault *fault)
{
    int code = ML_OK;

    client->rules = ml_http_rules_new();
    for (size_t i = 0; code == ML_OK && i < options->deny_count; i++)
        code = ml_http_rules_deny(client->rules, options->deny[i], fault);
    for (size_t i = 0; code == ML_OK && i < options->allow_count; i++)
        code = ml_http_rules_allow(client->rules, options->allow[i], fault);
    return code;
}

static int open_multi(struct ml_http_client *client, struct ml_fault *fault)
{
    ml_http_start_library();
    client->multi = curl_multi_init();
    if (!client->multi)
        return ml_fail(fault, ML_EIO, "the HTTP client cannot start");
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return ML_OK;
}

static bool has_bundle(void)
{
    CURL *easy = curl_easy_init();
    char *bundle = NULL;
    bool there;

    curl_easy_getinfo(easy, CURLINFO_CAINFO, &bundle);
    there = !bundle || access(bundle, R_OK) == 0;
    curl_easy_cleanup(easy);
    return there;
}

int ml_http_client_new(struct ml_loop *loop, const struct ml_http_client_options *options,
                       struct ml_http_client **clientp, struct ml_fault *fault)
{
    static const struct ml_http_client_options defaults;
    struct ml_resolver_options names = {.resolve = options ? options->resolve : NULL};
    struct ml_http_client *client = ml_alloc(sizeof *client);
    int code;

    if (!options)
        options = &defaults;
    client->loop = loop;
    ml_list_init(&client->sockets);
    ml_list_init(&client->exchanges);
    client->timer = ml_timer_new(loop, on_timer, client);
    client->kick = (struct ml_flush){.fn = on_timer, .user = client};
    client->ca_file = ml_strdup(options->ca_file);
    names.resolve_count = options->resolve_count;
    names.servers = options->servers;
    code = read_rules(client, options, fault);
    if (code == ML_OK)
        code = ml_resolver_new(loop, &names, &client->resolver, fault);
    if (code == ML_OK)
        code = open_multi(client, fault);
    client->has_bundle = code == ML_OK && has_bundle();
    if (code != ML_OK) {
        ml_http_client_free(client);
        return code;
    }
    *clientp = client;
    return ML_OK;
}

void ml_http_client_free(struct ml_http_client *client)
{
    if (!client)
        return;
    ML_LIST_EACH(&client->exchanges, link)
    {
        struct ml_http_exchange *x = ML_CONTAINER(link, struct ml_http_exchange, link);

        x->failure = ML_HTTP_CANCELED;
        if (x->raw)
            finish(x);
        else
            ml_http_cancel(x);
    }
    client->doomed = true;
    if (client->busy)
        return;
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spares[--client->spare_count]);
    if (client->multi)
        curl_multi_cleanup(client->multi);
    for (size_t i = 0; i < ML_HTTP_TARGETS; i++)
        ml_http_target_unref(client->targets[i]);
    ML_LIST_EACH(&client->sockets, link)
    {
        forget_socket(ML_CONTAINER(link, struct socket_watch, link));
    }
    ml_resolver_free(client->resolver);
    ml_http_rules_free(client->rules);
    ml_timer_free(client->timer);
    ml_list_remove(&client->kick.link);
    ml_free(client->ca_file);
    ml_free(client);
}

void ml_http_client_refuse_own(struct ml_http_client *client, const char *address, uint16_t port)
{
    ml_http_rules_own(client->rules, address, port);
}

int ml_http_client_active(const struct ml_http_client *client)
{
    return client->active;
}

CURL *ml_http_handle(struct ml_http_client *client)
{
    return client->spare_count > 0 ? client->spares[--client->spare_count] : curl_easy_init();
}

/* Takes out of a handle what only one exchange knows. */
static void wipe(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(easy, CURLOPT_URL, NULL); /* which curl made of the other */
    curl_easy_setopt(easy, CURLOPT_CURLU, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, NULL);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, NULL);
    curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
}

/* One that has seen credentials or had options of its own is not used again. */
void ml_http_handle_done(struct ml_http_exchange *x)
{
    struct ml_http_client *client = x->client;
    bool plain = x->failure == ML_HTTP_OK && !x->name && !x->password && !x->raw && !x->no_sni;

    if (!plain || client->doomed || client->spare_count == ML_HTTP_SPARES) {
        curl_easy_cleanup(x->easy);
        return;
    }
    wipe(x->easy);
    client->spares[client->spare_count++] = x->easy;
}

static void start(struct ml_http_exchange *x, const struct ml_host *hosts, size_t count)
{
    ml_http_exchange_prepare(x, hosts, count);
    x->in_multi = true;
    curl_multi_add_handle(x->client->multi, x->easy);
}

static void on_resolved(int status, const struct ml_host *hosts, size_t count, void *user)
{
    struct ml_http_exchange *x = user;

    x->query = NULL;
    if (status == ML_OK) {
        start(x, hosts, count);
        return;
    }
    ml_http_exchange_fail(x, ML_HTTP_RESOLVE,
                          status == ML_ETIMEOUT ? "the name servers do not answer for %s"
                                                : "there is no host %s",
                          x->target->host);
    finish(x);
}

static bool is_numeric(const char *host)
{
    unsigned char bytes[16];

    return host[0] == '[' || inet_pton(AF_INET, host, bytes) == 1;
}

/* Fires for the first deadline, and once at the beginning: what fails before the network is asked
 * is told from here, as done never comes from within ml_http_fetch. */
static void on_deadline(void *user)
{
    struct ml_http_exchange *x = user;
    int64_t now = ml_clock_ms();

    if (x->failure != ML_HTTP_OK) {
        finish(x);
        return;
    }
    if (now >= x->deadline)
        ml_http_exchange_fail(x, ML_HTTP_TIME, "the exchange was not over in time");
    else if (!x->connected && now >= x->connect_deadline)
        ml_http_exchange_fail(x, ML_HTTP_CONNECT_TIME, "no connection within %d ms",
                              x->connect_timeout);
    else if (x->connected && x->read_timeout > 0 && now >= x->last_heard + x->read_timeout)
        ml_http_exchange_fail(x, ML_HTTP_TIME, "nothing was received for %d ms", x->read_timeout);
    if (x->failure != ML_HTTP_OK)
        finish(x);
    else
        ml_http_exchange_arm(x);
}

static int begin(struct ml_http_client *client, const struct ml_http_request *request, bool raw,
                 ml_http_done_fn *done, void *user, struct ml_http_exchange **exchangep)
{
    struct ml_http_exchange *x;
    int code = ml_http_exchange_new(client, request, &x);

    if (code != ML_OK)
        return code;
    x->raw = raw;
    x->done = done;
    x->user = user;
    x->timer = ml_timer_new(client->loop, on_deadline, x);
    ml_list_append(&client->exchanges, &x->link);
    client->active++;
    if (x->failure != ML_HTTP_OK) {
        ml_timer_set(x->timer, 0);
    } else {
        ml_http_exchange_arm(x);
        if (is_numeric(x->target->host))
            start(x, NULL, 0);
        else
            x->query = ml_resolve_host(client->resolver, x->target->host, on_resolved, x);
    }
    if (exchangep)
        *exchangep = x;
    return ML_OK;
}

int ml_http_fetch(struct ml_http_client *client, const struct ml_http_request *request,
                  ml_http_done_fn *done, void *user, struct ml_http_exchange **exchangep)
{
    return begin(client, request, false, done, user, exchangep);
}

int ml_http_connect(struct ml_http_client *client, const struct ml_http_request *request,
                    ml_http_done_fn *done, void *user, struct ml_http_exchange **exchangep)
{
    return begin(client, request, true, done, user, exchangep);
}

void ml_http_cancel(struct ml_http_exchange *x)
{
    if (!x)
        return;
    if (x->in_multi)
        curl_multi_remove_handle(x->client->multi, x->easy);
    ml_http_exchange_peer(x, ML_PEER_UNKNOWN);
    ml_list_remove(&x->link);
    x->client->active--;
    ml_http_exchange_free(x);
}

const char *ml_http_failure_name(enum ml_http_failure failure)
{
    switch (failure) {
    case ML_HTTP_OK:
        return "ok";
    case ML_HTTP_BAD_URL:
        return "bad-url";
    case ML_HTTP_RESOLVE:
        return "resolve";
    case ML_HTTP_CONNECT:
        return "connect";
    case ML_HTTP_CONNECT_TIME:
        return "connect-timeout";
    case ML_HTTP_TIME:
        return "timeout";
    case ML_HTTP_TLS:
        return "tls";
    case ML_HTTP_CERTIFICATE:
        return "certificate";
    case ML_HTTP_EXPIRED:
        return "expired";
    case ML_HTTP_WRONG_NAME:
        return "wrong-name";
    case ML_HTTP_PROTOCOL:
        return "protocol";
    case ML_HTTP_TOO_BIG:
        return "too-big";
    case ML_HTTP_DENIED:
        return "denied";
    case ML_HTTP_CANCELED:
        return "canceled";
    case ML_HTTP_FILE:
        return "file";
    }
    return "unknown";
}
