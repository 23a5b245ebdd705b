/* SPDX-License-Identifier: MIT
 *
 * make_golden FOLDER [CASE...]: writes learner-VERSION-CASE.state, the encoded state of a
 * learner as this program encodes it, and the .model that goes with it. Only the public
 * part of libmix is used, so that it can be built beside a library of another time. */
#include <stdlib.h>
#include <string.h>

#include "golden.h"

/* Numbers in [0, 1) that are the same everywhere. */
static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

/* A value of a field of that family, in one of two clusters. */
static double draw(enum mix_family family, double cluster, uint64_t *state)
{
    double bell = -6;
    for (int i = 0; i < 12; i++) {
        bell += uniform(state);
    }
    switch (family) {
    case MIX_POISSON:
        return floor(3 + 9 * cluster + 4 * uniform(state));
    case MIX_EXPONENTIAL:
    case MIX_LOG_NORMAL:
    case MIX_GAMMA:
        return 0.5 + 3 * cluster + uniform(state);
    case MIX_BERNOULLI:
        return uniform(state) < 0.2 + 0.6 * cluster;
    case MIX_CATEGORICAL:
        return floor(2 * cluster + 2 * uniform(state));
    case MIX_VON_MISES:
        return 2 * cluster + 0.5 * uniform(state) - 1;
    default:
        return 5 * cluster + bell;
    }
}

static void add_row(struct mix_learner *learner, const struct golden_case *row, size_t i,
                    uint64_t *state)
{
    double x[16];
    const double cluster = uniform(state) < 0.4, weight = 1 + (double)(i % 3);
    const double time = 1e9 + (double)i;
    size_t taken = 0;
    for (size_t d = 0; d < row->dimensions; d++) {
        x[d] =
            draw(row->families != NULL ? row->families[d] : MIX_GAUSSIAN, cluster, state);
    }
    if (row->is_constant) {
        x[0] = 7;
    }
    if (row->marginalize && i % 7 == 0) {
        x[i % row->dimensions] = (double)NAN;
    }
    const struct mix_rows rows = {x, 1, row->dimensions, &weight, &time};
    while (taken == 0) {
        if (mix_learner_add(learner, &rows, &taken) != MIX_OK) {
            abort();
        }
        mix_learner_work(learner);
    }
}

static FILE *create(const char *folder, uint64_t version, const char *name,
                    const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/learner-%ju-%s.%s", folder, (uintmax_t)version, name,
             suffix);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static void close_file(FILE *file)
{
    const bool is_written = ferror(file) == 0;
    if (fclose(file) != 0 || !is_written) {
        perror("make_golden");
        exit(EXIT_FAILURE);
    }
}

static void make(const char *folder, const struct golden_case *row)
{
    const struct mix_options options = golden_options(row);
    struct mix_learner *learner = mix_learner_new(&options, NULL);
    uint64_t state = 1;
    if (learner == NULL) {
        abort();
    }
    for (size_t i = 0; i < row->rows; i++) {
        if (row->is_frozen && i + 20 == row->rows) {
            mix_learner_freeze(learner);
        }
        add_row(learner, row, i, &state);
    }
    const size_t size = mix_learner_encoded_size(learner);
    unsigned char *bytes = malloc(size);
    uint64_t version = 0;
    if (bytes == NULL) {
        abort();
    }
    mix_learner_encode(learner, bytes);
    for (int i = 7; i >= 0; i--) { /* of the envelope: encode.h */
        version = version << 8 | bytes[8 + i];
    }
    FILE *file = create(folder, version, row->name, "state");
    fwrite(bytes, 1, size, file);
    close_file(file);
    file = create(folder, version, row->name, "model");
    golden_print(file, learner);
    close_file(file);
    free(bytes);
    mix_learner_destroy(&learner);
}

static bool is_named(const char *name, int n, char *const *names)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return n == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: make_golden FOLDER [CASE...]\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(golden_cases) / sizeof(golden_cases[0]); i++) {
        if (is_named(golden_cases[i].name, argc - 2, argv + 2)) {
            make(argv[1], &golden_cases[i]);
        }
    }
    return EXIT_SUCCESS;
}
