/* Jobs as SQL. Names of tables and columns come from store_schema.c only; values are bound. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/house/store_priv.h"

static int execute(struct ml_store_sql *sql, const char *text, struct ml_fault *fault)
{
    if (sqlite3_exec(sql->db, text, NULL, NULL, NULL) == SQLITE_OK)
        return ML_OK;
    return ml_fail(fault, ML_EIO, "%s", sqlite3_errmsg(sql->db));
}

int ml_store_sql_begin(struct ml_store_sql *sql, struct ml_fault *fault)
{
    return execute(sql, "BEGIN IMMEDIATE", fault);
}

bool ml_store_sql_is_open(struct ml_store_sql *sql)
{
    return !sqlite3_get_autocommit(sql->db);
}

/* Together with what it had: nothing of it is done twice, or left out. */
static int note_applied(struct ml_store_sql *sql, uint64_t noted, struct ml_fault *fault)
{
    char text[80];

    if (noted == 0)
        return ML_OK;
    snprintf(text, sizeof text, "UPDATE journal SET applied = %llu", (unsigned long long)noted);
    return execute(sql, text, fault);
}

/* Nothing of the transaction stays when it fails; some errors have ended it already. */
int ml_store_sql_commit(struct ml_store_sql *sql, uint64_t noted, struct ml_fault *fault)
{
    if (!ml_store_sql_is_open(sql))
        return ml_fail(fault, ML_EIO, "the transaction was rolled back");
    if (note_applied(sql, noted, fault) == 0 && execute(sql, "COMMIT", fault) == 0)
        return ML_OK;
    if (ml_store_sql_is_open(sql))
        sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    return ML_EIO;
}

static void failed(struct ml_store_sql *sql, struct ml_store_job *job)
{
    ml_store_job_fail(job, ML_EIO, "%s", sqlite3_errmsg(sql->db));
}

static void bind(sqlite3_stmt *statement, int at, const struct ml_value *value)
{
    switch (value->type) {
    case ML_VALUE_NONE:
        sqlite3_bind_null(statement, at);
        break;
    case ML_VALUE_INTEGER:
        sqlite3_bind_int64(statement, at, value->integer);
        break;
    case ML_VALUE_REAL:
        sqlite3_bind_double(statement, at, value->real);
        break;
    case ML_VALUE_TEXT:
        sqlite3_bind_text(statement, at, value->text.p, (int)value->text.n, SQLITE_STATIC);
        break;
    }
}

static void write_put(struct ml_buf *text, const struct ml_store_job *job)
{
    const char *key = ml_store_column_name(job->kind, ml_store_key(job->kind));
    const char *comma = "";

    ml_buf_printf(text, "INSERT INTO %s(", ml_store_table(job->kind));
    for (size_t i = 0; i < job->count; i++)
        ml_buf_printf(text, "%s\"%s\"", i ? "," : "",
                      ml_store_column_name(job->kind, job->fields[i].column));
    ml_buf_str(text, ") VALUES(");
    for (size_t i = 0; i < job->count; i++)
        ml_buf_printf(text, "%s?", i ? "," : "");
    ml_buf_printf(text, ") ON CONFLICT(%s) DO ", key);
    if (job->count == 1)
        ml_buf_str(text, "NOTHING");
    for (size_t i = 0; i < job->count; i++) {
        const char *name = ml_store_column_name(job->kind, job->fields[i].column);

        if (strcmp(name, key) == 0)
            continue;
        ml_buf_printf(text, "%s\"%s\"=excluded.\"%s\"", *comma ? comma : "UPDATE SET ", name, name);
        comma = ",";
    }
}

static void write_remove(struct ml_buf *text, const struct ml_store_job *job)
{
    ml_buf_printf(text, "DELETE FROM %s WHERE %s = ?", ml_store_table(job->kind),
                  ml_store_column_name(job->kind, ml_store_key(job->kind)));
}

/* The statement for puts of these columns: prepared once. Fields stand in the order of columns, so
 * that the set of them says it all. */
static sqlite3_stmt *prepared(struct ml_store_sql *sql, const struct ml_store_job *job)
{
    struct ml_store_statement *kept = sql->kept;
    struct ml_buf text = {0};
    uint32_t columns = 0;

    for (size_t i = 0; i < job->count; i++)
        columns |= UINT32_C(1) << job->fields[i].column;
    for (size_t i = 0; i < ML_STORE_STATEMENTS; i++)
        if (kept[i].prepared && kept[i].what == job->what && kept[i].kind == job->kind &&
            kept[i].columns == columns)
            return kept[i].prepared;
    kept += sql->next++ % ML_STORE_STATEMENTS;
    sqlite3_finalize(kept->prepared);
    *kept = (struct ml_store_statement){.what = job->what, .kind = job->kind, .columns = columns};
    if (job->what == ML_JOB_PUT)
        write_put(&text, job);
    else
        write_remove(&text, job);
    sqlite3_prepare_v3(sql->db, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, &kept->prepared,
                       NULL);
    ml_buf_fini(&text);
    return kept->prepared;
}

static void run_write(struct ml_store_sql *sql, struct ml_store_job *job)
{
    sqlite3_stmt *statement = prepared(sql, job);

    if (!statement) {
        failed(sql, job);
        return;
    }
    for (size_t i = 0; i < job->count; i++)
        bind(statement, (int)i + 1, &job->fields[i].value);
    if (sqlite3_step(statement) != SQLITE_DONE)
        failed(sql, job);
    sqlite3_reset(statement);
}

/* ---- list ---- */

