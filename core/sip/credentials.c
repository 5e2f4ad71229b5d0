#include "core/sip/credentials.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/sip/auth.h"
#include "core/sip/headers.h"

enum { BY_UAS, BY_PROXY };

void ml_credentials_init(struct ml_credentials *credentials, const char *username,
                         const char *password)
{
    if (!username)
        return;
    credentials->username = ml_strdup(username);
    credentials->password = ml_strdup(password ? password : "");
}

void ml_credentials_fini(struct ml_credentials *credentials)
{
    for (int i = 0; i < 2; i++)
        ml_free(credentials->challenges[i].text);
    ml_free(credentials->username);
    ml_free(credentials->password);
    ml_free(credentials->lines);
}

bool ml_credentials_take(struct ml_credentials *credentials, const sip_t *sip)
{
    int code = sip && sip->sip_status ? sip->sip_status->st_status : 0;
    int by = code == 407 ? BY_PROXY : BY_UAS, best = 0;
    const msg_auth_t *one;
    struct ml_challenge *kept = &credentials->challenges[by];
    su_home_t home[1] = {SU_HOME_INIT(home)};
    bool again = false;
    char *chosen = NULL;

    if (!credentials->username || (code != 401 && code != 407))
        return false;
    one = by == BY_PROXY ? sip->sip_proxy_authenticate : sip->sip_www_authenticate;
    for (; one; one = one->au_next) {
        char *text = ml_header_text(home, (const sip_header_t *)one);
        bool stale = false;
        int strength = text ? ml_auth_strength(text, &stale) : 0;

        if (strength <= best)
            continue;
        best = strength;
        again = stale;
        ml_free(chosen);
        chosen = ml_strdup(text);
    }
    su_home_deinit(home);
    /* A second challenge is a refusal, unless it says that only the nonce was too old. */
    if (!chosen || kept->refusals > (again ? 1 : 0)) {
        ml_free(chosen);
        return false;
    }
    ml_free(kept->text);
    kept->text = chosen;
    kept->count = 0;
    kept->refusals++;
    return true;
}

void ml_credentials_accepted(struct ml_credentials *credentials)
{
    credentials->challenges[BY_UAS].refusals = credentials->challenges[BY_PROXY].refusals = 0;
}

const char *ml_credentials_lines(struct ml_credentials *credentials, const char *method,
                                 const char *uri, struct ml_str body)
{
    struct ml_buf lines = {0};

    if (strcmp(method, "ACK") == 0 || strcmp(method, "CANCEL") == 0)
        return credentials->lines; /* as in the INVITE: RFC 3261 22.1 */
    for (int by = 0; by < 2; by++) {
        struct ml_challenge *kept = &credentials->challenges[by];
        char *value = NULL;

        if (!kept->text ||
            ml_auth_answer(kept->text, ++kept->count, method, uri, body, credentials->username,
                           credentials->password, &value) != 0)
            continue;
        ml_buf_printf(&lines, "%s%s: %s", lines.n ? "\r\n" : "",
                      by == BY_PROXY ? "Proxy-Authorization" : "Authorization", value);
        ml_free(value);
    }
    ml_free(credentials->lines);
    credentials->lines = lines.n ? ml_buf_take(&lines) : NULL;
    return credentials->lines;
}
