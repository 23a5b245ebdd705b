/* SPDX-License-Identifier: MIT
 *
 * Model frames and model files. */
#include "autoconf.h"

#include "frame.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define K 2
#define D 2

static const double weights[K] = {0.25, 0.75};
static const double means[K * D] = {1, 2, 1e9 + 1.0 / 3.0, -4e-7};
/* Enough numbers for every type; full: two matrices. */
static const double full[K * D * D] = {2, 0.5, 0.5, 1, 3, 0.1, 0.1, 4};
static const double diag[K * D] = {2, 1, 3, 4};
static const double spherical[K] = {2, 1.0 / 3.0};

static const double *const covariances[MIX_COVARIANCES] = {
    [MIX_FULL] = full, [MIX_DIAG] = diag, [MIX_SPHERICAL] = spherical, [MIX_TIED] = full};

static struct mix_model *make_model(enum mix_covariance type)
{
    enum mix_err err = MIX_OK;
    struct mix_model *model =
        mix_model_new(D, K, type, weights, means, covariances[type], &err);
    ck_assert_msg(model != NULL, "%s", mix_strerror(err));
    return model;
}

static const char *const fields[D] = {"temperature", "druck \xc3\xa4"};

/* NULL without memory. */
static json_t *try_frame(const struct mix_model *model, enum mix_covariance type)
{
    static const uint64_t ids[K] = {0, 7};
    static const double resolution[D] = {0.5, 0}, dormant[D] = {(double)NAN, -4e-7};
    struct mix_info info = {.state = MIX_LEARNING,
                            .points = 123456,
                            .updates = 482,
                            .effective_points = 5000,
                            .log_likelihood = model != NULL ? -2.31 : (double)NAN,
                            .resolution = model != NULL ? resolution : NULL,
                            .ids = model != NULL ? ids : NULL,
                            .dormant = dormant};
    struct ledger ledger = {.received = 10, .learned = 10};
    const struct frame frame = {.stream = "boiler",
                                .key = NULL,
                                .instance = "u-u-i-d",
                                .seq = 41,
                                .time = 1790000000.123,
                                .last_time = model != NULL ? 1790000000.101 : (double)NAN,
                                .fields = fields,
                                .n_fields = D,
                                .n_components = K,
                                .covariance = type,
                                .model = model,
                                .info = &info,
                                .ledger = &ledger};
    return frame_json(&frame);
}

static json_t *make_frame(const struct mix_model *model, enum mix_covariance type)
{
    json_t *json = try_frame(model, type);
    ck_assert_ptr_nonnull(json);
    return json;
}

START_TEST(models_come_back_bit_for_bit)
{
    const enum mix_covariance type = (enum mix_covariance)_i;
    struct mix_model *model = make_model(type);
    json_t *sent = make_frame(model, type);
    char *text = frame_text(sent);
    ck_assert_ptr_null(strchr(text, '\n'));
    json_t *received = json_loads(text, 0, NULL);
    const json_t *names = NULL;
    char error[256] = "";
    struct mix_model *copy = frame_model(received, &names, error, sizeof(error));
    ck_assert_msg(copy != NULL, "%s", error);
    ck_assert_int_eq(mix_model_covariance(copy), type);
    ck_assert_mem_eq(mix_model_weights(copy), mix_model_weights(model), sizeof(weights));
    ck_assert_mem_eq(mix_model_means(copy), means, sizeof(means));
    ck_assert_mem_eq(mix_model_covariances(copy), covariances[type],
                     mix_model_covariance_size(model) * sizeof(double));
    ck_assert_uint_eq(json_array_size(names), D);
    ck_assert_str_eq(json_string_value(json_array_get(names, 1)), fields[1]);
    mix_model_destroy(&copy);
    mix_model_destroy(&model);
    json_decref(sent);
    json_decref(received);
    free(text);
}
END_TEST

