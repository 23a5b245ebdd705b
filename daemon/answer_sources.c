/* SPDX-License-Identifier: MIT
 *
 * The commands about the sources of a reliable feed. */
#include "answer.h"
#include "intake.h"
#include "stream.h"

/* JSON as jansson has it ends at 2^63 - 1; a larger number loses its last digits. */
static json_t *count_json(uint64_t count)
{
    return count <= INT64_MAX ? json_integer((json_int_t)count)
                              : json_real((double)count);
}

static const char *state_of(const struct roster_row *row)
{
    return row->missing > 0 ? "lost" : row->session != 0 ? "connected" : "away";
}

static json_t *row_json(const struct roster_row *row)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"safe", row->safe},         {"durable", row->durable},
        {"applied", row->applied},   {"received", row->received},
        {"rejected", row->rejected}, {"duplicate", row->duplicate},
        {"lost", row->lost},         {"takeovers", row->takeovers},
    };
    json_t *object =
        json_pack("{s:s, s:o, s:f}", "state", state_of(row), "incarnation",
                  json_sprintf("%016llx", (unsigned long long)row->incarnation),
                  "last_time", row->last_s);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        json_object_set_new(object, counts[i].name, count_json(counts[i].count));
    }
    return object;
}

/* False, with a failure: there are none. */
static bool has_sources(const struct stream *stream, struct request *request)
{
    if (stream->intake == NULL) {
        request_fail(request, CODE_REFUSED, "stream %s: its feed.type is not reliable",
                     stream->config->name);
    }
    return stream->intake != NULL;
}

static const char *argument_source(const struct request *request)
{
    return json_string_value(json_object_get(request->arguments, "source"));
}

static void fail_unknown(const struct stream *stream, struct request *request)
{
    request_fail(request, CODE_UNKNOWN_SOURCE, "source: stream %s knows no source \"%s\"",
                 stream->config->name, argument_source(request));
}

enum answered answer_sources(struct stream *stream, struct request *request,
                             struct moment now)
{
    (void)now;
    if (!has_sources(stream, request)) {
        return ANSWERED;
    }
    const struct roster *roster = intake_roster(stream->intake);
    const char *only = argument_source(request);
    json_t *sources = json_object();
    for (size_t i = 0; i < roster_count(roster); i++) {
        const struct roster_row *row = roster_at(roster, i);
        if (!row->is_forgotten && (only == NULL || strcmp(only, row->name) == 0)) {
            json_object_set_new(sources, row->name, row_json(row));
        }
    }
    request->reply = json_pack("{s:o}", "sources", sources);
    if (only != NULL && json_object_size(sources) == 0) {
        fail_unknown(stream, request);
    }
    return ANSWERED;
}

enum answered answer_forget_source(struct stream *stream, struct request *request,
                                   struct moment now)
{
    (void)now;
    if (!has_sources(stream, request)) {
        return ANSWERED;
    }
    const char *name = argument_source(request);
    const struct roster_row *row = roster_find(intake_roster(stream->intake), name);
    json_t *last = row != NULL && !row->is_forgotten ? row_json(row) : NULL;
    if (!intake_forget(stream->intake, name)) {
        fail_unknown(stream, request);
        return ANSWERED;
    }
    stream->kept.is_changed |= intake_is_changed(stream->intake);
    request->reply = json_pack("{s:s, s:o}", "source", name, "forgotten", last);
    return ANSWERED;
}
