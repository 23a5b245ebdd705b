/* SPDX-License-Identifier: MIT
 *
 * Whether a state that was read is one that some rows lead to. A checksum tells what was
 * damaged on the way; this, what was made on purpose or by a program in error.
 */
#include <math.h>

#include "encode.h"
#include "rows.h"

/* Weights of a stored model may differ from sum 1 by their rounding only. */
#define SUM_TOLERANCE 1e-9

/* Statistics and parameters made from rows stay within the square of their values. */
static bool all_possible(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(values[i]) <= 16 * ROW_VALUE_MAX * ROW_VALUE_MAX)) {
            return false;
        }
    }
    return true;
}

static bool all_positive(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(values[i] > 0)) {
            return false;
        }
    }
    return all_possible(values, n);
}

/* Shares of components: finite, not negative, sum 1 with that of the noise. */
static bool shares_are_valid(const double *shares, size_t n, double noise)
{
    double sum = noise;
    for (size_t k = 0; k < n; k++) {
        if (!(shares[k] >= 0)) {
            return false;
        }
        sum += shares[k];
    }
    return noise >= 0 && fabs(sum - 1) <= SUM_TOLERANCE;
}

/* Means and variances within what rows can give. */
static bool moments_are_possible(const struct mix_model *model)
{
    const size_t dims = model->shape.dimensions;
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    for (size_t k = 0; k < shape_columns(&model->shape); k++) {
        mix_model_component(model, k, mean, variance);
        for (size_t d = 0; d < dims; d++) {
            if (!(fabs(mean[d]) <= 2 * ROW_VALUE_MAX)) {
                return false;
            }
        }
        if (!all_positive(variance, dims)) {
            return false;
        }
    }
    return true;
}

static bool model_is_valid(struct mix_model *model)
{
    return shares_are_valid(model->weights, model->shape.components,
                            model_noise_weight(model)) &&
           all_possible(model->param, model->shape.param_size) &&
           model_prepare(model) == MIX_OK && moments_are_possible(model);
}

/* Statistics are known by the model that they make. */
static bool stats_are_valid(const struct stats *stats, const struct mix_learner *learner,
                            struct mix_model *scratch)
{
    const struct shape *shape = &learner->slow_model->shape;
    const struct prior prior = prior_of(learner->scales);
    return shares_are_valid(stats->rho, shape->components, stats->noise) &&
           all_possible(stats->values, shape->stats_size) &&
           stats_mstep(stats, learner->pace.na, &prior, scratch, NULL) == MIX_OK &&
           model_is_valid(scratch);
}

static bool scales_are_valid(const struct scales *scales)
{
    const size_t dims = scales->dimensions;
    return all_possible(scales->median, dims) && all_possible(scales->mean, dims) &&
           all_positive(scales->sd, dims) && all_positive(scales->variance, dims) &&
           all_possible(scales->step, dims) && all_positive(scales->floor, dims) &&
           all_positive(scales->s0, dims);
}

static bool tail_is_valid(const struct tail *tail)
{
    bool is_valid = isfinite(tail->reference) && all_positive(&tail->unit, 1) &&
                    isfinite(tail->total);
    for (size_t i = 0; i < tail->n; i++) {
        is_valid = is_valid && tail->bins[i] >= 0 && isfinite(tail->bins[i]);
    }
    return is_valid;
}

static bool watch_is_valid(const struct mix_learner *learner, struct mix_model *scratch)
{
    const struct detector *detector = &learner->watch->detector;
    const double sums[] = {detector->sum, detector->mean, detector->squares};
    return model_is_valid(learner->watch->model) &&
           stats_are_valid(learner->watch->stats, learner, scratch) &&
           all_possible(sums, 3) && detector->sum >= 0 && detector->squares >= 0;
}

static bool batches_are_valid(const struct batches *batches, const struct shape *shape)
{
    const size_t shares = batches->n * shape->components;
    return batches->length > 0 && batches->blocks < batches->length &&
           all_possible(&batches->open_weight, 1) && batches->open_weight >= 0 &&
           (batches->blocks == 0 ||
            (batches->open_weight > 0 &&
             shares_are_valid(batches->open->rho, shape->components,
                              batches->open->noise) &&
             all_possible(batches->open->values, shape->stats_size))) &&
           all_positive(batches->weight, batches->n) &&
           all_possible(batches->share, shares) &&
           all_possible(batches->mean, shares * shape->dimensions) &&
           all_possible(batches->mass, 2 * shape->components);
}

static bool model_state_is_valid(const struct mix_learner *learner,
                                 struct mix_model *scratch)
{
    const double pace[] = {learner->pace.base, learner->pace.n, learner->pace.na};
    return isfinite(learner->clock.now) && scales_are_valid(learner->scales) &&
           all_positive(pace, 3) && tail_is_valid(&learner->tail) &&
           model_is_valid(learner->fast_model) && model_is_valid(learner->slow_model) &&
           stats_are_valid(learner->fast, learner, scratch) &&
           stats_are_valid(learner->slow, learner, scratch) &&
           (learner->watch == NULL || watch_is_valid(learner, scratch)) &&
           batches_are_valid(learner->batches, &learner->slow_model->shape);
}

static bool dormancy_is_valid(const struct mix_learner *learner)
{
    const struct dormancy *dormancy = learner->dormancy;
    size_t n = 0;
    for (size_t d = 0; d < dormancy->dimensions; d++) {
        const double value = dormancy->value[d];
        if (!isnan(value) && !(fabs(value) <= ROW_VALUE_MAX)) {
            return false;
        }
        n += !isnan(value);
    }
    return n == dormancy->n_dormant &&
           points_count(dormancy->witnesses) <= dormancy->n_witnesses &&
           (!learner->is_idle || (n == dormancy->dimensions && !learner->has_model)) &&
           (!learner->has_woken ||
            (learner->has_model && points_count(learner->memory) > 0));
}

/* The rows held agree with the counts, and with where in the warm-up they belong. */
static bool counts_are_valid(const struct mix_learner *learner)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    const size_t held = points_count(learner->memory);
    const size_t capacity = points_capacity(learner->memory);
    const bool fits = learner->is_warm || learner->is_idle ||
                      (held <= learner->next_fit && learner->next_fit <= capacity);
    return fits && (learner->has_model || !learner->is_warm) &&
           (learner->has_model || learner->is_idle || points_count(learner->open) == 0) &&
           dormancy_is_valid(learner) &&
           (!learner->is_challenged || (learner->is_warm && held > 0)) &&
           learner->reservoir.age >= (learner->is_warm ? held : 0) &&
           learner->reservoir.largest >= 0 && learner->reservoir.largest <= 1 &&
           (learner->reservoir.next == 0 ||
            learner->reservoir.next > learner->reservoir.age) &&
           info.added == info.learned + info.unscorable + info.frozen + info.queued &&
           isfinite(learner->mean_score) && isfinite(learner->high_score) &&
           learner->score_weight >= 0 && isfinite(learner->score_weight);
}

enum mix_err encode_judge(const struct codec *codec, struct mix_learner *learner)
{
    if (learner->selection != NULL) {
        return selection_judge(codec, learner->selection);
    }
    struct mix_model *scratch = mix_model_copy(learner_model(learner)); /* with its noise */
    if (scratch == NULL) {
        return MIX_ENOMEM;
    }
    const bool is_sound = !codec->has_failed && codec->at == codec->size &&
                          counts_are_valid(learner) &&
                          (!learner->has_model || model_state_is_valid(learner, scratch));
    mix_model_destroy(&scratch);
    return is_sound ? MIX_OK : MIX_ECORRUPT;
}
