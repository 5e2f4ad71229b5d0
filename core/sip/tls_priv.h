/* The parts of TLS: tls.c (connections we make), tls_server.c (contexts, connections we get),
 * tls_hooks.c (the functions of libssl that libsofia finds in our program). Loop thread. */
#ifndef ML_SIP_TLS_PRIV_H
#define ML_SIP_TLS_PRIV_H

#include <openssl/ssl.h>

#include "core/sip/agent_priv.h"
#include "core/sip/tls.h"

/* Whom an outgoing connection is for, shared by the connection and all watches that use it. */
struct ml_tls_peer;

/* One connection of an agent, from SSL_new to SSL_free. */
struct ml_tls_connection {
    struct ml_agent *agent;
    SSL *ssl;
    struct ml_tls_peer *peer;  /* NULL: accepted, or not announced */
    struct ml_timer *patience; /* until the handshake is done */
};

typedef int ml_tls_call_fn(SSL *ssl); /* SSL_connect, SSL_accept */

/* ---- tls.c ---- */
/* Around each request to the peer of watch by the transport `ident`: connections that are not its
 * own are hidden from sofia, and a connection made between begin and end is for its peer. orq: what
 * was sent, NULL when that failed. watch NULL: nothing is done. */
void ml_tls_begin(struct ml_tls_watch *watch, tport_t *tports, const char *ident);
void ml_tls_end(struct ml_tls_watch *watch, nta_outgoing_t *orq);
/* The peer of a connection that is being made now, a reference; NULL: nobody announced it. */
struct ml_tls_peer *ml_tls_peer_now(void);
void ml_tls_peer_unref(struct ml_tls_peer *peer);
int ml_tls_connect(struct ml_tls_connection *connection, ml_tls_call_fn *real);

/* ---- tls_server.c ---- */
/* Are certificate, key and CA file of the agent good? listener: a certificate must be there. */
int ml_tls_check(const struct ml_agent_tls *tls, bool listener, struct ml_fault *fault);
/* Around the making of a transport: the context that is made between them is the agent's. End says
 * whether there was one. */
void ml_tls_context_begin(struct ml_agent *agent);
bool ml_tls_context_end(void);
/* For the hooks: the context was made; whose it is, NULL for those of others. */
void ml_tls_context_made(SSL_CTX *context);
struct ml_agent *ml_tls_context_agent(const SSL_CTX *context);
void ml_tls_connection_made(SSL *ssl);
struct ml_tls_connection *ml_tls_connection(const SSL *ssl);
int ml_tls_accept(struct ml_tls_connection *connection, ml_tls_call_fn *real);
/* The certificates that peers of an agent with that CA file are checked with; NULL: cannot be read.
 * A reference. */
X509_STORE *ml_tls_trust(const char *ca_file);

#endif
