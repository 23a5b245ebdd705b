/* SPDX-License-Identifier: MIT
 *
 * The line is "[=====>    ]  42 %  1.20 M points  310 k/s  0:04 left  note". */
#include "progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

#define BAR_COLUMNS 24
#define DRAW_EVERY_S 0.1
#define WIDTH_DEFAULT 80
/* Before it the time left is guesswork. */
#define SETTLED_S 1.0
#define LINE_SIZE 512

/* Three digits and a unit: "950", "1.20 k", "31.0 M". */
static void count_text(double count, char text[16])
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    size_t unit = 0;
    while (count >= 999.5 && unit < sizeof(units) / sizeof(units[0]) - 1) {
        count /= 1000;
        unit++;
    }
    const int digits = unit == 0 || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
    snprintf(text, 16, "%.*f%s", digits, count, units[unit]);
}

static void time_text(double seconds, char text[16])
{
    const unsigned whole = seconds < 1e6 ? (unsigned)lround(seconds) : 1000000U;
    if (whole < 3600) {
        snprintf(text, 16, "%u:%02u", whole / 60, whole % 60);
    } else {
        snprintf(text, 16, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
    }
}

/* The line under way: pieces with two blanks between them. */
struct line {
    size_t n;
    char text[LINE_SIZE];
};

static void add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    char piece[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    const int length = snprintf(line->text + line->n, sizeof(line->text) - line->n,
                                "%s%s", line->n > 0 ? "  " : "", piece);
    line->n += (size_t)length;
    if (line->n >= sizeof(line->text)) {
        line->n = sizeof(line->text) - 1;
    }
}

static void add_bar(struct line *line, double share)
{
    char bar[BAR_COLUMNS + 1];
    const int done = (int)(share * BAR_COLUMNS);
    for (int i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i < done ? '=' : i == done ? '>' : ' ';
    }
    bar[BAR_COLUMNS] = '\0';
    add(line, "[%s] %3d %%", bar, (int)(100 * share));
}

static void add_points(struct line *line, double points, double elapsed_s)
{
    char count[16];
    char rate[16];
    count_text(points, count);
    count_text(elapsed_s > 0 ? points / elapsed_s : 0, rate);
    add(line, "%s points  %s/s", count, rate);
}

void progress_text(const struct progress_state *state, double elapsed_s, size_t width,
                   char *text, size_t size)
{
    struct line line = {.n = 0};
    const bool has_share = !isnan(state->share);
    const double share = fmin(state->share, 1.0);
    if (has_share) {
        add_bar(&line, share);
    }
    if (state->points > 0) {
        add_points(&line, (double)state->points, elapsed_s);
    }
    if (has_share && share > 0 && elapsed_s > SETTLED_S) {
        char left[16];
        time_text(elapsed_s * (1 - share) / share, left);
        add(&line, "%s left", left);
    }
    if (state->note != NULL) {
        add(&line, "%s", state->note);
    }
    snprintf(text, size, "%.*s", (int)width, line.text);
}

struct progress progress_start(void)
{
    return (struct progress){
        .is_shown = isatty(STDERR_FILENO) == 1,
        .started_s = tool_clock(),
    };
}

void progress_show(struct progress *progress, const struct progress_state *state,
                   bool is_last)
{
    const double now_s = tool_clock();
    if (!progress->is_shown || (!is_last && now_s - progress->drawn_s < DRAW_EVERY_S)) {
        return;
    }
    struct winsize window = {0};
    char line[LINE_SIZE];
    const int is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window);
    const size_t width =
        is_known == 0 && window.ws_col > 0 ? window.ws_col : WIDTH_DEFAULT;
    progress_text(state, now_s - progress->started_s, width - 1, line, sizeof(line));
    fprintf(stderr, "\r%s\033[K", line);
    progress->drawn_s = now_s;
    progress->is_drawn = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->is_drawn) {
        fputs("\r\033[K", stderr);
        progress->is_drawn = false;
    }
}
