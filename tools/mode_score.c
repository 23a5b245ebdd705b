/* SPDX-License-Identifier: MIT
 *
 * Log density of every point under a model file, as scikit-learn's score_samples, and
 * their weighted mean. */
#include "autoconf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "mode.h"

/* Sums over the points that have a density. */
struct tally {
    uint64_t points;
    double weight;
    double sum; /* of weight times log density, nats */
};

static void print_score(double score)
{
    if (isfinite(score)) {
        printf("%.17g\n", score);
    } else {
        puts(isnan(score) ? "nan" : "-inf");
    }
}

static void add_scores(struct tally *tally, const struct task *task,
                       const struct mix_rows *rows, const double *scores)
{
    for (size_t i = 0; i < rows->n; i++) {
        const double weight = rows->weight != NULL ? rows->weight[i] : 1;
        if (!isnan(scores[i])) {
            tally->points++;
            tally->weight += weight;
            tally->sum += weight * scores[i];
        }
        if (task->is_per_point) {
            print_score(scores[i]);
        }
    }
}

void mode_score(struct task *task, struct outcome *outcome, struct failure *failure)
{
    struct mix_model *model = task_read_model(task, failure);
    if (model == NULL) {
        return;
    }
    struct tally tally = {0};
    struct mix_rows rows;
    double scores[READER_BATCH];
    while (task_rows(task, &rows, failure)) {
        const enum mix_err err = mix_model_log_density(model, &rows, scores);
        if (err != MIX_OK) {
            failure_set(failure, EX_SOFTWARE, "score: %s", mix_strerror(err));
            break;
        }
        add_scores(&tally, task, &rows, scores);
        task_progress(task, tally.points);
    }
    mix_model_destroy(&model);
    if (failure->code != EX_OK) {
        return;
    }
    if (tally.weight == 0) {
        failure_set(failure, EX_DATAERR, "no point that can be scored");
        return;
    }
    const double mean = tally.sum / tally.weight;
    outcome->report =
        tool_need(json_pack("{s:I, s:o}", "points", (json_int_t)tally.points,
                            "log_likelihood", frame_number(mean)));
}
