#include "cli/dialog.h"

#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/ledger.h"
#include "cli/lines.h"

#define PROMPT_MAX 4096
#define ANSWER_MAX 16384
#define LEDGER_MAX ((size_t)64 << 20)

enum stage { STAGE_ITEMS, STAGE_DECIDE, STAGE_EVIDENCE, STAGE_COMMENT, STAGE_CHOICE };

struct item {
    enum stage stage;
    enum step_question_kind kind;
    bool is_choice;
    char *step;  /* NULL: an interrupt */
    char *shown; /* the lines above the prompt */
    char **checks;
    size_t check_count, checked;
    char *evidence_wanted;
    char *evidence;
};

struct dialog {
    struct dialog_sink sink;
    const struct text_style *style;
    const char *by;
    VEC(struct item *) items; /* the first is being asked */
    char *prompt;
};

struct dialog *dialog_new(const struct dialog_sink *sink, const struct text_style *style,
                          const char *by) {
    struct dialog *dialog = mem_zalloc(sizeof *dialog);
    dialog->sink = *sink;
    dialog->style = style;
    dialog->by = by;
    return dialog;
}

static void item_free(struct item *item) {
    for (size_t i = 0; i < item->check_count; i++) {
        mem_free(item->checks[i]);
    }
    mem_free((void *)item->checks);
    mem_free(item->step);
    mem_free(item->shown);
    mem_free(item->evidence_wanted);
    mem_free(item->evidence);
    mem_free(item);
}

void dialog_free(struct dialog *dialog) {
    if (!dialog) {
        return;
    }
    for (size_t i = 0; i < dialog->items.count; i++) {
        item_free(dialog->items.items[i]);
    }
    vec_release(&dialog->items);
    mem_free(dialog->prompt);
    mem_free(dialog);
}

/* ---- what is shown ------------------------------------------------------------------------ */

static void show_approvers(struct buf *out, const struct step_question *question) {
    if (!question->approvers || !question->approvers[0]) {
        return;
    }
    buf_puts(out, "  who may answer: ");
    for (size_t i = 0; question->approvers[i]; i++) {
        buf_puts(out, i == 0 ? "" : ", ");
        text_escape(out, question->approvers[i], strlen(question->approvers[i]), false);
    }
    if (question->quorum > 1) {
        buf_printf(out, "; %" PRId64 " of them must say yes", question->quorum);
    }
    buf_puts(out, question->not_requester ? "; not who started the run\n" : "\n");
}

static void show_question(struct buf *out, const struct text_style *style, const char *step,
                          const struct step_question *question) {
    AUTO_BUF name = BUF_INIT(PROMPT_MAX);
    text_escape(&name, step, strlen(step), false);
    line_color(out, style, "1;36", question->kind == STEP_ASK_GATE ? "gate " : "by hand: ");
    line_color(out, style, "1", buf_text(&name));
    buf_putc(out, '\n');
    line_block(out, question->message ? question->message : "", "  ", style->columns);
    show_approvers(out, question);
    if (question->expires_ms > 0) {
        AUTO_TEXT expires = text_show_duration(question->expires_ms);
        buf_printf(out, "  expires in %s\n", expires);
    }
}

static void show_choice(struct buf *out, const struct text_style *style, const char *step,
                        const char *error) {
    if (step) {
        AUTO_BUF name = BUF_INIT(PROMPT_MAX);
        text_escape(&name, step, strlen(step), false);
        line_color(out, style, "1;31", buf_text(&name));
        line_color(out, style, "1;31", " failed");
    } else {
        line_color(out, style, "1;33", "interrupted");
    }
    buf_putc(out, '\n');
    if (error) {
        line_block(out, error, "  ", style->columns);
    }
    if (!step) {
        line_block(out, "Ctrl-C once more cancels what runs and rolls back", "  ", style->columns);
    }
}

/* ---- prompts ------------------------------------------------------------------------------ */

