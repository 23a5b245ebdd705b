/* SPDX-License-Identifier: MIT
 *
 * Families of one number: a factor of such a family over several fields takes them as
 * independent given the component. A family is then a few functions about one cell, one
 * field under one component; field.c makes a row of the table of families of them.
 *
 * The numbers of cell (k, d) stand at k D + d:
 *
 *     param   the parameters, in the order of their names
 *     cache   what the density needs
 *     stats   share seen | statistics
 *     sums    mass seen  | statistics
 *
 * Statistics are means over the points whose field is not missing, never sums: of x for
 * poisson, of log x and its square about the mean for log-normal. So a missing entry
 * counts for nothing, exactly: the share seen, the part of the component's mass that had
 * a value there, is averaged beside them, and with a = the share of what comes in
 * (stats.c) and o, p the shares seen of what is there and of what comes,
 *
 *     o' = (1 - a) o + a p,    statistics' = combined with the share a p / o'.
 */
#ifndef FIELD_H
#define FIELD_H

#include "family.h"

/* What densities and statistics read instead of x: log x, or cos x and sin x. */
#define FIELD_FEATURES 2
/* Columns of a field for k-means at most: one for each category. */
#define FIELD_COLUMNS MIX_CATEGORIES_MAX

/* What spread() may give at most: the square of the largest value there is. */
#define FIELD_SPREAD_MAX 1e300

/* struct prior of one field. */
struct field_prior {
    double nu0, s0, vf, mean;
};

/* One value of a field, as it is looked at. */
struct field_value {
    double feature[FIELD_FEATURES];
    double common; /* bits: the part of log2 f that is the same for every component */
};

/* Features and responsibilities of the points of a block; 0 where there is no value. */
struct field_points {
    const double *feature[FIELD_FEATURES];
    const double *resp;
    size_t n;
    double mass; /* sum of resp, > 0 */
};

struct field_form {
    const char *const *names; /* of the parameters, ended by NULL */
    bool is_discrete;         /* values are whole numbers, densities probabilities */
    bool has_categories;      /* the one parameter has a number for each category, and so
                                 have statistics and cache; the next two are then 1 */
    size_t n_stats, n_cache;
    size_t n_features;
    bool (*accepts)(size_t categories, double x);
    /* x is accepted. */
    struct field_value (*look)(double x);
    /* log2 f less common. */
    double (*density)(const double *cache, const double *feature);
    /* Means over the points; NULL: of the features. cache: of the model that made the
     * responsibilities. */
    void (*gather)(const struct factor *f, const double *cache,
                   const struct field_points *points, double *stats);
    /* stats <- (1 - share) stats + share other, for statistics that are not plain means
     * of something; NULL: they are. */
    void (*combine)(double *stats, double share, const double *other);
    /* Parameters from statistics that stand for n points; true where they had to be kept
     * off a value that they cannot have. n may be 0, and statistics then anything. */
    bool (*mstep)(const struct factor *f, const double *stats, double n,
                  const struct field_prior *prior, double *param);
    /* Statistics of which param is the M-step without a prior. */
    void (*invert)(const struct factor *f, const double *param, double *stats);
    /* False where param is not within its range. */
    bool (*prepare)(const struct factor *f, const double *param, double *cache);
    /* Statistics moved to one side (1) or the other (-1); the two together have the mean
     * of before. Nested: one side narrower, the other wider, where that can be. */
    void (*cut)(const struct factor *f, double side, bool is_nested, double *stats);
    void (*moments)(const struct factor *f, const double *param, double *mean,
                    double *variance);
    /* NULL: the variance. */
    double (*spread)(const double *param, double mean);
    double (*sample)(const struct factor *f, const double *param, struct rng *rng);
    /* Columns of the field for k-means and what stands in them for a value; NULL: the
     * value itself. */
    size_t (*columns)(const struct factor *f);
    void (*place)(const struct factor *f, double x, double *columns);
    bool keeps_scale; /* the columns are not to be divided by their deviation */
};

