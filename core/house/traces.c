#include "core/house/traces.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"

enum {
    BYTES_MIN = 4096,
    UNCLAIMED_BYTES = 256 * 1024, /* messages of no known call: a burst of INVITEs in one turn */
    CALL_ID_MAX = 256,            /* of longer ones only so much is looked at */
    HEAD_SHARE = 4                /* of its bytes the beginning of a trace has one in so many */
};

/* A message or what was told. Behind it lie, for a message: transport, local, remote and Call-ID,
 * each with its NUL; then the text. */
struct record {
    struct ml_link link;
    int64_t us;
    uint64_t number; /* in the order in which they came to be */
    const char *sid; /* of what was told: its name in the trace */
    bool is_message, sent;
    uint8_t local, remote, call_id; /* offsets of these texts */
    uint16_t start;                 /* of the text */
    uint32_t n;                     /* of the text */
    uint32_t hash;                  /* of the Call-ID */
    char bytes[];
};

/* A sid or a Call-ID, in the table and in its trace. */
struct name {
    struct ml_link link;
    struct name *next; /* in its bucket */
    struct trace *trace;
    const struct name *sid; /* of a Call-ID: whose it is. Of a sid: itself */
    uint32_t hash;
    char text[];
};

struct trace {
    struct ml_link link; /* in traces->live or ->ended, oldest first */
    struct ml_list records, names;
    struct ml_link *head; /* the last record of the beginning, once that is full */
    size_t bytes, name_bytes, dropped;
};

struct ml_traces {
    size_t most, limit, count, bytes;
    uint64_t number;
    struct ml_list live, ended, unclaimed;
    size_t unclaimed_bytes;
    struct name **buckets;
    size_t mask;
};

/* ---- limits ---- */

static size_t size_of(const struct record *record)
{
    return sizeof *record + record->start + record->n;
}

static void drop(struct ml_traces *traces, struct trace *trace)
{
    struct ml_link *link = trace->head ? trace->head->next : ml_list_first(&trace->records);
    struct record *record = ML_CONTAINER(link, struct record, link);

    trace->bytes -= size_of(record);
    traces->bytes -= size_of(record);
    trace->dropped++;
    ml_list_remove(link);
    ml_free(record);
}

/* Down to its limit, or to its beginning. */
static void trim(struct ml_traces *traces, struct trace *trace)
{
    while (trace->bytes + trace->name_bytes > traces->limit &&
           trace->records.head.prev != trace->head && !ml_list_empty(&trace->records))
        drop(traces, trace);
}

/* ---- names ---- */

/* Eight bytes at a time: names are looked up for every record. */
static uint32_t hash(const char *text)
{
    size_t n = strlen(text);
    uint64_t word, sum = n;

    for (; n >= sizeof word; text += sizeof word, n -= sizeof word) {
        memcpy(&word, text, sizeof word);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 32;
    }
    for (; n > 0; n--)
        sum = (sum ^ (uint8_t)*text++) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(sum >> 32);
}

static struct name **find_hashed(struct ml_traces *traces, const char *text, uint32_t hashed,
                                 bool is_sid)
{
    struct name **at = &traces->buckets[hashed & traces->mask];

    while (*at && ((*at)->hash != hashed || ((*at)->sid == *at) != is_sid ||
                   strcmp((*at)->text, text) != 0))
        at = &(*at)->next;
    return at;
}

static struct name **find(struct ml_traces *traces, const char *text, bool is_sid)
{
    return find_hashed(traces, text, hash(text), is_sid);
}

/* NULL: the trace has too many of them. */
static struct name *add_name(struct ml_traces *traces, struct trace *trace, const char *text,
                             const struct name *sid)
{
    size_t n = strlen(text) + 1, bytes = sizeof(struct name) + n;
    uint32_t hashed = hash(text);
    struct name *name, **at = find_hashed(traces, text, hashed, !sid);

    if (trace->name_bytes + bytes > traces->limit / HEAD_SHARE)
        return NULL;
    name = ml_alloc(bytes);
    memcpy(name->text, text, n);
    name->hash = hashed;
    name->trace = trace;
    name->sid = sid ? sid : name;
    name->next = *at;
    *at = name;
    ml_list_append(&trace->names, &name->link);
    trace->name_bytes += bytes;
    traces->bytes += bytes;
    trim(traces, trace);
    return name;
}

static void remove_name(struct ml_traces *traces, struct name *name)
{
    struct name **at = &traces->buckets[name->hash & traces->mask];

    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    ml_list_remove(&name->link);
    ml_free(name);
}

/* ---- traces ---- */

