#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/queue.h"
#include "core/house/store_priv.h"

enum {
    MAX_QUEUED = 64 << 20, /* bytes: some 100,000 records, minutes of a disk that hangs */
    LAZY_MS = 25           /* what nobody waits for is written together with what comes meanwhile */
};

/* What was asked for in one turn. */
struct batch {
    struct ml_node node;
    struct ml_list jobs;
};

struct ml_store {
    /* loop */
    struct ml_loop *loop;
    struct ml_flush flush;
    struct batch *open;   /* of this turn; NULL: nothing asked yet */
    struct ml_list asked; /* jobs whose answer somebody waits for */
    bool urgent;          /* somebody waits for something in it */
    size_t max_queued;
    uint64_t lost, number;
    char problem[300];
    bool closed;
    /* both */
    struct ml_queue batches;
    atomic_uint waiting; /* batches that are not written yet */
    atomic_size_t queued;
    atomic_bool hurry, quit;
    int wake;
    pthread_mutex_t lock;
    struct ml_list finished; /* under lock, as is posted */
    bool posted;
    pthread_t thread;
    /* writer */
    struct ml_store_sql sql;
};

static void move_all(struct ml_list *from, struct ml_list *to)
{
    for (struct ml_link *link; (link = ml_list_first(from)) != NULL;) {
        ml_list_remove(link);
        ml_list_append(to, link);
    }
}

/* ---- answers: the loop's thread ---- */

static void note_failure(struct ml_store *store, const struct ml_store_job *job)
{
    store->lost++;
    if (!store->problem[0])
        ml_log(ML_LOG_ERROR, NULL, "records are lost, calls go on: the store cannot write: %s",
               job->text);
    snprintf(store->problem, sizeof store->problem, "the store cannot write: %s", job->text);
}

static void note_success(struct ml_store *store)
{
    if (!store->problem[0])
        return;
    store->problem[0] = '\0';
    ml_log(ML_LOG_WARNING, NULL, "the store can write again; %llu records were lost",
           (unsigned long long)store->lost);
}

static void answer(struct ml_store *store, struct ml_store_job *job)
{
    ml_list_remove(&job->asked);
    if (job->what != ML_JOB_LIST) {
        if (job->status != 0)
            note_failure(store, job);
        else
            note_success(store);
    }
    if (job->answer)
        job->answer(job->status, job->text, &job->rows, job->user);
    else if (job->done)
        job->done(job->status, job->text, job->user);
    ml_store_job_free(job);
}

static void destroy(struct ml_store *store)
{
    pthread_mutex_destroy(&store->lock);
    close(store->wake);
    ml_free(store);
}

static void answer_all(struct ml_store *store)
{
    struct ml_list due;
    struct ml_link *link;

    ml_list_init(&due);
    pthread_mutex_lock(&store->lock);
    move_all(&store->finished, &due);
    pthread_mutex_unlock(&store->lock);
    while ((link = ml_list_first(&due)) != NULL) {
        ml_list_remove(link);
        answer(store, ML_CONTAINER(link, struct ml_store_job, link));
    }
}

static void on_finished(void *user)
{
    struct ml_store *store = user;

    pthread_mutex_lock(&store->lock);
    store->posted = false;
    pthread_mutex_unlock(&store->lock);
    if (store->closed)
        destroy(store);
    else
        answer_all(store);
}

/* Any thread. */
static void finish(struct ml_store *store, struct ml_list *jobs)
{
    bool post;

    pthread_mutex_lock(&store->lock);
    move_all(jobs, &store->finished);
    post = !store->posted;
    store->posted = true;
    pthread_mutex_unlock(&store->lock);
    if (post)
        ml_loop_post(store->loop, on_finished, store);
}

/* ---- the writer ---- */

static void fail_writes(struct ml_list *jobs, const struct ml_fault *fault)
{
    ML_LIST_EACH(jobs, link)
    {
        struct ml_store_job *job = ML_CONTAINER(link, struct ml_store_job, link);

        if (job->what == ML_JOB_LIST)
            continue;
        ml_store_job_fail(job, fault->code, "%s", fault->text);
    }
}

/* What went well and nobody waits for: the loop need not wake for it. */
static void drop_silent(struct ml_list *jobs)
{
    ML_LIST_EACH(jobs, link)
    {
        struct ml_store_job *job = ML_CONTAINER(link, struct ml_store_job, link);

        if (!job->silent || job->status != 0)
            continue;
        ml_list_remove(link);
        ml_store_job_free(job);
    }
}

static void take_all(struct ml_store *store, struct ml_list *jobs)
{
    struct ml_node *node;

    while ((node = ml_queue_pop(&store->batches)) != NULL) {
        struct batch *batch = ML_CONTAINER(node, struct batch, node);

        move_all(&batch->jobs, jobs);
        ml_free(batch);
        atomic_fetch_sub(&store->waiting, 1);
    }
}

/* Reads work also where writing does not. A write outside the transaction (it could not begin, or
 * an error has ended it) would stand alone: it fails with the others. */
