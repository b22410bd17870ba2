#include "cli/verify_text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/lines.h"
#include "report/text_parts.h"

/* A verdict as it looks, by enum verify_verdict. */
static const struct {
    const char *sign, *ascii, *color;
} looks[] = {
    [VERIFY_VERIFIED] = {"✓", "ok", COLOR_GOOD},   [VERIFY_RUNNING] = {"▸", "..", COLOR_HINT},
    [VERIFY_INCOMPLETE] = {"?", "? ", COLOR_WARN}, [VERIFY_UNTRUSTED] = {"!", "! ", COLOR_WARN},
    [VERIFY_DAMAGED] = {"✗", "x ", COLOR_BAD},
};

enum verify_verdict verify_totals_verdict(const struct verify_totals *totals) {
    if (totals->missing > 0) {
        return VERIFY_DAMAGED;
    }
    for (enum verify_verdict verdict = VERIFY_DAMAGED; verdict > VERIFY_VERIFIED; verdict--) {
        if (totals->verdicts[verdict] > 0) {
            return verdict;
        }
    }
    return VERIFY_VERIFIED;
}

static void put_escaped(struct buf *out, const char *text) {
    text_escape(out, text, strlen(text), false);
}

/* ---- a run --------------------------------------------------------------------------------- */

static void put_look(struct buf *out, enum verify_verdict verdict, const char *word,
                     const struct text_style *style) {
    char line[32];
    const char *sign = style->unicode ? looks[verdict].sign : looks[verdict].ascii;
    (void)snprintf(line, sizeof line, "%s %-10s", sign, word);
    line_color(out, style, looks[verdict].color, line);
    buf_puts(out, "  ");
}

static void put_finding(struct buf *out, const struct verify_finding *finding,
                        const struct text_style *style) {
    const enum verify_level level = verify_kind_level(finding->kind);
    buf_puts(out, "    ");
    line_color(out, style,
               level == VERIFY_HARM   ? COLOR_BAD
               : level == VERIFY_NOTE ? COLOR_HINT
                                      : COLOR_WARN,
               level == VERIFY_NOTE ? "note" : verify_kind_name(finding->kind));
    if (finding->line > 0) {
        buf_printf(out, "  line %llu", (unsigned long long)finding->line);
    }
    if (finding->file && *finding->file) {
        buf_puts(out, "  ");
        put_escaped(out, finding->file);
    }
    buf_puts(out, ": ");
    put_escaped(out, finding->message);
    buf_putc(out, '\n');
}

/* ---- its seal ------------------------------------------------------------------------------ */

/* A key that is known goes before one that covers more. */
static const struct verify_seal *seal_of(const struct verify *verify) {
    const struct verify_seal *trusted = verify_seal_best(verify, VERIFY_TRUSTED);
    return trusted ? trusted : verify_seal_best(verify, VERIFY_UNKNOWN);
}

enum seal_state verify_seal_state(const struct verify *verify) {
    const struct verify_seal *seal = seal_of(verify);
    if (!seal) {
        return SEAL_NONE;
    }
    const bool whole = verify_seal_is_whole(verify, seal);
    if (seal->trust == VERIFY_TRUSTED) {
        return whole ? SEAL_WHOLE : SEAL_PART;
    }
    return whole ? SEAL_UNKNOWN_WHOLE : SEAL_UNKNOWN_PART;
}

static const char *const seal_states[SEAL_STATES] = {
    [SEAL_NONE] = "none",
    [SEAL_UNKNOWN_PART] = "part, unknown key",
    [SEAL_UNKNOWN_WHOLE] = "whole, unknown key",
    [SEAL_PART] = "part",
    [SEAL_WHOLE] = "whole",
};

