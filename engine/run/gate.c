#include "run/gate.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/text.h"
#include "run/act.h"
#include "run/ledger.h"
#include "run/past.h"

#define LATE_ANSWER_MS 1000

struct gate {
    struct run *run;
    struct step_ctx *act;
    struct step_question question; /* borrowed from the step type, which waits */
    struct step_question shown;    /* the same without secrets */
    VEC(char *) texts;             /* what it shows */
    const char **items;
    void (*answered)(struct step_ctx *act, const struct step_answer *answer);
    struct loop_timer *expiry;
    char *path;
    VEC(char *) accepted;        /* who said yes */
    VEC(const char *) approvers; /* borrowed; those of escalations, too; NULL-terminated */
    size_t escalated;            /* how many escalations are past */
    struct loop_timer *escalation;
    int64_t opened_ns; /* monotonic; by an engine before this one, too */
    bool is_closed;
    /* The answer on its way to the step. */
    bool verdict;
    char *by, *comment, *evidence;
    struct loop_timer *delivery;
};

/* ---- who may ------------------------------------------------------------------------------- */

static bool is_member(const char *user, const char *group) {
    const struct group *entry = getgrnam(group);
    const struct passwd *account = getpwnam(user);
    if (!entry)
        return false;
    for (char **member = entry->gr_mem; *member; member++)
        if (text_equal(*member, user))
            return true;
    return account && account->pw_gid == entry->gr_gid;
}

static char *approvers_show(const struct step_question *question) {
    AUTO_BUF out = BUF_INIT(1 << 16);
    for (const char *const *name = question->approvers; *name; name++)
        buf_printf(&out, "%s%s", out.length ? ", " : "", *name);
    return mem_strdup(buf_text(&out));
}

/* Approvers are names of users or of groups of this machine. NULL: they may. */
static char *refusal(const struct gate *gate, const char *by) {
    const struct step_question *question = &gate->question;
    if (question->not_requester && text_equal(by, gate->run->user))
        return mem_printf("%s started this run and may not answer its gate", by);
    if (!question->approvers)
        return NULL;
    for (const char *const *name = question->approvers; *name; name++)
        if (text_equal(*name, by) || is_member(by, *name))
            return NULL;
    AUTO_TEXT wanted = approvers_show(question);
    return mem_printf("%s may not answer this gate: it needs %s", by, wanted);
}

/* Whether an escalation that is still to come lets them. */
static bool may_later(const struct gate *gate, const char *by) {
    const struct step_question *question = &gate->question;
    if (question->not_requester && text_equal(by, gate->run->user))
        return false;
    for (size_t i = gate->escalated; i < question->escalation_count; i++) {
        struct gate later = {.run = gate->run, .question = *question};
        later.question.approvers = question->escalations[i].approvers;
        AUTO_TEXT refused = later.question.approvers ? refusal(&later, by) : mem_strdup("");
        if (!refused)
            return true;
    }
    return false;
}

/* ---- records ------------------------------------------------------------------------------- */

/* --yes says so. */
static bool opens_itself(const struct gate *gate) {
    return gate->question.kind == STEP_ASK_GATE && gate->run->options.yes &&
           !gate->question.approvers;
}

static void gate_event(const struct gate *gate, enum event_type type, struct event *event) {
    *event = (struct event){.type = type};
    EVENT_SET(event, phase, phase_name(act_spec_of(gate->act)->frame->phase));
    EVENT_SET(event, step, gate->path);
}

/* Who looks on from elsewhere sees what is at stake, too. Where nobody is asked it tells nobody
 * anything. */
static value approvers_value(const struct step_question *question) {
    value approvers = question->approvers ? value_array() : value_null();
    for (const char *const *name = question->approvers; name && *name; name++)
        approvers = value_append(approvers, value_string(*name));
    return approvers;
}

static void opened_record(const struct gate *gate) {
    struct event event;
    const struct step_question *question = &gate->question;
    bool is_asked = question->kind == STEP_ASK_GATE && !opens_itself(gate) && gate->run->ui.ask;
    AUTO_VALUE notes = is_asked ? ledger_note(gate->run) : value_null();
    AUTO_VALUE approvers = approvers_value(question);
    gate_event(gate, EVENT_GATE_OPENED, &event);
    EVENT_SET(&event, message, question->message ? question->message : "");
    EVENT_SET(&event, approvers, approvers);
    EVENT_SET(&event, quorum, question->quorum > 0 ? question->quorum : 1);
    if (is_asked)
        EVENT_SET(&event, notes, notes);
    run_record(gate->run, &event);
}

static void answer_record(const struct gate *gate, bool accepted, const char *by,
                          const char *comment) {
    struct event event;
    gate_event(gate, EVENT_GATE_ANSWERED, &event);
    EVENT_SET(&event, answer, accepted ? "accepted" : "rejected");
    EVENT_SET(&event, by, by);
    if (comment)
        EVENT_SET(&event, comment, comment);
    run_record(gate->run, &event);
}

