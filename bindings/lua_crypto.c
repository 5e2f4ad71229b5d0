/* moonline.core.crypto: what OpenSSL does, for signatures, names and credentials. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#include "bindings/modules.h"
#include "bindings/state.h"
#include "core/base/random.h"

enum { RANDOM_MAX = 1024 };

/* A context ready for that key. The last one is kept: OpenSSL takes longer to make one than to sign
 * a webhook, and an account has one key. */
static EVP_MAC_CTX *hmac_sha1(const char *key, size_t length)
{
    static EVP_MAC_CTX *context;
    static char known[128];
    static size_t known_length;
    char digest[] = "SHA1";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                           OSSL_PARAM_construct_end()};
    bool fits = length > 0 && length <= sizeof known;

    if (!context) {
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

        context = EVP_MAC_CTX_new(mac);
        EVP_MAC_free(mac);
    }
    if (fits && length == known_length && CRYPTO_memcmp(key, known, length) == 0)
        return EVP_MAC_init(context, NULL, 0, NULL) ? context : NULL;
    known_length = fits ? length : 0;
    if (fits)
        memcpy(known, key, length);
    return EVP_MAC_init(context, (const unsigned char *)key, length, params) ? context : NULL;
}

static int crypto_hmac_sha1(lua_State *L)
{
    size_t key_length, length, n = 0;
    const char *key = luaL_checklstring(L, 1, &key_length);
    const unsigned char *data = (const unsigned char *)luaL_checklstring(L, 2, &length);
    unsigned char mac[EVP_MAX_MD_SIZE];
    EVP_MAC_CTX *context = hmac_sha1(key, key_length);

    if (!context || !EVP_MAC_update(context, data, length) ||
        !EVP_MAC_final(context, mac, &n, sizeof mac))
        return luaL_error(L, "HMAC-SHA1 is not available in this OpenSSL");
    lua_pushlstring(L, (const char *)mac, n);
    return 1;
}

static int crypto_digest(lua_State *L)
{
    static const char *const names[] = {"md5", "sha1", "sha256", NULL};
    const char *name = names[luaL_checkoption(L, 1, NULL, names)];
    size_t length;
    const char *data = luaL_checklstring(L, 2, &length);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!EVP_Digest(data, length, digest, &n, EVP_get_digestbyname(name), NULL))
        return luaL_error(L, "%s is not available in this OpenSSL", name);
    lua_pushlstring(L, (const char *)digest, n);
    return 1;
}

static int crypto_hex(lua_State *L)
{
    static const char digits[] = "0123456789abcdef";
    size_t n;
    const unsigned char *raw = (const unsigned char *)luaL_checklstring(L, 1, &n);
    luaL_Buffer buffer;

    luaL_buffinitsize(L, &buffer, 2 * n);
    for (size_t i = 0; i < n; i++) {
        luaL_addchar(&buffer, digits[raw[i] >> 4]);
        luaL_addchar(&buffer, digits[raw[i] & 15]);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int crypto_base64(lua_State *L)
{
    size_t n;
    const char *raw = luaL_checklstring(L, 1, &n);
    luaL_Buffer buffer;
    char *text = luaL_buffinitsize(L, &buffer, (n + 2) / 3 * 4 + 1);

    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)raw, (int)n);
    luaL_pushresultsize(&buffer, (n + 2) / 3 * 4);
    return 1;
}

static int crypto_unbase64(lua_State *L)
{
    size_t n;
    const char *text = luaL_checklstring(L, 1, &n);
    luaL_Buffer buffer;
    char *raw;
    int length;

    if (n % 4 != 0) {
        lua_pushnil(L);
        return 1;
    }
    raw = luaL_buffinitsize(L, &buffer, n / 4 * 3 + 1);
    length = EVP_DecodeBlock((unsigned char *)raw, (const unsigned char *)text, (int)n);
    for (size_t i = n; length >= 0 && i > 0 && n - i < 2 && text[i - 1] == '='; i--)
        length--;
    luaL_pushresultsize(&buffer, length < 0 ? 0 : (size_t)length);
    if (length < 0)
        lua_pushnil(L);
    return 1;
}

static int crypto_random_hex(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    char text[2 * RANDOM_MAX + 1];

    luaL_argcheck(L, n > 0 && n <= RANDOM_MAX, 1, "1 to 1024 bytes");
    ml_random_hex(text, (size_t)n);
    lua_pushstring(L, text);
    return 1;
}

static int crypto_equal(lua_State *L)
{
    size_t n, m;
    const char *a = luaL_checklstring(L, 1, &n);
    const char *b = luaL_checklstring(L, 2, &m);

    lua_pushboolean(L, n == m && CRYPTO_memcmp(a, b, n) == 0);
    return 1;
}

int ml_open_crypto(lua_State *L)
{
    static const luaL_Reg functions[] = {{"hmac_sha1", crypto_hmac_sha1},
                                         {"digest", crypto_digest},
                                         {"hex", crypto_hex},
                                         {"base64", crypto_base64},
                                         {"unbase64", crypto_unbase64},
                                         {"random_hex", crypto_random_hex},
                                         {"equal", crypto_equal},
                                         {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