/* One line: up to which record, written when, by whom. A run without checkpoints has none. */
static void put_seal(struct buf *out, const struct verify *verify, const struct text_style *style) {
    size_t count = 0;
    char time[CLOCK_TEXT_SIZE];
    const struct verify_seal *seal = seal_of(verify);
    (void)verify_seals(verify, &count);
    if (count == 0) {
        return;
    }
    const bool whole = seal && verify_seal_is_whole(verify, seal);
    const bool trusted = seal && seal->trust == VERIFY_TRUSTED;
    buf_puts(out, "    ");
    line_color(out, style, whole && trusted ? COLOR_GOOD : COLOR_WARN, "seal");
    if (!seal) {
        buf_puts(out, ": not sealed\n");
        return;
    }
    clock_format(seal->wall_ns, time);
    buf_printf(out, ": sealed up to record %llu of %llu, written %s, by ",
               (unsigned long long)seal->covers, (unsigned long long)verify_records(verify), time);
    put_escaped(out, trusted ? seal->by : "an unknown key");
    buf_puts(out, " (");
    put_escaped(out, seal->signer);
    buf_puts(out, whole ? ")\n" : "); what stands behind it is not sealed\n");
}

bool verify_witness_is_whole(const struct verify *verify) {
    const uint64_t witnessed = verify_witnessed(verify);
    return witnessed > 0 && witnessed == verify_records(verify);
}

static void put_witness(struct buf *out, const struct verify *verify,
                        const struct text_style *style) {
    const uint64_t witnessed = verify_witnessed(verify);
    if (witnessed == 0) {
        return;
    }
    buf_puts(out, "    ");
    line_color(out, style, verify_witness_is_whole(verify) ? COLOR_GOOD : COLOR_WARN, "witness");
    buf_printf(out, ": has it up to record %llu of %llu\n", (unsigned long long)witnessed,
               (unsigned long long)verify_records(verify));
}

void verify_put_run(struct buf *out, const struct verify *verify, const struct text_style *style) {
    const enum verify_verdict verdict = verify_verdict(verify);
    const char *id = verify_id(verify);
    size_t count = 0;
    const struct verify_finding *findings = verify_findings(verify, &count);
    put_look(out, verdict, verify_verdict_name(verdict), style);
    put_escaped(out, id ? id : verify_dir(verify));
    buf_printf(out, "  %llu records, %llu files, head %s\n",
               (unsigned long long)verify_records(verify), (unsigned long long)verify_files(verify),
               verify_head(verify));
    put_seal(out, verify, style);
    put_witness(out, verify, style);
    for (size_t i = 0; i < count; i++) {
        put_finding(out, &findings[i], style);
    }
    if (verify_findings_dropped(verify) > 0) {
        buf_printf(out, "    and %llu more\n", (unsigned long long)verify_findings_dropped(verify));
    }
}

void verify_put_missing(struct buf *out, const char *run, const char *by,
                        const struct text_style *style) {
    put_look(out, VERIFY_DAMAGED, "missing", style);
    put_escaped(out, run);
    if (by) {
        buf_puts(out, "  `");
        put_escaped(out, by);
        buf_puts(out, "` came after it and names it, and it is not in the store\n");
    } else {
        buf_puts(out, "  the witness has a copy of it, and it is not in the store\n");
    }
}

/* ---- what it proves ------------------------------------------------------------------------ */

/* One of the proofs: whether it is there for all that was looked at, and what follows. */
struct proof {
    const char *name;
    bool present;
    const char *meaning;
};

enum { PROOF_CHAIN, PROOF_END, PROOF_FILES, PROOF_STORE, PROOF_SEAL, PROOF_WITNESS, PROOFS };

static const char *seal_meaning(const struct verify_totals *totals) {
    const size_t *seals = totals->seals;
    if (seals[SEAL_NONE] == totals->runs) {
        return "none: no signature vouches for a record, as no key is configured, or it was not "
               "at hand";
    }
    if (seals[SEAL_WHOLE] == totals->runs) {
        return "a key that may seal signed the head behind the end: who has not that key cannot "
               "have written the run anew, or changed it, from its first record to its end";
    }
    if (seals[SEAL_NONE] == 0 && seals[SEAL_PART] == 0 && seals[SEAL_WHOLE] == 0) {
        return "a key signed, and nobody said whose keys may: the records that it covers are the "
               "work of who has that key. Give --allowed-signers to learn who that is";
    }
    return "some of it is sealed: what a line above says it covers cannot have been written anew "
           "without that key, and all else can";
}

