/* Durations and sizes as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: a sum must name them in this order. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define DURATION_UNITS (sizeof duration_units / sizeof *duration_units)
#define DURATION_MAX (INT64_C(36525) * 86400000)

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"PiB", INT64_C(1) << 50},
    {"KB", INT64_C(1000)},
    {"kB", INT64_C(1000)},
    {"MB", INT64_C(1000000)},
    {"GB", INT64_C(1000000000)},
    {"TB", INT64_C(1000000000000)},
    {"PB", INT64_C(1000000000000000)},
};
#define SIZE_UNITS (sizeof size_units / sizeof *size_units)

static int quantity_bad(struct err *err, const char *text, const char *what, const char *hint) {
    err_set(err, ERR_INVALID, "`%.64s` is not a %s", text, what);
    return err_hint(err, "%s", hint);
}

/* Digits at *at; false where there are none or the number passes 64 bits. */
static bool quantity_digits(const char **at, int64_t *ret) {
    const char *start = *at;
    int64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, **at - '0', &number))
            return false;
    *ret = number;
    return *at > start;
}

/* The unit that stands at *at, up to the next digit or the end; moves *at behind it. */
static const struct unit *quantity_unit(const char **at, const struct unit *units, size_t count) {
    size_t length = strcspn(*at, "0123456789");
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == length && strncmp(units[i].name, *at, length) == 0) {
            *at += length;
            return &units[i];
        }
    }
    return NULL;
}

static int duration_too_long(struct err *err, const char *text) {
    return err_set(err, ERR_INVALID, "`%.64s` is longer than 100 years", text);
}

/* Adds `number` units to *total; -1 where that is out of bounds. */
static int duration_add(int64_t *total, int64_t number, const struct unit *unit) {
    int64_t ms;
    if (__builtin_mul_overflow(number, unit->factor, &ms) ||
        __builtin_add_overflow(*total, ms, total) || *total > DURATION_MAX)
        return -1;
    return 0;
}

static int duration_bad_unit(struct err *err, const char *text, const char *at) {
    if (*at == '\0')
        return quantity_bad(err, text, "duration", "a unit is missing: write 10s, 5m, 4h or 500ms");
    if (*at == '.' || *at == ',')
        return quantity_bad(err, text, "duration",
                            "only whole numbers: write 1h30m instead of 1.5h, 1500ms instead of "
                            "1.5s");
    return quantity_bad(err, text, "duration", "units are d, h, m, s and ms, as in 1h30m or 500ms");
}

int text_parse_duration(const char *text, int64_t *ret_ms, struct err *err) {
    const char *at = text;
    const struct unit *last = NULL;
    int64_t total = 0;
    do {
        int64_t number;
        const char *start = at;
        if (!quantity_digits(&at, &number)) {
            if (at > start)
                return duration_too_long(err, text);
            return quantity_bad(err, text, "duration", "write it as 500ms, 10s, 5m, 4h or 1h30m");
        }
        const struct unit *unit = quantity_unit(&at, duration_units, DURATION_UNITS);
        if (!unit)
            return duration_bad_unit(err, text, at);
        if (last && unit <= last)
            return quantity_bad(err, text, "duration",
                                "larger units come first and each at most once, as in 1h30m");
        if (duration_add(&total, number, unit) < 0)
            return duration_too_long(err, text);
        last = unit;
    } while (*at);
    *ret_ms = total;
    return 0;
}

/* Digits of a number that may be negative, without overflow at the least one. */
static uint64_t quantity_magnitude(int64_t number) {
    return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

char *text_format_duration(int64_t ms) {
    struct buf out = BUF_INIT(128);
    uint64_t left = quantity_magnitude(ms);
    if (ms < 0)
        buf_putc(&out, '-');
    for (size_t i = 0; i < DURATION_UNITS; i++) {
        uint64_t factor = (uint64_t)duration_units[i].factor;
        if (left >= factor)
            buf_printf(&out, "%" PRIu64 "%s", left / factor, duration_units[i].name);
        left %= factor;
    }
    if (ms == 0)
        buf_puts(&out, "0s");
    return buf_detach(&out);
}

char *text_show_duration(int64_t ms) {
    const char *sign = ms < 0 ? "-" : "";
    uint64_t left = quantity_magnitude(ms);
    uint64_t seconds = left / 1000;
    if (seconds == 0)
        return mem_printf("%s%" PRIu64 " ms", sign, left);
    if (seconds < 60)
        return mem_printf("%s%" PRIu64 ".%" PRIu64 " s", sign, seconds, left % 1000 / 100);
    if (seconds < 3600)
        return mem_printf("%s%" PRIu64 "m %02" PRIu64 "s", sign, seconds / 60, seconds % 60);
    uint64_t minutes = seconds / 60;
    if (minutes < 24 * 60)
        return mem_printf("%s%" PRIu64 "h %02" PRIu64 "m", sign, minutes / 60, minutes % 60);
    uint64_t hours = minutes / 60;
    return mem_printf("%s%" PRIu64 "d %02" PRIu64 "h", sign, hours / 24, hours % 24);
}

int text_parse_size(const char *text, int64_t *ret_bytes, struct err *err) {
    static const char hint[] = "write it as 64KiB, 5GiB, 10MB or a whole number of bytes";
    const char *at = text;
    int64_t number = 0;
    const char *start = at;
    if (!quantity_digits(&at, &number)) {
        if (at > start)
            return err_set(err, ERR_INVALID, "`%.64s` is larger than 8 EiB", text);
        return quantity_bad(err, text, "size", hint);
    }
    const struct unit *unit = quantity_unit(&at, size_units, SIZE_UNITS);
    if (!unit || *at != '\0')
        return quantity_bad(err, text, "size", hint);
    if (__builtin_mul_overflow(number, unit->factor, &number))
        return err_set(err, ERR_INVALID, "`%.64s` is larger than 8 EiB", text);
    *ret_bytes = number;
    return 0;
}

char *text_show_size(int64_t bytes) {
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    const char *sign = bytes < 0 ? "-" : "";
    uint64_t size = quantity_magnitude(bytes);
    if (size < 1024)
        return mem_printf("%s%" PRIu64 " B", sign, size);
    unsigned shift = 10;
    size_t name = 0;
    while (size >> shift >= 1024) {
        shift += 10;
        name++;
    }
    uint64_t whole = size >> shift;
    uint64_t tenth = ((size >> (shift - 10)) & 1023) * 10 / 1024;
    if (whole >= 100)
        return mem_printf("%s%" PRIu64 " %s", sign, whole, names[name]);
    return mem_printf("%s%" PRIu64 ".%" PRIu64 " %s", sign, whole, tenth, names[name]);
}
