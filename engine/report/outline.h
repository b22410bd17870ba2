/* A plan for people and programs: what would run, in which order, and what would undo it. Made
 * offline; secrets appear by name only, as the runbook writes them. */
#ifndef REPORT_OUTLINE_H
#define REPORT_OUTLINE_H

#include "plan/plan.h"
#include "report/text.h"

/* What the plan itself cannot know. */
struct outline_facts {
    value git;    /* {commit, branch, dirty} of the repository around the runbook, or null */
    value policy; /* {path, sha256} of the house rules in force, or null */
    const struct estimate *estimate; /* of past runs; NULL: none is told */
    bool is_brief;                   /* of the steps only what a line of text for each shows */
};

/* The plan must outlive it; of `facts` nothing is kept. */
struct outline;
struct outline *outline_new(struct plan *plan, const struct outline_facts *facts);
void outline_free(struct outline *outline);

/* What `plan --json` prints, as schemas/plan.schema.json says, and frees the outline, which is not
 * brief; owned. Absent members are left out. Members of a group stand in `steps` of the list
 * itself, deeper by one; those of a foreach or a call stand in `steps` of theirs, since they have a
 * graph of their own. */
value outline_take(struct outline *outline);

/* schemas/plan.schema.json */
void outline_schema(struct buf *out);

/* All that each step has to say, or of a brief outline a line for each. */
void outline_text(struct buf *out, const struct outline *outline, const struct text_style *style);

#endif
