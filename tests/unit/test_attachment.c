/* SPDX-License-Identifier: MIT
 *
 * Endpoints of a socket that move while it is in use, with real sockets. */
#include "attachment.h"

#include <string.h>
#include <unistd.h>

#include "config_text.h"
#include "unit.h"

static zsock_t *sock;
static struct attachment attachment;
static struct fault fault;
static char folder[64];

static void start(void)
{
    snprintf(folder, sizeof(folder), "/tmp/mixd-attach-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    sock = zsock_new(ZMQ_PULL);
    fault = (struct fault){0};
}

static void stop(void)
{
    attachment_clear(&attachment);
    zsock_destroy(&sock);
    static const char *const names[] = {"a", "b", "c", "taken"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path); /* libzmq leaves socket files there */
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A list of up to three endpoints; a name without "://" is an ipc path in the folder. */
static struct strings list(const char *a, const char *b, const char *c)
{
    struct strings strings = {0};
    const char *names[] = {a, b, c};
    for (size_t i = 0; i < 3 && names[i] != NULL; i++) {
        char text[128];
        snprintf(text, sizeof(text), "ipc://%s/%s", folder, names[i]);
        strings_add(&strings, strstr(names[i], "://") != NULL ? names[i] : text);
    }
    return strings;
}

static bool open_at(const char *a, const char *b)
{
    struct strings endpoints = list(a, b, NULL);
    const bool is_open =
        attachment_open(&attachment, sock, "test", true, &endpoints, &fault);
    strings_clear(&endpoints);
    return is_open;
}

static bool move_to(bool binds, const char *a, const char *b)
{
    struct strings endpoints = list(a, b, NULL);
    const bool is_moved = attachment_move(&attachment, binds, &endpoints, &fault);
    strings_clear(&endpoints);
    return is_moved;
}

/* True if a message that is sent to the endpoint arrives. */
static bool arrives(const char *endpoint)
{
    char text[128];
    zsock_t *push = zsock_new(ZMQ_PUSH);
    zsock_set_sndtimeo(push, 200);
    zsock_set_immediate(push, 1); /* no queue before there is a peer */
    snprintf(text, sizeof(text), "ipc://%s/%s", folder, endpoint);
    ck_assert_int_eq(zsock_connect(push, "%s", strstr(endpoint, "://") ? endpoint : text),
                     0);
    const bool is_sent = zstr_send(push, endpoint) == 0;
    if (is_sent) {
        char *got = zstr_recv(sock);
        ck_assert_str_eq(got, endpoint);
        zstr_free(&got);
    }
    zsock_destroy(&push);
    return is_sent;
}

START_TEST(a_move_that_is_done_lets_the_old_ones_go)
{
    start();
    ck_assert(open_at("a", "b"));
    ck_assert(move_to(true, "b", "c"));
    /* Both are there until it is settled. */
    ck_assert(arrives("a"));
    ck_assert(arrives("c"));
    attachment_settle(&attachment, true);
    ck_assert(!arrives("a"));
    ck_assert(arrives("b"));
    ck_assert(arrives("c"));
    ck_assert_uint_eq(attachment.now.bound.n, 2);
    stop();
}
END_TEST

START_TEST(a_move_that_is_undone_lets_the_new_ones_go)
{
    start();
    ck_assert(open_at("a", NULL));
    ck_assert(move_to(true, "b", NULL));
    attachment_settle(&attachment, false);
    ck_assert(arrives("a"));
    ck_assert(!arrives("b"));
    ck_assert_uint_eq(attachment.now.bound.n, 1);
    /* And it can be done again. */
    ck_assert(move_to(true, "b", NULL));
    attachment_settle(&attachment, true);
    ck_assert(arrives("b"));
    stop();
}
END_TEST

START_TEST(a_move_that_cannot_begin_leaves_all_as_it_was)
{
    start();
    zsock_t *other = zsock_new(ZMQ_PULL);
    char text[128];
    snprintf(text, sizeof(text), "ipc://%s/taken", folder);
    ck_assert_int_ne(zsock_bind(other, "%s", text), -1);
    ck_assert(open_at("a", NULL));
    ck_assert(!move_to(true, "b", "taken"));
    ck_assert_ptr_nonnull(strstr(fault.text, "somebody answers"));
    ck_assert(arrives("a"));
    ck_assert(!arrives("b"));
    attachment_settle(&attachment, true); /* there is no move */
    ck_assert(arrives("a"));
    zsock_destroy(&other);
    stop();
}
END_TEST

START_TEST(a_port_that_the_system_chose_stays)
{
    start();
    ck_assert(open_at("tcp://127.0.0.1:*", NULL));
    char *port = strdup(attachment.now.bound.item[0]);
    ck_assert(move_to(true, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*"));
    attachment_settle(&attachment, true);
    ck_assert_str_eq(attachment.now.bound.item[0], port);
    ck_assert_str_ne(attachment.now.bound.item[1], port);
    ck_assert(arrives(attachment.now.bound.item[1]));
    free(port);
    stop();
}
END_TEST

START_TEST(a_feed_may_turn_from_bind_to_connect)
{
    start();
    ck_assert(open_at("a", NULL));
    ck_assert(move_to(false, "b", NULL));
    attachment_settle(&attachment, true);
    ck_assert(!attachment.now.binds);
    ck_assert(!arrives("a"));
    zsock_t *push = zsock_new(ZMQ_PUSH);
    ck_assert_int_ne(zsock_bind(push, "%s", attachment.now.wanted.item[0]), -1);
    ck_assert_int_eq(zstr_send(push, "hello"), 0);
    char *got = zstr_recv(sock);
    ck_assert_str_eq(got, "hello");
    zstr_free(&got);
    zsock_destroy(&push);
    stop();
}
END_TEST

START_TEST(an_endpoint_that_cannot_be_had_is_named)
{
    start();
    ck_assert(!open_at("a", "no/such/folder"));
    ck_assert_ptr_nonnull(strstr(fault.text, "test: cannot bind ipc://"));
    stop();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(a_move_that_is_done_lets_the_old_ones_go),
        UNIT(a_move_that_is_undone_lets_the_new_ones_go),
        UNIT(a_move_that_cannot_begin_leaves_all_as_it_was),
        UNIT(a_port_that_the_system_chose_stays),
        UNIT(a_feed_may_turn_from_bind_to_connect),
        UNIT(an_endpoint_that_cannot_be_had_is_named),
    };
    return unit_run("attachment", tests, COUNT(tests));
}
