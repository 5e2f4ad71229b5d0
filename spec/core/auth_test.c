/* Digest, both sides: the example values of RFC 2617 and RFC 7616, our client against our server,
 * and what neither must fall for. Virtual time. */
#include "net_help.h"

#include <ctype.h>

#include <openssl/evp.h>

#include "core/sip/auth.h"
#include "core/sip/auth_params.h"

static int lookups;

static const char *password_of(const char *name, void *user)
{
    lookups++;
    (void)user;
    return strcmp(name, "Mufasa") == 0    ? "Circle of Life"
           : strcmp(name, "alice") == 0   ? "secret"
           : strcmp(name, "a\"b\\c") == 0 ? "qu\"ote"
           : strcmp(name, "nothing") == 0 ? ""
                                          : NULL;
}

static enum ml_auth_result verify_at(const char *authorization, const char *method,
                                     const char *source, char *name)
{
    char unused[64];

    return ml_auth_verify(authorization, method, "moonline", source, password_of, NULL,
                          name ? name : unused, 64);
}

static enum ml_auth_result verify(const char *authorization)
{
    return verify_at(authorization, "INVITE", "10.0.0.1", NULL);
}

static char *challenge(const char *algorithm)
{
    return ml_auth_challenge("moonline", "10.0.0.1", false, algorithm);
}

/* Our client's answer, freed by the caller. */
static char *answer(const char *to, const char *name, const char *password)
{
    char *text = NULL;
    int status =
        ml_auth_answer(to, 1, "INVITE", "sip:moon@127.0.0.1", ml_str("v=0"), name, password, &text);

    if (status != 0)
        fail_msg("%s: %d", to, status);
    return text;
}

/* The text with the first `from` replaced; in place of the old one. */
static char *with(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from), *changed;

    assert_non_null(at);
    changed = ml_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    ml_free(text);
    return changed;
}

static char *param_of(const char *text, const char *name)
{
    struct ml_auth_params params;
    char *value;

    assert_int_equal(ml_auth_params_init(&params, ml_str(text)), 0);
    value = ml_strdup(ml_auth_param(&params, name));
    ml_auth_params_fini(&params);
    return value;
}

static void hex_of(const EVP_MD *md, const char *text, char *hex)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n;

    assert_int_equal(EVP_Digest(text, strlen(text), bytes, &n, md, NULL), 1);
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

/* ---- values of the RFCs ---- */

/* A right answer to a nonce that is not ours is "stale", a wrong one is "wrong": so the examples of
 * the RFCs can be judged by the server's side. */
static enum ml_auth_result judge(const char *realm, const char *rest)
{
    char *text = ml_format("Digest username=\"Mufasa\", realm=\"%s\", uri=\"/dir/index.html\", %s",
                           realm, rest);
    char name[32];
    enum ml_auth_result result =
        ml_auth_verify(text, "GET", realm, "10.0.0.1", password_of, NULL, name, sizeof name);

    ml_free(text);
    return result;
}

#define NONCE_7616                                                                                 \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "                        \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "

static void values_of_the_rfcs(void **state)
{
    (void)state;
    assert_int_equal(judge("http-auth@example.org",
                           NONCE_7616 "response=\"8ca523f5e9506fed4657c9700eebdbec\", "
                                      "algorithm=MD5, opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtz"
                                      "CUYo5tdS\""),
                     ML_AUTH_STALE);
    assert_int_equal(judge("http-auth@example.org",
                           NONCE_7616 "response=\"753927fa0e85d155564e2e272a28d1802ca10daf449679469"
                                      "7cf8db5856cb6c1\", algorithm=SHA-256"),
                     ML_AUTH_STALE);
    assert_int_equal(
        judge("http-auth@example.org", NONCE_7616 "response=\"8CA523F5E9506FED4657C9700EEBDBEC\""),
        ML_AUTH_STALE);
    assert_int_equal(
        judge("http-auth@example.org", NONCE_7616 "response=\"8ca523f5e9506fed4657c9700eebdbed\""),
        ML_AUTH_WRONG);
}

