/* SPDX-License-Identifier: MIT
 *
 * The json format: what is a line, a point, a value, and what each fault costs. */
#include "readout.h"
#include "unit.h"

static const struct {
    const char *claim;
    const char *columns;
    const char *message;
    const char *wanted;
} cases[] = {
    /* Points. */
    {"an object is a point", "a,b", "{\"a\":1,\"b\":2}", "(1 2)"},
    {"members come in any order", "a,b", "{\"b\":2,\"a\":1}\n{\"a\":3,\"b\":4}",
     "(1 2) (3 4)"},
    {"other members are ignored", "a", "{\"x\":[1,{\"y\":\"}\"}],\"a\":1,\"z\":null}",
     "(1)"},
    {"an array of numbers is a point", "a,b", "[1,2]", "(1 2)"},
    {"an array of points is its points", "a,b", "[[1,2],[3,4]]", "(1 2) (3 4)"},
    {"points of an array may be objects", "a,b", "[{\"a\":1,\"b\":2},[3,4]]",
     "(1 2) (3 4)"},
    {"an array that begins with a number is one point", "a", "[1,[2]]", "shape"},
    {"an array that begins with null is one point", "a,b", "[null,1]", "missing"},
    {"blanks may be anywhere", "a,b", " { \"a\" :\t1 , \"b\":2 } \n [ 1 , 2 ] ",
     "(1 2) (1 2)"},
    {"escaped names are names", "a", "{\"\\u0061\":1}", "(1)"},
    {"names are compared whole", "aa,a", "{\"a\":1,\"aa\":2,\"aaa\":3,\"\":4}", "(2 1)"},
    {"skipped columns are no members", "a,-", "{\"a\":1,\"-\":2}", "(1)"},
    {"an array that begins with an object is one of points", "-,a,-", "[{},1,\"x\"]",
     "missing parse parse"},
    {"skipped places may hold anything", "-,a,-", "[\"x\",1,{\"y\":[]}]", "(1)"},
    /* Lines. */
    {"lines end at LF", "a", "[1]\n[2]\n", "(1) (2)"},
    {"CR before LF is ignored", "a", "[1]\r\n[2]\r\n", "(1) (2)"},
    {"empty lines are ignored", "a", "\n\r\n[1]\n\n\n[2]", "(1) (2)"},
    {"an empty body is one rejected", "a", "", "parse"},
    {"a body without a line is one rejected", "a", "\n\r\n\n", "parse"},
    {"a bad line counts once and the others are learned", "a", "[1]\n[2,]\n[3]",
     "(1) parse (3)"},
    {"a line is one value", "a", "[1] [2]\n[3]", "parse (3)"},
    {"a line is a whole value", "a", "{\"a\":1\n}\n[3]", "parse parse (3)"},
    {"a broken array of points counts once", "a", "[[1],[2],[3]\n[4]", "parse (4)"},
    {"a blank line is no value", "a", "[1]\n \n[2]", "(1) parse (2)"},
    /* Each point of an array is judged alone. */
    {"a bad point leaves the others", "a", "[[1],[null],[2,3],[\"x\"],[4]]",
     "(1) missing shape parse (4)"},
    {"what is no point counts as one", "a", "[[1],5,\"x\",true,null,[2]]",
     "(1) parse parse parse parse (2)"},
    {"a bad object leaves the others", "a",
     "[{\"a\":1},{\"a\":1,\"a\":2},{\"a\":{\"a\":1}},{\"a\":3}]", "(1) parse parse (3)"},
    /* Values. */
    {"null is missing", "a", "{\"a\":null}", "missing"},
    {"an absent member is missing", "a,b", "{\"a\":1}", "missing"},
    {"an object without columns misses all", "a", "{}", "missing"},
    {"an empty array holds no columns", "a", "[]", "shape"},
    {"too few values are no point", "a,b", "[1]", "shape"},
    {"too many values are no point", "a", "[1,2]", "shape"},
    {"an overflow is out of range", "a", "[1e400]\n[-1e400]", "range range"},
    {"over 1e150 is out of range", "a", "[1e150]\n[1.0000001e150]\n[-1e308]",
     "(9.9999999999999998e+149) range range"},
    {"minus zero and denormals stay what they are", "a", "[-0.0]\n[5e-324]\n[1e-400]",
     "(-0) (4.9406564584124654e-324) (0)"},
    {"NaN and Infinity are not JSON", "a", "[NaN]\n[Infinity]\n[-Infinity]\n[nan]",
     "parse parse parse parse"},
    {"numbers follow the grammar", "a",
     "[0x10]\n[1,5]\n[01]\n[+1]\n[.5]\n[5.]\n[1e]\n[-]",
     "parse shape parse parse parse parse parse parse"},
    {"text is no number", "a", "[\"1\"]\n{\"a\":\"1\"}\n[true]\n[[1],2]\n[{\"a\":[1]}]",
     "parse parse parse (1) parse parse"},
    {"a column given twice is a bad line", "a", "{\"a\":1,\"a\":1}\n[1]", "parse (1)"},
    {"a column given twice by an escape as well", "a", "{\"a\":1,\"\\u0061\":1}",
     "parse"},
    {"a null counts as given", "a", "{\"a\":null,\"a\":1}", "parse"},
    {"other members may stand twice", "a", "{\"x\":1,\"a\":1,\"x\":2}", "(1)"},
    {"a bare number is no point", "a", "1\n\"x\"\nnull", "parse parse parse"},
    /* Syntax. */
    {"a trailing comma is wrong", "a", "[1,]\n{\"a\":1,}\n[[1],]", "parse parse parse"},
    {"words are whole", "a", "{\"x\":nul,\"a\":1}\n{\"x\":truer,\"a\":1}", "parse parse"},
    {"strings end", "a", "{\"a", "parse"},
    {"control characters in strings are wrong", "a", "{\"x\":\"\t\",\"a\":1}", "parse"},
    {"lone surrogates are wrong", "a",
     "{\"x\":\"\\ud800\",\"a\":1}\n{\"x\":\"\\udc00\",\"a\":1}\n{\"x\":"
     "\"\\ud800\\u0041\",\"a\":1}",
     "parse parse parse"},
    {"pairs of surrogates are right", "a", "{\"x\":\"\\ud83d\\ude00\",\"a\":1}", "(1)"},
    {"escapes are those of JSON", "a",
     "{\"x\":\"\\x41\",\"a\":1}\n{\"x\":\"\\n\\/\",\"a\":1}", "parse (1)"},
    {"strings are UTF-8", "a", "{\"x\":\"\xff\",\"a\":1}\n{\"x\":\"\xc3\xa4\",\"a\":1}",
     "parse (1)"},
    {"a byte order mark is no JSON", "a", "\xef\xbb\xbf[1]\n[2]", "parse (2)"},
    {"comments are no JSON", "a", "[1] // one\n[2]", "parse (2)"},
    /* Roles. */
    {"time is a number or ISO 8601", "t,a",
     "{\"t\":1.5,\"a\":1}\n[\"1970-01-02T00:00:00Z\",1]", "(1 t=1.5) (1 t=86400)"},
    {"a time that cannot be read is rejected", "t,a",
     "[\"today\",1]\n[null,1]\n{\"a\":1}\n[1e400,1]\n[\"\",1]",
     "time time time time time"},
    {"weight is a number from 0", "a,w", "[1,0]\n[1,0.5]\n[1,-1]\n[1,null]\n{\"a\":1}",
     "(1 w=0) (1 w=0.5) weight weight weight"},
    {"weights over 1e150 are out of range, or infinite", "a,w", "[1,1e151]\n[1,1e400]",
     "range weight"},
    {"a key is text or a number as written", "a,k",
     "[1,\"p q\"]\n[1,7.0]\n[1,\"\xc3\xa4\"]", "(1 k=p q) (1 k=7.0) (1 k=\xc3\xa4)"},
    {"escaped keys are what they stand for", "a,k", "[1,\"\\u0041\\n\"]\n[1,\"\\\\\"]",
     "(1 k=A\n) (1 k=\\)"},
    {"empty, missing and NUL keys are rejected", "a,k",
     "[1,\"\"]\n[1,null]\n{\"a\":1}\n[1,\"x\\u0000\"]\n[1,true]",
     "key key key key parse"},
    {"the place of a fault in the row does not hide it", "t,a,w,k", "[null,null,-1,\"\"]",
     "missing"},
};

