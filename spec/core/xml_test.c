#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/text/xml.h"

static struct ml_xml_error error;

static struct ml_xml *parse_bytes(const char *bytes, size_t n)
{
    struct ml_xml *xml = NULL;

    error.text[0] = '\0';
    if (ml_xml_parse((struct ml_str){bytes, n}, &xml, &error) != ML_OK)
        fail_msg("%d:%d %s", error.line, error.column, error.text);
    return xml;
}

static struct ml_xml *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void refused_bytes(const char *bytes, size_t n, int code, int line, int column,
                          const char *words)
{
    struct ml_xml *xml = NULL;
    long blocks = ml_mem_blocks();

    memset(&error, 0, sizeof error);
    assert_int_equal(ml_xml_parse((struct ml_str){bytes, n}, &xml, &error), code);
    assert_null(xml);
    if (!strstr(error.text, words) || error.line != line || error.column != column)
        fail_msg("got %d:%d \"%s\", wanted %d:%d \"%s\"", error.line, error.column, error.text,
                 line, column, words);
    assert_int_equal(ml_mem_blocks(), blocks);
}

static void refused(const char *text, int code, int line, int column, const char *words)
{
    refused_bytes(text, strlen(text), code, line, column, words);
}

static void assert_place(const struct ml_xml_node *node, int line, int column)
{
    assert_int_equal(node->line, line);
    assert_int_equal(node->column, column);
}

static void test_places_of_elements_attributes_and_text(void **state)
{
    long blocks = ml_mem_blocks();
    struct ml_xml *xml =
        parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<!-- <Nothing/> -->\n"
              "<Response>\n"
              "  <Dial timeout='10'\r\n"
              "        action = \"/a?x=1&amp;y=&#50;\"><Sip>k&lt;<![CDATA[<&]]></Sip>\n"
              "  </Dial >\xc3\xa9<Hangup/>\n"
              "</Response>\n");
    const struct ml_xml_node *root = ml_xml_root(xml), *dial, *sip;

    (void)state;
    assert_string_equal(root->name, "Response");
    assert_place(root, 3, 1);
    assert_int_equal(root->child_count, 5);
    assert_int_equal(root->children[0]->kind, ML_XML_TEXT);
    assert_place(root->children[0], 3, 11);
    dial = root->children[1];
    assert_place(dial, 4, 3);
    assert_int_equal(dial->attribute_count, 2);
    assert_string_equal(dial->attributes[0].name, "timeout");
    assert_int_equal(dial->attributes[0].column, 9);
    assert_string_equal(dial->attributes[1].value, "/a?x=1&y=2");
    assert_int_equal(dial->attributes[1].line, 5);
    assert_int_equal(dial->attributes[1].column, 9);
    sip = dial->children[0];
    assert_int_equal(sip->child_count, 1);
    assert_string_equal(sip->children[0]->text, "k<<&");
    assert_place(sip->children[0], sip->line, sip->column + 5);
    assert_string_equal(root->children[2]->text, "\xc3\xa9");
    assert_place(root->children[2], 6, 11);
    assert_string_equal(root->children[3]->name, "Hangup");
    assert_place(root->children[3], 6, 12);
    assert_int_equal(root->children[3]->child_count, 0);
    ml_xml_free(xml);
    assert_int_equal(ml_mem_blocks(), blocks);
}

static void test_a_comment_does_not_split_text(void **state)
{
    struct ml_xml *xml = parse("<Say>one <!-- x -->two<?p q?> three</Say>");

    (void)state;
    assert_int_equal(ml_xml_root(xml)->child_count, 1);
    assert_string_equal(ml_xml_root(xml)->children[0]->text, "one two three");
    ml_xml_free(xml);
}

static void test_prefixes_stay_as_written(void **state)
{
    struct ml_xml *xml = parse("<r xmlns:a='u' x='1'><a:b/><c:d e:f='1'/></r>");
    const struct ml_xml_node *root = ml_xml_root(xml);

    (void)state;
    assert_int_equal(root->attribute_count, 1);
    assert_string_equal(root->attributes[0].name, "x");
    assert_int_equal(root->attributes[0].column, 16);
    assert_string_equal(root->children[0]->name, "a:b");
    assert_string_equal(root->children[1]->name, "c:d");
    assert_string_equal(root->children[1]->attributes[0].name, "e:f");
    ml_xml_free(xml);
}

