/* The files of a store: the database, its lock, and the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/house/store_priv.h"

enum {
    BUSY_MS = 2000,        /* another program (sqlite3, a backup) holds the file */
    CHECKPOINT_PAGES = 256 /* 1 MB: the log goes into the file in small steps */
};

/* Two programs that write the same records would each take the other's live calls for dead ones. */
static int lock(struct ml_store_sql *sql, const char *path, struct ml_fault *fault)
{
    char *name = ml_format("%s.lock", path);

    sql->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ml_free(name);
    if (sql->lock < 0)
        return ml_fail(fault, ML_EIO, "%s.lock: %s", path, strerror(errno));
    if (flock(sql->lock, LOCK_EX | LOCK_NB) == 0)
        return ML_OK;
    return ml_fail(fault, ML_ESTATE,
                   "%s is in use by another moonline: stop that one, or set another store.path",
                   path);
}

static int set_up(struct ml_store_sql *sql, const char *path, bool no_sync, struct ml_fault *fault)
{
    const char *modes = no_sync ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"
                                : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_wal_autocheckpoint(sql->db, CHECKPOINT_PAGES);
    if (sqlite3_exec(sql->db, modes, NULL, NULL, NULL) != SQLITE_OK)
        return ml_fail(fault, ML_EIO, "%s: %s", path, sqlite3_errmsg(sql->db));
    return ml_store_migrate(sql->db, fault);
}

/* ---- the journal ---- */

static int read_journal(struct ml_store_sql *sql, uint64_t *pair, uint64_t *applied)
{
    sqlite3_stmt *statement = NULL;
    int found = sqlite3_prepare_v2(sql->db, "SELECT pair, applied FROM journal", -1, &statement,
                                   NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;

    if (found) {
        *pair = (uint64_t)sqlite3_column_int64(statement, 0);
        *applied = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_finalize(statement);
    return found ? ML_OK : ML_EIO;
}

static void run_entry(struct ml_store_sql *sql, struct ml_str entry)
{
    struct ml_store_job *job = ml_store_job_read(entry);

    if (!job)
        return;
    ml_store_sql_run(sql, job);
    ml_store_job_free(job);
}

/* What the last run had asked for, and had not written when it died. From then on the journal has
 * another pair. */
static int take_over(struct ml_store_sql *sql, uint64_t pair, struct ml_fault *fault)
{
    struct ml_str entry;
    int status = ml_store_sql_begin(sql, fault);

    if (status != 0)
        return status;
    while ((entry = ml_journal_read(sql->journal)).p)
        run_entry(sql, entry);
    sqlite3_exec(sql->db, "UPDATE journal SET pair = pair + 1", NULL, NULL, NULL);
    status = ml_store_sql_commit(sql, ml_journal_end(sql->journal), fault);
    if (status == 0)
        ml_journal_begin(sql->journal, pair + 1);
    return status;
}

/* Without a journal the store is what it was, but for the last moment before a crash. */
static void open_journal(struct ml_store_sql *sql, const char *path)
{
    char *name = ml_format("%s.journal", path);
    struct ml_fault fault = {0};
    uint64_t pair, applied;

    if (read_journal(sql, &pair, &applied) != 0 ||
        ml_journal_open(name, pair, applied, &sql->journal, &fault) != 0 ||
        take_over(sql, pair, &fault) != 0) {
        ml_log(ML_LOG_WARNING, NULL,
               "no journal: a crash may cost the records of its last moment: %s", fault.text);
        ml_journal_close(sql->journal);
        sql->journal = NULL;
    }
    ml_free(name);
}

static void read_last(struct ml_store_sql *sql)
{
    for (int kind = 0; kind < ML_STORE_KINDS; kind++) {
        char *text = ml_format("SELECT max(id) FROM %s", ml_store_table(kind));
        sqlite3_stmt *statement;

        if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            sql->last[kind] = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        ml_free(text);
    }
}

int ml_store_sql_open(struct ml_store_sql *sql, const char *path, bool no_sync,
                      struct ml_fault *fault)
{
    mode_t mask = umask(0077); /* at the start: nothing else makes files now */
    int status = lock(sql, path, fault);

    if (status == 0 && sqlite3_open_v2(path, &sql->db,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                           SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                                       NULL) != SQLITE_OK)
        status = ml_fail(fault, ML_EIO, "%s: %s", path, sqlite3_errmsg(sql->db));
    if (status == 0)
        status = set_up(sql, path, no_sync, fault);
    if (status == 0)
        open_journal(sql, path);
    umask(mask);
    if (status == 0)
        read_last(sql);
    else
        ml_store_sql_close(sql);
    return status;
}

void ml_store_sql_close(struct ml_store_sql *sql)
{
    for (size_t i = 0; i < ML_STORE_STATEMENTS; i++)
        sqlite3_finalize(sql->kept[i].prepared);
    sqlite3_close(sql->db);
    ml_journal_close(sql->journal);
    if (sql->lock >= 0)
        close(sql->lock);
    sql->db = NULL;
}
