/* SPDX-License-Identifier: MIT
 *
 * Headers of the reliable feed: places of the members, and what is refused. */
#include "reliable.h"

#include <string.h>

#include "crc32c.h"
#include "unit.h"

static const struct reliable data_header = {
    .type = RELIABLE_DATA,
    .code = 0x0201,
    .count = 0x06050403,
    .incarnation = 0x0e0d0c0b0a090807,
    .session = 0x161514131211100f,
    .a = 0x1e1d1c1b1a191817,
    .b = 0x262524232221201f,
    .c = 0x2e2d2c2b2a292827,
    .crc = 0x3231302f,
    .columns = 0x36353433,
    .source = "pump-7",
};

static struct bytes frame_of(const unsigned char *bytes)
{
    return (struct bytes){bytes, RELIABLE_SIZE};
}

START_TEST(members_lie_where_the_contract_says)
{
    unsigned char bytes[RELIABLE_SIZE + 1];
    reliable_encode(&data_header, bytes + 1); /* not aligned */
    ck_assert_uint_eq(bytes[1], RELIABLE_VERSION);
    ck_assert_uint_eq(bytes[2], 3);
    for (unsigned i = 2; i < 56; i++) { /* the members are numbered byte by byte */
        ck_assert_uint_eq(bytes[1 + i], i - 1);
    }
    ck_assert_mem_eq(bytes + 57,
                     "pump-7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
}
END_TEST

START_TEST(what_was_encoded_is_decoded)
{
    for (unsigned type = 1; type <= 7; type++) {
        unsigned char bytes[RELIABLE_SIZE + 1];
        struct reliable header = data_header;
        struct reliable back;
        header.type = (enum reliable_type)type;
        header.a = 5;
        reliable_encode(&header, bytes + 1);
        ck_assert_uint_eq(reliable_decode(frame_of(bytes + 1), &back), RELIABLE_CODE_OK);
        unsigned char again[RELIABLE_SIZE];
        reliable_encode(&back, again);
        ck_assert_mem_eq(again, bytes + 1, RELIABLE_SIZE);
        ck_assert_ptr_nonnull(reliable_type_name(type));
    }
}
END_TEST

/* One byte changed makes a header invalid. */
static const struct {
    const char *claim;
    unsigned at, value;
} bad_bytes[] = {
    {"version 0", 0, 0},
    {"version 2", 0, 2},
    {"type 0", 1, 0},
    {"type 8", 1, 8},
    {"an empty source", 56, 0},
    {"a slash", 57, '/'},
    {"a blank", 58, ' '},
    {"a control character", 58, 7},
    {"a byte over 127", 58, 0xc3},
    {"something after the NUL", 70, 'x'},
    {"something at the end", 87, 'x'},
};

START_TEST(one_bad_byte_is_refused)
{
    unsigned char bytes[RELIABLE_SIZE];
    struct reliable header = data_header;
    reliable_encode(&header, bytes);
    ck_assert_uint_eq(reliable_decode(frame_of(bytes), &header), RELIABLE_CODE_OK);
    bytes[bad_bytes[_i].at] = (unsigned char)bad_bytes[_i].value;
    ck_assert_msg(reliable_decode(frame_of(bytes), &header) == RELIABLE_CODE_HEADER, "%s",
                  bad_bytes[_i].claim);
}
END_TEST

START_TEST(another_size_is_refused)
{
    unsigned char bytes[2 * RELIABLE_SIZE] = {0};
    struct reliable header;
    reliable_encode(&data_header, bytes);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        ck_assert_uint_eq(reliable_decode((struct bytes){bytes, size}, &header),
                          size == RELIABLE_SIZE ? RELIABLE_CODE_OK
                                                : RELIABLE_CODE_HEADER);
    }
}
END_TEST

static const struct {
    const char *name;
    bool is_valid;
} names[] = {
    {"a", true},
    {"A-z_0.9", true},
    {"0123456789012345678901234567890", true},
    {"01234567890123456789012345678901", false},
    {"", false},
    {"../a", false},
    {"a b", false},
    {"\xc3\xa4", false},
};

START_TEST(names_of_sources)
{
    ck_assert_msg(reliable_source_is_valid(names[_i].name, strlen(names[_i].name)) ==
                      names[_i].is_valid,
                  "'%s'", names[_i].name);
}
END_TEST

