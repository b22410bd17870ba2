/* The contract of a step type, and what the engine lends it for one attempt.
 *
 * A type is a const descriptor at the end of its file in steps/, and one pointer in
 * steps/steps.c. It sees values (engine/value) and real systems (engine/io), never the
 * language, the interpreter or the transcript. */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "field.h"
#include "value/value.h"

/* What a step does to the world. Dry run, retry, resume and replay follow from it. */
enum effect {
    EFFECT_UNSAID,
    EFFECT_READ,       /* changes nothing */
    EFFECT_IDEMPOTENT, /* may be repeated */
    EFFECT_ONCE,       /* must not be repeated blindly */
};

struct loop;
struct step;
struct step_ctx;
struct step_list;
struct runbook;

/* ---- what a type may refuse at check ------------------------------------------------------ */

struct step_check {
    void *user;
    struct span span; /* of the action's value */
    /* Names a step may refer to. */
    bool (*has_database)(void *user, const char *name_or_null_for_the_default);
    /* Reports an error; `err` is emptied. May be called often. */
    void (*report)(void *user, struct err *err);
    bool is_background;
    bool is_handler; /* a rollback handler, a probe or a step of `finally` */
};

/* ---- what a plan shows -------------------------------------------------------------------- */

/* One line of a plan: a label ("command", "statement", "request", "gate", …) and its text. */
struct step_plan {
    void *user;
    void (*line)(void *user, const char *label, const char *text, size_t length);
};

/* ---- what a plan needs to know ------------------------------------------------------------- */

enum step_need { STEP_NEEDS_COMMAND, STEP_NEEDS_HOST, STEP_NEEDS_FILE };

/* Each text as written, templates with their `${{ … }}`; of a host its URL. */
struct step_question;
struct step_demand {
    void *user;
    const char *shell; /* what reads a `shell` step's text; NULL: bash */
    void (*need)(void *user, enum step_need need, const char *text, size_t length);
    /* Who is asked, of whom an answer counts, and for how long. */
    void (*question)(void *user, const struct step_question *question);
};

/* ---- what a step may destroy -------------------------------------------------------------- */

/* One thing that is gone for good when the step has run. */
struct step_loss {
    const char *what;         /* as `destroys` must name it: "table leads" */
    const char *const *names; /* what a gate's message must hold, NULL-terminated: {"leads"} */
    bool unknown;             /* it is code that nobody has read: it may destroy anything */
    struct span span;         /* what destroys it; none: the step */
};

struct step_losses {
    void *user;
    void (*found)(void *user, const struct step_loss *loss);
};

/* ---- what a container yields -------------------------------------------------------------- */

struct step_expansion {
    const struct step_list *steps;  /* a group's members */
    bool parallel;                  /* they all start at once */
    const struct runbook *runbook;  /* another runbook, whose steps nest in this run */
    const struct field_map *params; /* its parameters: struct template * each */
};

/* ---- how an attempt ends ------------------------------------------------------------------ */

enum step_outcome {
    STEP_SUCCEEDED,
    STEP_FAILED,
    STEP_CANCELLED, /* ended because cancel was asked for */
    STEP_IN_DOUBT,  /* the effect may or may not have happened */
    STEP_REJECTED,  /* a gate was rejected or expired */
};

/* What a dry run did about a step that would change something. */
enum step_rehearsal {
    STEP_SHOWN,   /* nothing is claimed about it */
    STEP_CHECKED, /* it was not run, but its parts were looked at */
    STEP_TRIED,   /* it ran in a form that leaves no trace */
};

struct step_result {
    enum step_outcome outcome;
    /* It is certain that nothing happened (never started, never connected, transaction rolled
     * back): the step's own rollback handler is not needed. */
    bool without_effect;
    /* An object; taken. What `.` is in expect and outputs. The engine adds stdout, stderr, json,
     * duration_ms. Keys it knows: exit_code, status, headers, body, rows, row_count, time_ms,
     * tls_days_left. VALUE_NONE is an empty object. */
    value data;
    struct err err; /* taken; says why where the outcome is not STEP_SUCCEEDED */
    /* Of a rehearsal: how far it came; and taken, for people: what was looked at, or why nothing
     * can be said. Where something would fail the outcome is STEP_FAILED, with all that was found
     * in `err`, a line each. */
    enum step_rehearsal rehearsal;
    char *remark;
    /* Of a dry run, taken: a step that would have changed what was read, so that a failure, or
     * what is not as expected, proves nothing. */
    char *stale;
};

enum step_stream { STEP_STDOUT, STEP_STDERR };

/* ---- what the engine lends to an attempt -------------------------------------------------- */

