/* SPDX-License-Identifier: MIT
 *
 * Points end to end: a sender on one core, the daemon with all its threads on the other,
 * over loopback tcp, against a bare PULL socket that receives the same messages in the
 * same run and does nothing with them; as arrays, and as lines of text. Then a million
 * points into a fresh daemon, timed with its warm-up, and the resident memory of ten
 * streams.
 *
 * Run from the build folder: `make bench`, or one row of the first tables:
 *
 *     bench_feed D K POINTS-A-MESSAGE [array|json|csv]
 *
 * With an endpoint and a number of messages it only sends these there, for others. */
#include "autoconf.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench.h"
#include "client.h"
#include "format.h"
#include "layout.h"
#include "source.h"

#define SEED 1
#define REPEATS 3
#define SENDER_CORE 0
#define RECEIVER_CORE 1

/* Points that the messages are cut from, over and over. */
#define POOL 65536
/* Points that bring a learner past its warm-up (at most 32768) and into its stride. */
#define WARM_POINTS 40960

/* ---- Points -------------------------------------------------------------- */

/* Messages of one part that were written before. */
struct letters {
    size_t n;
    struct bytes *body;
};

struct load {
    size_t n_fields;     /* D */
    size_t n_components; /* K */
    size_t per_message;  /* points */
    size_t n_messages;
    const double *pool; /* POOL x D */
    struct letters letters; /* what is sent; n = 0: arrays out of the pool */
};

static void give_up(const char *what)
{
    fprintf(stderr, "bench_feed: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(EX_SOFTWARE);
}

/* A made-up mixture of K components in D dimensions. */
static double *pool_new(size_t n_fields, size_t n_components)
{
    struct failure failure = {0};
    struct source_options options = {0};
    struct source_rows rows;
    size_t n = 0;
    char *name = tool_text("synth:dims=%zu,components=%zu,seed=%d,points=%d", n_fields,
                           n_components, SEED, POOL);
    double *pool = tool_need(calloc(POOL * n_fields, sizeof(double)));
    struct source *source = source_open(name, &options, 0, &failure);
    while (source != NULL && source_next(source, 0, &rows, &failure)) {
        memcpy(pool + n * n_fields, rows.x, rows.n * n_fields * sizeof(double));
        n += rows.n;
    }
    source_close(&source);
    free(name);
    return pool;
}

/* The names of the fields, as the configuration has them as well. */
static struct layout *layout_of(size_t n_fields)
{
    const char **names = tool_need(calloc(n_fields, sizeof(*names)));
    for (size_t d = 0; d < n_fields; d++) {
        names[d] = tool_text("x%zu", d);
    }
    struct layout *layout =
        layout_new(names, n_fields, names, n_fields, NULL, NULL, NULL, NULL);
    for (size_t d = 0; d < n_fields; d++) {
        free((void *)(uintptr_t)names[d]);
    }
    free(names);
    return tool_need(layout);
}

/* The points of the pool as messages of that format. */
static struct letters letters_new(const struct load *load, const char *format)
{
    struct layout *layout = layout_of(load->n_fields);
    struct parts *parts = tool_need(parts_new());
    struct letters letters = {.n = POOL / load->per_message};
    letters.body = tool_need(calloc(letters.n, sizeof(*letters.body)));
    for (size_t i = 0; i < letters.n; i++) {
        const struct rows rows = {load->pool + i * load->per_message * load->n_fields,
                                  load->per_message, NULL};
        if (!format_find(format)->encode(layout, &rows, parts)) {
            give_up(format);
        }
        const struct bytes body = parts_get(parts, 0);
        letters.body[i] = (struct bytes){
            memcpy(tool_need(malloc(body.size)), body.data, body.size), body.size};
    }
    parts_destroy(&parts);
    layout_destroy(&layout);
    return letters;
}

static void letters_free(struct letters *letters)
{
    for (size_t i = 0; i < letters->n; i++) {
        free((void *)(uintptr_t)letters->body[i].data);
    }
    free(letters->body);
    *letters = (struct letters){0};
}

static void send_part(void *socket, const void *data, size_t size, int flags)
{
    while (zmq_send(socket, data, size, flags) == -1) {
        if (zmq_errno() != EINTR) {
            give_up("send");
        }
    }
}

static void send_letters(void *socket, const struct load *load)
{
    for (size_t i = 0; i < load->n_messages; i++) {
        const struct bytes body = load->letters.body[i % load->letters.n];
        send_part(socket, body.data, body.size, 0);
    }
}

static void send_arrays(void *socket, const struct load *load)
{
    char header[128];
    const int size = snprintf(header, sizeof(header),
                              "{\"dtype\": \"float64\", \"shape\": [%zu, %zu]}",
                              load->per_message, load->n_fields);
    const size_t bytes = load->per_message * load->n_fields * sizeof(double);
    size_t first = 0;
    for (size_t i = 0; i < load->n_messages; i++) {
        send_part(socket, header, (size_t)size, ZMQ_SNDMORE);
        send_part(socket, load->pool + first * load->n_fields, bytes, 0);
        first += load->per_message;
        first = first + load->per_message > POOL ? 0 : first;
    }
}

static void send_all(void *socket, const struct load *load)
{
    (load->letters.n > 0 ? send_letters : send_arrays)(socket, load);
}

static size_t load_points(const struct load *load)
{
    return load->per_message * load->n_messages;
}

/* ---- Processes ----------------------------------------------------------- */

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) == -1) {
        fprintf(stderr, "bench_feed: core %d: %s: the figures mean little\n", core,
                strerror(errno));
    }
}

