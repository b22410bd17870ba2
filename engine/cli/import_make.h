/* From a document to YAML that passes check. */
#ifndef CLI_IMPORT_MAKE_H
#define CLI_IMPORT_MAKE_H

#include "cli/import_write.h"

struct import {
    struct patterns *patterns;
    struct source *source;
    struct document document;
    const char *health_url;
    const char **section_names; /* by number */
};

/* `path` or `-`. The caller frees with import_end, also after an error. */
int import_begin(const char *path, struct import *ret, struct err *err) MUST_USE;
void import_end(struct import *import);

/* How many steps stand in the section itself. */
size_t import_count(const struct import *import, const struct section *section);
/* What its runbook is called: unique among all sections of the document; the caller does not
 * free. */
const char *import_name(const struct import *import, const struct section *section);
/* Whether its headings are the steps of one procedure, as in "1. Install". */
bool section_is_whole(const struct import *import, const struct section *section);
const char *section_path(const struct import *import, const struct section *section);

/* The section's YAML; with `deep` that of all sections below it, too, as groups. Without any step
 * it is an error. */
int import_make(const struct import *import, const struct section *section, bool deep,
                struct buf *out, left_list *ret_left, struct err *err) MUST_USE;

/* In import_mend.c: loads the YAML and turns what check refuses into what it takes. */
int draft_mend(struct draft *draft, struct buf *out, left_list *ret_left, struct err *err) MUST_USE;

#endif
