/* SPDX-License-Identifier: MIT
 *
 * What the benchmarks have in common: who measured what with which compiler. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double bench_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The processor by name, cores, compiler and seed. */
static inline void bench_head(const char *name, unsigned long long seed)
{
    char line[256];
    char model[256] = "unknown processor";
    int n_cores = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(model, sizeof(model), "%s", strchr(line, ':') + 2);
            model[strcspn(model, "\n")] = '\0';
            n_cores++;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    printf("%s\n  machine: %d x %s\n  compiler: %s\n  seed: %llu\n", name, n_cores, model,
#ifdef __clang__
           __VERSION__,
#else
           "gcc " __VERSION__,
#endif
           seed);
}

static inline int bench_compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median; sorts the values. */
static inline double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), bench_compare);
    return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

#endif
