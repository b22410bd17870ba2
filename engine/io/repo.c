#include "io/repo.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "io/repo_module.h"

/* A look at the folders above costs nothing; loading libgit2 costs some milliseconds. */
static bool is_in_repository(const char *path) {
    char *resolved = realpath(path, NULL);
    bool found = false;
    for (char *slash = resolved ? strrchr(resolved, '/') : NULL; slash && !found;
         slash = strrchr(resolved, '/')) {
        *slash = '\0';
        AUTO_TEXT git = mem_printf("%s/.git", resolved);
        found = file_exists(git);
    }
    free(resolved);
    return found;
}

int repo_describe(const char *path, value *ret, struct err *err) {
    *ret = value_null();
    if (!is_in_repository(path))
        return 0;
    const struct repo_module *module = module_load("git", err);
    return module ? module->describe(path, ret, err) : -1;
}
