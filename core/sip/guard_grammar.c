/* The pieces of RFC 3261's grammar that the guard reads. Values may hold folds: CR and LF count as
 * blanks here, the cutter has seen to it that they only stand where a fold may be. */
#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

#include "core/sip/guard_judge.h"

enum { HOST_MAX = 255, PORT_MAX = 65535 };

/* What a character may stand in. Letters and digits are in all of the sets. */
enum { TOKEN = 1, TOKEN_VALUE = 2, HOST = 4, SCHEME = 8, USER = 16, PARAMETER = 32, HEADERS = 64 };

static unsigned char classes[256];

static void allow(const char *characters, unsigned char set)
{
    for (; *characters; characters++)
        classes[(unsigned char)*characters] |= set;
}

#define UNRESERVED "-_.!~*'()"

__attribute__((constructor)) static void fill_classes(void)
{
    allow("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", UCHAR_MAX);
    allow("-.!%*_+`'~", TOKEN | TOKEN_VALUE);
    allow("[]:", TOKEN_VALUE); /* a value may be a host */
    allow("-._", HOST);
    allow("+-.", SCHEME);
    allow(UNRESERVED, USER | PARAMETER | HEADERS);
    allow("&=+$,;?/:", USER);
    allow("[]/:&+$=", PARAMETER);
    allow("[]/?:+$&=;,@", HEADERS);
}

static bool is_in(unsigned char set, char c)
{
    return (classes[(unsigned char)c] & set) != 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct ml_str skip(struct ml_str text, size_t n)
{
    return (struct ml_str){text.p + n, text.n - n};
}

static struct ml_str head(struct ml_str text, size_t n)
{
    return (struct ml_str){text.p, n};
}

static struct ml_str skip_blanks(struct ml_str text)
{
    while (text.n > 0 && is_blank(text.p[0]))
        text = skip(text, 1);
    return text;
}

/* How many characters from the beginning are in the set. */
static size_t span(struct ml_str text, unsigned char set)
{
    size_t n = 0;

    while (n < text.n && is_in(set, text.p[n]))
        n++;
    return n;
}

bool ml_guard_is_token(struct ml_str text)
{
    return text.n > 0 && span(text, TOKEN) == text.n;
}

/* Length of the quoted string that text begins with, both quotes counted; 0: it has no end. */
static size_t quoted(struct ml_str text)
{
    for (size_t i = 1; i < text.n; i++) {
        if (text.p[i] == '\\')
            i++;
        else if (text.p[i] == '"')
            return i + 1;
    }
    return 0;
}

bool ml_guard_next_value(struct ml_str *rest, struct ml_str *value)
{
    struct ml_str text = *rest;
    bool in_brackets = false;
    size_t i = 0;

    if (!text.p)
        return false;
    for (; i < text.n; i++) {
        if (in_brackets) {
            in_brackets = text.p[i] != '>';
        } else if (text.p[i] == '"') {
            size_t n = quoted(skip(text, i));

            i = n ? i + n - 1 : text.n - 1;
        } else if (text.p[i] == '<') {
            in_brackets = true;
        } else if (text.p[i] == ',') {
            break;
        }
    }
    *value = ml_str_trim(head(text, i));
    *rest = i < text.n ? skip(text, i + 1) : (struct ml_str){NULL, 0};
    return true;
}

/* ---- URIs ---- */

/* %HH */
static bool is_escape(struct ml_str text)
{
    return text.n > 2 && is_hex(text.p[1]) && is_hex(text.p[2]);
}

/* Only characters of the set and %HH. */
static bool is_escaped_text(struct ml_str text, unsigned char set)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '%') {
            if (!is_escape(skip(text, i)))
                return false;
            i += 2;
        } else if (!is_in(set, text.p[i])) {
            return false;
        }
    }
    return true;
}

