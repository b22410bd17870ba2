/* The table that the module "git" hands out, see module.h. */
#ifndef IO_REPO_MODULE_H
#define IO_REPO_MODULE_H

#include "io/repo.h"

struct repo_module {
    int (*describe)(const char *path, value *ret, struct err *err);
};

const void *runbook_module_git(void);

#endif
