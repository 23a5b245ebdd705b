/* SPDX-License-Identifier: MIT */
#include "families.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest list of the families, in a message. */
#define CHOICES_SIZE 256

bool families_are_gaussian(const enum mix_family *families, size_t n)
{
    for (size_t d = 0; d < n; d++) {
        if (families[d] != MIX_GAUSSIAN) {
            return false;
        }
    }
    return true;
}

static bool find_family(const char *name, enum mix_family *family,
                        struct failure *failure)
{
    char choices[CHOICES_SIZE];
    size_t length = 0;
    for (int f = 0; f < MIX_FAMILIES; f++) {
        const char *known = mix_family_name((enum mix_family)f);
        if (strcmp(name, known) == 0) {
            *family = (enum mix_family)f;
            return true;
        }
        length += (size_t)snprintf(choices + length, sizeof(choices) - length, "%s%s",
                                   f > 0 ? ", " : "", known);
    }
    failure_set(failure, EX_USAGE, "--family: %s: %s", name, choices);
    return false;
}

/* The field of a name, or D. */
static size_t find_field(const struct layout *layout, const char *name)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        if (column->role == COLUMN_FIELD && strcmp(column->name, name) == 0) {
            return column->field;
        }
    }
    return layout->n_fields;
}

/* One FIELD=FAMILY; the item is cut up. */
static bool read_item(char *item, const struct layout *layout, enum mix_family *families,
                      struct failure *failure)
{
    char *name = item, *family = strrchr(item, '=');
    if (family == NULL) {
        failure_set(failure, EX_USAGE, "--family: %s: not FIELD=FAMILY", item);
        return false;
    }
    *family++ = '\0';
    const size_t d = find_field(layout, name);
    if (d == layout->n_fields) {
        failure_set(failure, EX_USAGE, "--family: %s: not a field", name);
        return false;
    }
    return find_family(family, &families[d], failure);
}

bool families_read(const char *text, const struct layout *layout,
                   enum mix_family families[MIX_DIMENSIONS_MAX], struct failure *failure)
{
    bool is_good = true;
    for (size_t d = 0; d < MIX_DIMENSIONS_MAX; d++) {
        families[d] = MIX_GAUSSIAN;
    }
    if (strchr(text, '=') == NULL) {
        is_good = find_family(text, &families[0], failure);
        for (size_t d = 1; d < MIX_DIMENSIONS_MAX; d++) {
            families[d] = families[0];
        }
        return is_good;
    }
    char *copy = tool_text("%s", text), *rest = copy;
    for (char *item = strsep(&rest, ","); is_good && item != NULL;
         item = strsep(&rest, ",")) {
        is_good = read_item(item, layout, families, failure);
    }
    free(copy);
    return is_good;
}