/* The host that text begins with, out of *text; brackets stay on an IPv6 address. */
static bool take_host(struct ml_str *text, struct ml_str *host)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr bytes;
    size_t n;

    if (text->n == 0 || text->p[0] != '[') {
        n = span(*text, HOST);
        *host = head(*text, n);
        *text = skip(*text, n);
        return n > 0 && n <= HOST_MAX;
    }
    for (n = 1; n < text->n && text->p[n] != ']';)
        n++;
    if (n == text->n || n - 1 >= sizeof address)
        return false;
    memcpy(address, text->p + 1, n - 1);
    address[n - 1] = '\0';
    *host = head(*text, n + 1);
    *text = skip(*text, n + 1);
    return strlen(address) == n - 1 && inet_pton(AF_INET6, address, &bytes) == 1;
}

static bool take_port(struct ml_str *text, struct ml_str *port)
{
    uint64_t number;
    size_t n = 0;

    while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
        n++;
    *port = head(*text, n);
    *text = skip(*text, n);
    return ml_str_uint(*port, PORT_MAX, &number) == 0;
}

/* ";transport=udp;lr" */
static bool are_uri_parameters(struct ml_str text)
{
    struct ml_str part;

    if (text.n == 0)
        return true;
    if (text.p[0] != ';')
        return false;
    text = skip(text, 1);
    while (ml_str_cut(&text, ';', &part)) {
        struct ml_str name;

        if (!is_escaped_text(part, PARAMETER))
            return false;
        ml_str_cut(&part, '=', &name);
        if (name.n == 0 || (part.p && part.n == 0))
            return false;
    }
    return true;
}

static bool parse_sip(struct ml_str text, struct ml_guard_uri *uri)
{
    const char *at = text.n ? memchr(text.p, '@', text.n) : NULL;
    const char *question;

    if (at) {
        uri->user = head(text, (size_t)(at - text.p));
        text = skip(text, uri->user.n + 1);
        if (uri->user.n == 0 || uri->user.p[0] == ':' || !is_escaped_text(uri->user, USER))
            return false;
    }
    if (!take_host(&text, &uri->host))
        return false;
    if (text.n > 0 && text.p[0] == ':') {
        text = skip(text, 1);
        if (!take_port(&text, &uri->port))
            return false;
    }
    question = text.n ? memchr(text.p, '?', text.n) : NULL;
    if (question) {
        struct ml_str headers = skip(text, (size_t)(question - text.p) + 1);

        uri->has_headers = true;
        text = head(text, (size_t)(question - text.p));
        if (headers.n == 0 || !is_escaped_text(headers, HEADERS))
            return false;
    }
    return are_uri_parameters(text);
}

bool ml_guard_parse_uri(struct ml_str text, struct ml_guard_uri *uri)
{
    size_t n = span(text, SCHEME);

    *uri = (struct ml_guard_uri){0};
    if (n == 0 || n + 1 >= text.n || text.p[n] != ':')
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 127 || text.p[i] == '<' || text.p[i] == '>' ||
            text.p[i] == '"' || (text.p[i] == '%' && !is_escape(skip(text, i))))
            return false;
    uri->scheme = head(text, n);
    uri->is_sip = ml_str_ieq(uri->scheme, ML_STR("sip")) || ml_str_ieq(uri->scheme, ML_STR("sips"));
    return !uri->is_sip || parse_sip(skip(text, n + 1), uri);
}

/* ---- addresses ---- */

/* What stands before <: a quoted string, or tokens. */
static bool take_display(struct ml_str *text)
{
    size_t n = 0;

    if (text->p[0] == '"') {
        n = quoted(*text);
        *text = skip_blanks(skip(*text, n));
        return n > 0;
    }
    while (n < text->n && text->p[n] != '<') {
        if (!is_blank(text->p[n]) && !is_in(TOKEN, text->p[n]))
            return false;
        n++;
    }
    *text = skip(*text, n);
    return true;
}