static const struct {
    enum reliable_type type;
    uint64_t a, b;
    uint32_t count;
    bool is_good;
} numbers[] = {
    {RELIABLE_HELLO, 0, 0, 0, true}, /* nothing yet, either way */
    {RELIABLE_HELLO, 1, 0, 0, true},
    {RELIABLE_HELLO, 1, 1, 0, true},
    {RELIABLE_HELLO, 8, 7, 0, true},
    {RELIABLE_HELLO, 9, 7, 0, false},
    {RELIABLE_HELLO, 0, 7, 0, false},
    {RELIABLE_HELLO, UINT64_MAX, UINT64_MAX - 1, 0, true},
    {RELIABLE_HELLO, 1, UINT64_MAX, 0, false},
    {RELIABLE_DATA, 0, 0, 1, false},
    {RELIABLE_DATA, 1, 0, 1, true},
    {RELIABLE_DATA, UINT64_MAX - 1, 0, 1, true},
    {RELIABLE_DATA, UINT64_MAX - 1, 0, 2, false},
    {RELIABLE_DATA, UINT64_MAX, 0, 1, false},
    {RELIABLE_DATA, UINT64_MAX, 0, 0, false},
    {RELIABLE_DATA, UINT64_MAX - UINT32_MAX, 0, UINT32_MAX, true},
};

START_TEST(numbers_count_from_1_and_do_not_wrap)
{
    unsigned char bytes[RELIABLE_SIZE];
    struct reliable header = {.type = numbers[_i].type,
                              .count = numbers[_i].count,
                              .a = numbers[_i].a,
                              .b = numbers[_i].b,
                              .source = "a"};
    reliable_encode(&header, bytes);
    ck_assert_int_eq(reliable_decode(frame_of(bytes), &header) == RELIABLE_CODE_OK,
                     numbers[_i].is_good);
}
END_TEST

START_TEST(an_error_may_name_no_source)
{
    unsigned char bytes[RELIABLE_SIZE];
    struct reliable header = {.type = RELIABLE_ERR, .code = RELIABLE_CODE_SESSION};
    reliable_encode(&header, bytes);
    ck_assert_uint_eq(reliable_decode(frame_of(bytes), &header), RELIABLE_CODE_OK);
    ck_assert_str_eq(header.source, "");
    bytes[RELIABLE_SIZE - 1] = 'x'; /* behind the first NUL */
    ck_assert_uint_eq(reliable_decode(frame_of(bytes), &header), RELIABLE_CODE_HEADER);
}
END_TEST

static const double rows[2][2] = {{1, 2}, {3, 4}};

static const struct {
    uint32_t count, columns;
    size_t size;
    bool is_good;
} payloads[] = {
    {2, 2, sizeof(rows), true},
    {1, 2, sizeof(rows), false},
    {4, 1, sizeof(rows), false},
    {2, 2, sizeof(rows) - 1, false},
    {0, 2, 0, false},
    {2, 2, 0, false},
    {UINT32_MAX, 2, 8, false},
    {2, 0, sizeof(rows), false},
    {1, UINT32_MAX, sizeof(rows), false},
    {1, 2, sizeof(rows) / 2, true},
};

START_TEST(a_payload_fits_its_header_and_the_stream)
{
    const char *why;
    const struct bytes payload = {rows, payloads[_i].size};
    struct reliable header = {.count = payloads[_i].count,
                              .columns = payloads[_i].columns,
                              .crc = crc32c(rows, payloads[_i].size)};
    const bool is_good =
        reliable_check_payload(&header, payload, 2, &why) == RELIABLE_CODE_OK;
    ck_assert_int_eq(is_good, payloads[_i].is_good);
    ck_assert_int_eq(why == NULL, is_good);
    header.crc ^= 1;
    ck_assert_uint_eq(reliable_check_payload(&header, payload, 2, &why),
                      RELIABLE_CODE_PAYLOAD);
}
END_TEST

START_TEST(every_code_has_a_meaning_of_its_own)
{
    for (unsigned i = 0; i <= 10; i++) {
        for (unsigned k = 0; k < i; k++) {
            ck_assert_str_ne(reliable_code_meaning(i), reliable_code_meaning(k));
        }
    }
    ck_assert_ptr_null(reliable_type_name(0));
    ck_assert_ptr_null(reliable_type_name(8));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(members_lie_where_the_contract_says),
        UNIT(what_was_encoded_is_decoded),
        UNIT_LOOP(one_bad_byte_is_refused, bad_bytes),
        UNIT(another_size_is_refused),
        UNIT_LOOP(names_of_sources, names),
        UNIT_LOOP(numbers_count_from_1_and_do_not_wrap, numbers),
        UNIT(an_error_may_name_no_source),
        UNIT_LOOP(a_payload_fits_its_header_and_the_stream, payloads),
        UNIT(every_code_has_a_meaning_of_its_own),
    };
    return unit_run("reliable", tests, COUNT(tests));
}
