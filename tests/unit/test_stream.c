/* SPDX-License-Identifier: MIT
 *
 * The way of a message: every point is accounted for, whatever it is. */
#include "stream.h"

#include <math.h>

#include "stream_fixture.h"

#define FIELDS "    fields: [a, b]\n    model: {components: 1}\n"
#define KEYED                                                                            \
    "    columns: [k, a]\n    fields: [a]\n    key: k\n    max_keys: 2\n"                \
    "    model: {components: 1}\n"

static struct ledger check_ledger(const struct fixture *f, uint64_t received)
{
    const struct ledger ledger = stream_ledger(f->stream);
    ck_assert(ledger_holds(&ledger));
    ck_assert_uint_eq(ledger.received, received);
    ck_assert_uint_eq(f->stream->received, received);
    return ledger;
}

/* Text, how many points it is, and which of them are rejected. */
static const struct {
    const char *text;
    uint64_t received;
    enum reason reason;
    uint64_t rejected;
} texts[] = {
    {"[1,2]\n[3,4]\n", 2, REASON_NONE, 0},
    {"[1,2]\n\n\r\n[3,4]", 2, REASON_NONE, 0},
    {"[[1,2],[3,4],[5,6]]", 3, REASON_NONE, 0},
    {"{\"b\":1,\"a\":2}", 1, REASON_NONE, 0},
    {"", 1, REASON_PARSE, 1},
    {"[1,2]\nnonsense\n[3,4]", 3, REASON_PARSE, 1},
    {"[1,2]\n[1,1e999]\n[3,4]", 3, REASON_RANGE, 1},
    {"[1,2]\n[1,null]\n[[1,null],[1,2]]", 4, REASON_MISSING, 2},
};

START_TEST(every_line_is_accounted_for)
{
    struct fixture *f = fixture_new("", FIELDS);
    fixture_text(f, texts[_i].text);
    const struct ledger ledger = check_ledger(f, texts[_i].received);
    ck_assert_uint_eq(ledger_rejected(&ledger), texts[_i].rejected);
    ck_assert_uint_eq(ledger.rejected[texts[_i].reason], texts[_i].rejected);
    ck_assert_uint_eq(ledger.queued, texts[_i].received - texts[_i].rejected);
    fixture_destroy(f);
}
END_TEST

START_TEST(rejects_leave_letters_with_their_bytes)
{
    struct fixture *f = fixture_new("", FIELDS);
    fixture_text(f, "[1,2]\nfirst\n[1,null]");
    json_t *letters = rejects_json(f->stream->rejects);
    ck_assert_uint_eq(json_array_size(letters), 2);
    const json_t *first = json_array_get(letters, 0),
                 *second = json_array_get(letters, 1);
    ck_assert_str_eq(json_string_value(json_object_get(first, "data")), "first");
    ck_assert_str_eq(json_string_value(json_object_get(first, "reason")), "parse");
    ck_assert_str_eq(json_string_value(json_object_get(second, "data")), "[1,null]");
    ck_assert_double_eq(json_number_value(json_object_get(second, "time")), 1e9);
    json_decref(letters);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_stream_with_work_due_is_not_read)
{
    struct fixture *f = fixture_new("format: csv", FIELDS);
    char text[8192] = "";
    for (int i = 0; i < 200; i++) { /* the first model is made of 64 of them */
        sprintf(text + strlen(text), "%d,%d\n", i % 7, i % 13);
    }
    fixture_text(f, text);
    ck_assert(stream_is_busy(f->stream));
    ck_assert(f->stream->has_message);
    ck_assert_uint_lt(f->stream->received, 200);
    zstr_send(f->sender, "1,2");
    fixture_await(f);
    ck_assert(!stream_drain(f->stream, f->now)); /* it stays in the socket */
    check_ledger(f, f->stream->received);
    for (int slices = 0; f->stream->received < 201; slices++) {
        ck_assert_int_lt(slices, 100000);
        stream_work(f->stream, f->now);
        stream_drain(f->stream, f->now);
    }
    const struct ledger ledger = check_ledger(f, 201);
    ck_assert_uint_eq(ledger_rejected(&ledger), 0);
    fixture_destroy(f);
}
END_TEST

