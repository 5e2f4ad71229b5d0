#include "spec/core/net_help.h"

#include <sys/stat.h>

#include "core/net/watch.h"

static char root[64];
static struct ml_watch *watch;
static struct ml_buf told;
static const char *wanted;
static bool seen;

static void on_change(const char *path, void *user)
{
    (void)user;
    ml_buf_printf(&told, "%s\n", path);
    if (wanted && strstr(path, wanted))
        seen = true;
}

static const char *below(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void touch(const char *name)
{
    FILE *file = fopen(below(name), "w");

    assert_non_null(file);
    fputs("x", file);
    fclose(file);
}

static void expect(const char *name)
{
    wanted = name;
    if (!wait_for_ms(&seen, 5000))
        fail_msg("nothing about %s, only: %s", name, told.p ? told.p : "");
    seen = false;
    told.n = 0;
    run_for(5);
}

static void open_root(void)
{
    struct ml_fault fault;

    strcpy(root, "/tmp/ml-watch-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(mkdir(below("sub"), 0755), 0);
    assert_int_equal(ml_watch_new(loop, on_change, NULL, &watch, &fault), ML_OK);
    seen = false;
    wanted = "\1";
}

static void close_root(void)
{
    char line[128];

    ml_watch_free(watch);
    ml_buf_fini(&told);
    snprintf(line, sizeof line, "rm -r %s", root);
    assert_int_equal(system(line), 0);
}

static void test_a_folder_and_what_is_below_it(void **state)
{
    char from[256];

    (void)state;
    open_root();
    assert_int_equal(ml_watch_add(watch, root, NULL), ML_OK);
    wanted = "/a.lua";
    touch("a.lua");
    expect("/a.lua");
    wanted = "/sub/b.lua";
    touch("sub/b.lua");
    expect("/sub/b.lua");
    strcpy(from, below("a.lua"));
    wanted = "/c.lua";
    assert_int_equal(rename(from, below("c.lua")), 0);
    expect("/c.lua");
    wanted = "/c.lua";
    unlink(below("c.lua"));
    expect("/c.lua");
    close_root();
}

static void test_a_new_folder_is_watched_with_what_it_brought(void **state)
{
    char from[256];

    (void)state;
    open_root();
    assert_int_equal(ml_watch_add(watch, below("sub"), NULL), ML_OK);
    assert_int_equal(mkdir(below("other"), 0755), 0);
    touch("other/old.lua");
    strcpy(from, below("other"));
    wanted = "/sub/moved/old.lua";
    assert_int_equal(rename(from, below("sub/moved")), 0);
    expect("/sub/moved/old.lua");
    wanted = "/sub/moved/new.lua";
    touch("sub/moved/new.lua");
    expect("/sub/moved/new.lua");
    close_root();
}

static void test_one_file(void **state)
{
    char from[256];

    (void)state;
    open_root();
    touch("one.lua");
    assert_int_equal(ml_watch_add(watch, below("one.lua"), NULL), ML_OK);
    touch("two.lua");
    run_for(20);
    assert_int_equal(told.n, 0);
    wanted = "/one.lua";
    strcpy(from, below("two.lua"));
    assert_int_equal(rename(from, below("one.lua")), 0); /* as editors save */
    expect("/one.lua");
    wanted = "/one.lua";
    touch("one.lua");
    expect("/one.lua");
    close_root();
}

static void test_what_is_not_there(void **state)
{
    struct ml_fault fault;

    (void)state;
    open_root();
    assert_int_equal(ml_watch_add(watch, below("nothing"), &fault), ML_ENOTFOUND);
    assert_non_null(strstr(fault.text, "nothing cannot be watched"));
    close_root();
}

static void free_it(const char *path, void *user)
{
    (void)path;
    (void)user;
    ml_watch_free(watch);
    seen = true;
}

static void test_freed_from_its_callback(void **state)
{
    struct ml_watch *kept;

    (void)state;
    open_root();
    kept = watch;
    assert_int_equal(ml_watch_new(loop, free_it, NULL, &watch, NULL), ML_OK);
    assert_int_equal(ml_watch_add(watch, root, NULL), ML_OK);
    touch("a");
    touch("b");
    assert_true(wait_for_ms(&seen, 5000));
    watch = kept;
    close_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_folder_and_what_is_below_it),
        TEST(test_a_new_folder_is_watched_with_what_it_brought),
        TEST(test_one_file),
        TEST(test_what_is_not_there),
        TEST(test_freed_from_its_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
