#include "report/outline_html.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/html.h"
#include "report/outline_html_step.h"
#include "report/outline_words.h"

/* ---- the head ------------------------------------------------------------------------------ */

static void heading_put(struct buf *out, const char *text) {
    buf_printf(out, "<h2>%s</h2>\n", text);
}

static void row_put(struct buf *out, const char *label, value text) {
    if (value_text_length(text) == 0)
        return;
    buf_printf(out, "<dt>%s</dt><dd>", label);
    html_value(out, text);
    buf_puts(out, "</dd>\n");
}

static void member_put(struct buf *out, const char *label, value owner, const char *key) {
    AUTO_VALUE text = value_get(owner, key);
    row_put(out, label, text);
}

static void repository_put(struct buf *out, value outline) {
    AUTO_VALUE git = value_get(outline, "git");
    AUTO_VALUE dirty = value_get(git, "dirty");
    member_put(out, "commit", git, "commit");
    member_put(out, "branch", git, "branch");
    member_put(out, "commit", git, "error");
    if (value_truth(dirty))
        buf_puts(out, "<dt></dt><dd>with changes that are not committed</dd>\n");
}

static void objectives_put(struct buf *out, value outline) {
    AUTO_VALUE objectives = value_get(outline, "objectives");
    AUTO_VALUE met = value_get(objectives, "rto_expected");
    AUTO_VALUE expected = value_get(outline, "expected");
    if (value_count(objectives) > 0) {
        buf_puts(out, "<dt>objectives</dt><dd>");
        page_duration(out, "rto ", objectives, "rto_ms");
        page_duration(out, " rpo ", objectives, "rpo_ms");
        buf_puts(out, "</dd>\n");
    }
    buf_puts(out, "<dt>expected</dt><dd>");
    page_span(out, expected);
    if (value_is(met, VALUE_BOOL))
        buf_puts(out, value_truth(met) ? ", within the rto"
                                       : ", <code class=alarm>beyond the rto</code>");
    buf_puts(out, "</dd>\n");
}

static void selection_put(struct buf *out, value outline) {
    static const char *const keys[] = {"only", "skip"};
    AUTO_VALUE selection = value_get(outline, "selection");
    member_put(out, "--from", selection, "from");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        AUTO_VALUE names = value_get(selection, keys[i]);
        if (value_count(names) == 0)
            continue;
        buf_printf(out, "<dt>--%s</dt><dd>", keys[i]);
        html_list(out, names, "<code>", ", ", "</code>");
        buf_puts(out, "</dd>\n");
    }
}

static void head_put(struct buf *out, value outline) {
    AUTO_VALUE title = value_get(outline, "title");
    AUTO_VALUE name = value_get(outline, "name");
    AUTO_VALUE description = value_get(outline, "description");
    AUTO_VALUE policy = value_get(outline, "policy");
    buf_puts(out, "<header>\n<h1>");
    html_value(out, value_text_length(title) > 0 ? title : name);
    buf_puts(out, "</h1>\n<p class=about>");
    html_value(out, description);
    buf_puts(out, "</p>\n<dl>\n");
    row_put(out, "runbook", name);
    member_put(out, "file", outline, "runbook");
    member_put(out, "owner", outline, "owner");
    member_put(out, "profile", outline, "profile");
    selection_put(out, outline);
    objectives_put(out, outline);
    AUTO_VALUE drill = value_get(outline, "drill");
    if (value_is(drill, VALUE_OBJECT)) {
        AUTO_TEXT told = outline_drill(drill);
        buf_puts(out, "<dt>drill</dt><dd>");
        html_puts(out, told);
        buf_puts(out, "</dd>\n");
    }
    member_put(out, "schedule", outline, "schedule");
    member_put(out, "holds lock", outline, "lock");
    member_put(out, "plan", outline, "plan_sha256");
    member_put(out, "engine", outline, "engine");
    repository_put(out, outline);
    member_put(out, "house rules", policy, "path");
    buf_puts(out, "</dl>\n</header>\n");
}

/* ---- what to look at first ----------------------------------------------------------------- */

