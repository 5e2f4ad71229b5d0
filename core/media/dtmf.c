#include "core/media/dtmf.h"

#include <string.h>

enum { RATE_MS = 8, FINALS = 3, LONGEST = 0xffff, FULL_SEGMENT = 0xf000 };

static const char keys[] = "0123456789*#ABCD";

bool ml_event_parse(const uint8_t *payload, size_t n, struct ml_event *event)
{
    if (n < ML_EVENT_SIZE || payload[0] > 15)
        return false;
    event->code = payload[0];
    event->end = payload[1] >> 7;
    event->volume = payload[1] & 63;
    event->duration = (uint16_t)(payload[2] << 8 | payload[3]);
    return true;
}

void ml_event_build(uint8_t payload[ML_EVENT_SIZE], const struct ml_event *event)
{
    payload[0] = event->code;
    payload[1] = (uint8_t)((event->end ? 0x80 : 0) | (event->volume & 63));
    payload[2] = (uint8_t)(event->duration >> 8);
    payload[3] = (uint8_t)event->duration;
}

char ml_event_key(uint8_t code)
{
    return keys[code & 15];
}

int ml_event_code(char key)
{
    const char *place;

    if (key >= 'a' && key <= 'd')
        key = (char)(key - 'a' + 'A');
    place = key ? strchr(keys, key) : NULL;
    return place ? (int)(place - keys) : -1;
}

static struct ml_press press_of(const struct ml_event_rx *rx)
{
    return (struct ml_press){ml_event_key(rx->code), (int)((rx->before + rx->duration) / RATE_MS)};
}

static bool too_many(struct ml_event_rx *rx, int64_t now_us)
{
    if (now_us - rx->second_us >= 1000000) {
        rx->second_us = now_us;
        rx->count = 0;
    }
    return ++rx->count > ML_EVENTS_A_SECOND;
}

/* RFC 4733 section 2.5.1.3: a long press comes in segments, each beginning where the last ended. */
static bool is_next_segment(const struct ml_event_rx *rx, uint32_t timestamp, uint8_t code)
{
    return rx->pressed && rx->code == code && rx->duration >= FULL_SEGMENT &&
           timestamp == rx->timestamp + rx->duration;
}

static enum ml_event_step go_on(struct ml_event_rx *rx, const struct ml_event *event,
                                int64_t now_us, struct ml_press *ended)
{
    if (event->duration > rx->duration)
        rx->duration = event->duration;
    rx->last_us = now_us;
    if (!event->end)
        return ML_EVENT_GOES_ON;
    rx->pressed = false;
    ended[0] = press_of(rx);
    return ML_EVENT_ENDED;
}

enum ml_event_step ml_event_packet(struct ml_event_rx *rx, uint32_t timestamp,
                                   const struct ml_event *event, int64_t now_us,
                                   struct ml_press *ended, bool *over)
{
    *over = false;
    if (rx->known && timestamp == rx->timestamp) {
        if (!rx->pressed || event->code != rx->code)
            return ML_EVENT_NOTHING;
        return go_on(rx, event, now_us, ended);
    }
    if (rx->known && (int32_t)(timestamp - rx->timestamp) < 0 &&
        (int32_t)(rx->timestamp - timestamp) < 10 * 1000 * RATE_MS)
        return ML_EVENT_NOTHING; /* a late packet of an earlier press */
    if (is_next_segment(rx, timestamp, event->code)) {
        rx->before += rx->duration;
        rx->timestamp = timestamp;
        rx->duration = 0;
        return go_on(rx, event, now_us, ended);
    }
    if (rx->pressed) {
        *over = true;
        ended[1] = press_of(rx);
    }
    rx->known = true;
    rx->pressed = false;
    rx->timestamp = timestamp;
    rx->code = event->code;
    rx->before = 0;
    rx->duration = event->duration;
    if (too_many(rx, now_us))
        return ML_EVENT_NOTHING;
    rx->pressed = true;
    rx->last_us = now_us;
    if (!event->end)
        return ML_EVENT_BEGUN;
    go_on(rx, event, now_us, ended);
    return ML_EVENT_WHOLE;
}

int64_t ml_event_deadline(const struct ml_event_rx *rx)
{
    return rx->pressed ? rx->last_us + ML_EVENT_LOST_MS * 1000 : 0;
}

bool ml_event_late(struct ml_event_rx *rx, int64_t now_us, struct ml_press *press)
{
    if (!rx->pressed || now_us < ml_event_deadline(rx))
        return false;
    rx->pressed = false;
    *press = press_of(rx);
    return true;
}

void ml_key_press(struct ml_key *key, char digit, bool as_event, uint32_t timestamp)
{
    int code = ml_event_code(digit);

    digit = ml_event_key((uint8_t)(code < 0 ? 0 : code));
    *key = (struct ml_key){.key = digit,
                           .as_event = as_event,
                           .on = ML_KEY_MS * RATE_MS,
                           .off = ML_KEY_MS * RATE_MS,
                           .timestamp = timestamp};
    if (!as_event)
        ml_tone_key(&key->tone, digit, ML_KEY_LEVEL);
}

static enum ml_key_frame event_frame(struct ml_key *key, uint32_t n, struct ml_event *event,
                                     bool *first)
{
    bool down = key->length == 0;

    *first = key->made == 0;
    key->made += n;
    if (down && key->made >= key->on)
        key->length = key->made < LONGEST ? key->made : LONGEST;
    if (!down && key->made >= key->length + key->off)
        key->key = key->finals >= FINALS ? 0 : key->key;
    if (key->length > 0 && ++key->finals > FINALS)
        return ML_KEY_PAUSE;
    *event = (struct ml_event){.end = key->length > 0, .volume = ML_EVENT_VOLUME};
    event->duration = (uint16_t)(key->length ? key->length : key->made);
    return ML_KEY_EVENT;
}

static enum ml_key_frame audio_frame(struct ml_key *key, uint32_t n, int16_t *samples)
{
    uint32_t on = key->holding && key->on < key->made + n ? key->made + n : key->on;
    uint32_t sounding = on > key->made ? on - key->made : 0;

    if (sounding > n)
        sounding = n;
    ml_tone_make(&key->tone, samples, sounding);
    memset(samples + sounding, 0, (n - sounding) * sizeof *samples);
    key->made += n;
    if (key->made >= on + key->off)
        key->key = 0;
    return ML_KEY_AUDIO;
}

enum ml_key_frame ml_key_frame(struct ml_key *key, uint32_t n, struct ml_event *event, bool *first,
                               int16_t *samples)
{
    uint8_t code = (uint8_t)ml_event_code(key->key);
    enum ml_key_frame frame;

    if (!key->as_event)
        return audio_frame(key, n, samples);
    frame = event_frame(key, n, event, first);
    event->code = code;
    return frame;
}
