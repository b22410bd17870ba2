#include "cli/import_time.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool has(const char *text, const char *word) {
    return strcasestr(text, word) != NULL;
}

static int number_at(const char *text) {
    int number = 0;
    for (; isdigit((unsigned char)*text) && number < 100000; text++)
        number = number * 10 + (*text - '0');
    return number;
}

/* ---- durations ---------------------------------------------------------------------------- */

static const char *unit_of(const char *word) {
    static const struct {
        const char *prefix, *unit;
    } units[] = {{"ms", "ms"}, {"milli", "ms"}, {"s", "s"}, {"m", "m"}, {"h", "h"}, {"d", "d"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strncasecmp(word, units[i].prefix, strlen(units[i].prefix)) == 0)
            return units[i].unit;
    return NULL;
}

const char *duration_said(const struct draft *draft, const char *text) {
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_DURATION, text, strlen(text), 0, &found))
        return NULL;
    const char *number = text + found.group_start;
    const char *word = number + strspn(number, "0123456789.");
    word += strspn(word, " \t\n");
    const double count = strtod(number, NULL);
    if (!(count > 0 && count < 10000))
        return NULL;
    if (tolower((unsigned char)*word) == 'w')
        return arena_printf(draft->arena, "%.0fd", count * 7);
    const char *unit = unit_of(word);
    if (!unit)
        return NULL;
    if (count == (double)(int)count)
        return arena_printf(draft->arena, "%d%s", (int)count, unit);
    return text_equal(unit, "h") ? arena_printf(draft->arena, "%.0fm", count * 60) : NULL;
}

const char *phase_of(const struct draft *draft, const char *title) {
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_PHASE, title, strlen(title), 0, &found))
        return NULL;
    const int from = found.has_group ? number_at(title + found.group_start) : 0;
    const char *at = title + found.start + 1;
    if (found.has_group)
        at = title + found.group_end;
    while (*at && !isdigit((unsigned char)*at))
        at++;
    const int to = number_at(at);
    const char *unit = strchr("hH", at[strcspn(at, "mMhH")]) ? "h" : "m";
    return to > from ? arena_printf(draft->arena, "%d%s", to - from, unit) : NULL;
}

/* ---- schedules ---------------------------------------------------------------------------- */

static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static const char *const day_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};

static const char *day_of(const char *text) {
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        if (has(text, day_names[i]))
            return days[i];
    return NULL;
}

/* "2:00 AM", "14:30", "9 pm"; midnight where nothing is said. */
static const char *clock_of(const struct draft *draft, const char *text) {
    struct match_found found;
    if (has(text, "noon"))
        return "12:00";
    if (!pattern_find(draft->patterns, PATTERN_CLOCK, text, strlen(text), 0, &found))
        return "00:00";
    const char *at = text + found.group_start;
    int hour = number_at(at);
    at += strspn(at, "0123456789");
    const int minute = *at == ':' ? number_at(at + 1) : 0;
    at += strspn(at, ":0123456789 \t");
    const bool past_noon = at < text + found.group_end && tolower((unsigned char)*at) == 'p';
    const bool before_noon = at < text + found.group_end && tolower((unsigned char)*at) == 'a';
    if (past_noon && hour < 12)
        hour += 12;
    if (before_noon && hour == 12)
        hour = 0;
    return hour < 24 && minute < 60 ? arena_printf(draft->arena, "%02d:%02d", hour, minute)
                                    : "00:00";
}

/* "every 15 minutes", "every 2 hours". */
static const char *often_of(const struct draft *draft, const char *text) {
    const char *every = strcasestr(text, "every ");
    if (has(text, "hourly") || has(text, "every hour") || has(text, "each hour"))
        return "hourly";
    if (!every || !isdigit((unsigned char)every[6]))
        return NULL;
    const int count = number_at(every + 6);
    const char *unit = every + 6 + strspn(every + 6, "0123456789 -");
    if (strncasecmp(unit, "min", 3) == 0 && count > 0 && count < 60)
        return arena_printf(draft->arena, "*:0/%d", count);
    if (strncasecmp(unit, "h", 1) == 0 && count > 0 && count < 24)
        return arena_printf(draft->arena, "*-*-* 0/%d:00:00", count);
    return NULL;
}

