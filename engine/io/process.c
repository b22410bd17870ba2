#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/process_spawn.h"
#include "io/process_stream.h"
#include "io/process_tree.h"

#define SCAN_MS INT64_C(200)     /* from a child's end to the search for stray zombies */
#define BLIND_MS INT64_C(10)     /* between looks where nothing wakes us */
#define PATIENCE_MS 10           /* of a search with programs that are just starting */
#define KILL_FIRST_MS INT64_C(1) /* between passes of SIGKILL, doubling */
#define KILL_LAST_MS INT64_C(250)
#define KILL_LIMIT_MS INT64_C(10000) /* then what is left cannot be killed */
#define KILL_BURST 50                /* rounds of a pass while new orphans appear */
#define KILL_ALL_ROUNDS 2000         /* of a millisecond */

/* RUNNING: nothing was asked. TERM: its tree got SIGTERM, the timer is its grace. KILL: passes of
 * SIGKILL, the timer is the next one. ENDED: `ended` was called. */
enum stage { STAGE_RUNNING, STAGE_TERM, STAGE_KILL, STAGE_ENDED };

struct process {
    struct process_table *table;
    struct process *previous, *next;
    pid_t pid;
    int pidfd;
    struct loop_watch *watch;
    struct stream streams[2];
    struct input input;
    char *token;
    void (*ended)(void *user, const struct process_exit *exit);
    void *user;
    int64_t grace_ms;
    bool keep_orphans;
    struct terminal terminal;
    enum stage stage;
    bool main_ended; /* it stays a zombie until all is over, so that its number stays its own */
    struct process_exit exit;
    size_t orphans; /* adopted ones that are its */
    struct loop_timer *timer;
    int64_t limit_ns; /* TERM: end of the grace; KILL: when to give up */
    int64_t pause_ms;
};

/* A child that we did not spawn: its parent ended. It cannot vanish before we reap it. */
struct orphan {
    struct process_table *table;
    struct process *owner; /* NULL: not known */
    pid_t pid;
    int pidfd;
    struct loop_watch *watch;
    bool is_told; /* SIGTERM was sent */
    bool is_given_up;
};

struct process_table {
    struct loop *loop;
    char *buffer;
    struct tree_view view;
    struct process *first;
    size_t count;
    VEC(struct orphan *) orphans;
    struct loop_signal *child_signal;
    struct loop_timer *scan_timer;
    bool is_blind; /* the kernel refuses pidfd_open: we look again and again */
};

static void settle(struct process *process);
static bool note_exit(struct process *process);

/* ---- the table of a loop ------------------------------------------------------------------ */

/* Reaps it where it has ended. */
static bool reap(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid;
}

static void orphan_free(struct orphan *orphan) {
    loop_watch_free(orphan->watch);
    file_close(&orphan->pidfd);
    mem_free(orphan);
}

static void table_release(void *object) {
    struct process_table *table = object;
    process_kill_all(table->loop);
    while (table->first) {
        struct process *process = table->first;
        process->stage = STAGE_ENDED;
        reap(process->pid);
        process_free(process);
    }
    for (size_t i = 0; i < table->orphans.count; i++)
        orphan_free(table->orphans.items[i]);
    vec_release(&table->orphans);
    loop_timer_free(table->scan_timer);
    loop_signal_free(table->child_signal);
    tree_view_release(&table->view);
    mem_free(table->buffer);
    mem_free(table);
}

static struct process_table *table_get(struct loop *loop) {
    struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    if (table)
        return table;
    table = mem_zalloc(sizeof *table);
    table->loop = loop;
    table->buffer = mem_alloc(STREAM_BYTES);
    tree_view_init(&table->view);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    loop_slot_set(loop, LOOP_SLOT_PROCESS, table, table_release);
    return table;
}

static void table_add(struct process_table *table, struct process *process) {
    process->next = table->first;
    if (table->first)
        table->first->previous = process;
    table->first = process;
    table->count++;
}

static void table_remove(struct process_table *table, struct process *process) {
    if (process->previous)
        process->previous->next = process->next;
    else
        table->first = process->next;
    if (process->next)
        process->next->previous = process->previous;
    process->previous = process->next = NULL;
    table->count--;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == process)
            table->orphans.items[i]->owner = NULL;
}

/* ---- orphans ------------------------------------------------------------------------------ */

static void orphan_remove(struct process_table *table, struct orphan *orphan) {
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i] == orphan) {
            table->orphans.items[i] = table->orphans.items[--table->orphans.count];
            break;
        }
    if (orphan->owner && !orphan->is_given_up)
        orphan->owner->orphans--;
    orphan_free(orphan);
}

