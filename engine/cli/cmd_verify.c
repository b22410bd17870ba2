#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/verify_seal.h"
#include "cli/verify_text.h"
#include "lang/config.h"
#include "run/run.h"

struct verify_options {
    bool all;
    bool json;
    bool sealed;
    const char *allowed_signers;
};

/* All that one call looks at. */
struct verifier {
    const struct verify_options *options;
    struct store *store;
    struct anchors *anchors;
    struct seal_check *seals;
    char *runs; /* the store's folder of runs, with a slash behind it */
    char **dirs;
    size_t count;
    struct verify_totals totals;
    struct text_style style;
    struct buf out; /* text, or */
    value list;     /* the runs as data */
};

/* ---- which runs ---------------------------------------------------------------------------- */

static void dirs_free(char **dirs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        mem_free(dirs[i]);
    }
    mem_free(dirs);
}

/* Oldest first, so that the newest verdicts stand where a person looks. */
static int find_all(struct verifier *verifier, struct err *err) {
    char **ids = NULL;
    size_t count = 0;
    if (store_list(verifier->store, &ids, &count, err) < 0) {
        return -1;
    }
    verifier->dirs = mem_calloc(count + 1, sizeof *verifier->dirs);
    for (size_t i = 0; i < count; i++) {
        verifier->dirs[i] = mem_printf("%s%s", verifier->runs, ids[count - 1 - i]);
    }
    verifier->count = count;
    store_list_free(ids, count);
    return 0;
}

static int find_named(struct verifier *verifier, const struct invocation *invocation,
                      struct err *err) {
    verifier->dirs = mem_calloc(invocation->operand_count + 1, sizeof *verifier->dirs);
    for (size_t i = 0; i < invocation->operand_count; i++) {
        if (store_find(verifier->store, invocation->operands[i], &verifier->dirs[i], err) < 0) {
            return -1;
        }
        verifier->count++;
    }
    return 0;
}

/* The id that a folder of the store must have; NULL where it lies elsewhere. */
static const char *stored_id(const struct verifier *verifier, const char *dir) {
    if (!text_starts_with(dir, verifier->runs)) {
        return NULL;
    }
    const char *id = dir + strlen(verifier->runs);
    return *id && !strchr(id, '/') ? id : NULL;
}

static int verifier_open(struct verifier *verifier, const struct invocation *invocation,
                         struct err *err) {
    bool stored = verifier->options->all;
    if (store_open(&verifier->store, err) < 0) {
        return -1;
    }
    verifier->runs = mem_printf("%s/runs/", store_path(verifier->store));
    if ((verifier->options->all ? find_all(verifier, err) : find_named(verifier, invocation, err)) <
        0) {
        return -1;
    }
    for (size_t i = 0; i < verifier->count; i++) {
        stored |= stored_id(verifier, verifier->dirs[i]) != NULL;
    }
    return stored ? anchors_read(verifier->store, &verifier->anchors, err) : 0;
}

static void verifier_release(struct verifier *verifier) {
    dirs_free(verifier->dirs, verifier->count);
    anchors_free(verifier->anchors);
    seal_check_free(verifier->seals);
    store_free(verifier->store);
    mem_free(verifier->runs);
    buf_release(&verifier->out);
    value_free(verifier->list);
}

/* ---- verifying ----------------------------------------------------------------------------- */

static void verify_one(struct verifier *verifier, const char *dir) {
    const char *id = stored_id(verifier, dir);
    const char *by = NULL;
    struct verify *verify = verify_run(dir, id, id ? verifier->anchors : NULL);
    struct verify_totals *totals = &verifier->totals;
    seal_check_run(verifier->seals, verify);
    if (verifier->options->sealed) {
        verify_seal_require(verify);
    }
    totals->runs++;
    totals->verdicts[verify_verdict(verify)]++;
    totals->vouched += verify_vouched(verify, &by) > 0;
    totals->seals[verify_seal_state(verify)]++;
    totals->store &= id != NULL;
    if (verifier->options->json) {
        verifier->list = value_append(verifier->list, verify_run_value(verify));
    } else {
        verify_put_run(&verifier->out, verify, &verifier->style);
    }
    verify_free(verify);
}

/* Runs that are gone show only where the whole store is looked at. */
static value verify_missing(struct verifier *verifier) {
    const char *run = NULL, *by = NULL;
    value list = value_array();
    for (size_t i = 0; anchors_missing(verifier->anchors, &i, &run, &by);) {
        verifier->totals.missing++;
        value one = value_set(value_object(), "run", value_string(run));
        list = value_append(list, value_set(one, "named_by", value_string(by)));
        if (!verifier->options->json) {
            verify_put_missing(&verifier->out, run, by, &verifier->style);
        }
    }
    return list;
}

static void put_counts(struct buf *out, const struct verify_totals *totals) {
    buf_printf(out, "\n%zu runs", totals->runs);
    for (enum verify_verdict verdict = VERIFY_VERIFIED; verdict <= VERIFY_DAMAGED; verdict++) {
        if (totals->verdicts[verdict] > 0) {
            buf_printf(out, ", %zu %s", totals->verdicts[verdict], verify_verdict_name(verdict));
        }
    }
    if (totals->missing > 0) {
        buf_printf(out, ", %zu missing", totals->missing);
    }
    buf_putc(out, '\n');
}

