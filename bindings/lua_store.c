/* moonline.core.store: records, and the outbox of callbacks. */
#include <string.h>

#include "bindings/modules.h"
#include "bindings/object.h"
#include "bindings/sink.h"
#include "bindings/task.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/house/outbox.h"

/* What the states share. store is NULL when nothing is kept. */
struct records {
    struct ml_store *store;
    struct ml_outbox *outbox;
    struct ml_list reads, senders;
    int references;
};

/* A list that is under way. */
struct read {
    struct ml_link link;
    struct ml_sink sink;
    uint64_t number;
    enum ml_store_kind kind;
};

/* The function of a state that sends callbacks. */
struct sender {
    struct ml_link link;
    struct ml_state *state;
    int function; /* registry reference */
};

static void free_read(struct read *read)
{
    ml_list_remove(&read->link);
    ml_sink_fini(&read->sink);
    ml_free(read);
}

static struct sender *sender_of(struct records *records, const struct ml_state *state)
{
    ML_LIST_EACH(&records->senders, link)
    {
        struct sender *sender = ML_CONTAINER(link, struct sender, link);

        if (sender->state == state)
            return sender;
    }
    return NULL;
}

static void drop_sender(struct records *records, struct sender *sender)
{
    if (!sender)
        return;
    ml_outbox_leave(records->outbox, sender);
    luaL_unref(sender->state->L, LUA_REGISTRYINDEX, sender->function);
    ml_list_remove(&sender->link);
    ml_free(sender);
}

static void records_close(void *object)
{
    struct records *records = object;

    if (--records->references > 0)
        return;
    ML_LIST_EACH(&records->senders, link)
    drop_sender(records, ML_CONTAINER(link, struct sender, link));
    ml_outbox_free(records->outbox);
    ML_LIST_EACH(&records->reads, link)
    {
        struct read *read = ML_CONTAINER(link, struct read, link);

        ml_store_forget(records->store, read->number);
        free_read(read);
    }
    ml_store_close(records->store);
    ml_free(records);
}

static void records_share(void *object)
{
    ((struct records *)object)->references++;
}

static void records_left(void *object, const struct ml_state *state)
{
    struct records *records = object;

    drop_sender(records, sender_of(records, state));
    ML_LIST_EACH(&records->reads, link)
    {
        struct read *read = ML_CONTAINER(link, struct read, link);

        if (read->sink.state != state)
            continue;
        ml_store_forget(records->store, read->number);
        free_read(read);
    }
}

static int records_put(lua_State *L);
static int records_commit(lua_State *L);
static int records_remove(lua_State *L);
static int records_list(lua_State *L);
static int records_prune(lua_State *L);
static int records_health(lua_State *L);
static int records_push(lua_State *L);
static int records_sending(lua_State *L);
static int records_serve(lua_State *L);
static int records_leave(lua_State *L);
static int records_done(lua_State *L);
static int records_busy(lua_State *L);

static const luaL_Reg methods[] = {{"put", records_put},
                                   {"commit", records_commit},
                                   {"remove", records_remove},
                                   {"list", records_list},
                                   {"prune", records_prune},
                                   {"health", records_health},
                                   {"push", records_push},
                                   {"sending", records_sending},
                                   {"serve", records_serve},
                                   {"leave", records_leave},
                                   {"done", records_done},
                                   {"busy", records_busy},
                                   {NULL, NULL}};
static const struct ml_class class = {.name = "store",
                                      .methods = methods,
                                      .close = records_close,
                                      .share = records_share,
                                      .left = records_left};

static struct records *check(lua_State *L)
{
    return ml_object_check(L, 1, &class);
}

/* ---- records ---- */

static enum ml_store_kind check_kind(lua_State *L, int index)
{
    int kind = ml_store_kind(luaL_checkstring(L, index));

    luaL_argcheck(L, kind >= 0, index,
                  "call, recording, notification, conference, queue, event or callback"
                  " expected");
    return (enum ml_store_kind)kind;
}

static int check_column(lua_State *L, enum ml_store_kind kind, int index, int argument)
{
    const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    int column = ml_store_column(kind, name);

    if (column < 0)
        luaL_argerror(L, argument, lua_pushfstring(L, "there is no field \"%s\"", name));
    return column;
}

/* The text stays where it is: on the stack, or in a table that is there. */
static struct ml_value check_value(lua_State *L, int index, int argument)
{
    struct ml_value value = {0};

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        value.type = lua_isinteger(L, index) ? ML_VALUE_INTEGER : ML_VALUE_REAL;
        value.integer = lua_tointeger(L, index);
        value.real = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        value.type = ML_VALUE_TEXT;
        value.text.p = lua_tolstring(L, index, &value.text.n);
        break;
    default:
        luaL_argcheck(L, lua_isboolean(L, index) && !lua_toboolean(L, index), argument,
                      "values are text, numbers or false");
        break;
    }
    return value;
}

