#include "journal_support.h"

static struct sample sample;

/* Each byte that is no UTF-8 becomes U+FFFD. */
static char *text_clean(const char *text) {
    struct buf out = BUF_INIT(1 << 20);
    for (size_t left = strlen(text); left > 0;) {
        uint32_t point;
        size_t taken = text_decode(text, left, &point);
        (void)(taken ? buf_append(&out, text, taken) : buf_puts(&out, "\xef\xbf\xbd"));
        text += taken ? taken : 1;
        left -= taken ? taken : 1;
    }
    return buf_detach(&out);
}

static void assert_same(const struct event *was, const struct event *now) {
    assert_int_equal(was->type, now->type);
    assert_int_equal(was->present | (event_type_required(was->type) & EVENT_BIT(sum)),
                     now->present);
    for (uint64_t left = was->present; left; left &= left - 1) {
        const struct event_column *column = &event_columns[__builtin_ctzll(left)];
        const void *a = event_member_const(was, column), *b = event_member_const(now, column);
        if (column->kind == EVENT_KIND_TEXT) {
            AUTO_TEXT clean = text_clean(*(const char *const *)a);
            assert_string_equal(clean, *(const char *const *)b);
        } else if (column->kind == EVENT_KIND_JSON) {
            assert_true(value_equal(*(const value *)a, *(const value *)b));
        } else if (column->kind == EVENT_KIND_INTEGER) {
            assert_int_equal(*(const int64_t *)a, *(const int64_t *)b);
        } else {
            assert_int_equal(*(const bool *)a, *(const bool *)b);
        }
    }
}

static void test_round_trip(void **state) {
    (void)state;
    uint32_t seed = 42;
    for (int round = 0; round < 2000; round++) {
        enum event_type type = EVENT_NONE + 1 + (enum event_type)(round % (EVENT_TYPE_COUNT - 1));
        sample_init(&sample, type, &seed);
        sample.event.seq = 1 + (uint64_t)round;
        sample.event.wall_ns = (int64_t)sample_random(&seed) * 1000000;
        sample.event.mono_ns = sample_random(&seed);
        AUTO_ERR err = ERR_INIT;
        AUTO_BUF out = BUF_INIT(SIZE_MAX / 4), again = BUF_INIT(SIZE_MAX / 4);
        assert_int_equal(event_write(&sample.event, EVENT_NO_PREV, &out, &err), 0);
        for (size_t i = 0; i + 1 < out.length; i++)
            assert_true(out.data[i] >= 0x20 && out.data[i] < 0x7f);
        assert_int_equal(out.data[out.length - 1], '\n');
        struct event back;
        AUTO_EVENT_BODY line = {0};
        char prev[65];
        if (event_read(out.data, out.length, EVENT_ALL, &line, &back, prev, &err) < 0)
            fail_msg("%s: %s", err.message, out.data);
        assert_string_equal(prev, EVENT_NO_PREV);
        assert_same(&sample.event, &back);
        assert_int_equal(back.wall_ns, sample.event.wall_ns);
        assert_int_equal(back.mono_ns, sample.event.mono_ns);
        back.present &= ~EVENT_BIT(sum);
        assert_int_equal(event_write(&back, prev, &again, &err), 0);
        assert_string_equal(out.data, again.data);
        sample_release(&sample);
    }
}

static void finished(struct event *event) {
    *event = (struct event){.type = EVENT_STEP_FINISHED, .seq = 1};
    EVENT_SET(event, phase, "run");
    EVENT_SET(event, step, "a");
    EVENT_SET(event, status, "failed");
    EVENT_SET(event, duration_ms, 7);
}

