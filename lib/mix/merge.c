/* SPDX-License-Identifier: MIT
 *
 * Two learners of the same options made one that has learned what both have. What each
 * part of the state becomes:
 *
 *     rows of a warm-up, open block     learned by the other, as if they came next: exact
 *     statistics, both averages         (1 - g) a + g b, g = n_b / (n_a + n_b), component
 *                                       by component (stats.c): the statistics of all
 *                                       points under the responsibilities that they had
 *     memory in points                  sum, to the window; of a half-life, both seen from
 *                                       the later clock
 *     reservoir                         a uniform sample of the rows of both: exact
 *                                       (reservoir.c)
 *     counts, mean score, tail          sums, weighted means, histograms added
 *     floors and scales                 means weighted by g; the finer step and floor
 *     noise                             reaches over both
 *     standard errors, change detector  begin anew
 *
 * Components of learners that share a start are in the same places. Of others the one
 * that answers for the same points is found (match.h); what it costs to have K for 2 K
 * is the loss. Where it is more than noise a challenge is due, which fits the model anew
 * to the sample of both if that is better. In nats from the truth, for four mixtures of
 * five components 2.5 deviations apart in two dimensions, 60,000 points:
 *
 *     one learner over all                            .0002 - .0006
 *     2, 4, 8 parts that share the warm-up, merged    .0002 - .0006, .0003 - .0007,
 *                                                     .0006 - .0010 (its points count
 *                                                     in each)
 *     2, 4 parts with starts of their own, merged     .0003 - .0005
 *     the same not merged, in the mean                .0006 - .0008, .0011 - .0014
 *
 * All is done on copies, so a failure changes nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alignment.h"
#include "encode.h"
#include "learner.h"
#include "noise.h"
#include "special.h"

#define LN_2 0.69314718055994530942
/* Rows that go over at a time. */
#define ROWS 256
/* Losing more than this, nats a point, is worth a challenge, where there is a sample. */
#define LOSS_LARGE 1e-4

/* ---- Copies -------------------------------------------------------------- */

/* The state of a learner in a new one with the workspace of another. NULL and *err. */
static struct mix_learner *copy_of(const struct mix_learner *learner,
                                   const struct mix_learner *host, enum mix_err *err)
{
    struct mix_options options = learner->options;
    const size_t size = mix_learner_encoded_size(learner);
    void *bytes = malloc(size);
    *err = MIX_ENOMEM;
    if (bytes == NULL) {
        return NULL;
    }
    options.workspace = host->options.workspace;
    options.executor = host->options.executor;
    options.compact = host->options.compact;
    mix_learner_encode(learner, bytes);
    struct mix_learner *copy = mix_learner_decode(&options, bytes, size, err);
    free(bytes);
    if (copy != NULL) {
        copy->is_frozen = learner->is_frozen; /* of a range it is in the candidates */
        copy->options.seed = host->options.seed;
        for (size_t c = 0; copy->selection != NULL && c < copy->selection->n; c++) {
            copy->selection->candidate[c]->options.seed = host->options.seed;
        }
    }
    return copy;
}

static size_t n_parts(const struct mix_learner *learner)
{
    return learner->selection == NULL ? 1 : learner->selection->n;
}

/* A learner, or one of its candidates. */
static struct mix_learner *part(struct mix_learner *learner, size_t i)
{
    return learner->selection == NULL ? learner : learner->selection->candidate[i];
}

static bool is_settled(struct mix_learner *learner)
{
    bool is_warm = true;
    for (size_t i = 0; i < n_parts(learner); i++) {
        is_warm = is_warm && part(learner, i)->is_warm;
    }
    return is_warm;
}

/* Whether every row since it began is in its memory or the open block. */
static bool has_all_rows(struct mix_learner *learner)
{
    bool has_all = true;
    for (size_t i = 0; i < n_parts(learner); i++) {
        const struct mix_learner *own = part(learner, i);
        has_all = has_all && !own->is_warm &&
                  own->reservoir.age <= points_count(own->memory);
    }
    return has_all;
}

