/* SPDX-License-Identifier: MIT
 *
 * Model files: what is read is written and read again to the same bits. */
#include <stdio.h>

#include "frame.h"
#include "fuzz.h"

static void check_again(const struct mix_model *model)
{
    const char *fields[MIX_DIMENSIONS_MAX];
    char names[MIX_DIMENSIONS_MAX][8];
    const size_t n_fields = mix_model_dimensions(model);
    for (size_t d = 0; d < n_fields; d++) {
        snprintf(names[d], sizeof(names[d]), "x%zu", d);
        fields[d] = names[d];
    }
    const struct frame frame = {.fields = fields,
                                .n_fields = n_fields,
                                .n_components = mix_model_components(model),
                                .covariance = mix_model_covariance(model),
                                .model = model};
    char error[256];
    json_t *object = frame_json(&frame);
    FUZZ_CHECK(object != NULL);
    json_object_del(object, "fields"); /* which may be left out */
    struct mix_model *copy = frame_model(object, NULL, error, sizeof(error));
    FUZZ_CHECK(copy != NULL);
    if (mix_model_is_gaussian(model) && mix_model_is_gaussian(copy)) {
        FUZZ_CHECK(memcmp(mix_model_covariances(copy), mix_model_covariances(model),
                          mix_model_covariance_size(model) * sizeof(double)) == 0);
    }
    for (size_t d = 0; d < n_fields; d++) {
        FUZZ_CHECK(mix_model_family(copy, d) == mix_model_family(model, d));
    }
    mix_model_destroy(&copy);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_error_t problem;
    char error[256] = "";
    json_t *object =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(object)) {
        json_decref(object);
        return 0;
    }
    struct mix_model *model = frame_model(object, NULL, error, sizeof(error));
    FUZZ_CHECK((model == NULL) == (error[0] != '\0'));
    if (model != NULL) {
        check_again(model);
    }
    mix_model_destroy(&model);
    json_decref(object);
    return 0;
}
