#include "cli/import_write.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* Where no template is read, as in titles. */
static const char *untemplated(const struct draft *draft, const char *text) {
    if (!strstr(text, "${{"))
        return text;
    char *copy = arena_strdup(draft->arena, text);
    for (char *at = copy; (at = strstr(at, "${{"));)
        at[1] = '(';
    return copy;
}

static void write_pairs(struct emit *emit, const char *key, const pair_list *pairs) {
    if (pairs->count == 0)
        return;
    emit_open(emit, key);
    for (size_t i = 0; i < pairs->count; i++)
        emit_text(emit, pairs->items[i].name, pairs->items[i].value);
    emit_close(emit);
}

static void write_texts(struct emit *emit, const char *key, const text_list *texts) {
    if (texts->count == 0)
        return;
    emit_open(emit, key);
    for (size_t i = 0; i < texts->count; i++)
        emit_item(emit, texts->items[i]);
    emit_close(emit);
}

static void write_comments(struct emit *emit, const text_list *comments) {
    for (size_t i = 0; i < comments->count; i++)
        emit_comment(emit, comments->items[i]);
}

/* ---- actions ------------------------------------------------------------------------------ */

/* A request that is no more than its address stands on one line. */
static void write_http(struct emit *emit, const struct draft_step *step) {
    if (!step->method && !step->headers.count && !step->query.count && !step->json && !step->body) {
        emit_text(emit, "http", step->url);
        return;
    }
    emit_open(emit, "http");
    if (step->method)
        emit_text(emit, "method", step->method);
    emit_text(emit, "url", step->url);
    write_pairs(emit, "query", &step->query);
    write_pairs(emit, "headers", &step->headers);
    if (step->json)
        emit_word(emit, "json", step->json);
    else if (step->body)
        emit_text(emit, "body", step->body);
    emit_close(emit);
}

static void write_manual(struct emit *emit, const struct draft_step *step) {
    if (step->checklist.count == 0) {
        emit_text(emit, "manual", step->text);
        return;
    }
    emit_open(emit, "manual");
    emit_text(emit, "instructions", step->text);
    write_texts(emit, "checklist", &step->checklist);
    emit_close(emit);
}

static void write_watch(struct emit *emit, const struct draft_step *step) {
    emit_open(emit, "watch");
    emit_open(emit, "probe");
    emit_text(emit, step->url ? "http" : "shell", step->url ? step->url : step->text);
    if (!step->url)
        write_pairs(emit, "env", &step->env);
    emit_close(emit);
    emit_word(emit, "every", step->every);
    emit_word(emit, "for", step->lasts);
    emit_close(emit);
}

static void write_action(struct emit *emit, const struct draft_step *step) {
    switch (step->kind) {
    case DRAFT_SHELL:
        emit_text(emit, "shell", step->text);
        break;
    case DRAFT_SQL:
        emit_text(emit, "sql", step->text);
        break;
    case DRAFT_HTTP:
        write_http(emit, step);
        break;
    case DRAFT_MANUAL:
        write_manual(emit, step);
        break;
    case DRAFT_GATE:
        emit_text(emit, "approval", step->text);
        break;
    case DRAFT_WATCH:
        write_watch(emit, step);
        break;
    case DRAFT_GROUP:
        break;
    }
}

static void write_expect(struct emit *emit, const struct draft_step *step) {
    if (!step->matches && step->expect.count == 0)
        return;
    emit_open(emit, "expect");
    if (step->matches) {
        emit_flow_open(emit, "stdout");
        emit_flow_text(emit, "matches", step->matches);
        emit_flow_close(emit);
    }
    if (step->expect.count == 1)
        emit_text(emit, "jq", step->expect.items[0]);
    else
        write_texts(emit, "jq", &step->expect);
    emit_close(emit);
}

static void write_outputs(struct emit *emit, const pair_list *outputs) {
    if (outputs->count == 0)
        return;
    emit_open(emit, "outputs");
    for (size_t i = 0; i < outputs->count; i++) {
        emit_flow_open(emit, outputs->items[i].name);
        emit_flow_text(emit, "jq", outputs->items[i].value);
        emit_flow_close(emit);
    }
    emit_close(emit);
}

