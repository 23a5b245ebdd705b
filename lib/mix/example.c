/* SPDX-License-Identifier: MIT
 *
 * libmix in one page: learn a mixture from a stream of points, here drawn from a known
 * one, and print it. Built with
 *
 *     cc example.c $(pkg-config --cflags --libs libmix)
 */
#include <mix.h>
#include <stdio.h>

enum { D = 2, K = 2, BATCH = 100, BATCHES = 300 };

/* The mixture that the points come from: two round clusters. */
static struct mix_model *make_source(enum mix_err *err)
{
    const double weights[K] = {0.3, 0.7};
    const double means[K * D] = {0, 0, 4, 3};
    const double variances[K] = {1, 0.25};
    return mix_model_new(D, K, MIX_SPHERICAL, weights, means, variances, err);
}

/* Gives n rows to the learner, in as many turns as it needs. */
static enum mix_err learn(struct mix_learner *learner, const double *x, size_t n)
{
    for (size_t done = 0; done < n;) {
        const struct mix_rows rows = {.x = x + done * D, .n = n - done, .stride = D};
        size_t taken;
        const enum mix_err err = mix_learner_add(learner, &rows, &taken);
        if (err != MIX_OK) {
            return err;
        }
        mix_learner_work(learner); /* a fit of the warm-up, when one is due */
        done += taken;
    }
    return MIX_OK;
}

static void print(const struct mix_learner *learner)
{
    const struct mix_model *model = mix_learner_model(learner);
    struct mix_info info;
    mix_learner_info(learner, &info);
    printf("%llu points, log-likelihood %.3f nats a point\n",
           (unsigned long long)info.learned, info.log_likelihood);
    for (size_t k = 0; k < K; k++) {
        const double *mean = mix_model_means(model) + k * D;
        const double *c = mix_model_covariances(model) + k * D * D;
        printf("component %llu: weight %.3f  mean %6.3f %6.3f  variance %.3f %.3f\n",
               (unsigned long long)info.ids[k], mix_model_weights(model)[k], mean[0],
               mean[1], c[0], c[3]);
    }
}

int main(void)
{
    enum mix_err err;
    struct mix_options options;
    mix_options_init(&options, D, K);
    struct mix_model *source = make_source(&err);
    struct mix_learner *learner = mix_learner_new(&options, &err);
    for (unsigned batch = 0; err == MIX_OK && batch < BATCHES; batch++) {
        double x[BATCH * D];
        err = mix_model_sample(source, batch, BATCH, x);
        if (err == MIX_OK) {
            err = learn(learner, x, BATCH);
        }
    }
    if (err == MIX_OK) {
        print(learner);
    } else {
        fprintf(stderr, "example: %s\n", mix_strerror(err));
    }
    mix_learner_destroy(&learner);
    mix_model_destroy(&source);
    return err == MIX_OK ? 0 : 1;
}
