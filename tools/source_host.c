/* SPDX-License-Identifier: MIT
 *
 * This host's own counters, from /proc or, for a container that has its host's
 * elsewhere, from the folder behind "host:".
 *
 * A counter becomes its growth per second, divided by the nominal interval and not by
 * the measured one: so the values of a counter that grows by whole numbers stay on a
 * grid, whatever the jitter of the timer. When readings were missed, the growth is
 * spread over as many whole intervals as have passed. A counter that runs backwards
 * was set back, and what it did in that interval is missing.
 *
 * Files that a container does not show leave their fields missing. Every field has a
 * second one, log_NAME = log(1 + NAME), for what spreads over powers of ten. */
#include "autoconf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source.h"

#define INTERVAL_DEFAULT_S 0.1
#define LINE_SIZE 1024

enum field {
    BUSY,
    INTERRUPTS,
    SWITCHES,
    FORKS,
    MEMORY,
    DISK_READ,
    DISK_WRITTEN,
    NETWORK_IN,
    NETWORK_OUT,
    NETWORK,
    N_FIELDS
};

/* The names as fields of the source: first as they are, then their logarithms. */
static const char *const field_names[2 * N_FIELDS] = {
    [BUSY] = "busy",             /* share of processor time, 0..1 */
    [INTERRUPTS] = "interrupts", /* per second */
    [SWITCHES] = "switches",     /* of context, per second */
    [FORKS] = "forks",           /* per second */
    [MEMORY] = "memory",         /* bytes in use */
    [DISK_READ] = "disk_read",   /* bytes per second, all block devices */
    [DISK_WRITTEN] = "disk_written",
    [NETWORK_IN] = "network_in", /* bytes per second, all interfaces with loopback */
    [NETWORK_OUT] = "network_out",
    [NETWORK] = "network", /* in and out together */
    [N_FIELDS + BUSY] = "log_busy",
    [N_FIELDS + INTERRUPTS] = "log_interrupts",
    [N_FIELDS + SWITCHES] = "log_switches",
    [N_FIELDS + FORKS] = "log_forks",
    [N_FIELDS + MEMORY] = "log_memory",
    [N_FIELDS + DISK_READ] = "log_disk_read",
    [N_FIELDS + DISK_WRITTEN] = "log_disk_written",
    [N_FIELDS + NETWORK_IN] = "log_network_in",
    [N_FIELDS + NETWORK_OUT] = "log_network_out",
    [N_FIELDS + NETWORK] = "log_network",
};

/* One look at the counters; NaN: not to be had here. */
struct reading {
    double value[N_FIELDS]; /* of BUSY: ticks spent, all processors */
    double ticks;           /* all that passed, busy or not */
};

struct host {
    struct source source;
    char *folder; /* "/proc" */
    struct reading last;
    double last_s;          /* tool_clock() of the last reading */
    double busy;            /* last known share of processor time */
    double x[2 * N_FIELDS]; /* the row given out */
    double time;            /* of the row */
};

/* ---- Files --------------------------------------------------------------- */

/* The number behind "label " or "label: " at the start of a line, or NaN. */
static double labelled(const char *line, const char *label)
{
    const size_t length = strlen(label);
    if (strncmp(line, label, length) != 0 || !isspace((unsigned char)line[length])) {
        return (double)NAN;
    }
    return strtod(line + length, NULL);
}

static void take(double *value, double found)
{
    if (!isnan(found)) {
        *value = found;
    }
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guests are
 * counted in user and nice already. */
static void read_processors(const char *line, struct reading *reading)
{
    enum { IDLE = 3, IOWAIT = 4, STATES = 8 };
    double total = 0;
    double idle = 0;
    char *end;
    const char *p = line + strlen("cpu ");
    for (int i = 0; i < STATES; i++, p = end) {
        const double ticks = strtod(p, &end);
        total += ticks;
        idle += i == IDLE || i == IOWAIT ? ticks : 0;
    }
    reading->ticks = total;
    reading->value[BUSY] = total - idle;
}

static void read_stat(const char *line, struct reading *reading)
{
    if (strncmp(line, "cpu ", 4) == 0) {
        read_processors(line, reading);
    }
    take(&reading->value[INTERRUPTS], labelled(line, "intr"));
    take(&reading->value[SWITCHES], labelled(line, "ctxt"));
    take(&reading->value[FORKS], labelled(line, "processes"));
}

/* MemTotal stands before MemAvailable; both are in KiB. */
static void read_meminfo(const char *line, struct reading *reading)
{
    take(&reading->value[MEMORY], 1024 * labelled(line, "MemTotal:"));
    const double available = 1024 * labelled(line, "MemAvailable:");
    take(&reading->value[MEMORY], reading->value[MEMORY] - available);
}

static void read_vmstat(const char *line, struct reading *reading)
{
    take(&reading->value[DISK_READ], 1024 * labelled(line, "pgpgin"));
    take(&reading->value[DISK_WRITTEN], 1024 * labelled(line, "pgpgout"));
}

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes …" */
static void read_net(const char *line, struct reading *reading)
{
    enum { RECEIVED = 0, SENT = 8 };
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        return; /* the two lines of the heading */
    }
    char *end;
    const char *p = colon + 1;
    for (int i = 0; i <= SENT; i++, p = end) {
        const double bytes = strtod(p, &end);
        const enum field field = i == RECEIVED ? NETWORK_IN : NETWORK_OUT;
        if (i == RECEIVED || i == SENT) {
            reading->value[field] = fmax(reading->value[field], 0) + bytes;
        }
    }
    reading->value[NETWORK] = reading->value[NETWORK_IN] + reading->value[NETWORK_OUT];
}

