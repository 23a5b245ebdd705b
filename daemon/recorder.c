/* SPDX-License-Identifier: MIT */
#include "recorder.h"

#include <czmq.h> /* zuuid_t */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "durable.h"
#include "log.h"
#include "recorder_folder.h"
#include "xalloc.h"

enum {
    BUFFER_BYTES = 256 << 10,
    RETRY_FIRST_MS = 100,
    RETRY_LAST_MS = 30000,
};

/* ---- Life ------------------------------------------------------------------ */

static bool open_folder(struct recorder *recorder, struct fault *fault)
{
    if (mkdir(recorder->folder, 0700) == -1 && errno != EEXIST) {
        return fault_set(fault, EX_CANTCREAT,
                         "streams.%s.record: %s: cannot make the folder: %s",
                         recorder->config->name, recorder->folder, strerror(errno));
    }
    recorder->folder_fd = open(recorder->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (recorder->folder_fd == -1) {
        return fault_set(fault, errno == EACCES ? EX_NOPERM : EX_CANTCREAT,
                         "streams.%s.record: %s: %s", recorder->config->name,
                         recorder->folder, strerror(errno));
    }
    if (flock(recorder->folder_fd, LOCK_EX | LOCK_NB) == -1) {
        return fault_set(fault, EX_TEMPFAIL,
                         "streams.%s.record: %s: another stream records there: choose "
                         "another folder",
                         recorder->config->name, recorder->folder);
    }
    return true;
}

struct recorder *recorder_open(const struct stream_config *config, size_t file_bytes,
                               struct fault *fault)
{
    struct recorder *recorder = xalloc(1, sizeof(*recorder));
    recorder->config = config;
    recorder->folder = xstrdup(config->record_path);
    recorder->folder_fd = recorder->fd = -1;
    recorder->file_bytes = file_bytes;
    recorder->retry_ms = INT64_MIN;
    if (!open_folder(recorder, fault)) {
        recorder_close(&recorder);
    }
    return recorder;
}

void recorder_close(struct recorder **recorder)
{
    if (*recorder == NULL) {
        return;
    }
    if ((*recorder)->about != NULL) {
        (*recorder)->retry_ms = INT64_MIN;
        recorder_flush(*recorder, 0);
    }
    if ((*recorder)->fd != -1) {
        close((*recorder)->fd);
    }
    if ((*recorder)->folder_fd != -1) {
        close((*recorder)->folder_fd);
    }
    recording_destroy(&(*recorder)->about);
    free((*recorder)->buffer);
    free((*recorder)->folder);
    free(*recorder);
    *recorder = NULL;
}

/* ---- Description ------------------------------------------------------------- */

static char *copy_name(const char *name)
{
    return name != NULL ? xstrdup(name) : NULL;
}

/* The name of the first column: "time", unless the stream has a column of that name. */
static const char *arrival_name(const struct layout *layout)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        if (strcmp(layout->columns[c].name, "time") == 0) {
            return "arrival";
        }
    }
    return "time";
}

static void describe_columns(struct recording *about, const struct stream_config *config)
{
    const struct layout *layout = config->layout;
    about->columns = xalloc(layout->n_columns + 2, sizeof(char *));
    about->columns[about->n_columns++] = xstrdup(arrival_name(layout));
    for (size_t c = 0; c < layout->n_columns; c++) {
        if (layout->columns[c].role != COLUMN_SKIP) {
            about->columns[about->n_columns++] = xstrdup(layout->columns[c].name);
        }
    }
    if (config->key_is_topic) {
        about->columns[about->n_columns++] = xstrdup("topic");
    }
    about->fields = xalloc(config->fields.n + 1, sizeof(char *));
    for (size_t d = 0; d < config->fields.n; d++) {
        about->fields[about->n_fields++] = xstrdup(config->fields.item[d]);
    }
}

