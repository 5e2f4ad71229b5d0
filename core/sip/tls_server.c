/* TLS contexts of agents: their own certificate, whom they trust, and the connections they get. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/sip/tls_priv.h"

enum {
    HANDSHAKE_MS = 5000, /* then a peer that says nothing is left alone */
    TRUSTS = 8           /* CA files kept in memory: as a rule there is one */
};

static _Thread_local struct ml_agent *current; /* whose context is being made */
static _Thread_local bool made;

/* ---- certificate and key ---- */

/* A key with a passphrase: nobody is there to type it. */
static int no_passphrase(char *text, int size, int writing, void *user)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)user;
    return 0;
}

static int unreadable(struct ml_fault *fault, const char *file, const char *what)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_GET_LIB(error) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(error))
                                                           : ERR_reason_error_string(error);

    ERR_clear_error();
    return ml_fail(fault, ML_ETLS, "%s: %s: %s", file, what, reason ? reason : "not in PEM form");
}

static int load_identity(SSL_CTX *context, const struct ml_agent_tls *tls, struct ml_fault *fault)
{
    /* One file may hold both. */
    const char *key = tls->key_file ? tls->key_file : tls->certificate_file;

    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate_file) != 1)
        return unreadable(fault, tls->certificate_file, "no TLS certificate can be read from it");
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
            ERR_clear_error();
            return ml_fail(fault, ML_ETLS, "%s: this key does not belong to the certificate in %s",
                           key, tls->certificate_file);
        }
        return unreadable(fault, key, "no private key can be read from it");
    }
    return ML_OK;
}

static int set_up(SSL_CTX *context, const struct ml_agent_tls *tls, struct ml_fault *fault)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return tls->certificate_file ? load_identity(context, tls, fault) : ML_OK;
}

int ml_tls_check(const struct ml_agent_tls *tls, bool listener, struct ml_fault *fault)
{
    SSL_CTX *context;
    X509_STORE *store;
    int status;

    if (listener && !tls->certificate_file)
        return ml_fail(fault, ML_EINVAL,
                       "a tls: listener needs a certificate and its key (sip.tls.certificate, "
                       "sip.tls.key)");
    context = SSL_CTX_new(TLS_method());
    status = set_up(context, tls, fault);
    SSL_CTX_free(context);
    if (status != ML_OK || !tls->ca_file)
        return status;
    store = ml_tls_trust(tls->ca_file);
    if (!store)
        return unreadable(fault, tls->ca_file, "no CA certificates can be read from it");
    X509_STORE_free(store);
    return ML_OK;
}

/* ---- trust ---- */

/* Reading the system's certificates takes milliseconds: they are kept until the file changes. */
static struct trust {
    char *ca_file; /* NULL: the system's */
    struct timespec changed;
    X509_STORE *store;
} trusts[TRUSTS];
static size_t trust_next;

static X509_STORE *load_trust(const char *ca_file)
{
    X509_STORE *store = X509_STORE_new();

    if ((ca_file ? X509_STORE_load_file(store, ca_file) : X509_STORE_set_default_paths(store)) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

static bool same_file(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

X509_STORE *ml_tls_trust(const char *ca_file)
{
    struct trust *trust = NULL;
    struct stat file = {0};
    X509_STORE *store;

    if (ca_file)
        stat(ca_file, &file);
    for (size_t i = 0; i < TRUSTS; i++)
        if (trusts[i].store && same_file(trusts[i].ca_file, ca_file))
            trust = &trusts[i];
    if (!trust || memcmp(&trust->changed, &file.st_mtim, sizeof file.st_mtim) != 0) {
        store = load_trust(ca_file);
        if (!store)
            return NULL;
        if (!trust)
            trust = &trusts[trust_next++ % TRUSTS];
        X509_STORE_free(trust->store);
        free(trust->ca_file); /* not counted: it lives as long as the process */
        trust->ca_file = ca_file ? strdup(ca_file) : NULL;
        trust->changed = file.st_mtim;
        trust->store = store;
    }
    X509_STORE_up_ref(trust->store);
    return trust->store;
}

/* ---- contexts ---- */

static int context_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

void ml_tls_context_begin(struct ml_agent *agent)
{
    current = agent;
    made = false;
}

bool ml_tls_context_end(void)
{
    current = NULL;
    ERR_clear_error();
    return made;
}

void ml_tls_context_made(SSL_CTX *context)
{
    struct ml_agent *agent = current;
    struct ml_fault fault;

    if (!agent)
        return;
    if (set_up(context, &agent->tls, &fault) != ML_OK) {
        ml_log(ML_LOG_ERROR, NULL, "%s", fault.text); /* changed since ml_tls_check */
        return;
    }
    SSL_CTX_set_ex_data(context, context_index(), agent);
    made = true;
}

struct ml_agent *ml_tls_context_agent(const SSL_CTX *context)
{
    return SSL_CTX_get_ex_data(context, context_index());
}

/* ---- connections ---- */

static void connection_free(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl,
                            void *argp)
{
    struct ml_tls_connection *connection = pointer;

    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (!connection)
        return;
    ml_timer_free(connection->patience);
    ml_tls_peer_unref(connection->peer);
    ml_free(connection);
}

static int connection_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, connection_free);
    return index;
}

struct ml_tls_connection *ml_tls_connection(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, connection_index());
}

/* sofia sees the end of the stream and closes it. */
static void too_slow(void *user)
{
    struct ml_tls_connection *connection = user;

    ml_timer_free(connection->patience);
    connection->patience = NULL;
    ml_log(ML_LOG_INFO, NULL, "a TLS peer did not finish its handshake in %d s",
           HANDSHAKE_MS / 1000);
    shutdown(SSL_get_fd(connection->ssl), SHUT_RDWR);
}

void ml_tls_connection_made(SSL *ssl)
{
    struct ml_tls_connection *connection = ml_alloc(sizeof *connection);

    connection->agent = ml_tls_context_agent(SSL_get_SSL_CTX(ssl));
    connection->ssl = ssl;
    connection->peer = ml_tls_peer_now();
    if (!connection->peer) {
        connection->patience = ml_timer_new(connection->agent->loop, too_slow, connection);
        ml_timer_set(connection->patience, HANDSHAKE_MS);
    }
    SSL_set_ex_data(ssl, connection_index(), connection);
}

int ml_tls_accept(struct ml_tls_connection *connection, ml_tls_call_fn *real)
{
    int result;

    ERR_clear_error();
    result = real(connection->ssl);
    if (result == 1) {
        ml_timer_free(connection->patience);
        connection->patience = NULL;
    }
    return result;
}
