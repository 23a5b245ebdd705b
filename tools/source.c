/* SPDX-License-Identifier: MIT
 *
 * The table of sources and the way to the row of an INPUT. */
#include "source.h"

#include <string.h>

/* The last row takes every name. */
static const struct source_kind *const table[] = {
    &source_host,
    &source_synth,
    &source_file,
};

struct source *source_open(const char *input, const struct source_options *options,
                           double now_s, struct failure *failure)
{
    const struct source_kind *const *kind = table;
    while (strncmp(input, (*kind)->prefix, strlen((*kind)->prefix)) != 0) {
        kind++;
    }
    if (options->has_file_options && *kind != &source_file) {
        failure_set(
            failure, EX_USAGE,
            "%s: --columns, --time, --weight, --missing, --rate-of, --delta, --log "
            "and --input-format are for files",
            input);
        return NULL;
    }
    return (*kind)->open(input + strlen((*kind)->prefix), options, now_s, failure);
}

bool source_next(struct source *source, double now_s, struct source_rows *rows,
                 struct failure *failure)
{
    return source->kind->next(source, now_s, rows, failure);
}

double source_share(const struct source *source)
{
    return source->kind->share(source);
}

void source_close(struct source **source)
{
    if (*source != NULL) {
        (*source)->kind->close(*source);
        *source = NULL;
    }
}

long source_field(const struct source *source, const char *name)
{
    for (size_t d = 0; source->fields != NULL && d < source->n_fields; d++) {
        if (strcmp(source->fields[d], name) == 0) {
            return (long)d;
        }
    }
    return -1;
}
