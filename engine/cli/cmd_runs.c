#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "journal/reader.h"
#include "journal/store.h"
#include "report/model.h"
#include "report/text_parts.h"

#define LIMIT_USUAL 20

struct runs_options {
    bool json;
    bool all;
    int64_t limit;
};

/* What the first and the last record say; a list must not read whole transcripts. */
struct run_line {
    const char *id;
    char *dir;
    char *runbook, *name, *user, *host, *status;
    int64_t started_wall_ns, duration_ms, exit;
    bool has_start, is_over, is_dry;
};

static void run_line_release(struct run_line *line) {
    char *const texts[] = {line->dir,  line->runbook, line->name,
                           line->user, line->host,    line->status};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mem_free(texts[i]);
    }
}

static void read_start(struct run_line *line, const char *transcript) {
    struct reader *reader = NULL;
    struct event event;
    AUTO_ERR ignored = ERR_INIT;
    if (reader_open(transcript, &reader, &ignored) < 0) {
        return;
    }
    const int got = reader_next(reader, &event, &ignored);
    if (got > 0 && event.type == EVENT_RUN_STARTED) {
        line->has_start = true;
        line->runbook = mem_strdup(event.runbook);
        line->name = mem_strdup(event.name);
        line->user = mem_strdup(event.user);
        line->host = mem_strdup(event.host);
        line->started_wall_ns = event.wall_ns;
        line->is_dry = EVENT_HAS(&event, dry_run) && event.dry_run;
    } else if (got != 0) {
        line->status = mem_strdup("damaged");
    }
    reader_free(reader);
}

static void read_end(struct run_line *line, const char *transcript) {
    AUTO_TEXT text = NULL;
    AUTO_ERR ignored = ERR_INIT;
    AUTO_EVENT_BODY body = {0};
    struct event event;
    char prev[65];
    size_t length;
    if (reader_last_line(transcript, READER_LAST_DEED, &text, &length, &ignored) <= 0) {
        return;
    }
    if (event_read(text, length, 0, &body, &event, prev, &ignored) < 0) {
        line->status = mem_strdup("damaged");
        return;
    }
    line->duration_ms = (event.wall_ns - line->started_wall_ns) / NS_PER_MS;
    if (event.type == EVENT_RUN_FINISHED) {
        line->is_over = true;
        line->status = mem_strdup(event.status);
        line->exit = event.exit;
    }
}

/* Whether it needs a person's word stands anywhere in it. */
static void read_abandoned(struct run_line *line, const char *transcript) {
    struct model model;
    AUTO_ERR damage = ERR_INIT;
    model_init(&model);
    model.brief = true;
    const bool is_whole = model_read(&model, transcript, &damage) == 0;
    model_abandon(&model, 0);
    line->status = mem_strdup(is_whole ? model.status : "damaged");
    model_release(&model);
}

static void run_line_read(struct run_line *line, const struct store *store, const char *id) {
    *line = (struct run_line){.id = id};
    line->dir = mem_printf("%s/runs/%s", store_path(store), id);
    AUTO_TEXT transcript = store_transcript(line->dir);
    const bool running = store_is_running(line->dir);
    read_start(line, transcript);
    if (line->has_start) {
        read_end(line, transcript);
    }
    if (line->status) {
        return;
    }
    if (!running && line->has_start) {
        read_abandoned(line, transcript);
        return;
    }
    line->status = mem_strdup(running ? "running" : "incomplete");
    if (running && line->has_start) {
        line->duration_ms = (clock_wall_ns() - line->started_wall_ns) / NS_PER_MS;
    }
}

/* ---- as data ------------------------------------------------------------------------------- */

static value run_line_value(const struct run_line *line) {
    char started[CLOCK_TEXT_SIZE];
    clock_format(line->started_wall_ns, started);
    value object = value_set(value_object(), "run", value_string(line->id));
    object = value_set(object, "dir", value_string(line->dir));
    object = value_set(object, "status", value_string(line->status));
    object = value_set(object, "dry_run", value_bool(line->is_dry));
    object = value_set(object, "exit", line->is_over ? value_integer(line->exit) : value_null());
    object = value_set(object, "runbook", value_string(line->runbook));
    object = value_set(object, "name", value_string(line->name));
    object = value_set(object, "user", value_string(line->user));
    object = value_set(object, "host", value_string(line->host));
    object = value_set(object, "started", value_string(line->has_start ? started : NULL));
    return value_set(object, "duration_ms",
                     line->has_start ? value_integer(line->duration_ms) : value_null());
}

