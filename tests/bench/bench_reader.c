/* SPDX-License-Identifier: MIT
 *
 * Points a second of every format, encoded by its own encoder: messages of 256 points
 * and of one, of 4 columns with 17 significant digits, as a sensor that was calibrated
 * would send them; and of 6 digits, as one that was not. Beside each the same work done
 * by memcpy (binary) or strtod (text) in the same run, with which it is compared.
 *
 * Run from the build folder: `make bench`. */
#include "autoconf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "format.h"
#include "reader.h"

#define N_COLUMNS 4
#define N_POINTS 65536
#define SEED 88172645463325252ULL
#define REPEATS 5
/* Seconds that one measurement takes at least. */
#define MEASURE_S 0.1

struct messages {
    struct bytes (*part)[FORMAT_PARTS_MAX];
    size_t n;
    size_t n_parts;
    size_t bytes;
};

/* Numbers around 20 with 17 digits, or with 6. */
static double *make_values(bool is_short)
{
    double *const values = calloc(N_POINTS * N_COLUMNS, sizeof(double));
    uint64_t state = SEED;
    for (size_t i = 0; values != NULL && i < (size_t)N_POINTS * N_COLUMNS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const double share = (double)(state >> 11) * 0x1p-53;
        values[i] = is_short ? (double)(int)(share * 1e6) / 1e4 : 40.0 * share - 10.0;
    }
    return values;
}

static struct messages make_messages(const struct format *format,
                                     const struct layout *layout, const double *values,
                                     size_t per_message)
{
    struct parts *parts = parts_new();
    struct messages messages = {.n = N_POINTS / per_message, .n_parts = format->n_parts};
    messages.part = calloc(messages.n, sizeof(*messages.part));
    for (size_t m = 0; m < messages.n; m++) {
        const struct rows rows = {values + m * per_message * N_COLUMNS, per_message,
                                  NULL};
        if (!format->encode(layout, &rows, parts)) {
            abort();
        }
        for (size_t i = 0; i < format->n_parts; i++) {
            const struct bytes part = parts_get(parts, i);
            void *const copy = malloc(part.size);
            memcpy(copy, part.data, part.size);
            messages.part[m][i] = (struct bytes){copy, part.size};
            messages.bytes += part.size;
        }
    }
    parts_destroy(&parts);
    return messages;
}

static void free_messages(struct messages *messages)
{
    for (size_t m = 0; m < messages->n; m++) {
        for (size_t i = 0; i < messages->n_parts; i++) {
            free((void *)(uintptr_t)messages->part[m][i].data);
        }
    }
    free(messages->part);
}

/* ---- What is measured ------------------------------------------------------------ */

struct work {
    const struct format *format;
    const struct messages *messages;
    struct reader *reader;
    double *sink;
    double sum; /* so that no work is left out */
};

static void read_messages(struct work *work)
{
    struct batch batch;
    size_t n = 0;
    for (size_t m = 0; m < work->messages->n; m++) {
        reader_open(work->reader, work->format, work->messages->part[m],
                    work->messages->n_parts);
        while (reader_next(work->reader, &batch)) {
            n += batch.n - batch.n_rejected;
            work->sum += batch.x[0];
        }
    }
    if (n != N_POINTS) {
        abort();
    }
}

static void copy_messages(struct work *work)
{
    for (size_t m = 0; m < work->messages->n; m++) {
        const struct bytes body = work->messages->part[m][work->messages->n_parts - 1];
        memcpy(work->sink, body.data, body.size);
        work->sum += work->sink[0];
    }
}

/* strtod wherever a number begins, and nothing else. */
static void convert_messages(struct work *work)
{
    for (size_t m = 0; m < work->messages->n; m++) {
        const char *at = work->messages->part[m][0].data;
        const char *const end = at + work->messages->part[m][0].size - 1;
        while (at < end) {
            if ((*at >= '0' && *at <= '9') || *at == '-') {
                char *after;
                work->sum += strtod(at, &after);
                at = after;
            } else {
                at++;
            }
        }
    }
}

/* Seconds of processor time, so that other programs of the machine cost little. */
static double processor_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Points a second of one core, the best of some rounds. */
static double measure(void (*run)(struct work *), struct work *work)
{
    double best = 0.0;
    for (int r = 0; r < REPEATS; r++) {
        size_t n = 0;
        const double begin = processor_clock();
        double elapsed_s;
        do {
            run(work);
            n += N_POINTS;
            elapsed_s = processor_clock() - begin;
        } while (elapsed_s < MEASURE_S);
        best = (double)n / elapsed_s > best ? (double)n / elapsed_s : best;
    }
    return best;
}

static void bench_format(const struct format *format, bool is_short, size_t per_message)
{
    static const char *const names[N_COLUMNS] = {"temperature", "pressure", "x", "y"};
    struct layout *layout =
        layout_new(names, N_COLUMNS, names, N_COLUMNS, NULL, NULL, NULL, NULL);
    const bool is_text =
        strcmp(format->name, "json") == 0 || strcmp(format->name, "csv") == 0;
    double *const values = make_values(is_short);
    struct messages messages = make_messages(format, layout, values, per_message);
    struct work work = {.format = format,
                        .messages = &messages,
                        .reader = reader_new(layout),
                        .sink = malloc(1 << 20)};
    const double rate = measure(read_messages, &work);
    const double base = measure(is_text ? convert_messages : copy_messages, &work);
    printf("%-6s %6s %5zu %10.2f %10.1f %8s %10.2f %7.2f\n", format->name,
           is_short ? "6" : "17", per_message, rate / 1e6,
           (double)messages.bytes / N_POINTS, is_text ? "strtod" : "memcpy", base / 1e6,
           rate / base);
    free(work.sink);
    reader_destroy(&work.reader);
    free_messages(&messages);
    free(values);
    layout_destroy(&layout);
}

int main(void)
{
    bench_head("bench_reader", SEED);
    printf("%-6s %6s %5s %10s %10s %8s %10s %7s\n", "format", "digits", "batch",
           "Mpoints/s", "B/point", "against", "Mpoints/s", "ratio");
    for (const struct format *const *format = format_table(); *format != NULL; format++) {
        const bool is_text =
            strcmp((*format)->name, "json") == 0 || strcmp((*format)->name, "csv") == 0;
        for (size_t per_message = 256; per_message >= 1; per_message /= 256) {
            bench_format(*format, false, per_message);
            if (is_text) {
                bench_format(*format, true, per_message);
            }
        }
    }
    return 0;
}