struct loop *step_loop(struct step_ctx *ctx);
const void *step_spec(const struct step_ctx *ctx); /* the parsed fields */
/* The attempt's own state: zeroed `state_size` bytes, freed behind `.release`. */
void *step_state(struct step_ctx *ctx);
const char *step_id(const struct step_ctx *ctx); /* path in the run, for messages and tokens */
const char *step_run_id(const struct step_ctx *ctx);
const char *step_token(const struct step_ctx *ctx);  /* unique to this attempt in all runs */
int64_t step_timeout_ms(const struct step_ctx *ctx); /* of this attempt; 0 without limit */
int64_t step_grace_ms(const struct step_ctx *ctx);   /* SIGTERM to SIGKILL */
/* What this step does to the world: said by its author, else derived. */
enum effect step_ctx_effect(const struct step_ctx *ctx);
/* Whether its author's `expect` or `outputs` look at the data of its result. */
bool step_is_judged(const struct step_ctx *ctx);
/* Whether anything may look at the text of its result, `body` and `json`: else the result need not
 * have them, as the transcript tells of them as its output. */
bool step_text_is_read(const struct step_ctx *ctx);

/* In a dry run: what a step would have made or changed is as it was for those that come later. Each
 * type has its own way to write `what`; what several of them know stands below. */
void step_miss_note(struct step_ctx *ctx, const char *what);
/* Which step it was, or NULL; the caller frees. */
char *step_miss_find(const struct step_ctx *ctx, const char *what);
#define STEP_MISS_FILES "files"      /* a command was not run: it may have made any file */
#define STEP_MISS_SERVICE "services" /* a service was not begun */

/* `.` is the run. In a dry run ERR_UNKNOWN where it looks at what is not known. */
int step_render(struct step_ctx *ctx, const struct template *tmpl, value *ret,
                struct err *err) MUST_USE;
int step_render_text(struct step_ctx *ctx, const struct template *tmpl, char **ret,
                     struct err *err) MUST_USE;
/* For what leaves the engine: secrets are redacted in what its expressions yield, but for those
 * that name `.secrets` themselves, which mean them. */
int step_render_meant(struct step_ctx *ctx, const struct template *tmpl, value *ret,
                      struct err *err) MUST_USE;
int step_test(struct step_ctx *ctx, const struct expr *expr, bool *ret, struct err *err) MUST_USE;

/* `.` is a value of the type's own, and `$run` the run. */
int step_test_on(struct step_ctx *ctx, const struct expr *expr, value dot, bool *ret,
                 struct err *err) MUST_USE;
int step_eval_on(struct step_ctx *ctx, const struct expr *expr, value dot, value *ret,
                 struct err *err) MUST_USE;

/* A probe that stands in the step's fields, asked once. */
struct step_sample {
    bool holds;
    const char *why; /* it does not; NULL where it does */
    bool is_unknown; /* of a dry run: it looks at what is not known */
    value data;      /* its result, as in `expect`; borrowed */
};
struct step_probe;
/* `limit_ms` bounds a probe that says no `timeout` of its own. `answered`: from the loop, once. */
struct step_probe *step_probe_new(struct step_ctx *ctx, const struct step *probe, int64_t limit_ms,
                                  void (*answered)(struct step_ctx *ctx,
                                                   const struct step_sample *sample));
/* What it says is not wanted any more: where `answered` was not called, it is not. */
void step_probe_free(struct step_probe *probe);

/* Whether the step's target is reached by a connection. Then, before its commands can be composed:
 * `opened` is called from the loop, with why there is no connection (to be moved), or NULL; it is
 * held until the attempt ends or leaves it. It may be shared unless it shall be `fresh`. */
bool step_connects(struct step_ctx *ctx);
int step_reach(struct step_ctx *ctx, bool fresh,
               void (*opened)(struct step_ctx *ctx, struct err *err), struct err *err) MUST_USE;
/* For what is no command: a tunnel that leads to that end as the step's target sees it, for as long
 * as the connection is held. `entry` is a unix socket here, or a port, see io/ssh.h. */
struct ssh_end;
int step_tunnel(struct step_ctx *ctx, const struct ssh_end *end,
                void (*opened)(struct step_ctx *ctx, const char *entry, struct err *err),
                struct err *err) MUST_USE;
void step_reach_leave(struct step_ctx *ctx);
/* Why it has ended meanwhile, or NULL. */
const struct err *step_reach_lost(const struct step_ctx *ctx);

/* For commands: argv as it must be spawned on the step's target, environment, folder, input. */
struct step_command {
    char *token;       /* of the process */
    char **argv;       /* NULL-terminated */
    char **env;        /* "NAME=value", NULL-terminated */
    char **own_env;    /* those of them that are freed with it: the rest lives with the run */
    const char *cwd;   /* NULL: the engine's */
    const char *input; /* bytes for stdin, NULL: /dev/null */
    size_t input_length;
    bool lacks_path; /* in a dry run: its PATH depends on what is not known */
    /* A background step: daemons that its command leaves behind live until it is cancelled. */
    bool keep_orphans;
};
/* Composes it from the words of the command; the caller releases. */
int step_command_init(struct step_ctx *ctx, const char *const *words, size_t count,
                      struct step_command *ret, struct err *err) MUST_USE;
