/* The thread of an act. It shares with the loop only what `lock` guards; values cross as JSON,
 * since their counts of references are not for two threads. */
#include "io/repo_act.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"
#include "io/module.h"
#include "io/repo_module.h"

/* What is blocked in a system call is interrupted so often. By default nobody minds it. */
#define NUDGE_SIGNAL SIGURG
#define NUDGE_MS 50

struct repo_act {
    struct repo_act_spec spec;
    const struct repo_module *module;
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *nudge;
    void (*answered)(void *user, struct repo_answer *answer);
    void *user;
    atomic_int owners; /* the loop's side and the thread */
    atomic_bool is_cancelled;
    int bell; /* an eventfd: rung at the end */
    pthread_mutex_t lock;
    bool is_running;
    pthread_t thread;
    char *data; /* the answer */
    enum repo_fate fate;
    bool touched, failed;
    struct err err;
};

/* ---- the request ----------------------------------------------------------------------------- */

static char *copied(const char *text) {
    return text ? mem_strdup(text) : NULL;
}

static void spec_copy(struct repo_act_spec *to, const struct repo_act_spec *from) {
    *to = *from;
    to->path = copied(from->path);
    to->name = copied(from->name);
    to->ref = copied(from->ref);
    to->from = copied(from->from);
    to->message = copied(from->message);
    to->user = copied(from->user);
    to->password = copied(from->password);
    to->ssh_key = copied(from->ssh_key);
    to->facts = copied(from->facts);
    const char **items = mem_calloc(from->item_count + 1, sizeof *items);
    for (size_t i = 0; i < from->item_count; i++)
        items[i] = mem_strdup(from->items[i]);
    to->items = items;
}

static void text_free(const char *text) {
    mem_free((void *)(uintptr_t)text);
}

static void spec_release(struct repo_act_spec *spec) {
    const char *const texts[] = {spec->path,    spec->name, spec->ref,     spec->from,
                                 spec->message, spec->user, spec->ssh_key, spec->facts};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        text_free(texts[i]);
    if (spec->password)
        mem_wipe_free((void *)(uintptr_t)spec->password, strlen(spec->password));
    for (size_t i = 0; i < spec->item_count; i++)
        text_free(spec->items[i]);
    mem_free((void *)(uintptr_t)spec->items);
}

static void act_drop(struct repo_act *act) {
    if (atomic_fetch_sub(&act->owners, 1) > 1)
        return;
    file_close(&act->bell);
    spec_release(&act->spec);
    pthread_mutex_destroy(&act->lock);
    err_release(&act->err);
    mem_free(act->data);
    mem_free(act);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool is_cancelled(void *user) {
    struct repo_act *act = user;
    return atomic_load(&act->is_cancelled);
}

static void running_set(struct repo_act *act, bool is_running) {
    pthread_mutex_lock(&act->lock);
    act->is_running = is_running;
    act->thread = pthread_self();
    pthread_mutex_unlock(&act->lock);
}

static void nudges_take(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, NUDGE_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *thread_run(void *user) {
    struct repo_act *act = user;
    const uint64_t one = 1;
    struct repo_job job = {
        .spec = &act->spec, .facts = value_object(), .is_cancelled = is_cancelled, .user = act};
    nudges_take();
    running_set(act, true);
    act->failed = act->module->act(&job, &act->err) < 0;
    running_set(act, false);
    act->data = value_to_json(job.facts);
    value_free(job.facts);
    value_thread_end();
    act->fate = job.fate;
    act->touched = job.touched;
    while (write(act->bell, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    act_drop(act);
    return NULL;
}

/* ---- the loop's side --------------------------------------------------------------------------
 */

static void handles_free(struct repo_act *act) {
    loop_watch_free(act->watch);
    loop_timer_free(act->nudge);
    act->watch = NULL;
    act->nudge = NULL;
}

static void bell_rings(void *user, int events) {
    struct repo_act *act = user;
    (void)events;
    AUTO_VALUE data = value_none();
    handles_free(act);
    if (value_parse(act->data, strlen(act->data), &data, NULL) < 0)
        data = value_object();
    struct repo_answer answer = {.data = data,
                                 .fate = act->fate,
                                 .touched = act->touched,
                                 .err = act->failed ? &act->err : NULL};
    /* It may be freed meanwhile, and the answer with it. */
    atomic_fetch_add(&act->owners, 1);
    act->answered(act->user, &answer);
    act_drop(act);
}

static void nudge_taken(int signum) {
    (void)signum;
}

/* Without SA_RESTART: that it interrupts is its use. */
static void nudge_prepare(void) {
    struct sigaction action = {.sa_handler = nudge_taken};
    sigemptyset(&action.sa_mask);
    sigaction(NUDGE_SIGNAL, &action, NULL);
}

int repo_act_start(struct loop *loop, const struct repo_act_spec *spec,
                   void (*answered)(void *user, struct repo_answer *answer), void *user,
                   struct repo_act **ret, struct err *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct repo_module *module = MODULE_LOAD(git, err);
    const int bell = module ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (!module)
        return -1;
    if (bell < 0)
        return err_sys(err, errno, "cannot make an eventfd");
    pthread_once(&once, nudge_prepare);
    struct repo_act *act = mem_zalloc(sizeof *act);
    spec_copy(&act->spec, spec);
    act->module = module;
    act->loop = loop;
    act->answered = answered;
    act->user = user;
    act->bell = bell;
    atomic_init(&act->owners, 2);
    pthread_mutex_init(&act->lock, NULL);
    const int sys = thread_start(NULL, thread_run, act);
    if (sys != 0) {
        err_sys(err, sys, "cannot start a thread");
        act_drop(act);
        act_drop(act);
        return -1;
    }
    act->watch = loop_watch_new(loop, bell, LOOP_READ, bell_rings, act);
    *ret = act;
    return 0;
}

static void nudge_due(void *user) {
    struct repo_act *act = user;
    pthread_mutex_lock(&act->lock);
    if (act->is_running)
        pthread_kill(act->thread, NUDGE_SIGNAL);
    pthread_mutex_unlock(&act->lock);
    loop_timer_free(act->nudge);
    act->nudge = loop_timer_new(act->loop, NUDGE_MS, nudge_due, act);
}

void repo_act_cancel(struct repo_act *act) {
    if (atomic_exchange(&act->is_cancelled, true) || !act->watch)
        return;
    act->nudge = loop_timer_new(act->loop, 0, nudge_due, act);
}

void repo_act_free(struct repo_act *act) {
    if (!act)
        return;
    handles_free(act);
    act_drop(act);
}
