/* SPDX-License-Identifier: MIT
 *
 * The command line of mixfit. */
#ifndef FIT_OPTIONS_H
#define FIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "mix.h"

/* What there is to do; an option belongs to one or more of these. */
enum fit_task {
    FIT = 1,
    ONLINE = 2,
    SCORE = 4,
    COMPARE = 8,
    PREDICT = 16,
    MERGE = 32,
    LEARN = FIT | ONLINE,
    ANY = FIT | ONLINE | SCORE | COMPARE | PREDICT | MERGE
};

#define PATHS_MAX 1024

struct fit_options {
    struct columns_options columns;
    const char *paths[PATHS_MAX]; /* what is no option: INPUT, or MODEL MODEL INPUT, or
                                     MODEL MODEL ... */
    size_t n_paths;
    const char *output; /* NULL: standard output */
    const char *model;  /* --score, --predict */
    unsigned task;      /* one of the above; 0: not said */
    bool is_json;
    bool is_per_point;
    bool no_finish;
    bool adapt;
    bool noise;
    double first, last; /* --components; 0: not given */
    double folds;       /* 0: not given */
    double seed;
    double threads;
    double starts; /* 0: the library's default, as the next ones */
    double max_iterations;
    double tolerance; /* negative: the default */
    enum mix_covariance covariance;
    bool has_covariance; /* given */
    const char *family;  /* as it was given; NULL: gaussian */
    double categories;   /* 0: the default */
    uint64_t given;      /* bit i: row i of the table in fit_options.c */
};

/* Parses it; ends the program where something is wrong. */
struct fit_options fit_options_parse(int argc, char **argv);

#endif