static void *push_new(void *context, const char *endpoint)
{
    void *socket = zmq_socket(context, ZMQ_PUSH);
    const int one = 1;
    const int linger = 0;
    if (socket == NULL ||
        zmq_setsockopt(socket, ZMQ_IMMEDIATE, &one, sizeof(one)) == -1 ||
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)) == -1 ||
        zmq_connect(socket, endpoint) == -1) {
        give_up(endpoint);
    }
    return socket;
}

/* The bare receiver: tells its endpoint, receives, and tells that it is done. */
static void receive_all(const struct load *load, int pipe_end)
{
    pin(RECEIVER_CORE);
    char endpoint[64];
    size_t size = sizeof(endpoint);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_PULL);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") == -1 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == -1 ||
        write(pipe_end, endpoint, sizeof(endpoint)) == -1) {
        give_up("receiver");
    }
    zmq_msg_t part;
    zmq_msg_init(&part);
    const size_t n_parts = load->letters.n > 0 ? 1 : 2;
    for (size_t i = 0; i < n_parts * load->n_messages; i++) {
        while (zmq_msg_recv(&part, socket, 0) == -1) {
            if (zmq_errno() != EINTR) {
                give_up("receive");
            }
        }
    }
    _exit(write(pipe_end, "", 1) == 1 ? 0 : 1);
}

/* Seconds from the first send until the bare receiver has all. */
static double run_bare(const struct load *load)
{
    int ends[2];
    char endpoint[64];
    if (pipe(ends) == -1) {
        give_up("pipe");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        receive_all(load, ends[1]);
    }
    if (pid == -1 || read(ends[0], endpoint, sizeof(endpoint)) != sizeof(endpoint)) {
        give_up("receiver");
    }
    void *context = zmq_ctx_new();
    void *socket = push_new(context, endpoint);
    const double start_s = bench_clock();
    send_all(socket, load);
    char done;
    const bool is_done = read(ends[0], &done, 1) == 1;
    const double seconds = bench_clock() - start_s;
    zmq_close(socket);
    zmq_ctx_term(context);
    close(ends[0]);
    close(ends[1]);
    waitpid(pid, NULL, 0);
    return is_done ? seconds : (double)NAN;
}

