#include "run/result.h"

#include "base/file.h"
#include "base/text.h"
#include "secret/digest.h"

#define RESULT_INLINE_MAX 16384 /* bytes of JSON; more is stored beside the outputs */

/* Streams are in their own files, and `json` is one of them parsed. */
static value data_trim(value data) {
    static const char *const stored[] = {"stdout", "stderr", "body", "json", "duration_ms"};
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

static value data_limit(struct run *run, value data_taken, const char *path, const char *label) {
    AUTO_TEXT json = value_to_json(data_taken);
    if (strlen(json) <= RESULT_INLINE_MAX)
        return data_taken;
    return data_store(run, data_taken, path, label);
}

void result_init(struct result *result, struct run *run, const struct step *step, const char *path,
                 const char *label, const struct step_ctx *act) {
    *result = (struct result){value_null(), value_null(), value_null(), value_null()};
    if (!act)
        return;
    result->output = act_record(act);
    if (step->sensitive)
        return;
    value data = act_data(act);
    if (value_is(data, VALUE_OBJECT))
        result->data = data_limit(run, data_trim(data), path, label);
    else
        value_free(data);
    value outputs = act_outputs(act);
    if (value_count(outputs)) {
        AUTO_TEXT name = mem_printf("%s.outputs", path);
        result->outputs = data_limit(run, outputs, name, label);
    } else {
        value_free(outputs);
    }
    result->notes = act_notes(act);
}

void result_set(const struct result *result, struct event *event) {
    if (value_is(result->data, VALUE_OBJECT) && value_count(result->data))
        EVENT_SET(event, result, result->data);
    if (value_is(result->outputs, VALUE_OBJECT))
        EVENT_SET(event, outputs, result->outputs);
    if (value_is(result->output, VALUE_OBJECT))
        EVENT_SET(event, output, result->output);
    if (value_is(result->notes, VALUE_ARRAY))
        EVENT_SET(event, notes, result->notes);
}

void result_release(struct result *result) {
    value_free(result->data);
    value_free(result->outputs);
    value_free(result->output);
    value_free(result->notes);
}

value result_publish(const char *status, int64_t attempts, int64_t duration_ms, const char *error,
                     const struct step_ctx *act) {
    value all = act ? act_data(act) : value_object();
    if (!value_is(all, VALUE_OBJECT)) {
        value_free(all);
        all = value_object();
    }
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
    return value_set(all, "outputs", act ? act_outputs(act) : value_object());
}
