/* Mixing: every 20 ms the frames of all who speak are summed once; each hears the sum without its
 * own. Who adds nothing hears what all such hear, encoded once for each law. */
#include <string.h>

#include "core/base/mem.h"
#include "core/media/mixer_priv.h"

enum {
    LATE_US = 100000,
    FRAME_US = ML_PTIME * 1000,
    AHEAD_MAX = 1600, /* samples before their time: past it the source began anew */
    LINGER = 10,      /* frames of silence after which the rounds end until something comes */
    SPEECH_ON = 3,    /* loud frames that are speech ... */
    SPEECH_OFF = 40   /* ... and frames of silence that end it */
};

/* ---- in ---- */

void ml_mix_wake(struct ml_worker *worker, struct ml_mixer *mixer)
{
    mixer->quiet = 0;
    if (mixer->tick.due)
        return;
    mixer->fresh = true;
    ml_worker_tick(worker, &mixer->tick, ml_worker_grid(worker));
}

/* Where a packet of this timestamp lies. One that would come too late for its frame, or much too
 * early, begins anew, its jitter's worth behind the mixing. */
static int64_t place(struct ml_chair *chair, const struct ml_rtp *rtp, bool fresh)
{
    int32_t ahead = ml_rtp_time_ahead(rtp->timestamp, chair->timestamp);
    int64_t at = chair->mixer->at, position = chair->position + ahead;

    if (fresh || !chair->synced || position > at + AHEAD_MAX ||
        position + (int64_t)rtp->length <= at) {
        chair->synced = true;
        position = at + chair->seat.delay_ms * ML_SAMPLES_MS;
    } else if (ahead <= 0) {
        return position;
    }
    chair->timestamp = rtp->timestamp;
    chair->position = position;
    return position;
}

void ml_chair_hear(struct ml_worker *worker, struct ml_stream *stream, const struct ml_rtp *rtp,
                   const int16_t *samples, bool fresh)
{
    struct ml_chair *chair = stream->chair;
    struct ml_mixer *mixer = chair->mixer;
    int64_t position = place(chair, rtp, fresh), end = mixer->at + ML_CHAIR_ROOM;

    for (size_t i = 0; i < rtp->length && position < end; i++, position++)
        if (position >= mixer->at)
            chair->samples[position % ML_CHAIR_ROOM] = samples[i];
    if (position > chair->until)
        chair->until = position;
    ml_mix_wake(worker, mixer);
}

/* Takes the next frame of one out of what waits. */
static void pull(struct ml_chair *chair, int64_t at)
{
    size_t from = (size_t)(at % ML_CHAIR_ROOM), n = ML_CHAIR_ROOM - from;

    chair->mixed = chair->whispered = false;
    chair->sounding = chair->until > at;
    if (!chair->sounding)
        return;
    if (n > ML_MIX_FRAME)
        n = ML_MIX_FRAME;
    memcpy(chair->frame, chair->samples + from, n * sizeof *chair->frame);
    memcpy(chair->frame + n, chair->samples, (ML_MIX_FRAME - n) * sizeof *chair->frame);
    memset(chair->samples + from, 0, n * sizeof *chair->samples);
    memset(chair->samples, 0, (ML_MIX_FRAME - n) * sizeof *chair->samples);
}

static void add(int32_t *sum, const int16_t *frame)
{
    for (int i = 0; i < ML_MIX_FRAME; i++)
        sum[i] += frame[i];
}

static void tell_speech(struct ml_chair *chair)
{
    bool loud = chair->sounding && chair->seat.speaks && ml_is_loud(chair->frame, ML_MIX_FRAME);
    struct ml_note *note;

    chair->streak = loud == chair->speaks ? 0 : chair->streak + 1;
    if (chair->streak < (chair->speaks ? SPEECH_OFF : SPEECH_ON))
        return;
    chair->speaks = loud;
    chair->streak = 0;
    note = ml_note_new(ML_NOTE_SPEECH, chair->stream);
    note->mixer = chair->mixer;
    note->on = loud;
    ml_media_note(chair->mixer->media, note);
}

static void collect(struct ml_mixer *mixer)
{
    ML_LIST_EACH(&mixer->chairs, link)
    {
        struct ml_chair *chair = ML_CONTAINER(link, struct ml_chair, link);

        pull(chair, mixer->at);
        if (chair->sounding)
            mixer->quiet = 0;
        if (chair->sounding && chair->seat.speaks && !chair->coached) {
            chair->mixed = true;
            add(mixer->sum, chair->frame);
        }
        if (chair->seat.watched)
            tell_speech(chair);
    }
}

/* What coaches say, for those whom they coach. After collect: their flags are of this round. */
static void whisper(struct ml_mixer *mixer)
{
    ML_LIST_EACH(&mixer->chairs, link)
    {
        const struct ml_chair *coach = ML_CONTAINER(link, struct ml_chair, link);
        struct ml_chair *to = coach->coached ? coach->coached->chair : NULL;

        if (!to || !coach->sounding || !coach->seat.speaks)
            continue;
        if (!to->whispered)
            memset(to->whisper, 0, sizeof to->whisper);
        to->whispered = true;
        add(to->whisper, coach->frame);
    }
}

