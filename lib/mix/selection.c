/* SPDX-License-Identifier: MIT */
#include "selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "learner.h"
#include "match.h"
#include "special.h"

/* Nats that a candidate has to be ahead: a factor of 5e8 in probability. */
#define LEAD_MIN 20
#define ERRORS 2
/* A smaller number that is not clearly worse takes over once the published one has been
 * ahead by less than this (nats) for so many blocks: after a change no lead would ever
 * bring it back. */
#define LEAD_KEPT 5
#define BLOCKS_KEPT 64
/* Fewer blocks tell no error. */
#define BLOCKS_MIN 8
/* Points after which what was judged counts half, where the model does not forget. */
#define HALF_LIFE 32768
#define LN_2 0.69314718055994530942
/* A component goes on as another if it answers for so much of the same points. */
#define SAME_COMPONENT 0.5
/* Points drawn from the published model to find that out. */
#define DRAWS 2048

/* All candidates warm up together, as long as the largest needs. */
static struct mix_options options_of(const struct mix_options *options, size_t components)
{
    struct mix_options largest = *options, own = *options;
    largest.components = options->components_max;
    own.components = components;
    own.components_max = 0;
    own.warmup = learner_warmup(&largest);
    return own;
}

struct selection *selection_new(const struct mix_options *options, enum mix_err *err)
{
    struct selection *selection = calloc(1, sizeof(*selection));
    *err = selection == NULL ? MIX_ENOMEM : MIX_OK;
    for (size_t k = options->components; *err == MIX_OK && k <= options->components_max;
         k++) {
        const struct mix_options own = options_of(options, k);
        selection->candidate[selection->n] = mix_learner_new(&own, err);
        selection->n += *err == MIX_OK;
    }
    if (*err != MIX_OK) {
        selection_destroy(&selection);
    }
    return selection;
}

void selection_destroy(struct selection **selection)
{
    if (*selection != NULL) {
        for (size_t c = 0; c < (*selection)->n; c++) {
            mix_learner_destroy(&(*selection)->candidate[c]);
        }
        events_clear(&(*selection)->events);
        free(*selection);
        *selection = NULL;
    }
}

bool selection_reserve(struct selection *selection)
{
    bool is_there = true;
    for (size_t c = 0; c < selection->n; c++) {
        is_there = is_there && learner_reserve(selection->candidate[c], NULL);
    }
    return is_there;
}

void selection_release(struct selection *selection)
{
    for (size_t c = 0; c < selection->n; c++) {
        learner_release(selection->candidate[c]);
    }
}

static struct mix_learner *published(const struct selection *selection)
{
    return selection->candidate[selection->published];
}

/* ---- Choosing ------------------------------------------------------------ */

static void clear_sums(struct selection *selection)
{
    selection->blocks = 0;
    memset(selection->total, 0, sizeof(selection->total));
    memset(selection->squares, 0, sizeof(selection->squares));
}

static double *square(struct selection *selection, size_t c, size_t d)
{
    return &selection->squares[c * MIX_RANGE_MAX + d];
}

/* Standard error of T_c - T_d. */
static double error_between(struct selection *selection, size_t c, size_t d)
{
    const double m = selection->blocks;
    const double difference = selection->total[c] - selection->total[d];
    const double sum = *square(selection, c, d) - difference * (difference / m);
    return sqrt(fmax(sum, 0) * m / (m - 1));
}

/* The smallest that is not clearly worse than the best. */
static size_t choose(struct selection *selection)
{
    size_t best = 0, chosen = 0;
    for (size_t c = 1; c < selection->n; c++) {
        best = selection->total[c] > selection->total[best] ? c : best;
    }
    while (chosen < best && selection->total[best] - selection->total[chosen] >
                                ERRORS * error_between(selection, best, chosen)) {
        chosen++;
    }
    return chosen;
}

/* Components of the new model that go on as one of the old take its identity, the others
 * get a new one. Without memory all are new. */
