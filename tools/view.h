/* SPDX-License-Identifier: MIT
 *
 * A model as text: one line for a log, or a block of lines for the live view. */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "track.h"

/* One line: time, name, state, counts, weights and means. */
void view_line(const struct track *track, FILE *out);

/* How the block is drawn. */
struct view_style {
    size_t width;    /* columns of the terminal */
    bool has_blocks; /* the terminal shows UTF-8: bars and sparkline of block elements */
};

/* A head line, the fields, a line a component with its weight as a bar and its means,
 * and the ledger. */
void view_block(const struct track *track, const struct view_style *style, FILE *out);

/* The last values, at most `width` columns, low to high from their smallest to their
 * largest. */
void view_sparkline(const double *values, size_t n, const struct view_style *style,
                    FILE *out);

/* A bar of share (0..1) of width columns. */
void view_bar(double share, size_t width, bool has_blocks, FILE *out);

#endif
