#include "core/house/feed.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/house/feed_priv.h"

enum {
    QUEUED_MAX = 32768, /* bytes the socket may owe: over two seconds of both tracks */
    WAITING_MAX = 200,  /* frames that may wait behind them, then the oldest go */
    NORMAL = 1000       /* closure (RFC 6455 7.4.1) */
};

/* ---- to the server ---- */

void ml_feed_tell(struct ml_feed *feed, enum ml_feed_problem problem, const char *text)
{
    unsigned bit = 1u << problem;

    if (feed->told & bit)
        return;
    feed->told |= bit;
    if (feed->handlers)
        feed->handlers->problem(problem, text, feed->user);
}

/* The text after "event" up to "streamSid" is the message's own. */
static void send_message(struct ml_feed *feed, const char *event)
{
    struct ml_buf *text = &feed->text, *body = &feed->body;

    text->n = 0;
    ml_buf_printf(text, "{\"event\":\"%s\",\"sequenceNumber\":\"%" PRIu64 "\",\"%s\":", event,
                  ++feed->sequence, event);
    ml_buf_add(text, body->p, body->n);
    ml_buf_printf(text, ",\"streamSid\":\"%s\"}", feed->sid);
    ml_websocket_send(feed->websocket, true, (struct ml_str){text->p, text->n});
    body->n = 0;
}

static void send_start(struct ml_feed *feed)
{
    struct ml_buf *body = &feed->body;
    bool in = feed->tracks & ML_FORK_INBOUND, out = feed->tracks & ML_FORK_OUTBOUND;

    ml_buf_printf(
        body,
        "{\"accountSid\":\"%s\",\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[%s%s%s],"
        "\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,"
        "\"channels\":1},\"customParameters\":",
        feed->account_sid, feed->sid, feed->call_sid, in ? "\"inbound\"" : "", in && out ? "," : "",
        out ? "\"outbound\"" : "");
    ml_buf_add(body, feed->parameters.p, feed->parameters.n);
    ml_buf_str(body, "}");
    send_message(feed, "start");
}

static void send_media(struct ml_feed *feed, const struct ml_fork_frame *frame)
{
    bool out = frame->track == ML_FORK_OUTBOUND;

    ml_buf_printf(&feed->body,
                  "{\"track\":\"%s\",\"chunk\":\"%" PRIu64 "\",\"timestamp\":\"%" PRIu32
                  "\",\"payload\":\"",
                  out ? "outbound" : "inbound", ++feed->chunks[out], frame->ms - feed->zero_ms);
    ml_base64_encode(&feed->body, frame->audio, sizeof frame->audio);
    ml_buf_str(&feed->body, "\"}");
    send_message(feed, "media");
    feed->counts.sent++;
}

static void send_stop(struct ml_feed *feed)
{
    ml_buf_printf(&feed->body, "{\"accountSid\":\"%s\",\"callSid\":\"%s\"}", feed->account_sid,
                  feed->call_sid);
    send_message(feed, "stop");
}

void ml_feed_send_mark(struct ml_feed *feed, struct ml_str name)
{
    ml_buf_str(&feed->body, "{\"name\":");
    ml_json_quote(&feed->body, name);
    ml_buf_str(&feed->body, "}");
    send_message(feed, "mark");
}

void ml_feed_digit(struct ml_feed *feed, char digit)
{
    if (!feed->open || !feed->duplex)
        return;
    ml_buf_printf(&feed->body, "{\"track\":\"inbound_track\",\"digit\":\"%c\"}", digit);
    send_message(feed, "dtmf");
}

/* Frames go out while the socket takes them; those that wait too long behind a slow one do not. */
static void pump(struct ml_feed *feed)
{
    struct ml_fork_frame frame;

    while (feed->open && ml_fork_waiting(feed->fork) > 0) {
        bool full = ml_websocket_queued(feed->websocket) > QUEUED_MAX;

        if (full && ml_fork_waiting(feed->fork) < WAITING_MAX)
            return;
        ml_fork_read(feed->fork, &frame, 1);
        if (full) {
            feed->counts.dropped++;
            ml_feed_tell(feed, ML_FEED_SLOW, "the server reads too slowly: audio is dropped");
        } else if (frame.ms >= feed->zero_ms) {
            send_media(feed, &frame);
        }
    }
}

/* ---- handlers ---- */

static void on_ready(void *user)
{
    struct ml_feed *feed = user;
    struct ml_fork_frame frame;

    while (!feed->open && ml_fork_read(feed->fork, &frame, 1) > 0) {
        /* nobody is there to hear it */
    }
    pump(feed);
    if (feed->open)
        ml_feed_marks_due(feed);
}

