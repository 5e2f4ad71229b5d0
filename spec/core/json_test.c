/* JSON and base64 from outside: what is taken, what is refused, and that nothing is read past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/text/base64.h"
#include "core/text/json.h"

/* Bytes at the very end of a block of their own: ASan sees one too many. */
static bool is_valid(const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    bool valid;

    memcpy(copy, text, n);
    valid = ml_json_is_valid((struct ml_str){copy, n});
    free(copy);
    return valid;
}

static void test_valid(void **state)
{
    static const char *const good[] = {"{}",
                                       "[]",
                                       " {\"a\" : [1, -2.5e+3, 0, true, false, null, \"x\"] } ",
                                       "\"\\u00e4\\ud83d\\ude00\\/\\n\"",
                                       "0.1",
                                       "\"\xc3\xa4\""};
    static const char *const bad[] = {
        "",      "{",     "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]",      "[1 2]",     "01",
        "1.",    "-",     "1e",      "\"a",      "\"\\x\"",    "\"\\u12\"", "\"a\nb\"",  "tru",
        "{} {}", "{a:1}", "'a'",     "nul",      "\"\\",       "\"\\u",     "[\"a\":1]", "+1"};
    char deep[200] = "";

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (is_valid(bad[i]))
            fail_msg("taken: %s", bad[i]);
    memset(deep, '[', 60);
    memset(deep + 60, ']', 60);
    assert_false(is_valid(deep));
    assert_true(is_valid("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"));
}

static void test_members(void **state)
{
    struct ml_str object = ML_STR("{\"event\": \"media\", \"media\":{\"payload\":\"YQ==\"},"
                                  "\"event\":\"later\", \"n\" : 12 }");
    struct ml_str value;

    (void)state;
    assert_true(ml_json_member(object, "event", &value));
    assert_true(ml_str_eq(value, ML_STR("\"media\"")));
    assert_true(ml_json_member(object, "n", &value));
    assert_true(ml_str_eq(value, ML_STR("12")));
    assert_false(ml_json_member(object, "payload", &value));
    assert_false(ml_json_member(object, "even", &value));
    assert_true(ml_json_member(object, "media", &value));
    assert_true(ml_json_member(value, "payload", &value));
    assert_true(ml_str_eq(value, ML_STR("\"YQ==\"")));
    assert_false(ml_json_member(ML_STR("[1]"), "a", &value));
    assert_false(ml_json_member(ML_STR("{}"), "a", &value));
}

static void test_texts(void **state)
{
    struct ml_buf out = {0};

    (void)state;
    assert_int_equal(ml_json_text(&out, ML_STR("\"a\\/b\\n\\u00e4\\ud83d\\ude00\\u20ac\"")), 0);
    assert_string_equal(out.p, "a/b\n\xc3\xa4\xf0\x9f\x98\x80\xe2\x82\xac");
    out.n = 0;
    assert_int_equal(ml_json_text(&out, ML_STR("\"\\ud83d\"")), ML_EPARSE);
    assert_int_equal(ml_json_text(&out, ML_STR("\"\\ude00\\ud83d\"")), ML_EPARSE);
    assert_int_equal(ml_json_text(&out, ML_STR("12")), ML_EPARSE);
    assert_int_equal(ml_json_text(&out, ML_STR("\"a\" ")), ML_EPARSE);
    assert_int_equal(out.n, 0);
    ml_json_quote(&out, ML_STR("a\"\\\n\x7f/\xc3\xa4"));
    assert_memory_equal(out.p, "\"a\\\"\\\\\\u000a\\u007f/\xc3\xa4\"", out.n);
    assert_true(ml_json_is_valid((struct ml_str){out.p, out.n}));
    ml_buf_fini(&out);
}

/* A byte that needs an escape, wherever it stands among those that go in by eights. */
static void test_quoting_finds_each_byte_that_needs_it(void **state)
{
    (void)state;
    for (size_t place = 0; place < 20; place++) {
        for (int c = 1; c < 256; c++) {
            char text[20];
            struct ml_buf out = {0}, back = {0};

            memset(text, 0xc3, sizeof text);
            text[place] = (char)c;
            ml_json_quote(&out, (struct ml_str){text, sizeof text});
            if (c < 0x20 || c == 0x7f)
                assert_int_equal(out.n, sizeof text + 2 + 5);
            else
                assert_int_equal(out.n, sizeof text + 2 + (c == '"' || c == '\\'));
            assert_int_equal(out.p[0], '"');
            assert_int_equal(out.p[out.n - 1], '"');
            if (place > 0)
                assert_memory_equal(out.p + 1, text, place);
            memset(text, 'a', sizeof text);
            text[place] = (char)(c & 0x7f);
            out.n = 0;
            ml_json_quote(&out, (struct ml_str){text, sizeof text});
            if (text[place] != '\0') {
                assert_int_equal(ml_json_text(&back, (struct ml_str){out.p, out.n}), 0);
                assert_int_equal(back.n, sizeof text);
                assert_memory_equal(back.p, text, sizeof text);
            }
            ml_buf_fini(&out);
            ml_buf_fini(&back);
        }
    }
}

static void test_base64(void **state)
{
    static const char *const bad[] = {
        "YQ", "YQ=", "Y===", "====", "YQ==YQ==", "YQ\n=", "YW Jj", "Y-Jj", "=QYW", "YWJjZ"};
    uint8_t bytes[256];
    struct ml_buf text = {0}, back = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        text.n = back.n = 0;
        ml_base64_encode(&text, bytes, n);
        assert_int_equal(text.n, (n + 2) / 3 * 4);
        assert_int_equal(ml_base64_decode(&back, (struct ml_str){text.p, text.n}), 0);
        assert_int_equal(back.n, n);
        if (n > 0)
            assert_memory_equal(back.p, bytes, n);
    }
    text.n = 0;
    ml_base64_encode(&text, (const uint8_t *)"foobar", 5);
    assert_string_equal(text.p, "Zm9vYmE="); /* RFC 4648 10 */
    back.n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ml_base64_decode(&back, ml_str(bad[i])), ML_EPARSE);
    assert_int_equal(back.n, 0);
    ml_buf_fini(&text);
    ml_buf_fini(&back);
}

/* Pieces of a message in any order, cut anywhere: an answer, and no byte read outside. */
static void test_garbage(void **state)
{
    static const char *const words[] = {"{",  "}",   "[",   "]",        ",",    ":", "\"",
                                        "\\", "\\u", "12",  "-",        "true", "a", "\"event\"",
                                        "e5", ".",   "nul", "\xff\x01", " ",    "0", "\"media\":"};
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct ml_buf text = {0}, out = {0};
        struct ml_str value;
        char *copy;

        for (int i = 0; i < 12; i++)
            ml_buf_str(&text, words[rand_r(&seed) % (sizeof words / sizeof *words)]);
        copy = malloc(text.n);
        memcpy(copy, text.p, text.n);
        if (ml_json_is_valid((struct ml_str){copy, text.n}) &&
            ml_json_member((struct ml_str){copy, text.n}, "event", &value))
            ml_json_text(&out, value);
        ml_json_member((struct ml_str){copy, text.n}, "media", &value);
        free(copy);
        ml_buf_fini(&text);
        ml_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),  cmocka_unit_test(test_members),
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_quoting_finds_each_byte_that_needs_it),
        cmocka_unit_test(test_base64), cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
