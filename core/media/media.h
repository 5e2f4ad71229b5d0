/* The audio side of legs: media threads, streams, what plays into them, what listens to them.
 * Control is called from the loop thread and goes to the media threads as messages; handlers are
 * called on the loop thread. With 0 threads everything runs in the control loop (simulation).
 * Owner: the program. */
#ifndef ML_MEDIA_MEDIA_H
#define ML_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/loop.h"

struct ml_media;
struct ml_stream;
struct ml_recorder;
struct ml_mixer;

struct ml_media_options {
    int threads;
    const char *address; /* default local address of RTP sockets */
    /* Even ports for RTP, the next for RTCP; a freed pair rests 30 s. 0: any free ports. */
    uint16_t port_min, port_max;
    int rtp_timeout_ms; /* no packet while some are due: handlers->lost; 0: never */
};

int ml_media_new(struct ml_loop *loop, const struct ml_media_options *options,
                 struct ml_media **mediap, struct ml_fault *fault);
/* All streams, recorders and forks must be gone. */
void ml_media_free(struct ml_media *media);
int ml_media_streams(const struct ml_media *media);
/* Writes the RTP packets of all streams into a file from now on (packets.h says how); path NULL
 * finishes it. For simulation: ML_ESTATE when the engine has threads. ML_EIO: no such file. */
int ml_media_keep_packets(struct ml_media *media, const char *path);

/* ---- streams ------------------------------------------------------------------------------- */

enum ml_codec { ML_PCMU, ML_PCMA };

enum ml_play_end { ML_PLAY_DONE, ML_PLAY_STOPPED, ML_PLAY_FAILED };

struct ml_stream_handlers {
    /* One call per key press, whatever its way in (telephone-event, tones, ml_stream_press). */
    void (*digit)(char digit, int duration_ms, void *user);
    /* What ml_stream_play began under this number is over. text says why it failed, or NULL. */
    void (*played)(uint32_t op, enum ml_play_end end, const char *text, void *user);
    /* No RTP for rtp_timeout_ms although the target has an address and both directions are set: one
     * who holds us need not say anything. Once for each ml_stream_set_target; noticed within a
     * second. Never in virtual time. */
    void (*lost)(void *user);
};

/* What the peer and we agreed on. */
struct ml_stream_target {
    char address[46]; /* "" : nothing is sent (hold in the RFC 2543 manner) */
    uint16_t port, rtcp_port;
    enum ml_codec codec;
    int send_type, receive_type; /* payload types */
    /* telephone-event, -1: none; then tones are made and detected */
    int event_send_type, event_receive_type;
    int ptime;          /* ms, of what we send; outside 10-60: 20 */
    bool send, receive; /* direction; !receive: what comes is not heard. RTP timeout: with both */
};

/* Binds a port pair. bind NULL: the default address. */
int ml_stream_new(struct ml_media *media, const char *bind,
                  const struct ml_stream_handlers *handlers, void *user, struct ml_stream **streamp,
                  struct ml_fault *fault);
/* Stops what plays (no handler is called any more), leaves bridge and recorders, rests the port. */
void ml_stream_free(struct ml_stream *stream);
uint16_t ml_stream_port(const struct ml_stream *stream);
const char *ml_stream_address(const struct ml_stream *stream);
/* Repeatable (re-INVITE). Until the first one nothing is sent or believed. What is believed:
 * packets from the SDP's address, at once and for good; from elsewhere only when that address is
 * private or the same host, after five audio packets. SSRC, sequence and timestamps go on without
 * a gap; the lock on the source opens again only when address or port changed. */
void ml_stream_set_target(struct ml_stream *stream, const struct ml_stream_target *target);

struct ml_stream_stats {
    uint64_t sent, received, dropped; /* packets; dropped: not from the locked source, malformed */
    uint64_t lost;                    /* by sequence numbers */
    int jitter_us;
    int gap_us; /* the longest time between two packets received since this was last asked */
    uint32_t ssrc;
    uint32_t peer_ssrc;
    int sources; /* how often the peer began anew: another SSRC, a jump of its sequence numbers */
    int octets_sent;
};
void ml_stream_stats(struct ml_stream *stream, struct ml_stream_stats *stats);