static void no_return_put(struct buf *out, value outline) {
    AUTO_VALUE paths = value_get(outline, "point_of_no_return");
    for (size_t i = 0; i < value_count(paths); i++) {
        AUTO_VALUE path = value_at(paths, i);
        buf_puts(out, "<p class=limit>Point of no return: ");
        page_link(out, path, "run");
        buf_puts(out, "</p>\n");
    }
}

/* Paths of steps with texts that belong to them. */
static void table_put(struct buf *out, const char *heading, value entries, const char *open) {
    if (value_count(entries) == 0)
        return;
    heading_put(out, heading);
    buf_puts(out, "<table>\n");
    for (size_t i = 0; i < value_count(entries); i++) {
        AUTO_VALUE entry = value_at(entries, i);
        AUTO_VALUE path = value_get(entry, "path");
        AUTO_VALUE what = value_get(entry, "what");
        buf_puts(out, "<tr><td>");
        html_value(out, path);
        buf_puts(out, "</td><td>");
        html_list(out, what, open, " ", "</code>");
        buf_puts(out, "</td></tr>\n");
    }
    buf_puts(out, "</table>\n");
}

static void gates_put(struct buf *out, value outline) {
    AUTO_VALUE steps = value_get(outline, "gates");
    if (value_count(steps) == 0)
        return;
    heading_put(out, "Gates");
    buf_puts(out, "<table>\n<tr><th>step</th><th>asks</th><th>opened by</th></tr>\n");
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE path = value_get(step, "path");
        AUTO_VALUE gate = value_get(step, "gate");
        AUTO_VALUE message = value_get(gate, "message");
        AUTO_VALUE text = value_get(message, "text");
        AUTO_TEXT who = outline_openers(gate);
        buf_puts(out, "<tr><td>");
        html_value(out, path);
        buf_puts(out, "</td><td>");
        html_value(out, text);
        buf_puts(out, "</td><td>");
        html_puts(out, who);
        page_duration(out, ", within ", gate, "expires_ms");
        buf_puts(out, "</td></tr>\n");
    }
    buf_puts(out, "</table>\n");
}

/* ---- the drawing --------------------------------------------------------------------------- */

/* In place of the drawing: a row of names for each wave. */
static void waves_put(struct buf *out, value steps) {
    int64_t wave = -1;
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE path = value_get(step, "path");
        AUTO_VALUE effect = value_get(step, "effect");
        bool is_skipped = outline_has(step, "skipped");
        const char *class = is_skipped                  ? "skipped"
                            : outline_has(step, "gate") ? "gate"
                                                        : value_text(effect);
        if (outline_integer(step, "wave") != wave) {
            buf_puts(out, wave < 0 ? "" : "</div>\n");
            wave = outline_integer(step, "wave");
            buf_printf(out, "<div class=wave><small>%" PRId64 ".</small>", wave + 1);
        }
        buf_printf(out, "<span class=\"badge %s\">", class);
        page_link(out, path, "run");
        buf_puts(out, "</span>");
        if (outline_has(step, "point_of_no_return") && !is_skipped)
            buf_puts(out, "<span class=\"badge limit\">point of no return</span>");
    }
    buf_puts(out, wave < 0 ? "" : "</div>\n");
}

static void picture_put(struct buf *out, value outline, const struct outline_picture *picture) {
    heading_put(out, "Order");
    if (picture->svg) {
        buf_puts(out, "<div class=picture>\n");
        buf_puts(out, picture->svg);
        buf_puts(out, "</div>\n");
        return;
    }
    AUTO_VALUE steps = value_get(outline, "steps");
    buf_puts(out, "<p class=lacks>Not drawn: ");
    html_puts(out, picture->svg_lacks);
    buf_puts(out, ". Steps of one row may run at once.</p>\n");
    waves_put(out, steps);
}

/* ---- the ledger, and what is not known ----------------------------------------------------- */

