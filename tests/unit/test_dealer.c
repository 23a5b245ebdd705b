/* SPDX-License-Identifier: MIT
 *
 * The functions of mixfeed.h over a real socket, against a receiver in the same thread.
 */
#include "mixfeed.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <zmq.h>

#include "fake_receiver.h"
#include "folder.h"
#include "unit.h"

/* Rounds after which nothing will come any more; each waits 10 ms at most. */
#define ROUNDS 1000

static void *context;
static void *router;
static char endpoint[128];
static struct fake_receiver fake;
static struct mixfeed_failure failure;

static void listen_again(void)
{
    const int linger_ms = 0;
    router = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(router, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    while (zmq_bind(router, endpoint) == -1) {
        ck_assert_int_eq(zmq_errno(), EADDRINUSE); /* the one before is still closing */
    }
    size_t size = sizeof(endpoint);
    zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size);
}

static void setup(void)
{
    folder_make();
    context = zmq_ctx_new();
    fake = (struct fake_receiver){.window = 1000};
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:*");
    listen_again();
}

static void teardown(void)
{
    zmq_close(router);
    zmq_ctx_term(context);
    folder_remove();
}

/* Kills the receiver and starts it anew. */
static void crash(void)
{
    zmq_close(router);
    fake_crash(&fake);
    listen_again();
}

static void answer(const void *peer, int size, const struct reliable *header)
{
    unsigned char bytes[RELIABLE_SIZE];
    reliable_encode(header, bytes);
    zmq_send(router, peer, (size_t)size, ZMQ_SNDMORE);
    zmq_send(router, bytes, sizeof(bytes), 0);
}

/* Who sent last. */
static unsigned char last_peer[256];
static int last_peer_size;

/* Takes what has come; then a checkpoint. */
static void serve(bool with_checkpoint)
{
    static unsigned char header[RELIABLE_SIZE];
    static unsigned char payload[1 << 18];
    struct reliable reply;
    unsigned char *const peer = last_peer;
    int size = zmq_recv(router, peer, sizeof(last_peer), ZMQ_DONTWAIT);
    while (size != -1) {
        int more;
        size_t more_size = sizeof(more);
        struct bytes parts[2] = {{header, 0}, {payload, 0}};
        size_t n = 0;
        last_peer_size = size;
        for (zmq_getsockopt(router, ZMQ_RCVMORE, &more, &more_size); more;
             zmq_getsockopt(router, ZMQ_RCVMORE, &more, &more_size)) {
            ck_assert_uint_lt(n, 2);
            parts[n].size =
                (size_t)zmq_recv(router, n == 0 ? header : payload,
                                 n == 0 ? sizeof(header) : sizeof(payload), 0);
            n++;
        }
        if (parts[0].size == 0) {
            reply = fake_error(&fake, RELIABLE_CODE_SESSION, 0);
            answer(peer, size, &reply);
        } else if (fake_receive(&fake, parts, n, &reply)) {
            answer(peer, size, &reply);
        }
        size = zmq_recv(router, peer, sizeof(last_peer), ZMQ_DONTWAIT);
    }
    if (with_checkpoint && fake_checkpoint(&fake, &reply)) {
        answer(peer, last_peer_size, &reply);
    }
}

static struct mixfeed *open_feed(const char *spool)
{
    struct mixfeed_options options;
    mixfeed_options_init(&options, endpoint, "fake", FAKE_COLUMNS);
    options.spool = spool;
    struct mixfeed *feed = mixfeed_open(&options, &failure);
    ck_assert_msg(feed != NULL, "%s", failure.text);
    return feed;
}

static enum mixfeed_err send_rows(struct mixfeed *feed, size_t n)
{
    double rows[1000 * FAKE_COLUMNS];
    fake_rows(rows, mixfeed_marks(feed).newest + 1, n);
    return mixfeed_send(feed, rows, n, 0);
}

