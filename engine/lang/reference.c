#include "lang/reference.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "lang/config.h"
#include "lang/parse.h"
#include "lang/policy.h"
#include "lang/reference_prose.h"
#include "lang/sheet.h"

#define WORDS_MAX ((size_t)1 << 16)

/* A table of keys that the reference shows once, and under which name. */
struct part {
    char *title; /* "" is the table of the chapter itself */
    const void *chapter;
    const struct field *fields;
};

struct reference {
    struct sheet sheet;
    VEC(struct part) parts;
};

/* ---- which tables there are --------------------------------------------------------------- */

static const struct part *part_find(const struct reference *reference, const struct field *fields) {
    for (size_t i = 0; i < reference->parts.count; i++)
        if (reference->parts.items[i].fields == fields)
            return &reference->parts.items[i];
    return NULL;
}

static void part_add(struct reference *reference, const void *chapter, const char *title,
                     const struct field *fields) {
    if (!part_find(reference, fields))
        *vec_add(&reference->parts) = (struct part){mem_strdup(title), chapter, fields};
}

/* The mapping that a value, or each item of it, is. */
static const struct field *object_of(const struct field *field) {
    while (field->item)
        field = field->item;
    return field->kind == FIELD_OBJECT ? field : NULL;
}

/* The table and all within it, breadth first; what was met before keeps its place. */
static void chapter_add(struct reference *reference, const void *chapter, const char *title,
                        const struct field *fields) {
    size_t next = reference->parts.count;
    part_add(reference, chapter, title, fields);
    for (; next < reference->parts.count; next++) {
        const char *around = reference->parts.items[next].title;
        for (const struct field *f = reference->parts.items[next].fields; f->kind; f++) {
            const struct field *object = object_of(f);
            AUTO_TEXT name = *around ? mem_printf("%s.%s", around, f->key) : mem_strdup(f->key);
            if (object)
                part_add(reference, chapter, name, object->fields);
            around = reference->parts.items[next].title;
        }
    }
}

/* ---- what a key takes --------------------------------------------------------------------- */

static void takes(struct buf *out, const struct reference *reference, const struct field *field);

static void takes_number(struct buf *out, const struct field *field) {
    buf_puts(out, field->kind == FIELD_INTEGER ? "an integer" : "a number");
    if (field->minimum == field->maximum && field->minimum)
        buf_printf(out, ", %" PRId64, field->minimum);
    else if (field->maximum == INT64_MAX)
        buf_printf(out, ", at least %" PRId64, field->minimum);
    else if (field->minimum || field->maximum)
        buf_printf(out, " from %" PRId64 " to %" PRId64, field->minimum, field->maximum);
}

static void takes_choice(struct buf *out, const struct field *field) {
    for (size_t i = 0; field->choices[i]; i++)
        buf_printf(out, "%s`%s`",
                   i == 0                  ? ""
                   : field->choices[i + 1] ? ", "
                                           : " or ",
                   field->choices[i]);
}

static void takes_object(struct buf *out, const struct reference *reference,
                         const struct field *field) {
    const struct part *part = part_find(reference, field->fields);
    if (field->shorthand) {
        takes(out, reference, field_find(field->fields, field->shorthand));
        buf_puts(out, ", or ");
    }
    buf_printf(out, "a mapping: see `%s`", part ? part->title : "");
}

static void takes_items(struct buf *out, const struct reference *reference,
                        const struct field *field) {
    if (field->flags & FIELD_ONE) {
        takes(out, reference, field->item);
        buf_puts(out, ", or a list of such");
        return;
    }
    if (field->kind == FIELD_LIST)
        buf_puts(out, "a list, each ");
    else if (field->flags & FIELD_ENV_KEY)
        buf_puts(out, "variables, each ");
    else
        buf_puts(out,
                 field->flags & FIELD_ANY_KEY ? "a mapping, each value " : "names, each with ");
    takes(out, reference, field->item);
}

static const char *takes_words(const struct field *field) {
    static const char *const words[] = {
        [FIELD_BOOL] = "`true` or `false`",
        [FIELD_TRISTATE] = "`true` or `false`",
        [FIELD_DURATION] = "a duration",
        [FIELD_SIZE] = "a size",
        [FIELD_NAME] = "a name",
        [FIELD_STRING] = "text without templates",
        [FIELD_CODE] = "text without templates",
        [FIELD_EXPR] = "a jq expression",
        [FIELD_REGEX] = "a regular expression",
        [FIELD_TEXT] = "text or a template",
        [FIELD_VALUE] = "any value, with templates",
        [FIELD_DATA] = "any value",
        [FIELD_FILE] = "a file beside the runbook",
        [FIELD_PATH] = "a path",
        [FIELD_STEPS] = "a list of steps",
        [FIELD_STEP] = "a handler",
        [FIELD_PROBE] = "a probe",
        [FIELD_RUNBOOK] = "a runbook's file, beside this one",
    };
    if (field->flags & FIELD_JQ)
        return "a list, or a jq expression";
    return field->pattern_doc ? field->pattern_doc : words[field->kind];
}

