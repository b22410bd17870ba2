#include "secret/redact.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"

static struct redactor *redactor_with(const char *name, const char *secret) {
    struct redactor *redactor = redactor_new();
    redactor_add_secret(redactor, name, secret, strlen(secret));
    return redactor;
}

static void check_text(const struct redactor *redactor, const char *text, const char *expected) {
    size_t length;
    AUTO_TEXT whole = redact_text(redactor, text, strlen(text), &length);
    assert_string_equal(whole, expected);
    assert_int_equal(length, strlen(expected));
}

static void collect(void *user, const char *bytes, size_t length) {
    assert_int_equal(buf_append(user, bytes, length), 0);
}

/* What comes out must not depend on where the reads cut. */
static void check_stream(const struct redactor *redactor, const char *text, const char *expected,
                         size_t piece) {
    AUTO_BUF out = BUF_INIT(1 << 20);
    struct redact_stream *stream = redact_stream_new(redactor, collect, &out);
    for (size_t at = 0, length = strlen(text); at < length; at += piece)
        redact_stream_write(stream, text + at, length - at < piece ? length - at : piece);
    redact_stream_end(stream);
    redact_stream_free(stream);
    assert_string_equal(buf_text(&out), expected);
}

static void check(const struct redactor *redactor, const char *text, const char *expected) {
    check_text(redactor, text, expected);
    for (size_t piece = 1; piece <= strlen(text); piece++)
        check_stream(redactor, text, expected, piece);
}

static void nothing_to_do(void **state) {
    (void)state;
    struct redactor *redactor = redactor_new();
    check(redactor, "any text", "any text");
    check_text(redactor, "", "");
    redactor_add_secret(redactor, "empty", "", 0);
    check(redactor, "any text", "any text");
    redactor_free(redactor);
    redactor_free(NULL);
    redact_stream_free(NULL);
}

static void removes_the_value_itself(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "S3cr3t/Value");
    check(redactor, "S3cr3t/Value", "[redacted:x]");
    check(redactor, "a S3cr3t/Value b", "a [redacted:x] b");
    check(redactor, "S3cr3t/ValueS3cr3t/Value", "[redacted:x][redacted:x]");
    check(redactor, "S3cr3t/S3cr3t/Value", "S3cr3t/[redacted:x]");
    check(redactor, "S3cr3t/Valu ", "S3cr3t/Valu ");
    check(redactor, "s3cr3t/value", "s3cr3t/value");
    redactor_free(redactor);
}

static void removes_known_encodings(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "p@ss \"w/ord'&<é>\\%");
    const char *forms[] = {
        "p@ss \"w/ord'&<é>\\%",
        "p%40ss%20%22w%2Ford%27%26%3C%C3%A9%3E%5C%25",
        "p%40ss+%22w%2ford%27%26%3c%c3%a9%3e%5c%25",
        "p@ss%20%22w/ord'&%3C%C3%A9%3E%5C%25",
        "p@ss \\\"w/ord'&<é>\\\\%",
        "p@ss \\\"w\\/ord'\\u0026\\u003c\\u00e9\\u003E\\\\%",
        "\\u0070\\u0040\\u0073\\u0073\\u0020\\u0022\\u0077\\u002F\\u006f\\u0072\\u0064\\u0027"
        "\\u0026\\u003c\\u00E9\\u003e\\u005c\\u0025",
        "p@ss &quot;w/ord&apos;&amp;&lt;é&gt;\\%",
        "p@ss &#34;w/ord&#39;&#38;&#60;&#233;&#62;\\%",
        "p@ss &#x22;w/ord&#x27;&#x26;&#x3C;&#xe9;&#x0003E;\\%",
        "'p@ss \"w/ord'\\''&<é>\\%'",
        "'p@ss \"w/ord'\"'\"'&<é>\\%'",
        "p@ss\\ \\\"w/ord\\'\\&\\<é\\>\\\\%",
        "$'p@ss \"w/ord\\'&<\\303\\251>\\\\%'",
        "'p@ss \"w/ord''&<é>\\%'",
        "\"p@ss \"\"w/ord'&<é>\\%\"",
        "704073732022772f6f726427263cc3a93e5c25",
        "704073732022772F6F726427263CC3A93E5C25",
        "70:40:73:73:20:22:77:2f:6f:72:64:27:26:3c:c3:a9:3e:5c:25",
        "70407373 2022772f\n6f726427263cc3a93e5c25",
        "\\x70\\x40\\x73\\x73\\x20\\x22\\x77\\x2f\\x6f\\x72\\x64\\x27\\x26\\x3c\\xc3\\xa9\\x3e\\x5c"
        "\\x25",
        "cEBzcyAidy9vcmQnJjzDqT5cJQ==",
        "cEBzcyAidy9vcmQnJjzDqT5cJQ",
        "cEBzcyAidy9v\ncmQnJjzDqT5cJQ==",
        "cEBzcyAidy9v\\ncmQnJjzDqT5cJQ==",
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        AUTO_TEXT text = mem_printf("before %s after", forms[i]);
        AUTO_TEXT out = redact_text(redactor, text, strlen(text), NULL);
        if (!strstr(out, "[redacted:x]"))
            fail_msg("not found: %s", forms[i]);
        char quote = forms[i][0] == '$' ? '\'' : forms[i][0];
        bool quoted = quote == '\'' || quote == '"';
        AUTO_TEXT expected =
            mem_printf("before %s%.*s[redacted:x]%.*s after", forms[i][0] == '$' ? "$" : "", quoted,
                       &quote, quoted, &quote);
        check(redactor, text, expected);
    }
    redactor_free(redactor);
}

