/* SPDX-License-Identifier: MIT */
#include "moves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "special.h"

/* Steps of EM on the two halves of a cut alone. */
#define LOCAL_PASSES 8
/* Keeps the logarithm of a change finite where all of a point's density goes. */
#define LEAST_RATIO 1e-300

struct moves *moves_new(const struct shape *shape, size_t capacity, size_t slots)
{
    struct moves *moves = calloc(1, sizeof(*moves));
    if (moves == NULL) {
        return NULL;
    }
    shape_assign(&moves->shape, shape);
    moves->slots_shape = shape_resize(shape, slots);
    moves->pair_shape = shape_resize(shape, 2);
    moves->joint = joint_new(shape, capacity);
    moves->stats = stats_new(shape);
    moves->left = stats_new(&moves->slots_shape);
    moves->right = stats_new(&moves->slots_shape);
    moves->slots_model = model_new(&moves->slots_shape);
    moves->slots_estep = estep_new(&moves->slots_shape);
    moves->pair = stats_new(&moves->pair_shape);
    moves->pair_model = model_new(&moves->pair_shape);
    moves->pair_estep = estep_new(&moves->pair_shape);
    moves->pair_sums = sums_new(&moves->pair_shape);
    moves->weight = calloc(BLOCK_POINTS, sizeof(double));
    if (moves->joint == NULL || moves->stats == NULL || moves->left == NULL ||
        moves->right == NULL || moves->slots_model == NULL || moves->pair == NULL ||
        moves->pair_model == NULL || moves->pair_estep == NULL ||
        moves->pair_sums == NULL || moves->slots_estep == NULL || moves->weight == NULL) {
        moves_destroy(&moves);
    }
    return moves;
}

void moves_destroy(struct moves **moves)
{
    struct moves *m = *moves;
    if (m == NULL) {
        return;
    }
    joint_destroy(&m->joint);
    stats_destroy(&m->stats);
    stats_destroy(&m->left);
    stats_destroy(&m->right);
    mix_model_destroy(&m->slots_model);
    estep_destroy(&m->slots_estep);
    stats_destroy(&m->pair);
    mix_model_destroy(&m->pair_model);
    estep_destroy(&m->pair_estep);
    sums_destroy(&m->pair_sums);
    free(m->weight);
    free(m);
    *moves = NULL;
}

/* Puts i and j into slot s, merged; the share is their mean. */
static void fill_slot(struct moves *moves, size_t s, size_t i, size_t j)
{
    stats_place(moves->left, &moves->slots_shape, s, moves->stats, &moves->shape, i);
    stats_place(moves->right, &moves->slots_shape, s, moves->stats, &moves->shape, j);
}

void moves_merge(struct moves *moves, size_t i, size_t j, struct stats *stats,
                 const struct shape *shape, size_t to)
{
    const double share = moves->stats->rho[i] + (i == j ? 0 : moves->stats->rho[j]);
    for (size_t s = 0; s < moves->slots_shape.components; s++) {
        fill_slot(moves, s, i, j);
    }
    stats_merge(moves->left, moves->right, &moves->slots_shape, 0.5);
    stats_place(stats, shape, to, moves->left, &moves->slots_shape, 0);
    stats->rho[to] = share;
}

/* weight log((t - e_i - e_j + e_m) / t) of a block, e_m of slot s. */
static double block_change(const struct moves *moves, size_t b, const struct merge *merge,
                           size_t s)
{
    const struct joint *joint = moves->joint;
    const struct block *block = points_block(joint->points, b);
    const double *resp = joint->resp + b * joint->components * BLOCK_POINTS;
    const double *log_total = joint->log_total + b * BLOCK_POINTS;
    const double *density = moves->slots_estep->resp + s * BLOCK_POINTS;
    const double share = moves->stats->rho[merge->i] + moves->stats->rho[merge->j];
    /* The slot has another weight among the slots than the pair in the mixture. */
    const double factor = share / moves->slots_model->weights[s];
    double sum = 0;
    for (size_t i = 0; i < block->n; i++) {
        const double gone =
            resp[merge->i * BLOCK_POINTS + i] + resp[merge->j * BLOCK_POINTS + i];
        const double come = factor * special_exp(density[i] - log_total[i]);
        sum += block->weight[i] * special_log(fmax(1 - gone + come, LEAST_RATIO));
    }
    return sum;
}