static void orphan_ready(void *user, int events) {
    (void)events;
    struct orphan *orphan = user;
    struct process *owner = orphan->owner;
    if (!reap(orphan->pid))
        return;
    orphan_remove(orphan->table, orphan);
    if (owner)
        settle(owner);
}

static struct process *owner_by_token(struct process_table *table, pid_t pid, int *patience_ms) {
    AUTO_TEXT token = tree_token(pid, patience_ms);
    for (struct process *it = table->first; token && it; it = it->next)
        if (text_equal(it->token, token))
            return it;
    return NULL;
}

static struct process *find_owner(struct process_table *table, pid_t pid, int *patience_ms) {
    pid_t session = getsid(pid);
    for (struct process *it = table->first; it; it = it->next)
        if (it->pid == session)
            return it;
    return owner_by_token(table, pid, patience_ms);
}

static bool is_known(const struct process_table *table, pid_t pid) {
    for (const struct process *it = table->first; it; it = it->next)
        if (it->pid == pid)
            return true;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->pid == pid)
            return true;
    return false;
}

static void own(struct orphan *orphan, struct process *owner) {
    orphan->owner = owner;
    owner->orphans++;
}

static void adopt(struct process_table *table, pid_t pid, int *patience_ms) {
    struct process *owner = find_owner(table, pid, patience_ms);
    /* A child in our own session was started by another room, or by a shell on our terminal: only
     * its token could say that it is ours to end. */
    if (!owner && getsid(pid) == getsid(0))
        return;
    if (reap(pid))
        return;
    struct orphan *orphan = mem_zalloc(sizeof *orphan);
    orphan->table = table;
    orphan->pid = pid;
    orphan->pidfd = tree_open_pid(pid);
    if (orphan->pidfd >= 0)
        orphan->watch = loop_watch_new(table->loop, orphan->pidfd, LOOP_READ, orphan_ready, orphan);
    *vec_add(&table->orphans) = orphan;
    if (owner)
        own(orphan, owner);
}

/* With one process only, an orphan of unknown origin can be no one else's. */
static void own_strays(struct process_table *table) {
    for (size_t i = 0; table->count == 1 && i < table->orphans.count; i++) {
        struct orphan *orphan = table->orphans.items[i];
        if (!orphan->owner && !orphan->is_given_up)
            own(orphan, table->first);
    }
}

/* Finds new orphans. In the normal case there are as many children as we know. */
static void scan(struct process_table *table) {
    AUTO_PIDS children = {0};
    int patience_ms = table->count > 1 ? PATIENCE_MS : 0; /* see own_strays */
    tree_own_children(&table->view, &children);
    if (children.list.count != table->count + table->orphans.count)
        for (size_t i = 0; i < children.list.count; i++)
            if (!is_known(table, children.list.items[i]))
                adopt(table, children.list.items[i], &patience_ms);
    own_strays(table);
}

/* Those that cannot be watched, where pidfd_open is refused (old kernels, some containers). */
static void look_at_unwatched(struct process_table *table) {
    for (size_t i = table->orphans.count; i-- > 0;)
        if (i < table->orphans.count && !table->orphans.items[i]->watch)
            orphan_ready(table->orphans.items[i], LOOP_READ);
    for (struct process *it = table->first, *next; it; it = next) {
        next = it->next;
        if (it->watch || !note_exit(it))
            continue;
        settle(it);
        next = table->first; /* `ended` may have freed any of them */
    }
}

static void scan_fired(void *user);

static void scan_soon(struct process_table *table) {
    if (!table->scan_timer && table->first)
        table->scan_timer =
            loop_timer_new(table->loop, table->is_blind ? BLIND_MS : SCAN_MS, scan_fired, table);
}

static void scan_fired(void *user) {
    struct process_table *table = user;
    loop_timer_free(table->scan_timer);
    table->scan_timer = NULL;
    scan(table);
    look_at_unwatched(table);
    if (table->is_blind)
        scan_soon(table);
}

/* A daemon's helpers end as our children while the daemon goes on: nobody else would see them. */
static void child_caught(void *user, int signum) {
    (void)signum;
    scan_soon(user);
}

/* Both only while there are processes, as they would keep the loop going. */
static void listen(struct process_table *table) {
    if (table->child_signal)
        return;
    table->child_signal = loop_signal_new(table->loop, SIGCHLD, child_caught, table);
    loop_signal_background(table->child_signal);
}

static void rest(struct process_table *table) {
    if (table->first)
        return;
    loop_timer_free(table->scan_timer);
    table->scan_timer = NULL;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void set_timer(struct process *process, int64_t delay_ms, void (*fired)(void *user)) {
    loop_timer_free(process->timer);
    process->timer = loop_timer_new(process->table->loop, delay_ms, fired, process);
}

static void tree_of(struct process *process, struct pids *ret) {
    if (!process->main_ended)
        pids_add(ret, process->pid);
    struct process_table *table = process->table;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == process)
            pids_add(ret, table->orphans.items[i]->pid);
    tree_descend(ret);
}

