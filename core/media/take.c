/* The worker's side of a recorder: two voices put on one timeline, judged and handed on. */
#include <string.h>

#include "core/media/recorder_priv.h"

/* TELL: samples after which the disk is told; with the delay and a tick less than a second. */
enum { TICK_US = 100000, TELL = 5600, AHEAD_MAX = 3200 };

/* Samples of the recording's time. */
static int64_t timeline(const struct ml_recorder *recorder, int64_t now)
{
    int64_t us =
        (recorder->paused && recorder->skipping ? recorder->paused_us : now) - recorder->begun_us;

    return us > 0 ? us * ML_SAMPLES_MS / 1000 : 0;
}

/* ---- hearing ---- */

/* Where a packet of this timestamp lies. The place of the first is its arrival; a source whose
 * clock is another than ours drifts until it would come too late or too early: then anew. */
static int64_t place(struct ml_recorder *recorder, struct ml_track *track, uint32_t timestamp,
                     int64_t here, bool fresh)
{
    int32_t ahead = ml_rtp_time_ahead(timestamp, track->timestamp);
    int64_t position = track->position + ahead;

    if (fresh || !track->synced || position > here + AHEAD_MAX ||
        (ahead > 0 ? position < recorder->written : position < here - ML_TRACK)) {
        track->synced = true;
        position = here;
    } else if (ahead <= 0) {
        return position;
    }
    track->timestamp = timestamp;
    track->position = position;
    return position;
}

void ml_recorder_hear(struct ml_recorder *recorder, int channel, int64_t now,
                      const struct ml_rtp *rtp, const int16_t *samples, bool fresh)
{
    struct ml_track *track = recorder->tracks[channel];
    int64_t end = recorder->written + ML_TRACK, position;

    if (recorder->over || recorder->paused) {
        track->synced = false;
        return;
    }
    position = place(recorder, track, rtp->timestamp, timeline(recorder, now), fresh);
    for (size_t i = 0; i < rtp->length; i++, position++)
        if (position >= recorder->written && position < end)
            track->samples[position % ML_TRACK] = samples[i];
}

void ml_taps_hear(struct ml_taps *taps, int64_t now, const struct ml_rtp *rtp,
                  const int16_t *samples, bool fresh)
{
    for (int i = taps->count - 1; i >= 0; i--)
        ml_recorder_hear(taps->tap[i].recorder, taps->tap[i].channel, now, rtp, samples, fresh);
}

/* ---- handing on ---- */

void ml_take_make_room(struct ml_recorder *recorder)
{
    recorder->ring = ml_ring_new(sizeof(int16_t) * (size_t)recorder->channels, ML_TAKE_AHEAD);
}

bool ml_is_loud(const int16_t *samples, int count)
{
    int64_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += (int64_t)samples[i] * samples[i];
    return sum >= (int64_t)ML_TAKE_LOUD * ML_TAKE_LOUD * count;
}

