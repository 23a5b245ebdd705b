/* SPDX-License-Identifier: MIT
 *
 * Files of points: what is found in them, what is chosen, how errors are placed, and
 * that the next record is always read. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "unit.h"

/* A file with an ending, deleted by close_file(). */
static char folder[64];
static char path[128];

static void write_file(const char *ending, const void *data, size_t size)
{
    snprintf(folder, sizeof(folder), "/tmp/mixd-input-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/f%s", folder, ending);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void delete_file(void)
{
    unlink(path);
    rmdir(folder);
}

/* What an input gives, as text. */
static char got[1 << 20];
static size_t length;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    length += (size_t)vsnprintf(got + length, sizeof(got) - length, format, arguments);
    va_end(arguments);
}

static void add_row(const struct layout *layout, const struct batch *batch, size_t i)
{
    add("(");
    for (size_t d = 0; d < layout->n_fields; d++) {
        add("%s%.15g", d > 0 ? " " : "", batch->x[i * batch->stride + d]);
    }
    if (batch->time != NULL) {
        add(" t=%.15g", batch->time[i]);
    }
    if (batch->weight != NULL) {
        add(" w=%.15g", batch->weight[i]);
    }
    add(")");
}

/* Errors without the path: "2:5 reason: why". */
static void add_rejected(const struct batch *batch)
{
    const char *detail = batch->detail;
    ck_assert_ptr_nonnull(detail);
    ck_assert_msg(strncmp(detail, path, strlen(path)) == 0 ||
                      strncmp(detail, "standard input", 14) == 0,
                  "%s", detail);
    detail = strchr(detail, ':');
    add("<%s:%s>", reason_label((enum reason)batch->reason[batch->n - 1]), detail);
}

static void add_all(struct input *input)
{
    const struct layout *layout = input_layout(input);
    struct batch batch;
    while (input_next(input, &batch)) {
        for (size_t i = 0; i < batch.n; i++) {
            if (batch.reason[i] == REASON_NONE) {
                add_row(layout, &batch, i);
            } else {
                ck_assert_uint_eq(i, batch.n - 1);
                add_rejected(&batch);
            }
        }
    }
    if (input_error(input) != NULL) {
        add("!%s", strchr(input_error(input), ':'));
    }
}

static const char *read_path(const char *name, const struct input_options *options)
{
    char error[512] = "";
    int code = 0;
    length = 0;
    got[0] = '\0';
    struct input *input = input_open(name, options, error, sizeof(error), &code);
    if (input == NULL) {
        add("%d: %s", code, error);
        ck_assert_int_ne(code, 0);
        ck_assert_str_ne(error, "");
        return got;
    }
    ck_assert_ptr_null(input_first_rejected(input));
    add_all(input);
    const char *const first = input_first_rejected(input);
    const char *const told = strchr(got, '<');
    ck_assert((first != NULL) == (told != NULL));
    /* "FILE:2:5: why" and "<reason::2:5: why>" */
    ck_assert(first == NULL || strncmp(strchr(first, ':'), strchr(told, ':') + 1,
                                       strlen(strchr(first, ':'))) == 0);
    input_close(&input);
    ck_assert_ptr_null(input);
    return got;
}

