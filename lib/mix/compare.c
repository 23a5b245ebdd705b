/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <math.h>
#include <string.h>

void comparison_add(struct comparison *comparison, struct estep *estep,
                    const struct mix_model *a, const struct mix_model *b,
                    const struct block *block)
{
    double before[BLOCK_POINTS];
    estep_density(estep, a, block);
    memcpy(before, estep->log_density, sizeof(before));
    estep_density(estep, b, block);
    for (size_t i = 0; i < block->n; i++) {
        const double gain = estep->log_density[i] - before[i];
        if (isfinite(gain)) {
            comparison->sum += block->weight[i] * gain;
            comparison->squares += block->weight[i] * gain * gain;
            comparison->weight += block->weight[i];
            comparison->points++;
        }
    }
}

double comparison_mean(const struct comparison *comparison)
{
    return comparison->weight > 0 ? comparison->sum / comparison->weight : 0;
}

double comparison_error(const struct comparison *comparison)
{
    const double mean = comparison_mean(comparison);
    if (!(comparison->weight > 0)) {
        return HUGE_VAL;
    }
    return sqrt(fmax(comparison->squares / comparison->weight - mean * mean, 0) /
                comparison->points);
}
