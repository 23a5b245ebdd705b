/* SPDX-License-Identifier: MIT */
#include "answer_impl.h"

#include <math.h>
#include <string.h>

#include "bulletin.h"
#include "commands.h"
#include "frame.h"
#include "scores.h"
#include "stream.h"
#include "xalloc.h"

/* The largest value that a stream takes, too. */
static const double VALUE_LIMIT = 1e150;

/* ---- Finding the model ----------------------------------------------------- */

static const char *argument_key(const struct request *request)
{
    return json_string_value(json_object_get(request->arguments, "key"));
}

/* The slot that a request means. NULL: there is none (yet), or with a failure if it
 * cannot be meant. */
static struct slot *find_slot(struct stream *stream, struct request *request)
{
    const char *key = argument_key(request);
    const bool is_keyed = stream_is_keyed(stream->config);
    if (key == NULL && is_keyed) {
        request_fail(request, CODE_ARGUMENT,
                     "key: missing: stream %s has a model for each key",
                     stream->config->name);
        return NULL;
    }
    if (key != NULL && !is_keyed) {
        request_fail(request, CODE_UNKNOWN_KEY,
                     "key: stream %s has no keys: leave it out", stream->config->name);
        return NULL;
    }
    return router_find(stream->router,
                       (struct bytes){key, key != NULL ? strlen(key) : 0});
}

/* As above, and it must be there. */
static struct slot *need_slot(struct stream *stream, struct request *request)
{
    struct slot *slot = find_slot(stream, request);
    if (slot == NULL) {
        request_fail(request, CODE_UNKNOWN_KEY,
                     "key: no point of this key came to stream %s", stream->config->name);
    }
    return slot;
}

/* As above, and it must have a model. */
const struct mix_model *answer_need_model(struct stream *stream, struct request *request,
                                          struct slot **slot)
{
    *slot = need_slot(stream, request);
    if (*slot == NULL) {
        return NULL;
    }
    const struct mix_model *model = mix_learner_model((*slot)->learner);
    if (model == NULL) {
        struct mix_info info;
        mix_learner_info((*slot)->learner, &info);
        request_fail(request, CODE_NOT_READY, "stream %s: there is no model yet%s",
                     stream->config->name,
                     info.dormant != NULL ? ": no field has varied so far" : "");
    }
    return model;
}

void answer_take(struct request *request, json_t *reply)
{
    request->reply = reply;
    if (reply == NULL) {
        request_fail(request, CODE_INTERNAL, "out of memory");
    }
}

/* ---- Of one model ---------------------------------------------------------- */

enum answered answer_model(struct stream *stream, struct request *request,
                           struct moment now)
{
    struct slot *slot;
    if (answer_need_model(stream, request, &slot) != NULL) {
        answer_take(request, json_pack("{s:o}", "model",
                                       bulletin_frame(stream, slot, false, now)));
    }
    return ANSWERED;
}

bool answer_read_point(const struct stream *stream, struct request *request,
                       bool may_miss, double *x)
{
    const json_t *point = json_object_get(request->arguments, "point");
    const size_t n_fields = stream->config->fields.n;
    if (json_array_size(point) != n_fields) {
        request_fail(request, CODE_ARGUMENT,
                     "point: %zu numbers: stream %s has %zu fields",
                     json_array_size(point), stream->config->name, n_fields);
        return false;
    }
    for (size_t d = 0; d < n_fields; d++) {
        const json_t *value = json_array_get(point, d);
        if (json_is_number(value) && fabs(json_number_value(value)) <= VALUE_LIMIT) {
            x[d] = json_number_value(value);
        } else if (json_is_null(value) && may_miss) {
            x[d] = NAN;
        } else {
            request_fail(request, CODE_ARGUMENT,
                         "point: entry %zu is not a number in range", d);
            return false;
        }
    }
    return true;
}

enum answered answer_score(struct stream *stream, struct request *request,
                           struct moment now)
{
    (void)now;
    double x[MIX_DIMENSIONS_MAX];
    struct slot *slot;
    if (answer_need_model(stream, request, &slot) != NULL &&
        answer_read_point(stream, request, stream->config->mix.marginalize, x)) {
        answer_take(request, scores_json(slot, x));
    }
    return ANSWERED;
}

