#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/run_set.h"
#include "cli/terminal.h"
#include "cli/witness.h"
#include "journal/event.h"
#include "journal/reader.h"
#include "journal/store_list.h"
#include "lang/config.h"
#include "report/text_parts.h"
#include "run/run.h"

#define MESSAGE_MAX ((size_t)8 << 20)
#define ATTRIBUTES WITNESS_FOLDER "/.gitattributes"

struct archive_options {
    const char *to;
    bool all;
    bool json;
};

enum archive_state { ARCHIVE_NEW, ARCHIVE_SAME, ARCHIVE_REFUSED };

/* What became of one run. */
struct item {
    enum archive_state state;
    char *run;
    char *status; /* how the run ended */
    char *why;    /* it was refused */
    uint64_t records;
    char head[65];
};

struct archive {
    const struct archive_options *options;
    struct run_set *set;
    struct repo *repo; /* NULL until there is something to keep */
    VEC(struct item) items;
    size_t counts[ARCHIVE_REFUSED + 1];
    struct repo_commit commit; /* its id is empty where nothing was committed */
};

static void archive_release(struct archive *archive) {
    for (size_t i = 0; i < archive->items.count; i++) {
        mem_free(archive->items.items[i].run);
        mem_free(archive->items.items[i].status);
        mem_free(archive->items.items[i].why);
    }
    vec_release(&archive->items);
    repo_close(archive->repo);
    run_set_free(archive->set);
}

/* ---- one run ------------------------------------------------------------------------------- */

/* The first finding that is more than a note. */
static char *fault_of(const struct verify *verify) {
    size_t count = 0;
    const struct verify_finding *findings = verify_findings(verify, &count);
    const char *verdict = verify_verdict_name(verify_verdict(verify));
    for (size_t i = 0; i < count; i++) {
        if (verify_kind_level(findings[i].kind) > VERIFY_NOTE) {
            return mem_printf("%s: %s", verdict, findings[i].message);
        }
    }
    return mem_printf("%s: an engine is at it", verdict);
}

static char *status_of(const char *transcript) {
    AUTO_TEXT line = NULL;
    AUTO_ERR ignored = ERR_INIT;
    AUTO_EVENT_BODY body = {0};
    struct event event;
    char prev[65];
    size_t length;
    if (reader_last_line(transcript, READER_LAST_DEED, &line, &length, &ignored) <= 0 ||
        event_read(line, length, 0, &body, &event, prev, &ignored) < 0 ||
        event.type != EVENT_RUN_FINISHED) {
        return mem_strdup("finished");
    }
    return mem_strdup(event.status);
}

/* Becomes a folder's name in the repository. */
static bool is_plain(const char *run) {
    return run && *run && *run != '.' && !strchr(run, '/');
}

static int archive_open(struct archive *archive, struct err *err) {
    AUTO_TEXT there = NULL;
    size_t length = 0;
    if (archive->repo) {
        return 0;
    }
    if (repo_open(archive->options->to, true, &archive->repo, err) < 0) {
        return -1;
    }
    /* What a checkout writes must have the SHA-256 that the transcript says. */
    const int found = repo_read(archive->repo, ATTRIBUTES, &there, &length, err);
    return found == 0 ? repo_add_text(archive->repo, ATTRIBUTES, "* -text -ident -filter\n", err)
                      : found;
}

static int files_add(struct archive *archive, const struct verify *verify, const char *transcript,
                     struct err *err) {
    const char *name = NULL;
    const char *run = verify_id(verify);
    for (size_t i = 0; verify_file_next(verify, &i, &name);) {
        AUTO_TEXT path = witness_path(run, name);
        AUTO_TEXT file = mem_printf("%s/%s", verify_dir(verify), name);
        if (!text_equal(name, VERIFY_TRANSCRIPT_NAME) &&
            repo_add_file(archive->repo, path, file, UINT64_MAX, err) < 0) {
            return -1;
        }
    }
    AUTO_TEXT path = witness_path(run, VERIFY_TRANSCRIPT_NAME);
    return repo_add_file(archive->repo, path, transcript, verify_length(verify), err);
}

/* Nothing was appended while its files were read: they are what was verified. */
static bool is_still(const struct verify *verify, const char *transcript) {
    char head[65];
    return !store_is_running(verify_dir(verify)) && transcript_head(transcript, head) &&
           text_equal(head, verify_head(verify));
}

