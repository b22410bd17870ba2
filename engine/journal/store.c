#include "journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "journal/store_list.h"
#include "secret/digest.h"

#define TRANSCRIPT_NAME "transcript.jsonl"
#define LOCK_NAME "lock"
/* How many runs may be made in one second. */
#define SUFFIX_MAX 10000
#define LOCK_NAME_MAX ((size_t)200)

struct store {
    char *path;
    char *runs;
    char *locks;
};

struct store_run {
    char *id;
    char *dir;
    int lock;
};

/* ---- the store ----------------------------------------------------------------------------- */

static char *store_home(void) {
    const char *own = getenv("RUNBOOK_HOME");
    if (own && *own)
        return mem_strdup(own);
    const char *state = getenv("XDG_STATE_HOME");
    if (state && *state == '/')
        return mem_printf("%s/runbook", state);
    const char *home = getenv("HOME");
    return home && *home ? mem_printf("%s/.local/state/runbook", home) : NULL;
}

/* The run directories' paths go into transcripts and environments, so they must not depend on
 * the current folder. */
static char *store_absolute(char *taken) {
    if (taken[0] == '/')
        return taken;
    char *here = getcwd(NULL, 0);
    char *path = mem_printf("%s/%s", here ? here : ".", taken);
    free(here);
    mem_free(taken);
    return path;
}

static int store_make(struct store *store, struct err *err) {
    if (file_make_lasting_dir(store->path, 0700, err) < 0 ||
        file_make_lasting_dir(store->runs, 0700, err) < 0 ||
        file_make_dir(store->locks, 0700, err) < 0) {
        err_wrap(err, "the store of runs");
        return err && err->hint ? -1 : err_hint(err, "set RUNBOOK_HOME to a folder of your own");
    }
    return store_check_dir(store->runs, err);
}

char *store_where(struct err *err) {
    char *home = store_home();
    if (home)
        return store_absolute(home);
    err_set(err, ERR_INVALID, "there is no place for runs: HOME is not set");
    err_hint(err, "set RUNBOOK_HOME to a folder of your own");
    return NULL;
}

static struct store *store_place(struct err *err) {
    char *path = store_where(err);
    if (!path)
        return NULL;
    struct store *store = mem_zalloc(sizeof *store);
    store->path = path;
    store->runs = mem_printf("%s/runs", store->path);
    store->locks = mem_printf("%s/locks", store->path);
    return store;
}

int store_peek(struct store **ret, struct err *err) {
    struct store *store = store_place(err);
    *ret = NULL;
    if (!store)
        return -1;
    if (file_exists(store->runs)) {
        *ret = store;
        return store_check_dir(store->runs, err);
    }
    store_free(store);
    return 0;
}

int store_open(struct store **ret, struct err *err) {
    struct store *store = store_place(err);
    if (!store)
        return -1;
    if (store_make(store, err) < 0) {
        store_free(store);
        return -1;
    }
    *ret = store;
    return 0;
}

void store_free(struct store *store) {
    if (!store)
        return;
    mem_free(store->path);
    mem_free(store->runs);
    mem_free(store->locks);
    mem_free(store);
}

const char *store_path(const struct store *store) {
    return store->path;
}

char *store_transcript(const char *run_dir) {
    return mem_printf("%s/" TRANSCRIPT_NAME, run_dir);
}

/* ---- a new run ----------------------------------------------------------------------------- */

/* Best effort: what stays behind has a name that no list shows. */
static void run_discard(const char *dir) {
    AUTO_ERR ignored = ERR_INIT;
    if (file_remove_tree(dir, &ignored) < 0)
        return;
}