/* What ends, on the step's target, all that its command began there, see run/there.h. */
int step_command_end_init(struct step_ctx *ctx, int64_t grace_ms, struct step_command *ret,
                          struct err *err) MUST_USE;
void step_command_release(struct step_command *command);
/* What the other side of a target says of the command begins with it, in the output, see
 * run/there.h; the caller frees; NULL: it runs here. */
char *step_marker(struct step_ctx *ctx);
/* What the command wrote to RUNBOOK_OUTPUT there. */
int step_outputs_write(struct step_ctx *ctx, const char *bytes, size_t length,
                       struct err *err) MUST_USE;
/* The name of the target that its commands run on, or its connections go through; NULL: here. */
const char *step_target(const struct step_ctx *ctx);
/* The words that run shell text here: {"bash","-euo","pipefail","-c"} or defaults.shell. */
const char *const *step_shell(struct step_ctx *ctx, size_t *ret_count);

/* The database the step names, or the runbook's only one. */
struct step_database {
    char *name;
    char *url; /* holds credentials: never shown; release wipes it */
    char *role;
    int64_t statement_timeout_ms; /* 0: the server's */
    int64_t lock_timeout_ms;
    int64_t pool; /* at most so many connections */
    char *way;    /* the host of ssh that they go through; NULL: none */
};
int step_database_init(struct step_ctx *ctx, struct step_database *ret, struct err *err) MUST_USE;
void step_database_release(struct step_database *database);

/* Of a handler that its type made (`inverse`): what the attempt that it takes back said of itself,
 * owned; VALUE_NONE where nobody knows. */
value step_undone(const struct step_ctx *ctx);

/* Output as it comes: redacted, stored, digested, shown; the head kept for expect and outputs. */
void step_output(struct step_ctx *ctx, enum step_stream stream, const char *bytes, size_t length);
/* How it goes, for whoever watches the run: nothing of it is stored. */
enum step_gauge_weight {
    STEP_GAUGE_DRAWN, /* where it can be drawn over what was told before */
    STEP_GAUGE_NEWS,  /* in a log, too */
    STEP_GAUGE_LAST,  /* it stays on the terminal */
};
struct step_gauge {
    enum step_gauge_weight weight;
    const double *figures; /* oldest first, NaN where there is none */
    size_t count;
    const char *text; /* one line */
};
void step_gauge(struct step_ctx *ctx, const struct step_gauge *gauge);

/* The text without secrets, for what leaves the engine; the caller frees. */
char *step_redact(const struct step_ctx *ctx, const char *text);

/* Something an auditor should see beside the result: a server's notice, a redirect, evidence. */
void step_note(struct step_ctx *ctx, const char *what, value taken);

/* The attempt is about to make its effect irrevocable, under an id by which the server can tell
 * later what became of it; `data_taken` is the result so far, for the case that nobody is left to
 * hear the rest. Both are on disk when `go` is called, from the loop, unless the attempt ends
 * first. */
void step_commit(struct step_ctx *ctx, const char *transaction_id, value data_taken,
                 void (*go)(struct step_ctx *ctx));

/* An attempt that began and whose end nobody recorded. */
struct step_doubt {
    const char *transaction_id; /* of step_commit, or NULL where it did not come so far */
    value data;                 /* of step_commit; borrowed */
};
/* How long engines before this one were at the attempt already; 0 in the ordinary case. */
int64_t step_elapsed_ms(const struct step_ctx *ctx);

/* A question to people: a gate, a checklist, a line of text. */
enum step_question_kind { STEP_ASK_GATE, STEP_ASK_MANUAL };
/* More people are told when nobody has answered. */
struct step_escalation {
    int64_t after_ms;             /* since the gate opened; not before that of the one above */
    const char *const *approvers; /* who may answer, too, from then on; NULL-terminated */
};
struct step_question {
    enum step_question_kind kind;
    const char *message;
    const char *const *items;     /* a checklist, each to be confirmed; NULL-terminated or NULL */
    const char *evidence;         /* what is to be typed in, or NULL */
    const char *const *approvers; /* NULL-terminated or NULL: anybody */
    int64_t quorum;
    bool not_requester;
    int64_t expires_ms; /* 0: never */
    const struct step_escalation *escalations;
    size_t escalation_count;
    /* One of them is due: whoever is to be told is told by the step. Once for each. */
    void (*escalated)(struct step_ctx *ctx, size_t index);
};
struct step_answer {
    bool accepted;
    const char *by;       /* who answered */
    const char *comment;  /* may be NULL */
    const char *evidence; /* may be NULL */
};
/* Asks; `answered` is called once, unless the attempt is cancelled first. */
void step_ask(struct step_ctx *ctx, const struct step_question *question,
              void (*answered)(struct step_ctx *ctx, const struct step_answer *answer));

