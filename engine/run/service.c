#include "run/service.h"

#include "base/text.h"
#include "run/act.h"
#include "run/probe.h"

#define READY_EVERY_MS 200
#define READY_TIMEOUT_MS 60000 /* where the step says no timeout */

struct service {
    struct run *run;
    struct node *node;
    struct step_ctx *act;
    struct probe *probe;
    struct loop_timer *next_probe, *limit;
    char *path, *label;
    bool is_ready, is_failed, has_ended, is_ending;
    bool is_gone; /* of a run that goes on behind its end: it must be started anew */
    char *why;    /* what the probe said last */
    void (*ready)(void *user, struct service *service, const char *error);
    void *user;
    struct service *older;
};

static void probing_stop(struct service *service) {
    probe_free(service->probe);
    service->probe = NULL;
    loop_timer_free(service->next_probe);
    loop_timer_free(service->limit);
    service->next_probe = service->limit = NULL;
}

static void probe_again(void *user);

static void probe_answered(void *user, enum probe_answer answer, const char *why) {
    struct service *service = user;
    mem_free(service->why);
    service->why = why ? mem_strdup(why) : NULL;
    if (service->has_ended || service->is_failed)
        return;
    if (answer != PROBE_HOLDS) {
        loop_timer_free(service->next_probe);
        service->next_probe =
            loop_timer_new(service->run->loop, READY_EVERY_MS, probe_again, service);
        return;
    }
    service_answers(service);
}

void service_answers(struct service *service) {
    service->is_ready = true;
    loop_timer_free(service->limit);
    service->limit = NULL;
    service->ready(service->user, service, NULL);
}

static void probe_again(void *user) {
    struct service *service = user;
    const struct step *step = node_step(service->node);
    probe_free(service->probe);
    service->probe =
        probe_new(service->node->frame, step->more->ready, service->path, probe_answered, service);
}

static void limit_passed(void *user) {
    struct service *service = user;
    service->is_failed = true;
    act_cancel(service->act, false);
}

/* Of a service that answered already, or did not yet. */
static void service_fail(struct node *node, struct event *event) {
    struct run *run = node->frame->run;
    run_error_is(run, event->error, false);
    if (node->state == STATE_SUCCEEDED) {
        node_record(node, event, STATE_EVENT_FAIL);
        run->counts[STATE_SUCCEEDED] -= node->frame->phase == PHASE_RUN;
        run->counts[STATE_FAILED] += node->frame->phase == PHASE_RUN;
    } else
        run_record(run, event);
    run_failed(run, node, ON_FAILURE_UNSAID);
}

static void died_early(struct service *service) {
    struct node *node = service->node;
    const struct err *err = act_err(service->act);
    struct event event;
    node_event(node, EVENT_STEP_FINISHED, service->path, &event);
    AUTO_TEXT error =
        mem_printf("the service ended early: %s", err->message ? err->message : "exit status 0");
    AUTO_VALUE output = act_record(service->act);
    EVENT_SET(&event, status, "failed");
    EVENT_SET(&event, duration_ms, act_duration_ms(service->act));
    EVENT_SET(&event, error, error);
    EVENT_SET(&event, reason, act_last_lines(service->act));
    EVENT_SET(&event, output, output);
    service_fail(node, &event);
    act_recorded(service->act);
}

/* Its output went on growing behind the record that called it ready. */
static void ended_record(const struct service *service) {
    struct event event;
    AUTO_VALUE output = act_record(service->act);
    node_event(service->node, EVENT_STEP_ENDED, service->path, &event);
    EVENT_SET(&event, duration_ms, act_duration_ms(service->act));
    if (value_is(output, VALUE_OBJECT))
        EVENT_SET(&event, output, output);
    run_record(service->run, &event);
    act_recorded(service->act);
}

static void act_over(void *user, struct step_ctx *act);

static void act_make(struct service *service, bool is_resumed) {
    service->act = act_new(&(struct act_spec){
        .frame = service->node->frame,
        .step = node_step(service->node),
        .path = service->path,
        .label = service->label,
        .is_service = true,
        .is_resumed = is_resumed,
        .user = service,
        .ended = act_over,
    });
    struct step_doubt doubt = {.data = value_null()};
    if (is_resumed)
        act_settle(service->act, &doubt);
    else
        act_start(service->act);
}

/* The engine that announced it died before it began. */
static void begin_again(struct service *service) {
    act_free(service->act);
    act_make(service, false);
}

static void act_over(void *user, struct step_ctx *act) {
    struct service *service = user;
    struct run *run = service->run;
    if (run->replay && (service->has_ended || service->is_gone)) {
        run_check(run);
        return;
    }
    if (act_spec_of(act)->is_resumed && act_without_effect(act) && !service->is_ending) {
        begin_again(service);
        return;
    }
    service->has_ended = true;
    probing_stop(service);
    if (!service->is_ready) {
        const struct err *err = act_err(act);
        AUTO_TEXT error = service->is_failed
                              ? mem_printf("it was not ready in time%s%s", service->why ? ": " : "",
                                           service->why ? service->why : "")
                              : mem_printf("it ended before it was ready: %s",
                                           err->message ? err->message : "exit status 0");
        service->ready(service->user, service, error);
        return;
    }
    /* `finally` may tell a service to go, which then ends in good order. */
    bool was_told = run->stage >= STAGE_FINALLY && act_outcome(act) == STEP_SUCCEEDED;
    if (!service->is_ending && !was_told)
        died_early(service);
    else
        ended_record(service);
    run_check(run);
}

