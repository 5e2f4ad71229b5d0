#include "spec/core/net_help.h"

#include <sys/stat.h>

#include "core/net/http_client.h"
#include "core/net/http_server.h"

static struct ml_http_client *client;
static struct ml_http_server *server;
static struct ml_http_response result; /* of the last exchange; the texts are copies */
static struct ml_buf body, headers;
static bool done;
static char url[256];

/* ---- what the server does, by path ---- */

static int arrived;
static bool server_was_asked, gone;
static struct ml_buf asked; /* request lines and headers that came */

static void answer_gzip(struct ml_http_call *call, const char *file)
{
    static const char *const gzip[] = {"Content-Encoding", "gzip"};
    struct ml_buf bytes = {0};
    char block[4096];
    FILE *in = fopen(file, "rb");
    size_t n;

    assert_non_null(in);
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        ml_buf_add(&bytes, block, n);
    fclose(in);
    ml_http_respond(call, 200, gzip, 1, (struct ml_str){bytes.p, bytes.n});
    ml_buf_fini(&bytes);
}

static const char *header_of(const struct ml_http_call_info *info, const char *name)
{
    for (size_t i = 0; i < info->header_count; i++) {
        if (ml_str_ieq(ml_str(info->headers[2 * i]), ml_str(name)))
            return info->headers[2 * i + 1];
    }
    return NULL;
}

static void answer_auth(struct ml_http_call *call, const struct ml_http_call_info *info,
                        const char *challenge)
{
    const char *const ask[] = {"WWW-Authenticate", challenge};
    const char *given = header_of(info, "Authorization");

    if (given)
        ml_http_respond(call, 200, NULL, 0, ml_str(given));
    else
        ml_http_respond(call, 401, ask, 1, ML_STR("who are you?"));
}

static char gzip_file[64], bomb_file[64];
static struct ml_http_call *streaming;

