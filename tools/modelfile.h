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

#endif
