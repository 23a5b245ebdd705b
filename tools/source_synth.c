/* SPDX-License-Identifier: MIT
 *
 * Points drawn from a mixture: of a model file, or made up from a seed. The same name
 * gives the same points.
 *
 * All randomness is libmix's: what is not drawn from the mixture itself is drawn from a
 * standard normal model of one dimension. */
#include "autoconf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mix.h"
#include "modelfile.h"
#include "source.h"

/* Points drawn at a time. Each draw has a seed of its own, so that it does not matter
 * how many points are wanted in all. */
#define DRAW 1024

/* A made-up mixture: smallest distance of two means, in standard deviations, and how
 * often a mean that comes too near is drawn anew. */
#define SEPARATION_SD 4.0
#define TRIES 200

/* A drift is given in standard deviations of the first component per so many points. */
#define DRIFT_POINTS 1000.0

/* What is behind "synth:". */
struct recipe {
    const char *model; /* path of a model file, or NULL */
    double dims;
    double components;
    double seed;
    double points; /* 0: without end */
    double drift;
};

static const struct {
    const char *name;
    size_t offset; /* of the double in struct recipe */
    double low, high;
} keys[] = {
    {"dims", offsetof(struct recipe, dims), 1, MIX_DIMENSIONS_MAX},
    {"components", offsetof(struct recipe, components), 1, 1000},
    {"seed", offsetof(struct recipe, seed), 0, 9007199254740992.0},
    {"points", offsetof(struct recipe, points), 0, 9007199254740992.0},
    {"drift", offsetof(struct recipe, drift), -1e6, 1e6},
};

struct synth {
    struct source source;
    struct recipe recipe;
    struct mix_model *model;
    char **fields;  /* names, ended by NULL, of a model file that has them */
    double *step;   /* D: what drift adds to a point per point */
    double *x;      /* DRAW x D */
    uint64_t drawn; /* points */
};

/* A seed for each index, of which neighbours have nothing in common (SplitMix64: Steele,
 * Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014). */
static uint64_t seed_mix(uint64_t seed, uint64_t index)
{
    uint64_t x = seed + (index + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* ---- Recipe -------------------------------------------------------------- */

static bool read_key(const char *item, struct recipe *recipe, struct failure *failure)
{
    const char *equals = strchr(item, '=');
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strncmp(item, keys[i].name, (size_t)(equals - item)) == 0 &&
            strlen(keys[i].name) == (size_t)(equals - item)) {
            double *value = (double *)(void *)((char *)recipe + keys[i].offset);
            if (tool_read(equals + 1, keys[i].low, keys[i].high, value) &&
                (*value == floor(*value) || value == &recipe->drift)) {
                return true;
            }
            failure_set(failure, EX_USAGE, "synth:%s: out of range: %g to %g", item,
                        keys[i].low, keys[i].high);
            return false;
        }
    }
    failure_set(failure, EX_USAGE,
                "synth:%s: unknown: dims, components, seed, points, drift", item);
    return false;
}

/* Items between commas; the first may be a file. text is cut up. */
static bool read_recipe(char *text, struct recipe *recipe, struct failure *failure)
{
    *recipe = (struct recipe){.dims = 2, .components = 3, .seed = 1, .points = 100000};
    char *rest = text;
    for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
        if (strchr(item, '=') != NULL) {
            if (!read_key(item, recipe, failure)) {
                return false;
            }
        } else if (item == text) {
            recipe->model = item[0] != '\0' ? item : NULL;
        } else {
            failure_set(failure, EX_USAGE, "synth:…,%s: not KEY=VALUE", item);
            return false;
        }
    }
    if (recipe->components * (recipe->dims + 1) * (recipe->dims + 2) / 2 > 1 << 20) {
        failure_set(failure, EX_USAGE,
                    "synth: too large: components (dims + 1) (dims + 2) / 2 may be 2^20");
        return false;
    }
    return true;
}

/* ---- Made-up mixture ----------------------------------------------------- */

/* Parameters under construction, as mix_model_new() takes them. */
struct making {
    size_t n_components;
    size_t n_fields;
    double *weights;
    double *means;
    double *covariances;
};

/* Standard normals without end. */
struct normals {
    struct mix_model *model; /* of one component: mean 0, variance 1 */
    uint64_t seed;           /* of the next draw */
    size_t used;             /* of z */
    double z[DRAW];
};

