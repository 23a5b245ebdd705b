/* SPDX-License-Identifier: MIT */
#include "splitmerge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "moves.h"

/* Points on which moves are ranked and tried, a free parameter, within these; and their
 * densities kept: 8 MiB. */
#define SAMPLE_PER_PARAMETER 40
#define SAMPLE_MIN 2048
#define SAMPLE_MAX 4096
#define DENSITIES_MAX ((size_t)1 << 20)
/* Pairs whose loss is computed, a component: those that overlap most, and all with the
 * lightest component. */
#define PAIRS_PER_COMPONENT 3
/* Moves that are tried: merge one pair and cut a third component, as many as there are
 * components, within these; merge a pair and cut it another way, the only move there is
 * with two components. */
#define MOVES_TRIED_MIN 4
#define MOVES_TRIED_MAX 16
#define RECUT_PAIRS 4
#define RECUTS_TRIED 4
#define RECUTS_TRIED_FEW 12 /* with at most so many components: */
#define FEW_COMPONENTS 3
#define CANDIDATES (MOVES_TRIED_MAX + RECUTS_TRIED_FEW)
/* EM passes of the model and of every candidate on the sample, and of the best one on
 * all points. */
#define LEVEL_TOLERANCE 1e-6
#define TRY_PASSES 15
#define RACE_PASSES 6
#define CLIMB_PASSES 80
#define CLIMB_TOLERANCE 1e-5
/* A move must gain so much, in nats a point and in standard errors. */
#define GAIN_MIN 1e-4
#define GAIN_ERRORS 2
/* A component with fewer points a parameter than this is not cut. */
#define POINTS_PER_FIELD 4

enum step {
    SM_WEIGH,
    SM_LOSS,
    SM_GAIN,
    SM_RECUT,
    SM_LEVEL,
    SM_TRY,
    SM_CLIMB,
    SM_JUDGE,
    SM_DONE
};

struct candidate {
    double change; /* estimated, nats a point */
    bool is_recut;
    struct merge merge;
    size_t k;     /* component that is cut; of a recut: the slot of its halves */
    double share; /* of the first half */
};

struct splitmerge {
    struct shape shape, halves_shape;
    struct moves *moves;
    struct em *em;
    struct mix_model *trial, *best;
    struct stats *halves; /* slots 2k, 2k+1: of component k; then of the recuts */
    struct stats *trial_stats;
    struct merge *merges; /* pairs, cheapest first once their losses are known */
    size_t n_merges, merges_max;
    double *overlap;   /* K x K: sums of r_i r_j over the sample */
    struct cut *gains; /* K: the best cut of each component */
    struct candidate candidates[CANDIDATES];
    size_t n_candidates, n_moves; /* moves first, then recuts */

    const struct points *points;
    const struct prior *prior;
    struct mix_model *model; /* the caller's */
    enum step step;
    size_t at; /* next piece of the step */
    size_t rounds, accepted;
    double level;                 /* what a candidate must reach on the sample */
    double best_log_likelihood;   /* of the candidates, on the sample */
    struct comparison comparison; /* of the judgement, on all points */
};

static size_t sample_size(size_t n, const struct shape *shape)
{
    const size_t most = DENSITIES_MAX / shape->components;
    size_t wanted = SAMPLE_PER_PARAMETER * shape_parameters(shape);
    wanted = wanted < SAMPLE_MIN ? SAMPLE_MIN : wanted < SAMPLE_MAX ? wanted : SAMPLE_MAX;
    wanted = wanted < n ? wanted : n;
    return wanted < most ? wanted : most;
}

static size_t pairs_max(size_t k)
{
    const size_t all = k * (k - 1) / 2;
    const size_t wanted = (PAIRS_PER_COMPONENT + 1) * k;
    return all < wanted ? all : wanted;
}

