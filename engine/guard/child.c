#include "guard/child.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "guard/orphan.h"

#define KILL_FIRST_MS INT64_C(1) /* between passes of SIGKILL, doubling */
#define KILL_LAST_MS INT64_C(250)
#define KILL_LIMIT_MS INT64_C(10000) /* then what is left cannot be killed */
#define KILL_BURST 50                /* rounds of a pass while new orphans appear */

static void set_timer(struct child *child, int64_t delay_ms, void (*fired)(void *user)) {
    timer_free(child->timer);
    child->timer = timer_new(child->table->events, delay_ms, fired, child);
}

static void tree_of(const struct child *child, struct pids *ret) {
    if (!child->main_ended)
        pids_add(ret, child->pid);
    orphans_add(child, ret);
    tree_descend(ret);
}

static void finish(struct child *child) {
    struct table *table = child->table;
    child->stage = STAGE_ENDED;
    timer_free(child->timer);
    child->timer = NULL;
    table_reap(child->pid);
    table_remove(table, child);
    table->ended(table->user, child);
}

/* ---- SIGKILL ------------------------------------------------------------------------------ */

static void kill_fired(void *user);

static void kill_round(struct child *child) {
    AUTO_PIDS tree = {0};
    tree_of(child, &tree);
    tree_signal(&tree, SIGKILL);
}

/* Rounds follow each other at once while something forks faster than our loop turns. */
static void kill_pass(struct child *child) {
    for (int i = 0; i < KILL_BURST; i++) {
        kill_round(child);
        orphans_reap(child);
        size_t before = child->orphans;
        table_scan(child->table);
        if (child->orphans <= before)
            break;
    }
    set_timer(child, child->pause_ms, kill_fired);
    child->pause_ms = child->pause_ms * 2 > KILL_LAST_MS ? KILL_LAST_MS : child->pause_ms * 2;
}

static void begin_kill(struct child *child) {
    child->stage = STAGE_KILL;
    child->pause_ms = KILL_FIRST_MS;
    child->limit_ns = clock_mono_ns() + KILL_LIMIT_MS * NS_PER_MS;
    table_scan(child->table);
    kill_pass(child);
}

static void kill_fired(void *user) {
    struct child *child = user;
    orphans_reap(child);
    table_scan(child->table);
    if (child->main_ended && child->orphans > 0 && clock_mono_ns() > child->limit_ns)
        child->exit.left = (int)orphans_give_up(child);
    if (child->main_ended && child->orphans == 0)
        finish(child);
    else
        kill_pass(child);
}

/* ---- SIGTERM ------------------------------------------------------------------------------ */

static void grace_fired(void *user) {
    begin_kill(user);
}

/* A stopped process would sleep over its SIGTERM. */
static void tell(struct child *child) {
    AUTO_PIDS tree = {0};
    tree_of(child, &tree);
    tree_signal(&tree, SIGTERM);
    tree_signal(&tree, SIGCONT);
    orphans_mark_told(child);
}

static void begin_term(struct child *child, int64_t grace_ms) {
    if (grace_ms <= 0) {
        begin_kill(child);
        return;
    }
    child->stage = STAGE_TERM;
    child->limit_ns = clock_mono_ns() + grace_ms * NS_PER_MS;
    set_timer(child, grace_ms, grace_fired);
    tell(child);
}

void child_kill(struct child *child, int64_t grace_ms) {
    if (child->stage == STAGE_RUNNING) {
        table_scan(child->table);
        begin_term(child, grace_ms);
        return;
    }
    if (child->stage != STAGE_TERM)
        return;
    int64_t limit_ns = clock_mono_ns() + grace_ms * NS_PER_MS;
    if (limit_ns >= child->limit_ns)
        return;
    child->limit_ns = limit_ns;
    set_timer(child, grace_ms, grace_fired);
}

/* ---- the end ------------------------------------------------------------------------------ */

static bool leaves_daemon(const struct child *child) {
    return child->keep_orphans && child->exit.code == 0 && child->exit.signum == 0;
}

void child_settle(struct child *child) {
    if (!child->main_ended || child->stage == STAGE_ENDED)
        return;
    table_scan(child->table);
    if (child->orphans == 0)
        finish(child);
    else if (child->stage == STAGE_RUNNING && !leaves_daemon(child))
        begin_term(child, child->grace_ms);
    else if (child->stage == STAGE_TERM)
        orphans_tell_new(child);
}

void child_take_exit(struct child *child, const siginfo_t *info) {
    bool by_signal = info->si_code != CLD_EXITED;
    child->exit.code = by_signal ? -1 : info->si_status;
    child->exit.signum = by_signal ? info->si_status : 0;
    child->main_ended = true;
}

bool child_note_exit(struct child *child) {
    siginfo_t info = {0};
    if (child->main_ended ||
        waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid != child->pid)
        return false;
    child_take_exit(child, &info);
    return true;
}

bool child_has_output(const struct child *child) {
    for (int i = 0; i < 2; i++) {
        int bytes = 0;
        if (child->output_fds[i] >= 0 && ioctl(child->output_fds[i], FIONREAD, &bytes) == 0 &&
            bytes > 0)
            return true;
    }
    return false;
}

static struct child *child_make(void) {
    struct child *child = mem_zalloc(sizeof *child);
    for (int i = 0; i < 2; i++)
        child->output_fds[i] = child->write_fds[i] = -1;
    return child;
}

struct child *child_not_begun(int sys) {
    struct child *child = child_make();
    child->stage = STAGE_ENDED;
    child->refusal = sys;
    return child;
}

struct child *child_new(struct table *table, pid_t pid, char *token) {
    struct child *child = child_make();
    child->table = table;
    child->pid = pid;
    child->token = token;
    table_add(table, child);
    return child;
}

void child_take_pipes(struct child *child, int output_fds[2], int write_fds[2]) {
    for (int i = 0; i < 2; i++) {
        child->output_fds[i] = output_fds[i];
        child->write_fds[i] = write_fds[i];
        output_fds[i] = write_fds[i] = -1;
    }
}

void child_close_writers(struct child *child) {
    file_close(&child->write_fds[0]);
    file_close(&child->write_fds[1]);
}

void child_free(struct child *child) {
    if (!child)
        return;
    timer_free(child->timer);
    file_close(&child->output_fds[0]);
    file_close(&child->output_fds[1]);
    child_close_writers(child);
    mem_free(child->token);
    mem_free(child);
}