/* ---- Rows that are learned anew ------------------------------------------ */

static enum mix_err give(struct mix_learner *learner, const struct points *points)
{
    const size_t dims = points_dimensions(points), n = points_count(points);
    double *x = malloc(ROWS * (dims + 2) * sizeof(*x));
    double *weight = x + ROWS * dims, *time = weight + ROWS;
    enum mix_err err = x == NULL ? MIX_ENOMEM : MIX_OK;
    for (size_t done = 0; err == MIX_OK && done < n;) {
        struct mix_rows rows = {.x = x, .stride = dims, .weight = weight, .time = time};
        size_t taken;
        for (; rows.n < ROWS && done + rows.n < n; rows.n++) {
            points_get(points, done + rows.n, x + rows.n * dims, &weight[rows.n],
                       &time[rows.n]);
        }
        err = mix_learner_add(learner, &rows, &taken);
        mix_learner_work(learner);
        done += taken;
    }
    free(x);
    return err;
}

static void set_frozen(struct mix_learner *learner, bool is_frozen)
{
    learner->is_frozen = is_frozen;
    for (size_t i = 0; i < n_parts(learner); i++) {
        part(learner, i)->is_frozen = is_frozen;
        queue_close(part(learner, i));
    }
}

/* What was counted of rows that are not given now. */
static void add_counts(struct mix_learner *to, const struct mix_learner *from,
                       uint64_t given)
{
    const struct counts *counts = &from->counts;
    const uint64_t rest = counts->added - given, kept = rest - counts->frozen;
    const uint64_t unscorable = counts->unscorable < kept ? counts->unscorable : kept;
    to->counts.added += rest;
    to->counts.frozen += counts->frozen;
    to->counts.unscorable += unscorable;
    to->counts.learned += kept - unscorable;
    if (from->is_warm) {
        to->counts.points += counts->points;
        to->counts.updates += counts->updates;
    }
    to->next_id = to->next_id > from->next_id ? to->next_id : from->next_id;
}

/* `to` learns the rows of `from` that are in memory, if they are wanted, and in the open
 * block; all else is counted. */
static enum mix_err take_rows(struct mix_learner *to, struct mix_learner *from,
                              bool with_memory)
{
    const bool is_frozen = to->is_frozen;
    const struct mix_learner *first = part(from, 0);
    uint64_t given = points_count(first->open);
    given += with_memory ? points_count(first->memory) : 0;
    for (size_t i = 0; i < n_parts(to); i++) {
        add_counts(part(to, i), part(from, i), given);
    }
    set_frozen(to, false);
    mix_learner_work(to);
    enum mix_err err = with_memory ? give(to, first->memory) : MIX_OK;
    if (err == MIX_OK) {
        err = give(to, first->open);
    }
    set_frozen(to, is_frozen);
    return err;
}

/* ---- States -------------------------------------------------------------- */

/* What memories count beside each other: of a half-life, from the later clock. */
static void set_clocks(struct mix_learner *a, struct mix_learner *b)
{
    const double half_life = a->options.half_life;
    if (half_life > 0 && a->clock.is_set && b->clock.is_set) {
        struct mix_learner *earlier = a->clock.now < b->clock.now ? a : b;
        const double now = fmax(a->clock.now, b->clock.now);
        /* Not so little that a division by it overflows. */
        const double kept = special_exp(-LN_2 * (now - earlier->clock.now) / half_life);
        earlier->pace.na *= fmax(kept, 1e-100);
        earlier->clock.now = now;
    }
}

static void merge_pace(struct mix_learner *a, const struct mix_learner *b)
{
    const double window = (double)a->options.window;
    a->pace.base = fmax(a->pace.base, b->pace.base);
    a->pace.n += b->pace.n;
    a->pace.na += b->pace.na;
    if (window > 0) {
        a->pace.na = fmin(a->pace.na, window);
    }
}

