/* SPDX-License-Identifier: MIT
 *
 * Decimal text to double. Three ways, each exact or aware that it is not:
 *
 *  1. Both the digits w and 10^|q| are doubles without error (w <= 2^53, |q| <= 22): one
 *     multiplication or division rounds once. W. D. Clinger, How to read floating point
 *     numbers accurately, PLDI 1990.
 *  2. w 10^q = (w 5^q) 2^q with a 128-bit 5^q, after D. Lemire, Number parsing at a
 *     gigabyte per second, SPE 51 (2021). Where he proves that 128 bits always suffice,
 *     we keep a table of 53 numbers instead of 651, know that the product is less than
 *     4 units too small in its 128th bit, and take the result if that does not matter.
 *  3. Else the value is compared in whole numbers with the halfway point between two
 *     neighbouring doubles (big.c).
 */
#include "number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "big.h"
#include "power.h"

/* As many digits as always fit in 64 bits. */
#define DIGITS_MAX 19
/* Exponents are cut off here: far past any double, far from an overflow. */
#define EXPONENT_MAX 1000000
/* Digits past this one only tell a number from a halfway point: one that is not zero
 * says as much as all (767 digits are the most that a halfway point has). */
#define EXACT_DIGITS 770

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool is_negative = false;
    if (at < end && (*at == '+' || *at == '-')) {
        is_negative = *at++ == '-';
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    int64_t sum = 0;
    for (; at < end && is_digit(*at); at++) {
        if (sum < EXPONENT_MAX) {
            sum = 10 * sum + (*at - '0');
        }
    }
    *exponent = is_negative ? -sum : sum;
    return at;
}

/* The digits of a number: where they stand, and their value where that fits. */
struct digits {
    const char *first; /* the first digit that is not zero */
    const char *end;   /* after the last digit */
    size_t n;          /* digits in [first, end), without the point */
    uint64_t value;    /* of all of them when n <= DIGITS_MAX */
    int64_t power;     /* the number is value 10^power */
};

/* Eight bytes, the first one lowest. */
static uint64_t load_8(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(bytes) : bytes;
}

/* Whether all eight bytes are digits: the high half of each is 3, and stays so when 6 is
 * added. */
static bool are_digits(uint64_t bytes)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
    const uint64_t threes = UINT64_C(0x3030303030303030);
    const uint64_t sixes = UINT64_C(0x0606060606060606);
    return ((bytes & high) == threes) && (((bytes + sixes) & high) == threes);
}

/* Their value: a product with 10 2^8 + 1 makes pairs of neighbours, of which the lower
 * one counts tenfold; then pairs of pairs, and pairs of those. */
static uint64_t eight_digits(uint64_t bytes)
{
    const uint64_t one = (10 << 8) + 1;
    const uint64_t two = (100 << 16) + 1;
    const uint64_t four = (UINT64_C(10000) << 32) + 1;
    bytes = (bytes & UINT64_C(0x0f0f0f0f0f0f0f0f)) * one >> 8;
    bytes = (bytes & UINT64_C(0x00ff00ff00ff00ff)) * two >> 16;
    return (bytes & UINT64_C(0x0000ffff0000ffff)) * four >> 32;
}

/* Reads digits as they come, onto a value that wraps when there are too many. */
static const char *take_digits(const char *at, const char *end, uint64_t *value)
{
    while (end - at >= 8 && are_digits(load_8(at))) {
        *value = 100000000 * *value + eight_digits(load_8(at));
        at += 8;
    }
    while (at < end && is_digit(*at)) {
        *value = 10 * *value + (uint64_t)(*at++ - '0');
    }
    return at;
}

