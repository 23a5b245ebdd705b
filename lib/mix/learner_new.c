/* SPDX-License-Identifier: MIT
 *
 * How a learner is made, from its options alone or from a model to start from, and its
 * end. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learner.h"
#include "noise.h"

static void watch_destroy(struct watch **watch)
{
    if (*watch != NULL) {
        stats_destroy(&(*watch)->stats);
        mix_model_destroy(&(*watch)->model);
        free(*watch);
        *watch = NULL;
    }
}

static struct watch *watch_new(const struct mix_options *options,
                               const struct shape *shape)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return NULL;
    }
    watch->points = learner_watch_points(options);
    watch->stats = stats_new(shape);
    watch->model = model_new(shape);
    if (watch->stats == NULL || watch->model == NULL) {
        watch_destroy(&watch);
    }
    return watch;
}

/* And makes what needs its scratch. */
static bool attach_workspace(struct mix_learner *learner, const struct shape *shape)
{
    struct mix_workspace *workspace = learner->options.workspace;
    if (!workspace_fits(workspace, shape)) { /* of a selection: others have other sizes */
        workspace = learner->own_workspace =
            workspace_of(shape, learner->options.block, learner->options.executor);
    }
    if (workspace == NULL) {
        return false;
    }
    learner->estep = workspace->estep;
    learner->sums = workspace->sums;
    learner->expectations = workspace->expectations;
    learner->batches = batches_new(workspace->model);
    if (learner_adapts(&learner->options)) {
        learner->watch = watch_new(&learner->options, shape);
    }
    return learner->watch != NULL || !learner_adapts(&learner->options);
}

static bool allocate(struct mix_learner *learner)
{
    const struct shape own = shape_of(&learner->options), *shape = &own;
    const size_t dims = shape->dimensions;
    const size_t block = learner->options.block;
    /* One of many takes room when rows come. */
    struct points *(*const make)(size_t, size_t) =
        learner->options.compact ? points_new_empty : points_new;
    learner->memory = make(dims, learner_memory_rows(&learner->options));
    learner->reservoir.rows = learner->memory;
    const bool has_clock = learner->options.half_life > 0;
    const size_t open = block < WARMUP_BLOCK ? WARMUP_BLOCK : block;
    learner->times = has_clock ? calloc(open, sizeof(double)) : NULL;
    learner->open = make(dims, open);
    learner->fast = stats_new(shape);
    learner->slow = stats_new(shape);
    learner->fast_model = model_new(shape);
    learner->slow_model = model_new(shape);
    learner->scales = scales_new(dims);
    learner->ids = calloc(shape->components, sizeof(*learner->ids));
    learner->dormancy = dormancy_new(dims);
    /* One of many takes room for the scores that come. */
    const bool has_tail =
        learner->options.compact || tail_reserve(&learner->tail, 0, TAIL_BINS);
    return attach_workspace(learner, shape) && has_tail &&
           (!has_clock || learner->times != NULL) && learner->memory != NULL &&
           learner->open != NULL && learner->fast != NULL && learner->slow != NULL &&
           learner->fast_model != NULL && learner->slow_model != NULL &&
           learner->scales != NULL && learner->ids != NULL && learner->dormancy != NULL &&
           learner->batches != NULL;
}

/* Copies the options, and what they point to. */
static bool copy_options(struct mix_learner *learner, const struct mix_options *options)
{
    const size_t dims = options->dimensions;
    struct mix_options *own = &learner->options;
    *own = *options;
    if (options->resolution != NULL) {
        learner->resolution = malloc(dims * sizeof(*learner->resolution));
        own->resolution = learner->resolution;
    }
    if (options->families != NULL) {
        learner->families = malloc(dims * sizeof(*learner->families));
        own->families = learner->families;
    }
    if ((options->resolution != NULL && own->resolution == NULL) ||
        (options->families != NULL && own->families == NULL)) {
        return false;
    }
    for (size_t d = 0; d < dims && options->resolution != NULL; d++) {
        learner->resolution[d] = options->resolution[d];
    }
    for (size_t d = 0; d < dims && options->families != NULL; d++) {
        learner->families[d] = options->families[d];
    }
    return true;
}

static void set_err(enum mix_err *out, enum mix_err err)
{
    if (out != NULL) {
        *out = err;
    }
}

/* A learner that has its candidates, one for each number of components. */
static struct mix_learner *choose_from_range(struct mix_learner *learner,
                                             const struct mix_options *options,
                                             enum mix_err *err)
{
    enum mix_err result = MIX_ENOMEM;
    if (copy_options(learner, options)) {
        learner->selection = selection_new(&learner->options, &result);
    }
    if (result != MIX_OK) {
        mix_learner_destroy(&learner);
    }
    set_err(err, result);
    return learner;
}

