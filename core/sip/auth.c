#include "core/sip/auth.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/sip/auth_params.h"

enum {
    NONCE_LIFE_MS = 300000, /* then the client is asked again, with stale=true */
    NONCE_SALT = 8,         /* random bytes: no two nonces are alike */
    NONCE_MAC = 16,         /* bytes of the HMAC that are shown */
    HEX_MAX = 65,           /* SHA-256 in hex */
    NC_DIGITS = 8,          /* RFC 7616 3.4: exactly */
    SEEN_SLOTS = 1024       /* nonces whose count is remembered: a power of two */
};

struct algorithm {
    const EVP_MD *md;
    bool session; /* -sess: A1 is bound to nonce and cnonce */
};

/* What goes into a response, all of it borrowed. */
struct digest {
    struct algorithm algorithm;
    const char *username, *realm, *password, *nonce, *cnonce, *nc, *qop, *method, *uri;
    struct ml_str body; /* for auth-int */
};

static bool find_algorithm(const char *name, struct algorithm *algorithm)
{
    struct ml_str text = ml_str(name ? name : "MD5");

    algorithm->session =
        ml_str_ieq(text, ML_STR("MD5-sess")) || ml_str_ieq(text, ML_STR("SHA-256-sess"));
    if (algorithm->session)
        text.n -= sizeof "-sess" - 1;
    algorithm->md = ml_str_ieq(text, ML_STR("MD5"))       ? EVP_md5()
                    : ml_str_ieq(text, ML_STR("SHA-256")) ? EVP_sha256()
                                                          : NULL;
    return algorithm->md != NULL;
}

