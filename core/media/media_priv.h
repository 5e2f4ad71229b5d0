/* What the files of core/media share: the engine, streams, notes to the control thread. */
#ifndef ML_MEDIA_MEDIA_PRIV_H
#define ML_MEDIA_MEDIA_PRIV_H

#include "core/media/clip.h"
#include "core/media/codec.h"
#include "core/media/disk.h"
#include "core/media/dtmf.h"
#include "core/media/endpoint.h"
#include "core/media/fork.h"
#include "core/media/inband.h"
#include "core/media/latch.h"
#include "core/media/media.h"
#include "core/media/player.h"
#include "core/media/packets.h"
#include "core/media/ports.h"
#include "core/media/rtcp.h"
#include "core/media/rtp.h"
#include "core/media/timeline.h"
#include "core/media/worker.h"

enum { ML_TAPS = 4, ML_CHIRPS = 16, ML_PTIME = 20, ML_RTCP_US = 5000000, ML_HOUSE_US = 1000000 };

struct ml_media {
    struct ml_loop *loop;
    char address[46];
    int rtp_timeout_ms;
    struct ml_ports *ports;
    struct ml_disk *disk;
    struct ml_clips *clips;
    struct ml_worker **workers;
    int worker_count;
    struct ml_list streams, recorders, mixers, compressions, forks; /* control thread */
    int open;                                                       /* streams that are not freed */
    int wake;
    struct ml_io *io;
    struct ml_queue notes;
    atomic_bool noted;   /* the control thread was woken for what is in notes */
    bool telling, freed; /* notes are handed out; ml_media_free was called meanwhile */
};

/* ---- notes: from any thread to the control thread ---- */

enum ml_note_kind {
    ML_NOTE_DIGIT,
    ML_NOTE_PLAYED,
    ML_NOTE_LOST,
    ML_NOTE_VOICE, /* the utterance begins that a recorder waits for */
    ML_NOTE_COMPRESSED,
    ML_NOTE_GONE,     /* the worker has let go of the stream */
    ML_NOTE_SPEECH,   /* who is in a room began or ended to speak */
    ML_NOTE_RECORDED, /* the file is finished */
    ML_NOTE_RELEASED, /* the worker has let go of the recorder */
    ML_NOTE_EMPTIED,  /* the worker has let go of the mixer */
    ML_NOTE_FORK,     /* lies in the fork: it has something */
    ML_NOTE_FORK_RELEASED
};

struct ml_note {
    struct ml_node node;
    enum ml_note_kind kind;
    struct ml_stream *stream;
    struct ml_recorder *recorder;
    struct ml_mixer *mixer;
    bool on;
    struct ml_compression *compression;
    struct ml_fork *fork;
    char digit;
    int ms;
    uint32_t op;
    enum ml_play_end end;
    char *text;
};

struct ml_note *ml_note_new(enum ml_note_kind kind, struct ml_stream *stream);
/* Takes the note. */
void ml_media_note(struct ml_media *media, struct ml_note *note);
struct ml_worker *ml_media_lightest(struct ml_media *media);
/* Brings the stream, and all that is bridged, mixed or recorded with it, to that worker. Control
 * thread.
 */
void ml_media_gather(struct ml_worker *to, struct ml_stream *stream);
/* The two halves of a move, on the one worker and on the other. */
void ml_party_leave(struct ml_message *message);
void ml_party_enter(struct ml_worker *worker, struct ml_message *message);

/* ---- streams ---- */

struct ml_tap {
    struct ml_recorder *recorder;
    int channel;
};

/* Recorders of one voice. */
struct ml_taps {
    struct ml_tap tap[ML_TAPS];
    int count;
};

struct ml_stream {
    /* control thread */
    struct ml_link all;
    struct ml_media *media;
    const struct ml_stream_handlers *handlers;
    void *user;
    struct ml_worker *home; /* where messages go */
    struct ml_stream *mate;
    struct ml_mixer *room;
    bool closed, marked, has_inband;
    char address[46];
    /* set before any worker sees it */
    struct ml_port_pair pair;
    struct ml_endpoint local;
    char cname[17];
    /* between the threads */
    ml_owner owner;
    _Atomic uint64_t sent, received, dropped, octets;
    _Atomic uint32_t lost, jitter, gap_us, peer_ssrc;
    _Atomic int sources;
    uint32_t ssrc;
    /* worker */
    struct ml_link link;
    struct ml_latch latch;
    struct ml_stream_target target;
    bool reachable; /* the target has an address to send to */
    struct ml_timeline line;
    struct ml_ticker speak;
    struct ml_player *player;
    struct ml_key chirp; /* a key made for the other side of the bridge */
    char chirps[ML_CHIRPS];
    int chirp_count;
    struct ml_stream *peer;
    struct ml_taps said;    /* recorders of what the peer says */
    struct ml_taps heard;   /* ... of what it hears */
    struct ml_chair *chair; /* in a room */
    struct ml_fork *forks[ML_FORKS];
    int fork_count;
    struct ml_rtp_account account;
    struct ml_event_rx keys;
    bool has_old_key; /* the last key was pressed before the bridge: */
    uint32_t old_key; /* its timestamp; what still comes of it is not for the other side */
    struct ml_ticker key_end;
    struct ml_inband *inband;
    struct ml_worker *hearing; /* while inband runs: whose thread this is */
    bool inband_down;
    char inband_key;
    int64_t inband_us; /* the detector heard something */
    int64_t heard_us, report_us;
    bool lost_told, stirred; /* stirred: packets since the last round */
    uint32_t sent_reported;
    uint32_t peer_sr; /* the middle of the NTP time of the peer's last SR */
    int64_t peer_sr_us;
};

