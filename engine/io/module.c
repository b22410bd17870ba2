#include "io/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"

#define MODULES_CEILING 8

struct module {
    const char *name; /* NULL ends the table */
    const void *table;
};

/* One program has one set of modules: they stay loaded until it ends, as libraries that register
 * handlers must. */
static struct module loaded[MODULES_CEILING + 1];
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static char *program_folder(void) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return NULL;
    path[length] = '\0';
    return file_dirname(path);
}

/* The build folder puts programs into engine/cli and tests/unit, two levels below modules. An
 * installed program must not look there: above its folder others might be able to write. */
static bool is_build_folder(const char *folder) {
    return text_ends_with(folder, "/engine/cli") || text_ends_with(folder, "/tests/unit") ||
           text_ends_with(folder, "/tests/fault") || text_ends_with(folder, "/tests/bench");
}

static char *existing(char *path) {
    if (file_exists(path))
        return path;
    mem_free(path);
    return NULL;
}

static char *find_near(const char *folder, const char *file, const char *built) {
    if (is_build_folder(folder))
        return existing(mem_printf("%s/../../%s/%s", folder, built, file));
    char *path = existing(mem_printf("%s/%s", folder, file));
    return path ? path : existing(mem_printf("%s/../" RUNBOOK_LIBDIR "/runbook/%s", folder, file));
}

char *module_find(const char *file, const char *built) {
    const char *said = secure_getenv("RUNBOOK_MODULES");
    if (said && *said)
        return existing(mem_printf("%s/%s", said, file));
    AUTO_TEXT folder = program_folder();
    char *path = folder ? find_near(folder, file, built) : NULL;
    return path ? path : existing(mem_printf("%s/%s", RUNBOOK_MODULE_DIR, file));
}

/* dlopen tells best what is wrong with one that is nowhere. */
static char *find(const char *name) {
    AUTO_TEXT file = mem_printf("runbook_%s.so", name);
    char *path = module_find(file, "engine/io");
    if (!path)
        path = module_find(file, "steps");
    return path ? path : mem_printf("%s/%s", RUNBOOK_MODULE_DIR, file);
}

static int fail(const char *name, struct err *err) {
    const char *why = dlerror();
    err_set(err, ERR_SYSTEM, "cannot load the module `%s`: %s", name, why ? why : "unknown reason");
    return err_hint(err, "it needs a library that this machine may lack; $RUNBOOK_MODULES names "
                         "the folder of the modules");
}

static const void *open_module(const char *name, struct err *err) {
    AUTO_TEXT path = find(name);
    /* Modules are linked so that they are bound at once, and what they lack is said here; the
     * thirty libraries behind libcurl are not, which is 0.6 of 5 ms. */
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        return fail(name, err), NULL;
    AUTO_TEXT symbol = mem_printf("runbook_module_%s", name);
    const void *(*get)(void);
    /* POSIX's way to turn the object pointer of dlsym into a function's. */
    *(void **)&get = dlsym(handle, symbol);
    if (!get)
        return fail(name, err), NULL;
    return get();
}

static const void *load(const char *name, struct err *err) {
    size_t i = 0;
    for (; loaded[i].name; i++)
        if (text_equal(loaded[i].name, name))
            return loaded[i].table;
    const void *table = open_module(name, err);
    if (table && i < MODULES_CEILING)
        loaded[i] = (struct module){mem_strdup(name), table};
    return table;
}

const void *module_load(const char *name, struct err *err) {
    pthread_mutex_lock(&loading);
    const void *table = load(name, err);
    pthread_mutex_unlock(&loading);
    return table;
}

#ifdef RUNBOOK_MODULES_BUILTIN
void module_preload(struct loop *loop, const char *name) {
    (void)loop, (void)name;
}
#else
static void preload_work(void *user) {
    AUTO_ERR ignored = ERR_INIT;
    if (!module_load(user, &ignored))
        return; /* whoever needs it is told */
}

void module_preload(struct loop *loop, const char *name) {
    loop_work(loop, preload_work, NULL, (void *)name);
}
#endif
