/* SPDX-License-Identifier: MIT
 *
 * Replies in words. */
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame.h"
#include "tool.h"

/* Bytes of a reject that are shown: detail and beginning stand on two lines or so. */
#define REJECT_SHOWN 120

/* ---- Pieces -------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "-";
}

static json_int_t count_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

/* "a, b, c" of an array of strings or numbers. */
static void print_list(const json_t *array, FILE *out)
{
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item)
    {
        fputs(i == 0 ? "" : ", ", out);
        if (json_is_string(item)) {
            fputs(json_string_value(item), out);
        } else {
            fprintf(out, "%.6g", json_number_value(item));
        }
    }
}

/* "  label: a, b" where the member is there. */
static void print_member(const json_t *object, const char *member, FILE *out)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_array(value)) {
        fprintf(out, "  %-10s ", member);
        print_list(value, out);
        fputc('\n', out);
    } else if (json_is_string(value)) {
        fprintf(out, "  %-10s %s\n", member, json_string_value(value));
    } else if (json_is_integer(value)) {
        fprintf(out, "  %-10s %lld\n", member, (long long)json_integer_value(value));
    } else if (json_is_number(value)) {
        fprintf(out, "  %-10s %.6g\n", member, json_number_value(value));
    }
}

static void print_duration(double seconds, FILE *out)
{
    const long whole = (long)seconds;
    if (whole < 60) {
        fprintf(out, "%.1f s", seconds);
    } else if (whole < 3600) {
        fprintf(out, "%ld min %ld s", whole / 60, whole % 60);
    } else {
        fprintf(out, "%ld h %ld min", whole / 3600, whole / 60 % 60);
    }
}