static const struct choice {
    char key;
    enum run_choice choice;
    bool failure, interrupt;
    const char *word, *label;
} choices[] = {
    {'r', RUN_RETRY, true, false, "retry", "(r)etry"},
    {'s', RUN_SKIP, true, false, "skip", "(s)kip"},
    {'c', RUN_CONTINUE, false, true, "continue", "(c)ontinue"},
    {'b', RUN_ROLLBACK, true, true, "rollback", "roll (b)ack"},
    {'l', RUN_STOP, true, true, "leave", "(l)eave as it is"},
    {'!', RUN_SHELL, true, false, "shell", "(!) shell"},
};

static bool choice_fits(const struct choice *choice, const struct item *item) {
    return item->step ? choice->failure : choice->interrupt;
}

static void prompt_choice(struct buf *out, const struct item *item) {
    bool first = true;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choice_fits(&choices[i], item)) {
            buf_printf(out, "%s%s", first ? "" : ", ", choices[i].label);
            first = false;
        }
    }
    buf_puts(out, ", (u)ndo list? ");
}

static void prompt_text(struct buf *out, const struct item *item) {
    const char *text = NULL;
    switch (item->stage) {
    case STAGE_ITEMS:
        text = item->checks[item->checked];
        buf_printf(out, "[%zu/%zu] ", item->checked + 1, item->check_count);
        text_escape(out, text, strlen(text), false);
        buf_puts(out, " - done? (y/n) ");
        return;
    case STAGE_DECIDE:
        buf_puts(out, item->kind == STEP_ASK_GATE ? "open the gate? (y/n, u: undo list) "
                                                  : "done? (y/n) ");
        return;
    case STAGE_EVIDENCE:
        text = item->evidence_wanted;
        text_escape(out, text, strlen(text), false);
        buf_puts(out, ": ");
        return;
    case STAGE_COMMENT:
        buf_puts(out, "why not? ");
        return;
    case STAGE_CHOICE:
        prompt_choice(out, item);
        return;
    }
    abort();
}

/* The prompt must stay within a row, or drawing anew above it would leave pieces behind: what
 * does not fit goes above it. */
static void dialog_show_prompt(struct dialog *dialog) {
    mem_free(dialog->prompt);
    dialog->prompt = NULL;
    if (dialog->items.count == 0) {
        return;
    }
    struct buf text = BUF_INIT(PROMPT_MAX);
    prompt_text(&text, dialog->items.items[0]);
    const size_t columns = dialog->style->columns;
    if (columns > 0 && text_width(buf_text(&text), text.length) + 8 > columns) {
        AUTO_BUF above = BUF_INIT(PROMPT_MAX * 8);
        line_block(&above, buf_text(&text), "", columns);
        dialog->sink.print(dialog->sink.user, buf_text(&above), above.length);
        buf_clear(&text);
        buf_puts(&text, "> ");
    }
    dialog->prompt = buf_detach(&text);
}

/* What is decided at gates, failures and interrupts decides over what was done so far. */
static bool has_ledger(const struct item *item) {
    return item->is_choice || item->kind == STEP_ASK_GATE;
}

static void dialog_show_ledger(struct dialog *dialog, enum ledger_how how) {
    struct buf text = BUF_INIT(LEDGER_MAX);
    AUTO_VALUE undo = dialog->sink.undo(dialog->sink.user);
    ledger_show(&text, undo, how, dialog->style);
    dialog->sink.print(dialog->sink.user, buf_text(&text), text.length);
    buf_release(&text);
}

/* The ledger is that of the moment in which the question comes to be seen. The prompt before does
 * not stand below it: whoever answered that one would not be heard. */
static void dialog_show(struct dialog *dialog) {
    mem_free(dialog->prompt);
    dialog->prompt = NULL;
    if (dialog->items.count > 0) {
        const struct item *item = dialog->items.items[0];
        dialog->sink.print(dialog->sink.user, item->shown, strlen(item->shown));
        if (has_ledger(item)) {
            dialog_show_ledger(dialog, LEDGER_BRIEF);
        }
    }
    dialog_show_prompt(dialog);
}

