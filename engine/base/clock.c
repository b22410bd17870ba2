#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool clock_is_fake;
static int64_t clock_fake_wall;
static int64_t clock_fake_mono;

static int64_t clock_read(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_wall_ns(void) {
    return clock_is_fake ? clock_fake_wall : clock_read(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void) {
    return clock_is_fake ? clock_fake_mono : clock_read(CLOCK_BOOTTIME);
}

void clock_fake(int64_t wall_ns, int64_t mono_ns) {
    clock_is_fake = true;
    clock_fake_wall = wall_ns;
    clock_fake_mono = mono_ns;
}

void clock_advance(int64_t ns) {
    clock_fake_wall += ns;
    clock_fake_mono += ns;
}

void clock_real(void) {
    clock_is_fake = false;
}

/* Days since 1970-01-01 and back in the proleptic Gregorian calendar, with years that begin in
 * March so that the leap day is the last: howardhinnant.github.io/date_algorithms.html */
static int64_t clock_days(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void clock_date(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

static void clock_digits(char *at, int64_t number, int digits) {
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void clock_format(int64_t wall_ns, char ret[CLOCK_TEXT_SIZE]) {
    int64_t seconds = wall_ns / NS_PER_S;
    int64_t ns = wall_ns % NS_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        seconds--;
    }
    int64_t days = seconds / 86400;
    int64_t second = seconds % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    int64_t year, month, day;
    clock_date(days, &year, &month, &day);
    memcpy(ret, "0000-00-00T00:00:00.000000Z", CLOCK_TEXT_SIZE);
    clock_digits(ret, year, 4);
    clock_digits(ret + 5, month, 2);
    clock_digits(ret + 8, day, 2);
    clock_digits(ret + 11, second / 3600, 2);
    clock_digits(ret + 14, second / 60 % 60, 2);
    clock_digits(ret + 17, second % 60, 2);
    clock_digits(ret + 20, ns / 1000, 6);
}

/* Exactly `digits` digits, a number from `least` to `most`; moves *at behind them. */
static bool clock_number(const char **at, int digits, int64_t least, int64_t most, int64_t *ret) {
    int64_t number = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *at += digits;
    *ret = number;
    return number >= least && number <= most;
}

static bool clock_char(const char **at, const char *any_of) {
    if (**at == '\0' || !strchr(any_of, **at))
        return false;
    (*at)++;
    return true;
}

static bool clock_parse_date(const char **at, int64_t *ret_days) {
    int64_t year, month, day, y, m, d;
    /* 1678 and 2261 are the whole years that nanoseconds in 64 bits can hold. */
    if (!clock_number(at, 4, 1678, 2261, &year) || !clock_char(at, "-") ||
        !clock_number(at, 2, 1, 12, &month) || !clock_char(at, "-") ||
        !clock_number(at, 2, 1, 31, &day))
        return false;
    *ret_days = clock_days(year, month, day);
    clock_date(*ret_days, &y, &m, &d);
    return m == month && d == day;
}

static bool clock_parse_time(const char **at, int64_t *ret_ns) {
    int64_t hour, minute, second;
    if (!clock_number(at, 2, 0, 23, &hour) || !clock_char(at, ":") ||
        !clock_number(at, 2, 0, 59, &minute) || !clock_char(at, ":") ||
        !clock_number(at, 2, 0, 60, &second))
        return false;
    int64_t fraction = 0;
    if (clock_char(at, ".")) {
        if (**at < '0' || **at > '9')
            return false;
        for (int64_t unit = NS_PER_S / 10; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
            fraction += (**at - '0') * unit;
    }
    *ret_ns = (hour * 3600 + minute * 60 + second) * NS_PER_S + fraction;
    return true;
}

static bool clock_parse_offset(const char **at, int64_t *ret_ns) {
    *ret_ns = 0;
    if (clock_char(at, "Zz"))
        return true;
    bool west = **at == '-';
    int64_t hour, minute;
    if (!clock_char(at, "+-") || !clock_number(at, 2, 0, 23, &hour) || !clock_char(at, ":") ||
        !clock_number(at, 2, 0, 59, &minute))
        return false;
    *ret_ns = (hour * 3600 + minute * 60) * NS_PER_S * (west ? -1 : 1);
    return true;
}

int clock_parse(const char *text, int64_t *ret_wall_ns, struct err *err) {
    const char *at = text;
    int64_t days, ns, offset;
    if (!clock_parse_date(&at, &days) || !clock_char(&at, "Tt ") || !clock_parse_time(&at, &ns) ||
        !clock_parse_offset(&at, &offset) || *at != '\0') {
        err_set(err, ERR_INVALID, "`%.64s` is not a point in time", text);
        return err_hint(err, "write it as 2026-01-02T03:04:05Z or 2026-01-02T03:04:05.5+01:00");
    }
    *ret_wall_ns = days * 86400 * NS_PER_S + ns - offset;
    return 0;
}