static void takes(struct buf *out, const struct reference *reference, const struct field *field) {
    switch (field->kind) {
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        takes_number(out, field);
        break;
    case FIELD_CHOICE:
        takes_choice(out, field);
        break;
    case FIELD_OBJECT:
        takes_object(out, reference, field);
        break;
    case FIELD_LIST:
    case FIELD_MAP:
        takes_items(out, reference, field);
        break;
    default:
        buf_puts(out, takes_words(field));
    }
}

/* ---- what a key is for -------------------------------------------------------------------- */

static void default_write(struct buf *out, const struct field *field) {
    AUTO_TEXT duration = NULL;
    if (!field->fallback)
        return;
    switch (field->kind) {
    case FIELD_BOOL:
        buf_puts(out, " Default: `true`.");
        break;
    case FIELD_CHOICE:
        buf_printf(out, " Default: `%s`.", field->choices[field->fallback - 1]);
        break;
    case FIELD_DURATION:
        duration = text_format_duration(field->fallback);
        buf_printf(out, " Default: `%s`.", duration);
        break;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
    case FIELD_SIZE:
        /* Below the range it only marks what was not said. */
        if (field->fallback >= field->minimum)
            buf_printf(out, " Default: `%" PRId64 "`.", field->fallback);
        break;
    default:
        break;
    }
}

static void key_write(struct reference *reference, const struct field *field) {
    AUTO_BUF words = BUF_INIT(WORDS_MAX);
    AUTO_BUF doc = BUF_INIT(WORDS_MAX);
    takes(&words, reference, field);
    if (field->flags & FIELD_REQUIRED)
        buf_puts(&words, "; required");
    buf_puts(&doc, field->doc);
    default_write(&doc, field);
    if (field->flags & FIELD_BESIDE)
        buf_puts(&doc, " May stand in the step itself, beside the action.");
    if (field->flags & FIELD_SECRETS)
        buf_puts(&doc, " Secrets may be used here.");
    if (field->example && !strchr(field->example, '\n'))
        buf_printf(&doc, " Example: `%s`", field->example);
    sheet_key(&reference->sheet, field->key, buf_text(&words), buf_text(&doc));
}

static void table_write(struct reference *reference, const struct field *fields) {
    sheet_keys_begin(&reference->sheet);
    for (const struct field *f = fields; f->kind; f++)
        key_write(reference, f);
    sheet_keys_end(&reference->sheet);
}

/* The tables within a chapter, behind its own. */
static void parts_write(struct reference *reference, const void *chapter, const char *own,
                        int level) {
    for (size_t i = 0; i < reference->parts.count; i++) {
        const struct part *part = &reference->parts.items[i];
        if (part->chapter != chapter || strcmp(part->title, own) == 0)
            continue;
        AUTO_TEXT title = mem_printf("Keys of `%s`", part->title);
        sheet_heading(&reference->sheet, level, title);
        table_write(reference, part->fields);
    }
}

static bool is_built(const struct step_type *type) {
    return type->start || type->expand;
}

/* ---- chapters ----------------------------------------------------------------------------- */

static void keys_list(struct sheet *sheet, const char *opening, const struct field *fields) {
    AUTO_BUF text = BUF_INIT(WORDS_MAX);
    buf_puts(&text, opening);
    for (const struct field *f = fields; f->kind; f++)
        buf_printf(&text, "%s `%s`", f == fields ? "" : ",", f->key);
    buf_putc(&text, '.');
    sheet_text(sheet, buf_text(&text));
}

static void results_write(struct sheet *sheet, const struct step_type *type) {
    static const struct {
        unsigned bit;
        const char *keys;
    } offers[] = {
        {STEP_HAS_EXIT, "`exit`"},     {STEP_HAS_STDOUT, "`stdout`"},
        {STEP_HAS_STDERR, "`stderr`"}, {STEP_HAS_STATUS, "`status`"},
        {STEP_HAS_HEADER, "`header`"}, {STEP_HAS_BODY, "`body`"},
        {STEP_HAS_ROWS, "`rows`"},     {STEP_HAS_TLS, "`tls_days_left`"},
    };
    AUTO_BUF text = BUF_INIT(WORDS_MAX);
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
        if (type->results & offers[i].bit)
            buf_printf(
                &text, "%s%s",
                text.length ? ", " : "`expect` knows, beside `time` and `jq`: ", offers[i].keys);
    if (!text.length)
        return;
    buf_putc(&text, '.');
    sheet_text(sheet, buf_text(&text));
}

