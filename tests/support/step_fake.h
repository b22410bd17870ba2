/* What engine/step.h lends a step type, without an interpreter: for testing a type alone. */
#ifndef SUPPORT_STEP_FAKE_H
#define SUPPORT_STEP_FAKE_H

#include "base/buf.h"
#include "lang/runbook.h"
#include "step.h"

struct step_ctx {
    struct loop *loop;
    const struct step *step;
    void *state;
    value run; /* what `.` is in templates */
    const char *id;
    const char *token;
    int64_t timeout_ms;
    struct loop_timer *timer;       /* the engine's own limit */
    int64_t elapsed_ms;             /* of engines before this one */
    int64_t cancel_after_ms;        /* 0: never */
    const struct step_doubt *doubt; /* settled, in place of started; NULL: started */

    const char *database; /* the URL of its only one; NULL: none */
    int64_t sync_ms;      /* what the way of a record to the disk takes; -1: it never comes there */
    char *committing;     /* of the last step_commit: its id, NULL without; and its data */
    value committing_data;
    value undone; /* what a handler that its type made takes back; VALUE_NONE */
    struct loop_timer *sync;
    void (*committed)(struct step_ctx *ctx);

    const char *input;                /* for a command; NULL: none */
    bool keep_orphans;                /* as of a background step */
    const struct step_answer *answer; /* to a question; NULL: nobody answers */
    struct buf asked;                 /* the question as text */

    /* What its probe answers, JSON or "!why", one after the other and the last again and again;
     * NULL-terminated, NULL: it is never asked. */
    const char *const *samples;
    bool dry_run;      /* rehearsed, in place of started */
    struct buf gauges; /* what it told, a line each */
    int news;          /* how many of them were for a log, too */

    int done; /* how often step_done was called */
    struct step_result result;
    struct buf output;
};

/* Writes the text to a file and loads it; fails the test where it has errors. */
struct runbook *step_fake_load(const char *yaml);
/* The errors of the text as people see them; "" where there are none. The caller frees. */
char *step_fake_errors(const char *yaml);
/* What a plan says of a step: "label: text" lines. The caller frees. */
char *step_fake_plan(const struct step *step);

/* An attempt of the step; `run_json` is what `.` is, NULL for nothing. */
struct step_ctx *step_fake_new(const struct step *step, const char *run_json);
/* From start, or settle, to step_done and release. */
void step_fake_run(struct step_ctx *ctx);
/* In its place: from start on, for so long. The attempt goes on whenever ctx->loop runs. */
void step_fake_begin(struct step_ctx *ctx, int64_t run_ms);
/* The engine is killed, as far as a test can: nothing of the attempt is called any more. */
void step_fake_leave(struct step_ctx *ctx);
void step_fake_free(struct step_ctx *ctx);
/* The result's data at a jq path, as JSON; valid until the 8th call after it. */
const char *step_fake_data(struct step_ctx *ctx, const char *path);

#endif