static void on_opened(void *user)
{
    struct ml_feed *feed = user;
    static const char connected[] =
        "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}";

    feed->open = true;
    feed->zero_ms = (uint32_t)(ml_clock_ms() - feed->begun_ms);
    ml_websocket_send(feed->websocket, true, ML_STR(connected));
    send_start(feed);
    if (feed->handlers)
        feed->handlers->opened(feed->user);
}

static void on_drained(void *user)
{
    pump(user);
}

static void on_message(bool text, struct ml_str message, void *user)
{
    struct ml_feed *feed = user;
    const char *why;

    feed->counts.received++;
    why = !feed->duplex ? "a stream in one direction takes no messages"
          : text        ? ml_feed_take(feed, message)
                        : "a binary message";
    if (!why)
        return;
    feed->counts.ignored++;
    ml_feed_tell(feed, ML_FEED_MESSAGE, why);
}

static void destroy(struct ml_feed *feed)
{
    ml_fork_free(feed->fork);
    ml_websocket_free(feed->websocket);
    ml_feed_drop_marks(feed);
    ml_buf_fini(&feed->text);
    ml_buf_fini(&feed->body);
    ml_buf_fini(&feed->scratch);
    ml_buf_fini(&feed->audio);
    ml_buf_fini(&feed->parameters);
    ml_free(feed->sid);
    ml_free(feed->call_sid);
    ml_free(feed->account_sid);
    ml_free(feed);
}

static void on_closed(const struct ml_websocket_end *end, void *user)
{
    struct ml_feed *feed = user;

    feed->open = false;
    feed->over = true;
    ml_fork_clear(feed->fork); /* its words die with the server */
    if (feed->handlers)
        feed->handlers->closed(end, feed->user);
    else
        destroy(feed);
}

/* ---- life ---- */

static void copy_parameters(struct ml_feed *feed, const struct ml_feed_options *options)
{
    ml_buf_str(&feed->parameters, "{");
    for (size_t i = 0; i < options->parameter_count; i++) {
        if (i > 0)
            ml_buf_str(&feed->parameters, ",");
        ml_json_quote(&feed->parameters, ml_str(options->parameters[2 * i]));
        ml_buf_str(&feed->parameters, ":");
        ml_json_quote(&feed->parameters, ml_str(options->parameters[2 * i + 1]));
    }
    ml_buf_str(&feed->parameters, "}");
}

int ml_feed_open(const struct ml_feed_options *options, const struct ml_feed_handlers *handlers,
                 void *user, struct ml_feed **feedp)
{
    static const struct ml_websocket_handlers socket = {on_opened, on_message, on_drained,
                                                        on_closed};
    static const struct ml_fork_handlers audio = {on_ready};
    struct ml_websocket_options how = {.url = options->url,
                                       .headers = options->headers,
                                       .header_count = options->header_count,
                                       .connect_timeout_ms = options->connect_timeout_ms};
    struct ml_feed *feed = ml_alloc(sizeof *feed);
    int status;

    feed->handlers = handlers;
    feed->user = user;
    feed->tracks = options->tracks;
    feed->duplex = options->duplex;
    feed->begun_ms = ml_clock_ms();
    feed->sid = ml_strdup(options->sid);
    feed->call_sid = ml_strdup(options->call_sid);
    feed->account_sid = ml_strdup(options->account_sid);
    ml_list_init(&feed->marks);
    copy_parameters(feed, options);
    status = ml_fork_new(options->stream, options->tracks, &audio, feed, &feed->fork);
    if (status == 0)
        status = ml_websocket_connect(options->client, &how, &socket, feed, &feed->websocket);
    if (status != 0) {
        destroy(feed);
        return status;
    }
    *feedp = feed;
    return ML_OK;
}

void ml_feed_counts(const struct ml_feed *feed, struct ml_feed_counts *counts)
{
    *counts = feed->counts;
    counts->dropped += ml_fork_dropped(feed->fork);
}

void ml_feed_stop(struct ml_feed *feed)
{
    if (feed->over)
        return;
    if (feed->open) {
        pump(feed);
        send_stop(feed);
    }
    feed->open = false;
    ml_fork_clear(feed->fork);
    ml_websocket_close(feed->websocket, NORMAL, "");
}

/* The closing handshake goes on by itself: on_closed frees the rest. */
void ml_feed_free(struct ml_feed *feed)
{
    if (!feed)
        return;
    feed->handlers = NULL;
    if (feed->over)
        destroy(feed);
    else
        ml_feed_stop(feed);
}
