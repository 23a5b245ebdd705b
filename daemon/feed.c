/* SPDX-License-Identifier: MIT
 *
 * The socket is read with zmq_msg_recv() and without waiting: a czmq frame costs three
 * times as much. A message larger than max_message is rejected here, by its size alone;
 * the socket cuts a peer off only at four times that, because it takes what was queued
 * behind the message with it. */
#include "feed.h"

#include <string.h>
#include <zmq.h>

#include "config_text.h"
#include "socket.h"
#include "xalloc.h"

enum { PEER_CUT_OFF = 4 }; /* times max_message */

/* So long the last words of a reliable feed find their way. */
enum { FAREWELL_MS = 100 };

static const int socket_types[] = {ZMQ_PULL, ZMQ_SUB, ZMQ_ROUTER};

static void set_prefixes(void *handle, int option, const struct strings *prefixes,
                         const struct strings *except)
{
    for (size_t i = 0; i < prefixes->n; i++) {
        const char *prefix = prefixes->item[i];
        if (!strings_have(except, prefix)) {
            zmq_setsockopt(handle, option, prefix, strlen(prefix));
        }
    }
}

/* Subscribes to these prefixes and no longer to others, without a gap for those that
 * stay. */
static void subscribe(struct feed *feed, void *handle, const struct strings *prefixes)
{
    set_prefixes(handle, ZMQ_SUBSCRIBE, prefixes, &feed->subscribed);
    set_prefixes(handle, ZMQ_UNSUBSCRIBE, &feed->subscribed, prefixes);
    strings_copy(&feed->subscribed, prefixes);
}

/* So that a peer that has gone, or does not read, is an error at once: without it libzmq
 * takes the rest of the reply and drops it. */
static void set_router(void *handle)
{
    const int on = 1;
    zmq_setsockopt(handle, ZMQ_ROUTER_MANDATORY, &on, sizeof(on));
}

static zsock_t *open_socket(struct feed *feed, const char *name, struct fault *fault)
{
    const struct feed_config *config = feed->config;
    zsock_t *sock = socket_new(
        &(struct socket_options){
            .type = socket_types[config->type],
            .max_message = PEER_CUT_OFF * config->max_message,
            .queue = (int)config->queue,
            .linger_ms = config->type == FEED_RELIABLE ? FAREWELL_MS : 0,
        },
        fault);
    if (sock == NULL) {
        return NULL;
    }
    if (config->type == FEED_SUB) {
        subscribe(feed, zsock_resolve(sock), &config->subscribe);
    }
    if (config->type == FEED_RELIABLE) {
        set_router(zsock_resolve(sock));
    }
    char place[128];
    snprintf(place, sizeof(place), "streams.%s.feed", name);
    if (!attachment_open(&feed->attachment, sock, place, config->binds,
                         &config->endpoints, fault)) {
        zsock_destroy(&sock);
    }
    return sock;
}

struct feed *feed_open(const struct feed_config *config, const char *name,
                       struct fault *fault)
{
    struct feed *feed = xalloc(1, sizeof(*feed));
    feed->config = config;
    feed->sock = open_socket(feed, name, fault);
    if (feed->sock == NULL) {
        strings_clear(&feed->subscribed);
        free(feed);
        return NULL;
    }
    feed->handle = zsock_resolve(feed->sock);
    return feed;
}

void feed_close(struct feed **feed)
{
    if (*feed == NULL) {
        return;
    }
    feed_release(*feed);
    zsock_destroy(&(*feed)->sock);
    attachment_clear(&(*feed)->attachment);
    strings_clear(&(*feed)->subscribed);
    free(*feed);
    *feed = NULL;
}

bool feed_move(struct feed *feed, const struct feed_config *next, struct fault *fault)
{
    return attachment_move(&feed->attachment, next->binds, &next->endpoints, fault);
}

void feed_settle(struct feed *feed, const struct feed_config *next, bool is_done)
{
    attachment_settle(&feed->attachment, is_done);
    if (is_done && next->type == FEED_SUB) {
        subscribe(feed, feed->handle, &next->subscribe);
    }
}

