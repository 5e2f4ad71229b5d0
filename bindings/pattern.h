/* Lua's patterns (reference manual 6.4.1), matched under the budget of the run: a pattern that
 * backtracks without end is stopped like a loop. */
#ifndef ML_BINDINGS_PATTERN_H
#define ML_BINDINGS_PATTERN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { ML_CAPTURES = 32, ML_PATTERN_DEPTH = 200 }; /* as Lua's own */

struct ml_pattern {
    lua_State *L;
    const char *subject, *subject_end; /* ends with a NUL behind its end, as Lua's texts do */
    const char *end;                   /* of the pattern */
    int depth;                         /* of recursion that is left */
    int captures;
    struct {
        const char *at;
        ptrdiff_t length; /* or one of the marks in pattern.c */
    } capture[ML_CAPTURES];
};

void ml_pattern_init(struct ml_pattern *pattern, lua_State *L, const char *subject, size_t length,
                     const char *text, size_t size);

/* Before another match. */
static inline void ml_pattern_restart(struct ml_pattern *pattern)
{
    pattern->depth = ML_PATTERN_DEPTH;
    pattern->captures = 0;
}

/* Matches the pattern from `text` on at `at`: the end of the match, NULL when there is none. Raises
 * for a malformed pattern. */
const char *ml_pattern_match(struct ml_pattern *pattern, const char *at, const char *text);

/* Pushes capture i (from 0). Without any, 0 is the whole match. */
void ml_pattern_push(struct ml_pattern *pattern, int i, const char *from, const char *to);
/* Pushes all, the whole match if there are none and `whole`. Returns how many. */
int ml_pattern_push_all(struct ml_pattern *pattern, const char *from, const char *to, bool whole);

#endif
