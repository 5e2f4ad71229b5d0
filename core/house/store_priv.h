/* The store over its files: store.c (queue and thread), store_job.c (jobs, and what the journal has
 * of them), store_sql.c (jobs as SQL), store_open.c (the files), store_schema.c (tables). */
#ifndef ML_HOUSE_STORE_PRIV_H
#define ML_HOUSE_STORE_PRIV_H

#include <sqlite3.h>

#include "core/base/list.h"
#include "core/house/journal.h"
#include "core/house/store.h"

enum ml_job_kind { ML_JOB_PUT, ML_JOB_REMOVE, ML_JOB_LIST, ML_JOB_PRUNE };

/* What a list asks for besides its conditions. */
struct ml_store_list {
    enum ml_store_test tests[ML_STORE_COLUMNS]; /* of the job's fields */
    int64_t most, first, after;
    bool oldest;
};

/* One thing to do: made in the loop's thread, run in the writer's, answered and freed in the
 * loop's. Fields and their texts lie behind it in the same block. */
struct ml_store_job {
    struct ml_link link;
    struct ml_link asked; /* the loop's: while somebody waits for the answer */
    enum ml_job_kind what;
    enum ml_store_kind kind;
    bool silent; /* nobody is told when it went well: freed by the writer */
    size_t size;
    struct ml_field *fields; /* put; remove: the key; prune: time, bytes, folder; list: where */
    size_t count;
    struct ml_store_list *query; /* list */
    ml_store_done_fn *done;
    ml_store_rows_fn *answer;
    void *user;
    uint64_t number;
    uint64_t noted; /* the journal has it before this position; 0: not */
    /* the writer's results */
    int status;
    char *text; /* why it failed */
    struct ml_rows rows;
    struct ml_value *values;
    struct ml_buf bytes; /* texts of values */
};

/* store_job.c. Values are copied. In virtual time the clock waits until it is freed. */
struct ml_store_job *ml_store_job_new(enum ml_job_kind what, enum ml_store_kind kind,
                                      const struct ml_field *fields, size_t count);
void ml_store_job_free(struct ml_store_job *job);
__attribute__((format(printf, 3, 4))) void ml_store_job_fail(struct ml_store_job *job, int status,
                                                             const char *format, ...);
/* Puts and removes only. */
void ml_store_job_note(struct ml_store_job *job, struct ml_journal *journal);
/* NULL: the entry is not of this program. */
struct ml_store_job *ml_store_job_read(struct ml_str entry);

enum { ML_STORE_STATEMENTS = 24 }; /* prepared, kept: fewer shapes of puts than that are in use */

struct ml_store_statement {
    enum ml_job_kind what;
    enum ml_store_kind kind;
    uint32_t columns; /* bit mask */
    sqlite3_stmt *prepared;
};

/* The writer thread's. */
struct ml_store_sql {
    sqlite3 *db;
    int lock;                     /* of the file beside it: this process has the store */
    struct ml_journal *journal;   /* NULL: it cannot be had; what the writer has not written yet may
                                     be lost */
    int64_t last[ML_STORE_KINDS]; /* ids at the beginning */
    struct ml_store_statement kept[ML_STORE_STATEMENTS];
    size_t next; /* to be replaced */
};

/* store_open.c. Opens, takes over what a journal has of before, and closes. */
int ml_store_sql_open(struct ml_store_sql *sql, const char *path, bool no_sync,
                      struct ml_fault *fault);
void ml_store_sql_close(struct ml_store_sql *sql);

/* store_sql.c. The transaction's begin and end, 0 or ML_EIO, and one job inside it. */
int ml_store_sql_begin(struct ml_store_sql *sql, struct ml_fault *fault);
bool ml_store_sql_is_open(struct ml_store_sql *sql);
/* All that the journal has before that position is dealt with; 0: nothing more than before. */
int ml_store_sql_commit(struct ml_store_sql *sql, uint64_t noted, struct ml_fault *fault);
void ml_store_sql_run(struct ml_store_sql *sql, struct ml_store_job *job);

/* store_schema.c */
const char *ml_store_table(enum ml_store_kind kind);
/* Brings user_version up to the newest; ML_EIO, or ML_EINVAL for a file of a later program. */
int ml_store_migrate(sqlite3 *db, struct ml_fault *fault);

#endif