static void the_value_of_rfc_2617(void **state)
{
    char *text = ml_strdup("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                           "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                           "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""),
         *given = NULL, name[32];

    (void)state;
    /* "Circle Of Life": another password than the one of RFC 7616 */
    assert_int_equal(
        ml_auth_verify("Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                       "qop=auth, nc=00000001, cnonce=\"0a4f113b\", "
                       "response=\"6629fae49393a05397450978507c4ef1\"",
                       "GET", "testrealm@host.com", "::1", password_of, NULL, name, sizeof name),
        ML_AUTH_WRONG);
    assert_int_equal(ml_auth_answer(text, 1, "GET", "/dir/index.html", ml_str(""), "Mufasa",
                                    "Circle Of Life", &given),
                     0);
    {
        char *cnonce = param_of(given, "cnonce"), *response = param_of(given, "response"), hex[65];
        char *whole =
            ml_format("939e7578ed9e3c518a452acee763bce9:dcd98b7102dd2f0e8b11d0f600bfb0c093:"
                      "00000001:%s:auth:39aff3a2bab6126f332b942af96d3366",
                      cnonce);

        hex_of(EVP_md5(), whole, hex);
        assert_string_equal(response, hex);
        ml_free(cnonce);
        ml_free(response);
        ml_free(whole);
    }
    ml_free(given);
    ml_free(text);
}

/* ---- the client ---- */

static void without_qop_the_answer_is_that_of_old_servers(void **state)
{
    char *text = NULL, *response;

    (void)state;
    assert_int_equal(ml_auth_answer("Digest realm=\"testrealm@host.com\", "
                                    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                                    1, "GET", "/dir/index.html", ml_str(""), "Mufasa",
                                    "CircleOfLife", &text),
                     0);
    response = param_of(text, "response");
    assert_string_equal(response, "1949323746fe6a43ef61f9606e7febea");
    assert_null(strstr(text, "qop"));
    assert_null(strstr(text, "nc="));
    assert_null(strstr(text, "cnonce"));
    assert_null(strstr(text, "algorithm"));
    ml_free(response);
    ml_free(text);
}

static void the_answer_repeats_what_was_asked(void **state)
{
    char *text = answer("Digest realm=\"a \\\"b\\\" c\", nonce=\"n\", opaque=\"o\\\\p\", qop=auth, "
                        "algorithm=SHA-256",
                        "al\"ice", "x");

    (void)state;
    assert_int_equal(strncmp(text, "Digest ", 7), 0);
    assert_non_null(strstr(text, "username=\"al\\\"ice\""));
    assert_non_null(strstr(text, "realm=\"a \\\"b\\\" c\""));
    assert_non_null(strstr(text, "nonce=\"n\""));
    assert_non_null(strstr(text, "opaque=\"o\\\\p\""));
    assert_non_null(strstr(text, "uri=\"sip:moon@127.0.0.1\""));
    assert_non_null(strstr(text, "algorithm=SHA-256"));
    assert_non_null(strstr(text, "qop=auth,"));
    assert_non_null(strstr(text, "nc=00000001"));
    ml_free(text);
}

static void auth_int_covers_the_body(void **state)
{
    char *text = answer("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", "u", "p"), hex[65];
    char *cnonce = param_of(text, "cnonce"), *response = param_of(text, "response"), *part;
    char ha1[65], ha2[65];

    (void)state;
    hex_of(EVP_md5(), "u:r:p", ha1);
    hex_of(EVP_md5(), "v=0", hex);
    part = ml_format("INVITE:sip:moon@127.0.0.1:%s", hex);
    hex_of(EVP_md5(), part, ha2);
    ml_free(part);
    part = ml_format("%s:n:00000001:%s:auth-int:%s", ha1, cnonce, ha2);
    hex_of(EVP_md5(), part, hex);
    assert_string_equal(response, hex);
    assert_non_null(strstr(text, "qop=auth-int"));
    ml_free(part);
    ml_free(cnonce);
    ml_free(response);
    ml_free(text);
}

static void lenient_where_nothing_is_in_doubt(void **state)
{
    static const char *const good[] = {
        "digest realm=\"r\",nonce=\"n\"",
        "DIGEST  realm = \"r\" ,\r\n nonce\t=\t\"n\" ",
        "Digest ,, realm=\"r\", , nonce=\"n\",",
        "Digest realm=r, nonce=abc/def==, stale=FALSE, unknown=\"x\", charset=UTF-8",
        "Digest Realm=\"\", NONCE=\"n\", algorithm=\"md5\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=sha-256-SESS, qop=\"token, auth\"",
        "Digest realm=\"a, b=c\", nonce=\"n\", domain=\"sip:a sip:b\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ml_free(answer(good[i], "u", "p"));
}

static void challenges_that_cannot_be_answered(void **state)
{
    static const struct {
        const char *text;
        int status;
    } bad[] = {
        {"", ML_EPARSE},
        {"   ", ML_EPARSE},
        {"Digest", ML_EPARSE},
        {"Digest ", ML_EPARSE},
        {"Digest,realm=\"r\"", ML_EPARSE},
        {"Basic realm=\"r\"", ML_EREFUSED},
        {"Bearer", ML_EREFUSED},
        {"Digest realm=\"r\"", ML_EPARSE},
        {"Digest nonce=\"n\"", ML_EPARSE},
        {"Digest realm=\"r\", nonce=\"\"", ML_EPARSE},
        {"Digest realm=\"r, nonce=\"n\"", ML_EPARSE},
        {"Digest realm=\"r\" nonce=\"n\"", ML_EPARSE},
        {"Digest realm=\"r\\", ML_EPARSE},
        {"Digest realm=, nonce=\"n\"", ML_EPARSE},
        {"Digest realm", ML_EPARSE},
        {"Digest =\"r\", nonce=\"n\"", ML_EPARSE},
        {"Digest realm=\"r\", nonce=\"n\", realm=\"s\"", ML_EPARSE},
        {"Digest realm=\"r\", nonce=\"n\r\nX-Bad: 1\"", ML_EPARSE},
        {"Digest realm=\"r\", nonce=\"n\x01\"", ML_EPARSE},
        {"Digest realm=\"r\", nonce=\"n\", algorithm=junk", ML_EREFUSED},
        {"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", ML_EREFUSED},
        {"Digest realm=\"r\", nonce=\"n\", algorithm=-sess", ML_EREFUSED},
        {"Digest realm=\"r\", nonce=\"n\", qop=\"magic\"", ML_EREFUSED},
        {"Digest realm=\"r\", nonce=\"n\", qop=\"\"", ML_EREFUSED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = NULL;
        int status = ml_auth_answer(bad[i].text, 1, "INVITE", "sip:x", ml_str(""), "u", "p", &text);

        if (status != bad[i].status)
            fail_msg("%s: %d", bad[i].text, status);
        assert_null(text);
    }
}

static void overlong_challenges_are_refused(void **state)
{
    struct ml_buf text = {0};
    char *unused = NULL;

    (void)state;
    ml_buf_str(&text, "Digest realm=\"r\", nonce=\"");
    for (int i = 0; i < ML_AUTH_MAX_BYTES; i++)
        ml_buf_str(&text, "x");
    ml_buf_str(&text, "\"");
    assert_int_equal(ml_auth_answer(text.p, 1, "INVITE", "sip:x", ml_str(""), "u", "p", &unused),
                     ML_EPARSE);
    ml_buf_fini(&text);
    ml_buf_str(&text, "Digest realm=\"r\", nonce=\"n\"");
    for (int i = 0; i < ML_AUTH_MAX_PARAMS; i++)
        ml_buf_printf(&text, ", p%d=1", i);
    assert_int_equal(ml_auth_answer(text.p, 1, "INVITE", "sip:x", ml_str(""), "u", "p", &unused),
                     ML_EPARSE);
    ml_buf_fini(&text);
}

static void names_that_would_break_the_line_are_refused(void **state)
{
    char *unused = NULL;

    (void)state;
    assert_int_equal(ml_auth_answer("Digest realm=\"r\", nonce=\"n\"", 1, "INVITE", "sip:x",
                                    ml_str(""), "u\r\nX: y", "p", &unused),
                     ML_EINVAL);
    assert_int_equal(ml_auth_answer("Digest realm=\"r\", nonce=\"n\"", 1, "INVITE", "sip:x\n",
                                    ml_str(""), "u", "p", &unused),
                     ML_EINVAL);
}

static void the_strongest_challenge_can_be_told(void **state)
{
    bool stale;

    (void)state;
    assert_int_equal(ml_auth_strength("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256", &stale),
                     2);
    assert_false(stale);
    assert_int_equal(ml_auth_strength("Digest realm=\"SHA-256\", nonce=\"n\", stale=TRUE", &stale),
                     1);
    assert_true(stale);
    assert_int_equal(ml_auth_strength("Digest realm=\"r\", nonce=\"n\", algorithm=x", &stale), 0);
    assert_int_equal(ml_auth_strength("Basic realm=\"r\"", &stale), 0);
    assert_int_equal(ml_auth_strength("", &stale), 0);
}

static void one_nonce_may_be_used_again_with_a_higher_count(void **state)
{
    char *asked = challenge("SHA-256"), *given[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ml_auth_answer(asked, i + 1, "INVITE", "sip:x", ml_str(""), "alice",
                                        "secret", &given[i]),
                         0);
    assert_non_null(strstr(given[2], "nc=00000003"));
    assert_int_equal(verify(given[0]), ML_AUTH_OK);
    assert_int_equal(verify(given[2]), ML_AUTH_OK);
    assert_int_equal(verify(given[1]), ML_AUTH_STALE);
    for (int i = 0; i < 3; i++)
        ml_free(given[i]);
    ml_free(asked);
}

/* ---- the server ---- */

static void our_client_satisfies_our_server(void **state)
{
    static const char *const algorithms[] = {"MD5", "SHA-256", "MD5-sess", "SHA-256-sess"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char *asked = challenge(algorithms[i]), *given = answer(asked, "alice", "secret"), name[64];

        assert_int_equal(verify_at(given, "INVITE", "10.0.0.1", name), ML_AUTH_OK);
        assert_string_equal(name, "alice");
        ml_free(given);
        given = answer(asked, "alice", "wrong");
        assert_int_equal(verify(given), ML_AUTH_WRONG);
        ml_free(given);
        ml_free(asked);
    }
}

static void names_with_quotes_and_backslashes(void **state)
{
    char *asked = challenge("SHA-256"), *given = answer(asked, "a\"b\\c", "qu\"ote"), name[64];

    (void)state;
    assert_int_equal(verify_at(given, "INVITE", "10.0.0.1", name), ML_AUTH_OK);
    assert_string_equal(name, "a\"b\\c");
    ml_free(given);
    ml_free(asked);
}

static void an_answer_is_for_one_method_and_one_source(void **state)
{
    char *asked = challenge("MD5"), *given = answer(asked, "alice", "secret");

    (void)state;
    assert_int_equal(verify_at(given, "BYE", "10.0.0.1", NULL), ML_AUTH_WRONG);
    assert_int_equal(verify_at(given, "INVITE", "10.0.0.2", NULL), ML_AUTH_STALE);
    assert_int_equal(verify_at(given, "INVITE", "10.0.0.1", NULL), ML_AUTH_OK);
    ml_free(given);
    ml_free(asked);
}

static void SIP_22_an_answer_counts_once(void **state)
{
    char *asked = challenge("SHA-256"), *given = answer(asked, "alice", "secret");

    (void)state;
    assert_int_equal(verify(given), ML_AUTH_OK);
    assert_int_equal(verify(given), ML_AUTH_STALE);
    assert_int_equal(verify(given), ML_AUTH_STALE);
    ml_free(given);
    ml_free(asked);
}

static void SIP_22_nonces_grow_old(void **state)
{
    char *asked = challenge("SHA-256"), *given = answer(asked, "alice", "secret");
    char *wrong = answer(asked, "alice", "wrong"), *early = challenge("MD5");

    (void)state;
    run_for(290000);
    assert_int_equal(verify(given), ML_AUTH_OK);
    ml_free(given);
    given = answer(early, "alice", "secret");
    run_for(20000);
    assert_int_equal(verify(given), ML_AUTH_STALE);
    assert_int_equal(verify(wrong), ML_AUTH_WRONG); /* never a hint that it is only the nonce */
    ml_free(early);
    early = ml_auth_challenge("moonline", "10.0.0.1", true, "MD5");
    assert_non_null(strstr(early, "stale=true"));
    assert_null(strstr(asked, "stale"));
    ml_free(early);
    ml_free(wrong);
    ml_free(given);
    ml_free(asked);
}

static void SIP_22_nonces_are_made_here_only(void **state)
{
    char *asked = challenge("MD5"), *nonce = param_of(asked, "nonce");
    char *other = ml_auth_challenge("moonline", "10.0.0.1", false, "MD5"), *second;

    (void)state;
    second = param_of(other, "nonce");
    assert_string_not_equal(nonce, second);
    for (size_t i = 0; nonce[i]; i++) {
        char *changed = ml_strdup(nonce), *text, *given;

        changed[i] = changed[i] == '0' ? '1' : '0';
        text = with(ml_strdup(asked), nonce, changed);
        given = answer(text, "alice", "secret");
        assert_int_equal(verify(given), ML_AUTH_STALE);
        ml_free(given);
        ml_free(text);
        ml_free(changed);
    }
    ml_free(second);
    ml_free(other);
    ml_free(nonce);
    ml_free(asked);
}

static void SIP_22_unknown_users_are_wrong_in_the_same_way(void **state)
{
    char *asked = challenge("SHA-256"), *given;

    (void)state;
    lookups = 0;
    given = answer(asked, "mallory", "secret");
    assert_int_equal(verify(given), ML_AUTH_WRONG);
    ml_free(given);
    given = answer(asked, "mallory", "no such user"); /* the stand-in is no password */
    assert_int_equal(verify(given), ML_AUTH_WRONG);
    ml_free(given);
    given = answer(asked, "mallory", "");
    assert_int_equal(verify(given), ML_AUTH_WRONG);
    ml_free(given);
    assert_int_equal(lookups, 3);
    given = answer(asked, "nothing", "");
    assert_int_equal(verify(given), ML_AUTH_OK);
    ml_free(given);
    ml_free(asked);
}

/* Each change of a good answer spoils it. */
static void answers_that_are_not_right(void **state)
{
    static const char *const changes[][2] = {
        {"realm=\"moonline\"", "realm=\"other\""},
        {"realm=\"moonline\", ", ""},
        {"username=\"alice\", ", ""},
        {"username=\"alice\"", "username=\"\""},
        {"nc=00000001", "nc=00000002"},
        {"nc=00000001", "nc=1"},
        {"nc=00000001", "nc=00000000"},
        {"nc=00000001", "nc=0000000x"},
        {"nc=00000001", "nc=000000001"},
        {", nc=00000001", ""},
        {"qop=auth", "qop=auth-int"},
        {"qop=auth", "qop=\"auth,auth-int\""},
        {"qop=auth, ", ""},
        {"algorithm=MD5", "algorithm=SHA-256"},
        {"algorithm=MD5", "algorithm=junk"},
        {"algorithm=MD5", "algorithm=MD5-sess"},
        {"cnonce=", "cnonse="},
        {"response=\"", "response=\"0"},
        {"response=\"", "response=\"\", r=\""},
        {"response=\"", "respond=\""},
        {"uri=\"sip:moon", "uri=\"sip:mo0n"},
        {"uri=", "urj="},
        {"nonce=\"", "nonce=\"\", n=\""},
        {"Digest", "Basic"},
        {"Digest ", "Digest"},
        {"\"moonline\"", "\"moonline"},
    };
    char *asked = challenge("MD5"), *good = answer(asked, "alice", "secret");

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *bad = with(ml_strdup(good), changes[i][0], changes[i][1]);

        if (verify(bad) != ML_AUTH_WRONG)
            fail_msg("%s for %s was taken", changes[i][1], changes[i][0]);
        ml_free(bad);
    }
    assert_int_equal(verify(good), ML_AUTH_OK);
    assert_int_equal(verify(""), ML_AUTH_WRONG);
    ml_free(good);
    ml_free(asked);
}

static void a_name_longer_than_the_buffer_is_wrong(void **state)
{
    char *asked = challenge("MD5"), *given = answer(asked, "alice", "secret"), name[5] = "xyz";

    (void)state;
    assert_int_equal(ml_auth_verify(given, "INVITE", "moonline", "10.0.0.1", password_of, NULL,
                                    name, sizeof name),
                     ML_AUTH_WRONG);
    assert_string_equal(name, "xyz");
    ml_free(given);
    ml_free(asked);
}

/* Every beginning of a good answer, and it with each byte changed: nothing is let in, nothing dies.
 */
static void garbage_harms_nobody(void **state)
{
    char *asked = challenge("SHA-256"), *good = answer(asked, "alice", "secret");
    size_t n = strlen(good);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        char *bad = ml_strndup(good, i), *unused = NULL;

        assert_int_equal(verify(bad), ML_AUTH_WRONG);
        ml_auth_answer(bad, 1, "INVITE", "sip:x", ml_str(""), "u", "p", &unused);
        ml_free(unused);
        ml_free(bad);
        bad = ml_strdup(good);
        bad[i] = (char)(bad[i] ^ 1);
        assert_int_not_equal(verify(bad), ML_AUTH_OK);
        ml_free(bad);
    }
    assert_int_equal(verify(good), ML_AUTH_OK);
    ml_free(good);
    ml_free(asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_the_rfcs),
        TEST(the_value_of_rfc_2617),
        TEST(without_qop_the_answer_is_that_of_old_servers),
        TEST(the_answer_repeats_what_was_asked),
        TEST(auth_int_covers_the_body),
        TEST(lenient_where_nothing_is_in_doubt),
        TEST(challenges_that_cannot_be_answered),
        TEST(overlong_challenges_are_refused),
        TEST(names_that_would_break_the_line_are_refused),
        TEST(the_strongest_challenge_can_be_told),
        TEST(one_nonce_may_be_used_again_with_a_higher_count),
        TEST(our_client_satisfies_our_server),
        TEST(names_with_quotes_and_backslashes),
        TEST(an_answer_is_for_one_method_and_one_source),
        TEST(SIP_22_an_answer_counts_once),
        TEST(SIP_22_nonces_grow_old),
        TEST(SIP_22_nonces_are_made_here_only),
        TEST(SIP_22_unknown_users_are_wrong_in_the_same_way),
        TEST(answers_that_are_not_right),
        TEST(a_name_longer_than_the_buffer_is_wrong),
        TEST(garbage_harms_nobody),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