/* x <- (1 - g) x + g y */
static void mean_of(double *x, double y, double g)
{
    *x += g * (y - *x);
}

static double finer(double a, double b)
{
    return a > 0 && b > 0 ? fmin(a, b) : fmax(a, b);
}

static void merge_scales(struct scales *a, const struct scales *b, double g)
{
    for (size_t d = 0; d < a->dimensions; d++) {
        const double apart = b->mean[d] - a->mean[d];
        const double middles = b->median[d] - a->median[d];
        double variance = a->sd[d] * a->sd[d];
        mean_of(&variance, b->sd[d] * b->sd[d], g);
        a->sd[d] = sqrt(variance + g * (1 - g) * apart * apart);
        mean_of(&a->variance[d], b->variance[d], g);
        a->variance[d] += g * (1 - g) * middles * middles;
        mean_of(&a->mean[d], b->mean[d], g);
        mean_of(&a->median[d], b->median[d], g);
        a->step[d] = finer(a->step[d], b->step[d]);
        a->floor[d] = fmin(a->floor[d], b->floor[d]);
        a->low[d] = fmin(a->low[d], b->low[d]);
        a->high[d] = fmax(a->high[d], b->high[d]);
    }
}

static void merge_scores(struct mix_learner *a, const struct mix_learner *b)
{
    const double weight = a->score_weight + b->score_weight;
    if (weight > 0) {
        mean_of(&a->mean_score, b->mean_score, b->score_weight / weight);
    }
    a->score_weight = fmin(weight, a->pace.na);
    tail_merge(&a->tail, &b->tail);
}

