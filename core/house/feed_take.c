/* What the server of a duplex feed may say: media, mark, clear. */
#include "core/base/mem.h"
#include "core/house/feed_priv.h"

enum { MARKS_MAX = 1000, NAME_MAX_BYTES = 1000 };

struct mark {
    struct ml_link link;
    uint64_t at; /* bytes given before it */
    char *name;
};

static void drop(struct ml_feed *feed, struct mark *mark)
{
    ml_list_remove(&mark->link);
    feed->mark_count--;
    ml_free(mark->name);
    ml_free(mark);
}

void ml_feed_drop_marks(struct ml_feed *feed)
{
    ML_LIST_EACH(&feed->marks, link)
    {
        drop(feed, ML_CONTAINER(link, struct mark, link));
    }
}

void ml_feed_marks_due(struct ml_feed *feed)
{
    struct ml_link *link;

    while ((link = ml_list_first(&feed->marks)) != NULL) {
        struct mark *mark = ML_CONTAINER(link, struct mark, link);

        if (mark->at > ml_fork_played(feed->fork)) {
            ml_fork_notify_at(feed->fork, mark->at);
            return;
        }
        ml_feed_send_mark(feed, ml_str(mark->name));
        drop(feed, mark);
    }
}

/* The text of a member into feed->scratch; false: there is none. */
static bool text_of(struct ml_feed *feed, struct ml_str object, const char *name)
{
    struct ml_str value;

    feed->scratch.n = 0;
    return ml_json_member(object, name, &value) && ml_json_text(&feed->scratch, value) == 0;
}

static struct ml_str scratch(const struct ml_feed *feed)
{
    return (struct ml_str){feed->scratch.p ? feed->scratch.p : "", feed->scratch.n};
}

static const char *take_media(struct ml_feed *feed, struct ml_str message)
{
    struct ml_str media;

    if (!ml_json_member(message, "media", &media) || !text_of(feed, media, "payload"))
        return "a media message without a payload";
    feed->audio.n = 0;
    if (ml_base64_decode(&feed->audio, scratch(feed)) != 0)
        return "a media message whose payload is not base64";
    if (ml_fork_play(feed->fork, (const uint8_t *)feed->audio.p, feed->audio.n) != ML_ELIMIT)
        return NULL;
    feed->counts.ignored++;
    ml_feed_tell(feed, ML_FEED_FULL, "more than five minutes of audio wait: the rest is left out");
    return NULL;
}

static const char *take_mark(struct ml_feed *feed, struct ml_str message)
{
    struct ml_str object;
    struct mark *mark;

    if (!ml_json_member(message, "mark", &object) || !text_of(feed, object, "name") ||
        feed->scratch.n > NAME_MAX_BYTES)
        return "a mark message without a name";
    if (feed->mark_count == MARKS_MAX)
        return "more than 1000 marks wait";
    mark = ml_alloc(sizeof *mark);
    mark->at = ml_fork_given(feed->fork);
    mark->name = ml_str_dup(scratch(feed));
    ml_list_append(&feed->marks, &mark->link);
    feed->mark_count++;
    ml_feed_marks_due(feed);
    return NULL;
}

const char *ml_feed_take(struct ml_feed *feed, struct ml_str message)
{
    struct ml_str event;

    if (!ml_json_is_valid(message))
        return "a message that is not JSON";
    if (!text_of(feed, message, "streamSid") || !ml_str_eq(scratch(feed), ml_str(feed->sid)))
        return "a message without this stream's streamSid";
    if (!text_of(feed, message, "event"))
        return "a message without an event";
    event = scratch(feed);
    if (ml_str_eq(event, ML_STR("media")))
        return take_media(feed, message);
    if (ml_str_eq(event, ML_STR("mark")))
        return take_mark(feed, message);
    if (!ml_str_eq(event, ML_STR("clear")))
        return "a message whose event is none of media, mark, clear";
    ml_fork_clear(feed->fork);
    ml_feed_marks_due(feed);
    return NULL;
}
