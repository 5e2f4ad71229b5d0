/* SIP over TLS: two agents in one process, and peers made of bare OpenSSL that do it right and
 * wrong. Certificates are made on the way. Virtual time. */
#include "sip_help.h"

#include "cert_help.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static struct cert ca, other_ca, good, elsewhere, expired, self_signed, foreign;
static struct box caller, callee;
static struct side side, second;

static int make_certificates(void **state)
{
    (void)state;
    certs_open();
    cert_make(&ca, "ca", NULL, 100, NULL);
    cert_make(&other_ca, "other-ca", NULL, 100, NULL);
    cert_make(&good, "good", "DNS:a.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1", 100, &ca);
    cert_make(&elsewhere, "elsewhere", "DNS:elsewhere.example,IP:127.0.0.9", 100, &ca);
    cert_make(&expired, "expired", "DNS:a.example,IP:127.0.0.1", -1, &ca);
    cert_make(&self_signed, "self", "DNS:a.example,IP:127.0.0.1", 100, NULL);
    cert_make(&foreign, "foreign", "DNS:a.example,IP:127.0.0.1", 100, &other_ca);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    cert_free(&ca);
    cert_free(&other_ca);
    cert_free(&good);
    cert_free(&elsewhere);
    cert_free(&expired);
    cert_free(&self_signed);
    cert_free(&foreign);
    certs_close();
    return 0;
}

/* ---- two agents ---- */

static const char *pairs[12];
static char where[32];

/* All names used here are at that port of loopback. */
static void open_caller(uint16_t port, bool no_verify)
{
    static const char *const names[] = {"a.example", "b.example", "x.wild.example", "c.a.example",
                                        "elsewhere.example"};
    struct ml_resolver_options table = {.resolve = pairs, .resolve_count = 5};
    struct ml_agent_options options = {.tls = {.ca_file = ca.file, .no_verify = no_verify}};
    struct ml_fault fault;

    snprintf(where, sizeof where, "127.0.0.1:%u", port);
    for (int i = 0; i < 5; i++) {
        pairs[2 * i] = names[i];
        pairs[2 * i + 1] = where;
    }
    assert_int_equal(ml_resolver_new(loop, &table, &options.resolver, &fault), 0);
    box_open_with(&caller, &options);
    caller.resolver = options.resolver;
    side = second = (struct side){0};
}

static void open_callee_at(const struct cert *cert, const char *address)
{
    const char *const listen[] = {address};
    struct ml_agent_options options = {
        .listen = listen,
        .listen_count = 1,
        .tls = {.certificate_file = cert->file, .key_file = cert->key_file}};

    box_open_with(&callee, &options);
}

static void begin(const struct cert *cert)
{
    open_callee_at(cert, "tls:127.0.0.1:0");
    open_caller(callee.port, false);
}

static void drop(struct side *one)
{
    if (one->leg)
        side_drop(one);
}

static void end(void)
{
    drop(&side);
    drop(&second);
    box_close(&caller);
    if (callee.agent)
        box_close(&callee);
    callee = (struct box){0};
    run_for(70000);
}

static void dial(struct side *to, const char *uri)
{
    box_dial(&caller, to, uri);
}

/* Dials, and the callee answers. */
static struct side *connect_to(struct side *to, const char *uri)
{
    struct side *there;

    dial(to, uri);
    there = box_call(&callee);
    assert_int_equal(ml_leg_answer(there->leg, NULL, 0), 0);
    side_expect(to, "answered 200");
    side_expect(there, "confirmed");
    return there;
}

static uint16_t source_port(const struct side *there)
{
    struct ml_leg_info info;

    ml_leg_info(there->leg, &info);
    assert_string_equal(info.transport, "tls");
    return info.source_port;
}

static void fails_with_tls(const char *uri, const char *why)
{
    int64_t begun = ml_clock_ms();

    dial(&side, uri);
    side_expect(&side, "failed");
    assert_non_null(strstr(side.log, "failed 0 tls"));
    if (!strstr(side.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, side.text);
    assert_in_range(ml_clock_ms() - begun, 0, 1000);
    assert_false(callee.came);
}

static void a_call_over_tls(void **state)
{
    struct side *there;
    char uri[64];

    (void)state;
    begin(&good);
    snprintf(uri, sizeof uri, "sip:bob@127.0.0.1:%u;transport=tls", callee.port);
    there = connect_to(&side, uri);
    assert_true(source_port(there) != 0);
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "ended 200 local");
    side_expect(there, "ended 0 peer");
    end();
}

