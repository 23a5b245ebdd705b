/* SPDX-License-Identifier: MIT
 *
 * What the files of frame.h share: arrays of numbers as JSON and back, and models of
 * other families than gaussian. */
#ifndef FRAME_IMPL_H
#define FRAME_IMPL_H

#include <stdbool.h>

#include "frame.h"

/* n x m numbers as an array of arrays. NULL without memory. */
json_t *frame_matrix(const double *values, size_t n, size_t m);

/* The families: a name, or an object of a name for each field where they differ. */
json_t *frame_families(const struct frame *frame);
bool frame_is_gaussian(const struct frame *frame);
/* Members parameters and means of a model that is not all gaussian. */
json_t *frame_parameters(const struct frame *frame);
json_t *frame_means(const struct mix_model *model);

/* Member noise of a model that has it. */
json_t *frame_noise(const struct frame *frame);

/* Where messages go. */
struct report {
    char *text;
    size_t size;
};

/* Writes the message; false. */
bool frame_fail(const struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The numbers of an array of n into values. */
bool frame_read_vector(const json_t *array, const char *name, size_t n, double *values,
                       const struct report *report);
/* K weights that are checked. */
bool frame_read_weights(const json_t *object, size_t n, double *weights,
                        const struct report *report);
/* The optional names: n different strings. *fields (may be NULL): the array or NULL. */
bool frame_read_fields(const json_t *object, size_t n, const json_t **fields,
                       const struct report *report);

/* A model that is not all gaussian. */
struct mix_model *frame_read_families(const json_t *object, const json_t **fields,
                                      const struct report *report);

/* Whether an object has noise; the model of one that has. */
bool frame_has_noise(const json_t *object);
struct mix_model *frame_read_noise(const json_t *object, const json_t **fields,
                                   const struct report *report);

#endif
