/* The one thread that waits for the disk. Jobs are run in order; a job lies inside what it belongs
 * to and is pushed again only after it has begun to run. In virtual time there is no thread: a job
 * runs where it is pushed. Owner: the engine. ml_disk_push: any thread. */
#ifndef ML_MEDIA_DISK_H
#define ML_MEDIA_DISK_H

#include "core/base/queue.h"

struct ml_disk;

struct ml_job {
    struct ml_node node;
    void (*run)(struct ml_job *job);
};

int ml_disk_new(struct ml_disk **diskp);
/* Runs what was pushed, then ends the thread. */
void ml_disk_free(struct ml_disk *disk);
void ml_disk_push(struct ml_disk *disk, struct ml_job *job);

#endif
