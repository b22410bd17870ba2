/* A step as the runbook declares it. Plain data, filled from the field tables in lang/step.c;
 * everything lives in the runbook's arena and is read-only after check. */
#ifndef LANG_STEP_H
#define LANG_STEP_H

#include "engine/step.h"

enum on_failure { ON_FAILURE_UNSAID, ON_FAILURE_ROLLBACK, ON_FAILURE_STOP, ON_FAILURE_CONTINUE };

struct retry {
    int64_t attempts; /* the total, at least 1 */
    int64_t delay_ms;
    double backoff;       /* each delay is the one before times this; 1 by default */
    int64_t max_delay_ms; /* 0: none */
    double jitter;        /* 0..1: a delay varies by up to this share either way */
    struct expr *when;    /* retried only where it holds on the result */
};

struct expect_rows {
    int64_t exactly; /* -1 is unsaid, as below */
    int64_t min, max;
};

struct expect_text {
    struct match *matches;
};

/* NULL or 0 where unsaid. */
struct expect {
    struct field_list exit;   /* int64_t each */
    struct field_list status; /* int64_t each */
    struct expect_text *standard_output, *standard_error, *body;
    struct field_map header; /* struct match * by header name */
    struct expect_rows *rows;
    int64_t time_ms;
    int64_t tls_days_left;
    struct field_list jq; /* struct expr * each; `.` is the result */
};

/* One way to take a named value from the result: exactly one of these is set. */
struct output {
    struct expr *jq;
    struct match *regex;         /* group 1 of its first match in standard output (or body) */
    const struct template *file; /* the content of a file */
    bool secret;
};

struct objectives {
    int64_t rto_ms, rpo_ms; /* 0: unsaid */
};

/* A step whose result some expression of another looks at. */
#define STEP_REF_ALL "*" /* it looks at `.steps` as a whole */
struct step_ref {
    const char *id;
    const struct step_ref *next;
};

/* A span without its file, which is that of the step. */
struct spot {
    uint32_t line, column, length;
};

/* What few steps say: a step that says none of it shares `step_plain`. In the step itself it would
 * be 232 bytes of 360, with each of a hundred thousand. */
struct step_more {
    const char *description;
    struct expr *when;
    struct template *foreach; /* a list, or a string that holds one jq expression */
    int64_t concurrency;
    struct template *max_fail; /* a number, or percent */
    struct template *target;   /* of its name */
    const char *database;
    struct field_map env; /* struct template * each */
    struct template *cwd;
    struct template *input; /* `stdin:` */

    int64_t deadline_ms, grace_ms; /* 0: unsaid */
    struct retry *retry;
    struct expect *expect;
    struct field_map outputs; /* struct output each */
    struct step *rollback;
    struct step *dry_run; /* a step's own command for a dry run */
    struct step *done_when;
    struct step *ready;
    const char *lock;
    const char *effect_reason;
    struct field_list destroys;    /* const char * each, e.g. "table leads" */
    struct objectives *objectives; /* of a group: `rto_ms` */

    const struct step_ref *refs; /* those that its own expressions look at */
};

extern const struct step_more step_plain;

struct step {
    const struct step_type *type;
    const void *spec; /* what `type->fields` describe */
    const char *id;   /* as given, or made from title or position; unique in its file */
    const char *title;
    const struct step_more *more; /* never NULL */
    struct span span;             /* of the step's first key */

    struct field_list needs; /* const char * each */
    struct spot needs_at;
    bool has_needs; /* `needs:` stands there, perhaps empty */
    bool background;
    bool point_of_no_return;
    bool sensitive;
    enum on_failure on_failure;
    enum effect effect_override;
    int64_t timeout_ms;     /* 0: unsaid */
    struct field_list tags; /* const char * each */
};

/* What the step does to the world: said, or derived from its type, members and statements. */
enum effect step_effect(const struct step *step);

/* How many of `count` items may fail, as `max_fail` says it. */
int step_max_fail_read(const char *text, size_t count, size_t *ret, struct err *err) MUST_USE;

/* What its failure leads to: said by its author, or where nothing is by its type. */
enum on_failure step_on_failure(const struct step *step);

struct step_list {
    const struct step *const *items;
    size_t count;
};

/* The members of a container, or NULL for a step that acts. */
bool step_expand(const struct step *step, struct step_expansion *ret);

extern const struct field step_fields[];    /* struct step, without the action's own */
extern const struct field handler_fields[]; /* the subset that a rollback handler may carry */
extern const struct field probe_fields[];   /* the subset of done_when and ready */

#endif
