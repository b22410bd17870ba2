/* PCRE2, kept from running away.
 *
 * PCRE2's own match limit counts anew for each start position, so on a long text it bounds
 * nothing. A callout in front of the pattern is asked at each start position and ends the search
 * when MATCH_LIMIT_MS are over; the match limit bounds a single position. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "value/match.h"

#include <pcre2.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define MATCH_LIMIT_MS 2000
#define MATCH_LIMIT 10000000u
#define MATCH_DEPTH_LIMIT 1000000u
#define MATCH_HEAP_KIB 65536u
#define MATCH_JIT_STACK_MAX ((size_t)1 << 20)
#define CALLOUT "(?C)"
#define CALLOUTS_BETWEEN_LOOKS 16
#define OPTIONS (PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C)

struct match {
    char *pattern;
    pcre2_code *code;
    /* Made at the first search: check and plan compile patterns that they never use. */
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    int64_t deadline_ns;
    unsigned callouts;
    bool is_interpreted; /* machine code is not worth its making */
};

/* Verbs such as (*CRLF) must stay in front; a pattern that begins so goes without the callout. */
static bool pattern_takes_callout(const char *pattern) {
    return !text_starts_with(pattern, "(*");
}

static int match_compile_fail(const char *pattern, struct span at, int code, size_t offset,
                              struct err *err) {
    char message[256];
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    size_t length = strlen(pattern);
    if (offset > length)
        offset = length;
    if (offset > 0 && code == PCRE2_ERROR_QUANTIFIER_INVALID)
        offset--; /* PCRE2 names the place behind it */
    if (at.column)
        at.column += (uint32_t)text_characters(pattern, offset);
    at.length = 1;
    return err_at(err, at, "bad regular expression: %s", message);
}

int match_new(const char *pattern, struct span at, struct match **ret, struct err *err) {
    const char *prefix = pattern_takes_callout(pattern) ? CALLOUT : "";
    AUTO_TEXT text = mem_printf("%s%s", prefix, pattern);
    int code = 0;
    size_t offset = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, OPTIONS, &code, &offset, NULL);
    if (!compiled) {
        size_t skip = strlen(prefix);
        return match_compile_fail(pattern, at, code, offset > skip ? offset - skip : 0, err);
    }
    struct match *match = mem_zalloc(sizeof *match);
    match->pattern = mem_strdup(pattern);
    match->code = compiled;
    *ret = match;
    return 0;
}

void match_free(struct match *match) {
    if (!match)
        return;
    pcre2_match_data_free(match->data);
    pcre2_match_context_free(match->context);
    pcre2_jit_stack_free(match->jit_stack);
    pcre2_code_free(match->code);
    mem_free(match->pattern);
    mem_free(match);
}

const char *match_pattern(const struct match *match) {
    return match->pattern;
}

static int match_on_start(pcre2_callout_block *block, void *user) {
    (void)block;
    struct match *match = user;
    if (++match->callouts % CALLOUTS_BETWEEN_LOOKS)
        return 0;
    if (!match->deadline_ns)
        match->deadline_ns = clock_mono_ns() + MATCH_LIMIT_MS * NS_PER_MS;
    return clock_mono_ns() < match->deadline_ns ? 0 : PCRE2_ERROR_MATCHLIMIT;
}

static void match_prepare(struct match *match) {
    match->data = pcre2_match_data_create_from_pattern(match->code, NULL);
    match->context = pcre2_match_context_create(NULL);
    if (!match->data || !match->context)
        abort();
    pcre2_set_match_limit(match->context, MATCH_LIMIT);
    pcre2_set_depth_limit(match->context, MATCH_DEPTH_LIMIT);
    pcre2_set_heap_limit(match->context, MATCH_HEAP_KIB);
    pcre2_set_callout(match->context, match_on_start, match);
    /* Where the machine forbids code that writes code, the interpreter does it. */
    if (!match->is_interpreted && pcre2_jit_compile(match->code, PCRE2_JIT_COMPLETE) == 0) {
        match->jit_stack = pcre2_jit_stack_create((size_t)32 << 10, MATCH_JIT_STACK_MAX, NULL);
        pcre2_jit_stack_assign(match->context, NULL, match->jit_stack);
    }
}

static int match_run(struct match *match, const char *text, size_t length, size_t from,
                     uint32_t options) {
    return pcre2_match(match->code, (PCRE2_SPTR)text, length, from, options, match->data,
                       match->context);
}

static void match_report(const struct match *match, struct match_found *ret) {
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match->data);
    *ret = (struct match_found){.start = offsets[0], .end = offsets[1]};
    if (ret->start > ret->end) /* \K inside a lookahead can put the start behind the end */
        ret->start = ret->end;
    ret->has_group = pcre2_get_ovector_count(match->data) > 1 && offsets[2] != PCRE2_UNSET;
    if (ret->has_group) {
        ret->group_start = offsets[2];
        ret->group_end = offsets[3];
    }
}

int match_find(const struct match *match, const char *text, size_t length, size_t from,
               struct match_found *ret, struct err *err) {
    struct match *self = (struct match *)match; /* caches and the running deadline only */
    if (from > length)
        return 0;
    if (!self->data)
        match_prepare(self);
    self->deadline_ns = 0;
    self->callouts = 0;
    int code = match_run(self, text ? text : "", length, from, 0);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = match_run(self, text ? text : "", length, from, PCRE2_NO_JIT);
    if (code == PCRE2_ERROR_NOMATCH)
        return 0;
    if (code >= 0) {
        match_report(self, ret);
        return 1;
    }
    char message[256];
    pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
    return err_set(err, ERR_LIMIT, "regular expression `%s` was given up: %s", match->pattern,
                   message);
}

bool match_once(const char *pattern, const char *text, size_t length) {
    AUTO_ERR err = ERR_INIT;
    struct match *match = NULL;
    struct match_found found;
    if (match_new(pattern, (struct span){0}, &match, &err) < 0 || !match)
        return false;
    match->is_interpreted = true;
    const bool is_found = match_find(match, text, length, 0, &found, &err) > 0;
    match_free(match);
    return is_found;
}
