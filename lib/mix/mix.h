/* SPDX-License-Identifier: MIT
 *
 * libmix: mixture models learned from a stream in one pass and constant memory.
 *
 * A learner takes points and keeps running averages of the expected sufficient
 * statistics of a mixture; its current model follows from them. In short:
 *
 *     struct mix_options options;
 *     mix_options_init(&options, 2, 3);               two dimensions, three components
 *     struct mix_learner *learner = mix_learner_new(&options, &err);
 *     while (there are rows) {
 *         size_t taken;
 *         err = mix_learner_add(learner, &rows, &taken);
 *         mix_learner_work(learner);                  runs what add left to do
 *     }
 *     const struct mix_model *model = mix_learner_model(learner);
 *     const double *means = mix_model_means(model);   components x dimensions
 *
 * example.c beside this file is the whole program. The library does no I/O, reads
 * no clock and no environment, keeps no global state and starts no thread: objects
 * may be used from any thread, one thread at a time each. The same options and the
 * same rows in the same order give the same bits, however the rows were divided
 * among calls. All numbers are double; matrices are row-major.
 *
 * Source of the method: O. Cappe and E. Moulines, On-line expectation-maximization
 * algorithm for latent data models, JRSSB 71 (2009) 593-613, equations 8 and 9.
 */
#ifndef MIX_H
#define MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MIX_API __attribute__((visibility("default")))
#define MIX_CHECKED __attribute__((warn_unused_result))

/* Every error: X(name, sentence). */
#define MIX_ERRORS(X)                                                                    \
    X(OK, "no error")                                                                    \
    X(ENOMEM, "out of memory")                                                           \
    X(ESIZE, "a size is zero, too large, or does not fit another one")                   \
    X(EOPTION, "an option is outside its range")                                         \
    X(EVALUE, "a value is not finite or outside its range")                              \
    X(ECOVARIANCE, "a covariance matrix is not symmetric positive definite")             \
    X(ENOTREADY, "there is no model yet")                                                \
    X(ECORRUPT, "the encoded state is damaged")                                          \
    X(EVERSION, "the encoded state was written by a newer version")                      \
    X(EMISMATCH, "the encoded state belongs to other options")

enum mix_err {
#define X(name, sentence) MIX_##name,
    MIX_ERRORS(X)
#undef X
};

/* One sentence for an error, without a full stop. Never NULL. */
MIX_API const char *mix_strerror(enum mix_err err);

/* The version of the library as "1.2.3". */
MIX_API const char *mix_version(void);

/* ---- Options ------------------------------------------------------------- */

#define MIX_DIMENSIONS_MAX 256

/* Numbers of components that a learner chooses from. */
#define MIX_RANGE_MAX 32

/* Threads that a caller lends to the library, which starts none itself. run() calls
 * task(argument, part, thread) once for each part below `parts`, on any of the threads,
 * and returns when all calls have; `thread` is below `threads`, and no two calls have the
 * same one at the same time. Parts share nothing that they write, and the results have
 * the same bits whichever thread ran which. */
struct mix_executor {
    size_t threads;
    void (*run)(const struct mix_executor *executor, size_t parts,
                void (*task)(void *argument, size_t part, size_t thread), void *argument);
};

/* How the covariance matrices of the components are tied down; the shapes are
 * scikit-learn's: [K][D][D], [K][D], [K], and one [D][D] for all components. */
enum mix_covariance { MIX_FULL, MIX_DIAG, MIX_SPHERICAL, MIX_TIED, MIX_COVARIANCES };

/* "full", "diag", "spherical", "tied"; NULL outside the range. */
MIX_API const char *mix_covariance_name(enum mix_covariance covariance);

/* How the values of a field are distributed within a component:
 * X(NAME, "name", what the values are). */
#define MIX_FAMILY_TABLE(X)                                                              \
    X(GAUSSIAN, "gaussian", "a finite number")                                           \
    X(POISSON, "poisson", "a whole number from 0")                                       \
    X(EXPONENTIAL, "exponential", "a number from 0")                                     \
    X(BERNOULLI, "bernoulli", "0 or 1")                                                  \
    X(LOG_NORMAL, "log-normal", "a number above 0")                                      \
    X(GAMMA, "gamma", "a number above 0")                                                \
    X(CATEGORICAL, "categorical", "a whole number from 0, below the categories")         \
    X(VON_MISES, "von-mises", "an angle in radians")                                     \
    X(STUDENT_T, "student-t", "a finite number")

