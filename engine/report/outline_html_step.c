#include "report/outline_html_step.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "lang/runbook.h"
#include "report/html.h"
#include "report/outline_words.h"

/* ---- words --------------------------------------------------------------------------------- */

void page_link(struct buf *out, value path, const char *phase) {
    buf_printf(out, "<a href=\"#%s/", phase);
    html_value(out, path);
    buf_puts(out, "\">");
    html_value(out, path);
    buf_puts(out, "</a>");
}

void page_span(struct buf *out, value expected) {
    if (!value_is(expected, VALUE_OBJECT)) {
        buf_puts(out, "not known: no run of it has succeeded so far");
        return;
    }
    AUTO_TEXT half = text_show_duration(outline_integer(expected, "p50_ms"));
    AUTO_TEXT most = text_show_duration(outline_integer(expected, "p90_ms"));
    const int64_t runs = outline_integer(expected, "runs");
    if (runs > 0)
        buf_printf(out, "%s, nine of ten at most %s (of %" PRId64 ")", half, most, runs);
    else
        buf_printf(out, "%s, as its author wrote: no run of it has succeeded so far", most);
}

void page_duration(struct buf *out, const char *label, value object, const char *key) {
    const int64_t ms = outline_integer(object, key);
    if (ms <= 0)
        return;
    AUTO_TEXT text = text_format_duration(ms);
    buf_printf(out, "%s%s", label, text);
}

static void row_open(struct buf *out, const char *label) {
    buf_puts(out, "<dt>");
    html_puts(out, label);
    buf_puts(out, "</dt><dd>");
}

static void row_close(struct buf *out) {
    buf_puts(out, "</dd>\n");
}

/* ---- facts --------------------------------------------------------------------------------- */

/* What is not known says so, and from what it is rendered. */
static void origin_put(struct buf *out, value fact) {
    AUTO_VALUE from = value_get(fact, "from");
    const char *mark = outline_mark(fact);
    if (!mark)
        return;
    buf_printf(out, " <small class=later>%s", mark);
    if (value_count(from) > 0)
        buf_puts(out, " from ");
    html_list(out, from, "<code>", ", ", "</code>");
    buf_puts(out, "</small>");
}

static void fact_put(struct buf *out, const char *prefix, const char *label, value fact) {
    AUTO_VALUE text = value_get(fact, "text");
    AUTO_TEXT whole = mem_printf("%s%s", prefix, label);
    if (!value_is(text, VALUE_STRING))
        return;
    row_open(out, whole);
    buf_printf(out, "<code%s>", text_equal(label, "destroys") ? " class=alarm" : "");
    html_value(out, text);
    buf_puts(out, "</code>");
    origin_put(out, fact);
    row_close(out);
}

static void member_put(struct buf *out, value owner, const char *key, const char *prefix,
                       const char *label) {
    AUTO_VALUE fact = value_get(owner, key);
    fact_put(out, prefix, label, fact);
}

static void text_put(struct buf *out, value owner, const char *key, const char *prefix,
                     const char *label) {
    AUTO_VALUE text = value_get(owner, key);
    AUTO_TEXT whole = mem_printf("%s%s", prefix, label);
    if (!value_is(text, VALUE_STRING))
        return;
    row_open(out, whole);
    html_value(out, text);
    row_close(out);
}

static void names_put(struct buf *out, value owner, const char *key, const char *label,
                      const char *open) {
    AUTO_VALUE names = value_get(owner, key);
    if (value_count(names) == 0)
        return;
    row_open(out, label);
    html_list(out, names, open, ", ", "</code>");
    row_close(out);
}

static void expected_put(struct buf *out, value owner, const char *label) {
    AUTO_VALUE expected = value_get(owner, "expected");
    if (!value_is(expected, VALUE_OBJECT))
        return;
    row_open(out, label);
    page_span(out, expected);
    row_close(out);
}

/* ---- an action ----------------------------------------------------------------------------- */

static void gate_put(struct buf *out, value owner) {
    AUTO_VALUE gate = value_get(owner, "gate");
    if (!value_is(gate, VALUE_OBJECT))
        return;
    AUTO_TEXT who = outline_openers(gate);
    row_open(out, "opened by");
    html_puts(out, who);
    page_duration(out, ", within ", gate, "expires_ms");
    row_close(out);
}

static void limits_put(struct buf *out, value owner, const char *prefix) {
    AUTO_BUF text = BUF_INIT(1 << 16);
    AUTO_VALUE retry = value_get(owner, "retry");
    AUTO_VALUE rule = value_get(owner, "on_failure");
    AUTO_TEXT label = mem_printf("%slimits", prefix);
    page_duration(&text, ", timeout ", owner, "timeout_ms");
    page_duration(&text, ", deadline ", owner, "deadline_ms");
    if (value_is(retry, VALUE_OBJECT)) {
        buf_printf(&text, ", up to %" PRId64 " attempts", outline_integer(retry, "attempts"));
        page_duration(&text, " with pauses of ", retry, "delay_ms");
    }
    if (value_is(rule, VALUE_STRING))
        buf_printf(&text, ", on failure: %s", value_text(rule));
    if (text.length == 0)
        return;
    row_open(out, label);
    html_puts(out, buf_text(&text) + 2);
    row_close(out);
}