/* Keeps it, or says in item->why why not. */
static int run_keep(struct archive *archive, const struct verify *verify, struct item *item,
                    struct err *err) {
    AUTO_TEXT transcript = store_transcript(verify_dir(verify));
    AUTO_TEXT path = witness_path(item->run, VERIFY_TRANSCRIPT_NAME);
    AUTO_TEXT copy = NULL;
    size_t length = 0;
    if (archive_open(archive, err) < 0) {
        return -1;
    }
    const int found = repo_read(archive->repo, path, &copy, &length, err);
    if (found < 0) {
        return -1;
    }
    if (found > 0 && !verify_begins_with(verify, copy, length)) {
        item->why = mem_strdup("the repository has another transcript of it: it was cut or "
                               "written anew since it was archived");
        return 0;
    }
    item->state = found > 0 && length == verify_length(verify) ? ARCHIVE_SAME : ARCHIVE_NEW;
    item->status = status_of(transcript);
    if (files_add(archive, verify, transcript, err) < 0) {
        return -1;
    }
    if (!is_still(verify, transcript)) {
        return err_set(err, ERR_BUSY, "`%s` went on while it was being archived", item->run);
    }
    return 0;
}

static int run_archive(struct archive *archive, size_t index, struct err *err) {
    struct item *item = vec_add(&archive->items);
    struct verify *verify = run_set_verify(archive->set, index);
    int status = 0;
    item->state = ARCHIVE_REFUSED;
    item->run =
        mem_strdup(verify_id(verify) ? verify_id(verify) : run_set_dir(archive->set, index));
    item->records = verify_records(verify);
    memcpy(item->head, verify_head(verify), sizeof item->head);
    if (verify_verdict(verify) != VERIFY_VERIFIED) {
        item->why = fault_of(verify);
    } else if (!is_plain(verify_id(verify))) {
        item->why = mem_strdup("its id cannot be the name of a folder");
    } else {
        status = run_keep(archive, verify, item, err);
    }
    verify_free(verify);
    archive->counts[item->state]++;
    return status;
}

/* ---- the commit ---------------------------------------------------------------------------- */

static void put_message(struct buf *out, const struct archive *archive) {
    const size_t count = archive->counts[ARCHIVE_NEW];
    for (size_t i = 0; count == 1 && i < archive->items.count; i++) {
        const struct item *item = &archive->items.items[i];
        if (item->state == ARCHIVE_NEW) {
            buf_printf(out, "archive %s: %s\n\n", item->run, item->status);
        }
    }
    if (count != 1) {
        buf_printf(out, "archive %zu runs\n\n", count);
    }
    for (size_t i = 0; i < archive->items.count; i++) {
        const struct item *item = &archive->items.items[i];
        if (item->state == ARCHIVE_NEW) {
            buf_printf(out, "%s: %s, %llu records\n  head %s\n", item->run, item->status,
                       (unsigned long long)item->records, item->head);
        }
    }
    buf_puts(out, "\nVerified by runbook " RUNBOOK_VERSION "; check it with `runbook verify "
                  "./" WITNESS_FOLDER "/RUN`\nor examples/verify.sh.\n");
}

/* One commit for all: one signature, and either all of it is there or nothing. */
static int archive_commit(struct archive *archive, struct err *err) {
    AUTO_BUF message = BUF_INIT(MESSAGE_MAX);
    if (!archive->repo) {
        return 0;
    }
    put_message(&message, archive);
    const int status = repo_commit(archive->repo, buf_text(&message), terminal_is(STDIN_FILENO),
                                   &archive->commit, err);
    return status < 0 ? -1 : 0;
}

/* ---- what is told -------------------------------------------------------------------------- */

static const struct {
    const char *sign, *ascii, *word, *color;
} looks[] = {
    [ARCHIVE_NEW] = {"✓", "ok", "archived", COLOR_GOOD},
    [ARCHIVE_SAME] = {"=", "= ", "unchanged", COLOR_HINT},
    [ARCHIVE_REFUSED] = {"✗", "x ", "refused", COLOR_BAD},
};

static void put_escaped(struct buf *out, const char *text) {
    text_escape(out, text, strlen(text), false);
}

static void put_item(struct buf *out, const struct item *item, const struct text_style *style) {
    const char *sign = style->unicode ? looks[item->state].sign : looks[item->state].ascii;
    AUTO_TEXT look = mem_printf("%s %-9s", sign, looks[item->state].word);
    line_color(out, style, looks[item->state].color, look);
    buf_puts(out, "  ");
    put_escaped(out, item->run);
    buf_puts(out, "  ");
    if (item->why) {
        put_escaped(out, item->why);
    } else {
        put_escaped(out, item->status);
        buf_printf(out, ", %llu records, head %s", (unsigned long long)item->records, item->head);
    }
    buf_putc(out, '\n');
}