static void S5_sips_is_tls(void **state)
{
    struct side *there;

    (void)state;
    begin(&good);
    there = connect_to(&side, "sips:bob@a.example");
    assert_true(source_port(there) != 0);
    ml_leg_hangup(there->leg, NULL, 0); /* the same connection, the other way */
    side_expect(&side, "ended 0 peer");
    side_expect(there, "ended 200 local");
    end();
}

static void a_call_over_tls_and_ipv6(void **state)
{
    static const char *const listen[] = {"udp:[::1]:0"};
    struct ml_agent_options options = {
        .listen = listen, .listen_count = 1, .tls = {.ca_file = ca.file}};
    struct side *there;
    char uri[64];

    (void)state;
    open_callee_at(&good, "tls:[::1]:0");
    box_open_with(&caller, &options);
    side = second = (struct side){0};
    snprintf(uri, sizeof uri, "sip:bob@[::1]:%u;transport=tls", callee.port);
    there = connect_to(&side, uri);
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "ended 200 local");
    side_expect(there, "ended 0 peer");
    end();
}

static void a_wildcard_stands_for_one_label(void **state)
{
    (void)state;
    begin(&good);
    connect_to(&side, "sip:bob@x.wild.example;transport=tls");
    drop(&side);
    fails_with_tls("sip:bob@c.a.example;transport=tls", "another name");
    end();
}

static void a_quiet_call_can_be_ended_after_minutes(void **state)
{
    struct side *there;

    (void)state;
    begin(&good);
    there = connect_to(&side, "sips:bob@a.example");
    run_for(300000);
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "ended 200 local");
    side_expect(there, "ended 0 peer");
    there = connect_to(&second, "sips:bob@a.example");
    run_for(300000);
    ml_leg_hangup(there->leg, NULL, 0);
    side_expect(there, "ended 200 local");
    side_expect(&second, "ended 0 peer");
    end();
}

/* ---- whom we trust ---- */

static void S13_a_certificate_for_another_name_fails_at_once(void **state)
{
    (void)state;
    begin(&elsewhere);
    fails_with_tls("sip:bob@a.example;transport=tls", "its certificate is for another name");
    assert_non_null(strstr(side.text, "a.example"));
    end();
}

static void S13_a_certificate_for_another_address_fails_at_once(void **state)
{
    char uri[64];

    (void)state;
    begin(&elsewhere);
    snprintf(uri, sizeof uri, "sips:bob@127.0.0.1:%u", callee.port);
    fails_with_tls(uri, "its certificate is for another name");
    end();
}

static void S13_an_authority_we_do_not_know_fails_at_once(void **state)
{
    (void)state;
    begin(&foreign);
    fails_with_tls("sips:bob@a.example", "certificate");
    end();
}

static void S13_a_certificate_of_its_own_fails_at_once(void **state)
{
    (void)state;
    begin(&self_signed);
    fails_with_tls("sips:bob@a.example", "self");
    end();
}

static void S13_an_expired_certificate_fails_at_once(void **state)
{
    (void)state;
    begin(&expired);
    fails_with_tls("sips:bob@a.example", "expired");
    end();
}

static void no_verify_takes_any_certificate(void **state)
{
    (void)state;
    open_callee_at(&foreign, "tls:127.0.0.1:0");
    open_caller(callee.port, true);
    connect_to(&side, "sips:bob@b.example");
    end();
}

static void a_cancelled_handshake_harms_nobody(void **state)
{
    (void)state;
    begin(&elsewhere);
    dial(&side, "sips:bob@a.example");
    run_for(1);
    drop(&side);
    dial(&side, "sips:bob@a.example");
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "failed");
    end();
}

/* ---- one connection, one name ---- */