static void write_objectives(struct emit *emit, const char *rto, const char *rpo) {
    if (!rto && !rpo)
        return;
    emit_flow_open(emit, "objectives");
    if (rto)
        emit_flow_word(emit, "rto", rto);
    if (rpo)
        emit_flow_word(emit, "rpo", rpo);
    emit_flow_close(emit);
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool is_repeated(const struct draft_step *step) {
    return step->title && step->kind == DRAFT_MANUAL && text_equal(step->title, step->text);
}

static void write_step_head(const struct draft *draft, struct emit *emit,
                            const struct draft_step *step) {
    write_comments(emit, &step->comments);
    emit_text(emit, "id", step->id);
    if (step->title && !is_repeated(step))
        emit_text(emit, "title", untemplated(draft, step->title));
    if (step->description)
        emit_text(emit, "description", untemplated(draft, step->description));
    if (step->when)
        emit_text(emit, "when", step->when);
}

static void write_step_tail(struct emit *emit, const struct draft_step *step) {
    if (step->kind == DRAFT_SHELL)
        write_pairs(emit, "env", &step->env);
    if (step->kind == DRAFT_SHELL && step->background) {
        emit_word(emit, "background", "true");
        emit_flow_open(emit, "ready");
        emit_flow_text(emit, "http", step->url);
        emit_flow_close(emit);
    }
    if (step->kind == DRAFT_SQL && step->outside_transaction)
        emit_word(emit, "transaction", "false");
    if (step->timeout)
        emit_word(emit, "timeout", step->timeout);
    write_expect(emit, step);
    write_outputs(emit, &step->outputs);
    write_texts(emit, "destroys", &step->destroys);
    if (step->sensitive)
        emit_word(emit, "sensitive", "true");
    if (step->kind == DRAFT_SHELL && step->reads)
        emit_word(emit, "effect", "read");
    if (step->goes_on)
        emit_word(emit, "on_failure", "continue");
}

/* As deep as headings and lists nest, which document_read bounds. */
static void write_steps(const struct draft *draft, struct emit *emit, struct draft_step *group) {
    for (struct draft_step *step = group->first; step; step = step->next) {
        step->first_line = emit->line;
        emit_open_item(emit);
        write_step_head(draft, emit, step);
        if (step->kind == DRAFT_GROUP) {
            write_objectives(emit, step->rto, NULL);
            emit_open(emit, "steps");
            write_steps(draft, emit, step);
            emit_close(emit);
        } else {
            write_action(emit, step);
        }
        write_step_tail(emit, step);
        emit_close(emit);
        step->last_line = emit->line - 1;
        if (step->next && (step->kind == DRAFT_GROUP || emit->indent <= 2))
            emit_blank(emit);
    }
}

/* ---- the head ----------------------------------------------------------------------------- */

static void write_params(const struct draft *draft, struct emit *emit) {
    if (draft->params.count == 0)
        return;
    emit_open(emit, "params");
    for (size_t i = 0; i < draft->params.count; i++) {
        const struct draft_param *param = &draft->params.items[i];
        emit_flow_open(emit, param->name);
        emit_flow_word(emit, "type", param->type);
        if (param->required)
            emit_flow_word(emit, "required", "true");
        else if (text_equal(param->type, "string"))
            emit_flow_text(emit, "default", param->fallback);
        else
            emit_flow_word(emit, "default", param->fallback);
        if (param->choices.count > 0)
            emit_flow_list(emit, "enum", param->choices.items, param->choices.count);
        emit_flow_text(emit, "description", untemplated(draft, param->description));
        emit_flow_close(emit);
    }
    emit_close(emit);
}

static void write_secrets(const struct draft *draft, struct emit *emit) {
    if (map_count(draft->secrets) == 0)
        return;
    emit_open(emit, "secrets");
    const char *name = NULL;
    void *env = NULL;
    for (size_t i = 0; map_next(draft->secrets, &i, &name, &env);) {
        emit_flow_open(emit, name);
        emit_flow_text(emit, "env", env);
        emit_flow_close(emit);
    }
    emit_close(emit);
    /* Commands find them where the document's reader had them. */
    if (map_count(draft->exported) > 0)
        emit_open(emit, "env");
    for (size_t i = 0; map_next(draft->exported, &i, &name, &env);) {
        AUTO_TEXT value = mem_printf("${{ .secrets.%s }}", (const char *)env);
        emit_text(emit, name, value);
    }
    if (map_count(draft->exported) > 0)
        emit_close(emit);
    if (!draft->has_database)
        return;
    emit_open(emit, "databases");
    emit_flow_open(emit, "primary");
    emit_flow_text(emit, "url", "${{ .secrets.database_url }}");
    emit_flow_close(emit);
    emit_close(emit);
}

static void write_head(const struct draft *draft, struct emit *emit) {
    emit_word(emit, "runbook", "1");
    emit_text(emit, "name", draft->name);
    if (draft->title && *draft->title)
        emit_text(emit, "title", untemplated(draft, draft->title));
    if (draft->description)
        emit_text(emit, "description", untemplated(draft, draft->description));
    if (draft->owner)
        emit_text(emit, "owner", untemplated(draft, draft->owner));
    emit_text(emit, "source", untemplated(draft, draft->source));
    write_pairs(emit, "labels", &draft->labels);
    if (draft->schedule)
        emit_text(emit, "schedule", draft->schedule);
    write_objectives(emit, draft->rto, draft->rpo);
    if (draft->required_env.count > 0) {
        emit_open(emit, "requires");
        write_texts(emit, "env", &draft->required_env);
        emit_close(emit);
    }
    write_params(draft, emit);
    write_secrets(draft, emit);
    emit_blank(emit);
    write_comments(emit, &draft->steps.comments);
}

static void write_left(const struct draft *draft, struct emit *emit, const left_list *left) {
    if (left->count == 0)
        return;
    emit_blank(emit);
    AUTO_TEXT head = mem_printf("Left out of %s: look whether any of it matters.",
                                file_basename(draft->document->source->name));
    emit_comment(emit, head);
    for (size_t i = 0; i < left->count; i++) {
        AUTO_TEXT line = mem_printf("line %u: %s", left->items[i].line, left->items[i].text);
        emit_comment(emit, line);
    }
}

void draft_write(struct draft *draft, struct buf *out, left_list *ret_left) {
    struct words *words = words_new();
    struct emit emit = emit_begin(out);
    emit.wrote = words_add;
    emit.user = words;
    write_head(draft, &emit);
    draft->first_step_line = emit.line;
    emit_open(&emit, "steps");
    write_steps(draft, &emit, &draft->steps);
    emit_close(&emit);
    for (size_t i = 0; i < draft->said.count; i++)
        words_add(words, draft->said.items[i]);
    words_add(words, "secret");
    words_missing(words, draft, ret_left);
    words_free(words);
    emit.wrote = NULL;
    write_left(draft, &emit, ret_left);
}
