/* SPDX-License-Identifier: MIT
 *
 * How many rows a learner waits for, keeps and remembers, from its options alone. */
#include "learner.h"

/* Rows of the warm-up: 50 a free parameter, within these. */
#define WARMUP_PER_PARAMETER 50
#define WARMUP_MIN 8192
#define WARMUP_MAX 32768
/* Where entries are missing a row says less, and EM finds its way more slowly. */
#define WARMUP_MISSING 2
/* Many models: half as many a parameter, at least these, for all of them may warm up at
 * the same time. */
#define WARMUP_MIN_COMPACT 512
/* With a half-life: the rows of the warm-up count alike, whatever their age, so there
 * are few of them. */
#define WARMUP_HALF_LIFE 2048
/* Rows before the first model, at least, and 2 (D + 1). */
#define FIRST_FIT_MIN 64

static size_t free_parameters(const struct mix_options *options)
{
    const struct shape shape = shape_of(options);
    return shape_parameters(&shape);
}

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

size_t learner_warmup(const struct mix_options *options)
{
    const size_t least = options->components * (options->dimensions + 1);
    const size_t wanted = WARMUP_PER_PARAMETER * free_parameters(options);
    size_t found = options->compact ? clamp(wanted / 2, WARMUP_MIN_COMPACT, WARMUP_MIN)
                                    : clamp(wanted, WARMUP_MIN, WARMUP_MAX);
    if (options->marginalize && !options->compact) {
        found *= WARMUP_MISSING;
    }
    if (options->warmup > 0) {
        return options->warmup;
    }
    if (options->window > 0 && options->window < found) {
        found = options->window; /* what is to be forgotten is not waited for */
    }
    if (options->half_life > 0 && found > WARMUP_HALF_LIFE) {
        found = WARMUP_HALF_LIFE;
    }
    return found < least ? least : found;
}

size_t learner_first_fit(const struct mix_options *options)
{
    const size_t least = 2 * (options->dimensions + 1);
    const size_t first = least < FIRST_FIT_MIN ? FIRST_FIT_MIN : least;
    const size_t warmup = learner_warmup(options);
    return first < warmup ? first : warmup;
}

/* Rows of the sample of a model that forgets: 50 a free parameter, at least these. */
#define SAMPLE_PER_PARAMETER 50
#define SAMPLE_MIN 2048
/* Rows that a challenge needs: 25 a free parameter, within these. */
#define CHALLENGE_PER_PARAMETER 25
#define CHALLENGE_MIN 2000
#define CHALLENGE_MAX 20000
/* The fast window begins at 25 points a free parameter, at least these. */
#define WINDOW_PER_PARAMETER 25
#define WINDOW_MIN 1000
/* Points that the watch remembers: 8 a free parameter, at least these. */
#define WATCH_PER_PARAMETER 8
#define WATCH_MIN 500

size_t learner_sample_rows(const struct mix_learner *learner)
{
    const size_t most = points_capacity(learner->memory);
    const size_t least = SAMPLE_MIN < most ? SAMPLE_MIN : most;
    return clamp(SAMPLE_PER_PARAMETER * shape_parameters(&learner->slow_model->shape), least,
                 most);
}

size_t learner_challenge_rows(const struct mix_options *options)
{
    const size_t wanted = CHALLENGE_PER_PARAMETER * free_parameters(options);
    const size_t rows = clamp(wanted, CHALLENGE_MIN, CHALLENGE_MAX);
    const size_t warmup = learner_warmup(options);
    return rows < warmup ? rows : warmup;
}

double learner_watch_points(const struct mix_options *options)
{
    const size_t wanted = WATCH_PER_PARAMETER * free_parameters(options);
    return (double)(wanted < WATCH_MIN ? WATCH_MIN : wanted);
}

double learner_window(const struct mix_options *options)
{
    const size_t wanted = WINDOW_PER_PARAMETER * free_parameters(options);
    return (double)(wanted < WINDOW_MIN ? WINDOW_MIN : wanted);
}

/* Nothing that was learned is to be forgotten. */
static bool is_lasting(const struct mix_options *options)
{
    return options->step_exponent == 0 && options->window == 0 && options->half_life == 0;
}

bool learner_is_challenged(const struct mix_options *options)
{
    return !options->compact;
}

bool learner_forgets(const struct mix_options *options)
{
    return !is_lasting(options);
}

bool learner_adapts(const struct mix_options *options)
{
    return options->adapt && is_lasting(options);
}

/* The reservoir is no smaller than this, however short the warm-up. */
#define RESERVOIR_MIN 8192

size_t learner_memory_rows(const struct mix_options *options)
{
    /* A state may come from a learner that was not compact. */
    struct mix_options roomy = *options;
    roomy.compact = false;
    const size_t warmup = learner_warmup(&roomy);
    return is_lasting(&roomy) && warmup < RESERVOIR_MIN ? RESERVOIR_MIN : warmup;
}
