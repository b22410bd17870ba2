/* What the tests of this room share. */
#ifndef TEST_VALUE_FIXTURE_H
#define TEST_VALUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "value/expr.h"

#define RUN                                                                                        \
    "{\"params\":{\"env\":\"drill\",\"n\":3,\"list\":[1,2,3],\"none\":null},"                      \
    "\"secrets\":{\"a\":\"hush\"},"                                                                \
    "\"steps\":{\"a\":{\"rows\":[{\"leads\":5}],\"outputs\":{\"x\":[\"p\",\"q\"]}}}}"

static inline value parsed(const char *json) {
    value v = value_none();
    AUTO_ERR err = ERR_INIT;
    if (value_parse(json, strlen(json), &v, &err) < 0)
        fail_msg("%s: %s", json, err.message);
    return v;
}

static inline value run_get(void *user, const char *key) {
    const value *run = user;
    return key ? value_get(*run, key) : value_copy(*run);
}

static const struct span here = {.file = "f.yaml", .line = 7, .column = 11, .length = 1};

struct heard {
    size_t count;
    struct err first;
};

static inline void hear(void *user, struct err *err) {
    struct heard *heard = user;
    if (heard->count++ == 0)
        err_move(&heard->first, err);
}

/* "line:column+length message (hint)"; the caller frees. */
static inline char *err_shown(const char *when, const struct err *err) {
    return mem_printf("%s %u:%u+%u %s%s%s%s", when, err->span.line, err->span.column,
                      err->span.length, err->message, err->hint ? " (" : "",
                      err->hint ? err->hint : "", err->hint ? ")" : "");
}

#define assert_shown(call, wanted)                                                                 \
    do {                                                                                           \
        AUTO_TEXT shown_text = (call);                                                             \
        assert_string_equal(shown_text, wanted);                                                   \
    } while (0)

#endif
