/* What URLs say. Applications are asked again and again at the same few: a client keeps what it has
 * read of the last ones. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/net/http_client_priv.h"

/* curl's to free. */
static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
    char *text = NULL;

    return curl_url_get(url, which, &text, flags) == CURLUE_OK ? text : NULL;
}

/* Takes the credentials and the fragment out of the URL. */
static void take_credentials(struct ml_http_target *target)
{
    target->name = part(target->url, CURLUPART_USER, CURLU_URLDECODE);
    target->password = part(target->url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    curl_url_set(target->url, CURLUPART_USER, NULL, 0);
    curl_url_set(target->url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(target->url, CURLUPART_FRAGMENT, NULL, 0);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

/* Why it is none that can be fetched, or NULL. */
static const char *read_parts(struct ml_http_target *target)
{
    const char *text = target->text;
    size_t scheme = strncasecmp(text, "http://", 7) == 0    ? 7
                    : strncasecmp(text, "https://", 8) == 0 ? 8
                                                            : 0;
    char *port;

    if (scheme == 0 || text[scheme] == '/') /* which curl would read over */
        return "not an absolute http or https URL";
    if (curl_url_set(target->url, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_URLENCODE) !=
        CURLUE_OK)
        return "not a URL";
    target->host = part(target->url, CURLUPART_HOST, CURLU_PUNYCODE);
    if (!target->host || !target->host[0])
        return "no host in the URL";
    curl_url_set(target->url, CURLUPART_HOST, target->host, 0);
    port = part(target->url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    target->port = (uint16_t)strtoul(port ? port : "0", NULL, 10);
    curl_free(port);
    target->origin =
        ml_format("%s://%s:%u", scheme == 8 ? "https" : "http", target->host, target->port);
    take_credentials(target);
    target->bare = part(target->url, CURLUPART_URL, 0);
    return target->bare ? NULL : "not a URL";
}

/* Of ours; the rest is curl's. */
static long blocks_of(const struct ml_http_target *target)
{
    return 2 + (target->origin != NULL);
}

static struct ml_http_target *read_target(const char *text)
{
    struct ml_http_target *target = ml_alloc(sizeof *target);
    bool control = text && has_control(text);

    target->references = 1;
    target->text = ml_strdup(text ? text : "");
    target->shown = control ? "" : target->text;
    target->url = curl_url();
    target->fault = text && !control ? read_parts(target) : "control characters in the URL";
    ml_mem_keep(blocks_of(target));
    return target;
}

struct ml_http_target *ml_http_target(struct ml_http_client *client, const char *text)
{
    struct ml_http_target **place = &client->targets[ml_hash(text ? text : "") % ML_HTTP_TARGETS];

    if (!text || !*place || strcmp((*place)->text, text) != 0) {
        ml_http_target_unref(*place);
        *place = read_target(text);
    }
    (*place)->references++;
    return *place;
}

void ml_http_target_unref(struct ml_http_target *target)
{
    if (!target || --target->references > 0)
        return;
    ml_mem_keep(-blocks_of(target));
    curl_url_cleanup(target->url);
    curl_free(target->bare);
    curl_free(target->host);
    curl_free(target->name);
    curl_free(target->password);
    ml_free(target->origin);
    ml_free(target->text);
    ml_free(target);
}