struct mix_learner *mix_learner_new(const struct mix_options *options, enum mix_err *err)
{
    const enum mix_err checked = mix_options_check(options, NULL);
    if (checked != MIX_OK) {
        set_err(err, checked);
        return NULL;
    }
    struct mix_learner *learner = lines_new(sizeof(*learner));
    if (learner != NULL && options->components_max > options->components) {
        return choose_from_range(learner, options, err);
    }
    if (learner != NULL) {
        learner->next_fit = learner_first_fit(options);
        learner->high_score = -DBL_MAX;
    }
    if (learner == NULL || !copy_options(learner, options) || !allocate(learner)) {
        mix_learner_destroy(&learner);
        set_err(err, MIX_ENOMEM);
        return NULL;
    }
    set_err(err, MIX_OK);
    return learner;
}

static bool has_families(const struct mix_options *options, const struct mix_model *model)
{
    for (size_t d = 0; d < options->dimensions; d++) {
        if (mix_model_family(model, d) != mix_options_family(options, d)) {
            return false;
        }
    }
    const struct shape shape = shape_of(options);
    return shape.param_size == model->shape.param_size || !shape.has_offset;
}

static bool fits(const struct mix_options *options, const struct mix_model *model)
{
    return mix_model_dimensions(model) == options->dimensions &&
           mix_model_components(model) == options->components &&
           has_families(options, model) &&
           (options->noise || mix_model_noise(model) == NULL) &&
           (!mix_model_is_gaussian(model) ||
            mix_model_covariance(model) == options->covariance);
}

/* The middle of log densities of the model's own points: where bins are narrow. */
static double typical_score(const struct mix_learner *learner)
{
    enum { DRAWS = 33 };
    const size_t dims = learner->slow_model->shape.dimensions;
    double score[DRAWS], sum = 0;
    double *x = malloc(DRAWS * dims * sizeof(*x));
    const struct mix_rows rows = {.x = x, .n = DRAWS, .stride = dims};
    bool is_drawn = x != NULL;
    for (uint64_t i = 0; i < DRAWS && is_drawn; i++) {
        is_drawn = mix_model_sample(learner->slow_model, i, 1, x + i * dims) == MIX_OK;
    }
    if (is_drawn && mix_model_log_density(learner->slow_model, &rows, score) == MIX_OK) {
        for (size_t i = 0; i < DRAWS; i++) {
            sum += isfinite(score[i]) ? score[i] / DRAWS : 0;
        }
    }
    free(x);
    return sum;
}

struct mix_learner *mix_learner_start(const struct mix_options *options,
                                      const struct mix_model *model, double points,
                                      enum mix_err *err)
{
    struct mix_learner *learner = mix_learner_new(options, err);
    if (learner == NULL) {
        return NULL;
    }
    if (learner->selection != NULL) {
        set_err(err, MIX_EOPTION);
        mix_learner_destroy(&learner);
        return NULL;
    }
    if (!fits(options, model) || !(points >= 0) || !isfinite(points)) {
        set_err(err, fits(options, model) ? MIX_EVALUE : MIX_ESIZE);
        mix_learner_destroy(&learner);
        return NULL;
    }
    const double memory = points > 0 ? points : (double)learner_warmup(options);
    if (options->noise && mix_model_noise(model) == NULL &&
        !noise_of_model(learner->slow_model->noise, model)) {
        set_err(err, MIX_ENOMEM);
        mix_learner_destroy(&learner);
        return NULL;
    }
    model_assign(learner->slow_model, model);
    model_assign(learner->fast_model, learner->slow_model);
    stats_of_model(learner->fast, model);
    stats_of_model(learner->slow, model);
    scales_of_model(learner->scales, model, options);
    pace_install(&learner->pace, memory, learner_window(options));
    tail_begin(&learner->tail, typical_score(learner));
    learner_name_components(learner);
    if (learner->watch != NULL) {
        model_assign(learner->watch->model, learner->slow_model);
        stats_of_model(learner->watch->stats, model);
    }
    /* Until the stream outweighs what the model stands for, a sample of it is none of
     * everything learned. */
    const uint64_t least = learner_challenge_rows(options);
    const double twice = learner_forgets(options) ? 0 : 2 * memory;
    learner->next_challenge = twice < 1e18 ? (uint64_t)twice : UINT64_MAX;
    learner->next_challenge =
        learner->next_challenge < least ? least : learner->next_challenge;
    learner->has_model = true;
    learner->is_warm = true;
    return learner;
}

void mix_learner_destroy(struct mix_learner **learner)
{
    struct mix_learner *l = *learner;
    if (l == NULL) {
        return;
    }
    selection_destroy(&l->selection);
    job_destroy(&l->job);
    watch_destroy(&l->watch);
    points_destroy(&l->memory);
    points_destroy(&l->open);
    queue_clear(l);
    stats_destroy(&l->fast);
    stats_destroy(&l->slow);
    mix_model_destroy(&l->fast_model);
    mix_model_destroy(&l->slow_model);
    scales_destroy(&l->scales);
    free(l->ids);
    free(l->times);
    tail_clear(&l->tail);
    events_clear(&l->events);
    dormancy_destroy(&l->dormancy);
    batches_destroy(&l->batches);
    mix_workspace_destroy(&l->own_workspace);
    free(l->resolution);
    free(l->families);
    lines_free(l);
    *learner = NULL;
}