/* Gives every line of a file to a function. The interrupts of /proc/stat are one line
 * of many kilobytes: what is behind LINE_SIZE is skipped. */
static void read_lines(const char *folder, const char *name, struct reading *reading,
                       void (*read_line)(const char *line, struct reading *reading))
{
    char *path = tool_text("%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    char line[LINE_SIZE];
    bool is_start = true;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (is_start) {
            read_line(line, reading);
        }
        is_start = strchr(line, '\n') != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    free(path);
}

static struct reading read_counters(const char *folder)
{
    struct reading reading = {.ticks = (double)NAN};
    for (size_t i = 0; i < N_FIELDS; i++) {
        reading.value[i] = (double)NAN;
    }
    read_lines(folder, "stat", &reading, read_stat);
    read_lines(folder, "meminfo", &reading, read_meminfo);
    read_lines(folder, "vmstat", &reading, read_vmstat);
    read_lines(folder, "net/dev", &reading, read_net);
    return reading;
}

/* ---- Rates --------------------------------------------------------------- */

/* Growth of a counter over a divisor; NaN after a reset. */
static double growth(double before, double now, double divisor)
{
    return now >= before && divisor > 0 ? (now - before) / divisor : (double)NAN;
}

/* A reading may come before the next tick, of 10 ms mostly: then nothing is known that
 * was not known before. */
static void update_busy(struct host *host, const struct reading *now)
{
    const double ticks = now->ticks - host->last.ticks;
    if (ticks != 0) {
        host->busy = growth(host->last.value[BUSY], now->value[BUSY], ticks);
    }
}

static void fill_row(struct host *host, const struct reading *now, double elapsed_s)
{
    const struct reading *last = &host->last;
    const double intervals = fmax(1, round(elapsed_s / host->source.interval_s));
    const double seconds = intervals * host->source.interval_s;
    for (size_t i = 0; i < N_FIELDS; i++) {
        host->x[i] = growth(last->value[i], now->value[i], seconds);
    }
    host->x[MEMORY] = now->value[MEMORY];
    update_busy(host, now);
    host->x[BUSY] = host->busy;
    for (size_t i = 0; i < N_FIELDS; i++) {
        host->x[N_FIELDS + i] = log1p(host->x[i]);
    }
}

/* ---- Source -------------------------------------------------------------- */

static void host_close(struct source *source)
{
    struct host *host = (struct host *)source;
    free(host->folder);
    free(host);
}

static struct source *host_open(const char *name, const struct source_options *options,
                                double now_s, struct failure *failure)
{
    struct host *host = tool_need(calloc(1, sizeof(*host)));
    host->source = (struct source){
        .kind = &source_host,
        .n_fields = 2 * N_FIELDS,
        .fields = field_names,
        .has_names = true,
        .has_time = true,
        .interval_s = options->rate > 0 ? 1 / options->rate : INTERVAL_DEFAULT_S,
    };
    host->folder = tool_text("%s", name[0] != '\0' ? name : "/proc");
    host->last = read_counters(host->folder);
    host->last_s = now_s;
    host->busy = host->last.value[BUSY] / host->last.ticks; /* since the host started */
    if (isnan(host->last.ticks)) {
        failure_set(failure, EX_NOINPUT,
                    "host:%s: %s/stat cannot be read: host:FOLDER names where /proc is",
                    name, host->folder);
        host_close(&host->source);
        return NULL;
    }
    return &host->source;
}

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool host_next(struct source *source, double now_s, struct source_rows *rows,
                      struct failure *failure)
{
    (void)failure;
    struct host *host = (struct host *)source;
    const struct reading now = read_counters(host->folder);
    fill_row(host, &now, now_s - host->last_s);
    host->last = now;
    host->last_s = now_s;
    host->time = wall_clock();
    *rows = (struct source_rows){
        .n = 1,
        .x = host->x,
        .stride = 2 * N_FIELDS,
        .time = &host->time,
    };
    return true;
}

static double host_share(const struct source *source)
{
    (void)source;
    return (double)NAN; /* it goes on for ever */
}

const struct source_kind source_host = {
    .prefix = "host:",
    .open = host_open,
    .next = host_next,
    .share = host_share,
    .close = host_close,
};
