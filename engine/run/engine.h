/* The anatomy of a run, shared by the rooms of engine/run and by nobody else.
 *
 * A frame is one instance of a graph: the runbook's steps, its `finally`, the steps of a called
 * runbook, the body of one foreach item, a rollback handler. A node is a graph node in a frame. A
 * task is a node's step being carried out: probes, lock, attempts. An act is one start of a step
 * type: an attempt, or a probe. */
#ifndef RUN_ENGINE_H
#define RUN_ENGINE_H

#define PLAN_LINE_MAX 2000 /* bytes of a command that a record quotes */

#include "base/vec.h"
#include "io/loop.h"
#include "journal/store.h"
#include "journal/writer.h"
#include "run/run.h"
#include "run/state.h"

enum phase { PHASE_RUN, PHASE_ROLLBACK, PHASE_FINALLY };

struct node {
    struct frame *frame;
    uint32_t open;         /* needs that are not settled; while undoing: dependents not released */
    uint8_t state;         /* enum step_state */
    bool active : 1;       /* started and not settled */
    bool has_slot : 1;     /* it counts against --jobs */
    bool lent_slot : 1;    /* it did, and waits for a lock */
    bool is_doubt : 1;     /* its outcome is unknown, and nothing undid it */
    bool tolerated : 1;    /* it failed, and the run goes on all the same */
    bool group_failed : 1; /* of an END: a member failed and the group takes it */
    bool without_effect : 1; /* its own handler is not needed */
    bool kept : 1;           /* a point of no return lies below it */
    bool is_shown : 1;       /* in a dry run: it was not really run */
    struct task *task;
    struct frame *children, *newest; /* of foreach and call, oldest first */
    char *done;                      /* JSON: what it said, for a handler that its type made */
    int64_t duration_ms;
};

struct frame {
    struct run *run;
    struct frame *parent;          /* NULL for the two roots */
    struct node *owner;            /* the node of the parent whose body this is */
    struct frame *next, *previous; /* among the owner's children */
    enum phase phase;
    bool is_single;    /* one step alone: a foreach body or a handler; its path is `path` */
    bool is_group;     /* the members of a group: their results are its parent's */
    bool failed;       /* a member failed: no more are started */
    bool done;         /* `ended` was called */
    bool has_findings; /* in a dry run: a member would fail */
    char *path;        /* before the ids of its members; of the single step */
    const struct graph *graph;
    struct node *nodes;
    size_t unsettled, active;
    const struct runbook *file;
    value params;
    value item; /* VALUE_NONE outside of foreach */
    int64_t index;
    value steps; /* results of settled steps by id, for expressions */
    /* All nodes are settled, or one failed and none is active. */
    void (*ended)(struct frame *frame, bool ok);
    /* While undoing. */
    size_t undo_active;
    bool undo_failed, is_undo_over;
    void (*undone)(struct frame *frame, bool ok);
    void *user;
};

enum run_stage {
    STAGE_RUNNING,
    STAGE_DRAINING, /* a step failed or somebody interrupts: what runs may end */
    STAGE_UNDOING,
    STAGE_FINALLY,
    STAGE_CLOSING, /* services end, the last record is written */
    STAGE_SEALING, /* that record is signed */
    STAGE_OVER,
};

/* A group or a called runbook that has objectives of its own, once it has ended. */
struct phase_measured {
    char *step; /* path */
    const struct objectives *objectives;
    int64_t duration_ms, point_wall_ns;
    bool is_recovered, has_point;
};

struct run {
    struct loop *loop;
    struct run_options options;
    struct plan *plan;
    const struct runbook *runbook;
    struct run_ui ui;
    enum run_stage stage;
    enum run_exit exit;

    struct store *store;
    struct store_run *place;
    struct secrets *secrets;
    struct redactor *redactor;
    struct writer *writer;
    struct commit *commit;
    struct seal *seal; /* NULL: no key is configured */
    struct err transcript_err;
    bool is_transcript_closed;
    bool is_left; /* at once, with what was under way */
    int lock_fd;

    char **environment; /* of every command: the engine's, without the variables of secrets */
    value environment_value;
    value secrets_value;
    char *user, *host;
    int64_t started_wall_ns, started_mono_ns;
    char started_text[CLOCK_TEXT_SIZE];
    bool keeps_results; /* some expression looks at `.steps` */

    struct frame *root, *finally;
    VEC(struct node *) ready;
    size_t ready_head;
    VEC(struct node *) ended;     /* groups whose last member has settled */
    VEC(struct node *) regaining; /* those that lent their slot and could go on */
    size_t regaining_head;
    VEC(struct node *) undo;
    size_t undo_head;
    bool pumping, pump_asked;
    int64_t slots;            /* of --jobs that are taken */
    struct step_ctx *acts;    /* all that are under way */
    struct service *services; /* newest first */
    struct ways *ways;        /* to hosts; NULL: none was needed */
    struct body *bodies;      /* those that have not ended */

