/* SPDX-License-Identifier: MIT
 *
 * Rates, differences and logarithms, row by row. Each needs the row before at most. */
#include "transform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader_impl.h"

struct transform {
    const struct layout *layout;
    unsigned *kinds; /* D: sums of enum transform_kind */
    double interval_s;
    bool has_difference; /* some field is a rate or a difference */
    bool has_rate;
    bool has_previous;
    double *previous; /* D: the row before, as it was read */
    double previous_time;
    char detail[DETAIL_SIZE];

    /* The rows made: room for READER_BATCH. */
    double *x;
    double *weight;
    double *time;
    struct bytes *key;
    uint8_t *reason;
    struct bytes *origin;
};

struct transform *transform_new(const struct layout *layout)
{
    struct transform *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    const size_t n = READER_BATCH;
    const size_t n_fields = layout->n_fields;
    t->layout = layout;
    t->interval_s = 1.0;
    t->kinds = calloc(n_fields + 1, sizeof(unsigned));
    t->previous = calloc(n_fields + 1, sizeof(double));
    t->x = calloc(n * n_fields + 1, sizeof(double));
    t->weight = calloc(n, sizeof(double));
    t->time = calloc(n, sizeof(double));
    t->key = calloc(n, sizeof(struct bytes));
    t->reason = calloc(n, sizeof(uint8_t));
    t->origin = calloc(n, sizeof(struct bytes));
    if (t->kinds == NULL || t->previous == NULL || t->x == NULL || t->weight == NULL ||
        t->time == NULL || t->key == NULL || t->reason == NULL || t->origin == NULL) {
        transform_destroy(&t);
    }
    return t;
}

void transform_destroy(struct transform **transform)
{
    struct transform *const t = *transform;
    if (t == NULL) {
        return;
    }
    free(t->kinds);
    free(t->previous);
    free(t->x);
    free(t->weight);
    free(t->time);
    free(t->key);
    free(t->reason);
    free(t->origin);
    free(t);
    *transform = NULL;
}

bool transform_set(struct transform *transform, size_t field, enum transform_kind kind)
{
    const unsigned differences = TRANSFORM_RATE | TRANSFORM_DELTA;
    unsigned *const kinds = &transform->kinds[field];
    *kinds |= kind;
    transform->has_difference |= (kind & differences) != 0;
    transform->has_rate |= kind == TRANSFORM_RATE;
    return (*kinds & differences) != differences;
}

bool transform_is_empty(const struct transform *transform)
{
    for (size_t d = 0; d < transform->layout->n_fields; d++) {
        if (transform->kinds[d] != 0) {
            return false;
        }
    }
    return true;
}

bool transform_has_rate(const struct transform *transform)
{
    return transform->has_rate;
}

void transform_set_interval(struct transform *transform, double interval_s)
{
    transform->interval_s = interval_s;
}

/* Seconds from the row before to this one, in whole intervals, at least one. */
static double elapsed(const struct transform *t, double time)
{
    const double n = round((time - t->previous_time) / t->interval_s);
    return t->interval_s * (n >= 1.0 ? n : 1.0);
}

static double transform_value(const struct transform *t, size_t d, double x,
                              double elapsed_s)
{
    const unsigned kinds = t->kinds[d];
    if ((kinds & (TRANSFORM_RATE | TRANSFORM_DELTA)) != 0) {
        x -= t->previous[d];
    }
    if ((kinds & TRANSFORM_RATE) != 0) {
        x = x < 0.0 ? NO_VALUE : x / elapsed_s; /* the counter was set back */
    }
    return (kinds & TRANSFORM_LOG) != 0 ? log1p(x) : x;
}

