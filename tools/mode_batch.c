/* SPDX-License-Identifier: MIT
 *
 * Batch EM: all points in memory, several starts, the best one.
 *
 * For a range of numbers of components a fit of every number, and its log-likelihood on
 * points that it did not see; row i belongs to fold i mod F. The smallest number is
 * taken that is within two standard errors of the best, by the paired differences of
 * the points' scores (after T. Hastie, R. Tibshirani and J. Friedman, The elements of
 * statistical learning, 2009, section 7.10). */
#include "autoconf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "frame.h"

/* Folds where none are asked for: the first of so many is held out. */
#define FOLDS_DEFAULT 5
#define ERRORS_BEHIND 2

struct candidate {
    size_t components;
    size_t parameters;
    struct table_mean score; /* of all points under the fit to all */
    double *held; /* n: score of each point by the fit that did not see it, else NaN */
    struct mix_model *model; /* fitted to all points */
};

/* ---- Fits ---------------------------------------------------------------- */

/* Fits to all folds but one and scores that one. */
static void hold_out(struct task *task, const struct table *table, size_t n_folds,
                     size_t fold, struct candidate *candidate, struct failure *failure)
{
    struct table rest = table_fold(table, n_folds, fold, false);
    struct table held = table_fold(table, n_folds, fold, true);
    char label[64];
    snprintf(label, sizeof(label), "%zu components, without fold %zu  ",
             candidate->components, fold + 1);
    struct mix_model *model = batch_fit(task, &rest, label, NULL, failure);
    if (model != NULL) {
        double *scores = table_score(&held, model, failure);
        for (size_t i = 0; i < held.n; i++) {
            candidate->held[i * n_folds + fold] = scores[i];
        }
        free(scores);
    }
    mix_model_destroy(&model);
    table_clear(&rest);
    table_clear(&held);
}

static void fit_candidate(struct task *task, const struct table *table,
                          struct candidate *candidate, struct failure *failure)
{
    const size_t n_folds = task->folds > 0 ? task->folds : FOLDS_DEFAULT;
    char label[64];
    snprintf(label, sizeof(label), "%zu components  ", candidate->components);
    task->mix.components = candidate->components;
    candidate->held = tool_need(calloc(table->n + 1, sizeof(double)));
    for (size_t i = 0; i < table->n; i++) {
        candidate->held[i] = (double)NAN;
    }
    for (size_t fold = 0;
         failure->code == EX_OK && fold < (task->folds > 0 ? n_folds : 1); fold++) {
        hold_out(task, table, n_folds, fold, candidate, failure);
    }
    if (failure->code == EX_OK) {
        candidate->model = batch_fit(task, table, label, NULL, failure);
    }
    if (candidate->model != NULL) {
        double *scores = table_score(table, candidate->model, failure);
        candidate->score = table_mean(table, scores);
        candidate->parameters = mix_model_parameters(candidate->model);
        free(scores);
    }
}

static void candidates_free(struct candidate *candidates, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        free(candidates[c].held);
        mix_model_destroy(&candidates[c].model);
    }
    free(candidates);
}

/* ---- Choice -------------------------------------------------------------- */

static size_t best_of(const struct table *table, const struct candidate *candidates,
                      size_t n)
{
    size_t best = 0;
    for (size_t c = 1; c < n; c++) {
        if (table_mean(table, candidates[c].held).mean >
            table_mean(table, candidates[best].held).mean) {
            best = c;
        }
    }
    return best;
}

static size_t choose(const struct table *table, const struct candidate *candidates,
                     size_t n)
{
    const size_t best = best_of(table, candidates, n);
    for (size_t c = 0; c < best; c++) {
        const struct table_difference behind =
            table_difference(table, candidates[best].held, candidates[c].held);
        if (behind.mean <= ERRORS_BEHIND * behind.error) {
            return c;
        }
    }
    return best;
}

/* ---- Output -------------------------------------------------------------- */

