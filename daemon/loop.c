/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "archive.h"
#include "daemon.h"
#include "dispatch.h"
#include "heap.h"
#include "log.h"
#include "notify.h"
#include "reload.h"

enum {
    POSTS_A_TURN = 1000,
    REQUESTS_A_TURN = 100,
    STOP_SIGNALS_MAX = 3,   /* the third SIGTERM or SIGINT ends at once ... */
    EXIT_INTERRUPTED = 130, /* ... with this code */
    END = -1,               /* what a handler returns to end the loop */
};

/* ---- Signals --------------------------------------------------------------- */

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void loop_block_signals(void)
{
    const sigset_t set = handled_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of the write */
    signal(SIGXFSZ, SIG_IGN); /* and so is RLIMIT_FSIZE */
}

static void on_stop_signal(struct daemon *daemon)
{
    if (++daemon->n_stop_signals >= STOP_SIGNALS_MAX) {
        _exit(EXIT_INTERRUPTED);
    }
    daemon_stop(daemon);
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *argument)
{
    (void)loop;
    struct daemon *daemon = argument;
    struct signalfd_siginfo info;
    while (read(item->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reload_begin(daemon, NULL);
        } else {
            on_stop_signal(daemon);
        }
    }
    return 0;
}

/* ---- Control and subscriptions --------------------------------------------- */

static int on_control(zloop_t *loop, zsock_t *sock, void *argument)
{
    (void)loop;
    (void)sock;
    struct daemon *daemon = argument;
    const struct moment now = moment_now();
    for (int i = 0; i < REQUESTS_A_TURN; i++) {
        struct request *request = control_receive(daemon->control, now);
        if (request == NULL) {
            break;
        }
        dispatch_request(daemon, request);
    }
    log_limit_tick(&daemon->control->log, now.ms, LEVEL_WARN);
    return 0;
}

static int on_show(zloop_t *loop, int timer, void *argument)
{
    (void)timer;
    struct daemon *daemon = argument;
    /* A timer of no delay runs once every turn, after the sockets were looked at. */
    daemon->is_showing = publisher_show(daemon->publisher);
    if (daemon->is_showing) {
        zloop_timer(loop, 0, 1, on_show, daemon);
    }
    return 0;
}

static void begin_show(struct daemon *daemon)
{
    if (!daemon->is_showing) {
        daemon->is_showing = true;
        zloop_timer(daemon->loop, 0, 1, on_show, daemon);
    }
}

static int on_subscription(zloop_t *loop, zsock_t *sock, void *argument)
{
    (void)loop;
    (void)sock;
    struct daemon *daemon = argument;
    if (publisher_receive(daemon->publisher)) {
        begin_show(daemon);
    }
    return 0;
}

/* ---- Workers --------------------------------------------------------------- */

static int take_post(struct daemon *daemon, struct post *post)
{
    struct request *request = post->request;
    int result = 0;
    switch (post->kind) {
    case POST_FRAME:
        archive_note(daemon, post);
        if (publisher_send(daemon->publisher, post)) {
            begin_show(daemon);
        }
        break;
    case POST_ANSWER:
        dispatch_answer(daemon, request);
        break;
    case POST_PARKED:
        break;
    case POST_WANTED:
        checkpoint_want(daemon);
        break;
    case POST_STOPPED:
        daemon->n_stopped++;
        result = daemon->n_stopped == daemon->n_workers ? END : 0;
        break;
    }
    post_destroy(&post);
    return result;
}

static struct worker *worker_of(const struct daemon *daemon, const zsock_t *sock)
{
    for (size_t i = 0; i < daemon->n_workers; i++) {
        if (worker_sock(daemon->workers[i]) == sock) {
            return daemon->workers[i];
        }
    }
    return NULL;
}

static int on_posts(zloop_t *loop, zsock_t *sock, void *argument)
{
    (void)loop;
    struct daemon *daemon = argument;
    struct worker *worker = worker_of(daemon, sock);
    for (int i = 0; i < POSTS_A_TURN; i++) {
        struct post *post = worker_receive(worker);
        if (post == NULL) {
            break;
        }
        if (take_post(daemon, post) == END) {
            return END;
        }
    }
    return 0;
}

/* ---- Timers ---------------------------------------------------------------- */

/* The watchdog is told when every worker has answered: each has come round since. */
static int on_watchdog(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    struct daemon *daemon = argument;
    if (daemon->n_pinged == 0) {
        daemon->n_pinged = daemon->n_workers;
        for (size_t i = 0; i < daemon->n_workers; i++) {
            worker_ask(daemon->workers[i], request_new(REQUEST_PING));
        }
    }
    return 0;
}

static int on_deadline(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    struct daemon *daemon = argument;
    /* A thread that does not answer cannot be ended in order either. */
    log_error("a worker does not stop");
    _exit(daemon->fault.code != 0 ? daemon->fault.code : EX_SOFTWARE);
}

/* ---- The loop -------------------------------------------------------------- */

static int on_log(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    (void)argument;
    log_tick(moment_now().ms);
    return 0;
}

static int on_heap(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    (void)argument;
    heap_trim();
    return 0;
}

bool loop_open(struct daemon *daemon)
{
    const sigset_t set = handled_signals();
    daemon->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (daemon->signal_fd == -1) {
        return fault_set(&daemon->fault, EX_OSERR, "signals: %s", strerror(errno));
    }
    daemon->loop = zloop_new();
    zloop_set_nonstop(daemon->loop, true);
    zmq_pollitem_t item = {NULL, daemon->signal_fd, ZMQ_POLLIN, 0};
    zloop_poller(daemon->loop, &item, on_signal, daemon);
    zloop_timer(daemon->loop, LOG_PERIOD_MS, 0, on_log, daemon);
    zloop_timer(daemon->loop, HEAP_PERIOD_MS, 0, on_heap, daemon);
    return true;
}

void loop_close(struct daemon *daemon)
{
    zloop_destroy(&daemon->loop);
    close(daemon->signal_fd);
    log_tick(moment_now().ms + LOG_PERIOD_MS); /* what was left out until now */
}

static void add_reader(struct daemon *daemon, zsock_t *sock, zloop_reader_fn *handler)
{
    zloop_reader(daemon->loop, sock, handler, daemon);
    zloop_reader_set_tolerant(daemon->loop, sock);
}

void loop_add_publisher(struct daemon *daemon)
{
    add_reader(daemon, publisher_sock(daemon->publisher), on_subscription);
}

void loop_add_control(struct daemon *daemon)
{
    add_reader(daemon, daemon->control->sock, on_control);
}

void loop_add_workers(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->n_workers; i++) {
        add_reader(daemon, worker_sock(daemon->workers[i]), on_posts);
    }
}

void loop_add_watchdog(struct daemon *daemon)
{
    const int64_t period_ms = notify_watchdog_ms();
    if (period_ms > 0) {
        zloop_timer(daemon->loop, (size_t)period_ms / 2, 0, on_watchdog, daemon);
    }
}

void loop_set_deadline(struct daemon *daemon, size_t delay_ms)
{
    zloop_timer(daemon->loop, delay_ms, 1, on_deadline, daemon);
}

void loop_run(struct daemon *daemon)
{
    zloop_start(daemon->loop);
}
