#include "base/calendar.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define ZONES "/usr/share/zoneinfo"
#define VALUES_MAX 240 /* in one list, as systemd has it */
#define US INT64_C(1000000)
#define HINT_FORM "write `WEEKDAYS YEAR-MONTH-DAY HOUR:MINUTE`, for example `Mon *-*-* 03:00`"

enum part { PART_YEAR, PART_MONTH, PART_DAY, PART_HOUR, PART_MINUTE, PART_SECOND };

/* Seconds are counted in microseconds. */
static const struct {
    const char *name;
    int64_t least, most, unit;
} parts[] = {
    [PART_YEAR] = {"year", 1970, 2199, 1}, [PART_MONTH] = {"month", 1, 12, 1},
    [PART_DAY] = {"day", 1, 31, 1},        [PART_HOUR] = {"hour", 0, 23, 1},
    [PART_MINUTE] = {"minute", 0, 59, 1},  [PART_SECOND] = {"second", 0, 60 * US - 1, US},
};

struct scan {
    const char *text, *at, *end;
    struct calendar *calendar;
    struct calendar_fault *fault;
    struct err *err;
};

struct range {
    int64_t first;
    int64_t last; /* -1: unsaid */
    int64_t step; /* 0: none */
};

static char scan_char(const struct scan *scan) {
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool scan_take(struct scan *scan, char wanted) {
    if (scan_char(scan) != wanted)
        return false;
    scan->at++;
    return true;
}

static void spaces_skip(struct scan *scan) {
    while (scan_take(scan, ' '))
        ;
}

static int fault_at(struct scan *scan, const char *from, const char *to) {
    scan->fault->at = (size_t)(from - scan->text);
    scan->fault->length = to > from ? (size_t)(to - from) : 1;
    return -1;
}

/* The word that begins at `from`. */
static const char *word_end(const struct scan *scan, const char *from) {
    while (from < scan->end && *from != ' ')
        from++;
    return from;
}

/* ---- one value, one range, one list ---------------------------------------------------------- */

/* Six digits; the seventh rounds, the others do not count. */
static int fraction_take(struct scan *scan, int64_t *value) {
    int64_t unit = US / 10;
    if (!isdigit((unsigned char)scan_char(scan)))
        return -1;
    for (; unit > 0 && isdigit((unsigned char)scan_char(scan)); unit /= 10)
        *value += (*scan->at++ - '0') * unit;
    *value += isdigit((unsigned char)scan_char(scan)) && scan_char(scan) >= '5';
    while (isdigit((unsigned char)scan_char(scan)))
        scan->at++;
    return 0;
}

static int value_take(struct scan *scan, enum part part, int64_t *ret) {
    const char *from = scan->at;
    int64_t value = 0;
    for (; isdigit((unsigned char)scan_char(scan)); scan->at++)
        if (value <= INT_MAX)
            value = value * 10 + (scan_char(scan) - '0');
    if (scan->at == from) {
        err_set(scan->err, ERR_INVALID, "the %s is missing here", parts[part].name);
        err_hint(scan->err,
                 scan_char(scan) == '*' ? "`*` stands for every one, and alone" : HINT_FORM);
        return fault_at(scan, from, from + 1);
    }
    value = value > INT_MAX ? INT_MAX : value;
    *ret = value * parts[part].unit;
    const bool has_fraction = part == PART_SECOND && scan_char(scan) == '.' &&
                              scan->at + 1 < scan->end && scan->at[1] != '.';
    if (!has_fraction)
        return 0;
    scan->at++;
    if (fraction_take(scan, ret) == 0)
        return 0;
    err_set(scan->err, ERR_INVALID, "a part of a second is missing here");
    err_hint(scan->err, "a second is written `30` or `30.5`");
    return fault_at(scan, scan->at, scan->at + 1);
}

/* Years of two digits are those around 2000. */
static int64_t year_whole(int64_t year) {
    return year < 0 || year >= 100 ? year : year + (year < 70 ? 2000 : 1900);
}

static void range_straighten(struct range *range, enum part part) {
    if (part == PART_YEAR) {
        range->first = year_whole(range->first);
        range->last = range->last >= 0 ? year_whole(range->last) : -1;
    }
    if (range->last > range->first && range->step > 0)
        range->last -= (range->last - range->first) % range->step;
    if ((range->last > range->first && range->first + range->step > range->last) ||
        range->first == range->last) {
        range->step = 0;
        range->last = -1;
    }
}

static int range_check(const struct scan *scan, const struct range *range, enum part part) {
    const bool back = part == PART_DAY && scan->calendar->is_from_end;
    const int64_t least = parts[part].least, most = parts[part].most - (back ? 3 : 0);
    const int64_t shown = most / parts[part].unit;
    const char *name = parts[part].name;
    if (range->first < least || range->first > most ||
        (range->last >= 0 && (range->last < least || range->last > most)))
        return err_set(scan->err, ERR_INVALID, "the %s%s is from %lld to %lld", name,
                       back ? " from the end of the month" : "", (long long)least,
                       (long long)shown);
    if (range->last >= 0 && range->first + range->step > range->last)
        return err_set(scan->err, ERR_INVALID, "the range of %ss ends before it begins", name);
    const bool leaves = range->step > most - least ||
                        (range->last < 0 && (back ? range->first - range->step < least
                                                  : range->first + range->step > most));
    return leaves
               ? err_set(scan->err, ERR_INVALID, "the step leads beyond the last %s, which is %lld",
                         name, (long long)(back ? least : shown))
               : 0;
}

static uint64_t *part_set(struct calendar *calendar, enum part part) {
    switch (part) {
    case PART_MONTH:
        return &calendar->months;
    case PART_DAY:
        return &calendar->days;
    case PART_HOUR:
        return &calendar->hours;
    case PART_MINUTE:
        return &calendar->minutes;
    case PART_YEAR:
    case PART_SECOND:
        break;
    }
    return NULL;
}

static void range_add(struct calendar *calendar, const struct range *range, enum part part) {
    uint64_t *set = part_set(calendar, part);
    if (part == PART_YEAR)
        calendar->is_any_year = false;
    if (part == PART_SECOND && (range->first != 0 || range->step != 0))
        calendar->is_on_the_minute = false;
    if (!set)
        return;
    if (range->step == 0) {
        *set |= UINT64_C(1) << range->first;
        return;
    }
    const bool back = part == PART_DAY && calendar->is_from_end && range->last < 0;
    const int64_t last = range->last >= 0 ? range->last : parts[part].most;
    for (int64_t i = range->first; back ? i >= 1 : i <= last;
         i += back ? -range->step : range->step)
        *set |= UINT64_C(1) << i;
}

static int range_take(struct scan *scan, enum part part) {
    const char *from = scan->at;
    struct range range = {.last = -1};
    if (value_take(scan, part, &range.first) < 0)
        return -1;
    if (scan->end - scan->at >= 2 && scan->at[0] == '.' && scan->at[1] == '.') {
        scan->at += 2;
        if (value_take(scan, part, &range.last) < 0)
            return -1;
        range.step = parts[part].unit;
    }
    if (scan_take(scan, '/')) {
        const char *step = scan->at;
        if (value_take(scan, part, &range.step) < 0)
            return -1;
        if (range.step == 0) {
            err_set(scan->err, ERR_INVALID, "a step of 0 leads nowhere");
            err_hint(scan->err, "leave out `/0`");
            return fault_at(scan, step, scan->at);
        }
    }
    range_straighten(&range, part);
    if (range_check(scan, &range, part) < 0) {
        err_hint(scan->err, "write one value, `FIRST..LAST`, or `FIRST/STEP`, of %lld to %lld",
                 (long long)(parts[part].least / parts[part].unit),
                 (long long)(parts[part].most / parts[part].unit));
        return fault_at(scan, from, scan->at);
    }
    range_add(scan->calendar, &range, part);
    return 0;
}

static void part_any(struct calendar *calendar, enum part part) {
    uint64_t *set = part_set(calendar, part);
    if (part == PART_SECOND)
        calendar->is_on_the_minute = false;
    for (int64_t i = parts[part].least; set && i <= parts[part].most; i++)
        *set |= UINT64_C(1) << i;
}

/* systemd grants each further item of such a list three days less. */
static int list_check(struct scan *scan, enum part part, const char *from, size_t count) {
    const struct calendar *calendar = scan->calendar;
    const size_t most = count < 10 ? 31 - 3 * count : 0;
    if (part != PART_DAY || !calendar->is_from_end || calendar->days >> (most + 1) == 0)
        return 0;
    err_set(scan->err, ERR_INVALID,
            "of %zu items systemd takes only days up to the %zuth from the end of the month", count,
            most);
    err_hint(scan->err, "write fewer days, or a range: `1..7`");
    return fault_at(scan, from, scan->at);
}

static int part_take(struct scan *scan, enum part part) {
    const char *from = scan->at;
    if (scan_take(scan, '*')) {
        part_any(scan->calendar, part);
        if (part == PART_DAY)
            scan->calendar->is_any_day = true;
        if (scan_char(scan) != '/')
            return 0;
        err_set(scan->err, ERR_INVALID, "`*` takes no step");
        err_hint(scan->err, "write `%lld/…`: from that %s on",
                 (long long)parts[part].least / parts[part].unit, parts[part].name);
        return fault_at(scan, from, scan->at + 1);
    }
    for (size_t count = 0; count <= VALUES_MAX; count++) {
        if (range_take(scan, part) < 0)
            return -1;
        if (!scan_take(scan, ','))
            return list_check(scan, part, from, count + 1);
    }
    err_set(scan->err, ERR_INVALID, "more than %d values in one list", VALUES_MAX);
    err_hint(scan->err, "write ranges: `FIRST..LAST`");
    return fault_at(scan, scan->at, scan->at + 1);
}

static int unexpected(struct scan *scan, const char *hint) {
    const char *to = word_end(scan, scan->at);
    if (scan->at >= scan->end)
        err_set(scan->err, ERR_INVALID, "the calendar expression is not complete");
    else
        err_set(scan->err, ERR_INVALID, "this is not understood in a calendar expression");
    err_hint(scan->err, "%s", hint);
    return fault_at(scan, scan->at, to);
}

/* ---- weekdays -------------------------------------------------------------------------------- */

static const char *const weekday_names[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};

/* The whole name or its first three letters; -1 where it is none. */
static int weekday_find(const struct scan *scan, size_t *ret_length) {
    const size_t left = (size_t)(scan->end - scan->at);
    for (int i = 0; i < 7; i++)
        for (size_t length = strlen(weekday_names[i]);; length = 3) {
            if (left >= length && strncasecmp(scan->at, weekday_names[i], length) == 0) {
                *ret_length = length;
                return i;
            }
            if (length == 3)
                break;
        }
    return -1;
}

static int weekday_unknown(struct scan *scan) {
    static const char *const known[] = {
        "Mon",    "Tue",     "Wed",      "Thu",       "Fri",    "Sat",          "Sun",
        "hourly", "daily",   "weekly",   "monthly",   "yearly", "minutely",     "quarterly",
        "Monday", "Tuesday", "Thursday", "Wednesday", "Friday", "semiannually", "Saturday",
    };
    const char *to = scan->at;
    while (to < scan->end && isalpha((unsigned char)*to))
        to++;
    AUTO_TEXT word = mem_strndup(scan->at, (size_t)(to - scan->at));
    const char *near = text_suggest(word, known, sizeof known / sizeof *known);
    err_set(scan->err, ERR_INVALID, "`%s` is neither a weekday nor a word like `daily`", word);
    if (near)
        err_hint(scan->err, "did you mean `%s`?", near);
    else
        err_hint(scan->err, HINT_FORM);
    return fault_at(scan, scan->at, to);
}

static int weekday_backwards(struct scan *scan, const char *from) {
    err_set(scan->err, ERR_INVALID,
            "a week begins on Monday: the range ends before it "
            "begins");
    err_hint(scan->err, "write two ranges, such as `Sat..Sun,Mon`");
    return fault_at(scan, from, scan->at);
}

static int weekdays_take(struct scan *scan) {
    const char *from = scan->at;
    int first = -1;
    unsigned days = 0;
    while (isalpha((unsigned char)scan_char(scan))) {
        size_t length = 0;
        const int day = weekday_find(scan, &length);
        if (day < 0 || (scan->at + length < scan->end && !strchr("-., ", scan->at[length])))
            return weekday_unknown(scan);
        scan->at += length;
        if (first > day)
            return weekday_backwards(scan, from);
        for (int i = first < 0 ? day : first; i <= day; i++)
            days |= 1U << i;
        const bool was_range = first >= 0;
        first = -1;
        if (scan_take(scan, ',')) {
            from = scan->at;
            continue;
        }
        const bool dots = scan_char(scan) == '.';
        if (!dots && scan_char(scan) != '-')
            break;
        scan->at += dots ? 1 : 0;
        if (was_range || (dots && scan_char(scan) != '.'))
            return unexpected(scan, "a range of weekdays is written `Mon..Fri`");
        scan->at++;
        if (!isalpha((unsigned char)scan_char(scan)))
            return unexpected(scan, "a range of weekdays is written `Mon..Fri`");
        first = day;
    }
    if (days && scan->at < scan->end && scan_char(scan) != ' ')
        return unexpected(scan, HINT_FORM);
    spaces_skip(scan);
    scan->calendar->weekdays = days ? days : CALENDAR_WEEK;
    return 0;
}

/* ---- date and time --------------------------------------------------------------------------- */

/* Whether the next word is a date, which it is by its `-` or `~`, and how many parts it has. */
static size_t date_parts(const struct scan *scan) {
    size_t count = 0;
    for (const char *c = scan->at; c < word_end(scan, scan->at); c++)
        count += *c == '-' || *c == '~';
    return count ? count + 1 : 0;
}

static int date_take(struct scan *scan) {
    struct calendar *calendar = scan->calendar;
    const size_t count = date_parts(scan);
    const char *to = word_end(scan, scan->at);
    if (count != 2 && count != 3) {
        if (count > 0)
            return unexpected(scan, "a date is `YEAR-MONTH-DAY` or `MONTH-DAY`, a range of it "
                                    "`1..7`");
        part_any(calendar, PART_MONTH);
        part_any(calendar, PART_DAY);
        calendar->is_any_day = true;
        return 0;
    }
    /* Before the days are read it must be known from where they count. */
    calendar->is_from_end = memchr(scan->at, '~', (size_t)(to - scan->at)) != NULL;
    for (size_t i = 0; i < count; i++) {
        const bool is_last = i + 1 == count;
        if (i > 0 && !scan_take(scan, is_last && calendar->is_from_end ? '~' : '-'))
            return unexpected(scan, "a date is `YEAR-MONTH-DAY`, or `YEAR-MONTH~DAY` from the end "
                                    "of the month");
        if (part_take(scan, (enum part)((size_t)PART_DAY + 1 - count + i)) < 0)
            return -1;
    }
    calendar->is_from_end = calendar->is_from_end && !calendar->is_any_day;
    if (scan->at < scan->end && scan_char(scan) != ' ')
        return unexpected(scan, HINT_FORM);
    spaces_skip(scan);
    return 0;
}

static int time_take(struct scan *scan) {
    struct calendar *calendar = scan->calendar;
    if (scan->at >= scan->end) {
        calendar->hours = calendar->minutes = 1;
        return 0;
    }
    if (part_take(scan, PART_HOUR) < 0)
        return -1;
    if (!scan_take(scan, ':'))
        return unexpected(scan, "a time is `HOUR:MINUTE` or `HOUR:MINUTE:SECOND`");
    if (part_take(scan, PART_MINUTE) < 0)
        return -1;
    if (scan_take(scan, ':') && part_take(scan, PART_SECOND) < 0)
        return -1;
    return scan->at < scan->end ? unexpected(scan, HINT_FORM) : 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* As `WEEKDAYS MONTH-DAY HOUR:MINUTE` would say it. */
static const struct {
    const char *word, *same;
} words[] = {
    {"minutely", "*:*"},        {"hourly", "*:0"},        {"daily", "0:0"},
    {"weekly", "Mon 0:0"},      {"monthly", "*-1"},       {"yearly", "1-1"},
    {"annually", "1-1"},        {"anually", "1-1"},       {"quarterly", "1,4,7,10-1"},
    {"biannually", "1,7-1"},    {"bi-annually", "1,7-1"}, {"semiannually", "1,7-1"},
    {"semi-annually", "1,7-1"},
};

static void word_replace(struct scan *scan) {
    const size_t length = (size_t)(scan->end - scan->at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == length && strncasecmp(words[i].word, scan->at, length) == 0) {
            scan->text = scan->at = words[i].same;
            scan->end = scan->at + strlen(words[i].same);
            return;
        }
}

static bool zone_is_known(const char *zone) {
    AUTO_TEXT path = mem_printf(ZONES "/%s", zone);
    if (zone[strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/")] ||
        zone[strlen(zone) - 1] == '/' || strstr(zone, "//"))
        return false;
    return access(path, F_OK) == 0 || access(ZONES, F_OK) < 0;
}

/* The last word, where it begins with a letter and is not the first. */
static int zone_take(struct scan *scan) {
    const char *space = strrchr(scan->text, ' ');
    if (!space || !isalpha((unsigned char)space[1]))
        return 0;
    if (strcasecmp(space + 1, "UTC") != 0 && !zone_is_known(space + 1)) {
        err_set(scan->err, ERR_INVALID, "there is no time zone `%s`", space + 1);
        err_hint(scan->err, "a time zone is named as in `Europe/Berlin` or `UTC`");
        return fault_at(scan, space + 1, scan->end);
    }
    scan->calendar->zone = space + 1;
    scan->end = space;
    return 0;
}

static bool is_of_cron(const char *text) {
    size_t spaces = 0;
    for (const char *c = text; *c; c++)
        spaces += *c == ' ';
    return spaces == 4 && !text[strspn(text, "0123456789*,/- ")];
}

int calendar_parse(const char *text, struct calendar *ret, struct calendar_fault *ret_fault,
                   struct err *err) {
    struct scan scan = {.text = text,
                        .at = text,
                        .end = text + strlen(text),
                        .calendar = ret,
                        .fault = ret_fault,
                        .err = err};
    *ret = (struct calendar){.is_any_year = true, .is_on_the_minute = true};
    *ret_fault = (struct calendar_fault){0};
    if (is_of_cron(text)) {
        err_set(err, ERR_INVALID,
                "these are cron's five fields, and not a calendar expression as "
                "systemd reads it");
        err_hint(err, HINT_FORM);
        return fault_at(&scan, text, scan.end);
    }
    if (zone_take(&scan) < 0)
        return -1;
    word_replace(&scan);
    if (scan.at >= scan.end || scan_char(&scan) == ' ')
        return unexpected(&scan, HINT_FORM);
    if (scan_char(&scan) == '@')
        return unexpected(&scan, "write the point in time as a date: `2026-12-24 03:00:00 UTC`");
    return weekdays_take(&scan) < 0 || date_take(&scan) < 0 || time_take(&scan) < 0 ? -1 : 0;
}