static void put_json(struct verifier *verifier, value missing_taken) {
    const struct verify_totals *totals = &verifier->totals;
    const enum verify_verdict verdict = verify_totals_verdict(totals);
    value object = value_set(value_object(), "verdict", value_string(verify_verdict_name(verdict)));
    object = value_set(object, "runs", value_copy(verifier->list));
    object = value_set(object, "missing", missing_taken);
    AUTO_VALUE whole = value_set(object, "proofs", verify_proofs_value(totals));
    value_dump(&verifier->out, whole);
    buf_putc(&verifier->out, '\n');
}

static int verify_all(struct verifier *verifier) {
    for (size_t i = 0; i < verifier->count; i++) {
        verify_one(verifier, verifier->dirs[i]);
    }
    value missing = verifier->options->all ? verify_missing(verifier) : value_array();
    if (verifier->options->json) {
        put_json(verifier, missing);
    } else {
        value_free(missing);
        if (verifier->totals.runs != 1) {
            put_counts(&verifier->out, &verifier->totals);
        }
        verify_put_proofs(&verifier->out, &verifier->totals, &verifier->style);
    }
    const int printed = print_product(&verifier->out);
    const enum verify_verdict verdict = verify_totals_verdict(&verifier->totals);
    if (verdict > VERIFY_RUNNING) {
        return RUN_TRANSCRIPT;
    }
    return printed;
}

static int verify_check_words(const struct invocation *invocation, struct err *err) {
    const struct verify_options *options = invocation->options;
    if (options->all && invocation->operand_count > 0) {
        return err_set(err, ERR_INVALID, "`--all` verifies every run: name none");
    }
    if (!options->all && invocation->operand_count == 0) {
        err_set(err, ERR_INVALID, "`verify` wants a RUN");
        return err_hint(err,
                        "`runbook verify last`, or `runbook verify --all` for the whole store");
    }
    return 0;
}

/* Whose keys may seal: the option goes before the configuration. */
static int seals_prepare(struct verifier *verifier, const struct config *config, struct err *err) {
    const char *allowed = verifier->options->allowed_signers;
    if (!allowed && config->signing) {
        allowed = config->signing->allowed_signers;
    }
    if (!allowed && verifier->options->sealed) {
        err_set(err, ERR_INVALID, "`--sealed` needs to know whose keys may seal");
        return err_hint(err, "give `--allowed-signers FILE`, or set `signing.allowed_signers` in "
                             "the configuration");
    }
    return seal_check_new(allowed, &verifier->seals, err);
}

static int verify_main(const struct invocation *invocation) {
    struct err err = ERR_INIT;
    struct verifier verifier = {
        .options = invocation->options,
        .style = terminal_style(STDOUT_FILENO),
        .out = BUF_INIT(PRODUCT_MAX),
        .totals.store = true,
        .list = value_array(),
    };
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    int status;
    if (!config) {
        status = print_diag(diag);
    } else if (verify_check_words(invocation, &err) < 0 ||
               seals_prepare(&verifier, config, &err) < 0 ||
               verifier_open(&verifier, invocation, &err) < 0) {
        status = print_err(&err);
    } else {
        status = verify_all(&verifier);
    }
    verifier_release(&verifier);
    config_free(config);
    diag_free(diag);
    return status;
}

static const struct option verify_options[] = {
    {.name = "all",
     .letter = 'a',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct verify_options, all),
     .doc = "verify every run of the store, and report runs that are gone"},
    {.name = "allowed-signers",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct verify_options, allowed_signers),
     .argument = "FILE",
     .word = WORD_FILE,
     .doc = "whose keys may seal, in the format of ssh-keygen(1), in place of the configuration's "
            "signing.allowed_signers"},
    {.name = "sealed",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct verify_options, sealed),
     .doc = "call a run untrusted that is not sealed to its end by a key that may"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct verify_options, json),
     .doc = "print verdicts and findings as one JSON object"},
    {0},
};

const struct command command_verify = {
    .name = "verify",
    .summary = "prove that a transcript is whole and untouched",
    .operands = "[RUN...]",
    .about =
        "Checks each record's shape and number, the chain of SHA-256 sums from record to record, "
        "the end record's own sum, and the SHA-256 of every output, result and runbook file; and "
        "says what that proves and what it cannot prove. RUN is an id, a unique beginning of one, "
        "the path of a run's folder, or `last`.\n\n"
        "Where records are sealed, ssh-keygen is asked about each signature: how far the run is "
        "sealed, and by whom.\n\n"
        "A run is `verified`; `running` (whole so far, an engine is at it); `incomplete` (what is "
        "there is in order, but it has no end: the engine died, or the tail was cut); `untrusted` "
        "(in order, but sealed by a key that is not among the allowed signers); or "
        "`damaged`. In the store each run names the run before it and its head, so that runs that "
        "were deleted or written anew show as long as a later run is there.\n\n"
        "The exit status is 0 where every run is verified or running, and 7 where one is "
        "incomplete, untrusted, damaged or missing. examples/verify.sh checks the same with "
        "coreutils, jq and ssh-keygen.",
    .least = 0,
    .most = OPERANDS_ANY,
    .word = WORD_RUN,
    .options = verify_options,
    .size = sizeof(struct verify_options),
    .examples = (const struct example[]){{"verify last", "The newest run."},
                                         {"verify --all", "The whole store, holes included."},
                                         {"verify last --json", "The findings, as data."},
                                         {0}},
    .run = verify_main,
};
