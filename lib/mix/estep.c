/* SPDX-License-Identifier: MIT
 *
 * The driver of the E-step: weights and logsumexp; densities come from the families. */
#include "estep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "lines.h"

#define LN_2 0.69314718055994530942
/* Of a part at least, a point and component counting (D + 2)^2: about a microsecond.
 * Handing a part to a thread that waits for it takes 0.1 to 0.3. */
#define PART_UNITS 65536

/* What the families need, those of the noise as well. */
static size_t scratch_size(const struct shape *shape)
{
    const struct shape noise = shape_of_noise(shape);
    return shape->has_noise && noise.scratch_size > shape->scratch_size
               ? noise.scratch_size
               : shape->scratch_size;
}

/* Blocks of doubles that the scratch of an E-step consists of. */
static size_t estep_size(const struct shape *shape)
{
    const size_t columns = shape_columns(shape);
    return (columns + 6) * BLOCK_POINTS + scratch_size(shape) + columns;
}

static double *doubles_new(size_t n)
{
    return lines_new(n * sizeof(double));
}

struct estep *estep_new(const struct shape *shape)
{
    struct estep *estep = calloc(1, sizeof(*estep));
    if (estep == NULL) {
        return NULL;
    }
    estep->resp = doubles_new(estep_size(shape));
    if (estep->resp == NULL) {
        free(estep);
        return NULL;
    }
    estep->log_density = estep->resp + shape_columns(shape) * BLOCK_POINTS;
    estep->high = estep->log_density + BLOCK_POINTS;
    estep->sum = estep->high + BLOCK_POINTS;
    estep->point_weight = estep->sum + BLOCK_POINTS;
    estep->work.kernel = kernel_current();
    estep->work.offset = estep->point_weight + BLOCK_POINTS;
    estep->noise_offset = estep->work.offset + BLOCK_POINTS;
    estep->work.scratch = estep->noise_offset + BLOCK_POINTS;
    estep->mass = estep->work.scratch + scratch_size(shape);
    return estep;
}

bool estep_share(struct estep *estep, const struct shape *shape,
                 const struct mix_executor *executor)
{
    if (executor == NULL || executor->threads < 2) {
        return true;
    }
    estep->scratch = calloc(executor->threads, sizeof(*estep->scratch));
    if (estep->scratch == NULL) {
        return false;
    }
    estep->executor = executor;
    estep->scratch[0] = estep->work.scratch;
    for (size_t t = 1; t < executor->threads; t++) {
        estep->scratch[t] = doubles_new(scratch_size(shape));
        if (estep->scratch[t] == NULL) {
            return false;
        }
    }
    return true;
}

void estep_destroy(struct estep **estep)
{
    if (*estep != NULL) {
        const struct mix_executor *executor = (*estep)->executor;
        for (size_t t = 1; executor != NULL && t < executor->threads; t++) {
            lines_free((*estep)->scratch[t]);
        }
        free((*estep)->scratch);
        lines_free((*estep)->resp);
        free(*estep);
        *estep = NULL;
    }
}

static size_t groups_of(const struct block *block)
{
    return (block->n + KERNEL_GROUP - 1) / KERNEL_GROUP;
}

/* Whether the densities of points differ by more than what is in their logarithms. */
static bool has_offset(const struct mix_model *model, const struct block *block)
{
    return block->has_missing || model->shape.has_offset;
}

static bool is_empty(const struct block *block, size_t i)
{
    for (size_t d = 0; d < block->dimensions; d++) {
        if (block->x[d * BLOCK_POINTS + i] == block->x[d * BLOCK_POINTS + i]) {
            return false;
        }
    }
    return true;
}

/* l_ik of the components of a model in bits, without what is common to them for the block,
 * which is returned, and for a point, which is in offset. */
static double factor_densities(const struct mix_model *model, const struct block *block,
                               const struct workspace *work, double *out)
{
    const double *param = model->param, *cache = model->cache;
    double common = 0;
    if (has_offset(model, block)) {
        memset(work->offset, 0, groups_of(block) * KERNEL_GROUP * sizeof(double));
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        const double *base = j == 0 ? model->log2_weights : NULL;
        common += f->family->log_density(f, param, cache, work, block, base, out);
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
    }
    return common;
}

