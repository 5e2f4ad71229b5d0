/* The store: records of calls, recordings and notifications, and the callbacks that are not
 * delivered yet, in one SQLite file (WAL). A writer thread owns the connection: nobody else ever
 * waits for the disk. What is asked for in one turn of the loop is one transaction, all of it or
 * nothing; answers come in the loop's thread, in order, after the transaction is on disk.
 * When the disk is full or slow calls go on: what cannot be kept is counted as lost, told in the
 * log once, and in ml_store_health until it is over. Owner: whoever opened it. Loop thread. In
 * virtual time the clock waits for what is under way. */
#ifndef ML_HOUSE_STORE_H
#define ML_HOUSE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/net/loop.h"

struct ml_store;

enum ml_store_kind {
    ML_STORE_CALL,         /* key: sid */
    ML_STORE_RECORDING,    /* key: sid */
    ML_STORE_NOTIFICATION, /* key: sid */
    ML_STORE_CONFERENCE,   /* key: sid */
    ML_STORE_QUEUE,        /* key: sid; those that are to be there after a restart */
    ML_STORE_EVENT,        /* key: id; the store writes them: each change of a call's status */
    ML_STORE_CALLBACK      /* key: id; the outbox's */
};
enum { ML_STORE_KINDS = ML_STORE_CALLBACK + 1, ML_STORE_COLUMNS = 32 };

/* Columns of ML_STORE_CALLBACK; those of others are looked up by name. */
enum {
    ML_CALLBACK_ID,
    ML_CALLBACK_CALL,
    ML_CALLBACK_TIME,
    ML_CALLBACK_URL,
    ML_CALLBACK_METHOD,
    ML_CALLBACK_PARAMS,
    ML_CALLBACK_WHAT,
    ML_CALLBACK_TOKEN,
    ML_CALLBACK_ATTEMPTS,
    ML_CALLBACK_DUE
};

enum ml_value_type { ML_VALUE_NONE, ML_VALUE_INTEGER, ML_VALUE_REAL, ML_VALUE_TEXT };

struct ml_value {
    enum ml_value_type type;
    int64_t integer;
    double real;
    struct ml_str text; /* borrowed */
};

struct ml_field {
    int column; /* of its kind: ml_store_column */
    struct ml_value value;
};

/* -1: no such kind, no such column. Column 0 is the row's number, which grows with each new row. */
int ml_store_kind(const char *name);
int ml_store_column(enum ml_store_kind kind, const char *name);
int ml_store_columns(enum ml_store_kind kind);
const char *ml_store_column_name(enum ml_store_kind kind, int column);
int ml_store_key(enum ml_store_kind kind); /* the column that names a row */

struct ml_store_options {
    const char *path;  /* of the file; made when it is not there, mode 0600 */
    size_t max_queued; /* bytes that may wait for the disk; 0: 64 MB */
    bool no_sync;      /* a power cut may lose the last seconds; a crash of ours never does */
};

/* Opens the file and brings its tables up to date; waits for the disk, so: at the start only.
 * ML_ESTATE when another process has it open. */
int ml_store_open(struct ml_loop *loop, const struct ml_store_options *options,
                  struct ml_store **storep, struct ml_fault *fault);
/* Writes what is queued, waits for that, and answers everything that was asked. NULL is allowed. */
void ml_store_close(struct ml_store *store);

/* status: 0 when it is on disk, else ML_EIO or ML_ELIMIT with text. */
typedef void ml_store_done_fn(int status, const char *text, void *user);

/* Makes the row with that key or changes these fields of it; the key is among them. Values are
 * copied. done (may be NULL) is never called from within. The number is for ml_store_forget. */
uint64_t ml_store_put(struct ml_store *store, enum ml_store_kind kind,
                      const struct ml_field *fields, size_t count, ml_store_done_fn *done,
                      void *user);
/* From now on what was asked for in this turn survives the process, however it ends; of itself it
 * does so as the turn ends. */
void ml_store_commit(struct ml_store *store);
/* A call takes its events and notifications along. */
void ml_store_remove(struct ml_store *store, enum ml_store_kind kind, const struct ml_value *key);
/* Removes what ended before a time (seconds since 1970; 0: nothing), and the oldest recordings
 * while all of them have more bytes than that (0: no limit). Files are <folder>/<sid>.wav. */
void ml_store_prune(struct ml_store *store, const char *folder, double before, int64_t bytes,
                    ml_store_done_fn *done, void *user);

/* The newest row's number when the store was opened; 0: there was none. */
int64_t ml_store_last(const struct ml_store *store, enum ml_store_kind kind);

enum ml_store_test { ML_IS, ML_IS_NOT, ML_BELOW, ML_ABOVE, ML_AT_MOST, ML_AT_LEAST };

struct ml_condition {
    int column;
    enum ml_store_test test;
    struct ml_value value; /* ML_VALUE_NONE: with ML_IS, the field is not set */
};

struct ml_query {
    enum ml_store_kind kind;
    const struct ml_condition *where; /* all of them hold */
    size_t count;
    int64_t most;  /* rows */
    int64_t first; /* rows left out */
    int64_t after; /* goes on behind the row with that number; 0: from the first */
    bool oldest;   /* oldest first; else newest first */
};

struct ml_rows {
    size_t count;
    int columns;                   /* of the kind; values[row * columns + column] */
    const struct ml_value *values; /* until the handler returns */
};
typedef void ml_store_rows_fn(int status, const char *text, const struct ml_rows *rows, void *user);

/* Sees every put before it. The conditions are copied. The number is for ml_store_forget. */
uint64_t ml_store_list(struct ml_store *store, const struct ml_query *query, ml_store_rows_fn *rows,
                       void *user);
/* Nobody waits for that answer any more. What was asked for is done all the same. */
void ml_store_forget(struct ml_store *store, uint64_t number);

struct ml_store_health {
    size_t queued;       /* bytes that wait for the disk */
    uint64_t lost;       /* writes that were not kept, since the start */
    const char *problem; /* NULL: none; until the next call */
};
struct ml_store_health ml_store_health(const struct ml_store *store);

#endif