/* ---- playing ------------------------------------------------------------------------------- */

enum ml_source_kind { ML_SOURCE_FILE, ML_SOURCE_TONE, ML_SOURCE_DIGITS, ML_SOURCE_SILENCE };

struct ml_source {
    enum ml_source_kind kind;
    const char *text; /* FILE: path. DIGITS: 0-9 A-D # * w (0.5 s) W (1 s).
                         TONE: "350+440" or with cadence "440+480/2000,0/4000" (Hz, ms; 0 Hz is
                         silence; the cadence repeats). Countries: ml_tone_of. */
    int ms;           /* TONE, SILENCE: length; 0 = until stopped */
    int loops;        /* FILE, DIGITS: how often; 0 = until stopped */
    int level;        /* TONE: dBm0, e.g. -13; 0 = -13 */
};

/* Replaces what plays (which ends as STOPPED). op comes back in handlers->played. */
int ml_stream_play(struct ml_stream *stream, const struct ml_source *source, uint32_t op,
                   struct ml_fault *fault);
void ml_stream_stop(struct ml_stream *stream);

/* A key that the peer pressed by signalling (INFO): told, recorded and passed on like others. */
void ml_stream_press(struct ml_stream *stream, char key, int duration_ms);

/* "ringback", "busy" of a country of TwiML's ringTone list ("us", "uk", ...); NULL: unknown. */
const char *ml_tone_of(const char *country, const char *name);

/* ---- bridging ------------------------------------------------------------------------------ */

/* Each hears the other (a stream bridged with itself is an echo), transcoded where codecs differ,
 * telephone-events mapped (made into tones where one side has none). Ends other bridges of both.
 * What plays into a bridged stream is heard instead of the other side while it plays. */
int ml_bridge(struct ml_stream *a, struct ml_stream *b);
void ml_unbridge(struct ml_stream *a);

/* ---- rooms --------------------------------------------------------------------------------- */

/* A mixer: each of those in the room hears the sum of the others. 20 ms at a time, on the one media
 * thread that the room and all in it live on; the cost grows with their number, not its square. */
struct ml_mixer_handlers {
    /* What ml_mixer_play began under this number is over. */
    void (*played)(uint32_t op, enum ml_play_end end, const char *text, void *user);
    /* One who is watched (ml_seat) began or ended to speak. */
    void (*speech)(struct ml_stream *stream, bool speaks, void *user);
};

/* What one in a room may do. */
struct ml_seat {
    bool speaks; /* is heard */
    bool hears;
    struct ml_stream *coached; /* only this one, who must be in the room, hears it; NULL: all */
    int delay_ms;              /* jitter that is evened out: 0 to 100; to be given when joining */
    bool watched;              /* handlers->speech */
};

int ml_mixer_new(struct ml_media *media, const struct ml_mixer_handlers *handlers, void *user,
                 struct ml_mixer **mixerp);
/* Those in it go on without it; recorders of it have silence; what plays ends untold. */
void ml_mixer_free(struct ml_mixer *mixer);
/* Ends the stream's bridge; leaves another room. Joining again changes the seat. What plays into a
 * stream (ml_stream_play) is heard instead of the room. */
int ml_mixer_join(struct ml_mixer *mixer, struct ml_stream *stream, const struct ml_seat *seat);
/* Does nothing for one who is in no room. */
void ml_mixer_leave(struct ml_stream *stream);
/* Where it is, NULL: in no room. */
struct ml_mixer *ml_mixer_of(const struct ml_stream *stream);
/* All in the room who hear anything hear this, besides each other, and so do recorders of the room.
 * Replaces what plays (STOPPED). */
int ml_mixer_play(struct ml_mixer *mixer, const struct ml_source *source, uint32_t op,
                  struct ml_fault *fault);
void ml_mixer_stop(struct ml_mixer *mixer);

