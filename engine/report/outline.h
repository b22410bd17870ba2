/* A plan for people and programs: what would run, in which order, and what would undo it. Made
 * offline; secrets appear by name only, as the runbook writes them. */
#ifndef REPORT_OUTLINE_H
#define REPORT_OUTLINE_H

#include "plan/plan.h"
#include "report/text.h"

/* The same data as `plan --json` prints; the caller frees. Absent members are left out:
 *
 *   {runbook, name, title, description, owner, plan_sha256, profile, language: 1, waves,
 *    objectives: {rto_ms, rpo_ms}, params: {NAME: value},
 *    secrets: [{name, from}], databases: [{name, url, protected}], requires: {commands, env},
 *    lock, steps: [step], finally: [step]}
 *
 * step: {id, title, action, effect, effect_reason, wave, depth, needs: [id], lines: [[label,
 *    text]], when, foreach, concurrency, target, database, timeout_ms, deadline_ms, lock,
 *    on_failure, background, sensitive, destroys: [text], done_when, point_of_no_return, skipped,
 *    retry: {attempts, delay_ms}, rollback: {action, lines}, parallel, steps: [step]}
 *
 * Members of a group stand in `steps` of the list itself, deeper by one; those of a foreach or
 * a call stand in `steps` of theirs, since they have a graph of their own. */
value outline_new(struct plan *plan);

/* `verbose` shows whole commands instead of their first lines. */
void outline_text(struct buf *out, value outline, bool verbose, const struct text_style *style);

#endif