/* The column of the noise, beside those of the components, which lack `common` and
 * offset. What noise lacks differs from that by whole bits, for units are powers of two:
 * so no unit changes a responsibility. */
static void noise_densities(struct estep *estep, const struct mix_model *model,
                            const struct block *block, double common)
{
    double *out = estep->resp + model->shape.components * BLOCK_POINTS;
    const double *offset = estep->work.offset;
    struct workspace work = estep->work;
    work.offset = estep->noise_offset;
    const double own = factor_densities(model->noise, block, &work, out);
    for (size_t i = 0; i < block->n; i++) {
        out[i] += nearbyint(own - common);
    }
    for (size_t i = 0; has_offset(model, block) && i < block->n; i++) {
        out[i] += nearbyint(work.offset[i] - offset[i]);
    }
}

/* The same of a model with its noise. */
static double densities(struct estep *estep, const struct mix_model *model,
                        const struct block *block)
{
    const double common = factor_densities(model, block, &estep->work, estep->resp);
    if (model->noise != NULL) {
        noise_densities(estep, model, block, common);
    }
    return common;
}

static struct kernel_normalise normalise(struct estep *estep, size_t columns,
                                         const struct block *block)
{
    const size_t lanes = groups_of(block) * KERNEL_GROUP;
    struct kernel_normalise job = {.components = columns,
                                   .groups = groups_of(block),
                                   .resp = estep->resp,
                                   .weight = block->weight,
                                   .high = estep->high,
                                   .sum = estep->sum};
    if (block->has_missing) {
        memcpy(estep->point_weight, block->weight, lanes * sizeof(double));
        for (size_t i = 0; i < block->n; i++) {
            estep->point_weight[i] = is_empty(block, i) ? 0 : estep->point_weight[i];
        }
        job.weight = estep->point_weight;
    }
    estep->work.kernel->normalise(&job);
    return job;
}

/* The kernels ran over whole groups; past them nothing was written. */
static void clear_rest(struct estep *estep, size_t columns, const struct block *block)
{
    const size_t lanes = groups_of(block) * KERNEL_GROUP;
    for (size_t k = 0; lanes < BLOCK_POINTS && k < columns; k++) {
        memset(estep->resp + k * BLOCK_POINTS + lanes, 0,
               (BLOCK_POINTS - lanes) * sizeof(double));
    }
}

/* log_density in nats, from high and sum. */
static void score(struct estep *estep, const struct mix_model *model,
                  const struct block *block, double common)
{
    const bool is_offset = has_offset(model, block);
    const struct kernel_logs job = {.groups = groups_of(block),
                                    .high = estep->high,
                                    .sum = estep->sum,
                                    .common = common,
                                    .offset = is_offset ? estep->work.offset : NULL,
                                    .out = estep->log_density};
    estep->work.kernel->log_density(&job);
    for (size_t i = 0; block->has_missing && i < block->n; i++) {
        if (is_empty(block, i)) {
            estep->log_density[i] = (double)NAN;
        }
    }
}

/* Log-likelihood and counts from log_density, where points differ in weight. */
static void total(struct estep *estep, const struct block *block)
{
    struct kernel_weigh job = {
        .n = block->n, .value = estep->log_density, .weight = block->weight};
    estep->work.kernel->weigh(&job);
    estep->log_likelihood = job.sum;
    estep->weight = job.mass;
    estep->unscorable = job.lost;
}

/* ---- In parts -------------------------------------------------------------------- */

/* An E-step that is shared out. */
struct pass {
    struct estep *estep;
    const struct mix_model *model;
    const struct block *block;
    bool has_resp;  /* responsibilities are wanted, */
    bool is_scored; /* log_density is */
    size_t parts;
    double common;               /* out: the same in every part */
    struct kernel_normalise job; /* out: its totals are right without parts only */
};

