#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/net/http_client_priv.h"
#include "core/net/http_server.h"

enum {
    MAX_HEADER_BYTES = 65536, /* of a response; more is an attack on memory */
    MAX_HEADERS = 256,
    MAX_ADDRESSES = 8 /* of a host, that are tried */
};

void ml_http_exchange_fail(struct ml_http_exchange *x, enum ml_http_failure failure,
                           const char *format, ...)
{
    va_list args;

    if (x->failure != ML_HTTP_OK)
        return;
    x->failure = failure;
    va_start(args, format);
    vsnprintf(x->text, sizeof x->text, format, args);
    va_end(args);
}

static void close_file(struct ml_http_exchange *x, bool keep)
{
    if (!x->file)
        return;
    if (fclose(x->file) != 0 && keep) {
        ml_http_exchange_fail(x, ML_HTTP_FILE, "%.100s cannot be written", x->save_to);
        keep = false;
    }
    x->file = NULL;
    if (!keep)
        unlink(x->save_to);
}

static void forget_headers(struct ml_http_exchange *x)
{
    for (size_t i = 0; i < 2 * x->header_count; i++)
        ml_free(x->headers[i]);
    ml_free(x->headers);
    x->headers = NULL;
    x->header_count = x->header_bytes = 0;
}

void ml_http_exchange_free(struct ml_http_exchange *x)
{
    ml_query_cancel(x->query);
    ml_timer_free(x->timer);
    ml_http_handle_done(x);
    curl_slist_free_all(x->request_headers);
    curl_slist_free_all(x->resolved);
    curl_slist_free_all(x->connect_to);
    close_file(x, false);
    forget_headers(x);
    ml_http_jar_unref(x->jar);
    ml_buf_fini(&x->received);
    ml_free(x->method);
    ml_http_target_unref(x->target);
    ml_free(x->name);
    ml_free(x->password);
    ml_free(x->body);
    ml_free(x->save_to);
    ml_free(x);
}

/* ---- what curl calls ---- */

void ml_http_exchange_peer(struct ml_http_exchange *x, enum ml_http_peer peer)
{
    if (x->peer == peer)
        return;
    if (x->peer == ML_PEER_FOREIGN)
        ml_clock_release();
    x->peer = peer;
    if (peer == ML_PEER_FOREIGN)
        ml_clock_hold();
}

static enum ml_http_peer who_is(const struct sockaddr *address, uint16_t port)
{
    return ml_http_rules_is_loopback(address) && ml_http_server_has_port(port) ? ML_PEER_OURS
                                                                               : ML_PEER_FOREIGN;
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ml_http_exchange *x = user;
    const char *why = ml_http_rules_refuse(x->client->rules, &address->addr);
    struct sockaddr_in port; /* the port lies at the same place in both kinds of address */