/* Fields of one family, of one field and of several, and of different ones. */
static const struct {
    enum mix_family families[D];
    size_t n_fields;
    double parameters[12];
    const char *text; /* a part of the frame */
} others[] = {
    {{MIX_POISSON},
     1,
     {1, 1.0 / 3},
     "\"parameters\":{\"rate\":[1.0,0.33333333333333331]}"},
    {{MIX_GAMMA, MIX_GAMMA},
     2,
     {1, 2, 3, 4, 5, 6, 7, 8},
     "{\"shape\":[[1.0,5.0],[2.0,6.0]],\"scale\":[[3.0,7.0],[4.0,8.0]]}"},
    {{MIX_CATEGORICAL, MIX_CATEGORICAL},
     2,
     {0.5, 0.5, 0, 1, 0.25, 0.75, 1, 0},
     "{\"probabilities\":[[[0.5,0.5],[0.25,0.75]],[[0.0,1.0],[1.0,0.0]]]}"},
    {{MIX_GAUSSIAN, MIX_CATEGORICAL},
     2,
     {1, 2, 3, 4, 0.5, 0.5, 0, 1},
     "\"parameters\":{\"temperature\":{\"mean\":[1.0,2.0],\"variance\":[3.0,4.0]},"},
};

START_TEST(models_of_other_families_come_back_bit_for_bit)
{
    struct mix_options options;
    mix_options_init(&options, others[_i].n_fields, K);
    options.families = others[_i].families;
    options.categories = 2;
    struct mix_model *model =
        mix_model_make(&options, weights, others[_i].parameters, NULL);
    ck_assert_ptr_nonnull(model);
    json_t *sent = frame_json(&(struct frame){.fields = fields,
                                              .n_fields = options.dimensions,
                                              .n_components = K,
                                              .model = model});
    char *text = frame_text(sent), error[256] = "";
    ck_assert_msg(strstr(text, others[_i].text) != NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "\"covariance_type\":null"));
    json_t *received = json_loads(text, 0, NULL);
    struct mix_model *copy = frame_model(received, NULL, error, sizeof(error));
    ck_assert_msg(copy != NULL, "%s", error);
    const double *values = others[_i].parameters;
    for (size_t d = 0; d < options.dimensions; d++) {
        size_t size;
        for (size_t i = 0; (size = mix_model_parameter_size(copy, d, i)) > 0; i++) {
            double found[K * 2];
            mix_model_parameter(copy, d, i, found);
            ck_assert_mem_eq(found, values, K * size * sizeof(*values));
            values += K * size;
        }
    }
    mix_model_destroy(&copy);
    mix_model_destroy(&model);
    json_decref(sent);
    json_decref(received);
    free(text);
}
END_TEST

/* Also when all is noise, as after a long time without one point of the components. */
START_TEST(noise_comes_back_bit_for_bit)
{
    const enum mix_covariance type = (enum mix_covariance)(_i / 2);
    static const double some[K + 1] = {0.1, 2.0 / 3, 1 - 0.1 - 2.0 / 3},
                                 all[K + 1] = {0, 0, 1}, one = 1;
    const double *shares = _i % 2 == 0 ? some : all;
    struct mix_model *plain = make_model(type);
    struct mix_model *broad = mix_model_new(D, 1, MIX_DIAG, &one, means, diag, NULL);
    struct mix_model *model = mix_model_with_noise(plain, broad, shares, NULL);
    ck_assert_ptr_nonnull(model);
    json_t *sent = make_frame(model, type);
    char *text = frame_text(sent);
    json_t *received = json_loads(text, 0, NULL);
    char error[256] = "";
    struct mix_model *copy = frame_model(received, NULL, error, sizeof(error));
    ck_assert_msg(copy != NULL, "%s", error);
    const struct mix_model *noise = mix_model_noise(copy);
    ck_assert_ptr_nonnull(noise);
    ck_assert_mem_eq(mix_model_weights(copy), shares, K * sizeof(double));
    ck_assert_double_eq(mix_model_weights(noise)[0], shares[K]);
    ck_assert_mem_eq(mix_model_means(noise), means, D * sizeof(double));
    ck_assert_mem_eq(mix_model_covariances(noise), diag, D * sizeof(double));
    ck_assert_mem_eq(mix_model_means(copy), means, sizeof(means));
    free(text);
    json_decref(sent);
    json_decref(received);
    mix_model_destroy(&plain);
    mix_model_destroy(&broad);
    mix_model_destroy(&model);
    mix_model_destroy(&copy);
}
END_TEST

