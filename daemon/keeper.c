/* SPDX-License-Identifier: MIT */
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "durable.h"
#include "log.h"
#include "moment.h"
#include "xalloc.h"

struct keeper {
    zactor_t *actor;
    struct store *store; /* the thread's */
};

/* ---- Orders ---------------------------------------------------------------- */

struct order *order_new(void)
{
    return xalloc(1, sizeof(struct order));
}

void order_destroy(struct order **order)
{
    if (*order == NULL) {
        return;
    }
    struct request *request;
    while ((request = request_pop(&(*order)->requests)) != NULL) {
        request_destroy(&request);
    }
    capture_destroy(&(*order)->capture);
    free(*order);
    *order = NULL;
}

/* Rows that a checkpoint counts are on the disk before it; when they are not, a start
 * after a power cut finds fewer, and says so. */
static void sync_files(const struct capture *capture)
{
    for (; capture != NULL; capture = capture->next) {
        for (size_t i = 0; i < capture->n_synced; i++) {
            const char *failed = durable_sync(capture->synced[i]);
            if (failed != NULL) {
                log_warn("%s: %s: %s", capture->synced[i], failed, strerror(errno));
            }
        }
    }
}

/* The values become the store's. */
static void put_values(struct store *store, struct capture *capture)
{
    for (; capture != NULL; capture = capture->next) {
        for (size_t i = 0; i < capture->n; i++) {
            struct captured *item = &capture->item[i];
            if (item->value != NULL) {
                store_put(store, item->kind, item->name, item->value, item->size);
            } else {
                store_remove(store, item->kind, item->name);
            }
        }
        if (capture->n_unbalanced > 0) {
            log_error("%zu ledgers do not add up: this is an error of mixd",
                      capture->n_unbalanced);
        }
    }
}

static void write_backup(const struct store *store, struct request *request)
{
    const char *path = json_string_value(json_object_get(request->arguments, "file"));
    char why[DATABASE_WHY_SIZE];
    if (path == NULL) { /* `checkpoint` has none */
        return;
    }
    if (path[0] != '/') {
        request_fail(request, CODE_ARGUMENT, "file: must be an absolute path");
    } else if (!store_backup(store, path, why)) {
        request_fail(request, CODE_REFUSED, "%s: %s", path, why);
    } else {
        request->reply = json_pack("{s:s, s:I}", "file", path, "generation",
                                   (json_int_t)store_generation(store));
    }
}

static void reply_checkpoint(struct request *request, const struct order *order)
{
    if (json_object_get(request->arguments, "file") != NULL) {
        return;
    }
    if (order->problem[0] != '\0') {
        request_fail(request, CODE_REFUSED, "checkpoint: %s", order->problem);
        return;
    }
    request->reply = json_pack(
        "{s:I, s:I, s:f}", "generation", (json_int_t)order->settlement.generation, "safe",
        (json_int_t)order->settlement.safe, "seconds", order->seconds);
}

static enum store_outcome write_values(struct store *store, struct order *order)
{
    const struct moment now = moment_now();
    if (order->is_urgent) {
        store_hurry(store);
    }
    if (!order->may_write) {
        return store_refuse(store, now.ms, order->refusal.text);
    }
    if (!order->is_urgent && store_is_settled(store)) {
        return STORE_WRITTEN;
    }
    return store_commit(store, now.ms);
}

static void carry_out(struct store *store, struct order *order)
{
    const int64_t begin_us = zclock_usecs();
    sync_files(order->capture);
    put_values(store, order->capture);
    order->outcome = write_values(store, order);
    order->seconds = 1e-6 * (double)(zclock_usecs() - begin_us);
    order->settlement = (struct settlement){
        .generation = store_generation(store),
        .safe = store_safe_generation(store),
        .is_settled = store_is_settled(store),
    };
    order->retry_ms = store_retry_ms(store);
    const char *problem = store_problem(store);
    snprintf(order->problem, sizeof(order->problem), "%s",
             problem != NULL ? problem : "");
    for (struct request *request = order->requests.first; request != NULL;
         request = request->next) {
        write_backup(store, request);
        reply_checkpoint(request, order);
    }
}

/* ---- The thread ------------------------------------------------------------ */

static void run(zsock_t *pipe, void *argument)
{
    struct keeper *keeper = argument;
    void *handle = zsock_resolve(pipe);
    struct order *order;
    zsock_signal(pipe, 0);
    /* Anything else is the "$TERM" of zactor_destroy(). */
    while (zmq_recv(handle, &order, sizeof(order), 0) == sizeof(order)) {
        carry_out(keeper->store, order);
        zmq_send(handle, &order, sizeof(order), 0);
    }
}

struct keeper *keeper_start(struct store *store, struct fault *fault)
{
    struct keeper *keeper = xalloc(1, sizeof(*keeper));
    keeper->store = store;
    keeper->actor = zactor_new(run, keeper);
    if (keeper->actor == NULL) {
        fault_set(fault, EX_OSERR, "state: cannot start a thread");
        keeper_end(&keeper);
    }
    return keeper;
}

void keeper_end(struct keeper **keeper)
{
    if (*keeper == NULL) {
        return;
    }
    zactor_destroy(&(*keeper)->actor);
    store_close(&(*keeper)->store);
    free(*keeper);
    *keeper = NULL;
}

zsock_t *keeper_sock(const struct keeper *keeper)
{
    return zactor_sock(keeper->actor);
}

void keeper_give(struct keeper *keeper, struct order *order)
{
    zmq_send(zsock_resolve(keeper_sock(keeper)), &order, sizeof(order), 0);
}

struct order *keeper_take(struct keeper *keeper, int wait_ms)
{
    struct order *order;
    zmq_pollitem_t item = {zsock_resolve(keeper_sock(keeper)), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, wait_ms) <= 0 ||
        zmq_recv(item.socket, &order, sizeof(order), ZMQ_DONTWAIT) != sizeof(order)) {
        return NULL;
    }
    return order;
}
