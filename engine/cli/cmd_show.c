#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/ledger.h"
#include "cli/lines.h"
#include "cli/run_view.h"
#include "cli/terminal.h"
#include "journal/reader.h"
#include "report/text.h"
#include "run/run.h"
#include "run/stored.h"

#define PIECE ((size_t)65536)

enum show_stream { SHOW_STDOUT = 1, SHOW_STDERR };
static const char *const streams[] = {"stdout", "stderr", NULL};

struct show_options {
    bool json;
    const char *output;
    int stream;
};

/* ---- the records --------------------------------------------------------------------------- */

static int write_out(const char *bytes, size_t length, struct err *err) {
    return file_write_all(STDOUT_FILENO, bytes, length, err);
}

/* Line by line, so that memory stays flat. */
static int records_print(struct reader *reader, struct err *err) {
    struct event event;
    const char *before = "[";
    int more = 0;
    reader_want(reader, 0);
    while ((more = reader_next(reader, &event, err)) > 0) {
        size_t length = 0;
        const char *line = reader_line(reader, &length);
        if (write_out(before, 1, err) < 0 || write_out(line, length, err) < 0) {
            return err_wrap(err, "standard output");
        }
        before = ",";
    }
    AUTO_ERR ignored = ERR_INIT;
    const char *end = *before == '[' ? "[]\n" : "]\n";
    return write_out(end, strlen(end), more < 0 ? &ignored : err) < 0 ? -1 : more;
}

static int show_json(const struct run_view *view) {
    struct reader *reader = NULL;
    struct err err = ERR_INIT;
    if (reader_open(view->transcript, &reader, &err) < 0) {
        return print_err(&err);
    }
    const int done = records_print(reader, &err);
    reader_free(reader);
    if (done < 0 && err.sys == EPIPE) {
        err_release(&err);
        return RUN_FAILED;
    }
    return done < 0 ? print_err(&err) : 0;
}

/* ---- one step's output --------------------------------------------------------------------- */

/* Where the last character begins that may go on in the next piece. */
static size_t whole_characters(const char *bytes, size_t length) {
    size_t back = 0;
    while (back < 3 && back < length && ((unsigned char)bytes[length - 1 - back] & 0xc0) == 0x80) {
        back++;
    }
    if (back == length) {
        return length;
    }
    const unsigned char lead = (unsigned char)bytes[length - 1 - back];
    const size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return need > back + 1 ? length - 1 - back : length;
}

/* As it is into a pipe or file; on a terminal without control characters. */
static int output_copy(struct stored *stored, bool escaped, struct err *err) {
    char piece[PIECE];
    size_t held = 0;
    for (;;) {
        const ssize_t got = stored_read(stored, piece + held, sizeof piece - held, err);
        if (got < 0) {
            return -1;
        }
        const size_t length = held + (size_t)got;
        const size_t whole = escaped && got > 0 ? whole_characters(piece, length) : length;
        AUTO_BUF shown = BUF_INIT(PRODUCT_MAX);
        if (escaped) {
            text_escape(&shown, piece, whole, true);
        }
        if (file_write_all(STDOUT_FILENO, escaped ? buf_text(&shown) : piece,
                           escaped ? shown.length : whole, err) < 0) {
            return err_wrap(err, "standard output");
        }
        held = length - whole;
        memmove(piece, piece + whole, held);
        if (got == 0) {
            return 0;
        }
    }
}

static const struct model_step *find_step(const struct model *model, const char *name,
                                          struct err *err) {
    static const char *const phases[] = {"run", "finally", "rollback"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        const struct model_step *step = model_find(model, phases[i], name);
        if (step) {
            return step;
        }
    }
    const char **names = mem_calloc(model->step_count + 1, sizeof *names);
    for (size_t i = 0; i < model->step_count; i++) {
        names[i] = model->steps[i]->step;
    }
    const char *near = text_suggest(name, names, model->step_count);
    err_set(err, ERR_INVALID, "the run has no step `%s`", name);
    if (near) {
        err_hint(err, "did you mean `%s`?", near);
    }
    mem_free(names);
    return NULL;
}

