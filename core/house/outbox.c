#include "core/house/outbox.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/house/outbox_priv.h"

enum {
    AT_ONCE = 300,       /* under way at the same time: after an outage thousands are due */
    BACKOFF_MAX_S = 300, /* 1, 2, 4 ... 256, 300, 300 ... */
    LIFE_S = 24 * 60 * 60,
    PAGE = 500 /* rows read at once at the start */
};

/* ---- sending ---- */

/* The head is to be sent as soon as it is on disk. */
static void next(struct ml_chain *chain)
{
    struct ml_item *item = ml_chain_head(chain);

    if (!item)
        ml_chain_free(chain);
    else
        ml_chain_enter(chain, item->written ? ML_CHAIN_READY : ML_CHAIN_WRITING);
}

static const char *text_at(const struct ml_value *row, int column, char **copies)
{
    const struct ml_value *value = &row[column];

    if (value->type != ML_VALUE_TEXT)
        return "";
    *copies = ml_str_dup(value->text);
    return *copies;
}

static void read_texts(struct ml_item *item, const struct ml_value *row)
{
    char *copies[5] = {NULL};
    struct ml_callback callback = {
        .url = text_at(row, ML_CALLBACK_URL, &copies[0]),
        .method = text_at(row, ML_CALLBACK_METHOD, &copies[1]),
        .params = text_at(row, ML_CALLBACK_PARAMS, &copies[2]),
        .what = text_at(row, ML_CALLBACK_WHAT, &copies[3]),
        .token = text_at(row, ML_CALLBACK_TOKEN, &copies[4]),
    };

    ml_item_keep(item, &callback);
    for (size_t i = 0; i < 5; i++)
        ml_free(copies[i]);
}

static void on_read(int status, const char *why, const struct ml_rows *rows, void *user);

static void read_head(struct ml_chain *chain)
{
    struct ml_condition where = {0, ML_IS, {.type = ML_VALUE_INTEGER}};
    struct ml_query query = {.kind = ML_STORE_CALLBACK, .where = &where, .count = 1, .most = 1};

    where.value.integer = ml_chain_head(chain)->id;
    ml_chain_enter(chain, ML_CHAIN_READING);
    chain->reading = ml_store_list(chain->outbox->store, &query, on_read, chain);
}

static void send_head(struct ml_chain *chain)
{
    struct ml_item *item = ml_chain_head(chain);
    struct ml_link *newest = chain->outbox->servers.head.prev;

    chain->server = item->server ? item->server : ML_CONTAINER(newest, struct ml_server, link);
    ml_chain_enter(chain, ML_CHAIN_SENDING);
    chain->server->send(item->id, &item->callback, chain->server->user);
}

/* What is ready goes out, as far as there is somebody who sends, and room. */
static void on_kick(void *user)
{
    struct ml_outbox *outbox = user;
    struct ml_link *link;

    if (outbox->loading || ml_list_empty(&outbox->servers))
        return;
    while (outbox->under_way < AT_ONCE && (link = ml_list_first(&outbox->ready)) != NULL) {
        struct ml_chain *chain = ML_CONTAINER(link, struct ml_chain, ready);

        if (ml_chain_head(chain)->texts)
            send_head(chain);
        else
            read_head(chain);
    }
}

static void on_due(void *user)
{
    ml_chain_enter(user, ML_CHAIN_READY);
}

/* In memory only what is about to be sent. */
static void leave_to_disk(struct ml_chain *chain)
{
    ML_LIST_EACH(&chain->items, link)
    {
        struct ml_item *item = ML_CONTAINER(link, struct ml_item, link);

        if (item->kept)
            ml_item_forget(item);
    }
}

static struct ml_field integer(int column, int64_t value)
{
    return (struct ml_field){column, {.type = ML_VALUE_INTEGER, .integer = value}};
}

static struct ml_field real(int column, double value)
{
    return (struct ml_field){column, {.type = ML_VALUE_REAL, .real = value}};
}

static struct ml_field text(int column, const char *value)
{
    return (struct ml_field){column, {.type = ML_VALUE_TEXT, .text = ml_str(value)}};
}

static void remove_head(struct ml_chain *chain)
{
    struct ml_item *item = ml_chain_head(chain);
    struct ml_value key = {.type = ML_VALUE_INTEGER, .integer = item->id};

    if (item->kept)
        ml_store_remove(chain->outbox->store, ML_STORE_CALLBACK, &key);
    ml_item_free(item);
    next(chain);
}

