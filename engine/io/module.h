/* The heavy libraries (libcurl, libpq, libgit2, libpg_query) are modules loaded on first use:
 * linked in, they would make each start several times longer. A machine without one of them can
 * still run everything else.
 *
 * A room NAME that needs such a library has
 *   NAME_module.h  struct NAME_module: a table of function pointers
 *   NAME_LIB.c     the only file that uses the library; ends with MODULE_EXPORT(NAME, &table)
 *   NAME.c         the public verbs; gets the table by MODULE_LOAD(NAME, err) and calls through it
 * and a line in `io_modules` (or `steps_modules`) of its meson.build. A module may call all that
 * is in base, value and io: these resolve against the program that loads it. */
#ifndef IO_MODULE_H
#define IO_MODULE_H

#include "base/err.h"

/* clang-format off */
#define MODULE_EXPORT(name, table)                                                                 \
    const void *runbook_module_##name(void);                                                       \
    const void *runbook_module_##name(void) { return table; }
/* clang-format on */

/* Yields the table of module `name` (a bare word), or NULL and an error that says which library
 * cannot be used, and why. Cheap when called again. */
#ifdef RUNBOOK_MODULES_BUILTIN
#define MODULE_LOAD(name, err)                                                                     \
    ((void)(err), __extension__({                                                                  \
         const void *runbook_module_##name(void);                                                  \
         runbook_module_##name();                                                                  \
     }))
#else
#define MODULE_LOAD(name, err) module_load(#name, err)
#endif

/* Loaded from $RUNBOOK_MODULES, beside the program (also in the build folder), or from the
 * library folder it was installed to. */
const void *module_load(const char *name, struct err *err);

/* Begins to load it on a thread of the loop's, for whoever soon needs it; that one waits for it,
 * and is told what went wrong. `name` must stay. */
struct loop;
void module_preload(struct loop *loop, const char *name);

/* Where a file of ours is that stands beside the modules (or in the folder `built` of a build
 * folder); the caller frees; NULL where it is not. */
char *module_find(const char *file, const char *built);

#endif
