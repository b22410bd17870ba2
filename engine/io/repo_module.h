/* The table that the module "git" hands out, see module.h. */
#ifndef IO_REPO_MODULE_H
#define IO_REPO_MODULE_H

#include "io/repo.h"
#include "io/repo_act.h"

#define REPO_DRAFT_MAX ((size_t)16 << 20) /* bytes */

/* A commit that is ready but for its signature. */
struct repo_draft {
    struct buf text;  /* of the commit object */
    char *format;     /* how git is set up to sign: "openpgp", "ssh" or "x509"; NULL: it is not */
    char *program;    /* NULL: the usual one of the format */
    char *key;        /* NULL: none is configured */
    char *committer;  /* "Name <address>" */
    const char *what; /* it is; NULL: a commit */
};
void repo_draft_release(struct repo_draft *draft);

/* An act as its thread sees it. */
struct repo_job {
    const struct repo_act_spec *spec;
    value facts; /* an object; the answer, owned by who made the job */
    bool (*is_cancelled)(void *user);
    void *user;
    enum repo_fate fate;
    bool touched;
};

struct repo_module {
    int (*act)(struct repo_job *job, struct err *err);
    int (*describe)(const char *path, value *ret, struct err *err);
    int (*open)(const char *path, bool make, struct repo **ret, struct err *err);
    void (*close)(struct repo *repo);
    int (*read)(struct repo *repo, const char *path, char **ret, size_t *ret_length,
                struct err *err);
    value (*list)(struct repo *repo, const char *path);
    value (*head)(struct repo *repo);
    int (*add_file)(struct repo *repo, const char *path, const char *file, uint64_t length,
                    struct err *err);
    int (*add_text)(struct repo *repo, const char *path, const char *text, struct err *err);
    /* 1, or 0 where nothing differs from HEAD. Refuses what `commit` must not overwrite. */
    int (*draft)(struct repo *repo, const char *message, struct repo_draft *ret, struct err *err);
    /* `signature` may be NULL. */
    int (*commit)(struct repo *repo, const struct repo_draft *draft, const char *signature,
                  char ret[REPO_COMMIT_SIZE], struct err *err);
};

#endif
