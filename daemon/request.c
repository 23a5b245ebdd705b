/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "log.h"
#include "xalloc.h"

struct request *request_new(enum request_kind kind)
{
    struct request *request = xalloc(1, sizeof(*request));
    request->kind = kind;
    return request;
}

void request_destroy(struct request **request)
{
    if (*request == NULL) {
        return;
    }
    zmsg_destroy(&(*request)->envelope);
    capture_destroy(&(*request)->capture);
    json_decref((*request)->arguments);
    json_decref((*request)->reply);
    free(*request);
    *request = NULL;
}

void request_drop(struct request **request)
{
    struct request *whole = *request != NULL ? (*request)->gather : NULL;
    request_destroy(request);
    if (whole != NULL && --whole->n_parts == 0) {
        request_destroy(&whole);
    }
}

void request_fail(struct request *request, enum request_code code, const char *format,
                  ...)
{
    if (request->code != CODE_OK) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    char text[REQUEST_ERROR_SIZE];
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* It may quote the client: control bytes, or a character cut in two. */
    log_escape(request->error, sizeof(request->error), text, strlen(text));
    request->code = code;
}

const char *request_code_name(enum request_code code)
{
    static const char *const names[] = {
#define X(name, code_) [CODE_##name] = code_,
        REQUEST_CODES(X)
#undef X
    };
    return names[code];
}

json_t *request_reply(const struct request *request)
{
    if (request->code != CODE_OK) {
        return json_pack("{s:b, s:s, s:s}", "ok", 0, "code",
                         request_code_name(request->code), "error", request->error);
    }
    json_t *reply = json_pack("{s:b}", "ok", 1);
    if (request->reply != NULL) {
        json_object_update(reply, request->reply);
    }
    return reply;
}

void request_push(struct request_queue *queue, struct request *request)
{
    request->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = request;
    } else {
        queue->first = request;
    }
    queue->last = request;
    queue->n++;
}

struct request *request_pop(struct request_queue *queue)
{
    struct request *request = queue->first;
    if (request != NULL) {
        queue->first = request->next;
        queue->last = queue->first != NULL ? queue->last : NULL;
        queue->n--;
        request->next = NULL;
    }
    return request;
}