static json_t *rows_json(const double *x, size_t n, size_t D)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array();
        for (size_t d = 0; d < D; d++) {
            json_array_append_new(row, json_real(x[i * D + d]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static uint64_t argument_count(const struct request *request, const char *name,
                               uint64_t otherwise)
{
    const json_t *value = json_object_get(request->arguments, name);
    if (json_is_real(value)) {
        return (uint64_t)json_real_value(value);
    }
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

enum answered answer_sample(struct stream *stream, struct request *request,
                            struct moment now)
{
    (void)now;
    struct slot *slot;
    const struct mix_model *model = answer_need_model(stream, request, &slot);
    if (model == NULL) {
        return ANSWERED;
    }
    const size_t D = mix_model_dimensions(model);
    const uint64_t n = argument_count(request, "n", 0);
    if (n > ANSWER_SAMPLE_MAX / D) {
        request_fail(request, CODE_ARGUMENT, "n: too many: at most %zu points at a time",
                     ANSWER_SAMPLE_MAX / D);
        return ANSWERED;
    }
    double *x = xalloc(n * D + 1, sizeof(x[0]));
    if (mix_model_sample(model, argument_count(request, "seed", 1), n, x) == MIX_OK) {
        answer_take(request, json_pack("{s:o}", "points", rows_json(x, n, D)));
    } else {
        request_fail(request, CODE_INTERNAL, "the model cannot be sampled");
    }
    free(x);
    return ANSWERED;
}

enum answered answer_rejects(struct stream *stream, struct request *request,
                             struct moment now)
{
    for (size_t i = 0; i < router_count(stream->router); i++) {
        stream_note_skipped(stream, router_slot(stream->router, i), now.wall_s);
    }
    answer_take(request, json_pack("{s:o}", "rejects", rejects_json(stream->rejects)));
    return ANSWERED;
}

/* ---- Waiting for something ------------------------------------------------- */

/* What `wait` can wait for. */
static bool has_condition(const struct request *request)
{
    static const char *const names[] = {"points", "updates", "log_likelihood", "error"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_is_number(json_object_get(request->arguments, names[i]))) {
            return true;
        }
    }
    return false;
}

/* Every mean's standard error is at most so many standard deviations. */
static bool is_precise(const struct request *request, const struct mix_learner *learner)
{
    const json_t *bound = json_object_get(request->arguments, "error");
    return !json_is_number(bound) ||
           mix_learner_error(learner) <= json_number_value(bound);
}

static bool at_least(const struct request *request, const char *name, double value)
{
    const json_t *bound = json_object_get(request->arguments, name);
    return !json_is_number(bound) || value >= json_number_value(bound);
}

enum answered answer_wait(struct stream *stream, struct request *request,
                          struct moment now)
{
    struct slot *slot = find_slot(stream, request);
    if (!has_condition(request)) {
        request_fail(
            request, CODE_ARGUMENT,
            "nothing to wait for: give points, updates, log_likelihood or error");
    }
    if (request->code != CODE_OK) {
        return ANSWERED;
    }
    if (slot == NULL || mix_learner_model(slot->learner) == NULL) {
        return WAITING;
    }
    struct mix_info info;
    mix_learner_info(slot->learner, &info);
    if (!at_least(request, "points", (double)info.points) ||
        !at_least(request, "updates", (double)info.updates) ||
        !at_least(request, "log_likelihood", info.log_likelihood) ||
        !is_precise(request, slot->learner)) {
        return WAITING;
    }
    return answer_model(stream, request, now);
}

enum answered answer_drain(struct stream *stream, struct request *request,
                           struct moment now)
{
    const bool has_key = argument_key(request) != NULL;
    struct slot *slot = has_key ? find_slot(stream, request) : NULL;
    if (request->code != CODE_OK) {
        return ANSWERED;
    }
    const uint64_t received = !has_key       ? stream->received
                              : slot != NULL ? slot->counts.received
                                             : 0;
    const uint64_t since = argument_count(request, "since", 0);
    if (received < since || received - since < argument_count(request, "sent", 0)) {
        return WAITING;
    }
    /* Work that is due is waited for as well, so that who drains sees the model of what
     * was sent; the points are all there, so its end is no condition. */
    if (stream_is_busy(stream) && now.ms < request->deadline_ms) {
        return WAITING;
    }
    const struct ledger ledger = slot != NULL ? slot_ledger(slot) : stream_ledger(stream);
    answer_take(request, json_pack("{s:o}", "ledger", ledger_json(&ledger)));
    return ANSWERED;
}

/* ---- Changing a stream ----------------------------------------------------- */

enum change { CHANGE_FREEZE, CHANGE_THAW, CHANGE_RESET };

static void change_slot(struct slot *slot, enum change change)
{
    slot->is_changed = true;
    switch (change) {
    case CHANGE_FREEZE:
        mix_learner_freeze(slot->learner);
        break;
    case CHANGE_THAW:
        mix_learner_thaw(slot->learner);
        break;
    case CHANGE_RESET:
        slot_reset(slot);
        break;
    }
}

/* Changes the model of the key, or, without a key, the whole stream. */
static enum answered change_stream(struct stream *stream, struct request *request,
                                   enum change change, struct moment now)
{
    static const char *const events[] = {"frozen", "thawed", "reset"};
    struct slot *slot = NULL;
    if (argument_key(request) != NULL) {
        slot = need_slot(stream, request);
        if (slot == NULL) {
            return ANSWERED;
        }
        change_slot(slot, change);
    } else {
        for (size_t i = 0; i < router_count(stream->router); i++) {
            change_slot(router_slot(stream->router, i), change);
        }
        stream->is_frozen =
            change == CHANGE_RESET ? stream->is_frozen : change == CHANGE_FREEZE;
        stream->kept.is_changed = true;
    }
    bulletin_event(stream, slot, events[change], now);
    bulletin_want_all(stream, now);
    log_info("stream %s%s%s: %s", stream->config->name, slot != NULL ? "/" : "",
             slot != NULL ? slot->key : "", events[change]);
    struct mix_info info = {.state = stream_state(stream)};
    if (slot != NULL) {
        mix_learner_info(slot->learner, &info);
    }
    answer_take(request, json_pack("{s:s}", "state", stream_state_name(info.state)));
    return ANSWERED;
}

enum answered answer_freeze(struct stream *stream, struct request *request,
                            struct moment now)
{
    return change_stream(stream, request, CHANGE_FREEZE, now);
}

enum answered answer_thaw(struct stream *stream, struct request *request,
                          struct moment now)
{
    return change_stream(stream, request, CHANGE_THAW, now);
}

enum answered answer_reset(struct stream *stream, struct request *request,
                           struct moment now)
{
    return change_stream(stream, request, CHANGE_RESET, now);
}