static void free_trace(struct ml_traces *traces, struct trace *trace)
{
    ML_LIST_EACH(&trace->records, link)
    ml_free(ML_CONTAINER(link, struct record, link));
    ML_LIST_EACH(&trace->names, link)
    remove_name(traces, ML_CONTAINER(link, struct name, link));
    traces->bytes -= trace->bytes + trace->name_bytes + sizeof *trace;
    traces->count--;
    ml_list_remove(&trace->link);
    ml_free(trace);
}

struct ml_traces *ml_traces_new(size_t calls, size_t bytes)
{
    struct ml_traces *traces = ml_alloc(sizeof *traces);
    size_t buckets = 64;

    while (buckets < 4 * calls) /* a call has some two sids and two Call-IDs */
        buckets *= 2;
    traces->most = calls;
    traces->limit = bytes > BYTES_MIN ? bytes : BYTES_MIN;
    traces->buckets = ml_alloc(buckets * sizeof *traces->buckets);
    traces->mask = buckets - 1;
    ml_list_init(&traces->live);
    ml_list_init(&traces->ended);
    ml_list_init(&traces->unclaimed);
    return traces;
}

void ml_traces_free(struct ml_traces *traces)
{
    if (!traces)
        return;
    ML_LIST_EACH(&traces->live, link)
    free_trace(traces, ML_CONTAINER(link, struct trace, link));
    ML_LIST_EACH(&traces->ended, link)
    free_trace(traces, ML_CONTAINER(link, struct trace, link));
    ML_LIST_EACH(&traces->unclaimed, link)
    ml_free(ML_CONTAINER(link, struct record, link));
    ml_free(traces->buckets);
    ml_free(traces);
}

void ml_traces_open(struct ml_traces *traces, const char *sid, const char *parent)
{
    const struct name *known = parent ? *find(traces, parent, true) : NULL;
    struct trace *trace;

    if (*find(traces, sid, true))
        return;
    if (known) {
        add_name(traces, known->trace, sid, NULL);
        return;
    }
    if (traces->count == traces->most) {
        struct ml_link *oldest = ml_list_first(&traces->ended);

        if (!oldest)
            oldest = ml_list_first(&traces->live);
        free_trace(traces, ML_CONTAINER(oldest, struct trace, link));
    }
    trace = ml_alloc(sizeof *trace);
    ml_list_init(&trace->records);
    ml_list_init(&trace->names);
    ml_list_append(&traces->live, &trace->link);
    traces->count++;
    traces->bytes += sizeof *trace;
    add_name(traces, trace, sid, NULL);
}

void ml_traces_end(struct ml_traces *traces, const char *sid)
{
    const struct name *name = *find(traces, sid, true);

    /* A call that was placed for another one is not the end of its trace. */
    if (!name || ml_list_first(&name->trace->names) != &name->link)
        return;
    ml_list_remove(&name->trace->link);
    ml_list_append(&traces->ended, &name->trace->link);
}

/* ---- records ---- */

static struct record *record_new(struct ml_traces *traces, size_t start, struct ml_str text)
{
    size_t n = text.n < traces->limit / 2 ? text.n : traces->limit / 2;
    struct record *record = ml_alloc(sizeof *record + start + n);

    record->us = ml_clock_us();
    record->number = ++traces->number;
    record->start = (uint16_t)start;
    record->n = (uint32_t)n;
    memcpy(record->bytes + start, text.p, n);
    return record;
}

/* Takes the record. One that was claimed comes later than what was told meanwhile. */
static void add(struct ml_traces *traces, struct trace *trace, struct record *record)
{
    struct ml_link *at = trace->records.head.prev;

    while (at != &trace->records.head &&
           ML_CONTAINER(at, struct record, link)->number > record->number)
        at = at->prev;
    ml_list_insert_after(at, &record->link);
    trace->bytes += size_of(record);
    traces->bytes += size_of(record);
    if (!trace->head && trace->bytes > traces->limit / HEAD_SHARE)
        trace->head = trace->records.head.prev;
    trim(traces, trace);
}

void ml_traces_tell(struct ml_traces *traces, const char *sid, struct ml_str told)
{
    const struct name *name = *find(traces, sid, true);
    struct record *record;

    if (!name)
        return;
    if (told.n > traces->limit / 2) {
        name->trace->dropped++;
        return;
    }
    record = record_new(traces, 0, told);
    record->sid = name->text;
    add(traces, name->trace, record);
}

/* Does a Call-ID or i begin at p? Its value, then. */
static bool is_call_id(const char *p, const char *end, struct ml_str *value)
{
    struct ml_str line, name, rest = {p, (size_t)(end - p)};

    if ((p[0] | 0x20) != 'i' && ((p[0] | 0x20) != 'c' || rest.n < 2 || (p[1] | 0x20) != 'a'))
        return false;
    ml_str_cut(&rest, '\n', &line);
    rest = line;
    ml_str_cut(&rest, ':', &name);
    name = ml_str_trim(name);
    *value = ml_str_trim(rest);
    return rest.p && (ml_str_ieq(name, ML_STR("i")) || ml_str_ieq(name, ML_STR("call-id")));
}