enum mix_family {
#define X(name, text, values) MIX_##name,
    MIX_FAMILY_TABLE(X)
#undef X
    MIX_FAMILIES
};

/* "gaussian", ...; NULL outside the range. */
MIX_API const char *mix_family_name(enum mix_family family);
/* What the values of a field of that family are: "a whole number from 0"; NULL outside. */
MIX_API const char *mix_family_values(enum mix_family family);
/* Parameter i of the family, as model files name it: "rate"; NULL past the last. The
 * families that mix_model_means() is for, all gaussian, have "mean", "variance" where
 * they stand beside others. */
MIX_API const char *mix_family_parameter(enum mix_family family, size_t i);

#define MIX_CATEGORIES_MAX 256

struct mix_options {
    size_t dimensions;              /* D, 1..MIX_DIMENSIONS_MAX */
    size_t components;              /* K >= 1; K(D+1)(D+2)/2 <= 2^20 */
    size_t components_max;          /* 0: K it is; else the largest of a range that begins
                                       with K, of which a learner chooses: at most
                                       MIX_RANGE_MAX numbers. Not with a start from a
                                       model, and not read by mix_fit() */
    enum mix_covariance covariance; /* MIX_FULL */
    bool noise;                     /* false; true: beside the components a broad one that
                                       stays as it is, found in the warm-up as if it were
                                       the only one; its weight is learned, and points far
                                       from all others are its */
    uint64_t seed;                  /* 1; the only source of randomness */
    size_t block;                   /* 256; points per update once warmed up, 1..65536 */
    size_t warmup;                  /* 0: found; points before the final start, >= K(D+1) */
    double step_exponent;           /* 0: two timescales; else in (0.5, 1] the textbook step
                                       gamma_t = (t + step_offset)^-step_exponent */
    double step_offset;             /* >= 0 and below 1e9, read with step_exponent only;
                                       the step excludes window and half_life */
    bool adapt;                     /* true: starts afresh from the last points after a
                                       detected change; read only without step_exponent,
                                       window and half_life */
    size_t window;                  /* 0: all; else a constant memory of so many points */
    double half_life;               /* 0: none; else seconds after which a point counts
                                       half, by the times of the rows */
    bool marginalize;               /* false; true: NaN in a row is a missing entry */
    bool compact;                   /* false; true: one of many small models. Its warm-up is
                                       short, after it no sample of the stream is kept and
                                       the model not challenged; memory is taken when rows
                                       come and given back when they are learned */
    struct mix_workspace *workspace; /* NULL: each learner has its own */
    const struct mix_executor *executor; /* NULL: the caller's thread does all; changes no
                                            bit. Lives as long as what was made with it */
    const double *resolution;       /* NULL: found; else D smallest steps of the fields,
                                       >= 0, copied, units of the field */
    enum mix_family family;         /* MIX_GAUSSIAN: one joint gaussian of all fields; any
                                       other: fields that are independent given the
                                       component, as are those of different families */
    const enum mix_family *families; /* NULL: family; else D of them, copied */
    size_t categories;              /* 16; of a categorical field: its values are 0 to
                                       categories - 1; 2..MIX_CATEGORIES_MAX, and K times
                                       them and such fields <= 2^20 */
};

/* The family of field d. */
MIX_API enum mix_family mix_options_family(const struct mix_options *options, size_t d);

/* Whether a field of that family can have the value x, which is not NaN: what is not in
 * its range is refused by the learner. */
MIX_API bool mix_family_accepts(enum mix_family family, size_t categories, double x);

/* Sets the defaults given above for D dimensions and K components. */
MIX_API void mix_options_init(struct mix_options *options, size_t dimensions,
                              size_t components);

/* Checks every range. On an error *what, unless what is NULL, points to a static
 * string naming the member. */