/* ---- as a table ---------------------------------------------------------------------------- */

enum { CELL_RUN, CELL_STATUS, CELL_STARTED, CELL_DURATION, CELL_USER, CELL_RUNBOOK, CELLS };

static const char *const headings[CELLS] = {"RUN",      "STATUS", "STARTED",
                                            "DURATION", "USER",   "RUNBOOK"};

struct table {
    struct page page;
    size_t widths[CELLS];
    size_t shown; /* cells from the left that the window has room for */
};

/* "2026-01-02 03:04:05Z": seconds are enough to tell runs apart. */
static char *started_text(const struct run_line *line) {
    char started[CLOCK_TEXT_SIZE];
    clock_format(line->started_wall_ns, started);
    return line->has_start ? mem_printf("%.10s %.8sZ", started, started + 11) : mem_strdup("");
}

/* A dry run must not be taken for the deed. */
static char *status_text(const struct run_line *line) {
    const char *word = status_look(line->status).word;
    if (!line->is_dry) {
        return mem_strdup(word);
    }
    const bool is_good = text_equal(line->status, "succeeded");
    return is_good ? mem_strdup("dry run") : mem_printf("dry run, %s", word);
}

/* As shown; the caller frees. */
static char *cell_text(const struct run_line *line, size_t cell) {
    switch (cell) {
    case CELL_RUN:
        return mem_strdup(line->id);
    case CELL_STATUS:
        return status_text(line);
    case CELL_STARTED:
        return started_text(line);
    case CELL_DURATION:
        return line->has_start ? text_show_duration(line->duration_ms) : mem_strdup("");
    default: {
        const char *text = cell == CELL_USER ? line->user : line->runbook;
        AUTO_BUF shown = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
        text_escape(&shown, text ? text : "", text ? strlen(text) : 0, false);
        return buf_detach(&shown);
    }
    }
}

static void table_measure(struct table *table, const struct run_line *lines, size_t count) {
    size_t used = 2;
    for (size_t cell = 0; cell < CELLS; cell++) {
        table->widths[cell] = strlen(headings[cell]);
        for (size_t i = 0; i < count; i++) {
            AUTO_TEXT text = cell_text(&lines[i], cell);
            const size_t width = text_width(text, strlen(text));
            table->widths[cell] = width > table->widths[cell] ? width : table->widths[cell];
        }
    }
    const size_t columns = table->page.style->columns;
    while (table->shown < CELLS &&
           (columns == 0 || table->shown == 0 || used + table->widths[table->shown] <= columns)) {
        used += table->widths[table->shown++] + 2;
    }
}

static void put_cell(const struct table *table, size_t cell, const char *color, const char *text) {
    const size_t width = text_width(text, strlen(text));
    page_color(&table->page, color, text);
    if (cell + 1 < table->shown) {
        page_spaces(&table->page, table->widths[cell] - width + 2);
    }
}

static void put_headings(const struct table *table) {
    page_spaces(&table->page, 2);
    for (size_t cell = 0; cell < table->shown; cell++) {
        put_cell(table, cell, COLOR_DIM, headings[cell]);
    }
    buf_putc(table->page.out, '\n');
}

static void put_row(const struct table *table, const struct run_line *line) {
    const struct status_look look = status_look(line->status);
    page_color(&table->page, look.color, table->page.style->unicode ? look.sign : look.ascii);
    page_spaces(&table->page, 1);
    for (size_t cell = 0; cell < table->shown; cell++) {
        AUTO_TEXT text = cell_text(line, cell);
        put_cell(table, cell, cell == CELL_STATUS ? look.color : NULL, text);
    }
    buf_putc(table->page.out, '\n');
}