START_TEST(json_messages_are_read_as_claimed)
{
    struct readout readout;
    const struct bytes part = {cases[_i].message, strlen(cases[_i].message)};
    readout_run(&readout, cases[_i].columns, false, "json", &part, 1);
    ck_assert_msg(strcmp(readout.text, cases[_i].wanted) == 0,
                  "%s: read as '%s' instead of '%s' (%s)", cases[_i].claim, readout.text,
                  cases[_i].wanted, readout.detail);
}
END_TEST

static const struct {
    const char *columns;
    const char *message;
    const char *wanted;
} marginal[] = {
    {"a,b", "[1,null]\n{\"b\":2}\n[1,2]", "(1 nan) (nan 2) (1 2)"},
    {"a,b", "[null,null]\n{}", "unscorable unscorable"},
    {"a,b", "[null,1e400]", "range"},
    {"a,t", "[null,1]\n[1,null]", "unscorable time"},
};

START_TEST(missing_entries_stay_where_they_are_marginalized)
{
    struct readout readout;
    const struct bytes part = {marginal[_i].message, strlen(marginal[_i].message)};
    readout_run(&readout, marginal[_i].columns, true, "json", &part, 1);
    ck_assert_str_eq(readout.text, marginal[_i].wanted);
}
END_TEST

