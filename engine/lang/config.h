/* The configuration of the engine, as one person or one machine sets it: $RUNBOOK_CONFIG, else
 * $XDG_CONFIG_HOME/runbook/config.yaml, else ~/.config/runbook/config.yaml. With
 * RUNBOOK_CONFIG=/dev/null there is none. */
#ifndef LANG_CONFIG_H
#define LANG_CONFIG_H

#include "field.h"
#include "lang/diag.h"

struct config_signing {
    const char *key;             /* for ssh-keygen -f; NULL: nothing is signed */
    const char *allowed_signers; /* NULL: none are known */
    int64_t every_ms;
};

/* Absent mappings are NULL. Paths are absolute where the file's is. */
struct config {
    const char *path; /* NULL: there is no file */
    struct config_signing *signing;
    const char *policy; /* the file of the house rules */
    struct arena *arena;
};

/* A key is one line here, and a member above. */
extern const struct field config_fields[];

/* Without a file all is unset. NULL where something is wrong, which `diag` then holds. */
struct config *config_load(struct diag *diag);
void config_free(struct config *config);

#endif