/* Under a name that no list shows, so that nobody sees a run without its lock and contents. */
static int run_prepare(const struct store *store, const char *runbook_name, char **ret_dir,
                       int *ret_lock, struct err *err) {
    AUTO_TEXT dir = mem_printf("%s/.new-XXXXXX", store->runs);
    if (!mkdtemp(dir))
        return err_sys(err, errno, "cannot make a run's folder in %s", store->runs);
    AUTO_TEXT output = mem_printf("%s/output", dir);
    AUTO_TEXT inbox = mem_printf("%s/inbox", dir);
    AUTO_TEXT lock = mem_printf("%s/" LOCK_NAME, dir);
    AUTO_TEXT owner = mem_printf("%s, process %ld", runbook_name, (long)getpid());
    if (file_make_dir(output, 0700, err) < 0 || file_make_dir(inbox, 0700, err) < 0 ||
        file_lock(lock, owner, ret_lock, err) < 0) {
        run_discard(dir);
        return -1;
    }
    *ret_dir = dir;
    dir = NULL;
    return 0;
}

/* The first suffix that no run of this second has; 1 is none. */
static unsigned run_suffix(const struct run_names *names, const char *stamp) {
    unsigned suffix = 1;
    for (size_t i = 0; i < names->count; i++) {
        struct run_key key = run_key_of(names->items[i]);
        if (memcmp(key.stamp, stamp, RUN_STAMP_LENGTH) == 0 && key.suffix >= suffix)
            suffix = key.suffix + 1;
    }
    return suffix;
}

static char *run_id(const char *runbook_name, const char *stamp, unsigned suffix) {
    return suffix > 1 ? mem_printf("%s-%s-%u", runbook_name, stamp, suffix)
                      : mem_printf("%s-%s", runbook_name, stamp);
}

/* Gives the prepared folder its id. The store is locked meanwhile, so that no two runs of one
 * second get the same suffix; the lock is held for a readdir and a rename. */