/* How many parts are worth it: a part is to cost some times what handing it over does. */
static size_t count_parts(const struct estep *estep, const struct mix_model *model,
                          const struct block *block, size_t most)
{
    const size_t side = model->shape.dimensions + 2;
    const size_t units = block->n * model->shape.components * side * side / PART_UNITS;
    if (estep->executor == NULL || units < 2) {
        return 1;
    }
    most = most < estep->executor->threads ? most : estep->executor->threads;
    return most < units ? most : units;
}

static void run_points(struct pass *pass, struct estep *estep, const struct block *block,
                       bool is_first)
{
    const double common = densities(estep, pass->model, block);
    const size_t columns = shape_columns(&pass->model->shape);
    struct kernel_normalise job = {.components = columns,
                                   .groups = groups_of(block),
                                   .resp = estep->resp,
                                   .high = estep->high,
                                   .sum = estep->sum};
    if (pass->has_resp) {
        job = normalise(estep, columns, block);
    } else {
        estep->work.kernel->log_sum(&job);
    }
    if (pass->is_scored) {
        score(estep, pass->model, block, common);
    }
    if (is_first) {
        pass->common = common;
        pass->job = job;
    }
}

/* The groups of a part, seen as a block of their own. */
static void run_part(void *argument, size_t part, size_t thread)
{
    struct pass *pass = argument;
    struct estep own = *pass->estep;
    struct block block = *pass->block;
    const size_t groups = groups_of(&block);
    const size_t first = part * groups / pass->parts * KERNEL_GROUP;
    const size_t end = (part + 1) * groups / pass->parts * KERNEL_GROUP;
    block.n = (block.n < end ? block.n : end) - first;
    block.x += first;
    block.weight += first;
    block.time += first;
    own.resp += first;
    own.log_density += first;
    own.high += first;
    own.sum += first;
    own.point_weight += first;
    own.work.offset += first;
    own.noise_offset += first;
    own.work.scratch = own.scratch[thread];
    run_points(pass, &own, &block, part == 0);
}

static void run_pass(struct pass *pass)
{
    struct estep *estep = pass->estep;
    const struct block *block = pass->block;
    pass->parts = count_parts(estep, pass->model, block, groups_of(block));
    if (pass->parts == 1) {
        run_points(pass, estep, block, true);
        return;
    }
    estep->executor->run(estep->executor, pass->parts, run_part, pass);
    pass->job.groups = groups_of(block);
    if (pass->has_resp) {
        estep->work.kernel->total(&pass->job);
    }
}

static void run(struct estep *estep, const struct mix_model *model,
                const struct block *block, bool is_scored)
{
    const bool is_plain = !block->is_weighted && !has_offset(model, block);
    struct pass pass = {.estep = estep,
                        .model = model,
                        .block = block,
                        .has_resp = true,
                        .is_scored = is_scored || !is_plain};
    run_pass(&pass);
    clear_rest(estep, shape_columns(&model->shape), block);
    const struct kernel_normalise job = pass.job;
    const double common = pass.common;
    if (!is_plain) {
        total(estep, block);
        return;
    }
    estep->log_likelihood = (job.bits + common * job.count) * LN_2;
    estep->weight = job.count;
    estep->unscorable = block->n - (size_t)job.count;
}

void estep_run(struct estep *estep, const struct mix_model *model,
               const struct block *block)
{
    run(estep, model, block, false);
}

void estep_score(struct estep *estep, const struct mix_model *model,
                 const struct block *block)
{
    run(estep, model, block, true);
}

void estep_density(struct estep *estep, const struct mix_model *model,
                   const struct block *block)
{
    struct pass pass = {
        .estep = estep, .model = model, .block = block, .is_scored = true};
    run_pass(&pass);
}

void estep_joint(struct estep *estep, const struct mix_model *model,
                 const struct block *block)
{
    const double common = densities(estep, model, block);
    const bool is_offset = has_offset(model, block);
    for (size_t k = 0; k < model->shape.components; k++) {
        double *l = estep->resp + k * BLOCK_POINTS;
        for (size_t i = 0; i < block->n; i++) {
            l[i] = (l[i] + (common + (is_offset ? estep->work.offset[i] : 0))) * LN_2;
        }
    }
}

