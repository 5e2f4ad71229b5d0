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

static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, which, &text, flags) != CURLUE_OK)
        return NULL;
    copy = ml_strdup(text);
    curl_free(text);
    return copy;
}

static bool is_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Leaves the credentials of the URL, else those this server took before, with curl, which sends
 * them to a server that asks for them. One that took them as they are gets them at once. */
static void use_credentials(struct ml_http_exchange *x)
{
    const struct ml_http_login *login = x->jar ? ml_http_jar_login(x->jar, x->origin) : NULL;
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

/* Takes the credentials and the fragment out of the URL. */
static void take_credentials(struct ml_http_exchange *x, CURLU *url)
{
    x->name = part(url, CURLUPART_USER, CURLU_URLDECODE);
    x->password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static const char *read_url_parts(struct ml_http_exchange *x, CURLU *url, const char *text)
{
    size_t scheme = strncasecmp(text, "http://", 7) == 0    ? 7
                    : strncasecmp(text, "https://", 8) == 0 ? 8
                                                            : 0;
    char *port;

    if (scheme == 0 || text[scheme] == '/') /* which curl would read over */
        return "not an absolute http or https URL";
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_URLENCODE) != CURLUE_OK)
        return "not a URL";
    x->host = part(url, CURLUPART_HOST, CURLU_PUNYCODE);
    if (!x->host || !x->host[0])
        return "no host in the URL";
    curl_url_set(url, CURLUPART_HOST, x->host, 0);
    port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    x->port = (uint16_t)strtoul(port ? port : "0", NULL, 10);
    ml_free(port);
    x->origin = ml_format("%s://%s:%u", scheme == 8 ? "https" : "http", x->host, x->port);
    take_credentials(x, url);
    use_credentials(x);
    x->url = part(url, CURLUPART_URL, 0);
    return x->url ? NULL : "not a URL";
}

static void read_url(struct ml_http_exchange *x, const char *text)
{
    CURLU *url = curl_url();
    const char *why = "control characters in the URL";

    if (text && !has_control(text))
        why = read_url_parts(x, url, text);
    if (why)
        ml_http_exchange_fail(x, ML_HTTP_BAD_URL, "%s: %.100s", why,
                              text && !has_control(text) ? text : "");
    curl_url_cleanup(url);
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
    x->easy = curl_easy_init();
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
