/* SPDX-License-Identifier: MIT
 *
 * The option --family. */
#ifndef FAMILIES_H
#define FAMILIES_H

#include <stdbool.h>

#include "layout.h"
#include "mix.h"
#include "tool.h"

/* families[D] from "poisson" or "faults=poisson,heat=gaussian", in which fields that are
 * not named are gaussian. False with the failure on an error (EX_USAGE). */
bool families_read(const char *text, const struct layout *layout,
                   enum mix_family families[MIX_DIMENSIONS_MAX], struct failure *failure);

bool families_are_gaussian(const enum mix_family *families, size_t n);

#endif
