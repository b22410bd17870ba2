#include "guard/orphan.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "guard/child.h"

static void orphan_free(struct orphan *orphan) {
    watch_free(orphan->watch);
    file_close(&orphan->pidfd);
    mem_free(orphan);
}

void orphan_remove(struct table *table, struct orphan *orphan) {
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i] == orphan) {
            table->orphans.items[i] = table->orphans.items[--table->orphans.count];
            break;
        }
    if (orphan->owner && !orphan->is_given_up)
        orphan->owner->orphans--;
    orphan_free(orphan);
}

static void orphan_ready(void *user) {
    struct orphan *orphan = user;
    struct child *owner = orphan->owner;
    if (!table_reap(orphan->pid))
        return;
    orphan_remove(orphan->table, orphan);
    if (owner)
        child_settle(owner);
}

/* ---- whose it is -------------------------------------------------------------------------- */

static struct child *owner_by_token(struct table *table, pid_t pid, int *patience_ms) {
    AUTO_TEXT token = tree_token(pid, patience_ms);
    for (struct child *it = table->first; token && it; it = it->next)
        if (text_equal(it->token, token))
            return it;
    return NULL;
}

static struct child *find_owner(struct table *table, pid_t pid, int *patience_ms) {
    pid_t session = getsid(pid);
    for (struct child *it = table->first; it; it = it->next)
        if (it->pid == session)
            return it;
    return owner_by_token(table, pid, patience_ms);
}

static void own(struct orphan *orphan, struct child *owner) {
    orphan->owner = owner;
    owner->orphans++;
}

void orphan_adopt(struct table *table, pid_t pid, int *patience_ms) {
    struct child *owner = find_owner(table, pid, patience_ms);
    if (table_reap(pid))
        return;
    struct orphan *orphan = mem_zalloc(sizeof *orphan);
    orphan->table = table;
    orphan->pid = pid;
    orphan->pidfd = tree_open_pid(pid);
    if (orphan->pidfd >= 0)
        orphan->watch = watch_new(table->events, orphan->pidfd, orphan_ready, orphan);
    *vec_add(&table->orphans) = orphan;
    if (owner)
        own(orphan, owner);
}

void orphans_own_strays(struct table *table) {
    for (size_t i = 0; table->count == 1 && i < table->orphans.count; i++) {
        struct orphan *orphan = table->orphans.items[i];
        if (!orphan->owner && !orphan->is_given_up)
            own(orphan, table->first);
    }
}

void orphans_disown(struct child *owner) {
    struct table *table = owner->table;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == owner)
            table->orphans.items[i]->owner = NULL;
}

/* ---- their end ---------------------------------------------------------------------------- */

/* Those that have ended already must not count as left. */
void orphans_reap(struct child *owner) {
    struct table *table = owner->table;
    for (size_t i = table->orphans.count; i-- > 0;) {
        struct orphan *orphan = table->orphans.items[i];
        if (orphan->owner == owner && table_reap(orphan->pid))
            orphan_remove(table, orphan);
    }
}

void orphans_look(struct table *table) {
    for (size_t i = table->orphans.count; i-- > 0;)
        if (i < table->orphans.count && !table->orphans.items[i]->watch)
            orphan_ready(table->orphans.items[i]);
}

void orphans_add(const struct child *owner, struct pids *ret) {
    const struct table *table = owner->table;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == owner)
            pids_add(ret, table->orphans.items[i]->pid);
}

void orphans_mark_told(struct child *owner) {
    struct table *table = owner->table;
    for (size_t i = 0; i < table->orphans.count; i++)
        if (table->orphans.items[i]->owner == owner)
            table->orphans.items[i]->is_told = true;
}

/* Those that were adopted since then: children of one that did end. */
void orphans_tell_new(struct child *owner) {
    AUTO_PIDS tree = {0};
    struct table *table = owner->table;
    for (size_t i = 0; i < table->orphans.count; i++) {
        struct orphan *orphan = table->orphans.items[i];
        if (orphan->owner != owner || orphan->is_told)
            continue;
        orphan->is_told = true;
        pids_add(&tree, orphan->pid);
    }
    tree_signal(&tree, SIGTERM);
    tree_signal(&tree, SIGCONT);
}

size_t orphans_give_up(struct child *owner) {
    struct table *table = owner->table;
    for (size_t i = 0; i < table->orphans.count; i++) {
        struct orphan *orphan = table->orphans.items[i];
        if (orphan->owner != owner)
            continue;
        orphan->is_given_up = true;
    }
    size_t count = owner->orphans;
    owner->orphans = 0;
    return count;
}
