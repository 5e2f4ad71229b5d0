#include "core/media/player.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/media/codec.h"
#include "core/media/reader.h"

enum { SHORT_WAIT_MS = 500, LONG_WAIT_MS = 1000, DIGITS_MAX = 256 };

struct ml_player {
    enum ml_source_kind kind;
    uint32_t op;
    struct ml_reader *reader;
    bool begun; /* the first sample of the file was there */
    char *digits, *at;
    int loops;     /* 0: until stopped */
    int64_t left;  /* samples; -1: until stopped */
    uint32_t wait; /* samples of w and W */
    union {
        struct ml_tone tone; /* TONE */
        struct ml_key key;   /* DIGITS */
    };
};

static int check_digits(const char *digits, struct ml_fault *fault)
{
    size_t n = strnlen(digits, DIGITS_MAX + 1);

    if (n == 0 || n > DIGITS_MAX)
        return ml_fail(fault, ML_EINVAL, "digits: between 1 and %d of them", DIGITS_MAX);
    for (size_t i = 0; i < n; i++)
        if (ml_event_code(digits[i]) < 0 && digits[i] != 'w' && digits[i] != 'W')
            return ml_fail(fault, ML_EINVAL, "digits: only 0-9 A-D # * w W, not byte 0x%02x",
                           (unsigned char)digits[i]);
    return ML_OK;
}

static int setup(struct ml_player *player, struct ml_clips *clips, const struct ml_source *source,
                 struct ml_fault *fault)
{
    switch (source->kind) {
    case ML_SOURCE_FILE:
        player->reader = ml_reader_new(clips, source->text, source->loops);
        return ML_OK;
    case ML_SOURCE_TONE:
        if (!ml_tone_init(&player->tone, source->text,
                          source->level ? source->level : ML_TONE_LEVEL))
            return ml_fail(fault, ML_EINVAL,
                           "tone: \"%.100s\" at %d dBm0 is not like \"440+480/2000,0/4000\"",
                           source->text, source->level);
        return ML_OK;
    case ML_SOURCE_DIGITS:
        if (check_digits(source->text, fault) != 0)
            return ML_EINVAL;
        player->digits = player->at = ml_strdup(source->text);
        return ML_OK;
    case ML_SOURCE_SILENCE:
        return ML_OK;
    }
    return ml_fail(fault, ML_EINVAL, "unknown kind of source");
}

int ml_player_new(struct ml_clips *clips, const struct ml_source *source, uint32_t op,
                  struct ml_player **playerp, struct ml_fault *fault)
{
    struct ml_player *player;
    int status;

    if (source->ms < 0 || source->loops < 0)
        return ml_fail(fault, ML_EINVAL, "play: neither length nor loops below 0");
    if (!source->text && source->kind != ML_SOURCE_SILENCE)
        return ml_fail(fault, ML_EINVAL, "play: nothing to play");
    player = ml_alloc(sizeof *player);
    player->kind = source->kind;
    player->op = op;
    player->loops = source->loops;
    player->left = source->ms > 0 ? (int64_t)source->ms * ML_SAMPLES_MS : -1;
    status = setup(player, clips, source, fault);
    if (status != 0) {
        ml_player_free(player);
        return status;
    }
    *playerp = player;
    return ML_OK;
}

void ml_player_free(struct ml_player *player)
{
    if (!player)
        return;
    ml_reader_free(player->reader);
    ml_free(player->digits);
    ml_free(player);
}

uint32_t ml_player_op(const struct ml_player *player)
{
    return player->op;
}

int64_t ml_player_silence(const struct ml_player *player)
{
    if (player->kind != ML_SOURCE_SILENCE)
        return 0;
    return player->left < 0 ? INT64_MAX : player->left;
}

static void file_frame(struct ml_player *player, struct ml_frame *frame)
{
    size_t got;
    enum ml_reader_state state = ml_reader_get(player->reader, frame->samples, frame->n, &got);

    if (state == ML_READER_FAILED && got == 0) {
        frame->kind = ML_FRAME_FAILED;
        frame->text = ml_reader_error(player->reader);
        return;
    }
    if (got == 0) {
        frame->kind = state == ML_READER_ENDED ? ML_FRAME_DONE
                      : player->begun          ? ML_FRAME_PAUSE
                                               : ML_FRAME_WAIT;
        return;
    }
    player->begun = true;
    memset(frame->samples + got, 0, (frame->n - got) * sizeof *frame->samples);
    frame->kind = ML_FRAME_AUDIO;
}

/* Tone and silence: a length, or no end. */
static bool is_over(struct ml_player *player, uint32_t n)
{
    if (player->left == 0)
        return true;
    if (player->left > 0)
        player->left = player->left > n ? player->left - n : 0;
    return false;
}

static void tone_frame(struct ml_player *player, struct ml_frame *frame)
{
    int64_t left = player->left;
    uint32_t n = left >= 0 && left < frame->n ? (uint32_t)left : frame->n;

    frame->kind = is_over(player, frame->n) ? ML_FRAME_DONE : ML_FRAME_AUDIO;
    ml_tone_make(&player->tone, frame->samples, n);
    memset(frame->samples + n, 0, (frame->n - n) * sizeof *frame->samples);
}

void ml_player_key_frame(struct ml_key *key, struct ml_frame *frame)
{
    static const enum ml_frame_kind kinds[] = {ML_FRAME_EVENT, ML_FRAME_AUDIO, ML_FRAME_PAUSE};

    if (!key->key) {
        frame->kind = ML_FRAME_DONE;
        return;
    }
    frame->timestamp = key->timestamp;
    frame->kind = kinds[ml_key_frame(key, frame->n, &frame->event, &frame->first, frame->samples)];
    frame->passed = key->made;
}

/* The next thing of the text. False: there is none. */
static bool next_digit(struct ml_player *player, bool events, uint32_t timestamp)
{
    char digit;

    if (!*player->at) {
        if (player->loops > 0 && --player->loops == 0)
            return false;
        player->at = player->digits;
    }
    digit = *player->at++;
    if (digit == 'w' || digit == 'W')
        player->wait = (digit == 'w' ? SHORT_WAIT_MS : LONG_WAIT_MS) * ML_SAMPLES_MS;
    else
        ml_key_press(&player->key, digit, events, timestamp);
    return true;
}

static void digit_frame(struct ml_player *player, bool events, uint32_t timestamp,
                        struct ml_frame *frame)
{
    if (!player->wait && !player->key.key && !next_digit(player, events, timestamp)) {
        frame->kind = ML_FRAME_DONE;
        return;
    }
    if (player->wait) {
        player->wait = player->wait > frame->n ? player->wait - frame->n : 0;
        frame->kind = ML_FRAME_PAUSE;
        return;
    }
    ml_player_key_frame(&player->key, frame);
}

void ml_player_frame(struct ml_player *player, bool events, uint32_t timestamp,
                     struct ml_frame *frame)
{
    switch (player->kind) {
    case ML_SOURCE_FILE:
        file_frame(player, frame);
        break;
    case ML_SOURCE_TONE:
        tone_frame(player, frame);
        break;
    case ML_SOURCE_DIGITS:
        digit_frame(player, events, timestamp, frame);
        break;
    case ML_SOURCE_SILENCE:
        frame->kind = is_over(player, frame->n) ? ML_FRAME_DONE : ML_FRAME_PAUSE;
        break;
    }
}
