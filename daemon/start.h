/* SPDX-License-Identifier: MIT
 *
 * The model that a stream starts from, key `start` of the configuration. */
#ifndef START_H
#define START_H

#include "config.h"
#include "fault.h"
#include "mix.h"

/* Reads the model file of a stream that has one. NULL and a fault: EX_NOINPUT when there
 * is no such file, EX_DATAERR when it is no model or has other fields. */
struct mix_model *start_read(const struct stream_config *config, struct fault *fault);

#endif