static void write_list(struct ml_buf *text, const struct ml_store_job *job)
{
    static const char *const tests[] = {"IS", "IS NOT", "<", ">", "<=", ">="};
    const struct ml_store_list *query = job->query;
    int columns = ml_store_columns(job->kind);

    ml_buf_str(text, "SELECT ");
    for (int i = 0; i < columns; i++)
        ml_buf_printf(text, "%s\"%s\"", i ? "," : "", ml_store_column_name(job->kind, i));
    ml_buf_printf(text, " FROM %s WHERE 1", ml_store_table(job->kind));
    for (size_t i = 0; i < job->count; i++)
        ml_buf_printf(text, " AND \"%s\" %s ?",
                      ml_store_column_name(job->kind, job->fields[i].column),
                      tests[query->tests[i]]);
    if (query->after > 0)
        ml_buf_printf(text, " AND id %s ?", query->oldest ? ">" : "<");
    ml_buf_printf(text, " ORDER BY id %s LIMIT ? OFFSET ?", query->oldest ? "ASC" : "DESC");
}

static struct ml_value value_of(sqlite3_stmt *row, int column, struct ml_buf *bytes)
{
    struct ml_value value = {0};

    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        value.type = ML_VALUE_INTEGER;
        value.integer = sqlite3_column_int64(row, column);
        break;
    case SQLITE_FLOAT:
        value.type = ML_VALUE_REAL;
        value.real = sqlite3_column_double(row, column);
        break;
    case SQLITE_NULL:
        break;
    default: /* the buffer may move: offsets become pointers at the end */
        value.type = ML_VALUE_TEXT;
        value.integer = (int64_t)bytes->n;
        value.text.n = (size_t)sqlite3_column_bytes(row, column);
        ml_buf_add(bytes, sqlite3_column_text(row, column), value.text.n);
        break;
    }
    return value;
}

static int fetch(sqlite3_stmt *statement, struct ml_store_job *job)
{
    int columns = job->rows.columns = ml_store_columns(job->kind);
    size_t room = 0;
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (job->rows.count == room) {
            room = room ? 2 * room : 8;
            job->values = ml_realloc(job->values, room * (size_t)columns * sizeof *job->values);
        }
        for (int i = 0; i < columns; i++)
            job->values[job->rows.count * (size_t)columns + (size_t)i] =
                value_of(statement, i, &job->bytes);
        job->rows.count++;
    }
    for (size_t i = 0; i < job->rows.count * (size_t)columns; i++)
        if (job->values[i].type == ML_VALUE_TEXT)
            job->values[i].text.p = job->bytes.p + job->values[i].integer;
    job->rows.values = job->values;
    return code;
}

static void run_list(struct ml_store_sql *sql, struct ml_store_job *job)
{
    const struct ml_store_list *query = job->query;
    struct ml_buf text = {0};
    sqlite3_stmt *statement;
    int at = 1;

    write_list(&text, job);
    if (sqlite3_prepare_v2(sql->db, text.p, (int)text.n, &statement, NULL) != SQLITE_OK) {
        failed(sql, job);
        goto done;
    }
    for (size_t i = 0; i < job->count; i++)
        bind(statement, at++, &job->fields[i].value);
    if (query->after > 0)
        sqlite3_bind_int64(statement, at++, query->after);
    sqlite3_bind_int64(statement, at++, query->most);
    sqlite3_bind_int64(statement, at, query->first);
    if (fetch(statement, job) != SQLITE_DONE)
        failed(sql, job);
    sqlite3_finalize(statement);
done:
    ml_buf_fini(&text);
}

/* ---- prune ---- */

static void remove_files(struct ml_store_sql *sql, struct ml_store_job *job, const char *condition,
                         const struct ml_value *value)
{
    char *text = ml_format("DELETE FROM recordings WHERE %s RETURNING sid", condition);
    const char *folder = job->fields[2].value.text.p;
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) != SQLITE_OK) {
        failed(sql, job);
        ml_free(text);
        return;
    }
    bind(statement, 1, value);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        char *path =
            ml_format("%s/%s.wav", folder, (const char *)sqlite3_column_text(statement, 0));

        unlink(path);
        ml_free(path);
    }
    sqlite3_finalize(statement);
    ml_free(text);
}

static void remove_ended(struct ml_store_sql *sql, struct ml_store_job *job, const char *text,
                         const struct ml_value *before)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) != SQLITE_OK) {
        failed(sql, job);
        return;
    }
    bind(statement, 1, before);
    if (sqlite3_step(statement) != SQLITE_DONE)
        failed(sql, job);
    sqlite3_finalize(statement);
}

static void run_prune(struct ml_store_sql *sql, struct ml_store_job *job)
{
    const struct ml_value *before = &job->fields[0].value, *bytes = &job->fields[1].value;

    if (before->real > 0) {
        remove_files(sql, job, "created < ? AND status NOT IN ('in-progress', 'paused')", before);
        remove_ended(sql, job, "DELETE FROM calls WHERE finish < ?", before);
        remove_ended(sql, job, "DELETE FROM conferences WHERE finish < ?", before);
    }
    if (bytes->integer > 0)
        remove_files(sql, job,
                     "id IN (SELECT id FROM (SELECT id, status, SUM(size) OVER (ORDER BY id DESC)"
                     " AS total FROM recordings) WHERE total > ?"
                     " AND status NOT IN ('in-progress', 'paused'))",
                     bytes);
}

void ml_store_sql_run(struct ml_store_sql *sql, struct ml_store_job *job)
{
    switch (job->what) {
    case ML_JOB_PUT:
    case ML_JOB_REMOVE:
        run_write(sql, job);
        break;
    case ML_JOB_LIST:
        run_list(sql, job);
        break;
    case ML_JOB_PRUNE:
        run_prune(sql, job);
        break;
    }
}
