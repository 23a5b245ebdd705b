/* SPDX-License-Identifier: MIT */
#include "archive.h"

#include <czmq.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "arena.h"
#include "daemon.h"
#include "history.h"
#include "log.h"
#include "moment.h"
#include "topic.h"
#include "xalloc.h"

enum {
    EVERY_MS = 1000,
    THIN_EVERY_MS = 60000,
    PENDING_BYTES = 16 << 20, /* more than that is left out */
};

struct note {
    const char *topic, *text; /* the arena's */
    size_t size;
    double time_s;
    struct note *next;
};

/* What the thread is to do; comes back with answers. */
struct errand {
    struct arena arena; /* of the notes */
    struct note *first, **end;
    size_t bytes;
    struct request_queue requests;
    double now_s, keep_s;
    bool is_thinning;
};

struct archive {
    struct history *history; /* the thread's */
    zactor_t *actor;
    struct errand *pending;
    bool is_out;        /* an errand has not come back */
    bool has_failed;    /* the thread's: said so already */
    int64_t thin_ms;    /* when it is thinned next */
    zhashx_t *by_topic; /* moment of the last note, as double in memory of its own */
};

/* ---- The thread --------------------------------------------------------------- */

static void note_result(struct archive *archive, bool is_good, const char *why)
{
    if (!is_good && !archive->has_failed) {
        log_warn("history: %s: models are published, not kept", why);
    } else if (is_good && archive->has_failed) {
        log_info("history: models are kept again");
    }
    archive->has_failed = !is_good;
}

static void write_notes(struct archive *archive, const struct errand *errand)
{
    struct history *history = archive->history;
    char why[DATABASE_WHY_SIZE] = "";
    if (errand->first == NULL || errand->keep_s == 0) {
        return;
    }
    bool is_good = history_begin(history, why);
    for (const struct note *note = errand->first; note != NULL && is_good;
         note = note->next) {
        is_good =
            history_add(history, note->topic, note->time_s, note->text, note->size, why);
    }
    note_result(archive, is_good && history_end(history, why), why);
}

/* TIME and SINCE are seconds since 1970. */
static void answer(struct archive *archive, struct request *request)
{
    char topic[TOPIC_SIZE];
    char why[DATABASE_WHY_SIZE] = "";
    const json_t *arguments = request->arguments;
    const json_t *at = json_object_get(arguments, "at");
    if (json_is_number(at) && json_is_number(json_object_get(arguments, "since"))) {
        request_fail(request, CODE_ARGUMENT, "at: excludes since");
        return;
    }
    topic_write(topic, "model", json_string_value(json_object_get(arguments, "stream")),
                json_string_value(json_object_get(arguments, "key")));
    if (!json_is_number(at)) {
        const double since_s = json_number_value(json_object_get(arguments, "since"));
        request->reply = history_list(archive->history, topic, since_s, why);
        if (request->reply == NULL) {
            request_fail(request, CODE_REFUSED, "history: %s", why);
        }
        return;
    }
    json_t *frame = NULL;
    if (!history_find(archive->history, topic, json_number_value(at), &frame, why)) {
        request_fail(request, CODE_REFUSED, "history: %s", why);
    } else if (frame == NULL) {
        request_fail(request, CODE_NOT_READY, "at: the history has no model that old");
    } else {
        request->reply = json_pack("{s:o}", "model", frame);
    }
}

static void carry_out(struct archive *archive, struct errand *errand)
{
    char why[DATABASE_WHY_SIZE] = "";
    write_notes(archive, errand);
    for (struct request *request = errand->requests.first; request != NULL;
         request = request->next) {
        answer(archive, request);
    }
    if (errand->is_thinning && !archive->has_failed) {
        note_result(archive,
                    history_thin(archive->history, errand->now_s, errand->keep_s, why),
                    why);
    }
}

static void run(zsock_t *pipe, void *argument)
{
    struct archive *archive = argument;
    void *handle = zsock_resolve(pipe);
    struct errand *errand;
    zsock_signal(pipe, 0);
    /* Anything else is the "$TERM" of zactor_destroy(). */
    while (zmq_recv(handle, &errand, sizeof(errand), 0) == sizeof(errand)) {
        carry_out(archive, errand);
        zmq_send(handle, &errand, sizeof(errand), 0);
    }
}

/* ---- Errands ------------------------------------------------------------------- */

static struct errand *errand_new(void)
{
    struct errand *errand = xalloc(1, sizeof(*errand));
    errand->end = &errand->first;
    return errand;
}

static void errand_destroy(struct daemon *daemon, struct errand **errand)
{
    struct request *request;
    while ((request = request_pop(&(*errand)->requests)) != NULL) {
        if (request->reply == NULL && request->code == CODE_OK) {
            request_fail(request, CODE_REFUSED, "the daemon is stopping");
        }
        control_reply(daemon->control, &request);
    }
    arena_clear(&(*errand)->arena);
    free(*errand);
    *errand = NULL;
}

/* Hands over what there is, one errand at a time. */
static void send_errand(struct daemon *daemon)
{
    struct archive *archive = daemon->archive;
    struct errand *errand = archive->pending;
    const struct moment now = moment_now();
    const bool is_thinning = now.ms >= archive->thin_ms;
    if (archive->is_out ||
        (errand->first == NULL && errand->requests.n == 0 && !is_thinning)) {
        return;
    }
    errand->now_s = now.wall_s;
    errand->keep_s = daemon_config(daemon)->history_keep_s;
    errand->is_thinning = is_thinning;
    archive->thin_ms = is_thinning ? now.ms + THIN_EVERY_MS : archive->thin_ms;
    archive->is_out = true;
    archive->pending = errand_new();
    zmq_send(zsock_resolve(zactor_sock(archive->actor)), &errand, sizeof(errand), 0);
}

