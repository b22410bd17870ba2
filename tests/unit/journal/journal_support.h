/* What the tests of the journal share: random events, and a folder that goes away. */
#ifndef TESTS_JOURNAL_SUPPORT_H
#define TESTS_JOURNAL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "journal/reader.h"
#include "journal/writer.h"

/* Texts and values of a random event live here. */
struct sample {
    struct event event;
    char *texts[EVENT_FIELD_COUNT];
    value values[EVENT_FIELD_COUNT];
};

static inline uint32_t sample_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const char *const sample_texts[] = {
    "",
    "plain",
    "with \"quotes\" and \\ and / and \x7f",
    "control \x01\x1b[31m\b\f\n\r\t\x1f",
    "caf\xc3\xa9 \xe2\x86\xba \xf0\x9f\x98\x80",
    "broken \xff\xfe\xc3 \xed\xa0\x80 end\xe2\x82",
    "\xe2\x80\xae bidi \xef\xbb\xbf",
    "{\"v\":1,\"seq\":2}\n",
};

static inline char *sample_text(uint32_t *state) {
    size_t count = sizeof sample_texts / sizeof *sample_texts;
    return mem_printf("%s%s", sample_texts[sample_random(state) % count],
                      sample_texts[sample_random(state) % count]);
}

static inline value sample_value(uint32_t *state, int depth) {
    AUTO_TEXT text = sample_text(state);
    switch (sample_random(state) % (depth > 3 ? 4 : 6)) {
    case 0:
        return value_null();
    case 1:
        return value_bool(sample_random(state) & 1);
    case 2:
        return value_integer((int64_t)sample_random(state) - INT32_MAX);
    case 3:
        return value_string(text);
    case 4: {
        value array = value_array();
        for (uint32_t i = sample_random(state) % 4; i > 0; i--)
            array = value_append(array, sample_value(state, depth + 1));
        return array;
    }
    default: {
        value object = value_object();
        for (uint32_t i = sample_random(state) % 4; i > 0; i--) {
            AUTO_TEXT key = sample_text(state);
            object = value_set(object, key, sample_value(state, depth + 1));
        }
        return object;
    }
    }
}

static inline void sample_member(struct sample *sample, int field, uint32_t *state) {
    const struct event_column *column = &event_columns[field];
    void *member = event_member(&sample->event, column);
    switch (column->kind) {
    case EVENT_KIND_TEXT:
        sample->texts[field] = sample_text(state);
        *(const char **)member = sample->texts[field];
        break;
    case EVENT_KIND_INTEGER:
        *(int64_t *)member = (int64_t)(sample_random(state) & 0xffff) *
                             ((sample_random(state) & 1) ? 1 : -137438953471);
        break;
    case EVENT_KIND_BOOLEAN:
        *(bool *)member = sample_random(state) & 1;
        break;
    case EVENT_KIND_JSON:
        sample->values[field] = sample_value(state, 0);
        *(value *)member = sample->values[field];
        break;
    }
    sample->event.present |= UINT64_C(1) << field;
}

/* The fields that the type requires and some others. */
static inline void sample_init(struct sample *sample, enum event_type type, uint32_t *state) {
    *sample = (struct sample){.event = {.type = type, .seq = 1, .mono_ns = 5}};
    uint64_t required = event_type_required(type);
    for (int field = 0; field < EVENT_FIELD_COUNT; field++) {
        sample->values[field] = value_none();
        bool wanted = ((required >> field) & 1) || sample_random(state) % 4 == 0;
        if (wanted && field != EVENT_FIELD_sum)
            sample_member(sample, field, state);
    }
}

static inline void sample_release(struct sample *sample) {
    for (int field = 0; field < EVENT_FIELD_COUNT; field++) {
        mem_free(sample->texts[field]);
        value_free(sample->values[field]);
    }
}

/* ---- a folder for each test ------------------------------------------------------------------ */

static inline int folder_setup(void **state) {
    char *dir = mem_strdup("/tmp/runbook-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static inline int folder_teardown(void **state) {
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_remove_tree(*state, &err), 0);
    mem_free(*state);
    return 0;
}

static inline void assert_err(struct err *err, enum err_kind kind, const char *part) {
    assert_int_equal(err->kind, kind);
    assert_non_null(err->message);
    if (!strstr(err->message, part))
        fail_msg("`%s` is not in `%s`", part, err->message);
    err_release(err);
}

#endif
