/* SPDX-License-Identifier: MIT */
#include "imprint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* Numbers are kept as text with all their bits, so that equal means equal. */
static json_t *number_json(double value)
{
    return json_sprintf("%.17g", value);
}

static json_t *count_json(uint64_t value)
{
    return json_sprintf("%llu", (unsigned long long)value);
}

static json_t *resolution_json(const struct mix_options *mix)
{
    if (mix->resolution == NULL) {
        return json_null();
    }
    json_t *list = json_array();
    for (size_t d = 0; d < mix->dimensions; d++) {
        json_array_append_new(list, number_json(mix->resolution[d]));
    }
    return list;
}

/* One name where all are gaussian; the categories stand with those that have some. */
static json_t *family_json(const struct mix_options *mix)
{
    if (mix->families == NULL) {
        return json_string(mix_family_name(mix->family));
    }
    json_t *list = json_array();
    for (size_t d = 0; d < mix->dimensions; d++) {
        json_array_append_new(list, json_string(mix_family_name(mix->families[d])));
    }
    json_array_append_new(list, count_json(mix->categories));
    return list;
}

static json_t *fields_json(const struct stream_config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; i < config->fields.n; i++) {
        json_array_append_new(list, json_string(config->fields.item[i]));
    }
    return list;
}

static json_t *components_json(const struct mix_options *mix)
{
    return mix->components_max == 0
               ? count_json(mix->components)
               : json_sprintf("%zu..%zu", mix->components, mix->components_max);
}

static json_t *imprint_json(const struct stream_config *config)
{
    const struct mix_options *mix = &config->mix;
    const bool has_step = mix->step_exponent > 0;
    const bool has_keys = config->key != NULL || config->key_is_topic;
    return json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, "
        "s:o}",
        "fields", fields_json(config), "key", has_keys ? "one" : "none", "missing",
        mix->marginalize ? "marginalize" : "reject", "model.family", family_json(mix),
        "model.components", components_json(mix), "model.covariance",
        mix_covariance_name(mix->covariance), "model.noise", mix->noise ? "on" : "off",
        "model.resolution", resolution_json(mix), "learn.block", count_json(mix->block),
        "learn.warmup", count_json(mix->warmup), "learn.seed", count_json(mix->seed),
        "learn.step.exponent", has_step ? number_json(mix->step_exponent) : json_null(),
        "learn.step.offset", has_step ? number_json(mix->step_offset) : json_null(),
        "learn.adapt", mix->adapt ? "on" : "off", "learn.window", count_json(mix->window),
        "learn.half_life", number_json(mix->half_life));
}

char *imprint_write(const struct stream_config *config)
{
    json_t *object = imprint_json(config);
    char *text =
        object != NULL ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    if (text == NULL) {
        out_of_memory();
    }
    return text;
}

/* A value for people: strings without their quotes. Owned by the caller. */
static char *value_text(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return xstrdup("none");
    }
    if (json_is_string(value)) {
        return xstrdup(json_string_value(value));
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy = xstrdup(text != NULL ? text : "?");
    free(text);
    return copy;
}

bool imprint_agrees(const char *text, size_t length, const struct stream_config *config,
                    bool *is_readable, char *why, size_t size)
{
    json_t *then = json_loadb(text, length, 0, NULL);
    json_t *now = imprint_json(config);
    const char *key;
    json_t *value;
    bool agrees = true;
    *is_readable = json_is_object(then);
    json_object_foreach(now, key, value)
    {
        const json_t *before = json_object_get(then, key);
        /* A key that came later has no say about an older state. */
        if (agrees && before != NULL && !json_equal(before, value)) {
            char *from = value_text(before);
            char *to = value_text(value);
            snprintf(why, size, "streams.%s.%s: the state has %s, the configuration %s",
                     config->name, key, from, to);
            free(from);
            free(to);
            agrees = false;
        }
    }
    json_decref(then);
    json_decref(now);
    return agrees && *is_readable;
}