static void undo_row(void *user, const char *phase, value step) {
    struct buf *out = user;
    AUTO_VALUE path = value_get(step, "path");
    AUTO_VALUE undo = value_get(step, "undo");
    AUTO_VALUE beside = value_get(step, "undo_beside");
    const int64_t more = outline_integer(step, "undo_more");
    if (!value_is(undo, VALUE_ARRAY))
        return;
    buf_puts(out, "<tr><td>");
    page_link(out, path, phase);
    buf_puts(out, "</td><td>");
    html_list(out, undo, "<code>", ", ", "</code>");
    if (value_count(undo) == 0)
        buf_puts(out, "<small>nothing</small>");
    if (more > 0)
        buf_printf(out, ", and %" PRId64 " more", more);
    buf_puts(out, "</td><td>");
    html_list(out, beside, "<code>", ", ", "</code>");
    buf_puts(out, "</td></tr>\n");
}

static void undo_count(void *user, const char *phase, value step) {
    (void)phase;
    *(bool *)user |= outline_has(step, "rollback");
}

static void ledger_put(struct buf *out, value outline) {
    bool has_any = false;
    outline_each_step(outline, undo_count, &has_any);
    heading_put(out, "Undo ledger");
    if (!has_any) {
        buf_puts(out, "<p>No step has a rollback: what is done stays done.</p>\n");
        return;
    }
    buf_puts(out, "<table>\n<tr><th>if this step fails</th><th>undone, in this order</th>"
                  "<th>and where they have begun by then</th></tr>\n");
    outline_each_step(outline, undo_row, out);
    buf_puts(out, "</table>\n");
}

static void unknown_put(struct buf *out, value outline) {
    AUTO_VALUE unknown = value_get(outline, "unknown");
    if (value_count(unknown) == 0)
        return;
    heading_put(out, "Not known until run time");
    buf_puts(out, "<table>\n<tr><th>value</th><th>used by</th></tr>\n");
    for (size_t i = 0; i < value_count(unknown); i++) {
        AUTO_VALUE entry = value_at(unknown, i);
        AUTO_VALUE from = value_get(entry, "from");
        AUTO_VALUE steps = value_get(entry, "steps");
        buf_puts(out, "<tr><td><code>");
        html_value(out, from);
        buf_puts(out, "</code></td><td>");
        html_list(out, steps, "", ", ", "");
        buf_puts(out, "</td></tr>\n");
    }
    buf_puts(out, "</table>\n");
}

/* ---- what it needs and is given ------------------------------------------------------------ */

static void names_put(struct buf *out, const char *label, value owner, const char *key) {
    AUTO_VALUE names = value_get(owner, key);
    if (value_count(names) == 0)
        return;
    buf_printf(out, "<dt>%s</dt><dd>", label);
    html_list(out, names, "<code>", ", ", "</code>");
    buf_puts(out, "</dd>\n");
}

static void disks_put(struct buf *out, value required) {
    AUTO_VALUE disks = value_get(required, "disk_free");
    for (size_t i = 0; i < value_count(disks); i++) {
        AUTO_VALUE disk = value_at(disks, i);
        AUTO_VALUE path = value_get(disk, "path");
        AUTO_TEXT size = text_show_size(outline_integer(disk, "at_least"));
        buf_printf(out, "<dt>room</dt><dd>%s on <code>", size);
        html_value(out, path);
        buf_puts(out, "</code></dd>\n");
    }
}

static void resources_put(struct buf *out, value outline) {
    AUTO_VALUE resources = value_get(outline, "resources");
    AUTO_VALUE required = value_get(outline, "requires");
    heading_put(out, "What it needs, checked live");
    buf_puts(out, "<dl>\n");
    names_put(out, "commands", resources, "commands");
    names_put(out, "hosts", resources, "hosts");
    names_put(out, "databases", resources, "databases");
    names_put(out, "targets", resources, "targets");
    names_put(out, "files", resources, "files");
    names_put(out, "variables", required, "env");
    disks_put(out, required);
    buf_puts(out, "</dl>\n");
}

static void params_put(struct buf *out, value outline) {
    AUTO_VALUE params = value_get(outline, "params");
    AUTO_VALUE names = value_keys(params);
    if (value_count(names) == 0)
        return;
    heading_put(out, "Parameters");
    buf_puts(out, "<dl>\n");
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_VALUE item = value_get(params, value_text(name));
        AUTO_TEXT json = value_to_json(item);
        buf_puts(out, "<dt>");
        html_value(out, name);
        buf_puts(out, "</dt><dd><code>");
        html_puts(out, json);
        buf_puts(out, "</code></dd>\n");
    }
    buf_puts(out, "</dl>\n");
}

