/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include <jansson.h>

#include "commands.h"
#include "request.h"
#include "stream.h"

/* The time is checked by the table of commands: 0 to a day. */
static double timeout_s(const struct request *request)
{
    const json_t *value = json_object_get(request->arguments, "timeout");
    return json_is_number(value) ? json_number_value(value) : request->command->timeout_s;
}

bool waiting_answer(struct stream *stream, struct request *request, struct moment now)
{
    request->deadline_ms = now.ms + (int64_t)(1000 * timeout_s(request));
    if (request->command->ask(stream, request, now) == ANSWERED) {
        return true;
    }
    if (stream->waiting.n >= WAITING_MAX) {
        request_fail(request, CODE_REFUSED, "stream %s: %d requests wait already",
                     stream->config->name, WAITING_MAX);
        return true;
    }
    request_push(&stream->waiting, request);
    return false;
}

static void send_answer(struct stream *stream, struct request *request)
{
    stream->outlet.send(stream->outlet.context, post_new(POST_ANSWER, request));
}

void waiting_check(struct stream *stream, struct moment now)
{
    for (size_t left = stream->waiting.n; left > 0; left--) {
        struct request *request = request_pop(&stream->waiting);
        const bool is_answered = request->command->ask(stream, request, now) == ANSWERED;
        if (!is_answered && now.ms < request->deadline_ms) {
            request_push(&stream->waiting, request);
            continue;
        }
        if (!is_answered) {
            request_fail(request, CODE_TIMEOUT,
                         "stream %s: not so within %g s, %" PRIu64 " points received",
                         stream->config->name, timeout_s(request), stream->received);
        }
        send_answer(stream, request);
    }
}

int64_t waiting_due(const struct stream *stream)
{
    int64_t due_ms = MOMENT_NEVER;
    for (const struct request *r = stream->waiting.first; r != NULL; r = r->next) {
        due_ms = r->deadline_ms < due_ms ? r->deadline_ms : due_ms;
    }
    return due_ms;
}

void waiting_refuse(struct stream *stream)
{
    struct request *request;
    while ((request = request_pop(&stream->waiting)) != NULL) {
        request_fail(request, CODE_REFUSED, "the daemon stops");
        send_answer(stream, request);
    }
}
