#include "run/seal.h"

#include "io/tool.h"
#include "lang/config.h"
#include "run/commit.h"
#include "secret/digest.h"
#include "secret/sshsig.h"

#define SIGN_TIMEOUT_MS 30000 /* of an agent, or of a person who is to touch a key */

struct seal {
    struct run *run;
    const struct config_signing *signing;
    struct tool *tool; /* that signs `head` now */
    char head[DIGEST_TEXT_SIZE];
    uint64_t told;          /* records so far that are no checkpoints */
    uint64_t signing_up_to; /* how many of them `head` vouches for */
    uint64_t tried_up_to;   /* the same of the last checkpoint */
    bool is_due, in_finally;
    bool is_moot; /* the last signature covers what `tool` was to sign */
    struct loop_timer *every;
    void (*ended)(void *user);
    void *user;
};

static void seal_turn(void *user);

/* ---- when ---------------------------------------------------------------------------------- */

/* From the next turn of the loop on: this one may be writing. */
static void seal_ask(struct seal *seal) {
    if (!seal->is_due)
        loop_defer(seal->run->loop, seal_turn, seal);
    seal->is_due = true;
}

static void seal_again(void *user) {
    struct seal *seal = user;
    loop_timer_free(seal->every);
    seal->every = loop_timer_new(seal->run->loop, seal->signing->every_ms, seal_again, seal);
    seal_ask(seal);
}

/* What an auditor asks first: what was to be done, what was undone, what came behind it. The
 * first one also tells at once, while people look, whether the key can be used. */
static bool is_worth(struct seal *seal, const struct event *event) {
    const bool in_finally = EVENT_HAS(event, phase) && strcmp(event->phase, "finally") == 0;
    const bool is_first = in_finally && !seal->in_finally;
    seal->in_finally |= in_finally;
    switch (event->type) {
    case EVENT_RUN_STARTED:
    case EVENT_RUN_RESUMED:
    case EVENT_ROLLBACK_BEGUN:
    case EVENT_ROLLBACK_FINISHED:
        return true;
    default:
        return is_first;
    }
}

void seal_event(struct seal *seal, const struct event *event) {
    if (!seal || event->type == EVENT_CHECKPOINT)
        return;
    seal->told++;
    if (is_worth(seal, event))
        seal_ask(seal);
}

/* ---- how ----------------------------------------------------------------------------------- */

static void seal_over(struct seal *seal) {
    void (*ended)(void *user) = seal->ended;
    seal->ended = NULL;
    if (ended)
        ended(seal->user);
}

/* `signature` or `why` is NULL. */
static void seal_record(struct seal *seal, const char *signature, const char *signer,
                        const char *why) {
    struct event event = {.type = EVENT_CHECKPOINT};
    EVENT_SET(&event, head, seal->head);
    if (signature) {
        EVENT_SET(&event, signer, signer);
        EVENT_SET(&event, signature, signature);
    } else {
        EVENT_SET(&event, error, why);
    }
    seal->tried_up_to = seal->signing_up_to;
    run_record(seal->run, &event);
}

static void seal_signed(void *user, const struct tool_answer *answer) {
    struct seal *seal = user;
    char signer[SSHSIG_FINGERPRINT_SIZE];
    AUTO_ERR err = ERR_INIT;
    if (seal->is_moot)
        seal->is_moot = false;
    else if (answer->code != 0)
        seal_record(seal, NULL, NULL, answer->said);
    else if (sshsig_fingerprint(answer->out, signer, &err) < 0)
        seal_record(seal, NULL, NULL, err.message);
    else
        seal_record(seal, answer->out, signer, NULL);
    tool_free(seal->tool);
    seal->tool = NULL;
    seal_turn(seal);
}

static void seal_sign(struct seal *seal) {
    const struct run *run = seal->run;
    memcpy(seal->head, writer_head(run->writer), sizeof seal->head);
    seal->signing_up_to = seal->told;
    const struct tool_spec spec = {
        .argv = (const char *const[]){"ssh-keygen", "-Y", "sign", "-n", SSHSIG_CHECKPOINT, "-f",
                                      seal->signing->key, NULL},
        .env = (const char *const *)run->environment,
        .input = seal->head,
        .input_length = sizeof seal->head - 1,
        .timeout_ms = SIGN_TIMEOUT_MS,
    };
    AUTO_ERR err = ERR_INIT;
    if (tool_start(run->loop, &spec, seal_signed, seal, &seal->tool, &err) < 0) {
        seal_record(seal, NULL, NULL, err.message);
        seal_over(seal);
    }
}

/* One signature at a time; what was asked for meanwhile comes behind it, if there is anything that
 * no checkpoint speaks of. */
static void seal_turn(void *user) {
    struct seal *seal = user;
    if (seal->tool)
        return;
    if ((seal->is_due || seal->ended) && seal->tried_up_to < seal->told &&
        seal->run->stage != STAGE_OVER) {
        seal->is_due = false;
        seal_sign(seal);
        return;
    }
    seal->is_due = false;
    seal_over(seal);
}

void seal_end(struct seal *seal, void (*ended)(void *user), void *user) {
    if (!seal) {
        ended(user);
        return;
    }
    seal->ended = ended;
    seal->user = user;
    if (seal->tool) {
        seal->is_moot = true;
        tool_cancel(seal->tool);
    }
    commit_then(seal->run->commit, seal_turn, seal); /* an agent may take its time */
}

void seal_leave(struct seal *seal) {
    if (!seal || !seal->ended)
        return;
    seal_record(seal, NULL, NULL, "the engine was told to leave at once");
    seal_over(seal);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct seal *seal_new(struct run *run) {
    const struct config *config = run->options.config;
    if (!config || !config->signing || !config->signing->key)
        return NULL;
    struct seal *seal = mem_zalloc(sizeof *seal);
    seal->run = run;
    seal->signing = config->signing;
    seal->every = loop_timer_new(run->loop, seal->signing->every_ms, seal_again, seal);
    return seal;
}

void seal_free(struct seal *seal) {
    if (!seal)
        return;
    loop_timer_free(seal->every);
    tool_free(seal->tool);
    mem_free(seal);
}