static void a_connection_is_shared_by_calls_to_one_name(void **state)
{
    struct side *there, *too;

    (void)state;
    begin(&good);
    there = connect_to(&side, "sips:bob@a.example");
    too = connect_to(&second, "sips:kate@A.example");
    assert_int_equal(source_port(there), source_port(too));
    end();
}

static void S5_a_connection_is_not_used_for_another_name(void **state)
{
    struct side third = {0}, *there, *too;
    uint16_t first;

    (void)state;
    begin(&good);
    there = connect_to(&side, "sips:bob@a.example");
    first = source_port(there);
    dial(&second, "sips:bob@b.example"); /* the same address; its certificate does not say b */
    side_expect(&second, "failed 0 tls");
    assert_int_equal(callee.in_count, 1);
    drop(&second);
    too = connect_to(&second, "sips:bob@x.wild.example");
    assert_int_not_equal(source_port(too), first);
    too = connect_to(&third, "sips:bob@a.example"); /* back to the first name: its connection */
    assert_int_equal(source_port(too), first);
    ml_leg_hangup(side.leg, NULL, 0);
    side_expect(&side, "ended 200 local");
    side_expect(there, "ended 0 peer");
    ml_leg_hangup(second.leg, NULL, 0);
    side_expect(&second, "ended 200 local");
    drop(&third);
    end();
}

static void two_names_dialled_at_the_same_time(void **state)
{
    struct side *there, *too;

    (void)state;
    begin(&good);
    dial(&side, "sips:bob@b.example");
    dial(&second, "sips:kate@a.example");
    side_expect(&side, "failed 0 tls");
    there = box_call(&callee);
    too = there;
    assert_int_equal(ml_leg_answer(too->leg, NULL, 0), 0);
    side_expect(&second, "answered 200");
    assert_int_equal(callee.in_count, 1);
    end();
}

static void calls_that_wait_for_one_handshake_fail_together(void **state)
{
    (void)state;
    begin(&elsewhere);
    dial(&side, "sips:bob@a.example");
    dial(&second, "sips:kate@a.example");
    side_expect(&side, "failed 0 tls");
    side_expect(&second, "failed 0 tls");
    assert_false(callee.came);
    end();
}

/* ---- bare peers ---- */

/* An OpenSSL server on one accepted connection. */
struct ssl_peer {
    struct listener listener;
    SSL_CTX *context;
    SSL *ssl[4];
    char names[4][64]; /* SNI, "" for none */
    char got[8192];
    size_t n;
    bool more;
};

static int on_name(SSL *ssl, int *alert, void *user)
{
    struct ssl_peer *peer = user;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    for (int i = 0; i < 4; i++)
        if (peer->ssl[i] == ssl)
            snprintf(peer->names[i], sizeof peer->names[i], "%s", name ? name : "");
    return SSL_TLSEXT_ERR_OK;
}

static void on_ssl_peer(int fd, int events, void *user)
{
    struct ssl_peer *peer = user;

    (void)events;
    for (size_t i = 0; i < peer->listener.count; i++) {
        int n;

        if (peer->listener.peers[i].fd != fd || !peer->ssl[i])
            continue;
        while ((n = SSL_read(peer->ssl[i], peer->got + peer->n,
                             (int)(sizeof peer->got - peer->n - 1))) > 0)
            peer->n += (size_t)n;
        peer->got[peer->n] = '\0';
        peer->more = true;
        if (SSL_get_error(peer->ssl[i], n) != SSL_ERROR_WANT_READ)
            ml_io_set(peer->listener.peers[i].io, 0);
    }
}

static void on_ssl_listener(int fd, int events, void *user)
{
    struct ssl_peer *peer = user;
    struct listener *listener = &peer->listener;
    int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    size_t i = listener->count;
    int on = 1;

    (void)events;
    assert_true(one >= 0 && i < 4);
    setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* virtual time waits for nobody */
    listener->peers[i] = (struct peer){.fd = one};
    listener->peers[i].io = ml_io_new(loop, one, ML_READ, on_ssl_peer, peer);
    peer->ssl[i] = SSL_new(peer->context);
    SSL_set_fd(peer->ssl[i], one);
    SSL_set_accept_state(peer->ssl[i]);
    listener->count++;
}