static void print_time(double seconds, FILE *out)
{
    const time_t whole = (time_t)seconds;
    struct tm parts;
    char text[32];
    gmtime_r(&whole, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(out, "%s.%03dZ", text, (int)(1e3 * (seconds - (double)whole)));
}

void report_ledger_line(json_t *ledger, FILE *out)
{
    static const char *const counts[] = {"received", "learned", "duplicate", "queued",
                                         "lost"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fprintf(out, "%s%s %lld", i == 0 ? "" : "  ", counts[i],
                (long long)count_of(ledger, counts[i]));
    }
    json_t *rejected = json_object_get(ledger, "rejected");
    const char *reason;
    json_t *n;
    fputs("  rejected", out);
    if (json_object_size(rejected) == 0) {
        fputs(" 0", out);
    }
    json_object_foreach(rejected, reason, n)
    {
        fprintf(out, " %s %lld", reason, (long long)json_integer_value(n));
    }
}

static void print_vector(const json_t *values, FILE *out)
{
    fputc('(', out);
    print_list(values, out);
    fputc(')', out);
}

/* ---- Replies ------------------------------------------------------------- */

static void print_endpoints(json_t *endpoints, FILE *out)
{
    const char *name;
    json_t *value;
    json_object_foreach(endpoints, name, value)
    {
        if (json_is_string(value) || json_is_array(value)) {
            print_member(endpoints, name, out);
        }
    }
}

static void print_stream_status(const char *name, const json_t *stream, FILE *out)
{
    fprintf(out, "%s: %s", name, text_of(stream, "state"));
    const json_t *rate = json_object_get(stream, "rate");
    if (json_is_number(rate)) {
        fprintf(out, ", %.6g points/s", json_number_value(rate));
    }
    if (json_array_size(json_object_get(stream, "dormant")) > 0) {
        fputs(", does not vary yet: ", out);
        print_list(json_object_get(stream, "dormant"), out);
    }
    fputs("\n  ", out);
    report_ledger_line(json_object_get(stream, "ledger"), out);
    fputc('\n', out);
}

static void print_durability(const json_t *durability, FILE *out)
{
    const double last_s = json_number_value(json_object_get(durability, "last"));
    const char *problem = json_string_value(json_object_get(durability, "problem"));
    fprintf(out, "  %-10s generation %lld", "durability",
            (long long)count_of(durability, "generation"));
    if (last_s > 0) {
        fputs(" of ", out);
        print_time(last_s, out);
    }
    fprintf(out, "%s%s\n", problem != NULL ? ", degraded: " : "",
            problem != NULL ? problem : "");
}

void report_status(const json_t *reply, FILE *out)
{
    fprintf(out, "mixd %s, up ", text_of(reply, "version"));
    print_duration(json_number_value(json_object_get(reply, "uptime")), out);
    fputc('\n', out);
    print_member(reply, "instance", out);
    print_durability(json_object_get(reply, "durability"), out);
    print_member(reply, "workers", out);
    print_endpoints(json_object_get(reply, "endpoints"), out);
    const char *name;
    json_t *stream;
    json_object_foreach(json_object_get(reply, "streams"), name, stream)
    {
        print_stream_status(name, stream, out);
    }
}

void report_streams(const json_t *reply, FILE *out)
{
    const char *name;
    json_t *stream;
    json_object_foreach(json_object_get(reply, "streams"), name, stream)
    {
        const json_t *feed = json_object_get(stream, "feed");
        fprintf(out, "%s: %s, %s, %s %s ", name, text_of(stream, "state"),
                text_of(feed, "type"), text_of(feed, "format"),
                text_of(feed, "direction"));
        print_list(json_object_get(feed, "endpoints"), out);
        fputc('\n', out);
        print_member(stream, "columns", out);
        print_member(stream, "fields", out);
        print_member(stream, "keys", out);
    }
}

void report_model(const json_t *reply, FILE *out)
{
    char *text = tool_need(frame_text(json_object_get(reply, "model")));
    fprintf(out, "%s\n", text);
    free(text);
}

void report_score(const json_t *reply, FILE *out)
{
    print_member(reply, "log_density", out);
    print_member(reply, "component", out);
    print_member(reply, "responsibilities", out);
    print_member(reply, "noise", out);
    print_member(reply, "tail", out);
}

void report_conditional(const json_t *reply, FILE *out)
{
    print_member(reply, "mean", out);
    print_member(reply, "variance", out);
    print_member(json_object_get(reply, "model"), "weights", out);
}

void report_moments(const json_t *reply, FILE *out)
{
    size_t i;
    const json_t *row;
    print_member(reply, "mean", out);
    json_array_foreach(json_object_get(reply, "covariance"), i, row)
    {
        fprintf(out, "  %-10s ", i == 0 ? "covariance" : "");
        print_list(row, out);
        fputc('\n', out);
    }
}

void report_sample(const json_t *reply, FILE *out)
{
    size_t i;
    const json_t *point;
    json_array_foreach(json_object_get(reply, "points"), i, point)
    {
        size_t d;
        const json_t *x;
        json_array_foreach(point, d, x)
        {
            fprintf(out, "%s%.17g", d == 0 ? "" : ",", json_number_value(x));
        }
        fputc('\n', out);
    }
}

void report_wait(const json_t *reply, FILE *out)
{
    const json_t *model = json_object_get(reply, "model");
    const json_t *score = json_object_get(model, "log_likelihood");
    fprintf(out, "%s: %s, %lld points, %lld updates", text_of(model, "stream"),
            text_of(model, "state"), (long long)count_of(model, "points"),
            (long long)count_of(model, "updates"));
    if (json_is_number(score)) {
        fprintf(out, ", log-likelihood %.6g", json_number_value(score));
    }
    fputc('\n', out);
    size_t k;
    const json_t *weight;
    json_array_foreach(json_object_get(model, "weights"), k, weight)
    {
        fprintf(out, "  %.4f at ", json_number_value(weight));
        print_vector(json_array_get(json_object_get(model, "means"), k), out);
        fputc('\n', out);
    }
    const json_t *noise = json_object_get(model, "noise");
    if (json_is_object(noise)) {
        fprintf(out, "  %.4f noise about ",
                json_number_value(json_object_get(noise, "weight")));
        print_vector(json_object_get(noise, "mean"), out);
        fputc('\n', out);
    }
}

void report_ledger(const json_t *reply, FILE *out)
{
    report_ledger_line(json_object_get(reply, "ledger"), out);
    fputc('\n', out);
}

/* The first bytes of a reject, as many as stand on a line; the reply has more. */
static void print_beginning(const json_t *reject, FILE *out)
{
    const char *data = text_of(reject, "data");
    const size_t length = strlen(data);
    if (length <= REJECT_SHOWN) {
        fprintf(out, "  [%s]", data);
        return;
    }
    size_t n = REJECT_SHOWN;
    while (n > 0 && ((unsigned char)data[n] & 0xC0) == 0x80) { /* within a character */
        n--;
    }
    fprintf(out, "  [%.*s…] %lld bytes", (int)n, data,
            (long long)count_of(reject, "size"));
}

void report_rejects(const json_t *reply, FILE *out)
{
    const json_t *rejects = json_object_get(reply, "rejects");
    size_t i;
    const json_t *reject;
    json_array_foreach(rejects, i, reject)
    {
        print_time(json_number_value(json_object_get(reject, "time")), out);
        fprintf(out, "  %-10s  ", text_of(reject, "reason"));
        const json_int_t points = count_of(reject, "points");
        if (points != 1) {
            fprintf(out, "%lld points: ", (long long)points);
        }
        fputs(text_of(reject, "detail"), out);
        if (count_of(reject, "size") > 0) {
            print_beginning(reject, out);
        }
        fputc('\n', out);
    }
    if (json_array_size(rejects) == 0) {
        fputs("nothing was rejected\n", out);
    }
}

/* One line a model, or, of a time, the model file. */
void report_history(const json_t *reply, FILE *out)
{
    const json_t *history = json_object_get(reply, "history");
    size_t i;
    const json_t *frame;
    if (history == NULL) {
        report_model(reply, out);
        return;
    }
    json_array_foreach(history, i, frame)
    {
        print_time(json_number_value(json_object_get(frame, "time")), out);
        fprintf(out, "  %12lld points  %9lld updates",
                (long long)count_of(frame, "points"),
                (long long)count_of(frame, "updates"));
        const json_t *score = json_object_get(frame, "log_likelihood");
        if (json_is_number(score)) {
            fprintf(out, "  log likelihood %.6g", json_number_value(score));
        }
        fputc('\n', out);
    }
    if (json_array_size(history) == 0) {
        fputs("no model is kept\n", out);
    }
    if (json_is_true(json_object_get(reply, "more"))) {
        fprintf(out, "more: --since %.6f\n",
                json_number_value(json_object_get(
                    json_array_get(history, json_array_size(history) - 1), "time")));
    }
}

static void print_source(const char *name, const json_t *source, FILE *out)
{
    static const char *const counts[] = {"safe",     "durable",   "applied",
                                         "rejected", "duplicate", "lost"};
    fprintf(out, "%-31s  %-9s", name, text_of(source, "state"));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fprintf(out, "  %s %.0f", counts[i],
                json_number_value(json_object_get(source, counts[i])));
    }
    fputs("  last ", out);
    print_time(json_number_value(json_object_get(source, "last_time")), out);
    fputc('\n', out);
}