static const struct {
    const char *claim;
    const char *ending;
    const char *text;
    struct input_options options;
    const char *wanted;
} cases[] = {
    /* What is found. */
    {"a header and commas", ".csv", "a,b\n1,2\n3,4\n", {0}, "(1 2)(3 4)"},
    {"no header", ".csv", "1,2\n3,4", {0}, "(1 2)(3 4)"},
    {"semicolons", ".csv", "a;b\n1;2\n", {0}, "(1 2)"},
    {"tabs", ".tsv", "a\tb\n1\t2\n", {0}, "(1 2)"},
    {"a delimiter in quotes does not count", ".csv", "\"a,b,c\";d\n1;2\n", {0}, "(1 2)"},
    {"one column", ".csv", "a\n1\n2\n", {0}, "(1)(2)"},
    {"a byte order mark",
     ".csv",
     "\xef\xbb\xbf"
     "a,b\r\n1,2\r\n",
     {0},
     "(1 2)"},
    {"a quoted header", ".csv", "\"a\",\"b\"\n1,2\n", {.fields = "b"}, "(2)"},
    {"a header of two lines",
     ".csv",
     "a,\"b\nc\"\n1,2\n3,x\n",
     {0},
     "(1 2)<parse::4:3: a number expected>"},
    {"text columns are no fields", ".csv", "name,a,date\nx,1,2020-01-01\n", {0}, "(1)"},
    {"columns without a name are no fields", ".csv", ",a\n7,1\n", {0}, "(1)"},
    {"but can be chosen by number",
     ".csv",
     ",a\n7,1\n",
     {.columns = "i,a", .fields = "0"},
     "(7)"},
    {"names may stand twice unless chosen", ".csv", "x,x,a\nn,n,1\n", {0}, "(1)"},
    {"a header only", ".csv", "a,b\n", {.fields = "a"}, ""},
    {"empty lines", ".csv", "\n\r\na\n\n1\n\n", {0}, "(1)"},
    {"a first value that is missing",
     ".csv",
     "a,b\n,2\n1,2\n",
     {0},
     "<missing::2:1: a: a missing value where none is allowed>(1 2)"},
    /* What is chosen. */
    {"fields by name, in their order",
     ".csv",
     "a,b,c\n1,2,3\n",
     {.fields = "c,a"},
     "(3 1)"},
    {"fields by number", ".csv", "a,b,c\n1,2,3\n", {.fields = "2, 0"}, "(3 1)"},
    {"a name comes before a number",
     ".csv",
     "5,6\n",
     {.columns = "1,0", .fields = "0"},
     "(6)"},
    {"the first good record tells what is a number",
     ".csv",
     "a,b\n1\n1,x\n",
     {0},
     "<shape::2:1: 1 cells: 2 wanted>(1)"},
    {"time and weight",
     ".csv",
     "t,a,n\n1970-01-01 00:00:01,5,2\n7.5,6,0\n",
     {.time = "t", .weight = "n"},
     "(5 t=1 w=2)(6 t=7.5 w=0)"},
    {"columns named by the user",
     ".csv",
     "1,2\n3,4\n",
     {.columns = "p,q", .fields = "q"},
     "(2)(4)"},
    {"columns counted by the user",
     ".csv",
     "1,2\n3,4\n",
     {.columns = "2", .fields = "x1"},
     "(2)(4)"},
    {"a header is skipped then",
     ".csv",
     "a,b\n3,4\n",
     {.columns = "p,q", .fields = "q"},
     "(4)"},
    {"missing entries kept",
     ".csv",
     "a,b\n1,\n,nan\n",
     {.marginalize = true},
     "(1 nan)<unscorable::3:1: all fields: all values missing, or no finite density>"},
    /* Bad records: their place, and the next one. */
    {"a cell that is no number",
     ".csv",
     "a,b\n1,2\n3,x4\n5,6\n",
     {0},
     "(1 2)<parse::3:3: a number expected>(5 6)"},
    {"too many cells",
     ".csv",
     "a,b\n1,2,3\n5,6\n",
     {0},
     "<shape::2:1: 3 cells: 2 wanted>(5 6)"},
    {"a header in the middle",
     ".csv",
     "a,b\n1,2\na,b\n5,6\n",
     {0},
     "(1 2)<parse::3:1: a number expected>(5 6)"},
    {"an open quote",
     ".csv",
     "a,b\n1,\"2\n3,4\n",
     {0},
     "<parse::2:3: a quote without its end>(3 4)"},
    {"a quote that another line closes",
     ".csv",
     "a,b\n1,\"2\n3,\"4\"\n5,6\n",
     {0},
     "<parse::2:3: a quote without its end>(3 4)(5 6)"},
    {"text after a quote",
     ".csv",
     "a,b\n1,\"2\"x\n3,4\n",
     {0},
     "<parse::2:6: more text after a quoted cell>(3 4)"},
    {"a quoted line end is one record",
     ".csv",
     "a,s\n1,\"x\ny\"\n2,\"\"\"\r\n\"\r\n3,z\n",
     {.fields = "a"},
     "(1)(2)(3)"},
    {"a place after a quoted line end",
     ".csv",
     "a,s,b\n1,\"x\ny\",z\n3,t,4\n",
     {.fields = "a,b"},
     "<parse::3:4: a number expected>(3 4)"},
    {"an overflow",
     ".csv",
     "a\n1e400\n2\n",
     {0},
     "<range::2:1: a: a value over 1e150 in size, or not of its family>(2)"},
    {"a bad time",
     ".csv",
     "t,a\nnoon,1\n2,3\n",
     {.time = "t", .fields = "a"},
     "<time::2:1: t: a time that cannot be read>(3 t=2)"},
    {"a decimal comma",
     ".csv",
     "a;b\n1,5;2\n3;4\n",
     {.fields = "a,b"},
     "<parse::2:1: a number expected>(3 4)"},
    /* JSON lines. */
    {"objects",
     ".ndjson",
     "{\"a\":1,\"s\":\"x\",\"b\":2}\n{\"b\":4,\"a\":3}\n",
     {0},
     "(1 2)(3 4)"},
    {"arrays", ".ndjson", "[1,2]\n[3,4]", {0}, "(1 2)(3 4)"},
    {"an array of points",
     ".ndjson",
     "[[1,2],[3,4]]\n[{\"x0\":5,\"x1\":6}]\n",
     {0},
     "(1 2)(3 4)(5 6)"},
    {"fields of objects",
     ".jsonl",
     "{\"t\":\"1970-01-01T00:00:02Z\",\"a\":1,\"b\":2}\n",
     {.time = "t", .fields = "b"},
     "(2 t=2)"},
    {"bad lines",
     ".ndjson",
     "{\"a\":1}\n{\"a\":}\n\n{\"a\":null}\n[[3],[\"x\"],[4]]\n[5]",
     {0},
     "(1)<parse::2:6: a number expected><missing::4:1: a: a missing value where none is "
     "allowed>(3)<parse::5:7: a number expected>(4)(5)"},
    /* Transformations. */
    {"differences", ".csv", "a,b\n1,10\n4,9\n2,7\n", {.delta = "a"}, "(3 9)(-2 7)"},
    {"logarithms",
     ".csv",
     "a\n0\n-1\n-3\n",
     {.log = "a"},
     "(0)<value::3:1: a: the logarithm of 0><missing::4:1: a: the logarithm of a "
     "negative "
     "number>"},
    {"rates a row",
     ".csv",
     "c\n1\n4\n2\n3\n",
     {.rate_of = "c"},
     "(3)<missing::4:1: c: a counter that was set back>(1)"},
    {"rates over nominal intervals",
     ".csv",
     "t,c\n0,0\n0.49,10\n1.01,20\n1.5,30\n2.5,50\n2.6,60\n",
     {.time = "t", .rate_of = "c"},
     "(20.4081632653061 t=0.49)(20.4081632653061 t=1.01)(20.4081632653061 t=1.5)"
     "(20.4081632653061 t=2.5)(20.4081632653061 t=2.6)"},
    {"rates over a given interval",
     ".csv",
     "t,c\n0,0\n9,10\n21,20\n40,40\n",
     {.time = "t", .rate_of = "c", .interval_s = 10},
     "(1 t=9)(1 t=21)(1 t=40)"},
    {"a reset that may be missing",
     ".csv",
     "c,a\n5,1\n3,1\n4,1\n",
     {.rate_of = "c", .marginalize = true},
     "(nan 1)(1 1)"},
    {"rate, then logarithm", ".csv", "c\n0\n0\n", {.rate_of = "c", .log = "c"}, "(0)"},
    {"a bad row between",
     ".csv",
     "c\n1\nx\n4\n",
     {.delta = "c"},
     "<parse::3:1: a number expected>(3)"},
    {"a missing value spoils two differences",
     ".csv",
     "c,a\n1,0\n,0\n4,0\n6,0\n",
     {.delta = "c", .marginalize = true},
     "(nan 0)(nan 0)(2 0)"},
};

