/* A small set of step types, so that the language is tested without the real ones. */
#ifndef FAKE_TYPES_H
#define FAKE_TYPES_H

#include <stddef.h>
#include <string.h>

#include "engine/step.h"
#include "lang/runbook.h"

struct fake_code {
    struct code text;
    struct field_map args;
    const char *file;
    bool transaction;
};
struct fake_exec {
    struct field_list argv;
};
struct fake_http {
    struct template *url;
    int method;
    struct field_map headers;
    struct template *json;
};
struct fake_group {
    struct step_list *steps;
};
struct fake_call {
    struct runbook *runbook;
    struct field_map params;
};
struct fake_assert {
    struct field_list conditions;
};

static const struct field fake_template = {.kind = FIELD_TEXT, .doc = "Text."};
static const struct field fake_value = {.kind = FIELD_VALUE, .doc = "A value."};
static const struct field fake_condition = {.kind = FIELD_EXPR, .doc = "A condition."};

static const struct field fake_shell_fields[] = {
    {.key = "script",
     .kind = FIELD_CODE,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct fake_code, text),
     .doc = "The script."},
    FIELD_END,
};
static const struct field fake_sql_fields[] = {
    {.key = "text",
     .kind = FIELD_CODE,
     .offset = offsetof(struct fake_code, text),
     .doc = "The statements."},
    {.key = "file",
     .kind = FIELD_FILE,
     .offset = offsetof(struct fake_code, file),
     .doc = "A script."},
    {.key = "args",
     .kind = FIELD_MAP,
     .flags = FIELD_BESIDE | FIELD_ITEM,
     .offset = offsetof(struct fake_code, args),
     .doc = "Arguments.",
     .item = &fake_value},
    {.key = "transaction",
     .kind = FIELD_BOOL,
     .flags = FIELD_BESIDE,
     .offset = offsetof(struct fake_code, transaction),
     .doc = "In one transaction.",
     .fallback = 1},
    FIELD_END,
};
static const struct field fake_exec_fields[] = {
    {.key = "argv",
     .kind = FIELD_LIST,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct fake_exec, argv),
     .doc = "The words.",
     .item = &fake_template},
    FIELD_END,
};
static const char *const fake_methods[] = {"GET", "POST", NULL};
static const struct field fake_http_fields[] = {
    {.key = "url",
     .kind = FIELD_TEXT,
     .flags = FIELD_REQUIRED | FIELD_SECRETS | FIELD_ITEM,
     .offset = offsetof(struct fake_http, url),
     .doc = "The address."},
    {.key = "method",
     .kind = FIELD_CHOICE,
     .offset = offsetof(struct fake_http, method),
     .doc = "The method.",
     .choices = fake_methods,
     .fallback = 1},
    {.key = "headers",
     .kind = FIELD_MAP,
     .flags = FIELD_ANY_KEY | FIELD_SECRETS,
     .offset = offsetof(struct fake_http, headers),
     .doc = "Headers.",
     .item = &fake_template},
    {.key = "json",
     .kind = FIELD_VALUE,
     .flags = FIELD_SECRETS,
     .offset = offsetof(struct fake_http, json),
     .doc = "The body."},
    FIELD_END,
};
static const struct field fake_steps_fields[] = {
    {.key = "steps",
     .kind = FIELD_STEPS,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct fake_group, steps),
     .doc = "The members."},
    FIELD_END,
};
static const struct field fake_call_fields[] = {
    {.key = "file",
     .kind = FIELD_RUNBOOK,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct fake_call, runbook),
     .doc = "The runbook."},
    {.key = "params",
     .kind = FIELD_MAP,
     .flags = FIELD_BESIDE,
     .offset = offsetof(struct fake_call, params),
     .doc = "Its parameters.",
     .item = &fake_value},
    FIELD_END,
};
static const struct field fake_assert_fields[] = {
    {.key = "that",
     .kind = FIELD_LIST,
     .flags = FIELD_REQUIRED | FIELD_ONE,
     .offset = offsetof(struct fake_assert, conditions),
     .doc = "The conditions.",
     .item = &fake_condition},
    FIELD_END,
};

