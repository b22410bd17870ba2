/* Kinds that a single scalar fills without expressions. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "lang/given.h"
#include "lang/yaml_scalar.h"

static bool parse_bool(struct parse *parse, const struct field *field, const struct node *node,
                       bool *ret) {
    bool old = false;
    if (node->type == NODE_BOOL) {
        *ret = node->text[0] == 't' || node->text[0] == 'T';
        return true;
    }
    AUTO_TEXT hint = NULL;
    if (node->type == NODE_TEXT && scalar_is_old_bool(node->text, &old))
        hint = mem_printf("write `%s: %s`; `%s` is plain text in YAML 1.2", parse->label,
                          old ? "true" : "false", node->text);
    else if (node->style != NODE_PLAIN &&
             (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
        hint = mem_strdup("take the quotes off");
    parse_wrong_type(parse, node, field_expected(field), hint);
    return false;
}

static bool in_range(const struct field *field, double number) {
    if (field->minimum == 0 && field->maximum == 0)
        return true;
    return number >= (double)field->minimum && number <= (double)field->maximum;
}

/* "at least 1" or "from 1 to 10", in the field's own unit; the caller frees. */
static char *range_text(const struct field *field) {
    bool is_time = field->kind == FIELD_DURATION;
    AUTO_TEXT low =
        is_time ? text_format_duration(field->minimum) : mem_printf("%" PRId64, field->minimum);
    AUTO_TEXT high =
        is_time ? text_format_duration(field->maximum) : mem_printf("%" PRId64, field->maximum);
    if (field->minimum == field->maximum)
        return mem_strdup(low);
    if (field->maximum == INT64_MAX)
        return mem_printf("at least %s", low);
    return mem_printf("from %s to %s", low, high);
}

static bool check_range(struct parse *parse, const struct field *field, const struct node *node,
                        double number) {
    if (in_range(field, number))
        return true;
    AUTO_TEXT range = range_text(field);
    parse_error(parse, parse_span(parse, node), NULL, "`%s` must be %s, not %s", parse->label,
                range, node->text);
    return false;
}

static void parse_integer(struct parse *parse, const struct field *field, const struct node *node,
                          int64_t *ret) {
    if (node->type != NODE_INTEGER) {
        bool is_zero_led = node->style == NODE_PLAIN && node->type == NODE_TEXT &&
                           node->text[0] == '0' && strspn(node->text, "0123456789") == node->count;
        parse_wrong_type(parse, node, field_expected(field),
                         is_zero_led ? "take the leading zero off; if it is octal, write it decimal"
                                     : NULL);
        return;
    }
    errno = 0;
    long long number = strtoll(node->text, NULL, 10);
    if (errno == ERANGE) {
        parse_error(parse, parse_span(parse, node), NULL, "`%s` does not fit 64 bits",
                    parse->label);
        return;
    }
    if (check_range(parse, field, node, (double)number))
        *ret = number;
}

static void parse_number(struct parse *parse, const struct field *field, const struct node *node,
                         double *ret) {
    if (node->type != NODE_INTEGER && node->type != NODE_NUMBER) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    double number = strtod(node->text, NULL);
    if (!isfinite(number))
        parse_error(parse, parse_span(parse, node), NULL, "`%s` is too large", parse->label);
    else if (check_range(parse, field, node, number))
        *ret = number;
}

/* A bare number where a unit is needed gets it in the hint. */
static void parse_duration(struct parse *parse, const struct field *field, const struct node *node,
                           int64_t *ret) {
    if (node->type == NODE_INTEGER || node->type == NODE_NUMBER) {
        AUTO_TEXT hint =
            mem_printf("say the unit: `%ss`, `%sm` or `%sms`", node->text, node->text, node->text);
        parse_wrong_type(parse, node, field_expected(field), hint);
        return;
    }
    if (node->type != NODE_TEXT) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    AUTO_ERR err = ERR_INIT;
    int64_t ms = 0;
    if (text_parse_duration(node->text, &ms, &err) < 0) {
        err_wrap(&err, "`%s`", parse->label);
        err.span = parse_span(parse, node);
        if (!err.hint)
            err_hint(&err, "durations are written `500ms`, `10s`, `5m`, `4h`, `30d`, `1h30m`");
        parse_report(parse, &err);
        return;
    }
    if (check_range(parse, field, node, (double)ms))
        *ret = ms == 0 ? FIELD_ZERO_MS : ms;
}

