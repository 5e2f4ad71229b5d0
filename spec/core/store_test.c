#include "net_help.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/log.h"
#include "core/house/store.h"

static char folder[] = "/tmp/ml-store-XXXXXX";
static char path[64];
static struct ml_store *store;
static bool answered;
static int status;
static char text[128];
static size_t count;
static char rows[4096]; /* "2 CAb busy;1 CAa completed;" */
static int lines;
static char last_line[512];

static void on_line(const char *line, void *user)
{
    (void)user;
    lines++;
    snprintf(last_line, sizeof last_line, "%s", line);
}

static int open_store(size_t max_queued)
{
    struct ml_store_options options = {.path = path, .max_queued = max_queued};
    struct ml_fault fault = {0};
    int result = ml_store_open(loop, &options, &store, &fault);

    snprintf(text, sizeof text, "%.127s", fault.text);
    return result;
}

static int setup(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (loop_setup(state) != 0 || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/records.sqlite", folder);
    lines = 0;
    ml_log_to(on_line, NULL);
    return open_store(0);
}

static int teardown(void **state)
{
    char command[64];
    int left;

    ml_store_close(store);
    store = NULL;
    run_for(10); /* an answer may still be posted */
    snprintf(command, sizeof command, "rm -rf %s", folder);
    left = system(command);
    ml_log_to(NULL, NULL);
    return left + loop_teardown(state);
}

static void on_done(int result, const char *why, void *user)
{
    (void)user;
    status = result;
    snprintf(text, sizeof text, "%s", why ? why : "");
    answered = true;
}

/* id, key and the column whose number is *user. */
static void on_rows(int result, const char *why, const struct ml_rows *found, void *user)
{
    int column = *(int *)user;
    size_t at = 0;

    status = result;
    snprintf(text, sizeof text, "%s", why ? why : "");
    count = found->count;
    rows[0] = '\0';
    for (size_t i = 0; i < found->count && at < sizeof rows - 200; i++) {
        const struct ml_value *row = found->values + i * (size_t)found->columns;
        const struct ml_value *value = &row[column];

        at += (size_t)sprintf(rows + at, "%d ", (int)row[0].integer);
        if (value->type == ML_VALUE_TEXT)
            at += (size_t)sprintf(rows + at, "%.*s", (int)value->text.n, value->text.p);
        else if (value->type == ML_VALUE_REAL)
            at += (size_t)sprintf(rows + at, "%.3f", value->real);
        else if (value->type == ML_VALUE_INTEGER)
            at += (size_t)sprintf(rows + at, "%d", (int)value->integer);
        at += (size_t)sprintf(rows + at, ";");
    }
    answered = true;
}

static struct ml_field field(enum ml_store_kind kind, const char *name, const char *value)
{
    struct ml_field result = {.column = ml_store_column(kind, name)};

    assert_true(result.column >= 0);
    result.value = (struct ml_value){.type = ML_VALUE_TEXT, .text = ml_str(value)};
    return result;
}

static void put_call(const char *sid, const char *state, double start, ml_store_done_fn *done)
{
    struct ml_field fields[] = {
        field(ML_STORE_CALL, "status", state),
        field(ML_STORE_CALL, "sid", sid),
        {ml_store_column(ML_STORE_CALL, "start"), {.type = ML_VALUE_REAL, .real = start}}};

    ml_store_put(store, ML_STORE_CALL, fields, start > 0 ? 3 : 2, done, NULL);
}

static const char *list(struct ml_query query, const char *name)
{
    int column = ml_store_column(query.kind, name);

    answered = false;
    if (!query.most)
        query.most = 50;
    ml_store_list(store, &query, on_rows, &column);
    assert_false(answered); /* never from within */
    wait_for(&answered);
    return rows;
}

static void test_a_row_is_made_and_changed(void **state)
{
    (void)state;
    put_call("CA1", "ringing", 10, NULL);
    put_call("CA2", "ringing", 20.25, NULL);
    put_call("CA1", "completed", 0, NULL);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "status"),
                        "2 ringing;1 completed;");
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "start"),
                        "2 20.250;1 10.000;");
    assert_int_equal(status, 0);
}

