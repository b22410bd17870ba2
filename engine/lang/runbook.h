/* A runbook as its file declares it. `runbook_load` parses, checks and compiles everything; what
 * it returns is read-only and freed whole, with the files that it calls. */
#ifndef LANG_RUNBOOK_H
#define LANG_RUNBOOK_H

#include "lang/diag.h"
#include "lang/step.h"

#define RUNBOOK_LANGUAGE 1
#define RUNBOOK_MAX_BYTES (UINT64_C(64) << 20)
#define RUNBOOK_MAX_DEPTH 64          /* nesting of YAML, and of runbooks that call each other */
#define RUNBOOK_MAX_ALIAS_NODES 10000 /* nodes that aliases may add */

struct requires_disk {
    struct template *path;
    int64_t at_least; /* bytes */
};

struct requires {
    struct field_list commands;  /* const char * each */
    struct field_list env;       /* const char * each */
    struct field_list files;     /* struct template * each */
    struct field_list disk_free; /* struct requires_disk each; one may stand without the list */
};

enum param_type {
    PARAM_STRING = 1,
    PARAM_INTEGER,
    PARAM_NUMBER,
    PARAM_BOOLEAN,
    PARAM_DURATION,
    PARAM_PATH,
    PARAM_LIST,
};

struct param {
    int type; /* enum param_type */
    bool required;
    struct template *fallback; /* `default:`, constant; NULL where there is none */
    const char *description;
    struct template *choices; /* `enum:`, a constant array or NULL */
    struct match *pattern;
    struct template *min, *max; /* constants: numbers, or durations as text */
    bool prompt;
};

struct secret_source {
    const char *env;           /* a variable of the engine's environment */
    struct template *file;     /* a file's content, one trailing newline removed */
    struct field_list command; /* const char * each: an argv; its output likewise */
    bool allow_short;
};

struct database {
    struct template *url;
    const char *role;
    int64_t statement_timeout_ms, lock_timeout_ms;
    int64_t pool;
    bool is_protected;
    const char *target; /* that its connections go through; NULL: none */
};

struct target {
    struct field_list via; /* struct template * each: a launcher's argv */
    struct template *ssh;  /* [user@]host */
};

struct profile {
    struct field_map params;    /* struct template * each */
    struct field_map databases; /* struct database each */
    struct field_map targets;   /* struct target each */
    struct field_map secrets;   /* struct secret_source each */
    struct field_list skip;     /* const char * each: ids of steps */
};

struct defaults {
    int64_t timeout_ms, grace_ms, deadline_ms;
    enum on_failure on_failure;
    struct retry *retry;
    struct field_list shell; /* const char * each: the argv before the script */
    const char *target, *database;
    struct field_map env;
    struct template *cwd;
};

struct drill {
    const char *profile;
    struct field_list holds; /* struct expr * each */
    int64_t every_ms;
};

/* Whether a run may begin while another of the same runbook is under way. Unsaid: not where the
 * runbook has a `schedule`. */
enum overlap { OVERLAP_UNSAID, OVERLAP_REFUSE, OVERLAP_ALLOW };

/* A file that a step names, such as a script. */
struct named_file {
    const char *path;  /* resolved */
    const char *place; /* where its bytes are: there, or a copy's path */
    struct named_file *next;
};

#define NAMED_FILE_MAX (UINT64_C(64) << 20) /* bytes */

/* A variable of the environment that an expression names. */
struct variable_ref {
    const char *name;
    const struct variable_ref *next;
};

struct runbook {
    const char *path; /* as given */
    const char *dir;  /* the folder it stands in, absolute */
    const char *name, *title, *description, *owner, *source, *schedule, *lock;
    enum overlap overlap;
    struct template *labels, *links; /* constants */
    struct objectives *objectives;
    struct requires *requires;
    struct field_map params;    /* struct param each */
    struct field_map secrets;   /* struct secret_source each */
    struct field_list redact;   /* struct match * each */
    struct field_map env;       /* struct template * each */
    struct field_map databases; /* struct database each */
    struct field_map targets;   /* struct target each */
    struct field_map profiles;  /* struct profile each */
    struct defaults defaults;
    struct drill *drill;
    struct step_list *steps;
    struct step_list *finally;
    int64_t language;
    bool takes_given; /* parameters give constants of its fields: it is loaded for each call */
    bool is_again;    /* the file was loaded before it */
    bool may_destroy; /* some step is of a type that can */

    const char *bytes; /* the file as it was read */
    size_t length;
    struct named_file *named_files; /* each once, in the order of the file; their bytes count */
    const struct variable_ref *variables; /* each once */
    struct arena *arena;
    struct expr_set *exprs; /* of this file and of those it calls */
    enum effect effect;     /* the strongest of its steps */
    /* Of the file that was loaded first: all loads, itself included. */
    const struct runbook **files;
    size_t file_count;
};

extern const struct field runbook_fields[];

/* The name of the lock that a run of it holds, or NULL: none. */
const char *runbook_lock(const struct runbook *runbook);

/* Parses and checks all but order (plan/graph does that). Every error goes to `diag`, which the
 * caller asks; where there was one, what is returned serves only to find more errors (a step's
 * type may be NULL). NULL where the file is no mapping at all. The files that are called through
 * `call` are loaded too. */
struct runbook *runbook_load(const char *path, struct diag *diag);
/* The same from copies that were made when a run began, whatever lies at those paths now. */
struct runbook_copies {
    /* Of the file that is read at `path`: where its copy is, or NULL; borrowed. */
    const char *(*find)(void *user, const char *path);
    void *user;
    const char *folder; /* to which relative paths are relative, absolute */
};
/* What people give for a parameter, beside its default: owned, VALUE_NONE where they give nothing.
 * Asked while the file is parsed, when its `params` and `profiles` are. */
struct runbook_given {
    value (*of)(void *user, struct runbook *runbook, const char *name);
    void *user;
};
/* `copies` and `given` may be NULL. */
struct runbook *runbook_load_with(const char *path, const struct runbook_copies *copies,
                                  const struct runbook_given *given, struct diag *diag);
void runbook_free(struct runbook *runbook);

/* Calls back once for each file: this one, and those it calls, each once. */
void runbook_each_file(const struct runbook *runbook,
                       void (*each)(void *user, const struct runbook *file), void *user);
/* The same with every load of a file that is loaded for each of its calls. */
void runbook_each_load(const struct runbook *runbook,
                       void (*each)(void *user, const struct runbook *load), void *user);

/* The file as plain data, its aliases resolved. */
int runbook_data(const struct runbook *runbook, value *ret, struct diag *diag) MUST_USE;
/* Reads a YAML or JSON file as data, for --params. */
int runbook_read_data(const char *path, value *ret, struct diag *diag) MUST_USE;

/* The item of a map by name, or NULL: `FIELD_FIND(struct param, &runbook->params, name)`. */
void *field_map_find(const struct field_map *map, size_t size, const char *name);
#define FIELD_FIND(type, map, name) ((type *)field_map_find((map), sizeof(type), (name)))

#endif