/* put(kind, fields) */
static int records_put(lua_State *L)
{
    struct records *records = check(L);
    enum ml_store_kind kind = check_kind(L, 2);
    struct ml_field fields[ML_STORE_COLUMNS];
    size_t count = 0;
    bool has_key = false;

    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        fields[count].column = check_column(L, kind, -2, 3);
        fields[count].value = check_value(L, -1, 3);
        has_key = has_key || fields[count].column == ml_store_key(kind);
        count++;
    }
    luaL_argcheck(L, has_key, 3, "the key is missing");
    if (records->store)
        ml_store_put(records->store, kind, fields, count, NULL, NULL);
    return 0;
}

/* commit(): what was put so far in this turn survives the process */
static int records_commit(lua_State *L)
{
    const struct records *records = check(L);

    if (records->store)
        ml_store_commit(records->store);
    return 0;
}

/* remove(kind, key) */
static int records_remove(lua_State *L)
{
    struct records *records = check(L);
    enum ml_store_kind kind = check_kind(L, 2);
    struct ml_value key = check_value(L, 3, 3);

    if (records->store)
        ml_store_remove(records->store, kind, &key);
    return 0;
}

static void push_value(lua_State *L, const struct ml_value *value)
{
    switch (value->type) {
    case ML_VALUE_INTEGER:
        lua_pushinteger(L, value->integer);
        break;
    case ML_VALUE_REAL:
        lua_pushnumber(L, value->real);
        break;
    case ML_VALUE_TEXT:
        lua_pushlstring(L, value->text.p, value->text.n);
        break;
    case ML_VALUE_NONE:
        lua_pushnil(L);
        break;
    }
}