static void to_hex(const unsigned char *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* Hex of the hash of the parts with colons between them; a part of NULL ends the list. */
static bool hash(const EVP_MD *md, const struct ml_str *parts, size_t count, char hex[HEX_MAX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned int n = 0;
    bool good = context && EVP_DigestInit_ex(context, md, NULL) == 1;

    for (size_t i = 0; good && i < count; i++)
        good = (i == 0 || EVP_DigestUpdate(context, ":", 1) == 1) &&
               EVP_DigestUpdate(context, parts[i].p, parts[i].n) == 1;
    good = good && EVP_DigestFinal_ex(context, bytes, &n) == 1 && 2 * n < HEX_MAX;
    EVP_MD_CTX_free(context);
    if (good)
        to_hex(bytes, n, hex);
    return good;
}

/* RFC 7616 3.4.1: the response as it must be. False when libcrypto does not have the algorithm. */
static bool respond(const struct digest *d, char response[HEX_MAX])
{
    const EVP_MD *md = d->algorithm.md;
    struct ml_str a1[] = {ml_str(d->username), ml_str(d->realm), ml_str(d->password)};
    struct ml_str a2[] = {ml_str(d->method), ml_str(d->uri), {NULL, 0}};
    char ha1[HEX_MAX], ha2[HEX_MAX], body[HEX_MAX];
    bool integrity = d->qop && strcmp(d->qop, "auth-int") == 0;
    bool good = hash(md, a1, 3, ha1);

    if (good && d->algorithm.session) {
        struct ml_str bound[] = {ml_str(ha1), ml_str(d->nonce), ml_str(d->cnonce)};

        good = hash(md, bound, 3, ha1);
    }
    if (good && integrity) {
        good = hash(md, &d->body, 1, body);
        a2[2] = ml_str(body);
    }
    good = good && hash(md, a2, integrity ? 3 : 2, ha2);
    if (good && d->qop) {
        struct ml_str whole[] = {ml_str(ha1),       ml_str(d->nonce), ml_str(d->nc),
                                 ml_str(d->cnonce), ml_str(d->qop),   ml_str(ha2)};

        good = hash(md, whole, 6, response);
    } else if (good) {
        struct ml_str whole[] = {ml_str(ha1), ml_str(d->nonce), ml_str(ha2)};

        good = hash(md, whole, 3, response);
    }
    OPENSSL_cleanse(ha1, sizeof ha1);
    return good;
}

/* ---- the client ---- */

/* Is `wanted` in the list "auth,auth-int"? */
static bool offers(const char *list, const char *wanted)
{
    struct ml_str rest = ml_str(list), one;

    while (ml_str_cut(&rest, ',', &one))
        if (ml_str_ieq(ml_str_trim(one), ml_str(wanted)))
            return true;
    return false;
}

static char *print_answer(const struct digest *d, const char *algorithm, const char *opaque,
                          const char *response)
{
    struct ml_buf text = {0};

    ml_buf_str(&text, "Digest ");
    ml_auth_quote(&text, "username", d->username);
    ml_buf_str(&text, ", ");
    ml_auth_quote(&text, "realm", d->realm);
    ml_buf_str(&text, ", ");
    ml_auth_quote(&text, "nonce", d->nonce);
    ml_buf_str(&text, ", ");
    ml_auth_quote(&text, "uri", d->uri);
    ml_buf_printf(&text, ", response=\"%s\"", response);
    if (algorithm)
        ml_buf_printf(&text, ", algorithm=%s", algorithm);
    if (d->qop || d->algorithm.session)
        ml_buf_printf(&text, ", cnonce=\"%s\"", d->cnonce);
    if (d->qop)
        ml_buf_printf(&text, ", qop=%s, nc=%s", d->qop, d->nc);
    if (opaque) {
        ml_buf_str(&text, ", ");
        ml_auth_quote(&text, "opaque", opaque);
    }
    return ml_buf_take(&text);
}

/* What the challenge asks for; the rest of *d stays. */
static int read_challenge(const struct ml_auth_params *challenge, struct digest *d)
{
    const char *algorithm = ml_auth_param(challenge, "algorithm");
    const char *qop = ml_auth_param(challenge, "qop");

    d->realm = ml_auth_param(challenge, "realm");
    d->nonce = ml_auth_param(challenge, "nonce");
    if (!d->realm || !d->nonce || !d->nonce[0])
        return ML_EPARSE;
    if (!find_algorithm(algorithm, &d->algorithm))
        return ML_EREFUSED;
    /* Without qop the server is of RFC 2069: no counter, no cnonce. */
    if (qop) {
        d->qop = offers(qop, "auth") ? "auth" : offers(qop, "auth-int") ? "auth-int" : NULL;
        if (!d->qop)
            return ML_EREFUSED;
    }
    return ML_OK;
}

int ml_auth_strength(const char *challenge, bool *stale)
{
    struct digest d = {.qop = NULL};
    struct ml_auth_params params;
    int strength = 0;

    *stale = false;
    if (ml_auth_params_init(&params, ml_str(challenge)) != ML_OK)
        return 0;
    if (read_challenge(&params, &d) == ML_OK)
        strength = EVP_MD_is_a(d.algorithm.md, "SHA256") ? 2 : 1;
    *stale = ml_str_ieq(ml_str(ml_auth_param(&params, "stale")), ML_STR("true"));
    ml_auth_params_fini(&params);
    return strength;
}

int ml_auth_answer(const char *challenge, unsigned count, const char *method, const char *uri,
                   struct ml_str body, const char *username, const char *password,
                   char **authorization)
{
    struct digest d = {
        .username = username, .password = password, .method = method, .uri = uri, .body = body};
    char response[HEX_MAX], cnonce[33], nc[NC_DIGITS + 1];
    struct ml_auth_params params;
    int status;

    if (!ml_auth_is_quotable(username) || !ml_auth_is_quotable(uri))
        return ML_EINVAL;
    status = ml_auth_params_init(&params, ml_str(challenge));
    if (status != ML_OK)
        return status;
    status = read_challenge(&params, &d);
    ml_random_hex(cnonce, 16);
    snprintf(nc, sizeof nc, "%08x", count);
    d.cnonce = cnonce;
    d.nc = nc;
    if (status == ML_OK && !respond(&d, response))
        status = ML_EREFUSED;
    if (status == ML_OK)
        *authorization = print_answer(&d, ml_auth_param(&params, "algorithm"),
                                      ml_auth_param(&params, "opaque"), response);
    ml_auth_params_fini(&params);
    return status;
}

/* ---- the server's nonces ---- */

/* 16 hex digits of the time in ms, the salt, and the HMAC of both with source and realm. */
enum { NONCE_HEX = 16 + 2 * NONCE_SALT + 2 * NONCE_MAC, NONCE_MAC_AT = 16 + 2 * NONCE_SALT };

static const unsigned char *secret(void)
{
    static unsigned char bytes[32];
    static bool made;

    if (!made)
        ml_random(bytes, sizeof bytes);
    made = true;
    return bytes;
}

/* Writes the HMAC after the NONCE_MAC_AT first digits of nonce. */
static void seal(char nonce[NONCE_HEX + 1], const char *source, const char *realm)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char *text = ml_format("%.*s|%s|%s", NONCE_MAC_AT, nonce, source, realm);

    memset(mac, 0, sizeof mac);
    HMAC(EVP_sha256(), secret(), 32, (const unsigned char *)text, strlen(text), mac, &n);
    ml_free(text);
    to_hex(mac, NONCE_MAC, nonce + NONCE_MAC_AT);
}

char *ml_auth_challenge(const char *realm, const char *source, bool stale, const char *algorithm)
{
    char nonce[NONCE_HEX + 1];
    struct ml_buf text = {0};

    snprintf(nonce, sizeof nonce, "%016llx", (unsigned long long)ml_clock_ms());
    ml_random_hex(nonce + 16, NONCE_SALT);
    seal(nonce, source, realm);
    ml_buf_str(&text, "Digest ");
    ml_auth_quote(&text, "realm", realm);
    ml_buf_printf(&text, ", nonce=\"%s\", qop=\"auth\", algorithm=%s%s", nonce, algorithm,
                  stale ? ", stale=true" : "");
    return ml_buf_take(&text);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* n hex digits; false for anything else. */
static bool read_hex(const char *text, size_t n, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        *value = *value << 4 | (unsigned)digit;
    }
    return true;
}

/* Ours, for that source, and young enough? */
static bool is_fresh(const char *nonce, const char *source, const char *realm)
{
    char ours[NONCE_HEX + 1];
    uint64_t made, now = (uint64_t)ml_clock_ms();

    if (strlen(nonce) != NONCE_HEX)
        return false;
    memcpy(ours, nonce, sizeof ours);
    seal(ours, source, realm);
    return CRYPTO_memcmp(ours, nonce, NONCE_HEX) == 0 && read_hex(nonce, 16, &made) &&
           made <= now && now - made <= NONCE_LIFE_MS;
}

/* Is nc above all counts seen with this nonce? A slot that another nonce takes over forgets: the
 * table is a hindrance for replays, the life of a nonce is the limit. */
static bool is_counted(const char *nonce, uint64_t nc)
{
    static struct {
        char mac[2 * NONCE_MAC];
        uint64_t nc;
    } seen[SEEN_SLOTS];
    const char *mac = nonce + NONCE_MAC_AT;
    uint64_t index = 0;

    read_hex(mac, 8, &index);
    index %= SEEN_SLOTS;
    if (memcmp(seen[index].mac, mac, sizeof seen[index].mac) == 0 && nc <= seen[index].nc)
        return false;
    memcpy(seen[index].mac, mac, sizeof seen[index].mac);
    seen[index].nc = nc;
    return true;
}

/* ---- the server's check ---- */

/* The parts of the answer that can be checked at all; false when one is missing or odd. */
static bool read_answer(const struct ml_auth_params *params, const char *realm, struct digest *d,
                        uint64_t *nc)
{
    const char *qop = ml_auth_param(params, "qop");

    d->username = ml_auth_param(params, "username");
    d->realm = ml_auth_param(params, "realm");
    d->nonce = ml_auth_param(params, "nonce");
    d->uri = ml_auth_param(params, "uri");
    d->cnonce = ml_auth_param(params, "cnonce");
    d->nc = ml_auth_param(params, "nc");
    if (!d->username || !d->realm || strcmp(d->realm, realm) != 0 || !d->nonce || !d->uri ||
        !find_algorithm(ml_auth_param(params, "algorithm"), &d->algorithm))
        return false;
    if (d->algorithm.session && !d->cnonce)
        return false;
    *nc = 1; /* without qop: once */
    if (!qop)
        return true;
    d->qop = "auth";
    return ml_str_ieq(ml_str(qop), ML_STR("auth")) && d->cnonce && d->nc &&
           strlen(d->nc) == NC_DIGITS && read_hex(d->nc, NC_DIGITS, nc) && *nc > 0;
}

/* Lower case, so that the comparison may be one of bytes. */
static bool same_response(const char *given, const char *right)
{
    char lower[HEX_MAX] = "";
    size_t n = strlen(given);

    if (n != strlen(right))
        return false;
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(given[i] >= 'A' && given[i] <= 'F' ? given[i] + 32 : given[i]);
    return CRYPTO_memcmp(lower, right, n) == 0;
}

static enum ml_auth_result check(const struct ml_auth_params *params, struct digest *d,
                                 const char *source, uint64_t nc, ml_auth_lookup_fn *lookup,
                                 void *user)
{
    const char *given = ml_auth_param(params, "response");
    const char *password = lookup(d->username, user);
    char right[HEX_MAX] = "";
    bool fresh, good;

    d->password = password ? password : "no such user";
    if (!respond(d, right))
        return ML_AUTH_WRONG;
    good = same_response(given ? given : "", right) && password;
    fresh = is_fresh(d->nonce, source, d->realm);
    if (!good)
        return ML_AUTH_WRONG;
    return fresh && is_counted(d->nonce, nc) ? ML_AUTH_OK : ML_AUTH_STALE;
}

enum ml_auth_result ml_auth_verify(const char *authorization, const char *method, const char *realm,
                                   const char *source, ml_auth_lookup_fn *lookup, void *user,
                                   char *name, size_t size)
{
    enum ml_auth_result result = ML_AUTH_WRONG;
    struct digest d = {.method = method};
    struct ml_auth_params params;
    uint64_t nc;

    if (ml_auth_params_init(&params, ml_str(authorization)) != ML_OK)
        return ML_AUTH_WRONG;
    if (read_answer(&params, realm, &d, &nc) && strlen(d.username) < size)
        result = check(&params, &d, source, nc, lookup, user);
    if (result == ML_AUTH_OK)
        snprintf(name, size, "%s", d.username);
    ml_auth_params_fini(&params);
    return result;
}
