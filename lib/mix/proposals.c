/* SPDX-License-Identifier: MIT */
#include "proposals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
/* Moves that are proposed: merge one pair and cut a third component, as many as there are
 * components, within these; merge a pair and cut it another way, the only move there is
 * with two components. */
#define MOVES_MIN 4
#define MOVES_MAX 16
#define RECUT_PAIRS 4
#define RECUTS 4
#define RECUTS_FEW 12 /* with at most so many components: */
#define FEW_COMPONENTS 3
#define PROPOSALS_MAX (MOVES_MAX + RECUTS_FEW)
/* A component with fewer points a parameter than this is not cut. */
#define POINTS_PER_FIELD 4

enum step { WEIGH, LOSS, GAIN, RECUT, KNOWN };

struct proposal {
    double change; /* estimated, nats a point */
    bool is_recut;
    struct merge merge;
    size_t k;     /* component that is cut; of a recut: the slot of its halves */
    double share; /* of the first half */
};

struct proposals {
    struct shape shape, halves_shape;
    struct moves *moves;
    struct stats *halves; /* slots 2k, 2k+1: of component k; then of the recuts */
    struct stats *scratch;
    struct merge *merges; /* pairs, cheapest first once their losses are known */
    size_t n_merges, merges_max;
    double *overlap;   /* K x K: sums of r_i r_j over the sample */
    struct cut *gains; /* K: the best cut of each component */
    struct proposal list[PROPOSALS_MAX];
    size_t n, n_moves; /* moves first, then recuts; once all are known, best first */

    const struct prior *prior;
    const struct mix_model *model;
    struct estep *estep;
    enum step step;
    size_t at; /* next piece of the step */
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

struct proposals *proposals_new(const struct mix_options *options,
                                const struct shape *shape, size_t n)
{
    const size_t k = options->components;
    struct proposals *ps = calloc(1, sizeof(*ps));
    if (ps == NULL) {
        return NULL;
    }
    shape_assign(&ps->shape, shape);
    ps->halves_shape = shape_resize(shape, 2 * (k + PROPOSALS_MAX));
    ps->moves = moves_new(shape, sample_size(n, shape), k);
    ps->halves = stats_new(&ps->halves_shape);
    ps->scratch = stats_new(shape);
    ps->merges_max = pairs_max(k);
    ps->merges = calloc(ps->merges_max + 1, sizeof(*ps->merges));
    ps->overlap = calloc(k * k, sizeof(*ps->overlap));
    ps->gains = calloc(k, sizeof(*ps->gains));
    if (ps->moves == NULL || ps->halves == NULL || ps->scratch == NULL ||
        ps->merges == NULL || ps->overlap == NULL || ps->gains == NULL) {
        proposals_destroy(&ps);
    }
    return ps;
}

void proposals_destroy(struct proposals **proposals)
{
    struct proposals *ps = *proposals;
    if (ps == NULL) {
        return;
    }
    moves_destroy(&ps->moves);
    stats_destroy(&ps->halves);
    stats_destroy(&ps->scratch);
    free(ps->merges);
    free(ps->overlap);
    free(ps->gains);
    free(ps);
    *proposals = NULL;
}

void proposals_sample(struct proposals *ps, const struct points *points)
{
    joint_sample(ps->moves->joint, points);
}

const struct points *proposals_points(const struct proposals *ps)
{
    return ps->moves->joint->points;
}

static void enter(struct proposals *ps, enum step step)
{
    ps->step = step;
    ps->at = 0;
}

void proposals_begin(struct proposals *ps, const struct mix_model *model,
                     const struct prior *prior, struct estep *estep)
{
    ps->model = model;
    ps->prior = prior;
    ps->estep = estep;
    stats_of_model(ps->moves->stats, model);
    memset(ps->overlap, 0,
           ps->shape.components * ps->shape.components * sizeof(*ps->overlap));
    enter(ps, WEIGH);
}

/* ---- WEIGH: densities and overlaps ---------------------------------------- */

static void add_overlap(struct proposals *ps, size_t b)
{
    const struct joint *joint = ps->moves->joint;
    const struct block *block = points_block(joint->points, b);
    const size_t k = ps->shape.components;
    const double *resp = joint->resp + b * k * BLOCK_POINTS;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t p = 0; p < block->n; p++) {
                sum += resp[i * BLOCK_POINTS + p] * resp[j * BLOCK_POINTS + p];
            }
            ps->overlap[i * k + j] += sum;
        }
    }
}

