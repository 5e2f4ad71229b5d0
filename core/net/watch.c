#include "core/net/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/list.h"
#include "core/base/mem.h"

enum {
    MAX_DEPTH = 16,
    MAX_FOLDERS = 4096, /* a wrong root (/) must not take all watches of the user */
    EVENTS = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR
};

struct folder {
    struct ml_link link;
    int wd;
    char *path;
    char *only; /* the one name asked for, or NULL: everything, and subfolders */
    int depth;
};

struct ml_watch {
    int fd;
    struct ml_io *io;
    struct ml_list folders;
    int count;
    ml_watch_fn *fn;
    void *user;
    bool *freed; /* set while callbacks run */
};

static void forget(struct ml_watch *watch, struct folder *folder)
{
    ml_list_remove(&folder->link);
    watch->count--;
    ml_free(folder->path);
    ml_free(folder->only);
    ml_free(folder);
}

static bool is_known(const struct ml_watch *watch, int wd, const char *only)
{
    ML_LIST_EACH(&watch->folders, link)
    {
        struct folder *f = ML_CONTAINER(link, struct folder, link);

        if (f->wd == wd && (only ? f->only && strcmp(f->only, only) == 0 : !f->only))
            return true;
    }
    return false;
}

/* 0, or an errno. */
static int add_folder(struct ml_watch *watch, const char *path, const char *only, int depth)
{
    struct folder *folder;
    int wd;

    if (watch->count >= MAX_FOLDERS)
        return ENOSPC;
    wd = inotify_add_watch(watch->fd, path, EVENTS | IN_MASK_ADD);
    if (wd < 0)
        return errno;
    if (is_known(watch, wd, only))
        return 0;
    folder = ml_alloc(sizeof *folder);
    folder->wd = wd;
    folder->path = ml_strdup(path);
    folder->only = ml_strdup(only);
    folder->depth = depth;
    ml_list_append(&watch->folders, &folder->link);
    watch->count++;
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Hidden folders (.git) are left out, and links are not followed. */
static int add_tree(struct ml_watch *watch, const char *path, int depth)
{
    int code = add_folder(watch, path, NULL, depth);
    struct dirent *entry;
    DIR *dir;

    if (code != 0 || depth >= MAX_DEPTH)
        return code;
    dir = opendir(path);
    while (dir && code == 0 && (entry = readdir(dir)) != NULL) {
        char *below;

        if (entry->d_name[0] == '.')
            continue;
        below = ml_format("%s/%s", path, entry->d_name);
        if (is_folder(below))
            code = add_tree(watch, below, depth + 1);
        ml_free(below);
    }
    if (dir)
        closedir(dir);
    return code == ENOENT && depth > 0 ? 0 : code; /* gone again meanwhile */
}

/* Tells, and says whether the watch still lives. */
static bool tell(struct ml_watch *watch, const char *path)
{
    bool freed = false;

    watch->freed = &freed;
    watch->fn(path, watch->user);
    if (!freed)
        watch->freed = NULL;
    return !freed;
}

/* Files that came with a new folder were there before anybody watched it. */
static bool tell_tree(struct ml_watch *watch, const char *path, int depth)
{
    struct dirent *entry;
    bool alive = true;
    DIR *dir = depth < MAX_DEPTH ? opendir(path) : NULL;

    while (dir && alive && (entry = readdir(dir)) != NULL) {
        char *below;

        if (entry->d_name[0] == '.')
            continue;
        below = ml_format("%s/%s", path, entry->d_name);
        alive = tell(watch, below);
        if (alive && is_folder(below))
            alive = tell_tree(watch, below, depth + 1);
        ml_free(below);
    }
    if (dir)
        closedir(dir);
    return alive;
}

static bool on_change(struct ml_watch *watch, struct folder *folder,
                      const struct inotify_event *event)
{
    const char *name = event->len ? event->name : "";
    bool whole = !folder->only, alive;
    int depth = folder->depth + 1;
    char *path;

    if (folder->only && strcmp(folder->only, name) != 0)
        return true;
    path = ml_format("%s/%s", folder->path, name);
    alive = tell(watch, path);
    if (alive && whole && (event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)) &&
        name[0] != '.') {
        add_tree(watch, path, depth);
        alive = tell_tree(watch, path, depth);
    }
    ml_free(path);
    return alive;
}

/* Events were lost: everything may have changed. */
static bool tell_all(struct ml_watch *watch)
{
    ML_LIST_EACH(&watch->folders, link)
    {
        struct folder *f = ML_CONTAINER(link, struct folder, link);
        char *path = ml_strdup(f->path);
        bool alive = tell(watch, path);

        ml_free(path);
        if (!alive)
            return false;
    }
    return true;
}

static bool on_event(struct ml_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return tell_all(watch);
    ML_LIST_EACH(&watch->folders, link)
    {
        struct folder *f = ML_CONTAINER(link, struct folder, link);

        if (f->wd != event->wd)
            continue;
        if (event->mask & IN_IGNORED)
            forget(watch, f);
        else if (!on_change(watch, f, event))
            return false;
    }
    return true;
}

static void on_readable(int fd, int events, void *user)
{
    struct ml_watch *watch = user;
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);

    (void)events;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const void *)(bytes + at);

        at += (ssize_t)(sizeof *event + event->len);
        if (!on_event(watch, event))
            return;
    }
}

int ml_watch_new(struct ml_loop *loop, ml_watch_fn *fn, void *user, struct ml_watch **watchp,
                 struct ml_fault *fault)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct ml_watch *watch;

    if (fd < 0)
        return ml_fail(fault, ML_EIO, "files cannot be watched: %s", strerror(errno));
    watch = ml_alloc(sizeof *watch);
    watch->fd = fd;
    watch->fn = fn;
    watch->user = user;
    ml_list_init(&watch->folders);
    watch->io = ml_io_new(loop, fd, ML_READ, on_readable, watch);
    *watchp = watch;
    return ML_OK;
}

/* An editor replaces a file by renaming another one over it, which only the folder notices. */
static int add_file(struct ml_watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? ml_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
    int code = add_folder(watch, folder ? folder : ".", slash ? slash + 1 : path, 0);

    ml_free(folder);
    return code;
}

int ml_watch_add(struct ml_watch *watch, const char *path, struct ml_fault *fault)
{
    struct stat st;
    int code = stat(path, &st) == 0 ? 0 : errno;

    if (code == 0)
        code = S_ISDIR(st.st_mode) ? add_tree(watch, path, 0) : add_file(watch, path);
    if (code == 0)
        return ML_OK;
    return ml_fail(fault, code == ENOENT ? ML_ENOTFOUND : ML_EIO, "%.150s cannot be watched: %s",
                   path, strerror(code));
}

void ml_watch_free(struct ml_watch *watch)
{
    if (!watch)
        return;
    if (watch->freed)
        *watch->freed = true;
    ML_LIST_EACH(&watch->folders, link)
    {
        forget(watch, ML_CONTAINER(link, struct folder, link));
    }
    ml_io_free(watch->io);
    close(watch->fd);
    ml_free(watch);
}