struct splitmerge *splitmerge_new(const struct mix_options *options,
                                  const struct shape *shape, size_t n)
{
    const size_t k = options->components;
    struct splitmerge *sm = calloc(1, sizeof(*sm));
    if (sm == NULL) {
        return NULL;
    }
    shape_assign(&sm->shape, shape);
    sm->halves_shape = shape_resize(shape, 2 * (k + CANDIDATES));
    sm->moves = moves_new(shape, sample_size(n, shape), k);
    sm->em = em_new(shape);
    sm->trial = model_new(shape);
    sm->best = model_new(shape);
    sm->halves = stats_new(&sm->halves_shape);
    sm->trial_stats = stats_new(shape);
    sm->merges_max = pairs_max(k);
    sm->merges = calloc(sm->merges_max + 1, sizeof(*sm->merges));
    sm->overlap = calloc(k * k, sizeof(*sm->overlap));
    sm->gains = calloc(k, sizeof(*sm->gains));
    if (sm->moves == NULL || sm->em == NULL ||
        !em_share(sm->em, shape, options->executor) || sm->trial == NULL ||
        sm->best == NULL || sm->halves == NULL || sm->trial_stats == NULL ||
        sm->merges == NULL || sm->overlap == NULL || sm->gains == NULL) {
        splitmerge_destroy(&sm);
    }
    return sm;
}

void splitmerge_destroy(struct splitmerge **splitmerge)
{
    struct splitmerge *sm = *splitmerge;
    if (sm == NULL) {
        return;
    }
    moves_destroy(&sm->moves);
    em_destroy(&sm->em);
    mix_model_destroy(&sm->trial);
    mix_model_destroy(&sm->best);
    stats_destroy(&sm->halves);
    stats_destroy(&sm->trial_stats);
    free(sm->merges);
    free(sm->overlap);
    free(sm->gains);
    free(sm);
    *splitmerge = NULL;
}

static void enter(struct splitmerge *sm, enum step step)
{
    sm->step = step;
    sm->at = 0;
}

static void begin_round(struct splitmerge *sm)
{
    if (sm->rounds == 0) {
        enter(sm, SM_DONE);
        return;
    }
    sm->rounds--;
    stats_of_model(sm->moves->stats, sm->model);
    memset(sm->overlap, 0,
           sm->shape.components * sm->shape.components * sizeof(*sm->overlap));
    enter(sm, SM_WEIGH);
}

void splitmerge_start(struct splitmerge *sm, const struct points *points,
                      const struct prior *prior, struct mix_model *model, size_t rounds)
{
    sm->points = points;
    sm->prior = prior;
    sm->model = model;
    model_assign(sm->trial, model); /* for its noise */
    sm->rounds = rounds;
    sm->accepted = 0;
    joint_sample(sm->moves->joint, points);
    if (sm->shape.components < 2) { /* nothing to merge */
        sm->rounds = 0;
    }
    begin_round(sm);
}

size_t splitmerge_accepted(const struct splitmerge *sm)
{
    return sm->accepted;
}

/* ---- WEIGH: densities and overlaps ---------------------------------------- */

static void add_overlap(struct splitmerge *sm, size_t b)
{
    const struct joint *joint = sm->moves->joint;
    const struct block *block = points_block(joint->points, b);
    const size_t k = sm->shape.components;
    const double *resp = joint->resp + b * k * BLOCK_POINTS;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t p = 0; p < block->n; p++) {
                sum += resp[i * BLOCK_POINTS + p] * resp[j * BLOCK_POINTS + p];
            }
            sm->overlap[i * k + j] += sum;
        }
    }
}

static double cosine(const struct splitmerge *sm, size_t i, size_t j)
{
    const size_t k = sm->shape.components;
    const double norm = sqrt(sm->overlap[i * k + i] * sm->overlap[j * k + j]);
    return norm > 0 ? sm->overlap[i * k + j] / norm : 0;
}

