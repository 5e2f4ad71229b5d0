#include "core/house/line.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/net/local.h"
#include "core/sip/sdp.h"

enum { EVENT_TYPE = 101 }; /* of telephone-event in offers: what everybody uses */

struct ml_line {
    int references;
    struct ml_leg *leg;
    struct ml_stream *stream;
    struct ml_media *media;
    const struct ml_line_handlers *handlers;
    void *user;
    enum ml_codec codecs[2]; /* in our order */
    size_t codec_count;
    char *bind, *advertise;
    int event_type;    /* of telephone-event in our offers; -1: none, ever */
    enum ml_hold hold; /* we hold the peer */
    uint64_t session, version;
    char *last;  /* what we said last, to repeat it unchanged */
    bool agreed; /* there was an answer, either way */
    enum ml_codec chosen;
};

static const char *const codec_names[] = {"PCMU", "PCMA"};
static const int codec_types[] = {0, 8};
/* enum ml_hold: what our offers say. */
static const enum ml_sdp_direction hold_directions[] = {ML_SDP_SENDRECV, ML_SDP_SENDONLY,
                                                        ML_SDP_INACTIVE, ML_SDP_SENDRECV};

/* ---- the stream ---- */

static void on_digit(char digit, int duration_ms, void *user)
{
    struct ml_line *line = user;

    if (line->handlers->digit)
        line->handlers->digit(digit, duration_ms, line->user);
}

static void on_played(uint32_t op, enum ml_play_end end, const char *text, void *user)
{
    struct ml_line *line = user;

    if (line->handlers->played)
        line->handlers->played(op, end, text, line->user);
}

static void on_lost(void *user)
{
    struct ml_line *line = user;

    if (line->handlers->lost)
        line->handlers->lost(line->user);
}

/* Once a second is enough: where ports run out, every call says so. */
static void complain(const struct ml_fault *fault)
{
    static int64_t said_at = INT64_MIN / 2;
    int64_t now = ml_clock_ms();

    if (now - said_at < 1000)
        return;
    said_at = now;
    ml_log(ML_LOG_ERROR, NULL, "no audio for a call: %s", fault->text);
}

static int need_stream(struct ml_line *line)
{
    static const struct ml_stream_handlers handlers = {on_digit, on_played, on_lost};
    struct ml_fault fault = {0};
    int status;

    if (line->stream)
        return ML_OK;
    status = ml_stream_new(line->media, line->bind, &handlers, line, &line->stream, &fault);
    if (status != 0)
        complain(&fault);
    return status;
}

/* ---- what we say ---- */

static void add_codec(struct ml_sdp *sdp, const char *name, int type, const char *fmtp)
{
    struct ml_sdp_codec *codec = &sdp->codecs[sdp->codec_count++];

    ml_str_copy(codec->name, sizeof codec->name, ml_str(name));
    ml_str_copy(codec->fmtp, sizeof codec->fmtp, ml_str(fmtp));
    codec->type = type;
    codec->rate = 8000;
    codec->channels = 1;
}

/* Where our audio is, as seen from the peer: where the signalling is, if the media have all
 * addresses. */
static const char *own_address(const struct ml_line *line)
{
    const char *bound = ml_stream_address(line->stream);
    struct ml_leg_info info;

    if (!ml_address_is_any(bound) || !line->leg)
        return bound;
    ml_leg_info(line->leg, &info);
    return info.local_address ? info.local_address : bound;
}

static void begin_description(const struct ml_line *line, struct ml_sdp *sdp)
{
    memset(sdp, 0, sizeof *sdp);
    ml_str_copy(sdp->address, sizeof sdp->address,
                ml_str(line->advertise ? line->advertise : own_address(line)));
    sdp->port = ml_stream_port(line->stream);
    sdp->ptime = 20;
}

/* The version grows by one whenever what we say changes (RFC 3264 8). */
static char *print(struct ml_line *line, const struct ml_sdp *sdp)
{
    char *text = ml_sdp_print(sdp, line->session, line->version);

    if (!line->last || strcmp(text, line->last) != 0) {
        ml_free(text);
        ml_free(line->last);
        text = ml_sdp_print(sdp, line->session, ++line->version);
        line->last = ml_strdup(text);
    }
    return text;
}

static int make_offer(void *user, char **text)
{
    struct ml_line *line = user;
    struct ml_sdp sdp;
    int status = need_stream(line);

    if (status != 0)
        return status;
    begin_description(line, &sdp);
    if (line->agreed) /* the codec in use first: a peer should not have to change it */
        add_codec(&sdp, codec_names[line->chosen], codec_types[line->chosen], "");
    for (size_t i = 0; i < line->codec_count; i++)
        if (!line->agreed || line->codecs[i] != line->chosen)
            add_codec(&sdp, codec_names[line->codecs[i]], codec_types[line->codecs[i]], "");
    if (line->event_type >= 0)
        add_codec(&sdp, "telephone-event", line->event_type, "0-15");
    sdp.direction = hold_directions[line->hold];
    if (line->hold == ML_HOLD_ADDRESS)
        ml_str_copy(sdp.address, sizeof sdp.address, ML_STR("0.0.0.0"));
    *text = print(line, &sdp);
    return ML_OK;
}