START_TEST(files_are_read_as_claimed)
{
    write_file(cases[_i].ending, cases[_i].text, strlen(cases[_i].text));
    read_path(path, &cases[_i].options);
    delete_file();
    ck_assert_msg(strcmp(got, cases[_i].wanted) == 0, "%s: read as '%s' instead of '%s'",
                  cases[_i].claim, got, cases[_i].wanted);
}
END_TEST

/* Errors of opening: the exit code and what is said after the path. */
static const struct {
    const char *claim;
    const char *ending;
    const char *text;
    struct input_options options;
    int code;
    const char *said;
} refused[] = {
    {"an empty file", ".csv", "", {0}, EX_DATAERR, "no record"},
    {"no numbers", ".csv", "a,b\nx,y\n", {0}, EX_DATAERR, ".csv: no column holds numbers"},
    {"a chosen name that stands twice",
     ".csv",
     "a,a\n1,2\n",
     {0},
     EX_DATAERR,
     "stands twice"},
    {"a field that is not there",
     ".csv",
     "a,b\n1,2\n",
     {.fields = "a,z"},
     EX_USAGE,
     "no column z: a, b"},
    {"a field twice", ".csv", "a,b\n1,2\n", {.fields = "a,0"}, EX_USAGE, "chosen twice"},
    {"a field that is the time",
     ".csv",
     "a,b\n1,2\n",
     {.fields = "a", .time = "a"},
     EX_USAGE,
     "chosen twice"},
    {"a time that is not there",
     ".csv",
     "a,b\n1,2\n",
     {.time = "t"},
     EX_USAGE,
     "no column t"},
    {"no columns", ".csv", "1\n", {.columns = "0"}, EX_USAGE, "columns"},
    {"a column without a name",
     ".csv",
     "1,2\n",
     {.columns = "a,,b"},
     EX_USAGE,
     "column 2"},
    {"a rate of what is no field",
     ".csv",
     "a,b\n1,2\n",
     {.fields = "a", .rate_of = "b"},
     EX_USAGE,
     "b is not a field"},
    {"a rate and a difference",
     ".csv",
     "a,b\n1,2\n",
     {.delta = "a", .rate_of = "a"},
     EX_USAGE,
     "both"},
    {"an open quote in the header", ".csv", "\"a,b\n1,2\n", {0}, EX_DATAERR, "quote"},
    {"no ending", "", "a,b\n1,2\n", {0}, EX_USAGE, "no ending"},
    {"an unknown ending", ".xls", "a,b\n1,2\n", {0}, EX_USAGE, "no ending"},
    {"an unknown format",
     ".csv",
     "a,b\n1,2\n",
     {.format = "xls"},
     EX_USAGE,
     "format xls"},
    {"no JSON", ".ndjson", "{\"a\":1\n", {0}, EX_DATAERR, ":1:7:"},
    {"JSON without members", ".ndjson", "{}\n", {0}, EX_DATAERR, "no column"},
    {"a name without a value", ".ndjson", "{\"a\"}\n", {0}, EX_DATAERR, ":1:5:"},
    {"a name that is none", ".ndjson", "{1:2}\n", {0}, EX_DATAERR, ":1:2:"},
    {"a value that is none", ".ndjson", "[1,x]\n", {0}, EX_DATAERR, ":1:4:"},
    {"a list that goes on", ".ndjson", "[1 2]\n", {0}, EX_DATAERR, ":1:4:"},
    {"empty JSON", ".ndjson", "\n\n", {0}, EX_DATAERR, "no first line"},
    {"raw without columns", ".f64", "12345678", {0}, EX_USAGE, "--columns"},
    {"no NumPy file", ".npy", "12345678", {0}, EX_DATAERR, "not an .npy image"},
};

