#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/run_set.h"
#include "cli/terminal.h"
#include "cli/verify_text.h"
#include "cli/witness.h"
#include "lang/config.h"
#include "run/run.h"

struct verify_options {
    bool all;
    bool json;
    bool sealed;
    const char *allowed_signers;
    const char *witness;
};

/* All that one call looks at. */
struct verifier {
    const struct verify_options *options;
    struct run_set *set;
    struct repo *witness; /* NULL: none is asked */
    struct verify_totals totals;
    struct text_style style;
    struct buf out; /* text, or */
    value list;     /* the runs as data */
    value missing;
};

/* ---- verifying ----------------------------------------------------------------------------- */

static int verify_one(struct verifier *verifier, size_t index, struct err *err) {
    const char *by = NULL;
    struct verify *verify = run_set_verify(verifier->set, index);
    struct verify_totals *totals = &verifier->totals;
    if (verifier->options->sealed) {
        verify_seal_require(verify);
    }
    if (verifier->witness && witness_check(verifier->witness, verify, err) < 0) {
        verify_free(verify);
        return -1;
    }
    totals->runs++;
    totals->verdicts[verify_verdict(verify)]++;
    totals->vouched += verify_vouched(verify, &by) > 0;
    totals->seals[verify_seal_state(verify)]++;
    totals->witnessed += verify_witness_is_whole(verify);
    totals->store &= run_set_id(verifier->set, index) != NULL;
    if (verifier->options->json) {
        verifier->list = value_append(verifier->list, verify_run_value(verify));
    } else {
        verify_put_run(&verifier->out, verify, &verifier->style);
    }
    verify_free(verify);
    return 0;
}

/* `by` is the run that names it; NULL: the witness has it. */
static void missing_add(struct verifier *verifier, const char *run, const char *by) {
    for (size_t i = 0; i < value_count(verifier->missing); i++) {
        AUTO_VALUE one = value_at(verifier->missing, i);
        AUTO_VALUE known = value_get(one, "run");
        if (text_equal(value_text(known), run)) {
            return;
        }
    }
    verifier->totals.missing++;
    value one = value_set(value_object(), "run", value_string(run));
    one = value_set(one, "named_by", value_string(by));
    verifier->missing = value_append(verifier->missing, one);
    if (!verifier->options->json) {
        verify_put_missing(&verifier->out, run, by, &verifier->style);
    }
}

/* Runs that are gone show only where the whole store is looked at. */
static void verify_missing(struct verifier *verifier) {
    const char *run = NULL, *by = NULL;
    for (size_t i = 0; run_set_missing(verifier->set, &i, &run, &by);) {
        missing_add(verifier, run, by);
    }
    AUTO_VALUE names =
        verifier->witness ? repo_list(verifier->witness, WITNESS_FOLDER) : value_array();
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        if (value_text(name)[0] != '.' && !run_set_has(verifier->set, value_text(name))) {
            missing_add(verifier, value_text(name), NULL);
        }
    }
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

static void put_json(struct verifier *verifier) {
    const struct verify_totals *totals = &verifier->totals;
    const enum verify_verdict verdict = verify_totals_verdict(totals);
    value object = value_set(value_object(), "verdict", value_string(verify_verdict_name(verdict)));
    object = value_set(object, "runs", value_copy(verifier->list));
    object = value_set(object, "missing", value_copy(verifier->missing));
    AUTO_VALUE whole = value_set(object, "proofs", verify_proofs_value(totals));
    value_dump(&verifier->out, whole);
    buf_putc(&verifier->out, '\n');
}

static int verify_all(struct verifier *verifier, struct err *err) {
    for (size_t i = 0; i < run_set_count(verifier->set); i++) {
        if (verify_one(verifier, i, err) < 0) {
            return print_err(err);
        }
    }
    if (verifier->options->all) {
        verify_missing(verifier);
    }
    if (verifier->options->json) {
        put_json(verifier);
    } else {
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

/* Whose keys may seal: the option goes before the configuration. */
static int verifier_open(struct verifier *verifier, const struct invocation *invocation,
                         const struct config *config, struct err *err) {
    const struct verify_options *options = verifier->options;
    const char *allowed = options->allowed_signers;
    if (!allowed && config->signing) {
        allowed = config->signing->allowed_signers;
    }
    if (!allowed && options->sealed) {
        err_set(err, ERR_INVALID, "`--sealed` needs to know whose keys may seal");
        return err_hint(err, "give `--allowed-signers FILE`, or set `signing.allowed_signers` in "
                             "the configuration");
    }
    verifier->totals.witness = options->witness;
    if (options->witness && repo_open(options->witness, false, &verifier->witness, err) < 0) {
        return -1;
    }
    return run_set_open(invocation, options->all, allowed, &verifier->set, err);
}

static void verifier_release(struct verifier *verifier) {
    run_set_free(verifier->set);
    repo_close(verifier->witness);
    buf_release(&verifier->out);
    value_free(verifier->list);
    value_free(verifier->missing);
}

static int verify_main(const struct invocation *invocation) {
    struct err err = ERR_INIT;
    struct verifier verifier = {
        .options = invocation->options,
        .style = terminal_style(STDOUT_FILENO),
        .out = BUF_INIT(PRODUCT_MAX),
        .totals.store = true,
        .list = value_array(),
        .missing = value_array(),
    };
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    int status;
    if (!config) {
        status = print_diag(diag);
    } else if (verifier_open(&verifier, invocation, config, &err) < 0) {
        status = print_err(&err);
    } else {
        status = verify_all(&verifier, &err);
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
    {.name = "witness",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct verify_options, witness),
     .argument = "REPO",
     .word = WORD_FILE,
     .doc = "hold each run against its copy in a git repository that `runbook archive` made"},
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
        "sealed, and by whom. A witness is a git repository that `runbook archive` committed the "
        "runs to, and that somebody else keeps.\n\n"
        "A run is `verified`; `running` (whole so far, an engine is at it); `incomplete` (what is "
        "there is in order, but it has no end: the engine died, or the tail was cut); `untrusted` "
        "(in order, but sealed by a key that is not among the allowed signers, or without the seal "
        "or "
        "the witness that was asked for); or `damaged`. In the store each run names the run before "
        "it and its head, so that runs that "
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
                                         {"verify --all --sealed --witness ~/audit",
                                          "All of it, by seals and a witness."},
                                         {"verify last --json", "The findings, as data."},
                                         {0}},
    .run = verify_main,
};