/* What is wrong with what became of field d. */
static enum reason judge(const struct transform *t, size_t d, double y, const char **what)
{
    const bool is_log = (t->kinds[d] & TRANSFORM_LOG) != 0;
    if (isinf(y)) {
        *what = is_log ? "the logarithm of 0" : "an infinite value";
        return REASON_VALUE;
    }
    if (fabs(y) > VALUE_MAX) {
        *what = reason_meaning(REASON_RANGE);
        return REASON_RANGE;
    }
    *what = (t->kinds[d] & TRANSFORM_RATE) != 0 ? "a counter that was set back"
            : is_log                            ? "the logarithm of a negative number"
                                                : "a difference to a missing value";
    return isnan(y) && !t->layout->marginalize ? REASON_MISSING : REASON_NONE;
}

static const char *field_name(const struct layout *layout, size_t d)
{
    size_t c = 0;
    while (layout->columns[c].role != COLUMN_FIELD || layout->columns[c].field != d) {
        c++;
    }
    return layout->columns[c].name;
}

/* Row n of the result from a good row. */
static enum reason make_row(struct transform *t, size_t n, const double *x, double time)
{
    const size_t n_fields = t->layout->n_fields;
    const double elapsed_s = t->has_rate ? elapsed(t, time) : 1.0;
    double *const y = t->x + n * n_fields;
    enum reason worst = REASON_NONE;
    size_t n_missing = 0;
    for (size_t d = 0; d < n_fields; d++) {
        const char *what;
        y[d] = transform_value(t, d, x[d], elapsed_s);
        const enum reason reason = judge(t, d, y[d], &what);
        n_missing += isnan(y[d]) ? 1 : 0;
        if (worst == REASON_NONE && reason != REASON_NONE) {
            worst = reason;
            snprintf(t->detail, sizeof(t->detail), "%s: %s", field_name(t->layout, d),
                     what);
        }
    }
    if (worst == REASON_NONE && n_missing == n_fields) {
        snprintf(t->detail, sizeof(t->detail), "all fields are missing");
        worst = REASON_UNSCORABLE;
    }
    return worst;
}

/* Takes over what does not change. */
static void copy_rest(struct transform *t, size_t n, const struct batch *from, size_t i)
{
    t->reason[n] = from->reason[i];
    t->origin[n] = from->origin[i];
    if (from->weight != NULL) {
        t->weight[n] = from->weight[i];
    }
    if (from->time != NULL) {
        t->time[n] = from->time[i];
    }
    if (from->key != NULL) {
        t->key[n] = from->key[i];
    }
}

/* Row i of `from` as row n of the result, if it makes one. */
static bool take_row(struct transform *t, const struct batch *from, size_t i, size_t n)
{
    const size_t n_fields = t->layout->n_fields;
    const double *const x = from->x + i * from->stride;
    const double time = from->time != NULL ? from->time[i] : 0.0;
    const bool has_result = !t->has_difference || t->has_previous;
    copy_rest(t, n, from, i);
    if (t->reason[n] != REASON_NONE) {
        return true;
    }
    if (has_result) {
        t->reason[n] = (uint8_t)make_row(t, n, x, time);
        t->origin[n] = (struct bytes){x, n_fields * sizeof(double)};
    }
    memcpy(t->previous, x, n_fields * sizeof(double));
    t->previous_time = time;
    t->has_previous = true;
    return has_result;
}

size_t transform_rows(struct transform *transform, const struct batch *from, size_t first,
                      struct batch *to)
{
    struct transform *const t = transform;
    size_t n = 0;
    size_t i = first;
    const char *detail = NULL;
    while (i < from->n && detail == NULL) {
        if (take_row(t, from, i, n)) {
            if (t->reason[n] != REASON_NONE) {
                detail = from->reason[i] != REASON_NONE ? from->detail : t->detail;
            }
            n++;
        }
        i++;
    }
    *to = (struct batch){
        .n = n,
        .x = t->x,
        .stride = t->layout->n_fields,
        .weight = from->weight != NULL ? t->weight : NULL,
        .time = from->time != NULL ? t->time : NULL,
        .key = from->key != NULL ? t->key : NULL,
        .reason = t->reason,
        .n_rejected = detail != NULL ? 1 : 0,
        .origin = t->origin,
        .detail = detail,
    };
    return i;
}