static void on_request(struct ml_http_call *call, const struct ml_http_call_info *info, void *user)
{
    static const char *const location[] = {"Location", "/elsewhere", "Set-Cookie",
                                           "a=1",      "set-cookie", "b=2; Path=/"};

    (void)user;
    arrived++;
    server_was_asked = true;
    ml_buf_printf(&asked, "%s %s\n", info->method, info->target);
    for (size_t i = 0; i < info->header_count; i++)
        ml_buf_printf(&asked, "%s: %s\n", info->headers[2 * i], info->headers[2 * i + 1]);
    if (strcmp(info->path, "/echo") == 0)
        ml_http_respond(call, 200, NULL, 0, info->body);
    else if (strcmp(info->path, "/redirect") == 0)
        ml_http_respond(call, 302, location, 3, ML_STR(""));
    else if (strcmp(info->path, "/gzip") == 0)
        answer_gzip(call, gzip_file);
    else if (strcmp(info->path, "/bomb") == 0)
        answer_gzip(call, bomb_file);
    else if (strcmp(info->path, "/basic") == 0)
        answer_auth(call, info, "Basic realm=\"r\"");
    else if (strcmp(info->path, "/digest") == 0)
        answer_auth(call, info, "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
    else if (strcmp(info->path, "/stream") == 0)
        streaming = call;
    else if (strcmp(info->path, "/silent") != 0)
        ml_http_respond(call, 200, NULL, 0, ML_STR("hello"));
}

static void on_gone(struct ml_http_call *call, void *user)
{
    (void)call;
    (void)user;
    gone = true;
}

static const struct ml_http_server_handlers handlers = {on_request, on_gone};

/* ---- the client ---- */

static void open_both(const struct ml_http_client_options *options,
                      const struct ml_http_server_options *given)
{
    struct ml_http_server_options at = given ? *given : (struct ml_http_server_options){0};
    struct ml_fault fault = {0};

    at.address = "127.0.0.1";
    arrived = 0;
    server_was_asked = gone = false;
    if (ml_http_server_new(loop, &at, &handlers, NULL, &server, &fault) != ML_OK ||
        ml_http_client_new(loop, options, &client, &fault) != ML_OK)
        fail_msg("%s", fault.text);
}

static void close_both(void)
{
    assert_int_equal(ml_http_client_active(client), 0);
    ml_http_client_free(client);
    ml_http_server_free(server);
    ml_buf_fini(&body);
    ml_buf_fini(&headers);
    ml_buf_fini(&asked);
}

static void on_done(const struct ml_http_response *response, void *user)
{
    (void)user;
    assert_false(done);
    done = true;
    result = *response;
    body.n = headers.n = 0;
    ml_buf_add(&body, response->body.p, response->body.n);
    ml_buf_add(&headers, "", 0);
    for (size_t i = 0; i < response->header_count; i++)
        ml_buf_printf(&headers, "%s: %s\n", response->headers[2 * i], response->headers[2 * i + 1]);
}

static void fetch(struct ml_http_request *request)
{
    done = false;
    assert_int_equal(ml_http_fetch(client, request, on_done, NULL, NULL), ML_OK);
    assert_false(done);
    wait_for(&done);
}

static void get(const char *address)
{
    struct ml_http_request request = {.method = "GET", .url = address};

    fetch(&request);
}

static const char *at(const char *path)
{
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", ml_http_server_port(server), path);
    return url;
}

static void assert_failure(enum ml_http_failure failure)
{
    if (result.failure != failure)
        fail_msg("got %s (%s), wanted %s", ml_http_failure_name(result.failure), result.text,
                 ml_http_failure_name(failure));
    assert_int_equal(result.text[0] == '\0', failure == ML_HTTP_OK);
}

static void test_get(void **state)
{
    const char *sent[] = {"User-Agent: moonline/0", "X-Empty:"};
    struct ml_http_request request = {.method = "GET", .headers = sent, .header_count = 2};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/a/../b?x=y#fragment");
    fetch(&request);
    assert_failure(ML_HTTP_OK);
    assert_int_equal(result.status, 200);
    assert_string_equal(body.p, "hello");
    assert_non_null(strstr(headers.p, "Content-Length: 5\n"));
    assert_non_null(strstr(asked.p, "GET /a/../b?x=y\n"));
    assert_non_null(strstr(asked.p, "User-Agent: moonline/0\n"));
    assert_non_null(strstr(asked.p, "X-Empty: \n"));
    close_both();
}

static void test_post(void **state)
{
    const char *sent[] = {"Content-Type: application/x-www-form-urlencoded"};
    struct ml_http_request request = {
        .method = "POST", .headers = sent, .header_count = 1, .body = ML_STR("a=1\0&b")};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/echo");
    fetch(&request);
    assert_failure(ML_HTTP_OK);
    assert_int_equal(body.n, 6);
    assert_memory_equal(body.p, "a=1\0&b", 6);
    assert_non_null(strstr(asked.p, "Content-Type: application/x-www-form-urlencoded\n"));
    assert_null(strstr(asked.p, "Expect"));
    request = (struct ml_http_request){.method = "POST", .url = at("/echo")};
    fetch(&request);
    assert_non_null(strstr(asked.p, "Content-Length: 0\n"));
    request = (struct ml_http_request){.method = "DELETE", .url = at("/x")};
    fetch(&request);
    assert_non_null(strstr(asked.p, "DELETE /x\n"));
    request = (struct ml_http_request){.method = "HEAD", .url = at("/x")};
    fetch(&request);
    assert_failure(ML_HTTP_OK);
    assert_int_equal(body.n, 0);
    close_both();
}

static void test_misuse_is_refused_at_once(void **state)
{
    const char *bad[] = {"X: a\r\nY: b", "no colon", ": no name", "X Y: z"};
    struct ml_http_request request = {.method = "GET", .header_count = 1};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/");
    for (size_t i = 0; i < 4; i++) {
        request.headers = &bad[i];
        assert_int_equal(ml_http_fetch(client, &request, on_done, NULL, NULL), ML_EINVAL);
    }
    request.header_count = 0;
    request.method = "GET /x";
    assert_int_equal(ml_http_fetch(client, &request, on_done, NULL, NULL), ML_EINVAL);
    close_both();
}

static void test_V5_urls_that_are_none(void **state)
{
    static const char *const bad[] = {"",
                                      "/relative",
                                      "ftp://127.0.0.1/",
                                      "file:///etc/passwd",
                                      "gopher://127.0.0.1:70/",
                                      "http://",
                                      "http:///x",
                                      "http://127.0.0.1/\r\nX: y",
                                      "http://127.0.0.1/\x01",
                                      "http://[::1/"};

    (void)state;
    open_both(NULL, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        get(bad[i]);
        assert_failure(ML_HTTP_BAD_URL);
    }
    close_both();
}

static void test_V5_redirects_are_not_followed(void **state)
{
    (void)state;
    open_both(NULL, NULL);
    get(at("/redirect"));
    assert_int_equal(result.status, 302);
    assert_int_equal(arrived, 1);
    assert_non_null(strstr(headers.p, "Location: /elsewhere\n"));
    assert_non_null(strstr(headers.p, "Set-Cookie: a=1\n"));
    close_both();
}

static void test_V5_cookies_belong_to_a_jar(void **state)
{
    struct ml_http_request request = {.method = "GET", .jar = ml_http_jar_new()};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/redirect");
    fetch(&request);
    request.url = at("/x");
    fetch(&request);
    assert_non_null(strstr(asked.p, "GET /x\n"));
    assert_non_null(strstr(strstr(asked.p, "GET /x\n"), "a=1"));
    assert_non_null(strstr(strstr(asked.p, "GET /x\n"), "b=2"));
    get(at("/y"));
    assert_null(strstr(strstr(asked.p, "GET /y\n"), "Cookie"));
    ml_http_jar_unref(request.jar);
    close_both();
}

static void test_V5_credentials_wait_for_the_question(void **state)
{
    char address[128];

    (void)state;
    open_both(NULL, NULL);
    snprintf(address, sizeof address, "http://kate:s%%40cret@127.0.0.1:%u/free",
             ml_http_server_port(server));
    get(address);
    assert_null(strstr(asked.p, "Authorization"));
    snprintf(address, sizeof address, "http://kate:s%%40cret@127.0.0.1:%u/basic",
             ml_http_server_port(server));
    get(address);
    assert_int_equal(result.status, 200);
    assert_string_equal(body.p, "Basic a2F0ZTpzQGNyZXQ=");
    assert_null(strstr(headers.p, "WWW-Authenticate"));
    snprintf(address, sizeof address, "http://kate:s%%40cret@127.0.0.1:%u/digest",
             ml_http_server_port(server));
    get(address);
    assert_int_equal(result.status, 200);
    assert_non_null(strstr(body.p, "Digest username=\"kate\""));
    get(at("/basic"));
    assert_int_equal(result.status, 401);
    assert_string_equal(body.p, "who are you?");
    close_both();
}

static void get_with(struct ml_http_jar *jar, const char *credentials, const char *path)
{
    struct ml_http_request request = {.method = "GET", .url = url, .jar = jar};

    snprintf(url, sizeof url, "http://%s127.0.0.1:%u%s", credentials, ml_http_server_port(server),
             path);
    arrived = 0;
    fetch(&request);
}

static void test_V5_a_jar_stays_logged_in(void **state)
{
    struct ml_http_jar *jar = ml_http_jar_new();

    (void)state;
    open_both(NULL, NULL);
    get_with(jar, "kate:secret@", "/basic");
    assert_int_equal(arrived, 2); /* asked without, then with */
    get_with(jar, "", "/basic");
    assert_int_equal(result.status, 200);
    assert_int_equal(arrived, 1);
    get_with(jar, "kate:other@", "/basic"); /* these are not the ones it knows */
    assert_int_equal(arrived, 2);
    get_with(jar, "kate:secret@", "/digest");
    get_with(jar, "", "/digest");
    assert_int_equal(result.status, 200);
    assert_non_null(strstr(body.p, "Digest username=\"kate\""));
    get_with(NULL, "", "/basic");
    assert_int_equal(result.status, 401);
    ml_http_jar_unref(jar);
    close_both();
}

static void test_V5_an_exchange_leaves_nothing_to_the_next(void **state)
{
    const char *const lines[] = {"X-Mine: 1"};
    struct ml_http_request request = {.method = "PUT",
                                      .url = url,
                                      .headers = lines,
                                      .header_count = 1,
                                      .body = ML_STR("secret"),
                                      .jar = ml_http_jar_new()};
    struct ml_http_request plain = {.method = "GET", .url = url};

    (void)state;
    open_both(NULL, NULL);
    at("/redirect");
    fetch(&request);
    ml_http_jar_unref(request.jar);
    for (int i = 0; i < 3; i++) {
        asked.n = 0;
        fetch(&plain);
        assert_memory_equal(asked.p, "GET /redirect\n", 14);
        assert_null(strstr(asked.p, "Cookie"));
        assert_null(strstr(asked.p, "X-Mine"));
        assert_null(strstr(asked.p, "Content-Length"));
    }
    asked.n = 0;
    get_with(NULL, "kate:secret@", "/basic");
    get_with(NULL, "", "/basic");
    assert_int_equal(result.status, 401);
    close_both();
}

static void test_refused_and_unreachable(void **state)
{
    struct listener listener;
    char address[64];

    (void)state;
    open_both(NULL, NULL);
    listener_open(&listener, NULL, false);
    snprintf(address, sizeof address, "http://127.0.0.1:%u/", listener.port);
    listener_close(&listener);
    get(address);
    assert_failure(ML_HTTP_CONNECT);
    assert_int_equal(result.status, 0);
    get("http://no-such-host.invalid/");
    assert_failure(ML_HTTP_RESOLVE);
    close_both();
}

static void test_V5_times(void **state)
{
    struct ml_http_request request = {.method = "GET", .timeout_ms = 80};
    int64_t begun = ml_clock_ms();

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/silent");
    fetch(&request);
    assert_failure(ML_HTTP_TIME);
    wait_for(&gone);
    request.timeout_ms = 5000;
    request.read_timeout_ms = 60;
    fetch(&request);
    assert_failure(ML_HTTP_TIME);
    assert_true(ml_clock_ms() - begun < 3000);
    close_both();
}

/* The backlog is full, so that the SYN of one more is not answered. */
static void test_V5_no_connection_in_time(void **state)
{
    struct ml_http_request request = {.method = "GET", .connect_timeout_ms = 80};
    struct sockaddr_in to = {.sin_family = AF_INET};
    socklen_t length = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
    char address[64];

    (void)state;
    open_both(NULL, NULL);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (void *)&to, sizeof to), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (void *)&to, &length), 0);
    for (size_t i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fill[i], (void *)&to, sizeof to);
    }
    snprintf(address, sizeof address, "http://127.0.0.1:%u/", ntohs(to.sin_port));
    request.url = address;
    fetch(&request);
    assert_failure(ML_HTTP_CONNECT_TIME);
    for (size_t i = 0; i < 4; i++)
        close(fill[i]);
    close(fd);
    close_both();
}

