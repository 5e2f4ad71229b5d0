/* Text as pointer and length: what comes from the network or from a script. Never owns its bytes.
 * And ml_buf, bytes that grow, owned by whoever holds the struct. Any thread. */
#ifndef ML_BASE_STR_H
#define ML_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_str {
    const char *p;
    size_t n;
};

#define ML_STR(literal) ((struct ml_str){(literal), sizeof(literal) - 1})

/* From a C string of our own; NULL gives the empty text. */
struct ml_str ml_str(const char *text);
bool ml_str_eq(struct ml_str a, struct ml_str b);
/* ASCII letters without case. */
bool ml_str_ieq(struct ml_str a, struct ml_str b);
bool ml_str_starts(struct ml_str text, struct ml_str prefix);
/* Without blanks, tabs, CR and LF at both ends. */
struct ml_str ml_str_trim(struct ml_str text);
/* Takes what is before the first separator out of *rest (the whole rest when there is none).
 * False when *rest was already used up (p == NULL). */
bool ml_str_cut(struct ml_str *rest, char separator, struct ml_str *part);
/* Decimal digits only, the whole text, no sign; ML_EPARSE otherwise or above max. */
int ml_str_uint(struct ml_str text, uint64_t max, uint64_t *value);
/* Into an array of that size, cut off where it is too long, always with a NUL. */
void ml_str_copy(char *to, size_t size, struct ml_str text);
/* A copy with a NUL, to be freed with ml_free. */
char *ml_str_dup(struct ml_str text);
/* FNV-1a, for tables in memory: who chooses the text can make it collide. */
uint32_t ml_hash(const char *text);

struct ml_buf {
    char *p; /* always NUL-terminated once something was added */
    size_t n;
    size_t size;
};

void ml_buf_add(struct ml_buf *buf, const void *bytes, size_t n);
void ml_buf_str(struct ml_buf *buf, const char *text);
/* Room for n bytes at the end. Who writes there adds to buf->n what was written, and the NUL. */
char *ml_buf_room(struct ml_buf *buf, size_t n);
void ml_buf_uint(struct ml_buf *buf, uint64_t number);
void ml_buf_printf(struct ml_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ml_buf_fini(struct ml_buf *buf);
/* The text, which the caller owns from now on; the buffer is empty again. Never NULL. */
char *ml_buf_take(struct ml_buf *buf);

#endif
