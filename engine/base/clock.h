/* Time. All engine code reads time here, so that a test or a replay can supply it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define CLOCK_TEXT_SIZE 28 /* "2026-01-02T03:04:05.678901Z" and NUL */

int64_t clock_wall_ns(void); /* since 1970-01-01T00:00:00Z */
int64_t clock_mono_ns(void); /* CLOCK_BOOTTIME: goes on while the machine sleeps */

/* RFC 3339 in UTC with microseconds. */
void clock_format(int64_t wall_ns, char ret[CLOCK_TEXT_SIZE]);
/* RFC 3339 with any fraction and any offset. */
int clock_parse(const char *text, int64_t *ret_wall_ns, struct err *err) MUST_USE;

/* From here on both clocks stand at these values until clock_advance or clock_real. */
void clock_fake(int64_t wall_ns, int64_t mono_ns);
void clock_advance(int64_t ns);
void clock_real(void);

#endif
