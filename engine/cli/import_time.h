/* Times in prose: durations, schedules, objectives. */
#ifndef CLI_IMPORT_TIME_H
#define CLI_IMPORT_TIME_H

#include "cli/import_draft.h"

/* The first duration in the text, as a runbook says it: "4 hours" is 4h. NULL where there is
 * none. */
const char *duration_said(const struct draft *draft, const char *text);
/* A calendar expression of systemd: "Every Sunday at 2:00 AM" is Sun *-*-* 02:00. NULL where it
 * is none. */
const char *schedule_of(const struct draft *draft, const char *text);
/* The same of a heading, such as "Weekly maintenance". */
const char *schedule_of_heading(const struct draft *draft, const char *title);
/* How long a phase lasts: "Triage (5-15 minutes)" is 10m. NULL where it is none. */
const char *phase_of(const struct draft *draft, const char *title);
/* Recovery objectives of all sections, also those that only a section below says. */
void times_find(const struct draft *draft);

#endif
