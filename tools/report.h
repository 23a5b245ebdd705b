/* SPDX-License-Identifier: MIT
 *
 * Replies of the daemon in words, one function per kind of reply. Members that are
 * missing are left out of the text: an older tool understands a newer daemon. */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>
#include <stdio.h>

typedef void report_fn(const json_t *reply, FILE *out);

report_fn report_status;
report_fn report_streams;
report_fn report_model;
report_fn report_score;
report_fn report_conditional;
report_fn report_moments;
report_fn report_sample;
report_fn report_wait;
report_fn report_ledger;
report_fn report_rejects;
report_fn report_history;
report_fn report_sources;
report_fn report_forgotten;
report_fn report_state;
report_fn report_checkpoint;
report_fn report_backup;
report_fn report_config;
report_fn report_reload;
report_fn report_version;
report_fn report_done;

/* One line: "received 10  learned 9  rejected 1 (value 1)  …". */
void report_ledger_line(json_t *ledger, FILE *out);

#endif