/* ---- Daemon -------------------------------------------------------------- */

struct daemon_run {
    pid_t pid;
    char *folder; /* of configuration and state */
    struct client *client;
    void *context;
    void **feeds; /* a PUSH socket a stream */
    size_t n_feeds;
};

static void write_config(const struct daemon_run *run, const char *format,
                         size_t n_fields, size_t n_components)
{
    char *path = tool_text("%s/mixd.yaml", run->folder);
    FILE *file = tool_need(fopen(path, "we"));
    fprintf(file,
            "publish: {bind: \"tcp://127.0.0.1:*\"}\nlog: {level: error}\nstreams:\n");
    for (size_t i = 0; i < run->n_feeds; i++) {
        fprintf(file,
                "  s%zu:\n    feed: {bind: \"tcp://127.0.0.1:*\", format: %s}\n"
                "    model: {components: %zu}\n    learn: {adapt: \"off\"}\n"
                "    fields: [x0",
                i, format, n_components);
        for (size_t d = 1; d < n_fields; d++) {
            fprintf(file, ", x%zu", d);
        }
        fprintf(file, "]\n");
    }
    fclose(file);
    free(path);
}

static void exec_daemon(const struct daemon_run *run)
{
    const char *program = getenv("MIXD");
    char *config = tool_text("%s/mixd.yaml", run->folder);
    char *state = tool_text("%s/state", run->folder);
    pin(RECEIVER_CORE);
    execl(program != NULL ? program : "./mixd", "mixd", "--state", state, "-c", config,
          (char *)NULL);
    perror("bench_feed: mixd");
    _exit(EX_UNAVAILABLE);
}

/* Connects as soon as the daemon answers. */
static void connect_daemon(struct daemon_run *run)
{
    char *endpoint = tool_text("ipc://%s/state/control.sock", run->folder);
    const struct place place = {.control = endpoint};
    struct failure failure;
    for (int i = 0; i < 500 && run->client == NULL; i++) {
        usleep(10000);
        run->client = client_new(&place, &failure);
    }
    if (run->client == NULL) {
        failure_print(&failure);
        exit(EX_UNAVAILABLE);
    }
    free(endpoint);
}

static void connect_feeds(struct daemon_run *run)
{
    struct failure failure;
    json_t *reply = client_command(run->client, "streams", NULL, &failure);
    run->context = zmq_ctx_new();
    run->feeds = tool_need(calloc(run->n_feeds, sizeof(void *)));
    for (size_t i = 0; i < run->n_feeds; i++) {
        char *name = tool_text("s%zu", i);
        const json_t *stream = json_object_get(json_object_get(reply, "streams"), name);
        const json_t *endpoints =
            json_object_get(json_object_get(stream, "feed"), "endpoints");
        run->feeds[i] =
            push_new(run->context, json_string_value(json_array_get(endpoints, 0)));
        free(name);
    }
    json_decref(reply);
}

static void daemon_start(struct daemon_run *run, size_t n_streams, const char *format,
                         size_t n_fields, size_t n_components)
{
    const char *temporary = getenv("TMPDIR");
    *run = (struct daemon_run){.n_feeds = n_streams};
    run->folder =
        tool_text("%s/mixd-bench-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(run->folder) == NULL) {
        give_up(run->folder);
    }
    write_config(run, format, n_fields, n_components);
    run->pid = fork();
    if (run->pid == 0) {
        exec_daemon(run);
    }
    connect_daemon(run);
    connect_feeds(run);
}

static void daemon_stop(struct daemon_run *run)
{
    for (size_t i = 0; i < run->n_feeds; i++) {
        zmq_close(run->feeds[i]);
    }
    zmq_ctx_term(run->context);
    client_destroy(&run->client);
    kill(run->pid, SIGTERM);
    waitpid(run->pid, NULL, 0);
    char *command = tool_text("rm -rf '%s'", run->folder);
    if (system(command) != 0) {
        fprintf(stderr, "bench_feed: %s stays\n", run->folder);
    }
    free(command);
    free(run->folder);
    free(run->feeds);
}