static int fake_start(struct step_ctx *ctx, struct err *err) {
    (void)ctx;
    (void)err;
    return 0;
}
static enum effect fake_once(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}
static enum effect fake_read(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}
static void fake_group_expand(const void *spec, struct step_expansion *ret) {
    ret->steps = ((const struct fake_group *)spec)->steps;
}
static void fake_call_expand(const void *spec, struct step_expansion *ret) {
    const struct fake_call *call = spec;
    ret->runbook = call->runbook;
    ret->params = &call->params;
}
static void fake_sql_check(const void *spec, const struct step_check *check) {
    (void)spec;
    if (check->has_database(check->user, NULL))
        return;
    struct err err = ERR_INIT;
    err_at(&err, check->span, "no database");
    check->report(check->user, &err);
}

static const struct step_type fake_shell = {
    .key = "shell",
    .doc = "A script.",
    .example = "echo hello",
    .fields = fake_shell_fields,
    .shorthand = "script",
    .bare = true,
    .size = sizeof(struct fake_code),
    .results = STEP_HAS_EXIT | STEP_HAS_STDOUT | STEP_HAS_STDERR,
    .is_probe = true,
    .is_command = true,
    .effect = fake_once,
    .start = fake_start,
};
static const struct step_type fake_exec = {
    .key = "exec",
    .doc = "A command.",
    .example = "[echo, hello]",
    .fields = fake_exec_fields,
    .shorthand = "argv",
    .bare = true,
    .size = sizeof(struct fake_exec),
    .results = STEP_HAS_EXIT | STEP_HAS_STDOUT | STEP_HAS_STDERR,
    .is_command = true,
    .effect = fake_once,
    .start = fake_start,
};
static const struct step_type fake_sql = {
    .key = "sql",
    .doc = "Statements.",
    .example = "SELECT 1",
    .fields = fake_sql_fields,
    .shorthand = "text",
    .size = sizeof(struct fake_code),
    .results = STEP_HAS_ROWS,
    .is_probe = true,
    .effect = fake_read,
    .check = fake_sql_check,
    .start = fake_start,
};
static const struct step_type fake_http = {
    .key = "http",
    .doc = "A request.",
    .example = "{url: \"https://example.org/\"}",
    .fields = fake_http_fields,
    .shorthand = "url",
    .size = sizeof(struct fake_http),
    .results = STEP_HAS_STATUS | STEP_HAS_BODY | STEP_HAS_HEADER | STEP_HAS_TLS,
    .is_probe = true,
    .effect = fake_read,
    .start = fake_start,
};
static const struct step_type fake_assert = {
    .key = "assert",
    .doc = "Conditions.",
    .example = "['true']",
    .fields = fake_assert_fields,
    .shorthand = "that",
    .bare = true,
    .size = sizeof(struct fake_assert),
    .effect = fake_read,
    .start = fake_start,
};
static const struct step_type fake_git = {
    .key = "git",
    .doc = "A repository.",
    .example = "{url: x}",
    .fields = fake_http_fields,
    .size = sizeof(struct fake_http),
    .effect = fake_once,
};
static const struct step_type fake_group = {
    .key = "steps",
    .doc = "A group.",
    .example = "[{shell: echo hello}]",
    .fields = fake_steps_fields,
    .shorthand = "steps",
    .bare = true,
    .size = sizeof(struct fake_group),
    .expand = fake_group_expand,
};
static const struct step_type fake_call = {
    .key = "call",
    .doc = "A runbook.",
    .example = "other.yaml",
    .fields = fake_call_fields,
    .shorthand = "file",
    .size = sizeof(struct fake_call),
    .expand = fake_call_expand,
};

const struct step_type *const step_types[] = {&fake_shell, &fake_exec, &fake_sql,
                                              &fake_http,  &fake_git,  &fake_assert,
                                              &fake_group, &fake_call, NULL};

const struct step_type *step_type_find(const char *key) {
    for (size_t i = 0; step_types[i]; i++)
        if (strcmp(step_types[i]->key, key) == 0)
            return step_types[i];
    return NULL;
}

#endif