static void parse_size(struct parse *parse, const struct field *field, const struct node *node,
                       int64_t *ret) {
    if (node->type != NODE_TEXT && node->type != NODE_INTEGER) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    AUTO_ERR err = ERR_INIT;
    int64_t bytes = 0;
    if (text_parse_size(node->text, &bytes, &err) < 0) {
        err_wrap(&err, "`%s`", parse->label);
        err.span = parse_span(parse, node);
        if (!err.hint)
            err_hint(&err, "sizes are written `64KiB`, `5GiB`, `10MB`, or in bytes");
        parse_report(parse, &err);
        return;
    }
    if (check_range(parse, field, node, (double)bytes))
        *ret = bytes;
}

static bool refuse_template(struct parse *parse, const struct node *node) {
    size_t offset = 0;
    if (!template_find(node->text, node->count, &offset))
        return false;
    parse_error(parse, parse_span(parse, node), "write the value itself",
                "`${{ … }}` has no meaning in `%s`", parse->label);
    return true;
}

static bool parse_text_of(struct parse *parse, const struct field *field, const struct node *node) {
    if (node->type == NODE_TEXT)
        return !refuse_template(parse, node);
    AUTO_TEXT hint = NULL;
    if (node->type != NODE_NULL)
        hint = mem_printf("put it in quotes: \"%s\"", node->text);
    parse_wrong_type(parse, node, field_expected(field), hint);
    return false;
}

static void parse_name(struct parse *parse, const struct field *field, const struct node *node,
                       const char **ret) {
    if (!parse_text_of(parse, field, node))
        return;
    if (text_is_identifier(node->text, node->count)) {
        *ret = node->text;
        return;
    }
    AUTO_TEXT shown = node_show(node);
    AUTO_TEXT hint = name_hint(node);
    parse_error(parse, parse_span(parse, node), hint,
                strchr(node->text, '-') ? "the name `%s` has a hyphen"
                                        : "`%s` is no name: lower-case letters, digits and `_`, "
                                          "not beginning with a digit",
                shown);
}