static int run_publish(const struct store *store, const char *runbook_name, struct store_run *run,
                       struct err *err) {
    AUTO_FD turn = open(store->runs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (turn < 0 || flock(turn, LOCK_EX) < 0)
        return err_sys(err, errno, "cannot lock %s", store->runs);
    char stamp[RUN_STAMP_LENGTH + 1];
    run_stamp(clock_wall_ns(), stamp);
    AUTO_RUN_NAMES names = {0};
    if (run_names_read(store->runs, &names, err) < 0)
        return -1;
    unsigned suffix = run_suffix(&names, stamp);
    if (suffix > SUFFIX_MAX)
        return err_set(err, ERR_LIMIT, "more than %d runs began in this second", SUFFIX_MAX);
    run->id = run_id(runbook_name, stamp, suffix);
    AUTO_TEXT dir = mem_printf("%s/%s", store->runs, run->id);
    if (rename(run->dir, dir) < 0)
        return err_sys(err, errno, "cannot make the run's folder %s", dir);
    mem_free(run->dir);
    run->dir = dir;
    dir = NULL;
    return 0;
}

int store_run_new(struct store *store, const char *runbook_name, struct store_run **ret,
                  struct err *err) {
    struct store_run *run = mem_zalloc(sizeof *run);
    run->lock = -1;
    if (run_prepare(store, runbook_name, &run->dir, &run->lock, err) < 0) {
        store_run_free(run);
        return -1;
    }
    if (run_publish(store, runbook_name, run, err) < 0) {
        run_discard(run->dir);
        store_run_free(run);
        return -1;
    }
    *ret = run;
    return 0;
}

/* ---- an existing run ----------------------------------------------------------------------- */

/* Who only asks whether the run is running holds its lock for a moment, too. */
#define LOCK_TRIES 20
#define LOCK_PAUSE_NS (10 * NS_PER_MS)

static int run_lock(struct store_run *run, struct err *err) {
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    AUTO_TEXT lock = mem_printf("%s/" LOCK_NAME, run->dir);
    AUTO_TEXT owner = mem_printf("%s, process %ld", run->id, (long)getpid());
    for (int tries = 1;; tries++) {
        AUTO_ERR busy = ERR_INIT;
        if (file_lock(lock, owner, &run->lock, &busy) == 0)
            return 0;
        if (busy.kind != ERR_BUSY || tries == LOCK_TRIES)
            return err_move(err, &busy);
        nanosleep(&pause, NULL);
    }
}

/* The locks that keep runs apart are the store's: a copy elsewhere would pass them by. */
static int run_is_stored(const struct store *store, const char *dir, struct err *err) {
    AUTO_TEXT above = file_dirname(dir);
    struct stat runs, there;
    if (stat(store->runs, &runs) < 0 || stat(above, &there) < 0)
        return err_sys(err, errno, "cannot open %s", above);
    if (runs.st_dev == there.st_dev && runs.st_ino == there.st_ino)
        return 0;
    err_set(err, ERR_REFUSED, "%s is not in the store of runs %s", dir, store->runs);
    return err_hint(err, "set RUNBOOK_HOME to the store that it belongs to");
}

static int run_take(struct store_run *run, struct err *err) {
    static const char *const folders[] = {"output", "inbox"};
    AUTO_TEXT transcript = store_transcript(run->dir);
    struct stat info;
    if (store_check_dir(run->dir, err) < 0)
        return -1;
    if (lstat(transcript, &info) < 0)
        return err_sys(err, errno, "%s is not the folder of a run", run->dir);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_REFUSED, "%s is not a regular file", transcript);
    if (run_lock(run, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        AUTO_TEXT folder = mem_printf("%s/%s", run->dir, folders[i]);
        if (file_make_dir(folder, 0700, err) < 0 || store_check_dir(folder, err) < 0)
            return -1;
    }
    return 0;
}

int store_run_open(struct store *store, const char *dir, struct store_run **ret, struct err *err) {
    struct store_run *run = mem_zalloc(sizeof *run);
    run->lock = -1;
    run->dir = mem_strdup(dir);
    run->id = mem_strdup(file_basename(dir));
    if (run_is_stored(store, dir, err) < 0 || run_take(run, err) < 0) {
        store_run_free(run);
        return -1;
    }
    *ret = run;
    return 0;
}

struct store_run *store_run_view(const char *dir, const char *id) {
    struct store_run *run = mem_zalloc(sizeof *run);
    run->dir = mem_strdup(dir);
    run->id = mem_strdup(id);
    run->lock = -1;
    return run;
}

void store_run_free(struct store_run *run) {
    if (!run)
        return;
    file_unlock(&run->lock);
    mem_free(run->id);
    mem_free(run->dir);
    mem_free(run);
}

const char *store_run_id(const struct store_run *run) {
    return run->id;
}

const char *store_run_dir(const struct store_run *run) {
    return run->dir;
}

/* ---- who is running ------------------------------------------------------------------------ */

/* A shared lock that is given back at once: an engine that takes the lock of an existing run in
 * that moment is told that it is busy and may ask again. */
bool store_is_running(const char *run_dir) {
    AUTO_TEXT path = mem_printf("%s/" LOCK_NAME, run_dir);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* ---- finding and listing ------------------------------------------------------------------- */

int store_list(struct store *store, char ***ret_ids, size_t *ret_count, struct err *err) {
    AUTO_RUN_NAMES names = {0};
    if (run_names_read(store->runs, &names, err) < 0)
        return -1;
    run_names_sort(&names);
    *ret_ids = names.items;
    *ret_count = names.count;
    names = (struct run_names){0};
    return 0;
}

void store_list_free(char **ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        mem_free(ids[i]);
    mem_free(ids);
}

static int found_none(const char *name, const struct run_names *names, struct err *err) {
    AUTO_BUF shown = BUF_INIT(4096);
    text_fit(&shown, name, strlen(name), 100, true);
    err_set(err, ERR_INVALID, "there is no run `%s`", buf_text(&shown));
    if (names->count == 0)
        return err_hint(err, "the store has no runs yet");
    const char *near = text_suggest(name, (const char *const *)names->items, names->count);
    if (near)
        return err_hint(err, "did you mean `%s`?", near);
    return err_hint(err, "`runbook runs` lists them; the last is `%s`", names->items[0]);
}

static int found_many(const char *name, const struct run_names *names, struct err *err) {
    AUTO_BUF hint = BUF_INIT(4096);
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (!text_starts_with(names->items[i], name))
            continue;
        if (count++ < 5)
            (void)buf_printf(&hint, "%s`%s`", count > 1 ? ", " : "one of ", names->items[i]);
    }
    err_set(err, ERR_INVALID, "`%s` is the beginning of %zu runs", name, count);
    return err_hint(err, "%s%s", buf_text(&hint), count > 5 ? ", …" : "");
}

/* The id that is meant, borrowed from `names`. */
static int find_name(const char *name, const struct run_names *names, const char **ret,
                     struct err *err) {
    if (text_equal(name, "last") && names->count > 0) {
        *ret = names->items[0];
        return 0;
    }
    const char *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (text_equal(names->items[i], name)) {
            *ret = names->items[i];
            return 0;
        }
        if (*name && text_starts_with(names->items[i], name)) {
            found = names->items[i];
            count++;
        }
    }
    if (count == 0)
        return found_none(name, names, err);
    if (count > 1)
        return found_many(name, names, err);
    *ret = found;
    return 0;
}

