#include "run/probe.h"

#include "run/act.h"

#define PROBE_TIMEOUT_MS 30000 /* where the probe says none */

struct probe {
    struct step_ctx *act;
    void (*answered)(void *user, enum probe_answer answer, const char *why);
    void *user;
    bool is_over, is_orphan;
};

static enum probe_answer answer_of(const struct step_ctx *act) {
    enum err_kind kind = act_err(act)->kind;
    if (act_outcome(act) == STEP_SUCCEEDED)
        return PROBE_HOLDS;
    bool is_silent = act_outcome(act) != STEP_FAILED || act_timed_out(act) ||
                     kind == ERR_UNREACHABLE || kind == ERR_TIMEOUT || kind == ERR_SYSTEM;
    return is_silent ? PROBE_SILENT : PROBE_HOLDS_NOT;
}

static void probe_ended(void *user, struct step_ctx *act) {
    struct probe *probe = user;
    probe->is_over = true;
    if (probe->is_orphan) {
        /* The run may have been waiting for just this to end. */
        sched_pump(act_spec_of(act)->frame->run);
        act_free(act);
        mem_free(probe);
        return;
    }
    enum probe_answer answer = answer_of(act);
    probe->answered(probe->user, answer, answer == PROBE_HOLDS ? NULL : act_err(act)->message);
}

struct probe *probe_new(struct frame *frame, const struct step *step, const char *path,
                        void (*answered)(void *user, enum probe_answer answer, const char *why),
                        void *user) {
    return probe_new_within(frame, step, path, PROBE_TIMEOUT_MS, answered, user);
}

struct probe *
probe_new_within(struct frame *frame, const struct step *step, const char *path, int64_t limit_ms,
                 void (*answered)(void *user, enum probe_answer answer, const char *why),
                 void *user) {
    struct probe *probe = mem_zalloc(sizeof *probe);
    probe->answered = answered;
    probe->user = user;
    probe->act = act_new(&(struct act_spec){
        .frame = frame,
        .step = step,
        .path = path,
        .timeout_ms = step->timeout_ms > 0 ? step->timeout_ms : limit_ms,
        .is_probe = true,
        .user = probe,
        .ended = probe_ended,
    });
    act_start(probe->act);
    return probe;
}

value probe_data(const struct probe *probe) {
    return act_data(probe->act);
}

const char *probe_unknown(const struct probe *probe) {
    return act_unknown(probe->act);
}

void probe_cancel(struct probe *probe) {
    act_cancel(probe->act, false);
}

void probe_free(struct probe *probe) {
    if (!probe)
        return;
    if (!probe->is_over) {
        probe->is_orphan = true;
        act_cancel(probe->act, false);
        return;
    }
    act_free(probe->act);
    mem_free(probe);
}
