/* Inside lang: one file on its way from nodes to structs. */
#ifndef LANG_PARSE_H
#define LANG_PARSE_H

#include "base/map.h"
#include "base/vec.h"
#include "lang/node.h"
#include "lang/runbook.h"

/* What a step is to the step or list that holds it. */
enum step_role { ROLE_STEP, ROLE_FINALLY, ROLE_ROLLBACK, ROLE_DRY_RUN, ROLE_PROBE };

/* Everything that is known of a step besides what its struct keeps. */
struct visit {
    struct step *step;
    const struct node *node;   /* its mapping, until the step is checked */
    const struct node *action; /* the action's value, NULL where there is none */
    uint32_t parent;           /* the visit that it stands in, or VISIT_NONE */
    uint32_t position;         /* in that list, from 0 */
    uint32_t namesakes;        /* how many ids were made from its own by a number behind it */
    uint8_t role;              /* enum step_role */
    bool is_broken;            /* errors were reported while it was parsed */
    bool in_handler;           /* it or a step around it is a handler or a probe */
    bool in_foreach;           /* it or a step around it has foreach */
};
#define VISIT_NONE UINT32_MAX

/* An expression or a template with expressions, and where it stands. */
struct use {
    const struct expr *expr;
    const struct template *tmpl;
    const char *key; /* of the field, for messages */
    unsigned flags;  /* enum field_flag, also of what is around it */
    bool in_foreach;
    uint32_t visit; /* the step it stands in, or VISIT_NONE */
};

/* What the files of one load share. */
struct load {
    struct diag *diag;
    struct arena *arena; /* lives as long as the runbook */
    struct expr_set *exprs;
    const struct runbook_copies *copies; /* NULL: the files themselves */
    const struct runbook_given *given;   /* NULL: nothing is */
    bool takes_params;                   /* it is a runbook, whose constants parameters may give */
    struct map *by_path; /* real path: struct runbook, NULL-like while it is being loaded */
    VEC(const struct runbook *) files;
    size_t given_loads; /* files that were loaded for one call alone */
    size_t suggested;   /* names that were looked at for suggestions, see check_step_name */
};

/* What was looked up last in each slot. The same few keys come again with each step, and each has
 * one text in a file (see yaml.c): by address they are found in 10 instructions instead of 150. */
#define LOOKUPS 256 /* a power of two */
#define DUES 16     /* tables of fields whose duties are remembered */
struct lookup {
    const void *table;
    const char *key;
    const void *found;
};

struct parse {
    struct load *load;
    const struct parse *caller;
    struct runbook *runbook;
    const char *real_path;
    struct arena *nodes; /* dies behind the check */
    VEC(struct visit) visits;
    VEC(struct use) uses;
    uint32_t visit;            /* the step being parsed, or VISIT_NONE */
    const struct field *table; /* the fields around the value being parsed */
    const char *label;         /* the key whose value is being parsed */
    bool is_item;              /* it is an item of that key's list */
    unsigned inherited;        /* flags of the fields around it */
    struct map *ids;           /* see steps_ids */
    /* Of some step, so that where none is concerned not all are visited again. */
    bool lacks_id, has_inverse;
    struct lookup lookups[LOOKUPS];
    struct due {
        const struct field *fields;
        uint64_t bits; /* of those with a fallback, and of the required */
    } dues[DUES];
};

/* ---- reporting ---- */

