/* Proves that a run's transcript, and the files that it names, are whole and untouched; and says
 * what that proves and what it does not. */
#ifndef JOURNAL_VERIFY_H
#define JOURNAL_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/store.h"

/* What a finding does to the verdict. */
enum verify_level { VERIFY_NOTE, VERIFY_GAP, VERIFY_DISTRUST, VERIFY_HARM };

/* X(NAME, "name in JSON", level) */
#define VERIFY_KINDS(X)                                                                            \
    X(TRANSCRIPT, "transcript", VERIFY_HARM) /* there is none, or it cannot be read */             \
    X(RECORD, "record", VERIFY_HARM)         /* a line is no record, or the chain is broken */     \
    X(START, "start", VERIFY_HARM)           /* run.started is not the first record, alone */      \
    X(RUN, "run", VERIFY_HARM)               /* it is the transcript of another run */             \
    X(NAME, "file.name", VERIFY_HARM)        /* a record names a file where none may be */         \
    X(MISSING, "file.missing", VERIFY_HARM)  /* a file that a record names is not there */         \
    X(CHANGED, "file.changed", VERIFY_HARM)  /* its bytes are others */                            \
    X(EXTRA, "file.extra", VERIFY_HARM)      /* a file in output/ that no record names */          \
    X(REWRITTEN, "rewritten", VERIFY_HARM)   /* a later run vouches for a record that is gone */   \
    X(TORN, "torn", VERIFY_GAP)              /* bytes behind the last record */                    \
    X(END, "end", VERIFY_GAP) /* no run.finished at the end, or behind the last run.resumed */     \
    X(UNNAMED, "file.unnamed", VERIFY_NOTE)     /* as EXTRA, of an attempt that was cut off */     \
    X(PREVIOUS, "previous.gone", VERIFY_NOTE)   /* the run before it is not in the store */        \
    X(ALTERED, "previous.altered", VERIFY_NOTE) /* the run before it is not as it was then */      \
    X(SEAL_BAD, "seal.bad", VERIFY_HARM)        /* a signature that does not fit */                \
    X(SEAL_FOREIGN, "seal.foreign", VERIFY_DISTRUST) /* by a key that is not allowed to */         \
    X(SEAL_MISSING, "seal.missing", VERIFY_DISTRUST) /* asked for, and the end has none */         \
    X(SEAL_FAILED, "seal.failed", VERIFY_NOTE)       /* the engine could not sign */               \
    X(SEAL_UNCHECKED, "seal.unchecked", VERIFY_NOTE) /* a signature that was not checked */        \
    X(WITNESS_OTHER, "witness.other", VERIFY_HARM)   /* the witness has another transcript */      \
    X(WITNESS_NONE, "witness.none", VERIFY_DISTRUST) /* it was asked, and has none */

enum verify_kind {
#define X(NAME, name, level) VERIFY_##NAME,
    VERIFY_KINDS(X)
#undef X
        VERIFY_KIND_COUNT
};
const char *verify_kind_name(enum verify_kind kind);
enum verify_level verify_kind_level(enum verify_kind kind);

struct verify_finding {
    enum verify_kind kind;
    uint64_t line;       /* 0: of no line */
    const char *file;    /* within the run's folder; NULL: none */
    const char *message; /* one sentence without a final full stop; not yet escaped */
};

enum verify_verdict {
    VERIFY_VERIFIED,
    VERIFY_RUNNING,
    VERIFY_INCOMPLETE,
    VERIFY_UNTRUSTED,
    VERIFY_DAMAGED
};
const char *verify_verdict_name(enum verify_verdict verdict);

/* More than so many findings are only counted. */
#define VERIFY_FINDINGS_MAX 1000

struct anchors;
struct verify;
/* Verifies the run in `dir`. Damage is a finding, not an error. `run` is the id that it must
 * have, or NULL; `anchors` is what is known of the store that it lies in, or NULL. Reads each
 * record once; the memory grows only with the number of files that the transcript names. */