static void env_put(struct buf *out, value owner, const char *prefix) {
    AUTO_VALUE env = value_get(owner, "env");
    AUTO_VALUE names = value_keys(env);
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_TEXT label = mem_printf("env %s", value_text(name));
        member_put(out, env, value_text(name), prefix, label);
    }
}

/* Of a step or of a handler, which `prefix` names. */
static void action_put(struct buf *out, value owner, const char *prefix) {
    AUTO_VALUE lines = value_get(owner, "lines");
    for (size_t i = 0; i < value_count(lines); i++) {
        AUTO_VALUE line = value_at(lines, i);
        AUTO_VALUE label = value_get(line, "label");
        fact_put(out, prefix, value_text(label), line);
    }
    env_put(out, owner, prefix);
    member_put(out, owner, "cwd", prefix, "folder");
    member_put(out, owner, "stdin", prefix, "input");
    text_put(out, owner, "target", prefix, "on target");
    text_put(out, owner, "database", prefix, "on database");
    text_put(out, owner, "lock", prefix, "holds lock");
    limits_put(out, owner, prefix);
}

static void handler_put(struct buf *out, value handler, const char *name, size_t depth) {
    AUTO_VALUE members = value_get(handler, "steps");
    AUTO_TEXT prefix = mem_printf("%s, ", name);
    if (!value_is(handler, VALUE_OBJECT))
        return;
    text_put(out, handler, "title", "", name);
    action_put(out, handler, prefix);
    if (outline_has(handler, "is")) {
        row_open(out, name);
        origin_put(out, handler);
        row_close(out);
    }
    for (size_t i = 0; i < value_count(members) && depth < RUNBOOK_MAX_DEPTH; i++) {
        AUTO_VALUE member = value_at(members, i);
        handler_put(out, member, name, depth + 1);
    }
}

/* ---- a step -------------------------------------------------------------------------------- */

static void badge_put(struct buf *out, const char *class, const char *text) {
    buf_printf(out, " <span class=\"badge %s\">", class);
    html_puts(out, text);
    buf_puts(out, "</span>");
}

static void objective_put(struct buf *out, value objectives, const char *label, const char *key) {
    const int64_t ms = outline_integer(objectives, key);
    AUTO_TEXT limit = text_format_duration(ms);
    AUTO_TEXT text = mem_printf("%s %s", label, limit);
    if (ms > 0)
        badge_put(out, "group", text);
}

static void badges_put(struct buf *out, value step) {
    AUTO_VALUE skipped = value_get(step, "skipped");
    AUTO_VALUE target = value_get(step, "target");
    AUTO_VALUE gate = value_get(step, "gate");
    if (value_is(skipped, VALUE_STRING)) {
        AUTO_TEXT text = mem_printf("skipped: %s", value_text(skipped));
        badge_put(out, "skipped", text);
    }
    if (value_is(gate, VALUE_OBJECT)) {
        AUTO_TEXT who = outline_openers(gate);
        badge_put(out, "gate", who);
    }
    if (outline_has(step, "losses"))
        badge_put(out, "destroys", "destroys");
    if (outline_has(step, "rollback"))
        badge_put(out, "undo", "has a rollback");
    if (outline_has(step, "foreach"))
        badge_put(out, "group", "loop");
    if (value_is(target, VALUE_STRING)) {
        AUTO_TEXT text = mem_printf("on %s", value_text(target));
        badge_put(out, "group", text);
    }
    if (outline_has(step, "background"))
        badge_put(out, "group", "until the end");
    if (outline_has(step, "sensitive"))
        badge_put(out, "group", "output not kept");
    AUTO_VALUE objectives = value_get(step, "objectives");
    objective_put(out, objectives, "rto", "rto_ms");
    objective_put(out, objectives, "rpo", "rpo_ms");
}

static void summary_put(struct buf *out, value step) {
    AUTO_VALUE id = value_get(step, "id");
    AUTO_VALUE action = value_get(step, "action");
    AUTO_VALUE effect = value_get(step, "effect");
    AUTO_VALUE expected = value_get(step, "expected");
    AUTO_VALUE title = value_get(step, "title");
    AUTO_VALUE lines = value_get(step, "lines");
    AUTO_VALUE foreach = value_get(step, "foreach");
    AUTO_VALUE line = value_at(lines, 0);
    AUTO_VALUE text = value_get(line, "text");
    AUTO_VALUE list = value_get(foreach, "text");
    AUTO_TEXT gist = outline_gist(value_text(title), value_text(text),
                                  value_is(list, VALUE_STRING) ? value_text(list) : NULL);
    buf_puts(out, "<summary><b>");
    html_value(out, id);
    buf_puts(out, "</b>");
    AUTO_TEXT kind = mem_printf("%s, %s", value_text(action), value_text(effect));
    badge_put(out, value_text(effect), kind);
    badges_put(out, step);
    if (value_is(expected, VALUE_OBJECT)) {
        AUTO_TEXT half = text_show_duration(outline_integer(expected, "p50_ms"));
        buf_printf(out, " <small>%s</small>", half);
    }
    buf_puts(out, "<br>");
    html_puts(out, gist);
    buf_puts(out, "</summary>\n");
}

