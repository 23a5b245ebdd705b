/* SPDX-License-Identifier: MIT
 *
 * .npy images: the header in all its forms, both orders, and what is refused. */
#include "npy.h"

#include "readout.h"
#include "unit.h"

#define LE(text) text, sizeof(text) - 1
#define F1 "\0\0\0\0\0\0\xf0\x3f"
#define F2 "\0\0\0\0\0\0\0\x40"
#define F3 "\0\0\0\0\0\0\x08\x40"
#define F4 "\0\0\0\0\0\0\x10\x40"

static const struct {
    const char *claim;
    int version;
    const char *header;
    const char *body;
    size_t size;
    const char *wanted; /* columns a, b */
} cases[] = {
    {"version 1", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n",
     LE(F1 F2 F3 F4), "(1 2) (3 4)"},
    {"version 2", 2, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n",
     LE(F1 F2 F3 F4), "(1 2) (3 4)"},
    {"version 3", 3, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }",
     LE(F1 F2 F3 F4), "(1 2) (3 4)"},
    {"Fortran order", 1, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }",
     LE(F1 F3 F2 F4), "(1 2) (3 4)"},
    {"one point", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
     LE(F1 F2), "(1 2)"},
    {"no blanks, another order of members", 1,
     "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f8\"}", LE(F1 F2), "(1 2)"},
    {"long numbers of Python 2", 1,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (1L, 2L), }", LE(F1 F2), "(1 2)"},
    {"big-endian float32", 1,
     "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2), }",
     LE("\x3f\x80\0\0\x40\0\0\0"), "(1 2)"},
    {"bytes", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }",
     LE("\xff\1"), "(255 1)"},
    {"Fortran order of bytes", 1,
     "{'descr': '|i1', 'fortran_order': True, 'shape': (3, 2), }", LE("\1\2\3\4\5\6"),
     "(1 4) (2 5) (3 6)"},
    {"a value in Fortran order", 1,
     "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }",
     LE(F1 "\0\0\0\0\0\0\xf0\x7f" F2 F4), "(1 2) value"},
    {"unknown version", 4, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }",
     LE(F1 F2), "header"},
    {"version 0", 0, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }",
     LE(F1 F2), "header"},
    {"empty dictionary", 1, "{}", LE(F1 F2), "header"},
    {"no dictionary", 1, "", LE(F1 F2), "header"},
    {"no shape", 1, "{'descr': '<f8', 'fortran_order': False}", LE(F1 F2), "header"},
    {"no order", 1, "{'descr': '<f8', 'shape': (1, 2)}", LE(F1 F2), "header"},
    {"no type", 1, "{'fortran_order': False, 'shape': (1, 2)}", LE(F1 F2), "header"},
    {"a member twice", 1, "{'descr': '<f8', 'descr': '<f8', 'shape': (1, 2)}", LE(F1 F2),
     "header"},
    {"an unknown member", 1, "{'descr': '<f8', 'color': 'red'}", LE(F1 F2), "header"},
    {"text after it", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)} x",
     LE(F1 F2), "header"},
    {"an open string", 1, "{'descr: <f8", LE(F1 F2), "header"},
    {"a word that is no truth", 1,
     "{'descr': '<f8', 'fortran_order': 1, 'shape': (1, 2)}", LE(F1 F2), "header"},
    {"a negative size", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2)}",
     LE(F1 F2), "header"},
    {"a size past 2^64", 1,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 2)}",
     LE(F1 F2), "header"},
    {"a structured type", 1,
     "{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (1,)}",
     LE(F1 F2), "dtype"},
    {"objects", 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1, 2)}", LE(F1 F2),
     "dtype"},
    {"text", 1, "{'descr': '<U8', 'fortran_order': False, 'shape': (1, 2)}", LE(F1 F2),
     "dtype"},
    {"three axes", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 2)}",
     LE(F1 F2), "shape"},
    {"no axis", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': ()}", LE(F1),
     "shape"},
    {"no rows", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2)}", LE(""),
     "shape"},
    {"other columns", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1)}",
     LE(F1 F2), "shape"},
    {"a byte short", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)}",
     F1 F2, 15, "shape"},
    {"a product that wraps", 1,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 2)}",
     LE(""), "shape"},
};

/* An image of that version. */
static struct bytes make(char *image, int version, const char *header, const char *body,
                         size_t size)
{
    const size_t length = strlen(header);
    const size_t at = version == 1 ? 10 : 12;
    memset(image, 0, at);
    memcpy(image, "\x93NUMPY", 6);
    image[6] = (char)version;
    image[8] = (char)(length & 255);
    image[9] = (char)(length >> 8);
    memcpy(image + at, header, length);
    memcpy(image + at + length, body, size);
    return (struct bytes){image, at + length + size};
}

START_TEST(npy_images_are_read_as_claimed)
{
    static char image[1000];
    struct readout readout;
    const struct bytes part =
        make(image, cases[_i].version, cases[_i].header, cases[_i].body, cases[_i].size);
    readout_run(&readout, "a,b", false, "npy", &part, 1);
    ck_assert_msg(strcmp(readout.text, cases[_i].wanted) == 0,
                  "%s: read as '%s' instead of '%s' (%s)", cases[_i].claim, readout.text,
                  cases[_i].wanted, readout.detail);
}
END_TEST

START_TEST(every_cut_of_an_image_is_one_rejected)
{
    static char image[1000];
    struct readout readout;
    const struct bytes whole =
        make(image, 1, cases[0].header, cases[0].body, cases[0].size);
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of just that size, so that a read past the end is seen. */
        char *const copy = malloc(size + 1);
        memcpy(copy, image, size);
        const struct bytes part = {copy, size};
        readout_run(&readout, "a,b", false, "npy", &part, 1);
        ck_assert_msg(readout.n == 1 && readout.n_rejected == 1, "%zu bytes: %s", size,
                      readout.text);
        free(copy);
    }
}
END_TEST

START_TEST(a_header_of_4_GiB_is_refused_unread)
{
    static const char image[] = "\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': ";
    const struct bytes part = {image, sizeof(image) - 1};
    struct readout readout;
    readout_run(&readout, "a", false, "npy", &part, 1);
    ck_assert_str_eq(readout.text, "header");
    ck_assert_uint_eq(npy_size(part), 0);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(npy_images_are_read_as_claimed, cases),
        UNIT(every_cut_of_an_image_is_one_rejected),
        UNIT(a_header_of_4_GiB_is_refused_unread),
    };
    return unit_run("npy", tests, COUNT(tests));
}