/* ---- closing ------------------------------------------------------------------------------- */

static void deliver(void *user) {
    struct gate *gate = user;
    const struct step_answer answer = {gate->verdict, gate->by, gate->comment, gate->evidence};
    gate->answered(gate->act, &answer);
}

static void gate_close(struct gate *gate, const char *answer, bool accepted, const char *by,
                       const char *comment, const char *evidence) {
    struct event event;
    if (gate->is_closed)
        return;
    gate->is_closed = true;
    loop_timer_free(gate->expiry);
    loop_timer_free(gate->escalation);
    gate->expiry = gate->escalation = NULL;
    gate_event(gate, EVENT_GATE_CLOSED, &event);
    EVENT_SET(&event, answer, answer);
    if (comment)
        EVENT_SET(&event, comment, comment);
    run_record(gate->run, &event);
    gate->verdict = accepted;
    gate->by = mem_strdup(by);
    gate->comment = comment ? mem_strdup(comment) : NULL;
    gate->evidence = evidence ? mem_strdup(evidence) : NULL;
    gate->delivery = loop_timer_new(gate->run->loop, 0, deliver, gate);
}

static void unask(struct gate *gate) {
    if (gate->run->ui.unask && !gate->is_closed)
        gate->run->ui.unask(gate->run->ui.user, gate->path);
}

