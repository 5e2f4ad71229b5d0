/* Says when a file below a folder changed (inotify, folders watched with their subfolders).
 * Owner: the caller. Loop thread. */
#ifndef ML_NET_WATCH_H
#define ML_NET_WATCH_H

#include "core/base/error.h"
#include "core/net/loop.h"

struct ml_watch;

/* path: the file or folder that was written, moved, created or removed. */
typedef void ml_watch_fn(const char *path, void *user);

int ml_watch_new(struct ml_loop *loop, ml_watch_fn *fn, void *user, struct ml_watch **watchp,
                 struct ml_fault *fault);
/* A folder (with all below it) or one file. */
int ml_watch_add(struct ml_watch *watch, const char *path, struct ml_fault *fault);
void ml_watch_free(struct ml_watch *watch);

#endif