    /* How it went. */
    struct node *failed_node;
    char *failed_step, *failed_error; /* the one that decided the run */
    char *last_error;                 /* of the step that failed last */
    bool last_was_rejection;
    enum on_failure failure_rule;
    int interrupts;
    bool rejected, hands_needed, finally_failed;
    size_t doubts; /* steps in doubt that no handler has undone */
    value hands;
    size_t counts[STATE_COUNT];
    VEC(struct phase_measured) measured; /* in the order in which they ended */
    size_t dry_counts[4];                /* by enum dryrun_word */
    size_t dry_unknown;                  /* how many results a dry run does not know */
    struct buf result_json;    /* of the result that is being recorded, see result_record */
    value dry_missing;         /* what step_miss_note was told */
    struct replay *replay;     /* answers every effect; NULL: they are real */
    struct recall *recall;     /* while it goes the way of its transcript again */
    struct past *past;         /* that transcript, of a run that is resumed */
    struct estimate *estimate; /* of run_estimate(); NULL: not read yet */
    char *forgotten;     /* secret outputs of earlier steps that nobody has any more; or NULL */
    bool rolls_back;     /* somebody asks, or will have asked, for a rollback of all of it */
    size_t unsettled;    /* steps in doubt that only a person can settle */
    struct task *asking; /* a failure that a person is to decide */
    VEC(struct task *) to_ask; /* others that wait until that is decided; NULL: not any more */
    bool asking_interrupt;
    struct loop_signal *signals[3];
    enum run_stage stage_when_interrupted;
    int64_t undo_began_ns;
};

/* node.c: names and facts of a node */
uint32_t node_index(const struct node *node); /* in the frame's graph */
const struct graph_node *node_graph(const struct node *node);
const struct step *node_step(const struct node *node);
char *node_path(const struct node *node); /* the caller frees */
const char *phase_name(enum phase phase);
const char *effect_name(enum effect effect);
/* Fills step, phase, and for the first records title and action. `path` must outlive the event. */
void node_event(const struct node *node, enum event_type type, const char *path, struct event *ret);
/* Writes the record and moves the node's state. A failed write stops the run. */
void node_record(struct node *node, struct event *event, enum state_event transition);

/* frame.c */
struct frame *frame_new(struct run *run, struct node *owner, const struct graph *graph,
                        enum phase phase, char *path_taken);
void frame_free(struct frame *frame);
void frame_start(struct frame *frame);
/* Asks all that runs in it to end. What is in a `finally` inside is left alone: it runs whatever
 * happened, within its own limits. */
void frame_cancel(struct frame *frame);
/* No more is begun in it: what only waits to begin does not wait on. */
void frame_drain(struct frame *frame);
void frame_check(struct frame *frame); /* calls `ended` where it is time */

/* scope.c */
struct expr_input scope_input(struct frame *frame);        /* with `.secrets` */
struct expr_input scope_input_public(struct frame *frame); /* without */
void scope_publish(struct node *node, value result_taken); /* `.steps.ID` from here on */

/* sched.c */
void sched_ready(struct node *node);
void sched_pump(struct run *run); /* soon, from the loop */
/* A step that waits for its lock lets others have its slot: they may hold that lock. */
void sched_slot_lend(struct node *node);
void sched_slot_take(struct node *node); /* of one that an engine before this one began */
/* Whether it has it again; where it has not, task_resume follows. */
bool sched_slot_regain(struct node *node);
void node_settle(struct node *node);
/* Whether the run goes on when the node fails. */
bool node_is_tolerated(const struct node *node);
/* The ways in which a node's turn goes: its step, or a group with all its members, is left out;
 * its condition cannot be told; it is entered. */
void node_leave_out(struct node *node, const char *reason);
void node_fail_early(struct node *node, struct err *err);
void node_cancel_early(struct node *node, struct err *err);
void node_enter(struct node *node);
void node_skip(struct node *node, const char *reason);
/* With what `.steps.ID` is from here on. */
void node_skip_as(struct node *node, const char *reason, value published_taken);
bool frame_may_start(const struct frame *frame);

/* task.c */
void task_begin(struct node *node);
void task_cancel(struct task *task);
void task_drain(struct task *task);
void task_resume(struct task *task);
void task_choose(struct task *task, enum run_choice choice);
struct node *task_node(const struct task *task);
void task_free(struct task *task);

/* rollback.c */
void rollback_frame(struct frame *frame, void (*undone)(struct frame *frame, bool ok));
void rollback_pump(struct run *run);
void rollback_keep_above(struct node *node); /* a point of no return was passed */
/* Whether the step changed something, or may have; certain: it does not run any more. */
bool rollback_has_done(const struct node *node);
bool rollback_is_certain(const struct node *node);
/* Whether a rollback would run the node's own handler. */
bool rollback_is_owed(const struct node *node);
/* As much of a list of handlers as a record has room for, and how many more there are. */
value rollback_told(value hands_taken);

/* run.c */
/* Of the failure that follows. */
void run_error_is(struct run *run, const char *error, bool is_rejection);
void run_failed(struct run *run, struct node *node, enum on_failure rule);
/* Of the failures the first is the run's. */
void run_failure_note(struct run *run, struct node *node);
void run_check(struct run *run); /* goes on to the next stage where it is time */
void run_record(struct run *run, struct event *event);
void run_transcript_failed(struct run *run);
/* What its records vouch for is on disk, as that of a run with an end must be; false, and why in
 * transcript_err, where it cannot be. */
bool run_files_committed(struct run *run);
void run_transcript_close(struct run *run); /* its last record is in it */
void run_cancel_all(struct run *run);
void run_roll_back(struct run *run); /* because somebody asked for it, whatever came of it */

#endif