static void run_all(struct ml_store *store, struct ml_list *jobs)
{
    ML_LIST_EACH(jobs, link)
    {
        struct ml_store_job *job = ML_CONTAINER(link, struct ml_store_job, link);

        if (job->what == ML_JOB_LIST || ml_store_sql_is_open(&store->sql))
            ml_store_sql_run(&store->sql, job);
    }
}

/* Up to where the journal's entries are among these; 0: none is. */
static uint64_t noted_before(struct ml_list *jobs)
{
    uint64_t noted = 0;

    ML_LIST_EACH(jobs, link)
    {
        const struct ml_store_job *job = ML_CONTAINER(link, struct ml_store_job, link);

        if (job->noted)
            noted = job->noted;
    }
    return noted;
}

/* All that waits, in one transaction: the more there is, the less each costs. */
static void write_all(struct ml_store *store)
{
    struct ml_fault fault = {0};
    struct ml_list jobs;
    size_t size = 0;
    uint64_t noted;
    int status;

    ml_list_init(&jobs);
    take_all(store, &jobs);
    if (ml_list_empty(&jobs))
        return;
    ML_LIST_EACH(&jobs, link)
    size += ML_CONTAINER(link, struct ml_store_job, link)->size;
    noted = noted_before(&jobs);
    status = ml_store_sql_begin(&store->sql, &fault);
    run_all(store, &jobs);
    if (status == 0)
        status = ml_store_sql_commit(&store->sql, noted, &fault);
    if (noted)
        ml_journal_release(store->sql.journal, noted);
    if (status != 0)
        fail_writes(&jobs, &fault);
    atomic_fetch_sub(&store->queued, size);
    drop_silent(&jobs);
    if (!ml_list_empty(&jobs))
        finish(store, &jobs);
}

/* Until there is something to write, and somebody waits for it, or more has had the time to come.
 */
static void await_work(struct ml_store *store)
{
    uint64_t count;
    int64_t limit;

    while (atomic_load(&store->waiting) == 0 && !atomic_load(&store->quit))
        if (read(store->wake, &count, sizeof count) < 0 && errno != EINTR)
            return;
    limit = ml_clock_ms() + LAZY_MS;
    while (!atomic_exchange(&store->hurry, false) && !atomic_load(&store->quit)) {
        struct pollfd wake = {.fd = store->wake, .events = POLLIN};
        int64_t left = limit - ml_clock_ms();

        if (left <= 0)
            return;
        if (poll(&wake, 1, (int)left) > 0 && read(store->wake, &count, sizeof count) < 0)
            return;
    }
}

static void *run(void *user)
{
    struct ml_store *store = user;
    bool last;

    do {
        await_work(store);
        last = atomic_load(&store->quit);
        write_all(store);
    } while (!last);
    return NULL;
}

