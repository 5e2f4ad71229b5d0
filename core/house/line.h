/* A line: a leg together with its audio. Runs offer and answer between the leg's SIP dialog and its
 * media stream, so that what is above sees one thing: a party one can talk to.
 * Reference counted. Loop thread. */
#ifndef ML_HOUSE_LINE_H
#define ML_HOUSE_LINE_H

#include "core/media/media.h"
#include "core/sip/agent.h"
#include "core/sip/leg.h"

struct ml_line;

struct ml_line_options {
    struct ml_media *media;    /* borrowed, outlives the line */
    const char *const *codecs; /* "PCMU", "PCMA" in order of preference; NULL: both */
    size_t codec_count;
    const char *bind;        /* RTP address; NULL: the media's default */
    const char *advertise;   /* address in our SDP instead of the local one, NULL: none */
    bool no_telephone_event; /* neither offer nor take it (tests) */
    int event_type;          /* payload type of telephone-event in our offers; 0: 101 */
};

/* What happens on a line, besides what its leg tells. */
struct ml_line_handlers {
    void (*leg)(const struct ml_leg_event *event, void *user);
    void (*digit)(char digit, int duration_ms, void *user); /* RTP, tones and INFO alike */
    void (*played)(uint32_t op, enum ml_play_end end, const char *text, void *user);
    void (*lost)(void *user); /* RTP timeout; the line does nothing by itself */
};

/* For an incoming leg: takes a reference to it. The port is bound when SDP is first needed. */
int ml_line_accept(struct ml_leg *leg, const struct ml_line_options *options,
                   const struct ml_line_handlers *handlers, void *user, struct ml_line **linep,
                   struct ml_fault *fault);
/* Dials (ml_agent_dial) with an offer of its own. */
int ml_line_dial(struct ml_agent *agent, const struct ml_leg_dial *dial,
                 const struct ml_line_options *options, const struct ml_line_handlers *handlers,
                 void *user, struct ml_line **linep, struct ml_fault *fault);
/* Hands events to somebody else from now on (a line that moves between Lua states). */
void ml_line_watch(struct ml_line *line, const struct ml_line_handlers *handlers, void *user);
struct ml_line *ml_line_ref(struct ml_line *line);
/* The last reference hangs up and closes the stream. */
void ml_line_unref(struct ml_line *line);

/* ml_leg_hangup, and no audio to the peer from then on. */
void ml_line_hangup(struct ml_line *line, const struct ml_header *headers, size_t header_count);

struct ml_leg *ml_line_leg(struct ml_line *line);
/* NULL before there was an offer. */
struct ml_stream *ml_line_stream(struct ml_line *line);
/* How a peer is put on hold: a=sendonly, a=inactive, or c=0.0.0.0 as phones of old do. */
enum ml_hold { ML_HOLD_NONE, ML_HOLD_SENDONLY, ML_HOLD_INACTIVE, ML_HOLD_ADDRESS };

/* Puts the peer on hold or takes it back; a re-INVITE. For tests and Lua scripts. */
int ml_line_hold(struct ml_line *line, enum ml_hold hold);

#endif