    (void)purpose;
    if (why) {
        if (x->text[0] == '\0')
            snprintf(x->text, sizeof x->text, "%.100s is %s", x->target->host, why);
        return CURL_SOCKET_BAD;
    }
    memcpy(&port, &address->addr, sizeof port);
    ml_http_exchange_peer(x, who_is(&address->addr, ntohs(port.sin_port)));
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The connection stands (perhaps since long), the request goes out now. */
static int on_connected(void *user, char *ip, char *local_ip, int port, int local_port)
{
    struct ml_http_exchange *x = user;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    (void)local_ip;
    (void)local_port;
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
        ml_http_exchange_peer(x, who_is((void *)&v4, (uint16_t)port));
    else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
        ml_http_exchange_peer(x, who_is((void *)&v6, (uint16_t)port));
    x->connected = true;
    x->last_heard = ml_clock_ms();
    ml_http_exchange_arm(x);
    return CURL_PREREQFUNC_OK;
}

static void keep_header(struct ml_http_exchange *x, struct ml_str name, struct ml_str value)
{
    x->headers = ml_realloc(x->headers, 2 * (x->header_count + 1) * sizeof *x->headers);
    x->headers[2 * x->header_count] = ml_str_dup(ml_str_trim(name));
    x->headers[2 * x->header_count + 1] = ml_str_dup(ml_str_trim(value));
    x->header_count++;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *user)
{
    struct ml_http_exchange *x = user;
    struct ml_str rest = {bytes, size * n}, name;

    x->last_heard = ml_clock_ms();
    if (ml_str_starts(rest, ML_STR("HTTP/"))) {
        forget_headers(x); /* those of a 100 or 401 before it */
        return size * n;
    }
    x->header_bytes += rest.n;
    if (x->header_bytes > MAX_HEADER_BYTES || x->header_count >= MAX_HEADERS) {
        ml_http_exchange_fail(x, ML_HTTP_PROTOCOL, "more than %d headers or %d bytes of them",
                              MAX_HEADERS, MAX_HEADER_BYTES);
        return 0;
    }
    ml_str_cut(&rest, ':', &name);
    if (rest.p)
        keep_header(x, name, rest);
    return size * n;
}

static bool write_file(struct ml_http_exchange *x, const char *bytes, size_t n)
{
    if (!x->file)
        x->file = fopen(x->save_to, "wbe");
    if (x->file && fwrite(bytes, 1, n, x->file) == n)
        return true;
    ml_http_exchange_fail(x, ML_HTTP_FILE, "%.100s cannot be written", x->save_to);
    return false;
}

static bool is_success(const struct ml_http_exchange *x)
{
    long status = 0;

    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status <= 299;
}

/* After decompression; fewer bytes taken than given make curl stop. */
static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct ml_http_exchange *x = user;

    n *= size;
    x->last_heard = ml_clock_ms();
    if (x->piece && is_success(x)) {
        x->piece((struct ml_str){bytes, n}, x->user);
        return n;
    }
    x->received_size += n;
    if (x->received_size > x->max_body) {
        ml_http_exchange_fail(x, ML_HTTP_TOO_BIG, "the body is longer than %zu bytes", x->max_body);
        return n ? 0 : 1;
    }
    if (x->save_to)
        return write_file(x, bytes, n) ? n : n + 1;
    ml_buf_add(&x->received, bytes, n);
    return n;
}

static void remove_sni(const SSL *ssl, int where, int code)
{
    (void)code;
    if (where & SSL_CB_HANDSHAKE_START)
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, NULL);
}

static CURLcode on_tls(CURL *easy, void *context, void *user)
{
    struct ml_http_exchange *x = user;

    (void)easy;
    if (x->no_sni)
        SSL_CTX_set_info_callback(context, remove_sni);
    if (x->client->ca_file &&
        SSL_CTX_load_verify_locations(context, x->client->ca_file, NULL) != 1) {
        ml_http_exchange_fail(x, ML_HTTP_CERTIFICATE, "the CA file %.100s cannot be read",
                              x->client->ca_file);
        return CURLE_SSL_CACERT_BADFILE;
    }
    return CURLE_OK;
}

/* ---- options ---- */

static void set_method(struct ml_http_exchange *x)
{
    CURL *easy = x->easy;

    if (x->body_size > 0 || strcmp(x->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, x->body);
        if (strcmp(x->method, "POST") != 0)
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, x->method);
    } else if (strcmp(x->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(x->method, "GET") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, x->method);
    }
}

static void set_callbacks(struct ml_http_exchange *x)
{
    CURL *easy = x->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->curl_text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, x);
}

