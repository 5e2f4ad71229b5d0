/* Digest authentication (RFC 7616, RFC 3261 22), both sides: MD5 and SHA-256, qop auth. Server
 * nonces are stateless: bound to source and time by a secret of this process. Any thread but not at
 * once. */
#ifndef ML_SIP_AUTH_H
#define ML_SIP_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"

/* Client: how good a challenge (the value of WWW- or Proxy-Authenticate) is: 2 SHA-256, 1 MD5, 0
 * one that cannot be answered. stale: only the nonce was too old, the name and the password were
 * not doubted. */
int ml_auth_strength(const char *challenge, bool *stale);
/* The value of Authorization for it, made with ml_alloc. count: 1 for the first answer to this
 * challenge, one more for each request that uses it again. ML_EREFUSED: an algorithm or qop we do
 * not know. ML_EPARSE: no challenge. ML_EINVAL: a name or URI that cannot be written into a header.
 */
int ml_auth_answer(const char *challenge, unsigned count, const char *method, const char *uri,
                   struct ml_str body, const char *username, const char *password,
                   char **authorization);

/* Server: the value of WWW-Authenticate. source: the address of the one who is asked. */
char *ml_auth_challenge(const char *realm, const char *source, bool stale, const char *algorithm);

enum ml_auth_result { ML_AUTH_OK, ML_AUTH_STALE, ML_AUTH_WRONG };

/* NULL for an unknown user. */
typedef const char *ml_auth_lookup_fn(const char *name, void *user);

/* Checks the value of Authorization. name gets the user that proved to be. An unknown user takes
 * the same path and the same time as a wrong password. */
enum ml_auth_result ml_auth_verify(const char *authorization, const char *method, const char *realm,
                                   const char *source, ml_auth_lookup_fn *lookup, void *user,
                                   char *name, size_t size);

#endif
