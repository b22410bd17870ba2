/* The body of an act, shared by the room that carries it out and the one that answers it from a
 * transcript. */
#ifndef RUN_ACT_PARTS_H
#define RUN_ACT_PARTS_H

#include "run/act.h"

struct step_ctx {
    struct act_spec spec;
    struct run *run;
    char *path, *label, *token, *output_file;
    char *target; /* of its command; NULL: here */
    void *state;
    struct capture *capture;
    struct loop_timer *timer;
    struct gate *gate;
    struct reach *reach; /* to the host that its command runs on */
    void (*reached)(struct step_ctx *act, struct err *err);
    char *tunnel_host, *tunnel_port; /* where a connection of its own leads, through that */
    bool tunnel_by_port;
    void (*tunnelled)(struct step_ctx *act, const char *entry, struct err *err);
    void (*committed)(struct step_ctx *act); /* waits for its record to be on disk */
    char *transaction_id;
    value committing;
    bool started, running, cancelled, timed_out, over;
    int64_t began_ns, duration_ms;
    enum step_rehearsal rehearsal;
    char *remark, *stale;
    bool is_shown; /* in a dry run: it depends on what is not known */
    /* The verdict. */
    enum step_outcome outcome;
    bool without_effect;
    struct err err;
    value data, outputs, notes;
    /* Of a replay: what the record says of those that are not in the result. */
    value known_outputs;
    bool is_carried_out;           /* there, too: its type decides by itself */
    bool is_unanswerable;          /* nothing is recorded of it */
    bool is_marked;                /* something of what is recorded was redacted */
    bool is_cut;                   /* cancelled where it was not then */
    struct step_ctx *next, **link; /* among the run's acts */
};

/* False: the run was left, and nothing begins any more. */
bool act_begin(struct step_ctx *act);
/* Which of what came is as expected, and which outputs follow: of an act that is over. */
void act_judge(struct step_ctx *act);
/* Says where its command runs (command.c). */
int command_place(struct step_ctx *act, struct err *err) MUST_USE;
/* In place of act_start, behind act_begin. */
void act_carry_out(struct step_ctx *act);
/* Tells who waits for it, from the loop. */
void act_tell(struct step_ctx *act);

#endif
