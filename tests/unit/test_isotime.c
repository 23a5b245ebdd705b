/* SPDX-License-Identifier: MIT */
#include "isotime.h"

#include <string.h>
#include <time.h>

#include "unit.h"

static const struct {
    const char *text;
    double seconds;
} right[] = {
    {"0", 0},
    {"1790000000.123", 1790000000.123},
    {"-1.5", -1.5},
    {"1970-01-01", 0},
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01 00:00:00", 0},
    {"1970-01-01t00:00z", 0},
    {"1970-01-01T01:00:00+01:00", 0},
    {"1970-01-01T01:00:00+0100", 0},
    {"1970-01-01T01:00:00+01", 0},
    {"1969-12-31T19:00:00-05:00", 0},
    {"1970-01-01T00:00:00.25", 0.25},
    {"1970-01-01T00:00:00,25", 0.25},
    {"1970-01-01T00:00:00.123456789012345678901234567890Z", 0.123456789012345},
    {"1969-12-31T23:59:59.5Z", -0.5},
    {"2000-02-29", 951782400},
    {"2016-12-31T23:59:60Z", 1483228800},
    {"2020-03-09 10:14:33", 1583748873},
    {"9999-12-31T23:59:59Z", 253402300799},
    {"0001-01-01", -62135596800},
};

START_TEST(times_are_seconds_since_1970)
{
    double seconds = 0;
    ck_assert_msg(isotime_read(right[_i].text, strlen(right[_i].text), &seconds), "%s",
                  right[_i].text);
    ck_assert_msg(seconds == right[_i].seconds, "%s gives %.17g", right[_i].text,
                  seconds);
}
END_TEST

static const char *const wrong[] = {
    "",
    "now",
    "1e400",
    "nan",
    "1970-1-1",
    "1970-01-01T",
    "1970-01-01T00",
    "1970-01-01T24:00:00",
    "1970-01-01T00:60:00",
    "1970-01-01T00:00:61",
    "1970-13-01",
    "1970-00-01",
    "1970-01-00",
    "1970-01-32",
    "1970-04-31",
    "1900-02-29",
    "2001-02-29",
    "1970-01-01  00:00:00",
    "1970-01-01T00:00:00.",
    "1970-01-01T00:00:00X",
    "1970-01-01T00:00:00+1",
    "1970-01-01T00:00:00+24:00",
    "1970-01-01T00:00:00+01:60",
    "1970-01-01T00:00:00Z ",
    "0000-01-01",
    "01/02/1970",
    "1970-01-01T00:00:00+01:",
};

START_TEST(what_is_no_time_is_refused)
{
    double seconds;
    ck_assert_msg(!isotime_read(wrong[_i], strlen(wrong[_i]), &seconds), "%s", wrong[_i]);
}
END_TEST

START_TEST(every_day_of_four_centuries_agrees_with_timegm)
{
    for (time_t day = -80000; day < 80000; day++) {
        const time_t seconds = day * 86400 + 86399;
        struct tm parts;
        char text[64];
        double read = 0;
        gmtime_r(&seconds, &parts);
        const size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
        ck_assert(isotime_read(text, length, &read));
        ck_assert_msg(read == (double)seconds, "%s", text);
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(times_are_seconds_since_1970, right),
        UNIT_LOOP(what_is_no_time_is_refused, wrong),
        UNIT(every_day_of_four_centuries_agrees_with_timegm),
    };
    return unit_run("isotime", tests, COUNT(tests));
}
