/* What http_client.c (the client, its sockets and times), http_target.c (whom it asks),
 * http_request.c (what is asked), http_exchange.c (how it is done and what came of it), http_jar.c
 * (what a call remembers) and websocket_client.c share. Nobody else includes this. Loop thread. */
#ifndef ML_NET_HTTP_CLIENT_PRIV_H
#define ML_NET_HTTP_CLIENT_PRIV_H

#include <stdio.h>

#include <curl/curl.h>

#include "core/base/list.h"
#include "core/net/http_client.h"
#include "core/net/http_rules.h"
#include "core/net/resolver.h"

enum { ML_HTTP_TARGETS = 64, ML_HTTP_SPARES = 16 };

/* What a URL says. */
struct ml_http_target {
    int references;
    char *text;        /* as it was given */
    const char *shown; /* what of that may be told */
    const char *fault; /* why it cannot be fetched; NULL: it can, and then there are: */
    CURLU *url;        /* without credentials and fragment; its text: */
    char *bare;
    char *host, *origin; /* "https://host:port" */
    uint16_t port;
    char *name, *password; /* NULL: none in it */
};

struct ml_http_client {
    struct ml_loop *loop;
    CURLM *multi;
    struct ml_timer *timer;
    struct ml_flush kick; /* curl has something to do at once */
    struct ml_list sockets, exchanges;
    struct ml_resolver *resolver;
    struct ml_http_rules *rules;
    char *ca_file;
    int active;
    bool has_bundle;                                 /* curl's usual CAs are on this machine */
    struct ml_http_target *targets[ML_HTTP_TARGETS]; /* by the hash of their text; NULL: none yet */
    CURL *spares[ML_HTTP_SPARES];                    /* handles for the next exchanges */
    int spare_count;
    bool busy, doomed; /* freed from within a callback: the end of the work frees it */
};

struct ml_http_jar {
    CURLSH *share;
    int references;
    struct ml_list logins;
};

/* Credentials that a server has taken. */
struct ml_http_login {
    struct ml_link link;
    char *origin; /* "https://host:port" */
    char *user, *password;
    bool basic; /* the server asks for Basic only: they can go with the first request */
};

enum ml_http_peer { ML_PEER_UNKNOWN, ML_PEER_OURS, ML_PEER_FOREIGN };

struct ml_http_exchange {
    struct ml_link link;
    struct ml_http_client *client;
    CURL *easy;
    bool in_multi;
    struct curl_slist *request_headers, *resolved, *connect_to;
    struct ml_http_target *target;
    char *method, *body, *save_to;
    size_t body_size, max_body;
    FILE *file;
    struct ml_http_jar *jar;
    char *name, *password; /* of the credentials */
    bool no_sni;
    bool raw; /* connects only: a stream of bytes from then on */
    struct ml_query *query;
    struct ml_timer *timer; /* the next of the deadlines below */
    int64_t connect_deadline, deadline, last_heard;
    int connect_timeout, read_timeout;
    bool connected;
    enum ml_http_peer peer;       /* what the virtual clock was told */
    enum ml_http_failure failure; /* set before curl is made to stop */
    char text[160];
    char curl_text[CURL_ERROR_SIZE];
    char **headers; /* 2 * header_count */
    size_t header_count, header_bytes;
    struct ml_buf received;
    size_t received_size;
    ml_http_done_fn *done;
    ml_http_piece_fn *piece;
    void *user;
};

/* Notes the failure for the end of the exchange; the first one counts. */
void ml_http_exchange_fail(struct ml_http_exchange *x, enum ml_http_failure failure,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Before anything of curl is used. */
void ml_http_start_library(void);
/* What the URL says: a reference of the caller's. */
struct ml_http_target *ml_http_target(struct ml_http_client *client, const char *text);
void ml_http_target_unref(struct ml_http_target *target);
/* A handle of curl's with none of the options set that ml_http_exchange_prepare may leave alone;
 * and what becomes of it when the exchange is over. */
CURL *ml_http_handle(struct ml_http_client *client);
void ml_http_handle_done(struct ml_http_exchange *x);
/* NULL when there is none. */
const struct ml_http_login *ml_http_jar_login(const struct ml_http_jar *jar, const char *origin);
void ml_http_jar_remember(struct ml_http_jar *jar, const char *origin, const char *user,
                          const char *password, bool basic);
/* Copies the request and checks it. ML_EINVAL: a method or header that no program should send. */
int ml_http_exchange_new(struct ml_http_client *client, const struct ml_http_request *request,
                         struct ml_http_exchange **exchangep);
void ml_http_exchange_free(struct ml_http_exchange *x);
/* Sets every option of the easy handle; hosts are the addresses of its host, or none if numeric. */
void ml_http_exchange_prepare(struct ml_http_exchange *x, const struct ml_host *hosts,
                              size_t count);
/* Takes curl's verdict into x->failure and x->text. */
void ml_http_exchange_judge(struct ml_http_exchange *x, CURLcode code);
/* Arms x->timer for the next deadline. */
void ml_http_exchange_arm(struct ml_http_exchange *x);
/* Connects as a fetch would and asks nothing. When done says ML_HTTP_OK the easy handle's
 * connection is the caller's to read and write, until ml_http_cancel; after a failure the exchange
 * is gone. A client that is freed tells ML_HTTP_CANCELED. Headers are only checked. */
int ml_http_connect(struct ml_http_client *client, const struct ml_http_request *request,
                    ml_http_done_fn *done, void *user, struct ml_http_exchange **exchangep);
/* Tells the virtual clock who is at the other end, or (ML_PEER_UNKNOWN) that it is over. */
void ml_http_exchange_peer(struct ml_http_exchange *x, enum ml_http_peer peer);

#endif
