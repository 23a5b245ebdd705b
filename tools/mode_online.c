/* SPDX-License-Identifier: MIT
 *
 * The daemon's learner over a file: the same points give the same bits, until the end,
 * which a feed does not have: there the open block is closed. */
#include "frame.h"
#include "mode.h"

static bool learn(struct mix_learner *learner, const struct mix_rows *rows,
                  struct failure *failure)
{
    struct mix_rows left = *rows;
    while (left.n > 0) {
        size_t taken = 0;
        const enum mix_err err = mix_learner_add(learner, &left, &taken);
        if (err != MIX_OK) {
            failure_set(failure, EX_SOFTWARE, "learner: %s", mix_strerror(err));
            return false;
        }
        left.x += taken * left.stride;
        left.weight = left.weight != NULL ? left.weight + taken : NULL;
        left.time = left.time != NULL ? left.time + taken : NULL;
        left.n -= taken;
        mix_learner_work(learner);
    }
    return true;
}

static void report_learner(struct task *task, const struct mix_learner *learner,
                           struct outcome *outcome, struct failure *failure)
{
    struct mix_info info;
    mix_learner_info(learner, &info);
    const struct mix_model *model = mix_learner_model(learner);
    if (model == NULL && info.dormant != NULL) {
        failure_set(failure, EX_DATAERR, "no field varies in %llu points",
                    (unsigned long long)info.added);
        return;
    }
    if (model == NULL) {
        failure_set(
            failure, EX_DATAERR,
            "%llu points are too few for a model: the first is made of the larger "
            "of 64 and 2 (D + 1), or of what there is without --no-finish",
            (unsigned long long)info.added);
        return;
    }
    outcome->model = task_model(task, model, &info, learner);
    outcome->report = tool_need(json_pack(
        "{s:I, s:o, s:I, s:I, s:I}", "points", (json_int_t)info.added, "log_likelihood",
        frame_number(info.log_likelihood), "learned", (json_int_t)info.learned,
        "unscorable", (json_int_t)info.unscorable, "queued", (json_int_t)info.queued));
}

void mode_online(struct task *task, struct outcome *outcome, struct failure *failure)
{
    enum mix_err err = MIX_OK;
    struct mix_learner *learner = mix_learner_new(&task->mix, &err);
    if (learner == NULL) {
        failure_set(failure, EX_USAGE, "%s", mix_strerror(err));
        return;
    }
    struct mix_rows rows;
    uint64_t points = 0;
    while (task_rows(task, &rows, failure) && learn(learner, &rows, failure)) {
        points += rows.n;
        task_progress(task, points);
    }
    if (!task->leaves_open) {
        mix_learner_finish(learner);
    }
    if (failure->code == EX_OK) {
        report_learner(task, learner, outcome, failure);
    }
    mix_learner_destroy(&learner);
}