MIX_API MIX_CHECKED enum mix_err mix_options_check(const struct mix_options *options,
                                                   const char **what);

/* ---- Rows ---------------------------------------------------------------- */

/* Points as a caller has them. The arrays stay the caller's and are only read.
 * Values must be finite and at most 1e150 in size (NaN where marginalize is set);
 * a row that breaks this is counted as unscorable and changes nothing. */
struct mix_rows {
    const double *x;      /* n x D; row i starts at x + i * stride */
    size_t n;             /* rows */
    size_t stride;        /* doubles from one row to the next, >= D */
    const double *weight; /* n weights >= 0, or NULL: every weight is 1 */
    const double *time;   /* n event times in seconds, or NULL */
};

/* ---- Model --------------------------------------------------------------- */

/* A mixture: weights and component parameters, and what is derived from them. */
struct mix_model;

/* Makes a model from parameters, copied: K weights that sum to 1 within 1e-9,
 * means K x D, covariances in the shape of `covariance`. NULL and *err (unless err
 * is NULL) on an error: MIX_EVALUE, MIX_ECOVARIANCE, MIX_ESIZE, MIX_ENOMEM. */
MIX_API struct mix_model *mix_model_new(size_t dimensions, size_t components,
                                        enum mix_covariance covariance,
                                        const double *weights, const double *means,
                                        const double *covariances, enum mix_err *err);
/* Makes a model of any families: dimensions, components and families as the options
 * have them (covariance is not read). parameters: for each field, for each parameter of
 * its family, K numbers, or K x categories. NULL and *err as above. */
MIX_API struct mix_model *mix_model_make(const struct mix_options *options,
                                         const double *weights, const double *parameters,
                                         enum mix_err *err);
/* The same components beside noise: a model of one component of the same families and
 * dimensions, its gaussians diagonal, its poissons taken for geometric distributions of
 * the same means. weights: those of the K components, then that of
 * the noise, which sum to 1; the weights of the models passed in are not read. */
MIX_API struct mix_model *mix_model_with_noise(const struct mix_model *model,
                                               const struct mix_model *noise,
                                               const double *weights, enum mix_err *err);
MIX_API struct mix_model *mix_model_copy(const struct mix_model *model);
MIX_API void mix_model_destroy(struct mix_model **model);

MIX_API size_t mix_model_dimensions(const struct mix_model *model);
MIX_API size_t mix_model_components(const struct mix_model *model);
MIX_API enum mix_covariance mix_model_covariance(const struct mix_model *model);
/* The family of field d; and whether all are gaussian, which is the joint one. */
MIX_API enum mix_family mix_model_family(const struct mix_model *model, size_t d);
MIX_API bool mix_model_is_gaussian(const struct mix_model *model);
/* The noise, as a model of one component whose weight is its share of this model; NULL:
 * none. A view, valid as long as the model is. */
MIX_API const struct mix_model *mix_model_noise(const struct mix_model *model);
/* Free parameters, for BIC and AIC: K-1 weights (K beside noise), K D means and the
 * covariances. */
MIX_API size_t mix_model_parameters(const struct mix_model *model);

/* Numbers of parameter i of field d for one component: 1, or the categories; 0 past the
 * last. out <- K times as many. The model is not all gaussian. */
MIX_API size_t mix_model_parameter_size(const struct mix_model *model, size_t d, size_t i);
MIX_API void mix_model_parameter(const struct mix_model *model, size_t d, size_t i,
                                 double *out);
/* Mean and variance of every field under component k, D each: of an angle its direction
 * and 2 (1 - length of the mean vector). k = K is the noise, where there is any. */
MIX_API void mix_model_component(const struct mix_model *model, size_t k, double *mean,
                                 double *variance);

/* Views into the model, valid as long as it is. Means and covariances are those of a
 * model that is all gaussian, else NULL. */
MIX_API const double *mix_model_weights(const struct mix_model *model);     /* K; sum 1
                                                            with that of the noise */
