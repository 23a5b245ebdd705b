/* SPDX-License-Identifier: MIT
 *
 * Which columns of a file are fields: the options, and what the file itself says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "input_impl.h"

bool columns_new(struct columns *columns, size_t n)
{
    columns->n = 0;
    columns->name = calloc(n + 1, sizeof(*columns->name));
    columns->is_number = calloc(n + 1, sizeof(*columns->is_number));
    if (columns->name == NULL || columns->is_number == NULL) {
        columns_clear(columns);
        return false;
    }
    columns->n = n;
    return true;
}

bool columns_reserve(struct columns *columns, size_t room)
{
    char **const names = realloc(columns->name, room * sizeof(*names));
    if (names == NULL) {
        return false;
    }
    columns->name = names;
    bool *const numbers = realloc(columns->is_number, room * sizeof(*numbers));
    if (numbers == NULL) {
        return false;
    }
    columns->is_number = numbers;
    return true;
}

void columns_clear(struct columns *columns)
{
    for (size_t c = 0; c < columns->n; c++) {
        free(columns->name[c]);
    }
    free(columns->name);
    free(columns->is_number);
    *columns = (struct columns){0};
}

bool columns_set(struct columns *columns, size_t c, struct bytes name, bool is_number)
{
    free(columns->name[c]);
    columns->name[c] = strndup(name.data, name.size);
    columns->is_number[c] = is_number;
    return columns->name[c] != NULL;
}

/* A whole number, or -1. */
static long read_index(struct bytes text)
{
    const char *const digits = text.data;
    long sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (digits[i] < '0' || digits[i] > '9' || sum > INPUT_COLUMNS_MAX) {
            return -1;
        }
        sum = 10 * sum + (digits[i] - '0');
    }
    return text.size > 0 ? sum : -1;
}

/* The next item of a list with commas, without blanks around. *at is NULL afterwards
 * if it was the last one. */
static struct bytes next_item(const char **at)
{
    const char *first = *at;
    const char *const comma = strchr(first, ',');
    const char *end = comma != NULL ? comma : first + strlen(first);
    *at = comma != NULL ? comma + 1 : NULL;
    while (first < end && *first == ' ') {
        first++;
    }
    while (end > first && end[-1] == ' ') {
        end--;
    }
    return (struct bytes){first, (size_t)(end - first)};
}

static size_t count_items(const char *list)
{
    size_t n = 1;
    for (; *list != '\0'; list++) {
        n += *list == ',' ? 1 : 0;
    }
    return n;
}

bool columns_read(struct columns *columns, const char *option,
                  const struct input_failure *failure)
{
    const long count = read_index((struct bytes){option, strlen(option)});
    const size_t n = count >= 0 ? (size_t)count : count_items(option);
    if (n == 0 || n > INPUT_COLUMNS_MAX) {
        return input_fail(failure, EX_USAGE,
                          "columns %s: not 1 to %d of them: names a,b or a number",
                          option, INPUT_COLUMNS_MAX);
    }
    bool is_ok = columns_new(columns, n);
    columns->has_names = count < 0;
    const char *at = option;
    for (size_t c = 0; is_ok && c < n; c++) {
        char number[24];
        struct bytes name = {number, 0};
        if (count >= 0) {
            name.size = (size_t)snprintf(number, sizeof(number), "x%zu", c);
        } else {
            name = next_item(&at);
        }
        if (name.size == 0) {
            return input_fail(failure, EX_USAGE,
                              "columns %s: column %zu has no name: a name, or - to skip "
                              "it",
                              option, c + 1);
        }
        is_ok = columns_set(columns, c, name, true);
    }
    return is_ok || input_fail(failure, EX_OSERR, "columns: out of memory");
}

/* The column of that name, else of that number; n without one. */
static size_t find_column(const struct columns *columns, struct bytes text)
{
    for (size_t c = 0; c < columns->n; c++) {
        if (strlen(columns->name[c]) == text.size &&
            memcmp(columns->name[c], text.data, text.size) == 0) {
            return c;
        }
    }
    const long index = read_index(text);
    return index >= 0 && (size_t)index < columns->n ? (size_t)index : columns->n;
}

/* What was chosen: the roles of the columns, by index; n where there is none. */
struct choice {
    size_t n_fields;
    size_t *field; /* n at most: columns in the order of the fields */
    size_t time;
    size_t weight;
    bool *is_taken; /* n: the column has a meaning */
};

static bool take(struct choice *choice, const struct columns *columns, size_t c,
                 const char *option, const struct input_failure *failure)
{
    if (choice->is_taken[c]) {
        return input_fail(failure, EX_USAGE, "%s: column %s is chosen twice: once",
                          option, columns->name[c]);
    }
    choice->is_taken[c] = true;
    return true;
}

/* One column by name or number. */
static bool choose(struct choice *choice, const struct columns *columns,
                   struct bytes item, const char *option, size_t *c,
                   const struct input_failure *failure)
{
    *c = find_column(columns, item);
    if (*c == columns->n) {
        const bool has_names = columns->n > 0 && columns->n <= 16;
        char names[256] = "";
        size_t length = 0;
        for (size_t i = 0; has_names && i < columns->n && length < sizeof(names); i++) {
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
                                       i > 0 ? ", " : "", columns->name[i]);
        }
        return input_fail(failure, EX_USAGE, "%s: there is no column %.*s: %s", option,
                          (int)item.size, (const char *)item.data,
                          has_names ? names : "a name or a number from 0");
    }
    return take(choice, columns, *c, option, failure);
}