static void undo_put(struct buf *out, value step) {
    names_put(out, step, "undo", "if it fails, undone in this order", "<code>");
    const int64_t more = outline_integer(step, "undo_more");
    if (more > 0)
        buf_printf(out, "<dt></dt><dd>and %" PRId64 " more</dd>\n", more);
    names_put(out, step, "undo_beside", "and where they have begun by then", "<code>");
}

static void details_put(struct buf *out, value step) {
    static const struct {
        const char *key, *name;
    } handlers[] = {{"probe", "probe"},
                    {"done_when", "done when"},
                    {"ready", "ready when"},
                    {"dry_run", "dry run"},
                    {"rollback", "rollback"}};
    text_put(out, step, "description", "", "about");
    names_put(out, step, "needs", "needs", "<code>");
    member_put(out, step, "when", "", "when");
    member_put(out, step, "foreach", "", "for each of");
    gate_put(out, step);
    names_put(out, step, "destroys", "may destroy", "<code class=alarm>");
    action_put(out, step, "");
    text_put(out, step, "effect_reason", "", "why its effect");
    expected_put(out, step, "took");
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        AUTO_VALUE handler = value_get(step, handlers[i].key);
        handler_put(out, handler, handlers[i].name, 0);
    }
    AUTO_VALUE rollback = value_get(step, "rollback");
    expected_put(out, rollback, "rollback took");
    undo_put(out, step);
}

static void steps_put(struct buf *out, value steps, const char *phase, size_t nesting);

static void step_put(struct buf *out, value step, const char *phase, size_t nesting) {
    AUTO_VALUE path = value_get(step, "path");
    AUTO_VALUE members = value_get(step, "steps");
    buf_printf(out, "<details class=\"step%s\" style=\"--depth:%" PRId64 "\" id=\"%s/",
               outline_has(step, "skipped") ? " left-out" : "", outline_integer(step, "depth"),
               phase);
    html_value(out, path);
    buf_puts(out, "\">");
    summary_put(out, step);
    buf_puts(out, "<dl>\n");
    details_put(out, step);
    buf_puts(out, "</dl>\n");
    buf_puts(out, "</details>\n");
    if (value_count(members) > 0 && nesting < RUNBOOK_MAX_DEPTH) {
        buf_puts(out, "<div class=nested>\n");
        steps_put(out, members, phase, nesting + 1);
        buf_puts(out, "</div>\n");
    }
    if (outline_has(step, "point_of_no_return") && !outline_has(step, "skipped")) {
        buf_puts(out, "<p class=\"limit\">Point of no return: once ");
        html_value(out, path);
        buf_puts(out, " has succeeded, nothing above is rolled back</p>\n");
    }
}

static void steps_put(struct buf *out, value steps, const char *phase, size_t nesting) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        step_put(out, step, phase, nesting);
    }
}

/* ---- waves --------------------------------------------------------------------------------- */

/* In the order of their waves; the plan's own order among those of one. */
static size_t *by_wave(value steps, size_t **ret_ends, size_t *ret_waves) {
    size_t count = value_count(steps), waves = 0;
    size_t *wave = mem_calloc(count + 1, sizeof *wave),
           *order = mem_calloc(count + 1, sizeof *order);
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE step = value_at(steps, i);
        wave[i] = (size_t)outline_integer(step, "wave");
        waves = wave[i] + 1 > waves ? wave[i] + 1 : waves;
    }
    size_t *ends = mem_calloc(waves + 1, sizeof *ends);
    for (size_t i = 0; i < count; i++)
        ends[wave[i] + 1]++;
    for (size_t i = 0; i < waves; i++)
        ends[i + 1] += ends[i];
    for (size_t i = 0; i < count; i++)
        order[ends[wave[i]]++] = i;
    mem_free(wave);
    *ret_ends = ends;
    *ret_waves = waves;
    return order;
}

void page_waves(struct buf *out, value steps, const char *phase) {
    size_t *ends, waves;
    size_t *order = by_wave(steps, &ends, &waves);
    for (size_t wave = 0, at = 0; wave < waves; wave++) {
        size_t many = ends[wave] - at;
        buf_printf(out, "<h3>Wave %zu", wave + 1);
        if (many > 1)
            buf_puts(out, " <small>these may run at once</small>");
        buf_puts(out, "</h3>\n");
        for (; at < ends[wave]; at++) {
            AUTO_VALUE step = value_at(steps, order[at]);
            step_put(out, step, phase, 0);
        }
    }
    mem_free(order);
    mem_free(ends);
}
