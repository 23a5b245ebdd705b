/* SPDX-License-Identifier: MIT
 *
 * Sending. A PUSH socket waits by itself for a peer and for room (ZMQ_IMMEDIATE: not
 * for a connection that may never come). An XPUB socket sends to nobody until a
 * subscription has arrived, so that is waited for; the first one also tells the topic
 * the daemon wants. ZMQ_XPUB_NODROP makes it wait for room as well. */
#include "outlet.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define TOPIC_MAX 256

struct outlet {
    void *socket;
    bool is_sub;
    bool is_subscribed;
    enum target_topic topic_place;
    size_t topic_size;
    char topic[TOPIC_MAX];
};

static void set_int(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof(value));
}

struct outlet *outlet_new(void *context, const struct target *target,
                          struct failure *failure)
{
    struct outlet *outlet = tool_need(calloc(1, sizeof(*outlet)));
    outlet->is_sub = target->is_sub;
    outlet->topic_place = target->topic;
    outlet->socket = tool_need(zmq_socket(context, target->is_sub ? ZMQ_XPUB : ZMQ_PUSH));
    set_int(outlet->socket, ZMQ_IMMEDIATE, 1);
    set_int(outlet->socket, ZMQ_SNDTIMEO, OUTLET_WAIT_MS);
    set_int(outlet->socket, ZMQ_RCVTIMEO, OUTLET_WAIT_MS);
    if (target->is_sub) {
        set_int(outlet->socket, ZMQ_XPUB_NODROP, 1);
    }
    const int rc = target->binds ? zmq_bind(outlet->socket, target->endpoint)
                                 : zmq_connect(outlet->socket, target->endpoint);
    if (rc == -1) {
        failure_set(failure, zmq_errno() == EINVAL ? EX_USAGE : EX_UNAVAILABLE,
                    "%s: cannot %s: %s", target->endpoint,
                    target->binds ? "bind" : "connect", zmq_strerror(zmq_errno()));
        outlet_destroy(&outlet, 0);
    }
    return outlet;
}

void outlet_destroy(struct outlet **outlet, double linger_s)
{
    if (*outlet != NULL) {
        set_int((*outlet)->socket, ZMQ_LINGER, (int)(1e3 * linger_s));
        zmq_close((*outlet)->socket);
        free(*outlet);
        *outlet = NULL;
    }
}

/* Waits for a subscription: a message of the byte 1 and the prefix. */
static bool wait_subscription(struct outlet *outlet)
{
    char message[1 + TOPIC_MAX];
    const int size = zmq_recv(outlet->socket, message, sizeof(message), 0);
    if (size < 1 || size > (int)sizeof(message) || message[0] != 1) {
        return false;
    }
    outlet->is_subscribed = true;
    outlet->topic_size = (size_t)size - 1;
    memcpy(outlet->topic, message + 1, outlet->topic_size);
    return true;
}

static enum outlet_result send_bytes(struct outlet *outlet, const void *data, size_t size,
                                     int flags)
{
    if (zmq_send(outlet->socket, data, size, flags) != -1) {
        return OUTLET_SENT;
    }
    return zmq_errno() == EAGAIN || zmq_errno() == EINTR ? OUTLET_BLOCKED : OUTLET_FAILED;
}

/* "topic body" in one part. */
static enum outlet_result send_joined(struct outlet *outlet, struct bytes topic,
                                      struct bytes body)
{
    const size_t size = topic.size + 1 + body.size;
    char *joined = tool_need(malloc(size));
    memcpy(joined, topic.data, topic.size);
    joined[topic.size] = ' ';
    memcpy(joined + topic.size + 1, body.data, body.size);
    const enum outlet_result result = send_bytes(outlet, joined, size, 0);
    free(joined);
    return result;
}

/* Only the first part can block: ZeroMQ takes a message whole or not at all. */
enum outlet_result outlet_send(struct outlet *outlet, const char *topic,
                               const struct parts *parts)
{
    const size_t n = parts_count(parts);
    if (outlet->is_sub && !outlet->is_subscribed && !wait_subscription(outlet)) {
        return OUTLET_BLOCKED;
    }
    const struct bytes prefix = topic != NULL
                                    ? (struct bytes){topic, strlen(topic)}
                                    : (struct bytes){outlet->topic, outlet->topic_size};
    if (outlet->topic_place == TARGET_TOPIC_SPACE && n == 1) {
        return send_joined(outlet, prefix, parts_get(parts, 0));
    }
    enum outlet_result result = OUTLET_SENT;
    if (outlet->topic_place == TARGET_TOPIC_FRAME) {
        result = send_bytes(outlet, prefix.data, prefix.size, ZMQ_SNDMORE);
    }
    for (size_t i = 0; i < n && result == OUTLET_SENT; i++) {
        const struct bytes part = parts_get(parts, i);
        result = send_bytes(outlet, part.data, part.size, i + 1 < n ? ZMQ_SNDMORE : 0);
    }
    return result;
}