static const char *witness_meaning(const struct verify_totals *totals) {
    if (!totals->witness) {
        return "none: no copy that somebody else keeps was compared";
    }
    if (totals->witnessed == totals->runs) {
        return "the repository has the same transcripts: who cannot write to it, too, cannot have "
               "written a run anew since it was archived";
    }
    return "the repository has not all of these runs to their end: what it has not, it cannot "
           "vouch for";
}

static void proofs_fill(struct proof ret[PROOFS], const struct verify_totals *totals) {
    const size_t ended = totals->verdicts[VERIFY_VERIFIED];
    ret[PROOF_CHAIN] = (struct proof){
        "chain", true,
        "each record carries the SHA-256 of the one before it: a record that was edited, deleted, "
        "swapped or inserted shows"};
    ret[PROOF_END] = (struct proof){
        "end", ended == totals->runs,
        ended == totals->runs
            ? "the end record carries a sum of its own: a cut tail shows, as incomplete; only all "
              "that a resume added behind an earlier end could be gone"
            : "not every run has one: what came behind its last record is unknown, and no sum "
              "vouches for that record"};
    ret[PROOF_FILES] = (struct proof){
        "files", true,
        "the SHA-256 of each output, result and runbook file stands in the chain: a file that was "
        "changed, removed or added shows"};
    ret[PROOF_STORE] = (struct proof){
        "store", totals->store,
        totals->store ? "each run names the run before it and its head: a run that was deleted or "
                        "written anew shows once another ran after it"
                      : "none: the run was looked at by itself, and not beside the runs after it"};
    ret[PROOF_SEAL] =
        (struct proof){"seal", totals->seals[SEAL_WHOLE] == totals->runs, seal_meaning(totals)};
    ret[PROOF_WITNESS] = (struct proof){
        "witness", totals->witness && totals->witnessed == totals->runs, witness_meaning(totals)};
}

#define LIMITS                                                                                     \
    "Whoever can write to the store could have written a whole transcript, and those after it, "   \
    "anew, with new sums "                                                                         \
    "from its first record to its last, and this check would not show it. It takes a seal or a "   \
    "witness to show that: until then, keep the head of a finished run where others cannot "       \
    "write, and compare it."
#define LIMITS_SEALED                                                                              \
    "Whoever has the key that sealed could still have written other runs than those that "         \
    "happened, and who can write to the store could have removed them all. A signature tells who " \
    "and not when: the times are the engine's word, and under the seal."

#define LIMITS_WITNESSED                                                                           \
    "Whoever can write to the repository could have put other runs into both. Pull it to a place " \
    "that the engine's users cannot write to, and look at who signed its commits "                 \
    "(`git log --show-signature`)."

static const char *limits(const struct verify_totals *totals) {
    if (totals->seals[SEAL_WHOLE] == totals->runs) {
        return LIMITS_SEALED;
    }
    return totals->witness && totals->witnessed == totals->runs ? LIMITS_WITNESSED : LIMITS;
}

/* Words in lines of at most 78 columns, behind `indent` spaces from the second line on. */
static void put_wrapped(struct buf *out, const char *text, size_t indent) {
    size_t column = indent;
    while (*text) {
        const size_t word = strcspn(text, " ");
        if (column + word > 78 && column > indent) {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        buf_append(out, text, word);
        column += word;
        text += word;
        if (*text == ' ') {
            text++;
            if (column + 1 + strcspn(text, " ") <= 78) {
                buf_putc(out, ' ');
            }
            column++;
        }
    }
    buf_putc(out, '\n');
}

void verify_put_proofs(struct buf *out, const struct verify_totals *totals,
                       const struct text_style *style) {
    struct proof proofs[PROOFS];
    proofs_fill(proofs, totals);
    buf_putc(out, '\n');
    line_color(out, style, COLOR_HEAD, "What this check proves");
    buf_putc(out, '\n');
    for (size_t i = 0; i < PROOFS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "  %-9s", proofs[i].name);
        line_color(out, style, proofs[i].present ? COLOR_GOOD : COLOR_WARN, name);
        put_wrapped(out, proofs[i].meaning, 11);
    }
    buf_putc(out, '\n');
    line_color(out, style, COLOR_HEAD, "What it cannot prove");
    buf_puts(out, "\n  ");
    put_wrapped(out, limits(totals), 2);
}