START_TEST(framing_does_not_change_the_model)
{
    static const int batches[] = {1, 7, 100, 1000};
    char *first = NULL;
    size_t first_size = 0;
    for (size_t b = 0; b < COUNT(batches); b++) {
        struct fixture *f = fixture_new("format: csv", FIELDS);
        char text[32768] = "";
        for (int i = 1; i <= 1000; i++) {
            sprintf(text + strlen(text), "%d,%d.5\n", i * 7919 % 101, i * 104729 % 57);
            if (i % batches[b] == 0 || i == 1000) {
                fixture_text(f, text);
                while (stream_is_busy(f->stream) || f->stream->has_message) {
                    stream_work(f->stream, f->now);
                    stream_drain(f->stream, f->now);
                }
                text[0] = '\0';
            }
        }
        struct mix_learner *learner = router_slot(f->stream->router, 0)->learner;
        const size_t size = mix_learner_encoded_size(learner);
        char *bytes = malloc(size);
        mix_learner_encode(learner, bytes);
        if (first == NULL) {
            first = bytes;
            first_size = size;
        } else {
            ck_assert_uint_eq(size, first_size);
            ck_assert_msg(memcmp(bytes, first, size) == 0, "batch %d", batches[b]);
            free(bytes);
        }
        fixture_destroy(f);
    }
    free(first);
}
END_TEST

/* The encoded learner after 2000 points of eight fields. */
static char *learned_by(const char *threads, size_t *size)
{
    char body[256], text[8192] = "";
    snprintf(body, sizeof(body),
             "    dimensions: 8\n    model: {components: 8}\n"
             "    learn: {warmup: 300, threads: %s}\n",
             threads);
    struct fixture *f = fixture_new("format: csv", body);
    ck_assert(strcmp(threads, "1") == 0 || f->stream->crew != NULL);
    for (int i = 1; i <= 2000; i++) {
        for (int d = 0; d < 8; d++) {
            sprintf(text + strlen(text), "%d%c", (i + d) * (7919 + d) % 101,
                    d < 7 ? ',' : '\n');
        }
        if (i % 100 == 0) {
            fixture_text(f, text);
            while (stream_is_busy(f->stream) || f->stream->has_message) {
                stream_work(f->stream, f->now);
                stream_drain(f->stream, f->now);
            }
            text[0] = '\0';
        }
    }
    struct mix_learner *learner = router_slot(f->stream->router, 0)->learner;
    *size = mix_learner_encoded_size(learner);
    char *bytes = malloc(*size);
    mix_learner_encode(learner, bytes);
    fixture_destroy(f);
    return bytes;
}

START_TEST(threads_do_not_change_the_model)
{
    size_t size, other_size;
    char *alone = learned_by("1", &size), *other = learned_by("2", &other_size);
    ck_assert_uint_eq(other_size, size);
    ck_assert(memcmp(other, alone, size) == 0);
    free(alone);
    free(other);
}
END_TEST

START_TEST(rows_go_to_the_learner_of_their_key)
{
    struct fixture *f = fixture_new("format: csv", KEYED);
    fixture_text(f, "x,1\ny,2\nx,3\nx,oops\n,5\nz,6\nz,oops\n");
    const struct ledger ledger = check_ledger(f, 7);
    ck_assert_uint_eq(ledger.queued, 3);
    ck_assert_uint_eq(ledger.rejected[REASON_PARSE], 2);
    ck_assert_uint_eq(ledger.rejected[REASON_KEY], 2); /* the empty one, one too many */
    ck_assert_uint_eq(router_count(f->stream->router), 2);
    const struct ledger x = slot_ledger(router_slot(f->stream->router, 0));
    ck_assert_uint_eq(x.received, 3);
    ck_assert_uint_eq(x.queued, 2);
    ck_assert_uint_eq(x.rejected[REASON_PARSE], 1);
    ck_assert(ledger_holds(&x));
    ck_assert_uint_eq(f->stream->unkeyed.received, 3);
    ck_assert(ledger_holds(&f->stream->unkeyed));
    fixture_destroy(f);
}
END_TEST

