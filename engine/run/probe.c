#include "run/probe.h"

#include "run/act.h"

#define PROBE_TIMEOUT_MS 30000 /* where the probe says none */

struct probe {
    struct step_ctx *act;
    void (*answered)(void *user, bool holds, const char *why);
    void *user;
    bool is_over, is_orphan;
};

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
    bool holds = act_outcome(act) == STEP_SUCCEEDED;
    probe->answered(probe->user, holds, holds ? NULL : act_err(act)->message);
}

struct probe *probe_new(struct frame *frame, const struct step *step, const char *path,
                        void (*answered)(void *user, bool holds, const char *why), void *user) {
    struct probe *probe = mem_zalloc(sizeof *probe);
    probe->answered = answered;
    probe->user = user;
    probe->act = act_new(&(struct act_spec){
        .frame = frame,
        .step = step,
        .path = path,
        .timeout_ms = step->timeout_ms > 0 ? step->timeout_ms : PROBE_TIMEOUT_MS,
        .is_probe = true,
        .user = probe,
        .ended = probe_ended,
    });
    act_start(probe->act);
    return probe;
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
