#include <string.h>

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/house/outbox_priv.h"

struct ml_item *ml_chain_head(const struct ml_chain *chain)
{
    struct ml_link *link = ml_list_first(&chain->items);

    return link ? ML_CONTAINER(link, struct ml_item, link) : NULL;
}

static bool is_busy(enum ml_chain_state state)
{
    return state != ML_CHAIN_WAITING;
}

void ml_chain_enter(struct ml_chain *chain, enum ml_chain_state state)
{
    struct ml_outbox *outbox = chain->outbox;

    outbox->busy += is_busy(state) - (size_t)is_busy(chain->state);
    if (chain->state == ML_CHAIN_SENDING || chain->state == ML_CHAIN_READING)
        outbox->under_way--;
    if (state == ML_CHAIN_SENDING || state == ML_CHAIN_READING)
        outbox->under_way++;
    ml_list_remove(&chain->ready);
    chain->state = state;
    if (state != ML_CHAIN_READY)
        return;
    ml_list_append(&outbox->ready, &chain->ready);
    ml_loop_flush(outbox->loop, &outbox->kick);
}

struct ml_chain **ml_chain_find(struct ml_outbox *outbox, const char *call)
{
    struct ml_chain **at = &outbox->buckets[ml_hash(call) & (ML_OUTBOX_BUCKETS - 1)];

    while (*at && strcmp((*at)->call, call) != 0)
        at = &(*at)->next;
    return at;
}

static struct ml_chain *chain_of(struct ml_outbox *outbox, const char *call)
{
    struct ml_chain **at = ml_chain_find(outbox, call);

    if (!*at) {
        struct ml_chain *chain = ml_alloc(sizeof *chain);

        chain->outbox = outbox;
        chain->call = ml_strdup(call);
        chain->state = ML_CHAIN_WRITING;
        outbox->busy++;
        ml_list_init(&chain->items);
        ml_list_append(&outbox->chains, &chain->link);
        *at = chain;
    }
    return *at;
}

void ml_item_forget(struct ml_item *item)
{
    ml_free(item->texts);
    item->texts = NULL;
}

void ml_item_free(struct ml_item *item)
{
    if (item->writing)
        ml_store_forget(item->chain->outbox->store, item->writing);
    item->chain->outbox->pending--;
    ml_list_remove(&item->link);
    ml_item_forget(item);
    ml_free(item);
}

void ml_chain_free(struct ml_chain *chain)
{
    struct ml_chain **at = ml_chain_find(chain->outbox, chain->call);

    ml_chain_enter(chain, ML_CHAIN_WAITING);
    if (chain->reading)
        ml_store_forget(chain->outbox->store, chain->reading);
    ML_LIST_EACH(&chain->items, link)
    ml_item_free(ML_CONTAINER(link, struct ml_item, link));
    *at = chain->next;
    ml_list_remove(&chain->link);
    ml_timer_free(chain->timer);
    ml_free(chain->call);
    ml_free(chain);
}

static void add_text(const char **field, char **at, const char *text)
{
    size_t size = strlen(text ? text : "") + 1;

    memcpy(*at, text ? text : "", size);
    *field = *at;
    *at += size;
}

/* url, method, params, what and token in one block. */
void ml_item_keep(struct ml_item *item, const struct ml_callback *callback)
{
    const char *texts[] = {callback->url, callback->method, callback->params, callback->what,
                           callback->token};
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += strlen(texts[i] ? texts[i] : "") + 1;
    item->texts = at = ml_alloc(size);
    add_text(&item->callback.url, &at, callback->url);
    add_text(&item->callback.method, &at, callback->method);
    add_text(&item->callback.params, &at, callback->params);
    add_text(&item->callback.what, &at, callback->what);
    add_text(&item->callback.token, &at, callback->token);
    item->callback.call = item->chain->call;
}

struct ml_item *ml_item_add(struct ml_outbox *outbox, const char *call, int64_t id, double time)
{
    struct ml_chain *chain = chain_of(outbox, call);
    struct ml_item *item = ml_alloc(sizeof *item);
    struct ml_link *before = chain->items.head.prev;

    item->chain = chain;
    item->id = id;
    item->time = time;
    while (before != &chain->items.head && ML_CONTAINER(before, struct ml_item, link)->id > id)
        before = before->prev; /* at the start, those of now may come before those of then */
    ml_list_insert_after(before, &item->link);
    outbox->pending++;
    return item;
}