static struct recording *describe(const struct recorder *recorder)
{
    const struct stream_config *config = recorder->config;
    struct recording *about = xalloc(1, sizeof(*about));
    zuuid_t *uuid = zuuid_new();
    snprintf(about->id, sizeof(about->id), "%s", zuuid_str_canonical(uuid));
    zuuid_destroy(&uuid);
    about->stream = xstrdup(config->name);
    about->time = copy_name(config->time);
    about->weight = copy_name(config->weight);
    about->key = copy_name(config->key_is_topic ? "topic" : config->key);
    describe_columns(about, config);
    const size_t per_file = recorder->file_bytes / (about->n_columns * sizeof(double));
    about->rows_per_file = per_file > 0 ? per_file : 1;
    return about;
}

/* NULL, or the step that failed, with errno. */
static const char *write_description(struct recorder *recorder)
{
    char *path = xformat("%s/%s", recorder->folder, RECORDING_NAME);
    char *text = recording_text(recorder->about);
    const char *failed = "recording.json";
    errno = ENOMEM;
    if (text != NULL) {
        failed = durable_write(path, text);
    }
    recorder->is_described = failed == NULL;
    free(text);
    free(path);
    return failed;
}

/* ---- Beginning ---------------------------------------------------------------- */

static bool has_columns_of(const struct recording *a, const struct recording *b)
{
    bool is_same = a->n_columns == b->n_columns;
    for (size_t c = 0; is_same && c < a->n_columns; c++) {
        is_same = strcmp(a->columns[c], b->columns[c]) == 0;
    }
    return is_same;
}

static void add_gap(struct recorder *recorder, uint64_t lost)
{
    struct recording *about = recorder->about;
    if (lost > 0) {
        about->gaps = xrealloc(about->gaps, about->n_gaps + 1, sizeof(about->gaps[0]));
        about->gaps[about->n_gaps++] = (struct recording_gap){recorder->rows, lost};
        recorder->lost += lost;
        recorder->is_described = false;
    }
}

/* Gaps past the rows are of what was cut off; keys are given anew by the state. */
static void adopt_description(struct recorder *recorder, const struct recording *found,
                              const struct recorder_mark *mark)
{
    struct recording *about = recorder->about;
    memcpy(about->id, found->id, sizeof(about->id));
    about->first = found->first;
    about->rows_per_file = found->rows_per_file;
    about->gaps = xalloc(found->n_gaps + 1, sizeof(about->gaps[0]));
    for (size_t i = 0; i < found->n_gaps; i++) {
        if (found->gaps[i].row <= mark->rows && recorder->lost < mark->lost) {
            about->gaps[about->n_gaps++] = found->gaps[i];
            recorder->lost += found->gaps[i].lost;
        }
    }
}

/* True if the folder goes on; false, and *failed when it cannot be put in order. */
static bool go_on(struct recorder *recorder, const struct recorder_mark *mark,
                  const char **failed)
{
    char error[512];
    struct recording *found = recording_read(recorder->folder, error, sizeof(error));
    const bool is_ours = mark != NULL && found != NULL &&
                         strcmp(found->id, mark->id) == 0 &&
                         has_columns_of(found, recorder->about);
    if (is_ours) {
        adopt_description(recorder, found, mark);
        recorder->rows = mark->rows;
        *failed = recorder_folder_cut(recorder->folder, recorder->about, &recorder->rows);
        if (*failed == NULL && recorder->rows < mark->rows) {
            log_warn("%s: stream %s: the last %" PRIu64 " rows are not there",
                     recorder->folder, recorder->config->name,
                     mark->rows - recorder->rows);
        }
        add_gap(recorder,
                mark->rows - recorder->rows +
                    (mark->lost > recorder->lost ? mark->lost - recorder->lost : 0));
    }
    recording_destroy(&found);
    return is_ours && *failed == NULL;
}

