#include "core/sip/tls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <sofia-sip/tport.h>

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/tls_priv.h"

enum {
    ADDRESS_BYTES = 64,
    CONNECTIONS_MAX = 256 /* to one address, that are looked at */
};

struct ml_tls_peer {
    int references;
    char address[ADDRESS_BYTES], *name;
    uint16_t port;
    const struct ml_agent_tls *options;
    struct ml_list watches;
    bool prepared, hidden; /* hidden: sofia was told not to use the connection again */
    char text[160];        /* why it failed */
};

struct ml_tls_watch {
    struct ml_link link; /* among all, for a peer that others have as well */
    struct ml_link peer_link;
    struct ml_tls_peer *peer;
    tport_t *tport; /* the connection, kept open: its identity cannot be another's meanwhile */
    struct ml_timer *timer;
    char address[ADDRESS_BYTES], *name;
    uint16_t port;
    const struct ml_agent_tls *options;
    ml_tls_failed_fn *fn;
    void *user;
};

static struct ml_list watches = {{&watches.head, &watches.head}};
static _Thread_local struct ml_tls_watch *current; /* between begin and end */

/* ---- peers ---- */

void ml_tls_peer_unref(struct ml_tls_peer *peer)
{
    if (!peer || --peer->references > 0)
        return;
    ml_free(peer->name);
    ml_free(peer);
}

static void leave_peer(struct ml_tls_watch *watch)
{
    ml_list_remove(&watch->peer_link);
    ml_tls_peer_unref(watch->peer);
    watch->peer = NULL;
}

static void join_peer(struct ml_tls_watch *watch, struct ml_tls_peer *peer)
{
    if (watch->peer == peer)
        return;
    peer->references++;
    leave_peer(watch);
    watch->peer = peer;
    ml_list_append(&peer->watches, &watch->peer_link);
}

struct ml_tls_peer *ml_tls_peer_now(void)
{
    struct ml_tls_peer *peer;

    if (!current)
        return NULL;
    peer = ml_alloc(sizeof *peer);
    peer->references = 1;
    memcpy(peer->address, current->address, sizeof peer->address);
    peer->port = current->port;
    peer->name = ml_strdup(current->name);
    peer->options = current->options;
    ml_list_init(&peer->watches);
    join_peer(current, peer);
    return peer;
}

/* ---- watches ---- */

static void tell(void *user)
{
    struct ml_tls_watch *watch = user;

    watch->fn(watch->peer->text, watch->user);
}

struct ml_tls_watch *ml_tls_expect(struct ml_loop *loop, const char *address, uint16_t port,
                                   const char *name, const struct ml_agent_tls *options,
                                   ml_tls_failed_fn *fn, void *user)
{
    struct ml_tls_watch *watch = ml_alloc(sizeof *watch);

    watch->timer = ml_timer_new(loop, tell, watch);
    snprintf(watch->address, sizeof watch->address, "%s", address);
    watch->port = port;
    watch->name = ml_strdup(name);
    watch->options = options;
    watch->fn = fn;
    watch->user = user;
    ml_list_append(&watches, &watch->link);
    return watch;
}

void ml_tls_forget(struct ml_tls_watch *watch)
{
    if (!watch)
        return;
    ml_list_remove(&watch->link);
    leave_peer(watch);
    tport_unref(watch->tport);
    ml_timer_free(watch->timer);
    ml_free(watch->name);
    ml_free(watch);
}

static bool same_peer(const struct ml_tls_watch *a, const struct ml_tls_watch *b)
{
    return a->options == b->options && a->port == b->port && strcmp(a->address, b->address) == 0 &&
           ml_str_ieq(ml_str(a->name), ml_str(b->name));
}

/* Is that connection one that was made for the peer of watch? */
static bool is_for(const struct ml_tls_watch *watch, const tport_t *tport)
{
    ML_LIST_EACH(&watches, link)
    {
        const struct ml_tls_watch *other = ML_CONTAINER(link, struct ml_tls_watch, link);

        if (other->tport == tport && other->peer && same_peer(watch, other))
            return true;
    }
    return false;
}

/* Connections for that peer which were hidden for the sake of another name. */
static void show(const struct ml_tls_watch *watch, const tport_t *primary)
{
    ML_LIST_EACH(&watches, link)
    {
        struct ml_tls_watch *other = ML_CONTAINER(link, struct ml_tls_watch, link);

        if (!other->peer || !other->peer->hidden || !other->tport || !same_peer(watch, other) ||
            tport_parent(other->tport) != primary)
            continue;
        tport_set_params(other->tport, TPTAG_REUSE(1), TAG_END());
        other->peer->hidden = false;
    }
}