static void set_policy(struct ml_http_exchange *x)
{
    CURL *easy = x->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not the one of the environment */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    if (!x->client->has_bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_timeout);
    if (x->raw) {
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (x->no_sni) { /* such a connection is of no use to others */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (x->jar) {
        curl_easy_setopt(easy, CURLOPT_SHARE, x->jar->share);
        curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
    }
}

/* Curl would resolve in a thread, which neither the loop nor virtual time could see. */
static void set_addresses(struct ml_http_exchange *x, const struct ml_host *hosts, size_t count)
{
    struct ml_buf list = {0};

    if (count == 0)
        return;
    if (hosts[0].port) { /* an entry of the resolve table */
        bool v6 = strchr(hosts[0].address, ':') != NULL;

        ml_buf_printf(&list, "::%s%s%s:%u", v6 ? "[" : "", hosts[0].address, v6 ? "]" : "",
                      hosts[0].port);
        x->connect_to = curl_slist_append(NULL, list.p);
        curl_easy_setopt(x->easy, CURLOPT_CONNECT_TO, x->connect_to);
    } else {
        ml_buf_printf(&list, "+%s:%u:", x->target->host, x->target->port);
        for (size_t i = 0; i < count && i < MAX_ADDRESSES; i++)
            ml_buf_printf(&list, "%s%s", i ? "," : "", hosts[i].address);
        x->resolved = curl_slist_append(NULL, list.p);
        curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->resolved);
    }
    ml_buf_fini(&list);
}

void ml_http_exchange_prepare(struct ml_http_exchange *x, const struct ml_host *hosts, size_t count)
{
    set_callbacks(x);
    set_policy(x);
    set_method(x);
    set_addresses(x, hosts, count);
    curl_easy_setopt(x->easy, CURLOPT_CURLU, x->target->url);
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->request_headers);
}

void ml_http_exchange_arm(struct ml_http_exchange *x)
{
    int64_t next = x->deadline;

    if (!x->connected && x->connect_deadline < next)
        next = x->connect_deadline;
    if (x->connected && x->read_timeout > 0 && x->last_heard + x->read_timeout < next)
        next = x->last_heard + x->read_timeout;
    next -= ml_clock_ms();
    ml_timer_set(x->timer, next > 0 ? next : 1);
}

/* ---- the verdict ---- */

/* What OpenSSL holds against a certificate. Nothing yet (curl begins with "unspecified") when it
 * was curl that did not find the host in it. */
static enum ml_http_failure blame(const struct ml_http_exchange *x)
{
    long verdict = X509_V_OK;

    curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    if (verdict == X509_V_OK || verdict == X509_V_ERR_UNSPECIFIED)
        return ML_HTTP_WRONG_NAME;
    return verdict == X509_V_ERR_CERT_HAS_EXPIRED || verdict == X509_V_ERR_CERT_NOT_YET_VALID
               ? ML_HTTP_EXPIRED
               : ML_HTTP_CERTIFICATE;
}

static enum ml_http_failure failure_of(const struct ml_http_exchange *x, CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return x->connected ? ML_HTTP_PROTOCOL : ML_HTTP_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ML_HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return ML_HTTP_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return x->connected ? ML_HTTP_TIME : ML_HTTP_CONNECT_TIME;
    case CURLE_PEER_FAILED_VERIFICATION:
        return blame(x);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return ML_HTTP_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
        return ML_HTTP_TLS;
    default:
        return ML_HTTP_PROTOCOL;
    }
}

/* A server that asked for credentials and then let us in knows us for the rest of the call. */
static void remember_login(struct ml_http_exchange *x)
{
    long status = 0, asked = 0;

    if (!x->jar || !x->name)
        return;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->easy, CURLINFO_HTTPAUTH_AVAIL, &asked);
    if (asked && status != 401)
        ml_http_jar_remember(x->jar, x->target->origin, x->name, x->password,
                             !(asked & CURLAUTH_DIGEST));
}

void ml_http_exchange_judge(struct ml_http_exchange *x, CURLcode code)
{
    if (code == CURLE_COULDNT_CONNECT && x->failure == ML_HTTP_OK && x->text[0] != '\0') {
        x->failure = ML_HTTP_DENIED; /* on_open said why */
    } else if (code != CURLE_OK) {
        x->curl_text[strcspn(x->curl_text, "\r\n")] = '\0';
        ml_http_exchange_fail(x, failure_of(x, code), "%.150s",
                              x->curl_text[0] ? x->curl_text : curl_easy_strerror(code));
    } else {
        x->text[0] = '\0'; /* one address was denied, another one served */
        remember_login(x);
    }
    if (x->failure == ML_HTTP_OK && x->save_to)
        write_file(x, "", 0);
    close_file(x, x->failure == ML_HTTP_OK);
}