static void secrets_put(struct buf *out, value outline) {
    AUTO_VALUE secrets = value_get(outline, "secrets");
    if (value_count(secrets) == 0)
        return;
    heading_put(out, "Secrets, by name");
    buf_puts(out, "<dl>\n");
    for (size_t i = 0; i < value_count(secrets); i++) {
        AUTO_VALUE secret = value_at(secrets, i);
        AUTO_TEXT from = outline_secret_source(secret);
        AUTO_VALUE name = value_get(secret, "name");
        buf_puts(out, "<dt>");
        html_value(out, name);
        buf_puts(out, "</dt><dd>from ");
        html_puts(out, from);
        buf_puts(out, "</dd>\n");
    }
    buf_puts(out, "</dl>\n");
}

static void databases_put(struct buf *out, value outline) {
    AUTO_VALUE databases = value_get(outline, "databases");
    if (value_count(databases) == 0)
        return;
    heading_put(out, "Databases");
    buf_puts(out, "<dl>\n");
    for (size_t i = 0; i < value_count(databases); i++) {
        AUTO_VALUE database = value_at(databases, i);
        AUTO_VALUE name = value_get(database, "name");
        AUTO_VALUE url = value_get(database, "url");
        buf_puts(out, "<dt>");
        html_value(out, name);
        buf_puts(out, "</dt><dd><code>");
        html_value(out, url);
        buf_puts(out, "</code>");
        AUTO_VALUE target = value_get(database, "target");
        if (value_is(target, VALUE_STRING)) {
            buf_puts(out, " through ");
            html_value(out, target);
        }
        buf_puts(out, outline_has(database, "protected") ? " protected</dd>\n" : "</dd>\n");
    }
    buf_puts(out, "</dl>\n");
}

static void files_put(struct buf *out, value outline) {
    AUTO_VALUE files = value_get(outline, "files");
    heading_put(out, "Files that are executed");
    buf_puts(out, "<table>\n<tr><th>file</th><th>SHA-256</th></tr>\n");
    for (size_t i = 0; i < value_count(files); i++) {
        AUTO_VALUE file = value_at(files, i);
        AUTO_VALUE path = value_get(file, "path");
        AUTO_VALUE sha256 = value_get(file, "sha256");
        buf_puts(out, "<tr><td>");
        html_value(out, path);
        buf_puts(out, "</td><td><code>");
        html_value(out, sha256);
        buf_puts(out, "</code></td></tr>\n");
    }
    buf_puts(out, "</table>\n");
}

/* ---- the page ------------------------------------------------------------------------------ */

static void steps_put(struct buf *out, value outline) {
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_VALUE finally = value_get(outline, "finally");
    heading_put(out, "Steps");
    buf_puts(out, "<p><small>What bears no mark is known.</small></p>\n");
    page_waves(out, steps, "run");
    if (value_count(finally) > 0) {
        heading_put(out, "Finally, whatever happened");
        page_waves(out, finally, "finally");
    }
}

void outline_html(struct buf *out, value outline, const struct outline_picture *picture) {
    AUTO_VALUE name = value_get(outline, "name");
    AUTO_VALUE losses = value_get(outline, "losses");
    AUTO_VALUE locks = value_get(outline, "locks");
    AUTO_TEXT title = mem_printf("Plan of %s", value_text(name));
    html_page_begin(out, title);
    buf_puts(out, "<body>\n");
    head_put(out, outline);
    table_put(out, "What it destroys", losses, "<code class=alarm>");
    no_return_put(out, outline);
    gates_put(out, outline);
    picture_put(out, outline, picture);
    steps_put(out, outline);
    ledger_put(out, outline);
    table_put(out, "Locks", locks, "<code>");
    unknown_put(out, outline);
    resources_put(out, outline);
    params_put(out, outline);
    secrets_put(out, outline);
    databases_put(out, outline);
    files_put(out, outline);
    buf_puts(out, "</body>\n</html>\n");
}
