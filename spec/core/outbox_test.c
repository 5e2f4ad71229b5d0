/* The outbox on a real file, in virtual time. */
#include "net_help.h"

#include "core/base/log.h"
#include "core/house/outbox.h"

enum { SENT_MAX = 400 };

static char folder[] = "/tmp/ml-outbox-XXXXXX";
static char path[64];
static struct ml_store *store;
static struct ml_outbox *outbox;
static struct {
    int64_t id, time;
    char call[16], what[16], token[16], url[64];
    int attempts;
    const char *by;
} sent[SENT_MAX];
static size_t count;
static bool answers; /* what is sent is answered at once (in the next turn) */
static bool delivers;
static int lines;

static void on_line(const char *line, void *user)
{
    (void)line;
    (void)user;
    lines++;
}

static void answer_last(void *user)
{
    size_t i = (size_t)(uintptr_t)user;

    ml_outbox_done(outbox, sent[i].call, sent[i].id, delivers);
}

static void on_send(int64_t id, const struct ml_callback *callback, void *user)
{
    assert_true(count < SENT_MAX);
    sent[count].id = id;
    sent[count].time = ml_clock_ms();
    sent[count].attempts = callback->attempts;
    sent[count].by = user;
    snprintf(sent[count].call, sizeof sent[count].call, "%s", callback->call);
    snprintf(sent[count].what, sizeof sent[count].what, "%s", callback->what);
    snprintf(sent[count].token, sizeof sent[count].token, "%s", callback->token);
    snprintf(sent[count].url, sizeof sent[count].url, "%s", callback->url);
    if (answers)
        ml_loop_post(loop, answer_last, (void *)(uintptr_t)count);
    count++;
}

static void begin(void)
{
    struct ml_store_options options = {.path = path, .no_sync = true};
    struct ml_fault fault;

    assert_int_equal(ml_store_open(loop, &options, &store, &fault), 0);
    assert_int_equal(ml_outbox_new(loop, store, &outbox), 0);
}

static void end(void)
{
    ml_outbox_free(outbox);
    ml_store_close(store);
    outbox = NULL;
    store = NULL;
}

static int setup(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (loop_setup(state) != 0 || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/records.sqlite", folder);
    count = 0;
    lines = 0;
    answers = delivers = true;
    ml_log_to(on_line, NULL);
    begin();
    return 0;
}

static int teardown(void **state)
{
    char command[64];
    int left;

    end();
    run_for(10);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    left = system(command);
    ml_log_to(NULL, NULL);
    return left + loop_teardown(state);
}

static int64_t push(const char *call, const char *what, void *server)
{
    struct ml_callback callback = {.call = call,
                                   .url = "http://127.0.0.1/cb",
                                   .method = "POST",
                                   .params = "CallSid=CA1&X=%C3%A4",
                                   .what = what,
                                   .token = what};

    return ml_outbox_push(outbox, &callback, server);
}

/* "one two three" */
static const char *told(void)
{
    static char text[2000];

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 sent[i].what);
    return text;
}

static void test_those_of_a_call_go_one_after_the_other(void **state)
{
    (void)state;
    answers = false;
    ml_outbox_join(outbox, on_send, NULL);
    push("CA1", "one", NULL);
    push("CA1", "two", NULL);
    push("CA2", "else", NULL);
    assert_int_equal(count, 0); /* never from within */
    run_for(1000);
    assert_string_equal(told(), "one else");
    assert_int_equal(ml_outbox_busy(outbox), 2);
    ml_outbox_done(outbox, "CA1", sent[0].id, true);
    run_for(1000);
    assert_string_equal(told(), "one else two");
    ml_outbox_done(outbox, "CA1", sent[0].id, true); /* again: of no effect */
    ml_outbox_done(outbox, "CA1", sent[2].id, true);
    ml_outbox_done(outbox, "CA2", sent[1].id, true);
    run_for(1000);
    assert_int_equal(ml_outbox_pending(outbox), 0);
    assert_int_equal(ml_outbox_busy(outbox), 0);
}

static void test_what_fails_is_tried_again_and_holds_the_next(void **state)
{
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};

    (void)state;
    delivers = false;
    ml_outbox_join(outbox, on_send, NULL);
    push("CA1", "one", NULL);
    push("CA1", "two", NULL);
    run_for(1200 * 1000);
    assert_int_equal(ml_outbox_busy(outbox), 0); /* it waits: the program may end */
    assert_int_equal(count, 12);
    for (size_t i = 1; i < count; i++) {
        assert_int_equal(sent[i].id, sent[0].id);
        assert_int_equal(sent[i].attempts, i);
        assert_string_equal(sent[i].token, "one");
        assert_string_equal(sent[i].url, "http://127.0.0.1/cb");
        assert_in_range(sent[i].time - sent[i - 1].time, seconds[i - 1] * 1000,
                        seconds[i - 1] * 1000 + 30);
    }
    delivers = true;
    run_for(300 * 1000);
    assert_int_equal(ml_outbox_pending(outbox), 0);
    assert_string_equal(sent[count - 1].what, "two");
    assert_int_equal(sent[count - 1].attempts, 0);
}