static void ssl_peer_open(struct ssl_peer *peer, const struct cert *cert)
{
    memset(peer, 0, sizeof *peer);
    listener_open(&peer->listener, NULL, false);
    ml_io_free(peer->listener.io);
    peer->listener.io = ml_io_new(loop, peer->listener.fd, ML_READ, on_ssl_listener, peer);
    peer->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_file(peer->context, cert->file, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(peer->context, cert->key_file, SSL_FILETYPE_PEM),
                     1);
    SSL_CTX_set_tlsext_servername_callback(peer->context, on_name);
    SSL_CTX_set_tlsext_servername_arg(peer->context, peer);
}

static void ssl_peer_close(struct ssl_peer *peer)
{
    for (int i = 0; i < 4; i++)
        SSL_free(peer->ssl[i]);
    SSL_CTX_free(peer->context);
    listener_close(&peer->listener);
}

/* Waits until the text came, and forgets what came so far; the message is in peer->got. */
static const char *ssl_expect(struct ssl_peer *peer, const char *text)
{
    int64_t until = ml_clock_ms() + 10000;

    while (!strstr(peer->got, text) && ml_clock_ms() < until) {
        peer->more = false;
        wait_for_ms(&peer->more, 1000);
    }
    if (!strstr(peer->got, text))
        fail_msg("wanted \"%s\", got \"%s\"", text, peer->got);
    peer->n = 0;
    return peer->got;
}

static void ssl_reply(struct ssl_peer *peer, size_t i, const char *request, const char *status)
{
    static const char *const copied[] = {"Via: ", "From: ", "Call-ID: ", "CSeq: ", "To: "};
    struct ml_buf text = {0};
    const char *line = strstr(request, "\r\n") + 2;

    ml_buf_printf(&text, "SIP/2.0 %s\r\n", status);
    for (; strncmp(line, "\r\n", 2) != 0; line = strstr(line, "\r\n") + 2)
        for (int k = 0; k < 5; k++)
            if (strncasecmp(line, copied[k], strlen(copied[k])) == 0)
                ml_buf_printf(&text, "%.*s%s\r\n", (int)strcspn(line, "\r"), line,
                              k == 4 && !strstr(tag_of(request, "To"), "b1") ? ";tag=b1" : "");
    ml_buf_printf(&text,
                  "Contact: <sip:bob@127.0.0.1:%u;transport=tls>\r\n" SDP_TYPE
                  "Content-Length: %zu\r\n\r\n" SDP_B,
                  peer->listener.port, strlen(SDP_B));
    assert_int_equal(SSL_write(peer->ssl[i], text.p, (int)text.n), (int)text.n);
    ml_buf_fini(&text);
}

static void names_go_into_the_handshake(void **state)
{
    struct ssl_peer peer;
    char uri[64];

    (void)state;
    ssl_peer_open(&peer, &good);
    open_caller(peer.listener.port, false);
    dial(&side, "sip:bob@a.example;transport=tls");
    ssl_expect(&peer, "INVITE sip:bob@a.example;transport=tls SIP/2.0");
    assert_string_equal(peer.names[0], "a.example");
    snprintf(uri, sizeof uri, "sip:bob@127.0.0.1:%u;transport=tls", peer.listener.port);
    dial(&second, uri);
    ssl_expect(&peer, "INVITE sip:bob@127.0.0.1");
    assert_int_equal(peer.listener.count, 2);
    assert_string_equal(peer.names[1], "");
    assert_int_equal(SSL_version(peer.ssl[0]), TLS1_3_VERSION);
    end();
    ssl_peer_close(&peer);
}

static void a_connection_that_was_lost_is_made_again_for_the_same_name(void **state)
{
    struct ssl_peer peer;
    char *invite;

    (void)state;
    ssl_peer_open(&peer, &good);
    open_caller(peer.listener.port, false);
    dial(&side, "sips:bob@a.example");
    invite = ml_strdup(ssl_expect(&peer, "INVITE "));
    ssl_reply(&peer, 0, invite, "200 OK");
    side_expect(&side, "answered 200");
    ssl_expect(&peer, "ACK ");
    shutdown(peer.listener.peers[0].fd, SHUT_RDWR);
    run_for(100);
    assert_int_equal(ml_leg_state(side.leg), ML_LEG_UP);
    ml_leg_hangup(side.leg, NULL, 0);
    ssl_expect(&peer, "BYE ");
    assert_int_equal(peer.listener.count, 2);
    assert_string_equal(peer.names[1], "a.example");
    ssl_reply(&peer, 1, peer.got, "200 OK");
    side_expect(&side, "ended 200 local");
    ml_free(invite);
    end();
    ssl_peer_close(&peer);
}

