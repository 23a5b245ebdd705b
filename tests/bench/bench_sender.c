/* SPDX-License-Identifier: MIT
 *
 * Sends made-up points for bench_reliable.py, in the same messages either way:
 *
 *     bench_sender push|reliable ENDPOINT DIMENSIONS POINTS-A-MESSAGE MESSAGES
 *
 * push: arrays of a JSON header and a buffer to a PUSH socket. reliable: through
 * libmixfeed with its points in memory, until all are in the model. */
#include <zmq.h>

#include "bench.h"
#include "mixfeed.h"

/* Messages that are sent over and over. */
#define POOL 64

struct load {
    const char *endpoint;
    size_t n_fields;
    size_t per_message; /* points */
    size_t n_messages;
    double *pool; /* POOL messages */
};

/* Two clusters; any numbers would do, but for the learner's sake. */
static double *pool_new(const struct load *load)
{
    const size_t n = POOL * load->per_message * load->n_fields;
    double *pool = malloc(n * sizeof(double));
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; pool != NULL && i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const double cluster = (i / load->n_fields) % 2 == 0 ? 0.0 : 5.0;
        pool[i] = cluster + (double)(state >> 11) / 9007199254740992.0;
    }
    return pool;
}

static const double *message(const struct load *load, size_t i)
{
    return load->pool + i % POOL * load->per_message * load->n_fields;
}

static int send_push(const struct load *load)
{
    char header[128];
    const int size = snprintf(header, sizeof(header),
                              "{\"dtype\": \"float64\", \"shape\": [%zu, %zu]}",
                              load->per_message, load->n_fields);
    const size_t bytes = load->per_message * load->n_fields * sizeof(double);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_PUSH);
    int rc = zmq_connect(socket, load->endpoint);
    for (size_t i = 0; i < load->n_messages && rc != -1; i++) {
        rc = zmq_send(socket, header, (size_t)size, ZMQ_SNDMORE);
        rc = rc != -1 ? zmq_send(socket, message(load, i), bytes, 0) : rc;
    }
    if (rc == -1) {
        fprintf(stderr, "bench_sender: %s\n", zmq_strerror(zmq_errno()));
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    return rc == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int send_reliable(const struct load *load)
{
    char source[32];
    struct mixfeed_options options;
    struct mixfeed_failure failure = {0};
    snprintf(source, sizeof(source), "bench-%llx",
             (unsigned long long)(1e9 * bench_clock()));
    mixfeed_options_init(&options, load->endpoint, source, load->n_fields);
    options.batch = load->per_message;
    struct mixfeed *feed = mixfeed_open(&options, &failure);
    enum mixfeed_err err = feed != NULL ? MIXFEED_OK : failure.err;
    for (size_t i = 0; i < load->n_messages && err == MIXFEED_OK; i++) {
        err = mixfeed_send(feed, message(load, i), load->per_message, -1);
    }
    if (err == MIXFEED_OK) {
        err = mixfeed_flush_to(feed, MIXFEED_APPLIED, -1);
    }
    if (err != MIXFEED_OK) {
        fprintf(stderr, "bench_sender: %s\n",
                feed != NULL ? mixfeed_failure(feed)->text : failure.text);
    }
    mixfeed_close(&feed);
    return err == MIXFEED_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_sender push|reliable ENDPOINT DIMENSIONS "
                        "POINTS-A-MESSAGE MESSAGES\n");
        return 64;
    }
    struct load load = {
        .endpoint = argv[2],
        .n_fields = strtoul(argv[3], NULL, 10),
        .per_message = strtoul(argv[4], NULL, 10),
        .n_messages = strtoul(argv[5], NULL, 10),
    };
    load.pool = pool_new(&load);
    if (load.pool == NULL) {
        return EXIT_FAILURE;
    }
    const int code =
        strcmp(argv[1], "push") == 0 ? send_push(&load) : send_reliable(&load);
    free(load.pool);
    return code;
}
