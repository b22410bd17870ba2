#include "run/hiding.h"

#include "base/text.h"
#include "io/process.h"

#define FORGOTTEN_MAX 1000 /* bytes of names that a person is told */
#define DEPTH_MAX 100      /* levels of a secret whose members are secrets, too */

/* ---- learning ------------------------------------------------------------------------------ */

/* Its members may be used one by one. Those too short to be redacted are hidden in the record. */
static void members_hide(struct redactor *redactor, const char *name, value secret, int depth) {
    AUTO_TEXT text = value_to_text(secret);
    if (text_characters(text, strlen(text)) >= SECRET_MIN_LENGTH)
        redactor_add_secret(redactor, name, text, strlen(text));
    if (depth == DEPTH_MAX)
        return;
    for (size_t i = 0; value_is(secret, VALUE_ARRAY) && i < value_count(secret); i++) {
        AUTO_VALUE item = value_at(secret, i);
        members_hide(redactor, name, item, depth + 1);
    }
    value key, item;
    for (size_t i = 0; value_is(secret, VALUE_OBJECT) && value_next(secret, &i, &key, &item);) {
        members_hide(redactor, name, item, depth + 1);
        value_free(key);
        value_free(item);
    }
}

int hiding_learn(struct run *run, const struct step *step, value outputs, bool *ret_any,
                 struct err *err) {
    *ret_any = false;
    for (size_t i = 0; i < step->more->outputs.count; i++) {
        const char *name = step->more->outputs.keys[i];
        if (!FIELD_AT(struct output, &step->more->outputs, i).secret)
            continue;
        AUTO_VALUE secret = value_get(outputs, name);
        AUTO_TEXT text = value_to_text(secret);
        if (text_characters(text, strlen(text)) < SECRET_MIN_LENGTH)
            return err_set(err, ERR_INVALID,
                           "the secret output `%s` is shorter than %d characters, which cannot be "
                           "redacted",
                           name, SECRET_MIN_LENGTH);
        members_hide(run->redactor, name, secret, 0);
        *ret_any = true;
    }
    return 0;
}

/* ---- remembering --------------------------------------------------------------------------- */

/* What the guard remembers of a step: phase, path and the secrets as JSON, each with its NUL. */
void hiding_keep(struct run *run, const struct step *step, const char *phase, const char *path,
                 value outputs) {
    AUTO_VALUE secrets = value_object();
    for (size_t i = 0; i < step->more->outputs.count; i++)
        if (FIELD_AT(struct output, &step->more->outputs, i).secret)
            secrets = value_set(secrets, step->more->outputs.keys[i],
                                value_get(outputs, step->more->outputs.keys[i]));
    if (value_count(secrets) == 0)
        return;
    AUTO_TEXT json = value_to_json(secrets);
    const char *const pieces[] = {phase, path, json};
    struct buf text = BUF_INIT(SIZE_MAX / 4);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        buf_append(&text, pieces[i], strlen(pieces[i]) + 1);
    AUTO_ERR err = ERR_INIT;
    /* The step has succeeded all the same. */
    if (process_keep(run->loop, text.data, text.length, &err) < 0)
        err_release(&err);
    mem_wipe_free(text.data, text.length);
}

/* The next piece, or NULL. */
static const char *piece_take(const char **at, size_t *left) {
    const char *piece = *at, *end = *left ? memchr(piece, '\0', *left) : NULL;
    if (!end)
        return NULL;
    *at = end + 1;
    *left -= (size_t)(end + 1 - piece);
    return piece;
}

/* What was remembered last of the step, as JSON; NULL where nothing was. */
static const char *kept_find(const char *bytes, size_t length, const char *phase,
                             const char *path) {
    const char *found = NULL;
    for (;;) {
        const char *its_phase = piece_take(&bytes, &length);
        const char *its_path = piece_take(&bytes, &length);
        const char *json = piece_take(&bytes, &length);
        if (!json)
            return found;
        if (text_equal(its_phase, phase) && text_equal(its_path, path))
            found = json;
    }
}

static void forgotten_add(struct run *run, const char *name, const char *path) {
    if (run->forgotten && strlen(run->forgotten) > FORGOTTEN_MAX)
        return;
    char *all = run->forgotten ? mem_printf("%s, `%s` of `%s`", run->forgotten, name, path)
                               : mem_printf("`%s` of `%s`", name, path);
    mem_free(run->forgotten);
    run->forgotten = all;
}

static void forgotten_note(struct run *run, const struct step *step, const char *path,
                           value outputs) {
    for (size_t i = 0; i < step->more->outputs.count; i++) {
        AUTO_VALUE known = value_get(outputs, step->more->outputs.keys[i]);
        if (FIELD_AT(struct output, &step->more->outputs, i).secret && value_is(known, VALUE_NONE))
            forgotten_add(run, step->more->outputs.keys[i], path);
    }
}

void hiding_explain(const struct run *run, struct err *err) {
    if (run->forgotten && err->kind == ERR_INVALID && strstr(err->message, "is null"))
        err_hint(err,
                 "secret outputs are never written down, and went with the machine that ran this: "
                 "%s",
                 run->forgotten);
}

static value recalled(struct run *run, const struct step *step, const char *phase, const char *path,
                      value outputs_taken) {
    char *kept;
    size_t length;
    bool any;
    AUTO_ERR err = ERR_INIT;
    value secrets = value_null();
    if (process_kept(run->loop, &kept, &length, &err) < 0)
        return outputs_taken;
    const char *json = kept_find(kept, length, phase, path);
    if (json && value_parse(json, strlen(json), &secrets, &err) == 0 &&
        hiding_learn(run, step, secrets, &any, &err) == 0)
        outputs_taken = value_merge(outputs_taken, value_copy(secrets));
    value_free(secrets);
    mem_wipe_free(kept, length);
    return outputs_taken;
}

value hiding_recall(struct run *run, const struct step *step, const char *phase, const char *path,
                    value outputs_taken) {
    value outputs = recalled(run, step, phase, path, outputs_taken);
    forgotten_note(run, step, path, outputs);
    return outputs;
}