MIX_API const double *mix_model_means(const struct mix_model *model);       /* K x D */
MIX_API const double *mix_model_covariances(const struct mix_model *model); /* by type */
/* Doubles in the covariances: K D D, K D, K or D D; 0 where there are none. */
MIX_API size_t mix_model_covariance_size(const struct mix_model *model);

/* log p(x) in nats of each row, as scikit-learn's score_samples; NaN in a row is a
 * missing entry. out: n; -inf where the density underflows, NaN where a row has no
 * value at all. Weights and times are not read. */
MIX_API MIX_CHECKED enum mix_err mix_model_log_density(const struct mix_model *model,
                                                       const struct mix_rows *rows,
                                                       double *out);

/* Posterior probability of each component for each row. out: n x K; the row sums to
 * 1, less the probability of noise, or is all zero where the point has no finite
 * density. */
MIX_API MIX_CHECKED enum mix_err mix_model_responsibilities(const struct mix_model *model,
                                                            const struct mix_rows *rows,
                                                            double *out);

/* n points drawn from the model, the same for the same seed. out: n x D. */
MIX_API MIX_CHECKED enum mix_err mix_model_sample(const struct mix_model *model,
                                                  uint64_t seed, size_t n, double *out);

/* Mean (D) and covariance (D x D; NULL: not wanted) of the whole mixture. */
MIX_API void mix_model_moments(const struct mix_model *model, double *mean,
                               double *covariance);

/* The mixture of n of the fields (rising, counted from 0), whatever the others. NULL
 * and *err (unless err is NULL) on an error; the model belongs to the caller. */
MIX_API struct mix_model *mix_model_marginal(const struct mix_model *model,
                                             const size_t *fields, size_t n,
                                             enum mix_err *err);

/* The mixture of the fields that are NaN in x (D), in their order, given the others. Its
 * components are those of the model, their weights the responsibilities for what is
 * seen. NULL and *err: MIX_ESIZE when no field is NaN, MIX_EVALUE when what is seen
 * has no density. The model belongs to the caller. */
MIX_API struct mix_model *mix_model_conditional(const struct mix_model *model,
                                                const double *x, enum mix_err *err);

/* Regression: mean and variance of every field given those that are not NaN in x; of a
 * field that is seen, its value and 0. D each. H. G. Sung 2004. */
MIX_API MIX_CHECKED enum mix_err mix_model_predict(const struct mix_model *model,
                                                   const double *x, double *mean,
                                                   double *variance);

/* Kullback-Leibler divergence, the mean over points of `from` of log p_from - log p_to,
 * in nats, from n >= 2 drawn points (the same for the same seed), and its standard error
 * (unless error is NULL). Infinite where `to` gives one of them no density. */
MIX_API MIX_CHECKED enum mix_err mix_model_divergence(const struct mix_model *from,
                                                      const struct mix_model *to,
                                                      uint64_t seed, size_t n,
                                                      double *nats, double *error);

/* The mixture of what two have learned from points_a and points_b points (>= 0, one above
 * 0), of the same number of components, covariance and families: each component of b is
 * merged, by its moments, into that of a which answers for the same points. *loss (unless
 * NULL) gets what this costs, in nats a point: the divergence of both together, a mixture
 * of 2 K components, from the merged one, at least 0, estimated from 8192 points drawn from
 * both, the same each time. Of a, and so of its places, is the order; the rest does not
 * depend on which is which, but for rounding. NULL and *err (unless NULL): MIX_ESIZE where they
 * cannot be merged, MIX_EVALUE, MIX_ENOMEM. The model belongs to the caller. */
MIX_API struct mix_model *mix_model_merge(const struct mix_model *a, double points_a,
                                          const struct mix_model *b, double points_b,
                                          double *loss, enum mix_err *err);

/* ---- Learner ------------------------------------------------------------- */

/* Learns one model from one stream of rows. The rows before the first model and of
 * the open block are held inside; memory does not grow with the stream. */
struct mix_learner;

/* Scratch that learners with these options may share, one at work at a time: it belongs
 * to the caller and must outlive them. NULL without memory or for bad options. */
struct mix_workspace;
MIX_API struct mix_workspace *mix_workspace_new(const struct mix_options *options);
MIX_API void mix_workspace_destroy(struct mix_workspace **workspace);