static int on_tick(zloop_t *loop, int timer, void *argument)
{
    (void)loop;
    (void)timer;
    send_errand(argument);
    return 0;
}

static int on_errand(zloop_t *loop, zsock_t *sock, void *argument)
{
    (void)loop;
    struct daemon *daemon = argument;
    struct errand *errand;
    if (zmq_recv(zsock_resolve(sock), &errand, sizeof(errand), ZMQ_DONTWAIT) !=
        sizeof(errand)) {
        return 0;
    }
    daemon->archive->is_out = false;
    errand_destroy(daemon, &errand);
    if (daemon->archive->pending->requests.n > 0) {
        send_errand(daemon);
    }
    return 0;
}

/* ---- Collecting ------------------------------------------------------------------- */

/* Whether the last frame of the topic is long enough ago; if so, this one is. */
static bool take_turn(struct archive *archive, const char *topic, double spacing_s)
{
    const double now_s = 1e-3 * (double)moment_now().ms;
    double *last = zhashx_lookup(archive->by_topic, topic);
    if (last == NULL) {
        last = xalloc(1, sizeof(*last));
        zhashx_insert(archive->by_topic, topic, last);
    } else if (now_s - *last < spacing_s) {
        return false;
    }
    *last = now_s;
    return true;
}

void archive_note(struct daemon *daemon, const struct post *post)
{
    struct archive *archive = daemon->archive;
    struct errand *errand = archive->pending;
    char topic[TOPIC_SIZE];
    if (post->spacing_s == 0 || daemon_config(daemon)->history_keep_s == 0 ||
        errand->bytes > PENDING_BYTES || post->topic_size >= sizeof(topic)) {
        return;
    }
    memcpy(topic, post->text, post->topic_size);
    topic[post->topic_size] = '\0';
    const double spacing_s =
        fmax(post->spacing_s, (double)post->size / ARCHIVE_BYTES_A_SECOND);
    if (!take_turn(archive, topic, spacing_s)) {
        return;
    }
    struct note *note = arena_take(&errand->arena, sizeof(*note));
    char *text = arena_take(&errand->arena, post->size + 1);
    memcpy(text, post->text, post->size);
    text[post->topic_size] = '\0'; /* the blank between topic and body */
    *note = (struct note){
        .topic = text,
        .text = text + post->topic_size + 1,
        .size = post->size - post->topic_size - 1,
        .time_s = post->time_s,
    };
    errand->bytes += post->size;
    *errand->end = note;
    errand->end = &note->next;
}

void archive_ask(struct daemon *daemon, struct request *request)
{
    if (daemon_config(daemon)->history_keep_s == 0) {
        request_fail(request, CODE_REFUSED, "history.keep is off");
        control_reply(daemon->control, &request);
        return;
    }
    request_push(&daemon->archive->pending->requests, request);
    send_errand(daemon);
}

/* ---- Life ------------------------------------------------------------------------ */

static void destroy_number(void **number)
{
    free(*number);
    *number = NULL;
}

bool archive_start(struct daemon *daemon)
{
    struct archive *archive = xalloc(1, sizeof(*archive));
    char *path = xformat("%s/history", daemon->config->state_path);
    daemon->archive = archive;
    archive->history = history_new(path);
    free(path);
    archive->pending = errand_new();
    archive->by_topic = zhashx_new();
    zhashx_set_destructor(archive->by_topic, destroy_number);
    archive->thin_ms = moment_now().ms + THIN_EVERY_MS;
    archive->actor = zactor_new(run, archive);
    if (archive->actor == NULL) {
        return fault_set(&daemon->fault, EX_OSERR, "history: cannot start a thread");
    }
    zloop_reader(daemon->loop, zactor_sock(archive->actor), on_errand, daemon);
    zloop_reader_set_tolerant(daemon->loop, zactor_sock(archive->actor));
    zloop_timer(daemon->loop, EVERY_MS, 0, on_tick, daemon);
    return true;
}

/* The last frames are written as well, if the disk lets it. */
void archive_end(struct daemon *daemon)
{
    enum { LAST_MS = 2000 };
    struct archive *archive = daemon->archive;
    if (archive == NULL) {
        return;
    }
    for (int n = 0; n < 2 && archive->actor != NULL; n++) {
        struct errand *errand;
        send_errand(daemon);
        zmq_pollitem_t item = {zsock_resolve(zactor_sock(archive->actor)), 0, ZMQ_POLLIN,
                               0};
        if (archive->is_out && zmq_poll(&item, 1, LAST_MS) > 0 &&
            zmq_recv(item.socket, &errand, sizeof(errand), ZMQ_DONTWAIT) ==
                sizeof(errand)) {
            archive->is_out = false;
            errand_destroy(daemon, &errand);
        }
    }
    zactor_destroy(&archive->actor);
    errand_destroy(daemon, &archive->pending);
    history_destroy(&archive->history);
    zhashx_destroy(&archive->by_topic);
    free(archive);
    daemon->archive = NULL;
}
