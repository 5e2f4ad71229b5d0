#include <string.h>

#include "core/base/mem.h"
#include "core/net/http_client_priv.h"

struct ml_http_jar *ml_http_jar_new(void)
{
    struct ml_http_jar *jar = ml_alloc(sizeof *jar);

    ml_http_start_library();
    jar->references = 1;
    jar->share = curl_share_init();
    curl_share_setopt(jar->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    ml_list_init(&jar->logins);
    return jar;
}

static void forget(struct ml_http_login *login)
{
    ml_list_remove(&login->link);
    ml_free(login->origin);
    ml_free(login->user);
    ml_free(login->password);
    ml_free(login);
}

void ml_http_jar_unref(struct ml_http_jar *jar)
{
    if (!jar || --jar->references > 0)
        return;
    ML_LIST_EACH(&jar->logins, link)
    {
        forget(ML_CONTAINER(link, struct ml_http_login, link));
    }
    curl_share_cleanup(jar->share);
    ml_free(jar);
}

static struct ml_http_login *find(const struct ml_http_jar *jar, const char *origin)
{
    ML_LIST_EACH(&jar->logins, link)
    {
        struct ml_http_login *login = ML_CONTAINER(link, struct ml_http_login, link);

        if (strcmp(login->origin, origin) == 0)
            return login;
    }
    return NULL;
}

const struct ml_http_login *ml_http_jar_login(const struct ml_http_jar *jar, const char *origin)
{
    return find(jar, origin);
}

void ml_http_jar_remember(struct ml_http_jar *jar, const char *origin, const char *user,
                          const char *password, bool basic)
{
    struct ml_http_login *login = find(jar, origin);

    if (login)
        forget(login);
    login = ml_alloc(sizeof *login);
    login->origin = ml_strdup(origin);
    login->user = ml_strdup(user);
    login->password = ml_strdup(password ? password : "");
    login->basic = basic;
    ml_list_append(&jar->logins, &login->link);
}
