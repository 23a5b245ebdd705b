/* SPDX-License-Identifier: MIT
 *
 * number.c against the C library's strtod, which is correctly rounded in glibc, and
 * against itself under a locale with a decimal comma. */
#include "number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "unit.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The text is one number, and the same one as strtod's, bit for bit. */
static void check_text(const char *text, uint64_t seed)
{
    double value = 0.0;
    const char *const end = text + strlen(text);
    ck_assert_msg(number_read(text, end, &value) == end, "%s is not read (seed %llu)",
                  text, (unsigned long long)seed);
    const double wanted = strtod(text, NULL);
    ck_assert_msg(bits_of(value) == bits_of(wanted),
                  "%s gives %.17g, strtod %.17g (seed %llu)", text, value, wanted,
                  (unsigned long long)seed);
}

static const char *const hard[] = {
    "0",
    "-0",
    "0.0",
    "-0.0e5",
    "0e99999999999999999999",
    "1e-99999999999999999999",
    "9007199254740993",
    "9007199254740992.5",
    "9007199254740993.00000000000000000000001",
    "9007199254740992.99999999999999999999",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "17976931348623159e292",
    "2.2250738585072011e-308",
    "2.2250738585072012e-308",
    "2.2250738585072014e-308",
    "4.9e-324",
    "5e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.47032822920623272e-324",
    "2.4703282292062327208299493e-324",
    "3e-324",
    "2e-324",
    "1e-400",
    "-1e-400",
    "1e400",
    "-1e400",
    "1e308",
    "1e309",
    "1e22",
    "1e23",
    "8e22",
    "9e22",
    "123456789012345678901234567890",
    "0.000000000000000000000000000000000000000012345678901",
    "6.631236846766476e-316",
    "3.2378839133029012895883524125015321748630e-322",
    /* Halfway between two doubles, and a trace above (C. Wilson; V. Paxson 1991). */
    "5e-20",
    "67e14",
    "985e15",
    "7693e-42",
    "55895e-16",
    "996622e-44",
    "7038531e-32",
    "60419369e-46",
    "702990899e-20",
    "6930161142e-48",
    "25933168707e-46",
    "79819e-100",
    "9214843084008499",
    "0.500000000000000166533453693773481063544750213623046875",
    "3.518437208883201171875e13",
    "62.5364939768271845828",
    "8.10109172351e-10",
    "1.50000000000000011102230246251565",
    "31.245270191439438",
    "1448997445238699",
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
};

START_TEST(hard_numbers_are_the_nearest_double)
{
    check_text(hard[_i], 0);
}
END_TEST

START_TEST(every_double_comes_back_from_its_digits)
{
    const uint64_t seed = unit_seed(20260101);
    uint64_t state = seed;
    for (int i = 0; i < 200000; i++) {
        const double value = of_bits(unit_random(&state));
        char text[64];
        if (!isfinite(value)) {
            continue;
        }
        snprintf(text, sizeof(text), "%.*g", (int)(unit_random(&state) % 20) + 1, value);
        check_text(text, seed);
    }
}
END_TEST

START_TEST(random_digits_and_powers_are_the_nearest_double)
{
    const uint64_t seed = unit_seed(20260102);
    uint64_t state = seed;
    for (int i = 0; i < 200000; i++) {
        char text[128];
        const unsigned long long whole =
            unit_random(&state) >> (unit_random(&state) % 64);
        const unsigned long long fraction = unit_random(&state);
        snprintf(text, sizeof(text), "%llu.%llue%d", whole, fraction,
                 (int)(unit_random(&state) % 720) - 360);
        check_text(text, seed);
    }
}
END_TEST

/* The exact decimal value of the middle between two neighbours, which has up to 767
 * digits, then the same with a 1 far behind, and cut by its last digit. */
START_TEST(halfway_points_go_to_the_even_neighbour)
{
    const uint64_t seed = unit_seed(20260103);
    uint64_t state = seed;
    for (int i = 0; i < 2000; i++) {
        const uint64_t bits = unit_random(&state) & ~(UINT64_C(1) << 63);
        const double low = of_bits(bits);
        const double high = of_bits(bits + 1);
        char text[1700];
        if (!isfinite(high) || sizeof(long double) <= sizeof(double)) {
            continue;
        }
        const long double middle = ((long double)low + (long double)high) / 2;
        const int length = snprintf(text, 1600, "%.*Le", 780, middle);
        check_text(text, seed);
        char *const exponent = strchr(text, 'e');
        char after[32];
        snprintf(after, sizeof(after), "0000000001%s", exponent);
        memcpy(exponent, after, strlen(after) + 1);
        check_text(text, seed);
        ck_assert_int_gt(length, 780);
    }
}
END_TEST

START_TEST(digits_past_any_limit_still_decide)
{
    static char text[70000];
    memset(text, '0', sizeof(text));
    memcpy(text, "9007199254740993.", 17);
    text[65000] = '1';
    text[65001] = '\0';
    check_text(text, 0); /* above the halfway point by its last digit only */
    text[65000] = '\0';
    check_text(text, 0);
    memset(text, '9', 65000);
    check_text(text, 0); /* infinite */
    memcpy(text, "0.", 2);
    check_text(text, 0); /* 1 */
    memset(text + 2, '0', 64000);
    check_text(text, 0); /* 0 */
}
END_TEST

