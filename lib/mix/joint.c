/* SPDX-License-Identifier: MIT */
#include "joint.h"

#include <stdlib.h>
#include <string.h>

struct joint *joint_new(const struct shape *shape, size_t capacity)
{
    struct joint *joint = calloc(1, sizeof(*joint));
    if (joint == NULL) {
        return NULL;
    }
    const size_t k = shape->components;
    const size_t blocks = (capacity + BLOCK_POINTS - 1) / BLOCK_POINTS;
    joint->components = k;
    joint->points = points_new(shape->dimensions, capacity);
    joint->resp = calloc(blocks * k * BLOCK_POINTS, sizeof(double));
    joint->log_total = calloc(blocks * BLOCK_POINTS, sizeof(double));
    joint->mass = calloc(k, sizeof(double));
    if (joint->points == NULL || joint->resp == NULL || joint->log_total == NULL ||
        joint->mass == NULL) {
        joint_destroy(&joint);
    }
    return joint;
}

void joint_destroy(struct joint **joint)
{
    if (*joint != NULL) {
        points_destroy(&(*joint)->points);
        free((*joint)->resp);
        free((*joint)->log_total);
        free((*joint)->mass);
        free(*joint);
        *joint = NULL;
    }
}

void joint_sample(struct joint *joint, const struct points *points)
{
    points_stride(joint->points, points);
}

void joint_fill(struct joint *joint, struct estep *estep, const struct mix_model *model,
                size_t j)
{
    const struct block *block = points_block(joint->points, j);
    const size_t size = joint->components * BLOCK_POINTS;
    double *resp = joint->resp + j * size;
    if (j == 0) {
        memset(joint->mass, 0, joint->components * sizeof(double));
        joint->weight = 0;
    }
    estep_score(estep, model, block);
    memcpy(resp, estep->resp, size * sizeof(*resp));
    memcpy(joint->log_total + j * BLOCK_POINTS, estep->log_density,
           BLOCK_POINTS * sizeof(double));
    joint->weight += estep->weight;
    for (size_t k = 0; k < joint->components; k++) {
        for (size_t i = 0; i < block->n; i++) {
            joint->mass[k] += resp[k * BLOCK_POINTS + i];
            resp[k * BLOCK_POINTS + i] /= block->weight[i];
        }
    }
}