/* ---- what the peer says ---- */

/* The first codec of theirs that we have too. */
static const struct ml_sdp_codec *choose(const struct ml_line *line, const struct ml_sdp *sdp,
                                         enum ml_codec *codec)
{
    for (size_t i = 0; i < sdp->codec_count; i++) {
        for (size_t k = 0; k < line->codec_count; k++) {
            if (ml_str_ieq(ml_str(sdp->codecs[i].name), ml_str(codec_names[line->codecs[k]])) &&
                sdp->codecs[i].rate == 8000 && sdp->codecs[i].channels == 1) {
                *codec = line->codecs[k];
                return &sdp->codecs[i];
            }
        }
    }
    return NULL;
}

/* Not to ourselves: see ml_sdp_check_target. */
static int check_target(const struct ml_line *line, const struct ml_sdp *theirs)
{
    struct ml_fault fault = {0};
    int status =
        ml_sdp_check_target(theirs, own_address(line), ml_stream_port(line->stream), &fault);

    if (status != 0)
        ml_log(ML_LOG_INFO, NULL, "audio goes nowhere: %s", fault.text);
    return status;
}

/* What they want. An address of zeros means: send nothing (RFC 3264 section 8.4). */
static enum ml_sdp_direction direction_of(const struct ml_sdp *theirs)
{
    if (!theirs->hold_address)
        return theirs->direction;
    return theirs->direction == ML_SDP_SENDRECV   ? ML_SDP_SENDONLY
           : theirs->direction == ML_SDP_RECVONLY ? ML_SDP_INACTIVE
                                                  : theirs->direction;
}

/* Points the stream at the peer. */
static void aim(struct ml_line *line, const struct ml_sdp *theirs, const struct ml_sdp_codec *codec,
                const struct ml_sdp_codec *event, bool we_offered)
{
    enum ml_sdp_direction mirrored = ml_sdp_mirror(direction_of(theirs));
    struct ml_stream_target target = {0};

    ml_str_copy(target.address, sizeof target.address, ml_str(theirs->address));
    target.port = theirs->port;
    target.rtcp_port = theirs->rtcp_port;
    target.codec = line->chosen;
    target.send_type = codec->type;
    target.receive_type = we_offered ? codec_types[line->chosen] : codec->type;
    target.event_send_type = event ? event->type : -1;
    target.event_receive_type = !event ? -1 : we_offered ? line->event_type : event->type;
    target.ptime = theirs->ptime;
    target.send = theirs->port && line->hold != ML_HOLD_INACTIVE &&
                  (mirrored == ML_SDP_SENDRECV || mirrored == ML_SDP_SENDONLY);
    target.receive = theirs->port && line->hold == ML_HOLD_NONE &&
                     (mirrored == ML_SDP_SENDRECV || mirrored == ML_SDP_RECVONLY);
    ml_stream_set_target(line->stream, &target);
    line->agreed = true;
}

static int take_offer(void *user, struct ml_str offer, char **answer)
{
    struct ml_line *line = user;
    const struct ml_sdp_codec *codec, *event;
    struct ml_sdp theirs, ours;
    struct ml_fault fault = {0};
    enum ml_codec chosen = ML_PCMU;
    int status = ml_sdp_parse(offer, &theirs, &fault);

    if (status == 0 && !(codec = choose(line, &theirs, &chosen)))
        status = ml_fail(&fault, ML_EREFUSED, "none of our codecs is offered");
    if (status != 0) {
        ml_log(ML_LOG_INFO, NULL, "an offer is refused: %s", fault.text);
        return status;
    }
    status = need_stream(line);
    if (status == 0)
        status = check_target(line, &theirs);
    if (status != 0)
        return status;
    line->chosen = chosen;
    event = line->event_type < 0 ? NULL : ml_sdp_codec(&theirs, "telephone-event", 8000);
    begin_description(line, &ours);
    add_codec(&ours, codec_names[chosen], codec->type, "");
    if (event)
        add_codec(&ours, "telephone-event", event->type, "0-15");
    ours.direction = ml_sdp_mirror(direction_of(&theirs));
    if (line->hold != ML_HOLD_NONE && ours.direction == ML_SDP_SENDRECV)
        ours.direction = line->hold == ML_HOLD_INACTIVE ? ML_SDP_INACTIVE : ML_SDP_SENDONLY;
    if (theirs.port == 0)
        ours.port = 0;
    ours.media_index = theirs.media_index;
    ours.media_count = theirs.media_count;
    memcpy(ours.other_media, theirs.other_media, sizeof ours.other_media);
    aim(line, &theirs, codec, event, false);
    *answer = print(line, &ours);
    return ML_OK;
}

