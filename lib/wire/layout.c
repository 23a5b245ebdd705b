/* SPDX-License-Identifier: MIT
 *
 * Columns and their roles. */
#include "layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NO_INDEX SIZE_MAX

/* The place of name in the list, or NO_INDEX. */
static size_t find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return NO_INDEX;
}

/* The first name that stands twice, or NULL. skip, unless NULL, may. */
static const char *find_twice(const char *const *names, size_t n, const char *skip)
{
    for (size_t i = 1; i < n; i++) {
        if ((skip == NULL || strcmp(names[i], skip) != 0) &&
            find_name(names, i, names[i]) != NO_INDEX) {
            return names[i];
        }
    }
    return NULL;
}

struct wanted {
    const char *const *fields;
    size_t n_fields;
    const char *role[3]; /* time, weight, key; NULL: none */
};

static const enum column_role roles[3] = {COLUMN_TIME, COLUMN_WEIGHT, COLUMN_KEY};

/* What the column means. False if it would mean two things at once. */
static bool set_role(struct column *column, const struct wanted *wanted)
{
    size_t meanings = 0;
    column->role = COLUMN_SKIP;
    if (strcmp(column->name, LAYOUT_SKIP) == 0) {
        return true;
    }
    const size_t field = find_name(wanted->fields, wanted->n_fields, column->name);
    if (field != NO_INDEX) {
        column->role = COLUMN_FIELD;
        column->field = field;
        meanings++;
    }
    for (size_t i = 0; i < 3; i++) {
        if (wanted->role[i] != NULL && strcmp(wanted->role[i], column->name) == 0) {
            column->role = roles[i];
            meanings++;
        }
    }
    return meanings < 2;
}

/* The name of a field or role that no column has, or NULL. No column has `-`. */
static const char *find_absent(const char *const *columns, size_t n_columns,
                               const struct wanted *wanted)
{
    for (size_t d = 0; d < wanted->n_fields; d++) {
        if (strcmp(wanted->fields[d], LAYOUT_SKIP) == 0 ||
            find_name(columns, n_columns, wanted->fields[d]) == NO_INDEX) {
            return wanted->fields[d];
        }
    }
    for (size_t i = 0; i < 3; i++) {
        const char *name = wanted->role[i];
        if (name != NULL && (strcmp(name, LAYOUT_SKIP) == 0 ||
                             find_name(columns, n_columns, name) == NO_INDEX)) {
            return name;
        }
    }
    return NULL;
}

/* Names and roles of the columns. The culprit, or NULL. */
static const char *fill_columns(struct layout *layout, const char *const *columns,
                                const struct wanted *wanted, bool *out_of_memory)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        struct column *column = &layout->columns[c];
        column->name = strdup(columns[c]);
        if (column->name == NULL) {
            *out_of_memory = true;
            return NULL;
        }
        if (!set_role(column, wanted)) {
            return columns[c];
        }
    }
    return NULL;
}

static size_t find_first_field(const struct layout *layout)
{
    for (size_t c = 0; c + layout->n_fields <= layout->n_columns; c++) {
        size_t d = 0;
        while (d < layout->n_fields && layout->columns[c + d].role == COLUMN_FIELD &&
               layout->columns[c + d].field == d) {
            d++;
        }
        if (d == layout->n_fields) {
            return c;
        }
    }
    return layout->n_columns;
}

struct layout *layout_new(const char *const *columns, size_t n_columns,
                          const char *const *fields, size_t n_fields, const char *time,
                          const char *weight, const char *key, const char **what)
{
    const struct wanted wanted = {fields, n_fields, {time, weight, key}};
    bool out_of_memory = false;
    const char *culprit = find_twice(columns, n_columns, LAYOUT_SKIP);
    if (culprit == NULL) {
        culprit = find_twice(fields, n_fields, NULL);
    }
    if (culprit == NULL) {
        culprit = find_absent(columns, n_columns, &wanted);
    }
    struct layout *layout = NULL;
    if (culprit == NULL && (layout = calloc(1, sizeof(*layout))) != NULL) {
        layout->n_columns = n_columns;
        layout->n_fields = n_fields;
        layout->has_time = time != NULL;
        layout->has_weight = weight != NULL;
        layout->has_key = key != NULL;
        layout->columns = calloc(n_columns + 1, sizeof(*layout->columns));
        out_of_memory = layout->columns == NULL;
        if (!out_of_memory) {
            culprit = fill_columns(layout, columns, &wanted, &out_of_memory);
        }
    }
    if (culprit != NULL || out_of_memory) {
        layout_destroy(&layout);
    } else if (layout != NULL) {
        layout->first_field = find_first_field(layout);
    }
    if (what != NULL) {
        *what = culprit;
    }
    return layout;
}

void layout_destroy(struct layout **layout)
{
    if (*layout == NULL) {
        return;
    }
    for (size_t c = 0; (*layout)->columns != NULL && c < (*layout)->n_columns; c++) {
        free((*layout)->columns[c].name);
    }
    free((*layout)->columns);
    free((*layout)->families);
    free(*layout);
    *layout = NULL;
}