START_TEST(the_topic_can_be_the_key)
{
    struct fixture *f =
        fixture_new("type: sub, format: csv",
                    "    fields: [a]\n    key: topic\n    model: {components: 1}\n");
    zstr_sendx(f->sender, "pump/1", "1\n2\n", NULL);
    zstr_sendx(f->sender, "pump/2", "3\nx\n", NULL);
    while (f->stream->received < 4) {
        fixture_await(f);
        stream_drain(f->stream, f->now);
    }
    check_ledger(f, 4);
    ck_assert_uint_eq(router_count(f->stream->router), 2);
    ck_assert_str_eq(router_slot(f->stream->router, 0)->key, "pump/1");
    const struct ledger second = slot_ledger(router_slot(f->stream->router, 1));
    ck_assert_uint_eq(second.rejected[REASON_PARSE], 1);
    fixture_destroy(f);
}
END_TEST

START_TEST(a_round_is_bounded_and_goes_on_in_the_message)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    f->stream->drain_points = 1;
    double x[2 * 1000];
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = (double)(i % 10);
    }
    zframe_t *frame = zframe_new(x, sizeof(x));
    zframe_send(&frame, f->sender, 0);
    fixture_await(f);
    uint64_t before = 0;
    while (f->stream->received < 1000) {
        stream_work(f->stream, f->now);
        stream_drain(f->stream, f->now);
        ck_assert_uint_le(f->stream->received - before, READER_BATCH);
        before = f->stream->received;
    }
    check_ledger(f, 1000);
    fixture_destroy(f);
}
END_TEST

/* Messages of so many rows; a row of them that is bad, counted from 1, or 0. */
static const struct {
    size_t n, bad;
} mixed[] = {{1, 0}, {1, 0}, {3, 0}, {1, 1}, {1, 0}, {300, 0}, {1, 0}, {2, 2}, {100, 0},
             {200, 7}, {1, 0}, {1, 0}, {256, 0}, {1, 0}, {140, 140}, {1, 0}};

static const struct {
    const char *config;
    const char *before, *between, *after; /* numbers; NULL: binary */
} spellings[] = {
    {"format: f64", NULL, "", ""},
    {"format: json", "{\"a\": ", ", \"b\": ", "}\n"},
    {"format: csv", "", ",", "\n"},
};

/* Sends message m, whose rows follow those before it; `at` counts them. */
static void send_mixed(struct fixture *f, size_t spelling, size_t m, size_t *at)
{
    const char *const before = spellings[spelling].before;
    zchunk_t *chunk = zchunk_new(NULL, 300 * 40);
    for (size_t i = 0; i < mixed[m].n; i++, ++*at) {
        const double a = (double)(*at * 7919 % 101), b = (double)(*at * 104729 % 57) / 2;
        const double row[] = {a, i + 1 == mixed[m].bad ? 1e200 : b};
        char text[40];
        const int size =
            snprintf(text, sizeof(text), "%s%g%s%g%s", before != NULL ? before : "",
                     row[0], spellings[spelling].between, row[1], spellings[spelling].after);
        zchunk_append(chunk, before == NULL ? (const void *)row : text,
                      before == NULL ? sizeof(row) : (size_t)size);
    }
    zframe_t *frame = zframe_new(zchunk_data(chunk), zchunk_size(chunk));
    zframe_send(&frame, f->sender, 0);
    zchunk_destroy(&chunk);
}

static void drain_until(struct fixture *f, uint64_t received)
{
    while (f->stream->received < received || stream_is_busy(f->stream)) {
        stream_work(f->stream, f->now);
        stream_drain(f->stream, f->now);
    }
}

/* The encoded learner of messages that came together, or one by one. */
static char *learned_from(size_t spelling, bool is_together, size_t *size)
{
    struct fixture *f = fixture_new(spellings[spelling].config, FIELDS);
    size_t at = 0;
    for (size_t round = 0; round < 3; round++) {
        for (size_t m = 0; m < COUNT(mixed); m++) {
            send_mixed(f, spelling, m, &at);
            if (!is_together) {
                fixture_await(f);
                drain_until(f, at);
            }
        }
        drain_until(f, at);
        const struct ledger ledger = check_ledger(f, at);
        ck_assert_uint_eq(ledger_rejected(&ledger), 4 * (round + 1));
        ck_assert(!f->stream->has_next && !f->stream->has_message);
    }
    struct mix_learner *learner = router_slot(f->stream->router, 0)->learner;
    *size = mix_learner_encoded_size(learner);
    char *bytes = malloc(*size);
    mix_learner_encode(learner, bytes);
    fixture_destroy(f);
    return bytes;
}

