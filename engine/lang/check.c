/* The static rules of a file, once it is parsed whole: names, sources, settings. */
#include <string.h>

#include "base/calendar.h"
#include "base/text.h"
#include "lang/parse.h"

void check_name(struct parse *parse, struct span span, const char *what, const char *name,
                const char *const *known, size_t count) {
    if (text_is_among(name, known, count))
        return;
    const char *near = text_suggest(name, known, count);
    AUTO_BUF hint = BUF_INIT(4096);
    for (size_t i = 0; !near && i < count && i < 20; i++)
        buf_printf(&hint, "%s`%s`", i ? ", " : "known here: ", known[i]);
    if (near)
        buf_printf(&hint, "did you mean `%s`?", near);
    else if (count == 0)
        buf_puts(&hint, "this file declares none");
    parse_error(parse, span, buf_text(&hint), "there is no %s `%s`", what, name);
}

/* The node at a path of keys, or the last one that is there. */
static struct span span_at(const struct parse *parse, const struct node *node,
                           const char *const *keys) {
    for (; *keys && node->kind == NODE_MAP; keys++) {
        const struct node *next = node_find(node, *keys, NULL);
        if (!next)
            break;
        node = next;
    }
    return parse_span(parse, node);
}
#define SPAN_AT(parse, node, ...) span_at(parse, node, (const char *const[]){__VA_ARGS__, NULL})

/* ---- secrets, targets --------------------------------------------------------------------- */

static void check_secrets(struct parse *parse, const struct field_map *secrets) {
    for (size_t i = 0; i < secrets->count; i++) {
        const struct secret_source *source = &FIELD_AT(struct secret_source, secrets, i);
        int sources = (source->env != NULL) + (source->file != NULL) + (source->command.count > 0);
        if (sources != 1)
            parse_error(parse, secrets->spans[i], "for example `{env: DATABASE_URL}`",
                        "the secret `%s` needs exactly one of `env`, `file` and `command`",
                        secrets->keys[i]);
    }
}

static void check_targets(struct parse *parse, const struct field_map *targets) {
    for (size_t i = 0; i < targets->count; i++) {
        const struct target *target = &FIELD_AT(struct target, targets, i);
        if ((target->via.count > 0) + (target->ssh != NULL) != 1)
            parse_error(parse, targets->spans[i], "for example `{ssh: deploy@web1.example.org}`",
                        "the target `%s` needs exactly one of `via` and `ssh`", targets->keys[i]);
    }
}

/* ---- databases ---------------------------------------------------------------------------- */

/* With the targets of a profile laid over those of the file. */
static const struct target *target_find(const struct runbook *runbook,
                                        const struct profile *profile, const char *name) {
    const struct target *over = profile ? FIELD_FIND(struct target, &profile->targets, name) : NULL;
    return over ? over : FIELD_FIND(struct target, &runbook->targets, name);
}

static void check_lead(struct parse *parse, const struct profile *profile, const char *database,
                       const char *name, struct span span) {
    const struct target *target = target_find(parse->runbook, profile, name);
    if (target && !target->ssh && target->via.count > 0)
        parse_error(parse, span, "only a target with `ssh` has tunnels; `via` is for commands",
                    "the database `%s` cannot be reached through the target `%s`", database, name);
}

/* Of the file where there is no profile. */
static void check_databases(struct parse *parse, const struct node *root,
                            const struct field_map *map, const struct profile *profile,
                            const char *profile_name) {
    const struct field_map *targets = &parse->runbook->targets;
    for (size_t i = 0; i < map->count; i++) {
        const char *name = FIELD_AT(struct database, map, i).target;
        if (!name)
            continue;
        struct span span = profile ? SPAN_AT(parse, root, "profiles", profile_name, "databases",
                                             map->keys[i], "target")
                                   : SPAN_AT(parse, root, "databases", map->keys[i], "target");
        check_name(parse, span, "target", name, targets->keys, targets->count);
        check_lead(parse, profile, map->keys[i], name, span);
    }
}

/* A profile may make a launcher of the target of a database that it leaves as it is. */
static void check_leads(struct parse *parse, const struct profile *profile) {
    const struct field_map *databases = &parse->runbook->databases;
    for (size_t i = 0; i < databases->count; i++) {
        const char *name = FIELD_AT(struct database, databases, i).target;
        for (size_t k = 0; name && k < profile->targets.count; k++)
            if (strcmp(profile->targets.keys[k], name) == 0 &&
                !FIELD_FIND(struct database, &profile->databases, databases->keys[i]))
                check_lead(parse, profile, databases->keys[i], name, profile->targets.spans[k]);
    }
}