static int find_path(const char *name, char **ret_dir, struct err *err) {
    AUTO_TEXT dir = mem_strdup(name);
    for (size_t end = strlen(dir); end > 1 && dir[end - 1] == '/'; end--)
        dir[end - 1] = '\0';
    if (store_check_dir(dir, err) < 0)
        return -1;
    *ret_dir = store_absolute(dir);
    dir = NULL;
    return 0;
}

int store_find(struct store *store, const char *name, char **ret_dir, struct err *err) {
    if (strchr(name, '/'))
        return find_path(name, ret_dir, err);
    AUTO_RUN_NAMES names = {0};
    if (run_names_read(store->runs, &names, err) < 0)
        return -1;
    run_names_sort(&names);
    const char *id = NULL;
    if (find_name(name, &names, &id, err) < 0)
        return -1;
    AUTO_TEXT dir = mem_printf("%s/%s", store->runs, id);
    if (store_check_dir(dir, err) < 0)
        return -1;
    *ret_dir = dir;
    dir = NULL;
    return 0;
}

bool store_previous(struct store *store, const char *run_id, char **ret_id, char ret_head[65]) {
    AUTO_RUN_NAMES names = {0};
    if (run_names_read(store->runs, &names, NULL) < 0)
        return false;
    run_names_sort(&names);
    struct run_key own = run_key_of(run_id);
    for (size_t i = 0; i < names.count; i++) {
        struct run_key key = run_key_of(names.items[i]);
        if (run_key_compare(&key, &own) >= 0)
            continue;
        AUTO_TEXT path = mem_printf("%s/%s/" TRANSCRIPT_NAME, store->runs, names.items[i]);
        if (!transcript_head(path, ret_head))
            continue;
        *ret_id = mem_strdup(names.items[i]);
        return true;
    }
    return false;
}

/* ---- named locks --------------------------------------------------------------------------- */

/* A name may hold anything; a file's name may not. */
char *store_lock_path(struct store *store, const char *name) {
    AUTO_BUF file = BUF_INIT(LOCK_NAME_MAX);
    for (const char *at = name; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' ||
                     (*at == '.' && at != name);
        if (plain)
            (void)buf_putc(&file, *at);
        else
            (void)buf_printf(&file, "%%%02x", (unsigned)(unsigned char)*at);
    }
    if (!file.overflow)
        return mem_printf("%s/%s", store->locks, buf_text(&file));
    char sum[DIGEST_TEXT_SIZE];
    digest_text(name, strlen(name), sum);
    return mem_printf("%s/%%sha256-%s", store->locks, sum);
}

int store_lock(struct store *store, const char *name, const char *owner, int *ret_fd,
               struct err *err) {
    AUTO_TEXT path = store_lock_path(store, name);
    if (file_lock(path, owner, ret_fd, err) < 0)
        return err_wrap(err, "lock `%s`", name);
    return 0;
}