static double cosine(const struct proposals *ps, size_t i, size_t j)
{
    const size_t k = ps->shape.components;
    const double norm = sqrt(ps->overlap[i * k + i] * ps->overlap[j * k + j]);
    return norm > 0 ? ps->overlap[i * k + j] / norm : 0;
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
static void offer_pair(struct proposals *ps, struct merge pair, size_t room)
{
    size_t at = ps->n_merges;
    if (at == room && compare_merges(&pair, &ps->merges[at - 1]) >= 0) {
        return;
    }
    at = at < room ? ps->n_merges++ : room - 1;
    while (at > 0 && compare_merges(&pair, &ps->merges[at - 1]) < 0) {
        ps->merges[at] = ps->merges[at - 1];
        at--;
    }
    ps->merges[at] = pair;
}

static bool is_listed(const struct proposals *ps, size_t i, size_t j)
{
    for (size_t p = 0; p < ps->n_merges; p++) {
        if (ps->merges[p].i == i && ps->merges[p].j == j) {
            return true;
        }
    }
    return false;
}

static void list_pairs(struct proposals *ps)
{
    const size_t k = ps->shape.components;
    const size_t room = ps->merges_max < PAIRS_PER_COMPONENT * k
                            ? ps->merges_max
                            : PAIRS_PER_COMPONENT * k;
    size_t lightest = 0;
    ps->n_merges = 0;
    for (size_t i = 0; i < k; i++) {
        lightest = ps->model->weights[i] < ps->model->weights[lightest] ? i : lightest;
        for (size_t j = 0; j < i; j++) {
            offer_pair(ps, (struct merge){j, i, -cosine(ps, i, j)}, room);
        }
    }
    for (size_t j = 0; j < k && ps->n_merges < ps->merges_max; j++) {
        const size_t low = j < lightest ? j : lightest, high = j + lightest - low;
        if (low != high && !is_listed(ps, low, high)) {
            ps->merges[ps->n_merges++] = (struct merge){low, high, 0};
        }
    }
}

static uint64_t weigh(struct proposals *ps)
{
    const size_t k = ps->shape.components;
    const struct joint *joint = ps->moves->joint;
    joint_fill(ps->moves->joint, ps->estep, ps->model, ps->at);
    add_overlap(ps, ps->at);
    const uint64_t n = points_block(joint->points, ps->at)->n;
    if (++ps->at == points_blocks(joint->points)) {
        list_pairs(ps);
        enter(ps, LOSS);
    }
    return n * k * (1 + k / 16);
}

/* ---- LOSS, GAIN, RECUT: what moves would change --------------------------- */

static uint64_t lose(struct proposals *ps)
{
    const size_t k = ps->shape.components, left = ps->n_merges - ps->at;
    const size_t n = left < k ? left : k;
    moves_losses(ps->moves, ps->prior, ps->merges + ps->at, n);
    ps->at += n;
    if (ps->at == ps->n_merges) {
        qsort(ps->merges, ps->n_merges, sizeof(*ps->merges), compare_merges);
        enter(ps, GAIN);
    }
    return points_count(ps->moves->joint->points) * k;
}

/* Keeps the halves that moves_cut() left. */
static void keep_halves(struct proposals *ps, size_t slot)
{
    for (size_t half = 0; half < 2; half++) {
        stats_place(ps->halves, &ps->halves_shape, 2 * slot + half, ps->moves->pair,
                    &ps->moves->pair_shape, half);
    }
}

/* The next way to cut a component; both ways tried, the better is kept. */
static uint64_t gain(struct proposals *ps)
{
    const size_t ways = ps->shape.dimensions > 1 ? 2 : 1;
    const size_t k = ps->at / ways;
    const double least = POINTS_PER_FIELD * ((double)ps->shape.dimensions + 1);
    if (ps->at % ways == 0) {
        ps->gains[k].change = -HUGE_VAL;
    }
    if (ps->moves->joint->mass[k] >= least) {
        const struct cut cut =
            moves_cut(ps->moves, ps->prior, k, k, (enum family_cut)(ps->at % ways));
        if (cut.change > ps->gains[k].change) {
            ps->gains[k] = cut;
            keep_halves(ps, k);
        }
    }
    if (++ps->at == ways * ps->shape.components) {
        enter(ps, RECUT);
        ps->n = ps->n_moves = 0;
    }
    return points_count(ps->moves->joint->points) * 16;
}

/* Keeps a proposal among the best of `room` from `first` on. Returns its place, or
 * `room + first` if there is none for it. */
static size_t offer(struct proposals *ps, struct proposal proposal, size_t first,
                    size_t room)
{
    struct proposal *list = ps->list + first;
    size_t n = ps->n - first;
    if (n == room && !(proposal.change > list[n - 1].change)) {
        return first + room;
    }
    size_t at = n < room ? n : room - 1;
    ps->n += n < room;
    while (at > 0 && proposal.change > list[at - 1].change) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = proposal;
    return first + at;
}

static void rank_moves(struct proposals *ps)
{
    const size_t k_all = ps->shape.components;
    const size_t room = k_all < MOVES_MIN   ? MOVES_MIN
                        : k_all < MOVES_MAX ? k_all
                                            : MOVES_MAX;
    for (size_t p = 0; p < ps->n_merges; p++) {
        const struct merge *merge = &ps->merges[p];
        for (size_t k = 0; k < k_all; k++) {
            const double change = ps->gains[k].change - merge->loss;
            if (k != merge->i && k != merge->j && change > -HUGE_VAL) {
                offer(ps,
                      (struct proposal){.change = change,
                                        .merge = *merge,
                                        .k = k,
                                        .share = ps->gains[k].share},
                      0, room);
            }
        }
    }
    ps->n_moves = ps->n;
}

/* A slot of the halves that no recut proposal uses. */
static size_t free_slot(const struct proposals *ps)
{
    for (size_t slot = ps->shape.components;; slot++) {
        bool is_used = false;
        for (size_t c = ps->n_moves; c < ps->n; c++) {
            is_used = is_used || ps->list[c].k == slot;
        }
        if (!is_used) {
            return slot;
        }
    }
}

static void offer_recut(struct proposals *ps, const struct cut *cut)
{
    const bool is_few = ps->shape.components <= FEW_COMPONENTS;
    const size_t room = is_few ? RECUTS_FEW : RECUTS;
    const size_t slot = free_slot(ps);
    const struct proposal proposal = {.change = cut->change,
                                      .is_recut = true,
                                      .merge = {cut->i, cut->j, 0},
                                      .k = slot,
                                      .share = cut->share};
    if (cut->change > -HUGE_VAL &&
        offer(ps, proposal, ps->n_moves, room) < ps->n_moves + room) {
        keep_halves(ps, slot);
    }
}

/* Descending by change; then by what is cut and merged, so that the order is one. */
static int compare_proposals(const void *a, const void *b)
{
    const struct proposal *x = a, *y = b;
    if (x->change != y->change) {
        return x->change > y->change ? -1 : 1;
    }
    return x->k != y->k ? (x->k > y->k) - (x->k < y->k)
                        : compare_merges(&x->merge, &y->merge);
}

static uint64_t recut(struct proposals *ps)
{
    const size_t pairs = ps->n_merges < RECUT_PAIRS ? ps->n_merges : RECUT_PAIRS;
    const struct merge *merge = &ps->merges[ps->at / FAMILY_CUTS];
    const size_t way = ps->at % FAMILY_CUTS;
    if (ps->at == 0) {
        rank_moves(ps);
    }
    if (way == CUT_NESTED || way < ps->shape.dimensions) {
        const struct cut cut =
            moves_cut(ps->moves, ps->prior, merge->i, merge->j, (enum family_cut)way);
        offer_recut(ps, &cut);
    }
    if (++ps->at == pairs * FAMILY_CUTS) {
        qsort(ps->list, ps->n, sizeof(*ps->list), compare_proposals);
        enter(ps, KNOWN);
    }
    return points_count(ps->moves->joint->points) * 16;
}

bool proposals_run(struct proposals *ps, uint64_t *budget)
{
    static uint64_t (*const steps[])(struct proposals *) = {
        [WEIGH] = weigh, [LOSS] = lose, [GAIN] = gain, [RECUT] = recut};
    while (ps->step != KNOWN && *budget > 0) {
        const uint64_t cost = steps[ps->step](ps);
        *budget = *budget > cost ? *budget - cost : 0;
    }
    return ps->step == KNOWN;
}

size_t proposals_count(const struct proposals *ps)
{
    return ps->n;
}

/* ---- What they make ------------------------------------------------------- */

/* Puts halves of a slot in the places of components a and b, which share `share`. */
static void place_halves(struct proposals *ps, const struct proposal *proposal, size_t a,
                         size_t b, double share)
{
    struct stats *stats = ps->scratch;
    const size_t slot = 2 * proposal->k;
    stats_place(stats, &ps->shape, a, ps->halves, &ps->halves_shape, slot);
    stats_place(stats, &ps->shape, b, ps->halves, &ps->halves_shape, slot + 1);
    stats->rho[a] = share * proposal->share;
    stats->rho[b] = share * (1 - proposal->share);
}

bool proposals_make(struct proposals *ps, size_t i, struct mix_model *trial)
{
    const struct proposal *proposal = &ps->list[i];
    const struct merge *merge = &proposal->merge;
    const double *rho = ps->moves->stats->rho;
    stats_assign(ps->scratch, ps->moves->stats, &ps->shape);
    if (proposal->is_recut) {
        place_halves(ps, proposal, merge->i, merge->j, rho[merge->i] + rho[merge->j]);
    } else {
        moves_merge(ps->moves, merge->i, merge->j, ps->scratch, &ps->shape, merge->i);
        place_halves(ps, proposal, merge->j, proposal->k, rho[proposal->k]);
    }
    return stats_mstep(ps->scratch, ps->moves->joint->weight, ps->prior, trial, NULL) ==
           MIX_OK;
}