static int16_t sum_of(int16_t a, int16_t b)
{
    int sum = a + b;

    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

/* What the ring had no room for is owed as silence, so that the time stays right. */
static void pay_debt(struct ml_recorder *recorder)
{
    static const int16_t silence[2 * ML_TAKE_BLOCK];

    while (recorder->missing > 0) {
        size_t n = recorder->missing < ML_TAKE_BLOCK ? (size_t)recorder->missing : ML_TAKE_BLOCK;
        size_t done = ml_ring_write(recorder->ring, silence, n);

        recorder->missing -= (int64_t)done;
        if (done < n)
            return;
    }
}

static void hand_on(struct ml_recorder *recorder, const int16_t *frames, size_t n)
{
    size_t done = 0;

    pay_debt(recorder);
    if (recorder->missing == 0)
        done = ml_ring_write(recorder->ring, frames, n);
    recorder->missing += (int64_t)(n - done);
    recorder->gone += (int64_t)(n - done);
}

static void take_out(struct ml_track *track, int64_t from, int n, int16_t *samples)
{
    for (int i = 0; i < n; i++) {
        int16_t *sample = &track->samples[(from + i) % ML_TRACK];

        samples[i] = *sample;
        *sample = 0;
    }
}

static void judge(struct ml_recorder *recorder, bool loud, int n)
{
    if (loud) {
        if (recorder->loud_from < 0)
            recorder->loud_from = recorder->written;
        recorder->loud_to = recorder->written + n;
        recorder->quiet = 0;
    } else if (!recorder->paused) {
        recorder->quiet += n;
    }
}

/* The voice begins: what was heard just before it goes first. */
static void begin_utterance(struct ml_recorder *recorder)
{
    struct ml_utterance *utterance = recorder->utterance;
    int64_t last = utterance->kept, from = last > ML_TAKE_BEFORE ? last - ML_TAKE_BEFORE : 0;
    struct ml_note *note = ml_note_new(ML_NOTE_VOICE, NULL);

    ml_take_make_room(recorder);
    utterance->from = recorder->written;
    for (; from < last; from++)
        hand_on(recorder, &utterance->before[from % ML_TAKE_BEFORE], 1);
    note->recorder = recorder;
    ml_media_note(recorder->media, note);
}

static void take_utterance(struct ml_recorder *recorder, const int16_t *samples, int n)
{
    struct ml_utterance *utterance = recorder->utterance;

    ml_voice_hear(&utterance->voice, samples, (size_t)n);
    if (utterance->from < 0 && utterance->voice.speaks)
        begin_utterance(recorder);
    if (utterance->from >= 0) {
        judge(recorder, utterance->voice.speaks, n);
        hand_on(recorder, samples, (size_t)n);
        return;
    }
    for (int i = 0; i < n; i++)
        utterance->before[utterance->kept++ % ML_TAKE_BEFORE] = samples[i];
}

static void write_block(struct ml_recorder *recorder, int n)
{
    int16_t voices[2][ML_TAKE_BLOCK], frames[2 * ML_TAKE_BLOCK];

    take_out(recorder->tracks[0], recorder->written, n, voices[0]);
    if (recorder->utterance) {
        take_utterance(recorder, voices[0], n);
        recorder->written += n;
        return;
    }
    take_out(recorder->tracks[1], recorder->written, n, voices[1]);
    for (int i = 0; i < n; i++) {
        if (recorder->channels == 1) {
            frames[i] = sum_of(voices[0][i], voices[1][i]);
        } else {
            frames[2 * i] = voices[0][i];
            frames[2 * i + 1] = voices[1][i];
        }
    }
    judge(recorder, ml_is_loud(voices[0], n) || ml_is_loud(voices[1], n), n);
    hand_on(recorder, frames, (size_t)n);
    recorder->written += n;
}

static void write_until(struct ml_recorder *recorder, int64_t end)
{
    while (recorder->written < end) {
        int64_t n = end - recorder->written;

        write_block(recorder, (int)(n < ML_TAKE_BLOCK ? n : ML_TAKE_BLOCK));
    }
}

static void tell_disk(struct ml_recorder *recorder)
{
    recorder->asked = recorder->written;
    if (!atomic_exchange(&recorder->queued, true))
        ml_disk_push(recorder->media->disk, &recorder->write);
}

/* ---- its course ---- */

static void untap(struct ml_taps *taps, const struct ml_recorder *recorder)
{
    int kept = 0;

    for (int i = 0; taps && i < taps->count; i++)
        if (taps->tap[i].recorder != recorder)
            taps->tap[kept++] = taps->tap[i];
    if (taps)
        taps->count = kept;
}

static void tap(struct ml_recorder *recorder, int channel, struct ml_taps *taps)
{
    if (!taps || taps->count == ML_TAPS)
        return;
    if (recorder->taps[channel] != recorder->taps[!channel])
        untap(recorder->taps[channel], recorder);
    taps->tap[taps->count++] = (struct ml_tap){recorder, channel};
    recorder->taps[channel] = taps;
    recorder->tracks[channel]->synced = false;
}

/* The place on the timeline at which it is long enough. */
static int64_t limit_of(const struct ml_recorder *recorder)
{
    int64_t from = recorder->utterance ? recorder->utterance->from : 0;

    return recorder->max > 0 && from >= 0 ? from + recorder->max : INT64_MAX;
}

static void finish(struct ml_recorder *recorder, int64_t now, enum ml_record_end end)
{
    int64_t last = timeline(recorder, now), limit = limit_of(recorder);

    if (recorder->over)
        return;
    if (last > limit)
        last = limit;
    write_until(recorder, last);
    recorder->over = true;
    recorder->end = atomic_load(&recorder->failed) ? ML_RECORD_FAILED : end;
    for (int c = 0; c < 2; c++)
        untap(recorder->taps[c], recorder);
    recorder->taps[0] = recorder->taps[1] = NULL;
    ml_disk_push(recorder->media->disk, &recorder->finish);
}

void ml_take_tick(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now)
{
    struct ml_recorder *recorder = ML_CONTAINER(ticker, struct ml_recorder, tick);
    int64_t here = timeline(recorder, now), limit;

    (void)worker;
    ticker->due = 0;
    if (recorder->over)
        return;
    write_until(recorder, here - ML_TAKE_DELAY);
    limit = limit_of(recorder);
    if (atomic_load_explicit(&recorder->failed, memory_order_relaxed)) {
        finish(recorder, now, ML_RECORD_FAILED);
    } else if (here >= limit) {
        finish(recorder, now, ML_RECORD_MAX);
    } else if (recorder->silence > 0 && recorder->quiet >= recorder->silence) {
        finish(recorder, now, ML_RECORD_SILENCE);
    } else {
        if (recorder->ring && recorder->written - recorder->asked >= TELL)
            tell_disk(recorder);
        ticker->due = now + TICK_US;
        if (limit - here < TICK_US / 125)
            ticker->due = now + (limit - here) * 125;
    }
}

void ml_recorder_key(struct ml_worker *worker, struct ml_recorder *recorder, int channel, char key)
{
    if (channel != 0 || recorder->over || !strchr(recorder->finish_keys, key))
        return;
    recorder->key = key;
    finish(recorder, worker->now, ML_RECORD_KEY);
}

void ml_taps_clear(struct ml_taps *taps)
{
    for (int i = 0; i < taps->count; i++) {
        struct ml_recorder *recorder = taps->tap[i].recorder;

        recorder->taps[taps->tap[i].channel] = NULL;
        recorder->tracks[taps->tap[i].channel]->synced = false;
    }
    taps->count = 0;
}

static void pause_now(struct ml_recorder *recorder, int64_t now, bool paused, bool skip)
{
    if (recorder->over || paused == recorder->paused)
        return;
    write_until(recorder, timeline(recorder, now));
    if (paused) {
        recorder->paused_us = now;
        recorder->skipping = skip;
    } else if (recorder->skipping) {
        recorder->begun_us += now - recorder->paused_us;
    }
    recorder->paused = paused;
    recorder->quiet = 0;
    for (int c = 0; c < 2; c++)
        if (recorder->tracks[c])
            recorder->tracks[c]->synced = false;
}

void ml_recorder_leave(struct ml_recorder *recorder)
{
    ml_list_remove(&recorder->tick.link);
    atomic_store(&recorder->owner, NULL);
}

void ml_recorder_enter(struct ml_worker *worker, struct ml_recorder *recorder)
{
    if (recorder->tick.due)
        ml_worker_tick(worker, &recorder->tick, recorder->tick.due);
    atomic_store(&recorder->owner, worker);
}

static void begin(struct ml_worker *worker, struct ml_message *message)
{
    struct ml_recorder *recorder = message->recorder;

    atomic_store(&recorder->owner, worker);
    recorder->begun_us = worker->now;
    recorder->loud_from = recorder->loud_to = -1;
    if (!recorder->unsaid)
        tap(recorder, 0, message->mixer ? ml_mixer_taps(message->mixer) : &message->stream->said);
    if (message->on)
        tap(recorder, 1, &message->stream->heard);
    else if (message->other)
        tap(recorder, 1, &message->other->said);
    ml_worker_tick(worker, &recorder->tick, worker->now + TICK_US);
}

void ml_recorder_message(struct ml_worker *worker, struct ml_message *message)
{
    struct ml_recorder *recorder = message->recorder;
    struct ml_note *note;

    switch (message->kind) {
    case ML_MESSAGE_RECORD:
        begin(worker, message);
        break;
    case ML_MESSAGE_JOIN:
        if (!recorder->over)
            tap(recorder, 1, &message->stream->said);
        break;
    case ML_MESSAGE_PAUSE:
        pause_now(recorder, worker->now, message->on, message->skip);
        break;
    case ML_MESSAGE_FINISH:
        finish(recorder, worker->now, ML_RECORD_STOPPED);
        break;
    case ML_MESSAGE_RELEASE:
        ml_worker_untick(&recorder->tick);
        note = ml_note_new(ML_NOTE_RELEASED, NULL);
        note->recorder = recorder;
        ml_media_note(recorder->media, note);
        break;
    default:
        break;
    }
}