static void test_line(void **state) {
    (void)state;
    struct event event;
    finished(&event);
    event.wall_ns = INT64_C(1767322985678901000);
    event.mono_ns = 12;
    event.seq = 17;
    EVENT_SET(&event, error, "caf\xc3\xa9 \xf0\x9f\x98\x80\n");
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, NULL), 0);
    assert_string_equal(out.data,
                        "{\"v\":1,\"seq\":17,\"prev\":\"" EVENT_NO_PREV
                        "\",\"time\":\"2026-01-02T03:03:05.678901Z\",\"mono_ns\":12,"
                        "\"type\":\"step.finished\",\"phase\":\"run\",\"step\":\"a\","
                        "\"status\":\"failed\",\"error\":\"caf\\u00e9 \\ud83d\\ude00\\n\","
                        "\"duration_ms\":7}\n");
}

static void test_missing(void **state) {
    (void)state;
    struct event event;
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX);
    finished(&event);
    event.present &= ~EVENT_BIT(status);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), -1);
    assert_err(&err, ERR_INVALID, "`step.finished` lacks `status`");
    EVENT_SET(&event, status, NULL);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), -1);
    assert_err(&err, ERR_INVALID, "lacks `status`");
    finished(&event);
    EVENT_SET(&event, exit, EVENT_INTEGER_MAX + 1);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), -1);
    assert_err(&err, ERR_INVALID, "too large");
    assert_int_equal(out.length, 0);
    finished(&event);
    EVENT_SET(&event, error, NULL);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), 0);
    assert_non_null(strstr(out.data, "\"error\":null"));
}

static char *text_of(const char *unit, size_t times) {
    size_t length = strlen(unit);
    char *text = mem_alloc(length * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * length, unit, length);
    text[length * times] = '\0';
    return text;
}

/* Every unit, so that the cut falls on each kind of character. */
static void test_cut(void **state) {
    (void)state;
    static const char *const units[] = {"a", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x01", "\xff"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        for (size_t times = 5000; times < 3000000; times = times * 3 + 1) {
            struct event event, back;
            AUTO_TEXT error = text_of(units[u], times);
            AUTO_TEXT hint = text_of("b", 900);
            AUTO_ERR err = ERR_INIT;
            finished(&event);
            EVENT_SET(&event, error, error);
            EVENT_SET(&event, hint, hint);
            AUTO_BUF out = BUF_INIT(SIZE_MAX / 4);
            AUTO_EVENT_BODY line = {0};
            char prev[65];
            assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), 0);
            assert_true(out.length <= TRANSCRIPT_LINE_MAX);
            assert_int_equal(event_read(out.data, out.length, EVENT_ALL, &line, &back, prev, &err),
                             0);
            assert_string_equal(back.hint, hint);
            if (text_ends_with(back.error, "\xe2\x80\xa6"))
                assert_true(out.length > TRANSCRIPT_LINE_MAX - 24);
            assert_true(text_is_utf8(back.error, strlen(back.error)));
        }
}

/* Two long texts share the room; a value that leaves none is refused. */
static void test_cut_many(void **state) {
    (void)state;
    struct event event, back;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT error = text_of("e", 80000);
    AUTO_TEXT hint = text_of("h", 50000);
    AUTO_TEXT bulk = text_of("j", 40000);
    AUTO_TEXT all = text_of("j", 70000);
    AUTO_VALUE json = value_string(bulk);
    AUTO_VALUE huge = value_string(all);
    AUTO_BUF out = BUF_INIT(SIZE_MAX / 4);
    AUTO_EVENT_BODY line = {0};
    char prev[65];
    finished(&event);
    EVENT_SET(&event, error, error);
    EVENT_SET(&event, hint, hint);
    EVENT_SET(&event, result, json);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), 0);
    assert_in_range(out.length, TRANSCRIPT_LINE_MAX - 4, TRANSCRIPT_LINE_MAX);
    assert_int_equal(event_read(out.data, out.length, EVENT_ALL, &line, &back, prev, &err), 0);
    assert_int_equal(strlen(back.error), strlen(back.hint));
    assert_int_equal(value_text_length(back.result), 40000);
    EVENT_SET(&event, result, huge);
    size_t before = out.length;
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), -1);
    assert_err(&err, ERR_LIMIT, "longer than a line may be");
    assert_int_equal(out.length, before);
}