static void against(const char *reply, enum ml_http_failure failure)
{
    struct listener listener;
    char address[64];

    listener_open(&listener, reply, true);
    snprintf(address, sizeof address, "http://127.0.0.1:%u/", listener.port);
    get(address);
    assert_failure(failure);
    listener_close(&listener);
}

static void test_answers_that_are_not_http(void **state)
{
    struct ml_buf many = {0};

    (void)state;
    open_both(NULL, NULL);
    against("hello, this is no HTTP\r\n\r\n", ML_HTTP_PROTOCOL);
    against("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", ML_HTTP_PROTOCOL);
    against("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ML_HTTP_PROTOCOL);
    against("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk",
            ML_HTTP_PROTOCOL);
    against("", ML_HTTP_PROTOCOL);
    against("HTTP/1.1 200 OK\r\n\r\nuntil the end", ML_HTTP_OK);
    assert_string_equal(body.p, "until the end");
    ml_buf_str(&many, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 300; i++)
        ml_buf_str(&many, "X: y\r\n");
    ml_buf_str(&many, "\r\n");
    against(many.p, ML_HTTP_PROTOCOL);
    ml_buf_fini(&many);
    close_both();
}

static void make_gzip(char *path, const char *source)
{
    char line[256];

    strcpy(path, "/tmp/ml-gzip-XXXXXX");
    close(mkstemp(path));
    snprintf(line, sizeof line, "%s | gzip > %s", source, path);
    assert_int_equal(system(line), 0);
}

static void test_compression_and_bombs(void **state)
{
    struct ml_http_request request = {.method = "GET", .max_body = 1000};
    int64_t begun;

    (void)state;
    open_both(NULL, NULL);
    make_gzip(gzip_file, "printf packed");
    make_gzip(bomb_file, "head -c 50M /dev/zero");
    get(at("/gzip"));
    assert_failure(ML_HTTP_OK);
    assert_string_equal(body.p, "packed");
    begun = ml_clock_ms();
    get(at("/bomb"));
    assert_failure(ML_HTTP_TOO_BIG);
    assert_int_equal(body.n, 0);
    assert_true(ml_clock_ms() - begun < 2000);
    request.method = "POST";
    request.url = at("/echo");
    body.n = 0;
    for (int i = 0; i < 1001; i++)
        ml_buf_str(&body, "x");
    request.body = (struct ml_str){body.p, 1001};
    fetch(&request);
    assert_failure(ML_HTTP_TOO_BIG);
    assert_int_equal(result.status, 200);
    unlink(gzip_file);
    unlink(bomb_file);
    close_both();
}

static struct ml_buf pieces;

static void on_piece(struct ml_str bytes, void *user)
{
    (void)user;
    assert_false(done);
    ml_buf_add(&pieces, bytes.p, bytes.n);
}

/* In bursts, so that what is left of one is moved for the next. */
static void test_a_stream_in_pieces(void **state)
{
    enum { BURSTS = 200, LINES = 3000 };
    struct ml_http_request request = {
        .method = "GET", .piece = on_piece, .max_body = 10, .timeout_ms = 10000};
    size_t queued = 0;
    const char *at_line;
    char line[32];

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/stream");
    done = false;
    assert_int_equal(ml_http_fetch(client, &request, on_done, NULL, NULL), ML_OK);
    wait_for(&server_was_asked);
    ml_http_respond_begin(streaming, 200, NULL, 0);
    for (int burst = 0; burst < BURSTS; burst++) {
        for (int i = 0; i < LINES / BURSTS * 10; i++) {
            snprintf(line, sizeof line, "%08d\n", burst * (LINES / BURSTS * 10) + i);
            ml_http_respond_write(streaming, ml_str(line));
        }
        if (ml_http_respond_queued(streaming) > queued)
            queued = ml_http_respond_queued(streaming);
        if (burst % 3 == 0)
            run_for(1);
    }
    assert_true(queued >= 9 * LINES / BURSTS * 10);
    run_for(50);
    assert_int_equal(ml_http_respond_queued(streaming), 0);
    ml_http_respond_end(streaming);
    wait_for(&done);
    assert_failure(ML_HTTP_OK);
    assert_int_equal(body.n, 0);
    assert_int_equal(pieces.n, 9 * LINES * 10);
    at_line = pieces.p;
    for (int i = 0; i < LINES * 10; i++, at_line += 9)
        assert_int_equal(strtol(at_line, NULL, 10), i);
    ml_buf_fini(&pieces);
    /* What is no success is an answer like any other. */
    request.url = at("/redirect");
    request.max_body = 0;
    fetch(&request);
    assert_int_equal(result.status, 302);
    assert_int_equal(pieces.n, 0);
    close_both();
}

static void test_saving_to_a_file(void **state)
{
    struct ml_http_request request = {.method = "GET", .save_to = "/tmp/ml-http-saved"};
    char text[16] = "";
    FILE *file;

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/");
    fetch(&request);
    assert_failure(ML_HTTP_OK);
    assert_int_equal(body.n, 0);
    file = fopen(request.save_to, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text, file), 5);
    fclose(file);
    assert_string_equal(text, "hello");
    request.max_body = 3;
    fetch(&request);
    assert_failure(ML_HTTP_TOO_BIG);
    assert_int_equal(access(request.save_to, F_OK), request.max_body == 3 ? 0 : -1);
    unlink(request.save_to);
    request.max_body = 0;
    request.save_to = "/nowhere/at/all";
    fetch(&request);
    assert_failure(ML_HTTP_FILE);
    close_both();
}