/* The attempt has ended. Exactly once, never from within `.start` (use loop_defer, or return an
 * error from start). After a cancel it is still called. Nothing of ctx may be used behind it. */
void step_done(struct step_ctx *ctx, struct step_result *result);

/* ---- the descriptor ----------------------------------------------------------------------- */

/* Whether a step can only go on when people answer. */
enum step_asks {
    STEP_ASKS_NOBODY,
    STEP_ASKS_ANYBODY, /* `--yes` may stand for the answer */
    STEP_ASKS_PERSON,  /* it names approvers, or a person must do something */
};

struct step_type {
    const char *key;
    const char *doc;
    const char *example; /* YAML of the action's value */
    const struct field *fields;
    /* A value that is not a mapping is taken as this field's, as FIELD_OBJECT's shorthand. */
    const char *shorthand;
    bool bare;         /* only the shorthand: the action's value is that field, never a mapping */
    size_t size;       /* of the parsed spec */
    size_t state_size; /* of an attempt's state */
    /* What the language offers of `expect` for it, as STEP_HAS_ bits. */
    unsigned results;
    const char *module; /* of engine/io, which is loaded while the run is made; may be NULL */
    bool is_probe;      /* may stand in done_when, ready and watch */
    bool is_command;    /* env, cwd, stdin, target, background apply */
    bool is_tunnelled;  /* a `target` that is a connection leads its connections, too */
    bool is_pure;       /* looks at the run and the clock alone: a replay carries it out */
    bool is_passive;    /* waits for time or people: takes none of --jobs */
    bool is_aside; /* its failure is noted, and the run goes on, unless `on_failure` says more */
    bool is_anew;  /* one that was resumed begins anew: the time before does not count */
    /* NULL where later issues build it: check says in one line that the engine lacks it. */
    enum effect (*effect)(const void *spec);
    void (*check)(const void *spec, const struct step_check *check); /* may be NULL */
    void (*plan)(const void *spec, const struct step_plan *plan);
    /* What it needs beside a database and a target, which the step names; may be NULL. */
    void (*demand)(const void *spec, const struct step_demand *demand);
    /* Each thing once, in the order of the text; false where the spec cannot be read. NULL: none
     * that it could know of. */
    bool (*destroys)(const void *spec, const struct step_losses *losses);
    void (*expand)(const void *spec, struct step_expansion *ret); /* containers only */
    /* Whom it asks; NULL: nobody. */
    enum step_asks (*asks)(const void *spec);
    /* How long it takes where nothing ends it earlier, as its author wrote; NULL: unsaid. */
    int64_t (*lasts)(const void *spec);
    /* What it asks the world again and again; NULL: nothing. */
    const struct step *(*probe)(const void *spec);
    /* What a gate asks people; NULL: it is none. */
    const struct template *(*gate)(const void *spec);
    /* Begins; returns at once. An error is a failure without effect. Containers have none. */
    int (*start)(struct step_ctx *ctx, struct err *err);
    /* In place of start, in a dry run, for a step that would change something: looks whether it
     * could, and leaves no trace; ends by step_done with `rehearsal`. NULL: it can only be shown.
     */
    int (*rehearse)(struct step_ctx *ctx, struct err *err);
    /* In place of start, for an attempt in doubt: finds out what became of it from the system
     * itself, or goes on with it. Reports as an attempt does: STEP_FAILED with `without_effect` is
     * certainty that it did not happen, STEP_IN_DOUBT that it cannot be told. NULL: nobody can be
     * asked. */
    int (*settle)(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err);
    /* The type of a handler on the same spec that takes back what a step did, for those whose
     * author wrote no `rollback:`; NULL where there is none. */
    const struct step_type *(*inverse)(const void *spec);
    /* Asks it to end soon; it still reports by step_done. */
    void (*cancel)(struct step_ctx *ctx);
    /* Frees what the state holds; called once, behind step_done or a failed start. */
    void (*release)(struct step_ctx *ctx);
};

#define STEP_HAS_EXIT (1U << 0)
#define STEP_HAS_STATUS (1U << 1)
#define STEP_HAS_STDOUT (1U << 2)
#define STEP_HAS_STDERR (1U << 3)
#define STEP_HAS_BODY (1U << 4)
#define STEP_HAS_HEADER (1U << 5)
#define STEP_HAS_ROWS (1U << 6)
#define STEP_HAS_TLS (1U << 7)

/* All types, NULL-terminated, in the order of the reference; defined in steps/steps.c. */
extern const struct step_type *const step_types[];
const struct step_type *step_type_find(const char *key);

#endif
