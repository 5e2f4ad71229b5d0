/* HTTP client on curl multi: one exchange per request, no redirects followed (policy does that, hop
 * by hop, because each hop is judged and signed anew). Owner: the program. Loop thread. */
#ifndef ML_NET_HTTP_CLIENT_H
#define ML_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_http_client;
struct ml_http_exchange;
struct ml_http_jar; /* cookies and logins of one call; the exchanges that use it count as owners */

/* Where requests may go. Judged on the resolved address at connect time, IPv4-mapped IPv6 as IPv4.
 * allow wins over deny; ports of own listeners (ml_http_client_refuse_own) are always refused. */
struct ml_http_client_options {
    const char *const *deny; /* CIDR texts, e.g. "169.254.0.0/16", "fe80::/10" */
    size_t deny_count;
    const char *const *allow;
    size_t allow_count;
    const char *const *resolve; /* pairs: host, "address[:port]" - answers instead of DNS */
    size_t resolve_count;       /* number of pairs */
    const char *servers;        /* of names: "127.0.0.1:5353,...", or NULL for the system's */
    const char *ca_file;        /* extra trusted CA (PEM), or NULL */
};

int ml_http_client_new(struct ml_loop *loop, const struct ml_http_client_options *options,
                       struct ml_http_client **clientp, struct ml_fault *fault);
void ml_http_client_free(struct ml_http_client *client);
/* Never connect to this listener of ours; address "0.0.0.0" or "::" means any local address. */
void ml_http_client_refuse_own(struct ml_http_client *client, const char *address, uint16_t port);

enum ml_http_failure {
    ML_HTTP_OK = 0,
    ML_HTTP_BAD_URL,      /* not http(s), no host, control bytes */
    ML_HTTP_RESOLVE,      /* no such host */
    ML_HTTP_CONNECT,      /* refused, unreachable */
    ML_HTTP_CONNECT_TIME, /* no connection within connect_timeout */
    ML_HTTP_TIME,         /* read or total time used up */
    ML_HTTP_TLS,          /* handshake */
    ML_HTTP_CERTIFICATE,  /* not trusted */
    ML_HTTP_EXPIRED,      /* a certificate whose time is over, or has not come */
    ML_HTTP_WRONG_NAME,   /* a certificate of another host */
    ML_HTTP_PROTOCOL,     /* not HTTP, truncated body */
    ML_HTTP_TOO_BIG,      /* body above max_body, after decompression */
    ML_HTTP_DENIED,       /* address refused by deny or because it is ours */
    ML_HTTP_CANCELED,
    ML_HTTP_FILE /* save_to cannot be written */
};

/* A piece of the body of a 2xx answer, borrowed. Nothing of the client may be called from it. */
typedef void ml_http_piece_fn(struct ml_str bytes, void *user);

struct ml_http_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;    /* absolute; user:password@ is used only after a 401 asks for it (Basic or
                           Digest) and never sent to another host; a jar remembers those that
                           were taken, for the same scheme, host and port; no fragment is sent */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    struct ml_str body;
    int connect_timeout_ms;  /* 0: 5000 */
    int read_timeout_ms;     /* longest silence while waiting and between packets; 0: none */
    int timeout_ms;          /* the whole exchange; 0: 15000 */
    size_t max_body;         /* 0: 65536 */
    ml_http_piece_fn *piece; /* gets the body of a 2xx answer as it comes, whatever its length, and
                                the response has none; with the user of done. Or NULL */
    const char *save_to;     /* write the body to this file instead of memory, or NULL */
    struct ml_http_jar *jar;
    bool no_sni;
};

struct ml_http_response {
    enum ml_http_failure failure;
    char text[160];             /* a sentence about the failure, "" when ok */
    int status;                 /* 0 when no response came */
    const char *const *headers; /* name, value, name, value ... as received */
    size_t header_count;        /* number of pairs */
    struct ml_str body;         /* borrowed, as are the headers, until the callback returns */
};

typedef void ml_http_done_fn(const struct ml_http_response *response, void *user);

/* Everything is copied. done is called once, later, never from within this call. */
int ml_http_fetch(struct ml_http_client *client, const struct ml_http_request *request,
                  ml_http_done_fn *done, void *user, struct ml_http_exchange **exchangep);
/* done is not called any more. */
void ml_http_cancel(struct ml_http_exchange *exchange);
/* Exchanges that have not ended. */
int ml_http_client_active(const struct ml_http_client *client);

struct ml_http_jar *ml_http_jar_new(void);
void ml_http_jar_unref(struct ml_http_jar *jar);

const char *ml_http_failure_name(enum ml_http_failure failure); /* "connect", "too-big", ... */

#endif