static void test_each_change_of_status_is_an_event(void **state)
{
    (void)state;
    put_call("CA1", "ringing", 10, NULL);
    put_call("CA1", "ringing", 11, NULL);
    put_call("CA2", "queued", 11, NULL);
    put_call("CA1", "completed", 0, NULL);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_EVENT, .oldest = true}, "name"),
                        "1 ringing;2 queued;3 completed;");
}

static void test_conditions_and_pages(void **state)
{
    struct ml_condition late = {
        ml_store_column(ML_STORE_CALL, "start"), ML_AT_LEAST, {.type = ML_VALUE_REAL, .real = 20}};
    struct ml_condition unset = {ml_store_column(ML_STORE_CALL, "to"), ML_IS, {0}};
    struct ml_condition both[2];

    (void)state;
    put_call("CA1", "busy", 10, NULL);
    put_call("CA2", "busy", 20, NULL);
    put_call("CA3", "busy", 30, NULL);
    assert_string_equal(
        list((struct ml_query){.kind = ML_STORE_CALL, .where = &late, .count = 1}, "sid"),
        "3 CA3;2 CA2;");
    both[0] = late;
    both[1] = unset;
    assert_string_equal(
        list((struct ml_query){.kind = ML_STORE_CALL, .where = both, .count = 2}, "sid"),
        "3 CA3;2 CA2;");
    unset.test = ML_IS_NOT;
    assert_string_equal(
        list((struct ml_query){.kind = ML_STORE_CALL, .where = &unset, .count = 1}, "sid"), "");
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL, .most = 2}, "sid"),
                        "3 CA3;2 CA2;");
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL, .after = 2}, "sid"),
                        "1 CA1;");
    assert_string_equal(
        list((struct ml_query){.kind = ML_STORE_CALL, .after = 1, .oldest = true}, "sid"),
        "2 CA2;3 CA3;");
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL, .first = 2}, "sid"),
                        "1 CA1;");
}

static void test_a_call_takes_its_notifications_along(void **state)
{
    struct ml_field fields[] = {field(ML_STORE_NOTIFICATION, "sid", "NO1"),
                                field(ML_STORE_NOTIFICATION, "call", "CA1")};
    struct ml_value key = {.type = ML_VALUE_TEXT, .text = ML_STR("CA1")};

    (void)state;
    put_call("CA1", "busy", 10, NULL);
    ml_store_put(store, ML_STORE_NOTIFICATION, fields, 2, NULL, NULL);
    list((struct ml_query){.kind = ML_STORE_NOTIFICATION}, "call");
    assert_string_equal(rows, "1 CA1;");
    ml_store_remove(store, ML_STORE_CALL, &key);
    list((struct ml_query){.kind = ML_STORE_NOTIFICATION}, "call");
    assert_int_equal(count, 0);
    list((struct ml_query){.kind = ML_STORE_EVENT}, "call");
    assert_int_equal(count, 0);
}

/* Bytes of every kind are values, never SQL. */
static void test_text_stays_text(void **state)
{
    static const char odd[] = "'; DROP TABLE calls; --\"\n\xff";
    struct ml_field fields[] = {field(ML_STORE_CALL, "sid", "CA1"),
                                field(ML_STORE_CALL, "from", odd)};

    (void)state;
    ml_store_put(store, ML_STORE_CALL, fields, 2, NULL, NULL);
    list((struct ml_query){.kind = ML_STORE_CALL}, "from");
    assert_memory_equal(rows + 2, odd, sizeof odd - 1);
}

static void test_what_was_put_is_there_after_a_start(void **state)
{
    struct stat info;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        char sid[40];

        snprintf(sid, sizeof sid, "CA%032d", i);
        put_call(sid, "completed", i + 1, NULL);
    }
    ml_store_close(store); /* writes what is queued */
    assert_int_equal(open_store(0), 0);
    list((struct ml_query){.kind = ML_STORE_CALL, .most = 5000}, "sid");
    assert_int_equal(count, 3000);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* Puts one change after the other, until it is killed. written: how many it has asked for. */
