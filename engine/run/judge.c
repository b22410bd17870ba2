#include "run/judge.h"

#include "base/file.h"
#include "base/text.h"

#define OUTPUT_FILE_MAX (1 << 20)

static void broken(struct buf *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void broken(struct buf *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_TEXT text = mem_vprintf(format, args);
    va_end(args);
    if (out->length)
        buf_puts(out, "; ");
    buf_puts(out, text);
}

static int64_t integer_of(value result, const char *key, int64_t fallback) {
    AUTO_VALUE item = value_get(result, key);
    int64_t number;
    return value_as_integer(item, &number) ? number : fallback;
}

static bool is_listed(const struct field_list *list, int64_t number) {
    for (size_t i = 0; i < list->count; i++)
        if (FIELD_AT(int64_t, list, i) == number)
            return true;
    return false;
}

static void list_show(struct buf *out, const struct field_list *list) {
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%lld", i ? " or " : "", (long long)FIELD_AT(int64_t, list, i));
}

static void exit_judge(const struct expect *expect, value result, struct buf *out) {
    int64_t code = integer_of(result, "exit_code", INT64_MIN);
    if (code == INT64_MIN)
        return;
    if (!expect || !expect->exit.count) {
        if (code != 0)
            broken(out, "exit status %lld", (long long)code);
        return;
    }
    if (is_listed(&expect->exit, code))
        return;
    AUTO_BUF wanted = BUF_INIT(4096);
    list_show(&wanted, &expect->exit);
    broken(out, "exit status %lld, expected %s", (long long)code, buf_text(&wanted));
}

static void status_judge(const struct expect *expect, value result, struct buf *out) {
    int64_t status = integer_of(result, "status", INT64_MIN);
    if (status == INT64_MIN)
        return;
    if (!expect || !expect->status.count) {
        if (status < 200 || status > 299)
            broken(out, "status %lld, expected 2xx", (long long)status);
        return;
    }
    if (is_listed(&expect->status, status))
        return;
    AUTO_BUF wanted = BUF_INIT(4096);
    list_show(&wanted, &expect->status);
    broken(out, "status %lld, expected %s", (long long)status, buf_text(&wanted));
}

static void match_judge(const struct match *match, value text, const char *what, bool cut,
                        struct buf *out) {
    struct match_found found;
    AUTO_ERR err = ERR_INIT;
    int matched = match_find(match, value_text(text), value_text_length(text), 0, &found, &err);
    if (matched < 0)
        broken(out, "%s: %s", what, err.message);
    else if (!matched)
        broken(out, "%s does not match /%s/%s", what, match_pattern(match),
               cut ? " (only its first MiB was searched)" : "");
}

static void text_judge(const struct expect_text *expect, value result, const char *key,
                       const char *what, struct buf *out) {
    if (!expect || !expect->matches)
        return;
    AUTO_VALUE text = value_get(result, key);
    AUTO_VALUE cut = value_get(result, "truncated");
    match_judge(expect->matches, text, what, value_truth(cut), out);
}

/* A header that stands more than once is a list: one of them is enough. */
static void header_match(const struct match *pattern, value header, const char *what,
                         struct buf *out) {
    AUTO_BUF last = BUF_INIT(1 << 16);
    if (!value_is(header, VALUE_ARRAY)) {
        match_judge(pattern, header, what, false, out);
        return;
    }
    for (size_t i = 0; i < value_count(header); i++) {
        AUTO_VALUE item = value_at(header, i);
        buf_clear(&last);
        match_judge(pattern, item, what, false, &last);
        if (last.length == 0)
            return;
    }
    broken(out, "%s", last.length ? buf_text(&last) : what);
}

static void header_judge(const struct expect *expect, value result, struct buf *out) {
    if (!expect->header.count)
        return;
    AUTO_VALUE headers = value_get(result, "headers");
    for (size_t i = 0; i < expect->header.count; i++) {
        AUTO_TEXT name = mem_strdup(expect->header.keys[i]);
        for (char *c = name; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        AUTO_VALUE header = value_get(headers, name);
        AUTO_TEXT what = mem_printf("header %s", name);
        if (value_is(header, VALUE_NONE))
            broken(out, "%s is missing", what);
        else
            header_match(FIELD_AT(struct match *, &expect->header, i), header, what, out);
    }
}

static void rows_judge(const struct expect_rows *rows, value result, struct buf *out) {
    if (!rows)
        return;
    int64_t count = integer_of(result, "row_count", 0);
    if (rows->exactly >= 0 && count != rows->exactly)
        broken(out, "%lld rows, expected %lld", (long long)count, (long long)rows->exactly);
    if (rows->min >= 0 && count < rows->min)
        broken(out, "%lld rows, expected at least %lld", (long long)count, (long long)rows->min);
    if (rows->max >= 0 && count > rows->max)
        broken(out, "%lld rows, expected at most %lld", (long long)count, (long long)rows->max);
}

static void time_judge(const struct expect *expect, value result, struct buf *out) {
    if (!expect->time_ms)
        return;
    AUTO_VALUE own = value_get(result, "time_ms");
    AUTO_VALUE outer = value_get(result, "duration_ms");
    double took = value_as_number(value_is(own, VALUE_NUMBER) ? own : outer);
    if (took > (double)expect->time_ms) {
        AUTO_TEXT most = text_format_duration(expect->time_ms);
        broken(out, "took %.0f ms, expected at most %s", took, most);
    }
}

static void tls_judge(const struct expect *expect, value result, struct buf *out) {
    if (!expect->tls_days_left)
        return;
    AUTO_VALUE days = value_get(result, "tls_days_left");
    if (!value_is(days, VALUE_NUMBER))
        broken(out, "no certificate was seen, so its days left are unknown");
    else if (value_as_number(days) < (double)expect->tls_days_left)
        broken(out, "the certificate ends in %.0f days, expected at least %lld",
               value_as_number(days), (long long)expect->tls_days_left);
}

/* The member that a text such as `.rows[0].total` begins with; *ret_length of it is the path. */
static value path_walk(value dot, const char *text, size_t *ret_length) {
    const char *at = text;
    value found = value_copy(dot);
    while (*at == '.' || *at == '[') {
        size_t name =
            strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        value next;
        if (!name || (*at == '[' && at[1 + name] != ']'))
            break;
        AUTO_TEXT key = mem_strndup(at + 1, name);
        next = *at == '.' ? value_get(found, key) : value_at(found, strtoul(key, NULL, 10));
        value_free(found);
        found = next;
        at += 1 + name + (*at == '[');
    }
    *ret_length = (size_t)(at - text);
    return found;
}

/* What was found in place of what was expected, where the expression begins with a path. */
static void found_show(struct buf *out, const struct expr *expr, value result) {
    const char *text = expr_text(expr) + strspn(expr_text(expr), " ");
    size_t length;
    AUTO_VALUE found = path_walk(result, text, &length);
    if (!length)
        return;
    AUTO_TEXT shown = value_is(found, VALUE_NONE) ? mem_strdup("missing") : value_to_json(found);
    buf_printf(out, ": %.*s is %.200s%s", (int)length, text, shown, strlen(shown) > 200 ? "…" : "");
}

static void jq_broken(struct buf *out, const struct expr *expr, value result) {
    AUTO_BUF found = BUF_INIT(4096);
    found_show(&found, expr, result);
    broken(out, "`%s` does not hold%s", expr_text(expr), buf_text(&found));
}

static void jq_judge(const struct expect *expect, value result, const struct expr_input *run,
                     struct buf *out) {
    struct expr_dot dot = {result, run};
    struct expr_input input = expr_input_dot(&dot);
    for (size_t i = 0; i < expect->jq.count; i++) {
        const struct expr *expr = FIELD_AT(struct expr *, &expect->jq, i);
        AUTO_ERR err = ERR_INIT;
        bool holds;
        if (expr_test(expr, &input, &holds, &err) < 0)
            broken(out, "%s", err.message);
        else if (!holds)
            jq_broken(out, expr, result);
    }
}

int judge_expect(const struct step *step, value result, const struct expr_input *run,
                 struct err *err) {
    const struct expect *expect = step->more->expect;
    AUTO_BUF out = BUF_INIT(1 << 16);
    exit_judge(expect, result, &out);
    status_judge(expect, result, &out);
    if (expect) {
        text_judge(expect->standard_output, result, "stdout", "standard output", &out);
        text_judge(expect->standard_error, result, "stderr", "standard error", &out);
        text_judge(expect->body, result, "body", "the body", &out);
        header_judge(expect, result, &out);
        rows_judge(expect->rows, result, &out);
        time_judge(expect, result, &out);
        tls_judge(expect, result, &out);
        jq_judge(expect, result, run, &out);
    }
    if (!out.length)
        return 0;
    return err_set(err, ERR_INVALID, "%s", buf_text(&out));
}

/* ---- outputs ------------------------------------------------------------------------------ */

static int regex_take(const struct match *match, value result, const char *name, value *ret,
                      struct err *err) {
    AUTO_VALUE body = value_get(result, "body");
    AUTO_VALUE text = value_is(body, VALUE_STRING) ? value_copy(body) : value_get(result, "stdout");
    struct match_found found;
    int matched = match_find(match, value_text(text), value_text_length(text), 0, &found, err);
    if (matched < 0)
        return -1;
    if (!matched)
        return err_set(err, ERR_INVALID, "output `%s`: /%s/ matches nothing", name,
                       match_pattern(match));
    size_t start = found.has_group ? found.group_start : found.start;
    size_t end = found.has_group ? found.group_end : found.end;
    *ret = value_string_n(value_text(text) + start, end - start);
    return 0;
}

static int file_take(const struct template *path, const struct expr_input *run, const char *name,
                     value *ret, struct err *err) {
    AUTO_TEXT file = NULL;
    AUTO_TEXT bytes = NULL;
    size_t length;
    if (template_render_text(path, run, &file, err) < 0 ||
        file_read(file, OUTPUT_FILE_MAX, &bytes, &length, err) < 0)
        return err_wrap(err, "output `%s`", name);
    length -= length && bytes[length - 1] == '\n';
    *ret = value_string_n(bytes, length);
    return 0;
}

static int known_take(value known, const char *name, value *ret, struct err *err) {
    *ret = value_get(known, name);
    if (!value_is(*ret, VALUE_NONE))
        return 0;
    return err_set(err, ERR_INVALID, "output `%s`: nothing is recorded of it", name);
}

static int output_take(const struct output *output, value result, const struct expr_input *run,
                       value known, const char *name, value *ret, struct err *err) {
    struct expr_dot dot = {result, run};
    struct expr_input input = expr_input_dot(&dot);
    if (output->regex)
        return regex_take(output->regex, result, name, ret, err);
    if (output->file && !value_is(known, VALUE_NONE))
        return known_take(known, name, ret, err);
    if (output->file)
        return file_take(output->file, run, name, ret, err);
    if (expr_eval(output->jq, &input, ret, err) < 0)
        return err_wrap(err, "output `%s`", name);
    if (value_is(*ret, VALUE_NONE))
        *ret = value_null();
    return 0;
}

/* "name=value" lines; the first `=` parts them. */
static int lines_read(const char *text, value *outputs, struct err *err) {
    for (int line = 1; *text; line++) {
        size_t length = strcspn(text, "\n");
        const char *equals = memchr(text, '=', length);
        if (length && (!equals || !text_is_identifier(text, (size_t)(equals - text)))) {
            err_set(err, ERR_INVALID, "line %d of $RUNBOOK_OUTPUT is not name=value", line);
            return err_hint(err,
                            "write `echo \"rows=42\" >> \"$RUNBOOK_OUTPUT\"`, or one JSON object");
        }
        if (length) {
            AUTO_TEXT name = mem_strndup(text, (size_t)(equals - text));
            *outputs = value_set(*outputs, name,
                                 value_string_n(equals + 1, length - (size_t)(equals + 1 - text)));
        }
        text += length + (text[length] == '\n');
    }
    return 0;
}

static int output_file_read(const char *path, value *outputs, struct err *err) {
    AUTO_TEXT text = NULL;
    size_t length;
    if (!file_exists(path))
        return 0;
    int status = file_read(path, OUTPUT_FILE_MAX, &text, &length, err);
    if (status < 0)
        return err_wrap(err, "$RUNBOOK_OUTPUT");
    if (strspn(text, " \t\r\n") < length && text[strspn(text, " \t\r\n")] == '{') {
        value read;
        if (value_parse(text, length, &read, err) < 0)
            return err_wrap(err, "$RUNBOOK_OUTPUT");
        *outputs = value_merge(*outputs, read);
        return 0;
    }
    return lines_read(text, outputs, err);
}

value judge_written(const char *output_file) {
    value outputs = value_object();
    AUTO_ERR err = ERR_INIT;
    if (output_file && output_file_read(output_file, &outputs, &err) < 0)
        err_release(&err); /* the lines before the broken one */
    return outputs;
}

int judge_outputs(const struct step *step, value result, const struct expr_input *run,
                  const char *output_file, value known, value *ret, struct err *err) {
    value outputs = value_is(known, VALUE_OBJECT) ? value_copy(known) : value_object();
    int status = output_file ? output_file_read(output_file, &outputs, err) : 0;
    for (size_t i = 0; status == 0 && i < step->more->outputs.count; i++) {
        const struct output *output = &FIELD_AT(struct output, &step->more->outputs, i);
        value item = value_null();
        status = output_take(output, result, run, known, step->more->outputs.keys[i], &item, err);
        if (status == 0)
            outputs = value_set(outputs, step->more->outputs.keys[i], item);
    }
    if (status < 0) {
        value_free(outputs);
        return -1;
    }
    *ret = outputs;
    return 0;
}
