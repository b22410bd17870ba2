#include "cli/reporting.h"

#include "cli/run_set.h"
#include "cli/run_view.h"
#include "cli/terminal.h"
#include "cli/verify_text.h"
#include "lang/config.h"
#include "run/run.h"

#define X(name) #name,
const char *const reporting_formats[] = {REPORT_FORMATS(X) NULL};
const char *const reporting_pair_formats[] = {REPORT_PAIR_FORMATS(X) NULL};
#undef X

/* What the transcript proves. A page knows no terminal. */
static void proof_read(struct report *report, const struct run_set *set, size_t index) {
    static const struct text_style plain = {.unicode = true};
    struct buf out = BUF_INIT(PRODUCT_MAX);
    struct verify *verify = run_set_verify(set, index);
    verify_put_run(&out, verify, &plain);
    report->proof = buf_detach(&out);
    report->proof_value = verify_run_value(verify);
    verify_free(verify);
}

/* Of a damaged transcript what comes before the damage is known; of none nothing is. */
static int run_read(struct report *report, const struct run_set *set, size_t index,
                    struct err *err) {
    struct run_view view;
    struct err damage = ERR_INIT;
    if (run_view_init(&view, run_set_dir(set, index), err) < 0) {
        return RUN_INVALID;
    }
    const int read = report_read(report, view.transcript, &damage);
    if (read == 0 || report->model.run) {
        (void)run_view_judge(&view, &report->model);
        proof_read(report, set, index);
    }
    run_view_release(&view);
    return read < 0 ? print_err(&damage) : 0;
}

static int runs_read(const struct run_set *set, struct report *reports, struct err *err) {
    int status = 0;
    for (size_t i = 0; i < run_set_count(set); i++) {
        const int read = run_read(&reports[i], set, i, err);
        status = read > status ? read : status;
    }
    return status;
}

int reporting_open(const struct invocation *invocation, struct report *reports) {
    struct err err = ERR_INIT;
    struct run_set *set = NULL;
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    int status;
    for (size_t i = 0; i < invocation->operand_count; i++) {
        report_init(&reports[i]);
    }
    if (!config) {
        status = print_diag(diag);
    } else if (run_set_open(invocation, false,
                            config->signing ? config->signing->allowed_signers : NULL, &set,
                            &err) < 0) {
        status = print_err(&err);
    } else {
        status = runs_read(set, reports, &err);
        if (err.message) {
            status = print_err(&err);
        }
        run_set_free(set);
    }
    config_free(config);
    diag_free(diag);
    return status;
}
