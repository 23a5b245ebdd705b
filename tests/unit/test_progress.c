/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <math.h>
#include <string.h>

#include "unit.h"

static const struct {
    struct progress_state state;
    double elapsed_s;
    const char *text;
} lines[] = {
    {{0.5, 1200000, NULL},
     10,
     "[============>           ]  50 %  1.20 M points  120 k/s  0:10 left"},
    {{1, 999, NULL},
     3,
     "[========================] 100 %  999 points  333/s  0:00 left"},
    {{(double)NAN, 31000, "waiting"}, 2, "31.0 k points  15.5 k/s  waiting"},
    {{0.001, 0, "start 1"}, 20, "[>                       ]   0 %  5:33:00 left  start 1"},
    {{(double)NAN, 0, "split and merge"}, 2, "split and merge"},
    /* The input may grow while it is read. */
    {{1.7, 5, NULL}, 0.5, "[========================] 100 %  5 points  10/s"},
};

START_TEST(a_line_says_share_count_pace_and_time_left)
{
    char text[256];
    progress_text(&lines[_i].state, lines[_i].elapsed_s, 200, text, sizeof(text));
    ck_assert_str_eq(text, lines[_i].text);
}
END_TEST

START_TEST(a_line_never_wraps)
{
    for (size_t width = 0; width < 100; width++) {
        char text[256];
        progress_text(&lines[0].state, 10, width, text, sizeof(text));
        ck_assert_uint_le(strlen(text), width);
    }
}
END_TEST

START_TEST(nothing_is_drawn_where_there_is_no_terminal)
{
    struct progress progress = progress_start(); /* standard error goes to a log */
    progress.is_shown = false;
    progress_show(&progress, &lines[0].state, true);
    ck_assert(!progress.is_drawn);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_line_says_share_count_pace_and_time_left, lines),
        UNIT(a_line_never_wraps),
        UNIT(nothing_is_drawn_where_there_is_no_terminal),
    };
    return unit_run("progress", tests, COUNT(tests));
}
