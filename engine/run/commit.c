#include "run/commit.h"

#include <pthread.h>

#include "base/vec.h"

struct waiter {
    uint64_t seq; /* records that must be on disk */
    void (*durable)(void *user);
    void *user;
};

struct commit {
    struct loop *loop;
    struct writer *writer;
    bool sync;
    void (*failed)(void *user, struct err *err);
    void *user;
    VEC(struct waiter) waiters; /* in order of seq */
    size_t head;
    bool busy, is_failed;
    struct loop_timer *turn; /* without `sync`: the next turn of the loop */
    pthread_mutex_t mutex;   /* held by the worker while it has the writer */
    bool orphaned;
    struct err err;
};

struct commit *commit_new(struct loop *loop, struct writer *writer, bool sync,
                          void (*failed)(void *user, struct err *err), void *user) {
    struct commit *commit = mem_zalloc(sizeof *commit);
    commit->loop = loop;
    commit->writer = writer;
    commit->sync = sync;
    commit->failed = failed;
    commit->user = user;
    pthread_mutex_init(&commit->mutex, NULL);
    return commit;
}

static void commit_destroy(struct commit *commit) {
    vec_release(&commit->waiters);
    err_release(&commit->err);
    pthread_mutex_destroy(&commit->mutex);
    mem_free(commit);
}

void commit_free(struct commit *commit) {
    if (!commit)
        return;
    if (commit->turn)
        commit->busy = false;
    loop_timer_free(commit->turn);
    pthread_mutex_lock(&commit->mutex);
    commit->orphaned = true;
    pthread_mutex_unlock(&commit->mutex);
    if (!commit->busy)
        commit_destroy(commit);
}

static void sync_work(void *user) {
    struct commit *commit = user;
    pthread_mutex_lock(&commit->mutex);
    if (!commit->orphaned && writer_sync(commit->writer, &commit->err) < 0)
        commit->is_failed = true;
    pthread_mutex_unlock(&commit->mutex);
}

static void sync_dropped(void *user) {
    commit_destroy(user);
}

static void commit_start(struct commit *commit);

static void sync_done(void *user) {
    struct commit *commit = user;
    commit->busy = false;
    loop_timer_free(commit->turn);
    commit->turn = NULL;
    if (commit->orphaned) {
        commit_destroy(commit);
        return;
    }
    if (commit->is_failed) {
        commit->failed(commit->user, &commit->err);
        return;
    }
    uint64_t durable =
        commit->sync ? writer_synced(commit->writer) : writer_appended(commit->writer);
    while (commit->head < commit->waiters.count &&
           commit->waiters.items[commit->head].seq <= durable) {
        struct waiter waiter = commit->waiters.items[commit->head++];
        if (waiter.durable)
            waiter.durable(waiter.user);
    }
    if (commit->head == commit->waiters.count)
        commit->head = commit->waiters.count = 0;
    commit_start(commit);
}

static void commit_start(struct commit *commit) {
    if (commit->busy || commit->is_failed || commit->head == commit->waiters.count)
        return;
    commit->busy = true;
    if (commit->sync)
        loop_work_owned(commit->loop, sync_work, sync_done, sync_dropped, commit);
    else
        commit->turn = loop_timer_new(commit->loop, 0, sync_done, commit);
}

void commit_then(struct commit *commit, void (*durable)(void *user), void *user) {
    *vec_add(&commit->waiters) = (struct waiter){writer_appended(commit->writer), durable, user};
    commit_start(commit);
}

void commit_forget(struct commit *commit, const void *user) {
    for (size_t i = commit->head; i < commit->waiters.count; i++)
        if (commit->waiters.items[i].user == user)
            commit->waiters.items[i].durable = NULL;
}

int commit_now(struct commit *commit, struct err *err) {
    return commit->sync ? writer_sync(commit->writer, err) : 0;
}