static void finish(struct process *process) {
    struct process_table *table = process->table;
    process->stage = STAGE_ENDED;
    loop_timer_free(process->timer);
    process->timer = NULL;
    input_close(&process->input);
    stream_drain(&process->streams[0]);
    stream_drain(&process->streams[1]);
    terminal_take_back(&process->terminal);
    reap(process->pid);
    table_remove(table, process);
    rest(table);
    process->ended(process->user, &process->exit);
}

static void kill_fired(void *user);

static void kill_round(struct process *process) {
    AUTO_PIDS tree = {0};
    tree_of(process, &tree);
    tree_signal(&tree, SIGKILL);
}

/* Orphans that have ended already must not count as left. */
static void reap_orphans(struct process *process) {
    struct process_table *table = process->table;
    for (size_t i = table->orphans.count; i-- > 0;) {
        struct orphan *orphan = table->orphans.items[i];
        if (orphan->owner == process && reap(orphan->pid))
            orphan_remove(table, orphan);
    }
}

/* Rounds follow each other at once while something forks faster than the loop turns. */
static void kill_pass(struct process *process) {
    for (int i = 0; i < KILL_BURST; i++) {
        kill_round(process);
        reap_orphans(process);
        size_t before = process->orphans;
        scan(process->table);
        if (process->orphans <= before)
            break;
    }
    set_timer(process, process->pause_ms, kill_fired);
    process->pause_ms = process->pause_ms * 2 > KILL_LAST_MS ? KILL_LAST_MS : process->pause_ms * 2;
}

static void begin_kill(struct process *process) {
    process->stage = STAGE_KILL;
    process->pause_ms = KILL_FIRST_MS;
    process->limit_ns = clock_mono_ns() + KILL_LIMIT_MS * NS_PER_MS;
    scan(process->table);
    kill_pass(process);
}

/* What hangs in the kernel or belongs to another user. */
static void give_up(struct process *process) {
    process->exit.left = (int)process->orphans;
    for (size_t i = 0; i < process->table->orphans.count; i++) {
        struct orphan *orphan = process->table->orphans.items[i];
        if (orphan->owner != process)
            continue;
        orphan->is_given_up = true;
        loop_watch_free(orphan->watch); /* it must not keep the loop going */
        orphan->watch = NULL;
    }
    process->orphans = 0;
}

static void kill_fired(void *user) {
    struct process *process = user;
    reap_orphans(process);
    scan(process->table);
    if (process->main_ended && process->orphans > 0 && clock_mono_ns() > process->limit_ns)
        give_up(process);
    if (process->main_ended && process->orphans == 0)
        finish(process);
    else
        kill_pass(process);
}

static void grace_fired(void *user) {
    begin_kill(user);
}

/* A stopped process would sleep over its SIGTERM. */
static void tell(struct process *process) {
    AUTO_PIDS tree = {0};
    tree_of(process, &tree);
    tree_signal(&tree, SIGTERM);
    tree_signal(&tree, SIGCONT);
    struct process_table *table = process->table;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == process)
            table->orphans.items[i]->is_told = true;
}

/* Those that were adopted since then: children of one that did end. */
static void tell_new(struct process *process) {
    AUTO_PIDS tree = {0};
    struct process_table *table = process->table;
    for (size_t i = 0; i < table->orphans.count; i++) {
        struct orphan *orphan = table->orphans.items[i];
        if (orphan->owner != process || orphan->is_told)
            continue;
        orphan->is_told = true;
        pids_add(&tree, orphan->pid);
    }
    tree_signal(&tree, SIGTERM);
    tree_signal(&tree, SIGCONT);
}

static void begin_term(struct process *process, int64_t grace_ms) {
    if (grace_ms <= 0) {
        begin_kill(process);
        return;
    }
    process->stage = STAGE_TERM;
    process->limit_ns = clock_mono_ns() + grace_ms * NS_PER_MS;
    set_timer(process, grace_ms, grace_fired);
    tell(process);
}

static bool leaves_daemon(const struct process *process) {
    return process->keep_orphans && process->exit.code == 0 && process->exit.signum == 0;
}

/* Something has ended: is it all? May call `ended`, behind which `process` may be gone. */
static void settle(struct process *process) {
    if (!process->main_ended || process->stage == STAGE_ENDED)
        return;
    scan(process->table);
    if (process->orphans == 0)
        finish(process);
    else if (process->stage == STAGE_RUNNING && !leaves_daemon(process))
        begin_term(process, process->grace_ms);
    else if (process->stage == STAGE_TERM)
        tell_new(process);
}