static void live_and_be_killed(atomic_int *written)
{
    if (open_store(0) != 0)
        _exit(1);
    for (int i = 1;; i++) {
        char state[32];

        snprintf(state, sizeof state, "state-%d", i);
        put_call("CAx", state, 0, NULL);
        ml_store_commit(store);
        atomic_store(written, i);
        if (i % 3 == 0)
            run_for(1);
    }
}

/* Without a wait for the disk: the last put before the kill is there, and none is done twice. */
static void test_a_killed_process_loses_nothing(void **state)
{
    atomic_int *written =
        mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int events = 0;

    (void)state;
    for (int round = 0; round < 8; round++) {
        pid_t child;
        char found[64];
        int before, after, last = 0;

        ml_store_close(store);
        store = NULL;
        run_for(1);
        atomic_store(written, 0);
        child = fork();
        if (child == 0)
            live_and_be_killed(written);
        while (atomic_load(written) < 5)
            sched_yield();
        usleep((useconds_t)(round * 7 % 40) * 1000);
        before = atomic_load(written);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        after = atomic_load(written) + 1;
        assert_int_equal(open_store(0), 0);
        list((struct ml_query){.kind = ML_STORE_CALL}, "status");
        assert_int_equal(count, 1);
        assert_int_equal(sscanf(rows, "1 state-%d;", &last), 1);
        assert_in_range(last, before, after);
        list((struct ml_query){.kind = ML_STORE_EVENT, .most = 2}, "name");
        snprintf(found, sizeof found, "state-%d;", last);
        assert_non_null(strstr(rows, found));
        list((struct ml_query){.kind = ML_STORE_EVENT, .most = 100000}, "id");
        events += last;
        assert_int_equal(count, events);
    }
    munmap(written, sizeof *written);
}

static void test_a_forgotten_answer_does_not_come(void **state)
{
    struct ml_query query = {.kind = ML_STORE_CALL, .most = 1};
    int column = 1;

    (void)state;
    answered = false;
    ml_store_forget(store, ml_store_list(store, &query, on_rows, &column));
    put_call("CA1", "busy", 1, NULL);
    run_for(50);
    assert_false(answered);
}

/* A file that may not grow stands for a full disk. */
static void test_a_full_disk_loses_records_and_says_so_once(void **state)
{
    struct rlimit before, small;
    struct ml_store_health health;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    put_call("CA1", "busy", 1, NULL);
    list((struct ml_query){.kind = ML_STORE_CALL}, "sid");
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 3; i++) {
        answered = false;
        put_call("CA2", "busy", 2, on_done);
        wait_for(&answered);
        assert_int_equal(status, ML_EIO);
        assert_true(text[0]);
    }
    health = ml_store_health(store);
    assert_int_equal(health.lost, 3);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "sid"), "1 CA1;");
    assert_int_equal(status, 0); /* reading goes on */
    assert_non_null(health.problem);
    assert_int_equal(lines, 1);
    setrlimit(RLIMIT_FSIZE, &before);
    answered = false;
    put_call("CA3", "busy", 3, on_done);
    wait_for(&answered);
    assert_int_equal(status, 0);
    assert_null(ml_store_health(store).problem);
    assert_int_equal(lines, 2);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "sid"), "2 CA3;1 CA1;");
}

/* Somebody else holds the file: the queue fills to its end, and no further. */
static void test_a_disk_that_hangs_does_not_fill_the_memory(void **state)
{
    int refused = 0;
    sqlite3 *other;

    (void)state;
    ml_store_close(store);
    assert_int_equal(open_store(20000), 0);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 200; i++) {
        status = 0;
        put_call("CA1", "busy", 1, on_done);
        run_for(0);
        if (status == ML_ELIMIT)
            refused++;
    }
    assert_true(refused > 50);
    assert_true(ml_store_health(store).queued < 25000);
    assert_non_null(strstr(ml_store_health(store).problem, "too slow"));
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    while (ml_store_health(store).queued > 0)
        run_for(1);
    run_for(5); /* the last answers */
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "status"), "1 busy;");
}

