#include "core/sip/tls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/sip/agent_priv.h"

struct ml_tls_watch {
    struct ml_link link;
    struct ml_loop *loop;
    char address[ML_SIP_HOST_BYTES], *name;
    uint16_t port;
    const struct ml_agent_tls *options;
    ml_tls_failed_fn *fn;
    void *user;
    char text[160];
    bool told; /* the failure is on its way */
};

static struct ml_list watches;

static struct ml_list *all(void)
{
    if (!watches.head.next)
        ml_list_init(&watches);
    return &watches;
}

struct ml_tls_watch *ml_tls_expect(struct ml_loop *loop, const char *address, uint16_t port,
                                   const char *name, const struct ml_agent_tls *options,
                                   ml_tls_failed_fn *fn, void *user)
{
    struct ml_tls_watch *watch = ml_alloc(sizeof *watch);

    watch->loop = loop;
    snprintf(watch->address, sizeof watch->address, "%s", address);
    watch->port = port;
    watch->name = ml_strdup(name);
    watch->options = options;
    watch->fn = fn;
    watch->user = user;
    ml_list_append(all(), &watch->link);
    return watch;
}

static void watch_free(struct ml_tls_watch *watch)
{
    ml_list_remove(&watch->link);
    ml_free(watch->name);
    ml_free(watch);
}

void ml_tls_forget(struct ml_tls_watch *watch)
{
    watch->fn = NULL;
    if (!watch->told)
        watch_free(watch);
}

static void tell(void *user)
{
    struct ml_tls_watch *watch = user;

    if (watch->fn)
        watch->fn(watch->text, watch->user);
    watch_free(watch);
}

static struct ml_tls_watch *find(const SSL *ssl)
{
    su_sockaddr_t peer;
    socklen_t size = sizeof peer;
    struct ml_sip_place place;

    if (getpeername(SSL_get_fd(ssl), &peer.su_sa, &size) != 0)
        return NULL;
    ml_place_of(&peer, &place);
    ML_LIST_EACH(all(), link)
    {
        struct ml_tls_watch *watch = ML_CONTAINER(link, struct ml_tls_watch, link);

        if (watch->port == place.port && strcmp(watch->address, place.host) == 0)
            return watch;
    }
    return NULL;
}

static bool prepare(SSL *ssl, const struct ml_tls_watch *watch)
{
    bool numeric = ml_host_is_numeric(watch->name);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_STORE *store;

    SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
    if (!numeric)
        SSL_set_tlsext_host_name(ssl, watch->name);
    if (watch->options->no_verify) {
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    if ((numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, watch->name)
                 : X509_VERIFY_PARAM_set1_host(param, watch->name, 0)) != 1)
        return false;
    store = X509_STORE_new();
    if (watch->options->ca_file)
        X509_STORE_load_file(store, watch->options->ca_file);
    else
        X509_STORE_set_default_paths(store);
    SSL_set0_verify_cert_store(ssl, store);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return true;
}

int SSL_connect(SSL *ssl)
{
    static int (*real)(SSL *);
    struct ml_tls_watch *watch = find(ssl);
    int result;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "SSL_connect");
    if (!watch)
        return real(ssl);
    if (SSL_get_state(ssl) == TLS_ST_BEFORE && !prepare(ssl, watch))
        return -1;
    result = real(ssl);
    if (result <= 0 && !watch->told) {
        int error = SSL_get_error(ssl, result);
        long bad = SSL_get_verify_result(ssl);

        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            watch->told = true;
            snprintf(watch->text, sizeof watch->text, "TLS: %s",
                     bad ? X509_verify_cert_error_string(bad) : "the handshake failed");
            ml_loop_post(watch->loop, tell, watch);
        }
    }
    return result;
}
