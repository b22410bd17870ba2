#include "guard/table.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "guard/child.h"
#include "guard/orphan.h"

#define SCAN_MS INT64_C(200) /* from a child's end to the search for stray zombies */
#define PATIENCE_MS 10       /* of a search with programs that are just starting */
#define KILL_ALL_ROUNDS 2000 /* of a millisecond */

void table_init(struct table *table, struct events *events) {
    *table = (struct table){.events = events};
    tree_view_init(&table->view);
}

void table_add(struct table *table, struct child *child) {
    child->next = table->first;
    if (table->first)
        table->first->previous = child;
    table->first = child;
    table->count++;
}

void table_remove(struct table *table, struct child *child) {
    if (child->previous)
        child->previous->next = child->next;
    else
        table->first = child->next;
    if (child->next)
        child->next->previous = child->previous;
    child->previous = child->next = NULL;
    table->count--;
    orphans_disown(child);
    if (table->first)
        return;
    timer_free(table->scan_timer);
    table->scan_timer = NULL;
}

bool table_reap(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid;
}

static bool is_known(const struct table *table, pid_t pid) {
    for (const struct child *it = table->first; it; it = it->next)
        if (it->pid == pid)
            return true;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->pid == pid)
            return true;
    return false;
}

void table_scan(struct table *table) {
    AUTO_PIDS children = {0};
    int patience_ms = table->count > 1 ? PATIENCE_MS : 0; /* see orphans_own_strays */
    tree_own_children(&table->view, &children);
    if (children.list.count != table->count + table->orphans.count)
        for (size_t i = 0; i < children.list.count; i++)
            if (!is_known(table, children.list.items[i]))
                orphan_adopt(table, children.list.items[i], &patience_ms);
    orphans_own_strays(table);
}

static struct child *running_child(const struct table *table, pid_t pid) {
    struct child *child = table->first;
    while (child && child->pid != pid)
        child = child->next;
    return child && !child->main_ended ? child : NULL;
}

static void look_at_all(struct table *table) {
    orphans_look(table);
    for (struct child *it = table->first, *next; it; it = next) {
        next = it->next;
        child_note_exit(it);
        child_settle(it);
    }
}

static void scan_fired(void *user) {
    struct table *table = user;
    timer_free(table->scan_timer);
    table->scan_timer = NULL;
    table_scan(table);
    look_at_all(table);
}

static void scan_soon(struct table *table) {
    if (!table->scan_timer && table->first)
        table->scan_timer = timer_new(table->events, SCAN_MS, scan_fired, table);
}

/* What cannot be reaped yet, a command whose orphans live on, would be told again and again. */
void table_notice(struct table *table) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            break;
        struct child *child = running_child(table, info.si_pid);
        if (!child) {
            look_at_all(table);
            break;
        }
        child_take_exit(child, &info);
        child_settle(child);
    }
    scan_soon(table);
}

/* Adds all that still runs; zombies of commands are left to their end. */
static void all_left(struct table *table, struct pids *ret) {
    table_scan(table);
    for (struct child *it = table->first; it; it = it->next) {
        child_note_exit(it);
        if (!it->main_ended)
            pids_add(ret, it->pid);
    }
    for (size_t i = table->orphans.count; i-- > 0;) {
        struct orphan *orphan = table->orphans.items[i];
        if (table_reap(orphan->pid))
            orphan_remove(table, orphan);
        else
            pids_add(ret, orphan->pid);
    }
}

void table_kill_all(struct table *table) {
    for (int i = 0; i < KILL_ALL_ROUNDS; i++) {
        AUTO_PIDS left = {0};
        all_left(table, &left);
        if (left.list.count == 0)
            return;
        tree_descend(&left);
        tree_signal(&left, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}