/* A learner that has seen nothing; options are copied. NULL and *err (unless err is
 * NULL) on an error. */
MIX_API struct mix_learner *mix_learner_new(const struct mix_options *options,
                                            enum mix_err *err);

/* A learner that starts from a known model, without a warm-up. The model is copied
 * and must fit the options; `points` is the memory in points it stands for, 0 for
 * the length of a warm-up. */
MIX_API struct mix_learner *mix_learner_start(const struct mix_options *options,
                                              const struct mix_model *model,
                                              double points, enum mix_err *err);
MIX_API void mix_learner_destroy(struct mix_learner **learner);

/* Takes rows, in order, until all are taken or long work is due; *taken says how
 * many. Long work (the fits of the warm-up, later challenges to the model at geometric
 * ages) is due when fewer than rows->n were taken: run it with mix_learner_work() or in
 * slices as a job, then add the rest. MIX_ESIZE if stride < D; MIX_ENOMEM if there is no
 * memory for the work that is due: what was taken is safe, and it may be tried again. */
MIX_API MIX_CHECKED enum mix_err mix_learner_add(struct mix_learner *learner,
                                                 const struct mix_rows *rows,
                                                 size_t *taken);

/* Ask the processor for memory that the next row of a learner needs, and do nothing else:
 * for callers with many learners who know some rows before which is next. The second is
 * called some rows after the first, when what that asked for is there. */
MIX_API void mix_learner_prefetch(const struct mix_learner *learner);
MIX_API void mix_learner_prefetch_row(const struct mix_learner *learner);

/* Whether long work is due, also where there is no memory for it. */
MIX_API bool mix_learner_is_due(const struct mix_learner *learner);

/* The long work that is due, or NULL: none is, or there is no memory for it now and it
 * may be tried again. The job belongs to the learner and lives until
 * mix_job_run() says that it is done. */
struct mix_job;
MIX_API struct mix_job *mix_learner_job(struct mix_learner *learner);

/* Runs a slice of about `budget` point-E-steps (one point against one component).
 * True: the job is done, its result installed, the pointer no longer valid. How the
 * work was cut into slices does not change the result. */
MIX_API bool mix_job_run(struct mix_job *job, uint64_t budget);

/* Runs all the work that is due. */
MIX_API void mix_learner_work(struct mix_learner *learner);

/* For a stream that ends: learns the open block, however few rows it holds, and runs a
 * last fit of what there is (before the end of the warm-up, which it then is) or a last
 * challenge. Rows may still be added; the blocks then stand elsewhere. Nothing while
 * frozen. */
MIX_API void mix_learner_finish(struct mix_learner *learner);

/* The current model, or NULL before the first one. It belongs to the learner and is
 * valid until the next call that changes the learner. */
MIX_API const struct mix_model *mix_learner_model(const struct mix_learner *learner);

/* While frozen, rows are scored and counted, and change neither model nor memory.
 * Freezing keeps the open block; thawing goes on with it. */
MIX_API void mix_learner_freeze(struct mix_learner *learner);
MIX_API void mix_learner_thaw(struct mix_learner *learner);

/* The learner has then learned what both have; the other is left as it is. Both have the
 * same options but for the seed, workspace, executor and compact. What is exact:
 *
 * - one that is still in its warm-up and holds all its rows: they are learned as if they
 *   came next (runs the work that comes due), as are the open blocks;
 * - the sample that challenges are made from is a uniform one of the rows of both;
 * - counts add up. Points that both learned before they parted count twice;
 * - the statistics of learners that share a start, from one state or model: weighted by
 *   their memories in points they are those of all points, under the responsibilities
 *   that each point had. They are the same in any order but for rounding (1e-12).
 *
 * Others have their components matched, as mix_model_merge() does. *loss (unless NULL) gets
 * what K in the place of 2 K components cost, as there, 0 where rows were learned; where it
 * is above 1e-4 a challenge is due, which fits the model to the sample if that is better.
 * Standard errors begin anew. Frozen learners merge, too, and stay frozen.
 *
 * On an error nothing has changed: MIX_EMISMATCH for other options, or other dormant
 * fields; MIX_ENOTREADY where one is in its warm-up, or one of a range of components is,
 * and the rows are no longer there; MIX_ENOMEM. Source: merge.c. */