static void gate_expired(void *user) {
    struct gate *gate = user;
    AUTO_TEXT after = text_format_duration(gate->question.expires_ms);
    AUTO_TEXT why = mem_printf("nobody answered within %s", after);
    unask(gate);
    gate_close(gate, "expired", false, gate->run->user, why, NULL);
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool has_said_yes(const struct gate *gate, const char *by) {
    for (size_t i = 0; i < gate->accepted.count; i++)
        if (text_equal(gate->accepted.items[i], by))
            return true;
    return false;
}

static void answer_take(struct gate *gate, const struct step_answer *answer) {
    if (gate->is_closed)
        return;
    AUTO_TEXT refused = refusal(gate, answer->by);
    if (refused) {
        gate_close(gate, "rejected", false, answer->by, refused, NULL);
        return;
    }
    answer_record(gate, answer->accepted, answer->by, answer->comment);
    if (!answer->accepted) {
        gate_close(gate, "rejected", false, answer->by, answer->comment, NULL);
        return;
    }
    if (!has_said_yes(gate, answer->by))
        *vec_add(&gate->accepted) = mem_strdup(answer->by);
    int64_t quorum = gate->question.quorum > 0 ? gate->question.quorum : 1;
    if ((int64_t)gate->accepted.count >= quorum)
        gate_close(gate, "accepted", true, answer->by, answer->comment, answer->evidence);
    else if (gate->run->ui.ask)
        gate->run->ui.ask(gate->run->ui.user, gate->path, &gate->shown);
}

static void gate_ask(struct gate *gate) {
    struct run *run = gate->run;
    if (opens_itself(gate)) {
        const struct step_answer yes = {true, run->user, "--yes", NULL};
        answer_take(gate, &yes);
        return;
    }
    AUTO_TEXT refused = refusal(gate, run->user);
    if (refused && run->ui.ask && may_later(gate, run->user))
        return; /* an escalation will ask */
    if (refused && run->ui.ask) {
        gate_close(gate, "rejected", false, run->user, refused, NULL);
        return;
    }
    if (!run->ui.ask) {
        gate_close(gate, "rejected", false, run->user,
                   "there is no terminal, and nobody can be asked", NULL);
        return;
    }
    run->ui.ask(run->ui.user, gate->path, &gate->shown);
}

/* ---- escalations --------------------------------------------------------------------------- */

static void approvers_add(struct gate *gate, const char *const *names) {
    if (!gate->question.approvers)
        return; /* anybody may */
    if (gate->approvers.count)
        gate->approvers.count--;
    for (; names && *names; names++)
        *vec_add(&gate->approvers) = *names;
    *vec_add(&gate->approvers) = NULL;
    gate->question.approvers = gate->shown.approvers = gate->approvers.items;
}

static void escalated_record(const struct gate *gate, int64_t after_ms) {
    struct event event;
    AUTO_VALUE approvers = approvers_value(&gate->question);
    AUTO_TEXT after = text_format_duration(after_ms);
    AUTO_TEXT reason = mem_printf("nobody has opened it within %s", after);
    gate_event(gate, EVENT_GATE_ESCALATED, &event);
    EVENT_SET(&event, reason, reason);
    EVENT_SET(&event, approvers, approvers);
    run_record(gate->run, &event);
}

static void escalation_await(struct gate *gate);

static void escalation_due(void *user) {
    struct gate *gate = user;
    size_t index = gate->escalated++;
    const struct step_escalation *escalation = &gate->question.escalations[index];
    loop_timer_free(gate->escalation);
    gate->escalation = NULL;
    approvers_add(gate, escalation->approvers);
    escalated_record(gate, escalation->after_ms);
    gate->question.escalated(gate->act, index);
    escalation_await(gate);
    gate_ask(gate);
}

static void escalation_await(struct gate *gate) {
    if (gate->escalated >= gate->question.escalation_count || gate->is_closed)
        return;
    int64_t after_ms = gate->question.escalations[gate->escalated].after_ms;
    int64_t left = after_ms - (clock_mono_ns() - gate->opened_ns) / NS_PER_MS;
    gate->escalation = loop_timer_new(gate->run->loop, left > 0 ? left : 0, escalation_due, gate);
}

/* Whom an engine before this one told need not be told again. */
static void escalations_recall(struct gate *gate) {
    const struct past *past = gate->run->past;
    const struct act_spec *spec = act_spec_of(gate->act);
    const struct trail *trail = past && spec->elapsed_ms > 0
                                    ? past_trail(past, phase_name(spec->frame->phase), gate->path)
                                    : NULL;
    for (size_t i = 0; trail && i < trail->records.count; i++) {
        enum event_type type = (enum event_type)past_at(past, trail->records.items[i])->type;
        if (type == EVENT_STEP_STARTED)
            gate->escalated = 0;
        gate->escalated += type == EVENT_GATE_ESCALATED;
    }
    if (gate->escalated > gate->question.escalation_count)
        gate->escalated = gate->question.escalation_count;
    for (size_t i = 0; i < gate->escalated; i++)
        approvers_add(gate, gate->question.escalations[i].approvers);
}

/* The time during which no engine ran counts; yet an answer that came meanwhile is heard first. */
static int64_t expiry_left(const struct gate *gate) {
    int64_t elapsed = act_spec_of(gate->act)->elapsed_ms;
    int64_t left = gate->question.expires_ms - elapsed;
    return elapsed > 0 && left < LATE_ANSWER_MS ? LATE_ANSWER_MS : left;
}

static const char *text_show(struct gate *gate, const char *text) {
    if (!text)
        return NULL;
    char *shown = redact_text(gate->run->redactor, text, strlen(text), NULL);
    *vec_add(&gate->texts) = shown;
    return shown;
}

/* The terminal is told no more than the transcript. */
static void question_show(struct gate *gate) {
    const struct step_question *question = &gate->question;
    size_t count = 0;
    gate->shown = *question;
    gate->shown.message = text_show(gate, question->message);
    gate->shown.evidence = text_show(gate, question->evidence);
    if (!question->items)
        return;
    while (question->items[count])
        count++;
    gate->items = mem_calloc(count + 1, sizeof *gate->items);
    for (size_t i = 0; i < count; i++)
        gate->items[i] = text_show(gate, question->items[i]);
    gate->shown.items = gate->items;
}

struct gate *gate_new(struct step_ctx *act, const struct step_question *question,
                      void (*answered)(struct step_ctx *act, const struct step_answer *answer)) {
    struct gate *gate = mem_zalloc(sizeof *gate);
    gate->run = act_spec_of(act)->frame->run;
    gate->act = act;
    gate->question = *question;
    question_show(gate);
    gate->answered = answered;
    gate->path = mem_strdup(act_spec_of(act)->path);
    gate->opened_ns = clock_mono_ns() - act_spec_of(act)->elapsed_ms * NS_PER_MS;
    approvers_add(gate, question->approvers);
    escalations_recall(gate);
    opened_record(gate);
    if (question->expires_ms > 0)
        gate->expiry = loop_timer_new(gate->run->loop, expiry_left(gate), gate_expired, gate);
    escalation_await(gate);
    gate_ask(gate);
    return gate;
}

void gate_cancel(struct gate *gate) {
    unask(gate);
    gate->is_closed = true;
    loop_timer_free(gate->expiry);
    loop_timer_free(gate->escalation);
    loop_timer_free(gate->delivery);
    gate->expiry = gate->escalation = gate->delivery = NULL;
}

void gate_free(struct gate *gate) {
    if (!gate)
        return;
    loop_timer_free(gate->expiry);
    loop_timer_free(gate->escalation);
    loop_timer_free(gate->delivery);
    vec_release(&gate->approvers);
    for (size_t i = 0; i < gate->accepted.count; i++)
        mem_free(gate->accepted.items[i]);
    vec_release(&gate->accepted);
    for (size_t i = 0; i < gate->texts.count; i++)
        mem_free(gate->texts.items[i]);
    vec_release(&gate->texts);
    mem_free(gate->items);
    mem_free(gate->path);
    mem_free(gate->by);
    mem_free(gate->comment);
    mem_free(gate->evidence);
    mem_free(gate);
}

void gate_answer(struct run *run, const char *step, const struct step_answer *answer) {
    struct gate *gate = act_gate(run, step);
    if (gate)
        answer_take(gate, answer);
}