static void hide(tport_t *tport)
{
    tport_set_params(tport, TPTAG_REUSE(0), TAG_END());
    ML_LIST_EACH(&watches, link)
    {
        struct ml_tls_watch *other = ML_CONTAINER(link, struct ml_tls_watch, link);

        if (other->tport == tport && other->peer)
            other->peer->hidden = true;
    }
}

void ml_tls_begin(struct ml_tls_watch *watch, tport_t *tports, const char *ident)
{
    char port[8];
    tp_name_t name = {.tpn_proto = "tls", .tpn_ident = ident};
    tport_t *primary, *tport;

    if (!watch)
        return;
    snprintf(port, sizeof port, "%u", watch->port);
    name.tpn_canon = name.tpn_host = watch->address;
    name.tpn_port = port;
    primary = tport_primary_by_name(tports, &name);
    current = watch;
    if (!primary)
        return;
    show(watch, primary);
    /* sofia takes any open connection to the address: ask which, as long as it is a wrong one. */
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        tport = tport_by_name(primary, &name);
        if (!tport || tport == primary || is_for(watch, tport))
            break;
        hide(tport);
    }
}

void ml_tls_end(struct ml_tls_watch *watch, nta_outgoing_t *orq)
{
    tport_t *tport;

    current = NULL;
    if (!watch || !orq)
        return;
    tport = nta_outgoing_transport(orq); /* a reference */
    if (!tport || !tport_is_secondary(tport)) {
        tport_unref(tport);
        return;
    }
    ML_LIST_EACH(&watches, link)
    {
        struct ml_tls_watch *other = ML_CONTAINER(link, struct ml_tls_watch, link);

        if (other != watch && other->tport == tport && other->peer)
            join_peer(watch, other->peer);
    }
    tport_unref(watch->tport);
    watch->tport = tport;
}

/* ---- the handshake ---- */

static void fail(struct ml_tls_peer *peer, const char *why)
{
    if (peer->text[0])
        return;
    snprintf(peer->text, sizeof peer->text, "TLS with %s (%s:%u): %s", peer->name, peer->address,
             peer->port, why);
    ml_log(ML_LOG_WARNING, NULL, "%s", peer->text);
    ML_LIST_EACH(&peer->watches, link)
    ml_timer_set(ML_CONTAINER(link, struct ml_tls_watch, peer_link)->timer, 0);
}

static const char *reason(SSL *ssl, int error)
{
    long verdict = SSL_get_verify_result(ssl);
    unsigned long last = ERR_peek_last_error();

    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "its certificate is for another name";
    if (verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    if (ERR_GET_REASON(last) == SSL_R_WRONG_VERSION_NUMBER)
        return "what answers there does not speak TLS";
    if (ERR_GET_REASON(last) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return "the connection was closed during the handshake";
    if (last && ERR_reason_error_string(last) && error == SSL_ERROR_SSL)
        return ERR_reason_error_string(last);
    return "the connection was closed during the handshake";
}

/* Instead of sofia's, which forgives everything. */
static int keep_verdict(int good, X509_STORE_CTX *context)
{
    (void)context;
    return good;
}

/* Name and trust, before the first byte is sent. */
static bool prepare(SSL *ssl, struct ml_tls_peer *peer)
{
    bool numeric = ml_host_is_numeric(peer->name);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_STORE *store;

    peer->prepared = true;
    if (!numeric && SSL_set_tlsext_host_name(ssl, peer->name) != 1)
        return false;
    if (peer->options->no_verify) {
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    store = ml_tls_trust(peer->options->ca_file);
    if (!store)
        return false;
    SSL_set0_verify_cert_store(ssl, store);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, keep_verdict);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return (numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, peer->name)
                    : X509_VERIFY_PARAM_set1_host(param, peer->name, 0)) == 1;
}

int ml_tls_connect(struct ml_tls_connection *connection, ml_tls_call_fn *real)
{
    struct ml_tls_peer *peer = connection->peer;
    int result, error;

    ERR_clear_error();
    if (!peer) {
        ml_log(ML_LOG_WARNING, NULL, "a TLS connection for nobody in particular is not made");
        return -1;
    }
    if (!peer->prepared && !prepare(connection->ssl, peer)) {
        fail(peer, "the certificates to check it with cannot be read");
        return -1;
    }
    if (peer->text[0])
        return -1;
    result = real(connection->ssl);
    if (result == 1)
        return result;
    error = SSL_get_error(connection->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        fail(peer, reason(connection->ssl, error));
    return result;
}