static void action_example(struct sheet *sheet, const struct step_type *type) {
    bool is_block = strchr(type->example, '\n') != NULL;
    AUTO_TEXT code = mem_printf(is_block ? "- %s:\n%s" : "- %s: %s", type->key, type->example);
    sheet_code(sheet, code);
}

static void action_write(struct reference *reference, const struct step_type *type) {
    struct sheet *sheet = &reference->sheet;
    AUTO_TEXT title = mem_printf("`%s`", type->key);
    sheet_heading(sheet, 2, title);
    sheet_text(sheet, type->doc);
    action_example(sheet, type);
    if (type->bare) {
        const struct field *field = field_find(type->fields, type->shorthand);
        AUTO_BUF words = BUF_INIT(WORDS_MAX);
        takes(&words, reference, field);
        AUTO_TEXT text = mem_printf("It takes %s. %s", buf_text(&words), field->doc);
        sheet_text(sheet, text);
    } else {
        AUTO_TEXT text = mem_printf("A value that is no mapping is taken as `%s`.",
                                    type->shorthand ? type->shorthand : "");
        if (type->shorthand)
            sheet_text(sheet, text);
        table_write(reference, type->fields);
    }
    results_write(sheet, type);
    parts_write(reference, type, type->key, 3);
}

static void unbuilt_write(struct sheet *sheet) {
    for (const struct step_type *const *type = step_types; *type; type++) {
        AUTO_TEXT text =
            mem_printf("This version does not run `%s` steps: `check` refuses them.", (*type)->key);
        if (!is_built(*type))
            sheet_text(sheet, text);
    }
}

/* One chapter for all of it: the file is another than a runbook's. */
static void configuration_write(struct reference *reference) {
    chapter_add(reference, config_fields, "", config_fields);
    sheet_prose(&reference->sheet, reference_configuration);
    table_write(reference, config_fields);
    parts_write(reference, config_fields, "", 2);
}

static void policy_write(struct reference *reference) {
    chapter_add(reference, policy_fields, "", policy_fields);
    sheet_prose(&reference->sheet, reference_policy);
    table_write(reference, policy_fields);
    parts_write(reference, policy_fields, "", 2);
}

static void reference_write(struct reference *reference) {
    struct sheet *sheet = &reference->sheet;
    chapter_add(reference, step_fields, "", step_fields);
    chapter_add(reference, runbook_fields, "", runbook_fields);
    for (const struct step_type *const *type = step_types; *type; type++)
        if (is_built(*type))
            chapter_add(reference, *type, (*type)->key, (*type)->fields);
    sheet_prose(sheet, reference_opening);
    sheet_heading(sheet, 1, "Keys of a runbook");
    table_write(reference, runbook_fields);
    parts_write(reference, runbook_fields, "", 2);
    sheet_heading(sheet, 1, "Keys of a step");
    sheet_text(sheet, "A step has exactly one action, and any of these beside it.");
    table_write(reference, step_fields);
    keys_list(sheet,
              "A handler (`rollback`, `dry_run`) is a step without place in the order. "
              "Beside its action it may have",
              handler_fields);
    keys_list(sheet,
              "A probe (`done_when`, `ready`, of `watch`) is a `shell`, `exec`, `sql` or `http` "
              "action that only "
              "asks. Beside it may stand",
              probe_fields);
    parts_write(reference, step_fields, "", 2);
    sheet_heading(sheet, 1, "Actions");
    for (const struct step_type *const *type = step_types; *type; type++)
        if (is_built(*type))
            action_write(reference, *type);
    unbuilt_write(sheet);
    sheet_prose(sheet, reference_closing);
    configuration_write(reference);
    policy_write(reference);
}

static void reference_release(struct reference *reference) {
    for (size_t i = 0; i < reference->parts.count; i++)
        mem_free(reference->parts.items[i].title);
    vec_release(&reference->parts);
}

void reference_markdown(struct buf *out) {
    struct reference reference = {.sheet = {out, false}};
    buf_puts(out, "# The runbook language, version 1\n");
    sheet_text(&reference.sheet, "Made by `runbook schema reference` from the tables that runbooks "
                                 "are parsed with; `man 5 runbook` is the same.");
    reference_write(&reference);
    reference_release(&reference);
}

void reference_man(struct buf *out) {
    struct reference reference = {.sheet = {out, true}};
    buf_puts(out, ".TH RUNBOOK 5 \"\" \"runbook " RUNBOOK_VERSION "\" \"File Formats\"\n"
                  ".SH NAME\nrunbook \\- the language of runbooks, version 1\n");
    reference_write(&reference);
    reference_release(&reference);
}
