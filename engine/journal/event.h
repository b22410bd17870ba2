/* The vocabulary of the transcript. Everything that happens in a run is one of these events; the
 * same tables write a record, read it back, and make schemas/transcript.schema.json. */
#ifndef JOURNAL_EVENT_H
#define JOURNAL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "value/value.h"

#define TRANSCRIPT_VERSION 1
#define TRANSCRIPT_LINE_MAX 65536 /* bytes, newline included */

/* X(name, kind, doc): a member of struct event, and a key of the record. The order here is the
 * order in the line. TEXT: const char *; INTEGER: int64_t; BOOLEAN: bool; JSON: value. */
#define EVENT_FIELDS(X)                                                                            \
    X(run, TEXT, "the run's id")                                                                   \
    X(runbook, TEXT, "path of the runbook as it was given")                                        \
    X(name, TEXT, "name of the runbook")                                                           \
    X(sha256, TEXT, "SHA-256 of the runbook's bytes")                                              \
    X(files, JSON, "every file that is executed: [{path, copy, sha256}]")                          \
    X(git, JSON, "commit, dirty flag and remote of the repository it came from, or null")          \
    X(plan_sha256, TEXT, "SHA-256 of everything that decides what is executed")                    \
    X(policy_sha256, TEXT, "SHA-256 of the house rules in force")                                  \
    X(params, JSON, "the parameters, after defaults")                                              \
    X(profile, TEXT, "the profile that was chosen")                                                \
    X(selection, JSON, "what --only, --from and --skip chose")                                     \
    X(dry_run, BOOLEAN, "whether this is a dry run")                                               \
    X(steps, INTEGER, "how many steps the graph has before run-time expansion")                    \
    X(user, TEXT, "name of the user who runs the engine")                                          \
    X(uid, INTEGER, "numeric id of that user")                                                     \
    X(host, TEXT, "name of the machine")                                                           \
    X(terminal, TEXT, "the controlling terminal, or null")                                         \
    X(cwd, TEXT, "the folder in which it was started")                                             \
    X(pid, INTEGER, "process id")                                                                  \
    X(engine, TEXT, "version of the engine")                                                       \
    X(previous, JSON, "head of the transcript before this one in the store: {run, sha256}")        \
    X(objectives, JSON, "{rto: {limit_ms, measured_ms, met}, rpo: …, steps: [{step, rto, rpo}]}")  \
    X(phase, TEXT, "run, rollback or finally")                                                     \
    X(step, TEXT, "path of the step: its id, behind those of what it stands in")                   \
    X(title, TEXT, "title of the step")                                                            \
    X(action, TEXT, "the step's type")                                                             \
    X(effect, TEXT, "read, idempotent or once")                                                    \
    X(attempt, INTEGER, "which attempt, from 1")                                                   \
    X(attempts, INTEGER, "how many there may be")                                                  \
    X(item, JSON, "the item of foreach")                                                           \
    X(token, TEXT, "marks the processes and requests of the attempt")                              \
    X(plan, JSON, "what is about to be done: [[label, text]] as the plan shows it")                \
    X(status, TEXT, "how it ended")                                                                \
    X(without_effect, BOOLEAN, "it is certain that nothing happened")                              \
    X(tolerated, BOOLEAN, "it failed, and the run goes on all the same")                           \
    X(reason, TEXT, "why: of a skip, a stop, a doubt")                                             \
    X(error, TEXT, "what went wrong")                                                              \
    X(hint, TEXT, "what would be right")                                                           \
    X(duration_ms, INTEGER, "how long it took")                                                    \
    X(delay_ms, INTEGER, "how long until the next attempt")                                        \
    X(exit, INTEGER, "exit status of the run")                                                     \
    X(result, JSON, "the result, or {file, sha256, bytes} where it is large")                      \
    X(outputs, JSON, "named values taken from the result")                                         \
    X(output, JSON, "streams: {stdout: {text, bytes} or {file, bytes, sha256}, stderr: …}")        \
    X(notes, JSON, "what else happened: [[what, value]]; `undo`: the undo ledger then")            \
    X(message, TEXT, "what a person was asked")                                                    \
    X(approvers, JSON, "who may answer, or null for anybody")                                      \
    X(quorum, INTEGER, "how many must say yes")                                                    \
    X(not_requester, BOOLEAN, "whether who runs the engine may not answer")                        \
    X(expires_ms, INTEGER, "how long people have to answer")                                       \
    X(checklist, JSON, "what is to be confirmed one by one: [text]")                               \
    X(evidence, TEXT, "what is to be typed in, or what was")                                       \
    X(answer, TEXT, "accepted, rejected, expired, retry, skip, rollback or stop")                  \
    X(by, TEXT, "who answered")                                                                    \
    X(comment, TEXT, "what they said")                                                             \
    X(signal, TEXT, "name of the signal")                                                          \
    X(transaction_id, TEXT,                                                                        \
      "PostgreSQL's id, cluster, last recovery and checkpoint, before COMMIT")                     \
    X(hands, JSON, "what is left for a person to do, in order: [{step, title, plan, error}]")      \
    X(counts, JSON, "how many steps ended in each state")                                          \
    X(head, TEXT, "SHA-256 of the line that a person or a seal vouches for")                       \
    X(signer, TEXT, "whose key signed that head")                                                  \
    X(signature, TEXT, "the SSH signature of that head, armored")                                  \
    X(sum, TEXT, "SHA-256 of this line's bytes before this key: no later line vouches for it")