static const char *date_of(const char *text) {
    static const struct {
        const char *word, *date;
    } dates[] = {{"quarter", "*-01,04,07,10-01"},
                 {"yearly", "*-01-01"},
                 {"annual", "*-01-01"},
                 {"every year", "*-01-01"},
                 {"monthly", "*-*-01"},
                 {"each month", "*-*-01"},
                 {"every month", "*-*-01"},
                 {"weekday", "Mon..Fri *-*-*"},
                 {"weekly", "Mon *-*-*"},
                 {"every week", "Mon *-*-*"},
                 {"daily", "*-*-*"},
                 {"every day", "*-*-*"},
                 {"each day", "*-*-*"},
                 {"nightly", "*-*-*"},
                 {"every night", "*-*-*"},
                 {"every morning", "*-*-*"}};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        if (has(text, dates[i].word))
            return dates[i].date;
    return NULL;
}

const char *schedule_of(const struct draft *draft, const char *text) {
    const char *often = often_of(draft, text);
    if (often)
        return often;
    const char *clock = clock_of(draft, text);
    const char *day = day_of(text);
    if (day && has(text, "first") && has(text, "month"))
        return arena_printf(draft->arena, "%s *-*-1..7 %s", day, clock);
    if (day)
        return arena_printf(draft->arena, "%s *-*-* %s", day, clock);
    const char *date = date_of(text);
    return date ? arena_printf(draft->arena, "%s %s", date, clock) : NULL;
}

const char *schedule_of_heading(const struct draft *draft, const char *title) {
    static const char *const words[] = {"hourly",  "daily",     "nightly", "weekly",
                                        "monthly", "quarterly", "yearly",  "annual"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(title, words[i], strlen(words[i])) == 0)
            return schedule_of(draft, words[i]);
    return NULL;
}

/* ---- objectives --------------------------------------------------------------------------- */

static bool is_rto(const char *words) {
    return strstr(words, "RTO") || has(words, "recovery time objective");
}

static bool is_rpo(const char *words) {
    return strstr(words, "RPO") || has(words, "recovery point objective");
}

static void objective_take(const struct draft *draft, struct section *section,
                           const struct block *block) {
    const char *about = block->label ? block->label : "";
    const bool rto = is_rto(about) || (is_rto(section->title) && !is_rpo(about));
    const bool rpo = is_rpo(about) || (is_rpo(section->title) && !is_rto(about));
    const char *words = block->label && !rto && !rpo ? "" : block->text;
    if (rto && !section->rto)
        section->rto = duration_said(draft, words);
    if (rpo && !section->rpo && !has(words, "near"))
        section->rpo = duration_said(draft, words);
}

static void objectives_of(const struct draft *draft, struct section *section) {
    for (const struct block *block = section->blocks->first; block; block = block->next) {
        if (block->kind == BLOCK_TEXT)
            objective_take(draft, section, block);
        for (const struct block *item = block->kind == BLOCK_LIST ? block->first : NULL; item;
             item = item->next)
            if (item->first && item->first->kind == BLOCK_TEXT)
                objective_take(draft, section, item->first);
    }
}

void times_find(const struct draft *draft) {
    const struct document *document = draft->document;
    for (size_t i = 0; i < document->section_count; i++)
        objectives_of(draft, document->sections[i]);
    for (size_t i = document->section_count; i-- > 0;) {
        const struct section *section = document->sections[i];
        struct section *parent = section->parent;
        if (parent && parent->parent && section->rto)
            parent->rto = section->rto;
        if (parent && parent->parent && section->rpo)
            parent->rpo = section->rpo;
    }
}
