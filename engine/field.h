/* Declared fields: one table drives parsing, error carets, where secrets are allowed, the JSON
 * schema, and the reference. A struct's fields are an array that ends with FIELD_END.
 *
 * Each kind says what it stores at `offset` in the struct. Absent fields stay zero, or get
 * `fallback`. All memory belongs to the runbook. */
#ifndef FIELD_H
#define FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "value/expr.h"
#include "value/match.h"
#include "value/template.h"

enum field_kind {
    FIELD_NONE,
    FIELD_BOOL,     /* bool */
    FIELD_TRISTATE, /* int8_t: 0 unsaid, 1 true, -1 false */
    FIELD_INTEGER,  /* int64_t, within minimum..maximum */
    FIELD_NUMBER,   /* double, within minimum..maximum */
    FIELD_DURATION, /* int64_t ms; 0 is unsaid, so that "0s" is stored as FIELD_ZERO_MS */
    FIELD_SIZE,     /* int64_t bytes */
    FIELD_NAME,     /* const char *, [a-z_][a-z0-9_]*; a hyphen is an error that says so */
    FIELD_STRING,   /* const char *, taken as it is; `${{` is an error */
    FIELD_CODE,     /* struct code: shell or SQL text; `${{` is an error that shows the fix */
    FIELD_CHOICE,   /* int: index into `choices` plus 1; 0 is unsaid */
    FIELD_EXPR,     /* struct expr * */
    FIELD_REGEX,    /* struct match * */
    FIELD_TEXT,     /* struct template *: a scalar, may hold templates */
    FIELD_VALUE,    /* struct template *: any YAML, templates in its strings */
    FIELD_DATA,     /* struct template *: any YAML as a constant, no templates */
    FIELD_FILE,     /* const char *: resolved beside the runbook; must exist at check */
    FIELD_PATH,     /* const char *: resolved beside the file, `~/` is home; need not exist */
    FIELD_OBJECT,   /* void *: a struct of `size` bytes parsed by `fields`; as an item: itself */
    FIELD_LIST,     /* struct field_list of `item` */
    FIELD_MAP,      /* struct field_map: names to `item`; keys are FIELD_NAMEs unless ANY_KEY */
    FIELD_STEPS,    /* struct step_list * */
    FIELD_STEP,     /* struct step *: a rollback handler */
    FIELD_PROBE,    /* struct step *: a read-only probe (shell, exec, sql or http) */
    FIELD_RUNBOOK,  /* struct runbook *: another runbook's file; recursion is an error */
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,
    FIELD_SECRETS = 1 << 1, /* `.secrets` may be used in its templates */
    FIELD_ANY_KEY = 1 << 2, /* FIELD_MAP: keys are free text (environment, headers, …) */
    FIELD_ONE = 1 << 3,     /* FIELD_LIST: a single item may stand without the list */
    FIELD_BESIDE = 1 << 4,  /* of an action: may stand in the step beside the action's key */
    FIELD_RESULT = 1 << 5,  /* FIELD_EXPR: `.` is the step's result and `$run` the run */
    FIELD_ITEM = 1 << 6,    /* evaluated per attempt, where `.item` and `.index` may exist */
    FIELD_ENV_KEY = 1 << 7, /* FIELD_MAP: keys must be names of environment variables */
    FIELD_JQ = 1 << 8,      /* FIELD_VALUE: text is one jq expression (`foreach`) */
    FIELD_INLINE = 1 << 9,  /* FIELD_OBJECT: the struct itself stands at `offset` */
    FIELD_PRESET = 1 << 10, /* its fallback stands there before the struct is parsed */
};

#define FIELD_ZERO_MS INT64_C(-1)

/* The text of a command or statement, with the place of its first character. */
struct code {
    const char *text;
    uint32_t length;
    struct span at;
};

struct field_list {
    size_t count;
    void *items; /* `count` items, each as its kind stores it, field_size() bytes apart */
};

struct field_map {
    size_t count;
    const char **keys;
    struct span *spans; /* of the keys */
    void *items;
};

struct field {
    const char *key;
    enum field_kind kind;
    unsigned flags;
    size_t offset;
    const char *doc;            /* one sentence for editors and the reference */
    const char *example;        /* YAML of one value, checked by a test */
    const struct field *fields; /* FIELD_OBJECT */
    size_t size;                /* FIELD_OBJECT */
    /* FIELD_OBJECT: a value that is not a mapping is taken as this member's. */
    const char *shorthand;
    const struct field *item;   /* FIELD_LIST, FIELD_MAP */
    const char *const *choices; /* FIELD_CHOICE, NULL-terminated */
    int64_t minimum, maximum;   /* FIELD_INTEGER, FIELD_NUMBER, _DURATION, _SIZE; both 0: none */
    int64_t fallback; /* FIELD_BOOL, _INTEGER, _NUMBER, _DURATION, _SIZE, _CHOICE when absent */
    /* FIELD_STRING: a regular expression that PCRE2 and ECMAScript read alike, and in words. */
    const char *pattern, *pattern_doc;
};

#define FIELD_END                                                                                  \
    { .kind = FIELD_NONE }

/* Bytes an item of this field takes in a list or map. */
size_t field_size(const struct field *item);

/* Typed access: `FIELD_AT(struct template *, &spec->headers, i)`. */
#define FIELD_AT(type, container, index) (((type *)(container)->items)[index])

#endif