/* `hint` may be NULL. */
void parse_error(struct parse *parse, struct span span, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Takes an error that has its span. */
void parse_report(struct parse *parse, struct err *err);
struct span parse_span(const struct parse *parse, const struct node *node);
/* Of the action's key; the step has one. */
struct span action_span(const struct parse *parse, const struct visit *visit);
/* The place of a byte of a scalar's text. */
struct span parse_place(const struct parse *parse, const struct node *node, size_t offset,
                        size_t characters);
/* "`timeout` must be X, not Y" with Y from the node. */
void parse_wrong_type(struct parse *parse, const struct node *node, const char *expected,
                      const char *hint);
/* A scalar's text as it may be shown, cut; the caller frees. */
char *node_show(const struct node *node);
/* How a bad name would be right, as a hint; the caller frees. */
char *name_hint(const struct node *node);

/* ---- fields (field*.c) ---- */

/* Parses `node` as `field` says into `slot`; a wrong value is reported and leaves the slot. */
void field_parse(struct parse *parse, const struct field *field, const struct node *node,
                 void *slot);
/* As above, with `flags` of the field and `label` for messages about it. */
void field_parse_item(struct parse *parse, const struct field *field, const struct node *node,
                      const char *label, bool is_item, void *slot);
const struct field *field_find(const struct field *fields, const char *key);
/* The same for a key of the file's tree. */
const struct field *field_lookup(struct parse *parse, const struct field *fields,
                                 const struct node *key);
const struct step_type *type_lookup(struct parse *parse, const struct node *key);
size_t field_count(const struct field *fields);
/* Parses a mapping into the struct that `fields` describe, complete: unknown and missing keys. */
void fields_parse(struct parse *parse, const struct field *fields, const struct node *map,
                  void *object);
/* As above without the last act; returns which fields were there. */
uint64_t fields_fill(struct parse *parse, const struct field *fields, const struct node *map,
                     void *object);
/* Sets fallbacks of the fields not in `seen` (bits by index) and reports required ones. */
void fields_finish(struct parse *parse, const struct field *fields, uint64_t seen, struct span span,
                   void *object);
/* Reports that `key` is none of `valid`, with what may have been meant. */
void field_unknown(struct parse *parse, const struct node *key, const char *place,
                   const char *const *valid, size_t count);
const char *field_expected(const struct field *field);

void field_parse_scalar(struct parse *parse, const struct field *field, const struct node *node,
                        void *slot);
void field_parse_text(struct parse *parse, const struct field *field, const struct node *node,
                      void *slot);
void field_parse_container(struct parse *parse, const struct field *field, const struct node *node,
                           void *slot);
/* FIELD_DATA's value of any node. */
value node_to_value(const struct node *node);

/* ---- steps (step_parse.c) ---- */

struct step_list *steps_parse(struct parse *parse, const struct node *node, enum step_role role);
/* The same item by item: those of the file's own lists are checked, too, as soon as they are
 * parsed, since their nodes may not live longer. */
struct steps_open {
    const char *label;
    enum step_role role;
    uint32_t position; /* of the next */
    VEC(const struct step *) items;
};
void steps_take(struct parse *parse, struct steps_open *open, const struct node *item);
struct step_list *steps_close(struct parse *parse, struct steps_open *open,
                              const struct node *list);
struct step *step_parse(struct parse *parse, const struct node *node, enum step_role role);
/* What few steps say, of a step that shall say some of it. */
struct step_more *step_more_own(struct parse *parse, struct step *step);
/* Ids of all steps of the file, once all are parsed. That they are unique the plan checks. */
void steps_name(struct parse *parse);
/* By their ids: visits. Made when it is first asked for: a file whose steps all have ids, and none
 * of whose expressions looks at a step, does without. */
struct map *steps_ids(struct parse *parse);
/* Gives those a handler that have none, and whose type knows how to take them back. */
void steps_invert(struct parse *parse);

/* ---- files (load.c) ---- */

/* Where the file at `path` is read; NULL where it is not. The caller frees. */
char *load_place(const struct load *load, const char *path);
struct runbook *runbook_load_called(struct parse *parse, const struct node *node);

/* ---- checks ---- */

void check_file(struct parse *parse, const struct node *root);
void check_params(struct parse *parse, const struct node *root);
/* From that visit on. */
void check_steps(struct parse *parse, size_t first);
void check_destroys(struct parse *parse, const struct visit *visit);
void check_uses(struct parse *parse);
/* Reports a name that is none of `known`. */
void check_name(struct parse *parse, struct span span, const char *what, const char *name,
                const char *const *known, size_t count);
void check_step_name(struct parse *parse, struct span span, const char *id);
/* Whether a constant fits the parameter's type, choices, pattern and range. */
void check_param_value(struct parse *parse, struct span span, const char *name,
                       const struct param *param, const struct template *constant);
void check_retry(struct parse *parse, struct span span, const struct retry *retry);

#endif