bool ml_guard_parse_address(struct ml_str text, struct ml_guard_address *address)
{
    struct ml_str uri;
    size_t n = 0;

    *address = (struct ml_guard_address){0};
    text = ml_str_trim(text);
    if (text.n == 0)
        return false;
    if (text.p[0] == '"' || memchr(text.p, '<', text.n)) {
        const char *end;

        if (!take_display(&text) || text.n == 0 || text.p[0] != '<')
            return false;
        end = memchr(text.p, '>', text.n);
        if (!end)
            return false;
        n = (size_t)(end - text.p);
        uri = (struct ml_str){text.p + 1, n - 1};
        text = skip(text, n + 1);
        address->in_brackets = true;
    } else {
        while (n < text.n && text.p[n] != ';' && !is_blank(text.p[n]))
            n++;
        uri = head(text, n);
        text = skip(text, n);
        /* RFC 3261 20: a URI with these must stand in <>. */
        if (memchr(uri.p, '?', uri.n) || memchr(uri.p, ',', uri.n))
            return false;
    }
    address->parameters = ml_str_trim(text);
    return ml_guard_parse_uri(uri, &address->uri) &&
           ml_guard_parameters(address->parameters, NULL, NULL);
}

/* ---- parameters and Via ---- */

/* The value of a parameter: token, host or quoted string. */
static bool take_parameter_value(struct ml_str *text, struct ml_str *value)
{
    size_t n = text->n > 0 && text->p[0] == '"' ? quoted(*text) : span(*text, TOKEN_VALUE);

    *value = head(*text, n);
    *text = skip(*text, n);
    return n > 0;
}

bool ml_guard_parameters(struct ml_str text, const char *name, struct ml_str *found)
{
    if (found)
        *found = (struct ml_str){NULL, 0};
    for (text = skip_blanks(text); text.n > 0; text = skip_blanks(text)) {
        struct ml_str its, value;

        if (text.p[0] != ';')
            return false;
        text = skip_blanks(skip(text, 1));
        its = head(text, span(text, TOKEN));
        if (its.n == 0)
            return false;
        value = (struct ml_str){its.p + its.n, 0};
        text = skip_blanks(skip(text, its.n));
        if (text.n > 0 && text.p[0] == '=') {
            text = skip_blanks(skip(text, 1));
            if (!take_parameter_value(&text, &value))
                return false;
        }
        if (!name || !ml_str_ieq(its, ml_str(name)))
            continue;
        if (found->p) /* twice: two readers would not take the same one */
            return false;
        *found = value;
    }
    return true;
}

/* The token that *text begins with, blanks before it skipped. */
static struct ml_str take_token(struct ml_str *text)
{
    struct ml_str token;

    *text = skip_blanks(*text);
    token = head(*text, span(*text, TOKEN));
    *text = skip_blanks(skip(*text, token.n));
    return token;
}

static bool take_slash(struct ml_str *text)
{
    if (text->n == 0 || text->p[0] != '/')
        return false;
    *text = skip(*text, 1);
    return true;
}

bool ml_guard_parse_via(struct ml_str text, struct ml_guard_via *via)
{
    const char *host;

    *via = (struct ml_guard_via){0};
    if (!ml_str_ieq(take_token(&text), ML_STR("SIP")) || !take_slash(&text) ||
        !ml_str_eq(take_token(&text), ML_STR("2.0")) || !take_slash(&text))
        return false;
    via->transport = take_token(&text);
    host = text.p;
    if (via->transport.n == 0 || host == via->transport.p + via->transport.n ||
        !take_host(&text, &via->host))
        return false;
    text = skip_blanks(text);
    if (text.n > 0 && text.p[0] == ':') {
        text = skip_blanks(skip(text, 1));
        if (!take_port(&text, &via->port))
            return false;
    }
    via->parameters = ml_str_trim(text);
    return ml_guard_parameters(via->parameters, NULL, NULL);
}
