#include "run/result.h"

#include "base/file.h"
#include "base/text.h"
#include "secret/digest.h"

#define RESULT_INLINE_MAX 16384 /* bytes of JSON; more is stored beside the outputs */

/* Streams are in their own files, `json` is one of them parsed, and the members of a loop, a group
 * or a called runbook have records of their own. */
static value data_trim(value data) {
    static const char *const stored[] = {"stdout",  "stderr", "body",    "json",
                                         "results", "steps",  "outputs", "duration_ms"};
    if (!value_is(data, VALUE_OBJECT))
        return data;
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        data = value_remove(data, stored[i]);
    return data;
}

static value data_store(struct run *run, value data_taken, const char *path, const char *label) {
    AUTO_VALUE data = redact_value(run->redactor, data_taken);
    AUTO_TEXT json = value_to_json(data);
    AUTO_TEXT name = mem_printf("%.160s.%s.result.json", path, label);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '~';
    AUTO_TEXT file = mem_printf("%s/output/%s", store_run_dir(run->place), name);
    AUTO_TEXT relative = mem_printf("output/%s", name);
    char sha256[DIGEST_TEXT_SIZE];
    AUTO_ERR err = ERR_INIT;
    if (file_write_atomic(file, json, strlen(json), 0600, &err) < 0) {
        err_move(&run->transcript_err, &err);
        run->transcript_err.kind = ERR_TRANSCRIPT;
        run_transcript_failed(run);
    }
    digest_text(json, strlen(json), sha256);
    value record = value_set(value_object(), "file", value_string(relative));
    record = value_set(record, "bytes", value_integer((int64_t)strlen(json)));
    return value_set(record, "sha256", value_string(sha256));
}

static value data_limit(struct run *run, value data_taken, const char *path, const char *label,
                        bool *ret_stored) {
    *ret_stored = !value_json_fits(data_taken, RESULT_INLINE_MAX);
    if (!*ret_stored)
        return data_taken;
    return data_store(run, data_taken, path, label);
}

static value list_fit(value list, size_t most) {
    value kept = value_array();
    size_t length = 0;
    for (size_t i = 0; i < value_count(list); i++) {
        value item = value_at(list, i);
        AUTO_TEXT json = value_to_json(item);
        length += strlen(json) + 1;
        if (length > most) {
            value_free(item);
            break;
        }
        kept = value_append(kept, item);
    }
    return kept;
}

/* A result that fits is written once, for its record and to see that it fits: to measure it took as
 * long again as the record. */
static void data_record(struct result *result, struct run *run, value data_taken, const char *path,
                        const char *label, struct event *event) {
    struct buf *json = &run->result_json;
    buf_clear(json);
    json->ceiling = RESULT_INLINE_MAX;
    value_dump(json, data_taken);
    bool is_stored = json->overflow;
    result->kept_data = is_stored ? data_store(run, data_taken, path, label) : data_taken;
    event->stored |= is_stored ? EVENT_BIT(result) : 0;
    EVENT_SET(event, result, result->kept_data);
    event->result_json = is_stored ? NULL : json;
}

value result_fit(value taken, size_t most) {
    if (value_json_fits(taken, most))
        return taken;
    AUTO_VALUE whole = taken;
    if (value_is(whole, VALUE_ARRAY) && value_count(whole) > 1)
        return list_fit(whole, most);
    AUTO_TEXT json = value_to_json(whole);
    AUTO_TEXT cut = mem_printf("%.2000s… (%zu bytes)", json, strlen(json));
    return value_string(cut);
}

void result_of_act(struct result *result, const struct step_ctx *act) {
    *result = (struct result){value_null(), value_null(), value_null(),
                              value_null(), value_null(), value_null()};
    if (!act)
        return;
    result->data = act_data(act);
    result->outputs = act_outputs(act);
    result->output = act_record(act);
    result->notes = act_notes(act);
}

/* What a secret was taken from, in other words than in those of the secret. */
static value data_conceal(value data) {
    static const char *const telling[] = {"rows", "headers"};
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        data = value_remove(data, telling[i]);
    return data;
}

/* Also what the redactor would not find: a member too short, a word in place of a text. */
static value outputs_conceal(const struct step *step, value outputs) {
    for (size_t i = 0; i < step->more->outputs.count; i++) {
        const char *name = step->more->outputs.keys[i];
        AUTO_VALUE item = value_get(outputs, name);
        if (!FIELD_AT(struct output, &step->more->outputs, i).secret || value_is(item, VALUE_NONE))
            continue;
        AUTO_TEXT mark = mem_printf("[redacted:%s]", name);
        outputs = value_set(outputs, name, value_string(mark));
    }
    return outputs;
}

void result_record(struct result *result, struct run *run, const struct step *step,
                   const char *path, const char *label, struct event *event) {
    bool is_stored = false;
    if (value_is(result->output, VALUE_OBJECT))
        EVENT_SET(event, output, result->output);
    if (step->sensitive)
        return;
    value data = data_trim(value_copy(result->data));
    if (step_hides_output(step))
        data = data_conceal(data);
    if (value_count(data))
        data_record(result, run, data, path, label, event);
    else
        value_free(data);
    if (value_count(result->outputs)) {
        AUTO_TEXT name = mem_printf("%s.outputs", path);
        result->kept_outputs = data_limit(run, outputs_conceal(step, value_copy(result->outputs)),
                                          name, label, &is_stored);
        EVENT_SET(event, outputs, result->kept_outputs);
        event->stored |= is_stored ? EVENT_BIT(outputs) : 0;
    }
    if (value_is(result->notes, VALUE_ARRAY)) {
        result->notes = result_fit(result->notes, RESULT_INLINE_MAX);
        EVENT_SET(event, notes, result->notes);
    }
}

void result_release(struct result *result) {
    value_free(result->data);
    value_free(result->outputs);
    value_free(result->output);
    value_free(result->notes);
    value_free(result->kept_data);
    value_free(result->kept_outputs);
}

/* As a shell's $(…) does: what compares with "OK" should not care for the newline. */
value result_stream(const char *head, size_t length, bool cut) {
    while (length && !cut && (head[length - 1] == '\n' || head[length - 1] == '\r'))
        length--;
    return value_string_n(head, length);
}

static bool may_be_json(const char *text) {
    return *text && strchr("{[\"-0123456789tfn", *text);
}

value result_json(value text, bool cut) {
    value json;
    if (cut || !may_be_json(value_text(text)) ||
        value_parse(value_text(text), value_text_length(text), &json, NULL) < 0)
        return value_null();
    return json;
}

value result_publish(const struct result *result, const char *status, int64_t attempts,
                     int64_t duration_ms, const char *error) {
    bool has_data = value_is(result->data, VALUE_OBJECT);
    value all = has_data ? value_copy(result->data) : value_object();
    /* `.steps.ID.status` is how the step ended; an HTTP answer's status steps aside. */
    value http = value_get(all, "status");
    if (value_is(http, VALUE_NONE))
        value_free(http);
    else
        all = value_set(all, "http_status", http);
    all = value_set(all, "status", value_string(status));
    all = value_set(all, "attempts", value_integer(attempts));
    all = value_set(all, "duration_ms", value_integer(duration_ms));
    all = value_set(all, "error", value_string(error));
    bool has_outputs = value_is(result->outputs, VALUE_OBJECT);
    return value_set(all, "outputs", has_outputs ? value_copy(result->outputs) : value_object());
}
