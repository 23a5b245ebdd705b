/* SPDX-License-Identifier: MIT
 *
 * The array format: header, types, shapes, and what is counted as one. */
#include "readout.h"
#include "unit.h"

/* float64 1, 2, 3, 4 as little-endian bytes. */
#define LE1 "\0\0\0\0\0\0\xf0\x3f"
#define LE2 "\0\0\0\0\0\0\0\x40"
#define LE3 "\0\0\0\0\0\0\x08\x40"
#define LE4 "\0\0\0\0\0\0\x10\x40"
#define BE1 "\x3f\xf0\0\0\0\0\0\0"
#define BE2 "\x40\0\0\0\0\0\0\0"
#define BODY(text) text, sizeof(text) - 1

static const struct {
    const char *claim;
    const char *header;
    const char *body;
    size_t size;
    const char *wanted; /* columns a, b */
} cases[] = {
    {"one point", "{\"dtype\":\"float64\",\"shape\":[2]}", BODY(LE1 LE2), "(1 2)"},
    {"n points", "{\"dtype\":\"float64\",\"shape\":[2,2]}", BODY(LE1 LE2 LE3 LE4),
     "(1 2) (3 4)"},
    {"NumPy's code", "{\"dtype\":\"<f8\",\"shape\":[2]}", BODY(LE1 LE2), "(1 2)"},
    {"the other byte order", "{\"dtype\":\">f8\",\"shape\":[2]}", BODY(BE1 BE2), "(1 2)"},
    {"float32", "{\"dtype\":\"float32\",\"shape\":[2]}", BODY("\0\0\x80\x3f\0\0\0\x40"),
     "(1 2)"},
    {"big-endian float32", "{\"dtype\":\">f4\",\"shape\":[2]}",
     BODY("\x3f\x80\0\0\x40\0\0\0"), "(1 2)"},
    {"int8", "{\"dtype\":\"int8\",\"shape\":[2]}", BODY("\xff\x02"), "(-1 2)"},
    {"int8 by code", "{\"dtype\":\"|i1\",\"shape\":[2]}", BODY("\xff\x02"), "(-1 2)"},
    {"uint8", "{\"dtype\":\"uint8\",\"shape\":[2]}", BODY("\xff\x02"), "(255 2)"},
    {"int16", "{\"dtype\":\"int16\",\"shape\":[2]}", BODY("\xfe\xff\x02\0"), "(-2 2)"},
    {"uint16, big-endian", "{\"dtype\":\">u2\",\"shape\":[2]}", BODY("\x01\0\0\x02"),
     "(256 2)"},
    {"int32", "{\"dtype\":\"int32\",\"shape\":[2]}", BODY("\xff\xff\xff\xff\x02\0\0\0"),
     "(-1 2)"},
    {"uint32", "{\"dtype\":\"<u4\",\"shape\":[2]}", BODY("\xff\xff\xff\xff\x02\0\0\0"),
     "(4294967295 2)"},
    {"int64", "{\"dtype\":\"int64\",\"shape\":[2]}",
     BODY("\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\0\0\0"), "(-1 2)"},
    {"uint64", "{\"dtype\":\"uint64\",\"shape\":[2]}",
     BODY("\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\0\0\0"),
     "(1.8446744073709552e+19 2)"},
    {"other members are ignored",
     "{\"md\":{\"x\":[1,\"]\"]},\"shape\":[2],\"dtype\":\"<f8\"}", BODY(LE1 LE2),
     "(1 2)"},
    {"blanks in the header", " {\n \"dtype\" : \"<f8\" , \"shape\" : [ 1 , 2 ] } \n",
     BODY(LE1 LE2), "(1 2)"},
    /* Headers that are none. */
    {"empty header", "", BODY(LE1 LE2), "header"},
    {"not an object", "[2]", BODY(LE1 LE2), "header"},
    {"not JSON", "{\"dtype\":\"<f8\",\"shape\":(2,)}", BODY(LE1 LE2), "header"},
    {"text after it", "{\"dtype\":\"<f8\",\"shape\":[2]}x", BODY(LE1 LE2), "header"},
    {"cut off", "{\"dtype\":\"<f8\",\"shape\":[2]", BODY(LE1 LE2), "header"},
    {"no dtype", "{\"shape\":[2]}", BODY(LE1 LE2), "header"},
    {"no shape", "{\"dtype\":\"<f8\"}", BODY(LE1 LE2), "header"},
    {"dtype is no string", "{\"dtype\":8,\"shape\":[2]}", BODY(LE1 LE2), "header"},
    {"shape is no array", "{\"dtype\":\"<f8\",\"shape\":2}", BODY(LE1 LE2), "header"},
    {"shape of text", "{\"dtype\":\"<f8\",\"shape\":[\"2\"]}", BODY(LE1 LE2), "header"},
    {"shape of a fraction", "{\"dtype\":\"<f8\",\"shape\":[2.0]}", BODY(LE1 LE2),
     "header"},
    {"negative shape", "{\"dtype\":\"<f8\",\"shape\":[-1,2]}", BODY(LE1 LE2), "header"},
    {"shape of 2^64", "{\"dtype\":\"<f8\",\"shape\":[18446744073709551616,2]}",
     BODY(LE1 LE2), "header"},
    {"leading zero", "{\"dtype\":\"<f8\",\"shape\":[02]}", BODY(LE1 LE2), "header"},
    {"dtype twice", "{\"dtype\":\"<f8\",\"dtype\":\"<f8\",\"shape\":[2]}", BODY(LE1 LE2),
     "header"},
    {"shape twice", "{\"dtype\":\"<f8\",\"shape\":[2],\"shape\":[2]}", BODY(LE1 LE2),
     "header"},
    {"not UTF-8", "{\"dtype\":\"<f8\",\"shape\":[2],\"x\":\"\xff\"}", BODY(LE1 LE2),
     "header"},
    /* Types. */
    {"unknown type", "{\"dtype\":\"float16\",\"shape\":[2]}", BODY("\0\0\0\0"), "dtype"},
    {"unknown code", "{\"dtype\":\"<c16\",\"shape\":[2]}", BODY(LE1 LE2), "dtype"},
    {"bool", "{\"dtype\":\"|b1\",\"shape\":[2]}", BODY("\0\1"), "dtype"},
    {"object", "{\"dtype\":\"object\",\"shape\":[2]}", BODY(LE1 LE2), "dtype"},
    {"empty type", "{\"dtype\":\"\",\"shape\":[2]}", BODY(LE1 LE2), "dtype"},
    {"two orders", "{\"dtype\":\"<<f8\",\"shape\":[2]}", BODY(LE1 LE2), "dtype"},
    /* Shapes. */
    {"one byte short", "{\"dtype\":\"<f8\",\"shape\":[2]}", LE1 LE2, 15, "shape"},
    {"one byte long", "{\"dtype\":\"<f8\",\"shape\":[2]}", BODY(LE1 LE2 "\0"), "shape"},
    {"no bytes", "{\"dtype\":\"<f8\",\"shape\":[2]}", BODY(""), "shape"},
    {"no point", "{\"dtype\":\"<f8\",\"shape\":[0,2]}", BODY(""), "shape"},
    {"no columns", "{\"dtype\":\"<f8\",\"shape\":[2,0]}", BODY(""), "shape"},
    {"no axis", "{\"dtype\":\"<f8\",\"shape\":[]}", BODY(LE1), "shape"},
    {"three axes", "{\"dtype\":\"<f8\",\"shape\":[1,1,2]}", BODY(LE1 LE2), "shape"},
    {"other columns", "{\"dtype\":\"<f8\",\"shape\":[3]}", BODY(LE1 LE2 LE3), "shape"},
    {"transposed", "{\"dtype\":\"<f8\",\"shape\":[2,1]}", BODY(LE1 LE2), "shape"},
    {"2^31 columns", "{\"dtype\":\"<f8\",\"shape\":[1,2147483648]}", BODY(LE1 LE2),
     "shape"},
    {"2^32-1 points in 16 bytes", "{\"dtype\":\"<f8\",\"shape\":[4294967295,2]}",
     BODY(LE1 LE2), "shape"},
    {"a product that wraps to 0", "{\"dtype\":\"<f8\",\"shape\":[4611686018427387904,2]}",
     BODY(""), "shape"},
    {"a product that wraps to 16",
     "{\"dtype\":\"<f8\",\"shape\":[9223372036854775809,2]}", BODY(LE1 LE2), "shape"},
    {"2^60 points of 16 bytes wrap",
     "{\"dtype\":\"<f8\",\"shape\":[1152921504606846977,2]}", BODY(LE1 LE2), "shape"},
    /* Values: each point alone. */
    {"NaN is missing", "{\"dtype\":\"<f8\",\"shape\":[2,2]}",
     BODY("\0\0\0\0\0\0\xf8\x7f" LE2 LE3 LE4), "missing (3 4)"},
    {"infinity is a value", "{\"dtype\":\"<f8\",\"shape\":[2,2]}",
     BODY("\0\0\0\0\0\0\xf0\x7f" LE2 LE3 "\0\0\0\0\0\0\xf0\xff"), "value value"},
    {"1e308 is out of range", "{\"dtype\":\"<f8\",\"shape\":[2,2]}",
     BODY(LE1 LE2 "\xa0\xc8\xeb\x85\xf3\xcc\xe1\x7f" LE4), "(1 2) range"},
    {"infinite float32", "{\"dtype\":\"<f4\",\"shape\":[2]}",
     BODY("\0\0\x80\x7f\0\0\0\x40"), "value"},
    {"minus zero stays", "{\"dtype\":\"<f8\",\"shape\":[2]}",
     BODY("\0\0\0\0\0\0\0\x80" LE2), "(-0 2)"},
    {"denormals stay", "{\"dtype\":\"<f8\",\"shape\":[2]}", BODY("\1\0\0\0\0\0\0\0" LE2),
     "(4.9406564584124654e-324 2)"},
    /* Sources. */
    {"source and seq", "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"rig-1\",\"seq\":7}",
     BODY(LE1 LE2), "(1 2)"},
    {"an empty source", "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"\",\"seq\":7}",
     BODY(LE1 LE2), "header"},
    {"a source of another place",
     "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"../x\",\"seq\":7}", BODY(LE1 LE2),
     "header"},
    {"a source of 32 bytes",
     "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"01234567890123456789012345678901\"}",
     BODY(LE1 LE2), "header"},
    {"seq counts from 1", "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"a\",\"seq\":0}",
     BODY(LE1 LE2), "header"},
    {"seq without a source says nothing", "{\"dtype\":\"<f8\",\"shape\":[2],\"seq\":7}",
     BODY(LE1 LE2), "(1 2)"},
    {"the last number has no room for one more",
     "{\"dtype\":\"<f8\",\"shape\":[2,2],\"source\":\"a\",\"seq\":18446744073709551615}",
     BODY(LE1 LE2 LE3 LE4), "header"},
};

