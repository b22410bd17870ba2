/* A runbook in the making: what `import` read from a document, before it is written as YAML. All
 * text belongs to the arena of the source. */
#ifndef CLI_IMPORT_DRAFT_H
#define CLI_IMPORT_DRAFT_H

#include "base/map.h"
#include "base/vec.h"
#include "cli/import_doc.h"

struct pair {
    const char *name, *value;
};
typedef VEC(const char *) text_list;
typedef VEC(struct pair) pair_list;

enum draft_kind {
    DRAFT_SHELL,
    DRAFT_SQL,
    DRAFT_HTTP,
    DRAFT_MANUAL,
    DRAFT_GATE,
    DRAFT_WATCH,
    DRAFT_GROUP
};

struct draft_step {
    enum draft_kind kind;
    uint32_t line; /* of the document */
    const char *id, *title, *description;
    const char *text;   /* commands, statements, instructions, a gate's message */
    const char *method; /* of a request; NULL: GET */
    const char *url;    /* of a request, or of what a watch asks */
    const char *json, *body;
    const char *every, *lasts; /* of a watch */
    const char *when, *timeout;
    const char *careful; /* why a gate belongs in front of it, or NULL */
    const char *matches; /* what its output is expected to match */
    text_list comments, checklist, expect, destroys;
    pair_list env, headers, query, outputs;
    const char *rto;          /* of a group */
    bool reads;               /* it changes nothing */
    bool sensitive;           /* it prints secrets */
    bool goes_on;             /* its failure is no failure of the run */
    bool outside_transaction; /* its statements run in none */
    bool background;
    uint32_t first_line, last_line; /* of the YAML, when it has been written */
    struct draft_step *first, *last, *next;
};

struct draft_param {
    const char *name, *type, *fallback, *description;
    text_list choices;
    bool required;
};

struct draft {
    const struct document *document;
    const struct patterns *patterns;
    const struct section *section; /* what it is made of */
    struct arena *arena;
    const char *name, *title, *description, *source, *owner, *schedule, *rto, *rpo;
    pair_list labels;
    VEC(struct draft_param) params;
    struct map *param_names, *param_origins, *secrets, *ids;
    struct map *exported; /* variables of secrets that commands find in their environment */
    text_list required_env;
    text_list said; /* what the shape of a step says, such as the name of the command */
    bool has_database;
    const char *health_url;   /* the first address of a health check in the document, or NULL */
    struct draft_step steps;  /* a group that holds all */
    uint32_t first_step_line; /* of the YAML, where `steps` begins */
    uint32_t first_line, last_line; /* of the document, what it answers for */
};

struct draft draft_begin(const struct document *document, const struct patterns *patterns,
                         const struct section *section);
void draft_release(struct draft *draft);

/* At the end of `group`. */
struct draft_step *draft_add(struct draft *draft, struct draft_step *group, enum draft_kind kind,
                             uint32_t line);
/* A parameter that stands for `origin`; asked for again it is the same one. Returns its name; NULL
 * where there are too many. */
const char *draft_param(struct draft *draft, const char *wanted, const char *type,
                        const char *fallback, const char *origin);
/* A boolean parameter that says whether a step is taken, as a condition, or NULL. */
const char *draft_condition(struct draft *draft, const char *words, const char *why);
/* Declares it and returns `${{ .secrets.NAME }}`. */
const char *draft_secret(struct draft *draft, const char *name, const char *env);
/* What the document says here is in the shape of a step, and need not be in its text. */
void draft_said(struct draft *draft, const char *text, size_t length);
/* Declares it, and every command finds it in its environment. */
void draft_export(struct draft *draft, const char *name, const char *env);
const char *draft_template(struct draft *draft, const char *param);

/* Groups without members go, and ids come. */
void draft_finish(struct draft *draft);
/* A gate in front of each step that asks for one, or that destroys something. */
void draft_gates(struct draft *draft);

/* ---- words -------------------------------------------------------------------------------- */

/* Letters and digits in lower case, all else `separator`; at most about 40; "" where there are
 * none. */
char *slug_make(struct arena *arena, const char *text, char separator);
/* One line without numbers in front, marks around it and a colon behind it; secrets named. */
const char *title_of(const struct draft *draft, const char *text);
/* As people read it. */
const char *plain_of(const struct draft *draft, const char *text);
char *upper_of(struct arena *arena, const char *text);

#endif
