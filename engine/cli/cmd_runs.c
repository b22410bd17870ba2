#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "journal/reader.h"
#include "journal/store.h"
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
    bool has_start, is_over;
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
    } else if (got != 0) {
        line->status = mem_strdup("damaged");
    }
    reader_free(reader);
}

static void read_end(struct run_line *line, const char *transcript) {
    AUTO_TEXT text = NULL;
    AUTO_ERR ignored = ERR_INIT;
    AUTO_VALUE held = value_none();
    struct event event;
    char prev[65];
    size_t length;
    if (reader_last_line(transcript, &text, &length, &ignored) <= 0) {
        return;
    }
    if (event_read(text, length, &event, &held, prev, &ignored) < 0) {
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

#define STATUS_WIDTH 15
#define STARTED_WIDTH 20
#define DURATION_WIDTH 8
#define USER_WIDTH 10

static size_t id_width(char *const *ids, size_t count) {
    size_t width = 3;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(ids[i]);
        width = length > width ? length : width;
    }
    return width;
}

static void put_padded(const struct page *page, const char *color, const char *text, size_t width) {
    AUTO_BUF shown = BUF_INIT(65536);
    text_fit(&shown, text, strlen(text), width, page->style->unicode);
    page_color(page, color, buf_text(&shown));
    const size_t taken = text_width(buf_text(&shown), shown.length);
    page_spaces(page, (taken < width ? width - taken : 0) + 2);
}

/* "2026-01-02 03:04:05Z": seconds are enough to tell runs apart. */
static void started_text(int64_t wall_ns, char ret[CLOCK_TEXT_SIZE]) {
    clock_format(wall_ns, ret);
    ret[10] = ' ';
    ret[19] = 'Z';
    ret[20] = '\0';
}

static void put_row(const struct page *page, const struct run_line *line, size_t width) {
    char started[CLOCK_TEXT_SIZE] = "";
    AUTO_TEXT duration = line->has_start ? text_show_duration(line->duration_ms) : mem_strdup("");
    const struct status_look look = status_look(line->status);
    if (line->has_start) {
        started_text(line->started_wall_ns, started);
    }
    page_color(page, look.color, page->style->unicode ? look.sign : look.ascii);
    page_spaces(page, 1);
    put_padded(page, NULL, line->id, width);
    put_padded(page, look.color, look.word, STATUS_WIDTH);
    put_padded(page, NULL, started, STARTED_WIDTH);
    put_padded(page, NULL, duration, DURATION_WIDTH);
    put_padded(page, NULL, line->user ? line->user : "", USER_WIDTH);
    const size_t used = 2 + width + STATUS_WIDTH + STARTED_WIDTH + DURATION_WIDTH + USER_WIDTH + 10;
    page_fit(page, line->runbook ? line->runbook : "", used);
    buf_putc(page->out, '\n');
}

static void put_heading(const struct page *page, size_t width) {
    page_spaces(page, 2);
    put_padded(page, COLOR_DIM, "RUN", width);
    put_padded(page, COLOR_DIM, "STATUS", STATUS_WIDTH);
    put_padded(page, COLOR_DIM, "STARTED", STARTED_WIDTH);
    put_padded(page, COLOR_DIM, "DURATION", DURATION_WIDTH);
    put_padded(page, COLOR_DIM, "USER", USER_WIDTH);
    page_color(page, COLOR_DIM, "RUNBOOK");
    buf_putc(page->out, '\n');
}

static int runs_print(const struct runs_options *options, const struct store *store,
                      char *const *ids, size_t count) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const struct text_style style = terminal_style(STDOUT_FILENO);
    const struct page page = {.out = &out, .style = &style};
    const size_t width = id_width(ids, count);
    value all = value_array();
    if (!options->json && count > 0) {
        put_heading(&page, width);
    }
    for (size_t i = 0; i < count; i++) {
        struct run_line line;
        run_line_read(&line, store, ids[i]);
        if (options->json) {
            all = value_append(all, run_line_value(&line));
        } else {
            put_row(&page, &line, width);
        }
        run_line_release(&line);
    }
    if (options->json) {
        value_dump(&out, all);
        buf_putc(&out, '\n');
    }
    value_free(all);
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
    .about = "A run is `running` while an engine owns it, and `incomplete` where its transcript "
             "has no end and no engine is there: the engine died or was stopped.\n\n"
             "Runs are kept in $RUNBOOK_HOME, or else in $XDG_STATE_HOME/runbook, or else in "
             "~/.local/state/runbook.",
    .options = runs_options,
    .size = sizeof(struct runs_options),
    .examples = (const struct example[]){{"runs", "The newest 20 runs."},
                                         {"runs --json --all", "Every run, as data."},
                                         {0}},
    .run = runs_run,
};
