/* SPDX-License-Identifier: MIT */
#include "detect.h"

#include <math.h>

#include "kernel.h"

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
    return kernel_current()->gain(recent, fast, weight, n, CLIP);
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
