/* A media stream: a leg's audio over a WebSocket in the messages of Twilio's Media Streams. The
 * pump between socket and leg, base64 and the JSON of the messages are here; who is connected to
 * what, and what a failure means, is decided above. A slow server never blocks and nothing grows
 * without bound: the oldest audio is dropped, counted, and told once. Owner: who opened it. Loop
 * thread. */
#ifndef ML_HOUSE_FEED_H
#define ML_HOUSE_FEED_H

#include "core/media/fork.h"
#include "core/net/websocket.h"

struct ml_feed;

enum ml_feed_problem {
    ML_FEED_MESSAGE, /* what the server sent is no message of the protocol: left out */
    ML_FEED_SLOW,    /* the server does not read fast enough: audio was dropped */
    ML_FEED_FULL     /* the server sent more than five minutes ahead: left out */
};

struct ml_feed_handlers {
    void (*opened)(void *user);
    /* Once for each kind. */
    void (*problem)(enum ml_feed_problem problem, const char *text, void *user);
    /* Once and last. */
    void (*closed)(const struct ml_websocket_end *end, void *user);
};

struct ml_feed_options {
    struct ml_stream *stream;
    struct ml_http_client *client;
    const char *url; /* ws:// or wss:// */
    const char *const *headers;
    size_t header_count;
    int connect_timeout_ms; /* 0: 5000 */
    const char *sid, *call_sid, *account_sid;
    unsigned tracks;               /* enum ml_fork_track */
    bool duplex;                   /* the server may send media, mark and clear; it is told keys */
    const char *const *parameters; /* name, value pairs: customParameters of start */
    size_t parameter_count;        /* pairs */
};

struct ml_feed_counts {
    uint64_t sent, dropped; /* media messages to the server */
    uint64_t received;      /* messages of the server */
    uint64_t ignored;       /* of these */
};

/* Everything is copied; the stream may be freed before. Handlers are called later. ML_ELIMIT: the
 * leg has four already. ML_EINVAL: a header that cannot be sent. */
int ml_feed_open(const struct ml_feed_options *options, const struct ml_feed_handlers *handlers,
                 void *user, struct ml_feed **feedp);
/* The caller pressed a key: a dtmf message of a duplex feed. */
void ml_feed_digit(struct ml_feed *feed, char digit);
void ml_feed_counts(const struct ml_feed *feed, struct ml_feed_counts *counts);
/* The stop message and the closing handshake; closed follows. */
void ml_feed_stop(struct ml_feed *feed);
/* The same, and no handler is called any more. */
void ml_feed_free(struct ml_feed *feed);

#endif