static void hand_over_names(struct mix_learner *old, struct mix_learner *new)
{
    const size_t n_old = old->slow_model->shape.components,
                 n_new = new->slow_model->shape.components;
    struct points *points = model_draw(learner_model(old), DRAWS);
    struct match *match =
        points != NULL ? match_new(learner_model(old), learner_model(new), points) : NULL;
    new->next_id = old->next_id > new->next_id ? old->next_id : new->next_id;
    learner_name_components(new);
    for (size_t k = 0; match != NULL && k < n_old; k++) {
        const size_t l = match->partner[k];
        if (l < n_new && match->overlap[k * match->components + l] >= SAME_COMPONENT) {
            new->ids[l] = old->ids[k];
        }
    }
    match_destroy(&match);
    points_destroy(&points);
}

static void publish(struct selection *selection, size_t chosen)
{
    struct mix_learner *old = published(selection), *new = selection->candidate[chosen];
    const double lead = selection->total[chosen] - selection->total[selection->published];
    if (chosen == selection->published || !old->has_model || !new->has_model) {
        return;
    }
    hand_over_names(old, new);
    events_add(&selection->events,
               (struct mix_event){.kind = MIX_EVENT_COMPONENTS,
                                  .added = new->counts.added,
                                  .id = new->slow_model->shape.components,
                                  .other = old->slow_model->shape.components,
                                  .value = lead});
    selection->published = chosen;
    clear_sums(selection);
}

static double half_life_points(const struct mix_options *options)
{
    return options->window > 0 ? (double)options->window : HALF_LIFE;
}

static void take_scores(struct selection *selection, const double *scores, double weight)
{
    const struct mix_options *options = &published(selection)->options;
    const double kept = special_exp(-LN_2 * weight / half_life_points(options));
    selection->blocks = selection->blocks * kept + 1;
    for (size_t c = 0; c < selection->n; c++) {
        selection->total[c] = selection->total[c] * kept + (scores[c] - scores[0]);
        for (size_t d = 0; d < selection->n; d++) {
            const double difference = scores[c] - scores[d];
            double *sum = square(selection, c, d);
            *sum = *sum * kept + difference * difference;
        }
    }
}

/* Takes the scores of the block before, and decides. */
static void decide(struct selection *selection, const double *scores)
{
    take_scores(selection, scores, published(selection)->recent_weight);
    if (selection->blocks < BLOCKS_MIN || selection->stage != UINT64_MAX) {
        return;
    }
    const size_t chosen = choose(selection);
    const double lead = selection->total[chosen] - selection->total[selection->published];
    const bool is_spared = chosen < selection->published &&
                           selection->blocks >= BLOCKS_KEPT && lead > -LEAD_KEPT;
    if (lead > LEAD_MIN || is_spared) {
        publish(selection, chosen);
    }
}

static uint64_t stage_of(const struct mix_learner *learner)
{
    return learner->is_warm ? UINT64_MAX : learner->next_fit;
}

/* A fit of the warm-up has made all models new. */
static void follow_stage(struct selection *selection)
{
    const uint64_t stage = stage_of(published(selection));
    if (stage != selection->stage) {
        if (selection->blocks >= BLOCKS_MIN && selection->stage != UINT64_MAX) {
            publish(selection, choose(selection));
        }
        selection->stage = stage;
        clear_sums(selection);
    }
}

/* What such a candidate predicted before says nothing of what it is now. */
static bool is_made_new(enum mix_event_kind kind)
{
    return kind == MIX_EVENT_DRIFT || kind == MIX_EVENT_REFIT || kind == MIX_EVENT_SPLIT;
}

/* The events of the published model; those of the others are nobody's. */
static void collect_events(struct selection *selection)
{
    struct mix_event event;
    for (size_t c = 0; c < selection->n; c++) {
        while (mix_learner_event(selection->candidate[c], &event)) {
            if (is_made_new(event.kind)) {
                clear_sums(selection);
            }
            if (c == selection->published) {
                events_add(&selection->events, event);
            }
        }
    }
}

/* After rows that may have ended a block. */
static void follow(struct selection *selection)
{
    double scores[MIX_RANGE_MAX];
    const bool is_scored = published(selection)->recent_weight > 0;
    for (size_t c = 0; c < selection->n; c++) {
        scores[c] = selection->candidate[c]->recent_score;
    }
    if (is_scored) {
        decide(selection, scores);
    }
    for (size_t c = 0; c < selection->n; c++) {
        selection->candidate[c]->recent_score = 0;
        selection->candidate[c]->recent_weight = 0;
    }
    collect_events(selection);
}