static int output_print(const struct run_view *view, const struct show_options *options,
                        const struct model *model, struct err *err) {
    const struct model_step *step = find_step(model, options->output, err);
    if (!step) {
        return -1;
    }
    const char *stream = streams[options->stream ? options->stream - 1 : 0];
    AUTO_VALUE record = value_get(step->more->output, stream);
    AUTO_STORED stored = STORED_INIT;
    if (!value_is(record, VALUE_OBJECT)) {
        return err_set(err, ERR_INVALID, "nothing is stored of the %s of `%s`", stream,
                       options->output);
    }
    if (stored_open(&stored, view->dir, record, err) < 0) {
        return -1;
    }
    return output_copy(&stored, terminal_is(STDOUT_FILENO), err);
}

/* ---- for people ---------------------------------------------------------------------------- */

/* Whoever is to answer the gate decides over what was done before it. */
static void put_undo(struct buf *out, value undo, const struct text_style *style) {
    if (!value_is(undo, VALUE_OBJECT)) {
        return;
    }
    buf_puts(out, "\n");
    line_color(out, style, "1", "When the gate was opened");
    buf_puts(out, "\n");
    ledger_show(out, undo, LEDGER_WHOLE, style);
}

static int show_text(const struct run_view *view, const struct model *model) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const struct text_style style = terminal_style(STDOUT_FILENO);
    report_show(&out, model, view->dir, &style);
    if (!model->finished) {
        AUTO_VALUE undo = ledger_of_notes(model->gate_notes);
        put_undo(&out, undo, &style);
    }
    return print_product(&out);
}

static int show_model(const struct run_view *view, const struct show_options *options) {
    struct model model;
    struct err damage = ERR_INIT;
    model_init(&model);
    const int read = model_read(&model, view->transcript, &damage);
    int status = 0;
    if (read == 0 || model.run) {
        (void)run_view_judge(view, &model);
        struct err err = ERR_INIT;
        if (!options->output) {
            status = show_text(view, &model);
        } else if (output_print(view, options, &model, &err) < 0) {
            status = print_err(&err);
        }
    }
    model_release(&model);
    return read < 0 ? print_err(&damage) : status;
}

static int show_run(const struct invocation *invocation) {
    const struct show_options *options = invocation->options;
    struct run_view view;
    struct err err = ERR_INIT;
    if (options->stream && !options->output) {
        err_set(&err, ERR_INVALID, "`--stream` needs `--output STEP`");
        return print_err(&err);
    }
    if (run_view_init(&view, invocation->operands[0], &err) < 0) {
        return print_err(&err);
    }
    const int status = options->json ? show_json(&view) : show_model(&view, options);
    run_view_release(&view);
    return status;
}

static const struct option show_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct show_options, output),
     .argument = "STEP",
     .doc = "print what this step wrote: as it is into a pipe, escaped on a terminal"},
    {.name = "stream",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct show_options, stream),
     .argument = "STREAM",
     .choices = streams,
     .doc = "which of its streams; stdout if unsaid"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct show_options, json),
     .doc = "print the transcript's records as a JSON array"},
    {0},
};

const struct command command_show = {
    .name = "show",
    .summary = "tell all about a run: its steps, their results and where their output is",
    .operands = "RUN",
    .about = "RUN is an id as `runs` lists them, a unique beginning of one, the path of a run's "
             "folder, or `last`. A transcript that is damaged is shown up to the damage, and the "
             "exit status is 7.",
    .least = 1,
    .most = 1,
    .word = WORD_RUN,
    .options = show_options,
    .size = sizeof(struct show_options),
    .examples = (const struct example[]){{"show last", "The newest run."},
                                         {"show last --output restore", "What a step wrote."},
                                         {"show last --json", "The records, for jq."},
                                         {0}},
    .run = show_run,
};