/* ---- the queue ---------------------------------------------------------------------------- */

static struct item *dialog_insert(struct dialog *dialog, size_t at) {
    struct item *item = mem_zalloc(sizeof *item);
    *vec_add(&dialog->items) = NULL;
    struct item **items = dialog->items.items;
    memmove((void *)&items[at + 1], (void *)&items[at],
            (dialog->items.count - 1 - at) * sizeof *items);
    items[at] = item;
    return item;
}

static void dialog_remove(struct dialog *dialog, size_t at) {
    struct item **items = dialog->items.items;
    item_free(items[at]);
    dialog->items.count--;
    memmove((void *)&items[at], (void *)&items[at + 1], (dialog->items.count - at) * sizeof *items);
    if (at == 0) {
        dialog_show(dialog);
    }
}

static void item_show(struct dialog *dialog, struct item *item,
                      const struct step_question *question) {
    struct buf shown = BUF_INIT(1 << 20);
    show_question(&shown, dialog->style, item->step, question);
    mem_free(item->shown);
    item->shown = buf_detach(&shown);
}

/* More people may answer now: whoever is about to keeps what they have answered so far. */
static bool asked_again(struct dialog *dialog, const char *step,
                        const struct step_question *question) {
    for (size_t i = 0; i < dialog->items.count; i++) {
        struct item *item = dialog->items.items[i];
        if (item->is_choice || !text_equal(item->step, step)) {
            continue;
        }
        item_show(dialog, item, question);
        if (i == 0) {
            dialog_show(dialog);
        }
        return true;
    }
    return false;
}

void dialog_ask(struct dialog *dialog, const char *step, const struct step_question *question) {
    if (asked_again(dialog, step, question)) {
        return;
    }
    const size_t at = dialog->items.count;
    struct item *item = dialog_insert(dialog, at);
    item->kind = question->kind;
    item->step = mem_strdup(step);
    item_show(dialog, item, question);
    const char *const *items = question->items;
    size_t count = 0;
    while (items && items[count]) {
        count++;
    }
    item->check_count = count;
    item->checks = mem_calloc(count + 1, sizeof *item->checks);
    for (size_t i = 0; i < count; i++) {
        item->checks[i] = mem_strdup(items[i]);
    }
    item->evidence_wanted = question->evidence ? mem_strdup(question->evidence) : NULL;
    item->stage = item->check_count > 0   ? STAGE_ITEMS
                  : item->evidence_wanted ? STAGE_EVIDENCE
                                          : STAGE_DECIDE;
    if (at == 0) {
        dialog_show(dialog);
    }
}

void dialog_choose(struct dialog *dialog, const char *step_or_null, const char *error) {
    dialog_unchoose(dialog);
    struct item *item = dialog_insert(dialog, 0);
    item->is_choice = true;
    item->stage = STAGE_CHOICE;
    item->step = step_or_null ? mem_strdup(step_or_null) : NULL;
    struct buf shown = BUF_INIT(1 << 20);
    show_choice(&shown, dialog->style, step_or_null, error);
    item->shown = buf_detach(&shown);
    dialog_show(dialog);
}

void dialog_unask(struct dialog *dialog, const char *step) {
    for (size_t i = 0; i < dialog->items.count; i++) {
        const struct item *item = dialog->items.items[i];
        if (!item->is_choice && text_equal(item->step, step)) {
            dialog_remove(dialog, i);
            return;
        }
    }
}

void dialog_unchoose(struct dialog *dialog) {
    for (size_t i = 0; i < dialog->items.count; i++) {
        if (dialog->items.items[i]->is_choice) {
            dialog_remove(dialog, i);
            return;
        }
    }
}

const char *dialog_prompt(const struct dialog *dialog) {
    return dialog->prompt;
}

void dialog_again(struct dialog *dialog) {
    dialog_show(dialog);
}