static void check_umlaut(const char *bytes, size_t n)
{
    struct ml_xml *xml = parse_bytes(bytes, n);

    assert_string_equal(ml_xml_root(xml)->children[0]->text, "\xc3\xa4");
    assert_place(ml_xml_root(xml)->children[0], 1, ml_xml_root(xml)->column + 3);
    ml_xml_free(xml);
}

static void test_encodings(void **state)
{
    static const char le[] = "\xff\xfe<\0r\0>\0\xe4\0<\0/\0r\0>";
    static const char be[] = "\xfe\xff\0<\0r\0>\0\xe4\0<\0/\0r\0>";
    static const char bare[] = "<\0r\0>\0\xe4\0<\0/\0r\0>";

    (void)state;
    check_umlaut("<r>\xc3\xa4</r>", 9);
    check_umlaut("\xef\xbb\xbf<r>\xc3\xa4</r>", 12);
    check_umlaut(le, sizeof le); /* the literal's NUL is the last half */
    check_umlaut(be, sizeof be - 1);
    check_umlaut(bare, sizeof bare);
    check_umlaut("<?xml version='1.0' encoding='ISO-8859-1'?><r>\xe4</r>", 51);
    check_umlaut("<?xml version='1.0' encoding=\"windows-1252\"?><r>\xe4</r>", 53);
    refused("<?xml version='1.0' encoding='EBCDIC'?><r/>", ML_EPARSE, 1, 1, "EBCDIC");
    refused("<r>\n \xe4</r>", ML_EPARSE, 2, 2, "0xE4 is not valid UTF-8");
    refused("<r>\xc0\xbc</r>", ML_EPARSE, 1, 4, "UTF-8");
    refused("<r>\xed\xa0\x80</r>", ML_EPARSE, 1, 4, "UTF-8");
    refused_bytes("\xff\xfe<\0r\0>\0\x01\xd8", 10, ML_EPARSE, 1, 4, "not valid");
    refused_bytes("\xff\xfe\0\0<\0\0\0", 8, ML_EPARSE, 1, 1, "UTF-32");
}

static void test_nothing_there(void **state)
{
    (void)state;
    refused("", ML_EPARSE, 1, 1, "empty");
    refused(" \n\t ", ML_EPARSE, 1, 1, "empty");
    refused("\xef\xbb\xbf", ML_EPARSE, 1, 1, "empty");
    refused("<!-- c -->\n", ML_EPARSE, 2, 1, "");
    refused("hello", ML_EPARSE, 1, 1, "must begin with '<'");
    refused_bytes("<r>a\0b</r>", 10, ML_EPARSE, 1, 5, "U+0000");
    refused("<r>\x01</r>", ML_EPARSE, 1, 4, "U+0001");
}