void feed_release(struct feed *feed)
{
    for (size_t i = 0; i < feed->n_held; i++) {
        zmq_msg_close(&feed->held[i]);
    }
    feed->n_held = 0;
}

/* Receives all parts, keeps the first ones; *size gets the bytes of all. A message
 * arrives whole, so only its first part can be missing. */
static bool receive_parts(struct feed *feed, size_t *size)
{
    *size = 0;
    for (;;) {
        if (feed->n_held == FEED_PARTS) { /* more than there can be: keep none of it */
            zmq_msg_close(&feed->held[--feed->n_held]);
        }
        zmq_msg_t *part = &feed->held[feed->n_held];
        zmq_msg_init(part);
        if (zmq_msg_recv(part, feed->handle, ZMQ_DONTWAIT) == -1) {
            zmq_msg_close(part);
            return false;
        }
        feed->n_held++;
        *size += zmq_msg_size(part);
        if (!zmq_msg_more(part)) {
            return true;
        }
    }
}

static struct bytes held_bytes(struct feed *feed, size_t i)
{
    return (struct bytes){zmq_msg_data(&feed->held[i]), zmq_msg_size(&feed->held[i])};
}

/* The first part is "TOPIC BODY": makes two of it. */
static void split_at_blank(struct feed *feed)
{
    const struct bytes whole = feed->part[0];
    const char *start = whole.data;
    const char *blank = whole.size > 0 ? memchr(start, ' ', whole.size) : NULL;
    if (blank == NULL) {
        feed->reason = REASON_FRAMES;
        feed->detail = "no blank behind a topic: feed.topic is space";
        return;
    }
    feed->topic = (struct bytes){start, (size_t)(blank - start)};
    feed->part[0] = (struct bytes){blank + 1, whole.size - feed->topic.size - 1};
}

/* Whether the first frame is not of the body. */
static bool has_envelope(const struct feed *feed)
{
    return feed->config->type == FEED_RELIABLE ||
           (feed->config->topic == TOPIC_FRAME && feed->n_held > 1);
}

bool feed_receive(struct feed *feed)
{
    const struct bytes none = {NULL, 0};
    size_t size;
    feed_release(feed);
    if (!receive_parts(feed, &size)) {
        feed_release(feed);
        return false;
    }
    const bool is_reliable = feed->config->type == FEED_RELIABLE;
    const bool is_enveloped = has_envelope(feed);
    const size_t first = is_enveloped ? 1 : 0;
    feed->n_parts = feed->n_held - first;
    for (size_t i = 0; i < feed->n_parts; i++) {
        feed->part[i] = held_bytes(feed, first + i);
    }
    feed->topic = is_enveloped && !is_reliable ? held_bytes(feed, 0) : none;
    feed->route = is_reliable ? held_bytes(feed, 0) : none;
    feed->reason = REASON_NONE;
    feed->detail = NULL;
    if (is_reliable) { /* judged by the protocol, which has to answer */
        return true;
    }
    if (size > feed->config->max_message) {
        feed->reason = REASON_SIZE;
    } else if (feed->config->topic == TOPIC_FRAME && !is_enveloped) {
        feed->reason = REASON_FRAMES;
        feed->detail = "one part: feed.topic is frame, so a topic comes before the body";
    } else if (feed->config->topic == TOPIC_SPACE) {
        split_at_blank(feed);
    }
    return true;
}

/* ---- Peers ----------------------------------------------------------------- */

const char *feed_user(struct feed *feed)
{
    const char *user = feed->n_held > 1 ? zmq_msg_gets(&feed->held[1], "User-Id") : NULL;
    return user != NULL && user[0] != '\0' ? user : NULL;
}

void feed_reply(struct feed *feed, struct bytes route, const void *frame, size_t size)
{
    if (route.size > 0 && zmq_send(feed->handle, route.data, route.size,
                                   ZMQ_SNDMORE | ZMQ_DONTWAIT) != -1) {
        zmq_send(feed->handle, frame, size, ZMQ_DONTWAIT);
    }
}