/* [0-9]+ ( '.' [0-9]+ )?, without a leading zero before another digit. */
static const char *read_digits(const char *at, const char *end, struct digits *digits)
{
    const char *const begin = at;
    uint64_t value = 0;
    while (at < end && is_digit(*at)) { /* mostly one or two */
        value = 10 * value + (uint64_t)(*at++ - '0');
    }
    if (at == begin || (*begin == '0' && at - begin > 1)) {
        return NULL;
    }
    digits->power = 0;
    const char *point = at;
    if (at < end && *at == '.') {
        at = take_digits(at + 1, end, &value);
        if (at == point + 1) {
            return NULL;
        }
        digits->power = point + 1 - at;
    }
    digits->value = value;
    digits->end = at;
    digits->n = (size_t)(at - begin) - (at > point ? 1 : 0);
    digits->first = begin;
    if (digits->n > DIGITS_MAX) {
        /* Leading zeros do not count: 0.000…. */
        while (digits->first < at && (*digits->first == '0' || *digits->first == '.')) {
            digits->n -= *digits->first == '0' ? 1 : 0;
            digits->first++;
        }
    }
    return at;
}

/* Makes a double of mantissa and exponent bits; adding one to the bits is the next
 * double, up to and including infinity. */
static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The double nearest to p 2^exponent, as bits; p has its highest bit set. */
static uint64_t round_product(struct power_u128 p, int exponent)
{
    /* The value is in [2^(e), 2^(e+1)). */
    const int e = exponent + 127;
    if (e > 1023) {
        return POWER_INFINITY;
    }
    /* Bits of the mantissa: 53, fewer for a denormal, none below the smallest. */
    const int n_bits = e >= -1022 ? 53 : 53 - (-1022 - e);
    if (n_bits < 0) {
        return 0;
    }
    const int shift = 64 - n_bits;
    uint64_t mantissa = shift < 64 ? p.high >> shift : 0;
    const uint64_t half = (uint64_t)1 << (shift - 1);
    const uint64_t rest = shift < 64 ? p.high & ((half << 1) - 1) : p.high;
    const bool is_above = rest > half || (rest == half && p.low != 0);
    if (is_above || (rest == half && (mantissa & 1) != 0)) {
        mantissa++;
    }
    /* A carry out of the mantissa moves on to the next exponent by itself. */
    const uint64_t biased = e >= -1022 ? (uint64_t)(e + 1022) : 0;
    return (biased << 52) + mantissa;
}

/* w 10^q as bits, w > 0. False if the 128 bits do not decide. */
static bool multiply(uint64_t w, int64_t q, uint64_t *bits)
{
    if (q < POWER_MIN || q > POWER_MAX) {
        *bits = q < 0 ? 0 : POWER_INFINITY;
        return q > 0 || q < POWER_MIN - DIGITS_MAX;
    }
    int exponent;
    const struct power_u128 low = power_multiply(w, (int)q, &exponent);
    const struct power_u128 high = {low.high + (low.low > UINT64_MAX - 4 ? 1 : 0),
                                    low.low + 4};
    *bits = round_product(low, exponent);
    return high.high >= low.high && *bits == round_product(high, exponent);
}

/* The first DIGITS_MAX digits; *power is that of the last of them. */
static uint64_t first_digits(const struct digits *digits, int64_t *power)
{
    uint64_t value = 0;
    size_t n = 0;
    for (const char *at = digits->first; n < DIGITS_MAX && n < digits->n; at++) {
        if (*at != '.') {
            value = 10 * value + (uint64_t)(*at - '0');
            n++;
        }
    }
    *power = digits->power + (int64_t)(digits->n - n);
    return value;
}

/* All digits as a whole number, but for those that cannot matter; *power is that of its
 * last digit and goes in as that of the last digit of the text. */
static void gather_digits(const struct digits *digits, struct big *number, int64_t *power)
{
    size_t n = 0;
    bool has_rest = false;
    big_set(number, 0);
    for (const char *at = digits->first; at < digits->end; at++) {
        if (*at != '.' && n < EXACT_DIGITS) {
            big_multiply_add(number, 10, (uint32_t)(*at - '0'));
            n++;
        } else if (*at != '.' && *at != '0') {
            has_rest = true;
        }
    }
    *power += (int64_t)(digits->n - n);
    if (has_rest) {
        big_multiply_add(number, 10, 1);
        --*power;
    }
}