/* { kind = "rows", rows = { { sid = ... }, ... }, text = why there are none } */
static void on_rows(int status, const char *text, const struct ml_rows *rows, void *user)
{
    struct read *read = user;
    lua_State *L = ml_sink_event(&read->sink, "rows");

    lua_createtable(L, (int)rows->count, 0);
    for (size_t i = 0; i < rows->count; i++) {
        lua_createtable(L, 0, rows->columns);
        for (int column = 0; column < rows->columns; column++) {
            push_value(L, &rows->values[i * (size_t)rows->columns + (size_t)column]);
            lua_setfield(L, -2, ml_store_column_name(read->kind, column));
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "rows");
    if (status != 0)
        ml_set_text(L, "text", text);
    ml_sink_post(&read->sink, L);
    free_read(read);
}

static enum ml_store_test check_test(lua_State *L, int index)
{
    static const char *const names[] = {"=", "~=", "<", ">", "<=", ">="};

    for (int i = 0; lua_type(L, index) == LUA_TSTRING && i < 6; i++)
        if (strcmp(names[i], lua_tostring(L, index)) == 0)
            return (enum ml_store_test)i;
    luaL_argerror(L, 3, "where: = ~= < > <= or >= expected");
    return ML_IS;
}

/* Field where of the options at 3: a list of { field, test, value }. */
static size_t read_where(lua_State *L, enum ml_store_kind kind, struct ml_condition *where)
{
    size_t count;

    if (lua_getfield(L, 3, "where") == LUA_TNIL)
        return 0;
    luaL_argcheck(L, lua_istable(L, -1), 3, "where: a list expected");
    count = (size_t)luaL_len(L, -1);
    luaL_argcheck(L, count <= ML_STORE_COLUMNS, 3, "where: too many conditions");
    for (size_t i = 0; i < count; i++) {
        luaL_argcheck(L, lua_rawgeti(L, -1, (lua_Integer)i + 1) == LUA_TTABLE, 3,
                      "where: { field, test, value } expected");
        lua_rawgeti(L, -1, 1);
        where[i].column = check_column(L, kind, -1, 3);
        lua_rawgeti(L, -2, 2);
        where[i].test = check_test(L, -1);
        lua_rawgeti(L, -3, 3);
        where[i].value = check_value(L, -1, 3);
        lua_pop(L, 4);
    }
    return count;
}

/* list(kind, options, box) */
static int records_list(lua_State *L)
{
    static const struct ml_rows none;
    struct records *records = check(L);
    struct ml_condition where[ML_STORE_COLUMNS];
    struct ml_query query = {.kind = check_kind(L, 2), .where = where};
    struct read *read;

    luaL_checktype(L, 3, LUA_TTABLE);
    ml_mailbox_check(L, 4);
    query.most = ml_opt_integer(L, 3, "most", 50);
    query.first = ml_opt_integer(L, 3, "first", 0);
    query.after = ml_opt_integer(L, 3, "after", 0);
    query.oldest = ml_opt_boolean(L, 3, "oldest", false);
    luaL_argcheck(L, query.most >= 1 && query.first >= 0 && query.after >= 0, 3,
                  "most: 1 or more; first and after: 0 or more");
    query.count = read_where(L, query.kind, where);
    read = ml_alloc(sizeof *read);
    read->kind = query.kind;
    ml_sink_init(&read->sink, L, 4);
    ml_list_append(&records->reads, &read->link);
    if (records->store)
        read->number = ml_store_list(records->store, &query, on_rows, read);
    else
        on_rows(0, NULL, &none, read);
    return 0;
}

/* prune(folder, before, bytes) */
static int records_prune(lua_State *L)
{
    struct records *records = check(L);
    const char *folder = luaL_checkstring(L, 2);
    lua_Number before = luaL_checknumber(L, 3);
    lua_Integer bytes = luaL_checkinteger(L, 4);

    if (records->store)
        ml_store_prune(records->store, folder, before, bytes, NULL, NULL);
    return 0;
}

static int records_health(lua_State *L)
{
    struct records *records = check(L);
    struct ml_store_health health = {0};

    if (records->store)
        health = ml_store_health(records->store);
    lua_createtable(L, 0, 4);
    ml_set_integer(L, "queued", (lua_Integer)health.queued);
    ml_set_integer(L, "lost", (lua_Integer)health.lost);
    ml_set_integer(L, "pending", (lua_Integer)ml_outbox_pending(records->outbox));
    ml_set_text(L, "problem", health.problem);
    return 1;
}

/* ---- the outbox ---- */

/* push(call, url, method, form, what, token): its number */
static int records_push(lua_State *L)
{
    struct records *records = check(L);
    struct ml_callback callback = {
        .call = luaL_checkstring(L, 2),
        .url = luaL_checkstring(L, 3),
        .method = luaL_checkstring(L, 4),
        .params = luaL_checkstring(L, 5),
        .what = luaL_checkstring(L, 6),
        .token = luaL_checkstring(L, 7),
    };

    lua_pushinteger(L,
                    ml_outbox_push(records->outbox, &callback, sender_of(records, ml_state_of(L))));
    return 1;
}

static void on_send(int64_t id, const struct ml_callback *callback, void *user)
{
    struct sender *sender = user;
    lua_State *L = sender->state->L;

    luaL_checkstack(L, 5, "callback");
    lua_rawgeti(L, LUA_REGISTRYINDEX, sender->function);
    lua_pushstring(L, callback->call);
    lua_pushinteger(L, id);
    lua_pushinteger(L, callback->attempts);
    ml_task_spawn(L, 3);
    lua_pop(L, 1);
}

/* sending(call, id): { url, method, form, what, token } while it is being sent, else nil */
static int records_sending(lua_State *L)
{
    struct records *records = check(L);
    const char *call = luaL_checkstring(L, 2);
    const struct ml_callback *callback =
        ml_outbox_sending(records->outbox, call, luaL_checkinteger(L, 3));

    if (!callback)
        return 0;
    lua_createtable(L, 0, 5);
    ml_set_text(L, "url", callback->url);
    ml_set_text(L, "method", callback->method);
    ml_set_text(L, "form", callback->params);
    ml_set_text(L, "what", callback->what);
    ml_set_text(L, "token", callback->token);
    return 1;
}

/* serve(fn): this state sends callbacks, each in a task: fn(call, id, attempts) */
static int records_serve(lua_State *L)
{
    struct records *records = check(L);
    struct sender *sender;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    drop_sender(records, sender_of(records, ml_state_of(L)));
    sender = ml_alloc(sizeof *sender);
    sender->state = ml_state_of(L);
    lua_settop(L, 2);
    sender->function = luaL_ref(L, LUA_REGISTRYINDEX);
    ml_list_append(&records->senders, &sender->link);
    ml_outbox_join(records->outbox, on_send, sender);
    return 0;
}

static int records_leave(lua_State *L)
{
    struct records *records = check(L);

    drop_sender(records, sender_of(records, ml_state_of(L)));
    return 0;
}

/* done(call, id, delivered) */
static int records_done(lua_State *L)
{
    struct records *records = check(L);
    const char *call = luaL_checkstring(L, 2);

    ml_outbox_done(records->outbox, call, luaL_checkinteger(L, 3), lua_toboolean(L, 4));
    return 0;
}

static int records_busy(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)ml_outbox_busy(check(L)->outbox));
    return 1;
}

/* open { path }: nil and why when it cannot be; without a path nothing is kept */
static int store_open(lua_State *L)
{
    struct ml_loop *loop = ml_state_of(L)->runtime->loop;
    struct ml_store_options options = {0};
    struct ml_store *store = NULL;
    struct ml_fault fault = {0};
    struct records *records;
    int status;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.path = ml_opt_text(L, 1, "path", NULL);
    options.no_sync = ml_clock_is_virtual(); /* there is no power to be cut in a simulation */
    ml_object_new(L, &class);
    status = options.path ? ml_store_open(loop, &options, &store, &fault) : 0;
    if (status != 0)
        return ml_push_failure(L, status, fault.text);
    records = ml_alloc(sizeof *records);
    records->store = store;
    records->references = 1;
    ml_list_init(&records->reads);
    ml_list_init(&records->senders);
    ml_outbox_new(loop, store, &records->outbox);
    ml_object_open(L, -1, records);
    return 1;
}

int ml_open_store(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", store_open}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