static void denied(const char *const *deny, size_t n, const char *const *allow, size_t m,
                   const char *host, enum ml_http_failure failure)
{
    struct ml_http_client_options options = {
        .deny = deny, .deny_count = n, .allow = allow, .allow_count = m};
    char address[128];

    open_both(&options, NULL);
    snprintf(address, sizeof address, "http://%s:%u/", host, ml_http_server_port(server));
    get(address);
    assert_failure(failure);
    assert_int_equal(arrived, failure == ML_HTTP_OK);
    close_both();
}

static void test_V5_denied_addresses(void **state)
{
    static const char *const local[] = {"127.0.0.0/8", "0.0.0.0/8", "::1/128"};
    static const char *const one[] = {"127.0.0.1"}, *const odd[] = {"127.0.0.0/31"};
    static const char *const other[] = {"10.0.0.0/8", "127.0.0.2/32", "fe80::/10"};

    (void)state;
    denied(local, 3, NULL, 0, "127.0.0.1", ML_HTTP_DENIED);
    assert_non_null(strstr(result.text, "denied"));
    denied(local, 3, NULL, 0, "[::ffff:127.0.0.1]", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "[64:ff9b::127.0.0.1]", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "localhost", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "127.1", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "2130706433", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "0x7f.1", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "0.0.0.0", ML_HTTP_DENIED);
    denied(local, 3, NULL, 0, "[::]", ML_HTTP_DENIED);
    denied(local, 3, one, 1, "127.0.0.1", ML_HTTP_OK);
    denied(local, 3, one, 1, "127.0.0.2", ML_HTTP_DENIED);
    denied(odd, 1, NULL, 0, "127.0.0.1", ML_HTTP_DENIED);
    denied(other, 3, NULL, 0, "127.0.0.1", ML_HTTP_OK);
}

