/* SPDX-License-Identifier: MIT
 *
 * Rows of a source turned into rows of a stream: columns are matched by name, or by
 * position where the source has no names or the user chose the fields. */
#ifndef GATHER_H
#define GATHER_H

#include "format.h"
#include "layout.h"
#include "source.h"

struct gather;

/* fields: names chosen by the user, "a,b", for a source that selects none itself, or
 * NULL. by_position: match them in the order given. Both objects must outlive it. NULL
 * and the failure when a column has no field. */
struct gather *gather_new(const struct source *source, const struct layout *layout,
                          const char *fields, bool by_position, size_t rows_max,
                          struct failure *failure);
void gather_destroy(struct gather **gather);

/* From now on the rows of a message have the same key: a stream takes it from the
 * topic. */
void gather_by_key(struct gather *gather);
/* That key, or NULL. */
const char *gather_key(const struct gather *gather);

/* Adds row i of rows; false when rows_max are there, or the key is another. */
bool gather_add(struct gather *gather, const struct source_rows *rows, size_t i);

/* What has been added since the last gather_clear(). */
struct rows gather_rows(const struct gather *gather);
void gather_clear(struct gather *gather);

#endif
