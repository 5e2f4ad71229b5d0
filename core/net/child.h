/* A child process: posix_spawn, no inherited descriptors, text to its stdin, output collected or to
 * files, a time limit. Owner: the caller, until done was called. Loop thread. */
#ifndef ML_NET_CHILD_H
#define ML_NET_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_child;

struct ml_child_options {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    struct ml_str input;     /* written to stdin, which is then closed */
    const char *stdout_file; /* or NULL: collected in memory */
    const char *directory;   /* working directory, or NULL */
    size_t max_output;       /* per stream in memory, the rest is dropped; 0: 1 MB */
    int timeout_ms;          /* then SIGKILL; 0: none */
};

struct ml_child_result {
    int status; /* exit code, or 128 + signal */
    bool timed_out;
    struct ml_str output, errors; /* borrowed until the callback returns */
};

typedef void ml_child_done_fn(const struct ml_child_result *result, void *user);

int ml_child_spawn(struct ml_loop *loop, const struct ml_child_options *options,
                   ml_child_done_fn *done, void *user, struct ml_child **childp,
                   struct ml_fault *fault);
int ml_child_pid(const struct ml_child *child);
void ml_child_kill(struct ml_child *child, int signal_number);
/* Kills if need be; done is not called any more. */
void ml_child_free(struct ml_child *child);

#endif