static struct normals *normals_new(uint64_t seed)
{
    static const double zero = 0;
    static const double one = 1;
    struct normals *normals = tool_need(calloc(1, sizeof(*normals)));
    normals->model = tool_need(mix_model_new(1, 1, MIX_FULL, &one, &zero, &one, NULL));
    normals->seed = seed;
    normals->used = DRAW;
    return normals;
}

static void normals_destroy(struct normals **normals)
{
    mix_model_destroy(&(*normals)->model);
    free(*normals);
    *normals = NULL;
}

static double draw_normal(struct normals *normals)
{
    if (normals->used == DRAW) {
        if (mix_model_sample(normals->model, normals->seed, DRAW, normals->z) != MIX_OK) {
            tool_need(NULL); /* it fails without memory only */
        }
        normals->seed = seed_mix(normals->seed, 0);
        normals->used = 0;
    }
    return normals->z[normals->used++];
}

/* In (0, 1): the distribution function of the normal at a normal. */
static double draw_uniform(struct normals *normals)
{
    return 0.5 * erfc(-draw_normal(normals) / sqrt(2));
}

/* L L' of a lower triangle with standard deviations around 1 and mild correlations. */
static void make_covariance(struct normals *normals, size_t n_fields, double *covariance)
{
    double *lower = tool_need(calloc(n_fields * n_fields, sizeof(double)));
    for (size_t i = 0; i < n_fields; i++) {
        for (size_t j = 0; j < i; j++) {
            lower[i * n_fields + j] = 0.5 * draw_normal(normals) / sqrt((double)i);
        }
        lower[i * n_fields + i] = 0.5 + draw_uniform(normals);
    }
    for (size_t i = 0; i < n_fields; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t m = 0; m <= j; m++) {
                sum += lower[i * n_fields + m] * lower[j * n_fields + m];
            }
            covariance[i * n_fields + j] = sum;
            covariance[j * n_fields + i] = sum;
        }
    }
    free(lower);
}

static bool is_apart(const struct making *making, size_t k)
{
    const size_t n_fields = making->n_fields;
    const double *mean = making->means + k * n_fields;
    for (size_t other = 0; other < k; other++) {
        double distance2 = 0;
        for (size_t d = 0; d < n_fields; d++) {
            const double difference = mean[d] - making->means[other * n_fields + d];
            distance2 += difference * difference;
        }
        if (distance2 < SEPARATION_SD * SEPARATION_SD) {
            return false;
        }
    }
    return true;
}

/* Means in a box that has room for all of them. */
static void make_mean(struct normals *normals, const struct making *making, size_t k)
{
    const double n_components = (double)making->n_components;
    const double side =
        2 * SEPARATION_SD * pow(n_components, 1 / (double)making->n_fields);
    for (int i = 0; i < TRIES; i++) {
        for (size_t d = 0; d < making->n_fields; d++) {
            making->means[k * making->n_fields + d] =
                side * (draw_uniform(normals) - 0.5);
        }
        if (is_apart(making, k)) {
            return;
        }
    }
}

static struct mix_model *make_model(const struct recipe *recipe, enum mix_err *err)
{
    struct making making = {
        .n_components = (size_t)recipe->components,
        .n_fields = (size_t)recipe->dims,
    };
    const size_t n_means = making.n_components * making.n_fields;
    making.weights = tool_need(calloc(making.n_components, sizeof(double)));
    making.means = tool_need(calloc(n_means, sizeof(double)));
    making.covariances = tool_need(calloc(n_means * making.n_fields, sizeof(double)));
    struct normals *normals = normals_new(seed_mix((uint64_t)recipe->seed, 0));
    double total = 0;
    for (size_t k = 0; k < making.n_components; k++) {
        making.weights[k] = 0.5 + draw_uniform(normals);
        total += making.weights[k];
        make_mean(normals, &making, k);
        make_covariance(normals, making.n_fields,
                        making.covariances + k * making.n_fields * making.n_fields);
    }
    normals_destroy(&normals);
    for (size_t k = 0; k < making.n_components; k++) {
        making.weights[k] /= total;
    }
    struct mix_model *model =
        mix_model_new(making.n_fields, making.n_components, MIX_FULL, making.weights,
                      making.means, making.covariances, err);
    free(making.weights);
    free(making.means);
    free(making.covariances);
    return model;
}

/* ---- Source -------------------------------------------------------------- */