bool recorder_begin(struct recorder *recorder, const struct recorder_mark *mark,
                    uint64_t first, struct fault *fault)
{
    const char *failed = NULL;
    recorder->about = describe(recorder);
    recorder->row_bytes = recorder->about->n_columns * sizeof(double);
    if (!go_on(recorder, mark, &failed) && failed == NULL) {
        recorder->about->first = first;
        failed = recorder_folder_set_aside(recorder->folder);
    }
    if (failed == NULL) {
        failed = write_description(recorder);
    }
    if (failed != NULL) {
        fault_set(fault, EX_IOERR, "streams.%s.record: %s: %s: %s",
                  recorder->config->name, recorder->folder, failed, strerror(errno));
        recording_destroy(&recorder->about);
        return false;
    }
    recorder->unsynced = recorder->rows / recorder->about->rows_per_file;
    recorder->n_room = BUFFER_BYTES / recorder->row_bytes;
    recorder->n_room = recorder->n_room > 0 ? recorder->n_room : 1;
    recorder->buffer = xalloc(recorder->n_room, recorder->row_bytes);
    return true;
}

/* ---- Writing ------------------------------------------------------------------- */

static bool write_at(int fd, const void *bytes, size_t size, off_t place)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t n = pwrite(fd, at, size, place);
        if (n == -1 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? n : 0;
        place += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static const char *open_file(struct recorder *recorder, uint64_t file)
{
    if (recorder->fd != -1 && recorder->file == file) {
        return NULL;
    }
    if (recorder->fd != -1) {
        close(recorder->fd);
    }
    char *path = recording_path(recorder->folder, file);
    recorder->fd =
        path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    recorder->file = file;
    free(path);
    return recorder->fd == -1 ? "open" : NULL;
}

/* As many rows as the file takes, then the header that counts them. */
static const char *write_some(struct recorder *recorder)
{
    const uint64_t per_file = recorder->about->rows_per_file;
    const uint64_t there = recorder->rows % per_file;
    const uint64_t room = per_file - there;
    const size_t n = recorder->n_buffered < room ? recorder->n_buffered : (size_t)room;
    const size_t size = n * recorder->row_bytes;
    char header[RECORDING_HEADER];
    const char *failed = open_file(recorder, recorder->rows / per_file);
    if (failed != NULL) {
        return failed;
    }
    recording_header(header, there + n, recorder->about->n_columns);
    if (!write_at(recorder->fd, recorder->buffer, size,
                  (off_t)(RECORDING_HEADER + there * recorder->row_bytes)) ||
        !write_at(recorder->fd, header, sizeof(header), 0)) {
        return "write";
    }
    recorder->rows += n;
    recorder->n_buffered -= n;
    memmove(recorder->buffer, (char *)recorder->buffer + size,
            recorder->n_buffered * recorder->row_bytes);
    return NULL;
}

static void note_failure(struct recorder *recorder, const char *step, int64_t now_ms)
{
    snprintf(recorder->problem, sizeof(recorder->problem), "%s: %s", step,
             strerror(errno));
    if (recorder->delay_ms == 0) {
        log_warn("%s: recording of stream %s: %s: points are learned, not recorded",
                 recorder->folder, recorder->config->name, recorder->problem);
    }
    recorder->delay_ms =
        recorder->delay_ms == 0 ? RETRY_FIRST_MS : 2 * recorder->delay_ms;
    if (recorder->delay_ms > RETRY_LAST_MS) {
        recorder->delay_ms = RETRY_LAST_MS;
    }
    recorder->retry_ms = now_ms + recorder->delay_ms;
}

static void note_success(struct recorder *recorder)
{
    if (recorder->delay_ms > 0) {
        log_info("%s: recording of stream %s works again: %" PRIu64 " points are missing",
                 recorder->folder, recorder->config->name, recorder->lost);
    }
    recorder->problem[0] = '\0';
    recorder->delay_ms = 0;
    recorder->retry_ms = INT64_MIN;
}

void recorder_flush(struct recorder *recorder, int64_t now_ms)
{
    const char *failed = NULL;
    if (now_ms < recorder->retry_ms) {
        return;
    }
    while (failed == NULL && recorder->n_buffered > 0) {
        failed = write_some(recorder);
    }
    if (failed == NULL) {
        add_gap(recorder, recorder->n_dropped);
        recorder->n_dropped = 0;
    }
    if (failed == NULL && !recorder->is_described) {
        failed = write_description(recorder);
    }
    if (failed != NULL) {
        note_failure(recorder, failed, now_ms);
    } else {
        note_success(recorder);
    }
}

/* Index of the key's text in recording.json: that of the slot. */
static double key_index(struct recorder *recorder, const struct router *router,
                        size_t slot)
{
    struct recording *about = recorder->about;
    while (about->n_keys <= slot) {
        about->keys = xrealloc(about->keys, about->n_keys + 1, sizeof(about->keys[0]));
        about->keys[about->n_keys] = xstrdup(router_slot(router, about->n_keys)->key);
        about->n_keys++;
        recorder->is_described = false;
    }
    return (double)slot;
}

static void put_row(const struct recorder *recorder, const struct batch *batch, size_t i,
                    double key, double now_s)
{
    const struct layout *layout = recorder->config->layout;
    double *row = recorder->buffer + recorder->n_buffered * recorder->about->n_columns;
    *row++ = now_s;
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct column *column = &layout->columns[c];
        switch (column->role) {
        case COLUMN_FIELD:
            *row++ = batch->x[i * batch->stride + column->field];
            break;
        case COLUMN_TIME:
            *row++ = batch->time[i];
            break;
        case COLUMN_WEIGHT:
            *row++ = batch->weight[i];
            break;
        case COLUMN_KEY:
            *row++ = key;
            break;
        case COLUMN_SKIP:
            break;
        }
    }
    if (recorder->config->key_is_topic) {
        *row = key;
    }
}

