#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/net/http_client_priv.h"

enum { CONNECT_MS = 5000, TOTAL_MS = 15000, MAX_BODY = 65536 };

static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (const char *p = text; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

        if (!letter && !(*p >= '0' && *p <= '9') && !strchr(others, *p))
            return false;
    }
    return text[0] != '\0';
}

/* "Name: value" without line breaks; curl spells a header without a value "Name;". */
static int add_header(struct ml_http_exchange *x, const char *header)
{
    const char *colon = strchr(header, ':');
    char *name = colon ? ml_strndup(header, (size_t)(colon - header)) : ml_strdup("");
    bool ok = is_token(name) && !strpbrk(header, "\r\n");
    char *empty = NULL;

    if (ok && ml_str_trim(ml_str(colon + 1)).n == 0)
        empty = ml_format("%s;", name);
    if (ok)
        x->request_headers = curl_slist_append(x->request_headers, empty ? empty : header);
    ml_free(empty);
    ml_free(name);
    return ok ? ML_OK : ML_EINVAL;
}

static bool has_header(const struct ml_http_request *request, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < request->header_count; i++) {
        const char *header = request->headers[i];

        if (strlen(header) > n && header[n] == ':' &&
            ml_str_ieq((struct ml_str){header, n}, (struct ml_str){name, n}))
            return true;
    }
    return false;
}

static int add_headers(struct ml_http_exchange *x, const struct ml_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (add_header(x, request->headers[i]) != ML_OK)
            return ML_EINVAL;
    }
    /* Only what the caller says is sent. */
    if (!has_header(request, "Expect"))
        x->request_headers = curl_slist_append(x->request_headers, "Expect:");
    if (!has_header(request, "Content-Type"))
        x->request_headers = curl_slist_append(x->request_headers, "Content-Type:");
    return ML_OK;
}

static bool is_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Leaves the credentials of the URL, else those this server took before, with curl, which sends
 * them to a server that asks for them. One that took them as they are gets them at once. */
static void use_credentials(struct ml_http_exchange *x)
{
    const struct ml_http_login *login =
        x->jar ? ml_http_jar_login(x->jar, x->target->origin) : NULL;
    long kinds = (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST);

    if (login && !x->name && !x->password) {
        x->name = ml_strdup(login->user);
        x->password = ml_strdup(login->password);
    }
    if (!x->name && !x->password)
        return;
    if (login && login->basic && is_same(login->user, x->name) &&
        is_same(login->password, x->password))
        kinds = (long)CURLAUTH_BASIC;
    curl_easy_setopt(x->easy, CURLOPT_USERNAME, x->name ? x->name : "");
    curl_easy_setopt(x->easy, CURLOPT_PASSWORD, x->password ? x->password : "");
    curl_easy_setopt(x->easy, CURLOPT_HTTPAUTH, kinds);
}

static void read_url(struct ml_http_exchange *x, const char *text)
{
    x->target = ml_http_target(x->client, text);
    if (x->target->fault) {
        ml_http_exchange_fail(x, ML_HTTP_BAD_URL, "%s: %.100s", x->target->fault, x->target->shown);
        return;
    }
    x->name = ml_strdup(x->target->name);
    x->password = ml_strdup(x->target->password);
    use_credentials(x);
}

static void copy_limits(struct ml_http_exchange *x, const struct ml_http_request *request)
{
    int64_t now = ml_clock_ms();

    x->connect_timeout = request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_MS;
    x->read_timeout = request->read_timeout_ms;
    x->connect_deadline = now + x->connect_timeout;
    x->deadline = now + (request->timeout_ms ? request->timeout_ms : TOTAL_MS);
    x->last_heard = now;
    x->max_body = request->max_body ? request->max_body : MAX_BODY;
    x->piece = request->piece;
}

int ml_http_exchange_new(struct ml_http_client *client, const struct ml_http_request *request,
                         struct ml_http_exchange **exchangep)
{
    struct ml_http_exchange *x;

    if (!request->method || !is_token(request->method))
        return ML_EINVAL;
    x = ml_alloc(sizeof *x);
    x->client = client;
    x->easy = ml_http_handle(client);
    if (add_headers(x, request) != ML_OK) {
        ml_http_exchange_free(x);
        return ML_EINVAL;
    }
    x->method = ml_strdup(request->method);
    x->body = ml_str_dup(request->body);
    x->body_size = request->body.n;
    x->save_to = ml_strdup(request->save_to);
    x->no_sni = request->no_sni;
    x->jar = request->jar;
    if (x->jar)
        x->jar->references++;
    copy_limits(x, request);
    read_url(x, request->url);
    *exchangep = x;
    return ML_OK;
}
