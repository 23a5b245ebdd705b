/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <math.h>
#include <string.h>

#include "unit.h"

static char text[4096];

/* Where the drawing goes: text[] after close_text(). */
static FILE *open_text(void)
{
    memset(text, 0, sizeof(text));
    return fmemopen(text, sizeof(text), "w");
}

static const struct {
    double share;
    const char *letters;
    const char *blocks;
} bars[] = {
    {0, "    ", "    "},
    {1, "####", "\u2588\u2588\u2588\u2588"},
    {0.5, "##  ", "\u2588\u2588  "},
    {0.53125, "##  ", "\u2588\u2588\u258f "},
    {0.65625, "### ", "\u2588\u2588\u258b "},
    {-1, "    ", "    "},
    {2, "####", "\u2588\u2588\u2588\u2588"},
    {(double)NAN, "    ", "    "},
};

START_TEST(a_bar_is_as_long_as_its_share)
{
    FILE *out = open_text();
    view_bar(bars[_i].share, 4, false, out);
    fclose(out);
    ck_assert_str_eq(text, bars[_i].letters);
    out = open_text();
    view_bar(bars[_i].share, 4, true, out);
    fclose(out);
    ck_assert_str_eq(text, bars[_i].blocks);
}
END_TEST

START_TEST(a_sparkline_spans_what_it_shows)
{
    static const double values[] = {-100, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    const struct view_style style = {9, true};
    FILE *out = open_text();
    view_sparkline(values, COUNT(values), &style, out);
    fclose(out);
    /* -100 is too old for nine columns; 8 is the top, on one step with 7. */
    ck_assert_str_eq(text, "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588\u2588");
    out = open_text();
    view_sparkline(values, 1, &style, out); /* one value, or equal ones: the middle */
    fclose(out);
    ck_assert_str_eq(text, "\u2585");
    out = open_text();
    view_sparkline(values, 0, &style, out);
    fclose(out);
    ck_assert_str_eq(text, "");
}
END_TEST

static json_t *frame_of(bool has_model)
{
    json_t *frame = json_pack(
        "{s:s, s:i, s:f, s:i, s:i, s:f, s:[s,s], s:{s:i, s:i, s:{s:i}}}", "state",
        "learning", "seq", 41, "time", 1700000000.5, "points", 640, "updates", 10,
        "log_likelihood", -2.31, "fields", "temperature", "pressure", "ledger", "received",
        643, "learned", 640, "rejected", "value", 3);
    json_object_set_new(frame, "weights",
                        has_model ? json_pack("[f,f]", 0.25, 0.75) : json_null());
    json_object_set_new(frame, "means", has_model ? json_pack("[[f,f],[f,f]]", 1.0, -2.5,
                                                              1e-7, 123456.789)
                                                  : json_null());
    return frame;
}

START_TEST(a_line_has_state_counts_and_model)
{
    struct track track = {.name = (char[]){"boiler"}, .frame = frame_of(true)};
    FILE *out = open_text();
    view_line(&track, out);
    fclose(out);
    ck_assert_str_eq(text, "2023-11-14T22:13:20Z boiler seq 41 learning points 640 updates "
                           "10 log-likelihood -2.3100 weights 0.25 0.75 means (1 -2.5) "
                           "(1e-07 1.2346e+05)\n");
    json_decref(track.frame);
}
END_TEST

START_TEST(a_block_has_a_line_a_component)
{
    struct track track = {
        .name = (char[]){"boiler"}, .frame = frame_of(true), .rate = 10, .missed = 2};
    const struct view_style style = {80, false};
    FILE *out = open_text();
    view_block(&track, &style, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "boiler  learning  10 points/s  640 points"));
    ck_assert_ptr_nonnull(strstr(text, "temperature     pressure\n"));
    ck_assert_ptr_nonnull(strstr(
        text, "  0.2500 #####                            1         -2.5\n"));
    ck_assert_ptr_nonnull(strstr(
        text, "  0.7500 ###############              1e-07       123457\n"));
    ck_assert_ptr_nonnull(strstr(text, "rejected value 3  (2 frames missed)\n"));
    json_decref(track.frame);
}
END_TEST

START_TEST(before_the_first_model_there_is_none_to_draw)
{
    struct track track = {
        .name = (char[]){"boiler"}, .frame = frame_of(false), .rate = (double)NAN};
    const struct view_style style = {80, false};
    FILE *out = open_text();
    view_block(&track, &style, out);
    view_line(&track, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "no model yet"));
    ck_assert_ptr_null(strstr(text, "points/s"));
    ck_assert_ptr_null(strstr(text, "means"));
    json_decref(track.frame);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(a_bar_is_as_long_as_its_share, bars),
        UNIT(a_sparkline_spans_what_it_shows),
        UNIT(a_line_has_state_counts_and_model),
        UNIT(a_block_has_a_line_a_component),
        UNIT(before_the_first_model_there_is_none_to_draw),
    };
    return unit_run("view", tests, COUNT(tests));
}
