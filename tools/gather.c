/* SPDX-License-Identifier: MIT
 *
 * One table of origins, a row per column of the stream. */
#include "autoconf.h"

#include "gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a key and a zero; more than the digits of a double. */
#define KEY_SIZE 256

/* Where the value of a column comes from. */
enum origin_kind { FROM_FIELD, FROM_TIME, FROM_WEIGHT, FROM_KEY, FROM_NOTHING };
struct origin {
    enum origin_kind kind;
    size_t field; /* FROM_FIELD */
};

struct gather {
    size_t n_columns;
    size_t rows_max;
    size_t n_rows;
    struct origin *origins; /* n_columns */
    double *values;         /* rows_max x n_columns */
    long key_column;        /* -1: none */
    char *key_texts;        /* rows_max x KEY_SIZE */
    const char **keys;      /* rows_max, into key_texts */
    bool is_by_key;         /* all rows have this one: */
    char key[KEY_SIZE];
};

/* ---- Matching ------------------------------------------------------------ */

/* The fields to take in order: those the user named, else all. n of them. */
struct order {
    size_t n;
    size_t *fields;
};

static bool read_order(const struct source *source, const char *names,
                       struct order *order, struct failure *failure)
{
    order->n = 0;
    order->fields = tool_need(calloc(source->n_fields + 1, sizeof(size_t)));
    if (names == NULL) {
        for (; order->n < source->n_fields; order->n++) {
            order->fields[order->n] = order->n;
        }
        return true;
    }
    char *text = tool_text("%s", names);
    char *rest = text;
    bool is_good = true;
    for (char *name = strsep(&rest, ","); name != NULL && is_good;
         name = strsep(&rest, ",")) {
        const long field = source_field(source, name);
        is_good = field >= 0 && order->n < source->n_fields;
        if (is_good) {
            order->fields[order->n++] = (size_t)field;
        } else {
            failure_set(failure, EX_USAGE, "--fields: %s: no such field of the input",
                        name);
        }
    }
    free(text);
    return is_good;
}

/* "a, b, c", to be freed. */
static char *names_text(const struct source *source)
{
    char *text = tool_text("%zu without names", source->n_fields);
    for (size_t d = 0; source->fields != NULL && d < source->n_fields; d++) {
        char *longer = d == 0 ? tool_text("%s", source->fields[0])
                              : tool_text("%s, %s", text, source->fields[d]);
        free(text);
        text = longer;
    }
    return text;
}

static struct origin find_origin(const struct source *source, const struct column *column)
{
    const long field = source_field(source, column->name);
    if (field >= 0) {
        return (struct origin){FROM_FIELD, (size_t)field};
    }
    if (column->role == COLUMN_TIME && source->has_time) {
        return (struct origin){.kind = FROM_TIME};
    }
    if (column->role == COLUMN_WEIGHT && source->has_weight) {
        return (struct origin){.kind = FROM_WEIGHT};
    }
    if (column->role == COLUMN_KEY && source->has_key) {
        return (struct origin){.kind = FROM_KEY};
    }
    return (struct origin){.kind = FROM_NOTHING};
}

/* By name. The first column without an origin, or NULL. */
static const char *match_names(struct gather *gather, const struct source *source,
                               const struct layout *layout)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        gather->origins[c] = find_origin(source, &layout->columns[c]);
        if (gather->origins[c].kind == FROM_NOTHING &&
            layout->columns[c].role != COLUMN_SKIP) {
            return layout->columns[c].name;
        }
    }
    return NULL;
}

/* By position: fields in their order to the columns that time and weight of the source
 * do not serve. True when they are as many. */
static bool match_positions(struct gather *gather, const struct source *source,
                            const struct layout *layout, const struct order *order)
{
    size_t used = 0;
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        const bool is_served = (column->role == COLUMN_TIME && source->has_time) ||
                               (column->role == COLUMN_WEIGHT && source->has_weight) ||
                               (column->role == COLUMN_KEY && source->has_key);
        gather->origins[c] = find_origin(source, column);
        if (column->role == COLUMN_SKIP) {
            gather->origins[c].kind = FROM_NOTHING;
        } else if (!is_served) {
            const size_t field = used < order->n ? order->fields[used] : 0;
            gather->origins[c] = (struct origin){FROM_FIELD, field};
            used++;
        }
    }
    return used == order->n;
}

