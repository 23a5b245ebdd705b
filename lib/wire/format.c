/* SPDX-License-Identifier: MIT
 *
 * The table of wire formats. */
#include "format.h"

#include <string.h>

#include "parts.h"

static const struct format *const formats[] = {
    &format_json, &format_csv, &format_array, &format_npy, &format_f64, &format_f32, NULL,
};

const struct format *const *format_table(void)
{
    return formats;
}

const struct format *format_find(const char *name)
{
    for (size_t i = 0; formats[i] != NULL; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

const struct format *format_auto(size_t n_parts)
{
    return n_parts == format_array.n_parts ? &format_array : &format_json;
}