/* ---- Rows ---------------------------------------------------------------- */

struct mix_learner *selection_due(const struct selection *selection)
{
    for (size_t c = 0; c < selection->n; c++) {
        if (job_is_due(selection->candidate[c])) {
            return selection->candidate[c];
        }
    }
    return NULL;
}

/* Rows that all candidates take without a block of one of them ending among them. */
static size_t room_of(const struct selection *selection, size_t n)
{
    for (size_t c = 0; c < selection->n; c++) {
        const size_t room = learner_room(selection->candidate[c]);
        n = room < n ? room : n;
    }
    return n;
}

enum mix_err selection_add(struct selection *selection, const struct mix_rows *rows,
                           size_t *taken)
{
    *taken = 0;
    while (*taken < rows->n) {
        struct mix_learner *due = selection_due(selection);
        if (due != NULL) {
            return job_prepare(due);
        }
        follow_stage(selection);
        collect_events(selection); /* of what ran between */
        const struct mix_rows part = {
            .x = rows->x + *taken * rows->stride,
            .n = room_of(selection, rows->n - *taken),
            .stride = rows->stride,
            .weight = rows->weight == NULL ? NULL : rows->weight + *taken,
            .time = rows->time == NULL ? NULL : rows->time + *taken};
        size_t got = 0;
        for (size_t c = 0; c < selection->n; c++) {
            const enum mix_err err =
                mix_learner_add(selection->candidate[c], &part, &got);
            if (err != MIX_OK) {
                return err; /* the stride: nobody took any */
            }
        }
        *taken += got;
        follow(selection);
    }
    return MIX_OK;
}

void selection_finish(struct selection *selection)
{
    for (size_t c = 0; c < selection->n; c++) {
        mix_learner_finish(selection->candidate[c]);
    }
    follow(selection);
    follow_stage(selection);
}

void selection_reset(struct selection *selection)
{
    uint64_t next_id = 0;
    collect_events(selection);
    for (size_t c = 0; c < selection->n; c++) {
        struct mix_learner *candidate = selection->candidate[c];
        mix_learner_reset(candidate);
        next_id = candidate->next_id > next_id ? candidate->next_id : next_id;
    }
    for (size_t c = 0; c < selection->n; c++) {
        selection->candidate[c]->next_id = next_id;
    }
    selection->published = 0;
    selection->stage = 0;
    clear_sums(selection);
}

bool selection_event(struct selection *selection, struct mix_event *event)
{
    collect_events(selection);
    return events_take(&selection->events, event);
}

/* ---- State --------------------------------------------------------------- */

void selection_walk(struct codec *codec, struct selection *selection)
{
    uint64_t place = selection->published;
    codec_u64(codec, &place);
    codec->has_failed = codec->has_failed || place >= selection->n;
    selection->published = codec->has_failed ? 0 : (size_t)place;
    codec_u64(codec, &selection->stage);
    codec_f64(codec, &selection->blocks);
    codec_f64s(codec, selection->total, selection->n);
    for (size_t c = 0; c < selection->n; c++) {
        codec_f64s(codec, square(selection, c, 0), selection->n);
    }
    encode_events(codec, &selection->events);
    for (size_t c = 0; c < selection->n; c++) {
        encode_walk(codec, selection->candidate[c], true);
    }
}

enum mix_err selection_judge(const struct codec *codec, struct selection *selection)
{
    struct codec end = *codec;
    bool is_sound =
        codec->at == codec->size && isfinite(selection->blocks) && selection->blocks >= 0;
    end.size = end.at; /* that there are no bytes left is judged once */
    for (size_t c = 0; c < selection->n; c++) {
        is_sound = is_sound && isfinite(selection->total[c]) &&
                   selection->candidate[c]->counts.added ==
                       selection->candidate[0]->counts.added;
        for (size_t d = 0; d < selection->n; d++) {
            const double sum = *square(selection, c, d);
            is_sound = is_sound && isfinite(sum) && sum >= 0;
        }
        const enum mix_err err = encode_judge(&end, selection->candidate[c]);
        if (err != MIX_OK) {
            return err;
        }
    }
    return is_sound ? MIX_OK : MIX_ECORRUPT;
}
