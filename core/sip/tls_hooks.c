/* What libsofia calls in libssl it finds here first: our program comes before the libraries in the
 * search of the dynamic linker. Contexts and connections that are not an agent's (libcurl's) pass
 * through untouched. */
#include <dlfcn.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "core/base/log.h"
#include "core/sip/tls_priv.h"

static void *find(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (!symbol) {
        ml_log(ML_LOG_ERROR, NULL, "libssl has no %s", name);
        abort();
    }
    return symbol;
}

/* Looked up once; two threads that do it at the same time find the same. */
#define REAL(name, type, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    *(void **)&real = find(name)

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
    SSL_CTX *context;

    REAL("SSL_CTX_new", SSL_CTX *, const SSL_METHOD *);
    context = real(method);
    if (context)
        ml_tls_context_made(context);
    return context;
}

/* Certificate, key and trust of an agent's context are in place when sofia comes with its files. */

int SSL_CTX_use_certificate_file(SSL_CTX *context, const char *file, int type)
{
    REAL("SSL_CTX_use_certificate_file", int, SSL_CTX *, const char *, int);
    return ml_tls_context_agent(context) ? 1 : real(context, file, type);
}

int SSL_CTX_use_PrivateKey_file(SSL_CTX *context, const char *file, int type)
{
    REAL("SSL_CTX_use_PrivateKey_file", int, SSL_CTX *, const char *, int);
    return ml_tls_context_agent(context) ? 1 : real(context, file, type);
}

int SSL_CTX_load_verify_locations(SSL_CTX *context, const char *file, const char *folder)
{
    REAL("SSL_CTX_load_verify_locations", int, SSL_CTX *, const char *, const char *);
    return ml_tls_context_agent(context) ? 1 : real(context, file, folder);
}

int SSL_CTX_check_private_key(const SSL_CTX *context)
{
    REAL("SSL_CTX_check_private_key", int, const SSL_CTX *);
    return ml_tls_context_agent(context) ? 1 : real(context);
}

SSL *SSL_new(SSL_CTX *context)
{
    SSL *ssl;

    REAL("SSL_new", SSL *, SSL_CTX *);
    ssl = real(context);
    if (ssl && ml_tls_context_agent(context))
        ml_tls_connection_made(ssl);
    return ssl;
}

static int bio_index(void)
{
    static int index = -1;

    if (index < 0)
        index = BIO_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

void SSL_set_bio(SSL *ssl, BIO *in, BIO *out)
{
    REAL("SSL_set_bio", void, SSL *, BIO *, BIO *);
    real(ssl, in, out);
    if (ml_tls_connection(ssl))
        BIO_set_ex_data(in, bio_index(), ssl);
}

/* sofia frees the BIO of a connection and forgets the SSL, which owns that BIO: the SSL goes with
 * it. The SSL's reference to the context sofia gives back itself, so there must be one more. A
 * version that frees the SSL does not come here. */
int BIO_free(BIO *bio)
{
    SSL *ssl = bio ? BIO_get_ex_data(bio, bio_index()) : NULL;

    REAL("BIO_free", int, BIO *);
    if (!ssl)
        return real(bio);
    BIO_set_ex_data(bio, bio_index(), NULL);
    SSL_CTX_up_ref(SSL_get_SSL_CTX(ssl));
    SSL_free(ssl);
    return 1;
}

int SSL_connect(SSL *ssl)
{
    struct ml_tls_connection *connection = ml_tls_connection(ssl);

    REAL("SSL_connect", int, SSL *);
    return connection ? ml_tls_connect(connection, real) : real(ssl);
}

int SSL_accept(SSL *ssl)
{
    struct ml_tls_connection *connection = ml_tls_connection(ssl);

    REAL("SSL_accept", int, SSL *);
    return connection ? ml_tls_accept(connection, real) : real(ssl);
}

/* The certificate was judged in the handshake. sofia would read the names in it once more, and lose
 * the memory they are in. */
X509 *SSL_get1_peer_certificate(const SSL *ssl)
{
    REAL("SSL_get1_peer_certificate", X509 *, const SSL *);
    return ml_tls_connection(ssl) ? NULL : real(ssl);
}

/* sofia asks SSL_get_error without having emptied the queue of errors: what others left there would
 * close the connection. */

int SSL_read(SSL *ssl, void *bytes, int n)
{
    REAL("SSL_read", int, SSL *, void *, int);
    if (ml_tls_connection(ssl))
        ERR_clear_error();
    return real(ssl, bytes, n);
}

int SSL_write(SSL *ssl, const void *bytes, int n)
{
    REAL("SSL_write", int, SSL *, const void *, int);
    if (ml_tls_connection(ssl))
        ERR_clear_error();
    return real(ssl, bytes, n);
}
