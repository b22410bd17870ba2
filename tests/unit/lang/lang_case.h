/* A runbook from text, and what was reported about it. */
#ifndef LANG_CASE_H
#define LANG_CASE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "lang/runbook.h"
#include "tests/support/unit.h"
#include "tests/unit/lang/fake_types.h"

#define CASE_HEAD "runbook: 1\nname: case\n"

struct lang_case {
    char path[32];
    struct diag *diag;
    struct runbook *runbook;
};

static inline struct lang_case lang_case_bytes(const char *bytes, size_t length) {
    struct lang_case result = {.path = "/tmp/lang-case-XXXXXX"};
    int fd = mkstemp(result.path);
    AUTO_ERR err = ERR_INIT;
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, bytes, length, &err), 0);
    close(fd);
    result.diag = diag_new();
    result.runbook = runbook_load(result.path, result.diag);
    unlink(result.path);
    return result;
}

static inline struct lang_case lang_case_text(const char *text) {
    return lang_case_bytes(text, strlen(text));
}

static inline void lang_case_end(struct lang_case *result) {
    runbook_free(result->runbook);
    diag_free(result->diag);
}

/* The diagnostic at an index as "line:column: message", owned by the caller. */
static inline char *lang_case_said(const struct lang_case *result, size_t index) {
    AUTO_VALUE list = diag_value(result->diag);
    AUTO_VALUE item = value_at(list, index);
    AUTO_VALUE line = value_get(item, "line"), column = value_get(item, "column");
    AUTO_VALUE message = value_get(item, "message");
    return mem_printf("%d:%d: %s", (int)value_as_number(line), (int)value_as_number(column),
                      value_text(message));
}

static inline void assert_said(const char *text, const char *first) {
    struct lang_case result = lang_case_text(text);
    assert_true(diag_count(result.diag) > 0);
    AUTO_TEXT said = lang_case_said(&result, 0);
    assert_string_equal(said, first);
    lang_case_end(&result);
}

static inline struct lang_case lang_case_good(const char *text) {
    struct lang_case result = lang_case_text(text);
    if (diag_count(result.diag)) {
        AUTO_TEXT said = lang_case_said(&result, 0);
        fail_msg("%s", said);
    }
    assert_non_null(result.runbook);
    return result;
}

#endif
