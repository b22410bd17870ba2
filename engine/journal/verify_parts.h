/* What the files of the verifier share; private to them. */
#ifndef JOURNAL_VERIFY_PARTS_H
#define JOURNAL_VERIFY_PARTS_H

#include "base/map.h"
#include "base/mem.h"
#include "journal/event.h"
#include "journal/verify.h"

void verify_find(struct verify *verify, enum verify_kind kind, uint64_t line, const char *file,
                 const char *format, ...) PRINTF_LIKE(5, 6);

/* ---- files ----------------------------------------------------------------------------------- */

struct verify_files;
struct verify_files *verify_files_new(struct verify *verify, const char *dir);
void verify_files_free(struct verify_files *files);
/* Compares every file that the record names with the digest that it gives. */
void verify_files_check(struct verify_files *files, const struct event *event);
/* Reports what lies in output/ and was named by no record, as that kind; as VERIFY_UNNAMED what
 * holds no more than a text that a record has: a disk that fails may not let go of it. */
void verify_files_extra(struct verify_files *files, enum verify_kind kind, const char *transcript);
uint64_t verify_files_count(const struct verify_files *files);
/* Their names; the caller frees. The values mean nothing. */
struct map *verify_files_take(struct verify_files *files);

/* ---- seals ----------------------------------------------------------------------------------- */

struct verify_sealing;
struct verify_sealing *verify_sealing_new(struct verify *verify, struct arena *arena);
void verify_sealing_free(struct verify_sealing *sealing);
void verify_sealing_add(struct verify_sealing *sealing, const struct event *event);
/* Once all records were read: finds the records that the checkpoints vouch for. */
void verify_sealing_place(struct verify_sealing *sealing, const char *transcript);

struct verify_sealing *verify_sealing_of(const struct verify *verify);
uint64_t verify_ended_at(const struct verify *verify); /* the end record; 0: there is none */

/* ---- anchors --------------------------------------------------------------------------------- */

/* What later runs say of one run. */
struct anchor {
    char *by;
    char head[65];
    bool found;
};
struct anchor_list {
    struct anchor *items;
    size_t count, capacity;
    bool present; /* the run is in the store */
};
/* NULL where no run of the store speaks of it. */
struct anchor_list *anchors_of(const struct anchors *anchors, const char *run);
const char *anchors_store(const struct anchors *anchors);

#endif
