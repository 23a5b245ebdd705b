/* SPDX-License-Identifier: MIT
 *
 * The csv format in messages; files have more to them: test_input.c. */
#include "readout.h"
#include "unit.h"

static const struct {
    const char *claim;
    const char *columns;
    const char *message;
    const char *wanted;
} cases[] = {
    {"a line is a point", "a,b", "1,2\n3,4\n", "(1 2) (3 4)"},
    {"the last line end may be missing", "a,b", "1,2\n3,4", "(1 2) (3 4)"},
    {"CR before LF and empty lines are ignored", "a", "\r\n1\r\n\n2\r\n", "(1) (2)"},
    {"CR elsewhere is no blank", "a", "1\r\r\n2\n\r3", "parse (2) parse"},
    {"an empty body is one rejected", "a", "", "parse"},
    {"a body without a line is one rejected", "a", "\n\n", "parse"},
    {"blanks around are ignored", "a,b", " 1 ,\t2\t", "(1 2)"},
    {"a plus may lead", "a", "+1\n+1e+2\n++1\n+-1\n+", "(1) (100) parse parse parse"},
    {"nan is missing", "a", "nan\nNaN\n-nan\nnano", "missing missing missing parse"},
    {"empty is missing", "a,b", ",1\n1,\n,", "missing missing missing"},
    {"a blank line of one column is missing", "a", "1\n  \n2", "(1) missing (2)"},
    {"no hex, no infinity, no bare point", "a", "0x10\ninf\nInfinity\n.5\n5.\n01",
     "parse parse parse parse parse parse"},
    {"an overflow is out of range", "a", "1e400\n-1e400\n1e151", "range range range"},
    {"a decimal comma is another cell", "a", "1,5\n2", "shape (2)"},
    {"a header in the middle is a bad line", "a,b", "1,2\na,b\n3,4", "(1 2) parse (3 4)"},
    {"too few or too many cells", "a,b", "1\n1,2,3\n1,2,\n1,2",
     "shape shape shape (1 2)"},
    {"cells may be quoted", "a,b", "\"1\",\"2\"\n \"3\" , \"4\" ", "(1 2) (3 4)"},
    {"quotes must match", "a,b", "\"1,2\n1,\"2\n1,\"2\"3\n4,5",
     "parse parse parse (4 5)"},
    {"a quoted line end is none in messages", "a,b", "1,\"2\n\"\n3,4",
     "parse parse (3 4)"},
    {"skipped columns hold anything", "-,a,-", "x y,1,\"q,\"\"r\"\"\"\n,2,", "(1) (2)"},
    {"text in a number is a bad line", "a,b", "1,x\n1,2x\n1 2,3\n4,5",
     "parse parse parse (4 5)"},
    {"a byte order mark is no number", "a",
     "\xef\xbb\xbf"
     "1\n2",
     "parse (2)"},
    {"time is a number or ISO 8601", "t,a",
     "1.5,1\n1970-01-01 00:01:00,2\n\"1970-01-01\",3", "(1 t=1.5) (2 t=60) (3 t=0)"},
    {"a time that cannot be read is rejected", "t,a", "noon,1\n,2\nnan,3\n1e400,4",
     "time time time time"},
    {"weights", "a,w", "1,0\n1,2\n1,-1\n1,\n1,nan\n1,x",
     "(1 w=0) (1 w=2) weight weight weight parse"},
    {"keys are text", "k,a", "p 1,1\n\"p,\"\"2\"\"\",2\n,3\n\"\",4\n007,5",
     "(1 k=p 1) (2 k=p,\"2\") key key (5 k=007)"},
    {"keys are UTF-8", "k,a", "\xff,1\n\xc3\xa4,2", "key (2 k=\xc3\xa4)"},
};

START_TEST(csv_messages_are_read_as_claimed)
{
    struct readout readout;
    const struct bytes part = {cases[_i].message, strlen(cases[_i].message)};
    readout_run(&readout, cases[_i].columns, false, "csv", &part, 1);
    ck_assert_msg(strcmp(readout.text, cases[_i].wanted) == 0,
                  "%s: read as '%s' instead of '%s' (%s)", cases[_i].claim, readout.text,
                  cases[_i].wanted, readout.detail);
}
END_TEST

START_TEST(missing_cells_stay_where_they_are_marginalized)
{
    struct readout readout;
    static const char text[] = ",2\n1,nan\n,\n1,2";
    const struct bytes part = {text, sizeof(text) - 1};
    readout_run(&readout, "a,b", true, "csv", &part, 1);
    ck_assert_str_eq(readout.text, "(nan 2) (1 nan) unscorable (1 2)");
}
END_TEST

START_TEST(a_million_cells_are_one_long_line)
{
    static char text[2000010];
    struct readout readout;
    for (size_t i = 0; i < 1000000; i++) {
        memcpy(text + 2 * i, "1,", 2);
    }
    memcpy(text + 2000000, "\n7\n", 3);
    const struct bytes part = {text, 2000003};
    readout_run(&readout, "a", false, "csv", &part, 1);
    ck_assert_str_eq(readout.text, "size (7)");
}
END_TEST

START_TEST(an_embedded_NUL_is_a_bad_line)
{
    struct readout readout;
    static const char text[] = "1\n\0002\n3\0\n4";
    const struct bytes part = {text, sizeof(text) - 1};
    readout_run(&readout, "a", false, "csv", &part, 1);
    ck_assert_str_eq(readout.text, "(1) parse parse (4)");
}
END_TEST

START_TEST(a_fault_is_told_with_its_place)
{
    struct readout readout;
    static const char text[] = "1,2\n3,x\n";
    const struct bytes part = {text, sizeof(text) - 1};
    readout_run(&readout, "a,b", false, "csv", &part, 1);
    ck_assert_str_eq(readout.detail, "byte 6: a number expected");
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(csv_messages_are_read_as_claimed, cases),
        UNIT(missing_cells_stay_where_they_are_marginalized),
        UNIT(a_million_cells_are_one_long_line),
        UNIT(an_embedded_NUL_is_a_bad_line),
        UNIT(a_fault_is_told_with_its_place),
    };
    return unit_run("csv", tests, COUNT(tests));
}