static json_t *candidate_json(const struct table *table,
                              const struct candidate *candidate,
                              const struct candidate *best)
{
    const double parameters = (double)candidate->parameters;
    const struct table_difference behind =
        table_difference(table, best->held, candidate->held);
    return tool_need(
        json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "n_components",
                  (json_int_t)candidate->components, "parameters",
                  (json_int_t)candidate->parameters, "log_likelihood",
                  frame_number(candidate->score.mean), "bic",
                  frame_number(batch_bic(parameters, candidate->score)), "aic",
                  frame_number(batch_aic(parameters, candidate->score)), "held_out",
                  frame_number(table_mean(table, candidate->held).mean), "behind",
                  frame_number(behind.mean), "behind_error", frame_number(behind.error)));
}

/* The table for people: the model may need standard output. */
static void print_table(const struct task *task, const json_t *rows, size_t chosen)
{
    size_t c;
    json_t *row;
    fprintf(task->table, "%10s %10s %15s %12s %12s %12s %20s\n", "components",
            "parameters", "log-likelihood", "BIC", "AIC", "held out", "behind the best");
    json_array_foreach(rows, c, row)
    {
        double score, bic, aic, held, behind, error;
        json_int_t components, parameters;
        if (json_unpack(row, "{s:I, s:I, s:F, s:F, s:F, s:F, s:F, s:F}", "n_components",
                        &components, "parameters", &parameters, "log_likelihood", &score,
                        "bic", &bic, "aic", &aic, "held_out", &held, "behind", &behind,
                        "behind_error", &error) != 0) {
            continue; /* a number that is null: nothing was held out */
        }
        fprintf(task->table, "%s%9lld %10lld %15.6f %12.1f %12.1f %12.6f %9.6f +- %.6f\n",
                c == chosen ? "*" : " ", (long long)components, (long long)parameters,
                score, bic, aic, held, behind, error);
    }
}

static void report(struct task *task, const struct table *table,
                   const struct candidate *candidates, size_t n, struct outcome *outcome,
                   struct failure *failure)
{
    const size_t chosen = choose(table, candidates, n);
    const struct candidate *best = &candidates[best_of(table, candidates, n)];
    json_t *rows = tool_need(json_array());
    for (size_t c = 0; c < n; c++) {
        json_array_append_new(rows, candidate_json(table, &candidates[c], best));
    }
    progress_clear(&task->progress);
    if (task->table != NULL) {
        print_table(task, rows, chosen);
    }
    task->mix.components = candidates[chosen].components;
    batch_report(task, candidates[chosen].model, table, outcome, failure);
    json_object_set_new(outcome->report, "n_components",
                        json_integer((json_int_t)candidates[chosen].components));
    json_object_set_new(outcome->report, "candidates", rows);
}

static void fit_one(struct task *task, const struct table *table, struct outcome *outcome,
                    struct failure *failure)
{
    json_t *trace = tool_need(json_array());
    struct mix_model *model = batch_fit(task, table, "", trace, failure);
    if (model != NULL) {
        batch_report(task, model, table, outcome, failure);
        json_object_set(outcome->report, "trace", trace);
    }
    mix_model_destroy(&model);
    json_decref(trace);
}

static void fit_range(struct task *task, const struct table *table,
                      struct outcome *outcome, struct failure *failure)
{
    const size_t first = task->mix.components;
    const size_t n = task->components_end - first + 1;
    struct candidate *candidates = tool_need(calloc(n, sizeof(*candidates)));
    for (size_t c = 0; failure->code == EX_OK && c < n; c++) {
        candidates[c].components = first + c;
        fit_candidate(task, table, &candidates[c], failure);
    }
    if (failure->code == EX_OK) {
        report(task, table, candidates, n, outcome, failure);
    }
    candidates_free(candidates, n);
}

void mode_batch(struct task *task, struct outcome *outcome, struct failure *failure)
{
    struct table table = table_read(task, failure);
    if (failure->code != EX_OK) {
        table_clear(&table);
        return;
    }
    if (task->folds > 0 || task->components_end > task->mix.components) {
        fit_range(task, &table, outcome, failure);
    } else {
        fit_one(task, &table, outcome, failure);
    }
    table_clear(&table);
}