static json_int_t received(struct daemon_run *run, const char *stream)
{
    struct failure failure;
    json_t *reply = client_command(run->client, "status", NULL, &failure);
    const json_t *status = json_object_get(json_object_get(reply, "streams"), stream);
    const json_int_t points = json_integer_value(
        json_object_get(json_object_get(status, "ledger"), "received"));
    json_decref(reply);
    return points;
}

/* Seconds from the first send until the ledger has all. */
static double run_daemon(struct daemon_run *run, size_t stream, const struct load *load)
{
    struct failure failure;
    char *name = tool_text("s%zu", stream);
    json_t *request = json_pack("{s:s, s:s, s:I, s:I, s:i}", "command", "drain", "stream",
                                name, "sent", (json_int_t)load_points(load), "since",
                                received(run, name), "timeout", 600);
    const double start_s = bench_clock();
    send_all(run->feeds[stream], load);
    json_t *reply = client_ask(run->client, request, CLIENT_NO_TIMEOUT, &failure);
    const double seconds = bench_clock() - start_s;
    if (reply == NULL || failure.code != EX_OK) {
        failure_print(&failure);
        exit(EX_SOFTWARE);
    }
    json_decref(reply);
    json_decref(request);
    free(name);
    return seconds;
}

/* Resident memory in MB. */
static double resident_mb(const struct daemon_run *run)
{
    char *path = tool_text("/proc/%d/status", (int)run->pid);
    FILE *file = tool_need(fopen(path, "re"));
    char line[256];
    double kilobytes = (double)NAN;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kilobytes = strtod(line + 6, NULL);
        }
    }
    fclose(file);
    free(path);
    return kilobytes * 1024 / 1e6;
}

/* ---- Benchmarks ---------------------------------------------------------- */

/* Points of one run, so that the daemon takes about this long. */
#define RUN_S 0.4
#define RUN_POINTS_MAX 4e6

static size_t points_of_run(struct daemon_run *run, struct load *load)
{
    load->n_messages = 8192 / load->per_message;
    const double points = (double)load_points(load) * RUN_S / run_daemon(run, 0, load);
    return points < RUN_POINTS_MAX ? (size_t)points : (size_t)RUN_POINTS_MAX;
}

static void compare(struct daemon_run *run, struct load *load, const char *format,
                    size_t per_message)
{
    double bare[REPEATS];
    double fed[REPEATS];
    load->per_message = per_message;
    if (format_find(format)->n_parts == 1) {
        load->letters = letters_new(load, format);
    }
    load->n_messages = points_of_run(run, load) / per_message + 1;
    for (size_t i = 0; i < REPEATS; i++) {
        bare[i] = run_bare(load);
        fed[i] = run_daemon(run, 0, load);
    }
    const double points = (double)load_points(load);
    const double bare_rate = points / bench_median(bare, REPEATS);
    const double fed_rate = points / bench_median(fed, REPEATS);
    printf("  (%2zu,%2zu)  %-5s  %4zu  %10.3f  %10.3f  %6.1f %%\n", load->n_fields,
           load->n_components, format, per_message, bare_rate / 1e6, fed_rate / 1e6,
           100 * fed_rate / bare_rate);
    fflush(stdout);
    letters_free(&load->letters);
}

