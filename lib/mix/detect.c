/* SPDX-License-Identifier: MIT */
#include "detect.h"

#include <math.h>

/* A single point says at most so much, in nats. */
#define CLIP 4
/* Blocks before the usual difference is known, and those it remembers. */
#define BLOCKS_MIN 8
#define BLOCKS_MAX 4096
/* Evidence for a change, in nats and in deviations of a block. */
#define EVIDENCE_NATS 20
#define EVIDENCE_DEVIATIONS 8

double detect_difference(const double *recent, const double *fast, const double *weight,
                         size_t n)
{
    double sum[2] = {0, 0}; /* of every other point: one need not wait for the next */
    for (size_t i = 0; i < n; i++) {
        double gain = recent[i] - fast[i];
        gain = gain > -CLIP ? gain : -CLIP;
        gain = gain < CLIP ? gain : CLIP;
        /* NaN where neither model has a density; the comparisons made it a number. */
        const bool is_known = recent[i] - fast[i] == recent[i] - fast[i];
        sum[i % 2] += is_known ? weight[i] * gain : 0;
    }
    return sum[0] + sum[1];
}

/* Welford's recursion, with a memory. */
static void remember(struct detector *detector, double d)
{
    const double deviation = d - detector->mean;
    if (detector->blocks < BLOCKS_MAX) {
        detector->blocks++;
    } else {
        detector->squares -= detector->squares / BLOCKS_MAX;
    }
    detector->mean += deviation / (double)detector->blocks;
    detector->squares += deviation * (d - detector->mean);
}

bool detector_add(struct detector *detector, double d, double *evidence)
{
    if (detector->blocks >= BLOCKS_MIN) {
        const double sd = sqrt(detector->squares / (double)detector->blocks);
        detector->sum = fmax(0, detector->sum + d - fmax(0, detector->mean) - sd);
        if (detector->sum > fmax(EVIDENCE_NATS, EVIDENCE_DEVIATIONS * sd)) {
            *evidence = detector->sum;
            *detector = (struct detector){0};
            return true;
        }
    }
    remember(detector, d);
    return false;
}