/* ---- Without memory ---------------------------------------------------------- */

static unsigned n_allocations, failing_allocation; /* so far; from 1, 0: none */

static void *allocate(size_t size)
{
    return ++n_allocations == failing_allocation ? NULL : malloc(size);
}

static void fail_allocation(unsigned at)
{
    n_allocations = 0;
    failing_allocation = at;
    json_set_alloc_funcs(at > 0 ? allocate : malloc, free);
}

/* A model of each kind of frame, with noise. */
static struct mix_model *make_noisy(size_t kind)
{
    static const double shares[K + 1] = {0.1, 2.0 / 3, 1 - 0.1 - 2.0 / 3}, one = 1;
    static const double own[8] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    struct mix_model *plain, *broad;
    if (kind == COUNT(others)) {
        plain = make_model(MIX_FULL);
        broad = mix_model_new(D, 1, MIX_DIAG, &one, means, diag, NULL);
    } else {
        struct mix_options options;
        mix_options_init(&options, others[kind].n_fields, K);
        options.families = others[kind].families;
        options.categories = 2;
        plain = mix_model_make(&options, weights, others[kind].parameters, NULL);
        options.components = 1;
        broad = mix_model_make(&options, &one, own, NULL);
    }
    struct mix_model *model = mix_model_with_noise(plain, broad, shares, NULL);
    ck_assert_ptr_nonnull(model);
    mix_model_destroy(&plain);
    mix_model_destroy(&broad);
    return model;
}

static json_t *try_noisy(const struct mix_model *model, size_t kind)
{
    if (kind == COUNT(others)) {
        return try_frame(model, MIX_FULL);
    }
    struct ledger ledger = {.received = 1};
    ledger.rejected[REASON_VALUE] = 1;
    return frame_json(&(struct frame){.fields = fields,
                                      .n_fields = others[kind].n_fields,
                                      .n_components = K,
                                      .model = model,
                                      .ledger = &ledger});
}

