/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "frame.h"
#include "socket.h"
#include "xalloc.h"

enum {
    QUEUE = 1000,     /* requests, and replies, a client */
    LINGER_MS = 1000, /* the reply to `stop` still goes out */
    ENVELOPE_MAX = 8, /* frames before the body: a client behind some proxies */
    CUT_OFF = 4,      /* times COMMAND_SIZE_MAX: below, the client is told */
};

struct control *control_open(const char *endpoint, struct fault *fault)
{
    struct control *control = xalloc(1, sizeof(*control));
    control->log = (struct log_limit)LOG_LIMIT_INIT;
    strcpy(control->log.subject, "control");
    control->sock = socket_new(
        &(struct socket_options){
            .type = ZMQ_ROUTER,
            .max_message = CUT_OFF * COMMAND_SIZE_MAX,
            .queue = QUEUE,
            .linger_ms = LINGER_MS,
        },
        fault);
    if (control->sock == NULL) {
        free(control);
        return NULL;
    }
    /* A reply that cannot be delivered is an error to us, not a silent loss, and never
     * makes the loop wait. */
    zsock_set_router_mandatory(control->sock, 1);
    zsock_set_sndtimeo(control->sock, 0);
    char *item[] = {xstrdup(endpoint)};
    const struct strings list = {1, item};
    const bool is_bound = attachment_open(&control->attachment, control->sock,
                                          "control.bind", true, &list, fault);
    free(item[0]);
    if (!is_bound) {
        control_close(&control);
    }
    return control;
}

void control_close(struct control **control)
{
    if (*control == NULL) {
        return;
    }
    zsock_destroy(&(*control)->sock);
    attachment_clear(&(*control)->attachment);
    free(*control);
    *control = NULL;
}

bool control_keep(struct control *control, struct fault *fault)
{
    static const char prefix[] = "ipc://";
    const char *endpoint = control->attachment.now.bound.item[0];
    struct stat status;
    if (strncmp(endpoint, prefix, strlen(prefix)) != 0 ||
        lstat(endpoint + strlen(prefix), &status) == 0) {
        return true;
    }
    /* Without letting go of the one that has no name any more: that would cut off its
     * clients, who may wait for a reply. */
    char *bound = socket_attach(control->sock, true, endpoint, "control.bind", fault);
    if (bound == NULL) {
        return false;
    }
    log_warn("%s: it was gone: bound again", endpoint);
    free(bound);
    return true;
}

struct request *control_receive(struct control *control, struct moment now)
{
    while ((zsock_events(control->sock) & ZMQ_POLLIN) != 0) {
        zmsg_t *message = zmsg_recv(control->sock);
        if (message == NULL) {
            return NULL;
        }
        if (zmsg_size(message) > ENVELOPE_MAX + 1) {
            log_limited(&control->log, now.ms, LEVEL_WARN,
                        "control: dropped a request of %zu frames", zmsg_size(message));
            zmsg_destroy(&message);
            continue;
        }
        struct request *request = request_new(REQUEST_COMMAND);
        zframe_t *body = zmsg_last(message);
        zmsg_remove(message, body);
        request->envelope = message;
        command_read(request, (const char *)zframe_data(body), zframe_size(body));
        zframe_destroy(&body);
        return request;
    }
    return NULL;
}

void control_reply(struct control *control, struct request **request)
{
    json_t *reply = request_reply(*request);
    char *text = reply != NULL ? frame_text(reply) : NULL;
    json_decref(reply);
    zmsg_t *message = (*request)->envelope;
    (*request)->envelope = NULL;
    if (text != NULL && message != NULL) {
        zmsg_addmem(message, text, strlen(text));
        if (zmsg_send(&message, control->sock) == -1) {
            log_debug("control: a client left before its reply");
        }
    }
    zmsg_destroy(&message);
    free(text);
    request_destroy(request);
}
