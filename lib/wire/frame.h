/* SPDX-License-Identifier: MIT
 *
 * Model frames and model files: the JSON object of mixd(8), FRAMES OUT,
 * written by daemon and tools, read back by start:, mixfit --score, synth:. */
#ifndef FRAME_H
#define FRAME_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "mix.h"

#define FRAME_SCHEMA 1

/* All that a frame says beside the parameters. Strings and arrays are borrowed. */
struct frame {
    const char *stream;
    const char *key;      /* NULL: a stream without keys */
    const char *instance; /* uuid of this start of the daemon */
    uint64_t seq;
    double time;               /* published, seconds since 1970 */
    double last_time;          /* newest point; NaN: none yet, printed as null */
    const char *const *fields; /* D names */
    size_t n_fields;           /* D */
    size_t n_components;       /* K, also before the first model */
    enum mix_covariance covariance;    /* where all is gaussian */
    enum mix_family family;            /* of all fields; read without a model */
    const enum mix_family *families;   /* or of each; NULL: family */
    const struct mix_model *model; /* NULL: parameter arrays are null */
    const struct mix_info *info;
    const struct mix_learner *learner; /* whose standard errors they are; NULL: none */
    const struct ledger *ledger; /* NULL: none, as in a file of mixfit */
};

/* The object; new reference, NULL without memory. */
json_t *frame_json(const struct frame *frame);

/* A number; null where it is not finite, as JSON has no NaN and no infinity. n of them as an
 * array. NULL without memory. */
json_t *frame_number(double value);
json_t *frame_vector(const double *values, size_t n);

/* An object as one line of text with 17 significant digits; free() it. */
char *frame_text(const json_t *object);

/* A model from the object of a frame or file. *fields, unless NULL, gets the array of
 * field names (borrowed from object) or NULL. On an error NULL, and error[size] holds
 * "member: what is wrong: what would be right". */
struct mix_model *frame_model(const json_t *object, const json_t **fields, char *error,
                              size_t size);

/* Reads and parses a model file. New reference; NULL and error as above with the
 * line and column of a syntax error. "-" is standard input. */
json_t *frame_read(const char *path, char *error, size_t size);

#endif