struct verify *verify_run(const char *dir, const char *run, struct anchors *anchors);
void verify_free(struct verify *verify);

enum verify_verdict verify_verdict(const struct verify *verify);
const char *verify_dir(const struct verify *verify);
const char *verify_id(const struct verify *verify); /* as the transcript says; NULL: unknown */
uint64_t verify_records(const struct verify *verify);
uint64_t verify_files(const struct verify *verify);  /* how many it names */
uint64_t verify_length(const struct verify *verify); /* bytes of its records */
/* The files that it names, each once: `for (size_t i = 0; verify_file_next(verify, &i, &name);)`.
 */
bool verify_file_next(const struct verify *verify, size_t *cursor, const char **ret_name);
/* Of the last record that was read. */
const char *verify_head(const struct verify *verify);
/* The last record that a later run of the store vouches for, 0 for none, and that run. */
uint64_t verify_vouched(const struct verify *verify, const char **ret_by);
const struct verify_finding *verify_findings(const struct verify *verify, size_t *ret_count);
uint64_t verify_findings_dropped(const struct verify *verify);

/* ---- seals ----------------------------------------------------------------------------------- */

/* What became of a checkpoint's signature. Of those that fit in themselves the journal cannot tell
 * more: somebody asks ssh-keygen, and says what came of it. */
enum verify_trust {
    VERIFY_UNSIGNED,  /* it has none */
    VERIFY_UNCHECKED, /* nobody has asked */
    VERIFY_MISFIT,    /* it is not a signature of the head of this transcript */
    VERIFY_FOREIGN,   /* good, by a key that may not */
    VERIFY_UNKNOWN,   /* good, and nobody said whose keys may seal */
    VERIFY_TRUSTED,   /* good, by a key that may */
};
const char *verify_trust_name(enum verify_trust trust);

struct verify_seal {
    uint64_t line;   /* of the checkpoint */
    uint64_t covers; /* the last record that it vouches for; 0: none has that head */
    int64_t wall_ns; /* when that record was written */
    const char *head;
    const char *signer; /* fingerprint of the key */
    const char *signature;
    const char *by; /* who that is; NULL where that is not known */
    enum verify_trust trust;
};
/* In the order of the transcript. */
const struct verify_seal *verify_seals(const struct verify *verify, size_t *ret_count);
/* Says what a VERIFY_UNCHECKED one is; `by` and `why` may be NULL. */
void verify_seal_judge(struct verify *verify, size_t index, enum verify_trust trust, const char *by,
                       const char *why);
/* The one of those with that much trust, or more, that covers most; NULL where there is none. */
const struct verify_seal *verify_seal_best(const struct verify *verify, enum verify_trust least);
/* Whether the end record is covered by it. */
bool verify_seal_is_whole(const struct verify *verify, const struct verify_seal *seal);
/* Finds fault where no trusted one covers the end. */
void verify_seal_require(struct verify *verify);

/* ---- a witness ------------------------------------------------------------------------------- */

/* The name of the transcript in a run's folder. */
#define VERIFY_TRANSCRIPT_NAME "transcript.jsonl"
/* Whether the transcript begins with these bytes: a run that is resumed only grows. */
bool verify_begins_with(const struct verify *verify, const char *bytes, size_t length);
/* Holds it against what a witness keeps of it; NULL: nothing. */
void verify_witness(struct verify *verify, const char *bytes, size_t length);
/* The last record that the witness has, too; 0 for none. */
uint64_t verify_witnessed(const struct verify *verify);

/* ---- what the runs of a store say of each other ---------------------------------------------- */

/* The first record of each run names the run before it and the SHA-256 of its last record. */
int anchors_read(struct store *store, struct anchors **ret, struct err *err) MUST_USE;
void anchors_free(struct anchors *anchors);
/* Runs that others name and that are not in the store, one after the other:
 * `for (size_t i = 0; anchors_missing(anchors, &i, &run, &by);)`. */
bool anchors_missing(const struct anchors *anchors, size_t *cursor, const char **ret_run,
                     const char **ret_by);

#endif
