/* The folders of a store as names in order; private to the store. */
#ifndef JOURNAL_STORE_LIST_H
#define JOURNAL_STORE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

#define RUN_STAMP_LENGTH 16 /* "20260102T030405Z" */

/* What an id says about when its run was made; an id without a time has the earliest. */
struct run_key {
    char stamp[RUN_STAMP_LENGTH + 1];
    unsigned suffix; /* 1 where there is none */
};
struct run_key run_key_of(const char *id);
int run_key_compare(const struct run_key *a, const struct run_key *b);
void run_stamp(int64_t wall_ns, char ret[RUN_STAMP_LENGTH + 1]);

struct run_names {
    char **items;
    size_t count;
    size_t capacity;
};
/* In no order. */
int run_names_read(const char *runs, struct run_names *ret, struct err *err) MUST_USE;
void run_names_sort(struct run_names *names); /* newest first */
void run_names_release(struct run_names *names);
#define AUTO_RUN_NAMES __attribute__((cleanup(run_names_release))) struct run_names

/* Refuses a foreign owner, and what others may write to. */
int store_check_owner(const char *path, const struct stat *info, struct err *err) MUST_USE;
/* The same, and a symlink, and what is no folder. */
int store_check_dir(const char *path, struct err *err) MUST_USE;
/* Hex SHA-256 of the last whole line; false where there is none. */
bool transcript_head(const char *path, char ret[65]);

#endif
