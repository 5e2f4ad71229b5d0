/* Keys as telephone-events (RFC 4733): the payload, one press out of many packets, and one press
 * made into packets or tones. Values; the stream's media thread. */
#ifndef ML_MEDIA_DTMF_H
#define ML_MEDIA_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/media/tone.h"

enum {
    ML_EVENT_SIZE = 4,
    ML_EVENT_VOLUME = 10,    /* -10 dBm0 */
    ML_EVENT_LOST_MS = 150,  /* a press whose end was lost ends so long after its last packet */
    ML_EVENTS_A_SECOND = 50, /* more are dropped: no finger and no dialler is that fast */
    ML_KEY_MS = 100,         /* how long our own presses are, and the pause after them */
    ML_KEY_LEVEL = -7        /* dBm0 of a key made as a tone */
};

struct ml_event {
    uint8_t code;
    bool end;
    uint8_t volume;
    uint16_t duration; /* timestamp units */
};

/* False: too short, or not one of the sixteen keys. */
bool ml_event_parse(const uint8_t *payload, size_t n, struct ml_event *event);
void ml_event_build(uint8_t payload[ML_EVENT_SIZE], const struct ml_event *event);
/* '0'-'9', '*', '#', 'A'-'D' of 0-15. */
char ml_event_key(uint8_t code);
/* -1: no key. Letters of both cases. */
int ml_event_code(char key);

/* ---- receiving ---- */

struct ml_event_rx {
    bool known;   /* timestamp and code are those of a press that was seen */
    bool pressed; /* ... and not reported yet */
    uint8_t code;
    uint32_t timestamp; /* of the first segment's packets, or the last one's */
    uint32_t before;    /* duration of the segments before this one */
    uint16_t duration;
    int64_t last_us, second_us;
    int count; /* presses since second_us */
};

struct ml_press {
    char key;
    int ms;
};

/* WHOLE: begun and ended by one packet, the others were lost. */
enum ml_event_step {
    ML_EVENT_NOTHING,
    ML_EVENT_BEGUN,
    ML_EVENT_GOES_ON,
    ML_EVENT_ENDED,
    ML_EVENT_WHOLE
};

/* One packet came. ended[0] is filled for ENDED and WHOLE; *over and ended[1] tell of a press
 * before this one, whose end was lost and which ends now. */
enum ml_event_step ml_event_packet(struct ml_event_rx *rx, uint32_t timestamp,
                                   const struct ml_event *event, int64_t now_us,
                                   struct ml_press *ended, bool *over);
/* When ml_event_late has to be called; 0: not. */
int64_t ml_event_deadline(const struct ml_event_rx *rx);
/* True: the end was lost, *press is over. */
bool ml_event_late(struct ml_event_rx *rx, int64_t now_us, struct ml_press *press);

/* ---- sending ---- */

/* One key being pressed by us, frame by frame. */
struct ml_key {
    char key; /* 0: none */
    bool as_event;
    bool holding;       /* may last longer than on */
    uint32_t on, off;   /* samples */
    uint32_t made;      /* samples */
    uint32_t timestamp; /* of the event */
    int finals;         /* end packets sent, of three */
    uint32_t length;    /* at its end */
    struct ml_tone tone;
};

void ml_key_press(struct ml_key *key, char digit, bool as_event, uint32_t timestamp);

enum ml_key_frame { ML_KEY_EVENT, ML_KEY_AUDIO, ML_KEY_PAUSE };

/* The next n samples of time: an event packet (*event, *first), audio, or nothing. key->key is 0
 * when the press and its pause are over after this frame. */
enum ml_key_frame ml_key_frame(struct ml_key *key, uint32_t n, struct ml_event *event, bool *first,
                               int16_t *samples);

#endif