static void refuse(const char *line, const char *part) {
    struct event event;
    AUTO_ERR err = ERR_INIT;
    AUTO_EVENT_BODY held = {0};
    char prev[65];
    if (event_read(line, strlen(line), EVENT_ALL, &held, &event, prev, &err) == 0)
        fail_msg("accepted: %s", line);
    if (!strstr(err.message, part))
        fail_msg("`%s` is not in `%s`", part, err.message);
}

#define HEAD_OF(version, more)                                                                     \
    "{\"v\":" version ",\"seq\":1,\"prev\":\"" EVENT_NO_PREV                                       \
    "\",\"time\":\"2026-01-02T03:04:05.000001Z\",\"mono_ns\":1," more "}\n"
#define SIGNAL "\"type\":\"signal.received\",\"signal\":\"SIGINT\""

static void test_strict(void **state) {
    (void)state;
    struct event event;
    AUTO_EVENT_BODY held = {0};
    AUTO_EVENT_BODY held_too = {0};
    char prev[65];
    static const char good[] = HEAD_OF("1", SIGNAL);
    assert_int_equal(event_read(good, strlen(good), EVENT_ALL, &held, &event, prev, NULL), 0);
    assert_int_equal(event_read(good, strlen(good) - 1, EVENT_ALL, &held_too, &event, prev, NULL),
                     0);
    refuse("", "not a JSON object");
    refuse("[]\n", "not a JSON object");
    refuse("{\"v\":1", "");
    refuse("{}\n", "`v` is missing");
    refuse(HEAD_OF("2", SIGNAL), "version 2");
    refuse(HEAD_OF("1", "\"type\":\"signal.recieved\",\"signal\":\"x\""), "unknown type");
    refuse(HEAD_OF("1", "\"type\":\"signal.received\""), "lacks `signal`");
    refuse(HEAD_OF("1", "\"type\":\"signal.received\",\"signal\":null"), "lacks `signal`");
    refuse(HEAD_OF("1", SIGNAL ",\"stepp\":\"a\""), "unknown key `stepp`");
    refuse(HEAD_OF("1", SIGNAL ",\"step\":1"), "`step` is not a text");
    refuse(HEAD_OF("1", SIGNAL ",\"uid\":1.5"), "`uid` is not an integer");
    refuse(HEAD_OF("1", SIGNAL ",\"uid\":9007199254740993"), "`uid` is not an integer");
    refuse(HEAD_OF("1", SIGNAL ",\"dry_run\":\"yes\""), "neither true nor false");
    refuse(HEAD_OF("1", SIGNAL ",\"signal\":\"SIGTERM\""), "twice");
    refuse(HEAD_OF("1", SIGNAL ",\"sum\":\"\""), "`sum`");
}

static void test_sum(void **state) {
    (void)state;
    struct event event = {.type = EVENT_RUN_FINISHED, .seq = 3};
    EVENT_SET(&event, status, "succeeded");
    EVENT_SET(&event, exit, 0);
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX);
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, NULL), 0);
    for (size_t i = 0; i < out.length - 1; i++) {
        out.data[i] ^= 1;
        struct event back;
        AUTO_EVENT_BODY held = {0};
        char prev[65];
        if (event_read(out.data, out.length, EVENT_ALL, &held, &back, prev, NULL) == 0)
            fail_msg("a changed line was accepted: %s", out.data);
        out.data[i] ^= 1;
    }
    event.present |= EVENT_BIT(sum);
    event.sum = "x";
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(event_write(&event, EVENT_NO_PREV, &out, &err), -1);
    assert_err(&err, ERR_INVALID, "`sum`");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_line),
        cmocka_unit_test(test_missing),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_many),   cmocka_unit_test(test_strict),
        cmocka_unit_test(test_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
