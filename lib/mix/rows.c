/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <math.h>
#include <stdbool.h>

#include "kernel.h"

bool rows_in_range(const double *x, size_t n)
{
    size_t bad = 0; /* without a branch for each */
    for (size_t d = 0; d < n; d++) {
        bad += !(fabs(x[d]) <= ROW_VALUE_MAX);
    }
    return bad == 0;
}

bool rows_are_plain(const struct mix_options *options)
{
    return options->families == NULL && options->family == MIX_GAUSSIAN;
}

/* Whether the values that are there are some that their families can have. */
static bool are_accepted(const struct mix_options *options, const double *x)
{
    if (rows_are_plain(options)) {
        return true;
    }
    for (size_t d = 0; d < options->dimensions; d++) {
        const enum mix_family family = mix_options_family(options, d);
        if (x[d] == x[d] && !mix_family_accepts(family, options->categories, x[d])) {
            return false;
        }
    }
    return true;
}

static enum row_verdict judge_values(const struct mix_options *options, const double *x)
{
    size_t missing = 0;
    if (rows_in_range(x, options->dimensions)) {
        return are_accepted(options, x) ? ROW_GOOD : ROW_BAD;
    }
    for (size_t d = 0; d < options->dimensions; d++) {
        const bool is_missing = options->marginalize && isnan(x[d]);
        if (!is_missing && !(fabs(x[d]) <= ROW_VALUE_MAX)) {
            return ROW_BAD;
        }
        missing += is_missing;
    }
    return missing == options->dimensions || !are_accepted(options, x) ? ROW_BAD
                                                                       : ROW_GOOD;
}

/* Whether the squares of the values overflow in sums, taken so many times. */
static bool is_too_heavy(const struct mix_options *options, const double *x,
                         double weight)
{
    double most = 0;
    for (size_t d = 0; d < options->dimensions; d++) {
        most = fabs(x[d]) > most ? fabs(x[d]) : most; /* NaN is a missing entry */
    }
    return weight > 1 && most * sqrt(weight) > ROW_VALUE_MAX;
}

enum row_verdict row_judge(const struct mix_options *options, const struct mix_rows *rows,
                           size_t i)
{
    const double weight = rows->weight == NULL ? 1 : rows->weight[i];
    const double time = rows->time == NULL ? 0 : rows->time[i];
    if (!(weight >= 0 && weight <= ROW_VALUE_MAX) || !isfinite(time)) {
        return ROW_BAD;
    }
    const double *const x = rows->x + i * rows->stride;
    const enum row_verdict verdict = judge_values(options, x);
    if (verdict != ROW_GOOD || weight == 1) {
        return verdict;
    }
    return weight == 0                        ? ROW_WEIGHTLESS
           : is_too_heavy(options, x, weight) ? ROW_BAD
                                              : ROW_GOOD;
}

size_t rows_good(const struct mix_options *options, const struct mix_rows *rows,
                 size_t first, size_t n)
{
    size_t good = 0;
    if (n > 1 && rows->weight == NULL && rows->time == NULL &&
        rows->stride == options->dimensions && rows_are_plain(options) &&
        kernel_current()->within(rows->x + first * rows->stride, n * rows->stride,
                                 ROW_VALUE_MAX)) {
        return n;
    }
    while (good < n && row_judge(options, rows, first + good) == ROW_GOOD) {
        good++;
    }
    return good;
}