static void removes_base64_inside_other_data(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "correct-horse");
    check(redactor, "Basic dXNlcjpjb3JyZWN0LWhvcnNl", "Basic dXNlcjp[redacted:x]");
    check(redactor, "Basic dTpjb3JyZWN0LWhvcnNlIQ==", "Basic dTp[redacted:x]IQ==");
    redactor_free(redactor);
    redactor = redactor_with("x", "\xfb\xff\xfe?>~\xfb\xff");
    check(redactor, "+//+Pz5++/8=", "[redacted:x]");
    check(redactor, "-__-Pz5--_8", "[redacted:x]");
    check(redactor, "%2B%2f%2F%2bPz5%2b%2B/8", "[redacted:x]");
    check(redactor, "+\\/\\/+Pz5++\\/8=", "[redacted:x]");
    redactor_free(redactor);
}

static void removes_lines(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with(
        "key", "-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\n\nhkiG9w0BAQEFAASC\n");
    check(redactor, "x MIIEvQIBADANBgkq y", "x [redacted:key] y");
    check(redactor, "    hkiG9w0BAQEFAASC\n", "    [redacted:key]\n");
    check(redactor, "short", "short");
    check(redactor, "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nshort\n\nhkiG9w0BAQEFAASC\n.",
          "[redacted:key]\n[redacted:key]\nshort\n\n[redacted:key]\n.");
    check(redactor, "[-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\n\nhkiG9w0BAQEFAASC\n]",
          "[[redacted:key]]");
    redactor_free(redactor);
    redactor = redactor_with("t", "only one line\n");
    check(redactor, "only one line", "[redacted:t]");
    check(redactor, "only%20one%20line", "[redacted:t]");
    redactor_free(redactor);
}

static void removes_overlapping_secrets_wholly(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("a", "abcdefgh1234");
    redactor_add_secret(redactor, "b", "1234ijklmnop", 12);
    redactor_add_secret(redactor, "c", "abcdefgh1234ijkl", 16);
    check(redactor, "abcdefgh1234", "[redacted:a]");
    check(redactor, "xx1234ijklmnop", "xx[redacted:b]");
    check(redactor, "abcdefgh1234ijklmnop.", "[redacted:c][redacted:b].");
    check(redactor, "abcdefgh1234ijkl.", "[redacted:c].");
    check(redactor, "abcdefgh1234ijk.", "[redacted:a]ijk.");
    redactor_free(redactor);
    redactor = redactor_with("r", "aaaaaaaa");
    check(redactor, "aaaaaaaaaaaaaaab", "[redacted:r]b");
    redactor_free(redactor);
}

static void a_secret_cut_by_the_end_is_removed(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "0123456789abcdef");
    check(redactor, "tail 01234567", "tail [redacted:x]");
    check(redactor, "tail 0123456789abcde", "tail [redacted:x]");
    check(redactor, "tail 012345", "tail 012345");
    check(redactor, "tail MDEyMzQ1Njc4OWFi", "tail [redacted:x]");
    redactor_free(redactor);
}

static void a_secret_that_was_shortened_is_removed(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "0123456789ab&def");
    check(redactor, "is 01234567\xe2\x80\xa6 (99 bytes)", "is [redacted:x]\xe2\x80\xa6 (99 bytes)");
    check(redactor, "(\"0123456789...) has no", "(\"[redacted:x]...) has no");
    check(redactor, "is 0123456\xe2\x80\xa6", "is 0123456\xe2\x80\xa6");
    check(redactor, "is 01234567.. and so on", "is 01234567.. and so on");
    check(redactor, "is 012345678\xe2\x80", "is 012345678\xe2\x80");
    check(redactor, "%30123456789ab%2\xe2\x80\xa6", "[redacted:x]\xe2\x80\xa6");
    check(redactor, "0123456789ab&am...", "[redacted:x]...");
    check(redactor, "tail MDEyMzQ1Njc4OW...", "tail [redacted:x]...");
    redactor_free(redactor);
}