/* -1, 0, 1: the number is below, at, above the halfway point between the double with
 * these bits and the next one, (2 m + 1) 2^two for a mantissa of m. */
static int compare_halfway(const struct digits *digits, int64_t power, uint64_t bits)
{
    const uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    const int biased = (int)(bits >> 52);
    const uint64_t m = biased > 0 ? fraction | UINT64_C(1) << 52 : fraction;
    const int two = (biased > 0 ? biased - 1075 : -1074) - 1;
    struct big number;
    struct big halfway;
    gather_digits(digits, &number, &power);
    big_set(&halfway, 2 * m + 1);
    big_power5(power >= 0 ? &number : &halfway, power >= 0 ? power : -power);
    if (power >= two) {
        big_shift(&number, (size_t)(power - two));
    } else {
        big_shift(&halfway, (size_t)(two - power));
    }
    return big_compare(&number, &halfway);
}

/* Steps from a double near the number to the nearest one. */
static uint64_t settle(const struct digits *digits, int64_t power, uint64_t bits)
{
    while (bits < POWER_INFINITY) {
        const int order = compare_halfway(digits, power, bits);
        if (order < 0 || (order == 0 && (bits & 1) == 0)) {
            break;
        }
        bits++;
    }
    while (bits > 0) {
        const int order = compare_halfway(digits, power, bits - 1);
        if (order > 0 || (order == 0 && (bits & 1) == 0)) {
            break;
        }
        bits--;
    }
    return bits;
}

/* The nearest double, as bits, of digits 10^exponent. */
static uint64_t round_digits(const struct digits *digits, int64_t exponent)
{
    uint64_t bits;
    uint64_t next;
    if (digits->n <= DIGITS_MAX) {
        if (multiply(digits->value, digits->power + exponent, &bits)) {
            return bits;
        }
    } else {
        int64_t power;
        const uint64_t w = first_digits(digits, &power);
        if (multiply(w, power + exponent, &bits) &&
            multiply(w + 1, power + exponent, &next) && bits == next) {
            return bits;
        }
    }
    return settle(digits, digits->power + exponent, bits);
}

const char *number_read(const char *at, const char *end, double *value)
{
    static const double ten_to[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool is_negative = at < end && *at == '-';
    struct digits digits;
    at = read_digits(is_negative ? at + 1 : at, end, &digits);
    int64_t exponent = 0;
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at = read_exponent(at + 1, end, &exponent);
    }
    if (at == NULL) {
        return NULL;
    }
    const int64_t q = digits.power + exponent;
    double size;
    if (digits.n == 0 || (digits.n <= DIGITS_MAX && digits.value == 0)) {
        size = 0.0;
    } else if (digits.n <= DIGITS_MAX && digits.value <= UINT64_C(1) << 53 && q >= -22 &&
               q <= 22) {
        const double w = (double)digits.value;
        size = q < 0 ? w / ten_to[-q] : w * ten_to[q];
    } else {
        size = from_bits(round_digits(&digits, exponent));
    }
    *value = is_negative ? -size : size;
    return at;
}

/* The decimal mark of the locale, which may have several bytes, becomes a point. */
static size_t use_point(char *text, size_t length)
{
    const char *const mark = localeconv()->decimal_point;
    const size_t size = strlen(mark);
    char *found = size == 0 || strcmp(mark, ".") == 0 ? NULL : strstr(text, mark);
    if (found == NULL) {
        return length;
    }
    *found = '.';
    memmove(found + 1, found + size, length - (size_t)(found - text) - size + 1);
    return length - size + 1;
}

size_t number_write(char text[NUMBER_SIZE], double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740992.0 &&
        !(value == 0.0 && signbit(value))) {
        return (size_t)snprintf(text, NUMBER_SIZE, "%lld", (long long)value);
    }
    size_t length = 0;
    for (int precision = 15; precision <= 17; precision++) {
        length = (size_t)snprintf(text, NUMBER_SIZE, "%.*g", precision, value);
        length = use_point(text, length);
        double back = 0;
        if (number_read(text, text + length, &back) == text + length && back == value) {
            break;
        }
    }
    return length;
}
