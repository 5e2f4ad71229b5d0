#include "core/media/disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/mem.h"

struct ml_disk {
    bool threaded;
    pthread_t thread;
    int wake;
    struct ml_queue jobs;
    struct ml_job quit;
    bool ended;
};

static void run_quit(struct ml_job *job)
{
    ML_CONTAINER(job, struct ml_disk, quit)->ended = true;
}

static void *run(void *user)
{
    struct ml_disk *disk = user;

    while (!disk->ended) {
        struct ml_node *node;
        uint64_t count;

        if (read(disk->wake, &count, sizeof count) < 0 && errno != EINTR)
            break;
        while ((node = ml_queue_pop(&disk->jobs)) != NULL) {
            struct ml_job *job = ML_CONTAINER(node, struct ml_job, node);

            job->run(job);
        }
    }
    return NULL;
}

static int start(struct ml_disk *disk)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&disk->thread, NULL, run, disk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(disk->thread, "ml-disk");
    return error;
}

int ml_disk_new(struct ml_disk **diskp)
{
    struct ml_disk *disk = ml_alloc(sizeof *disk);

    disk->threaded = !ml_clock_is_virtual();
    disk->quit.run = run_quit;
    disk->wake = -1;
    ml_queue_init(&disk->jobs);
    if (disk->threaded) {
        disk->wake = eventfd(0, EFD_CLOEXEC);
        if (disk->wake < 0 || start(disk) != 0)
            goto fail;
    }
    *diskp = disk;
    return ML_OK;
fail:
    if (disk->wake >= 0)
        close(disk->wake);
    ml_free(disk);
    return ML_EIO;
}

void ml_disk_push(struct ml_disk *disk, struct ml_job *job)
{
    static const uint64_t one = 1;
    ssize_t done;

    if (!disk->threaded) {
        job->run(job);
        return;
    }
    ml_queue_push(&disk->jobs, &job->node);
    do
        done = write(disk->wake, &one, sizeof one);
    while (done < 0 && errno == EINTR);
}

void ml_disk_free(struct ml_disk *disk)
{
    if (!disk)
        return;
    if (disk->threaded) {
        ml_disk_push(disk, &disk->quit);
        pthread_join(disk->thread, NULL);
        close(disk->wake);
    }
    ml_free(disk);
}