START_TEST(what_cannot_be_read_is_refused_with_its_code)
{
    char error[512] = "";
    int code = 0;
    write_file(refused[_i].ending, refused[_i].text, strlen(refused[_i].text));
    struct input *input =
        input_open(path, &refused[_i].options, error, sizeof(error), &code);
    delete_file();
    ck_assert_msg(input == NULL, "%s is read", refused[_i].claim);
    ck_assert_msg(code == refused[_i].code && strstr(error, refused[_i].said) != NULL,
                  "%s: %d: %s", refused[_i].claim, code, error);
}
END_TEST

START_TEST(what_is_not_there_is_no_input)
{
    const struct input_options options = {.format = "csv"};
    char error[512] = "";
    int code = 0;
    ck_assert_ptr_null(
        input_open("/nonexistent/a.csv", &options, error, sizeof(error), &code));
    ck_assert_int_eq(code, EX_NOINPUT);
    ck_assert_ptr_nonnull(strstr(error, "/nonexistent/a.csv: No such file"));
    ck_assert_ptr_null(input_open("/tmp", &options, error, sizeof(error), &code));
    ck_assert_int_eq(code, EX_NOINPUT);
    ck_assert_ptr_nonnull(strstr(error, "/tmp: a folder without 000000.npy"));
}
END_TEST

/* ---- Binary ------------------------------------------------------------------ */