static bool choose_fields(struct choice *choice, const struct columns *columns,
                          const struct input_options *options,
                          const struct input_failure *failure)
{
    if (options->fields != NULL) {
        const char *at = options->fields;
        while (at != NULL) {
            size_t c;
            const struct bytes item = next_item(&at);
            if (!choose(choice, columns, item, "fields", &c, failure)) {
                return false;
            }
            choice->field[choice->n_fields++] = c;
        }
        return true;
    }
    for (size_t c = 0; c < columns->n; c++) {
        const char *const name = columns->name[c];
        if (!choice->is_taken[c] && columns->is_number[c] && name[0] != '\0' &&
            strcmp(name, LAYOUT_SKIP) != 0) {
            choice->is_taken[c] = true;
            choice->field[choice->n_fields++] = c;
        }
    }
    return true;
}

static bool choose_all(struct choice *choice, const struct columns *columns,
                       const struct input_options *options,
                       const struct input_failure *failure)
{
    choice->time = choice->weight = columns->n;
    if (options->time != NULL) {
        const struct bytes item = {options->time, strlen(options->time)};
        if (!choose(choice, columns, item, "time", &choice->time, failure)) {
            return false;
        }
    }
    if (options->weight != NULL) {
        const struct bytes item = {options->weight, strlen(options->weight)};
        if (!choose(choice, columns, item, "weight", &choice->weight, failure)) {
            return false;
        }
    }
    return choose_fields(choice, columns, options, failure);
}

/* Names that are not chosen do not matter, even if they stand twice. */
static struct layout *make_layout(const struct columns *columns,
                                  const struct choice *choice, const char **culprit)
{
    const char **names = calloc(columns->n + 1, sizeof(*names));
    const char **fields = calloc(choice->n_fields + 1, sizeof(*fields));
    struct layout *layout = NULL;
    *culprit = NULL;
    if (names != NULL && fields != NULL) {
        for (size_t c = 0; c < columns->n; c++) {
            const bool is_key =
                columns->key != NULL && strcmp(columns->name[c], columns->key) == 0;
            names[c] = choice->is_taken[c] || is_key ? columns->name[c] : LAYOUT_SKIP;
        }
        for (size_t d = 0; d < choice->n_fields; d++) {
            fields[d] = columns->name[choice->field[d]];
        }
        const size_t n = columns->n;
        layout = layout_new(names, n, fields, choice->n_fields,
                            choice->time < n ? columns->name[choice->time] : NULL,
                            choice->weight < n ? columns->name[choice->weight] : NULL,
                            columns->key, culprit);
    }
    free(names);
    free(fields);
    return layout;
}

struct layout *columns_layout(struct columns *columns,
                              const struct input_options *options, const char *name,
                              const struct input_failure *failure)
{
    struct choice choice = {.field = calloc(columns->n + 1, sizeof(size_t)),
                            .is_taken = calloc(columns->n + 1, sizeof(bool))};
    struct layout *layout = NULL;
    const char *culprit = NULL;
    if (choice.field == NULL || choice.is_taken == NULL) {
        input_fail(failure, EX_OSERR, "%s: out of memory", name);
    } else if (!choose_all(&choice, columns, options, failure)) {
        layout = NULL; /* and the failure is told */
    } else if (choice.n_fields == 0) {
        input_fail(failure, EX_DATAERR,
                   "%s: no column holds numbers: cells with a decimal point, divided by "
                   "comma, semicolon or tab",
                   name);
    } else {
        layout = make_layout(columns, &choice, &culprit);
        if (layout == NULL && culprit != NULL) {
            input_fail(failure, EX_DATAERR,
                       "%s: column %s stands twice: --columns gives other names", name,
                       culprit);
        } else if (layout == NULL) {
            input_fail(failure, EX_OSERR, "%s: out of memory", name);
        } else {
            layout->marginalize = options->marginalize;
        }
    }
    free(choice.field);
    free(choice.is_taken);
    return layout;
}

/* The field of that name or number, or n_fields. Numbers count columns. */
static size_t find_field(const struct layout *layout, struct bytes item)
{
    const long index = read_index(item);
    size_t found = layout->n_fields;
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *const column = &layout->columns[c];
        if (column->role != COLUMN_FIELD) {
            continue;
        }
        if (strlen(column->name) == item.size &&
            memcmp(column->name, item.data, item.size) == 0) {
            return column->field;
        }
        if (index >= 0 && (size_t)index == c) {
            found = column->field;
        }
    }
    return found;
}

static bool set_kinds(struct input *input, const char *list, enum transform_kind kind,
                      const char *option, const struct input_failure *failure)
{
    const char *at = list;
    while (at != NULL) {
        const struct bytes item = next_item(&at);
        const size_t d = find_field(input->layout, item);
        if (d == input->layout->n_fields) {
            return input_fail(failure, EX_USAGE,
                              "%s: %.*s is not a field: one of those that are read",
                              option, (int)item.size, (const char *)item.data);
        }
        if (!transform_set(input->transform, d, kind)) {
            return input_fail(failure, EX_USAGE,
                              "%s: %.*s is both a rate and a difference: one of them",
                              option, (int)item.size, (const char *)item.data);
        }
    }
    return true;
}

bool input_set_transform(struct input *input, const struct input_options *options,
                         const struct input_failure *failure)
{
    input->transform = transform_new(input->layout);
    if (input->transform == NULL) {
        return input_fail(failure, EX_OSERR, "%s: out of memory", input->name);
    }
    if (!set_kinds(input, options->rate_of, TRANSFORM_RATE, "rate-of", failure) ||
        !set_kinds(input, options->delta, TRANSFORM_DELTA, "delta", failure) ||
        !set_kinds(input, options->log, TRANSFORM_LOG, "log", failure)) {
        return false;
    }
    if (transform_is_empty(input->transform)) {
        transform_destroy(&input->transform);
    }
    return true;
}