void service_end_replayed(struct service *service, bool again) {
    service->has_ended = !again;
    service->is_gone = again;
    ended_record(service);
    sched_pump(service->run);
}

static struct service *service_make(struct node *node, const char *path, const char *label) {
    struct service *service = mem_zalloc(sizeof *service);
    struct run *run = node->frame->run;
    service->run = run;
    service->node = node;
    service->path = mem_strdup(path);
    service->label = mem_strdup(label);
    service->older = run->services;
    run->services = service;
    return service;
}

static struct service *
service_begin(struct service *service, bool is_resumed, int64_t timeout_ms,
              void (*ready)(void *user, struct service *service, const char *error), void *user) {
    service->ready = ready;
    service->user = user;
    act_make(service, is_resumed);
    if (service->run->replay)
        return service;
    service->limit = loop_timer_new(
        service->run->loop, timeout_ms > 0 ? timeout_ms : READY_TIMEOUT_MS, limit_passed, service);
    service->next_probe = loop_timer_new(service->run->loop, 0, probe_again, service);
    return service;
}

struct service *service_new(struct node *node, const char *path, const char *label,
                            int64_t timeout_ms,
                            void (*ready)(void *user, struct service *service, const char *error),
                            void *user) {
    return service_begin(service_make(node, path, label), false, timeout_ms, ready, user);
}

struct service *
service_resume(struct node *node, const char *path, const char *label, int64_t timeout_ms,
               void (*ready)(void *user, struct service *service, const char *error), void *user) {
    return service_begin(service_make(node, path, label), true, timeout_ms, ready, user);
}

void service_recall(struct node *node, const char *path, const char *label) {
    service_make(node, path, label)->is_ready = true;
}

void service_end_recalled(struct run *run, const char *path, bool again) {
    for (struct service *service = run->services; service; service = service->older)
        if (text_equal(service->path, path)) {
            service->has_ended = !again;
            service->is_gone = again;
        }
}

void service_died_recalled(struct node *node, const struct event *event) {
    struct event told;
    AUTO_TEXT path = node_path(node);
    node_event(node, EVENT_STEP_FINISHED, path, &told);
    EVENT_SET(&told, error, EVENT_HAS(event, error) ? event->error : "it ended early");
    service_end_recalled(node->frame->run, path, false);
    service_fail(node, &told);
}

/* Its output, and what marks its processes, are not those of the one before. */
static void label_again(struct service *service) {
    char *label = mem_printf("%s.again", service->label);
    mem_free(service->label);
    service->label = label;
    service->has_ended = service->is_gone = false;
}

void service_again_recalled(struct run *run, const char *path) {
    for (struct service *service = run->services; service; service = service->older)
        if (text_equal(service->path, path))
            label_again(service);
}

static void service_go_on(struct service *service) {
    struct event event;
    if (!service->is_gone) {
        act_make(service, true);
        return;
    }
    label_again(service);
    AUTO_TEXT token =
        mem_printf("%s:%s:%s", store_run_id(service->run->place), service->path, service->label);
    node_event(service->node, EVENT_STEP_STARTED, service->path, &event);
    EVENT_SET(&event, action, node_step(service->node)->type->key);
    EVENT_SET(&event, attempt, 1);
    EVENT_SET(&event, token, token);
    EVENT_SET(&event, reason, "the run goes on, and needs the service once more");
    run_record(service->run, &event);
    act_make(service, false);
}

void services_go_on(struct run *run) {
    for (struct service *service = run->services; service; service = service->older)
        if (!service->act && !service->has_ended)
            service_go_on(service);
    if (run->stage == STAGE_CLOSING)
        services_end(run);
}

struct step_ctx *service_act(struct service *service) {
    return service->act;
}

void service_begin_again(struct service *service) {
    act_free(service->act);
    service->act = NULL;
    service_go_on(service);
}

bool services_over(const struct run *run) {
    for (const struct service *service = run->services; service; service = service->older)
        if (!service->has_ended)
            return false;
    return true;
}

void services_end(struct run *run) {
    for (struct service *service = run->services; service; service = service->older) {
        service->is_ending = true;
        if (!service->has_ended && service->act)
            act_cancel(service->act, false);
    }
}

void services_free(struct run *run) {
    while (run->services) {
        struct service *service = run->services;
        run->services = service->older;
        probing_stop(service);
        act_free(service->act);
        mem_free(service->path);
        mem_free(service->label);
        mem_free(service->why);
        mem_free(service);
    }
}