MIX_API MIX_CHECKED enum mix_err mix_learner_merge(struct mix_learner *learner,
                                                   const struct mix_learner *other,
                                                   double *loss);

/* Forgets all that was learned and starts anew; the counts of points stay. Points
 * held at that moment count as learned: they were accepted. */
MIX_API void mix_learner_reset(struct mix_learner *learner);

enum mix_state { MIX_WARMUP, MIX_LEARNING, MIX_FROZEN };

/* What there is to say about a learner. The pointers are views of D or K entries,
 * valid as long as the model. added = learned + unscorable + frozen + queued. */
struct mix_info {
    enum mix_state state;
    uint64_t added;            /* rows taken */
    uint64_t learned;          /* rows that are in the statistics (or were, before a reset) */
    uint64_t unscorable;       /* rows without a finite density, or all missing: skipped */
    uint64_t frozen;           /* rows taken while frozen: scored, not learned */
    uint64_t queued;           /* rows before the first model and of the open block */
    uint64_t points;           /* rows learned into this model since start or reset */
    uint64_t updates;          /* M-steps made since start or reset */
    double effective_points;   /* memory of the published model, in points */
    double log_likelihood;     /* mean over the memory of the bounded score of each point
                                  before it was learned, nats; NaN before the first */
    uint64_t floored;          /* variances of the model that stand at their floor */
    const double *resolution;  /* D smallest steps, units of the field; NULL: not known yet */
    const uint64_t *ids;       /* K identities of the components, never reused; NULL: none */
    const double *dormant;     /* D: the value of each field that has shown no other yet and
                                  is left out of learning, NaN for the others; NULL: there
                                  is none. With all fields dormant there is no model. */
};
MIX_API void mix_learner_info(const struct mix_learner *learner, struct mix_info *info);

/* Standard errors of the means (K x D) and weights (K) of the current model, found from
 * how much 8 to 15 equal batches of the stream since the last fit differ, so that points
 * which depend on each other do not deceive: an interval takes Student's t with 7 degrees
 * of freedom. False, and nothing of use, where there are none that would be honest. */
MIX_API bool mix_learner_errors(const struct mix_learner *learner, double *means,
                                double *weights);
/* The largest of those of the means, in standard deviations of its component; NaN where
 * there are none. */
MIX_API double mix_learner_error(const struct mix_learner *learner);

/* What happened to the model since it was last asked: X(name, word). */
#define MIX_EVENTS(X)                                                                    \
    X(DRIFT, "drift") /* a change was detected; value: the evidence in nats */           \
    X(REFIT, "refit") /* fitted anew: rows not in random order, or those after a change */ \
    X(SPLIT, "split") /* component `id` appeared, cut from `other`; value: overlap */    \
    X(MERGED, "merged")  /* component `id` went, its points to `other`; value: overlap */ \
    X(FLOORED, "floored") /* value: variances that stand at their floor, none before */  \
    X(WOKE, "woke")       /* dormant field `id` varies; value: what it was until then */ \
    X(COMPONENTS, "components") /* `id` of them are published, not `other`; value: nats  \
                                   that they predict better */

enum mix_event_kind {
#define X(name, word) MIX_EVENT_##name,
    MIX_EVENTS(X)
#undef X
    MIX_EVENT_KINDS
};

struct mix_event {
    enum mix_event_kind kind;
    uint64_t added;      /* rows that the learner had taken */
    uint64_t id, other;  /* components, a field, or numbers; 0 where there are none */
    double value;
};

/* "drift", ...; NULL outside the range. */
MIX_API const char *mix_event_name(enum mix_event_kind kind);

/* Takes the oldest event that was not taken; false when there is none. The newest 64
 * are kept, also in the encoded state. */
MIX_API bool mix_learner_event(struct mix_learner *learner, struct mix_event *event);

/* Bounded score of a point in nats (finite for every finite point) and its tail, the
 * share of recent points that scored lower, in (0, 1). x: D. MIX_ENOTREADY before
 * the first model. */