/* Whichever allocation fails, written and read. */
START_TEST(a_frame_is_whole_or_there_is_none)
{
    struct mix_model *model = make_noisy((size_t)_i), *copy = NULL;
    json_t *frame = NULL;
    unsigned at = 0;
    while (frame == NULL) {
        fail_allocation(++at);
        frame = try_noisy(model, (size_t)_i);
        ck_assert_msg((frame == NULL) == (n_allocations >= at), "allocation %u", at);
    }
    ck_assert_uint_gt(at, 50);
    for (at = 1; copy == NULL; at++) {
        char error[256] = "";
        fail_allocation(at);
        copy = frame_model(frame, NULL, error, sizeof(error));
        ck_assert_msg((copy == NULL) == (n_allocations >= at), "allocation %u", at);
        ck_assert((copy == NULL) == (error[0] != '\0'));
    }
    fail_allocation(0);
    json_decref(frame);
    mix_model_destroy(&copy);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(frames_have_the_members_of_the_interface_in_their_order)
{
    static const char *const members[] = {
        "schema",      "stream",       "key",     "instance",         "seq",
        "time",        "last_time",    "state",   "family",           "covariance_type",
        "fields",      "n_components", "ids",     "weights",          "means",
        "covariances", "points",       "updates", "effective_points", "resolution",
        "floored",     "dormant",      "errors",  "log_likelihood",   "ledger",
    };
    struct mix_model *model = make_model(MIX_FULL);
    json_t *frame = make_frame(model, MIX_FULL);
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach(frame, name, value)
    {
        ck_assert_uint_lt(n, COUNT(members));
        ck_assert_str_eq(name, members[n]);
        n++;
    }
    ck_assert_uint_eq(n, COUNT(members));
    char *text = frame_text(frame);
    ck_assert_ptr_nonnull(strstr(text, "\"covariances\":[[[2.0,0.5],[0.5,1.0]],[["));
    ck_assert_ptr_nonnull(strstr(text, "\"time\":1790000000.1229999,"));
    ck_assert_ptr_nonnull(strstr(text, "\"ids\":[0,7]"));
    ck_assert_ptr_nonnull(
        strstr(text, "\"dormant\":{\"druck \xc3\xa4\":-3.9999999999999998e-7}"));
    free(text);
    json_decref(frame);
    mix_model_destroy(&model);
}
END_TEST

START_TEST(before_the_first_model_the_parameters_are_null)
{
    json_t *frame = make_frame(NULL, MIX_DIAG);
    static const char *const nulls[] = {"ids",         "weights",    "means",
                                        "covariances", "resolution", "log_likelihood",
                                        "last_time"};
    for (size_t i = 0; i < COUNT(nulls); i++) {
        ck_assert_msg(json_is_null(json_object_get(frame, nulls[i])), "%s", nulls[i]);
    }
    char error[256];
    ck_assert_ptr_null(frame_model(frame, NULL, error, sizeof(error)));
    ck_assert_str_eq(error, "weights: no model yet: an array of numbers");
    json_decref(frame);
}
END_TEST

START_TEST(no_number_is_ever_NaN_or_infinite)
{
    struct mix_info info = {.effective_points = (double)INFINITY,
                            .log_likelihood = -(double)INFINITY};
    const struct frame frame = {.stream = "s",
                                .time = (double)NAN,
                                .last_time = (double)INFINITY,
                                .fields = fields,
                                .n_fields = D,
                                .n_components = K,
                                .info = &info};
    json_t *json = frame_json(&frame);
    ck_assert_ptr_nonnull(json);
    char *text = frame_text(json);
    ck_assert_ptr_null(strcasestr(text, "nan"));
    ck_assert_ptr_null(strcasestr(text, "inf"));
    free(text);
    json_decref(json);
}
END_TEST

/* The smallest model file and what may be wrong with one. */
#define SMALL                                                                            \
    "\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.5,0.5],"        \
    "\"means\":[[0],[1]],\"covariances\":[[1],[1]]"

/* The same beside noise of the other half. */
#define HALF                                                                             \
    "\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.25,0.25],"      \
    "\"means\":[[0],[1]],\"covariances\":[[1],[1]]"

START_TEST(only_the_parameters_are_required)
{
    json_t *object = json_loads("{" SMALL ",\"other\":1}", 0, NULL);
    const json_t *names = object;
    char error[256] = "";
    struct mix_model *model = frame_model(object, &names, error, sizeof(error));
    ck_assert_msg(model != NULL, "%s", error);
    ck_assert_ptr_null(names);
    mix_model_destroy(&model);
    json_decref(object);
}
END_TEST

static const struct {
    const char *text;
    const char *said;
} wrong[] = {
    {"{}", "family: missing"},
    {"{\"family\":1}", "family: missing or not known"},
    {"{\"family\":\"poisson\"}", "weights: missing or empty"},
    {"{\"family\":\"poisson\",\"weights\":[1]}", "parameters: missing"},
    {"{\"family\":\"round\",\"weights\":[1],\"parameters\":{}}",
     "family: round is not known"},
    {"{\"family\":\"poisson\",\"weights\":[1],\"parameters\":{}}",
     "parameters: rate: not an array of 1"},
    {"{\"family\":\"poisson\",\"weights\":[1],\"parameters\":{\"rate\":[\"x\"]}}",
     "parameters: rate: entry 0 is not a number"},
    {"{\"family\":\"poisson\",\"weights\":[1],\"parameters\":{\"rate\":[-1]}}",
     "parameters: a value is not finite or outside its range"},
    {"{\"family\":\"poisson\",\"weights\":[0.5,0.5],\"parameters\":"
     "{\"rate\":[[1,2],[3]]}}",
     "parameters: rate: rows that differ"},
    {"{\"family\":{\"a\":\"poisson\"},\"weights\":[1],\"parameters\":{\"b\":{\"rate\":[1]"
     "}}}",
     "parameters: rate: not an array of 1"},
    {"{\"family\":{\"a\":\"poisson\"},\"fields\":[\"a\",\"b\"],\"weights\":[1],"
     "\"parameters\":{\"a\":{\"rate\":[1]}}}",
     "family: 1 fields"},
    {"{\"family\":{\"a\":3},\"weights\":[1],\"parameters\":{}}",
     "family: what is not a text is not known"},
    {"{\"family\":\"gaussian\"}", "covariance_type: missing"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"round\"}", "covariance_type"},
    {"{\"schema\":2," SMALL "}", "schema: "},
    {"{\"schema\":\"1\"," SMALL "}", "schema: "},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\"}", "weights: missing"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[]}",
     "weights: missing"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1]}", "means: "},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1],\"means\":[[]"
     "]}",
     "means: "},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.5,0.4],"
     "\"means\":[[0],[1]],\"covariances\":[[1],[1]]}",
     "weights: their sum is 0.9"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1.5,-0.5],"
     "\"means\":[[0],[1]],\"covariances\":[[1],[1]]}",
     "weights: entry 1 is negative"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.5,\"x\"],"
     "\"means\":[[0],[1]],\"covariances\":[[1],[1]]}",
     "weights: entry 1 is not a number"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.5,0.5],"
     "\"means\":[[0],[1,2]],\"covariances\":[[1],[1]]}",
     "means: not an array of 1"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[0.5,0.5],"
     "\"means\":[[0]],\"covariances\":[[1],[1]]}",
     "means: not an array of 2"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"full\",\"weights\":[0.5,0.5],"
     "\"means\":[[0],[1]],\"covariances\":[[1],[1]]}",
     "covariances: not an array of 1"},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1],"
     "\"means\":[[0]],\"covariances\":[[-1]]}",
     "covariances: "},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"full\",\"weights\":[1],"
     "\"means\":[[0,0]],\"covariances\":[[[1,2],[2,1]]]}",
     "covariances: "},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"diag\",\"weights\":[1],"
     "\"means\":[[1e300]],\"covariances\":[[1]]}",
     "means: "},
    {"{" SMALL ",\"noise\":1}", "noise.weight: "},
    {"{" SMALL ",\"noise\":{\"weight\":1.5}}", "noise.weight: "},
    {"{" SMALL ",\"noise\":{\"weight\":1,\"mean\":[0],\"variance\":[1]}}",
     "noise: "},
    {"{" SMALL ",\"noise\":{\"weight\":0.5}}", "weights: their sum is 2"},
    {"{" HALF ",\"noise\":{\"weight\":0.5}}", "noise.mean: not an array of 1"},
    {"{" HALF ",\"noise\":{\"weight\":0.5,\"mean\":[0],\"variance\":[1,2]}}",
     "noise.variance: not an array of 1"},
    {"{" HALF ",\"noise\":{\"weight\":0.5,\"mean\":[0],\"variance\":[-1]}}", "noise: "},
    {"{\"family\":\"poisson\",\"weights\":[0.5],\"parameters\":{\"rate\":[1]},"
     "\"noise\":{\"weight\":0.5,\"parameters\":{\"rate\":[-1]}}}",
     "noise.parameters: "},
    {"{\"fields\":[\"a\",\"b\"]," SMALL "}", "fields: not an array of 1"},
    {"{\"fields\":[1]," SMALL "}", "fields: entry 0"},
    {"{\"fields\":\"a\"," SMALL "}", "fields: "},
};