/* ---- answers ------------------------------------------------------------------------------ */

/* The item leaves the queue before the sink is told: the answer may bring the next question. */
static void finish_answer(struct dialog *dialog, bool accepted, const char *comment) {
    struct item *item = dialog->items.items[0];
    AUTO_TEXT step = item->step;
    AUTO_TEXT evidence = item->evidence;
    item->step = NULL;
    item->evidence = NULL;
    dialog_remove(dialog, 0);
    const struct step_answer answer = {
        .accepted = accepted, .by = dialog->by, .comment = comment, .evidence = evidence};
    dialog->sink.answer(dialog->sink.user, step, &answer);
}

/* 1 yes, 0 no, -1 neither: an empty line decides nothing, since a stray key must not. */
static int yes_or_no(const char *text) {
    if (strcasecmp(text, "y") == 0 || strcasecmp(text, "yes") == 0) {
        return 1;
    }
    return strcasecmp(text, "n") == 0 || strcasecmp(text, "no") == 0 ? 0 : -1;
}

static void line_items(struct dialog *dialog, struct item *item, const char *text) {
    const int answer = yes_or_no(text);
    if (answer == 0) {
        item->stage = STAGE_COMMENT;
    } else if (answer == 1 && ++item->checked == item->check_count) {
        if (!item->evidence_wanted) {
            finish_answer(dialog, true, NULL);
            return;
        }
        item->stage = STAGE_EVIDENCE;
    }
    dialog_show_prompt(dialog);
}

static void line_decide(struct dialog *dialog, struct item *item, const char *text) {
    const int answer = yes_or_no(text);
    if (answer == 1) {
        finish_answer(dialog, true, NULL);
        return;
    }
    if (answer == 0) {
        item->stage = STAGE_COMMENT;
    }
    dialog_show_prompt(dialog);
}

static void line_evidence(struct dialog *dialog, struct item *item, const char *text) {
    if (*text == '\0') {
        dialog_show_prompt(dialog);
        return;
    }
    item->evidence = mem_strdup(text);
    finish_answer(dialog, true, NULL);
}

static void line_choice(struct dialog *dialog, struct item *item, const char *text) {
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct choice *choice = &choices[i];
        const bool meant = (tolower((unsigned char)text[0]) == choice->key && !text[1]) ||
                           strcasecmp(text, choice->word) == 0;
        if (!meant || !choice_fits(choice, item)) {
            continue;
        }
        if (choice->choice == RUN_SHELL) {
            dialog->sink.shell(dialog->sink.user);
            return;
        }
        dialog_remove(dialog, 0);
        dialog->sink.choose(dialog->sink.user, choice->choice);
        return;
    }
    dialog_show_prompt(dialog);
}

static bool asks_ledger(const struct item *item, const char *text) {
    const bool is_decision = item->stage == STAGE_DECIDE || item->stage == STAGE_CHOICE;
    return is_decision && has_ledger(item) &&
           (strcasecmp(text, "u") == 0 || strcasecmp(text, "undo") == 0);
}

void dialog_line(struct dialog *dialog, const char *text) {
    if (dialog->items.count == 0) {
        return;
    }
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    AUTO_TEXT line = mem_strndup(text, length > ANSWER_MAX ? ANSWER_MAX : length);
    struct item *item = dialog->items.items[0];
    if (asks_ledger(item, line)) {
        dialog_show_ledger(dialog, LEDGER_WHOLE);
        dialog_show_prompt(dialog);
        return;
    }
    switch (item->stage) {
    case STAGE_ITEMS:
        line_items(dialog, item, line);
        return;
    case STAGE_DECIDE:
        line_decide(dialog, item, line);
        return;
    case STAGE_EVIDENCE:
        line_evidence(dialog, item, line);
        return;
    case STAGE_COMMENT:
        finish_answer(dialog, false, *line ? line : NULL);
        return;
    case STAGE_CHOICE:
        line_choice(dialog, item, line);
        return;
    }
    abort();
}