START_TEST(messages_that_come_together_are_learned_as_they_are)
{
    size_t size, other_size;
    char *one = learned_from(0, false, &size);
    char *other = learned_from((size_t)_i, true, &other_size);
    ck_assert_uint_eq(size, other_size);
    ck_assert_mem_eq(one, other, size);
    free(one);
    free(other);
}
END_TEST

START_TEST(rows_of_keys_that_come_together_are_told_apart)
{
    enum { ROWS = 999 };
    struct fixture *f = fixture_new("format: f64", KEYED);
    for (size_t i = 0; i < ROWS; i++) {
        const double row[] = {(double)(i % 3), (double)(i * 7919 % 101)};
        zframe_t *frame = zframe_new(row, sizeof(row));
        zframe_send(&frame, f->sender, 0);
    }
    drain_until(f, ROWS);
    const struct ledger ledger = check_ledger(f, ROWS);
    ck_assert_uint_eq(ledger.rejected[REASON_KEY], ROWS / 3); /* one more than two */
    for (size_t k = 0; k < 2; k++) {
        const struct slot *slot = router_slot(f->stream->router, k);
        ck_assert_uint_eq(slot->counts.received, ROWS / 3);
        ck_assert_int_eq(slot->key[0], (int)('0' + k));
    }
    json_t *letters = rejects_json(f->stream->rejects);
    const json_t *last = json_array_get(letters, json_array_size(letters) - 1);
    ck_assert_str_eq(json_string_value(json_object_get(last, "data")), "2");
    json_decref(letters);
    fixture_destroy(f);
}
END_TEST

START_TEST(messages_of_topics_that_come_together_are_told_apart)
{
    enum { MESSAGES = 600, KEYS = 3 };
    struct fixture *f =
        fixture_new("type: sub, format: json",
                    "    fields: [a]\n    key: topic\n    model: {components: 1}\n");
    uint64_t sent[KEYS] = {0}, bad[KEYS] = {0}, points = 0;
    char name[300];
    for (size_t m = 0; m < MESSAGES; m++) {
        const size_t k = m * 7919 % 11 % KEYS, n = 1 + (m % 50 == 7 ? 200 : m % 3);
        zchunk_t *body = zchunk_new(NULL, 3000);
        for (size_t i = 0; i < n; i++) {
            zchunk_extend(body, i == 1 && m % 40 == 4 ? "x\n" : "[1.5]\n",
                          i == 1 && m % 40 == 4 ? 2 : 6);
        }
        snprintf(name, sizeof(name), "pump/%zu", k);
        zmsg_t *message = zmsg_new();
        zmsg_addstr(message, name);
        zmsg_addmem(message, zchunk_data(body), zchunk_size(body));
        zmsg_send(&message, f->sender);
        zchunk_destroy(&body);
        sent[k] += n;
        bad[k] += n > 1 && m % 40 == 4 ? 1 : 0;
        points += n;
    }
    memset(name, 'x', 256); /* one byte more than a key has */
    name[256] = '\0';
    zstr_sendx(f->sender, name, "[2]", NULL);
    zstr_sendx(f->sender, name, "[3]", NULL);
    drain_until(f, points + 2);
    const struct ledger ledger = check_ledger(f, points + 2);
    ck_assert_uint_eq(ledger.rejected[REASON_KEY], 2);
    ck_assert_uint_eq(router_count(f->stream->router), KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        const struct slot *slot = router_slot(f->stream->router, i);
        const size_t k = (size_t)(slot->key[strlen("pump/")] - '0');
        const struct ledger own = slot_ledger(slot);
        ck_assert_uint_eq(own.received, sent[k]);
        ck_assert_uint_eq(own.rejected[REASON_PARSE], bad[k]);
    }
    fixture_destroy(f);
}
END_TEST