/* Numbers of parameter i, 0 past the last. */
size_t field_width(const struct factor *f, size_t i);
/* Parameter i of field d of all components: out has K times its numbers. */
void field_get(const struct factor *f, const double *param, size_t d, size_t i,
               double *out);
void field_set(const struct factor *f, double *param, size_t d, size_t i,
               const double *values);

/* A pull of nu0 and a little towards the mean of all points, for families whose one
 * parameter is their mean: keeps it off 0 and the edge where a component has seen only
 * that. Its weight is FIELD_PULL points, whatever nu0: the spread needs no prior. */
#define FIELD_PULL 0.01
double field_pulled(double mean, double n, const struct field_prior *prior);

/* A draw from the gamma distribution of that shape and scale 1. */
double field_draw_gamma(double shape, struct rng *rng);

/* The columns of a row for k-means: whether any family has some of its own; how many; the
 * row in them; and whether column c is to be scaled. */
struct shape;
bool field_has_columns(const struct shape *shape);
size_t field_columns(const struct shape *shape);
void field_place(const struct shape *shape, const double *x, double *columns);
bool field_is_scaled(const struct shape *shape, size_t column);

/* A row of the table of families. */
#define FIELD_FAMILY(text, number, its_form)                                             \
    {                                                                                    \
        .name = text, .id = number, .form = its_form, .param_size = field_param_size,    \
        .cache_size = field_cache_size, .stats_size = field_stats_size,                  \
        .sums_size = field_stats_size, .scratch_size = field_scratch_size,               \
        .parameters = field_parameters, .prepare = field_prepare,                        \
        .log_density = field_log_density, .accumulate = field_accumulate,                \
        .join = field_join, .blend = field_blend, .merge = field_merge,                  \
        .mstep = field_mstep,                                                            \
        .invert = field_invert, .place = field_place_stats, .split = field_split,        \
        .moments = field_moments, .spread = field_spread, .sample = field_sample,        \
        .derive = field_derive                                                           \
    }
size_t field_param_size(const struct factor *f);
size_t field_cache_size(const struct factor *f);
size_t field_stats_size(const struct factor *f);
size_t field_scratch_size(const struct factor *f);
size_t field_parameters(const struct factor *f);
enum mix_err field_prepare(const struct factor *f, const double *param, double *cache);
double field_log_density(const struct factor *f, const double *param, const double *cache,
                         const struct workspace *work, const struct block *block,
                         const double *base, double *out);
void field_accumulate(const struct factor *f, const double *param, const double *cache,
                      const struct workspace *work, const struct block *block,
                      const double *resp, struct span ks, double *sums);
void field_join(const struct factor *f, const struct workspace *work, double *sums,
                const double *other);
void field_blend(const struct factor *f, double *stats, const double *param,
                 const double *share, const double *mass, const double *sums);
void field_merge(const struct factor *f, double *stats, const double *share,
                 const double *other);
size_t field_mstep(const struct factor *f, const double *stats, const double *points,
                   const struct prior *prior, double *param);
void field_invert(const struct factor *f, const double *param, double *stats);
void field_place_stats(const struct factor *f, double *stats, size_t k,
                       const struct factor *from_f, const double *from, size_t from_k);
void field_split(const struct factor *f, const double *stats, size_t k,
                 enum family_cut cut, const double *s0, double *pair);
void field_moments(const struct factor *f, const double *param, size_t k, double *mean,
                   double *variance);
void field_spread(const struct factor *f, const double *param, size_t k,
                  const double *mean, double *spread);
void field_sample(const struct factor *f, const double *param, size_t k, struct rng *rng,
                  double *x);
enum mix_err field_derive(const struct factor *f, const double *param,
                          const struct family_fields *fields, const double *x,
                          const struct factor *out_f, double *out);

#endif
