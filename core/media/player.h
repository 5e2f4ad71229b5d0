/* What plays into a stream, frame by frame: a file, a tone, keys, silence. Made by the control
 * thread, used and freed by the stream's media thread. */
#ifndef ML_MEDIA_PLAYER_H
#define ML_MEDIA_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/dtmf.h"
#include "core/media/media.h"

struct ml_player;
struct ml_clips;

enum { ML_FRAME_MAX = 480 }; /* samples: 60 ms */

enum ml_frame_kind {
    ML_FRAME_AUDIO,
    ML_FRAME_EVENT, /* a telephone-event packet */
    ML_FRAME_PAUSE, /* time passes, nothing is sent */
    ML_FRAME_WAIT,  /* not yet ready, time does not pass */
    ML_FRAME_DONE,
    ML_FRAME_FAILED
};

struct ml_frame {
    enum ml_frame_kind kind;
    uint32_t n; /* samples of time */
    int16_t samples[ML_FRAME_MAX];
    struct ml_event event;
    bool first;         /* packet of the press */
    uint32_t timestamp; /* of the event */
    uint32_t passed;    /* samples since then, with this frame */
    const char *text;   /* why it failed */
};

int ml_player_new(struct ml_clips *clips, const struct ml_source *source, uint32_t op,
                  struct ml_player **playerp, struct ml_fault *fault);
void ml_player_free(struct ml_player *player);
uint32_t ml_player_op(const struct ml_player *player);
/* The next frame->n samples. events: the peer takes telephone-events; timestamp: of this frame. */
void ml_player_frame(struct ml_player *player, bool events, uint32_t timestamp,
                     struct ml_frame *frame);
/* Samples of silence that lie ahead, INT64_MAX: without end; 0: it is no silence, or over. Frames
 * of it may be of any length. */
int64_t ml_player_silence(const struct ml_player *player);
/* The same for one key alone; DONE when its pause is over. */
void ml_player_key_frame(struct ml_key *key, struct ml_frame *frame);

#endif
