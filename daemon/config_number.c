/* SPDX-License-Identifier: MIT
 *
 * Numbers as the configuration writes them. strtod(3) and strtoull(3) take more than
 * is wanted (" 1", "0x10", "inf"), so the form is checked before they see it. */
#include "config_number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The units of a kind, the largest first. A unit below 1 is given as its inverse, so
 * that 500ms is 500 / 1000 and correctly rounded. */
struct unit {
    const char *name;
    double multiplier;
    double divisor;
};

static const struct unit time_units[] = {
    {"d", 86400, 1}, {"h", 3600, 1}, {"min", 60, 1}, {"s", 1, 1}, {"ms", 1, 1000}};
static const struct unit size_units[] = {
    {"GiB", 1073741824, 1}, {"MiB", 1048576, 1}, {"KiB", 1024, 1}, {"", 1, 1}};

#define N_UNITS(units) (sizeof(units) / sizeof((units)[0]))

/* Length of the whole number that text begins with, 0 if there is none. A zero in front
 * would be octal to some readers. */
static size_t span_whole(const char *text)
{
    const size_t n = strspn(text, "0123456789");
    return n > 1 && text[0] == '0' ? 0 : n;
}

/* Length of the number, by the grammar of JSON, that text begins with. */
static size_t span_real(const char *text)
{
    size_t n = text[0] == '-' ? 1 : 0;
    const size_t whole = span_whole(text + n);
    if (whole == 0) {
        return 0;
    }
    n += whole;
    if (text[n] == '.') {
        const size_t fraction = strspn(text + n + 1, "0123456789");
        if (fraction == 0) {
            return 0;
        }
        n += 1 + fraction;
    }
    if (text[n] == 'e' || text[n] == 'E') {
        const size_t sign = text[n + 1] == '+' || text[n + 1] == '-' ? 1 : 0;
        const size_t exponent = strspn(text + n + 1 + sign, "0123456789");
        n += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return n;
}

enum number_result number_parse_count(const char *text, uint64_t *count)
{
    const size_t n = span_whole(text);
    if (n == 0 || text[n] != '\0') {
        return NUMBER_MALFORMED;
    }
    errno = 0;
    *count = strtoull(text, NULL, 10);
    return errno == 0 ? NUMBER_OK : NUMBER_OVERFLOW;
}

enum number_result number_parse_real(const char *text, double *real)
{
    const size_t n = span_real(text);
    if (n == 0 || text[n] != '\0') {
        return NUMBER_MALFORMED;
    }
    *real = strtod(text, NULL);
    return isfinite(*real) ? NUMBER_OK : NUMBER_OVERFLOW;
}

static const struct unit *find_unit(const struct unit *units, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(units[i].name, name) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

enum number_result number_parse_duration(const char *text, double *seconds)
{
    const size_t n = span_real(text);
    const struct unit *unit = find_unit(time_units, N_UNITS(time_units), text + n);
    if (n == 0 || unit == NULL) {
        return NUMBER_MALFORMED;
    }
    *seconds = strtod(text, NULL) * unit->multiplier / unit->divisor;
    return isfinite(*seconds) ? NUMBER_OK : NUMBER_OVERFLOW;
}

enum number_result number_parse_size(const char *text, uint64_t *bytes)
{
    const size_t n = span_whole(text);
    const struct unit *unit = find_unit(size_units, N_UNITS(size_units), text + n);
    if (n == 0 || unit == NULL) {
        return NUMBER_MALFORMED;
    }
    const uint64_t multiplier = (uint64_t)unit->multiplier;
    errno = 0;
    const uint64_t count = strtoull(text, NULL, 10);
    if (errno != 0 || count > UINT64_MAX / multiplier) {
        return NUMBER_OVERFLOW;
    }
    *bytes = count * multiplier;
    return NUMBER_OK;
}

void number_print_real(char out[NUMBER_SIZE], double real)
{
    for (int digits = 1; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(out, NUMBER_SIZE, "%.*g", digits, real);
        if (strtod(out, NULL) == real) {
            return;
        }
    }
}

void number_print_duration(char out[NUMBER_SIZE], double seconds)
{
    for (size_t i = 0; i < N_UNITS(time_units); i++) {
        const struct unit *unit = &time_units[i];
        const double count = seconds * unit->divisor / unit->multiplier;
        double again;
        if (count < 1 || count != floor(count) || count > 1e15) {
            continue;
        }
        snprintf(out, NUMBER_SIZE, "%.0f%s", count, unit->name);
        if (number_parse_duration(out, &again) == NUMBER_OK && again == seconds) {
            return;
        }
    }
    number_print_real(out, seconds);
    strncat(out, "s", NUMBER_SIZE - strlen(out) - 1);
}

void number_print_size(char out[NUMBER_SIZE], uint64_t bytes)
{
    for (size_t i = 0; i < N_UNITS(size_units); i++) {
        const uint64_t multiplier = (uint64_t)size_units[i].multiplier;
        if (bytes % multiplier == 0 && bytes > 0) {
            snprintf(out, NUMBER_SIZE, "%llu%s", (unsigned long long)(bytes / multiplier),
                     size_units[i].name);
            return;
        }
    }
    snprintf(out, NUMBER_SIZE, "0");
}
