/* A recorder over its three threads: recorder.c (control), take.c (worker: two voices on one
 * timeline), take_file.c (disk). */
#ifndef ML_MEDIA_RECORDER_PRIV_H
#define ML_MEDIA_RECORDER_PRIV_H

#include <stdatomic.h>

#include "core/base/ring.h"
#include "core/media/media_priv.h"
#include "core/media/voice.h"
#include "core/media/wav.h"

enum {
    ML_TRACK = 8192,       /* samples of the window in which packets may be out of order */
    ML_TAKE_DELAY = 1280,  /* samples between a packet's time and its going to the file */
    ML_TAKE_BLOCK = 160,   /* frames judged loud or not at once */
    ML_TAKE_AHEAD = 32768, /* frames the disk may be late: four seconds */
    ML_TAKE_LOUD = 180,    /* root mean square from which a block counts as sound: -45 dB */
    ML_TAKE_MARGIN = 800,  /* samples kept before and after the sound by trimming */
    ML_TAKE_BEFORE = 2400  /* samples kept before the voice of an utterance */
};

/* One voice: the last second of the timeline, filled by packets in any order. */
struct ml_track {
    bool synced;
    uint32_t timestamp; /* this RTP time ... */
    int64_t position;   /* ... is this place on the timeline */
    int16_t samples[ML_TRACK];
};

/* Of a recorder that waits for somebody to speak: what was heard last, until he does. */
struct ml_utterance {
    struct ml_voice voice;
    int64_t kept; /* samples that went into before, ever */
    int64_t from; /* where on the timeline the voice began; -1: not yet */
    int16_t before[ML_TAKE_BEFORE];
};

struct ml_recorder {
    /* control */
    struct ml_link all;
    struct ml_media *media;
    struct ml_worker *home;
    struct ml_stream *left, *right;
    struct ml_mixer *room;
    ml_recorded_fn *done;
    void (*voice)(void *user);
    void *user;
    bool stopping, marked;
    /* never changes */
    char *path;
    int channels;
    bool trim, unsaid;
    int64_t max, silence; /* samples; 0: none */
    char finish_keys[20];
    /* between worker and disk */
    struct ml_ring *ring; /* frames; of an utterance from its first word on */
    atomic_bool failed, queued;
    /* worker */
    ml_owner owner;
    struct ml_ticker tick;
    struct ml_taps *taps[2];    /* where it listens */
    struct ml_track *tracks[2]; /* an utterance has one */
    bool over, paused, skipping;
    struct ml_utterance *utterance; /* NULL: everything is recorded */
    int64_t begun_us;               /* moved on by what was skipped */
    int64_t paused_us;
    int64_t written;            /* the timeline up to here has gone to the ring */
    int64_t asked;              /* ... when the disk was last told */
    int64_t missing, gone;      /* frames the ring had no room for: owed as silence, ever */
    int64_t quiet;              /* samples since the last loud block */
    int64_t loud_from, loud_to; /* -1: nothing loud yet */
    enum ml_record_end end;
    char key;
    /* disk */
    struct ml_job open, write, finish;
    struct ml_wav wav;
    struct ml_fault fault;
    int duration_ms;
    bool absent;
};

/* take.c */
/* The ring, before anything is handed on. */
void ml_take_make_room(struct ml_recorder *recorder);
void ml_take_tick(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now);

/* take_file.c */
void ml_take_open(struct ml_job *job);
void ml_take_write(struct ml_job *job);
void ml_take_finish(struct ml_job *job);

#endif