START_TEST(every_bad_line_of_a_message_is_kept_with_its_place)
{
    static const char text[] = "1,2\nx,4\n5,6\n7,nan\n8\n9,10\n";
    static const char *const details[] = {"byte 4: a number expected",
                                          "byte 14: b: a missing value where none is allowed",
                                          "byte 18: 1 cells: 2 wanted"};
    struct fixture *f = fixture_new("format: csv", FIELDS);
    zframe_t *frame = zframe_new(text, strlen(text));
    zframe_send(&frame, f->sender, 0);
    drain_until(f, 6);
    json_t *letters = rejects_json(f->stream->rejects);
    ck_assert_uint_eq(json_array_size(letters), COUNT(details));
    for (size_t i = 0; i < COUNT(details); i++) {
        const json_t *letter = json_array_get(letters, i);
        ck_assert_str_eq(json_string_value(json_object_get(letter, "detail")), details[i]);
    }
    json_decref(letters);
    fixture_destroy(f);
}
END_TEST

START_TEST(gaps_of_a_source_are_lost_points)
{
    struct fixture *f = fixture_new("", "    fields: [a]\n    model: {components: 1}\n");
    static const struct {
        const char *header;
        size_t bytes;
    } messages[] = {
        {"{\"dtype\":\"<f8\",\"shape\":[2,1],\"source\":\"a\",\"seq\":1}", 16},
        {"{\"dtype\":\"<f8\",\"shape\":[1],\"source\":\"a\",\"seq\":7}", 8}, /* 3..6 */
        {"{\"dtype\":\"<f8\",\"shape\":[1],\"source\":\"a\",\"seq\":8}",
         7}, /* refused: lost */
        {"{\"dtype\":\"<f8\",\"shape\":[1],\"source\":\"a\",\"seq\":9}", 8},
    };
    const double x[2] = {1, 2};
    for (size_t i = 0; i < COUNT(messages); i++) {
        zstr_sendm(f->sender, messages[i].header);
        zframe_t *frame = zframe_new(x, messages[i].bytes);
        zframe_send(&frame, f->sender, 0);
        fixture_await(f);
        stream_drain(f->stream, f->now);
    }
    const struct ledger ledger = check_ledger(f, 5);
    ck_assert_uint_eq(ledger.lost, 4 + 1);
    ck_assert_uint_eq(ledger.rejected[REASON_SHAPE], 1);
    fixture_destroy(f);
}
END_TEST

static void send_array(struct fixture *f, const char *header, const double *x, size_t n)
{
    zmsg_t *message = zmsg_new();
    zmsg_addstr(message, header);
    zmsg_addmem(message, x, n * sizeof(x[0]));
    zmsg_send(&message, f->sender);
    fixture_await(f);
    do {
        stream_drain(f->stream, f->now);
        stream_work(f->stream, f->now);
    } while (stream_is_busy(f->stream) || f->stream->has_message);
}

/* Messages of 600 points, sent twice, cut otherwise, with a bad point, and without seq.
 */
START_TEST(what_a_source_repeats_is_not_learned)
{
    static const char first[] =
        "{\"dtype\":\"<f8\",\"shape\":[600,1],\"source\":\"a\",\"seq\":1}";
    static const char overlap[] =
        "{\"dtype\":\"<f8\",\"shape\":[300,1],\"source\":\"a\",\"seq\":401}";
    static const char bare[] = "{\"dtype\":\"<f8\",\"shape\":[100,1],\"source\":\"a\"}";
    double x[700];
    struct fixture *f = fixture_new("", "    fields: [a]\n    model: {components: 1}\n");
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = sin((double)i);
    }
    x[450] = INFINITY;
    send_array(f, first, x, 600);
    send_array(f, first, x, 600);
    send_array(f, overlap, x + 400, 300);
    struct ledger ledger = check_ledger(f, 1500);
    ck_assert_uint_eq(ledger.duplicate, 800);
    ck_assert_uint_eq(ledger.rejected[REASON_VALUE], 1);
    ck_assert_uint_eq(ledger.learned + ledger.queued, 699);
    ck_assert_uint_eq(ledger.lost, 0);
    for (int i = 0; i < 2; i++) {
        send_array(f, bare, x, 100);
    }
    ledger = check_ledger(f, 1700);
    ck_assert_uint_eq(ledger.duplicate, 800);
    x[0] = 5;
    send_array(f, first, x, 600); /* another first point: the source began anew */
    ledger = check_ledger(f, 2300);
    ck_assert_uint_eq(ledger.duplicate, 800);
    fixture_destroy(f);
}
END_TEST

