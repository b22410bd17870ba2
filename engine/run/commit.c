#include "run/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "base/vec.h"

/* What nobody waits for is gathered: a sync is a thread that is woken, and keeps appends off the
 * file meanwhile. 1,000 SQL steps that read took 73, and now take 10. */
#define GATHER_MS 5

struct waiter {
    uint64_t seq; /* records that must be on disk */
    void (*durable)(void *user);
    void *user;
};

/* A file that grows, handed to the disk. */
struct spread {
    struct commit *commit; /* NULL: it has gone */
    int fd;
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
    struct loop_timer *turn; /* the next of the loop, in which it is done here */
    struct loop_timer *gathering;
    pthread_mutex_t mutex; /* held by the worker while it has the writer */
    char *dir;
    pthread_mutex_t files_mutex;
    VEC(int) files;        /* what records to come vouch for */
    VEC(int) syncing;      /* the worker's */
    struct spread *spread; /* under way; NULL: none */
    uint64_t covered; /* records of which the last sync has all: the worker's until it is done */
    uint64_t durable, relied_on; /* records */
    int folder;       /* of output/, held: there may be no descriptor left at the end; -1: none */
    bool has_removed; /* files whose names may still be on disk */
    bool orphaned;
    struct err err;
};

struct commit *commit_new(struct loop *loop, struct writer *writer, const char *dir, bool sync,
                          void (*failed)(void *user, struct err *err), void *user) {
    struct commit *commit = mem_zalloc(sizeof *commit);
    commit->loop = loop;
    commit->writer = writer;
    commit->sync = sync;
    commit->dir = mem_strdup(dir);
    AUTO_TEXT output = mem_printf("%s/output", dir);
    commit->folder = sync ? open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    commit->failed = failed;
    commit->user = user;
    pthread_mutex_init(&commit->mutex, NULL);
    pthread_mutex_init(&commit->files_mutex, NULL);
    return commit;
}

static void files_close(int *files, size_t count) {
    for (size_t i = 0; i < count; i++)
        file_close(&files[i]);
}

static void commit_destroy(struct commit *commit) {
    vec_release(&commit->waiters);
    files_close(commit->files.items, commit->files.count);
    vec_release(&commit->files);
    files_close(commit->syncing.items, commit->syncing.count);
    vec_release(&commit->syncing);
    file_close(&commit->folder);
    mem_free(commit->dir);
    err_release(&commit->err);
    pthread_mutex_destroy(&commit->mutex);
    pthread_mutex_destroy(&commit->files_mutex);
    mem_free(commit);
}

static void gathering_end(struct commit *commit) {
    loop_timer_free(commit->gathering);
    commit->gathering = NULL;
}

void commit_free(struct commit *commit) {
    if (!commit)
        return;
    if (commit->turn)
        commit->busy = false;
    loop_timer_free(commit->turn);
    gathering_end(commit);
    if (commit->spread)
        commit->spread->commit = NULL;
    pthread_mutex_lock(&commit->mutex);
    commit->orphaned = true;
    pthread_mutex_unlock(&commit->mutex);
    if (!commit->busy)
        commit_destroy(commit);
}

/* Returns how many records there were: later ones may vouch for files that were not taken. */
static uint64_t files_take(struct commit *commit) {
    pthread_mutex_lock(&commit->files_mutex);
    uint64_t appended = writer_appended(commit->writer);
    for (size_t i = 0; i < commit->files.count; i++)
        *vec_add(&commit->syncing) = commit->files.items[i];
    commit->files.count = 0;
    pthread_mutex_unlock(&commit->files_mutex);
    return appended;
}

/* fsync of a new file makes its name lasting, too, on ext4, XFS and Btrfs; to sync the folder as
 * well costs more than the rest of a step. All are begun before the first is waited for, so that
 * they share one commit of the file system's journal. */
static int files_sync(struct commit *commit, struct err *err) {
    int sys = 0;
    for (size_t i = 0; i < commit->syncing.count; i++)
        (void)sync_file_range(commit->syncing.items[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < commit->syncing.count; i++)
        if (fsync(commit->syncing.items[i]) < 0 && !sys)
            sys = errno;
    files_close(commit->syncing.items, commit->syncing.count);
    commit->syncing.count = 0;
    if (!sys)
        return 0;
    err_sys(err, sys, "the output in %s could not be written", commit->dir);
    err->kind = ERR_TRANSCRIPT;
    return -1;
}

static int all_sync(struct commit *commit, struct err *err) {
    commit->covered = files_take(commit);
    return files_sync(commit, err) < 0 ? -1 : writer_sync(commit->writer, err);
}

static void sync_work(void *user) {
    struct commit *commit = user;
    pthread_mutex_lock(&commit->mutex);
    if (!commit->orphaned && all_sync(commit, &commit->err) < 0)
        commit->is_failed = true;
    pthread_mutex_unlock(&commit->mutex);
}

static void sync_dropped(void *user) {
    commit_destroy(user);
}

static void commit_start(struct commit *commit, bool is_alone);
static void commit_gather(struct commit *commit);

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
    commit->durable = commit->sync ? commit->covered : writer_appended(commit->writer);
    while (commit->head < commit->waiters.count &&
           commit->waiters.items[commit->head].seq <= commit->durable) {
        struct waiter waiter = commit->waiters.items[commit->head++];
        if (waiter.durable)
            waiter.durable(waiter.user);
    }
    if (commit->head == commit->waiters.count)
        commit->head = commit->waiters.count = 0;
    if (commit_is_idle(commit))
        commit_gather(commit);
    else
        commit_start(commit, false);
}

