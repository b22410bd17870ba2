#include "cli/run_set.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/verify_seal.h"

struct run_set {
    struct store *store;
    struct anchors *anchors; /* NULL: none of them lies in the store */
    struct seal_check *seals;
    char *runs; /* the store's folder of runs, with a slash behind it */
    char **dirs;
    size_t count;
};

/* Oldest first, so that the newest verdicts stand where a person looks. */
static int find_all(struct run_set *set, struct err *err) {
    char **ids = NULL;
    size_t count = 0;
    if (store_list(set->store, &ids, &count, err) < 0) {
        return -1;
    }
    set->dirs = mem_calloc(count + 1, sizeof *set->dirs);
    for (size_t i = 0; i < count; i++) {
        set->dirs[i] = mem_printf("%s%s", set->runs, ids[count - 1 - i]);
    }
    set->count = count;
    store_list_free(ids, count);
    return 0;
}

static int find_named(struct run_set *set, const struct invocation *invocation, struct err *err) {
    set->dirs = mem_calloc(invocation->operand_count + 1, sizeof *set->dirs);
    for (size_t i = 0; i < invocation->operand_count; i++) {
        if (store_find(set->store, invocation->operands[i], &set->dirs[i], err) < 0) {
            return -1;
        }
        set->count++;
    }
    return 0;
}

static int words_check(const struct invocation *invocation, bool all, struct err *err) {
    if (all && invocation->operand_count > 0) {
        return err_set(err, ERR_INVALID, "`--all` means every run: name none");
    }
    if (!all && invocation->operand_count == 0) {
        err_set(err, ERR_INVALID, "which RUN is meant?");
        return err_hint(err, "`last` is the newest, and `--all` the whole store");
    }
    return 0;
}

static int set_fill(struct run_set *set, const struct invocation *invocation, bool all,
                    struct err *err) {
    bool stored = all;
    if (store_open(&set->store, err) < 0) {
        return -1;
    }
    set->runs = mem_printf("%s/runs/", store_path(set->store));
    if ((all ? find_all(set, err) : find_named(set, invocation, err)) < 0) {
        return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        stored |= run_set_id(set, i) != NULL;
    }
    return stored ? anchors_read(set->store, &set->anchors, err) : 0;
}

int run_set_open(const struct invocation *invocation, bool all, const char *allowed_signers,
                 struct run_set **ret, struct err *err) {
    struct run_set *set = mem_zalloc(sizeof *set);
    if (words_check(invocation, all, err) < 0 ||
        seal_check_new(allowed_signers, &set->seals, err) < 0 ||
        set_fill(set, invocation, all, err) < 0) {
        run_set_free(set);
        return -1;
    }
    *ret = set;
    return 0;
}

void run_set_free(struct run_set *set) {
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        mem_free(set->dirs[i]);
    }
    mem_free(set->dirs);
    anchors_free(set->anchors);
    seal_check_free(set->seals);
    store_free(set->store);
    mem_free(set->runs);
    mem_free(set);
}

size_t run_set_count(const struct run_set *set) {
    return set->count;
}

const char *run_set_dir(const struct run_set *set, size_t index) {
    return set->dirs[index];
}

const char *run_set_id(const struct run_set *set, size_t index) {
    const char *dir = set->dirs[index];
    if (!text_starts_with(dir, set->runs)) {
        return NULL;
    }
    const char *id = dir + strlen(set->runs);
    return *id && !strchr(id, '/') ? id : NULL;
}

bool run_set_has(const struct run_set *set, const char *id) {
    AUTO_TEXT dir = mem_printf("%s%s", set->runs, id);
    return file_exists(dir);
}

struct verify *run_set_verify(const struct run_set *set, size_t index) {
    const char *id = run_set_id(set, index);
    struct verify *verify = verify_run(set->dirs[index], id, id ? set->anchors : NULL);
    seal_check_run(set->seals, verify);
    return verify;
}

bool run_set_missing(const struct run_set *set, size_t *cursor, const char **ret_run,
                     const char **ret_by) {
    return anchors_missing(set->anchors, cursor, ret_run, ret_by);
}