/* ---- recording ----------------------------------------------------------------------------- */

struct ml_recorder_options {
    const char *path;        /* WAV, PCM 16 bit 8 kHz; readable whenever it stops */
    struct ml_stream *left;  /* what this peer says: channel 1 */
    struct ml_stream *right; /* channel 2, or mixed in when mono; NULL: only left */
    bool hears;              /* in place of right: what left hears, whatever it is */
    bool unsaid;             /* with hears: nothing of what left says */
    struct ml_mixer *room;   /* in place of all these: what is said in the room */
    bool dual;
    bool trim;               /* cut silence at begin and end when finished */
    int max_ms;              /* 0: no limit */
    int silence_ms;          /* end after this long without speech; 0: never */
    const char *finish_keys; /* a digit of these on left ends it; NULL: none */
    /* Only what is said once: from 0.3 s before a voice begins until it was silent for silence_ms;
     * max_ms counts from its beginning, of which voice tells. Mono, without trim. */
    bool utterance;
    void (*voice)(void *user);
};

enum ml_record_end {
    ML_RECORD_STOPPED,
    ML_RECORD_MAX,
    ML_RECORD_SILENCE,
    ML_RECORD_KEY,
    ML_RECORD_FAILED
};

struct ml_recording {
    enum ml_record_end end;
    char key;        /* ML_RECORD_KEY */
    int duration_ms; /* of the file, after trimming */
    int channels;
    bool absent;      /* nothing but silence was left */
    const char *text; /* why it failed, or NULL */
};
typedef void ml_recorded_fn(const struct ml_recording *recording, void *user);

/* done is called once, when the file is finished on disk; never from within. A path that cannot be
 * written comes as ML_RECORD_FAILED. The streams may be freed before: silence from then on. With
 * trim and absent there is no file. */
int ml_recorder_new(struct ml_media *media, const struct ml_recorder_options *options,
                    ml_recorded_fn *done, void *user, struct ml_recorder **recorderp,
                    struct ml_fault *fault);
/* right joins later (the callee that answered). */
void ml_recorder_join(struct ml_recorder *recorder, struct ml_stream *right);
void ml_recorder_pause(struct ml_recorder *recorder, bool paused, bool skip);
/* Finishes; done follows. The handle is gone after done. */
void ml_recorder_stop(struct ml_recorder *recorder);
/* Finishes without a word: nothing follows, and the handle is gone. */
void ml_recorder_abandon(struct ml_recorder *recorder);

struct ml_compression;
typedef void ml_compressed_fn(int status, const char *text, void *user);

/* Makes the WAV file `from`, of one or two channels, into an MP3 file `to`, beside the recordings
 * that are written meanwhile. done is called once, never from within; not when the engine ends
 * first. */
struct ml_compression *ml_compress(struct ml_media *media, const char *from, const char *to,
                                   ml_compressed_fn *done, void *user);
/* done is not called any more. */
void ml_compress_forget(struct ml_compression *one);

/* ---- speech -------------------------------------------------------------------------------- */

struct ml_speech; /* text to WAV files by espeak-ng as a child process, cached by hash in a folder
                   */

struct ml_speech_options {
    const char *cache;   /* folder */
    const char *program; /* "espeak-ng" */
    int max_children;    /* 0: one per core */
};
typedef void ml_spoken_fn(int status, const char *path, const char *text, void *user);

int ml_speech_new(struct ml_loop *loop, const struct ml_speech_options *options,
                  struct ml_speech **speechp, struct ml_fault *fault);
void ml_speech_free(struct ml_speech *speech);
/* language "en-US", voice "man"/"woman"/NULL, or one that the program knows by that name, whatever
 * the language. markup: SSML, with <audio> and <mark> taken out.
 * Returns a number for ml_speech_cancel. done is called later, never from within. */
uint32_t ml_speech_say(struct ml_speech *speech, const char *text, bool markup,
                       const char *language, const char *voice, ml_spoken_fn *done, void *user);
void ml_speech_cancel(struct ml_speech *speech, uint32_t number);

#endif
