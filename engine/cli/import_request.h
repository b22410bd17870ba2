/* Commands and fenced texts that are requests or statements in truth: curl, psql, HTTP as it is
 * written down, PromQL. */
#ifndef CLI_IMPORT_REQUEST_H
#define CLI_IMPORT_REQUEST_H

#include "cli/import_draft.h"

/* One command; NULL where it is no plain request. */
struct draft_step *request_from_curl(struct draft *draft, struct draft_step *group,
                                     const char *text, size_t length, uint32_t line);
/* `psql $DATABASE_URL -c "…"`. */
struct draft_step *request_from_psql(struct draft *draft, struct draft_step *group,
                                     const char *text, size_t length, uint32_t line);
/* `GET /path`, headers, a body: one after another. */
void requests_from_http(struct draft *draft, struct draft_step *group, const struct block *block);
struct draft_step *request_add(struct draft *draft, struct draft_step *group, const char *method,
                               const char *target, uint32_t line);
void requests_from_promql(struct draft *draft, struct draft_step *group, const struct block *block);
/* `Expected: { "status": "ok" }` becomes a condition; false where it cannot. */
bool request_expect(struct draft *draft, struct draft_step *step, const char *json, size_t length);
/* Statements that may stand outside of a transaction only are told so. */
struct draft_step *statements_add(struct draft *draft, struct draft_step *group, const char *sql,
                                  uint32_t line);

#endif