struct sums *sums_new(const struct shape *shape)
{
    struct sums *sums = calloc(1, sizeof(*sums));
    if (sums == NULL) {
        return NULL;
    }
    sums->mass = calloc(shape->components + shape->sums_size, sizeof(double));
    if (sums->mass == NULL) {
        free(sums);
        return NULL;
    }
    sums->values = sums->mass + shape->components;
    sums->n_values = shape->components + shape->sums_size;
    return sums;
}

void sums_destroy(struct sums **sums)
{
    if (*sums != NULL) {
        free((*sums)->mass);
        free(*sums);
        *sums = NULL;
    }
}

void sums_clear(struct sums *sums)
{
    memset(sums->mass, 0, sums->n_values * sizeof(double));
    sums->noise = sums->weight = sums->log_likelihood = 0;
    sums->points = sums->unscorable = 0;
}

void sums_join(struct sums *sums, const struct estep *estep, const struct shape *shape,
               const struct sums *other)
{
    double *values = sums->values;
    const double *from = other->values;
    for (size_t k = 0; k < shape->components; k++) {
        sums->mass[k] += other->mass[k];
    }
    for (size_t j = 0; j < shape->n_factors; j++) {
        const struct factor *f = &shape->factors[j];
        f->family->join(f, &estep->work, values, from);
        values += f->family->sums_size(f);
        from += f->family->sums_size(f);
    }
    sums->noise += other->noise;
    sums->weight += other->weight;
    sums->log_likelihood += other->log_likelihood;
    sums->points += other->points;
    sums->unscorable += other->unscorable;
}

/* Sums that are shared out. */
struct addition {
    struct sums *sums;
    const struct estep *estep;
    const struct mix_model *model;
    const struct block *block;
    size_t parts;
};

static void add_components(const struct addition *addition, const struct workspace *work,
                           struct span ks)
{
    const struct mix_model *model = addition->model;
    const struct estep *estep = addition->estep;
    const double *param = model->param, *cache = model->cache;
    double *values = addition->sums->values;
    estep->work.kernel->mass(estep->resp + ks.first * BLOCK_POINTS, ks.end - ks.first,
                             groups_of(addition->block), estep->mass + ks.first);
    for (size_t k = ks.first; k < ks.end; k++) {
        addition->sums->mass[k] += estep->mass[k];
    }
    for (size_t j = 0; j < model->shape.n_factors; j++) {
        const struct factor *f = &model->shape.factors[j];
        f->family->accumulate(f, param, cache, work, addition->block, estep->resp, ks,
                              values);
        param += f->family->param_size(f);
        cache += f->family->cache_size(f);
        values += f->family->sums_size(f);
    }
}

static void add_part(void *argument, size_t part, size_t thread)
{
    const struct addition *addition = argument;
    const size_t components = addition->model->shape.components;
    const struct span ks = {part * components / addition->parts,
                            (part + 1) * components / addition->parts};
    struct workspace work = addition->estep->work;
    work.scratch = addition->estep->scratch[thread];
    add_components(addition, &work, ks);
}

void sums_add(struct sums *sums, const struct estep *estep, const struct mix_model *model,
              const struct block *block)
{
    const size_t components = model->shape.components;
    struct addition addition = {
        .sums = sums,
        .estep = estep,
        .model = model,
        .block = block,
        .parts = count_parts(estep, model, block, components)};
    if (addition.parts == 1) {
        add_components(&addition, &estep->work, (struct span){0, components});
    } else {
        estep->executor->run(estep->executor, addition.parts, add_part, &addition);
    }
    if (model->noise != NULL) {
        double *mass = &estep->mass[components];
        estep->work.kernel->mass(estep->resp + components * BLOCK_POINTS, 1,
                                 groups_of(block), mass);
        sums->noise += *mass;
    }
    sums->weight += estep->weight;
    sums->log_likelihood += estep->log_likelihood;
    sums->points += block->n - estep->unscorable;
    sums->unscorable += estep->unscorable;
}
