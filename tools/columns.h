/* SPDX-License-Identifier: MIT
 *
 * The options that say how a file of points is read, shared by mixfeed and mixfit. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <argp.h>

#include "input.h"

struct columns_options {
    struct input_options input;
    bool has_missing; /* --missing was given */
    bool is_given;    /* one of the options was given that only files know */
};

/* For `children` of a tool's argp; its child input is a struct columns_options. */
extern const struct argp columns_argp;

#endif
