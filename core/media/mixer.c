/* Rooms: the control side, and who comes and goes on the media thread. */
#include "core/media/mixer_priv.h"

#include "core/base/mem.h"

enum { DELAY_MAX = 100 };

/* ---- control ---- */

int ml_mixer_new(struct ml_media *media, const struct ml_mixer_handlers *handlers, void *user,
                 struct ml_mixer **mixerp)
{
    struct ml_mixer *mixer = ml_alloc(sizeof *mixer);

    mixer->media = media;
    mixer->handlers = handlers;
    mixer->user = user;
    mixer->home = ml_media_lightest(media);
    mixer->tick.fn = ml_mix_tick;
    ml_list_init(&mixer->chairs);
    atomic_store(&mixer->owner, mixer->home);
    ml_list_append(&media->mixers, &mixer->all);
    *mixerp = mixer;
    return ML_OK;
}

static void tell(struct ml_mixer *mixer, struct ml_message *message)
{
    message->mixer = mixer;
    ml_worker_send(mixer->home, message);
}

void ml_mixer_free(struct ml_mixer *mixer)
{
    if (!mixer || mixer->closed)
        return;
    mixer->closed = true;
    ML_LIST_EACH(&mixer->media->streams, link)
    {
        struct ml_stream *stream = ML_CONTAINER(link, struct ml_stream, all);

        if (stream->room == mixer)
            stream->room = NULL;
    }
    ml_recorder_forget(mixer->media, NULL, mixer);
    tell(mixer, ml_message_new(ML_MESSAGE_EMPTY, NULL));
}

int ml_mixer_join(struct ml_mixer *mixer, struct ml_stream *stream, const struct ml_seat *seat)
{
    struct ml_message *message;
    bool moves_in = stream->room != mixer;

    if (mixer->closed || stream->closed || stream->media != mixer->media ||
        seat->coached == stream || seat->delay_ms < 0 || seat->delay_ms > DELAY_MAX)
        return ML_EINVAL;
    if (moves_in) {
        ml_unbridge(stream);
        ml_mixer_leave(stream);
        ml_media_gather(mixer->home, stream);
        stream->room = mixer;
    }
    message = ml_message_new(ML_MESSAGE_SIT, stream);
    message->seat = *seat;
    if (seat->coached && seat->coached->room == mixer)
        message->other = seat->coached;
    message->chair = moves_in ? ml_alloc(sizeof *message->chair) : NULL;
    tell(mixer, message);
    return ML_OK;
}

void ml_mixer_leave(struct ml_stream *stream)
{
    if (!stream->room)
        return;
    stream->room = NULL;
    ml_worker_send(stream->home, ml_message_new(ML_MESSAGE_STAND, stream));
}

struct ml_mixer *ml_mixer_of(const struct ml_stream *stream)
{
    return stream->room;
}

int ml_mixer_play(struct ml_mixer *mixer, const struct ml_source *source, uint32_t op,
                  struct ml_fault *fault)
{
    struct ml_message *message;
    struct ml_player *player;
    int status = ml_player_new(mixer->media->clips, source, op, &player, fault);

    if (status != 0)
        return status;
    message = ml_message_new(ML_MESSAGE_MIX, NULL);
    message->player = player;
    tell(mixer, message);
    return ML_OK;
}

void ml_mixer_stop(struct ml_mixer *mixer)
{
    tell(mixer, ml_message_new(ML_MESSAGE_MIX, NULL));
}

void ml_mixer_destroy(struct ml_mixer *mixer)
{
    ML_LIST_EACH(&mixer->chairs, link)
    {
        ml_free(ML_CONTAINER(link, struct ml_chair, link));
    }
    ml_list_remove(&mixer->all);
    ml_player_free(mixer->player);
    ml_free(mixer);
}

void ml_mixer_note(struct ml_note *note)
{
    struct ml_mixer *mixer = note->mixer;
    const struct ml_mixer_handlers *handlers = mixer->handlers;

    if (note->kind == ML_NOTE_EMPTIED)
        ml_mixer_destroy(mixer);
    else if (mixer->closed)
        return;
    else if (note->kind == ML_NOTE_PLAYED && handlers->played)
        handlers->played(note->op, note->end, note->text, mixer->user);
    else if (note->kind == ML_NOTE_SPEECH && handlers->speech && note->stream->room == mixer)
        handlers->speech(note->stream, note->on, mixer->user);
}

/* ---- worker ---- */

struct ml_taps *ml_mixer_taps(struct ml_mixer *mixer)
{
    return &mixer->taps;
}

static void sit(struct ml_message *message)
{
    struct ml_stream *stream = message->stream;
    struct ml_chair *chair = stream->chair;

    if (!chair) {
        chair = stream->chair = message->chair;
        message->chair = NULL;
        chair->mixer = message->mixer;
        chair->stream = stream;
        ml_list_append(&message->mixer->chairs, &chair->link);
    }
    chair->seat = message->seat;
    chair->coached = message->other;
}

void ml_chair_leave(struct ml_stream *stream)
{
    struct ml_chair *chair = stream->chair;

    if (!chair)
        return;
    stream->chair = NULL;
    ML_LIST_EACH(&chair->mixer->chairs, link)
    {
        struct ml_chair *other = ML_CONTAINER(link, struct ml_chair, link);

        if (other->coached == stream) { /* nobody hears it until it is told whom to coach */
            other->coached = NULL;
            other->seat.speaks = false;
        }
    }
    ml_list_remove(&chair->link);
    ml_free(chair);
}

static void play(struct ml_worker *worker, struct ml_mixer *mixer, struct ml_message *message)
{
    if (mixer->player)
        ml_mix_end_player(mixer, ML_PLAY_STOPPED, NULL);
    mixer->player = message->player;
    message->player = NULL;
    if (mixer->player)
        ml_mix_wake(worker, mixer);
}

static void empty(struct ml_worker *worker, struct ml_mixer *mixer)
{
    struct ml_note *note = ml_note_new(ML_NOTE_EMPTIED, NULL);
    struct ml_link *link;

    while ((link = ml_list_first(&mixer->chairs)) != NULL)
        ml_chair_leave(ML_CONTAINER(link, struct ml_chair, link)->stream);
    ml_taps_clear(&mixer->taps);
    ml_worker_untick(&mixer->tick);
    note->mixer = mixer;
    ml_media_note(worker->media, note);
}

void ml_mixer_message(struct ml_worker *worker, struct ml_message *message)
{
    switch (message->kind) {
    case ML_MESSAGE_SIT:
        sit(message);
        break;
    case ML_MESSAGE_STAND:
        ml_chair_leave(message->stream);
        break;
    case ML_MESSAGE_MIX:
        play(worker, message->mixer, message);
        break;
    case ML_MESSAGE_EMPTY:
        empty(worker, message->mixer);
        break;
    default:
        break;
    }
}

void ml_mixer_leave_worker(struct ml_mixer *mixer)
{
    ml_list_remove(&mixer->tick.link);
    atomic_store(&mixer->owner, NULL);
}

void ml_mixer_enter_worker(struct ml_worker *worker, struct ml_mixer *mixer)
{
    if (mixer->tick.due)
        ml_worker_tick(worker, &mixer->tick, mixer->tick.due);
    atomic_store(&mixer->owner, worker);
}
