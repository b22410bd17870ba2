#include "value/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_NS (20 * NS_PER_MS)
#define GUARD_SIGNAL SIGVTALRM

/* Handler and evaluation run on the same thread, so that volatile is enough between them. */
static struct {
    timer_t timer;
    pid_t thread; /* the timer's; differs after a fork */
    jq_state *volatile jq;
    volatile sig_atomic_t end;
    int64_t deadline_ns;
    size_t pages_at_start; /* at the first tick: most evaluations are over before it */
    size_t pages_max;
} guard;

/* Through a pointer, so that the dynamic linker has found it before a signal needs it. */
static void (*const volatile guard_halt)(jq_state *, jv, jv) = jq_halt;

/* clock_mono_ns can be faked by tests; a limit must not stand still. */
static int64_t guard_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Resident pages, 0 where unknown. Only calls that are safe in a signal handler. */
static size_t guard_pages(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text);
    close(fd);
    size_t pages = 0, field = 0;
    for (ssize_t i = 0; i < length && field < 2; i++) {
        if (text[i] == ' ')
            field++;
        else if (field == 1 && text[i] >= '0' && text[i] <= '9')
            pages = pages * 10 + (size_t)(text[i] - '0');
    }
    return pages;
}

static void guard_on_tick(int signal) {
    (void)signal;
    if (!guard.jq)
        return;
    int saved = errno;
    size_t pages = guard_pages();
    if (!guard.pages_at_start)
        guard.pages_at_start = pages;
    enum guard_end end = GUARD_DONE;
    if (pages > guard.pages_at_start + guard.pages_max)
        end = GUARD_MEMORY;
    else if (guard_now_ns() >= guard.deadline_ns)
        end = GUARD_TIME;
    if (end != GUARD_DONE) {
        static const jv nothing = {.kind_flags = JV_KIND_NULL};
        guard.end = (sig_atomic_t)end;
        guard_halt(guard.jq, nothing, nothing);
        guard.jq = NULL;
    }
    errno = saved;
}

static int guard_prepare(pid_t thread, struct err *err) {
    struct sigaction action = {.sa_handler = guard_on_tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = GUARD_SIGNAL};
    event._sigev_un._tid = thread;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, GUARD_SIGNAL);
    if (sigaction(GUARD_SIGNAL, &action, NULL) < 0 ||
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &guard.timer) < 0)
        return err_sys(err, errno, "set up the time limit of expressions");
    guard.pages_max = GUARD_MEMORY_MAX / (size_t)sysconf(_SC_PAGESIZE);
    guard.thread = thread;
    return 0;
}

static int guard_set_timer(int64_t ns) {
    struct timespec tick = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    struct itimerspec times = {.it_interval = tick, .it_value = tick};
    return timer_settime(guard.timer, 0, &times, NULL);
}

int guard_arm(jq_state *jq, int64_t limit_ms, struct err *err) {
    pid_t thread = gettid();
    if (guard.thread != thread && guard_prepare(thread, err) < 0)
        return -1;
    guard.end = GUARD_DONE;
    guard.pages_at_start = 0;
    guard.deadline_ns = guard_now_ns() + limit_ms * NS_PER_MS;
    guard.jq = jq;
    if (guard_set_timer(TICK_NS) < 0) {
        guard.jq = NULL;
        return err_sys(err, errno, "set the time limit of an expression");
    }
    return 0;
}

enum guard_end guard_disarm(void) {
    guard.jq = NULL;
    guard_set_timer(0);
    return (enum guard_end)guard.end;
}
