#include "bindings/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "bindings/budget.h"

enum { OPEN = -1, POSITION = -2 }; /* lengths of captures */

typedef unsigned char byte;

/* ---- one character ---- */

static bool in_class(int c, int class)
{
    bool is;

    switch (tolower(class)) {
    case 'a':
        is = isalpha(c);
        break;
    case 'c':
        is = iscntrl(c);
        break;
    case 'd':
        is = isdigit(c);
        break;
    case 'g':
        is = isgraph(c);
        break;
    case 'l':
        is = islower(c);
        break;
    case 'p':
        is = ispunct(c);
        break;
    case 's':
        is = isspace(c);
        break;
    case 'u':
        is = isupper(c);
        break;
    case 'w':
        is = isalnum(c);
        break;
    case 'x':
        is = isxdigit(c);
        break;
    case 'z':
        is = c == '\0';
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !is : is;
}

/* set: at its "[", last: at its "]". */
static bool in_set(int c, const char *set, const char *last)
{
    bool found = true;
    const char *p = set + 1;

    if (*p == '^') {
        found = false;
        p++;
    }
    while (p < last) {
        if (*p == '%') {
            if (in_class(c, (byte)p[1]))
                return found;
            p += 2;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((byte)p[0] <= c && c <= (byte)p[2])
                return found;
            p += 3;
        } else {
            if ((byte)*p == c)
                return found;
            p++;
        }
    }
    return !found;
}

/* Behind the single character, class or set at p. */
static const char *behind(const struct ml_pattern *m, const char *p)
{
    char first = *p++;

    if (first == '%') {
        if (p == m->end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (*p == '^')
        p++;
    do { /* the first one is no end, even if it looks like one */
        if (p == m->end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < m->end)
            p++;
    } while (*p != ']');
    return p + 1;
}

/* Does the item from p to `next` take the character at s? */
static inline bool takes(const struct ml_pattern *m, const char *s, const char *p, const char *next)
{
    int c;

    if (s >= m->subject_end)
        return false;
    c = (byte)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, (byte)p[1]);
    case '[':
        return in_set(c, p, next - 1);
    default:
        return (byte)*p == c;
    }
}

static inline void spend(const struct ml_pattern *m)
{
    if (ml_budget_spent)
        ml_budget_raise(m->L);
}

/* ---- repetitions ---- */

static const char *longest(struct ml_pattern *m, const char *s, const char *p, const char *next)
{
    const char *most = s;

    while (takes(m, most, p, next))
        most++;
    for (; most >= s; most--) {
        const char *end;

        spend(m);
        end = ml_pattern_match(m, most, next + 1);
        if (end)
            return end;
    }
    return NULL;
}

static const char *shortest(struct ml_pattern *m, const char *s, const char *p, const char *next)
{
    for (;;) {
        const char *end = ml_pattern_match(m, s, next + 1);

        if (end)
            return end;
        spend(m);
        if (!takes(m, s, p, next))
            return NULL;
        s++;
    }
}

/* ---- captures ---- */

static const char *open_capture(struct ml_pattern *m, const char *s, const char *p)
{
    bool position = *p == ')';
    const char *end;

    if (m->captures >= ML_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->capture[m->captures].at = s;
    m->capture[m->captures].length = position ? POSITION : OPEN;
    m->captures++;
    end = ml_pattern_match(m, s, position ? p + 1 : p);
    if (!end)
        m->captures--;
    return end;
}

static const char *close_capture(struct ml_pattern *m, const char *s, const char *p)
{
    const char *end;
    int i = m->captures - 1;

    while (i >= 0 && m->capture[i].length != OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->capture[i].length = s - m->capture[i].at;
    end = ml_pattern_match(m, s, p);
    if (!end)
        m->capture[i].length = OPEN;
    return end;
}

/* %1 to %9: the same text again. Behind it, or NULL. */
static const char *again(const struct ml_pattern *m, const char *s, char digit)
{
    int i = digit - '1';
    size_t length;

    if (i < 0 || i >= m->captures || m->capture[i].length == OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    length = (size_t)m->capture[i].length; /* of a position: more than there can be */
    if ((size_t)(m->subject_end - s) < length || memcmp(m->capture[i].at, s, length) != 0)
        return NULL;
    return s + length;
}

/* %bxy: behind the y that closes the x at s. */
static const char *balanced(const struct ml_pattern *m, const char *s, const char *p)
{
    int depth = 1;

    if (p >= m->end - 1)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != p[0])
        return NULL;
    for (s++; s < m->subject_end; s++) {
        if (*s == p[1]) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == p[0]) {
            depth++;
        }
    }
    return NULL;
}

/* %f[set]: behind it in the pattern when s stands at the frontier, else NULL. */
static const char *frontier(const struct ml_pattern *m, const char *s, const char *p)
{
    const char *next;
    byte before = s == m->subject ? '\0' : (byte)s[-1];

    if (*p != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    next = behind(m, p);
    return !in_set(before, p, next - 1) && in_set((byte)*s, p, next - 1) ? next : NULL;
}

/* ---- the whole ---- */

/* What begins with % and is no class. True: it was one; *sp NULL when it does not match. */
static bool special(const struct ml_pattern *m, const char **sp, const char **pp)
{
    const char *p = *pp;

    if (p[1] == 'b') {
        *sp = balanced(m, *sp, p + 2);
        *pp = p + 4;
    } else if (p[1] == 'f') {
        *pp = frontier(m, *sp, p + 2);
        if (!*pp)
            *sp = NULL;
    } else if (isdigit((byte)p[1])) {
        *sp = again(m, *sp, p[1]);
        *pp = p + 2;
    } else {
        return false;
    }
    return true;
}

/* A single item at p with what follows it. True: go on at *sp, *pp; else *sp is the result. */
static bool item(struct ml_pattern *m, const char **sp, const char **pp)
{
    const char *s = *sp, *p = *pp;
    const char *next = behind(m, p);

    switch (next < m->end ? *next : '\0') {
    case '?':
        if (takes(m, s, p, next) && (*sp = ml_pattern_match(m, s + 1, next + 1)) != NULL)
            return false;
        *sp = s;
        *pp = next + 1;
        return true;
    case '+':
        *sp = takes(m, s, p, next) ? longest(m, s + 1, p, next) : NULL;
        return false;
    case '*':
        *sp = longest(m, s, p, next);
        return false;
    case '-':
        *sp = shortest(m, s, p, next);
        return false;
    default:
        *sp = takes(m, s, p, next) ? s + 1 : NULL;
        *pp = next;
        return *sp != NULL;
    }
}

const char *ml_pattern_match(struct ml_pattern *m, const char *s, const char *p)
{
    if (m->depth-- == 0)
        luaL_error(m->L, "pattern too complex");
    spend(m);
    while (p != m->end) {
        if (*p == '(') {
            s = open_capture(m, s, p + 1);
            break;
        } else if (*p == ')') {
            s = close_capture(m, s, p + 1);
            break;
        } else if (*p == '$' && p + 1 == m->end) {
            s = s == m->subject_end ? s : NULL;
            break;
        } else if (*p == '%' && p + 1 < m->end && special(m, &s, &p)) {
            if (!s)
                break;
        } else if (!item(m, &s, &p)) {
            break;
        }
    }
    m->depth++;
    return s;
}

void ml_pattern_init(struct ml_pattern *m, lua_State *L, const char *subject, size_t length,
                     const char *text, size_t size)
{
    m->L = L;
    m->subject = subject;
    m->subject_end = subject + length;
    m->end = text + size;
    ml_pattern_restart(m);
}

void ml_pattern_push(struct ml_pattern *m, int i, const char *from, const char *to)
{
    if (i >= m->captures) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, from, (size_t)(to - from));
    } else if (m->capture[i].length == POSITION) {
        lua_pushinteger(m->L, m->capture[i].at - m->subject + 1);
    } else if (m->capture[i].length == OPEN) {
        luaL_error(m->L, "unfinished capture");
    } else {
        lua_pushlstring(m->L, m->capture[i].at, (size_t)m->capture[i].length);
    }
}

int ml_pattern_push_all(struct ml_pattern *m, const char *from, const char *to, bool whole)
{
    int count = m->captures == 0 && whole ? 1 : m->captures;

    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        ml_pattern_push(m, i, from, to);
    return count;
}
