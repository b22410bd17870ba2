/* Calendar expressions as systemd reads them (systemd.time(7)), without systemd: `daily`,
 * `Mon *-*-* 03:00`, `Mon..Fri *:0/15`, `*-*~1 23:00 Europe/Berlin`. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CALENDAR_WEEK 0x7FU /* all weekdays */

/* When it elapses. Bit N of a set is the value N. */
struct calendar {
    unsigned weekdays; /* bit 0 is Monday */
    uint64_t months, days, hours, minutes;
    bool is_any_year;
    bool is_any_day;       /* of the month */
    bool is_from_end;      /* `~`: `days` count back from the month's last, which is 1 */
    bool is_on_the_minute; /* at second 0 and no other */
    const char *zone;      /* within the text, to its end; NULL: the machine's own */
};

/* Which bytes of the text are wrong. */
struct calendar_fault {
    size_t at, length;
};

/* `ret->zone` borrows from the text. A zone is looked up in the machine's database of time zones,
 * where it has one. `@` with seconds since 1970, which systemd knows too, is refused: as a date it
 * can be read. */
int calendar_parse(const char *text, struct calendar *ret, struct calendar_fault *ret_fault,
                   struct err *err) MUST_USE;

#endif
