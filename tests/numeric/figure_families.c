/* SPDX-License-Identifier: MIT
 *
 * One pass against batch EM from the truth, family by family: the gap on held-out points,
 * in nats a point, at n = 1e5 and K = 3. Fields of few values are several, or there
 * would be nothing to tell the components by. `make check-long` prints the table and
 * fails where the gap is above 5e-4.
 *
 *     figure_families [SEEDS [FAMILY]]
 */
#include <stdio.h>
#include <time.h>

#include "em.h"
#include "families_table.h"
#include "search.h"

#define N 100000
#define GAP_MAX 5e-4
#define PASSES 2000
#define TOLERANCE 1e-8

static size_t fields_of(enum mix_family family)
{
    return family == MIX_BERNOULLI ? 12 : family == MIX_CATEGORICAL ? 6 : 1;
}

/* Fields that are not all alike: field d has the parameters of component k + d. */
static struct mix_model *make_truth(const struct row *row)
{
    const size_t dims = fields_of(row->family);
    struct mix_model *model = row_model(row, dims);
    const struct factor *f = model->shape.factors;
    double own[K * 4], turned[K * 4];
    for (size_t d = 0; d < dims; d++) {
        for (size_t i = 0; field_width(f, i) > 0; i++) {
            const size_t n = field_width(f, i);
            field_get(f, model->param, d, i, own);
            for (size_t at = 0; at < K * n; at++) {
                turned[at] = own[(at + d * n) % (K * n)];
            }
            field_set(f, model->param, d, i, turned);
        }
    }
    require(model_prepare(model) == MIX_OK);
    return model;
}

static struct mix_model *fit_from(const struct mix_model *truth, const struct row *row,
                                  const double *x)
{
    struct mix_options options;
    struct mix_model *model = mix_model_copy(truth);
    const size_t dims = mix_model_dimensions(truth);
    const struct mix_rows all = {.x = x, .n = N, .stride = dims};
    struct points *points = points_new(dims, N);
    struct scales *scales = scales_new(dims);
    struct em *em = em_new(&model->shape);
    set_options(&options, row, dims);
    points_append(points, &all, 0, N);
    scales_of_model(scales, truth, &options);
    const struct prior prior = prior_of(scales);
    em_start(em, points, &prior, model, PASSES, TOLERANCE);
    while (!em->is_done) {
        uint64_t budget = UINT64_MAX;
        em_run(em, &budget);
    }
    em_destroy(&em);
    scales_destroy(&scales);
    points_destroy(&points);
    return model;
}

static struct mix_learner *learn(const struct row *row, size_t dims, const double *x)
{
    struct mix_options options;
    set_options(&options, row, dims);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    for (size_t done = 0; done < N;) {
        const struct mix_rows left = {
            .x = x + done * dims, .n = N - done, .stride = dims};
        size_t taken;
        require(mix_learner_add(learner, &left, &taken) == MIX_OK);
        done += taken;
        mix_learner_work(learner);
    }
    mix_learner_finish(learner);
    return learner;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool run_row(const struct row *row, size_t seeds)
{
    double worst = -HUGE_VAL, mean = 0, online_s = 0;
    struct mix_model *truth = make_truth(row);
    const size_t dims = mix_model_dimensions(truth);
    for (size_t seed = 0; seed < seeds; seed++) {
        double *x = draw(truth, N, 100 + seed), *test = draw(truth, N, 900 + seed);
        struct mix_model *batch = fit_from(truth, row, x);
        const double begin = seconds();
        struct mix_learner *learner = learn(row, dims, x);
        online_s += (seconds() - begin) / (double)seeds;
        const double gap = mean_density(batch, test, N) -
                           mean_density(mix_learner_model(learner), test, N);
        worst = fmax(worst, gap);
        mean += gap / (double)seeds;
        mix_learner_destroy(&learner);
        mix_model_destroy(&batch);
        free(x);
        free(test);
    }
    mix_model_destroy(&truth);
    printf("%-12s D=%-2zu K=%d n=%d gap mean %9.6f max %9.6f  %.2f s  %s\n",
           mix_family_name(row->family), dims, K, N, mean, worst, online_s,
           worst <= GAP_MAX ? "ok" : "MISSED");
    fflush(stdout);
    return worst <= GAP_MAX;
}

int main(int argc, char **argv)
{
    const size_t seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
    bool is_kept = true;
    for (size_t i = 0; i < COUNT(rows) && seeds > 0; i++) {
        if (argc < 3 || strcmp(argv[2], mix_family_name(rows[i].family)) == 0) {
            is_kept = run_row(&rows[i], seeds) && is_kept;
        }
    }
    return is_kept ? 0 : 1;
}