START_TEST(array_messages_are_read_as_claimed)
{
    struct readout readout;
    const struct bytes parts[] = {{cases[_i].header, strlen(cases[_i].header)},
                                  {cases[_i].body, cases[_i].size}};
    readout_run(&readout, "a,b", false, "array", parts, 2);
    ck_assert_msg(strcmp(readout.text, cases[_i].wanted) == 0,
                  "%s: read as '%s' instead of '%s' (%s)", cases[_i].claim, readout.text,
                  cases[_i].wanted, readout.detail);
}
END_TEST

/* Every start address: a received body may lie anywhere. */
START_TEST(bodies_need_no_alignment)
{
    static char room[16 + 32] __attribute__((aligned(16)));
    static const char header[] = "{\"dtype\":\"float64\",\"shape\":[2,2]}";
    struct readout readout;
    for (size_t offset = 0; offset < 16; offset++) {
        memcpy(room + offset, LE1 LE2 LE3 LE4, 32);
        const struct bytes parts[] = {{header, strlen(header)}, {room + offset, 32}};
        readout_run(&readout, "a,b", false, "array", parts, 2);
        ck_assert_str_eq(readout.text, "(1 2) (3 4)");
    }
}
END_TEST

START_TEST(columns_have_their_roles)
{
    static const char header[] = "{\"dtype\":\"float64\",\"shape\":[1,6]}";
    struct readout readout;
    const struct bytes parts[] = {{header, strlen(header)},
                                  {LE3 LE1 LE4 LE2 LE1 LE3, 48}};
    readout_run(&readout, "b,t,a,k,w,-", false, "array", parts, 2);
    ck_assert_str_eq(readout.text, "(3 4 t=1 w=1 k=2)");
}
END_TEST

