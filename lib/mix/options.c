/* SPDX-License-Identifier: MIT
 *
 * Defaults and ranges of the options. */
#include "mix.h"

#include <math.h>

#define CATEGORIES 16

#define VALUES_MAX ((size_t)1 << 20) /* K (D+1)(D+2)/2: 8 MiB of statistics */
#define BLOCK_MAX 65536
#define STEP_OFFSET_MAX 1e9
#define HALF_LIFE_MAX 1e12 /* seconds: thirty thousand years */

const char *mix_covariance_name(enum mix_covariance covariance)
{
    static const char *const names[MIX_COVARIANCES] = {
        [MIX_FULL] = "full", [MIX_DIAG] = "diag", [MIX_SPHERICAL] = "spherical",
        [MIX_TIED] = "tied"};
    return (size_t)covariance < MIX_COVARIANCES ? names[covariance] : NULL;
}

void mix_options_init(struct mix_options *options, size_t dimensions, size_t components)
{
    *options = (struct mix_options){.dimensions = dimensions,
                                    .components = components,
                                    .covariance = MIX_FULL,
                                    .seed = 1,
                                    .block = 256,
                                    .adapt = true,
                                    .categories = CATEGORIES};
}

enum mix_family mix_options_family(const struct mix_options *options, size_t d)
{
    return options->families == NULL ? options->family : options->families[d];
}

static bool are_families(const struct mix_options *options)
{
    for (size_t d = 0; d < options->dimensions; d++) {
        if ((size_t)mix_options_family(options, d) >= MIX_FAMILIES) {
            return false;
        }
    }
    return true;
}

/* Whether the numbers of categorical fields are not too many. */
static bool is_small(const struct mix_options *options)
{
    size_t n = 0;
    for (size_t d = 0; d < options->dimensions; d++) {
        n += mix_options_family(options, d) == MIX_CATEGORICAL;
    }
    return n == 0 || options->components <= VALUES_MAX / (n * options->categories);
}

static bool is_resolution(const struct mix_options *options)
{
    for (size_t d = 0; options->resolution != NULL && d < options->dimensions; d++) {
        if (!(options->resolution[d] >= 0 && options->resolution[d] <= 1e150)) {
            return false;
        }
    }
    return true;
}

static size_t components_max(const struct mix_options *options)
{
    return options->components_max > 0 ? options->components_max : options->components;
}

/* Whether the range has an end that is not too far, nor too large. */
static bool is_range(const struct mix_options *options)
{
    const size_t dims = options->dimensions, last = options->components_max;
    return last >= options->components && last - options->components < MIX_RANGE_MAX &&
           last <= VALUES_MAX / ((dims + 1) * (dims + 2) / 2);
}

enum mix_err mix_options_check(const struct mix_options *options, const char **what)
{
    const size_t dims = options->dimensions;
    const double exponent = options->step_exponent;
    const char *member = NULL;
    if (dims < 1 || dims > MIX_DIMENSIONS_MAX) {
        member = "dimensions";
    } else if (options->components < 1 ||
               options->components > VALUES_MAX / ((dims + 1) * (dims + 2) / 2)) {
        member = "components";
    } else if (options->components_max != 0 && !is_range(options)) {
        member = "components_max";
    } else if ((size_t)options->covariance >= MIX_COVARIANCES) {
        member = "covariance";
    } else if (!are_families(options)) {
        member = "family";
    } else if (options->categories < 2 || options->categories > MIX_CATEGORIES_MAX ||
               !is_small(options)) {
        member = "categories";
    } else if (options->block < 1 || options->block > BLOCK_MAX) {
        member = "block";
    } else if (options->warmup != 0 && options->warmup < components_max(options) * (dims + 1)) {
        member = "warmup";
    } else if (exponent != 0 && !(exponent > 0.5 && exponent <= 1)) {
        member = "step_exponent";
    } else if (exponent != 0 &&
               !(options->step_offset >= 0 && options->step_offset < STEP_OFFSET_MAX)) {
        member = "step_offset";
    } else if (exponent != 0 && options->window != 0) {
        member = "window";
    } else if (!(options->half_life >= 0 && options->half_life <= HALF_LIFE_MAX) ||
               (exponent != 0 && options->half_life != 0)) {
        member = "half_life";
    } else if (!is_resolution(options)) {
        member = "resolution";
    }
    if (what != NULL) {
        *what = member;
    }
    return member == NULL ? MIX_OK : MIX_EOPTION;
}