static void test_V5_rules_that_are_none(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8", "::/129", "host", "", "1.2.3.4/x"};
    struct ml_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ml_http_client_options options = {.deny = &bad[i], .deny_count = 1};

        assert_int_equal(ml_http_client_new(loop, &options, &client, &fault), ML_EINVAL);
    }
}

static void own(const char *listener, const char *host, enum ml_http_failure failure)
{
    static const char *const all[] = {"0.0.0.0/0", "::/0"};
    struct ml_http_client_options options = {.allow = all, .allow_count = 2};
    char address[128];

    open_both(&options, NULL);
    ml_http_client_refuse_own(client, listener, ml_http_server_port(server));
    snprintf(address, sizeof address, "http://%s:%u/", host, ml_http_server_port(server));
    get(address);
    assert_failure(failure);
    close_both();
}

static void test_V5_our_own_listeners(void **state)
{
    (void)state;
    own("127.0.0.1", "127.0.0.1", ML_HTTP_DENIED);
    own("127.0.0.1", "[::ffff:127.0.0.1]", ML_HTTP_DENIED);
    own("127.0.0.1", "0.0.0.0", ML_HTTP_DENIED);
    own("0.0.0.0", "127.0.0.1", ML_HTTP_DENIED);
    own("::", "127.0.0.9", ML_HTTP_DENIED);
    own("127.0.0.2", "127.0.0.1", ML_HTTP_OK);
}