void report_sources(const json_t *reply, FILE *out)
{
    json_t *sources = json_object_get(reply, "sources");
    const char *name;
    json_t *source;
    json_object_foreach(sources, name, source)
    {
        print_source(name, source, out);
    }
    if (json_object_size(sources) == 0) {
        fputs("no source has come\n", out);
    }
}

void report_forgotten(const json_t *reply, FILE *out)
{
    print_source(text_of(reply, "source"), json_object_get(reply, "forgotten"), out);
    fputs("forgotten: its next HELLO begins with the oldest point it holds\n", out);
}

void report_state(const json_t *reply, FILE *out)
{
    fprintf(out, "%s\n", text_of(reply, "state"));
}

void report_checkpoint(const json_t *reply, FILE *out)
{
    fprintf(out, "generation %lld in %.3g s\n", (long long)count_of(reply, "generation"),
            json_number_value(json_object_get(reply, "seconds")));
}

void report_backup(const json_t *reply, FILE *out)
{
    fprintf(out, "%s: generation %lld\n", text_of(reply, "file"),
            (long long)count_of(reply, "generation"));
}

void report_config(const json_t *reply, FILE *out)
{
    fputs(text_of(reply, "config"), out);
}

void report_reload(const json_t *reply, FILE *out)
{
    size_t i;
    json_t *change;
    json_array_foreach(json_object_get(reply, "changes"), i, change)
    {
        const char *from = json_string_value(json_object_get(change, "from"));
        const char *to = json_string_value(json_object_get(change, "to"));
        fprintf(out, "%s: %s -> %s\n", text_of(change, "key"),
                from != NULL ? from : "absent", to != NULL ? to : "absent");
    }
    if (i == 0) {
        fputs("nothing changed\n", out);
    }
}

void report_version(const json_t *reply, FILE *out)
{
    fprintf(out, "mixd %s\n", text_of(reply, "version"));
}

void report_done(const json_t *reply, FILE *out)
{
    (void)reply;
    fputs("done\n", out);
}