static void put_text(struct buf *out, const struct archive *archive) {
    const struct text_style style = terminal_style(STDOUT_FILENO);
    for (size_t i = 0; i < archive->items.count; i++) {
        put_item(out, &archive->items.items[i], &style);
    }
    if (*archive->commit.id) {
        buf_printf(out, "commit %s%s in ", archive->commit.id,
                   archive->commit.is_signed ? ", signed," : "");
        put_escaped(out, archive->options->to);
        buf_putc(out, '\n');
    }
}

static value item_value(const struct item *item) {
    value one = value_set(value_object(), "run", value_string(item->run));
    one = value_set(one, "state", value_string(looks[item->state].word));
    one = value_set(one, "status", value_string(item->status));
    one = value_set(one, "records", value_integer((int64_t)item->records));
    one = value_set(one, "head", value_string(item->head));
    return value_set(one, "reason", value_string(item->why));
}

static void put_json(struct buf *out, const struct archive *archive) {
    const struct repo_commit *commit = &archive->commit;
    value list = value_array();
    for (size_t i = 0; i < archive->items.count; i++) {
        list = value_append(list, item_value(&archive->items.items[i]));
    }
    value all = value_set(value_object(), "repository", value_string(archive->options->to));
    all = value_set(all, "commit", value_string(*commit->id ? commit->id : NULL));
    all = value_set(all, "signed", value_bool(commit->is_signed));
    AUTO_VALUE whole = value_set(all, "runs", list);
    value_dump(out, whole);
    buf_putc(out, '\n');
}

static int archive_tell(const struct archive *archive) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (archive->options->json) {
        put_json(&out, archive);
    } else {
        put_text(&out, archive);
    }
    const int printed = print_product(&out);
    return archive->counts[ARCHIVE_REFUSED] > 0 ? RUN_TRANSCRIPT : printed;
}

/* ---- the command --------------------------------------------------------------------------- */

static int archive_with(struct archive *archive, const struct invocation *invocation,
                        const struct config *config, struct err *err) {
    const struct archive_options *options = archive->options;
    const char *allowed = config->signing ? config->signing->allowed_signers : NULL;
    if (!options->to) {
        err_set(err, ERR_INVALID, "which repository? `--to REPO` is missing");
        return err_hint(err, "it is made where there is none");
    }
    if (run_set_open(invocation, options->all, allowed, &archive->set, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < run_set_count(archive->set); i++) {
        if (run_archive(archive, i, err) < 0) {
            return -1;
        }
    }
    return archive_commit(archive, err);
}

static int archive_main(const struct invocation *invocation) {
    struct err err = ERR_INIT;
    struct archive archive = {.options = invocation->options};
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    int status;
    if (!config) {
        status = print_diag(diag);
    } else if (archive_with(&archive, invocation, config, &err) < 0) {
        status = print_err(&err);
    } else {
        status = archive_tell(&archive);
    }
    archive_release(&archive);
    config_free(config);
    diag_free(diag);
    return status;
}

static const struct option archive_options[] = {
    {.name = "to",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct archive_options, to),
     .argument = "REPO",
     .word = WORD_FILE,
     .doc = "the git repository; made where there is nothing"},
    {.name = "all",
     .letter = 'a',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct archive_options, all),
     .doc = "archive every run of the store"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct archive_options, json),
     .doc = "print what became of each run as one JSON object"},
    {0},
};

const struct command command_archive = {
    .name = "archive",
    .summary = "commit finished transcripts to a git repository, as a witness",
    .operands = "[RUN...]",
    .about =
        "Commits each run's transcript, its runbook files and its output, all as redacted as in "
        "the store, to the folder runs/ of a git repository. Whoever pulls it has a witness: "
        "`runbook verify --witness REPO` tells whether the store still has what was archived, and "
        "in a clone `runbook verify ./runs/RUN` and examples/verify.sh check a run by itself.\n\n"
        "Only runs that are over and verified are archived, and a run that the repository has "
        "already must begin with what it has; others are refused. What has not changed is not "
        "committed again. Nothing else in the repository is touched, neither in its index nor in "
        "its work tree, and its hooks are not run.\n\n"
        "All runs of a call are one commit, by the user that git's configuration names, else "
        "USER@HOST, and signed where it says so (commit.gpgsign, with gpg.format openpgp, ssh or "
        "x509).\n\n"
        "The exit status is 7 where a run was refused.",
    .least = 0,
    .most = OPERANDS_ANY,
    .word = WORD_RUN,
    .options = archive_options,
    .size = sizeof(struct archive_options),
    .examples =
        (const struct example[]){{"archive last --to ~/audit", "The newest run."},
                                 {"archive --all --to /srv/audit.git",
                                  "Whatever of the store is not there yet; the repository may be "
                                  "bare."},
                                 {0}},
    .run = archive_main,
};
