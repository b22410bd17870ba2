#include "report/timeline.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/text_parts.h"

static const char *text_or(const char *text, const char *other) {
    return text && *text ? text : other;
}

static char *by_whom(const char *what, const struct event *event) {
    const bool is_known = EVENT_HAS(event, host) && event->host;
    return mem_printf("%s by %s%s%s", what, text_or(event->user, "?"), is_known ? " on " : "",
                      is_known ? event->host : "");
}

static char *tell_started(const struct event *event) {
    return by_whom(EVENT_HAS(event, dry_run) && event->dry_run ? "begun as a dry run" : "begun",
                   event);
}

static char *tell_resumed(const struct event *event) {
    return by_whom("resumed", event);
}

static char *tell_ended(const struct event *event) {
    return mem_printf("ended: %s", status_look(event->status).word);
}

static char *tell_retrying(const struct event *event) {
    AUTO_TEXT pause = text_show_duration(event->delay_ms);
    return mem_printf("attempt %" PRId64 " failed, the next in %s: %s", event->attempt, pause,
                      text_or(event->error, "?"));
}

/* That a step succeeded is no news; that it was undone is. */
static char *tell_finished(const struct event *event) {
    const bool is_undo = text_equal(event->phase, "rollback");
    const char *why = text_or(event->error, text_or(event->reason, NULL));
    if (text_equal(event->status, "succeeded"))
        return is_undo ? mem_strdup("undone") : NULL;
    return mem_printf("%s%s%s%s", is_undo ? "not undone, " : "", status_look(event->status).word,
                      why ? ": " : "", why ? why : "");
}

static char *tell_doubt(const struct event *event) {
    return mem_printf("in doubt: %s", text_or(event->reason, "?"));
}

static char *tell_resolved(const struct event *event) {
    const bool is_by = EVENT_HAS(event, by) && event->by;
    return mem_printf("settled as %s: %s%s%s", text_or(event->status, "?"),
                      text_or(event->reason, "?"), is_by ? ", by " : "", is_by ? event->by : "");
}

static char *tell_opened(const struct event *event) {
    return mem_printf("asks: %s", text_or(event->message, "?"));
}

static char *tell_answered(const struct event *event) {
    const bool is_said = EVENT_HAS(event, comment) && event->comment && *event->comment;
    return mem_printf("%s by %s%s%s", text_or(event->answer, "?"), text_or(event->by, "?"),
                      is_said ? ": " : "", is_said ? event->comment : "");
}

static char *tell_escalated(const struct event *event) {
    return mem_printf("nobody has answered%s%s", EVENT_HAS(event, reason) ? ": " : "",
                      EVENT_HAS(event, reason) ? text_or(event->reason, "") : "");
}

static char *tell_rollback(const struct event *event) {
    return mem_printf("the rollback begins: %s", text_or(event->reason, "?"));
}

static char *tell_rolled_back(const struct event *event) {
    return mem_printf("the rollback is over: %s", status_look(event->status).word);
}

static char *tell_signal(const struct event *event) {
    return mem_printf("interrupted: %s", text_or(event->signal, "?"));
}

static char *tell_clock(const struct event *event) {
    AUTO_TEXT by =
        text_show_duration(event->duration_ms < 0 ? -event->duration_ms : event->duration_ms);
    return mem_printf("the wall clock was set %s by %s", event->duration_ms < 0 ? "back" : "on",
                      by);
}

/* What is to be said of it, for the caller to free; NULL: nothing. */
static char *(*const tellers[EVENT_TYPE_COUNT])(const struct event *event) = {
    [EVENT_RUN_STARTED] = tell_started,     [EVENT_RUN_RESUMED] = tell_resumed,
    [EVENT_RUN_FINISHED] = tell_ended,      [EVENT_STEP_RETRYING] = tell_retrying,
    [EVENT_STEP_FINISHED] = tell_finished,  [EVENT_STEP_IN_DOUBT] = tell_doubt,
    [EVENT_STEP_RESOLVED] = tell_resolved,  [EVENT_GATE_OPENED] = tell_opened,
    [EVENT_GATE_ANSWERED] = tell_answered,  [EVENT_GATE_ESCALATED] = tell_escalated,
    [EVENT_ROLLBACK_BEGUN] = tell_rollback, [EVENT_ROLLBACK_FINISHED] = tell_rolled_back,
    [EVENT_SIGNAL_RECEIVED] = tell_signal,  [EVENT_CLOCK_JUMPED] = tell_clock,
};

void timeline_apply(struct timeline *timeline, const struct event *event) {
    char *text = tellers[event->type] ? tellers[event->type](event) : NULL;
    const bool of_step = EVENT_HAS(event, step) && event->step;
    if (!text)
        return;
    if (of_step && timeline->of_steps >= TIMELINE_STEPS_MAX) {
        timeline->dropped++;
        mem_free(text);
        return;
    }
    timeline->of_steps += of_step;
    *vec_add(&timeline->items) = (struct timeline_item){
        .wall_ns = event->wall_ns,
        .type = event_type_name(event->type),
        .step = of_step ? mem_strdup(event->step) : NULL,
        .text = text,
    };
}

void timeline_release(struct timeline *timeline) {
    for (size_t i = 0; i < timeline->items.count; i++) {
        mem_free(timeline->items.items[i].step);
        mem_free(timeline->items.items[i].text);
    }
    vec_release(&timeline->items);
    timeline->of_steps = timeline->dropped = 0;
}
