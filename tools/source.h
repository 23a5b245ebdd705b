/* SPDX-License-Identifier: MIT
 *
 * Where mixfeed's points come from: a file, this host's counters, a synthetic mixture.
 * One row of a table each; adding a source is one file source_NAME.c and one row. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input.h"
#include "tool.h"

/* What the command line and the stream say about the points; strings are borrowed for
 * the call of source_open(). */
struct source_options {
    struct input_options input; /* files: columns, transformations, missing values */
    bool has_file_options;      /* some of that the user has given */
    double rate;                /* points a second; 0: not given */
};

/* Points of one call of source_next(); the arrays are the source's and valid until the
 * next call. */
struct source_rows {
    size_t n;
    const double *x;         /* n x n_fields, NaN: missing */
    size_t stride;           /* doubles from one row to the next */
    const double *time;      /* n, seconds since 1970, or NULL */
    const double *weight;    /* n, or NULL */
    const struct bytes *key; /* n, or NULL */
    const uint8_t *reason; /* n, or NULL: all are good; else rows with one are left out */
    const char *detail;    /* place and cause of the first row ever left out, or NULL */
};

struct source_kind;

/* The head of every source. */
struct source {
    const struct source_kind *kind;
    size_t n_fields;
    const char *const *fields; /* their names, or NULL: they have none */
    bool has_names;            /* the names mean something: they are not just numbers */
    bool has_time;
    bool has_weight;
    bool has_key;       /* texts, of a recording */
    const char *note;   /* what to tell the user; NULL: nothing */
    bool is_repeatable; /* opened again it gives the same rows */
    bool is_endless;    /* unless --count ends it */
    double interval_s;  /* a live source gives a point so often; 0: at once */
};

struct source_kind {
    const char *prefix; /* of the INPUT, "host:"; "" takes what no other row does */
    struct source *(*open)(const char *name, const struct source_options *options,
                           double now_s, struct failure *failure);
    /* The next points; a live source is asked when one is due. False at the end, and
     * on an error, then the failure is set. now_s: tool_clock(). */
    bool (*next)(struct source *source, double now_s, struct source_rows *rows,
                 struct failure *failure);
    /* Share of the points that are given out, or NaN. */
    double (*share)(const struct source *source);
    void (*close)(struct source *source);
};

extern const struct source_kind source_file;
extern const struct source_kind source_host;
extern const struct source_kind source_synth;

/* Opens the source that an INPUT names. NULL and the failure on an error. */
struct source *source_open(const char *input, const struct source_options *options,
                           double now_s, struct failure *failure);
bool source_next(struct source *source, double now_s, struct source_rows *rows,
                 struct failure *failure);
double source_share(const struct source *source);
void source_close(struct source **source);

/* Index of the field of that name, or -1. */
long source_field(const struct source *source, const char *name);

#endif