static inline void ml_count(_Atomic uint64_t *counter, uint64_t more)
{
    /* one writer: no read-modify-write is needed */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

/* stream.c, worker side */
void ml_stream_attach(struct ml_worker *worker, struct ml_stream *stream);
void ml_stream_detach(struct ml_worker *worker, struct ml_stream *stream);
void ml_stream_leave(struct ml_stream *stream);
void ml_stream_enter(struct ml_worker *worker, struct ml_stream *stream);
void ml_stream_retarget(struct ml_worker *worker, struct ml_stream *stream,
                        struct ml_message *message);
/* Frees what is left of a stream that no worker knows. Control thread. */
void ml_stream_destroy(struct ml_stream *stream);

/* Packets of the peer have to come: it can be reached, and nobody holds. */
static inline bool ml_stream_is_due(const struct ml_stream *stream)
{
    return stream->reachable && stream->target.send && stream->target.receive;
}

/* input.c */
void ml_stream_receive(struct ml_worker *worker, struct ml_stream *stream);
void ml_stream_key_end(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now);
void ml_stream_inband(char key, int ms, void *user);
void ml_stream_press_now(struct ml_worker *worker, struct ml_stream *stream, char key, int ms);

/* speak.c */
bool ml_stream_can_send(const struct ml_stream *stream);
/* Something plays into it, or a key sounds: nothing else is heard. */
bool ml_stream_is_speaking(const struct ml_stream *stream);
/* payload bytes stand 12 bytes after packet. */
void ml_stream_send(struct ml_worker *worker, struct ml_stream *stream, uint8_t *packet,
                    const struct ml_rtp *rtp, size_t payload);
void ml_stream_speak(struct ml_ticker *ticker, struct ml_worker *worker, int64_t now);
void ml_stream_play_now(struct ml_worker *worker, struct ml_stream *stream,
                        struct ml_player *player);
void ml_stream_stop_now(struct ml_stream *stream);
/* Something is there to be said: its rhythm begins, if it does not go on. */
void ml_stream_begin(struct ml_worker *worker, struct ml_stream *stream);
/* Presses a key towards the peer of this stream, by its own means. */
void ml_stream_chirp(struct ml_worker *worker, struct ml_stream *stream, char key);

/* bridge.c, worker side */
void ml_bridge_now(struct ml_stream *a, struct ml_stream *b);
void ml_unbridge_now(struct ml_stream *stream);
/* One audio packet, or one telephone-event packet, of a stream goes to its peer. */
void ml_bridge_audio(struct ml_worker *worker, struct ml_stream *from, uint8_t *packet,
                     struct ml_rtp rtp);
void ml_bridge_event(struct ml_worker *worker, struct ml_stream *from, uint8_t *packet,
                     struct ml_rtp rtp, enum ml_event_step step, char key);

/* mixer.c and mix.c, worker side */
void ml_chair_hear(struct ml_worker *worker, struct ml_stream *stream, const struct ml_rtp *rtp,
                   const int16_t *samples, bool fresh);
void ml_chair_leave(struct ml_stream *stream);
struct ml_taps *ml_mixer_taps(struct ml_mixer *mixer);
void ml_mixer_leave_worker(struct ml_mixer *mixer);
void ml_mixer_enter_worker(struct ml_worker *worker, struct ml_mixer *mixer);
void ml_mixer_message(struct ml_worker *worker, struct ml_message *message);
/* control side */
void ml_mixer_note(struct ml_note *note);
void ml_mixer_destroy(struct ml_mixer *mixer);

/* report.c */
void ml_stream_receive_report(struct ml_worker *worker, struct ml_stream *stream);
void ml_stream_send_report(struct ml_worker *worker, struct ml_stream *stream);

/* fork_hear.c: a packet that was received, or sent. */
void ml_fork_hear(struct ml_worker *worker, struct ml_stream *stream, enum ml_fork_track track,
                  const struct ml_rtp *rtp, const uint8_t *payload, size_t n, bool fresh);
/* fork_say.c: does a fork have audio to play; the next frame of it, false: none. */
bool ml_fork_speaks(const struct ml_stream *stream);
bool ml_fork_frame(struct ml_stream *stream, struct ml_frame *frame);
void ml_fork_release_all(struct ml_stream *stream);

/* recorder.c, worker side */
void ml_recorder_hear(struct ml_recorder *recorder, int channel, int64_t now,
                      const struct ml_rtp *rtp, const int16_t *samples, bool fresh);
void ml_recorder_key(struct ml_worker *worker, struct ml_recorder *recorder, int channel, char key);
void ml_taps_hear(struct ml_taps *taps, int64_t now, const struct ml_rtp *rtp,
                  const int16_t *samples, bool fresh);
void ml_taps_clear(struct ml_taps *taps);
bool ml_is_loud(const int16_t *samples, int count);
void ml_recorder_leave(struct ml_recorder *recorder);
void ml_recorder_enter(struct ml_worker *worker, struct ml_recorder *recorder);
void ml_recorder_message(struct ml_worker *worker, struct ml_message *message);
/* control side */
void ml_recorder_note(struct ml_note *note);
void ml_recorder_forget(struct ml_media *media, const struct ml_stream *stream,
                        const struct ml_mixer *room);
void ml_recorder_destroy(struct ml_recorder *recorder);

/* compress.c, control side */
void ml_compression_note(struct ml_note *note);
/* The disk thread has ended. */
void ml_compressions_free(struct ml_media *media);

#endif
