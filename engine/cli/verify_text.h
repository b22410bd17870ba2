/* What `verify` found, for people and as data. */
#ifndef CLI_VERIFY_TEXT_H
#define CLI_VERIFY_TEXT_H

#include "journal/verify.h"
#include "report/text.h"
#include "value/value.h"

/* How far the seal of a run goes, and whether its key is known to be one that may. */
enum seal_state {
    SEAL_NONE,
    SEAL_UNKNOWN_PART,
    SEAL_UNKNOWN_WHOLE,
    SEAL_PART,
    SEAL_WHOLE,
    SEAL_STATES
};
enum seal_state verify_seal_state(const struct verify *verify);
/* Whether the witness has all of its records. */
bool verify_witness_is_whole(const struct verify *verify);

/* What came of all runs that were asked for. */
struct verify_totals {
    size_t runs;
    size_t verdicts[VERIFY_DAMAGED + 1];
    size_t seals[SEAL_STATES];
    size_t vouched;      /* runs of which a later run vouches for a record */
    size_t missing;      /* runs that others name and that are not there; with `whole_store` */
    size_t witnessed;    /* runs that the witness has to their end */
    const char *witness; /* NULL: none was asked */
    bool store;          /* whether the runs of the store were held against each other */
};
enum verify_verdict verify_totals_verdict(const struct verify_totals *totals);

/* One run: a line, and one for each finding. */
void verify_put_run(struct buf *out, const struct verify *verify, const struct text_style *style);
/* A run that another names, or (NULL) the witness has, and that is not in the store. */
void verify_put_missing(struct buf *out, const char *run, const char *by,
                        const struct text_style *style);
/* What all of it proves, and what it cannot prove. */
void verify_put_proofs(struct buf *out, const struct verify_totals *totals,
                       const struct text_style *style);

value verify_run_value(const struct verify *verify);
/* {chain, end, files, store, seal, witness}, each {present, …, proves} */
value verify_proofs_value(const struct verify_totals *totals);

#endif
