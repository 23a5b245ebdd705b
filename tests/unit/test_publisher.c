/* SPDX-License-Identifier: MIT
 *
 * Last values: a new subscriber gets each of them, whole and once, however many. */
#include "publisher.h"

#include <string.h>

#include "unit.h"

static struct publisher *make(void)
{
    struct fault fault = {0};
    char text[] = "tcp://127.0.0.1:*";
    char *item[] = {text};
    const struct strings endpoints = {1, item};
    zsys_handler_set(NULL);
    struct publisher *publisher = publisher_open(&endpoints, &fault);
    ck_assert_msg(publisher != NULL, "%s", fault.text);
    return publisher;
}

static void unmake(struct publisher *publisher)
{
    publisher_close(&publisher);
    zsys_shutdown();
}

static void publish(struct publisher *publisher, const char *topic, const char *body)
{
    struct post *post = post_frame(topic, body, true);
    publisher_send(publisher, post);
    post_destroy(&post);
}

static zsock_t *subscribe(struct publisher *publisher, const char *prefix, int queue)
{
    zsock_t *sock = zsock_new(ZMQ_SUB);
    zsock_set_rcvhwm(sock, queue);
    zsock_set_subscribe(sock, prefix);
    const char *endpoint = publisher_attachment(publisher)->now.bound.item[0];
    ck_assert_int_eq(zsock_connect(sock, "%s", endpoint), 0);
    return sock;
}

/* Waits for a subscription; true: there is something to show. */
static bool await_subscription(struct publisher *publisher)
{
    zmq_pollitem_t item = {zsock_resolve(publisher_sock(publisher)), 0, ZMQ_POLLIN, 0};
    ck_assert_int_eq(zmq_poll(&item, 1, 30000), 1);
    return publisher_receive(publisher);
}

static void show_all(struct publisher *publisher)
{
    while (publisher_show(publisher)) {
    }
}

static void expect(zsock_t *sock, const char *frame)
{
    char *text = zstr_recv(sock);
    ck_assert_str_eq(text, frame);
    zstr_free(&text);
}

static bool is_quiet(zsock_t *sock)
{
    return (zsock_events(sock) & ZMQ_POLLIN) == 0;
}

START_TEST(a_late_subscriber_gets_the_last_frame_of_each_topic)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    publish(publisher, "model/b", "1");
    publish(publisher, "model/a", "2");
    publish(publisher, "event/a", "e");
    zsock_t *sock = subscribe(publisher, "model/", 1000);
    ck_assert(await_subscription(publisher));
    show_all(publisher);
    expect(sock, "model/a 2");
    expect(sock, "model/b 1");
    publish(publisher, "model/b", "2");
    expect(sock, "model/b 2"); /* and nothing in between */
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(a_prefix_may_go_on_into_the_frame)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    publish(publisher, "model/ab", "1");
    zsock_t *sock = subscribe(publisher, "model/a ", 1000);
    await_subscription(publisher);
    show_all(publisher);
    expect(sock, "model/a 1");
    publish(publisher, "model/a", "end");
    expect(sock, "model/a end");
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(a_second_subscription_is_shown_as_well)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    zsock_t *first = subscribe(publisher, "model/a", 1000);
    await_subscription(publisher);
    show_all(publisher);
    expect(first, "model/a 1");
    zsock_t *second = subscribe(publisher, "model/a", 1000);
    ck_assert(await_subscription(publisher));
    show_all(publisher);
    expect(second, "model/a 1");
    zsock_destroy(&first);
    zsock_destroy(&second);
    unmake(publisher);
}
END_TEST

