/* SPDX-License-Identifier: MIT
 *
 * A new model becomes the state of a learner: components keep the identity of those
 * they go on as, both averages begin at its statistics, and what happened is told. */
#include <stdlib.h>
#include <string.h>

#include "learner.h"
#include "match.h"

/* When noise has more of the points than this they are none: the stream went elsewhere. */
#define NOISE_WEIGHT_MAX 0.75

/* A component goes on as another if it answers for so much of the same points. */
#define SAME_COMPONENT 0.5

void learner_name_components(struct mix_learner *learner)
{
    for (size_t k = 0; k < learner->slow_model->shape.components; k++) {
        learner->ids[k] = learner->next_id++;
    }
}

static void tell(struct mix_learner *learner, enum mix_event_kind kind, uint64_t id,
                 uint64_t other, double value)
{
    events_add(&learner->events, (struct mix_event){.kind = kind,
                                                    .added = learner->counts.added,
                                                    .id = id,
                                                    .other = other,
                                                    .value = value});
}

/* The old component that overlaps most with new component l. */
static size_t nearest_old(const struct match *match, size_t l)
{
    size_t best = 0;
    for (size_t k = 1; k < match->components; k++) {
        if (match->overlap[k * match->components + l] >
            match->overlap[best * match->components + l]) {
            best = k;
        }
    }
    return best;
}

/* The place that new component of largest overlap with old component k takes. */
static size_t nearest_place(const struct match *match, size_t k)
{
    const double *row = match->overlap + k * match->components;
    size_t best = 0;
    for (size_t place = 1; place < match->components; place++) {
        if (row[match->partner[place]] > row[match->partner[best]]) {
            best = place;
        }
    }
    return best;
}

static double overlap_with_partner(const struct match *match, size_t k)
{
    return match->overlap[k * match->components + match->partner[k]];
}

/* Gives the components that are not the old ones new identities; tells where they come
 * from, and where those went that are no more. old: K identities, overwritten. */
static void rename_components(struct mix_learner *learner, const struct match *match,
                              uint64_t *old)
{
    const size_t n = match->components;
    memcpy(old, learner->ids, n * sizeof(*old));
    for (size_t k = 0; k < n; k++) {
        if (overlap_with_partner(match, k) < SAME_COMPONENT) {
            const size_t parent = nearest_old(match, match->partner[k]);
            learner->ids[k] = learner->next_id++;
            tell(learner, MIX_EVENT_SPLIT, learner->ids[k], old[parent],
                 match->overlap[parent * n + match->partner[k]]);
        }
    }
    for (size_t k = 0; k < n; k++) {
        if (overlap_with_partner(match, k) < SAME_COMPONENT) {
            const size_t heir = nearest_place(match, k);
            tell(learner, MIX_EVENT_MERGED, old[k], learner->ids[heir],
                 match->overlap[k * n + match->partner[heir]]);
        }
    }
}

/* fast <- stats with the components in the places of those that they go on as. Without
 * memory for the match they stay where they are: EM from the old model keeps places. */
static void place_components(struct mix_learner *learner, const struct stats *stats,
                             const struct mix_model *model,
                             const struct points *sample)
{
    const struct shape *shape = &learner->slow_model->shape;
    struct match *match = match_new(learner_model(learner), model, sample);
    uint64_t *old = calloc(shape->components, sizeof(*old));
    stats_assign(learner->fast, stats, shape);
    if (match != NULL && old != NULL) {
        for (size_t k = 0; k < shape->components; k++) {
            stats_place(learner->fast, shape, k, stats, shape, match->partner[k]);
        }
        rename_components(learner, match, old);
    }
    match_destroy(&match);
    free(old);
}

void learner_rename(struct mix_learner *learner, const struct match *match)
{
    uint64_t *old = match != NULL ? calloc(match->components, sizeof(*old)) : NULL;
    if (old != NULL) {
        rename_components(learner, match, old);
    }
    free(old);
}

void learner_restart_watch(struct mix_learner *learner)
{
    if (learner->watch != NULL) {
        stats_assign(learner->watch->stats, learner->slow, &learner->slow_model->shape);
        model_assign(learner->watch->model, learner_model(learner));
        learner->watch->detector.sum = 0;
    }
}

void learner_install(struct mix_learner *learner, const struct scales *scales,
                     const struct stats *stats, const struct mix_model *model,
                     double points, const struct points *sample)
{
    scales_assign(learner->scales, scales);
    if (learner->has_model) {
        place_components(learner, stats, model, sample);
    } else {
        stats_assign(learner->fast, stats, &learner->slow_model->shape);
        learner_name_components(learner);
    }
    stats_assign(learner->slow, learner->fast, &learner->slow_model->shape);
    model_assign(learner->fast_model, model);
    model_assign(learner->slow_model, model);
    pace_install(&learner->pace, points, learner_window(&learner->options));
    learner_step(learner, points, points);
    batches_clear(learner->batches);
    learner_restart_watch(learner);
}

/* What the reservoir has is of before: the next challenge is to what comes. */
static void forget_sample(struct mix_learner *learner)
{
    reservoir_clear(&learner->reservoir);
    learner->next_challenge = learner_challenge_rows(&learner->options);
    learner->last_challenge = 0;
    learner->has_changed = true;
}

void learner_watch_noise(struct mix_learner *learner)
{
    const double weight = model_noise_weight(learner->slow_model);
    if (weight > NOISE_WEIGHT_MAX && learner->is_warm && !learner->has_changed) {
        forget_sample(learner);
        tell(learner, MIX_EVENT_DRIFT, 0, 0, weight);
    }
}

void learner_change(struct mix_learner *learner, double evidence)
{
    const double points = learner->watch->points;
    stats_assign(learner->fast, learner->watch->stats, &learner->slow_model->shape);
    stats_assign(learner->slow, learner->watch->stats, &learner->slow_model->shape);
    pace_install(&learner->pace, points, learner_window(&learner->options));
    learner_step(learner, points, points);
    batches_clear(learner->batches);
    forget_sample(learner);
    tell(learner, MIX_EVENT_DRIFT, 0, 0, evidence);
}
