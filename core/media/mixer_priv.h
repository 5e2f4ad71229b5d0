/* A room over its two threads: mixer.c (control, and who sits where), mix.c (the media thread: a
 * frame of 20 ms after the other). */
#ifndef ML_MEDIA_MIXER_PRIV_H
#define ML_MEDIA_MIXER_PRIV_H

#include "core/media/media_priv.h"

enum {
    ML_MIX_FRAME = ML_PTIME * ML_SAMPLES_MS,
    ML_CHAIR_ROOM = 2048 /* samples: what may be ahead of the mixing, and a long packet */
};

/* One in a room. What it says waits here, by its timestamps, until it is mixed. */
struct ml_chair {
    struct ml_link link;
    struct ml_mixer *mixer;
    struct ml_stream *stream;
    struct ml_stream *coached;
    struct ml_seat seat;
    bool synced;
    uint32_t timestamp; /* this RTP time ... */
    int64_t position;   /* ... is this place on the mixer's timeline */
    int64_t until;      /* samples are there up to this place */
    int16_t samples[ML_CHAIR_ROOM];
    int16_t frame[ML_MIX_FRAME]; /* of this round, when it is sounding */
    bool sounding, mixed;        /* mixed: its frame is in the sum */
    bool whispered;              /* a coach speaks to it: */
    int32_t whisper[ML_MIX_FRAME];
    bool speaks; /* as was told last */
    int streak;  /* frames for which it has been otherwise */
};

struct ml_mixer {
    /* control thread */
    struct ml_link all;
    struct ml_media *media;
    const struct ml_mixer_handlers *handlers;
    void *user;
    struct ml_worker *home;
    bool closed, marked;
    /* between the threads */
    ml_owner owner;
    /* worker */
    struct ml_list chairs;
    struct ml_ticker tick;
    struct ml_player *player;
    struct ml_taps taps;
    int64_t at; /* samples mixed */
    int quiet;  /* frames since somebody was heard or something played */
    bool fresh; /* the mix goes on after a pause */
    int32_t sum[ML_MIX_FRAME];
};

/* mix.c */
void ml_mix_tick(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now);
/* Something is to be mixed: the rounds go on. */
void ml_mix_wake(struct ml_worker *worker, struct ml_mixer *mixer);
void ml_mix_end_player(struct ml_mixer *mixer, enum ml_play_end end, const char *text);

#endif
