/* SPDX-License-Identifier: MIT
 *
 * The whole state of a learner as one relocatable value; encode.h draws its envelope,
 * the members follow in the order of encode_walk().
 *
 * Caches are derived again, scratch and work under way are left out. A state is read
 * into a new learner of the same options: sizes come from the options, never from the
 * bytes, and the bytes say only how many rows of a known capacity are in use.
 */
#include "encode.h"

#include <string.h>

/* What came with later versions; before, no learner had it. */
#define SINCE_DORMANCY 2
#define SINCE_BATCHES 3
#define SINCE_STRETCH 3
#define SINCE_HIGH_SCORE 4
#define HEADER 32
#define TRAILER 8

/* ---- The members --------------------------------------------------------- */

/* Whether the members of that version are passed: all of them are written. */
static bool has_members(const struct codec *codec, uint64_t since)
{
    return codec->mode != CODEC_READ || codec->version >= since;
}

static void walk_stats(struct codec *codec, struct stats *stats,
                       const struct shape *shape)
{
    codec_f64s(codec, stats->rho, shape->components);
    codec_f64s(codec, stats->values, shape->stats_size);
    if (shape->has_noise) {
        codec_f64(codec, &stats->noise);
    }
}

static void walk_model(struct codec *codec, struct mix_model *model)
{
    codec_f64s(codec, model->weights, model->shape.components);
    codec_f64s(codec, model->param, model->shape.param_size);
    if (model->noise != NULL) {
        walk_model(codec, model->noise);
    }
}

static void walk_scales(struct codec *codec, struct scales *scales)
{
    const size_t dims = scales->dimensions;
    codec_f64s(codec, scales->median, dims);
    codec_f64s(codec, scales->mean, dims);
    codec_f64s(codec, scales->sd, dims);
    codec_f64s(codec, scales->variance, dims);
    codec_f64s(codec, scales->step, dims);
    codec_f64s(codec, scales->floor, dims);
    codec_f64s(codec, scales->s0, dims);
}

static void walk_counts(struct codec *codec, struct counts *counts)
{
    codec_u64(codec, &counts->added);
    codec_u64(codec, &counts->learned);
    codec_u64(codec, &counts->unscorable);
    codec_u64(codec, &counts->frozen);
    codec_u64(codec, &counts->deferred);
    codec_u64(codec, &counts->points);
    codec_u64(codec, &counts->updates);
}

/* The bins that hold something; before, all of them. */
static void walk_tail(struct codec *codec, struct tail *tail)
{
    uint64_t stretch[2] = {0, TAIL_BINS};
    size_t first, n;
    codec_f64(codec, &tail->reference);
    codec_f64(codec, &tail->unit);
    codec_f64(codec, &tail->total);
    tail_stretch(tail, &first, &n);
    if (has_members(codec, SINCE_STRETCH)) {
        stretch[0] = codec->mode == CODEC_READ ? 0 : first;
        stretch[1] = codec->mode == CODEC_READ ? 0 : n;
        codec_u64s(codec, stretch, 2);
    }
    if (codec->mode == CODEC_READ) {
        codec->has_failed = codec->has_failed || stretch[0] > TAIL_BINS ||
                            stretch[1] > TAIL_BINS - stretch[0];
        codec->has_failed =
            codec->has_failed || !tail_reserve(tail, stretch[0], stretch[0] + stretch[1]);
    }
    if (!codec->has_failed && stretch[1] > 0) {
        codec_f64s(codec, tail->bins + (stretch[0] - tail->first), stretch[1]);
    }
}

static void walk_detector(struct codec *codec, struct detector *detector)
{
    codec_f64(codec, &detector->sum);
    codec_u64(codec, &detector->blocks);
    codec_f64(codec, &detector->mean);
    codec_f64(codec, &detector->squares);
}

static void walk_dormancy(struct codec *codec, struct mix_learner *learner)
{
    struct dormancy *dormancy = learner->dormancy;
    uint64_t n_dormant = dormancy->n_dormant;
    codec_u64(codec, &n_dormant);
    dormancy->n_dormant = (size_t)n_dormant;
    codec_u64(codec, &dormancy->n_witnesses);
    codec_f64s(codec, dormancy->value, dormancy->dimensions);
    codec_u64s(codec, dormancy->differing, dormancy->dimensions);
    if (codec->mode == CODEC_READ && !dormancy_reserve(dormancy)) {
        codec->has_failed = true;
        return;
    }
    codec_points(codec, dormancy->witnesses);
    dormancy_release(dormancy);
    codec_bool(codec, &learner->is_idle);
    codec_bool(codec, &learner->has_woken);
}

static void walk_batches(struct codec *codec, struct batches *batches,
                         const struct shape *shape)
{
    const size_t k = shape->components, d = shape->dimensions;
    uint64_t n = batches->n;
    codec_u64(codec, &n);
    codec->has_failed = codec->has_failed || n >= BATCHES_MAX;
    batches->n = codec->has_failed ? 0 : (size_t)n;
    codec_u64(codec, &batches->length);
    codec_u64(codec, &batches->blocks);
    codec_f64(codec, &batches->open_weight);
    codec_f64s(codec, batches->weight, batches->n);
    codec_f64s(codec, batches->share, batches->n * k);
    codec_f64s(codec, batches->mean, batches->n * k * d);
    codec_f64s(codec, batches->mass, k);
    codec_f64s(codec, batches->squares, k);
    if (batches->blocks > 0) {
        walk_stats(codec, batches->open, shape);
    }
}

