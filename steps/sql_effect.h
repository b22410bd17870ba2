/* What a script's statements are and do, by PostgreSQL's own parser. Private to `sql`: this is
 * what the module "sql" (libpg_query) exports. */
#ifndef STEPS_SQL_EFFECT_H
#define STEPS_SQL_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sql_argument {
    char *name;
    size_t offset; /* of the colon where it is first named */
};

enum sql_class { SQL_READ, SQL_WRITE, SQL_DDL, SQL_UTILITY };

/* PostgreSQL's modes of table locks, from the weakest to the strongest. */
enum sql_lock {
    SQL_UNLOCKED,
    SQL_ACCESS_SHARE,
    SQL_ROW_SHARE,
    SQL_ROW_EXCLUSIVE,
    SQL_SHARE_UPDATE_EXCLUSIVE,
    SQL_SHARE,
    SQL_SHARE_ROW_EXCLUSIVE,
    SQL_EXCLUSIVE,
    SQL_ACCESS_EXCLUSIVE,
};

enum sql_act {
    SQL_TOUCHES,  /* reads, writes or changes it */
    SQL_CREATES,  /* `maybe`: it may be there already */
    SQL_LOCKS,    /* once for each relation, with the strongest mode */
    SQL_REWRITES, /* all rows are written anew; `maybe`: by version or types */
    SQL_DESTROYS, /* `maybe`: the text does not tell what */
};

/* What a statement does to one object, as far as its text tells. Kind and name together read as
 * in `destroys`: "table leads", "rows of leads", "anything by purge()", "anything". */
struct sql_fact {
    enum sql_act act;
    enum sql_lock lock; /* of SQL_LOCKS */
    bool maybe;
    const char *kind;
    char *name;      /* as the script writes it, quoted where it must be; may be empty */
    size_t relation; /* how much of `name`, from its beginning, names a relation */
    size_t offset;   /* in the script */
};

/* What a statement names, as the script writes it, each once. */
enum sql_name_kind {
    SQL_RELATIONS,
    SQL_TARGETS, /* relations whose defaults may be computed */
    SQL_TYPES,
    SQL_CALLS, /* functions, without a schema */
    SQL_OPERATORS,
    SQL_NAME_KINDS,
};

struct sql_names {
    char **items;
    size_t count, capacity;
};

struct sql_statement {
    char *text;            /* as the server gets it: `:name` is $1, $2, … */
    size_t offset, length; /* of what it is in the script */
    size_t *arguments;     /* for $1, $2, …: index into the script's arguments */
    size_t argument_count;
    bool reads;           /* changes nothing: may run in a READ ONLY transaction */
    char *unread;         /* why it does not count as a read; NULL where it does */
    const char *alone;    /* what it is, where it cannot run inside a transaction; else NULL */
    const char *controls; /* BEGIN, COMMIT, … where it begins or ends one itself; else NULL */
    bool copies;          /* COPY from or to the client */
    enum sql_class class;
    struct sql_fact *facts;
    size_t fact_count;
    /* Of `trace` only. */
    char *traces; /* why something of it may stay behind a rollback; NULL: its text tells of none */
    bool prepares; /* PREPARE takes it */
    struct sql_names names[SQL_NAME_KINDS];
};

struct sql_script {
    struct sql_statement *statements;
    size_t count;
    struct sql_argument *arguments; /* each name once, in order of appearance */
    size_t argument_count;
};

struct sql_module {
    /* An error's span holds line and column (both from 1) within `text`, and no file. */
    int (*parse)(const char *text, size_t length, struct sql_script **ret, struct err *err);
    /* The same, with what stands last in sql_statement. */
    int (*trace)(const char *text, size_t length, struct sql_script **ret, struct err *err);
    void (*free)(struct sql_script *script); /* NULL is legal */
};

const char *sql_lock_name(enum sql_lock lock);    /* "ACCESS EXCLUSIVE" */
const char *sql_class_name(enum sql_class class); /* "read", "write", "DDL", "utility" */
/* Kind and name; the caller frees. */
char *sql_fact_text(const struct sql_fact *fact);

/* Line and column of a byte of a text; `length` of the span is left at 1. */
struct span sql_span(const char *text, size_t length, size_t offset);
/* The byte at which the character number `cursor` (from 1, as PostgreSQL counts) stands. */
size_t sql_cursor_offset(const char *text, size_t length, size_t cursor);

#endif