static void synth_close(struct source *source)
{
    struct synth *synth = (struct synth *)source;
    for (size_t d = 0; synth->fields != NULL && synth->fields[d] != NULL; d++) {
        free(synth->fields[d]);
    }
    free(synth->fields);
    mix_model_destroy(&synth->model);
    free(synth->step);
    free(synth->x);
    free(synth);
}

/* Reads the model file, and keeps the names of the fields where it has as many. */
static struct mix_model *read_model(struct synth *synth, struct failure *failure)
{
    json_t *object = NULL;
    struct mix_model *model = modelfile_read(synth->recipe.model, &object, failure);
    const json_t *names = json_object_get(object, "fields");
    if (model != NULL && json_array_size(names) == mix_model_dimensions(model)) {
        synth->fields = tool_need(calloc(json_array_size(names) + 1, sizeof(char *)));
        size_t d;
        const json_t *name;
        json_array_foreach(names, d, name)
        {
            const char *text = json_string_value(name);
            synth->fields[d] = tool_text("%s", text != NULL ? text : "");
        }
    }
    json_decref(object);
    return model;
}

/* The direction is that of the diagonal; the unit is each field's deviation. */
static double *make_step(const struct mix_model *model, double drift)
{
    const size_t n_fields = mix_model_dimensions(model);
    double mean[MIX_DIMENSIONS_MAX], variance[MIX_DIMENSIONS_MAX];
    double *step = tool_need(calloc(n_fields, sizeof(double)));
    mix_model_component(model, 0, mean, variance);
    for (size_t d = 0; d < n_fields; d++) {
        step[d] = drift / DRIFT_POINTS * sqrt(variance[d]);
    }
    return step;
}

static struct source *synth_open(const char *name, const struct source_options *options,
                                 double now_s, struct failure *failure)
{
    (void)options;
    (void)now_s;
    struct synth *synth = tool_need(calloc(1, sizeof(*synth)));
    char *text = tool_text("%s", name);
    synth->source.kind = &source_synth;
    failure->code = EX_OK;
    if (read_recipe(text, &synth->recipe, failure)) {
        enum mix_err err = MIX_OK;
        synth->model = synth->recipe.model != NULL ? read_model(synth, failure)
                                                   : make_model(&synth->recipe, &err);
        if (err != MIX_OK) {
            failure_set(failure, EX_USAGE, "synth:%s: %s", name, mix_strerror(err));
        }
    }
    free(text);
    if (synth->model == NULL) {
        synth_close(&synth->source);
        return NULL;
    }
    const size_t n_fields = mix_model_dimensions(synth->model);
    synth->source.n_fields = n_fields;
    synth->source.fields = (const char *const *)synth->fields;
    synth->source.has_names = synth->fields != NULL;
    synth->source.is_repeatable = true;
    synth->source.is_endless = synth->recipe.points == 0;
    synth->step = make_step(synth->model, synth->recipe.drift);
    synth->x = tool_need(calloc(DRAW * n_fields, sizeof(double)));
    return &synth->source;
}

static bool synth_next(struct source *source, double now_s, struct source_rows *rows,
                       struct failure *failure)
{
    (void)now_s;
    struct synth *synth = (struct synth *)source;
    const size_t n_fields = source->n_fields;
    const double left = synth->recipe.points - (double)synth->drawn;
    const bool is_endless = synth->source.is_endless;
    if (!is_endless && left <= 0) {
        return false;
    }
    const uint64_t seed = seed_mix((uint64_t)synth->recipe.seed, 1 + synth->drawn);
    const enum mix_err err = mix_model_sample(synth->model, seed, DRAW, synth->x);
    if (err != MIX_OK) {
        failure_set(failure, EX_SOFTWARE, "synth: %s", mix_strerror(err));
        return false;
    }
    for (size_t i = 0; i < DRAW; i++) {
        for (size_t d = 0; d < n_fields; d++) {
            synth->x[i * n_fields + d] += (double)(synth->drawn + i) * synth->step[d];
        }
    }
    const size_t n = is_endless || left > DRAW ? DRAW : (size_t)left;
    synth->drawn += n;
    *rows = (struct source_rows){.n = n, .x = synth->x, .stride = n_fields};
    return true;
}

static double synth_share(const struct source *source)
{
    const struct synth *synth = (const struct synth *)source;
    return synth->recipe.points > 0 ? (double)synth->drawn / synth->recipe.points
                                    : (double)NAN;
}

const struct source_kind source_synth = {
    .prefix = "synth:",
    .open = synth_open,
    .next = synth_next,
    .share = synth_share,
    .close = synth_close,
};