char *name_hint(const struct node *node) {
    AUTO_BUF fixed = BUF_INIT(256);
    for (size_t i = 0; i < node->count && i < 64; i++) {
        char c = node->text[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool is_digit = c >= '0' && c <= '9';
        if (is_digit && i == 0)
            buf_putc(&fixed, '_');
        buf_putc(&fixed, is_digit || (c >= 'a' && c <= 'z') ? c : '_');
    }
    return mem_printf("write `%s`: names are [a-z_][a-z0-9_]*, so that they are jq as they stand",
                      buf_text(&fixed));
}

static bool check_pattern(struct parse *parse, const struct field *field, const struct node *node) {
    if (match_once(field->pattern, node->text, node->count))
        return true;
    AUTO_TEXT shown = node_show(node);
    parse_error(parse, parse_span(parse, node), NULL, "`%s` must be %s, not `%s`", parse->label,
                field->pattern_doc, shown);
    return false;
}

static void parse_string(struct parse *parse, const struct field *field, const struct node *node,
                         const char **ret) {
    if (!parse_text_of(parse, field, node))
        return;
    if (!field->pattern || check_pattern(parse, field, node))
        *ret = node->text;
}

static void report_choice(struct parse *parse, const struct field *field, const struct node *node) {
    AUTO_BUF list = BUF_INIT(1024);
    size_t count = 0;
    for (; field->choices[count]; count++)
        buf_printf(&list, "%s`%s`", count ? ", " : "", field->choices[count]);
    const char *near = text_suggest(node->text, field->choices, count);
    AUTO_TEXT shown = node_show(node);
    AUTO_TEXT hint = near ? mem_printf("did you mean `%s`?", near) : NULL;
    parse_error(parse, parse_span(parse, node), hint, "`%s` is one of %s, not `%s`", parse->label,
                buf_text(&list), shown);
}

/* `transaction: false` and the like: a choice may be a word that YAML reads as a boolean. */
static void parse_choice(struct parse *parse, const struct field *field, const struct node *node,
                         int *ret) {
    if (node->type == NODE_NULL) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    for (int i = 0; field->choices[i]; i++)
        if (strcmp(field->choices[i], node->text) == 0) {
            *ret = i + 1;
            return;
        }
    report_choice(parse, field, node);
}

static void named_file_add(struct runbook *runbook, const char *path, const char *place) {
    struct named_file **last = &runbook->named_files;
    for (; *last; last = &(*last)->next)
        if (text_equal((*last)->path, path))
            return;
    *last = arena_alloc(runbook->arena, sizeof **last);
    **last = (struct named_file){path, place, NULL};
}

static void parse_file(struct parse *parse, const struct field *field, const struct node *node,
                       const char **ret) {
    if (!parse_text_of(parse, field, node))
        return;
    AUTO_TEXT path = file_resolve(parse->runbook->path, node->text);
    struct stat status;
    AUTO_TEXT shown = node_show(node);
    AUTO_TEXT place = load_place(parse->load, path);
    if (!place || stat(place, &status) < 0) {
        parse_error(parse, parse_span(parse, node), "names are relative to the runbook's folder",
                    "cannot find the file `%s`: %s", shown, strerror(errno));
        return;
    }
    if (S_ISDIR(status.st_mode) || access(place, R_OK) < 0) {
        parse_error(parse, parse_span(parse, node), NULL, "cannot read `%s`: %s", shown,
                    S_ISDIR(status.st_mode) ? "it is a directory" : strerror(errno));
        return;
    }
    const char *named = arena_strdup(parse->runbook->arena, path);
    /* Whoever reads it reads the copy; in the plan's hash it goes by its name. */
    const char *read_at = parse->load->copies ? arena_strdup(parse->runbook->arena, place) : named;
    *ret = read_at;
    named_file_add(parse->runbook, named, read_at);
}

static void parse_path(struct parse *parse, const struct field *field, const struct node *node,
                       const char **ret) {
    const char *home = getenv("HOME");
    if (!parse_text_of(parse, field, node))
        return;
    if (!*node->text) {
        parse_error(parse, parse_span(parse, node), NULL, "`%s` must not be empty", parse->label);
        return;
    }
    AUTO_TEXT path = text_starts_with(node->text, "~/") && home && *home
                         ? mem_printf("%s%s", home, node->text + 1)
                         : file_resolve(parse->runbook->path, node->text);
    *ret = arena_strdup(parse->runbook->arena, path);
}

void field_parse_scalar(struct parse *parse, const struct field *field, const struct node *node,
                        void *slot) {
    bool flag = false;
    if (node->kind != NODE_SCALAR) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    node = given_node(parse, field, node);
    if (!node)
        return;
    switch (field->kind) {
    case FIELD_BOOL:
        if (parse_bool(parse, field, node, &flag))
            *(bool *)slot = flag;
        break;
    case FIELD_TRISTATE:
        if (parse_bool(parse, field, node, &flag))
            *(int8_t *)slot = flag ? 1 : -1;
        break;
    case FIELD_INTEGER:
        parse_integer(parse, field, node, slot);
        break;
    case FIELD_NUMBER:
        parse_number(parse, field, node, slot);
        break;
    case FIELD_DURATION:
        parse_duration(parse, field, node, slot);
        break;
    case FIELD_SIZE:
        parse_size(parse, field, node, slot);
        break;
    case FIELD_NAME:
        parse_name(parse, field, node, slot);
        break;
    case FIELD_CHOICE:
        parse_choice(parse, field, node, slot);
        break;
    case FIELD_FILE:
        parse_file(parse, field, node, slot);
        break;
    case FIELD_PATH:
        parse_path(parse, field, node, slot);
        break;
    default:
        parse_string(parse, field, node, slot);
        break;
    }
}
