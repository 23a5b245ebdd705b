/* SPDX-License-Identifier: MIT
 *
 * The options that say how a file of points is read, shared by mixfeed and mixfit. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <argp.h>

#include "input.h"

/* For `children` of a tool's argp; its child input is a struct input_options. */
extern const struct argp columns_argp;

#endif
