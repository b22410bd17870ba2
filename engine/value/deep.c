#include "value/deep.h"

#include <stdbool.h>

#include <sys/mman.h>
#include <ucontext.h>

#include "base/mem.h"

/* The memory limit of an evaluation allows about five million levels, at some 100 bytes each. */
#define DEEP_SIZE ((size_t)1 << 30)
/* Touched beyond this, the pages are given back. */
#define DEEP_KEPT ((size_t)256 << 10)

#if defined(__SANITIZE_ADDRESS__)
#define DEEP_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DEEP_OFF 1
#endif
#endif
#ifndef DEEP_OFF
#define DEEP_OFF 0
#endif

static struct {
    char *stack; /* NULL until it is needed */
    ucontext_t caller, callee;
    void (*work)(void *user);
    void *user;
} deep;

static void deep_enter(void) {
    deep.work(deep.user);
}

/* Whether the page right above what may be kept has been touched, so that more is resident. */
static bool deep_went_far(void) {
    unsigned char resident = 0;
    char *page = deep.stack + DEEP_SIZE - DEEP_KEPT;
    return mincore(page, 1, &resident) == 0 && (resident & 1);
}

static bool deep_prepare(void) {
    if (deep.stack)
        return true;
    void *stack = mmap(NULL, DEEP_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return false;
    mprotect(stack, 4096, PROT_NONE);
    deep.stack = stack;
    return true;
}

void deep_call(void (*work)(void *user), void *user) {
    /* The sanitizers do not follow a change of stacks. */
    if (DEEP_OFF || !deep_prepare() || getcontext(&deep.callee) < 0) {
        work(user);
        return;
    }
    deep.work = work;
    deep.user = user;
    deep.callee.uc_stack.ss_sp = deep.stack;
    deep.callee.uc_stack.ss_size = DEEP_SIZE;
    deep.callee.uc_link = &deep.caller;
    makecontext(&deep.callee, deep_enter, 0);
    swapcontext(&deep.caller, &deep.callee);
    if (deep_went_far())
        madvise(deep.stack, DEEP_SIZE - DEEP_KEPT, MADV_DONTNEED);
}
