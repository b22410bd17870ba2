/* Inside a replay. */
#ifndef RUN_REPLAY_PARTS_H
#define RUN_REPLAY_PARTS_H

#include "run/replay_step.h"

#define MARK_UNANSWERABLE "unanswerable"
#define MARK_REDACTED "redacted"

/* A node whose turn came before it had then. */
struct held;
/* Something that came from outside, of no step: a signal, a choice, another engine. */
struct input;
/* A doubt that waits for the record that settles it. */
struct doubt_wait;

struct replay {
    struct replay_options options;
    struct run *run;
    struct past *past;
    int64_t zero_ns; /* the clock at the beginning of the run */
    bool is_parted;  /* it went another way than the record */
    bool is_marked;  /* some results that expressions see are not whole */
    bool is_complete;
    uint64_t told;                   /* records so far */
    size_t passed[EVENT_TYPE_COUNT]; /* of those that are not of a step */
    VEC(uint32_t) resumes;           /* records */
    size_t resumed;                  /* how many of them are past */
    struct held *held;
    struct input *inputs;
    struct doubt_wait *doubts;
    struct err err;
};

int64_t replay_moment(const struct replay *replay, size_t record);
/* The transcript cannot be read any more. */
void replay_fail(struct replay *replay, struct err *err);
/* False where it failed. */
bool replay_read(struct replay *replay, size_t record, struct past_line *ret);

#define NO_RECORD SIZE_MAX
struct trail *replay_trail(const struct replay *replay, const struct node *node);
struct trail *replay_trail_of(const struct replay *replay, enum phase phase, const char *path);
/* The first record behind what the interpreter has passed: any, or one that it must come to. */
size_t trail_first(const struct replay *replay, const struct trail *trail);
size_t trail_hard(const struct replay *replay, const struct trail *trail);
/* The last of those that it must have come to. */
size_t trail_last(const struct replay *replay, const struct trail *trail);
/* Passes what is not come to, up to this one. */
void trail_skip(struct trail *trail, size_t record);
enum event_type record_type(const struct replay *replay, size_t record); /* or EVENT_NONE */
/* What a person chose when the attempt failed, before anything else came: that record. */
size_t trail_choice(struct replay *replay, const struct trail *trail, enum run_choice *ret);

/* replay_mark.c: whether what it looks at is not as it was: a result with this mark, `.env`. */
bool replay_looks_at(const struct frame *frame, const struct expr *expr, const char *mark);
bool replay_refers_to(const struct frame *frame, const struct step *step, const char *mark);

/* replay_run.c */
void replay_inputs(struct replay *replay); /* from here on they come */
void replay_inputs_free(struct replay *replay);
void replay_held_free(struct replay *replay);
/* False where nothing was held. */
bool replay_let_go(struct replay *replay);
void replay_doubts_free(struct replay *replay);
/* The watcher in place of the one at the terminal: it chooses what was chosen then. */
void replay_choose(void *user, const char *step, const char *error);
void replay_tell(struct replay *replay, const struct event *event);

#endif
