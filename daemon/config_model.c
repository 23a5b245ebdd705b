/* SPDX-License-Identifier: MIT
 *
 * What no single row of the table can say about the model of a stream. */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_text.h"
#include "xalloc.h"

/* The place of a field by its name, or D. */
static size_t find_field(const struct stream_config *stream, const char *name)
{
    size_t d = 0;
    while (d < stream->fields.n && strcmp(stream->fields.item[d], name) != 0) {
        d++;
    }
    return d;
}

/* The family of each field; those that the map does not name are gaussian. */
static void fill_families(struct stream_config *stream, struct findings *findings)
{
    struct family_config *family = &stream->family;
    const size_t dims = stream->fields.n;
    char name[EXCERPT_SIZE];
    bool is_gaussian = true;
    family->each = xalloc(dims + 1, sizeof(*family->each));
    for (size_t d = 0; d < dims; d++) {
        family->each[d] = family->n > 0 ? MIX_GAUSSIAN : family->all;
    }
    for (size_t i = 0; i < family->n && dims > 0; i++) {
        const struct family_item *item = &family->item[i];
        const size_t d = find_field(stream, item->field);
        if (d < dims) {
            family->each[d] = item->family;
        } else {
            findings_add(findings, item->place, "model.family has '%s': not a field",
                         config_excerpt(name, item->field));
        }
    }
    for (size_t d = 0; d < dims; d++) {
        is_gaussian = is_gaussian && family->each[d] == MIX_GAUSSIAN;
    }
    if (is_gaussian) {
        free(family->each);
        family->each = NULL;
    } else if (config_is_given(stream, "streams.*.model.covariance") &&
               stream->mix.covariance != MIX_DIAG) {
        findings_add(findings, config_place(stream, "streams.*.model.covariance"),
                     "model.covariance '%s' needs gaussian fields alone: fields of other "
                     "families are independent given the component",
                     mix_covariance_name(stream->mix.covariance));
    } else {
        stream->mix.covariance = MIX_DIAG; /* as it is printed */
    }
    stream->mix.families = family->each;
}

/* What the families cannot have is refused where it is read. */
static void pass_families(struct stream_config *stream)
{
    struct layout *layout = stream->layout;
    if (stream->family.each != NULL && layout != NULL) {
        layout->families = xalloc(layout->n_fields, sizeof(*layout->families));
        memcpy(layout->families, stream->family.each,
               layout->n_fields * sizeof(*layout->families));
        layout->categories = stream->mix.categories;
    }
}

/* A model file has one number of components. */
static void check_start(const struct stream_config *stream, struct findings *findings)
{
    if (stream->start_path != NULL && stream->mix.components_max > 0) {
        findings_add(findings, config_place(stream, "streams.*.start"),
                     "start has no meaning with a range of model.components: give one "
                     "number");
    }
}

static void check_size(const struct stream_config *stream, struct findings *findings)
{
    const uint64_t last = stream->mix.components_max;
    const uint64_t k = last > 0 ? last : stream->mix.components;
    const uint64_t d = stream->fields.n;
    if (k == 0 || d == 0) {
        return;
    }
    const uint64_t factor = (d + 1) * (d + 2) / 2;
    if (k * factor > MODEL_SIZE_MAX) {
        findings_add(
            findings, config_place(stream, "streams.*.model.components"),
            "model.components '%llu' is too large: K(D+1)(D+2)/2 may be 2^20, with "
            "%llu fields K may be %llu",
            (unsigned long long)k, (unsigned long long)d,
            (unsigned long long)(MODEL_SIZE_MAX / factor));
    }
    const uint64_t warmup = stream->mix.warmup;
    if (warmup > 0 && warmup < k * (d + 1)) {
        findings_add(findings, config_place(stream, "streams.*.learn.warmup"),
                     "learn.warmup '%llu' is too small: K(D+1) = %llu at least",
                     (unsigned long long)warmup, (unsigned long long)(k * (d + 1)));
    }
}

/* One number stands for all fields. */
static void fill_resolution(struct stream_config *stream, struct findings *findings)
{
    struct numbers *resolution = &stream->resolution;
    const size_t d = stream->fields.n;
    if (resolution->n == 1 && d > 1) {
        resolution->item = xrealloc(resolution->item, d, sizeof(double));
        for (; resolution->n < d; resolution->n++) {
            resolution->item[resolution->n] = resolution->item[0];
        }
    }
    if (resolution->n > 0 && d > 0 && resolution->n != d) {
        findings_add(
            findings, config_place(stream, "streams.*.model.resolution"),
            "model.resolution has %zu numbers: one, or one for each of %zu fields",
            resolution->n, d);
    }
    stream->mix.resolution = resolution->n > 0 ? resolution->item : NULL;
}

void config_check_model(struct stream_config *stream, struct findings *findings)
{
    check_size(stream, findings);
    check_start(stream, findings);
    fill_resolution(stream, findings);
    fill_families(stream, findings);
    pass_families(stream);
    stream->mix.dimensions = stream->fields.n;
}
