/* The name and password for one peer: which of its challenges is answered, and the header lines
 * that go with each request to it. Lies in who sends the requests. Loop thread. */
#ifndef ML_SIP_CREDENTIALS_H
#define ML_SIP_CREDENTIALS_H

#include <stdbool.h>

#include <sofia-sip/sip.h>

#include "core/base/str.h"

/* What a 401 or a 407 asked for. */
struct ml_challenge {
    char *text;
    unsigned count; /* requests that answered it */
    int refusals;   /* since it was last satisfied */
};

struct ml_credentials {
    char *username, *password; /* username NULL: no challenge is answered */
    struct ml_challenge challenges[2];
    char *lines; /* of the last request */
};

void ml_credentials_init(struct ml_credentials *credentials, const char *username,
                         const char *password);
void ml_credentials_fini(struct ml_credentials *credentials);
/* Takes the challenge of a 401 or 407. False: we cannot answer it, or were refused before. */
bool ml_credentials_take(struct ml_credentials *credentials, const sip_t *sip);
/* A 2xx: what comes next is judged afresh. */
void ml_credentials_accepted(struct ml_credentials *credentials);
/* Header lines for a request, or NULL. Good until the next request. */
const char *ml_credentials_lines(struct ml_credentials *credentials, const char *method,
                                 const char *uri, struct ml_str body);

#endif