static char big[200000];

/* depth levels of brackets within an ignored member, then a good line. */
static size_t nested(int depth)
{
    size_t n = (size_t)sprintf(big, "{\"x\":");
    for (int i = 0; i < depth; i++) {
        big[n++] = '[';
    }
    for (int i = 0; i < depth; i++) {
        big[n++] = ']';
    }
    return n + (size_t)sprintf(big + n, ",\"a\":1}\n[2]");
}

START_TEST(brackets_nest_up_to_64_levels)
{
    struct readout readout;
    static const struct {
        int depth;
        const char *wanted;
    } depths[] = {{64, "(1) (2)"}, {65, "parse (2)"}, {10000, "parse (2)"}};
    for (size_t i = 0; i < COUNT(depths); i++) {
        const struct bytes part = {big, nested(depths[i].depth)};
        readout_run(&readout, "a", false, "json", &part, 1);
        ck_assert_str_eq(readout.text, depths[i].wanted);
    }
    memset(big, '[', 10000);
    const struct bytes part = {big, 10000};
    readout_run(&readout, "a", false, "json", &part, 1);
    ck_assert_str_eq(readout.text, "parse");
}
END_TEST

START_TEST(a_line_may_have_64_KiB_and_the_next_one_is_read)
{
    struct readout readout;
    /* [1] with blanks before it up to the length. */
    for (size_t length = 65535; length <= 65537; length++) {
        memset(big, ' ', length);
        memcpy(big + length - 3, "[1]\n[2]", 7);
        const struct bytes part = {big, length + 4};
        readout_run(&readout, "a", false, "json", &part, 1);
        ck_assert_str_eq(readout.text, length <= 65536 ? "(1) (2)" : "size (2)");
    }
}
END_TEST

START_TEST(a_number_of_any_length_within_a_line_is_read)
{
    struct readout readout;
    memset(big, '0', 65000);
    memcpy(big, "[0.", 3);
    memcpy(big + 64000, "5]\n[2]", 6);
    const struct bytes part = {big, 64006};
    readout_run(&readout, "a", false, "json", &part, 1);
    ck_assert_str_eq(readout.text, "(0) (2)");
}
END_TEST

