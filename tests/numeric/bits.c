/* SPDX-License-Identifier: MIT
 *
 * bits [LEVEL]: learns a stream for every type of covariance, with and without missing
 * entries, and prints a hash of each model. test_bits compares what the levels print. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "mix.h"
#include "rng.h"

#define D 3
#define K 3
#define N 1600

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static uint64_t hash_of(uint64_t hash, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        hash = (hash ^ bits) * 0x100000001b3;
    }
    return hash;
}

/* Three clusters, of which one is stretched; arithmetic that rounds alike anywhere. */
static void draw(double *x, bool has_holes)
{
    struct rng rng = rng_at(3, RNG_TEST, has_holes);
    for (size_t i = 0; i < N; i++) {
        const double centre = 2.5 * (double)rng_below(&rng, 3);
        const double common = rng_normal(&rng);
        for (size_t d = 0; d < D; d++) {
            x[i * D + d] = centre + 0.5 * common + rng_normal(&rng);
            if (has_holes && rng_below(&rng, 10) == 0) {
                memset(&x[i * D + d], 0xff, sizeof(*x));
            }
        }
    }
}

static uint64_t learn(enum mix_covariance covariance, const double *x, bool has_holes)
{
    struct mix_options options;
    struct mix_rows rows = {.x = x, .n = N, .stride = D};
    size_t taken;
    mix_options_init(&options, D, K);
    options.covariance = covariance;
    options.marginalize = has_holes;
    options.warmup = 500;
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    require(learner != NULL);
    while (rows.n > 0) {
        require(mix_learner_add(learner, &rows, &taken) == MIX_OK);
        rows.x += taken * D;
        rows.n -= taken;
        mix_learner_work(learner);
    }
    const struct mix_model *const model = mix_learner_model(learner);
    uint64_t hash = hash_of(0xcbf29ce484222325, mix_model_weights(model), K);
    hash = hash_of(hash, mix_model_means(model), K * D);
    hash = hash_of(hash, mix_model_covariances(model), mix_model_covariance_size(model));
    mix_learner_destroy(&learner);
    return hash;
}

int main(int argc, char **argv)
{
    double *const x = malloc(N * D * sizeof(*x));
    if (argc > 1 && !kernel_select(argv[1])) {
        printf("no %s\n", argv[1]);
        return EXIT_SUCCESS;
    }
    require(x != NULL);
    for (int has_holes = 0; has_holes < 2; has_holes++) {
        draw(x, has_holes);
        for (int type = 0; type < MIX_COVARIANCES; type++) {
            printf("%s%s %016llx\n", mix_covariance_name((enum mix_covariance)type),
                   has_holes ? " missing" : "",
                   (unsigned long long)learn((enum mix_covariance)type, x, has_holes));
        }
    }
    free(x);
    return EXIT_SUCCESS;
}
