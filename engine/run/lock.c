#include "run/lock.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"

/* A holder's death closes its file a moment before the kernel drops its lock. */
#define LOCK_SETTLE_MS 20

struct lock {
    struct run *run;
    char *path;
    char *owner;
    int fd;      /* of the lock file, while held */
    int watcher; /* inotify, while waiting */
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool told, is_free, is_deferred;
    struct err err; /* of a replay: why it was not taken */
    void (*waits)(void *user, const char *who);
    void (*taken)(void *user, struct err *err);
    void *user;
};

static void lock_try(void *user);

static void waiting_stop(struct lock *lock) {
    loop_watch_free(lock->watch);
    lock->watch = NULL;
    file_close(&lock->watcher);
    loop_timer_free(lock->timer);
    lock->timer = NULL;
}

static void holder_moved(void *user, int events) {
    struct lock *lock = user;
    char drained[4096];
    (void)events;
    while (read(lock->watcher, drained, sizeof drained) > 0)
        ;
    loop_timer_free(lock->timer);
    lock->timer = loop_timer_new(lock->run->loop, LOCK_SETTLE_MS, lock_try, lock);
}

static int waiting_start(struct lock *lock, struct err *err) {
    if (lock->watch)
        return 0;
    lock->watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (lock->watcher < 0 ||
        inotify_add_watch(lock->watcher, lock->path, IN_CLOSE_WRITE | IN_CLOSE_NOWRITE) < 0)
        return err_sys(err, errno, "waiting for %s", lock->path);
    lock->watch = loop_watch_new(lock->run->loop, lock->watcher, LOOP_READ, holder_moved, lock);
    /* The holder may have gone between the attempt and the watch. */
    lock->timer = loop_timer_new(lock->run->loop, LOCK_SETTLE_MS, lock_try, lock);
    return 0;
}

static void lock_try(void *user) {
    struct lock *lock = user;
    AUTO_ERR err = ERR_INIT;
    lock->is_deferred = false;
    if (lock->is_free) {
        mem_free(lock);
        return;
    }
    if (file_lock(lock->path, lock->owner, &lock->fd, &err) == 0) {
        waiting_stop(lock);
        lock->taken(lock->user, NULL);
        return;
    }
    if (err.kind == ERR_BUSY && !lock->told) {
        lock->told = true;
        lock->waits(lock->user, err.message);
    }
    if (err.kind == ERR_BUSY) {
        AUTO_ERR watch_err = ERR_INIT;
        if (waiting_start(lock, &watch_err) == 0)
            return;
        err_move(&err, &watch_err);
    }
    waiting_stop(lock);
    lock->taken(lock->user, &err);
}

static struct lock *lock_make(struct run *run, const char *name) {
    struct lock *lock = mem_zalloc(sizeof *lock);
    lock->run = run;
    lock->fd = lock->watcher = -1;
    if (run->replay)
        return lock;
    lock->path = store_lock_path(run->store, name);
    lock->owner = mem_printf("%s (pid %ld, %s@%s)", store_run_id(run->place), (long)getpid(),
                             run->user, run->host);
    return lock;
}

struct lock *lock_new(struct run *run, const char *name, void (*waits)(void *user, const char *who),
                      void (*taken)(void *user, struct err *err), void *user) {
    struct lock *lock = lock_make(run, name);
    lock->waits = waits;
    lock->taken = taken;
    lock->user = user;
    if (run->replay)
        return lock;
    lock->is_deferred = true;
    loop_defer(run->loop, lock_try, lock);
    return lock;
}

int lock_take(struct run *run, const char *name, struct lock **ret, struct err *err) {
    struct lock *lock = lock_make(run, name);
    if (file_lock(lock->path, lock->owner, &lock->fd, err) < 0) {
        lock_free(lock);
        return -1;
    }
    *ret = lock;
    return 0;
}

static void lock_due(void *user) {
    struct lock *lock = user;
    AUTO_ERR err = ERR_INIT;
    waiting_stop(lock);
    bool is_refused = lock->err.kind != ERR_NONE;
    if (is_refused)
        err_move(&err, &lock->err);
    lock->taken(lock->user, is_refused ? &err : NULL);
}

void lock_replay_refused(struct lock *lock, const char *error, const char *hint) {
    err_set(&lock->err, ERR_INVALID, "%s", error);
    if (hint)
        err_hint(&lock->err, "%s", hint);
}

void lock_replay(struct lock *lock, const char *who, int64_t at_ns) {
    if (who)
        lock->waits(lock->user, who);
    lock->timer = loop_timer_at(lock->run->loop, at_ns, lock_due, lock);
}

void lock_free(struct lock *lock) {
    if (!lock)
        return;
    waiting_stop(lock);
    file_unlock(&lock->fd);
    mem_free(lock->path);
    mem_free(lock->owner);
    err_release(&lock->err);
    lock->is_free = true;
    if (!lock->is_deferred)
        mem_free(lock);
}
