/* SPDX-License-Identifier: MIT
 *
 * ISO 8601 without the C library's clock functions: those know time zones and locales,
 * and cost more than the rest of the row. */
#include "isotime.h"

#include <math.h>
#include <stdint.h>

#include "number.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c) {
        return false;
    }
    cursor->at++;
    return true;
}

/* Exactly n digits, within [low, high]. */
static bool take_digits(struct cursor *cursor, int n, int low, int high, int *value)
{
    int sum = 0;
    for (int i = 0; i < n; i++, cursor->at++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9') {
            return false;
        }
        sum = 10 * sum + (*cursor->at - '0');
    }
    *value = sum;
    return sum >= low && sum <= high;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in
 * March, so that the leap day is the last one. */
static int64_t days_since_1970(int year, int month, int day)
{
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t m = month > 2 ? month - 3 : month + 9;
    const int64_t leap_days = y / 4 - y / 100 + y / 400;
    return 365 * y + leap_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* ".123" after the seconds; the digits as a number below 1. */
static bool take_fraction(struct cursor *cursor, double *fraction)
{
    *fraction = 0.0;
    if (cursor->at == cursor->end || (*cursor->at != '.' && *cursor->at != ',')) {
        return true;
    }
    const char *const first = ++cursor->at;
    double scale = 1.0;
    double sum = 0.0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
         cursor->at++) {
        if (scale < 1e15) { /* whole numbers below 2^53 are exact */
            scale *= 10.0;
            sum = 10.0 * sum + (*cursor->at - '0');
        }
    }
    *fraction = sum / scale;
    return cursor->at > first;
}

/* Nothing, Z, or an offset in seconds. */
static bool take_zone(struct cursor *cursor, int64_t *offset)
{
    *offset = 0;
    if (cursor->at == cursor->end || take(cursor, 'Z') || take(cursor, 'z')) {
        return true;
    }
    const bool is_west = take(cursor, '-');
    int hours;
    int minutes = 0;
    if ((!is_west && !take(cursor, '+')) || !take_digits(cursor, 2, 0, 23, &hours)) {
        return false;
    }
    if (cursor->at < cursor->end) {
        take(cursor, ':');
        if (!take_digits(cursor, 2, 0, 59, &minutes)) {
            return false;
        }
    }
    *offset = (is_west ? -1 : 1) * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return true;
}

static bool read_date(struct cursor *cursor, int64_t *days)
{
    int year;
    int month;
    int day;
    if (!take_digits(cursor, 4, 1, 9999, &year) || !take(cursor, '-') ||
        !take_digits(cursor, 2, 1, 12, &month) || !take(cursor, '-') ||
        !take_digits(cursor, 2, 1, 31, &day) || day > days_in_month(year, month)) {
        return false;
    }
    *days = days_since_1970(year, month, day);
    return true;
}

static bool read_clock(struct cursor *cursor, int64_t *seconds, double *fraction)
{
    int hour;
    int minute;
    int second = 0;
    *fraction = 0.0;
    if (!take_digits(cursor, 2, 0, 23, &hour) || !take(cursor, ':') ||
        !take_digits(cursor, 2, 0, 59, &minute)) {
        return false;
    }
    if (take(cursor, ':') &&
        (!take_digits(cursor, 2, 0, 60, &second) || !take_fraction(cursor, fraction))) {
        return false;
    }
    *seconds = hour * INT64_C(3600) + minute * INT64_C(60) + second;
    return true;
}

bool isotime_read(const char *text, size_t size, double *seconds)
{
    struct cursor cursor = {text, text + size};
    const char *const number_end = number_read(cursor.at, cursor.end, seconds);
    if (number_end != NULL && number_end == cursor.end) {
        return isfinite(*seconds);
    }
    int64_t days;
    int64_t clock = 0;
    int64_t offset = 0;
    double fraction = 0.0;
    if (!read_date(&cursor, &days)) {
        return false;
    }
    if (cursor.at < cursor.end) {
        if ((!take(&cursor, 'T') && !take(&cursor, 't') && !take(&cursor, ' ')) ||
            !read_clock(&cursor, &clock, &fraction) || !take_zone(&cursor, &offset)) {
            return false;
        }
    }
    *seconds = (double)(days * 86400 + clock - offset) + fraction;
    return cursor.at == cursor.end;
}
