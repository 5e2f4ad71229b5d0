#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/media/mixer_priv.h"
#include "core/media/recorder_priv.h"

static int check(const struct ml_media *media, const struct ml_recorder_options *options,
                 struct ml_fault *fault)
{
    if (!options->path || !options->path[0])
        return ml_fail(fault, ML_EINVAL, "recording: no path");
    if (!options->room &&
        (!options->left || options->left->closed || options->left->media != media))
        return ml_fail(fault, ML_ESTATE, "recording: the call's audio has ended");
    if (options->right && (options->right->closed || options->right->media != media))
        return ml_fail(fault, ML_ESTATE, "recording: the other call's audio has ended");
    if (options->max_ms < 0 || options->silence_ms < 0)
        return ml_fail(fault, ML_EINVAL, "recording: no time below 0");
    if (options->utterance && (options->dual || options->trim || options->right || options->hears))
        return ml_fail(fault, ML_EINVAL, "recording: an utterance is one voice, not trimmed");
    if (options->finish_keys && strlen(options->finish_keys) > 16)
        return ml_fail(fault, ML_EINVAL, "recording: there are only 16 keys to finish with");
    return ML_OK;
}

static struct ml_recorder *make(struct ml_media *media, const struct ml_recorder_options *options)
{
    struct ml_recorder *recorder = ml_alloc(sizeof *recorder);

    recorder->media = media;
    recorder->home = options->room ? options->room->home : options->left->home;
    recorder->room = options->room;
    recorder->left = options->room ? NULL : options->left;
    recorder->right = options->right;
    recorder->path = ml_strdup(options->path);
    recorder->channels = options->dual ? 2 : 1;
    recorder->trim = options->trim;
    recorder->unsaid = options->hears && options->unsaid && !options->room;
    recorder->max = (int64_t)options->max_ms * ML_SAMPLES_MS;
    recorder->silence = (int64_t)options->silence_ms * ML_SAMPLES_MS;
    if (options->finish_keys)
        snprintf(recorder->finish_keys, sizeof recorder->finish_keys, "%s", options->finish_keys);
    if (options->utterance) {
        recorder->utterance = ml_alloc(sizeof *recorder->utterance);
        recorder->utterance->from = -1;
        ml_voice_init(&recorder->utterance->voice);
    } else {
        recorder->tracks[1] = ml_alloc(sizeof *recorder->tracks[1]);
        ml_take_make_room(recorder);
    }
    recorder->tracks[0] = ml_alloc(sizeof *recorder->tracks[0]);
    recorder->voice = options->voice;
    recorder->wav.fd = -1;
    recorder->tick.fn = ml_take_tick;
    recorder->open.run = ml_take_open;
    recorder->write.run = ml_take_write;
    recorder->finish.run = ml_take_finish;
    return recorder;
}

int ml_recorder_new(struct ml_media *media, const struct ml_recorder_options *options,
                    ml_recorded_fn *done, void *user, struct ml_recorder **recorderp,
                    struct ml_fault *fault)
{
    struct ml_recorder *recorder;
    struct ml_message *message;
    int status = check(media, options, fault);

    if (status != 0)
        return status;
    recorder = make(media, options);
    recorder->done = done;
    recorder->user = user;
    if (recorder->right)
        ml_media_gather(recorder->home, recorder->right);
    ml_list_append(&media->recorders, &recorder->all);
    ml_disk_push(media->disk, &recorder->open);
    message = ml_message_new(ML_MESSAGE_RECORD, recorder->left);
    message->other = recorder->right;
    message->recorder = recorder;
    message->mixer = recorder->room;
    message->on = options->hears && recorder->left && !recorder->right;
    ml_worker_send(recorder->home, message);
    *recorderp = recorder;
    return ML_OK;
}

static void tell(struct ml_recorder *recorder, struct ml_message *message)
{
    message->recorder = recorder;
    ml_worker_send(recorder->home, message);
}

void ml_recorder_join(struct ml_recorder *recorder, struct ml_stream *right)
{
    if (recorder->stopping || right->closed || recorder->right == right || recorder->utterance)
        return;
    ml_media_gather(recorder->home, right);
    recorder->right = right;
    tell(recorder, ml_message_new(ML_MESSAGE_JOIN, right));
}

void ml_recorder_pause(struct ml_recorder *recorder, bool paused, bool skip)
{
    struct ml_message *message = ml_message_new(ML_MESSAGE_PAUSE, NULL);

    message->on = paused;
    message->skip = skip;
    tell(recorder, message);
}

void ml_recorder_stop(struct ml_recorder *recorder)
{
    if (recorder->stopping)
        return;
    recorder->stopping = true;
    tell(recorder, ml_message_new(ML_MESSAGE_FINISH, NULL));
}

void ml_recorder_abandon(struct ml_recorder *recorder)
{
    recorder->done = NULL;
    recorder->voice = NULL;
    ml_recorder_stop(recorder);
}

void ml_recorder_forget(struct ml_media *media, const struct ml_stream *stream,
                        const struct ml_mixer *room)
{
    ML_LIST_EACH(&media->recorders, link)
    {
        struct ml_recorder *recorder = ML_CONTAINER(link, struct ml_recorder, all);

        if (stream && recorder->left == stream)
            recorder->left = NULL;
        if (stream && recorder->right == stream)
            recorder->right = NULL;
        if (room && recorder->room == room)
            recorder->room = NULL;
    }
}

void ml_recorder_destroy(struct ml_recorder *recorder)
{
    ml_list_remove(&recorder->all);
    ml_wav_close(&recorder->wav);
    ml_ring_free(recorder->ring);
    ml_free(recorder->utterance);
    ml_free(recorder->tracks[0]);
    ml_free(recorder->tracks[1]);
    ml_free(recorder->path);
    ml_free(recorder);
}

/* The worker may still have a message about it on the way: the memory goes when that is done. */
static void finished(struct ml_recorder *recorder)
{
    struct ml_recording recording = {.end = recorder->end,
                                     .key = recorder->key,
                                     .duration_ms = recorder->duration_ms,
                                     .channels = recorder->channels,
                                     .absent = recorder->absent};
    ml_recorded_fn *done = recorder->done;
    void *user = recorder->user;
    char text[sizeof recorder->fault.text];

    if (recorder->end == ML_RECORD_FAILED) {
        snprintf(text, sizeof text, "%s", recorder->fault.text);
        recording.text = text;
    }
    if (recorder->gone > 0)
        ml_log(ML_LOG_WARNING, NULL, "recording %s: the disk was late, %d ms are silence",
               recorder->path, (int)(recorder->gone / ML_SAMPLES_MS));
    recorder->stopping = true;
    recorder->left = recorder->right = NULL;
    recorder->room = NULL;
    tell(recorder, ml_message_new(ML_MESSAGE_RELEASE, NULL));
    if (done)
        done(&recording, user);
}

void ml_recorder_note(struct ml_note *note)
{
    if (note->kind == ML_NOTE_VOICE && note->recorder->voice)
        note->recorder->voice(note->recorder->user);
    else if (note->kind == ML_NOTE_RECORDED)
        finished(note->recorder);
    else if (note->kind == ML_NOTE_RELEASED)
        ml_recorder_destroy(note->recorder);
}