START_TEST(the_newest_time_is_kept)
{
    struct fixture *f =
        fixture_new("format: csv", "    columns: [t, a]\n    fields: [a]\n    time: t\n"
                                   "    model: {components: 1}\n");
    const struct slot *slot = router_slot(f->stream->router, 0);
    ck_assert(isnan(slot->last_time_s));
    fixture_text(f, "5,1\n9,1\n7,1\n");
    ck_assert_double_eq(slot->last_time_s, 9);
    fixture_destroy(f);
}
END_TEST

START_TEST(the_rate_is_that_of_the_last_seconds)
{
    struct fixture *f = fixture_new("format: f64", FIELDS);
    for (int i = 0; i < 60; i++) {
        fixture_points(f, 100);
        f->now.ms += 1000;
        stream_rate(f->stream, f->now.ms);
    }
    ck_assert_double_eq_tol(stream_rate(f->stream, f->now.ms), 100, 1);
    ck_assert_double_lt(stream_rate(f->stream, f->now.ms + 100000), 0.01);
    fixture_destroy(f);
}
END_TEST

/* A model file, and the code with which the stream is refused; 0: it starts from it. */
static const struct {
    const char *text;
    int code;
} starts[] = {
    {"{\"family\":\"gaussian\",\"covariance_type\":\"full\",\"weights\":[1],"
     "\"means\":[[3,4]],\"covariances\":[[[1,0],[0,1]]]}",
     0},
    {"{\"family\":\"gaussian\",\"covariance_type\":\"full\",\"weights\":[1],"
     "\"means\":[[3]],\"covariances\":[[[1]]]}",
     65},
    {NULL, 66},
};

START_TEST(a_start_model_fits_or_is_refused)
{
    char path[96];
    struct fault fault = {0};
    file_start();
    snprintf(path, sizeof(path), "%s/start.json", file_folder);
    if (starts[_i].text != NULL) {
        FILE *file = fopen(path, "w");
        fputs(starts[_i].text, file);
        fclose(file);
    }
    struct config *config =
        file_read_good("streams:\n  s:\n    start: start.json\n"
                       "    feed: {bind: \"tcp://127.0.0.1:*\"}\n" FIELDS);
    struct stream *stream = stream_open(&config->streams[0], "i", &fault);
    ck_assert_int_eq(fault.code, starts[_i].code);
    ck_assert_int_eq(stream != NULL, starts[_i].code == 0);
    if (stream != NULL) {
        const struct mix_model *model =
            mix_learner_model(router_slot(stream->router, 0)->learner);
        ck_assert_double_eq(mix_model_means(model)[1], 4);
        ck_assert_int_eq(stream_state(stream), MIX_LEARNING);
    } else {
        ck_assert_ptr_nonnull(strstr(fault.text, "start.json"));
    }
    stream_close(&stream);
    config_destroy(&config);
    unlink(path);
    file_stop();
    zsys_shutdown();
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(every_line_is_accounted_for, texts),
        UNIT(rejects_leave_letters_with_their_bytes),
        UNIT(a_stream_with_work_due_is_not_read),
        UNIT(framing_does_not_change_the_model),
        UNIT(threads_do_not_change_the_model),
        UNIT(rows_go_to_the_learner_of_their_key),
        UNIT(the_topic_can_be_the_key),
        UNIT(a_round_is_bounded_and_goes_on_in_the_message),
        UNIT_LOOP(messages_that_come_together_are_learned_as_they_are, spellings),
        UNIT(rows_of_keys_that_come_together_are_told_apart),
        UNIT(messages_of_topics_that_come_together_are_told_apart),
        UNIT(every_bad_line_of_a_message_is_kept_with_its_place),
        UNIT(gaps_of_a_source_are_lost_points),
        UNIT(what_a_source_repeats_is_not_learned),
        UNIT(the_newest_time_is_kept),
        UNIT(the_rate_is_that_of_the_last_seconds),
        UNIT_LOOP(a_start_model_fits_or_is_refused, starts),
    };
    return unit_run("stream", tests, COUNT(tests));
}
