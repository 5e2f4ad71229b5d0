#include "core/base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

static atomic_long blocks;

static void *counted(void *block, size_t size)
{
    if (!block) {
        ml_log(ML_LOG_ERROR, NULL, "out of memory: %zu bytes asked for", size);
        abort();
    }
    return block;
}

void *ml_alloc(size_t size)
{
    void *block = counted(calloc(1, size ? size : 1), size);

    atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed);
    return block;
}

void *ml_realloc(void *block, size_t size)
{
    if (!block)
        return ml_alloc(size);
    return counted(realloc(block, size ? size : 1), size);
}

void ml_free(void *block)
{
    if (!block)
        return;
    atomic_fetch_sub_explicit(&blocks, 1, memory_order_relaxed);
    free(block);
}

char *ml_strdup(const char *text)
{
    return text ? ml_strndup(text, strlen(text)) : NULL;
}

char *ml_strndup(const char *text, size_t length)
{
    char *copy = ml_alloc(length + 1);

    memcpy(copy, text, length);
    return copy;
}

char *ml_format(const char *format, ...)
{
    va_list args;
    char *text;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = ml_alloc((size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void mi_collect(bool force) __attribute__((weak)); /* mimalloc's, where it is linked */

void ml_mem_trim(void)
{
    if (mi_collect)
        mi_collect(true);
    else
        malloc_trim(0);
}

void ml_mem_keep(long count)
{
    atomic_fetch_sub_explicit(&blocks, count, memory_order_relaxed);
}

long ml_mem_blocks(void)
{
    return atomic_load_explicit(&blocks, memory_order_relaxed);
}