static void short_secrets_work_where_allowed(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("pin", "42");
    check(redactor, "4 42 4242 424",
          "4 [redacted:pin] [redacted:pin][redacted:pin] [redacted:pin]4");
    redactor_free(redactor);
    redactor = redactor_with("c", "Z");
    check(redactor, "aZZb", "a[redacted:c][redacted:c]b");
    redactor_free(redactor);
    redactor = redactor_with("abc", "q&z");
    check(redactor, "q&z q%26z q&amp;z cSZ6",
          "[redacted:abc] [redacted:abc] [redacted:abc] "
          "[redacted:abc]");
    redactor_free(redactor);
}

/* Only what may begin a secret is held back: the rest must be seen at once. */
static void holds_back_no_more_than_needed(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "S3cr3t/Value");
    AUTO_BUF out = BUF_INIT(1 << 20);
    struct redact_stream *stream = redact_stream_new(redactor, collect, &out);
    redact_stream_write(stream, "Continue? ", 10);
    assert_string_equal(buf_text(&out), "Continue? ");
    redact_stream_write(stream, "S3cr", 4);
    assert_string_equal(buf_text(&out), "Continue? ");
    redact_stream_write(stream, "ab", 2);
    assert_string_equal(buf_text(&out), "Continue? S3crab");
    redact_stream_write(stream, "S3cr3t/Value", 12);
    assert_string_equal(buf_text(&out), "Continue? S3crab[redacted:x]");
    redact_stream_write(stream, "", 0);
    redact_stream_end(stream);
    redact_stream_free(stream);
    redactor_free(redactor);
}

static void secrets_of_a_set_are_added(void **state) {
    (void)state;
    struct secrets *secrets = secrets_new();
    assert_int_equal(secrets_add(secrets, "one", "first-secret", 12, false, NULL), 0);
    assert_int_equal(secrets_add(secrets, "two", "second-secret", 13, false, NULL), 0);
    struct redactor *redactor = redactor_new();
    assert_true(redactor_is_idle(redactor));
    redactor_add_secrets(redactor, secrets);
    assert_false(redactor_is_idle(redactor));
    check(redactor, "first-secret second-secret", "[redacted:one] [redacted:two]");
    redactor_free(redactor);
    secrets_free(secrets);
}

static struct match *pattern(const char *text) {
    struct match *match = NULL;
    assert_int_equal(match_new(text, (struct span){0}, &match, NULL), 0);
    return match;
}

static void patterns_work_line_by_line(void **state) {
    (void)state;
    struct match *card = pattern("\\b\\d{4}-\\d{4}\\b"), *empty = pattern("q*"),
                 *anchored = pattern("^token=.*$");
    struct redactor *redactor = redactor_with("x", "S3cr3t/Value");
    redactor_add_pattern(redactor, card);
    redactor_add_pattern(redactor, empty);
    redactor_add_pattern(redactor, anchored);
    check(redactor, "a 1234-5678 b\n1234-\n5678", "a [redacted:pattern] b\n1234-\n5678");
    check(redactor, "1234-56781234-5678\n", "1234-56781234-5678\n");
    check(redactor, "token=1 2\n token=1", "[redacted:pattern]\n token=1");
    check(redactor, "aqqb", "a[redacted:pattern]b");
    check(redactor, "1234-5678 S3cr3t/Value\n\n", "[redacted:pattern] [redacted:x]\n\n");
    redactor_free(redactor);
    match_free(card);
    match_free(empty);
    match_free(anchored);
}

static void endless_lines_count_as_ended(void **state) {
    (void)state;
    struct match *match = pattern("k+");
    struct redactor *redactor = redactor_new();
    redactor_add_pattern(redactor, match);
    const size_t length = 3 * REDACT_LINE_MAX + 5;
    char *text = mem_alloc(length + 1);
    memset(text, 'a', length);
    text[length] = '\0';
    text[length - 2] = 'k';
    AUTO_BUF out = BUF_INIT(1 << 20);
    struct redact_stream *stream = redact_stream_new(redactor, collect, &out);
    redact_stream_write(stream, text, length);
    assert_true(out.length >= 3 * REDACT_LINE_MAX);
    redact_stream_end(stream);
    assert_int_equal(out.length, length - 1 + strlen("[redacted:pattern]"));
    redact_stream_free(stream);
    mem_free(text);
    redactor_free(redactor);
    match_free(match);
}

