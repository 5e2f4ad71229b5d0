#include "core/media/media_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/media/fork_priv.h"
#include "core/media/mixer_priv.h"
#include "core/media/recorder_priv.h"

enum { MAX_THREADS = 64 };

/* ---- notes ---- */

struct ml_note *ml_note_new(enum ml_note_kind kind, struct ml_stream *stream)
{
    struct ml_note *note = ml_alloc(sizeof *note);

    note->kind = kind;
    note->stream = stream;
    return note;
}

void ml_media_note(struct ml_media *media, struct ml_note *note)
{
    static const uint64_t one = 1;
    ssize_t done;

    ml_queue_push(&media->notes, &note->node);
    if (atomic_exchange(&media->noted, true))
        return;
    do
        done = write(media->wake, &one, sizeof one);
    while (done < 0 && errno == EINTR);
}

static void free_note(struct ml_note *note)
{
    if (note->kind == ML_NOTE_FORK)
        return;
    ml_free(note->text);
    ml_free(note);
}

static void tell(struct ml_note *note)
{
    const struct ml_stream_handlers *handlers = note->stream->handlers;
    void *user = note->stream->user;

    if (note->stream->closed)
        return;
    if (note->kind == ML_NOTE_DIGIT && handlers->digit)
        handlers->digit(note->digit, note->ms, user);
    else if (note->kind == ML_NOTE_PLAYED && handlers->played)
        handlers->played(note->op, note->end, note->text, user);
    else if (note->kind == ML_NOTE_LOST && handlers->lost)
        handlers->lost(user);
}

static void take(struct ml_note *note)
{
    switch (note->kind) {
    case ML_NOTE_DIGIT:
    case ML_NOTE_PLAYED:
    case ML_NOTE_LOST:
        if (note->mixer)
            ml_mixer_note(note);
        else
            tell(note);
        break;
    case ML_NOTE_SPEECH:
    case ML_NOTE_EMPTIED:
        ml_mixer_note(note);
        break;
    case ML_NOTE_GONE:
        ml_stream_destroy(note->stream);
        break;
    case ML_NOTE_COMPRESSED:
        ml_compression_note(note);
        break;
    case ML_NOTE_FORK:
        ml_fork_note(note);
        return; /* it is the fork's */
    case ML_NOTE_FORK_RELEASED:
        ml_fork_note(note);
        break;
    case ML_NOTE_VOICE:
    case ML_NOTE_RECORDED:
    case ML_NOTE_RELEASED:
        ml_recorder_note(note);
        break;
    }
    free_note(note);
}

/* A handler may free the engine when nothing is left in it: then the struct goes here. */
static void on_notes(int fd, int events, void *user)
{
    struct ml_media *media = user;
    struct ml_node *node;
    uint64_t count;

    (void)events;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    atomic_store(&media->noted, false);
    media->telling = true;
    while (!media->freed && (node = ml_queue_pop(&media->notes)) != NULL)
        take(ML_CONTAINER(node, struct ml_note, node));
    media->telling = false;
    if (media->freed)
        ml_free(media);
}

/* ---- workers ---- */

struct ml_worker *ml_media_lightest(struct ml_media *media)
{
    struct ml_worker *best = media->workers[0];

    for (int i = 1; i < media->worker_count; i++)
        if (media->workers[i]->load < best->load)
            best = media->workers[i];
    return best;
}

/* ---- the engine ---- */

static int start_workers(struct ml_media *media, int threads)
{
    int count = threads > 0 ? threads : 1;

    media->workers = ml_alloc((size_t)count * sizeof *media->workers);
    while (media->worker_count < count) {
        if (ml_worker_new(media, threads > 0, &media->workers[media->worker_count]) != 0)
            return ML_EIO;
        media->worker_count++;
    }
    return ML_OK;
}

static int start(struct ml_media *media, int threads)
{
    media->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (media->wake < 0 || ml_disk_new(&media->disk) != 0)
        return ML_EIO;
    media->clips = ml_clips_new(media->disk);
    return start_workers(media, threads);
}

int ml_media_new(struct ml_loop *loop, const struct ml_media_options *options,
                 struct ml_media **mediap, struct ml_fault *fault)
{
    struct ml_endpoint address;
    struct ml_media *media;
    int status;

    if (options->threads < 0 || options->threads > MAX_THREADS)
        return ml_fail(fault, ML_EINVAL, "media.threads: between 0 and %d", MAX_THREADS);
    if (!options->address || !ml_endpoint_set(&address, options->address, 0))
        return ml_fail(fault, ML_EINVAL, "rtp.listen: \"%.60s\" is not an address",
                       options->address ? options->address : "");
    ml_codec_init();
    media = ml_alloc(sizeof *media);
    media->loop = loop;
    media->rtp_timeout_ms = options->rtp_timeout_ms;
    snprintf(media->address, sizeof media->address, "%s", options->address);
    ml_list_init(&media->streams);
    ml_list_init(&media->recorders);
    ml_list_init(&media->mixers);
    ml_list_init(&media->compressions);
    ml_list_init(&media->forks);
    ml_queue_init(&media->notes);
    media->wake = -1;
    status = ml_ports_new(options->port_min, options->port_max, &media->ports, fault);
    if (status == 0 && start(media, options->threads) != 0)
        status = ml_fail(fault, ML_EIO, "media threads do not start: %s", strerror(errno));
    if (status != 0) {
        ml_media_free(media);
        return status;
    }
    media->io = ml_io_new(loop, media->wake, ML_READ, on_notes, media);
    *mediap = media;
    return ML_OK;
}

/* Threads first; then nobody but us holds anything. Streams that were freed by their users may
 * still wait here for their workers' last note. */
void ml_media_free(struct ml_media *media)
{
    struct ml_node *node;

    if (!media)
        return;
    for (int i = 0; i < media->worker_count; i++)
        ml_worker_end(media->workers[i]);
    ML_LIST_EACH(&media->streams, link)
    {
        ml_stream_destroy(ML_CONTAINER(link, struct ml_stream, all));
    }
    ML_LIST_EACH(&media->mixers, link)
    {
        ml_mixer_destroy(ML_CONTAINER(link, struct ml_mixer, all));
    }
    for (int i = 0; i < media->worker_count; i++) {
        ml_packets_free(media->workers[i]->packets);
        ml_worker_free(media->workers[i]);
    }
    ml_disk_free(media->disk);
    ml_clips_free(media->clips);
    ML_LIST_EACH(&media->recorders, link)
    {
        ml_recorder_destroy(ML_CONTAINER(link, struct ml_recorder, all));
    }
    ml_compressions_free(media);
    while ((node = ml_queue_pop(&media->notes)) != NULL)
        free_note(ML_CONTAINER(node, struct ml_note, node));
    ML_LIST_EACH(&media->forks, link)
    {
        ml_fork_destroy(ML_CONTAINER(link, struct ml_fork, all));
    }
    if (media->io)
        ml_io_free(media->io);
    if (media->wake >= 0)
        close(media->wake);
    ml_ports_free(media->ports);
    ml_free(media->workers);
    media->freed = true;
    if (!media->telling)
        ml_free(media);
}

int ml_media_keep_packets(struct ml_media *media, const char *path)
{
    struct ml_worker *worker = media->workers[0];
    struct ml_packets *packets = NULL;
    int status;

    if (worker->threaded)
        return ML_ESTATE;
    status = path ? ml_packets_new(path, &packets) : ML_OK;
    if (status != ML_OK)
        return status;
    ml_packets_free(worker->packets);
    worker->packets = packets;
    return ML_OK;
}

int ml_media_streams(const struct ml_media *media)
{
    return media->open;
}