START_TEST(what_was_sent_since_is_not_shown_again)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    publish(publisher, "model/b", "1");
    zsock_t *sock = subscribe(publisher, "", 1000);
    await_subscription(publisher);
    publish(publisher, "model/a", "2"); /* before its turn to be shown */
    show_all(publisher);
    expect(sock, "model/a 2");
    expect(sock, "model/b 1");
    publish(publisher, "model/c", "1");
    expect(sock, "model/c 1");
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(a_turn_shows_one_slice)
{
    struct publisher *publisher = make();
    char topic[32];
    for (int i = 0; i < 2 * PUBLISHER_SLICE + 1; i++) {
        snprintf(topic, sizeof(topic), "model/%d", i);
        publish(publisher, topic, "x");
    }
    zsock_t *sock = subscribe(publisher, "", 1000);
    await_subscription(publisher);
    int turns = 1;
    while (publisher_show(publisher)) {
        turns++;
    }
    ck_assert_int_eq(turns, 3);
    for (int i = 0; i < 2 * PUBLISHER_SLICE + 1; i++) {
        snprintf(topic, sizeof(topic), "model/%d x", i);
        expect(sock, topic);
    }
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(ten_thousand_last_values_all_arrive)
{
    enum { TOPICS = 10000 };
    struct publisher *publisher = make();
    char topic[32], body[512];
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    for (int i = 0; i < TOPICS; i++) {
        snprintf(topic, sizeof(topic), "model/%d", i);
        publish(publisher, topic, body);
    }
    zsock_t *sock = subscribe(publisher, "model/", 10);
    await_subscription(publisher);
    show_all(publisher); /* all at once, to a subscriber that does not read yet */
    for (int i = 0; i < TOPICS; i++) {
        char *text = zstr_recv(sock);
        snprintf(topic, sizeof(topic), "model/%d ", i);
        ck_assert_msg(strncmp(text, topic, strlen(topic)) == 0, "%d: %.20s", i, text);
        zstr_free(&text);
    }
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(a_silent_subscriber_holds_bounded_bytes)
{
    enum { SIZE = 4 << 20, FRAMES = 100 };
    struct publisher *publisher = make();
    char *body = calloc(SIZE, 1);
    memset(body, 'x', SIZE - 1);
    publish(publisher, "model/a", body);
    zsock_t *sock = subscribe(publisher, "", 1);
    await_subscription(publisher);
    show_all(publisher);
    char number[16];
    for (int i = 0; i < FRAMES; i++) {
        const int n = snprintf(number, sizeof(number), "%d ", i);
        memcpy(body, number, (size_t)n);
        publish(publisher, "model/a", body);
    }
    /* What is held is what still arrives: 64 MiB, and what was on its way. */
    zsock_set_rcvtimeo(sock, 500);
    int held = 0;
    for (char *text = zstr_recv(sock); text != NULL; text = zstr_recv(sock)) {
        zstr_free(&text);
        held++;
    }
    ck_assert_int_ge(held, 10);
    ck_assert_int_lt(held, 30);
    free(body);
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(a_flood_of_subscriptions_is_shown_as_one)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    zsock_t *sock = subscribe(publisher, "model/a", 1000);
    char prefix[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(prefix, sizeof(prefix), "no/%d", i);
        zsock_set_subscribe(sock, prefix);
    }
    zsock_set_subscribe(sock, "model/");
    zsock_set_unsubscribe(sock, "model/");
    zmq_pollitem_t items[] = {
        {zsock_resolve(publisher_sock(publisher)), 0, ZMQ_POLLIN, 0},
        {zsock_resolve(sock), 0, ZMQ_POLLIN, 0},
    };
    bool is_seen = false;
    while (!is_seen) { /* the last one comes last, and its frame after it */
        ck_assert_int_ge(zmq_poll(items, COUNT(items), 30000), 1);
        publisher_receive(publisher);
        show_all(publisher);
        while (!is_quiet(sock)) {
            expect(sock, "model/a 1");
            is_seen = true;
        }
    }
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

START_TEST(noise_from_a_subscriber_is_ignored)
{
    struct publisher *publisher = make();
    publish(publisher, "model/a", "1");
    zsock_t *sock = zsock_new(ZMQ_XSUB);
    const char *endpoint = publisher_attachment(publisher)->now.bound.item[0];
    zsock_connect(sock, "%s", endpoint);
    zstr_send(sock, "");
    zstr_send(sock, "hello");
    zmq_send(zsock_resolve(sock), "\001model/a", 8, 0);
    while (!await_subscription(publisher)) {
    }
    show_all(publisher);
    expect(sock, "model/a 1");
    zsock_destroy(&sock);
    unmake(publisher);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_late_subscriber_gets_the_last_frame_of_each_topic),
        UNIT(a_prefix_may_go_on_into_the_frame),
        UNIT(a_second_subscription_is_shown_as_well),
        UNIT(what_was_sent_since_is_not_shown_again),
        UNIT(a_turn_shows_one_slice),
        UNIT(ten_thousand_last_values_all_arrive),
        UNIT(a_silent_subscriber_holds_bounded_bytes),
        UNIT(a_flood_of_subscriptions_is_shown_as_one),
        UNIT(noise_from_a_subscriber_is_ignored),
    };
    return unit_run("publisher", tests, COUNT(tests));
}
