/* SPDX-License-Identifier: MIT
 *
 * Inside of an input: what the kinds of files (input_*.c) share. */
#ifndef INPUT_IMPL_H
#define INPUT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "input.h"
#include "npy.h"
#include "reader_impl.h"
#include "recording.h"
#include "transform.h"

/* Most columns of a file: a record of 64 KiB has no more. */
#define INPUT_COLUMNS_MAX LINE_BYTES_MAX

/* What a file says about its columns, before any is chosen. */
struct columns {
    size_t n;
    char **name;     /* n; "" for a column without one */
    bool *is_number; /* n: it may become a field without being asked for */
    bool has_names;  /* the file has them; else they are x0, x1, … */
    const char *key; /* name of the column of keys; NULL: none */
};

struct input_kind;

struct input {
    const struct input_kind *kind;
    char *name; /* for messages: the path, or "standard input" */
    struct flow *flow;
    struct layout *layout;
    struct reader *reader;
    struct transform *transform; /* NULL: rows are given out as they are */
    char error[512];             /* "": none */
    char detail[DETAIL_SIZE + 512];
    char first_rejected[DETAIL_SIZE + 512]; /* "": none */

    struct batch batch;              /* rows as they were read */
    size_t next_row;                 /* of them, where a transform is under way */
    uint64_t row_line[READER_BATCH]; /* the line (or row) each came from */
    uint64_t line;                   /* text: line that flow_bytes() begins */
    uint64_t last_line;              /* of the last row given out */
    size_t fault_column;             /* of the rejected row of the batch; 0: none */
    uint64_t fault_line;

    char delimiter;      /* csv */
    bool is_skipping;    /* csv: the rest of a record that was too long */
    struct bytes chunk;  /* ndjson: the lines being read */
    const char *counted; /* ndjson: the place in the chunk whose line is `line` */
    struct npy npy;      /* npy, f64, f32 */
    uint64_t n_rows;     /* npy: rows of the file; else UINT64_MAX */
    uint64_t n_read;     /* rows read so far */
    unsigned char *rows; /* room for READER_BATCH of them */

    struct recording *recording;        /* of a folder, else NULL */
    uint64_t file;                      /* of it, which is read */
    uint64_t first_row;                 /* of that file, in the recording */
    uint64_t bytes_before, bytes_total; /* of the files before, and of all */
    char note[512];                     /* what the recording is short of; "": nothing */
};

/* Where the errors of input_open() go. */
struct input_failure {
    char *text;
    size_t size;
    int *code;
};
/* Writes an error and returns false. */
bool input_fail(const struct input_failure *failure, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct input_kind {
    const char *formats; /* " csv .csv .tsv ": names for --format, endings of files */
    bool is_text;        /* it has lines */
    /* Reads as much as tells the columns. */
    bool (*open)(struct input *input, const struct input_options *options,
                 struct columns *columns, const struct input_failure *failure);
    /* Called once the layout and reader are there; may be NULL. */
    bool (*start)(struct input *input, const struct input_failure *failure);
    /* The next rows into input->batch and row_line; false at the end or on an error. */
    bool (*next)(struct input *input);
};
extern const struct input_kind input_csv, input_json, input_npy, input_f64, input_f32,
    input_recording;

/* Reads what the recording in a folder says, and fills in the options that were not
 * given. *fields is to be freed after input_open(). False without memory. */
bool recording_defaults(struct input *input, struct input_options *options,
                        char **fields);

/* Makes room for n columns. False without memory. */
bool columns_new(struct columns *columns, size_t n);
/* Makes room for that many, for columns whose number is not known beforehand. */
bool columns_reserve(struct columns *columns, size_t room);
void columns_clear(struct columns *columns);
bool columns_set(struct columns *columns, size_t c, struct bytes name, bool is_number);
/* Columns from the option: names, or a number. False with an error. */
bool columns_read(struct columns *columns, const char *option,
                  const struct input_failure *failure);
/* The layout of the columns and roles that were chosen, or NULL with an error. */
struct layout *columns_layout(struct columns *columns,
                              const struct input_options *options, const char *name,
                              const struct input_failure *failure);

/* Marks the transformations that the options ask for. NULL in *transform if there are
 * none. */
bool input_set_transform(struct input *input, const struct input_options *options,
                         const struct input_failure *failure);

#endif