/* Runs both sides until all is as far as that. */
static void run_until(struct mixfeed *feed, enum mixfeed_mark mark)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        serve(true);
        const enum mixfeed_err err = mixfeed_flush_to(feed, mark, 10);
        ck_assert_msg(err <= MIXFEED_EAGAIN, "%s", mixfeed_failure(feed)->text);
        if (err == MIXFEED_OK) {
            ck_assert(!fake.is_wrong);
            return;
        }
    }
    ck_abort_msg("%s", mixfeed_failure(feed)->text);
}

START_TEST(points_arrive_in_memory_and_spool)
{
    setup();
    struct mixfeed *feed = open_feed(_i == 0 ? NULL : folder_path("spool"));
    for (size_t i = 0; i < 30; i++) {
        while (send_rows(feed, 100) == MIXFEED_EAGAIN) {
        }
        serve(i % 3 == 0);
        if (i % 7 == 3) {
            crash();
        }
    }
    run_until(feed, MIXFEED_SAFE);
    const struct mixfeed_marks marks = mixfeed_marks(feed);
    ck_assert_uint_eq(fake.applied, 3000);
    ck_assert_uint_eq(marks.safe, 3000);
    ck_assert_uint_eq(marks.newest, 3000);
    ck_assert(marks.is_connected);
    mixfeed_close(&feed);
    ck_assert_ptr_null(feed);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

START_TEST(a_spool_goes_on_where_it_was)
{
    setup();
    struct mixfeed *feed = open_feed(folder_path("spool"));
    mixfeed_set_note(feed, 77);
    ck_assert_int_eq(send_rows(feed, 500), MIXFEED_OK);
    mixfeed_close(&feed);
    feed = open_feed(folder_path("spool"));
    ck_assert_uint_eq(mixfeed_note(feed), 77);
    ck_assert_uint_eq(mixfeed_marks(feed).newest, 500);
    ck_assert_int_eq(send_rows(feed, 100), MIXFEED_OK);
    run_until(feed, MIXFEED_SAFE);
    ck_assert_uint_eq(fake.applied, 600);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

static bool read_rows(void *unused, uint64_t seq, size_t n, double *rows)
{
    (void)unused;
    fake_rows(rows, seq, n);
    return true;
}

START_TEST(rows_of_the_caller_need_no_spool)
{
    setup();
    const struct mixfeed_rows rows = {9, 2500, read_rows, NULL};
    struct mixfeed_options options;
    mixfeed_options_init(&options, endpoint, "fake", FAKE_COLUMNS);
    options.rows = &rows;
    options.batch = 70;
    struct mixfeed *feed = mixfeed_open(&options, &failure);
    ck_assert_ptr_nonnull(feed);
    ck_assert_int_eq(mixfeed_send(feed, (double[]){1, 2}, 1, 0), MIXFEED_EINVAL);
    run_until(feed, MIXFEED_DURABLE);
    mixfeed_close(&feed);
    crash();
    feed = mixfeed_open(&options, &failure);
    run_until(feed, MIXFEED_SAFE);
    ck_assert_uint_eq(fake.applied, 2500);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

START_TEST(send_waits_at_its_limit_and_says_so)
{
    setup();
    struct mixfeed_options options;
    mixfeed_options_init(&options, endpoint, "fake", FAKE_COLUMNS);
    options.keep_bytes = 100 * FAKE_COLUMNS * sizeof(double);
    struct mixfeed *feed = mixfeed_open(&options, &failure);
    ck_assert_int_eq(send_rows(feed, 100), MIXFEED_OK);
    ck_assert_int_eq(send_rows(feed, 1), MIXFEED_EAGAIN);
    ck_assert_ptr_nonnull(strstr(mixfeed_failure(feed)->text, "safe 0 of 100"));
    ck_assert_uint_eq(mixfeed_marks(feed).newest, 100);
    run_until(feed, MIXFEED_SAFE);
    ck_assert_int_eq(send_rows(feed, 1), MIXFEED_OK);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

START_TEST(an_error_ends_the_feed_and_stays)
{
    setup();
    fake.incarnation = 5; /* of another sender */
    snprintf(fake.source, sizeof(fake.source), "fake");
    struct mixfeed *feed = open_feed(NULL);
    ck_assert_int_eq(send_rows(feed, 1), MIXFEED_OK);
    enum mixfeed_err err = MIXFEED_OK;
    for (size_t i = 0; i < ROUNDS && err == MIXFEED_OK; i++) {
        serve(false);
        err = mixfeed_work(feed, 10);
    }
    ck_assert_int_eq(err, MIXFEED_EREFUSED);
    ck_assert_uint_eq(mixfeed_failure(feed)->code, RELIABLE_CODE_INCARNATION);
    ck_assert_int_eq(mixfeed_work(feed, 0), MIXFEED_EREFUSED);
    ck_assert_int_eq(mixfeed_flush(feed, 0), MIXFEED_EREFUSED);
    ck_assert_int_eq(send_rows(feed, 1), MIXFEED_EREFUSED);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

/* A caller with a loop of its own has nothing but the descriptor and the patience. */
START_TEST(a_loop_of_the_caller_s_own_works)
{
    setup();
    struct mixfeed *feed = open_feed(NULL);
    ck_assert_int_eq(send_rows(feed, 1000), MIXFEED_OK);
    for (size_t i = 0; i < ROUNDS && mixfeed_marks(feed).safe < 1000; i++) {
        serve(true);
        struct pollfd item = {.fd = mixfeed_descriptor(feed), .events = POLLIN};
        const int patience_ms = mixfeed_patience_ms(feed);
        poll(&item, 1, patience_ms >= 0 && patience_ms < 10 ? patience_ms : 10);
        ck_assert_int_eq(mixfeed_work(feed, 0), MIXFEED_OK);
    }
    ck_assert_uint_eq(mixfeed_marks(feed).safe, 1000);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

static void on_alarm(int signal)
{
    (void)signal;
}

START_TEST(a_signal_ends_a_wait)
{
    setup();
    struct mixfeed *feed = open_feed(NULL);
    ck_assert_int_eq(send_rows(feed, 1), MIXFEED_OK);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    const struct itimerval soon = {{0, 20000}, {0, 20000}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    ck_assert_int_eq(mixfeed_flush(feed, -1), MIXFEED_EAGAIN);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    mixfeed_close(&feed);
    teardown();
}
END_TEST

/* Options that cannot be, and the word that must be in the failure. */
static bool no_rows(void *unused, uint64_t seq, size_t n, double *rows)
{
    (void)unused;
    (void)seq;
    (void)n;
    (void)rows;
    return false;
}
static const struct mixfeed_rows no_incarnation = {0, 1, no_rows, NULL};
static const struct mixfeed_rows good_rows = {1, 1, no_rows, NULL};
static const struct {
    struct mixfeed_options options;
    enum mixfeed_err err;
    const char *text;
} bad_options[] = {
    {{.endpoint = NULL, .source = "s", .columns = 1}, MIXFEED_EINVAL, "endpoint"},
    {{.endpoint = "tcp://127.0.0.1:1", .source = NULL, .columns = 1},
     MIXFEED_EINVAL,
     "source"},
    {{.endpoint = "tcp://127.0.0.1:1", .source = "a b", .columns = 1},
     MIXFEED_EINVAL,
     "a b"},
    {{.endpoint = "tcp://127.0.0.1:1", .source = "a/b", .columns = 1},
     MIXFEED_EINVAL,
     "a/b"},
    {{.endpoint = "tcp://127.0.0.1:1", .source = "s", .columns = 0},
     MIXFEED_EINVAL,
     "0 columns"},
    {{.endpoint = "tcp://127.0.0.1:1", .source = "s", .columns = SIZE_MAX},
     MIXFEED_EINVAL,
     "columns"},
    {{.endpoint = "tcp://127.0.0.1:1",
      .source = "s",
      .columns = 1,
      .rows = &no_incarnation},
     MIXFEED_EINVAL,
     "rows"},
    {{.endpoint = "tcp://127.0.0.1:1",
      .source = "s",
      .columns = 1,
      .rows = &good_rows,
      .spool = "spool"},
     MIXFEED_EINVAL,
     "spool"},
    {{.endpoint = "nonsense", .source = "s", .columns = 1}, MIXFEED_ESOCKET, "nonsense"},
    {{.endpoint = "tcp://127.0.0.1:1",
      .source = "s",
      .columns = 1,
      .spool = "/none/spool"},
     MIXFEED_EIO,
     "/none/spool"},
};

START_TEST(bad_options_are_refused_and_named)
{
    ck_assert_ptr_null(mixfeed_open(&bad_options[_i].options, &failure));
    ck_assert_int_eq(failure.err, bad_options[_i].err);
    ck_assert_msg(strstr(failure.text, bad_options[_i].text) != NULL, "%s", failure.text);
}
END_TEST

/* Answers up to BYE, from a thread. *seen is set before BYE is answered. */
static void *serve_to_the_end(void *seen)
{
    zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};
    while (fake.session != 0 && zmq_poll(&item, 1, 10000) > 0) {
        serve(false);
    }
    atomic_store((atomic_bool *)seen, fake.session == 0);
    const struct reliable bye = {.type = RELIABLE_BYE, .source = "fake"};
    answer(last_peer, last_peer_size, &bye);
    return NULL;
}

/* Else a connection that breaks then, in the middle of a message, ends the program. */
START_TEST(the_end_waits_until_all_has_left)
{
    const double wait_s = 0.25; /* for a daemon that does not answer */
    atomic_bool is_seen = false;
    struct timespec begin, end;
    pthread_t thread;
    setup();
    fake.window = 1000000;
    struct mixfeed *feed = open_feed(NULL);
    for (size_t i = 0; i < ROUNDS && !mixfeed_marks(feed).is_connected; i++) {
        ck_assert_int_eq(mixfeed_work(feed, 10), MIXFEED_OK);
        serve(false);
    }
    for (size_t i = 0; i < 100; i++) {
        ck_assert_int_eq(send_rows(feed, 1000), MIXFEED_OK);
    }
    const uint64_t n_sent = mixfeed_marks(feed).sent;
    ck_assert_uint_ge(n_sent, 1000);
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_to_the_end, &is_seen), 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    mixfeed_close(&feed);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double spent_s =
        difftime(end.tv_sec, begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    ck_assert_msg(atomic_load(&is_seen) || spent_s >= wait_s, "after %g s", spent_s);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(fake.applied, n_sent);
    teardown();
}
END_TEST

START_TEST(every_error_has_a_sentence)
{
    for (int err = -1; err <= MIXFEED_ELOSS + 1; err++) {
        const char *sentence = mixfeed_strerror((enum mixfeed_err)err);
        ck_assert_uint_gt(strlen(sentence), 5);
        ck_assert_int_ne(sentence[strlen(sentence) - 1], '.');
    }
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        {points_arrive_in_memory_and_spool, 2} /* memory, spool */,
        UNIT(a_spool_goes_on_where_it_was),
        UNIT(rows_of_the_caller_need_no_spool),
        UNIT(send_waits_at_its_limit_and_says_so),
        UNIT(an_error_ends_the_feed_and_stays),
        UNIT(a_loop_of_the_caller_s_own_works),
        UNIT(a_signal_ends_a_wait),
        UNIT_LOOP(bad_options_are_refused_and_named, bad_options),
        UNIT(the_end_waits_until_all_has_left),
        UNIT(every_error_has_a_sentence),
    };
    return unit_run("dealer", tests, COUNT(tests));
}
