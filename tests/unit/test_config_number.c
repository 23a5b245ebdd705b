/* SPDX-License-Identifier: MIT
 *
 * Numbers, durations and sizes of the configuration: what is read, what is refused, and
 * that what is printed reads back to the same bits. */
#include "config_number.h"

#include <math.h>
#include <string.h>

#include "unit.h"

static const char *const bad_counts[] = {
    "",    "-",   "-1",  "+1",  " 1",    "1 ",  "01",
    "0x1", "0o1", "1e3", "1.0", "1_000", "ten", "1\n",
};

START_TEST(counts_are_plain_decimal)
{
    uint64_t count = 7;
    ck_assert_int_eq(number_parse_count(bad_counts[_i], &count), NUMBER_MALFORMED);
    ck_assert_int_eq(number_parse_count("0", &count), NUMBER_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(number_parse_count("18446744073709551615", &count), NUMBER_OK);
    ck_assert_uint_eq(count, UINT64_MAX);
    ck_assert_int_eq(number_parse_count("18446744073709551616", &count), NUMBER_OVERFLOW);
}
END_TEST

static const char *const bad_reals[] = {
    "",    "-",    ".5",  "5.",  "1e", "1e+", "0x1p3",
    "inf", ".inf", "nan", "1,5", "+1", "01",  " 1",
};

START_TEST(reals_follow_the_grammar_of_json)
{
    double real;
    ck_assert_int_eq(number_parse_real(bad_reals[_i], &real), NUMBER_MALFORMED);
}
END_TEST

static const struct {
    const char *text;
    double real;
} good_reals[] = {
    {"0", 0},         {"-0.5", -0.5}, {"1e-3", 1e-3},
    {"1.25E+2", 125}, {"0.1", 0.1},   {"1e150", 1e150},
};

START_TEST(reals_are_correctly_rounded)
{
    double real;
    char again[NUMBER_SIZE];
    ck_assert_int_eq(number_parse_real(good_reals[_i].text, &real), NUMBER_OK);
    ck_assert(real == good_reals[_i].real);
    number_print_real(again, real);
    ck_assert_int_eq(number_parse_real(again, &real), NUMBER_OK);
    ck_assert(real == good_reals[_i].real);
    ck_assert_int_eq(number_parse_real("1e999", &real), NUMBER_OVERFLOW);
}
END_TEST

static const struct {
    const char *text;
    double seconds;
    const char *printed;
} durations[] = {
    {"1ms", 1e-3, "1ms"},    {"500ms", 0.5, "500ms"},    {"0.5s", 0.5, "500ms"},
    {"1s", 1, "1s"},         {"90s", 90, "90s"},         {"1.5min", 90, "90s"},
    {"10min", 600, "10min"}, {"1h", 3600, "1h"},         {"30d", 2592000, "30d"},
    {"24h", 86400, "1d"},    {"0.1ms", 1e-4, "0.0001s"}, {"1e3s", 1000, "1000s"},
};

START_TEST(durations_have_a_unit)
{
    double seconds;
    char printed[NUMBER_SIZE];
    ck_assert_int_eq(number_parse_duration(durations[_i].text, &seconds), NUMBER_OK);
    ck_assert_msg(seconds == durations[_i].seconds, "%s is %.17g", durations[_i].text,
                  seconds);
    number_print_duration(printed, seconds);
    ck_assert_str_eq(printed, durations[_i].printed);
}
END_TEST

static const char *const bad_durations[] = {
    "", "1", "s", "1 s", "1S", "1sec", "1m", "1e3", "0x1s", "-s", "1s1", "ms", "infs",
};

START_TEST(other_durations_are_refused)
{
    double seconds;
    ck_assert_int_eq(number_parse_duration(bad_durations[_i], &seconds),
                     NUMBER_MALFORMED);
    ck_assert_int_eq(number_parse_duration("1e999s", &seconds), NUMBER_OVERFLOW);
}
END_TEST

START_TEST(every_duration_reads_back_to_the_same)
{
    const uint64_t seed = unit_seed(20);
    uint64_t state = seed;
    for (size_t i = 0; i < 10000; i++) {
        /* From a microsecond to three years, on a logarithmic scale. */
        const double seconds =
            exp2((double)(unit_random(&state) >> 11) * 0x1p-53 * 46 - 20);
        double again = 0;
        char text[NUMBER_SIZE];
        number_print_duration(text, seconds);
        ck_assert_int_eq(number_parse_duration(text, &again), NUMBER_OK);
        ck_assert_msg(again == seconds, "seed %llu: %s", (unsigned long long)seed, text);
    }
}
END_TEST

static const struct {
    const char *text;
    uint64_t bytes;
    const char *printed;
} sizes[] = {
    {"0", 0, "0"},
    {"64", 64, "64"},
    {"1024", 1024, "1KiB"},
    {"1MiB", 1048576, "1MiB"},
    {"1536KiB", 1572864, "1536KiB"},
    {"2GiB", 2147483648, "2GiB"},
};

START_TEST(sizes_have_a_binary_unit_or_none)
{
    uint64_t bytes;
    char printed[NUMBER_SIZE];
    ck_assert_int_eq(number_parse_size(sizes[_i].text, &bytes), NUMBER_OK);
    ck_assert_uint_eq(bytes, sizes[_i].bytes);
    number_print_size(printed, bytes);
    ck_assert_str_eq(printed, sizes[_i].printed);
}
END_TEST

static const char *const bad_sizes[] = {"",       "MiB", "1MB",   "1M",
                                        "1.5MiB", "-1",  "1 KiB", "1e3"};

START_TEST(other_sizes_are_refused)
{
    uint64_t bytes;
    ck_assert_int_eq(number_parse_size(bad_sizes[_i], &bytes), NUMBER_MALFORMED);
    ck_assert_int_eq(number_parse_size("18014398509481984GiB", &bytes), NUMBER_OVERFLOW);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(counts_are_plain_decimal, bad_counts),
        UNIT_LOOP(reals_follow_the_grammar_of_json, bad_reals),
        UNIT_LOOP(reals_are_correctly_rounded, good_reals),
        UNIT_LOOP(durations_have_a_unit, durations),
        UNIT_LOOP(other_durations_are_refused, bad_durations),
        UNIT(every_duration_reads_back_to_the_same),
        UNIT_LOOP(sizes_have_a_binary_unit_or_none, sizes),
        UNIT_LOOP(other_sizes_are_refused, bad_sizes),
    };
    return unit_run("config_number", tests, COUNT(tests));
}