static void test_the_resolve_table(void **state)
{
    const char *pairs[] = {"example.com", NULL, "other.example", "127.0.0.1"};
    struct ml_http_client_options options = {.resolve = pairs, .resolve_count = 2};
    char target[64], address[64];
    struct ml_fault fault;

    (void)state;
    open_both(NULL, NULL);
    ml_http_client_free(client);
    snprintf(target, sizeof target, "127.0.0.1:%u", ml_http_server_port(server));
    pairs[1] = target;
    assert_int_equal(ml_http_client_new(loop, &options, &client, &fault), ML_OK);
    get("http://example.com/x");
    assert_failure(ML_HTTP_OK);
    assert_non_null(strstr(asked.p, "Host: example.com\n"));
    snprintf(address, sizeof address, "http://Other.Example:%u/", ml_http_server_port(server));
    get(address);
    assert_failure(ML_HTTP_OK);
    close_both();
    pairs[1] = "nonsense";
    assert_int_equal(ml_http_client_new(loop, &options, &client, &fault), ML_EINVAL);
    assert_non_null(strstr(fault.text, "nonsense"));
}

static void must_not_come(const struct ml_http_response *response, void *user)
{
    (void)response;
    (void)user;
    fail_msg("told after the cancel");
}

static void test_cancelling(void **state)
{
    struct ml_http_request request = {.method = "GET"};
    struct ml_http_exchange *exchange;

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/silent");
    assert_int_equal(ml_http_fetch(client, &request, must_not_come, NULL, &exchange), ML_OK);
    ml_http_cancel(exchange);
    assert_int_equal(ml_http_fetch(client, &request, must_not_come, NULL, &exchange), ML_OK);
    assert_int_equal(ml_http_client_active(client), 1);
    wait_for(&server_was_asked);
    ml_http_cancel(exchange);
    wait_for(&gone);
    request.url = "http://no-such-host.invalid/";
    assert_int_equal(ml_http_fetch(client, &request, must_not_come, NULL, &exchange), ML_OK);
    ml_http_cancel(exchange);
    request.url = "nonsense";
    assert_int_equal(ml_http_fetch(client, &request, must_not_come, NULL, &exchange), ML_OK);
    ml_http_cancel(exchange);
    run_for(20);
    close_both();
}

