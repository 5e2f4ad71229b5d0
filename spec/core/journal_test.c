#include "net_help.h"

#include <fcntl.h>

#include "core/house/journal.h"

enum { PAIR = 7, SIZE = 4 << 20 };

static char path[] = "/tmp/ml-journal-XXXXXX";
static struct ml_journal *journal;

static void open_journal(uint64_t pair, uint64_t from)
{
    struct ml_fault fault = {0};

    ml_journal_close(journal);
    journal = NULL;
    assert_int_equal(ml_journal_open(path, pair, from, &journal, &fault), 0);
}

static int setup(void **state)
{
    int fd;

    (void)state;
    strcpy(path + strlen(path) - 6, "XXXXXX");
    fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    open_journal(PAIR, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ml_journal_close(journal);
    journal = NULL;
    return unlink(path);
}

static uint64_t add(const char *head, const char *body)
{
    return ml_journal_add(journal, ml_str(head), ml_str(body));
}

static void assert_next(const char *text)
{
    struct ml_str entry = ml_journal_read(journal);

    assert_non_null(entry.p);
    assert_int_equal(entry.n, strlen(text));
    assert_memory_equal(entry.p, text, entry.n);
}

static void assert_no_more(void)
{
    assert_null(ml_journal_read(journal).p);
}

static void test_what_was_added_is_there_for_the_next(void **state)
{
    uint64_t first = add("a", "lice"), last;

    (void)state;
    assert_true(first > 0);
    last = add("kate", "");
    ml_journal_commit(journal);
    ml_journal_commit(journal); /* nothing more */
    open_journal(PAIR, 0);
    assert_next("alice");
    assert_next("kate");
    assert_no_more();
    assert_true(ml_journal_end(journal) > last);
    assert_true(add("b", "ob") > last);
    ml_journal_commit(journal);
    open_journal(PAIR, first);
    assert_next("kate");
    assert_next("bob");
    assert_no_more();
}

static void test_a_group_is_there_or_is_not(void **state)
{
    uint64_t whole;

    (void)state;
    add("alice", "");
    ml_journal_commit(journal);
    whole = ml_journal_end(journal);
    add("kate", "");
    add("bob", "");
    open_journal(PAIR, 0);
    assert_next("alice");
    assert_no_more();
    assert_int_equal(ml_journal_end(journal), whole);
}

static void test_another_pair_has_none_of_it(void **state)
{
    (void)state;
    add("alice", "");
    ml_journal_commit(journal);
    open_journal(PAIR + 1, 0);
    assert_no_more();
}

/* As after a power cut: what is not whole is not there, nor what follows. */
static void test_what_is_damaged_ends_it(void **state)
{
    uint64_t first;
    int fd;

    (void)state;
    add("alice", "");
    ml_journal_commit(journal);
    first = ml_journal_end(journal);
    add("kate", "");
    ml_journal_commit(journal);
    add("bob", "");
    ml_journal_commit(journal);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "K", 1, (off_t)first + 24), 1);
    close(fd);
    open_journal(PAIR, 0);
    assert_next("alice");
    assert_no_more();
    assert_int_equal(ml_journal_end(journal), first);
    ml_journal_begin(journal, PAIR + 1);
    add("carol", ""); /* over the damaged one: bob does not follow */
    ml_journal_commit(journal);
    open_journal(PAIR + 1, first);
    assert_next("carol");
    assert_no_more();
}

static void test_it_is_full_until_something_is_released(void **state)
{
    static char body[100000];
    uint64_t first, end, last = 0;
    int count = 0;

    (void)state;
    memset(body, 'x', sizeof body - 1);
    first = end = add("", body);
    for (; end; count++) {
        last = end;
        end = add("", body);
    }
    assert_in_range(count, SIZE / 100100 - 1, SIZE / 100000 + 1);
    assert_int_equal(ml_journal_end(journal), last);
    ml_journal_release(journal, first);
    assert_true(add("", body) > last); /* lies across the end of the file */
    assert_true(ml_journal_end(journal) > SIZE);
    ml_journal_commit(journal);
    assert_int_equal(add("", body), 0);
    open_journal(PAIR, last);
    assert_next(body);
    assert_no_more();
    open_journal(PAIR, 0); /* overwritten */
    assert_no_more();
}

static void test_a_folder_that_is_not_there_is_told(void **state)
{
    struct ml_journal *none = NULL;
    struct ml_fault fault = {0};

    (void)state;
    assert_int_equal(ml_journal_open("/tmp/ml-no-such-folder/j", PAIR, 0, &none, &fault), ML_EIO);
    assert_null(none);
    assert_non_null(strstr(fault.text, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_added_is_there_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_is_there_or_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_pair_has_none_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_damaged_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_is_full_until_something_is_released, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_not_there_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
