#include "lang/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "lang/schema.h"
#include "tests/support/unit.h"
#include "tests/unit/lang/fake_types.h"

static char folder[] = "/tmp/lang-config-XXXXXX";

/* $RUNBOOK_CONFIG names a file with this text. */
static void config_write(const char *text) {
    AUTO_TEXT path = mem_printf("%s/config.yaml", folder);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
    setenv("RUNBOOK_CONFIG", path, 1);
}

static void test_keys(void **state) {
    (void)state;
    config_write("signing: {key: keys/seal, allowed_signers: ~/signers, every: 10m}\n");
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    assert_non_null(config);
    AUTO_TEXT key = mem_printf("%s/keys/seal", folder);
    AUTO_TEXT signers = mem_printf("%s/signers", getenv("HOME"));
    assert_string_equal(config->signing->key, key);
    assert_string_equal(config->signing->allowed_signers, signers);
    assert_int_equal(config->signing->every_ms, 600000);
    config_free(config);
    diag_free(diag);
}

static void test_unsaid(void **state) {
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "signing: {key: /k}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        config_write(texts[i]);
        struct diag *diag = diag_new();
        struct config *config = config_load(diag);
        assert_non_null(config);
        assert_true(i == 2 ? config->signing->every_ms == 3600000 : !config->signing);
        config_free(config);
        diag_free(diag);
    }
}

/* Where it is looked for. */
static void test_place(void **state) {
    (void)state;
    AUTO_TEXT sub = mem_printf("%s/runbook", folder);
    AUTO_TEXT path = mem_printf("%s/config.yaml", sub);
    static const char text[] = "signing: {key: /xdg}\n";
    assert_int_equal(file_make_dir(sub, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(path, text, sizeof text - 1, 0600, NULL), 0);
    setenv("XDG_CONFIG_HOME", folder, 1);
    struct diag *diag = diag_new();
    for (int i = 0; i < 2; i++) {
        setenv("RUNBOOK_CONFIG", i == 0 ? "" : "/dev/null", 1);
        struct config *config = config_load(diag);
        assert_non_null(config);
        assert_true(i == 0 ? text_equal(config->path, path) : !config->path && !config->signing);
        config_free(config);
    }
    diag_free(diag);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(sub), 0);
}

static void refused(const char *text, const char *said) {
    if (text)
        config_write(text);
    struct diag *diag = diag_new();
    assert_null(config_load(diag));
    AUTO_BUF out = BUF_INIT(1 << 16);
    const struct diag_style style = {0};
    diag_text(diag, &style, &out);
    assert_non_null(strstr(buf_text(&out), said));
    diag_free(diag);
}

static void test_wrong(void **state) {
    (void)state;
    refused("signing: {kye: a}\n", "config.yaml:1:11: error: unknown key `kye` in `signing`; did "
                                   "you mean `key`?");
    refused("sining: {}\n", "unknown key `sining`; did you mean `signing`?");
    refused("signing: yes please\n", "`signing` must be a mapping, not text");
    refused("signing: {every: 0s}\n", "`every`");
    refused("signing: {every: soon}\n", "^");
    refused("signing: {key: ''}\n", "`key` must not be empty");
    refused("signing: {key: [a]}\n", "`key` must be a path, not a list");
    refused("- a\n", "the configuration is a mapping of keys, not a list");
    refused("a: [\n", "error:");
    setenv("RUNBOOK_CONFIG", "/nonexistent/config.yaml", 1);
    refused(NULL, "the configuration: cannot read /nonexistent/config.yaml");
}

static void test_schema(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(1 << 20);
    schema_config(&out);
    AUTO_VALUE all = value_none();
    assert_int_equal(value_parse(buf_text(&out), out.length, &all, NULL), 0);
    AUTO_VALUE properties = value_get(all, "properties");
    AUTO_VALUE signing = value_get(properties, "signing");
    assert_true(value_is(signing, VALUE_OBJECT));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_unsaid), cmocka_unit_test(test_place),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_schema),
    };
    if (!mkdtemp(folder))
        return 1;
    setenv("HOME", "/home/somebody", 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    AUTO_TEXT path = mem_printf("%s/config.yaml", folder);
    unlink(path);
    rmdir(folder);
    return failed;
}