static const char *const wrong[] = {
    "",    "-",        "+1",   ".5", "-.5", "e5", "nan", "NaN",
    "inf", "Infinity", "-inf", " 1", "--1", "٣",  ",5",
};

START_TEST(what_is_no_number_is_refused)
{
    double value;
    const char *const text = wrong[_i];
    ck_assert_ptr_null(number_read(text, text + strlen(text), &value));
}
END_TEST

/* What is read of a text that goes on: JSON takes no leading zero, no bare point, no
 * hexadecimal and no grouping. */
static const struct {
    const char *text;
    size_t length; /* 0: refused */
} prefixes[] = {
    {"1,5", 1}, {"0x10", 1},  {"1 ", 1},  {"12abc", 2}, {"1.5.2", 3}, {"1_000", 1},
    {"01", 0},  {"00", 0},    {"-01", 0}, {"1.", 0},    {"1.e5", 0},  {"1e", 0},
    {"1e+", 0}, {"1e5.5", 3}, {"1f", 1},  {"1E5", 3},   {"1e+05", 5}, {"-0", 2},
};

START_TEST(a_number_ends_where_its_grammar_ends)
{
    double value;
    const char *const text = prefixes[_i].text;
    const char *const end = number_read(text, text + strlen(text), &value);
    const size_t length = end == NULL ? 0 : (size_t)(end - text);
    ck_assert_msg(length == prefixes[_i].length, "%s: %zu bytes read", text, length);
}
END_TEST

START_TEST(reading_stops_at_the_end_that_is_given)
{
    double value;
    const char text[] = {'1', '2', '3'};
    ck_assert_ptr_eq(number_read(text, text + 2, &value), text + 2);
    ck_assert(value == 12.0);
    ck_assert_ptr_null(number_read(text, text, &value));
}
END_TEST

START_TEST(written_numbers_come_back_bit_for_bit)
{
    const uint64_t seed = unit_seed(20260104);
    uint64_t state = seed;
    static const double some[] = {0.0,
                                  -0.0,
                                  1.0,
                                  -1.0,
                                  0.1,
                                  1e22,
                                  9007199254740993.0,
                                  1e150,
                                  5e-324,
                                  2.2250738585072014e-308,
                                  1.7976931348623157e308};
    for (size_t i = 0; i < COUNT(some) + 20000; i++) {
        const double value = i < COUNT(some) ? some[i] : of_bits(unit_random(&state));
        char text[NUMBER_SIZE];
        double back;
        if (!isfinite(value)) {
            continue;
        }
        const size_t length = number_write(text, value);
        ck_assert_uint_lt(length, NUMBER_SIZE);
        ck_assert_uint_eq(length, strlen(text));
        ck_assert_ptr_eq(number_read(text, text + length, &back), text + length);
        ck_assert_msg(bits_of(back) == bits_of(value), "%s (seed %llu)", text,
                      (unsigned long long)seed);
    }
}
END_TEST

/* A locale with a decimal comma: one that is installed, else one made for the test. */
static bool use_comma(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    char folder[] = "/tmp/mixd-locale-XXXXXX";
    char command[256];
    if (mkdtemp(folder) != NULL) {
        snprintf(command, sizeof(command),
                 "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
        if (system(command) == 0) {
            setenv("LOCPATH", folder, 1);
        }
    }
    bool has_comma = false;
    for (size_t i = 0; i < COUNT(names) && !has_comma; i++) {
        has_comma = setlocale(LC_ALL, names[i]) != NULL;
    }
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 && has_comma;
}

START_TEST(a_decimal_comma_of_the_locale_changes_nothing)
{
    char text[NUMBER_SIZE];
    double value;
    if (!use_comma()) {
        return; /* no such locale, and no localedef to make one */
    }
    ck_assert_str_eq(localeconv()->decimal_point, ",");
    ck_assert_uint_eq(number_write(text, 0.5), 3);
    ck_assert_str_eq(text, "0.5");
    ck_assert_ptr_nonnull(number_read(text, text + 3, &value));
    ck_assert(value == 0.5);
    ck_assert_uint_eq(number_write(text, 1.0 / 3.0), 18);
    ck_assert_str_eq(text, "0.3333333333333333");
    const char comma[] = "1,5";
    ck_assert_ptr_eq(number_read(comma, comma + 3, &value), comma + 1);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(hard_numbers_are_the_nearest_double, hard),
        UNIT(every_double_comes_back_from_its_digits),
        UNIT(random_digits_and_powers_are_the_nearest_double),
        UNIT(halfway_points_go_to_the_even_neighbour),
        UNIT(digits_past_any_limit_still_decide),
        UNIT_LOOP(what_is_no_number_is_refused, wrong),
        UNIT_LOOP(a_number_ends_where_its_grammar_ends, prefixes),
        UNIT(reading_stops_at_the_end_that_is_given),
        UNIT(written_numbers_come_back_bit_for_bit),
        UNIT(a_decimal_comma_of_the_locale_changes_nothing),
    };
    return unit_run("number", tests, COUNT(tests));
}
