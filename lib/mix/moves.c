/* SPDX-License-Identifier: MIT */
#include "moves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

/* Steps of EM on the two halves of a cut alone. */
#define LOCAL_PASSES 5
/* Keeps the logarithm of a change finite where all of a point's density goes. */
#define LEAST_RATIO 1e-300
/* Points of which the cut components have less do not move the halves. */
#define LEAST_PART 1e-4
#define LOG2_E 1.44269504088896340736
#define LN_2 0.69314718055994530942

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
    moves->parts = points_new(shape->dimensions, capacity);
    if (moves->joint == NULL || moves->stats == NULL || moves->left == NULL ||
        moves->right == NULL || moves->slots_model == NULL || moves->pair == NULL ||
        moves->pair_model == NULL || moves->pair_estep == NULL ||
        moves->pair_sums == NULL || moves->slots_estep == NULL || moves->parts == NULL) {
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
    points_destroy(&m->parts);
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

/* ratio <- density / t of the points of a block, both logarithms in nats; 0 where t is
 * not known. */
static void divide(const double *density, const double *log_total, size_t n,
                   double *ratio)
{
    for (size_t i = 0; i < n; i++) {
        ratio[i] = LOG2_E * (density[i] - log_total[i]);
    }
    kernel_current()->exp2(ratio, n, ratio);
}

/* Sum of weight log(1 - gone + come) over the points that have a density. */
static double sum_change(const struct block *block, const double *log_total,
                         const double *gone, const double *come)
{
    double ratio[BLOCK_POINTS], sum = 0;
    for (size_t i = 0; i < block->n; i++) {
        const double left = 1 - gone[i] + come[i];
        ratio[i] = isfinite(log_total[i]) ? fmax(left, LEAST_RATIO) : 1;
    }
    kernel_current()->log2(ratio, block->n, ratio);
    for (size_t i = 0; i < block->n; i++) {
        sum += block->weight[i] * ratio[i];
    }
    return LN_2 * sum;
}

/* What components i and j have of the points of block b. */
static void part_of(const struct joint *joint, size_t b, size_t i, size_t j, double *part)
{
    const double *resp = joint->resp + b * joint->components * BLOCK_POINTS;
    memcpy(part, resp + i * BLOCK_POINTS, BLOCK_POINTS * sizeof(*part));
    for (size_t p = 0; i != j && p < BLOCK_POINTS; p++) {
        part[p] += resp[j * BLOCK_POINTS + p];
    }
}

/* weight log((t - e_i - e_j + e_m) / t) of a block, e_m of slot s. */
static double block_change(const struct moves *moves, size_t b, const struct merge *merge,
                           size_t s)
{
    const struct joint *joint = moves->joint;
    const struct block *block = points_block(joint->points, b);
    const double *log_total = joint->log_total + b * BLOCK_POINTS;
    const double share = moves->stats->rho[merge->i] + moves->stats->rho[merge->j];
    /* The slot has another weight among the slots than the pair in the mixture. */
    const double factor = share / moves->slots_model->weights[s];
    double gone[BLOCK_POINTS], come[BLOCK_POINTS];
    part_of(joint, b, merge->i, merge->j, gone);
    divide(moves->slots_estep->resp + s * BLOCK_POINTS, log_total, block->n, come);
    for (size_t i = 0; i < block->n; i++) {
        come[i] *= factor;
    }
    return sum_change(block, log_total, gone, come);
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

/* The points of which the cut components have a part, weighing that. */
static void take_parts(struct moves *moves, size_t i, size_t j)
{
    const struct joint *joint = moves->joint;
    double x[MIX_DIMENSIONS_MAX], part[BLOCK_POINTS], weight;
    const struct mix_rows row = {
        .x = x, .n = 1, .stride = moves->shape.dimensions, .weight = &weight};
    points_clear(moves->parts);
    for (size_t b = 0; b < points_blocks(joint->points); b++) {
        const struct block *block = points_block(joint->points, b);
        part_of(joint, b, i, j, part);
        for (size_t p = 0; p < block->n; p++) {
            if (part[p] >= LEAST_PART) {
                points_get(joint->points, b * BLOCK_POINTS + p, x, NULL, NULL);
                weight = block->weight[p] * part[p];
                points_append(moves->parts, &row, 0, 1);
            }
        }
    }
}

/* One step of EM on the halves. False: the pair cannot be made. */
static bool local_pass(struct moves *moves, const struct prior *prior)
{
    sums_clear(moves->pair_sums);
    for (size_t b = 0; b < points_blocks(moves->parts); b++) {
        const struct block *block = points_block(moves->parts, b);
        estep_run(moves->pair_estep, moves->pair_model, block);
        sums_add(moves->pair_sums, moves->pair_estep, moves->pair_model, block);
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
    double gone[BLOCK_POINTS], come[BLOCK_POINTS], other[BLOCK_POINTS], sum = 0;
    for (size_t b = 0; b < points_blocks(joint->points); b++) {
        const struct block *block = points_block(joint->points, b);
        const double *log_total = joint->log_total + b * BLOCK_POINTS;
        estep_joint(moves->pair_estep, moves->pair_model, block);
        part_of(joint, b, i, j, gone);
        divide(out, log_total, block->n, come);
        divide(out + BLOCK_POINTS, log_total, block->n, other);
        for (size_t p = 0; p < block->n; p++) {
            come[p] = share * (come[p] + other[p]);
        }
        sum += sum_change(block, log_total, gone, come);
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
    take_parts(moves, i, j);
    for (size_t pass = 0; pass < LOCAL_PASSES; pass++) {
        if (!local_pass(moves, prior)) {
            return cut;
        }
    }
    cut.change = cut_change(moves, i, j, share);
    cut.share = moves->pair_model->weights[0];
    return cut;
}
