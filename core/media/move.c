/* Moving from media thread to media thread: all that hangs together stops on the one, then starts
 * on the other; messages on their way wait (worker.c). */
#include <errno.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/media/mixer_priv.h"
#include "core/media/recorder_priv.h"

/* ---- control: what moves ---- */

static bool mark_stream(struct ml_stream *stream)
{
    if (!stream || stream->marked)
        return false;
    return stream->marked = true;
}

static bool is_marked(const struct ml_stream *stream)
{
    return stream && stream->marked;
}

/* A stream and its room mark each other. */
static bool mark_room(struct ml_stream *stream)
{
    if (!stream->room || stream->marked == stream->room->marked)
        return false;
    return stream->marked = stream->room->marked = true;
}

static bool spread_recorder(struct ml_recorder *recorder)
{
    struct ml_mixer *room = recorder->room;

    if (recorder->marked ||
        !(is_marked(recorder->left) || is_marked(recorder->right) || (room && room->marked)))
        return false;
    recorder->marked = true;
    mark_stream(recorder->left);
    mark_stream(recorder->right);
    if (room)
        room->marked = true;
    return true;
}

/* Marks what hangs together with the streams that are marked; false when nothing was added. */
static bool spread(struct ml_media *media)
{
    bool more = false;

    ML_LIST_EACH(&media->streams, link)
    {
        struct ml_stream *stream = ML_CONTAINER(link, struct ml_stream, all);

        if (stream->marked && mark_stream(stream->mate))
            more = true;
        if (mark_room(stream))
            more = true;
    }
    ML_LIST_EACH(&media->recorders, link)
    {
        struct ml_recorder *recorder = ML_CONTAINER(link, struct ml_recorder, all);

        if (spread_recorder(recorder))
            more = true;
    }
    return more;
}

static void add(struct ml_party *party, enum ml_mover_kind kind, void *thing, ml_owner *owner)
{
    struct ml_mover mover = {kind, thing, owner};

    party->mover = ml_realloc(party->mover, (size_t)(party->count + 1) * sizeof *party->mover);
    party->mover[party->count++] = mover;
}

static void add_streams(struct ml_party *party, struct ml_media *media, struct ml_worker *to)
{
    ML_LIST_EACH(&media->streams, link)
    {
        struct ml_stream *stream = ML_CONTAINER(link, struct ml_stream, all);

        if (!stream->marked)
            continue;
        stream->marked = false;
        stream->home->load--;
        stream->home = to;
        to->load++;
        add(party, ML_MOVER_STREAM, stream, &stream->owner);
    }
}

static struct ml_party *party_of_marked(struct ml_media *media, struct ml_worker *to)
{
    struct ml_party *party = ml_alloc(sizeof *party);

    add_streams(party, media, to);
    ML_LIST_EACH(&media->recorders, link)
    {
        struct ml_recorder *recorder = ML_CONTAINER(link, struct ml_recorder, all);

        if (!recorder->marked)
            continue;
        recorder->marked = false;
        recorder->home = to;
        add(party, ML_MOVER_RECORDER, recorder, &recorder->owner);
    }
    ML_LIST_EACH(&media->mixers, link)
    {
        struct ml_mixer *mixer = ML_CONTAINER(link, struct ml_mixer, all);

        if (!mixer->marked)
            continue;
        mixer->marked = false;
        mixer->home = to;
        add(party, ML_MOVER_MIXER, mixer, &mixer->owner);
    }
    return party;
}

static void move(struct ml_media *media, struct ml_worker *from, struct ml_worker *to)
{
    struct ml_message *message = ml_message_new(ML_MESSAGE_LEAVE, NULL);

    while (spread(media)) {
    }
    message->party = party_of_marked(media, to);
    message->to = to;
    ml_worker_send(from, message);
}

void ml_media_gather(struct ml_worker *to, struct ml_stream *stream)
{
    struct ml_worker *from = stream->home;

    if (from == to)
        return;
    stream->marked = true;
    move(stream->media, from, to);
}

/* ---- worker ---- */

static void leave_one(const struct ml_mover *mover)
{
    switch (mover->kind) {
    case ML_MOVER_STREAM:
        ml_stream_leave(mover->thing);
        break;
    case ML_MOVER_RECORDER:
        ml_recorder_leave(mover->thing);
        break;
    case ML_MOVER_MIXER:
        ml_mixer_leave_worker(mover->thing);
        break;
    }
}

void ml_party_leave(struct ml_message *message)
{
    struct ml_party *party = message->party;
    struct ml_message *enter = ml_message_new(ML_MESSAGE_ENTER, NULL);
    static const uint64_t one = 1;
    ssize_t done;

    for (int i = 0; i < party->count; i++)
        leave_one(&party->mover[i]);
    enter->party = party;
    message->party = NULL;
    ml_queue_push(&message->to->inbox, &enter->node);
    do
        done = write(message->to->wake, &one, sizeof one);
    while (done < 0 && errno == EINTR);
}

static void enter_one(struct ml_worker *worker, const struct ml_mover *mover)
{
    switch (mover->kind) {
    case ML_MOVER_STREAM:
        ml_stream_enter(worker, mover->thing);
        break;
    case ML_MOVER_RECORDER:
        ml_recorder_enter(worker, mover->thing);
        break;
    case ML_MOVER_MIXER:
        ml_mixer_enter_worker(worker, mover->thing);
        break;
    }
}

void ml_party_enter(struct ml_worker *worker, struct ml_message *message)
{
    for (int i = 0; i < message->party->count; i++)
        enter_one(worker, &message->party->mover[i]);
}
