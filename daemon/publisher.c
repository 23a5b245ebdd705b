/* SPDX-License-Identifier: MIT
 *
 * Last value: with ZMQ_XPUB_VERBOSER every subscription is seen, also one that another
 * reader has already, and after a reconnection; its topics are then sent again, with
 * their own seq, to whoever subscribes to them. ZeroMQ drops silently beyond its
 * high-water mark, so the mark is kept above the number of topics, and last values go
 * out in slices so that a turn of the loop stays short. The mark counts messages: it is
 * lowered where frames are large, as a subscriber that never reads holds that many. */
#include "publisher.h"

#include <stdlib.h>
#include <string.h>

#include "socket.h"
#include "topic.h"
#include "xalloc.h"

enum {
    QUEUE = 1000,             /* frames a subscriber, while frames are small */
    QUEUE_BYTES = 64 << 20,   /* else about so much: a silent one costs no more */
    LINGER_MS = 1000,         /* the last frames still go out */
    SUBSCRIPTION_MAX = 65536, /* bytes of a prefix; a peer that sends more is cut off */
    RECEIVE_MAX = 1000,       /* subscriptions of a turn */
    SHOWS_MAX = 64,           /* prefixes to be shown at the same time */
};

struct kept {
    zmq_msg_t frame;
    uint64_t serial; /* of the frame among all that were sent */
};

/* Topics that begin with prefix are to be shown, from `next` on, round the table. */
struct show {
    char *prefix;
    size_t size;
    size_t next;
    size_t left;     /* topics still to be looked at */
    uint64_t serial; /* frames sent after this one came by themselves */
};

struct publisher {
    zsock_t *sock;
    void *handle;
    struct attachment attachment;
    struct kept **kept; /* in the order in which the topics came; they never go */
    size_t n_kept, room;
    zhashx_t *by_topic;
    int queue;      /* high-water mark of the socket */
    size_t largest; /* bytes of the largest frame so far */
    struct show shows[SHOWS_MAX];
    size_t n_shows;
    uint64_t serial; /* frames sent so far */
};

struct publisher *publisher_open(const struct strings *endpoints, struct fault *fault)
{
    struct publisher *publisher = xalloc(1, sizeof(*publisher));
    publisher->queue = QUEUE;
    publisher->by_topic = zhashx_new();
    publisher->sock = socket_new(
        &(struct socket_options){
            .type = ZMQ_XPUB,
            .max_message = SUBSCRIPTION_MAX,
            .queue = publisher->queue,
            .linger_ms = LINGER_MS,
        },
        fault);
    if (publisher->sock != NULL) {
        publisher->handle = zsock_resolve(publisher->sock);
        const int on = 1;
        zmq_setsockopt(publisher->handle, ZMQ_XPUB_VERBOSER, &on, sizeof(on));
    }
    if (publisher->sock == NULL ||
        !attachment_open(&publisher->attachment, publisher->sock, "publish.bind", true,
                         endpoints, fault)) {
        publisher_close(&publisher);
    }
    return publisher;
}

void publisher_close(struct publisher **publisher)
{
    if (*publisher == NULL) {
        return;
    }
    zsock_destroy(&(*publisher)->sock);
    zhashx_destroy(&(*publisher)->by_topic);
    for (size_t i = 0; i < (*publisher)->n_kept; i++) {
        zmq_msg_close(&(*publisher)->kept[i]->frame);
        free((*publisher)->kept[i]);
    }
    for (size_t i = 0; i < (*publisher)->n_shows; i++) {
        free((*publisher)->shows[i].prefix);
    }
    free((*publisher)->kept);
    attachment_clear(&(*publisher)->attachment);
    free(*publisher);
    *publisher = NULL;
}

zsock_t *publisher_sock(const struct publisher *publisher)
{
    return publisher->sock;
}

struct attachment *publisher_attachment(struct publisher *publisher)
{
    return &publisher->attachment;
}

/* Room for every last value and as many frames again, and otherwise for QUEUE frames or
 * QUEUE_BYTES. Also for those who are connected already: libzmq hands a changed mark on
 * to its pipes, but one that connects begins with the mark of the bind. */
static void set_queue(struct publisher *publisher)
{
    const int topics = 2 * (int)publisher->n_kept;
    const size_t fit = QUEUE_BYTES / (publisher->largest + 1);
    const int frames = fit < QUEUE ? (int)fit : QUEUE;
    publisher->queue = topics > frames ? topics : frames;
    if (publisher->queue != QUEUE) {
        zmq_setsockopt(publisher->handle, ZMQ_SNDHWM, &publisher->queue,
                       sizeof(publisher->queue));
    }
}

/* ---- Frames ---------------------------------------------------------------- */