MIX_API MIX_CHECKED enum mix_err mix_learner_score(const struct mix_learner *learner,
                                                   const double *x, double *score,
                                                   double *tail);
/* The same of many rows; weights and times are not read. score, tail: n, NaN where a row
 * has no value at all. */
MIX_API MIX_CHECKED enum mix_err mix_learner_scores(const struct mix_learner *learner,
                                                    const struct mix_rows *rows,
                                                    double *score, double *tail);

/* The whole state as bytes: a learner decoded from them goes on bit for bit. Work
 * under way is not part of it and begins anew. mix_learner_encode() writes exactly
 * mix_learner_encoded_size() bytes, little-endian, the same on every machine. */
MIX_API size_t mix_learner_encoded_size(const struct mix_learner *learner);
MIX_API void mix_learner_encode(const struct mix_learner *learner, void *bytes);

/* NULL and *err on damage (MIX_ECORRUPT), a newer format (MIX_EVERSION), or a state
 * made under other options (MIX_EMISMATCH). Every length is checked; damaged bytes
 * are never trusted. */
MIX_API struct mix_learner *mix_learner_decode(const struct mix_options *options,
                                               const void *bytes, size_t size,
                                               enum mix_err *err);

/* The same state in parts, for one who keeps it and does not want to keep all of it
 * anew each time. Part 0 is small and changes with every row; the others have the rows
 * that the learner holds, and of these what was written lately, so what changes with a
 * row is little more than the row. The parts that have changed since a mark, together
 * with the others as they were encoded before, are the state. How many parts there are
 * follows from the options; some have nothing in them, and size 0. */
MIX_API size_t mix_parts(const struct mix_options *options);

/* Where the rows that a learner holds stand: rows added and rows replaced so far. */
struct mix_mark {
    uint64_t added, replaced;
};
MIX_API struct mix_mark mix_learner_mark(const struct mix_learner *learner);
MIX_API bool mix_learner_part_changed(const struct mix_learner *learner, size_t part,
                                      struct mix_mark since);
/* mix_learner_encode_part() writes exactly mix_learner_part_size() bytes; not to be
 * called where that is 0. */
MIX_API size_t mix_learner_part_size(const struct mix_learner *learner, size_t part);
MIX_API void mix_learner_encode_part(const struct mix_learner *learner, size_t part,
                                     void *bytes);

/* As mix_learner_decode(), from all n parts in order, which must be of one moment: that
 * is for the caller to see to. The bytes of mix_learner_encode() are taken as well, as
 * the only part that is not empty. The new learner has changed in nothing since its own
 * mark. */
struct mix_part {
    const void *bytes;
    size_t size;
};
MIX_API struct mix_learner *mix_learner_decode_parts(const struct mix_options *options,
                                                     const struct mix_part *parts,
                                                     size_t n, enum mix_err *err);

/* ---- Batch --------------------------------------------------------------- */

/* Batch EM over points in memory: k-means++ starts, EM to a tolerance, split and
 * merge. */
struct mix_fit_options {
    size_t starts;         /* 5 */
    size_t max_iterations; /* 300 EM passes a start */
    double tolerance;      /* 1e-6 nats a point; 0 never stops early */
    bool split_merge;      /* true */
};
MIX_API void mix_fit_options_init(struct mix_fit_options *options);

/* Called after every EM pass: start index, pass from 1, log-likelihood in nats per
 * point, to be maximised. */
typedef void mix_fit_progress_fn(void *context, size_t start, size_t pass,
                                 double log_likelihood);

/* Fits all rows (weights are honoured, times are not read). options->warmup, block
 * and step are not read. The model belongs to the caller. NULL and *err on an error:
 * MIX_ESIZE when rows hold no point that can be learned. progress may be NULL. */
MIX_API struct mix_model *mix_fit(const struct mix_options *options,
                                  const struct mix_fit_options *fit,
                                  const struct mix_rows *rows,
                                  mix_fit_progress_fn *progress, void *context,
                                  enum mix_err *err);

#ifdef __cplusplus
}
#endif

#endif