START_TEST(wrong_models_are_refused_by_member)
{
    json_t *object = json_loads(wrong[_i].text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    char error[256] = "";
    struct mix_model *model = frame_model(object, NULL, error, sizeof(error));
    ck_assert_msg(model == NULL, "%s", wrong[_i].text);
    ck_assert_msg(strncmp(error, wrong[_i].said, strlen(wrong[_i].said)) == 0,
                  "%s: '%s' instead of '%s'", wrong[_i].text, error, wrong[_i].said);
    json_decref(object);
}
END_TEST

/* Files: the text, and the error after the path. */
static const struct {
    const char *text;
    const char *said; /* NULL: it is read */
} files[] = {
    {"{" SMALL "}", NULL},
    {"{" SMALL "}\n", NULL},
    {"", ":1:0: '[' or '{' expected near end of file: the JSON object of a model"},
    {"[1]", ":1:1: not an object: the JSON object of a model"},
    {"{\n\"a\":}", ":2:5: unexpected token near '}': the JSON object of a model"},
    {"{\"a\":1,\"a\":2}",
     ":1:10: duplicate object key near '\"a\"': the JSON object of a model"},
    {"{\"a\":1e999}",
     ":1:10: real number overflow near '1e999': the JSON object of a model"},
    {"{\"a\":NaN}", ":1:8: invalid token near 'NaN': the JSON object of a model"},
    {"{} x", ":1:4: end of file expected near 'x': the JSON object of a model"},
};

START_TEST(model_files_are_read_or_refused_with_their_place)
{
    char path[] = "/tmp/mixd-model-XXXXXX";
    const int descriptor = mkstemp(path);
    const size_t size = strlen(files[_i].text);
    char error[512] = "";
    ck_assert_int_eq(write(descriptor, files[_i].text, size), (ssize_t)size);
    close(descriptor);
    json_t *object = frame_read(path, error, sizeof(error));
    unlink(path);
    if (files[_i].said == NULL) {
        ck_assert_msg(object != NULL, "%s", error);
    } else {
        ck_assert_ptr_null(object);
        ck_assert_int_eq(strncmp(error, path, strlen(path)), 0);
        ck_assert_str_eq(error + strlen(path), files[_i].said);
    }
    json_decref(object);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_told)
{
    char error[256] = "";
    ck_assert_ptr_null(frame_read("/nonexistent", error, sizeof(error)));
    ck_assert_str_eq(error, "/nonexistent: No such file or directory: a model file");
    ck_assert_ptr_null(frame_read("/tmp", error, sizeof(error)));
    ck_assert_str_eq(error, "/tmp: Is a directory: a model file");
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {models_come_back_bit_for_bit, MIX_COVARIANCES},
        {noise_comes_back_bit_for_bit, 2 * MIX_COVARIANCES},
        UNIT_LOOP(models_of_other_families_come_back_bit_for_bit, others),
        {a_frame_is_whole_or_there_is_none, COUNT(others) + 1},
        UNIT(frames_have_the_members_of_the_interface_in_their_order),
        UNIT(before_the_first_model_the_parameters_are_null),
        UNIT(no_number_is_ever_NaN_or_infinite),
        UNIT(only_the_parameters_are_required),
        UNIT_LOOP(wrong_models_are_refused_by_member, wrong),
        UNIT_LOOP(model_files_are_read_or_refused_with_their_place, files),
        UNIT(files_that_cannot_be_read_are_told),
    };
    return unit_run("frame", tests, COUNT(tests));
}
