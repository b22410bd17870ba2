#include "report/report.h"

#include "base/mem.h"
#include "base/text.h"
#include "journal/reader.h"

const struct report_format *const report_formats[] = {
#define X(name) &report_format_##name,
    REPORT_FORMATS(X)
#undef X
};

void report_init(struct report *report) {
    *report = (struct report){.proof_value = value_none()};
    model_init(&report->model);
}

void report_release(struct report *report) {
    model_release(&report->model);
    timeline_release(&report->timeline);
    mem_free(report->damage);
    mem_free(report->proof);
    value_free(report->proof_value);
    *report = (struct report){.proof_value = value_none()};
}

int report_read(struct report *report, const char *path, struct err *err) {
    struct reader *reader;
    struct event event;
    if (reader_open(path, &reader, err) < 0)
        return -1;
    int more;
    while ((more = reader_next(reader, &event, err)) > 0) {
        model_apply(&report->model, &event);
        timeline_apply(&report->timeline, &event);
    }
    reader_free(reader);
    if (more < 0)
        report->damage = mem_strdup(err->message);
    else if (!report->model.run)
        more = err_set(err, ERR_TRANSCRIPT, "%s: the run never began", path);
    return more;
}

int64_t report_step_began(const struct model *model, const struct model_step *step) {
    if (step->started_mono_ns == 0)
        return 0;
    return model->started_wall_ns + (step->started_mono_ns - model->started_mono_ns);
}

bool report_status_is_bad(const char *status) {
    static const char *const good[] = {"succeeded", "skipped", "pending",     "running",
                                       "waiting",   "ready",   "rolled_back", "rolling_back"};
    return !text_is_among(status, good, sizeof good / sizeof *good);
}

value report_counts(const struct model *model) {
    value counts = value_object();
    for (size_t i = 0; i < model->step_count; i++) {
        const char *status = model->steps[i]->status;
        AUTO_VALUE known = value_get(counts, status);
        int64_t count = 0;
        (void)value_as_integer(known, &count);
        counts = value_set(counts, status, value_integer(count + 1));
    }
    return counts;
}

void report_pairs(const struct model *before, const struct model *after, report_pair_fn *each,
                  void *user) {
    for (size_t i = 0; i < after->step_count; i++) {
        const struct model_step *step = after->steps[i];
        each(user, model_find(before, step->phase, step->step), step);
    }
    for (size_t i = 0; i < before->step_count; i++) {
        const struct model_step *step = before->steps[i];
        if (!model_find(after, step->phase, step->step))
            each(user, step, NULL);
    }
}
