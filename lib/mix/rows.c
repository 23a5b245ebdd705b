/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <math.h>

static enum row_verdict judge_values(const struct mix_options *options, const double *x)
{
    size_t missing = 0;
    for (size_t d = 0; d < options->dimensions; d++) {
        if (fabs(x[d]) <= ROW_VALUE_MAX) {
            continue;
        }
        if (!isnan(x[d]) || !options->marginalize) {
            return ROW_BAD;
        }
        missing++;
    }
    return missing == options->dimensions ? ROW_BAD : ROW_GOOD;
}

enum row_verdict row_judge(const struct mix_options *options, const struct mix_rows *rows,
                           size_t i)
{
    const double weight = rows->weight == NULL ? 1 : rows->weight[i];
    const double time = rows->time == NULL ? 0 : rows->time[i];
    if (!(weight >= 0 && weight <= ROW_VALUE_MAX) || !isfinite(time)) {
        return ROW_BAD;
    }
    const enum row_verdict verdict = judge_values(options, rows->x + i * rows->stride);
    return verdict == ROW_GOOD && weight == 0 ? ROW_WEIGHTLESS : verdict;
}
