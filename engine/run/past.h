/* The past of a run: its transcript, read whole and indexed by step, so that an engine can go the
 * same way again. Lines stay in the file until they are asked for. */
#ifndef RUN_PAST_H
#define RUN_PAST_H

#include "base/vec.h"
#include "journal/reader.h"
#include "plan/plan.h"

#define PAST_ROLLBACK "rollback" /* why run.resumed says that it was resumed; else "resume" */

struct node;
struct task;

/* What is recorded of one step in one phase, and how far the interpreter has come with it. */
struct trail {
    VEC(uint32_t) records; /* by number, from 0 */
    size_t next;           /* the first that the interpreter has not passed */
    bool is_closing;       /* of the runbook's own `finally` */
    struct node *node;
    struct task *task; /* waits for the next record, or, at the end, for its outcome */
    bool ends_early;   /* the node waits for the record that ends it before it began */
    /* Of a replay. */
    int64_t shift_ns; /* how much later than then its attempt began */
    bool is_lost;     /* the interpreter went another way: the rest answers nothing */
};

struct past_record {
    uint64_t offset;
    int64_t at_ns;       /* since the run began; more than that of the record before */
    int64_t attempt;     /* of an attempt that begins */
    struct trail *trail; /* NULL where it is not of a step */
    uint32_t length;
    uint8_t type;    /* enum event_type */
    uint8_t phase;   /* enum phase, where it is of a step */
    bool is_dropped; /* taken back when the run was gone on with behind its end */
    bool is_again;   /* likewise: the step is tried once more */
};

/* How far the run came. */
enum past_end {
    PAST_OPEN,      /* its engine died, or left at once */
    PAST_STOPPED,   /* a step failed, and nothing was rolled back */
    PAST_SUCCEEDED, /* nothing is left to do */
    PAST_UNDONE,    /* rolled back */
    PAST_HALF_UNDONE,
};

/* Who looks on while it is read, so that nobody need read it twice. */
struct past_watcher {
    void (*each)(void *user, const struct event *event);
    void *user;
    uint64_t wanted; /* as of reader_want */
};

struct past;
/* `watcher` may be NULL. */
int past_open(const char *dir, const struct past_watcher *watcher, struct past **ret,
              struct err *err) MUST_USE;
void past_free(struct past *past);

const char *past_dir(const struct past *past);
const struct event *past_started(const struct past *past); /* the first record */
struct reader *past_reader(const struct past *past);       /* has read to the end */
size_t past_count(const struct past *past);
const struct past_record *past_at(const struct past *past, size_t index);
enum past_end past_end(const struct past *past);
/* Whether somebody asked for a rollback of all of it. */
bool past_rolls_back(const struct past *past);
/* Takes back what ended the run: the steps that failed, or with `roll_back` the handlers that did,
 * are tried again, and `finally` has not been. Every reader of the same transcript does so where
 * a run.resumed follows the end. */
int past_reopen(struct past *past, bool roll_back, struct err *err) MUST_USE;
/* NULL where nothing is recorded. */
struct trail *past_trail(const struct past *past, const char *phase, const char *path);
/* Of the record, EVENT_NONE where it only accompanies a step on its way or was taken back. */
enum event_type past_hard_type(const struct past_record *record);
/* The number of its last attempt, whether or not that was taken back; 0 where there was none. */
int64_t past_attempts(const struct past *past, const struct trail *trail);
void past_each_trail(struct past *past, void (*each)(void *user, struct trail *trail), void *user);

/* A record read again. The texts of `event` live until past_line_release. */
struct past_line {
    struct event event;
    struct event_body body;
};
int past_read(const struct past *past, size_t index, struct past_line *ret,
              struct err *err) MUST_USE;
void past_line_release(struct past_line *line);

/* The plan that was executed, from the files as they are now, in the folder where it began; NULL
 * and the reasons in `diag` where there is none. */
struct plan *past_plan(const struct past *past, struct diag *diag);
/* What was chosen then, of the runbook at `path`: parameters, profile, selection. */
struct past_choices {
    struct plan_options options; /* borrows from here and from the past */
    value only, skip, from, params;
    const char **only_words, **skip_words;
};
void past_choices_init(const struct past *past, struct past_choices *ret);
void past_choices_release(struct past_choices *choices);

#endif
