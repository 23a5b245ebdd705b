/* SPDX-License-Identifier: MIT
 *
 * What mixfit can do: fit a mixture to a file of points by batch EM, run the daemon's
 * learner over it, score it, fill its gaps; compare two models; merge some. */
#ifndef MODE_H
#define MODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "input.h"
#include "mix.h"
#include "progress.h"
#include "tool.h"

/* What to do, and with what. */
struct task {
    struct input *input;           /* NULL: none was given, --compare only */
    struct progress progress;
    struct mix_options mix;        /* dimensions are set from the input */
    enum mix_family families[MIX_DIMENSIONS_MAX]; /* of the fields */
    struct mix_fit_options fit;
    size_t components_end;         /* last of a range that begins with mix.components */
    size_t folds;                  /* of cross-validation; 0: none was asked for */
    FILE *table;                   /* where a table for people goes; NULL: nowhere */
    const char *model_path;        /* model to score, predict or compare with */
    const char *other_path;        /* the second one to compare */
    const char *const *merge_paths; /* models to merge */
    size_t n_merge;
    bool is_chosen;                /* --fields was given: whatever their names */
    bool is_per_point;             /* print the score of every point */
    bool leaves_open;              /* the open block stays out of the model, as in mixd */
    uint64_t skipped;              /* rows left out: not readable, missing values, or
                                      some that their family cannot have */
    char unfit[192];               /* the first such value, in words; "": none */
    struct batch batch;            /* the input's last, of which `used` rows are given out */
    size_t used;
};

/* What came out. */
struct outcome {
    json_t *model;   /* a model file, or NULL where nothing was fitted */
    json_t *report;  /* for --json */
};

/* Each fills the outcome (new references), or sets the failure. */
typedef void mode_fn(struct task *task, struct outcome *outcome,
                     struct failure *failure);
mode_fn mode_batch; /* also choose, where there is a range or cross-validation */
mode_fn mode_online;
mode_fn mode_score;
mode_fn mode_predict;
mode_fn mode_compare;
mode_fn mode_merge;

/* The next good rows of the input: x, weight and time as struct mix_rows has them, valid
 * until the next call. False at the end, and with the failure on an error. Bad rows are
 * left out and counted. */
bool task_rows(struct task *task, struct mix_rows *rows, struct failure *failure);

/* Shows how far the input is read, after so many points. */
void task_progress(struct task *task, uint64_t points);

/* The model file of a fit, with its number of points and its score. info: NULL for a
 * batch fit. */
json_t *task_model(const struct task *task, const struct mix_model *model,
                   const struct mix_info *info, const struct mix_learner *learner);

/* The model file to score or predict with, if it fits the input. NULL and the failure
 * if not; the model belongs to the caller. */
struct mix_model *task_read_model(const struct task *task, struct failure *failure);

/* Whether the fields of the input, unless they were chosen, are in the order of the names
 * of that model file; else the failure. */
bool task_is_in_order(const struct task *task, const json_t *model, const char *path,
                      struct failure *failure);

/* Seconds since 1970. */
double task_clock(void);

#endif
