/* SPDX-License-Identifier: MIT
 *
 * Batch EM over the rows of a caller: the search of the warm-up with the caller's
 * limits. */
#include <math.h>
#include <stdlib.h>

#include "mix.h"
#include "rows.h"
#include "search.h"

#define FIT_STARTS 5
#define FIT_ITERATIONS 300
#define FIT_TOLERANCE 1e-6
/* Starts are compared at this tolerance; only the best is polished. */
#define COARSE_TOLERANCE 1e-4
/* Rounds of split and merge at most; they end at the first that gains nothing. */
#define SPLIT_ROUNDS 6

void mix_fit_options_init(struct mix_fit_options *options)
{
    *options = (struct mix_fit_options){.starts = FIT_STARTS,
                                        .max_iterations = FIT_ITERATIONS,
                                        .tolerance = FIT_TOLERANCE,
                                        .split_merge = true};
}

static enum mix_err check(const struct mix_options *options,
                          const struct mix_fit_options *fit, const struct mix_rows *rows)
{
    const enum mix_err err = mix_options_check(options, NULL);
    if (err != MIX_OK) {
        return err;
    }
    if (fit->starts == 0 || !(fit->tolerance >= 0)) {
        return MIX_EOPTION;
    }
    return rows->n > 0 && rows->stride < options->dimensions ? MIX_ESIZE : MIX_OK;
}

static size_t count_good(const struct mix_options *options, const struct mix_rows *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        n += row_judge(options, rows, i) == ROW_GOOD;
    }
    return n;
}

/* Copies the rows that can be learned. NULL and *err when there are none. */
static struct points *collect(const struct mix_options *options,
                              const struct mix_rows *rows, enum mix_err *err)
{
    const size_t n = count_good(options, rows);
    struct points *points = n > 0 ? points_new(options->dimensions, n) : NULL;
    if (points == NULL) {
        *err = n > 0 ? MIX_ENOMEM : MIX_ESIZE;
        return NULL;
    }
    for (size_t i = 0; i < rows->n; i++) {
        if (row_judge(options, rows, i) == ROW_GOOD) {
            points_append(points, rows, i, 1);
        }
    }
    return points;
}

/* Without a tolerance every start makes exactly max_iterations passes, and the best is
 * the result; otherwise only the best start is polished to the tolerance. */
static struct search_plan plan_of(const struct mix_fit_options *fit)
{
    const bool is_counted = fit->tolerance == 0;
    return (struct search_plan){
        .starts = fit->starts,
        .coarse_passes = fit->max_iterations,
        .coarse_tolerance = is_counted ? 0 : fmax(fit->tolerance, COARSE_TOLERANCE),
        .is_final = is_counted,
        .split_rounds = fit->split_merge ? SPLIT_ROUNDS : 0,
        .fine_passes = fit->max_iterations,
        .fine_tolerance = fit->tolerance,
    };
}

struct mix_model *mix_fit(const struct mix_options *options,
                          const struct mix_fit_options *fit, const struct mix_rows *rows,
                          mix_fit_progress_fn *progress, void *context, enum mix_err *err)
{
    enum mix_err local;
    err = err == NULL ? &local : err;
    struct points *points = NULL;
    struct search *search = NULL;
    struct mix_model *model = NULL;
    *err = check(options, fit, rows);
    if (*err != MIX_OK) {
        goto out;
    }
    points = collect(options, rows, err);
    if (points == NULL) {
        goto out;
    }
    struct search_plan plan = plan_of(fit);
    plan.progress = progress;
    plan.context = context;
    const struct shape shape = shape_of(options);
    search = search_new(options, &shape, points, &plan);
    if (search == NULL) {
        *err = MIX_ENOMEM;
        goto out;
    }
    while (!search_run(search, UINT64_MAX)) {
    }
    model = search->best;
    search->best = NULL;
out:
    search_destroy(&search);
    points_destroy(&points);
    return model;
}
