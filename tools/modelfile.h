/* SPDX-License-Identifier: MIT
 *
 * A model file as a tool's argument. */
#ifndef MODELFILE_H
#define MODELFILE_H

#include <jansson.h>

#include "mix.h"
#include "tool.h"

/* The model of a file, "-" for standard input; *object, unless object is NULL, gets the
 * whole file, new reference. NULL and the failure on an error (EX_NOINPUT, EX_DATAERR). */
struct mix_model *modelfile_read(const char *path, json_t **object,
                                 struct failure *failure);

/* Whether the fields of two stand in the same order, as far as lists of names (arrays, or
 * NULL) can tell: a name that both have has the same place. Else the failure says of
 * `path`, which has the names, that they are not in the order of the model `model_path`,
 * and how they would be. */
bool modelfile_is_in_order(const json_t *model_names, const char *model_path,
                           const json_t *names, const char *path,
                           struct failure *failure);

#endif