/* Cut off at CALL_ID_MAX. */
static void copy_call_id(char *to, struct ml_str message)
{
    const char *p = message.p, *end = p + message.n;
    struct ml_str value;

    to[0] = '\0';
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) && ++p < end && *p != '\r' &&
           *p != '\n') {
        if (is_call_id(p, end, &value)) {
            ml_str_copy(to, CALL_ID_MAX, value);
            return;
        }
    }
}

static size_t put(char *to, const char *text)
{
    size_t n = strlen(text) + 1;

    memcpy(to, text, n);
    return n;
}

/* Messages of no known call wait for one to claim them; the oldest go. */
static void keep_unclaimed(struct ml_traces *traces, struct record *record)
{
    ml_list_append(&traces->unclaimed, &record->link);
    traces->unclaimed_bytes += size_of(record);
    while (traces->unclaimed_bytes > UNCLAIMED_BYTES) {
        struct record *oldest =
            ML_CONTAINER(ml_list_first(&traces->unclaimed), struct record, link);

        traces->unclaimed_bytes -= size_of(oldest);
        ml_list_remove(&oldest->link);
        ml_free(oldest);
    }
}

void ml_traces_message(struct ml_traces *traces, const struct ml_agent_trace *message)
{
    char places[8 + 2 * 96], call_id[CALL_ID_MAX]; /* as the guard gives them */
    uint8_t local, remote;
    const struct name *name;
    struct record *record;
    size_t n;

    copy_call_id(call_id, message->message);
    n = put(places, message->transport);
    local = (uint8_t)n;
    n += put(places + n, message->local);
    remote = (uint8_t)n;
    n += put(places + n, message->remote);
    record = record_new(traces, n + strlen(call_id) + 1, message->message);
    memcpy(record->bytes, places, n);
    memcpy(record->bytes + n, call_id, strlen(call_id) + 1);
    record->is_message = true;
    record->sent = message->sent;
    record->local = local;
    record->remote = remote;
    record->call_id = (uint8_t)n;
    record->hash = hash(call_id);
    name = *find_hashed(traces, call_id, record->hash, false);
    if (name)
        add(traces, name->trace, record);
    else
        keep_unclaimed(traces, record);
}

void ml_traces_dialog(struct ml_traces *traces, const char *sid, const char *call_id)
{
    const struct name *name = *find(traces, sid, true);
    char text[CALL_ID_MAX];
    uint32_t hashed;

    ml_str_copy(text, sizeof text, ml_str(call_id));
    hashed = hash(text);
    if (!name || *find(traces, text, false) || !add_name(traces, name->trace, text, name))
        return;
    ML_LIST_EACH(&traces->unclaimed, link)
    {
        struct record *record = ML_CONTAINER(link, struct record, link);

        if (record->hash != hashed || strcmp(record->bytes + record->call_id, text) != 0)
            continue;
        traces->unclaimed_bytes -= size_of(record);
        ml_list_remove(link);
        add(traces, name->trace, record);
    }
}

/* ---- reading ---- */

static void show(struct ml_traces *traces, const struct record *record, ml_trace_visit_fn *visit,
                 void *user)
{
    struct ml_trace_item item = {.us = record->us,
                                 .sid = record->sid,
                                 .is_message = record->is_message,
                                 .sent = record->sent,
                                 .text = {record->bytes + record->start, record->n}};
    char *masked;

    if (!record->is_message) {
        visit(&item, user);
        return;
    }
    item.sid = (*find(traces, record->bytes + record->call_id, false))->sid->text;
    item.transport = record->bytes;
    item.local = record->bytes + record->local;
    item.remote = record->bytes + record->remote;
    item.text.p = masked = ml_strndup(item.text.p, item.text.n);
    ml_trace_mask(masked, item.text.n);
    visit(&item, user);
    ml_free(masked);
}

bool ml_traces_read(struct ml_traces *traces, const char *sid, ml_trace_visit_fn *visit, void *user,
                    size_t *dropped)
{
    const struct name *name = *find(traces, sid, true);

    if (!name)
        return false;
    *dropped = name->trace->dropped;
    ML_LIST_EACH(&name->trace->records, link)
    show(traces, ML_CONTAINER(link, struct record, link), visit, user);
    return true;
}

size_t ml_traces_bytes(const struct ml_traces *traces)
{
    return traces->bytes + traces->unclaimed_bytes;
}
