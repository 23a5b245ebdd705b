/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a text, with its place. */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "xalloc.h"

void findings_add(struct findings *findings, struct place place, const char *format, ...)
{
    if (findings->n == findings->capacity) {
        findings->capacity = findings->capacity > 0 ? 2 * findings->capacity : 16;
        findings->item =
            xrealloc(findings->item, findings->capacity, sizeof(*findings->item));
    }
    va_list arguments;
    va_start(arguments, format);
    char *text = xformat_list(format, arguments);
    va_end(arguments);
    findings->item[findings->n] =
        (struct finding){.place = place, .text = text, .order = findings->n};
    findings->n++;
}

static int compare(const void *left, const void *right)
{
    const struct finding *a = left;
    const struct finding *b = right;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

void findings_sort(struct findings *findings)
{
    if (findings->n > 0) {
        qsort(findings->item, findings->n, sizeof(*findings->item), compare);
    }
}

void findings_clear(struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++) {
        free(findings->item[i].text);
    }
    free(findings->item);
    *findings = (struct findings){0};
}
