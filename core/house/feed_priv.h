/* What feed.c (to the server, and its life) and feed_take.c (from the server) share. */
#ifndef ML_HOUSE_FEED_PRIV_H
#define ML_HOUSE_FEED_PRIV_H

#include "core/base/list.h"
#include "core/house/feed.h"
#include "core/text/base64.h"
#include "core/text/json.h"

struct ml_feed {
    struct ml_websocket *websocket;
    struct ml_fork *fork;
    const struct ml_feed_handlers *handlers; /* NULL: nobody holds it any more */
    void *user;
    char *sid, *call_sid, *account_sid;
    struct ml_buf parameters; /* JSON */
    unsigned tracks, told;    /* told: bits of enum ml_feed_problem */
    bool duplex, open, over;
    int64_t begun_ms;
    uint32_t zero_ms; /* of the fork's time: when it was opened */
    uint64_t sequence, chunks[2];
    struct ml_list marks; /* whose audio has not been heard yet */
    int mark_count;
    struct ml_feed_counts counts;
    struct ml_buf text, body, scratch, audio; /* kept between messages */
};

/* Once for each kind. */
void ml_feed_tell(struct ml_feed *feed, enum ml_feed_problem problem, const char *text);
void ml_feed_send_mark(struct ml_feed *feed, struct ml_str name);
/* A text message of the server: NULL, or why it is left out. */
const char *ml_feed_take(struct ml_feed *feed, struct ml_str message);
/* Sends the marks whose audio has been heard or cleared, in order. */
void ml_feed_marks_due(struct ml_feed *feed);
void ml_feed_drop_marks(struct ml_feed *feed);

#endif