void recorder_add(struct recorder *recorder, const struct batch *batch, size_t first,
                  size_t n, const struct router *router, size_t slot, struct moment now)
{
    const double key =
        recorder->about->key != NULL ? key_index(recorder, router, slot) : 0;
    for (size_t i = first; i < first + n; i++) {
        if (recorder->n_buffered == recorder->n_room) {
            recorder_flush(recorder, now.ms);
        }
        if (recorder->n_buffered == recorder->n_room) {
            recorder->n_dropped++;
            continue;
        }
        put_row(recorder, batch, i, key, now.wall_s);
        recorder->n_buffered++;
    }
}

/* ---- What it says ---------------------------------------------------------------- */

struct recorder_mark recorder_mark(const struct recorder *recorder)
{
    struct recorder_mark mark = {
        .rows = recorder->rows,
        .lost = recorder->lost + recorder->n_dropped + recorder->n_buffered,
    };
    memcpy(mark.id, recorder->about->id, sizeof(mark.id));
    return mark;
}

void recorder_sync(struct recorder *recorder, void (*visit)(void *context, char *path),
                   void *context)
{
    if (recorder->fd == -1) {
        return;
    }
    for (uint64_t file = recorder->unsynced; file <= recorder->file; file++) {
        char *path = recording_path(recorder->folder, file);
        if (path != NULL) {
            visit(context, path);
        }
        free(path);
    }
    recorder->unsynced = recorder->file;
}

json_t *recorder_json(const struct recorder *recorder)
{
    const struct recorder_mark mark = recorder_mark(recorder);
    return json_pack("{s:s, s:I, s:I, s:s?}", "folder", recorder->folder, "rows",
                     (json_int_t)(mark.rows + recorder->n_buffered), "lost",
                     (json_int_t)(recorder->lost + recorder->n_dropped), "problem",
                     recorder->problem[0] != '\0' ? recorder->problem : NULL);
}
