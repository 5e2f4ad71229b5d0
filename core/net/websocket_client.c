/* The client's way to a WebSocket: a connection by curl, with all rules of the HTTP client
 * (resolve, deny, TLS), then our own upgrade (RFC 6455 section 4.1). */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/evp.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/net/http_client_priv.h"
#include "core/net/websocket_priv.h"

enum {
    HEAD_MAX = 16384,      /* of the answer to the upgrade */
    KERNEL_BUFFER = 65536, /* what a slow server may owe beyond our own bound */
    CONNECT_MS = 5000,
    KEY_BYTES = 25
};

struct client {
    struct ml_websocket *websocket;
    struct ml_http_exchange *exchange;
    struct ml_buf headers; /* of the caller, whole lines */
    int answer_ms;
    char key[KEY_BYTES];
};

/* ---- the wire ---- */

static ssize_t count(CURLcode code, size_t n)
{
    return code == CURLE_OK ? (ssize_t)n : code == CURLE_AGAIN ? 0 : -1;
}

static ssize_t wire_read(void *wire, void *bytes, size_t n)
{
    struct client *client = wire;
    size_t got = 0;
    CURLcode code = curl_easy_recv(client->exchange->easy, bytes, n, &got);

    return code == CURLE_OK && got == 0 ? -1 : count(code, got);
}

static ssize_t wire_write(void *wire, const void *bytes, size_t n)
{
    struct client *client = wire;
    size_t sent = 0;
    CURLcode code = curl_easy_send(client->exchange->easy, bytes, n, &sent);

    return count(code, sent);
}

static void wire_close(void *wire)
{
    struct client *client = wire;

    ml_http_cancel(client->exchange);
    ml_buf_fini(&client->headers);
    ml_free(client);
}

static const struct ml_wire wire = {wire_read, wire_write, wire_close};

/* ---- the upgrade ---- */

static void make_key(char key[KEY_BYTES])
{
    unsigned char bytes[16];

    ml_random(bytes, sizeof bytes);
    EVP_EncodeBlock((unsigned char *)key, bytes, sizeof bytes);
}