/* ---- as data ------------------------------------------------------------------------------- */

static value finding_value(const struct verify_finding *finding) {
    static const char *const levels[] = {"note", "incomplete", "distrust", "damage"};
    value object = value_set(value_object(), "kind", value_string(verify_kind_name(finding->kind)));
    object = value_set(object, "level", value_string(levels[verify_kind_level(finding->kind)]));
    object = value_set(object, "line",
                       finding->line ? value_integer((int64_t)finding->line) : value_null());
    object = value_set(object, "file", value_string(finding->file));
    return value_set(object, "message", value_string(finding->message));
}

static value checkpoint_value(const struct verify_seal *seal) {
    char time[CLOCK_TEXT_SIZE];
    clock_format(seal->wall_ns, time);
    value one = value_set(value_object(), "line", value_integer((int64_t)seal->line));
    one = value_set(one, "record",
                    seal->covers ? value_integer((int64_t)seal->covers) : value_null());
    one = value_set(one, "time", value_string(seal->covers ? time : NULL));
    one = value_set(one, "head", value_string(seal->head));
    one = value_set(one, "signer", value_string(seal->signer));
    one = value_set(one, "by", value_string(seal->by));
    return value_set(one, "trust", value_string(verify_trust_name(seal->trust)));
}

/* {state, record, time, by, …, checkpoints: […]}: those of the best checkpoint stand above all. */
static value seal_value(const struct verify *verify) {
    size_t count = 0;
    const struct verify_seal *seals = verify_seals(verify, &count);
    const struct verify_seal *best = seal_of(verify);
    value list = value_array();
    for (size_t i = 0; i < count; i++) {
        list = value_append(list, checkpoint_value(&seals[i]));
    }
    value object = best ? checkpoint_value(best) : value_object();
    object = value_set(object, "state", value_string(seal_states[verify_seal_state(verify)]));
    return value_set(object, "checkpoints", list);
}

value verify_run_value(const struct verify *verify) {
    size_t count = 0;
    const char *by = NULL;
    const struct verify_finding *findings = verify_findings(verify, &count);
    const uint64_t vouched = verify_vouched(verify, &by);
    value list = value_array();
    for (size_t i = 0; i < count; i++) {
        list = value_append(list, finding_value(&findings[i]));
    }
    value object = value_set(value_object(), "run", value_string(verify_id(verify)));
    object = value_set(object, "dir", value_string(verify_dir(verify)));
    object =
        value_set(object, "verdict", value_string(verify_verdict_name(verify_verdict(verify))));
    object = value_set(object, "records", value_integer((int64_t)verify_records(verify)));
    object = value_set(object, "files", value_integer((int64_t)verify_files(verify)));
    object = value_set(object, "head", value_string(verify_head(verify)));
    object = value_set(object, "seal", seal_value(verify));
    object = value_set(object, "witnessed", value_integer((int64_t)verify_witnessed(verify)));
    object = value_set(object, "vouched_by", value_string(by));
    object = value_set(object, "vouched_record",
                       vouched ? value_integer((int64_t)vouched) : value_null());
    object = value_set(object, "findings_dropped",
                       value_integer((int64_t)verify_findings_dropped(verify)));
    return value_set(object, "findings", list);
}

value verify_proofs_value(const struct verify_totals *totals) {
    struct proof proofs[PROOFS];
    proofs_fill(proofs, totals);
    value object = value_object();
    for (size_t i = 0; i < PROOFS; i++) {
        value one = value_set(value_object(), "present", value_bool(proofs[i].present));
        one = value_set(one, "meaning", value_string(proofs[i].meaning));
        object = value_set(object, proofs[i].name, one);
    }
    return value_set(object, "limits", value_string(limits(totals)));
}