/* X(NAME, "type", doc, required…): names of EVENT_FIELDS that must be present. */
#define EVENT_TYPES(X)                                                                             \
    X(RUN_STARTED, "run.started", "a run begins",                                                  \
      EVENT_BIT(run) | EVENT_BIT(runbook) | EVENT_BIT(name) | EVENT_BIT(sha256) |                  \
          EVENT_BIT(plan_sha256) | EVENT_BIT(user) | EVENT_BIT(uid) | EVENT_BIT(host) |            \
          EVENT_BIT(pid) | EVENT_BIT(engine))                                                      \
    X(RUN_RESUMED, "run.resumed", "another engine goes on with the run",                           \
      EVENT_BIT(user) | EVENT_BIT(uid) | EVENT_BIT(host) | EVENT_BIT(pid) | EVENT_BIT(engine) |    \
          EVENT_BIT(plan_sha256))                                                                  \
    X(RUN_FINISHED, "run.finished", "the run is over, unless it is resumed later",                 \
      EVENT_BIT(status) | EVENT_BIT(exit) | EVENT_BIT(sum))                                        \
    X(STEP_SKIPPED, "step.skipped", "a step will not be run",                                      \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(reason))                                      \
    X(STEP_WAITING, "step.waiting", "a step waits for a lock",                                     \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(reason))                                      \
    X(STEP_STARTED, "step.started", "an attempt is about to begin",                                \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(attempt))                                     \
    X(STEP_COMMITTING, "step.committing", "COMMIT is about to be sent",                            \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(attempt))                                     \
    X(STEP_READY, "step.ready", "a background service answers",                                    \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(duration_ms))                                 \
    X(STEP_ENDED, "step.ended", "a background service has gone, with all of its output stored",    \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(duration_ms))                                 \
    X(STEP_RETRYING, "step.retrying", "an attempt failed and another follows",                     \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(attempt) | EVENT_BIT(delay_ms))               \
    X(STEP_FINISHED, "step.finished", "a step has ended",                                          \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(status) | EVENT_BIT(duration_ms))             \
    X(STEP_IN_DOUBT, "step.in_doubt", "whether the effect happened is not known",                  \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(reason))                                      \
    X(STEP_RESOLVED, "step.resolved", "a doubt was settled",                                       \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(status) | EVENT_BIT(reason))                  \
    X(GATE_OPENED, "gate.opened", "people are asked",                                              \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(message))                                     \
    X(GATE_ANSWERED, "gate.answered", "somebody answered",                                         \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(answer) | EVENT_BIT(by))                      \
    X(GATE_ESCALATED, "gate.escalated", "nobody answered in time, more people are told",           \
      EVENT_BIT(phase) | EVENT_BIT(step))                                                          \
    X(GATE_CLOSED, "gate.closed", "the gate is decided",                                           \
      EVENT_BIT(phase) | EVENT_BIT(step) | EVENT_BIT(answer))                                      \
    X(ROLLBACK_BEGUN, "rollback.begun", "what was done is being undone", EVENT_BIT(reason))        \
    X(ROLLBACK_FINISHED, "rollback.finished", "the rollback is over", EVENT_BIT(status))           \
    X(SIGNAL_RECEIVED, "signal.received", "somebody interrupts", EVENT_BIT(signal))                \
    X(CLOCK_JUMPED, "clock.jumped", "the wall clock was set", EVENT_BIT(duration_ms))              \
    X(CHECKPOINT, "checkpoint", "the head so far, signed, or why it is not",                       \
      EVENT_BIT(head) | EVENT_BIT(sum))