static void test_a_file_of_a_later_program_is_refused(void **state)
{
    sqlite3 *other;

    (void)state;
    ml_store_close(store);
    store = NULL;
    sqlite3_open(path, &other);
    sqlite3_exec(other, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_int_equal(open_store(0), ML_EINVAL);
    assert_non_null(strstr(text, "later version"));
}

static void test_a_file_that_is_no_database_is_refused(void **state)
{
    FILE *file;

    (void)state;
    ml_store_close(store);
    store = NULL;
    file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_int_equal(open_store(0), ML_EIO);
    assert_non_null(strstr(text, "not a database"));
}

static void put_recording(const char *sid, double created, int size, const char *state)
{
    char name[100];
    struct ml_field fields[] = {
        field(ML_STORE_RECORDING, "sid", sid),
        field(ML_STORE_RECORDING, "status", state),
        {ml_store_column(ML_STORE_RECORDING, "size"), {.type = ML_VALUE_INTEGER, .integer = size}},
        {ml_store_column(ML_STORE_RECORDING, "created"), {.type = ML_VALUE_REAL, .real = created}}};

    snprintf(name, sizeof name, "%s/%s.wav", folder, sid);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    ml_store_put(store, ML_STORE_RECORDING, fields, 4, NULL, NULL);
}

static bool has_file(const char *sid)
{
    char name[100];

    snprintf(name, sizeof name, "%s/%s.wav", folder, sid);
    return access(name, F_OK) == 0;
}

static void prune(double before, int64_t bytes)
{
    answered = false;
    ml_store_prune(store, folder, before, bytes, on_done, NULL);
    wait_for(&answered);
    assert_int_equal(status, 0);
}

static void test_what_is_too_old_or_too_much_goes(void **state)
{
    struct ml_field finish[] = {
        field(ML_STORE_CALL, "sid", "CA1"),
        {ml_store_column(ML_STORE_CALL, "finish"), {.type = ML_VALUE_REAL, .real = 50}}};

    (void)state;
    put_call("CA1", "completed", 40, NULL);
    put_call("CA2", "in-progress", 40, NULL);
    ml_store_put(store, ML_STORE_CALL, finish, 2, NULL, NULL);
    put_recording("RE1", 40, 100, "in-progress"); /* alive: stays, however old */
    put_recording("RE2", 41, 100, "completed");
    put_recording("RE3", 70, 100, "completed");
    put_recording("RE4", 80, 100, "completed");
    prune(60, 0);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_CALL}, "sid"), "2 CA2;");
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_RECORDING}, "sid"),
                        "4 RE4;3 RE3;1 RE1;");
    assert_false(has_file("RE2"));
    prune(0, 150);
    assert_string_equal(list((struct ml_query){.kind = ML_STORE_RECORDING}, "sid"), "4 RE4;1 RE1;");
    assert_false(has_file("RE3"));
    assert_true(has_file("RE1"));
    assert_true(has_file("RE4"));
}

#define STORED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED(test_a_row_is_made_and_changed),
        STORED(test_each_change_of_status_is_an_event),
        STORED(test_conditions_and_pages),
        STORED(test_a_call_takes_its_notifications_along),
        STORED(test_text_stays_text),
        STORED(test_what_was_put_is_there_after_a_start),
        STORED(test_a_killed_process_loses_nothing),
        STORED(test_a_forgotten_answer_does_not_come),
        STORED(test_a_full_disk_loses_records_and_says_so_once),
        STORED(test_a_disk_that_hangs_does_not_fill_the_memory),
        STORED(test_a_file_of_a_later_program_is_refused),
        STORED(test_a_file_that_is_no_database_is_refused),
        STORED(test_what_is_too_old_or_too_much_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