START_TEST(source_and_seq_are_handed_on)
{
    static const char header[] = "{\"dtype\":\"<f8\",\"shape\":[2],\"source\":\"rig-1\","
                                 "\"seq\":18446744073709551614}";
    static const char bare[] = "{\"dtype\":\"<f8\",\"shape\":[2]}";
    const struct bytes parts[] = {{header, strlen(header)}, {LE1 LE2, 16}};
    const struct bytes others[] = {{bare, strlen(bare)}, {LE1 LE2, 16}};
    struct layout *layout = readout_layout("a,b", false);
    struct reader *reader = reader_new(layout);
    uint64_t seq;
    reader_open(reader, format_find("array"), parts, 2);
    ck_assert_str_eq(reader_source(reader, &seq), "rig-1");
    ck_assert(seq == UINT64_MAX - 1);
    reader_open(reader, format_find("array"), others, 2);
    ck_assert_ptr_null(reader_source(reader, &seq));
    ck_assert(seq == 0);
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

/* A header that comes again is not read again; nothing of the message before shows. */
START_TEST(a_header_that_comes_again_means_the_same)
{
    static const char both[] = "{\"dtype\":\"<f8\",\"shape\":[2,2]}";
    static const char one[] = "{\"dtype\":\"<f8\",\"shape\":[1,2]}";
    static const char big[] = "{\"dtype\":\">f8\",\"shape\":[1,2]}";
    static const char bad[] = "{\"dtype\":\"<f8\",\"shape\":[1,2]]";
    static const char from[] = "{\"dtype\":\"<f8\",\"shape\":[1,2],\"source\":\"a\"}";
    static const struct {
        const char *header, *body;
        size_t size;
        const char *wanted;
    } rows[] = {
        {both, LE1 LE2 LE3 LE4, 32, "(1 2) (3 4)"},
        {both, LE4 LE3 LE2 LE1, 32, "(4 3) (2 1)"},
        {both, LE1 LE2, 16, "shape"},
        {both, LE1 LE2 LE3 LE4, 32, "(1 2) (3 4)"},
        {one, LE1 LE2, 16, "(1 2)"},
        {one, LE3 LE4, 16, "(3 4)"},
        {big, BE1 BE2, 16, "(1 2)"},
        {bad, LE1 LE2, 16, "header"},
        {one, LE3 LE4, 16, "(3 4)"},
        {from, LE3 LE4, 16, "(3 4)"},
        {from, LE4 LE3, 16, "(4 3)"},
        {one, LE3 LE4, 15, "shape"},
    };
    struct layout *layout = readout_layout("a,b", false);
    struct reader *reader = reader_new(layout);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct bytes parts[] = {{rows[i].header, strlen(rows[i].header)},
                                      {rows[i].body, rows[i].size}};
        struct readout readout = {0};
        struct batch batch;
        uint64_t seq;
        reader_open(reader, format_find("array"), parts, 2);
        ck_assert((reader_source(reader, &seq) != NULL) == (rows[i].header == from));
        while (reader_next(reader, &batch)) {
            for (size_t row = 0; row < batch.n; row++) {
                readout_point(&readout, layout, &batch, row);
            }
        }
        ck_assert_msg(strcmp(readout.text, rows[i].wanted) == 0, "row %zu: '%s'", i,
                      readout.text);
    }
    reader_destroy(&reader);
    layout_destroy(&layout);
}
END_TEST

START_TEST(a_header_over_64_KiB_is_refused)
{
    static char header[70000];
    struct readout readout;
    memset(header, ' ', sizeof(header));
    memcpy(header, "{\"dtype\":\"<f8\",\"shape\":[2]}", 27);
    const struct bytes parts[] = {{header, sizeof(header)}, {LE1 LE2, 16}};
    readout_run(&readout, "a,b", false, "array", parts, 2);
    ck_assert_str_eq(readout.text, "size");
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(array_messages_are_read_as_claimed, cases),
        UNIT(bodies_need_no_alignment),
        UNIT(columns_have_their_roles),
        UNIT(source_and_seq_are_handed_on),
        UNIT(a_header_that_comes_again_means_the_same),
        UNIT(a_header_over_64_KiB_is_refused),
    };
    return unit_run("array", tests, COUNT(tests));
}