/* Ascending by loss; then by components, so that the order is one. */
static int compare_merges(const void *a, const void *b)
{
    const struct merge *x = a, *y = b;
    if (x->loss != y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->i != y->i ? (x->i > y->i) - (x->i < y->i) : (x->j > y->j) - (x->j < y->j);
}

/* Keeps the pair if it is among the most overlapping; loss holds minus the cosine. */
static void offer_pair(struct splitmerge *sm, struct merge pair, size_t room)
{
    size_t at = sm->n_merges;
    if (at == room && compare_merges(&pair, &sm->merges[at - 1]) >= 0) {
        return;
    }
    at = at < room ? sm->n_merges++ : room - 1;
    while (at > 0 && compare_merges(&pair, &sm->merges[at - 1]) < 0) {
        sm->merges[at] = sm->merges[at - 1];
        at--;
    }
    sm->merges[at] = pair;
}

static bool is_listed(const struct splitmerge *sm, size_t i, size_t j)
{
    for (size_t p = 0; p < sm->n_merges; p++) {
        if (sm->merges[p].i == i && sm->merges[p].j == j) {
            return true;
        }
    }
    return false;
}

static void list_pairs(struct splitmerge *sm)
{
    const size_t k = sm->shape.components;
    const size_t room = sm->merges_max < PAIRS_PER_COMPONENT * k
                            ? sm->merges_max
                            : PAIRS_PER_COMPONENT * k;
    size_t lightest = 0;
    sm->n_merges = 0;
    for (size_t i = 0; i < k; i++) {
        lightest = sm->model->weights[i] < sm->model->weights[lightest] ? i : lightest;
        for (size_t j = 0; j < i; j++) {
            offer_pair(sm, (struct merge){j, i, -cosine(sm, i, j)}, room);
        }
    }
    for (size_t j = 0; j < k && sm->n_merges < sm->merges_max; j++) {
        const size_t low = j < lightest ? j : lightest, high = j + lightest - low;
        if (low != high && !is_listed(sm, low, high)) {
            sm->merges[sm->n_merges++] = (struct merge){low, high, 0};
        }
    }
}

static uint64_t weigh(struct splitmerge *sm)
{
    const size_t k = sm->shape.components;
    const struct joint *joint = sm->moves->joint;
    joint_fill(sm->moves->joint, sm->em->estep, sm->model, sm->at);
    add_overlap(sm, sm->at);
    const uint64_t n = points_block(joint->points, sm->at)->n;
    if (++sm->at == points_blocks(joint->points)) {
        list_pairs(sm);
        enter(sm, SM_LOSS);
    }
    return n * k * (1 + k / 16);
}

/* ---- LOSS, GAIN, RECUT: what moves would change --------------------------- */

static uint64_t lose(struct splitmerge *sm)
{
    const size_t k = sm->shape.components, left = sm->n_merges - sm->at;
    const size_t n = left < k ? left : k;
    moves_losses(sm->moves, sm->prior, sm->merges + sm->at, n);
    sm->at += n;
    if (sm->at == sm->n_merges) {
        qsort(sm->merges, sm->n_merges, sizeof(*sm->merges), compare_merges);
        enter(sm, SM_GAIN);
    }
    return points_count(sm->moves->joint->points) * k;
}

/* Keeps the halves that moves_cut() left. */
static void keep_halves(struct splitmerge *sm, size_t slot)
{
    for (size_t half = 0; half < 2; half++) {
        stats_place(sm->halves, &sm->halves_shape, 2 * slot + half, sm->moves->pair,
                    &sm->moves->pair_shape, half);
    }
}

/* The next way to cut a component; both ways tried, the better is kept. */
static uint64_t gain(struct splitmerge *sm)
{
    const size_t ways = sm->shape.dimensions > 1 ? 2 : 1;
    const size_t k = sm->at / ways;
    const double least = POINTS_PER_FIELD * ((double)sm->shape.dimensions + 1);
    if (sm->at % ways == 0) {
        sm->gains[k].change = -HUGE_VAL;
    }
    if (sm->moves->joint->mass[k] >= least) {
        const struct cut cut =
            moves_cut(sm->moves, sm->prior, k, k, (enum family_cut)(sm->at % ways));
        if (cut.change > sm->gains[k].change) {
            sm->gains[k] = cut;
            keep_halves(sm, k);
        }
    }
    if (++sm->at == ways * sm->shape.components) {
        enter(sm, SM_RECUT);
        sm->n_candidates = sm->n_moves = 0;
    }
    return points_count(sm->moves->joint->points) * 16;
}

/* Keeps a candidate among the best of `room` from `first` on. Returns its place, or
 * `room + first` if there is none for it. */
static size_t offer(struct splitmerge *sm, struct candidate candidate, size_t first,
                    size_t room)
{
    struct candidate *list = sm->candidates + first;
    size_t n = sm->n_candidates - first;
    if (n == room && !(candidate.change > list[n - 1].change)) {
        return first + room;
    }
    size_t at = n < room ? n : room - 1;
    sm->n_candidates += n < room;
    while (at > 0 && candidate.change > list[at - 1].change) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = candidate;
    return first + at;
}

static void rank_moves(struct splitmerge *sm)
{
    const size_t k_all = sm->shape.components;
    const size_t room = k_all < MOVES_TRIED_MIN   ? MOVES_TRIED_MIN
                        : k_all < MOVES_TRIED_MAX ? k_all
                                                  : MOVES_TRIED_MAX;
    for (size_t p = 0; p < sm->n_merges; p++) {
        const struct merge *merge = &sm->merges[p];
        for (size_t k = 0; k < k_all; k++) {
            const double change = sm->gains[k].change - merge->loss;
            if (k != merge->i && k != merge->j && change > -HUGE_VAL) {
                offer(sm,
                      (struct candidate){.change = change,
                                         .merge = *merge,
                                         .k = k,
                                         .share = sm->gains[k].share},
                      0, room);
            }
        }
    }
    sm->n_moves = sm->n_candidates;
}

/* A slot of the halves that no recut candidate uses. */
static size_t free_slot(const struct splitmerge *sm)
{
    for (size_t slot = sm->shape.components;; slot++) {
        bool is_used = false;
        for (size_t c = sm->n_moves; c < sm->n_candidates; c++) {
            is_used = is_used || sm->candidates[c].k == slot;
        }
        if (!is_used) {
            return slot;
        }
    }
}

static void offer_recut(struct splitmerge *sm, const struct cut *cut)
{
    const bool is_few = sm->shape.components <= FEW_COMPONENTS;
    const size_t room = is_few ? RECUTS_TRIED_FEW : RECUTS_TRIED;
    const size_t slot = free_slot(sm);
    const struct candidate candidate = {.change = cut->change,
                                        .is_recut = true,
                                        .merge = {cut->i, cut->j, 0},
                                        .k = slot,
                                        .share = cut->share};
    if (cut->change > -HUGE_VAL &&
        offer(sm, candidate, sm->n_moves, room) < sm->n_moves + room) {
        keep_halves(sm, slot);
    }
}

/* Descending by change; then by what is cut and merged, so that the order is one. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->change != y->change) {
        return x->change > y->change ? -1 : 1;
    }
    return x->k != y->k ? (x->k > y->k) - (x->k < y->k)
                        : compare_merges(&x->merge, &y->merge);
}

/* The model itself goes on with EM on the sample, and gains there by fitting its chance:
 * what candidates that do as well have gained, too. */
static void begin_level(struct splitmerge *sm)
{
    qsort(sm->candidates, sm->n_candidates, sizeof(*sm->candidates), compare_candidates);
    model_assign(sm->best, sm->model);
    em_start(sm->em, sm->moves->joint->points, sm->prior, sm->best, TRY_PASSES,
             LEVEL_TOLERANCE);
    enter(sm, SM_LEVEL);
}

static uint64_t recut(struct splitmerge *sm)
{
    const size_t pairs = sm->n_merges < RECUT_PAIRS ? sm->n_merges : RECUT_PAIRS;
    const struct merge *merge = &sm->merges[sm->at / FAMILY_CUTS];
    const size_t way = sm->at % FAMILY_CUTS;
    if (sm->at == 0) {
        rank_moves(sm);
    }
    if (way == CUT_NESTED || way < sm->shape.dimensions) {
        const struct cut cut =
            moves_cut(sm->moves, sm->prior, merge->i, merge->j, (enum family_cut)way);
        offer_recut(sm, &cut);
    }
    if (++sm->at == pairs * FAMILY_CUTS) {
        if (sm->n_candidates > 0) {
            begin_level(sm);
        } else {
            enter(sm, SM_DONE);
        }
    }
    return points_count(sm->moves->joint->points) * 16;
}

/* ---- LEVEL, TRY, CLIMB, JUDGE --------------------------------------------- */

static void level(struct splitmerge *sm, uint64_t *budget)
{
    em_run(sm->em, budget);
    if (sm->em->is_done) {
        sm->level = sm->em->log_likelihood + GAIN_MIN / 2;
        sm->best_log_likelihood = -HUGE_VAL;
        sm->em->model = NULL;
        enter(sm, SM_TRY);
    }
}

/* Puts halves of a slot in the places of components a and b, which share `share`. */
static void place_halves(struct splitmerge *sm, const struct candidate *candidate,
                         size_t a, size_t b, double share)
{
    struct stats *stats = sm->trial_stats;
    const size_t slot = 2 * candidate->k;
    stats_place(stats, &sm->shape, a, sm->halves, &sm->halves_shape, slot);
    stats_place(stats, &sm->shape, b, sm->halves, &sm->halves_shape, slot + 1);
    stats->rho[a] = share * candidate->share;
    stats->rho[b] = share * (1 - candidate->share);
}

/* The trial model of a candidate. */
static bool make_trial(struct splitmerge *sm, const struct candidate *candidate)
{
    const struct merge *merge = &candidate->merge;
    const double *rho = sm->moves->stats->rho;
    stats_assign(sm->trial_stats, sm->moves->stats, &sm->shape);
    if (candidate->is_recut) {
        place_halves(sm, candidate, merge->i, merge->j, rho[merge->i] + rho[merge->j]);
    } else {
        moves_merge(sm->moves, merge->i, merge->j, sm->trial_stats, &sm->shape, merge->i);
        place_halves(sm, candidate, merge->j, candidate->k, rho[candidate->k]);
    }
    return stats_mstep(sm->trial_stats, sm->moves->joint->weight, sm->prior, sm->trial,
                       NULL) == MIX_OK;
}

/* Runs EM of a candidate on the sample, one after the other. */
static void try_candidate(struct splitmerge *sm, uint64_t *budget)
{
    struct em *em = sm->em;
    if (em->is_done || em->model != sm->trial) { /* begin */
        if (!make_trial(sm, &sm->candidates[sm->at])) {
            sm->at++;
        } else {
            em_start(em, sm->moves->joint->points, sm->prior, sm->trial, TRY_PASSES, 0);
            em_race(em, fmax(sm->level, sm->best_log_likelihood), RACE_PASSES);
        }
    } else {
        em_run(em, budget);
    }
    if (em->model == sm->trial && em->is_done) {
        if (!em->is_beaten && em->log_likelihood > sm->best_log_likelihood) {
            sm->best_log_likelihood = em->log_likelihood;
            model_assign(sm->best, sm->trial);
        }
        sm->at++;
        em->model = NULL;
    }
    if (sm->at == sm->n_candidates) {
        em_start(em, sm->points, sm->prior, sm->best, CLIMB_PASSES, CLIMB_TOLERANCE);
        enter(sm, sm->best_log_likelihood > -HUGE_VAL ? SM_CLIMB : SM_DONE);
    }
}

static void climb(struct splitmerge *sm, uint64_t *budget)
{
    em_run(sm->em, budget);
    if (sm->em->is_done) {
        sm->comparison = (struct comparison){0};
        enter(sm, SM_JUDGE);
    }
}

/* The move is kept if it gains enough beyond its noise. */
static bool is_better(const struct comparison *comparison)
{
    const double mean = comparison_mean(comparison);
    return mean > GAIN_MIN && mean > GAIN_ERRORS * comparison_error(comparison);
}

static uint64_t judge(struct splitmerge *sm)
{
    const struct block *block = points_block(sm->points, sm->at);
    comparison_add(&sm->comparison, sm->em->estep, sm->model, sm->best, block);
    if (++sm->at == points_blocks(sm->points)) {
        if (is_better(&sm->comparison)) {
            model_assign(sm->model, sm->best);
            sm->accepted++;
            begin_round(sm);
        } else {
            enter(sm, SM_DONE);
        }
    }
    return 2 * block->n * sm->shape.components;
}

static void spend(uint64_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

bool splitmerge_run(struct splitmerge *sm, uint64_t *budget)
{
    while (sm->step != SM_DONE && *budget > 0) {
        switch (sm->step) {
        case SM_WEIGH:
            spend(budget, weigh(sm));
            break;
        case SM_LOSS:
            spend(budget, lose(sm));
            break;
        case SM_GAIN:
            spend(budget, gain(sm));
            break;
        case SM_RECUT:
            spend(budget, recut(sm));
            break;
        case SM_LEVEL:
            level(sm, budget);
            break;
        case SM_TRY:
            try_candidate(sm, budget);
            break;
        case SM_CLIMB:
            climb(sm, budget);
            break;
        case SM_JUDGE:
            spend(budget, judge(sm));
            break;
        case SM_DONE:
            break;
        }
    }
    return sm->step == SM_DONE;
}
