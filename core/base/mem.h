/* Counted allocation. Every block of core/ comes from here, so that a test can ask for the number
 * of blocks before and after and call a difference a leak. Memory is zeroed. Any thread.
 * There is no failure to handle: out of memory ends the process with a line in the log. */
#ifndef ML_BASE_MEM_H
#define ML_BASE_MEM_H

#include <stddef.h>

void *ml_alloc(size_t size);
/* Grows or shrinks; bytes past the old size are not zeroed. block may be NULL. */
void *ml_realloc(void *block, size_t size);
/* NULL is allowed. */
void ml_free(void *block);

/* Copies, owned by the caller. ml_strdup(NULL) is NULL. */
char *ml_strdup(const char *text);
char *ml_strndup(const char *text, size_t length);
char *ml_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Gives what is free back to the system; milliseconds, for when much was freed at once. */
void ml_mem_trim(void);

/* Blocks that live now, without those that caches keep. */
long ml_mem_blocks(void);
/* A cache keeps that many of the blocks for whoever comes next; negative: no more. */
void ml_mem_keep(long count);

#endif