/* Looks without reaping; true when it has just ended. */
static bool note_exit(struct process *process) {
    siginfo_t info = {0};
    if (process->main_ended ||
        waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid != process->pid)
        return false;
    bool by_signal = info.si_code != CLD_EXITED;
    process->exit.code = by_signal ? -1 : info.si_status;
    process->exit.signum = by_signal ? info.si_status : 0;
    return process->main_ended = true;
}

static void main_ready(void *user, int events) {
    (void)events;
    struct process *process = user;
    if (!note_exit(process) && !process->main_ended)
        return;
    loop_watch_free(process->watch);
    process->watch = NULL;
    file_close(&process->pidfd);
    settle(process);
}

/* ---- verbs -------------------------------------------------------------------------------- */

static void connect_streams(struct process *process, const struct process_spec *spec,
                            const struct spawned *spawned) {
    struct process_table *table = process->table;
    for (int i = 0; i < 2; i++) {
        process->streams[i] = (struct stream){
            .number = i + 1,
            .fd = spawned->output_fds[i],
            .buffer = table->buffer,
            .output = spec->output,
            .user = spec->user,
        };
        stream_open(&process->streams[i], table->loop);
    }
    process->input.fd = spawned->input_fd;
    input_open(&process->input, table->loop, spec->input, spec->input_length);
}

static struct process *process_new(struct process_table *table, const struct process_spec *spec) {
    struct process *process = mem_zalloc(sizeof *process);
    process->table = table;
    process->token = spec->token ? mem_strdup(spec->token) : NULL;
    process->ended = spec->ended;
    process->user = spec->user;
    process->grace_ms = spec->grace_ms;
    process->keep_orphans = spec->keep_orphans;
    process->pidfd = -1;
    return process;
}

int process_spawn(struct loop *loop, const struct process_spec *spec, struct process **ret,
                  struct err *err) {
    struct process_table *table = table_get(loop);
    struct process *process = process_new(table, spec);
    struct spawned spawned;
    if (spec->inherit_terminal)
        terminal_lend(&process->terminal);
    listen(table);
    if (spawn_program(spec, &spawned, err) < 0) {
        terminal_take_back(&process->terminal);
        mem_free(process->token);
        mem_free(process);
        return -1;
    }
    process->pid = spawned.pid;
    table_add(table, process);
    process->pidfd = tree_open_pid(process->pid);
    table->is_blind = process->pidfd < 0;
    if (table->is_blind)
        scan_soon(table);
    else
        process->watch = loop_watch_new(loop, process->pidfd, LOOP_READ, main_ready, process);
    connect_streams(process, spec, &spawned);
    *ret = process;
    return 0;
}

int64_t process_pid(const struct process *process) {
    return process->pid;
}

void process_kill(struct process *process, int64_t grace_ms) {
    if (process->stage == STAGE_RUNNING) {
        scan(process->table);
        begin_term(process, grace_ms);
        return;
    }
    if (process->stage != STAGE_TERM)
        return;
    int64_t limit_ns = clock_mono_ns() + grace_ms * NS_PER_MS;
    if (limit_ns >= process->limit_ns)
        return;
    process->limit_ns = limit_ns;
    set_timer(process, grace_ms, grace_fired);
}

void process_free(struct process *process) {
    if (!process)
        return;
    struct process_table *table = process->table;
    if (process->previous || process->next || table->first == process)
        table_remove(table, process);
    loop_timer_free(process->timer);
    loop_watch_free(process->watch);
    file_close(&process->pidfd);
    input_close(&process->input);
    stream_close(&process->streams[0]);
    stream_close(&process->streams[1]);
    mem_free(process->token);
    mem_free(process);
}

/* Adds all that still runs; zombies of processes are left to their `ended`. */
static void all_left(struct process_table *table, struct pids *ret) {
    scan(table);
    for (struct process *it = table->first; it; it = it->next) {
        note_exit(it);
        if (!it->main_ended)
            pids_add(ret, it->pid);
    }
    for (size_t i = table->orphans.count; i-- > 0;) {
        struct orphan *orphan = table->orphans.items[i];
        if (reap(orphan->pid))
            orphan_remove(table, orphan);
        else
            pids_add(ret, orphan->pid);
    }
}

void process_kill_all(struct loop *loop) {
    struct process_table *table = loop_slot_get(loop, LOOP_SLOT_PROCESS);
    for (int i = 0; table && i < KILL_ALL_ROUNDS; i++) {
        AUTO_PIDS left = {0};
        all_left(table, &left);
        if (left.list.count == 0)
            return;
        tree_descend(&left);
        tree_signal(&left, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}