/* ---- profiles ----------------------------------------------------------------------------- */

static void check_replaced(struct parse *parse, const char *what, const struct field_map *given,
                           const struct field_map *declared) {
    for (size_t i = 0; i < given->count; i++)
        check_name(parse, given->spans[i], what, given->keys[i], declared->keys, declared->count);
}

static void check_profile_params(struct parse *parse, const struct field_map *params) {
    for (size_t i = 0; i < params->count; i++) {
        const struct template *constant = FIELD_AT(struct template *, params, i);
        const struct param *param =
            FIELD_FIND(struct param, &parse->runbook->params, params->keys[i]);
        if (param && constant)
            check_param_value(parse, params->spans[i], params->keys[i], param, constant);
    }
}

static void check_skip(struct parse *parse, const struct node *root, const char *profile,
                       const struct field_list *skip) {
    for (size_t i = 0; i < skip->count; i++) {
        const char *id = FIELD_AT(const char *, skip, i);
        if (id && !map_get(steps_ids(parse), id))
            check_step_name(parse, SPAN_AT(parse, root, "profiles", profile, "skip"), id);
    }
}

static void check_profiles(struct parse *parse, const struct node *root) {
    const struct runbook *runbook = parse->runbook;
    for (size_t i = 0; i < runbook->profiles.count; i++) {
        const struct profile *profile = &FIELD_AT(struct profile, &runbook->profiles, i);
        check_replaced(parse, "parameter", &profile->params, &runbook->params);
        check_replaced(parse, "database", &profile->databases, &runbook->databases);
        check_replaced(parse, "target", &profile->targets, &runbook->targets);
        check_profile_params(parse, &profile->params);
        check_secrets(parse, &profile->secrets);
        check_targets(parse, &profile->targets);
        check_databases(parse, root, &profile->databases, profile, runbook->profiles.keys[i]);
        check_leads(parse, profile);
        check_skip(parse, root, runbook->profiles.keys[i], &profile->skip);
    }
}

/* ---- single settings ---------------------------------------------------------------------- */

static void check_defaults(struct parse *parse, const struct node *root) {
    const struct runbook *runbook = parse->runbook;
    const struct defaults *defaults = &runbook->defaults;
    if (defaults->target)
        check_name(parse, SPAN_AT(parse, root, "defaults", "target"), "target", defaults->target,
                   runbook->targets.keys, runbook->targets.count);
    if (defaults->database)
        check_name(parse, SPAN_AT(parse, root, "defaults", "database"), "database",
                   defaults->database, runbook->databases.keys, runbook->databases.count);
    if (defaults->retry)
        check_retry(parse, SPAN_AT(parse, root, "defaults", "retry", "max_delay"), defaults->retry);
    if (runbook->drill && runbook->drill->profile)
        check_name(parse, SPAN_AT(parse, root, "drill", "profile"), "profile",
                   runbook->drill->profile, runbook->profiles.keys, runbook->profiles.count);
}

/* ---- when it runs by itself --------------------------------------------------------------- */

static void check_schedule(struct parse *parse, const struct node *root) {
    const struct node *node = node_find(root, "schedule", NULL);
    struct calendar calendar;
    struct calendar_fault fault;
    AUTO_ERR err = ERR_INIT;
    if (!parse->runbook->schedule ||
        calendar_parse(parse->runbook->schedule, &calendar, &fault, &err) == 0)
        return;
    const char *at = node->text + fault.at;
    const struct span span =
        parse_place(parse, node, fault.at, text_characters(at, strnlen(at, fault.length)));
    parse_error(parse, span, err.hint, "`schedule`: %s", err.message);
}

static void check_overlap(struct parse *parse, const struct node *root) {
    const struct runbook *runbook = parse->runbook;
    if (runbook->overlap != OVERLAP_UNSAID && runbook->lock)
        parse_error(parse, SPAN_AT(parse, root, "overlap"), "leave out `overlap`, or the `lock`",
                    "`lock` decides already which runs may overlap: none that holds `%s`",
                    runbook->lock);
}

void check_file(struct parse *parse, const struct node *root) {
    const struct runbook *runbook = parse->runbook;
    steps_name(parse);
    check_params(parse, root);
    check_secrets(parse, &runbook->secrets);
    check_targets(parse, &runbook->targets);
    check_databases(parse, root, &runbook->databases, NULL, NULL);
    check_profiles(parse, root);
    check_defaults(parse, root);
    check_schedule(parse, root);
    check_overlap(parse, root);
    check_uses(parse);
    steps_invert(parse);
    map_free(parse->ids);
}
