/* SPDX-License-Identifier: MIT
 *
 * E-step of one block, and the sums that the M-step needs from it.
 *
 *     l_ik = log w_k + sum over factors of log f(x_i | theta_k)
 *     l_i  = logsumexp_k l_ik            log density of the point, nats
 *     r_ik = exp(l_ik - l_i)             responsibility (Dempster, Laird, Rubin 1977)
 *
 * Noise is one more k, the last: it has a column of responsibilities, and of the sums its
 * mass alone, for it stays where it is.
 */
#ifndef ESTEP_H
#define ESTEP_H

#include "model.h"
#include "points.h"

/* Scratch of one learner or fit, allocated once. With an executor the points of a block
 * are shared out for the E-step, and its components for the sums: every number is then
 * made by the same operations in the same order as by one thread. */
struct estep {
    double *resp;          /* columns x BLOCK_POINTS: r_ik times the point's weight */
    double *log_density;   /* BLOCK_POINTS: l_i, nats; -inf or NaN: unscorable */
    double log_likelihood; /* sum of weight_i l_i over the scorable points of the block */
    double weight;         /* sum of the weights of the scorable points */
    size_t unscorable;     /* points without a finite density or without any value */
    struct workspace work;
    double *high, *sum;    /* BLOCK_POINTS: l_i = log(2^high sum) before offsets */
    double *mass;          /* columns: sums of resp, of the block last added by sums_add() */
    double *point_weight;  /* BLOCK_POINTS: 0 where a point has no value */
    double *noise_offset;  /* BLOCK_POINTS: work.offset of the noise alone */
    const struct mix_executor *executor; /* NULL: one thread */
    double **scratch;      /* of each thread; the first is that of `work` */
};
struct estep *estep_new(const struct shape *shape);
/* Has the threads of an executor take part. False without memory for their scratch. */
bool estep_share(struct estep *estep, const struct shape *shape,
                 const struct mix_executor *executor);
void estep_destroy(struct estep **estep);

/* Fills the scratch for a block, all but log_density unless the block has missing
 * entries or weights. The responsibilities of unscorable points are 0. */
void estep_run(struct estep *estep, const struct mix_model *model,
               const struct block *block);
/* The same with log_density, which costs a logarithm a point. */
void estep_score(struct estep *estep, const struct mix_model *model,
                 const struct block *block);
/* log_density alone; what else is in the scratch is of no use then. */
void estep_density(struct estep *estep, const struct mix_model *model,
                   const struct block *block);

/* resp[k * BLOCK_POINTS + i] <- log w_k f(x_i | k) in nats, instead of its share. */
void estep_joint(struct estep *estep, const struct mix_model *model,
                 const struct block *block);

/* Sums over one block or several, about the means of one model. */
struct sums {
    double *mass;         /* K: sum of responsibilities times weight */
    double *values;       /* sums_size: factor after factor */
    double noise;         /* the same sum of the noise */
    double weight;        /* total weight of the scorable points */
    double log_likelihood;/* sum of weight_i l_i, nats */
    uint64_t points;      /* scorable points */
    size_t n_values;      /* doubles in mass and values */
    uint64_t unscorable;
};
struct sums *sums_new(const struct shape *shape);
void sums_destroy(struct sums **sums);
void sums_clear(struct sums *sums);
/* Adds the sums of other points about the means of the same model. */
void sums_join(struct sums *sums, const struct estep *estep, const struct shape *shape,
               const struct sums *other);
/* Adds what estep_run() left in the scratch for this model and block. */
void sums_add(struct sums *sums, const struct estep *estep, const struct mix_model *model,
              const struct block *block);

#endif