void ml_mix_end_player(struct ml_mixer *mixer, enum ml_play_end end, const char *text)
{
    struct ml_note *note = ml_note_new(ML_NOTE_PLAYED, NULL);

    note->mixer = mixer;
    note->op = ml_player_op(mixer->player);
    note->end = end;
    note->text = ml_strdup(text);
    ml_player_free(mixer->player);
    mixer->player = NULL;
    ml_media_note(mixer->media, note);
}

static void play(struct ml_mixer *mixer)
{
    struct ml_frame frame = {.n = ML_MIX_FRAME, .text = NULL};

    if (!mixer->player)
        return;
    mixer->quiet = 0;
    ml_player_frame(mixer->player, false, 0, &frame);
    if (frame.kind == ML_FRAME_AUDIO)
        add(mixer->sum, frame.samples);
    else if (frame.kind == ML_FRAME_DONE || frame.kind == ML_FRAME_FAILED)
        ml_mix_end_player(mixer, frame.kind == ML_FRAME_DONE ? ML_PLAY_DONE : ML_PLAY_FAILED,
                          frame.text);
}

/* ---- out ---- */

static int16_t clamp(int32_t sample)
{
    return (int16_t)(sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : sample);
}

/* What one hears: all but itself, and its coach. */
static void make(const struct ml_mixer *mixer, const struct ml_chair *chair, int16_t *frame)
{
    for (int i = 0; i < ML_MIX_FRAME; i++) {
        int32_t sample = mixer->sum[i];

        if (chair && chair->mixed)
            sample -= chair->frame[i];
        if (chair && chair->whispered)
            sample += chair->whisper[i];
        frame[i] = clamp(sample);
    }
}

static struct ml_rtp time_of(const struct ml_mixer *mixer)
{
    return (struct ml_rtp){.timestamp = (uint32_t)mixer->at, .length = ML_MIX_FRAME};
}

/* Frames that are the same for all who do not speak. */
struct common {
    int16_t frame[ML_MIX_FRAME];
    uint8_t encoded[2][ML_MIX_FRAME];
    bool is_encoded[2];
};

static void encode_common(struct common *common, enum ml_codec codec, uint8_t *payload)
{
    if (!common->is_encoded[codec])
        ml_codec_encode(codec, common->frame, ML_MIX_FRAME, common->encoded[codec]);
    common->is_encoded[codec] = true;
    memcpy(payload, common->encoded[codec], ML_MIX_FRAME);
}

static void send_mix(struct ml_mixer *mixer, struct ml_worker *worker, struct ml_chair *chair,
                     struct common *common, int64_t due)
{
    struct ml_stream *stream = chair->stream;
    bool own = chair->mixed || chair->whispered;
    struct ml_rtp rtp = {.type = (uint8_t)stream->target.send_type};
    uint8_t *payload = worker->packet + ML_RTP_HEADER;
    int16_t frame[ML_MIX_FRAME];

    if (own)
        make(mixer, chair, frame);
    if (own)
        ml_codec_encode(stream->target.codec, frame, ML_MIX_FRAME, payload);
    else
        encode_common(common, stream->target.codec, payload);
    ml_timeline_own(&stream->line, due, ML_MIX_FRAME, &rtp);
    ml_stream_send(worker, stream, worker->packet, &rtp, ML_MIX_FRAME);
}

static void distribute(struct ml_mixer *mixer, struct ml_worker *worker, int64_t due)
{
    struct common common = {.is_encoded = {false}};
    struct ml_rtp time = time_of(mixer);

    make(mixer, NULL, common.frame);
    ml_taps_hear(&mixer->taps, worker->now, &time, common.frame, mixer->fresh);
    ML_LIST_EACH(&mixer->chairs, link)
    {
        struct ml_chair *chair = ML_CONTAINER(link, struct ml_chair, link);

        if (chair->seat.hears && ml_stream_can_send(chair->stream) &&
            !ml_stream_is_speaking(chair->stream))
            send_mix(mixer, worker, chair, &common, due);
    }
    mixer->fresh = false;
}

static void round_of(struct ml_mixer *mixer, struct ml_worker *worker, int64_t due)
{
    memset(mixer->sum, 0, sizeof mixer->sum);
    mixer->quiet++;
    collect(mixer);
    whisper(mixer);
    play(mixer);
    distribute(mixer, worker, due);
    mixer->at += ML_MIX_FRAME;
}

/* Nothing more is to be heard: the next packet of each begins anew. */
static void rest(struct ml_mixer *mixer)
{
    ML_LIST_EACH(&mixer->chairs, link)
    {
        ML_CONTAINER(link, struct ml_chair, link)->synced = false;
    }
    mixer->tick.due = 0;
}

void ml_mix_tick(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now)
{
    struct ml_mixer *mixer = ML_CONTAINER(ticker, struct ml_mixer, tick);

    if (now - ticker->due > LATE_US) /* the process slept: no burst of what was missed */
        ticker->due = now;
    while (ticker->due && ticker->due <= now) {
        round_of(mixer, worker, ticker->due);
        ticker->due += FRAME_US;
        if (mixer->quiet > LINGER)
            rest(mixer);
    }
}