static void test_mistakes_are_explained_where_they_are(void **state)
{
    (void)state;
    refused("<Response>\n  <Say>hi</Response>", ML_EPARSE, 2, 10,
            "</Response> where </Say> was expected: <Say> of 2:3 is still open");
    refused("<a>\n<b>", ML_EPARSE, 2, 1, "<b> is never closed");
    refused("<a></a></b>", ML_EPARSE, 1, 8, "closes nothing");
    refused("<a x=1/>", ML_EPARSE, 1, 6, "quotes");
    refused("<a x/>", ML_EPARSE, 1, 4, "write x=\"...\"");
    refused("<a x='1'y='2'/>", ML_EPARSE, 1, 9, "blank");
    refused("<a x='1' x='2'/>", ML_EPARSE, 1, 1, "attribute x is given twice");
    refused("<a x='1>\n<b/></a>", ML_EPARSE, 2, 1, "close its quote");
    refused("<a x='1", ML_EPARSE, 1, 6, "never closed");
    refused("<a\n", ML_EPARSE, 2, 1, "ends inside a tag");
    refused("<a>1 < 2</a>", ML_EPARSE, 1, 6, "&lt;");
    refused("<a>sip:k?a=1&b=2</a>", ML_EPARSE, 1, 13, "&amp;");
    refused("<a>AT & T</a>", ML_EPARSE, 1, 7, "&amp;");
    refused("<a x='1&2'/>", ML_EPARSE, 1, 8, "&amp;");
    refused("<a>\n\n &nbsp;</a>", ML_EPARSE, 3, 2, "&nbsp; is not known");
    refused("<a x='&nbsp;'/>", ML_EPARSE, 1, 7, "&nbsp; is not known");
    refused("<a>&#0;</a>", ML_EPARSE, 1, 4, "character");
    refused("<a/>\n<b/>", ML_EPARSE, 2, 1, "follows the end");
    refused("<a/> x", ML_EPARSE, 1, 6, "follows the end");
    refused("<a><!-- x</a>", ML_EPARSE, 1, 4, "comment");
    refused("<a><!-- x -- y --></a>", ML_EPARSE, 1, 13, "comment");
    refused("<a><![CDATA[x</a>", ML_EPARSE, 1, 4, "CDATA");
    refused("<a><?x</a>", ML_EPARSE, 1, 4, "processing instruction");
    refused("<a>x]]>y</a>", ML_EPARSE, 1, 5, "]]&gt;");
    refused("<a><!ELEMENT b></a>", ML_EPARSE, 1, 4, "<!");
    refused("<1a/>", ML_EPARSE, 1, 1, "'<'");
}

static void test_doctype_is_refused_at_once(void **state)
{
    static const char laughs[] =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;\">]>\n<lolz>&c;</lolz>";
    int64_t begun;

    (void)state;
    refused("<!DOCTYPE html><html/>", ML_EREFUSED, 1, 1, "DOCTYPE");
    refused("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>&x;</a>", ML_EREFUSED, 1, 1, "DOCTYPE");
    begun = ml_clock_us();
    refused(laughs, ML_EREFUSED, 2, 1, "DOCTYPE");
    assert_true(ml_clock_us() - begun < 20000);
}

static char *repeated(const char *what, size_t times, const char *end)
{
    struct ml_buf buf = {0};

    for (size_t i = 0; i < times; i++)
        ml_buf_str(&buf, what);
    ml_buf_str(&buf, end);
    return ml_buf_take(&buf);
}

static void capped(const char *head, const char *what, size_t times, const char *words)
{
    char *tail = repeated(what, times, "");
    char *text = ml_format("%s%s", head, tail);
    struct ml_xml *xml = NULL;
    int64_t begun = ml_clock_us();

    assert_int_equal(ml_xml_parse(ml_str(text), &xml, &error), ML_ELIMIT);
    assert_non_null(strstr(error.text, words));
    assert_true(ml_clock_us() - begun < 300000);
    ml_free(tail);
    ml_free(text);
}

static void test_caps(void **state)
{
    char *deep = repeated("<a>", ML_XML_MAX_DEPTH - 1, "<b/>");
    char *ends = repeated("</a>", ML_XML_MAX_DEPTH - 1, "");
    char *whole = ml_format("%s%s", deep, ends);
    struct ml_xml *xml = parse(whole);

    (void)state;
    ml_xml_free(xml);
    ml_free(deep);
    ml_free(ends);
    ml_free(whole);
    capped("", "<a>", 100000, "32 deep");
    capped("<r>", "<a/>", 100000, "20000 nodes");
    capped("<r ", "a='1' ", 100000, "128 attributes");
    capped("<r>", "xxxxxxxx", ML_XML_MAX_BYTES / 8, "bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_of_elements_attributes_and_text),
        cmocka_unit_test(test_a_comment_does_not_split_text),
        cmocka_unit_test(test_prefixes_stay_as_written),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_mistakes_are_explained_where_they_are),
        cmocka_unit_test(test_doctype_is_refused_at_once),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