static int take_answer(void *user, struct ml_str answer)
{
    struct ml_line *line = user;
    const struct ml_sdp_codec *codec = NULL;
    struct ml_fault fault = {0};
    enum ml_codec chosen = ML_PCMU;
    struct ml_sdp theirs;
    int status = ml_sdp_parse(answer, &theirs, &fault);

    if (status == 0 && (theirs.port == 0 || !(codec = choose(line, &theirs, &chosen))))
        status = ml_fail(&fault, ML_EREFUSED, "the answer takes none of our codecs");
    if (status == 0)
        status = need_stream(line);
    if (status == 0)
        status = check_target(line, &theirs);
    if (status != 0) {
        ml_log(ML_LOG_INFO, NULL, "an answer cannot be used: %s", fault.text);
        return status;
    }
    line->chosen = chosen;
    aim(line, &theirs, codec,
        line->event_type < 0 ? NULL : ml_sdp_codec(&theirs, "telephone-event", 8000), true);
    return ML_OK;
}

static const struct ml_leg_description description = {make_offer, take_offer, take_answer};

/* ---- the leg ---- */

/* Nothing is sent after a BYE, whoever still holds the line. */
static void hush(struct ml_line *line)
{
    static const struct ml_stream_target nobody = {.send = false, .receive = false};

    if (line->stream)
        ml_stream_set_target(line->stream, &nobody);
}

void ml_line_hangup(struct ml_line *line, const struct ml_header *headers, size_t header_count)
{
    hush(line);
    ml_leg_hangup(line->leg, headers, header_count);
}

static void on_leg(struct ml_leg *leg, const struct ml_leg_event *event, void *user)
{
    struct ml_line *line = user;

    (void)leg;
    if (event->kind == ML_LEG_INFO) {
        if (line->stream)
            ml_stream_press(line->stream, event->digit, event->duration_ms);
        else
            on_digit(event->digit, event->duration_ms, line);
        return;
    }
    if (event->kind == ML_LEG_FAILED || event->kind == ML_LEG_CANCELED ||
        event->kind == ML_LEG_ENDED)
        hush(line);
    if (line->handlers->leg)
        line->handlers->leg(event, line->user);
}

/* ---- life ---- */

static struct ml_line *new_line(const struct ml_line_options *options,
                                const struct ml_line_handlers *handlers, void *user)
{
    struct ml_line *line = ml_alloc(sizeof *line);

    line->references = 1;
    line->media = options->media;
    line->handlers = handlers;
    line->user = user;
    line->bind = ml_strdup(options->bind);
    line->advertise = ml_strdup(options->advertise);
    line->event_type = options->no_telephone_event ? -1
                       : options->event_type       ? options->event_type
                                                   : EVENT_TYPE;
    for (size_t i = 0; i < options->codec_count; i++)
        for (int codec = ML_PCMU; codec <= ML_PCMA && line->codec_count < 2; codec++)
            if (ml_str_ieq(ml_str(options->codecs[i]), ml_str(codec_names[codec])))
                line->codecs[line->codec_count++] = (enum ml_codec)codec;
    if (line->codec_count == 0) {
        line->codecs[0] = ML_PCMU;
        line->codecs[1] = ML_PCMA;
        line->codec_count = 2;
    }
    ml_random(&line->session, 4); /* fits every parser's integer */
    return line;
}

static void free_line(struct ml_line *line)
{
    if (line->stream)
        ml_stream_free(line->stream);
    ml_free(line->bind);
    ml_free(line->advertise);
    ml_free(line->last);
    ml_free(line);
}

int ml_line_accept(struct ml_leg *leg, const struct ml_line_options *options,
                   const struct ml_line_handlers *handlers, void *user, struct ml_line **linep,
                   struct ml_fault *fault)
{
    struct ml_line *line = new_line(options, handlers, user);

    (void)fault;
    line->leg = ml_leg_ref(leg);
    ml_leg_watch(leg, on_leg, line);
    ml_leg_describe(leg, &description, line);
    *linep = line;
    return ML_OK;
}

int ml_line_dial(struct ml_agent *agent, const struct ml_leg_dial *dial,
                 const struct ml_line_options *options, const struct ml_line_handlers *handlers,
                 void *user, struct ml_line **linep, struct ml_fault *fault)
{
    struct ml_line *line = new_line(options, handlers, user);
    int status = ml_agent_dial(agent, dial, &description, line, on_leg, line, &line->leg, fault);

    if (status != 0) {
        free_line(line);
        return status;
    }
    *linep = line;
    return ML_OK;
}

void ml_line_watch(struct ml_line *line, const struct ml_line_handlers *handlers, void *user)
{
    line->handlers = handlers;
    line->user = user;
}

struct ml_line *ml_line_ref(struct ml_line *line)
{
    line->references++;
    return line;
}

void ml_line_unref(struct ml_line *line)
{
    if (!line || --line->references > 0)
        return;
    ml_leg_watch(line->leg, NULL, NULL);
    ml_leg_hangup(line->leg, NULL, 0);
    ml_leg_describe(line->leg, NULL, NULL);
    ml_leg_unref(line->leg);
    free_line(line);
}

struct ml_leg *ml_line_leg(struct ml_line *line)
{
    return line->leg;
}

struct ml_stream *ml_line_stream(struct ml_line *line)
{
    return line->stream;
}

int ml_line_hold(struct ml_line *line, enum ml_hold hold)
{
    line->hold = hold;
    return ml_leg_reoffer(line->leg);
}
