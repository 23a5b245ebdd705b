/* SPDX-License-Identifier: MIT
 *
 * When a model is challenged (challenge.h): at geometric ages, or once it looks as if it
 * were caught in a bad place. */
#include <math.h>

#include "learner.h"

/* From one challenge to the next the stream grows by this factor, so that all of them
 * together cost a vanishing part. */
#define CHALLENGE_GROWTH 4
/* A model is challenged when its mean score falls by so much, nats a point, beyond so
 * many times what it does by chance; one that forgets also when a component has fewer
 * points than so many for each of D + 1. One that does not waits until the stream since
 * the last challenge is so many times as long: that bounds what challenges cost. */
#define SCORE_FALL 0.1
#define SCORE_ERRORS 4
#define EARLY_GROWTH 1.25
#define STARVED_POINTS 2
/* While challenges are lost the next waits twice as long as the one before. */
#define WAIT_LONGEST 16
/* One that nothing asks for comes after so many times. */
#define WAIT_QUIET 32
/* In points at least, as the memory of a model may be short, and at most, as that of one
 * that was started may be any number. */
#define WAIT_MIN 16384
#define WAIT_MAX 1e15

bool learner_is_recovering(const struct mix_learner *learner)
{
    return learner->has_changed &&
           learner->reservoir.age < learner_warmup(&learner->options);
}

static uint64_t shortest_wait(const struct mix_learner *learner)
{
    return (uint64_t)fmin(fmax(WAIT_MIN, learner->pace.na), WAIT_MAX);
}

static uint64_t challenge_period(const struct mix_learner *learner)
{
    return WAIT_QUIET * shortest_wait(learner);
}

/* ---- Before ------------------------------------------------------------------ */

static bool has_fallen(const struct mix_learner *learner)
{
    const double fall = learner->high_score - learner->mean_score;
    return fall > SCORE_FALL + SCORE_ERRORS / sqrt(learner->pace.na);
}

static bool is_starved(const struct mix_learner *learner)
{
    const struct mix_model *model = learner->slow_model;
    const double least = STARVED_POINTS * ((double)model->shape.dimensions + 1);
    bool is_any = false;
    for (size_t k = 0; k < model->shape.components; k++) {
        is_any = is_any || model->weights[k] * learner->pace.na < least;
    }
    return is_any;
}

/* Whether the age of the sample calls for a challenge. A model that looks as if it were
 * caught in a bad place, as it predicts worse than it did, has one before its time: the
 * watch shares its responsibilities and may be caught there as well. */
static bool is_time(const struct mix_learner *learner)
{
    const uint64_t age = learner->reservoir.age, last = learner->last_challenge;
    const bool is_due = age >= learner->next_challenge;
    if (learner->has_changed) {
        return is_due;
    }
    if (!learner_forgets(&learner->options)) {
        return is_due ||
               ((double)age >= EARLY_GROWTH * (double)last && has_fallen(learner));
    }
    return is_due && (age >= last + challenge_period(learner) || has_fallen(learner) ||
                      is_starved(learner));
}

void learner_schedule(struct mix_learner *learner)
{
    if (!learner->has_changed && 2 * learner->score_weight >= learner->pace.na) {
        learner->high_score = fmax(learner->high_score, learner->mean_score);
    }
    const bool is_lost = learner->options.noise && learner->has_changed;
    if ((learner_is_challenged(&learner->options) || is_lost) && is_time(learner) &&
        points_count(learner->memory) >= learner_challenge_rows(&learner->options)) {
        learner->is_challenged = true;
    }
}

/* ---- After ------------------------------------------------------------------- */

/* The next challenge of a model that forgets. */
static void schedule_forgetful(struct mix_learner *learner, bool has_won)
{
    const uint64_t age = learner->reservoir.age, shortest = shortest_wait(learner);
    const uint64_t longest = WAIT_LONGEST * shortest;
    uint64_t wait = 2 * (learner->next_challenge - learner->last_challenge);
    wait = has_won || wait < shortest ? shortest : wait < longest ? wait : longest;
    learner->next_challenge = age + wait;
    if (has_won) {
        learner->high_score = learner->mean_score;
    }
}

/* Until as many points have come since a change as a warm-up has, the next fit is due
 * when they have doubled, as in a warm-up; then a challenge at a geometric age. */
void learner_challenged(struct mix_learner *learner, bool has_won)
{
    const uint64_t age = learner->reservoir.age;
    const uint64_t warmup = learner_warmup(&learner->options);
    if (learner_is_recovering(learner)) {
        learner->next_challenge = 2 * age < warmup ? 2 * age : warmup;
    } else if (learner_forgets(&learner->options)) {
        schedule_forgetful(learner, has_won);
        learner->has_changed = false;
    } else {
        learner->next_challenge = CHALLENGE_GROWTH * age;
        learner->has_changed = false;
        learner->high_score = learner->mean_score; /* only a further fall is news */
    }
    learner->last_challenge = age;
    learner->is_challenged = false;
}