static void wake(struct ml_store *store)
{
    static const uint64_t one = 1;

    while (write(store->wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* ---- asking: the loop's thread ---- */

void ml_store_commit(struct ml_store *store)
{
    if (store->sql.journal)
        ml_journal_commit(store->sql.journal);
}

static void on_flush(void *user)
{
    struct ml_store *store = user;

    bool first;

    if (!store->open)
        return;
    ml_store_commit(store);
    first = atomic_fetch_add(&store->waiting, 1) == 0;
    ml_queue_push(&store->batches, &store->open->node);
    store->open = NULL;
    if (ml_clock_is_virtual()) { /* here and now: what comes of it comes in one order, each time */
        write_all(store);
        return;
    }
    if (store->urgent)
        atomic_store(&store->hurry, true);
    if (first || store->urgent)
        wake(store);
    store->urgent = false;
}

static void submit(struct ml_store *store, struct ml_store_job *job)
{
    size_t queued = atomic_load(&store->queued);

    /* In virtual time the clock waits for every job; and a disk that failed is watched. */
    job->silent = !job->done && !job->answer && !ml_clock_is_virtual() && !store->problem[0];
    if (queued > store->max_queued && job->what != ML_JOB_LIST) {
        struct ml_list refused;

        ml_list_init(&refused);
        ml_store_job_fail(job, ML_ELIMIT, "the disk is too slow: %zu MB wait for it", queued >> 20);
        ml_list_append(&refused, &job->link);
        finish(store, &refused);
        return;
    }
    atomic_fetch_add(&store->queued, job->size);
    if (store->sql.journal && (job->what == ML_JOB_PUT || job->what == ML_JOB_REMOVE))
        ml_store_job_note(job, store->sql.journal);
    store->urgent = store->urgent || !job->silent;
    if (!store->open) {
        store->open = ml_alloc(sizeof *store->open);
        ml_list_init(&store->open->jobs);
    }
    ml_list_append(&store->open->jobs, &job->link);
    ml_loop_flush(store->loop, &store->flush);
}

/* One shape of statement for one set of columns. */
static void sort_fields(const struct ml_field *fields, size_t count, struct ml_field *sorted)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;

        for (; at > 0 && fields[i].column < sorted[at - 1].column; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = fields[i];
    }
}

static uint64_t expect(struct ml_store *store, struct ml_store_job *job, void *user)
{
    uint64_t number = ++store->number;

    job->user = user;
    job->number = number;
    if (job->done || job->answer)
        ml_list_append(&store->asked, &job->asked);
    submit(store, job);
    return number;
}

uint64_t ml_store_put(struct ml_store *store, enum ml_store_kind kind,
                      const struct ml_field *fields, size_t count, ml_store_done_fn *done,
                      void *user)
{
    struct ml_field sorted[ML_STORE_COLUMNS];
    struct ml_store_job *job;

    sort_fields(fields, count, sorted);
    job = ml_store_job_new(ML_JOB_PUT, kind, sorted, count);
    job->done = done;
    return expect(store, job, user);
}

void ml_store_remove(struct ml_store *store, enum ml_store_kind kind, const struct ml_value *key)
{
    struct ml_field field = {.column = ml_store_key(kind), .value = *key};

    submit(store, ml_store_job_new(ML_JOB_REMOVE, kind, &field, 1));
}

void ml_store_prune(struct ml_store *store, const char *folder, double before, int64_t bytes,
                    ml_store_done_fn *done, void *user)
{
    struct ml_field fields[3] = {
        {.value = {.type = ML_VALUE_REAL, .real = before}},
        {.value = {.type = ML_VALUE_INTEGER, .integer = bytes}},
        {.value = {.type = ML_VALUE_TEXT, .text = {folder, strlen(folder) + 1}}}};
    struct ml_store_job *job = ml_store_job_new(ML_JOB_PRUNE, ML_STORE_RECORDING, fields, 3);

    job->done = done;
    expect(store, job, user);
}

uint64_t ml_store_list(struct ml_store *store, const struct ml_query *query, ml_store_rows_fn *rows,
                       void *user)
{
    struct ml_field fields[ML_STORE_COLUMNS] = {0};
    struct ml_store_job *job;

    for (size_t i = 0; i < query->count; i++)
        fields[i] = (struct ml_field){query->where[i].column, query->where[i].value};
    job = ml_store_job_new(ML_JOB_LIST, query->kind, fields, query->count);
    job->query = ml_alloc(sizeof *job->query);
    *job->query = (struct ml_store_list){
        .most = query->most, .first = query->first, .after = query->after, .oldest = query->oldest};
    for (size_t i = 0; i < query->count; i++)
        job->query->tests[i] = query->where[i].test;
    job->answer = rows;
    return expect(store, job, user);
}

void ml_store_forget(struct ml_store *store, uint64_t number)
{
    ML_LIST_EACH(&store->asked, link)
    {
        struct ml_store_job *job = ML_CONTAINER(link, struct ml_store_job, asked);

        if (job->number != number)
            continue;
        job->answer = NULL;
        job->done = NULL;
        return;
    }
}

int64_t ml_store_last(const struct ml_store *store, enum ml_store_kind kind)
{
    return store->sql.last[kind];
}

struct ml_store_health ml_store_health(const struct ml_store *store)
{
    return (struct ml_store_health){.queued = atomic_load(&store->queued),
                                    .lost = store->lost,
                                    .problem = store->problem[0] ? store->problem : NULL};
}

/* ---- begin and end ---- */

static int start(struct ml_store *store)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(store->thread, "ml-store");
    return error;
}

int ml_store_open(struct ml_loop *loop, const struct ml_store_options *options,
                  struct ml_store **storep, struct ml_fault *fault)
{
    struct ml_store *store = ml_alloc(sizeof *store);
    int status = ml_store_sql_open(&store->sql, options->path, options->no_sync, fault);

    if (status != 0)
        goto fail;
    store->loop = loop;
    store->flush = (struct ml_flush){.fn = on_flush, .user = store};
    store->max_queued = options->max_queued ? options->max_queued : MAX_QUEUED;
    ml_list_init(&store->asked);
    ml_list_init(&store->finished);
    ml_queue_init(&store->batches);
    pthread_mutex_init(&store->lock, NULL);
    store->wake = eventfd(0, EFD_CLOEXEC);
    if (store->wake < 0 || start(store) != 0) {
        status = ml_fail(fault, ML_EIO, "the store's thread cannot be started");
        goto stop;
    }
    *storep = store;
    return ML_OK;
stop:
    if (store->wake >= 0)
        close(store->wake);
    pthread_mutex_destroy(&store->lock);
    ml_store_sql_close(&store->sql);
fail:
    ml_free(store);
    return status;
}

void ml_store_close(struct ml_store *store)
{
    if (!store)
        return;
    on_flush(store);
    ml_list_remove(&store->flush.link);
    atomic_store(&store->quit, true);
    wake(store);
    pthread_join(store->thread, NULL);
    ml_store_sql_close(&store->sql);
    answer_all(store);
    store->closed = true;
    if (!store->posted || ml_loop_unpost(store->loop, on_finished, store))
        destroy(store);
}
