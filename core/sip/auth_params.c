#include "core/sip/auth_params.h"

#include <string.h>

#include "core/base/mem.h"

/* token of RFC 7230 3.2.6 */
static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n'; /* folded lines too */
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

bool ml_auth_is_quotable(const char *text)
{
    for (; *text; text++)
        if (is_control(*text))
            return false;
    return true;
}

static void skip_blanks(struct ml_str *rest)
{
    while (rest->n && is_blank(*rest->p))
        rest->p++, rest->n--;
}

static struct ml_str take_token(struct ml_str *rest)
{
    struct ml_str token = {rest->p, 0};

    while (token.n < rest->n && is_token(rest->p[token.n]))
        token.n++;
    rest->p += token.n;
    rest->n -= token.n;
    return token;
}

/* The opening quote is at the beginning of *rest. */
static char *take_quoted(struct ml_str *rest)
{
    struct ml_buf value = {0};
    size_t i;

    for (i = 1; i < rest->n && rest->p[i] != '"'; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
        if (is_control(rest->p[i]))
            break;
        ml_buf_add(&value, rest->p + i, 1);
    }
    if (i >= rest->n || rest->p[i] != '"') {
        ml_buf_fini(&value);
        return NULL;
    }
    rest->p += i + 1;
    rest->n -= i + 1;
    return ml_buf_take(&value);
}

/* A value that should have been quoted ends at a comma or blank: some senders forget the quotes of
 * uri and nonce. */
static char *take_plain(struct ml_str *rest)
{
    size_t n = 0;

    while (n < rest->n && rest->p[n] != ',' && !is_blank(rest->p[n]) && rest->p[n] != '"' &&
           !is_control(rest->p[n]))
        n++;
    if (n == 0)
        return NULL;
    rest->p += n;
    rest->n -= n;
    return ml_str_dup((struct ml_str){rest->p - n, n});
}

static int take_param(struct ml_auth_params *params, struct ml_str *rest)
{
    struct ml_str name = take_token(rest);
    struct ml_auth_param *param;

    skip_blanks(rest);
    if (name.n == 0 || rest->n == 0 || *rest->p != '=' || params->count == ML_AUTH_MAX_PARAMS)
        return ML_EPARSE;
    rest->p++, rest->n--;
    skip_blanks(rest);
    for (size_t i = 0; i < params->count; i++)
        if (ml_str_ieq(params->params[i].name, name))
            return ML_EPARSE;
    param = &params->params[params->count];
    param->name = name;
    param->value = rest->n && *rest->p == '"' ? take_quoted(rest) : take_plain(rest);
    if (!param->value)
        return ML_EPARSE;
    params->count++;
    skip_blanks(rest);
    return rest->n == 0 || *rest->p == ',' ? ML_OK : ML_EPARSE;
}

int ml_auth_params_init(struct ml_auth_params *params, struct ml_str text)
{
    struct ml_str scheme;
    int status = ML_OK;

    memset(params, 0, sizeof *params);
    if (text.n > ML_AUTH_MAX_BYTES)
        return ML_EPARSE;
    skip_blanks(&text);
    scheme = take_token(&text);
    if (scheme.n == 0)
        return ML_EPARSE;
    if (!ml_str_ieq(scheme, ML_STR("Digest")))
        return ML_EREFUSED;
    if (text.n == 0 || !is_blank(*text.p))
        return ML_EPARSE;
    for (;;) {
        while (text.n && (is_blank(*text.p) || *text.p == ',')) /* empty elements of a list */
            text.p++, text.n--;
        if (text.n == 0)
            break;
        status = take_param(params, &text);
        if (status != ML_OK)
            break;
    }
    if (status == ML_OK && params->count == 0)
        status = ML_EPARSE;
    if (status != ML_OK)
        ml_auth_params_fini(params);
    return status;
}

void ml_auth_params_fini(struct ml_auth_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        ml_free(params->params[i].value);
    params->count = 0;
}

const char *ml_auth_param(const struct ml_auth_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (ml_str_ieq(params->params[i].name, ml_str(name)))
            return params->params[i].value;
    return NULL;
}

void ml_auth_quote(struct ml_buf *buf, const char *name, const char *value)
{
    ml_buf_printf(buf, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            ml_buf_str(buf, "\\");
        ml_buf_add(buf, value, 1);
    }
    ml_buf_str(buf, "\"");
}
