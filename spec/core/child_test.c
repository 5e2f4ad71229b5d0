#include "spec/core/net_help.h"

#include <signal.h>

#include "core/net/child.h"

static struct ml_child_result result;
static struct ml_buf output, errors;
static bool done;

static void on_done(const struct ml_child_result *given, void *user)
{
    (void)user;
    assert_false(done);
    done = true;
    result = *given;
    output.n = errors.n = 0;
    ml_buf_add(&output, given->output.p, given->output.n);
    ml_buf_add(&errors, given->errors.p, given->errors.n);
}

static struct ml_child *start(struct ml_child_options *options, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct ml_child *child;
    struct ml_fault fault;

    options->argv = argv;
    done = false;
    if (ml_child_spawn(loop, options, on_done, NULL, &child, &fault) != ML_OK)
        fail_msg("%s", fault.text);
    assert_true(ml_child_pid(child) > 0);
    return child;
}

static void run(struct ml_child_options *options, const char *script)
{
    start(options, script);
    wait_for(&done);
}

static void end(void)
{
    ml_buf_fini(&output);
    ml_buf_fini(&errors);
}

static void test_input_output_and_status(void **state)
{
    struct ml_child_options options = {.input = ML_STR("hello")};

    (void)state;
    run(&options, "cat; echo oops >&2; exit 3");
    assert_int_equal(result.status, 3);
    assert_false(result.timed_out);
    assert_string_equal(output.p, "hello");
    assert_string_equal(errors.p, "oops\n");
    end();
}

static void test_a_megabyte_through_a_pipe(void **state)
{
    struct ml_child_options options = {.max_output = 2 << 20};
    char *big = ml_alloc((1 << 20) + 1);

    (void)state;
    memset(big, 'x', 1 << 20);
    options.input = (struct ml_str){big, 1 << 20};
    run(&options, "cat");
    assert_int_equal(output.n, 1 << 20);
    options.max_output = 1000;
    run(&options, "cat");
    assert_int_equal(output.n, 1000);
    run(&options, "exit 0"); /* does not read: no SIGPIPE for us */
    assert_int_equal(result.status, 0);
    ml_free(big);
    end();
}

static void test_a_slow_child_is_killed(void **state)
{
    struct ml_child_options options = {.timeout_ms = 50};
    int64_t begun = ml_clock_ms();

    (void)state;
    run(&options, "echo before; sleep 100 & wait");
    assert_true(result.timed_out);
    assert_int_equal(result.status, 128 + SIGKILL);
    assert_string_equal(output.p, "before\n");
    assert_true(ml_clock_ms() - begun < 5000);
    end();
}

static void test_what_it_leaves_behind_does_not_hold_us(void **state)
{
    struct ml_child_options options = {0};

    (void)state;
    run(&options, "sleep 100 & echo away");
    assert_int_equal(result.status, 0);
    assert_string_equal(output.p, "away\n");
    end();
}

static void test_signals_and_freeing(void **state)
{
    struct ml_child_options options = {0};
    struct ml_child *child = start(&options, "exec sleep 100");

    (void)state;
    ml_child_kill(child, SIGTERM);
    wait_for(&done);
    assert_int_equal(result.status, 128 + SIGTERM);
    child = start(&options, "sleep 100");
    ml_child_free(child);
    run_for(20);
    assert_false(done);
    end();
}

static void test_no_descriptor_or_ignored_signal_is_inherited(void **state)
{
    struct ml_child_options options = {0};
    int extra = dup(1);

    (void)state;
    run(&options, "for f in /proc/self/fd/*; do echo ${f##*/}; done | sort -n | tail -1");
    assert_true(strtol(output.p, NULL, 10) < 8); /* what the shell itself opened */
    run(&options, "kill -PIPE $$; echo survived");
    assert_int_equal(result.status, 128 + SIGPIPE);
    close(extra);
    end();
}

static void test_files_and_folders(void **state)
{
    struct ml_child_options options = {.stdout_file = "/tmp/ml-child-out", .directory = "/"};
    char text[16] = "";
    FILE *file;

    (void)state;
    run(&options, "pwd");
    assert_int_equal(output.n, 0);
    file = fopen(options.stdout_file, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    unlink(options.stdout_file);
    assert_string_equal(text, "/\n");
    end();
}

static void test_what_cannot_be_started(void **state)
{
    const char *argv[] = {"no-such-program-here", NULL};
    struct ml_child_options options = {.argv = argv};
    struct ml_fault fault;

    (void)state;
    assert_int_equal(ml_child_spawn(loop, &options, on_done, NULL, NULL, &fault), ML_EIO);
    assert_non_null(strstr(fault.text, "no-such-program-here cannot be started"));
    argv[0] = NULL;
    assert_int_equal(ml_child_spawn(loop, &options, on_done, NULL, NULL, &fault), ML_EINVAL);
    options =
        (struct ml_child_options){.argv = (const char *[]){"true", NULL}, .directory = "/none"};
    assert_int_equal(ml_child_spawn(loop, &options, on_done, NULL, NULL, &fault), ML_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_input_output_and_status), TEST(test_a_megabyte_through_a_pipe),
        TEST(test_a_slow_child_is_killed),  TEST(test_what_it_leaves_behind_does_not_hold_us),
        TEST(test_signals_and_freeing),     TEST(test_no_descriptor_or_ignored_signal_is_inherited),
        TEST(test_files_and_folders),       TEST(test_what_cannot_be_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