static void try_later(struct ml_chain *chain)
{
    struct ml_outbox *outbox = chain->outbox;
    struct ml_item *item = ml_chain_head(chain);
    double now = (double)ml_clock_wall_ms() / 1000;
    int seconds =
        ++item->callback.attempts > 9 ? BACKOFF_MAX_S : 1 << (item->callback.attempts - 1);

    if (now - item->time >= LIFE_S) {
        ml_log(ML_LOG_ERROR, chain->call, "callback %s given up after %d tries: %s",
               item->texts ? item->callback.what : "", item->callback.attempts,
               item->texts ? item->callback.url : "it cannot be read");
        remove_head(chain);
        return;
    }
    if (item->kept) {
        struct ml_field fields[] = {integer(ML_CALLBACK_ID, item->id),
                                    integer(ML_CALLBACK_ATTEMPTS, item->callback.attempts),
                                    real(ML_CALLBACK_DUE, now + seconds)};

        ml_store_put(outbox->store, ML_STORE_CALLBACK, fields, 3, NULL, NULL);
    }
    item->server = NULL;
    leave_to_disk(chain);
    if (!chain->timer)
        chain->timer = ml_timer_new(outbox->loop, on_due, chain);
    ml_chain_enter(chain, ML_CHAIN_WAITING);
    ml_timer_set(chain->timer, (int64_t)seconds * 1000);
}

static void finish(struct ml_chain *chain, bool delivered)
{
    struct ml_outbox *outbox = chain->outbox;

    chain->server = NULL;
    if (delivered)
        remove_head(chain);
    else
        try_later(chain);
    if (!ml_list_empty(&outbox->ready))
        ml_loop_flush(outbox->loop, &outbox->kick); /* there is room for another */
}

/* The head with that number, which a server has. */
static struct ml_chain *find_sending(struct ml_outbox *outbox, const char *call, int64_t id)
{
    struct ml_chain *chain = *ml_chain_find(outbox, call);

    return chain && chain->state == ML_CHAIN_SENDING && ml_chain_head(chain)->id == id ? chain
                                                                                       : NULL;
}

const struct ml_callback *ml_outbox_sending(struct ml_outbox *outbox, const char *call, int64_t id)
{
    struct ml_chain *chain = find_sending(outbox, call, id);

    return chain ? &ml_chain_head(chain)->callback : NULL;
}

void ml_outbox_done(struct ml_outbox *outbox, const char *call, int64_t id, bool delivered)
{
    struct ml_chain *chain = find_sending(outbox, call, id);

    if (chain)
        finish(chain, delivered);
}

static void on_read(int status, const char *why, const struct ml_rows *rows, void *user)
{
    struct ml_chain *chain = user;
    struct ml_item *item = ml_chain_head(chain);

    chain->reading = 0;
    if (status != 0) {
        ml_log(ML_LOG_ERROR, chain->call, "a callback cannot be read from the store: %s", why);
        finish(chain, false);
    } else if (rows->count == 0) { /* somebody deleted the row */
        ml_item_free(item);
        next(chain);
    } else {
        read_texts(item, rows->values);
        if (ml_list_empty(&chain->outbox->servers))
            ml_chain_enter(chain, ML_CHAIN_READY);
        else
            send_head(chain);
    }
}

/* ---- pushing ---- */

static void on_written(int status, const char *why, void *user)
{
    struct ml_item *item = user;
    struct ml_chain *chain = item->chain;

    (void)why; /* the store has told: it is sent all the same */
    item->writing = 0;
    item->written = true;
    item->kept = status == 0;
    if (item == ml_chain_head(chain) && chain->state == ML_CHAIN_WRITING)
        ml_chain_enter(chain, ML_CHAIN_READY);
    else if (item->kept && chain->state == ML_CHAIN_WAITING)
        ml_item_forget(item);
}

static void write_item(struct ml_outbox *outbox, struct ml_item *item)
{
    struct ml_field fields[] = {integer(ML_CALLBACK_ID, item->id),
                                text(ML_CALLBACK_CALL, item->chain->call),
                                real(ML_CALLBACK_TIME, item->time),
                                text(ML_CALLBACK_URL, item->callback.url),
                                text(ML_CALLBACK_METHOD, item->callback.method),
                                text(ML_CALLBACK_PARAMS, item->callback.params),
                                text(ML_CALLBACK_WHAT, item->callback.what),
                                text(ML_CALLBACK_TOKEN, item->callback.token)};

    item->writing = ml_store_put(outbox->store, ML_STORE_CALLBACK, fields,
                                 sizeof fields / sizeof *fields, on_written, item);
}

static struct ml_server *server_of(struct ml_outbox *outbox, const void *user)
{
    ML_LIST_EACH(&outbox->servers, link)
    {
        struct ml_server *server = ML_CONTAINER(link, struct ml_server, link);

        if (server->user == user)
            return server;
    }
    return NULL;
}

int64_t ml_outbox_push(struct ml_outbox *outbox, const struct ml_callback *callback, void *user)
{
    int64_t id = ++outbox->last;
    struct ml_item *item =
        ml_item_add(outbox, callback->call, id, (double)ml_clock_wall_ms() / 1000);

    ml_item_keep(item, callback);
    item->server = server_of(outbox, user);
    if (outbox->store) {
        write_item(outbox, item);
    } else {
        item->written = true;
        if (item == ml_chain_head(item->chain))
            ml_chain_enter(item->chain, ML_CHAIN_READY);
    }
    return id;
}

