/* The heavy libraries (libcurl, libpq, libgit2, libpg_query) are modules loaded on first use:
 * linked in, they would make each start several times longer. A machine without one of them can
 * still run everything else. */
#ifndef IO_MODULE_H
#define IO_MODULE_H

#include "base/err.h"

/* The table of functions that the module called `name` ("http", "pg", "sql", "git") exports as
 * `runbook_module_NAME`; loaded from $RUNBOOK_MODULES, beside the program, or from the library
 * folder it was installed to. With -Dmodules=builtin they are linked in. */
const void *module_load(const char *name, struct err *err);

#endif