static bool is_abandoned(const struct run_line *line) {
    return !line->is_over &&
           (text_equal(line->status, "crashed") || text_equal(line->status, "in_doubt"));
}

/* Nobody is at these, and nothing will happen to them by itself. */
static void put_abandoned(const struct page *page, const struct run_line *lines, size_t count) {
    size_t abandoned = 0;
    const char *newest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_abandoned(&lines[i])) {
            newest = newest ? newest : lines[i].id;
            abandoned++;
        }
    }
    if (abandoned > 0) {
        buf_printf(page->out, "\n%zu run%s no end and no engine; to go on: ", abandoned,
                   abandoned == 1 ? " has" : "s have");
        page_color(page, COLOR_HEAD, "runbook resume ");
        page_color(page, COLOR_HEAD, newest);
        buf_putc(page->out, '\n');
    }
}

static void put_table(struct buf *out, const struct run_line *lines, size_t count) {
    const struct text_style style = terminal_style(STDOUT_FILENO);
    struct table table = {.page = {.out = out, .style = &style}};
    table_measure(&table, lines, count);
    if (count == 0) {
        buf_puts(out, "no runs yet\n");
        return;
    }
    put_headings(&table);
    for (size_t i = 0; i < count; i++) {
        put_row(&table, &lines[i]);
    }
    put_abandoned(&table.page, lines, count);
}

static void put_json(struct buf *out, const struct run_line *lines, size_t count) {
    value all = value_array();
    for (size_t i = 0; i < count; i++) {
        all = value_append(all, run_line_value(&lines[i]));
    }
    value_dump(out, all);
    buf_putc(out, '\n');
    value_free(all);
}

static int runs_print(const struct runs_options *options, const struct store *store,
                      char *const *ids, size_t count) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    struct run_line *lines = mem_calloc(count + 1, sizeof *lines);
    for (size_t i = 0; i < count; i++) {
        run_line_read(&lines[i], store, ids[i]);
    }
    if (options->json) {
        put_json(&out, lines, count);
    } else {
        put_table(&out, lines, count);
    }
    for (size_t i = 0; i < count; i++) {
        run_line_release(&lines[i]);
    }
    mem_free(lines);
    return print_product(&out);
}

static int runs_run(const struct invocation *invocation) {
    const struct runs_options *options = invocation->options;
    struct store *store = NULL;
    struct err err = ERR_INIT;
    char **ids = NULL;
    size_t count = 0;
    if (store_open(&store, &err) < 0 || store_list(store, &ids, &count, &err) < 0) {
        store_free(store);
        return print_err(&err);
    }
    const size_t limit = options->limit ? (size_t)options->limit : LIMIT_USUAL;
    const size_t shown = options->all || count < limit ? count : limit;
    const int status = runs_print(options, store, ids, shown);
    store_list_free(ids, count);
    store_free(store);
    return status;
}

static const struct option runs_options[] = {
    {.name = "limit",
     .letter = 'n',
     .kind = OPTION_INTEGER,
     .offset = offsetof(struct runs_options, limit),
     .argument = "N",
     .minimum = 1,
     .maximum = INT32_MAX,
     .doc = "show the newest N; 20 if unsaid"},
    {.name = "all",
     .letter = 'a',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct runs_options, all),
     .doc = "show every run of the store"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct runs_options, json),
     .doc = "print them as a JSON array"},
    {0},
};

const struct command command_runs = {
    .name = "runs",
    .summary = "list what ran and what is running, the newest first",
    .about = "A run is `running` while an engine owns it, and `crashed` where its transcript has "
             "no end and no engine is there: `runbook resume RUN` goes on with it. One that is "
             "`in doubt` needs a person's word about a step first.\n\n"
             "Runs are kept in $RUNBOOK_HOME, or else in $XDG_STATE_HOME/runbook, or else in "
             "~/.local/state/runbook.",
    .options = runs_options,
    .size = sizeof(struct runs_options),
    .examples = (const struct example[]){{"runs", "The newest 20 runs."},
                                         {"runs --json --all", "Every run, as data."},
                                         {0}},
    .run = runs_run,
};