static int many_done;
static bool all_done;

static void on_one_of_many(const struct ml_http_response *response, void *user)
{
    (void)user;
    assert_int_equal(response->status, 200);
    all_done = ++many_done == 200;
}

static void test_many_at_once(void **state)
{
    struct ml_http_request request = {.method = "GET"};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/");
    many_done = 0;
    all_done = false;
    for (int i = 0; i < 200; i++)
        assert_int_equal(ml_http_fetch(client, &request, on_one_of_many, NULL, NULL), ML_OK);
    wait_for(&all_done);
    close_both();
}

static void free_client(const struct ml_http_response *response, void *user)
{
    (void)response;
    (void)user;
    ml_http_client_free(client);
    client = NULL;
    done = true;
}

static void test_the_client_may_be_freed_when_told(void **state)
{
    struct ml_http_request request = {.method = "GET"};

    (void)state;
    open_both(NULL, NULL);
    request.url = at("/");
    done = false;
    ml_http_fetch(client, &request, free_client, NULL, NULL);
    request.url = at("/silent");
    ml_http_fetch(client, &request, must_not_come, NULL, NULL);
    wait_for(&done);
    ml_http_server_free(server);
    ml_buf_fini(&asked);
}

/* ---- TLS ---- */

static char folder[64];

static void make_certificates(void)
{
    char line[1024];

    strcpy(folder, "/tmp/ml-tls-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(
        line, sizeof line,
        "cd %s && exec 2>/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key "
        "-out ca.pem -subj /CN=test-ca -days 2 && openssl req -newkey rsa:2048 -nodes -keyout "
        "key.pem -out csr.pem -subj /CN=good.example && printf "
        "'subjectAltName=DNS:good.example' > ext && openssl x509 -req -in csr.pem -CA ca.pem "
        "-CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem && openssl x509 -req -in "
        "csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile ext -out old.pem",
        folder);
    assert_int_equal(system(line), 0);
}

