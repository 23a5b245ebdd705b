/* SPDX-License-Identifier: MIT */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "recovery.h"
#include "xalloc.h"

/* A disk that takes longer for the last checkpoint is given up. */
enum { LAST_WRITE_MS = 9000 };

static void begin(struct daemon *daemon);

/* ---- Orders ---------------------------------------------------------------- */

static void take_order(struct checkpoint *checkpoint, struct order *order)
{
    if (order->outcome == STORE_WRITTEN) {
        checkpoint->last_s = moment_now().wall_s;
        checkpoint->seconds = order->seconds;
    }
    checkpoint->generation = order->settlement.generation;
    checkpoint->safe = order->settlement.safe;
    memcpy(checkpoint->problem, order->problem, sizeof(order->problem));
}

/* What tells other programs of the daemon is made again when its folder was replaced. */
static void show_again(struct daemon *daemon)
{
    struct fault fault = {0};
    bool is_shown = control_keep(daemon->control, &fault);
    if (is_shown && !state_has_endpoints(daemon->state)) {
        json_t *endpoints = daemon_endpoints(daemon);
        is_shown = state_write_endpoints(daemon->state, endpoints, &fault);
        json_decref(endpoints);
    }
    if (!is_shown && !daemon->checkpoint.is_hidden) {
        log_warn("%s", fault.text);
    }
    daemon->checkpoint.is_hidden = !is_shown;
}

/* All that was gathered, for the actor. */
static struct order *make_order(struct daemon *daemon, bool is_urgent)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    struct order *order = order_new();
    order->is_urgent = is_urgent;
    order->capture = checkpoint->gathered;
    checkpoint->gathered = NULL;
    checkpoint->gathered_end = &checkpoint->gathered;
    order->requests = checkpoint->served;
    checkpoint->served = (struct request_queue){0};
    /* The folder may have been replaced by one that nobody has locked. */
    order->may_write = state_hold(daemon->state, &order->refusal);
    if (order->may_write && !daemon->is_stopping) {
        show_again(daemon);
    }
    return order;
}

/* ---- A round --------------------------------------------------------------- */

static int on_retry(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    begin(argument);
    return 0;
}

/* The workers acknowledge to their sources what has become durable, before they are
 * asked to copy more. */
static void settle(struct daemon *daemon, const struct order *order)
{
    for (size_t i = 0; i < daemon->n_workers && !daemon->is_stopping; i++) {
        struct request *request = request_new(REQUEST_SETTLE);
        request->settlement = order->settlement;
        worker_ask(daemon->workers[i], request);
    }
}

static int on_order(zloop_t *loop, zsock_t *sock, void *argument)
{
    (void)sock;
    struct daemon *daemon = argument;
    struct checkpoint *checkpoint = &daemon->checkpoint;
    struct order *order = keeper_take(checkpoint->keeper, 0);
    if (order == NULL) {
        return 0;
    }
    checkpoint->is_running = false;
    take_order(checkpoint, order);
    struct request *request;
    while ((request = request_pop(&order->requests)) != NULL) {
        control_reply(daemon->control, &request);
    }
    if (order->outcome == STORE_WRITTEN) {
        settle(daemon, order);
    }
    if (order->outcome == STORE_FAILED) {
        const int64_t delay_ms = order->retry_ms - moment_now().ms;
        zloop_timer(loop, delay_ms > 1 ? (size_t)delay_ms : 1, 1, on_retry, daemon);
    }
    order_destroy(&order);
    if (checkpoint->asked.n > 0 || checkpoint->is_wanted) {
        begin(daemon);
    }
    return 0;
}

static void finish_gathering(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    const bool is_urgent = checkpoint->is_first || checkpoint->served.n > 0;
    checkpoint->is_first = false;
    keeper_give(checkpoint->keeper, make_order(daemon, is_urgent));
}

static void begin(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    if (checkpoint->is_running || daemon->is_stopping) {
        return;
    }
    checkpoint->is_running = true;
    checkpoint->is_wanted = false;
    checkpoint->served = checkpoint->asked;
    checkpoint->asked = (struct request_queue){0};
    checkpoint->n_asked = daemon->n_workers;
    for (size_t i = 0; i < daemon->n_workers; i++) {
        worker_ask(daemon->workers[i], request_new(REQUEST_CAPTURE));
    }
}

void checkpoint_answer(struct daemon *daemon, struct request *request)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    const bool is_last = request->is_last;
    *checkpoint->gathered_end = request->capture;
    checkpoint->gathered_end = &request->capture->next;
    request->capture = NULL;
    request_destroy(&request);
    if (!is_last && --checkpoint->n_asked == 0) {
        finish_gathering(daemon);
    }
}

