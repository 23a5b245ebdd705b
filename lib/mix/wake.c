/* SPDX-License-Identifier: MIT
 *
 * Fields that do not vary yet: what a learner does until they do, and when they do. */
#include "learner.h"

bool learner_samples(const struct mix_learner *learner)
{
    return !learner->is_warm || learner_is_challenged(&learner->options) ||
           learner->dormancy->n_dormant > 0 ||
           (learner->options.noise && learner->has_changed);
}

void learner_sample(struct mix_learner *learner, const struct block *block)
{
    const struct mix_options *options = &learner->options;
    if (learner->is_warm && learner_forgets(options)) {
        reservoir_follow(&learner->reservoir, block, options->seed,
                         learner_sample_rows(learner), learner->pace.na);
    } else {
        reservoir_offer(&learner->reservoir, block, options->seed);
    }
}

void learner_fall_asleep(struct mix_learner *learner)
{
    if (!learner->is_idle) {
        learner->is_idle =
            dormancy_decide(learner->dormancy, &learner->slow_model->shape, learner->memory);
        reservoir_adopt(&learner->reservoir);
    }
}

/* Rows that differ are few among those of a long stream: the sample has room for those
 * that were kept. */
static void recall_witnesses(struct mix_learner *learner)
{
    const struct points *witnesses = learner->dormancy->witnesses;
    struct reservoir *reservoir = &learner->reservoir;
    const size_t held = points_count(reservoir->rows);
    if (reservoir->age > held && held == points_capacity(reservoir->rows)) {
        for (size_t i = 0; i < points_count(witnesses); i++) {
            reservoir_force(reservoir, witnesses, i, learner->options.seed);
        }
    }
}

static void tell(struct mix_learner *learner, size_t d)
{
    events_add(&learner->events,
               (struct mix_event){.kind = MIX_EVENT_WOKE,
                                  .added = learner->counts.added,
                                  .id = d,
                                  .value = learner->dormancy->value[d]});
}

void learner_wake(struct mix_learner *learner)
{
    struct dormancy *dormancy = learner->dormancy;
    const size_t held = points_count(learner->memory);
    size_t d = dormancy_next_to_wake(dormancy);
    /* After a change the sample has to grow again first. */
    if (d == dormancy->dimensions || held < learner_first_fit(&learner->options)) {
        return;
    }
    recall_witnesses(learner);
    for (; d < dormancy->dimensions; d = dormancy_next_to_wake(dormancy)) {
        tell(learner, d);
        dormancy_wake(dormancy, d);
    }
    learner->is_idle = false;
    learner->has_woken = learner->has_model;
    if (!learner->is_warm) {
        learner->next_fit = held;
    }
}

void learner_idle(struct mix_learner *learner)
{
    for (size_t j = 0; j < points_blocks(learner->open); j++) {
        const struct block *block = points_block(learner->open, j);
        learner_sample(learner, block);
        dormancy_watch(learner->dormancy, block);
    }
    points_clear(learner->open);
    learner_wake(learner);
}