static void write_npy(const char *descr, const char *order, const char *shape,
                      const void *data, size_t size)
{
    static char image[1 << 16];
    memset(image, ' ', 128);
    memcpy(image, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int n =
        snprintf(image + 10, 118, "{'descr': '%s', 'fortran_order': %s, 'shape': %s}",
                 descr, order, shape);
    image[10 + n] = ' ';
    image[127] = '\n';
    memcpy(image + 128, data, size);
    write_file(".npy", image, 128 + size);
}

static const double numbers[] = {1, 2, 3, 4, 5, 6};
static const double columnwise[] = {1, 3, 5, 2, 4, 6};

static const struct {
    const char *descr, *order, *shape;
    const double *data;
    size_t size;
    struct input_options options;
    const char *wanted;
} arrays[] = {
    {"<f8", "False", "(3, 2)", numbers, 48, {0}, "(1 2)(3 4)(5 6)"},
    {"<f8", "True", "(3, 2)", columnwise, 48, {0}, "(1 2)(3 4)(5 6)"},
    {"<f8", "False", "(6,)", numbers, 48, {0}, "(1)(2)(3)(4)(5)(6)"},
    {"<f8", "False", "(3, 2)", numbers, 48, {.fields = "1"}, "(2)(4)(6)"},
    {"<f8",
     "False",
     "(3, 2)",
     numbers,
     48,
     {.columns = "t,a", .time = "t"},
     "(2 t=1)(4 t=3)(6 t=5)"},
    {"<f8", "False", "(0, 2)", numbers, 0, {0}, ""},
};

START_TEST(npy_files_are_read_in_both_orders)
{
    write_npy(arrays[_i].descr, arrays[_i].order, arrays[_i].shape, arrays[_i].data,
              arrays[_i].size);
    read_path(path, &arrays[_i].options);
    delete_file();
    ck_assert_str_eq(got, arrays[_i].wanted);
}
END_TEST

static const struct {
    const char *shape;
    struct input_options options;
    const char *said;
} odd_arrays[] = {
    {"(3, 0)", {0}, "rows and columns"},
    {"(1, 1000000)", {0}, "rows and columns"},
    {"(9223372036854775807, 4)", {0}, "rows and columns"},
    {"(3, 2)", {.columns = "a,b,c"}, "2 columns: 3 were named"},
    {"(4, 2)", {0}, "cut off"},
};

START_TEST(npy_files_that_are_no_rows_are_refused)
{
    write_npy("<f8", "False", odd_arrays[_i].shape, numbers, sizeof(numbers));
    read_path(path, &odd_arrays[_i].options);
    delete_file();
    ck_assert_msg(strstr(got, odd_arrays[_i].said) != NULL, "%s", got);
}
END_TEST

START_TEST(npy_files_that_are_cut_off_are_refused)
{
    const struct input_options options = {0};
    write_npy("<f8", "False", "(3, 2)", numbers, 47);
    read_path(path, &options);
    delete_file();
    ck_assert_ptr_nonnull(strstr(got, "cut off"));
}
END_TEST

START_TEST(raw_files_end_with_a_whole_row)
{
    const struct input_options options = {.columns = "a,b"};
    write_file(".f64", numbers, 45);
    read_path(path, &options);
    delete_file();
    ck_assert_str_eq(got, "(1 2)(3 4)<shape:: row 2: 13 bytes of 16>");
}
END_TEST

START_TEST(raw_floats_are_read)
{
    static const float values[] = {0.5F, 2.0F, -3.0F, 1e30F};
    const struct input_options options = {.columns = "2"};
    write_file(".f32", values, sizeof(values));
    read_path(path, &options);
    delete_file();
    ck_assert_str_eq(got, "(0.5 2)(-3 1.00000001504747e+30)");
}
END_TEST

START_TEST(rows_of_binary_files_are_numbered_over_batches)
{
    static double values[1000];
    const struct input_options options = {.columns = "1"};
    values[700] = (double)INFINITY;
    values[701] = (double)NAN;
    write_file(".f64", values, sizeof(values));
    read_path(path, &options);
    delete_file();
    ck_assert_ptr_nonnull(strstr(got, "<value:: row 700: x0: an infinite value>"
                                      "<missing:: row 701: x0: a missing value"));
}
END_TEST

/* ---- Long and slow --------------------------------------------------------------- */

START_TEST(long_files_come_whole_and_in_order)
{
    static char text[4000000];
    static const char *const endings[] = {".csv", ".ndjson"};
    const bool is_json = _i == 1;
    const struct input_options options = {.fields = "a"};
    size_t size = is_json ? 0 : (size_t)sprintf(text, "a,b\n");
    const size_t n = 200000;
    for (size_t i = 0; i < n; i++) {
        size += (size_t)sprintf(text + size, is_json ? "{\"a\":%zu}\n" : "%zu,1\n", i);
    }
    write_file(endings[_i], text, size);
    char error[512];
    int code;
    struct input *input = input_open(path, &options, error, sizeof(error), &code);
    ck_assert_msg(input != NULL, "%s", error);
    struct batch batch;
    size_t next = 0;
    while (input_next(input, &batch)) {
        for (size_t i = 0; i < batch.n; i++) {
            ck_assert(batch.x[i * batch.stride] == (double)next++);
        }
        ck_assert_uint_eq(input_line(input), next + (is_json ? 0 : 1));
    }
    ck_assert_uint_eq(next, n);
    uint64_t done;
    uint64_t total;
    input_progress(input, &done, &total);
    ck_assert_uint_eq(done, size);
    ck_assert_uint_eq(total, size);
    input_close(&input);
    delete_file();
}
END_TEST

/* Records of 64 KiB, over it, and far over the buffer: one is lost, never the next. */
START_TEST(records_that_are_too_long_do_not_hide_the_next)
{
    static char text[1200000];
    static const size_t lengths[] = {65536, 65537, 300000, 1000000};
    const bool is_quoted = _i % 2 == 1;
    const size_t n = lengths[_i / 2];
    const struct input_options options = {.fields = "a"};
    size_t size = (size_t)sprintf(text, "a,s\n1,x\n2,%s", is_quoted ? "\"" : "");
    memset(text + size, 'x', n);
    size = 8 + n; /* the record "2,…" has n bytes */
    size += (size_t)sprintf(text + size, "\n3,y\n4,z");
    write_file(".csv", text, size);
    read_path(path, &options);
    delete_file();
    const bool fits = n == 65536;
    ck_assert_str_eq(got, fits && !is_quoted ? "(1)(2)(3)(4)"
                          : fits ? "(1)<parse::3:3: a quote without its end>(3)(4)"
                                 : "(1)<size::3:1: a record of over 65536 bytes>(3)(4)");
}
END_TEST

START_TEST(an_embedded_NUL_is_a_bad_record)
{
    static const char text[] = "a\n1\n\0002\n3\0\n4\n";
    const struct input_options options = {0};
    write_file(".csv", text, sizeof(text) - 1);
    read_path(path, &options);
    delete_file();
    ck_assert_str_eq(
        got, "(1)<parse::3:1: a number expected><parse::4:1: a number expected>(4)");
}
END_TEST

/* A pipe as standard input: each line is given out before the next one is written. */
static int pipe_in(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ne(dup2(ends[0], STDIN_FILENO), -1);
    close(ends[0]);
    return ends[1];
}

static void put(int descriptor, const char *text)
{
    ck_assert_int_eq(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
}

static const struct {
    const char *format;
    const char *text[4]; /* the first opens */
} streams[] = {
    {"csv", {"a,b\n1,2\n", "3,4\n", "5,", "6\n"}},
    {"ndjson", {"{\"a\":1,\"b\":2}\n", "{\"a\":3,\"b\":4}\n", "{\"a\":5", ",\"b\":6}\n"}},
};

START_TEST(lines_of_standard_input_are_given_out_at_once)
{
    const struct input_options options = {.format = streams[_i].format};
    char error[512] = "";
    int code;
    const int out = pipe_in();
    put(out, streams[_i].text[0]);
    struct input *input = input_open("-", &options, error, sizeof(error), &code);
    ck_assert_msg(input != NULL, "%s", error);
    struct batch batch;
    for (int row = 0; row < 3; row++) {
        ck_assert(input_next(input, &batch));
        ck_assert_uint_eq(batch.n, 1);
        ck_assert(batch.x[0] == 1 + 2 * row && batch.x[1] == 2 + 2 * row);
        if (row == 0) {
            put(out, streams[_i].text[1]);
        } else if (row == 1) {
            put(out, streams[_i].text[2]);
            put(out, streams[_i].text[3]);
        }
    }
    close(out);
    ck_assert(!input_next(input, &batch));
    ck_assert_ptr_null(input_error(input));
    input_close(&input);
}
END_TEST

START_TEST(npy_on_standard_input_tells_that_it_ended_early)
{
    const struct input_options options = {.format = "npy"};
    static char image[1 << 12];
    write_npy("<f8", "False", "(3, 2)", numbers, 48);
    FILE *file = fopen(path, "r");
    const size_t size = fread(image, 1, sizeof(image), file);
    fclose(file);
    delete_file();
    const int out = pipe_in();
    ck_assert_int_eq(write(out, image, size - 20), (ssize_t)size - 20);
    close(out);
    read_path("-", &options);
    ck_assert_str_eq(got, "(1 2)!: row 1 of 3: cut off");
}
END_TEST

START_TEST(standard_input_needs_a_format)
{
    const struct input_options options = {0};
    read_path("-", &options);
    ck_assert_int_eq(strncmp(got, "64: ", 4), 0);
}
END_TEST

/* ---- Recorded data, where it is there ------------------------------------------------
 */

static const struct {
    const char *name;
    struct input_options options;
    size_t n_fields, n;
    double sum; /* of all values, by NumPy */
} recorded[] = {
    {"faithful.csv", {0}, 2, 272, 20232.677},
    {"host20.csv", {.time = "time"}, 7, 10199, 262728665495.914},
    {"nab-ambient_temperature_system_failure.csv",
     {.time = "timestamp"},
     1,
     7267,
     517718.758491},
    {"nab-machine_temperature_system_failure.csv",
     {.time = "0"},
     1,
     22695,
     1950101.876891},
    {"skab-anomaly-free-anomaly-free.csv", {.time = "datetime"}, 8, 9405, 4465743.685340},
    {"skab-valve1-0.csv", {.time = "datetime", .fields = "1,2,3,4,5,6,7,8"}, 8, 1147, 0},
    {"skab-valve1-1.csv", {0}, 10, 1145, 416675.605088},
    {"skab-valve1-2.csv", {0}, 10, 1075, 388393.551770},
};

START_TEST(recorded_files_are_read_as_they_are)
{
    char name[512];
    const char *const folder_name = getenv("abs_srcdir");
    snprintf(name, sizeof(name), "%s/../shared/data/%s",
             folder_name != NULL ? folder_name : ".", recorded[_i].name);
    if (access(name, R_OK) == -1) {
        return;
    }
    char error[512];
    int code;
    struct input *input =
        input_open(name, &recorded[_i].options, error, sizeof(error), &code);
    ck_assert_msg(input != NULL, "%s", error);
    const size_t n_fields = input_layout(input)->n_fields;
    struct batch batch;
    size_t n = 0;
    double sum = 0;
    while (input_next(input, &batch)) {
        ck_assert_msg(batch.n_rejected == 0, "%s", batch.detail);
        n += batch.n;
        for (size_t i = 0; i < batch.n; i++) {
            for (size_t d = 0; d < n_fields; d++) {
                sum += batch.x[i * batch.stride + d];
            }
            ck_assert(batch.time == NULL || batch.time[i] > 1.3e9);
        }
    }
    input_close(&input);
    ck_assert_uint_eq(n_fields, recorded[_i].n_fields);
    ck_assert_uint_eq(n, recorded[_i].n);
    ck_assert(recorded[_i].sum == 0 || fabs(sum / recorded[_i].sum - 1) < 1e-9);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(files_are_read_as_claimed, cases),
        UNIT_LOOP(what_cannot_be_read_is_refused_with_its_code, refused),
        UNIT(what_is_not_there_is_no_input),
        UNIT_LOOP(npy_files_are_read_in_both_orders, arrays),
        UNIT_LOOP(npy_files_that_are_no_rows_are_refused, odd_arrays),
        UNIT(npy_files_that_are_cut_off_are_refused),
        UNIT(raw_files_end_with_a_whole_row),
        UNIT(raw_floats_are_read),
        UNIT(rows_of_binary_files_are_numbered_over_batches),
        {long_files_come_whole_and_in_order, 2},
        {records_that_are_too_long_do_not_hide_the_next, 8},
        UNIT(an_embedded_NUL_is_a_bad_record),
        UNIT_LOOP(lines_of_standard_input_are_given_out_at_once, streams),
        UNIT(npy_on_standard_input_tells_that_it_ended_early),
        UNIT(standard_input_needs_a_format),
        UNIT_LOOP(recorded_files_are_read_as_they_are, recorded),
    };
    return unit_run("input", tests, COUNT(tests));
}