/* Says which column has nothing to fill it. */
static bool complain(const struct source *source, const char *column,
                     struct failure *failure)
{
    char *names = names_text(source);
    failure_set(failure, EX_DATAERR,
                "column %s of the stream: not among the fields of the input (%s): choose "
                "as many as the stream has with --fields",
                column, names);
    free(names);
    return false;
}

static bool match(struct gather *gather, const struct source *source,
                  const struct layout *layout, const char *fields, bool by_position,
                  struct failure *failure)
{
    const char *missing = match_names(gather, source, layout);
    if (missing == NULL) {
        return true;
    }
    if (!by_position && source->has_names) {
        return complain(source, missing, failure);
    }
    struct order order;
    const bool is_good = read_order(source, fields, &order, failure) &&
                         (match_positions(gather, source, layout, &order) ||
                          complain(source, missing, failure));
    free(order.fields);
    return is_good;
}

/* ---- Rows ---------------------------------------------------------------- */

static long find_key(const struct layout *layout)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        if (layout->columns[c].role == COLUMN_KEY) {
            return (long)c;
        }
    }
    return -1;
}

struct gather *gather_new(const struct source *source, const struct layout *layout,
                          const char *fields, bool by_position, size_t rows_max,
                          struct failure *failure)
{
    struct gather *gather = tool_need(calloc(1, sizeof(*gather)));
    gather->n_columns = layout->n_columns;
    gather->rows_max = rows_max;
    gather->key_column = find_key(layout);
    gather->origins = tool_need(calloc(layout->n_columns, sizeof(struct origin)));
    if (!match(gather, source, layout, fields, by_position, failure)) {
        gather_destroy(&gather);
        return NULL;
    }
    gather->values = tool_need(calloc(rows_max * layout->n_columns, sizeof(double)));
    if (gather->key_column >= 0) {
        gather->key_texts = tool_need(calloc(rows_max, KEY_SIZE));
        gather->keys = tool_need(calloc(rows_max, sizeof(char *)));
    }
    return gather;
}

void gather_destroy(struct gather **gather)
{
    if (*gather != NULL) {
        free((*gather)->origins);
        free((*gather)->values);
        free((*gather)->key_texts);
        free((*gather)->keys);
        free(*gather);
        *gather = NULL;
    }
}

static double value_of(const struct origin *origin, const struct source_rows *rows,
                       size_t i)
{
    switch (origin->kind) {
    case FROM_FIELD:
        return rows->x[i * rows->stride + origin->field];
    case FROM_TIME:
        return rows->time[i];
    case FROM_WEIGHT:
        return rows->weight[i];
    default:
        return 0; /* a column that the stream skips */
    }
}

void gather_by_key(struct gather *gather)
{
    gather->is_by_key = true;
}

const char *gather_key(const struct gather *gather)
{
    return gather->is_by_key ? gather->key : NULL;
}

/* False: the row begins another message. */
static bool has_same_key(struct gather *gather, struct bytes key)
{
    char text[KEY_SIZE];
    snprintf(text, sizeof(text), "%.*s", (int)key.size, (const char *)key.data);
    if (gather->n_rows == 0) {
        memcpy(gather->key, text, sizeof(text));
    }
    return strcmp(gather->key, text) == 0;
}

bool gather_add(struct gather *gather, const struct source_rows *rows, size_t i)
{
    if (gather->n_rows == gather->rows_max ||
        (gather->is_by_key && !has_same_key(gather, rows->key[i]))) {
        return false;
    }
    double *row = gather->values + gather->n_rows * gather->n_columns;
    for (size_t c = 0; c < gather->n_columns; c++) {
        row[c] = value_of(&gather->origins[c], rows, i);
    }
    if (gather->key_column >= 0) {
        char *text = gather->key_texts + gather->n_rows * KEY_SIZE;
        if (gather->origins[gather->key_column].kind == FROM_KEY) {
            snprintf(text, KEY_SIZE, "%.*s", (int)rows->key[i].size,
                     (const char *)rows->key[i].data);
        } else {
            snprintf(text, KEY_SIZE, "%.17g", row[gather->key_column]);
        }
        gather->keys[gather->n_rows] = text;
    }
    gather->n_rows++;
    return true;
}

struct rows gather_rows(const struct gather *gather)
{
    return (struct rows){
        .values = gather->values,
        .n = gather->n_rows,
        .key = gather->keys,
    };
}

void gather_clear(struct gather *gather)
{
    gather->n_rows = 0;
}