static uint64_t add_ages(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void merge_sample_state(struct mix_learner *a, const struct mix_learner *b)
{
    a->next_challenge = add_ages(a->next_challenge, b->next_challenge);
    a->last_challenge = add_ages(a->last_challenge, b->last_challenge);
    a->has_changed = a->has_changed || b->has_changed;
    a->is_challenged = a->is_challenged || b->is_challenged;
    queue_close(a);
    a->high_score = fmax(a->high_score, b->high_score);
    if (a->is_warm && learner_forgets(&a->options)) {
        reservoir_shorten(&a->reservoir, learner_sample_rows(a));
    }
}

/* The same fields are dormant, of the same values. */
static bool are_alike(const struct mix_learner *a, const struct mix_learner *b)
{
    bool are_same = true;
    for (size_t d = 0; d < a->dormancy->dimensions; d++) {
        const double x = a->dormancy->value[d], y = b->dormancy->value[d];
        are_same = are_same && (x == y || (isnan(x) && isnan(y)));
    }
    return are_same;
}

/* Both averages of a become those of both, and its models follow. */
static enum mix_err merge_models(struct mix_learner *a, const struct mix_learner *b,
                                 double share, double *loss)
{
    const struct shape *shape = &a->slow_model->shape;
    struct alignment *alignment = alignment_new(learner_model(a), learner_model(b), share);
    struct mix_model *before = mix_model_copy(learner_model(a));
    struct stats *scratch = stats_new(shape);
    enum mix_err err = MIX_ENOMEM;
    if (alignment != NULL && before != NULL && scratch != NULL &&
        (!shape->has_noise || (noise_unite(a->slow_model, b->slow_model, share) &&
                               noise_unite(a->fast_model, b->fast_model, share)))) {
        alignment_merge(alignment, a->fast, b->fast, scratch, shape);
        alignment_merge(alignment, a->slow, b->slow, scratch, shape);
        merge_scales(a->scales, b->scales, share);
        (void)scales_update_prior(a->scales, learner_model(a));
        learner_step(a, fmin(a->pace.na, learner_window(&a->options)), a->pace.na);
        (void)scales_update_prior(a->scales, learner_model(a));
        learner_rename(a, alignment->match);
        err = alignment_loss(alignment, before, learner_model(b), learner_model(a), loss)
                  ? MIX_OK
                  : MIX_ENOMEM;
    }
    stats_destroy(&scratch);
    mix_model_destroy(&before);
    alignment_destroy(&alignment);
    return err;
}

/* Both are past their warm-up. */
static enum mix_err merge_states(struct mix_learner *a, struct mix_learner *b,
                                 double *loss)
{
    if (!are_alike(a, b)) {
        return MIX_EMISMATCH;
    }
    set_clocks(a, b);
    const double share = b->pace.na / (a->pace.na + b->pace.na);
    merge_pace(a, b);
    enum mix_err err = merge_models(a, b, share, loss);
    if (err == MIX_OK && !reservoir_merge(&a->reservoir, &b->reservoir, a->options.seed)) {
        err = MIX_ENOMEM;
    }
    if (err != MIX_OK) {
        return err;
    }
    merge_scores(a, b);
    merge_sample_state(a, b);
    batches_clear(a->batches);
    learner_restart_watch(a);
    if (*loss > LOSS_LARGE && learner_is_challenged(&a->options) &&
        points_count(a->memory) >= learner_challenge_rows(&a->options)) {
        a->is_challenged = true;
    }
    return MIX_OK;
}

static void merge_selections(struct selection *a, const struct selection *b)
{
    a->blocks += b->blocks;
    for (size_t c = 0; c < a->n; c++) {
        a->total[c] += b->total[c];
    }
    for (size_t i = 0; i < a->n * a->n; i++) {
        const size_t at = i / a->n * MIX_RANGE_MAX + i % a->n;
        a->squares[at] += b->squares[at];
    }
}

/* a learns what b has. */
static enum mix_err unite(struct mix_learner *a, struct mix_learner *b, double *loss)
{
    enum mix_err err = MIX_OK;
    for (size_t i = 0; err == MIX_OK && i < n_parts(a); i++) {
        double own = 0;
        err = merge_states(part(a, i), part(b, i), &own);
        if (a->selection == NULL || i == a->selection->published) {
            *loss = own;
        }
    }
    if (err == MIX_OK && a->selection != NULL) {
        merge_selections(a->selection, b->selection);
    }
    return err == MIX_OK ? take_rows(a, b, false) : err;
}

static void swap(struct mix_learner *a, struct mix_learner *b)
{
    const struct mix_learner c = *a;
    *a = *b;
    *b = c;
}

static bool have_same_options(const struct mix_learner *a, const struct mix_learner *b)
{
    struct mix_options of_a = a->options, of_b = b->options;
    of_a.seed = of_b.seed = 0; /* of no say in what is learned */
    return encode_fingerprint(&of_a) == encode_fingerprint(&of_b);
}

enum mix_err mix_learner_merge(struct mix_learner *learner,
                               const struct mix_learner *other, double *loss)
{
    enum mix_err err = MIX_EMISMATCH, err_b = MIX_EMISMATCH;
    double unused;
    if (!have_same_options(learner, other)) {
        return MIX_EMISMATCH;
    }
    loss = loss == NULL ? &unused : loss;
    *loss = 0;
    struct mix_learner *a = copy_of(learner, learner, &err);
    struct mix_learner *b = copy_of(other, learner, &err_b);
    if (a == NULL || b == NULL) {
        err = a == NULL ? err : err_b;
    } else if (is_settled(a) && is_settled(b)) {
        err = unite(a, b, loss);
    } else if (has_all_rows(b)) {
        err = take_rows(a, b, true);
    } else if (has_all_rows(a)) {
        set_frozen(b, a->is_frozen);
        swap(a, b);
        err = take_rows(a, b, true);
    } else {
        err = MIX_ENOTREADY;
    }
    if (err == MIX_OK) {
        job_destroy(&learner->job);
        swap(learner, a);
    }
    mix_learner_destroy(&a);
    mix_learner_destroy(&b);
    return err;
}