static void walk_model_state(struct codec *codec, struct mix_learner *learner)
{
    walk_stats(codec, learner->fast, &learner->slow_model->shape);
    walk_stats(codec, learner->slow, &learner->slow_model->shape);
    (void)model_settle(learner->slow_model); /* the same bytes whether it was read or not */
    walk_model(codec, learner->fast_model);
    walk_model(codec, learner->slow_model);
    walk_scales(codec, learner->scales);
    codec_f64(codec, &learner->pace.base);
    codec_f64(codec, &learner->pace.n);
    codec_f64(codec, &learner->pace.na);
    codec_f64(codec, &learner->clock.now);
    codec_bool(codec, &learner->clock.is_set);
    codec_u64s(codec, learner->ids, learner->slow_model->shape.components);
    codec_u64(codec, &learner->floored);
    walk_tail(codec, &learner->tail);
    if (learner->watch != NULL) {
        walk_stats(codec, learner->watch->stats, &learner->slow_model->shape);
        walk_model(codec, learner->watch->model);
        walk_detector(codec, &learner->watch->detector);
    }
    if (has_members(codec, SINCE_BATCHES)) {
        walk_batches(codec, learner->batches, &learner->slow_model->shape);
    }
}

static void walk_event(struct codec *codec, struct mix_event *event)
{
    uint64_t kind = event->kind;
    codec_u64(codec, &kind);
    codec->has_failed = codec->has_failed || kind >= MIX_EVENT_KINDS;
    event->kind = codec->has_failed ? MIX_EVENT_DRIFT : (enum mix_event_kind)kind;
    codec_u64(codec, &event->added);
    codec_u64(codec, &event->id);
    codec_u64(codec, &event->other);
    codec_f64(codec, &event->value);
}

/* Those that are held; where in the ring does not matter. */
void encode_events(struct codec *codec, struct events *events)
{
    uint64_t n = events->next - events->first;
    codec_u64(codec, &n);
    if (n > EVENTS_MAX) {
        codec->has_failed = true;
        n = 0;
    }
    if (codec->mode == CODEC_READ) {
        codec->has_failed = codec->has_failed || (n > 0 && !events_reserve(events));
        events->first = 0;
        events->next = codec->has_failed ? 0 : n;
    }
    for (uint64_t i = events->first; i < events->next; i++) {
        walk_event(codec, &events->ring[i % EVENTS_MAX]);
    }
}

static void walk_reservoir(struct codec *codec, struct mix_learner *learner)
{
    codec_u64(codec, &learner->reservoir.age);
    codec_u64(codec, &learner->reservoir.drawn);
    codec_u64(codec, &learner->reservoir.next);
    codec_f64(codec, &learner->reservoir.largest);
    codec_u64(codec, &learner->next_challenge);
    codec_u64(codec, &learner->last_challenge);
    codec_bool(codec, &learner->is_challenged);
    codec_bool(codec, &learner->has_changed);
    codec_bool(codec, &learner->is_ending);
}

/* Where the rows have been read already, only their number is left to agree. */
static void walk_memory(struct codec *codec, struct points *memory, bool with_rows)
{
    uint64_t n = points_count(memory);
    uint64_t replaced = points_mark(memory).replaced;
    if (with_rows) {
        codec_points(codec, memory);
        return;
    }
    codec_u64(codec, &n);
    if (has_members(codec, ENCODE_SINCE_LOG)) {
        codec_u64(codec, &replaced);
    }
    codec->has_failed = codec->has_failed || n != points_count(memory) ||
                        replaced != points_mark(memory).replaced;
}

/* Queued rows are written as points are, and read as such. */
static void walk_open(struct codec *codec, struct mix_learner *learner)
{
    uint64_t n = learner->queue.n;
    bool has_weight = false, has_time = false;
    if (codec->mode == CODEC_READ || n == 0) {
        codec_points(codec, learner->open);
        return;
    }
    codec_u64(codec, &n);
    codec_bool(codec, &has_weight);
    codec_bool(codec, &has_time);
    struct queue_part *part = learner->first_part;
    for (size_t j = 0; j * QUEUE_PART < n; j++, part = part->next) {
        const size_t left = n - j * QUEUE_PART;
        const size_t rows = left < QUEUE_PART ? left : QUEUE_PART;
        codec_f64s(codec, part->x, rows * learner->slow_model->shape.dimensions);
    }
}

