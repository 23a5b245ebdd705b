/* SPDX-License-Identifier: MIT
 *
 * One row per option. */
#include "columns.h"

#include <string.h>

#include "tool.h"

enum {
    OPTION_COLUMNS = 0x4000,
    OPTION_FIELDS,
    OPTION_TIME,
    OPTION_WEIGHT,
    OPTION_MISSING,
    OPTION_RATE_OF,
    OPTION_DELTA,
    OPTION_LOG,
    OPTION_INPUT_FORMAT,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "How the input is read:", 5},
    {"columns", OPTION_COLUMNS, "NAMES|N", 0, "Columns of a file that does not name them",
     5},
    {"fields", OPTION_FIELDS, "A,B", 0, "Fields to take, by name or number from 0", 5},
    {"time", OPTION_TIME, "COL", 0, "Column with the time, a number or ISO 8601", 5},
    {"weight", OPTION_WEIGHT, "COL", 0, "Column with the weight", 5},
    {"missing", OPTION_MISSING, "reject|marginalize", 0,
     "Leave out rows with missing values, or keep them", 5},
    {"rate-of", OPTION_RATE_OF, "COL", 0, "Turn a counter into its rate", 5},
    {"delta", OPTION_DELTA, "COL", 0, "Turn a field into differences", 5},
    {"log", OPTION_LOG, "COL", 0, "Turn a field into log(1 + x)", 5},
    {"input-format", OPTION_INPUT_FORMAT, "F", 0,
     "Format of the input, whatever its name: csv, ndjson, npy, f64, f32", 5},
    {0},
};

static const struct {
    int key;
    size_t offset; /* of the text in struct input_options */
} texts[] = {
    {OPTION_COLUMNS, offsetof(struct input_options, columns)},
    {OPTION_FIELDS, offsetof(struct input_options, fields)},
    {OPTION_TIME, offsetof(struct input_options, time)},
    {OPTION_WEIGHT, offsetof(struct input_options, weight)},
    {OPTION_RATE_OF, offsetof(struct input_options, rate_of)},
    {OPTION_DELTA, offsetof(struct input_options, delta)},
    {OPTION_LOG, offsetof(struct input_options, log)},
    {OPTION_INPUT_FORMAT, offsetof(struct input_options, format)},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct columns_options *columns = state->input;
    if (key == OPTION_MISSING) {
        columns->has_missing = true;
        columns->is_given = true;
        columns->input.marginalize = strcmp(argument, "marginalize") == 0;
        if (!columns->input.marginalize && strcmp(argument, "reject") != 0) {
            tool_usage(state, "--missing: %s: reject or marginalize", argument);
        }
        return 0;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].key == key) {
            char *member = (char *)&columns->input + texts[i].offset;
            *(const char **)(void *)member = argument;
            columns->is_given |= key != OPTION_FIELDS;
            return 0;
        }
    }
    return ARGP_ERR_UNKNOWN;
}

const struct argp columns_argp = {.options = options, .parser = parse};