/* The rows of one shape. */
static void bench_shape(size_t n_fields, size_t n_components, const char *format,
                        const size_t *batches, size_t n_batches)
{
    double *pool = pool_new(n_fields, n_components);
    struct load load = {.n_fields = n_fields,
                        .n_components = n_components,
                        .per_message = 256,
                        .n_messages = WARM_POINTS / 256,
                        .pool = pool};
    struct daemon_run run;
    daemon_start(&run, 1, format, n_fields, n_components);
    if (format_find(format)->n_parts == 1) {
        load.letters = letters_new(&load, format);
    }
    run_daemon(&run, 0, &load);
    letters_free(&load.letters);
    for (size_t i = 0; i < n_batches; i++) {
        compare(&run, &load, format, batches[i]);
    }
    daemon_stop(&run);
    free(pool);
}

static void bench_ratios(void)
{
    static const size_t shapes[][2] = {{2, 4}, {8, 8}, {16, 16}};
    static const size_t batches[] = {1, 16, 256};
    printf(
        "  M points/s over loopback tcp, full covariance, adapt off, median of %d runs\n"
        "  (D,K)         a message  bare PULL      mixd   share\n",
        REPEATS);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        bench_shape(shapes[i][0], shapes[i][1], "array", batches,
                    sizeof(batches) / sizeof(batches[0]));
    }
    bench_shape(4, 4, "json", batches, 1);
    bench_shape(4, 4, "csv", batches, 1);
}

static void bench_million(void)
{
    double seconds[REPEATS];
    double *pool = pool_new(2, 4);
    const struct load load = {2, 4, 256, 1000000 / 256, pool, {0}};
    for (size_t i = 0; i < REPEATS; i++) {
        struct daemon_run run;
        daemon_start(&run, 1, "array", 2, 4);
        seconds[i] = run_daemon(&run, 0, &load);
        daemon_stop(&run);
    }
    printf("  a million points, (2,4), 256 a message, fresh daemon with its warm-up: "
           "%.3f s\n",
           bench_median(seconds, REPEATS));
    fflush(stdout);
    free(pool);
}

static void bench_memory(void)
{
    enum { STREAMS = 10 };
    double *pool = pool_new(8, 8);
    const struct load load = {8, 8, 256, WARM_POINTS / 256, pool, {0}};
    struct daemon_run run;
    daemon_start(&run, STREAMS, "array", 8, 8);
    printf("  resident memory, %d streams of (8,8): %.1f MB at the start", STREAMS,
           resident_mb(&run));
    for (int turn = 1; turn <= 4; turn++) {
        for (size_t i = 0; i < STREAMS; i++) {
            run_daemon(&run, i, &load);
        }
        printf(", %.1f MB after %d k points each", resident_mb(&run),
               turn * WARM_POINTS / 1000);
        fflush(stdout);
    }
    printf("\n");
    daemon_stop(&run);
    free(pool);
}

/* The messages of the first table to a receiver that is not ours. */
static void send_to(const char *endpoint, struct load load)
{
    const int forever = -1;
    double *pool = pool_new(load.n_fields, load.n_components);
    void *context = zmq_ctx_new();
    void *socket = push_new(context, endpoint);
    load.pool = pool;
    if (zmq_setsockopt(socket, ZMQ_LINGER, &forever, sizeof(forever)) == -1) {
        give_up(endpoint);
    }
    send_all(socket, &load);
    zmq_close(socket);
    zmq_ctx_term(context);
    free(pool);
}

int main(int argc, char **argv)
{
    pin(SENDER_CORE);
    if (argc == 6) {
        send_to(argv[4], (struct load){.n_fields = strtoul(argv[1], NULL, 10),
                                       .n_components = strtoul(argv[2], NULL, 10),
                                       .per_message = strtoul(argv[3], NULL, 10),
                                       .n_messages = strtoul(argv[5], NULL, 10)});
        return 0;
    }
    if (argc == 4 || argc == 5) {
        const size_t batch = strtoul(argv[3], NULL, 10);
        bench_shape(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10),
                    argc == 5 ? argv[4] : "array", &batch, 1);
        return 0;
    }
    bench_head("feed: points end to end", SEED);
    bench_ratios();
    bench_million();
    bench_memory();
    return 0;
}