static void old_versions_are_refused(void **state)
{
    struct ssl_peer peer;

    (void)state;
    ssl_peer_open(&peer, &good);
    SSL_CTX_set_security_level(peer.context, 0);
    SSL_CTX_set_min_proto_version(peer.context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(peer.context, TLS1_1_VERSION);
    open_caller(peer.listener.port, false);
    fails_with_tls("sips:bob@a.example", "TLS with a.example");
    end();
    ssl_peer_close(&peer);
}

static void S13_what_does_not_speak_tls_fails_at_once(void **state)
{
    static struct listener plain;

    (void)state;
    listener_open(&plain, "SIP/2.0 400 Bad Request\r\n\r\n", false);
    open_caller(plain.port, false);
    fails_with_tls("sips:bob@a.example", "does not speak TLS");
    end();
    listener_close(&plain);
}

static void S13_a_closed_handshake_fails_at_once(void **state)
{
    static struct listener plain;

    (void)state;
    listener_open(&plain, "", true);
    open_caller(plain.port, false);
    fails_with_tls("sips:bob@a.example", "closed during the handshake");
    end();
    listener_close(&plain);
}

static void S13_a_refused_connection_fails_at_once(void **state)
{
    int64_t begun = ml_clock_ms();

    (void)state;
    open_caller(1, false);
    dial(&side, "sips:bob@a.example");
    side_expect(&side, "failed 0 network");
    assert_in_range(ml_clock_ms() - begun, 0, 1000);
    end();
}

/* ---- listeners ---- */

static void refused(const char *certificate, const char *key, const char *ca_file, const char *text)
{
    static const char *const listen[] = {"tls:127.0.0.1:0"};
    struct ml_agent_options options = {
        .listen = listen,
        .listen_count = 1,
        .tls = {.certificate_file = certificate, .key_file = key, .ca_file = ca_file}};
    struct ml_agent *agent = NULL;
    struct ml_fault fault = {0};

    assert_int_not_equal(ml_agent_new(loop, &options, &box_handlers, NULL, &agent, &fault), 0);
    assert_null(agent);
    if (!strstr(fault.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, fault.text);
}

static void a_listener_needs_a_good_certificate_and_key(void **state)
{
    char junk[128], locked[128];
    FILE *file;

    (void)state;
    certs_write(junk, "junk", "this is no certificate\n");
    certs_write(locked, "locked", "");
    file = fopen(locked, "w");
    PEM_write_PrivateKey(file, good.key, EVP_aes_128_cbc(), (const unsigned char *)"pass", 4, NULL,
                         NULL);
    fclose(file);
    refused(NULL, NULL, NULL, "sip.tls.certificate");
    refused("/nowhere/cert.pem", good.key_file, NULL, "/nowhere/cert.pem: ");
    refused("/nowhere/cert.pem", good.key_file, NULL, "No such file");
    refused(good.file, "/nowhere/key.pem", NULL, "/nowhere/key.pem: ");
    refused(junk, good.key_file, NULL, junk);
    refused(good.file, junk, NULL, junk);
    refused(good.file, locked, NULL, locked);
    refused(good.file, elsewhere.key_file, NULL, "does not belong to the certificate");
    refused(good.file, NULL, NULL, good.file); /* one file with both, but it has no key */
    refused(good.file, good.key_file, "/nowhere/ca.pem", "/nowhere/ca.pem: ");
    refused(good.file, good.key_file, junk, junk);
}

static void certificate_and_key_may_share_a_file(void **state)
{
    struct cert both = good;
    FILE *file;

    (void)state;
    snprintf(both.file, sizeof both.file, "%s/both.pem", certs_folder);
    file = fopen(both.file, "w");
    PEM_write_X509(file, good.x509);
    PEM_write_PrivateKey(file, good.key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    snprintf(both.key_file, sizeof both.key_file, "%s", both.file);
    begin(&both);
    connect_to(&side, "sips:bob@a.example");
    end();
}

/* An OpenSSL client of our listener; the highest version it speaks. */
static int handshake_with(uint16_t port, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result = 0;
    SSL *ssl;

    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version);
    ssl = SSL_new(context);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (void *)&to, sizeof to), 0);
    SSL_set_fd(ssl, fd);
    assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
    for (int i = 0; i < 50 && result != 1; i++) {
        result = SSL_connect(ssl);
        if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ)
            break;
        run_for(10);
    }
    version = result == 1 ? SSL_version(ssl) : 0;
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return version;
}