/* The exchange's URL has no credentials and no fragment any more. */
static void send_upgrade(struct client *client)
{
    const char *host = strstr(client->exchange->target->bare, "://") + 3;
    const char *path = host + strcspn(host, "/?");
    struct ml_buf text = {0};

    make_key(client->key);
    ml_buf_printf(&text,
                  "GET %s%s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                  *path == '/' ? "" : "/", path, (int)(path - host), host, client->key);
    if (client->headers.n > 0)
        ml_buf_add(&text, client->headers.p, client->headers.n);
    ml_buf_str(&text, "\r\n");
    ml_websocket_write(client->websocket, text.p, text.n);
    ml_buf_fini(&text);
}

static void on_connected(const struct ml_http_response *response, void *user)
{
    struct client *client = user;
    struct ml_websocket *websocket = client->websocket;
    curl_socket_t fd = CURL_SOCKET_BAD;
    int size = KERNEL_BUFFER;

    if (response->failure != ML_HTTP_OK) {
        struct ml_websocket_end end = {
            .why = ML_WS_CONNECT, .failure = response->failure, .text = response->text};

        client->exchange = NULL; /* the HTTP client frees it */
        ml_websocket_end(websocket, &end);
        return;
    }
    curl_easy_getinfo(client->exchange->easy, CURLINFO_ACTIVESOCKET, &fd);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    ml_websocket_wire(websocket, &wire, client, fd);
    websocket->reads_head = true;
    ml_timer_set(websocket->timer, client->answer_ms);
    send_upgrade(client);
}

/* ---- the answer ---- */

static bool has_token(struct ml_str list, struct ml_str token)
{
    struct ml_str part;

    while (ml_str_cut(&list, ',', &part))
        if (ml_str_ieq(ml_str_trim(part), token))
            return true;
    return false;
}

/* Nothing may be agreed on that we did not ask for. */
static const char *judge(const struct client *client, struct ml_str head)
{
    bool upgrade = false, connection = false, accepted = false;
    char accept[ML_WS_ACCEPT_BYTES];
    struct ml_str line, name;

    ml_ws_frame_accept(ml_str(client->key), accept);
    while (ml_str_cut(&head, '\n', &line)) {
        struct ml_str value;

        ml_str_cut(&line, ':', &name);
        value = ml_str_trim(line);
        if (!line.p)
            continue;
        if (ml_str_ieq(name, ML_STR("Upgrade")))
            upgrade = ml_str_ieq(value, ML_STR("websocket"));
        else if (ml_str_ieq(name, ML_STR("Connection")))
            connection = connection || has_token(value, ML_STR("upgrade"));
        else if (ml_str_ieq(name, ML_STR("Sec-WebSocket-Accept")))
            accepted = ml_str_eq(value, ml_str(accept));
        else if (ml_str_ieq(name, ML_STR("Sec-WebSocket-Extensions")) && value.n > 0)
            return "the server uses an extension that nobody asked for";
    }
    if (!upgrade || !connection)
        return "the server says 101 and does not upgrade to a WebSocket";
    return accepted ? NULL : "Sec-WebSocket-Accept does not fit the key";
}

static bool refuse(struct ml_websocket *websocket, enum ml_ws_why why, int status, const char *text)
{
    struct ml_websocket_end end = {.why = why, .status = status, .text = text};

    ml_websocket_end(websocket, &end);
    return false;
}

/* "HTTP/1.1 101 Switching Protocols": 101; 0: not that. */
static int status_of(struct ml_str head)
{
    uint64_t status = 0;

    if (head.n < 12 || !ml_str_starts(head, ML_STR("HTTP/1.")) || head.p[8] != ' ' ||
        ml_str_uint((struct ml_str){head.p + 9, 3}, 999, &status) != 0)
        return 0;
    return (int)status;
}

bool ml_websocket_head(struct ml_websocket *websocket)
{
    struct client *client = websocket->wire_user;
    struct ml_buf *in = &websocket->in;
    const char *end = memmem(in->p, in->n, "\r\n\r\n", 4), *why;
    struct ml_str head = {in->p, end ? (size_t)(end - in->p) : in->n};
    int status = status_of(head);

    if (status == 0 && (end || in->n >= 12))
        return refuse(websocket, ML_WS_HANDSHAKE, 0, "what answers does not speak HTTP/1.1");
    if (!end && in->n < HEAD_MAX)
        return false;
    if (!end)
        return refuse(websocket, ML_WS_HANDSHAKE, 0, "the answer to the upgrade has no end");
    if (status != 101) {
        char text[64];

        snprintf(text, sizeof text, "the upgrade was answered with %d", status);
        return refuse(websocket, ML_WS_STATUS, status, text);
    }
    why = judge(client, head);
    if (why)
        return refuse(websocket, ML_WS_HANDSHAKE, 0, why);
    in->n -= head.n + 4;
    memmove(in->p, end + 4, in->n);
    /* From here on a peer in this process is seen by the bytes it sends, and for a foreign one time
     * cannot stand still. */
    ml_http_exchange_peer(client->exchange, ML_PEER_UNKNOWN);
    ml_websocket_begin(websocket);
    return !websocket->doomed && websocket->state != ML_WS_OVER;
}

/* ---- opening ---- */

/* "wss://host/" -> "https://host/"; anything else becomes what the HTTP client refuses. */
static char *http_url(const char *url)
{
    struct ml_str text = ml_str(url), secure = ML_STR("wss://"), plain = ML_STR("ws://");

    if (text.n >= secure.n && ml_str_ieq((struct ml_str){url, secure.n}, secure))
        return ml_format("https://%s", url + secure.n);
    if (text.n >= plain.n && ml_str_ieq((struct ml_str){url, plain.n}, plain))
        return ml_format("http://%s", url + plain.n);
    return ml_format("no WebSocket URL, %s", url);
}

static const struct ml_wire no_wire = {.close = wire_close}; /* there is no connection yet */

int ml_websocket_connect(struct ml_http_client *http, const struct ml_websocket_options *options,
                         const struct ml_websocket_handlers *handlers, void *user,
                         struct ml_websocket **websocketp)
{
    struct client *client = ml_alloc(sizeof *client);
    struct ml_websocket *websocket = ml_websocket_new(http->loop, handlers, user);
    int ms = options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_MS;
    struct ml_http_request request = {.method = "GET",
                                      .headers = options->headers,
                                      .header_count = options->header_count,
                                      .connect_timeout_ms = ms};
    char *url = http_url(options->url);
    int code;

    client->websocket = websocket;
    client->answer_ms = ms;
    for (size_t i = 0; i < options->header_count; i++)
        ml_buf_printf(&client->headers, "%s\r\n", options->headers[i]);
    websocket->client = true;
    websocket->wire = &no_wire;
    websocket->wire_user = client;
    if (options->max_message)
        websocket->max_message = options->max_message;
    if (options->ping_ms)
        websocket->ping_ms = options->ping_ms;
    request.url = url;
    code = ml_http_connect(http, &request, on_connected, client, &client->exchange);
    ml_free(url);
    if (code != ML_OK) {
        ml_websocket_free(websocket);
        return code;
    }
    *websocketp = websocket;
    return ML_OK;
}