static void check_value(const struct redactor *redactor, const char *json, const char *expected) {
    value parsed;
    assert_int_equal(value_parse(json, strlen(json), &parsed, NULL), 0);
    AUTO_VALUE redacted = redact_value(redactor, parsed);
    AUTO_TEXT text = value_to_json(redacted);
    assert_string_equal(text, expected);
}

static void values_are_walked(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "S3cr3t/Value");
    redactor_add_secret(redactor, "pin", "12345678", 8);
    check_value(redactor, "{\"a\":[1,null,true,\"a S3cr3t/Value\"],\"S3cr3t/Value\":{\"b\":2}}",
                "{\"[redacted:x]\":{\"b\":2},\"a\":[1,null,true,\"a [redacted:x]\"]}");
    check_value(redactor, "[12345678,1.5]", "[\"[redacted:pin]\",1.5]");
    check_value(redactor, "\"p\"", "\"p\"");
    redactor_free(redactor);
    redactor = redactor_with("x", "bad\xff\xfe"
                                  "bytes");
    AUTO_VALUE redacted = redact_value(redactor, value_string_n("<bad\xff\xfe"
                                                                "bytes>",
                                                                12));
    assert_string_equal(value_text(redacted), "<[redacted:x]>");
    redactor_free(redactor);
}

/* What a stream makes of the text where another was lost before it. */
static void check_resumed(const struct redactor *redactor, const char *text, const char *expected) {
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        AUTO_BUF out = BUF_INIT(1 << 20);
        struct redact_stream *stream = redact_stream_new(redactor, collect, &out);
        redact_stream_resume(stream);
        for (size_t at = 0, length = strlen(text); at < length; at += piece)
            redact_stream_write(stream, text + at, length - at < piece ? length - at : piece);
        redact_stream_end(stream);
        redact_stream_free(stream);
        assert_string_equal(buf_text(&out), expected);
    }
}

static void the_rest_of_a_secret_is_removed(void **state) {
    (void)state;
    struct redactor *redactor = redactor_with("x", "S3cr3t/Value & more");
    check_resumed(redactor, "3cr3t/Value & more.", "[redacted:x].");
    check_resumed(redactor, "S3cr3t/Value & more.", "[redacted:x].");
    check_resumed(redactor, "more and more", "[redacted:x] and more");
    check_resumed(redactor, "ore and more", "ore and more");
    check_resumed(redactor, "an output & more", "an output[redacted:x]");
    check_resumed(redactor, "another output & more", "another output & more");
    /* Neither its beginning nor its end. */
    check_resumed(redactor, "r3t/V", "[redacted:x]");
    check_resumed(redactor, "r3t", "r3t");
    /* In other forms, and from the middle of a character. */
    check_resumed(redactor, "2FValue+%26+more\n", "2F[redacted:x]\n");
    check_resumed(redactor, "6p;Value &amp; more", "6p;[redacted:x]");
    check_resumed(redactor, "N0L1ZhbHVlICYgbW9yZQ==", "[redacted:x]");
    check_resumed(redactor,
                  "\n      N0L1Zh\n      bHVlICYg\n      bW9yZQ==", "\n      [redacted:x]");
    check_resumed(redactor, "742f56616c75652026206d6f7265 6d6f7265", "[redacted:x] 6d6f7265");
    redactor_free(redactor);
}

static void a_line_of_unknown_beginning_is_not_judged(void **state) {
    (void)state;
    struct match *card = pattern("\\b\\d{4}-\\d{4}\\b");
    struct redactor *redactor = redactor_new();
    redactor_add_pattern(redactor, card);
    check_resumed(redactor, "34-5678 b\n1234-5678 c\n",
                  "[redacted:pattern]\n[redacted:pattern] c\n");
    check_resumed(redactor, "34-5678", "[redacted:pattern]");
    check_resumed(redactor, "\nc", "\nc");
    redactor_free(redactor);
    match_free(card);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(removes_the_value_itself),
        cmocka_unit_test(removes_known_encodings),
        cmocka_unit_test(removes_base64_inside_other_data),
        cmocka_unit_test(removes_lines),
        cmocka_unit_test(removes_overlapping_secrets_wholly),
        cmocka_unit_test(a_secret_cut_by_the_end_is_removed),
        cmocka_unit_test(a_secret_that_was_shortened_is_removed),
        cmocka_unit_test(short_secrets_work_where_allowed),
        cmocka_unit_test(holds_back_no_more_than_needed),
        cmocka_unit_test(secrets_of_a_set_are_added),
        cmocka_unit_test(patterns_work_line_by_line),
        cmocka_unit_test(endless_lines_count_as_ended),
        cmocka_unit_test(values_are_walked),
        cmocka_unit_test(the_rest_of_a_secret_is_removed),
        cmocka_unit_test(a_line_of_unknown_beginning_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