enum event_field {
#define X(name, kind, doc) EVENT_FIELD_##name,
    EVENT_FIELDS(X)
#undef X
        EVENT_FIELD_COUNT
};
#define EVENT_BIT(name) (UINT64_C(1) << EVENT_FIELD_##name)

enum event_type {
    EVENT_NONE,
#define X(NAME, type, doc, required) EVENT_##NAME,
    EVENT_TYPES(X)
#undef X
        EVENT_TYPE_COUNT
};

_Static_assert(EVENT_FIELD_COUNT <= 64, "struct event has 64 bits to say what is present");

#define EVENT_MEMBER_TEXT const char *
#define EVENT_MEMBER_INTEGER int64_t
#define EVENT_MEMBER_BOOLEAN bool
#define EVENT_MEMBER_JSON value

/* `present` says which members count. Texts and values are borrowed from the maker. */
struct event {
    enum event_type type;
    uint64_t seq;
    int64_t wall_ns;
    int64_t mono_ns;
    uint64_t present;
    /* The JSON of `result`, where its maker measured it by writing it: it is not written twice. The
     * redactor looks at `result`. NULL: it is written from that. */
    const struct buf *result_json;
    uint64_t stored; /* JSON members that are {file, bytes, sha256}: their digest is no secret */
#define X(name, kind, doc) EVENT_MEMBER_##kind name;
    EVENT_FIELDS(X)
#undef X
};

/* The tables as data: for whoever walks the members of an event, in the order of the line. */
enum event_kind { EVENT_KIND_TEXT, EVENT_KIND_INTEGER, EVENT_KIND_BOOLEAN, EVENT_KIND_JSON };
struct event_column {
    const char *name;
    const char *doc;
    enum event_kind kind;
    size_t name_length;
    size_t offset; /* of the member in struct event */
};
extern const struct event_column event_columns[EVENT_FIELD_COUNT];
/* The member itself; what it points to has the type that the column's kind says. */
void *event_member(struct event *event, const struct event_column *column);
const void *event_member_const(const struct event *event, const struct event_column *column);

/* `sum` is the last column and made by event_write for the types that require it.
 * `EVENT_SET(&event, step, "a");` A text that is NULL is written as null. */
#define EVENT_SET(event, field, v) ((event)->field = (v), (event)->present |= EVENT_BIT(field))
#define EVENT_HAS(event, field) (((event)->present & EVENT_BIT(field)) != 0)

const char *event_type_name(enum event_type type);
const char *event_type_doc(enum event_type type);
uint64_t event_type_required(enum event_type type); /* as EVENT_BIT()s */
enum event_type event_type_find(const char *name);

/* Integers of a record stay within what every reader of JSON holds exactly. */
#define EVENT_INTEGER_MAX INT64_C(9007199254740991)
/* `prev` of the first record. */
#define EVENT_NO_PREV "0000000000000000000000000000000000000000000000000000000000000000"

/* How every record begins: `{"v":1,"seq":…,"type":"…"`. */
void event_write_head(const struct event *event, const char prev[65], struct buf *out);
/* Appends the record's line with its newline. Texts are cut where the line would not fit, the
 * longest first, and then end in "…"; values must fit (the caller stores large ones in files).
 * -1 and nothing appended where a required field is missing or null, or the line would pass
 * TRANSCRIPT_LINE_MAX. */
int event_write(const struct event *event, const char prev[65], struct buf *out,
                struct err *err) MUST_USE;
/* What the texts and values of an event that was read live in; one serves line after line. */
#define EVENT_IS_TEXT 0
#define EVENT_IS_INTEGER 0
#define EVENT_IS_BOOLEAN 0
#define EVENT_IS_JSON 1
#define X(name, kind, doc) +EVENT_IS_##kind
enum { EVENT_VALUES = 0 EVENT_FIELDS(X) };
#undef X
struct event_body {
    char *texts;
    size_t capacity;
    value values[EVENT_VALUES];
    size_t value_count;
};
void event_body_release(struct event_body *body);
#define AUTO_EVENT_BODY __attribute__((cleanup(event_body_release))) struct event_body

/* Reads a line, with or without its newline; what was read into `body` before is gone. Unknown,
 * doubled and missing keys and wrong types are errors. Of the JSON members only those in `wanted`
 * (EVENT_BIT()s) are built; the others are checked, and then as if they were not there. */
int event_read(const char *line, size_t length, uint64_t wanted, struct event_body *body,
               struct event *ret, char ret_prev[65], struct err *err) MUST_USE;
#define EVENT_ALL UINT64_MAX

/* schemas/transcript.schema.json */
void event_schema(struct buf *out);

#endif