void moves_losses(struct moves *moves, const struct prior *prior, struct merge *merges,
                  size_t n)
{
    struct joint *joint = moves->joint;
    for (size_t s = 0; s < moves->slots_shape.components; s++) {
        const struct merge *merge = &merges[s < n ? s : 0];
        fill_slot(moves, s, merge->i, merge->j);
    }
    stats_merge(moves->left, moves->right, &moves->slots_shape, 0.5);
    /* A share is half of what the two have; so the points are doubled. */
    const bool is_made = stats_mstep(moves->left, 2 * joint->weight, prior,
                                     moves->slots_model, NULL) == MIX_OK;
    for (size_t s = 0; s < n; s++) {
        merges[s].loss = is_made ? 0 : HUGE_VAL;
    }
    for (size_t b = 0; is_made && b < points_blocks(joint->points); b++) {
        const struct block *block = points_block(joint->points, b);
        estep_joint(moves->slots_estep, moves->slots_model, block);
        for (size_t s = 0; s < n; s++) {
            const bool is_dead = !(moves->slots_model->weights[s] > 0);
            merges[s].loss -=
                is_dead ? 0 : block_change(moves, b, &merges[s], s) / joint->weight;
        }
    }
}

/* The view of block b in which points weigh what the cut components have of them. */
static struct block cut_view(struct moves *moves, size_t b, size_t i, size_t j)
{
    const struct joint *joint = moves->joint;
    struct block view = *points_block(joint->points, b);
    const double *resp = joint->resp + b * joint->components * BLOCK_POINTS;
    for (size_t p = 0; p < BLOCK_POINTS; p++) {
        const double other = i == j ? 0 : resp[j * BLOCK_POINTS + p];
        moves->weight[p] =
            p < view.n ? view.weight[p] * (resp[i * BLOCK_POINTS + p] + other) : 0;
    }
    view.weight = moves->weight;
    view.is_weighted = true;
    return view;
}

/* One step of EM on the halves. False: the pair cannot be made. */
static bool local_pass(struct moves *moves, const struct prior *prior, size_t i, size_t j)
{
    sums_clear(moves->pair_sums);
    for (size_t b = 0; b < points_blocks(moves->joint->points); b++) {
        const struct block view = cut_view(moves, b, i, j);
        estep_run(moves->pair_estep, moves->pair_model, &view);
        sums_add(moves->pair_sums, moves->pair_estep, moves->pair_model, &view);
    }
    stats_blend(moves->pair, moves->pair_model, moves->pair_sums, 1);
    return stats_mstep(moves->pair, moves->pair_sums->weight, prior, moves->pair_model,
                       NULL) == MIX_OK;
}

/* mean log((t - e_i - e_j + e_a + e_b) / t); share: of i and j in the mixture. */
static double cut_change(struct moves *moves, size_t i, size_t j, double share)
{
    const struct joint *joint = moves->joint;
    const double *out = moves->pair_estep->resp;
    double sum = 0;
    for (size_t b = 0; b < points_blocks(joint->points); b++) {
        const struct block *block = points_block(joint->points, b);
        const double *resp = joint->resp + b * joint->components * BLOCK_POINTS;
        const double *log_total = joint->log_total + b * BLOCK_POINTS;
        estep_joint(moves->pair_estep, moves->pair_model, block);
        for (size_t p = 0; p < block->n; p++) {
            const double gone =
                resp[i * BLOCK_POINTS + p] + (i == j ? 0 : resp[j * BLOCK_POINTS + p]);
            const double come = special_exp(out[p] - log_total[p]) +
                                special_exp(out[BLOCK_POINTS + p] - log_total[p]);
            sum += block->weight[p] *
                   special_log(fmax(1 - gone + share * come, LEAST_RATIO));
        }
    }
    return sum / joint->weight;
}

struct cut moves_cut(struct moves *moves, const struct prior *prior, size_t i, size_t j,
                     enum family_cut way)
{
    struct cut cut = {.i = i, .j = j, .change = -HUGE_VAL, .share = 0.5};
    const double mass = moves->joint->mass[i] + (i == j ? 0 : moves->joint->mass[j]);
    const double share = moves->stats->rho[i] + (i == j ? 0 : moves->stats->rho[j]);
    moves_merge(moves, i, j, moves->right, &moves->slots_shape, 0);
    stats_split(moves->right, &moves->slots_shape, 0, way, prior->s0, moves->pair);
    moves->pair->rho[0] = moves->pair->rho[1] = 0.5;
    if (stats_mstep(moves->pair, mass, prior, moves->pair_model, NULL) != MIX_OK) {
        return cut;
    }
    for (size_t pass = 0; pass < LOCAL_PASSES; pass++) {
        if (!local_pass(moves, prior, i, j)) {
            return cut;
        }
    }
    cut.change = cut_change(moves, i, j, share);
    cut.share = moves->pair_model->weights[0];
    return cut;
}