void encode_walk(struct codec *codec, struct mix_learner *learner, bool with_rows)
{
    if (learner->selection != NULL) {
        selection_walk(codec, learner->selection);
        return;
    }
    uint64_t next_fit = learner->next_fit;
    codec_bool(codec, &learner->has_model);
    codec_bool(codec, &learner->is_warm);
    codec_bool(codec, &learner->is_frozen);
    codec_u64(codec, &next_fit);
    learner->next_fit = (size_t)next_fit;
    codec_u64(codec, &learner->next_id);
    walk_counts(codec, &learner->counts);
    codec_f64(codec, &learner->mean_score);
    codec_f64(codec, &learner->score_weight);
    if (has_members(codec, SINCE_HIGH_SCORE)) {
        codec_f64(codec, &learner->high_score);
    }
    walk_memory(codec, learner->memory, with_rows);
    walk_open(codec, learner);
    walk_reservoir(codec, learner);
    encode_events(codec, &learner->events);
    if (has_members(codec, SINCE_DORMANCY)) {
        walk_dormancy(codec, learner);
    }
    if (learner->has_model) {
        walk_model_state(codec, learner);
    }
}

/* ---- Writing ------------------------------------------------------------- */

/* A number more in a fingerprint. */
static uint64_t mix_in(uint64_t sum, double value)
{
    unsigned char bytes[2 * 8];
    struct codec codec = {.mode = CODEC_WRITE, .out = bytes};
    codec_u64(&codec, &sum);
    codec_f64(&codec, &value);
    return codec_checksum(bytes, codec.at);
}

uint64_t encode_fingerprint(const struct mix_options *options)
{
    unsigned char bytes[12 * 8];
    struct codec codec = {.mode = CODEC_WRITE, .out = bytes};
    uint64_t numbers[] = {options->dimensions,  options->components, options->covariance,
                          options->seed,        options->block,      options->warmup,
                          options->marginalize, options->adapt,      options->window};
    double steps[] = {options->step_exponent, options->step_offset, options->half_life};
    codec_u64s(&codec, numbers, sizeof(numbers) / sizeof(numbers[0]));
    codec_f64s(&codec, steps, sizeof(steps) / sizeof(steps[0]));
    uint64_t sum = codec_checksum(bytes, codec.at);
    for (size_t d = 0; options->resolution != NULL && d < options->dimensions; d++) {
        sum = mix_in(sum, options->resolution[d]);
    }
    if (options->components_max > options->components) {
        sum = mix_in(sum, (double)options->components_max);
    }
    if (options->noise) {
        sum = mix_in(sum, 1);
    }
    /* What is all gaussian has the fingerprint of before there were other families. */
    const bool is_product = shape_of(options).has_offset;
    for (size_t d = 0; is_product && d < options->dimensions; d++) {
        sum = mix_in(sum, (double)mix_options_family(options, d));
    }
    return is_product ? mix_in(sum, (double)options->categories) : sum;
}

void encode_open(struct codec *codec, const char *magic, size_t size,
                 const struct mix_options *options)
{
    uint64_t header[] = {ENCODE_VERSION, ENCODE_FRAME + size,
                         encode_fingerprint(options)};
    memcpy(codec->out, magic, ENCODE_MAGIC_SIZE);
    codec->at = ENCODE_MAGIC_SIZE;
    codec_u64s(codec, header, 3);
}

void encode_close(struct codec *codec)
{
    uint64_t checksum = codec_checksum(codec->out, codec->at);
    codec_u64(codec, &checksum);
}

size_t mix_learner_encoded_size(const struct mix_learner *learner)
{
    /* The codec only looks when it measures or writes; the copy shares the arrays. */
    struct mix_learner view = *learner;
    struct codec codec = {.mode = CODEC_MEASURE};
    encode_walk(&codec, &view, true);
    return ENCODE_FRAME + codec.at;
}

void mix_learner_encode(const struct mix_learner *learner, void *bytes)
{
    struct mix_learner view = *learner;
    struct codec codec = {.mode = CODEC_WRITE, .out = bytes};
    const size_t size = mix_learner_encoded_size(learner) - ENCODE_FRAME;
    encode_open(&codec, ENCODE_WHOLE, size, &learner->options);
    encode_walk(&codec, &view, true);
    encode_close(&codec);
}

/* ---- Reading ------------------------------------------------------------- */

enum mix_err encode_enter(struct codec *codec, const char *magic,
                          const struct mix_options *options, const void *bytes,
                          size_t size)
{
    uint64_t header[3], checksum;
    *codec = (struct codec){.mode = CODEC_READ, .in = bytes, .size = size};
    if (size < ENCODE_FRAME || memcmp(bytes, magic, ENCODE_MAGIC_SIZE) != 0) {
        return MIX_ECORRUPT;
    }
    codec->at = ENCODE_MAGIC_SIZE;
    codec_u64s(codec, header, 3);
    if (header[0] > ENCODE_VERSION) {
        return MIX_EVERSION;
    }
    codec->at = size - TRAILER;
    codec_u64(codec, &checksum);
    if (header[0] == 0 || header[1] != size ||
        checksum != codec_checksum(bytes, size - TRAILER)) {
        return MIX_ECORRUPT;
    }
    codec->version = header[0];
    codec->at = HEADER;
    codec->size = size - TRAILER;
    return header[2] == encode_fingerprint(options) ? MIX_OK : MIX_EMISMATCH;
}