static void sync_here(void *user) {
    struct commit *commit = user;
    if (commit->sync)
        sync_work(commit);
    sync_done(commit);
}

/* That a thread is woken, and wakes us, is 2 of the 10 switches of a step in a chain. Where nothing
 * else is under way the loop may wait for the disk itself, unless the output of what has ended is
 * to be written, too. */
static void commit_start(struct commit *commit, bool is_alone) {
    if (commit->busy || commit->is_failed || commit->head == commit->waiters.count)
        return;
    commit->busy = true;
    gathering_end(commit);
    if (commit->sync && !(is_alone && commit->files.count == 0))
        loop_work_owned(commit->loop, sync_work, sync_done, sync_dropped, commit);
    else
        commit->turn = loop_timer_new(commit->loop, 0, sync_here, commit);
}

static void gathered(void *user) {
    commit_start(user, false);
}

static void commit_gather(struct commit *commit) {
    if (!commit->busy && !commit->gathering && commit->head < commit->waiters.count)
        commit->gathering = loop_timer_new(commit->loop, GATHER_MS, gathered, commit);
}

void commit_then(struct commit *commit, void (*durable)(void *user), void *user) {
    *vec_add(&commit->waiters) = (struct waiter){writer_appended(commit->writer), durable, user};
    if (durable)
        commit_start(commit, false);
    else
        commit_gather(commit);
}

void commit_alone(struct commit *commit, void (*durable)(void *user), void *user) {
    *vec_add(&commit->waiters) = (struct waiter){writer_appended(commit->writer), durable, user};
    commit_start(commit, true);
}

bool commit_syncs(const struct commit *commit) {
    return commit->sync;
}

void commit_relied_on(struct commit *commit) {
    commit->relied_on = writer_appended(commit->writer);
}

bool commit_lets_read(const struct commit *commit) {
    uint64_t ahead = writer_appended(commit->writer) - commit->durable;
    return commit->relied_on <= commit->durable && ahead < COMMIT_AHEAD_MAX;
}

bool commit_is_idle(const struct commit *commit) {
    for (size_t i = commit->head; i < commit->waiters.count; i++)
        if (commit->waiters.items[i].durable)
            return false;
    return true;
}

void commit_forget(struct commit *commit, const void *user) {
    for (size_t i = commit->head; i < commit->waiters.count; i++)
        if (commit->waiters.items[i].user == user)
            commit->waiters.items[i].durable = NULL;
}

/* Not awaited; what goes wrong here, fsync tells. */
static void spread_work(void *user) {
    const struct spread *spread = user;
    (void)sync_file_range(spread->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void spread_done(void *user) {
    struct spread *spread = user;
    if (spread->commit)
        spread->commit->spread = NULL;
    file_close(&spread->fd);
    mem_free(spread);
}

/* The kernel alone would begin after seconds, or at the end: the sync behind 1 GiB takes 0.56 s,
 * and with this 0.03 s. */
void commit_file_grows(struct commit *commit, int fd) {
    if (!commit->sync || commit->spread)
        return;
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return;
    commit->spread = mem_alloc(sizeof *commit->spread);
    *commit->spread = (struct spread){commit, own};
    loop_work_owned(commit->loop, spread_work, spread_done, spread_done, commit->spread);
}

void commit_file(struct commit *commit, int fd_taken) {
    if (!commit->sync) {
        file_close(&fd_taken);
        return;
    }
    pthread_mutex_lock(&commit->files_mutex);
    *vec_add(&commit->files) = fd_taken;
    pthread_mutex_unlock(&commit->files_mutex);
}

void commit_removed(struct commit *commit) {
    commit->has_removed = true;
}

static int names_sync(struct commit *commit, struct err *err) {
    if (!commit->has_removed)
        return 0;
    commit->has_removed = false;
    if (fsync(commit->folder) == 0)
        return 0;
    err_sys(err, errno, "the folder output in %s could not be synced", commit->dir);
    err->kind = ERR_TRANSCRIPT;
    return -1;
}

int commit_files(struct commit *commit, struct err *err) {
    if (!commit->sync)
        return 0;
    pthread_mutex_lock(&commit->mutex);
    (void)files_take(commit);
    int status = files_sync(commit, err);
    pthread_mutex_unlock(&commit->mutex);
    return status < 0 ? -1 : names_sync(commit, err);
}

int commit_now(struct commit *commit, struct err *err) {
    if (!commit->sync)
        return 0;
    pthread_mutex_lock(&commit->mutex);
    int status = all_sync(commit, err);
    pthread_mutex_unlock(&commit->mutex);
    return status;
}