static void SIP_12_callers_with_old_versions_are_refused(void **state)
{
    (void)state;
    begin(&good);
    assert_int_equal(handshake_with(callee.port, TLS1_1_VERSION), 0);
    assert_int_equal(handshake_with(callee.port, TLS1_2_VERSION), TLS1_2_VERSION);
    assert_int_equal(handshake_with(callee.port, TLS1_3_VERSION), TLS1_3_VERSION);
    end();
}

static void SIP_12_a_caller_that_says_nothing_is_closed_in_five_seconds(void **state)
{
    struct peer silent, half;
    int64_t begun = ml_clock_ms();

    (void)state;
    begin(&good);
    peer_connect(&silent, callee.port);
    peer_connect(&half, callee.port);
    assert_int_equal(send(half.fd, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
    wait_for_ms(&silent.closed, 10000);
    wait_for_ms(&half.closed, 10000);
    assert_true(silent.closed && half.closed);
    assert_in_range(ml_clock_ms() - begun, 4000, 6000);
    peer_close(&silent);
    peer_close(&half);
    end();
}

static void SIP_12_garbage_is_closed_at_once(void **state)
{
    struct peer rude;
    int64_t begun = ml_clock_ms();

    (void)state;
    begin(&good);
    peer_connect(&rude, callee.port);
    peer_send(&rude, "OPTIONS sip:moon@127.0.0.1 SIP/2.0\r\n\r\n");
    wait_for_ms(&rude.closed, 10000);
    assert_true(rude.closed);
    assert_in_range(ml_clock_ms() - begun, 0, 1000);
    peer_close(&rude);
    connect_to(&side, "sips:bob@a.example"); /* and all is well */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_over_tls),
        TEST(S5_sips_is_tls),
        TEST(a_call_over_tls_and_ipv6),
        TEST(a_wildcard_stands_for_one_label),
        TEST(a_quiet_call_can_be_ended_after_minutes),
        TEST(S13_a_certificate_for_another_name_fails_at_once),
        TEST(S13_a_certificate_for_another_address_fails_at_once),
        TEST(S13_an_authority_we_do_not_know_fails_at_once),
        TEST(S13_a_certificate_of_its_own_fails_at_once),
        TEST(S13_an_expired_certificate_fails_at_once),
        TEST(no_verify_takes_any_certificate),
        TEST(a_cancelled_handshake_harms_nobody),
        TEST(a_connection_is_shared_by_calls_to_one_name),
        TEST(S5_a_connection_is_not_used_for_another_name),
        TEST(two_names_dialled_at_the_same_time),
        TEST(calls_that_wait_for_one_handshake_fail_together),
        TEST(names_go_into_the_handshake),
        TEST(a_connection_that_was_lost_is_made_again_for_the_same_name),
        TEST(old_versions_are_refused),
        TEST(S13_what_does_not_speak_tls_fails_at_once),
        TEST(S13_a_closed_handshake_fails_at_once),
        TEST(S13_a_refused_connection_fails_at_once),
        TEST(a_listener_needs_a_good_certificate_and_key),
        TEST(certificate_and_key_may_share_a_file),
        TEST(SIP_12_callers_with_old_versions_are_refused),
        TEST(SIP_12_a_caller_that_says_nothing_is_closed_in_five_seconds),
        TEST(SIP_12_garbage_is_closed_at_once),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
