#include <stdio.h>
#include <string.h>

#include "core/house/store_priv.h"

struct table {
    const char *kind, *name;
    int key;
    const char *columns[ML_STORE_COLUMNS];
};

/* The order of columns is that of the first migration; later ones are appended. */
static const struct table tables[ML_STORE_KINDS] = {
    {"call", "calls", 1, {"id",       "sid",       "parent",          "from",           "to",
                          "status",   "direction", "start",           "answered",       "finish",
                          "duration", "code",      "caller_name",     "forwarded_from", "call_id",
                          "changed",  "callback",  "callback_method", "sequence",       NULL}},
    {"recording",
     "recordings",
     1,
     {"id", "sid", "call", "conference", "source", "channels", "track", "status", "start",
      "duration", "size", "error_code", "created", "changed", "callback", "callback_method",
      "callback_events", NULL}},
    {"notification",
     "notifications",
     1,
     {"id", "sid", "call", "time", "code", "level", "text", "url", "method", NULL}},
    {"conference",
     "conferences",
     1,
     {"id", "sid", "name", "status", "created", "changed", "finish", "reason", "ender", NULL}},
    {"queue", "queues", 1, {"id", "sid", "name", "max", "created", "changed", NULL}},
    {"event", "events", 0, {"id", "call", "time", "name", NULL}},
    {"callback",
     "outbox",
     0,
     {[ML_CALLBACK_ID] = "id",
      [ML_CALLBACK_CALL] = "call",
      [ML_CALLBACK_TIME] = "time",
      [ML_CALLBACK_URL] = "url",
      [ML_CALLBACK_METHOD] = "method",
      [ML_CALLBACK_PARAMS] = "params",
      [ML_CALLBACK_WHAT] = "what",
      [ML_CALLBACK_TOKEN] = "token",
      [ML_CALLBACK_ATTEMPTS] = "attempts",
      [ML_CALLBACK_DUE] = "due"}},
};

/* Each takes the file from version n to n + 1, in a transaction of its own. A call's events are
 * made by the database: they cost the control thread nothing. */
static const char *const migrations[] = {
    ("CREATE TABLE calls(id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, parent TEXT,"
     " \"from\" TEXT, \"to\" TEXT, status TEXT, direction TEXT, start REAL, answered REAL,"
     " finish REAL, duration INTEGER, code INTEGER, caller_name TEXT, forwarded_from TEXT,"
     " call_id TEXT, changed REAL, callback TEXT, callback_method TEXT, sequence INTEGER);"
     "CREATE INDEX calls_parent ON calls(parent) WHERE parent IS NOT NULL;"
     "CREATE INDEX calls_start ON calls(start);"
     "CREATE INDEX calls_alive ON calls(id) WHERE finish IS NULL;"
     "CREATE TABLE recordings(id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, call TEXT,"
     " conference TEXT, source TEXT, channels INTEGER, track TEXT, status TEXT, start REAL,"
     " duration REAL, size INTEGER, error_code INTEGER, created REAL, changed REAL, callback TEXT,"
     " callback_method TEXT, callback_events TEXT);"
     "CREATE INDEX recordings_call ON recordings(call);"
     "CREATE INDEX recordings_conference ON recordings(conference)"
     " WHERE conference IS NOT NULL;"
     "CREATE INDEX recordings_created ON recordings(created);"
     "CREATE TABLE notifications(id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, call TEXT,"
     " time REAL, code INTEGER, level TEXT, text TEXT, url TEXT, method TEXT);"
     "CREATE INDEX notifications_call ON notifications(call);"
     "CREATE TABLE events(id INTEGER PRIMARY KEY, call TEXT, time REAL, name TEXT);"
     "CREATE INDEX events_call ON events(call);"
     "CREATE TABLE outbox(id INTEGER PRIMARY KEY, call TEXT, time REAL, url TEXT, method TEXT,"
     " params TEXT, what TEXT, token TEXT, attempts INTEGER, due REAL);"
     "CREATE TRIGGER call_begins AFTER INSERT ON calls WHEN new.status IS NOT NULL BEGIN"
     " INSERT INTO events(call, time, name) VALUES(new.sid, new.changed, new.status); END;"
     "CREATE TRIGGER call_changes AFTER UPDATE OF status ON calls"
     " WHEN new.status IS NOT old.status BEGIN"
     " INSERT INTO events(call, time, name) VALUES(new.sid, new.changed, new.status); END;"
     "CREATE TRIGGER call_leaves AFTER DELETE ON calls BEGIN"
     " DELETE FROM events WHERE call = old.sid;"
     " DELETE FROM notifications WHERE call = old.sid; END;"),
    ("CREATE TABLE conferences(id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, name TEXT,"
     " status TEXT, created REAL, changed REAL, finish REAL, reason TEXT, ender TEXT);"
     "CREATE INDEX conferences_name ON conferences(name);"
     "CREATE INDEX conferences_created ON conferences(created);"
     "CREATE TABLE queues(id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, name TEXT,"
     " max INTEGER, created REAL, changed REAL);"),
    /* pair: a file of the journal that was begun with another store is none of this one's. */
    ("CREATE TABLE journal(pair INTEGER NOT NULL, applied INTEGER NOT NULL);"
     "INSERT INTO journal VALUES(random() >> 1, 0);"),
};
enum { VERSION = sizeof migrations / sizeof migrations[0] };

int ml_store_kind(const char *name)
{
    for (int i = 0; i < ML_STORE_KINDS; i++)
        if (strcmp(tables[i].kind, name) == 0)
            return i;
    return -1;
}

int ml_store_columns(enum ml_store_kind kind)
{
    int n = 0;

    while (tables[kind].columns[n])
        n++;
    return n;
}

int ml_store_column(enum ml_store_kind kind, const char *name)
{
    for (int i = 0; tables[kind].columns[i]; i++)
        if (tables[kind].columns[i][0] == name[0] && strcmp(tables[kind].columns[i], name) == 0)
            return i;
    return -1;
}

const char *ml_store_column_name(enum ml_store_kind kind, int column)
{
    return tables[kind].columns[column];
}

int ml_store_key(enum ml_store_kind kind)
{
    return tables[kind].key;
}

const char *ml_store_table(enum ml_store_kind kind)
{
    return tables[kind].name;
}

static int version_of(sqlite3 *db)
{
    sqlite3_stmt *statement;
    int version = -1;

    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

int ml_store_migrate(sqlite3 *db, struct ml_fault *fault)
{
    int version = version_of(db);

    if (version < 0)
        return ml_fail(fault, ML_EIO, "the store cannot be read: %s", sqlite3_errmsg(db));
    if (version > VERSION)
        return ml_fail(fault, ML_EINVAL,
                       "the store was written by a later version of moonline (its tables are "
                       "version %d, this program knows %d): use that one, or another store.path",
                       version, VERSION);
    for (; version < VERSION; version++) {
        char *step = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
                                     migrations[version], version + 1);
        int code = sqlite3_exec(db, step, NULL, NULL, NULL);

        sqlite3_free(step);
        if (code != SQLITE_OK)
            return ml_fail(fault, ML_EIO, "the store's tables cannot be made: %s",
                           sqlite3_errmsg(db));
    }
    return ML_OK;
}
