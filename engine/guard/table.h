/* What the guard looks after: commands that run, and what they left behind. The bodies are here,
 * as children and orphans are two sides of one thing; for this room only. */
#ifndef GUARD_TABLE_H
#define GUARD_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "guard/events.h"
#include "guard/exits.h"
#include "guard/tree.h"

/* RUNNING: nothing was asked. TERM: its tree got SIGTERM, the timer is its grace. KILL: passes of
 * SIGKILL, the timer is the next one. ENDED: nothing of it is left. */
enum stage { STAGE_RUNNING, STAGE_TERM, STAGE_KILL, STAGE_ENDED };

/* A command. */
struct child {
    struct table *table;
    struct child *previous, *next; /* those that have not ended */
    uint64_t id;
    pid_t pid;
    int output_fds[2]; /* read ends: who writes must not die of SIGPIPE without an engine */
    /* Write ends, until it has ended: the engine would be woken by the end of each output just
     * before it is woken by the end of the command. */
    int write_fds[2];
    char *token; /* NULL: none */
    int64_t grace_ms;
    bool keep_orphans;
    bool is_aid; /* others use it: without an engine it ends with the last that is none */
    enum stage stage;
    bool main_ended; /* it stays a zombie until all is over, so that its number stays its own */
    struct exit_status exit;
    int refusal;    /* errno: it did not begin; 0: it did */
    size_t orphans; /* adopted ones that are its */
    struct timer *timer;
    int64_t limit_ns; /* TERM: end of the grace; KILL: when to give up */
    int64_t pause_ms;
    bool is_attached;  /* the engine that is there knows it */
    bool is_announced; /* and was told that it has begun */
    bool is_told;      /* and that it has ended, or did not begin */
};

/* A process that we did not begin: its parent ended. It cannot vanish before we reap it. */
struct orphan {
    struct table *table;
    struct child *owner; /* NULL: not known */
    pid_t pid;
    int pidfd;
    struct watch *watch;
    bool is_told; /* SIGTERM was sent */
    bool is_given_up;
};

struct table {
    struct events *events;
    struct tree_view view;
    struct child *first;
    size_t count;
    VEC(struct orphan *) orphans;
    struct timer *scan_timer;
    void (*ended)(void *user, struct child *child);
    void *user;
};

void table_init(struct table *table, struct events *events);
void table_add(struct table *table, struct child *child);
void table_remove(struct table *table, struct child *child);

/* Reaps it where it has ended. */
bool table_reap(pid_t pid);
/* Finds new orphans. In the normal case there are as many processes as we know. */
void table_scan(struct table *table);
/* One child has ended, or several: their signals may have become one. A descriptor of each process
 * instead cost four calls more a command. */
void table_notice(struct table *table);
/* SIGKILL to all that is left, until nothing is or two seconds are over. */
void table_kill_all(struct table *table);

#endif
