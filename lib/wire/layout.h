/* SPDX-License-Identifier: MIT
 *
 * What the columns of a row mean: which are model fields, and which hold time,
 * weight and key. Shared by feeds and files. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "mix.h" /* enum mix_family */

/* The name of a column that is skipped; it may stand more than once. */
#define LAYOUT_SKIP "-"

enum column_role { COLUMN_FIELD, COLUMN_TIME, COLUMN_WEIGHT, COLUMN_KEY, COLUMN_SKIP };

struct column {
    char *name; /* owned; "-" for a column that is skipped */
    enum column_role role;
    size_t field; /* index of the field, COLUMN_FIELD only */
};

struct layout {
    size_t n_columns;
    struct column *columns;             /* n_columns, in the order of numeric rows */
    size_t n_fields;                    /* D */
    size_t first_field; /* the column of field 0 where the others follow it in their order,
                           else n_columns */
    bool marginalize;                   /* NaN, null and empty are missing entries */
    enum mix_family *families;          /* D, owned; NULL: fields take every number */
    size_t categories;                  /* of categorical fields */
    bool has_time, has_weight, has_key; /* some column has that role */
    bool has_topic; /* without has_key: the topic of their message is the key of points */
};

/* A layout of these columns (copied). A column whose name is among fields is that
 * field; one named time, weight or key (any may be NULL) has that role; a column that
 * is not named by any is skipped. NULL if a field or role has no column, a column or
 * field stands twice, or a column would be two things; then *what (may be NULL) is the
 * argument at fault, or NULL without memory. marginalize and has_topic are false and
 * families NULL; set them yourself. */
struct layout *layout_new(const char *const *columns, size_t n_columns,
                          const char *const *fields, size_t n_fields, const char *time,
                          const char *weight, const char *key, const char **what);
void layout_destroy(struct layout **layout);

#endif
