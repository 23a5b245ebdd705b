/* SPDX-License-Identifier: MIT
 *
 * Drawing with letters. Block elements U+2581..U+2588 are eighths of a cell from below,
 * U+258F..U+2588 eighths from the left. */
#include "view.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "report.h"

#define BAR_COLUMNS 20
#define FIELD_COLUMNS 13 /* of a mean: a blank, sign, six digits, point, exponent */
#define SPARKLINE_COLUMNS 40

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "-";
}

static long long count_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

/* ---- Line ---------------------------------------------------------------- */

static void print_time(double seconds, FILE *out)
{
    const time_t whole = (time_t)seconds;
    struct tm parts;
    char text[32];
    gmtime_r(&whole, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    fputs(text, out);
}

static void print_vector(const json_t *values, FILE *out)
{
    size_t i;
    const json_t *value;
    json_array_foreach(values, i, value)
    {
        fprintf(out, "%s%.5g", i == 0 ? "" : " ", json_number_value(value));
    }
}

static void print_score(const json_t *frame, FILE *out)
{
    const json_t *score = json_object_get(frame, "log_likelihood");
    if (json_is_number(score)) {
        fprintf(out, " log-likelihood %.4f", json_number_value(score));
    }
}

void view_line(const struct track *track, FILE *out)
{
    const json_t *frame = track->frame;
    print_time(json_number_value(json_object_get(frame, "time")), out);
    fprintf(out, " %s seq %lld %s points %lld updates %lld", track->name,
            count_of(frame, "seq"), text_of(frame, "state"), count_of(frame, "points"),
            count_of(frame, "updates"));
    print_score(frame, out);
    const json_t *weights = json_object_get(frame, "weights");
    if (json_is_array(weights)) {
        fputs(" weights ", out);
        print_vector(weights, out);
        fputs(" means", out);
    }
    size_t k;
    const json_t *mean;
    json_array_foreach(json_object_get(frame, "means"), k, mean)
    {
        fputs(" (", out);
        print_vector(mean, out);
        fputc(')', out);
    }
    fputc('\n', out);
}

/* ---- Block --------------------------------------------------------------- */

void view_bar(double share, size_t width, bool has_blocks, FILE *out)
{
    static const char *const eighths[] = {" ",      "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    const double bounded = fmin(fmax(share, 0), 1);
    const size_t steps = (size_t)lround(8 * bounded * (double)width);
    for (size_t i = 0; i < width; i++) {
        if (8 * (i + 1) <= steps) {
            fputs(has_blocks ? "\u2588" : "#", out);
        } else {
            const size_t left = steps > 8 * i ? steps - 8 * i : 0;
            fputs(has_blocks ? eighths[left] : left >= 4 ? "#" : " ", out);
        }
    }
}

void view_sparkline(const double *values, size_t n, const struct view_style *style,
                    FILE *out)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const letters[] = {"_", "_", ".", ".", "-", "-", "'", "'"};
    const size_t shown = n < style->width ? n : style->width;
    const double *first = values + (n - shown);
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < shown; i++) {
        low = fmin(low, first[i]);
        high = fmax(high, first[i]);
    }
    for (size_t i = 0; i < shown; i++) {
        const double share = high > low ? (first[i] - low) / (high - low) : 0.5;
        const size_t level = (size_t)fmin(8 * share, 7);
        fputs(style->has_blocks ? blocks[level] : letters[level], out);
    }
}

static void print_head(const struct track *track, const struct view_style *style,
                       FILE *out)
{
    const json_t *frame = track->frame;
    fprintf(out, "%s  %s  ", track->name, text_of(frame, "state"));
    if (!isnan(track->rate)) {
        fprintf(out, "%.5g points/s  ", track->rate);
    }
    fprintf(out, "%lld points  %lld updates ", count_of(frame, "points"),
            count_of(frame, "updates"));
    print_score(frame, out);
    fputs("  ", out);
    const struct view_style narrow = {SPARKLINE_COLUMNS, style->has_blocks};
    view_sparkline(track->history, track->n_history, &narrow, out);
    fputc('\n', out);
}

static void print_fields(const json_t *fields, FILE *out)
{
    fprintf(out, "  %-*s", BAR_COLUMNS + 8, "weight");
    size_t d;
    const json_t *field;
    json_array_foreach(fields, d, field)
    {
        const char *name = json_string_value(field);
        fprintf(out, " %*.*s", FIELD_COLUMNS - 1, FIELD_COLUMNS - 1,
                name != NULL ? name : "-");
    }
    fputc('\n', out);
}

/* A component, or the noise. */
static void print_row(const json_t *weight_json, const json_t *mean, const char *label,
                      const struct view_style *style, FILE *out)
{
    const double weight = json_number_value(weight_json);
    fprintf(out, "  %6.4f ", weight);
    view_bar(weight, BAR_COLUMNS, style->has_blocks, out);
    fputc(' ', out);
    size_t d;
    const json_t *x;
    json_array_foreach(mean, d, x)
    {
        fprintf(out, " %*.6g", FIELD_COLUMNS - 1, json_number_value(x));
    }
    fprintf(out, "%s\n", label);
}

static void print_rows(const json_t *frame, const struct view_style *style, FILE *out)
{
    const json_t *means = json_object_get(frame, "means");
    const json_t *noise = json_object_get(frame, "noise");
    size_t k;
    const json_t *weight;
    json_array_foreach(json_object_get(frame, "weights"), k, weight)
    {
        print_row(weight, json_array_get(means, k), "", style, out);
    }
    if (json_is_object(noise)) {
        print_row(json_object_get(noise, "weight"), json_object_get(noise, "mean"),
                  "  noise", style, out);
    }
}

void view_block(const struct track *track, const struct view_style *style, FILE *out)
{
    const json_t *frame = track->frame;
    print_head(track, style, out);
    if (json_is_array(json_object_get(frame, "weights"))) {
        print_fields(json_object_get(frame, "fields"), out);
        print_rows(frame, style, out);
    } else {
        fputs("  no model yet\n", out);
    }
    fputs("  ", out);
    report_ledger_line(json_object_get(frame, "ledger"), out);
    if (track->missed > 0) {
        fprintf(out, "  (%llu frames missed)", (unsigned long long)track->missed);
    }
    fputs("\n\n", out);
}