static struct kept *kept_of(struct publisher *publisher, const struct post *post)
{
    char topic[TOPIC_SIZE];
    snprintf(topic, sizeof(topic), "%.*s", (int)post->topic_size, post->text);
    struct kept *kept = zhashx_lookup(publisher->by_topic, topic);
    if (kept == NULL) {
        kept = xalloc(1, sizeof(*kept));
        zmq_msg_init(&kept->frame);
        zhashx_insert(publisher->by_topic, topic, kept);
        if (publisher->n_kept == publisher->room) {
            publisher->room = 2 * publisher->room + 16;
            publisher->kept =
                xrealloc(publisher->kept, publisher->room, sizeof(publisher->kept[0]));
        }
        publisher->kept[publisher->n_kept++] = kept;
        set_queue(publisher);
    }
    return kept;
}

/* Sends a copy, which shares the bytes. */
static void send_shared(struct publisher *publisher, zmq_msg_t *frame)
{
    zmq_msg_t copy;
    zmq_msg_init(&copy);
    zmq_msg_copy(&copy, frame);
    if (zmq_msg_send(&copy, publisher->handle, ZMQ_DONTWAIT) == -1) {
        zmq_msg_close(&copy);
    }
}

static void release_text(void *text, void *hint)
{
    (void)hint;
    free(text);
}

/* ---- Subscriptions --------------------------------------------------------- */

static void remove_show(struct publisher *publisher, size_t i)
{
    free(publisher->shows[i].prefix);
    publisher->shows[i] = publisher->shows[--publisher->n_shows];
}

/* A prefix that is being shown already goes once round from where it is. When there
 * are too many, one show of everything stands for all of them. */
static void add_show(struct publisher *publisher, const char *prefix, size_t size)
{
    for (size_t i = 0; i < publisher->n_shows; i++) {
        struct show *show = &publisher->shows[i];
        if (show->size == size && memcmp(show->prefix, prefix, size) == 0) {
            show->left = publisher->n_kept;
            show->serial = publisher->serial;
            return;
        }
    }
    if (publisher->n_shows == SHOWS_MAX) {
        while (publisher->n_shows > 0) {
            remove_show(publisher, publisher->n_shows - 1);
        }
        size = 0;
    }
    struct show *show = &publisher->shows[publisher->n_shows++];
    *show = (struct show){
        .prefix = xalloc(size + 1, 1),
        .size = size,
        .left = publisher->n_kept,
        .serial = publisher->serial,
    };
    memcpy(show->prefix, prefix, size);
}

bool publisher_receive(struct publisher *publisher)
{
    zmq_msg_t message;
    for (int i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, publisher->handle, ZMQ_DONTWAIT) == -1) {
            zmq_msg_close(&message);
            break;
        }
        const char *data = zmq_msg_data(&message);
        const size_t size = zmq_msg_size(&message);
        if (size > 0 && data[0] == 1) { /* 0 is an unsubscription, the rest is noise */
            add_show(publisher, data + 1, size - 1);
        }
        zmq_msg_close(&message);
    }
    if (publisher->n_shows > 0) {
        set_queue(publisher);
    }
    return publisher->n_shows > 0;
}

bool publisher_send(struct publisher *publisher, struct post *post)
{
    /* Subscriptions that came before are looked at before, so that a frame is not sent
     * to a new subscriber and then shown to it once more. */
    publisher_receive(publisher);
    struct kept *kept = kept_of(publisher, post);
    if (post->size > publisher->largest) {
        publisher->largest = post->size + post->size / 8; /* not for every digit more */
        set_queue(publisher);
    }
    zmq_msg_t frame;
    zmq_msg_init_data(&frame, post->text, post->size, release_text, NULL);
    post->text = NULL;
    send_shared(publisher, &frame);
    publisher->serial++;
    zmq_msg_move(&kept->frame, &frame);
    kept->serial = publisher->serial;
    return publisher->n_shows > 0;
}

bool publisher_show(struct publisher *publisher)
{
    int sent = 0;
    while (publisher->n_shows > 0 && sent < PUBLISHER_SLICE) {
        struct show *show = &publisher->shows[0];
        if (show->left == 0) {
            remove_show(publisher, 0);
            continue;
        }
        struct kept *kept = publisher->kept[show->next % publisher->n_kept];
        show->next = (show->next + 1) % publisher->n_kept;
        show->left--;
        /* A prefix may go on past the topic, into the body: `model/boiler `. */
        const size_t size = zmq_msg_size(&kept->frame);
        if (kept->serial <= show->serial && show->size <= size &&
            memcmp(zmq_msg_data(&kept->frame), show->prefix, show->size) == 0) {
            send_shared(publisher, &kept->frame);
            sent++;
        }
    }
    return publisher->n_shows > 0;
}