START_TEST(an_embedded_NUL_is_a_bad_line)
{
    struct readout readout;
    static const char text[] = "[1]\n[\0001]\n{\"a\0\":1}\n[2]\0\n[3]";
    const struct bytes part = {text, sizeof(text) - 1};
    readout_run(&readout, "a", false, "json", &part, 1);
    ck_assert_str_eq(readout.text, "(1) parse parse parse (3)");
}
END_TEST

/* Points go on over batches, lines and arrays without a gap. */
START_TEST(long_messages_come_in_order_and_whole)
{
    static char text[100000];
    struct layout *layout = readout_layout("a", false);
    struct reader *reader = reader_new(layout);
    size_t size = (size_t)sprintf(text, "[");
    for (int i = 0; i < 1000; i++) {
        size += (size_t)sprintf(text + size, "%s[%d]", i > 0 ? "," : "", i);
    }
    size += (size_t)sprintf(text + size, "]\n");
    for (int i = 1000; i < 2000; i++) {
        size += (size_t)sprintf(text + size, "{\"a\":%d}\n", i);
    }
    const struct bytes part = {text, size};
    struct batch batch;
    int next = 0;
    reader_open(reader, format_find("json"), &part, 1);
    while (reader_next(reader, &batch)) {
        ck_assert_uint_le(batch.n, READER_BATCH);
        for (size_t i = 0; i < batch.n; i++) {
            ck_assert(batch.x[i * batch.stride] == next++);
        }
    }
    ck_assert_int_eq(next, 2000);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(every_fault_is_told_with_its_place_and_bytes)
{
    static const char text[] = "[1]\n{\"a\":1,\"a\":2}\n[3, 4]\n[3]";
    const struct bytes part = {text, sizeof(text) - 1};
    struct layout *layout = readout_layout("a", false);
    struct reader *reader = reader_new(layout);
    struct batch batch;
    reader_open(reader, format_find("json"), &part, 1);
    ck_assert(reader_next(reader, &batch));
    ck_assert_uint_eq(batch.n, 2);
    ck_assert_str_eq(batch.detail, "byte 15: a column given twice");
    ck_assert_uint_eq(batch.origin[1].size, 13);
    ck_assert_ptr_eq(batch.origin[1].data, text + 4);
    ck_assert(reader_next(reader, &batch) && batch.n == 1);
    ck_assert_str_eq(batch.detail, "byte 24: more values than columns");
    ck_assert(reader_next(reader, &batch) && batch.n == 1 && batch.n_rejected == 0);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(a_key_may_have_255_bytes)
{
    struct readout readout;
    for (int length = 255; length <= 256; length++) {
        for (int is_escaped = 0; is_escaped <= 1; is_escaped++) {
            const size_t n = (size_t)sprintf(big, "[1,\"%s%0*d\"]",
                                             is_escaped ? "\\u0030" : "0", length - 1, 0);
            const struct bytes part = {big, n};
            readout_run(&readout, "a,k", false, "json", &part, 1);
            ck_assert_uint_eq(readout.n_rejected, length == 255 ? 0 : 1);
            ck_assert(length == 255 || strcmp(readout.text, "key") == 0);
        }
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(json_messages_are_read_as_claimed, cases),
        UNIT_LOOP(missing_entries_stay_where_they_are_marginalized, marginal),
        UNIT(brackets_nest_up_to_64_levels),
        UNIT(a_line_may_have_64_KiB_and_the_next_one_is_read),
        UNIT(a_number_of_any_length_within_a_line_is_read),
        UNIT(an_embedded_NUL_is_a_bad_line),
        UNIT(long_messages_come_in_order_and_whole),
        UNIT(every_fault_is_told_with_its_place_and_bytes),
        UNIT(a_key_may_have_255_bytes),
    };
    return unit_run("json", tests, COUNT(tests));
}