void checkpoint_ask(struct daemon *daemon, struct request *request)
{
    if (daemon->is_stopping) {
        request_fail(request, CODE_REFUSED, "the daemon is stopping");
        control_reply(daemon->control, &request);
        return;
    }
    request_push(&daemon->checkpoint.asked, request);
    begin(daemon);
}

void checkpoint_want(struct daemon *daemon)
{
    daemon->checkpoint.is_wanted = true;
    begin(daemon);
}

/* The next tick, at the pace that the configuration has by then. */
static int on_tick(zloop_t *loop, int timer, void *argument)
{
    (void)timer;
    struct daemon *daemon = argument;
    const double every_s = daemon_config(daemon)->checkpoint_every_s;
    begin(daemon);
    zloop_timer(loop, (size_t)(1000 * every_s), 1, on_tick, daemon);
    return 0;
}

/* ---- Life ------------------------------------------------------------------ */

bool checkpoint_open(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    checkpoint->gathered_end = &checkpoint->gathered;
    checkpoint->schema = (struct store_schema){
        .version = CAPTURE_VERSION,
        .migrate = recovery_migrate,
        .accept = recovery_accept,
        .context = daemon->config,
    };
    checkpoint->store = store_open(daemon->config->state_path, &checkpoint->schema,
                                   daemon->start_afresh, &daemon->fault);
    if (checkpoint->store == NULL) {
        return false;
    }
    checkpoint->generation = store_generation(checkpoint->store);
    checkpoint->safe = store_safe_generation(checkpoint->store);
    if (checkpoint->generation > 0) {
        log_info("%s: state of generation %llu loaded", daemon->config->state_path,
                 (unsigned long long)checkpoint->generation);
    }
    return true;
}

void checkpoint_restore(const struct daemon *daemon, struct stream *stream)
{
    recovery_restore(stream, store_items(daemon->checkpoint.store));
}

bool checkpoint_start(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    checkpoint->keeper = keeper_start(checkpoint->store, &daemon->fault);
    checkpoint->store = NULL;
    if (checkpoint->keeper == NULL) {
        return false;
    }
    zloop_reader(daemon->loop, keeper_sock(checkpoint->keeper), on_order, daemon);
    zloop_reader_set_tolerant(daemon->loop, keeper_sock(checkpoint->keeper));
    checkpoint->is_first = true;
    on_tick(daemon->loop, 0, daemon);
    return true;
}

/* Commands that came too late. */
static void refuse_requests(struct daemon *daemon, struct request_queue *queue)
{
    struct request *request;
    while ((request = request_pop(queue)) != NULL) {
        request_fail(request, CODE_REFUSED, "the daemon is stopping");
        control_reply(daemon->control, &request);
    }
}

/* Everything the workers left is written, after what is still being written. */
static void write_last(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    struct order *order = NULL;
    bool is_last = false;
    size_t n_waiting = checkpoint->is_running && checkpoint->n_asked == 0 ? 2 : 1;
    keeper_give(checkpoint->keeper, make_order(daemon, true));
    while (!is_last && (order = keeper_take(checkpoint->keeper, LAST_WRITE_MS)) != NULL) {
        is_last = --n_waiting == 0;
        take_order(checkpoint, order);
        order_destroy(&order);
    }
    if (!is_last) {
        log_error("%s: the disk does not answer: generation %llu stays",
                  daemon->config->state_path, (unsigned long long)checkpoint->generation);
        _exit(EX_IOERR); /* a thread that waits for a disk cannot be ended in order */
    }
    if (checkpoint->problem[0] != '\0' && daemon->fault.code == 0) {
        fault_set(&daemon->fault, EX_IOERR,
                  "%s: the last checkpoint failed: %s: generation %llu stays",
                  daemon->config->state_path, checkpoint->problem,
                  (unsigned long long)checkpoint->generation);
    }
}

void checkpoint_end(struct daemon *daemon)
{
    struct checkpoint *checkpoint = &daemon->checkpoint;
    if (checkpoint->keeper != NULL) {
        write_last(daemon);
        keeper_end(&checkpoint->keeper);
    }
    refuse_requests(daemon, &checkpoint->served);
    refuse_requests(daemon, &checkpoint->asked);
}

void checkpoint_clear(struct daemon *daemon)
{
    capture_destroy(&daemon->checkpoint.gathered);
    store_close(&daemon->checkpoint.store);
}

json_t *checkpoint_json(const struct checkpoint *checkpoint)
{
    const char *problem = checkpoint->problem[0] != '\0' ? checkpoint->problem : NULL;
    return json_pack("{s:I, s:I, s:f, s:f, s:s?}", "generation",
                     (json_int_t)checkpoint->generation, "safe",
                     (json_int_t)checkpoint->safe, "last", checkpoint->last_s, "seconds",
                     checkpoint->seconds, "problem", problem);
}