/* ---- servers ---- */

void ml_outbox_join(struct ml_outbox *outbox, ml_outbox_send_fn *send, void *user)
{
    struct ml_server *server = ml_alloc(sizeof *server);

    *server = (struct ml_server){.send = send, .user = user};
    ml_list_append(&outbox->servers, &server->link);
    ml_loop_flush(outbox->loop, &outbox->kick);
}

static void forget_server(struct ml_chain *chain, const struct ml_server *server)
{
    ML_LIST_EACH(&chain->items, link)
    {
        struct ml_item *item = ML_CONTAINER(link, struct ml_item, link);

        if (item->server == server)
            item->server = NULL;
    }
    if (chain->server != server)
        return;
    chain->server = NULL;
    if (chain->state == ML_CHAIN_SENDING)
        ml_chain_enter(chain, ML_CHAIN_READY);
}

void ml_outbox_leave(struct ml_outbox *outbox, const void *user)
{
    struct ml_server *server = server_of(outbox, user);

    if (!server)
        return;
    ml_list_remove(&server->link);
    ML_LIST_EACH(&outbox->chains, link)
    forget_server(ML_CONTAINER(link, struct ml_chain, link), server);
    ml_free(server);
}

/* ---- begin and end ---- */

static void load(struct ml_outbox *outbox, int64_t after);

/* A callback from before: its texts stay on disk until it is sent. */
static void add_old(struct ml_outbox *outbox, const struct ml_value *row)
{
    const struct ml_value *call = &row[ML_CALLBACK_CALL];
    char *name = call->type == ML_VALUE_TEXT ? ml_str_dup(call->text) : ml_strdup("");
    struct ml_item *item = ml_item_add(outbox, name, row[0].integer, row[ML_CALLBACK_TIME].real);

    item->callback.attempts = (int)row[ML_CALLBACK_ATTEMPTS].integer;
    item->written = item->kept = true;
    if (item == ml_chain_head(item->chain))
        ml_chain_enter(item->chain, ML_CHAIN_READY);
    ml_free(name);
}

static void on_loaded(int status, const char *why, const struct ml_rows *rows, void *user)
{
    struct ml_outbox *outbox = user;
    int64_t last = outbox->old;

    outbox->loading = 0;
    if (status != 0)
        ml_log(ML_LOG_ERROR, NULL, "callbacks of before cannot be read from the store: %s", why);
    for (size_t i = 0; i < rows->count; i++) {
        const struct ml_value *row = rows->values + i * (size_t)rows->columns;

        last = row[0].integer;
        if (last <= outbox->old)
            add_old(outbox, row);
    }
    if (status == 0 && rows->count == PAGE && last < outbox->old) {
        load(outbox, last);
        return;
    }
    if (outbox->pending > 0 && outbox->old > 0)
        ml_log(ML_LOG_INFO, NULL, "%zu callbacks of before are sent now", outbox->pending);
    ml_loop_flush(outbox->loop, &outbox->kick);
}

static void load(struct ml_outbox *outbox, int64_t after)
{
    struct ml_query query = {
        .kind = ML_STORE_CALLBACK, .most = PAGE, .after = after, .oldest = true};

    outbox->loading = ml_store_list(outbox->store, &query, on_loaded, outbox);
}

int ml_outbox_new(struct ml_loop *loop, struct ml_store *store, struct ml_outbox **outboxp)
{
    struct ml_outbox *outbox = ml_alloc(sizeof *outbox);

    outbox->loop = loop;
    outbox->store = store;
    ml_list_init(&outbox->chains);
    ml_list_init(&outbox->ready);
    ml_list_init(&outbox->servers);
    outbox->kick = (struct ml_flush){.fn = on_kick, .user = outbox};
    if (store) {
        outbox->last = outbox->old = ml_store_last(store, ML_STORE_CALLBACK);
        load(outbox, 0);
    }
    *outboxp = outbox;
    return ML_OK;
}

void ml_outbox_free(struct ml_outbox *outbox)
{
    if (!outbox)
        return;
    ML_LIST_EACH(&outbox->chains, link)
    ml_chain_free(ML_CONTAINER(link, struct ml_chain, link));
    ML_LIST_EACH(&outbox->servers, link)
    {
        ml_list_remove(link);
        ml_free(ML_CONTAINER(link, struct ml_server, link));
    }
    if (outbox->loading)
        ml_store_forget(outbox->store, outbox->loading);
    ml_list_remove(&outbox->kick.link);
    ml_free(outbox);
}

size_t ml_outbox_busy(const struct ml_outbox *outbox)
{
    return outbox->busy;
}

size_t ml_outbox_pending(const struct ml_outbox *outbox)
{
    return outbox->pending;
}
