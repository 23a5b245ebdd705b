/* SPDX-License-Identifier: MIT
 *
 * The table of families. */
#include "family.h"

#include <string.h>

extern const struct family family_gaussian;

static const struct family *const table[] = {&family_gaussian, NULL};

const struct family *const *family_table(void)
{
    return table;
}

const struct family *family_find(const char *name)
{
    for (size_t i = 0; table[i] != NULL; i++) {
        if (strcmp(table[i]->name, name) == 0) {
            return table[i];
        }
    }
    return NULL;
}