static void tls(const char *file, const char *name, bool trusted, bool no_sni,
                enum ml_http_failure failure)
{
    char certificate[128], key[128], ca[128], target[64], address[64];
    const char *pairs[] = {name, target};
    struct ml_http_server_options at_tls = {.certificate_file = certificate, .key_file = key};
    struct ml_http_client_options options = {
        .resolve = pairs, .resolve_count = 1, .ca_file = trusted ? ca : NULL};
    struct ml_http_request request = {.method = "GET", .url = address, .no_sni = no_sni};
    struct ml_fault fault;

    snprintf(certificate, sizeof certificate, "%s/%s", folder, file);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    open_both(NULL, &at_tls);
    ml_http_client_free(client);
    snprintf(target, sizeof target, "127.0.0.1:%u", ml_http_server_port(server));
    assert_int_equal(ml_http_client_new(loop, &options, &client, &fault), ML_OK);
    snprintf(address, sizeof address, "https://%s/", name);
    fetch(&request);
    assert_failure(failure);
    if (failure == ML_HTTP_OK)
        assert_string_equal(body.p, "hello");
    close_both();
}

static void test_V5_tls(void **state)
{
    char address[64], line[128];

    (void)state;
    make_certificates();
    tls("cert.pem", "good.example", true, false, ML_HTTP_OK);
    tls("cert.pem", "good.example", true, true, ML_HTTP_OK);
    tls("cert.pem", "good.example", false, false, ML_HTTP_CERTIFICATE);
    tls("cert.pem", "wrong.example", true, false, ML_HTTP_WRONG_NAME);
    tls("old.pem", "good.example", true, false, ML_HTTP_EXPIRED);
    open_both(NULL, NULL);
    snprintf(address, sizeof address, "https://127.0.0.1:%u/", ml_http_server_port(server));
    get(address);
    assert_failure(ML_HTTP_TLS);
    close_both();
    snprintf(line, sizeof line, "rm -r %s", folder);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_post),
        TEST(test_misuse_is_refused_at_once),
        TEST(test_V5_urls_that_are_none),
        TEST(test_V5_redirects_are_not_followed),
        TEST(test_V5_cookies_belong_to_a_jar),
        TEST(test_V5_an_exchange_leaves_nothing_to_the_next),
        TEST(test_V5_credentials_wait_for_the_question),
        TEST(test_V5_a_jar_stays_logged_in),
        TEST(test_refused_and_unreachable),
        TEST(test_V5_times),
        TEST(test_V5_no_connection_in_time),
        TEST(test_answers_that_are_not_http),
        TEST(test_compression_and_bombs),
        TEST(test_a_stream_in_pieces),
        TEST(test_saving_to_a_file),
        TEST(test_V5_denied_addresses),
        TEST(test_V5_rules_that_are_none),
        TEST(test_V5_our_own_listeners),
        TEST(test_the_resolve_table),
        TEST(test_cancelling),
        TEST(test_many_at_once),
        TEST(test_the_client_may_be_freed_when_told),
        TEST(test_V5_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