static void test_after_a_day_it_is_given_up(void **state)
{
    (void)state;
    delivers = false;
    ml_outbox_join(outbox, on_send, NULL);
    push("CA1", "one", NULL);
    run_for(INT64_C(1000) * 60 * 60 * 23);
    assert_int_equal(ml_outbox_pending(outbox), 1);
    run_for(INT64_C(1000) * 60 * 66);
    assert_int_equal(ml_outbox_pending(outbox), 0);
    assert_int_equal(lines, 1);
}

static void test_a_start_tries_all_at_once_and_in_order(void **state)
{
    (void)state;
    delivers = false;
    ml_outbox_join(outbox, on_send, NULL);
    push("CA1", "one", NULL);
    push("CA1", "two", NULL);
    push("CA2", "else", NULL);
    run_for(600 * 1000);
    end();
    count = 0;
    begin();
    delivers = true;
    push("CA1", "three", NULL); /* before those of then are read */
    assert_int_equal(count, 0);
    ml_outbox_join(outbox, on_send, NULL);
    run_for(1000);
    assert_string_equal(told(), "one else two three");
    assert_true(sent[0].attempts > 5);
    assert_string_equal(sent[0].token, "one");
    assert_int_equal(ml_outbox_pending(outbox), 0);
    end();
    begin();
    ml_outbox_join(outbox, on_send, NULL);
    run_for(1000);
    assert_int_equal(count, 4); /* nothing is left on disk */
}

static void test_thousands_of_before_are_all_sent(void **state)
{
    char call[16];

    (void)state;
    for (int i = 0; i < 1200; i++) {
        snprintf(call, sizeof call, "CA%d", i);
        push(call, "old", NULL);
    }
    end();
    begin();
    answers = false;
    ml_outbox_join(outbox, on_send, NULL);
    run_for(1000);
    assert_int_equal(ml_outbox_pending(outbox), 1200);
    assert_int_equal(count, 300); /* no more at the same time */
    for (size_t i = 0; i < 300; i++)
        ml_outbox_done(outbox, sent[i].call, sent[i].id, true);
    assert_int_equal(ml_outbox_pending(outbox), 900);
    count = 0;
    run_for(1000);
    assert_int_equal(count, 300);
}

static void test_who_pushed_it_sends_it_and_another_when_that_left(void **state)
{
    static char old[] = "old", new[] = "new";

    (void)state;
    answers = false;
    ml_outbox_join(outbox, on_send, old);
    ml_outbox_join(outbox, on_send, new);
    push("CA1", "one", old);
    push("CA2", "two", NULL);
    run_for(1000);
    assert_ptr_equal(sent[0].by, old);
    assert_ptr_equal(sent[1].by, new);
    ml_outbox_leave(outbox, old); /* in the midst of it */
    run_for(1000);
    assert_int_equal(count, 3);
    assert_string_equal(sent[2].what, "one");
    assert_ptr_equal(sent[2].by, new);
    ml_outbox_leave(outbox, new);
    run_for(1000);
    assert_int_equal(count, 3); /* there is nobody */
    ml_outbox_join(outbox, on_send, new);
    run_for(1000);
    assert_int_equal(count, 5);
}

static void test_without_a_store_it_lasts_as_long_as_the_program(void **state)
{
    (void)state;
    end();
    assert_int_equal(ml_outbox_new(loop, NULL, &outbox), 0);
    delivers = false;
    ml_outbox_join(outbox, on_send, NULL);
    push("CA1", "one", NULL);
    push("CA1", "two", NULL);
    run_for(10 * 1000);
    assert_true(count >= 3);
    delivers = true;
    run_for(20 * 1000);
    assert_int_equal(ml_outbox_pending(outbox), 0);
    assert_string_equal(sent[count - 1].what, "two");
}

#define OUTBOX(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX(test_those_of_a_call_go_one_after_the_other),
        OUTBOX(test_what_fails_is_tried_again_and_holds_the_next),
        OUTBOX(test_after_a_day_it_is_given_up),
        OUTBOX(test_a_start_tries_all_at_once_and_in_order),
        OUTBOX(test_thousands_of_before_are_all_sent),
        OUTBOX(test_who_pushed_it_sends_it_and_another_when_that_left),
        OUTBOX(test_without_a_store_it_lasts_as_long_as_the_program),
    };

    ml_clock_virtual();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
